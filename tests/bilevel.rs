//! Problems inside problems with known answers, and what is refused of them.
//!
//! Each model of `tests/bilevel/` says what is to come of it (`# expect: STATUS` or `# expect: STATUS, METHOD`) and holds its
//! known answer as `ensure`s.

mod common;

use common::models;
use merit::Answer;
use merit::session::{Model, Options};
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
    for (name, text) in models("tests/bilevel") {
        let expect = text.lines().find_map(|l| l.strip_prefix("# expect: ")).expect("a model says what to expect");
        let (status, method) = expect.split_once(", ").map_or((expect, None), |(status, m)| (status, Some(m)));
        let answer = solve(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let missed: Vec<&str> = answer.ensures.iter().filter(|e| !e.holds).map(|e| e.text.as_str()).collect();
        let other = method.is_some_and(|method| method != answer.plan.method);
        if answer.status.words() != status || !missed.is_empty() || other {
            let (x, f) = (&answer.x, answer.objective());
            wrong.push(format!(
                "{name}: {} by {} at {x:?}, f = {f:?}, {missed:?}\n{:?}",
                answer.status, answer.plan.method, answer.certificate
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_follower_with_pairs_is_refused_with_the_reason() {
    let text = "var x\nlower f {\n  var y >= 0\n  minimize (y - x)^2\n  subject to either: 0 <= y perp y - x >= 0\n}\nminimize f.y";
    let said = solve(text).expect_err("no conditions say what such a follower does");
    assert!(said.contains("the complementarity `either` is a row of `lower f`"), "{said}");
}
