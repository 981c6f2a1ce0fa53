//! Methods × problems: each method on each problem that its row accepts, against the known optimum.

use super::METHODS;
use super::method::{Claim, Method};
use super::nlp::Nlp;
use super::options::Value;
use super::parts::ending::projected_slope;
use super::testing::{FREE, Formulas, hock_schittkowski, run, run_limited};
use crate::answer::Stop;

fn method(name: &str) -> &'static Method {
    super::by_name(name).expect("the method is in the table")
}

/// The methods for smooth problems without rows, those that keep bounds last.
const WITHOUT_BOUNDS: &[&str] = &["trust_region_newton", "lbfgs", "bfgs", "nonlinear_cg"];
const WITH_BOUNDS: &[&str] = &["projected_lbfgs", "bound_newton", "interior_point"];

/// Objective, start, least value.
const SMOOTH: &[(&str, &[f64], f64)] = &[
    ("100*(x2-x1^2)^2+(1-x1)^2", &[-1.2, 1.0], 0.0),
    ("(x1-3)^2+10*(x2+1)^2+x1*x2", &[0.0, 0.0], -3.564102564102564),
    ("exp(x1)+exp(-2*x1)+(x2-x1)^2", &[3.0, -4.0], 1.889_881_574_842_31),
    ("(x1+10*x2)^2+5*(x3-x4)^2+(x2-2*x3)^4+10*(x1-x4)^4", &[3.0, -1.0, 0.0, 1.0], 0.0),
    ("1e6*(x1-1)^2+1e-3*(x2-5)^2", &[0.0, 0.0], 0.0),
];

#[test]
fn smooth_unconstrained_problems_are_solved() {
    for (objective, start, best) in SMOOTH {
        for name in WITHOUT_BOUNDS.iter().chain(WITH_BOUNDS) {
            let mut nlp = Formulas::new(objective, &vec![FREE; start.len()], &[]);
            let outcome = run(method(name), &mut nlp, start, None, &[]);
            let value = nlp.objective(&outcome.x);
            assert_eq!(outcome.stop, Stop::Converged, "{name} on {objective}: {value}");
            assert!((value - best).abs() <= 1e-7, "{name} on {objective}: {value}");
            assert!(outcome.iterations > 0 && outcome.evaluations.gradient > 0, "{name}");
        }
    }
}

#[test]
fn line_searches_and_rules_all_work() {
    let set = |name: &str, choice: &str| (name.to_string(), Value::Text(choice.to_string()));
    let mut rows = vec![];
    for search in ["more_thuente", "hager_zhang"] {
        for name in ["lbfgs", "bfgs"] {
            rows.push((name, vec![set("line_search", search)]));
        }
        for beta in ["polak_ribiere_plus", "fletcher_reeves", "hestenes_stiefel"] {
            rows.push(("nonlinear_cg", vec![set("line_search", search), set("beta", beta)]));
        }
    }
    for (name, options) in rows {
        let (objective, start, _) = SMOOTH[0];
        let mut nlp = Formulas::new(objective, &[FREE; 2], &[]);
        let set: Vec<(&str, Value)> = options.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
        let outcome = run(method(name), &mut nlp, start, None, &set);
        assert!(nlp.objective(&outcome.x) <= 1e-8, "{name} {options:?}: {:?}", outcome.stop);
    }
}

/// Local minima, which a method may end at as well: problem and value.
const LOCAL: &[(&str, f64)] = &[("HS2", 4.941229317989186)];

#[test]
fn bounded_problems_of_the_collection_are_solved() {
    let mut solved = 0;
    for problem in hock_schittkowski() {
        let shape = problem.nlp.shape().clone();
        if shape.rows() > 0 {
            continue;
        }
        let free = shape.lower.iter().chain(&shape.upper).all(|bound| bound.is_infinite());
        let names = if free { [WITHOUT_BOUNDS, WITH_BOUNDS].concat() } else { WITH_BOUNDS.to_vec() };
        for name in names {
            let mut nlp = problem.nlp.clone();
            let outcome = run(method(name), &mut nlp, &problem.start, None, &[]);
            let value = nlp.objective(&outcome.x);
            let local = LOCAL.iter().find(|(of, _)| *of == problem.name).map_or(problem.best, |(_, value)| *value);
            let close = |best: f64| (value - best).abs() <= 1e-6 * best.abs().max(1.0);
            let close = close(problem.best) || close(local);
            assert!(close, "{name} on {}: {value} instead of {}, {:?}", problem.name, problem.best, outcome.stop);
            let mut gradient = vec![0.0; outcome.x.len()];
            nlp.gradient(&outcome.x, &mut gradient);
            let slope = projected_slope(&shape, &outcome.x, &gradient);
            assert!(slope <= 1e-5, "{name} on {}: slope {slope}", problem.name);
            solved += 1;
        }
    }
    assert!(solved >= 9, "{solved} runs");
}

