//! Models that have no answer, and what is said of them: `tests/diagnosis/NAME.opt` and, beside it, how the solve ends and
//! what was found, under the model with its lines numbered.
//!
//! `MERIT_BLESS=1 cargo test --test diagnosis` rewrites the texts; they are reviewed like code.

mod common;

use common::{models, repository};
use merit::answer::Status;
use merit::problem::propagate::Propagation;
use merit::{Answer, Model, Options, Prepared};
use std::ops::ControlFlow;

fn solved(path: &str) -> (Answer, Prepared) {
    let mut problem = Model::from_file(path).unwrap_or_else(|e| panic!("{path}: {e}")).build().expect("it is right");
    let options = Options::default();
    let plan = problem.plan(&options).unwrap_or_else(|e| panic!("{path}: {e}"));
    let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).expect("no bug");
    (answer, problem)
}

#[test]
fn what_went_wrong_is_told_as_reviewed() {
    let bless = std::env::var_os("MERIT_BLESS").is_some();
    let mut differ = vec![];
    for (name, text) in models("tests/diagnosis") {
        let path = repository(&format!("tests/diagnosis/{name}.opt"));
        let (answer, problem) = solved(&path.display().to_string());
        let mut said: String = text.lines().enumerate().map(|(k, line)| format!("{:>3} | {line}\n", k + 1)).collect();
        said += &format!("\n{} by {}\n", answer.status, answer.plan.method);
        said += &answer.diagnosis.lines(&problem.sources).iter().map(|line| format!("{line}\n")).collect::<String>();
        let beside = repository(&format!("tests/diagnosis/{name}.txt"));
        if bless {
            std::fs::write(&beside, &said).expect("the folder can be written to");
        } else if std::fs::read_to_string(&beside).unwrap_or_default() != said {
            differ.push(format!("{name}.txt should be\n{said}"));
        }
    }
    assert!(differ.is_empty(), "{} texts differ (MERIT_BLESS=1 accepts them):\n{}", differ.len(), differ.join("\n"));
}

/// Bounds that follow never cut off a point that the judge accepts.
#[test]
fn bounds_that_follow_keep_the_answers() {
    let mut tried = 0;
    for (name, _) in models("examples") {
        let path = repository(&format!("examples/{name}.opt")).display().to_string();
        let Ok(mut problem) = Model::from_file(&path).and_then(|model| model.build()) else { continue };
        let options = Options { starts: Some(1), ..Options::default() };
        let Ok(plan) = problem.plan(&options) else { continue };
        let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).expect("no bug");
        if !matches!(answer.status, Status::Solved | Status::LocallySolved | Status::BestFound) {
            continue;
        }
        tried += 1;
        let mut propagation = Propagation::new(&problem.problem);
        assert!(propagation.run(), "{name}: a contradiction in a model that has an answer");
        for (j, (interval, &x)) in propagation.variables().iter().zip(&answer.x).enumerate() {
            let slack = 1e-5 * x.abs().max(1.0);
            let inside = interval.lo - slack <= x && x <= interval.hi + slack;
            assert!(inside, "{name}: {} = {x} is cut off by {interval:?}", problem.problem.variable_name(j));
        }
    }
    assert!(tried >= 15, "only {tried} examples were solved");
}
