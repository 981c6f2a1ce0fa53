//! A point of the primal-dual method with all that is known there, and how far from optimal it is.

use super::problem::{Row, Scaled};
use crate::linalg::sparse::add_transposed_product;
use crate::linalg::vector::{all_finite, max_norm, one_norm};

/// Weight of the term that keeps variables with one bound from running away.
const DAMPING: f64 = 1e-5;
/// Multipliers of this average size are not divided out of the errors.
const MULTIPLIER_SCALE: f64 = 100.0;

/// `w = (x, s)`, multipliers `lambda` of the rows (of `f + lambda'c`), `z_lower, z_upper >= 0` of the bounds, and the
/// functions at `w`.
#[derive(Clone, Debug)]
pub struct Iterate {
    pub w: Vec<f64>,
    pub lambda: Vec<f64>,
    pub z_lower: Vec<f64>,
    pub z_upper: Vec<f64>,
    pub objective: f64,
    pub gradient: Vec<f64>,
    pub residual: Vec<f64>,
    pub jacobian: Vec<f64>,
    /// `∇f + J'lambda - z_lower + z_upper`, over `w`.
    pub dual_residual: Vec<f64>,
}

/// The residuals of the optimality conditions, in maximum norms.
#[derive(Clone, Copy, Debug)]
pub struct Errors {
    pub primal: f64,
    pub dual: f64,
    /// The largest of them and of the complementarity products, the last two divided by the average size of the multipliers.
    pub scaled: f64,
}

impl Iterate {
    pub fn new(problem: &Scaled) -> Iterate {
        let (n, width, m) = (problem.variables(), problem.width(), problem.height());
        Iterate {
            w: vec![0.0; width],
            lambda: vec![0.0; m],
            z_lower: vec![0.0; width],
            z_upper: vec![0.0; width],
            objective: f64::NAN,
            gradient: vec![0.0; n],
            residual: vec![0.0; m],
            jacobian: vec![0.0; problem.shape.jacobian.entries()],
            dual_residual: vec![0.0; width],
        }
    }

    /// Evaluates objective and residual at `w`; false if one is not finite.
    pub fn evaluate_values(&mut self, problem: &mut Scaled) -> bool {
        self.objective = problem.objective(&self.w);
        problem.residual(&self.w, &mut self.residual);
        self.objective.is_finite() && all_finite(&self.residual)
    }

    /// Evaluates gradient and Jacobian at `w`; false if an entry is not finite.
    pub fn evaluate_derivatives(&mut self, problem: &mut Scaled) -> bool {
        problem.gradient(&self.w, &mut self.gradient);
        problem.jacobian(&self.w, &mut self.jacobian);
        all_finite(&self.gradient) && all_finite(&self.jacobian)
    }

    /// Keeps `dual_residual` true after a change of point or multipliers.
    pub fn update_dual_residual(&mut self, problem: &Scaled) {
        let n = problem.variables();
        self.dual_residual[..n].copy_from_slice(&self.gradient);
        add_transposed_product(
            &problem.shape.jacobian,
            &self.jacobian,
            1.0,
            &self.lambda,
            &mut self.dual_residual[..n],
        );
        for (k, row) in problem.row_of_slack.iter().enumerate() {
            self.dual_residual[n + k] = -self.lambda[*row];
        }
        for i in 0..self.w.len() {
            self.dual_residual[i] += self.z_upper[i] - self.z_lower[i];
        }
    }

    /// `|c|` in the 1-norm: the infeasibility that the filter sees.
    pub fn infeasibility(&self) -> f64 {
        one_norm(&self.residual)
    }

    /// `f - mu Σ log(gaps)` and the damping of variables with one bound.
    pub fn barrier_objective(&self, problem: &Scaled, mu: f64) -> f64 {
        let mut logs = 0.0;
        let mut damping = 0.0;
        // The product of several gaps costs one logarithm; it is taken before the product can over- or underflow.
        let mut product = 1.0f64;
        for i in 0..self.w.len() {
            let (below, above) = (self.w[i] - problem.lower[i], problem.upper[i] - self.w[i]);
            match (below.is_finite(), above.is_finite()) {
                (true, true) => product *= below * above,
                (true, false) => {
                    product *= below;
                    damping += below;
                }
                (false, true) => {
                    product *= above;
                    damping += above;
                }
                (false, false) => {}
            }
            if !(1e-100..1e100).contains(&product) {
                logs += product.ln();
                product = 1.0;
            }
        }
        self.objective - mu * (logs + product.ln()) + mu * DAMPING * damping
    }

