//! The last digits: Newton steps on the optimality conditions of the constraints that are active, at the true bounds.
//!
//! The barrier leaves points about `mu` inside their bounds, and relaxed bounds let them be as much outside. Bounds and
//! rows whose multiplier exceeds their gap are taken as active; the equality-constrained problem that remains is solved
//! by Newton's method from the point at hand. The result counts only if the figure of the full problem fell.

use super::iterate::Iterate;
use super::problem::{Row, Scaled};
use super::system::System;
use super::verdict::{Point, figure};
use crate::linalg::sparse::add_transposed_product;
use crate::linalg::vector::{all_finite, max_norm};

const STEPS: usize = 5;
/// Figures below this are as good as rounding: another step would cost a factorisation for nothing.
const ROUNDING: f64 = 1e-13;

/// Which bound of a variable or a row holds with equality.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Active {
    No,
    Lower,
    Upper,
    /// The row is an equality.
    Both,
}

/// A candidate with all that its error needs.
#[derive(Clone)]
struct Candidate {
    x: Vec<f64>,
    lambda: Vec<f64>,
    gradient: Vec<f64>,
    values: Vec<f64>,
    jacobian: Vec<f64>,
    /// `∇f + J'lambda`.
    slope: Vec<f64>,
}

impl Candidate {
    /// `None` if something is not finite there.
    fn at(problem: &mut Scaled, x: Vec<f64>, lambda: Vec<f64>) -> Option<Candidate> {
        let (n, m) = (x.len(), lambda.len());
        let entries = problem.shape.jacobian.entries();
        let mut out = Candidate {
            x,
            lambda,
            gradient: vec![0.0; n],
            values: vec![0.0; m],
            jacobian: vec![0.0; entries],
            slope: vec![],
        };
        problem.gradient(&out.x, &mut out.gradient);
        problem.values(&out.x, &mut out.values);
        problem.jacobian(&out.x, &mut out.jacobian);
        out.slope = out.gradient.clone();
        add_transposed_product(&problem.shape.jacobian, &out.jacobian, 1.0, &out.lambda, &mut out.slope);
        let finite = all_finite(&out.values) && all_finite(&out.jacobian) && all_finite(&out.slope);
        finite.then_some(out)
    }

    /// The largest figure for bound multipliers `z`.
    fn figure(&self, problem: &Scaled, z: (&[f64], &[f64])) -> f64 {
        let point = Point {
            x: &self.x,
            gradient: &self.gradient,
            values: &self.values,
            jacobian: &self.jacobian,
            lambda: &self.lambda,
            z_lower: z.0,
            z_upper: z.1,
        };
        figure(problem, &point)
    }

    /// The multipliers of bounds that are active: what the slope leaves, where its sign allows it.
    fn bound_multipliers(&self, columns: &[Active]) -> (Vec<f64>, Vec<f64>) {
        let lower = |(s, c): (&f64, &Active)| if *c == Active::Lower { s.max(0.0) } else { 0.0 };
        let upper = |(s, c): (&f64, &Active)| if *c == Active::Upper { (-s).max(0.0) } else { 0.0 };
        (self.slope.iter().zip(columns).map(lower).collect(), self.slope.iter().zip(columns).map(upper).collect())
    }
}

