//! Where the method starts: the point pushed inside its bounds, bound multipliers, row multipliers.

use super::iterate::{Iterate, inside};
use super::newton::Newton;
use super::problem::{Row, Scaled};
use crate::answer::Multipliers;
use crate::linalg::vector::all_finite;

/// A cold start keeps this distance (absolute, and of the width) from bounds.
pub const COLD_PUSH: f64 = 1e-2;
/// A warm start stays nearer.
const WARM_PUSH: f64 = 1e-6;
const COLD_MU: f64 = 0.1;

/// The first iterate and the barrier parameter for it. Derivatives at it are evaluated.
///
/// `warm` are multipliers of an earlier answer; without them the bound multipliers are 1 and those of rows minimise the
/// dual residual. `Err` if a function is not finite at the point.
pub fn first_iterate(
    problem: &mut Scaled,
    newton: &mut Newton,
    start: &[f64],
    warm: Option<&Multipliers>,
) -> Result<(Iterate, f64), NotFinite> {
    let n = problem.variables();
    let warm = warm.filter(|m| fits(m, n, problem.height()));
    let push = if warm.is_some() { WARM_PUSH } else { COLD_PUSH };
    let mut at = Iterate::new(problem);
    for (i, x) in start.iter().enumerate() {
        at.w[i] = inside(*x, problem.lower[i], problem.upper[i], push);
    }
    at.place_slacks(problem, push);
    if !at.evaluate_values(problem) || !at.evaluate_derivatives(problem) {
        return Err(NotFinite { x: at.w[..n].to_vec() });
    }
    let Some(warm) = warm else {
        for i in 0..at.w.len() {
            at.z_lower[i] = if problem.lower[i].is_finite() { 1.0 } else { 0.0 };
            at.z_upper[i] = if problem.upper[i].is_finite() { 1.0 } else { 0.0 };
        }
        newton.least_squares_multipliers(problem, &mut at);
        return Ok((at, COLD_MU));
    };
    take_multipliers(problem, &mut at, warm);
    // The barrier that the pairs ask for on average; a pair far off the average is brought nearer by the first steps.
    let (average, _) = at.complementarity(problem);
    Ok((at, average.clamp(1e-9, COLD_MU)))
}

/// A function or derivative is not finite here.
#[derive(Clone, Debug)]
pub struct NotFinite {
    pub x: Vec<f64>,
}

fn fits(m: &Multipliers, n: usize, rows: usize) -> bool {
    let sizes = m.rows.len() == rows && m.lower.len() == n && m.upper.len() == n;
    sizes && all_finite(&m.rows) && all_finite(&m.lower) && all_finite(&m.upper)
}

fn take_multipliers(problem: &Scaled, at: &mut Iterate, warm: &Multipliers) {
    const LEAST: f64 = 1e-6;
    let n = problem.variables();
    let scale = problem.objective_scale;
    for i in 0..n {
        at.z_lower[i] = scale * warm.lower[i].max(0.0);
        at.z_upper[i] = scale * (-warm.upper[i]).max(0.0);
    }
    for (r, row) in problem.rows.iter().enumerate() {
        if *row != Row::Free {
            at.lambda[r] = -warm.rows[r] * scale / problem.row_scale[r];
        }
        if let Row::Inequality { slack } = row {
            at.z_lower[*slack] = (-at.lambda[r]).max(0.0);
            at.z_upper[*slack] = at.lambda[r].max(0.0);
        }
    }
    for i in 0..at.w.len() {
        let (below, above) = (problem.lower[i].is_finite(), problem.upper[i].is_finite());
        at.z_lower[i] = if below { at.z_lower[i].max(LEAST) } else { 0.0 };
        at.z_upper[i] = if above { at.z_upper[i].max(LEAST) } else { 0.0 };
    }
}