    /// Writes the gradient of [`Iterate::barrier_objective`] over `w`.
    pub fn barrier_gradient(&self, problem: &Scaled, mu: f64, out: &mut [f64]) {
        let n = self.gradient.len();
        out[..n].copy_from_slice(&self.gradient);
        out[n..].fill(0.0);
        for (i, slot) in out.iter_mut().enumerate() {
            let (below, above) = (self.w[i] - problem.lower[i], problem.upper[i] - self.w[i]);
            // Infinite gaps contribute nothing: mu / inf = 0.
            *slot += mu / above - mu / below;
            if below.is_finite() != above.is_finite() {
                *slot += if below.is_finite() { mu * DAMPING } else { -mu * DAMPING };
            }
        }
    }

    /// Distances to optimality of the barrier problem for `mu` (0: of the problem itself).
    pub fn errors(&self, problem: &Scaled, mu: f64) -> Errors {
        let mut complementarity: f64 = 0.0;
        let mut bounds = 0;
        let mut bound_multipliers = 0.0;
        for i in 0..self.w.len() {
            for (gap, z) in
                [(self.w[i] - problem.lower[i], self.z_lower[i]), (problem.upper[i] - self.w[i], self.z_upper[i])]
            {
                if gap.is_finite() {
                    // Of two numbers of this size the difference is not known any better.
                    let rounding = 2.0 * f64::EPSILON * self.w[i].abs();
                    complementarity = complementarity.max((gap * z - mu).abs() - rounding * z);
                    bound_multipliers += z;
                    bounds += 1;
                }
            }
        }
        let scale = |sum: f64, count: usize| (sum / count.max(1) as f64).max(MULTIPLIER_SCALE) / MULTIPLIER_SCALE;
        let primal = max_norm(&self.residual);
        let dual = max_norm(&self.dual_residual);
        let dual_scale = scale(one_norm(&self.lambda) + bound_multipliers, self.lambda.len() + bounds);
        let scaled = primal.max(dual / dual_scale).max(complementarity / scale(bound_multipliers, bounds));
        Errors { primal, dual, scaled }
    }

    /// The average of `gap * z` over all bounds, and the least; `(0, 0)` without bounds.
    pub fn complementarity(&self, problem: &Scaled) -> (f64, f64) {
        let (mut sum, mut least, mut count) = (0.0, f64::INFINITY, 0usize);
        for i in 0..self.w.len() {
            for (gap, z) in
                [(self.w[i] - problem.lower[i], self.z_lower[i]), (problem.upper[i] - self.w[i], self.z_upper[i])]
            {
                if gap.is_finite() {
                    sum += gap * z;
                    least = f64::min(least, gap * z);
                    count += 1;
                }
            }
        }
        if count == 0 { (0.0, 0.0) } else { (sum / count as f64, least) }
    }

    /// Keeps `z` near `mu / gap`, within a factor of 1e10, as the convergence theory asks.
    pub fn reset_bound_multipliers(&mut self, problem: &Scaled, mu: f64) {
        const FACTOR: f64 = 1e10;
        for i in 0..self.w.len() {
            let (below, above) = (self.w[i] - problem.lower[i], problem.upper[i] - self.w[i]);
            if below.is_finite() {
                self.z_lower[i] = self.z_lower[i].clamp(mu / below / FACTOR, FACTOR * mu / below);
            }
            if above.is_finite() {
                self.z_upper[i] = self.z_upper[i].clamp(mu / above / FACTOR, FACTOR * mu / above);
            }
        }
    }

    /// Moves bounds away by a little where the point has come so close that gaps lose all digits.
    pub fn keep_gaps_positive(&self, problem: &mut Scaled, mu: f64) {
        let least = f64::EPSILON * mu.min(1.0);
        let move_by = f64::EPSILON.powf(0.75);
        for i in 0..self.w.len() {
            if self.w[i] - problem.lower[i] < least {
                problem.lower[i] -= move_by * problem.lower[i].abs().max(1.0);
            }
            if problem.upper[i] - self.w[i] < least {
                problem.upper[i] += move_by * problem.upper[i].abs().max(1.0);
            }
        }
    }

    /// Puts slacks at the values of their rows, inside their bounds by `push` (absolute and of the width).
    pub fn place_slacks(&mut self, problem: &mut Scaled, push: f64) {
        problem.values(&self.w, &mut self.residual);
        for (r, row) in problem.rows.iter().enumerate() {
            if let Row::Inequality { slack } = row {
                self.w[*slack] = inside(self.residual[r], problem.lower[*slack], problem.upper[*slack], push);
            }
        }
        problem.subtract_targets(&self.w, &mut self.residual);
    }
}

/// The point nearest to `value` that keeps from each bound the distance `push * max(1, |bound|)`, or `push` times the
/// width where that is less. NaN becomes a point inside.
pub fn inside(value: f64, lower: f64, upper: f64, push: f64) -> f64 {
    let width = upper - lower;
    let keep = |bound: f64| (push * bound.abs().max(1.0)).min(push.min(0.5) * width);
    let value = if value.is_nan() { 0.0 } else { value };
    let value = if lower.is_finite() { value.max(lower + keep(lower)) } else { value };
    if upper.is_finite() { value.min(upper - keep(upper)) } else { value }
}
