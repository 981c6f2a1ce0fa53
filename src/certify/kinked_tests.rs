//! Points of problems whose levels have kinks: right ones hold, wrong ones do not.

use super::{JudgeOptions, judge_with_rivals};
use crate::answer::status::{Status, status};
use crate::answer::{Evaluations, Outcome, Stop};
use crate::expr::eval;
use crate::problem::Problem;
use crate::problem::level::tests::whole;

const LASSO: &str = "var lam in [0, 10]\nlower fit {\n  var w\n  minimize (w - 3)^2 / 2 + lam * abs(w)\n}\n\
                     minimize (fit.w - 1)^2 + (lam - 2)^2 / 10";

fn judged(problem: &Problem, x: Vec<f64>) -> Status {
    let stop = Stop::Converged;
    let outcome =
        Outcome { x, multipliers: None, stop, iterations: 0, evaluations: Evaluations::default(), log: vec![] };
    let certificate = judge_with_rivals(problem, &outcome, &[], &JudgeOptions::default());
    status(&outcome.stop, &certificate)
}

#[test]
fn the_followers_answer_is_told_from_other_points() {
    let problem = whole(LASSO);
    let n = problem.dimension as usize;
    assert_eq!(n, 2);
    // Without multipliers of the rows that state the kink the outer level is not examined, the follower is.
    assert_eq!(judged(&problem, vec![2.0, 1.0]), Status::LocallySolved);
    assert_eq!(judged(&problem, vec![4.0, 0.0]), Status::LocallySolved);
    for wrong in [[2.0, 0.999], [2.0, 0.0], [4.0, 0.01], [4.0, -0.01], [0.0, 1.0]] {
        assert_eq!(judged(&problem, wrong.to_vec()), Status::Failed, "{wrong:?}");
    }
}

#[test]
fn with_multipliers_the_outer_level_is_examined() {
    let problem = whole(LASSO);
    let smooth = problem.without_kinks().expect("a convex kink").expect("one kink");
    // lam, w, then t = |w| and the multipliers of t >= w and t >= -w, of which the first holds.
    let point = |lam: f64, w: f64, t: f64| {
        let mut x = smooth.extended(&[lam, w]);
        assert_eq!(x[2], w.abs());
        x[2] = t;
        x[3] = lam;
        x
    };
    assert_eq!(judged(&problem, point(2.0, 1.0, 1.0)), Status::LocallySolved);
    // The variable of the kink is what the kink is, whatever a method says of it.
    assert_eq!(judged(&problem, point(2.0, 1.0, 7.0)), Status::LocallySolved);
    // The follower's answer, and no stationary point of the leader: -2 (w - 1) + (lam - 2) / 5 is not 0.
    assert_eq!(judged(&problem, point(1.0, 2.0, 2.0)), Status::Failed);
}

#[test]
fn levels_without_kinks_have_the_same_values() {
    let text = "param c = [1, 2]\nvar x[1..2]\nlet r[k in 1..2] = abs(f[k].y - c[k]) + max(x[k], f[k].y, 0.5)\n\
                lower f[k in 1..2] {\n  var y\n  minimize y^2 + 2 * r[k] - min(y, x[k])\n  \
                subject to cap: abs(y) <= 3\n}\nminimize sum(k in 1..2: r[k]) + x[1]^2";
    let problem = whole(text);
    let smooth = problem.without_kinks().expect("convex kinks").expect("some");
    for point in [[0.3, -1.2, 0.7, 2.5], [4.0, 0.0, -2.0, 1.0], [0.5, 0.5, 1.0, 2.0]] {
        let mut x = point.to_vec();
        x.resize(problem.dimension as usize, 0.0);
        let values = |problem: &Problem, x: &[f64]| {
            let rows = problem.all_objectives().map(|o| o.stage);
            let roots: Vec<_> = rows.chain(problem.blocks[0].constraints[..1].iter().map(|c| c.stage)).collect();
            let params = problem.params.iter().map(|p| p.values.as_slice()).collect();
            let inputs = eval::Inputs { variables: x, params, after: &[] };
            let needed = eval::needed(&problem.stages, &roots);
            let stages = eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
            roots.iter().flat_map(|id| stages[id.0 as usize].clone()).collect::<Vec<f64>>()
        };
        let (plain, without) = (values(&problem, &x), values(&smooth.problem, &smooth.extended(&x)));
        assert_eq!(plain.len(), 5);
        assert!(plain.iter().zip(&without).all(|(a, b)| (a - b).abs() <= 1e-14), "{plain:?} {without:?}");
    }
}
