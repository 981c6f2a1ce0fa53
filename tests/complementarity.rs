//! Square complementarity systems and problems with complementary pairs, with known answers.
//!
//! Each model of `tests/complementarity/` names its source, says what is to come of it (`# expect: STATUS, CLASS`), and
//! holds its known answer as `ensure`s.

mod common;

use common::{models, repository};
use merit::session::{Model, Options};
use merit::{Answer, answer::certificate::Stationarity};
use std::ops::ControlFlow;

fn solve(text: &str) -> Result<Answer, String> {
    let model = Model::from_str(text).map_err(|e| e.to_string())?;
    let mut prepared = model.build().map_err(|e| e.to_string())?;
    let options = Options::default();
    let plan = prepared.plan(&options).map_err(|e| e.to_string())?;
    prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).map_err(|e| e.to_string())
}

#[test]
fn known_answers_are_found() {
    let mut wrong = vec![];
    let all = models("tests/complementarity");
    assert!(all.len() >= 20);
    for (name, text) in all {
        let expect = text.lines().find_map(|l| l.strip_prefix("# expect: ")).expect("a model says what to expect");
        let (status, class) = expect.split_once(", ").map_or((expect, None), |(status, class)| (status, Some(class)));
        let answer = solve(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let class_found = answer.certificate.stationarity.map(|class| match class {
            Stationarity::Strong => "strongly",
            Stationarity::B => "B",
            _ => "less",
        });
        let missed: Vec<&str> = answer.ensures.iter().filter(|e| !e.holds).map(|e| e.text.as_str()).collect();
        if answer.status.words() != status || class_found != class || !missed.is_empty() {
            wrong.push(format!(
                "{name}: {} {class_found:?} at {:?}, f = {:?}, {missed:?}\n{:?}",
                answer.status,
                answer.x,
                answer.objective(),
                answer.certificate
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_membrane_lies_on_its_obstacle() {
    let text = std::fs::read_to_string(repository("examples/obstacle.opt")).expect("the example is there");
    let answer = solve(&text).expect("it is solved");
    assert_eq!(answer.status.words(), "solved");
    assert_eq!(answer.plan.method, "semismooth_newton");
    assert!(answer.ensures.iter().all(|e| e.holds));
}
