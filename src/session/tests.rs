//! The stages through the library, as an embedding program uses them.

use super::*;
use crate::answer::Answer;
use crate::data::{Column, ColumnValues, Table};
use crate::host::Memory;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

fn solved(prepared: &mut Prepared) -> Answer {
    let options = Options::default();
    let plan = prepared.plan(&options).expect("a method is found");
    prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).expect("no bug")
}

fn ids(errors: &Errors) -> Vec<&'static str> {
    errors.diagnostics.iter().map(|d| d.id).collect()
}

const RIDGE: &str = "param ridge = 1
param n = 2
var w[1..n]
minimize loss: sum(i in 1..n: (w[i] - i)^2) + ridge * dot(w, w)
let twice = 2 * w[1]
subject to first: w[1] <= 10";

#[test]
fn answers_are_read_by_name() {
    let mut problem = Model::from_str(RIDGE).unwrap().build().unwrap();
    let answer = solved(&mut problem);
    let w = answer.value("w").unwrap();
    assert!((w[0] - 0.5).abs() < 1e-7 && (w[1] - 1.0).abs() < 1e-7, "{w:?}");
    assert!((answer.value("twice").unwrap()[0] - 1.0).abs() < 1e-6);
    assert!((answer.objective().unwrap() - 2.5).abs() < 1e-7);
    assert!((answer.value("loss").unwrap()[0] - 2.5).abs() < 1e-7);
    assert!(answer.dual("first").unwrap()[0].abs() < 1e-6);
    assert_eq!(answer.value("nothing"), None);
    assert!(answer.certificate().holds());
}

#[test]
fn numbers_change_without_a_new_plan_and_structure_does_not() {
    let mut problem = Model::from_str(RIDGE).unwrap().build().unwrap();
    let options = Options::default();
    let plan = problem.plan(&options).unwrap();
    let mut at = |ridge: f64| {
        problem.set_param("ridge", &[ridge]).unwrap();
        let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap();
        problem.start_from(&answer);
        answer.value("w").unwrap()[1]
    };
    for ridge in [0.0, 3.0, 0.25] {
        assert!((at(ridge) - 2.0 / (1.0 + ridge)).abs() < 1e-6, "{ridge}");
    }
    let refused = problem.set_param("n", &[3.0]).unwrap_err();
    assert_eq!(ids(&refused), ["bad-change"]);
    assert!(refused.to_string().contains("rebuild"), "{refused}");
    assert!(problem.set_param("rigde", &[3.0]).unwrap_err().to_string().contains("did you mean `ridge`?"));
    let rebuilt = Model::from_str(RIDGE).unwrap().with_param("n", 3.0).build().unwrap();
    assert_eq!(rebuilt.problem.dimension, 3);
}

#[test]
fn inputs_come_as_values() {
    let text = "data points\nvar m\nminimize sum(p in points: p.weight * (m - p.at)^2)";
    let column = |name: &str, values: &[f64]| Column {
        name: name.into(),
        values: ColumnValues::Number(Arc::new(values.to_vec())),
    };
    let table = Table::from_columns(vec![column("at", &[1.0, 4.0]), column("weight", &[2.0, 1.0])]).unwrap();
    let mut problem = Model::from_str(text).unwrap().with_data("points", table).build().unwrap();
    assert!((solved(&mut problem).value("m").unwrap()[0] - 2.0).abs() < 1e-7);
    let vector = "param c[1..2]\nvar x[1..2] in [0, 1]\nmaximize dot(c, x)";
    let mut problem = Model::from_str(vector).unwrap().with_param("c", vec![3.0, -1.0]).build().unwrap();
    assert!((solved(&mut problem).objective().unwrap() - 3.0).abs() < 1e-6);
}

#[test]
fn a_host_in_memory_holds_models_and_data() {
    let host = Memory::default();
    host.files
        .borrow_mut()
        .insert("a/m.opt".into(), b"data t = csv(\"t.csv\")\nvar x\nminimize (x - sum(t.v))^2".to_vec());
    host.files.borrow_mut().insert("a/t.csv".into(), b"v\n1\n2\n".to_vec());
    let mut problem = Model::from_host(Rc::new(host), "a/m.opt").unwrap().build().unwrap();
    assert!((solved(&mut problem).value("x").unwrap()[0] - 3.0).abs() < 1e-7);
}