#[test]
fn multipliers_of_bounds_have_their_signs() {
    // x1 is held at its lower bound 1 and x2 at its upper bound 2.
    for name in WITH_BOUNDS {
        let mut nlp = Formulas::new("x1^2+(x2-5)^2", &[(1.0, 4.0), (0.0, 2.0)], &[]);
        let outcome = run(method(name), &mut nlp, &[3.0, 1.0], None, &[]);
        let m = outcome.multipliers.expect("it has multipliers");
        let error = (outcome.x[0] - 1.0).abs().max((outcome.x[1] - 2.0).abs());
        assert!(error <= 1e-8, "{name}: {:?}", outcome.x);
        assert!((m.lower[0] - 2.0).abs() <= 1e-6 && (m.upper[1] + 6.0).abs() <= 1e-6, "{name}: {m:?}");
    }
}

#[test]
fn least_squares_follow_their_residuals() {
    // Residuals, start, least sum of squares.
    let rows: &[(&[&str], &[f64], f64)] = &[
        (&["10*(x2-x1^2)", "1-x1"], &[-1.2, 1.0], 0.0),
        (&["x1-1", "x1-2", "x1-6"], &[100.0], 14.0),
        (&["exp(x1)-2", "exp(x1)-4", "x2"], &[0.0, 3.0], 2.0),
        // Beale.
        (&["1.5-x1*(1-x2)", "2.25-x1*(1-x2^2)", "2.625-x1*(1-x2^3)"], &[1.0, 1.0], 0.0),
        // A Jacobian without full rank, everywhere.
        (&["x1+x2-3", "2*x1+2*x2-6"], &[10.0, -20.0], 0.0),
    ];
    for (residuals, start, best) in rows {
        let squares: Vec<String> = residuals.iter().map(|r| format!("({r})^2")).collect();
        let constraints: Vec<(&str, (f64, f64))> = residuals.iter().map(|r| (*r, FREE)).collect();
        let mut nlp = Formulas::new(&squares.join("+"), &vec![FREE; start.len()], &constraints);
        let outcome = run(method("levenberg_marquardt"), &mut nlp, start, None, &[]);
        let value = nlp.objective(&outcome.x);
        assert_eq!(outcome.stop, Stop::Converged, "{residuals:?}");
        assert!(
            (value - best).abs() <= 1e-10 && outcome.iterations <= 60,
            "{residuals:?}: {value}, {}",
            outcome.iterations
        );
    }
}

