//! Points of problems with complementary pairs: what the judge must refuse, and what it must call by its right name.

use super::tests::{broken, converged, judged, outcome};
use crate::answer::certificate::{Stationarity, Witness};
use crate::answer::status::Status;
use crate::answer::{Multipliers, Outcome, Stop};

/// `f(x, y)` over `0 <= x ⟂ y >= 0`.
fn cross(objective: &str) -> String {
    format!("var x\nvar y\nminimize f: {objective}\nsubject to 0 <= x perp y >= 0")
}

/// A point with multipliers of the two rows.
fn at(x: f64, y: f64, rows: [f64; 2]) -> Outcome {
    converged(&[x, y], &rows, &[0.0, 0.0], &[0.0, 0.0])
}

#[test]
fn a_positive_product_is_refused() {
    let text = cross("(x - 1)^2 + (y - 1)^2");
    // Right for the problem without the complementarity.
    let (certificate, status) = judged(&text, &at(1.0, 1.0, [0.0, 0.0]));
    assert_eq!((broken(&certificate), status), (vec!["pairs"], Status::Failed));
    let (certificate, _) = judged(&text, &at(1e-3, 1e-3, [0.0, 0.0]));
    assert!(broken(&certificate).contains(&"pairs"), "a small product is no zero: {certificate:?}");
}

#[test]
fn a_branch_minimum_is_strongly_stationary() {
    let text = cross("(x - 1)^2 + (y - 1)^2");
    // At (1, 0) the multiplier of `y`, held at 0, has any sign.
    let (certificate, status) = judged(&text, &at(1.0, 0.0, [0.0, -2.0]));
    assert_eq!((certificate.stationarity, status), (Some(Stationarity::Strong), Status::LocallySolved));
    assert_eq!(certificate.multipliers, Witness::Method);
    // One of `x`, which is not at its side, is wrong; what fits is found instead, and said to be.
    let (certificate, status) = judged(&text, &at(1.0, 0.0, [0.5, -2.0]));
    assert_eq!((certificate.multipliers, status), (Witness::Fitted, Status::LocallySolved));
    // And a point off the minimum of its branch has none.
    let (certificate, status) = judged(&text, &at(0.9, 0.0, [-0.2, -2.0]));
    assert_eq!((certificate.stationarity, status), (Some(Stationarity::None), Status::Failed));
}

#[test]
fn origins_are_called_by_their_names() {
    let cases = [
        // The gradient at the origin is the pair of multipliers.
        ("x + y", [1.0, 1.0], Stationarity::Strong),
        ("(x - 1)^2 + (y - 1)^2", [-2.0, -2.0], Stationarity::C),
        ("x - y", [1.0, -1.0], Stationarity::Weak),
        ("x^2 - y", [0.0, -1.0], Stationarity::M),
    ];
    for (objective, rows, class) in cases {
        let (certificate, status) = judged(&cross(objective), &at(0.0, 0.0, rows));
        assert_eq!(certificate.stationarity, Some(class), "{objective}: {certificate:?}");
        let holds = class == Stationarity::Strong;
        assert_eq!((certificate.holds(), status != Status::Failed), (holds, holds), "{objective}");
    }
}

#[test]
fn b_stationarity_is_shown_by_all_branches() {
    let text = "var z[1..3]\nminimize z[1] + z[2] - z[3]\nsubject to {\n  -4*z[1] + z[3] <= 0\n  \
                -4*z[2] + z[3] <= 0\n  0 <= z[1] perp z[2] >= 0\n}";
    // The multipliers of one branch do not show strong stationarity: one of the pair is negative.
    let one = converged(&[0.0; 3], &[-0.25, -0.75, 0.0, -2.0], &[0.0; 3], &[0.0; 3]);
    for outcome in [one, outcome(&[0.0; 3], Stop::Converged)] {
        let (certificate, status) = judged(text, &outcome);
        assert_eq!(
            (certificate.stationarity, status),
            (Some(Stationarity::B), Status::LocallySolved),
            "{certificate:?}"
        );
    }
}

#[test]
fn upper_sides_and_maximisation_turn_signs() {
    let text = "var x\nvar y\nmaximize f: 2*x + 3*y\nsubject to x <= 0 perp y <= 0";
    let good = at(0.0, 0.0, [2.0, 3.0]);
    let (certificate, status) = judged(text, &good);
    assert_eq!((certificate.stationarity, status), (Some(Stationarity::Strong), Status::Solved), "{certificate:?}");
    let text = "var x\nvar y\nminimize f: 2*x + 3*y\nsubject to x <= 0 perp y <= 0";
    let (certificate, status) = judged(text, &good);
    assert_eq!((certificate.stationarity, status), (Some(Stationarity::C), Status::Failed));
}

#[test]
fn saddle_points_of_a_branch_are_refuted() {
    // Along y = 0 the objective is -(x - 1)^2.
    let (certificate, status) = judged(&cross("-(x - 1)^2 + y"), &at(1.0, 0.0, [0.0, 1.0]));
    assert_eq!((certificate.stationarity, status), (Some(Stationarity::Strong), Status::Failed), "{certificate:?}");
}

#[test]
fn systems_are_solved_or_not() {
    let text = "var x[1..2]\nsubject to {\n  0 <= x[1] perp x[1] + x[2] - 2 >= 0\n  0 <= x[2] <= 1 perp x[1] - x[2]\n}";
    let point = |x: &[f64]| judged(text, &Outcome { multipliers: None::<Multipliers>, ..outcome(x, Stop::Converged) });
    let (certificate, status) = point(&[1.0, 1.0]);
    assert_eq!(status, Status::Solved, "{certificate:?}");
    // x[2] at its upper side asks for x[1] - x[2] <= 0.
    for wrong in [[1.5, 1.0], [0.0, 2.0], [0.0, 0.0], [1.5, 0.5], [1.0, 1.0 + 1e-4]] {
        let (certificate, status) = point(&wrong);
        assert_eq!(status, Status::Failed, "{wrong:?}: {certificate:?}");
    }
}

#[test]
fn no_ray_is_believed_that_pairs_may_stop() {
    let text =
        "var x\nvar y\nminimize f: -x - y\nsubject to {\n  0 <= x perp y >= 0\n  x <= 1\n  0 <= y perp x - 1 >= 0\n}";
    let claimed = outcome(&[0.0, 0.0], Stop::Unbounded { ray: Some(vec![0.0, 1.0]) });
    assert_eq!(judged(text, &claimed).1, Status::Failed);
}
