//! Why a method got stuck: the rows and variables whose conditions are furthest from holding, and what is badly scaled.

use super::places;
use super::point;
use crate::ad::Evaluator;
use crate::answer::diagnosis::{Figure, Stalled};
use crate::answer::{Multipliers, Outcome, Stop};
use crate::problem::Problem;
use crate::problem::values::{Bounds, Numbers};

/// Rows and variables that are named.
const NAMED: usize = 3;
/// Slopes of rows that differ by more than this are badly scaled.
const UNEVEN: f64 = 1e6;
/// Variables beyond this are far away or badly scaled.
const FAR: f64 = 1e6;

pub fn find(problem: &Problem, outcome: &Outcome, tolerance: f64) -> Stalled {
    let x = &outcome.x;
    let bounds = Bounds::of(problem, &Numbers::of(problem));
    let mut evaluator = Evaluator::new(problem);
    let (least, most) = slopes(&mut evaluator, x);
    let mut stalled = Stalled {
        rows: rows(problem, &bounds, x, &most, tolerance),
        variables: outcome
            .multipliers
            .as_ref()
            .map(|m| variables(problem, &mut evaluator, x, m, tolerance))
            .unwrap_or_default(),
        help: vec![],
    };
    let starts = problem.row_starts();
    let counts = |r: usize| bounds.row_lower[r].is_finite() || bounds.row_upper[r].is_finite();
    let kept = problem.constraints.iter().zip(&starts).filter(|(c, _)| !c.dropped);
    let kept: Vec<usize> = kept.flat_map(|(c, s)| *s..s + c.rows as usize).filter(|r| counts(*r)).collect();
    let finite = kept.iter().copied().filter(|r| most[*r] > 0.0 && most[*r].is_finite());
    let widest = finite.clone().max_by(|a, b| (most[*a] / least[*a]).total_cmp(&(most[*b] / least[*b])));
    if let Some(r) = widest.filter(|r| most[*r] / least[*r] > UNEVEN) {
        let number = crate::answer::layout::residual;
        stalled.help.push(format!(
            "the slopes of `{}` go from {} to {}: measure its variables in units in which they are of like size",
            problem.row_name(r),
            number(least[r]),
            number(most[r])
        ));
    }
    let furthest = (0..x.len()).filter(|j| x[*j].is_finite()).max_by(|a, b| x[*a].abs().total_cmp(&x[*b].abs()));
    if let Some(j) = furthest.filter(|j| x[*j].abs() > FAR) {
        let value = crate::answer::layout::number(x[j]);
        stalled.help.push(format!(
            "`{}` is at {value}: bound it, start near where it should be, or measure it in a larger unit",
            problem.variable_name(j)
        ));
    }
    match outcome.stop {
        Stop::IterationLimit if stalled.help.is_empty() => {
            stalled
                .help
                .push("more iterations (`--set max_iter=N`) or a start nearer to the answer may do".to_string());
        }
        Stop::NoProgress(_) | Stop::Failed(_) if stalled.help.is_empty() => {
            stalled.help.push("start elsewhere (`start` of variables), or try another method (`--with`)".to_string());
        }
        _ => {}
    }
    stalled
}

/// The least and the largest slope of each row, 0 where it has none.
fn slopes(evaluator: &mut Evaluator, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let pattern = evaluator.jacobian_pattern().clone();
    let mut entries = vec![0.0; pattern.entries()];
    evaluator.jacobian(x, &mut entries);
    let sizes = |r: usize| pattern.row(r).map(|k| entries[k].abs()).filter(|v| *v > 0.0);
    let least = (0..pattern.rows).map(|r| sizes(r).fold(f64::INFINITY, f64::min)).collect();
    let most = (0..pattern.rows).map(|r| sizes(r).fold(0.0, f64::max)).collect();
    (least, most)
}

/// Rows that are violated, scaled as the judge does by slope and side, worst first.
fn rows(problem: &Problem, bounds: &Bounds, x: &[f64], most: &[f64], tolerance: f64) -> Vec<Figure> {
    let values = point::rows(problem, x);
    let starts = problem.row_starts();
    let mut worst: Vec<(f64, usize, f64, f64)> = vec![];
    for (c, start) in problem.constraints.iter().zip(&starts).filter(|(c, _)| !c.dropped) {
        for r in *start..start + c.rows as usize {
            let (lower, upper, value) = (bounds.row_lower[r], bounds.row_upper[r], values[r]);
            let side = if value < lower { lower } else { upper };
            let off = (lower - value).max(value - upper).max(0.0);
            let off = if value.is_nan() { f64::INFINITY } else { off };
            let scaled = off / most[r].max(side.abs()).max(1.0);
            if scaled > tolerance {
                worst.push((scaled, r, value, side));
            }
        }
    }
    worst.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let count = worst.len();
    let figure = |(k, (_, r, value, side)): (usize, (f64, usize, f64, f64))| {
        let number = crate::answer::layout::number;
        let relation = match (bounds.row_lower[r] == bounds.row_upper[r], side == bounds.row_lower[r]) {
            (true, _) => "==",
            (false, true) => ">=",
            (false, false) => "<=",
        };
        let more = if k + 1 == NAMED && count > NAMED { count - NAMED } else { 0 };
        let text = format!("is {} and must be {relation} {}", number(value), number(side));
        Figure { place: places::row(problem, r), text, more }
    };
    worst.into_iter().take(NAMED).enumerate().map(figure).collect()
}

/// Variables along which `∇f - J'y - z` is far from 0, worst first.
fn variables(problem: &Problem, evaluator: &mut Evaluator, x: &[f64], m: &Multipliers, tolerance: f64) -> Vec<Figure> {
    let n = x.len();
    let (mut slope, mut pull) = (vec![0.0; n], vec![0.0; n]);
    if problem.objectives.len() == 1 {
        evaluator.gradient(x, &mut slope);
    }
    evaluator.jacobian_transposed_product(x, &m.rows, &mut pull);
    let size = slope.iter().fold(1.0, |most: f64, g| most.max(g.abs()));
    let rest: Vec<f64> = (0..n).map(|j| slope[j] - pull[j] - m.lower[j] - m.upper[j]).collect();
    let mut worst: Vec<usize> = (0..n).filter(|j| rest[*j].is_nan() || rest[*j].abs() / size > tolerance).collect();
    worst.sort_by(|a, b| rest[*b].abs().total_cmp(&rest[*a].abs()).then(a.cmp(b)));
    let count = worst.len();
    let figure = |(k, j): (usize, usize)| {
        let text = format!("the objective still changes by {} per unit", crate::answer::layout::residual(rest[j]));
        let more = if k + 1 == NAMED && count > NAMED { count - NAMED } else { 0 };
        Figure { place: places::variable(problem, j), text, more }
    };
    worst.into_iter().take(NAMED).enumerate().map(figure).collect()
}
