//! Points of problems of three levels: right ones, and wrong ones at each of the levels.

use super::bilevel::{Held, Rival, certificate};
use crate::answer::Stop;
use crate::answer::certificate::Certificate;
use crate::answer::status::{Status, status};
use crate::problem::Problem;
use crate::problem::level::tests::whole;

fn point(problem: &Problem, values: &[(&str, f64)]) -> Vec<f64> {
    let mut x = vec![0.0; problem.dimension as usize];
    for (name, value) in values {
        let v = problem.variables.iter().find(|v| v.name == *name).unwrap_or_else(|| panic!("no {name}"));
        x[v.offset as usize] = *value;
    }
    x
}

/// Rivals are points of the middle level.
fn judged(text: &str, values: &[(&str, f64)], rivals: &[&[(&str, f64)]]) -> (Status, Vec<&'static str>, Certificate) {
    let stated = whole(text);
    let x = point(&stated.with_blocks_beside_each_other(), values);
    let alone = stated.level(0, 0, &x).problem;
    let rival = |values: &&[(&str, f64)]| Rival { block: 0, instance: 0, held: Held::Point(point(&alone, values)) };
    let rivals: Vec<Rival> = rivals.iter().map(rival).collect();
    let certificate = certificate(&stated, &x, &rivals, None, 1e-6);
    let broken = certificate.broken().map(|r| r.name).collect();
    (status(&Stop::Converged, &certificate), broken, certificate)
}

/// z = x + y, y = (x + 3) / 2; the best x is -0.4.
const CHAIN: &str = "var x in [-10, 10]\nlower mid {\n  var y\n  lower low {\n    var z\n    minimize (z - y - x)^2\n  }\n  \
                     minimize (y - 2 * x)^2 + (low.z - 3)^2\n}\nminimize (x - 1)^2 + mid.y^2 + mid.low.z";

#[test]
fn a_chain_of_three_levels_is_proved_and_wrong_points_of_each_level_are_refused() {
    const DUAL: &str = "mid.low stationarity.dual";
    let right = [("x", -0.4), ("mid.y", 1.3), ("mid.low.z", 0.9), (DUAL, -2.1)];
    let (status, _, certificate) = judged(CHAIN, &right, &[]);
    assert_eq!(status, Status::LocallySolved, "{certificate:?}");
    assert!(!certificate.notes.iter().any(|note| note.contains("not proved")), "{certificate:?}");
    let wrong = [
        // The innermost level's answer to another y.
        ([("x", -0.4), ("mid.y", 1.3), ("mid.low.z", 0.5), (DUAL, -2.1)], "follower gap"),
        // The middle level's answer to x = 0, with the innermost one's to that.
        ([("x", -0.4), ("mid.y", 1.5), ("mid.low.z", 1.1), (DUAL, -1.9)], "follower gap"),
        // Best for the middle level if the innermost one did not answer.
        ([("x", -0.4), ("mid.y", -0.8), ("mid.low.z", -1.2), (DUAL, 0.0)], "follower gap"),
        // Best for the middle level if it had z too.
        ([("x", -0.4), ("mid.y", -0.8), ("mid.low.z", 3.0), (DUAL, 0.0)], "follower gap"),
        // Both answer, and another x is better.
        ([("x", 0.0), ("mid.y", 1.5), ("mid.low.z", 1.5), (DUAL, -1.5)], "hypergradient"),
    ];
    for (values, reason) in wrong {
        let (status, broken, certificate) = judged(CHAIN, &values, &[]);
        assert_eq!(status, Status::Failed, "{values:?} {certificate:?}");
        assert!(broken.contains(&reason), "{values:?} {broken:?}");
    }
}

/// z = max(0, y); the middle level takes y = -1 for x > 0 and y = 1 - x / 2 for x < 0.
const TURNING: &str = "var x in [-1, 1]\nlower mid {\n  var y in [-3, 3]\n  lower low {\n    var z >= 0\n    \
                       minimize (z - y)^2\n  }\n  minimize (y - 2 * low.z + 1)^2 + x * low.z\n}\n\
                       minimize (x - 0.7)^2 - 2 * mid.low.z";

#[test]
fn rivals_of_a_middle_level_count_if_the_innermost_answers_there() {
    const BOUND: &str = "mid.low.z lower bound";
    let there = |y: f64, z: f64| [("mid.y", y), ("mid.low.z", z)];
    // A local answer of the middle level, as its conditions say, and the better one far away.
    let local = [("x", -0.5), ("mid.y", -1.0), ("mid.low.z", 0.0), (BOUND, 2.0)];
    let (status, broken, certificate) = judged(TURNING, &local, &[&there(1.25, 1.25)]);
    assert_eq!((status, broken), (Status::Failed, vec!["follower gap"]), "{certificate:?}");
    let (_, broken, _) = judged(TURNING, &local, &[]);
    assert_eq!(broken, ["follower gap"], "nothing was held against it");
    // What would be better, had the innermost level another answer, is none.
    let right = [("x", -0.5), ("mid.y", 1.25), ("mid.low.z", 1.25), (BOUND, 0.0)];
    let (status, _, certificate) = judged(TURNING, &right, &[&there(-1.0, 0.0), &there(3.0, 2.0)]);
    assert_eq!(status, Status::LocallySolved, "{certificate:?}");
    assert!(certificate.notes.iter().any(|note| note.contains("not proved")), "{certificate:?}");
    assert!(certificate.notes.iter().any(|note| note.ends_with("were compared: 1")), "{certificate:?}");
}