/// Improves `at`, with a system analysed for the problem; returns the figure of [`super::verdict`] at the end.
pub fn polish(problem: &mut Scaled, system: &mut System, at: &mut Iterate) -> f64 {
    let n = problem.variables();
    let columns: Vec<Active> = (0..n).map(|i| activity(problem, at, i)).collect();
    let rows: Vec<Active> = problem
        .rows
        .iter()
        .map(|row| match row {
            Row::Equality { .. } => Active::Both,
            Row::Inequality { slack } => activity(problem, at, *slack),
            Row::Free => Active::No,
        })
        .collect();
    let projected = (0..n).map(|i| at.w[i].max(problem.true_lower[i]).min(problem.true_upper[i])).collect();
    let Some(first) = Candidate::at(problem, projected, at.lambda.clone()) else {
        return f64::INFINITY;
    };
    let before = first.figure(problem, (&at.z_lower[..n], &at.z_upper[..n]));
    let mut x = first.x.clone();
    let mut lambda = first.lambda.clone();
    for (i, column) in columns.iter().enumerate() {
        match column {
            Active::Lower => x[i] = problem.true_lower[i],
            Active::Upper => x[i] = problem.true_upper[i],
            Active::No | Active::Both => {}
        }
    }
    lambda.iter_mut().zip(&rows).filter(|(_, active)| **active == Active::No).for_each(|(l, _)| *l = 0.0);
    let Some(start) = Candidate::at(problem, x, lambda) else {
        return before;
    };
    let mut best: Option<Candidate> = None;
    let mut least = before;
    let mut current = start;
    for _ in 0..STEPS {
        let Some(next) = newton_step(problem, system, &current, &columns, &rows) else {
            break;
        };
        let (z_lower, z_upper) = next.bound_multipliers(&columns);
        let error = next.figure(problem, (&z_lower, &z_upper));
        let stalled = best.is_some() && error >= least;
        if stalled || error.is_nan() {
            break;
        }
        current = next.clone();
        if error < least {
            least = error;
            best = Some(next);
        }
        if least <= ROUNDING {
            break;
        }
    }
    let Some(best) = best else {
        return before;
    };
    at.w[..n].copy_from_slice(&best.x);
    at.lambda.copy_from_slice(&best.lambda);
    let (z_lower, z_upper) = best.bound_multipliers(&columns);
    at.z_lower[..n].copy_from_slice(&z_lower);
    at.z_upper[..n].copy_from_slice(&z_upper);
    least
}

/// Active are bounds whose multiplier is larger than their gap, both as the barrier left them.
fn activity(problem: &Scaled, at: &Iterate, i: usize) -> Active {
    let (below, above) = (at.w[i] - problem.lower[i], problem.upper[i] - at.w[i]);
    if at.z_lower[i] > below && at.z_lower[i] >= at.z_upper[i] {
        Active::Lower
    } else if at.z_upper[i] > above {
        Active::Upper
    } else {
        Active::No
    }
}

/// A Newton step on `∇f + J'lambda = 0` for the free variables and `c = bound` for the active rows; what is not part of
/// the system is replaced by unit rows. `None` if the step is not finite.
fn newton_step(
    problem: &mut Scaled,
    system: &mut System,
    from: &Candidate,
    columns: &[Active],
    rows: &[Active],
) -> Option<Candidate> {
    let (n, m) = (columns.len(), rows.len());
    let free = |i: usize| columns[i] == Active::No;
    system.evaluate(problem, &from.x, &from.lambda, &from.gradient, &from.jacobian);
    system.hold(problem, |i| !free(i));
    let mut jacobian = from.jacobian.clone();
    let pattern = &problem.shape.jacobian;
    for (r, active) in rows.iter().enumerate() {
        for k in pattern.row(r) {
            if *active == Active::No || !free(pattern.columns[k] as usize) {
                jacobian[k] = 0.0;
            }
        }
    }
    let d: Vec<f64> = (0..n).map(|i| if free(i) { 0.0 } else { 1.0 }).collect();
    let e: Vec<f64> = rows.iter().map(|active| if *active == Active::No { 1.0 } else { 0.0 }).collect();
    system.factor(&jacobian, &d, &e).ok()?;
    let mut step = vec![0.0; n + m];
    for i in (0..n).filter(|i| free(*i)) {
        step[i] = -from.slope[i];
    }
    for r in 0..m {
        let bound = match (problem.rows[r], rows[r]) {
            (Row::Equality { target }, _) => target,
            (Row::Inequality { slack }, Active::Lower) => problem.true_lower[slack],
            (Row::Inequality { slack }, Active::Upper) => problem.true_upper[slack],
            (Row::Inequality { .. } | Row::Free, _) => from.values[r],
        };
        step[n + r] = bound - from.values[r];
    }
    system.solve(problem, &mut step);
    if !all_finite(&step) || max_norm(&step) > 1e10 {
        return None;
    }
    let x = from.x.iter().zip(&step).map(|(x, d)| x + d).collect();
    let lambda = from.lambda.iter().zip(&step[n..]).map(|(l, d)| l + d).collect();
    Candidate::at(problem, x, lambda)
}
