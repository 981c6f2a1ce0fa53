//! Experiments of published methods, at sizes that fit a test; `docs/seeds.md` says what came out.

mod common;
mod first_order;
mod implicit;

use common::problems::{Row, rows};
use merit::Answer;
use merit::session::{Model, Options};
use merit::solve::options::Value;
use std::ops::ControlFlow;

fn solved(model: &Model, seed: u64, set: &[(&str, Value)]) -> Answer {
    let mut prepared = model.build().unwrap_or_else(|e| panic!("{e}"));
    let options = Options {
        method: Some("sketched_newton_kkt".into()),
        options: set.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        starts: Some(1),
        keep_log: true,
        seed,
        ..Options::default()
    };
    let plan = prepared.plan(&options).unwrap_or_else(|e| panic!("{e}"));
    prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap_or_else(|e| panic!("{e}"))
}

fn inner(name: &str, limit: f64) -> Vec<(&'static str, Value)> {
    vec![("inner", Value::Text(name.into())), ("inner_limit", Value::Number(limit))]
}

fn actions(answer: &Answer) -> usize {
    answer.log.iter().map(|line| line.trials).sum()
}

/// Largest entries of the gradient of the Lagrangian, iteration by iteration.
fn residuals(answer: &Answer) -> Vec<f64> {
    answer.log.iter().map(|line| line.primal.max(line.dual)).collect()
}

fn listed(ids: &[&str]) -> Vec<Row> {
    let all = rows("nlp").into_iter().chain(rows("schittkowski"));
    let found: Vec<Row> = all.filter(|row| ids.contains(&row.id.as_str())).collect();
    assert_eq!(found.len(), ids.len());
    found
}

const CHECKED: [&str; 11] = ["HS6", "HS7", "HS28", "HS40", "HS42", "HS48", "HS51", "HS52", "HS77", "HS78", "HS79"];

#[test]
fn sketched_newton_reaches_known_optima_from_every_seed() {
    for row in listed(&CHECKED) {
        let model = Model::from_str(&row.text).unwrap_or_else(|e| panic!("{}: {e}", row.id));
        for name in ["direct", "kaczmarz", "gaussian"] {
            for seed in 0..if name == "direct" { 1 } else { 5 } {
                let answer = solved(&model, seed, &inner(name, 2e4));
                let value = answer.objective().expect("there is an objective");
                let said = format!(
                    "{} {name} {seed}: {value} (best {}), {} iterations, {} row actions, {:?}",
                    row.id,
                    row.best,
                    answer.counts.iterations,
                    actions(&answer),
                    answer.stop
                );
                println!("{said}");
                assert!(answer.certificate().holds(), "{said}\n{:?}", answer.certificate());
                assert!((value - row.best).abs() <= 1e-6 * row.best.abs().max(1.0), "{said}");
            }
        }
    }
}

/// The logistic problem on a sphere and planes, and the control of a Poisson equation.
#[test]
fn sketched_newton_agrees_with_factors_on_larger_models() {
    for (file, limit) in [("logistic", 2e4), ("pde", 1e6)] {
        let model = Model::from_file(&format!("examples/seeds/24/{file}.opt")).unwrap_or_else(|e| panic!("{e}"));
        let direct = solved(&model, 0, &inner("direct", 1.0));
        let sketched = solved(&model, 0, &inner("kaczmarz", limit));
        println!(
            "{file}: {} iterations with factors, {} with {} row actions",
            direct.counts.iterations,
            sketched.counts.iterations,
            actions(&sketched)
        );
        for answer in [&direct, &sketched] {
            assert!(answer.certificate().holds(), "{file}: {:?}", answer.stop);
            let mut last = answer.log.iter().skip(1).rev().take(3);
            assert!(last.all(|line| line.alpha_primal == 1.0), "{file}: {:?}", answer.log);
        }
        for (a, b) in direct.x.iter().zip(&sketched.x) {
            assert!((a - b).abs() <= 1e-3, "{file}: {a} and {b}");
        }
    }
}

#[test]
fn residuals_of_directions_that_fall_make_it_superlinear() {
    for row in listed(&["HS40", "HS77", "HS79"]) {
        let model = Model::from_str(&row.text).unwrap_or_else(|e| panic!("{}: {e}", row.id));
        let mut set = inner("kaczmarz", 1e6);
        set.push(("theta_decay", Value::Number(0.5)));
        let residuals = residuals(&solved(&model, 0, &set));
        let ratios: Vec<f64> = residuals.windows(2).map(|pair| pair[1] / pair[0]).collect();
        println!("{}: {ratios:?}", row.id);
        let last = &ratios[ratios.len() - 3..];
        assert!(last[0] > last[1] && last[1] > last[2], "{}: {ratios:?}", row.id);
    }
}

#[test]
fn sketched_newton_says_what_it_refuses() {
    for (text, why) in [
        ("var x\nvar y\nminimize x^2 + y^2\nsubject to half: x + y >= 1", "row `half` is not an equation"),
        ("var x >= 0\nvar y\nminimize x^2 + y^2\nsubject to x + y == 1", "`x` has a bound"),
        ("var x\nvar y\nminimize abs(x) + y^2\nsubject to x * y == 1", "`abs` has no derivative"),
    ] {
        let text = format!("{text}\nsolve with sketched_newton_kkt\n");
        let mut prepared = Model::from_str(&text).unwrap().build().unwrap();
        let error = prepared.plan(&Options::default()).err().unwrap_or_else(|| panic!("it was taken: {text}"));
        assert!(error.to_string().contains(why), "{error}");
    }
}