#[test]
fn values_alone_find_the_best_of_small_problems() {
    // Method, objective, bounds, start, least value, and how near the method must come.
    type Row = (&'static str, &'static str, &'static [(f64, f64)], &'static [f64], f64, f64);
    let rows: &[Row] = &[
        ("nelder_mead", "100*(x2-x1^2)^2+(1-x1)^2", &[FREE, FREE], &[-1.2, 1.0], 0.0, 1e-8),
        ("nelder_mead", "abs(x1-1)+abs(x2+x1)", &[FREE, FREE], &[4.0, 4.0], 0.0, 1e-7),
        ("nelder_mead", "(x1-3)^2+(x2-3)^2", &[(0.0, 2.0), (0.0, 5.0)], &[1.0, 1.0], 1.0, 1e-8),
        ("brent", "abs(x1-0.3)+1", &[(-1.0, 2.0)], &[0.0], 1.0, 1e-6),
        ("brent", "x1", &[(-1.0, 2.0)], &[0.0], -1.0, 0.0),
        ("brent", "(x1-1)^2*(x1+2)", &[(0.0, 3.0)], &[0.0], 0.0, 1e-12),
        ("particle_swarm", "100*(x2-x1^2)^2+(1-x1)^2", &[(-2.0, 2.0), (-2.0, 2.0)], &[-1.2, 1.0], 0.0, 1e-8),
        ("particle_swarm", "abs(x1)+(x2-1.5)^2", &[(-2.0, 2.0), (-2.0, 1.0)], &[2.0, 0.0], 0.25, 1e-8),
        ("simulated_annealing", "(x1^2-1)^2+(x1-1)^2+x2^2", &[(-2.0, 2.0), (-1.0, 2.0)], &[-1.0, 1.0], 0.0, 1e-8),
        ("simulated_annealing", "abs(x1)+abs(x2-2)", &[(-2.0, 2.0), (-2.0, 1.0)], &[2.0, 0.0], 1.0, 1e-6),
    ];
    for (name, objective, bounds, start, best, within) in rows {
        let mut nlp = Formulas::new(objective, bounds, &[]);
        let outcome = run_limited(method(name), &mut nlp, start, 100_000);
        let value = nlp.objective(&outcome.x);
        assert!((value - best).abs() <= *within, "{name} on {objective}: {value} at {:?}", outcome.x);
        assert_eq!(outcome.stop, Stop::Finished, "{name} on {objective}");
        let inside = outcome.x.iter().zip(*bounds).all(|(x, (l, u))| l <= x && x <= u);
        assert!(inside && method(name).claim == Claim::Heuristic, "{name} on {objective}");
    }
}

#[test]
fn chance_is_repeatable() {
    for name in ["particle_swarm", "simulated_annealing"] {
        let once = || {
            let mut nlp = Formulas::new("(x1-1)^2+x2^2*x1", &[(-1.0, 2.0), (-1.0, 1.0)], &[]);
            run(method(name), &mut nlp, &[0.0, 0.0], None, &[]).x
        };
        assert_eq!(once(), once(), "{name}");
    }
}

#[test]
fn falls_without_end_and_holes_are_told() {
    for name in ["trust_region_newton", "lbfgs", "bfgs", "nonlinear_cg", "projected_lbfgs"] {
        let mut falling = Formulas::new("x1^2-x2^3", &[FREE; 2], &[]);
        let outcome = run(method(name), &mut falling, &[1.0, 1.0], None, &[]);
        assert!(matches!(outcome.stop, Stop::Unbounded { .. }), "{name}: {:?}", outcome.stop);
        let mut hole = Formulas::new("log(x1)+x2^2", &[FREE; 2], &[]);
        let outcome = run(method(name), &mut hole, &[-1.0, 1.0], None, &[]);
        assert_eq!(outcome.stop, Stop::NotFinite("the objective".into()), "{name}");
        // The full first step leaves the domain; the search must come back.
        let mut edge = Formulas::new("x1-log(x1)", &[FREE], &[]);
        let outcome = run(method(name), &mut edge, &[1e-3], None, &[]);
        assert!((outcome.x[0] - 1.0).abs() <= 1e-4, "{name}: {:?} {:?}", outcome.x, outcome.stop);
    }
}

#[test]
fn limits_stop_every_method() {
    for name in [
        "trust_region_newton",
        "lbfgs",
        "bfgs",
        "nonlinear_cg",
        "projected_lbfgs",
        "nelder_mead",
        "particle_swarm",
        "simulated_annealing",
    ] {
        let mut nlp = Formulas::new("100*(x2-x1^2)^2+(1-x1)^2", &[(-5.0, 5.0); 2], &[]);
        let outcome = run_limited(method(name), &mut nlp, &[-1.2, 1.0], 2);
        assert_eq!((outcome.stop, outcome.iterations), (Stop::IterationLimit, 2), "{name}");
        assert_eq!(outcome.log.len(), 3, "{name}");
    }
}

#[test]
fn names_are_different() {
    let mut names: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), METHODS.len());
}

/// With `MERIT_BLESS` in the environment the page is written anew.
#[test]
fn the_reference_is_that_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/methods.md");
    let page = super::docs::page();
    if std::env::var_os("MERIT_BLESS").is_some() {
        std::fs::write(path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(path).expect("the page exists");
    assert!(written == page, "docs/methods.md differs from the table of methods: run this test with MERIT_BLESS=1");
}