#[test]
fn what_is_known_after_the_solve_is_refused_in_the_problem() {
    let models = [
        "var x\nminimize log(c.dual) + x\nsubject to c: x >= 1",
        "var x >= 0\nminimize x\nlet d = x.reduced_cost\nsubject to c: d + x >= 1",
        "var x\noracle cost(y) values via host\nminimize x\nsubject to cost(x) >= 1",
    ];
    for text in models {
        let mut prepared = Model::from_str(text).unwrap().build().unwrap();
        let doubts: Vec<&str> = prepared.doubts().iter().map(|d| d.id).collect();
        assert_eq!(doubts[0], "unsupported-construct", "{text}");
        let Err(errors) = prepared.plan(&Options::default()) else { panic!("it depends on its own answer: {text}") };
        assert_eq!(ids(&errors), ["unsupported-construct"], "{text}");
    }
    // Beside the problem they are welcome.
    let text = "var x\nminimize x\nsubject to c: x >= 1\nshow c.dual\nensure c.dual >= 0";
    assert!(Model::from_str(text).unwrap().build().unwrap().plan(&Options::default()).is_ok());
}

#[test]
fn errors_carry_all_diagnostics() {
    let Err(errors) = Model::from_str("var x\nminimize x +\nvar y = (\n") else { panic!("it has errors of syntax") };
    assert!(errors.diagnostics.len() >= 2, "{errors}");
    let Err(errors) = Model::from_str("var x\nminimize a\nsubject to x <= b").unwrap().build() else {
        panic!("names are unknown")
    };
    assert_eq!(ids(&errors), ["undefined-name", "undefined-name"]);
    let Err(errors) = Model::from_file("no/such/file.opt") else { panic!("there is no file") };
    assert_eq!(ids(&errors), ["unreadable-file"]);
}

#[test]
fn progress_may_end_a_solve() {
    let mut problem = Model::from_str(
        "var x[1..2] start 5\nminimize 100 * (x[2] - x[1]^2)^2 + (1 - x[1])^2\nsubject to dot(x, x) <= 100",
    )
    .unwrap()
    .build()
    .unwrap();
    let options = Options::default();
    let plan = problem.plan(&options).unwrap();
    let mut seen = 0;
    let answer = problem
        .solve(&plan, &options, |line| {
            seen += 1;
            if line.iteration >= 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!((answer.status.words(), seen), ("interrupted", 3));
}

#[test]
fn rows_are_left_out_and_put_back() {
    let text = "var x >= 0\nminimize c: x\nsubject to {\n  floor[i in 1..2]: x >= i\n}";
    let mut problem = Model::from_str(text).unwrap().build().unwrap();
    let least = |problem: &mut Prepared| (solved(problem).objective().unwrap() * 1e6).round() / 1e6;
    assert_eq!(least(&mut problem), 2.0);
    problem.drop("floor[2]").unwrap();
    assert_eq!(least(&mut problem), 1.0);
    problem.drop("floor").unwrap();
    assert_eq!(least(&mut problem), 0.0);
    problem.restore("floor").unwrap();
    assert_eq!(least(&mut problem), 2.0);
    problem.fix("x", &[7.0]).unwrap();
    assert_eq!(least(&mut problem), 7.0);
}

#[test]
fn a_panic_is_told_as_a_bug() {
    let bug = errors::guarded(|| -> i32 { panic!("index {} of 3", 7) }).unwrap_err();
    assert_eq!(bug.to_string(), "this is a bug of Merit, not of your model: index 7 of 3");
}

#[test]
fn a_variable_is_held_within_its_bounds_only() {
    let mut problem =
        Model::from_str("var x[1..2] in [0, 4]\nvar k integer\nminimize sum(x) + k^2\n").unwrap().build().unwrap();
    problem.fix("x[1]", &[3.0]).unwrap();
    problem.fix("x[1]", &[4.0]).unwrap();
    for (name, value, said) in [
        ("x[2]", -1.0, "`x[2]` cannot be held at -1: it lies in [0, 4]"),
        ("x", 5.0, "`x[1]` cannot be held at 5: it lies in [0, 4]"),
        ("k", 2.5, "`k` cannot be held at 2.5: it is an integer"),
    ] {
        let errors = problem.fix(name, &[value]).unwrap_err();
        assert!(errors.to_string().contains(said), "{errors}");
    }
}

#[test]
fn a_sum_without_a_name_is_called_by_its_text() {
    let text = "param n = 3\nvar x[1..n] start 0\nminimize sum(i in 1..n: x[i] / (sum(j in 1..n: x[j])))";
    let prepared = Model::from_str(text).and_then(|model| model.build()).expect("a sound model");
    let doubts = prepared.doubts();
    assert!(doubts[0].labels.iter().any(|label| label.text.contains("`sum(j in 1..n: x[j])` goes from")), "{doubts:?}");
}
