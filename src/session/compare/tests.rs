//! Comparisons of small models, and what is said of them.

use super::*;
use crate::session::Model;

const VALLEY: &str = "var x start -1.2\nvar y start 1\nminimize 100 * (y - x^2)^2 + (1 - x)^2";

fn request(methods: &[&str], seeds: std::ops::Range<u64>) -> Request {
    Request {
        methods: methods.iter().map(|m| m.to_string()).collect(),
        seeds: seeds.collect(),
        options: Options { starts: Some(1), ..Options::default() },
    }
}

fn compared(model: &str, request: &Request) -> Comparison {
    let mut prepared = Model::from_str(model).unwrap().build().unwrap();
    compare(&mut prepared, request, |_, _| ControlFlow::Continue(())).unwrap()
}

#[test]
fn methods_that_serve_are_run_and_others_say_why_not() {
    let comparison = compared(VALLEY, &request(&["lbfgs", "trust_region_newton", "nelder_mead", "brent"], 0..2));
    let names: Vec<(&str, u64)> = comparison.runs.iter().map(|run| (&run.method[..], run.seed)).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert_eq!(comparison.refused.len(), 1);
    assert!(comparison.refused[0].method == "brent" && !comparison.refused[0].reason.is_empty());
    assert!(comparison.runs.iter().all(|run| run.holds && run.objective.unwrap().abs() < 1e-8));
    for run in &comparison.runs {
        let counted: Vec<usize> = run.progress.iter().map(|line| line.evaluations).collect();
        assert!(counted.is_sorted() && *counted.last().unwrap() > 0, "{}: {counted:?}", run.method);
        assert!(run.progress.iter().map(|line| line.seconds).is_sorted());
    }
    let text = comparison.text();
    assert!(text.contains("2/2") && text.contains("cannot serve it\n  brent: "), "{text}");
}

#[test]
fn without_methods_all_that_do_not_object_are_run() {
    let mut prepared = Model::from_str("var x\nminimize (x - 1)^2\nsubject to x >= 2").unwrap().build().unwrap();
    let plan = prepared.plan(&Options::default()).unwrap();
    let comparison = compare(&mut prepared, &request(&[], 0..1), |_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!(comparison.runs[0].method, plan.method);
    let served = plan.others.iter().filter(|(_, objection)| objection.is_none()).count();
    assert_eq!(comparison.runs.len(), 1 + served);
    assert!(comparison.refused.is_empty() && served > 0);
    assert!((comparison.best().unwrap() - 1.0).abs() < 1e-6);
}

#[test]
fn the_same_seeds_give_the_same_bytes_but_for_times() {
    let request = request(&["simulated_annealing", "particle_swarm"], 0..3);
    let bounded = "var x in [-3, 3]\nvar y in [-3, 3]\nminimize (x^2 - 1)^2 + x + y^2";
    let without_times = || {
        let mut comparison = compared(bounded, &request);
        for run in &mut comparison.runs {
            (run.seconds, run.certifying) = (0.0, 0.0);
            run.progress.iter_mut().for_each(|line| line.seconds = 0.0);
        }
        (comparison.json(), comparison.svg("t"))
    };
    assert_eq!(without_times(), without_times());
    let (json, svg) = without_times();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["runs"].as_array().unwrap().len(), 6);
    assert_eq!(value["methods"][0]["runs"], 3);
    assert!(svg.matches("<polyline").count() >= 12 && svg.contains("particle_swarm"));
}

#[test]
fn an_interrupt_between_runs_keeps_what_is_there() {
    let mut prepared = Model::from_str(VALLEY).unwrap().build().unwrap();
    let mut left = 2;
    let comparison = compare(&mut prepared, &request(&["lbfgs"], 0..9), |_, _| {
        left -= 1;
        if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(comparison.unwrap().runs.len(), 2);
}

#[test]
fn wrong_names_are_errors_and_options_go_to_those_that_have_them() {
    let mut prepared = Model::from_str(VALLEY).unwrap().build().unwrap();
    let mut failed = |request: &Request| {
        let errors = compare(&mut prepared, request, |_, _| ControlFlow::Continue(())).unwrap_err();
        errors.diagnostics.iter().map(|d| d.id).collect::<Vec<_>>()
    };
    assert_eq!(failed(&request(&["lbfgs", "lbgfs"], 0..1)), ["unknown-method"]);
    let mut asked = request(&["lbfgs", "nelder_mead"], 0..1);
    asked.options.options.push(("memorry".into(), crate::solve::options::Value::Number(5.0)));
    assert_eq!(failed(&asked), ["unknown-option"]);
    asked.options.options[0].0 = "memory".into();
    let comparison = compare(&mut prepared, &asked, |_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!(comparison.runs.len(), 2);
}

#[test]
fn medians_and_spreads_are_those_of_the_numbers() {
    let spread = |values: &[f64]| Spread::of(values.iter().copied());
    assert_eq!(spread(&[]), None);
    assert_eq!(spread(&[f64::NAN]), None);
    assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(Spread { least: 1.0, median: 2.0, most: 3.0 }));
    assert_eq!(spread(&[4.0, 1.0, 2.0, f64::NAN, 3.0]).unwrap().median, 2.5);
    assert_eq!(spread(&[f64::INFINITY, f64::INFINITY]).unwrap().median, f64::INFINITY);
}

#[test]
fn candidates_of_oracles_are_counted_and_a_method_may_have_options_of_its_own() {
    let text = "var x[1..3] start 2\noracle cost(y[1..3]) values by dot(y, y)\nminimize cost(x)";
    let mut request = request(&["zo_rank_sgd", "zo_sgd"], 0..1);
    let set = |name: &str, value: f64| (name.to_string(), crate::solve::options::Value::Number(value));
    request.options.options = vec![set("budget", 100.0), set("rounds", 1e4), set("zo_rank_sgd.rounds", 2.0)];
    let comparison = compared(text, &request);
    // Two rounds of 15 candidates and no comparison; then as much as may be asked about.
    assert_eq!(comparison.runs.iter().map(|run| run.candidates).collect::<Vec<_>>(), [30, 100]);
    assert!(comparison.text().contains("zo_sgd       candidates 100"), "{}", comparison.text());
    request.options.options.push(set("zo_sgd.eat", 1.0));
    let mut prepared = Model::from_str(text).unwrap().build().unwrap();
    let error = compare(&mut prepared, &request, |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("`zo_sgd` has no option `eat`"), "{error}");
}
