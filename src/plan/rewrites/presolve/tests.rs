//! Each model is solved with and without simplification: the same point, the same multipliers, and the judge, who sees
//! the problem as stated, accepts both.

use crate::answer::{Answer, Status};
use crate::session::{Model, Options};
use crate::solve::options::Value;
use std::ops::ControlFlow;

fn solved(text: &str, presolve: bool) -> (Answer, Vec<&'static str>) {
    let mut problem = Model::from_str(text).unwrap().build().unwrap();
    let options = Options { options: vec![("presolve".into(), Value::Bool(presolve))], ..Options::default() };
    let plan = problem.plan(&options).unwrap();
    let made = plan.rewrites.iter().map(|rewrite| rewrite.name).collect();
    (problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap(), made)
}

/// A rewrite, a model in which it is made, and the duals of its rows.
type Case = (&'static str, &'static str, &'static [(&'static str, f64)]);

const MODELS: &[Case] = &[
    (
        "rows as bounds",
        "var x\nvar y\nminimize x^2 + y^2 + x*y\nsubject to {\n a: 2*x >= 3\n b: x + y >= 2\n}",
        &[("a", 0.5), ("b", 2.5)],
    ),
    (
        "rows as bounds",
        "var x\nvar y\nmaximize 3*x - y^2\nsubject to {\n a: -2*x >= -6\n b: x + y == 2\n}",
        &[("a", -0.5), ("b", 2.0)],
    ),
    ("rows as bounds", "var x in [0, 9]\nvar y\nminimize x*y + y^2\nsubject to a: 3*x - 1 == 5", &[("a", -1.0 / 3.0)]),
    // The declared bound is the tighter one.
    ("rows as bounds", "var x >= 2\nvar y\nminimize x^2 + (y - x)^2\nsubject to a: x >= 1", &[("a", 0.0)]),
    // Of two rows for the same bound the tighter one pays.
    (
        "rows as bounds",
        "var x\nvar y\nminimize x^2 + (y - x)^2\nsubject to {\n a: x >= 1\n b: 2*x >= 4\n c: x >= 0.5\n}",
        &[("a", 0.0), ("b", 2.0), ("c", 0.0)],
    ),
    (
        "parallel rows",
        "var x\nvar y\nminimize (x - 3)^2 + (y - 2)^2\nsubject to {\n a: x + y <= 3\n b: 2*x + 2*y <= 5\n c: -x - y >= -10\n}",
        &[("a", 0.0), ("b", -1.25), ("c", 0.0)],
    ),
    (
        "parallel rows",
        "var x\nvar y\nmaximize -(x - 3)^2 - (y - 2)^2\nsubject to {\n a: x + y <= 3\n b: -4*x - 4*y >= -10\n}",
        &[("a", 0.0), ("b", -0.625)],
    ),
    (
        "parallel rows",
        "var x\nvar y\nlet s = x - y\nminimize x^2 + y^2\nsubject to {\n a: s + 1 >= 2\n b: 3*s >= 9\n}",
        &[("a", 0.0), ("b", 1.0)],
    ),
    (
        "redundant rows",
        "var x in [0, 1]\nvar y in [0, 1]\nminimize (x - 2)^2 + y\nsubject to {\n a: x + y <= 5\n b: x + 2*y >= 1.5\n}",
        &[("a", 0.0), ("b", 0.5)],
    ),
];

#[test]
fn simplified_problems_have_the_same_answers() {
    for (name, text, duals) in MODELS {
        let (with, made) = solved(text, true);
        let (without, unmade) = solved(text, false);
        assert!(made.contains(name), "{text}: {made:?}");
        assert!(!unmade.contains(name), "{text}: {unmade:?}");
        for answer in [&with, &without] {
            assert!(
                matches!(answer.status, Status::Solved | Status::LocallySolved),
                "{text}: {:?}",
                answer.certificate
            );
            for (row, dual) in *duals {
                let found = answer.dual(row).unwrap()[0];
                assert!((found - dual).abs() <= 1e-5, "{text}\n{row}: {found} is not {dual}");
            }
        }
        for (a, b) in with.x.iter().zip(&without.x) {
            assert!((a - b).abs() <= 1e-6, "{text}: {:?} and {:?}", with.x, without.x);
        }
    }
}

/// A start from the answer costs next to nothing also where its multipliers belong to rows that are gone.
#[test]
fn warm_starts_find_their_multipliers() {
    for (_, text, _) in MODELS {
        let mut problem = Model::from_str(text).unwrap().build().unwrap();
        let options = Options::default();
        let plan = problem.plan(&options).unwrap();
        let reduced = plan.reduced.clone().expect("there is something to simplify");
        let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap();
        let given = answer.multipliers.expect("the method has them");
        let lifted = reduced.lift(crate::answer::Outcome {
            x: answer.x.clone(),
            multipliers: Some(reduced.reduce(&given)),
            stop: answer.stop.clone(),
            iterations: 0,
            evaluations: Default::default(),
            log: vec![],
        });
        let again = lifted.multipliers.unwrap();
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6 * b.abs().max(1.0));
        assert!(close(&again.rows, &given.rows), "{text}: {again:?} and {given:?}");
        assert!(close(&again.lower, &given.lower) && close(&again.upper, &given.upper), "{text}");
    }
}

/// Numbers that change decide anew which rows are redundant and which sides are tight.
#[test]
fn changed_numbers_are_simplified_anew() {
    let text = "param far = 5\nvar x in [0, 1]\nvar y in [0, 1]\nmaximize x + y\nsubject to a: x + y <= far";
    let mut problem = Model::from_str(text).unwrap().build().unwrap();
    let options = Options::default();
    let plan = problem.plan(&options).unwrap();
    for far in [5.0, 1.5, 5.0, 0.25] {
        problem.set_param("far", &[far]).unwrap();
        let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap();
        assert!((answer.objective().unwrap() - far.min(2.0)).abs() <= 1e-6, "{far}: {:?}", answer.objective());
    }
}

#[test]
fn rows_that_exclude_each_other_are_left_for_the_judge() {
    for rows in ["a: x >= 2\n b: x <= 1", "a: x + y >= 2\n b: 2*x + 2*y <= 3", "a: x + y >= 2\n b: x <= 0\n c: y <= 1"]
    {
        let text = format!("var x\nvar y\nminimize x^2 + y^2\nsubject to {{\n {rows}\n}}");
        let (answer, _) = solved(&text, true);
        assert_eq!(answer.status, Status::Infeasible, "{text}");
    }
}
