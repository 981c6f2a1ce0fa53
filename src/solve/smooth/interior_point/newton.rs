//! Newton steps for the barrier conditions, with the inertia of the system made right.
//!
//! The system in `w = (x, s)` and `lambda` is `[W + Σ + δ_w, A'; A, -δ_c]`. Steps of slacks are eliminated, which leaves
//! `[H + Σ_x + δ_w, J'; J, -(Σ_s + δ_w)⁻¹ - δ_c]` in `(x, lambda)`. Its inertia must be `(n, m, 0)` for a step that the
//! line search can use; `δ_w` and `δ_c` follow algorithm IC of Wächter and Biegler (2006).

use super::iterate::Iterate;
use super::problem::{Row, Scaled};
use super::system::{Curvature, System};
use crate::linalg::kkt::{Inertia, NotFactored};
use crate::linalg::sparse::add_transposed_product;

const FIRST_SHIFT: f64 = 1e-4;
const LEAST_SHIFT: f64 = 1e-20;
const MOST_SHIFT: f64 = 1e40;
/// Relative residuals above this mean that the system is as good as singular.
const POOR: f64 = 1e-8;

/// A step in all unknowns.
#[derive(Clone, Debug)]
pub struct Step {
    pub w: Vec<f64>,
    pub lambda: Vec<f64>,
    pub z_lower: Vec<f64>,
    pub z_upper: Vec<f64>,
}

impl Step {
    /// A step of no width: what is left while the real one is lent.
    pub fn empty() -> Step {
        Step { w: Vec::new(), lambda: Vec::new(), z_lower: Vec::new(), z_upper: Vec::new() }
    }

    pub fn new(problem: &Scaled) -> Step {
        let (width, m) = (problem.width(), problem.height());
        Step { w: vec![0.0; width], lambda: vec![0.0; m], z_lower: vec![0.0; width], z_upper: vec![0.0; width] }
    }
}

/// No shift of the Hessian made the system usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoStep {
    /// Derivatives are not finite.
    NotFinite,
    Singular,
}

/// The linear system of an iteration, kept factored for corrections.
pub struct Newton {
    pub system: System,
    sigma: Vec<f64>,
    upper_diagonal: Vec<f64>,
    lower_diagonal: Vec<f64>,
    right: Vec<f64>,
    /// Gradient of the Lagrangian of the barrier problem, over `w`.
    slope: Vec<f64>,
    pub delta_w: f64,
    pub delta_c: f64,
    last_delta_w: f64,
}

impl Newton {
    pub fn new(problem: &Scaled, curvature: Curvature) -> Result<Newton, NotFactored> {
        let (n, width, m) = (problem.variables(), problem.width(), problem.height());
        Ok(Newton {
            system: System::new(problem, curvature)?,
            sigma: vec![0.0; width],
            upper_diagonal: vec![0.0; n],
            lower_diagonal: vec![0.0; m],
            right: vec![0.0; n + m],
            slope: vec![0.0; width],
            delta_w: 0.0,
            delta_c: 0.0,
            last_delta_w: 0.0,
        })
    }

    /// Makes the Hessian of the Lagrangian and the barrier terms those of the iterate.
    pub fn evaluate(&mut self, problem: &mut Scaled, at: &Iterate) {
        self.system.evaluate(problem, &at.w, &at.lambda, &at.gradient, &at.jacobian);
        for (i, sigma) in self.sigma.iter_mut().enumerate() {
            *sigma = at.z_lower[i] / (at.w[i] - problem.lower[i]) + at.z_upper[i] / (problem.upper[i] - at.w[i]);
        }
    }

    /// Factors the system at `at` and writes the step towards the solution of the barrier problem for `mu`.
    pub fn step(&mut self, problem: &mut Scaled, at: &Iterate, mu: f64, out: &mut Step) -> Result<(), NoStep> {
        (self.delta_w, self.delta_c) = (0.0, 0.0);
        self.shifted_step(problem, at, mu, out)
    }

    /// The step for another `mu` with the factors that are there, unless it meets curvature that they do not show.
    pub fn another_step(&mut self, problem: &mut Scaled, at: &Iterate, mu: f64, out: &mut Step) -> Result<(), NoStep> {
        self.corrected_step(problem, at, mu, &at.residual, out);
        match self.system.lacking() {
            Some(lacking) => {
                self.raise_shift(lacking);
                self.shifted_step(problem, at, mu, out)
            }
            None => Ok(()),
        }
    }

    fn shifted_step(&mut self, problem: &mut Scaled, at: &Iterate, mu: f64, out: &mut Step) -> Result<(), NoStep> {
        let wanted = Inertia { positive: problem.variables(), negative: problem.height(), zero: 0 };
        loop {
            let inertia = match self.factor(problem, at) {
                Ok(inertia) => inertia,
                Err(NotFactored::NotFinite) if self.delta_w == 0.0 => return Err(NoStep::NotFinite),
                Err(_) => Inertia { zero: 1, ..Inertia::default() },
            };
            if inertia == wanted && self.corrected_step(problem, at, mu, &at.residual, out) <= POOR {
                if let Some(lacking) = self.system.lacking().filter(|_| self.delta_w <= MOST_SHIFT) {
                    self.raise_shift(lacking);
                    continue;
                }
                if self.delta_w > 0.0 {
                    self.last_delta_w = self.delta_w;
                }
                return Ok(());
            }
            let singular = inertia.zero > 0 || inertia == wanted;
            if singular && self.delta_c == 0.0 && problem.height() > 0 {
                self.delta_c = 1e-8 * mu.max(1e-8).powf(0.25);
            } else {
                self.raise_shift(0.0);
                if self.delta_w > MOST_SHIFT {
                    return Err(NoStep::Singular);
                }
            }
        }
    }

    /// Writes the step for another residual of the rows with the factors that are there, and returns the relative
    /// residual of the linear system.
    pub fn corrected_step(
        &mut self,
        problem: &mut Scaled,
        at: &Iterate,
        mu: f64,
        residual: &[f64],
        out: &mut Step,
    ) -> f64 {
        at.barrier_gradient(problem, mu, &mut self.slope);
        let n = problem.variables();
        let (slope_x, slope_s) = self.slope.split_at_mut(n);
        add_transposed_product(&problem.shape.jacobian, &at.jacobian, 1.0, &at.lambda, slope_x);
        slope_s.iter_mut().zip(&problem.row_of_slack).for_each(|(g, row)| *g -= at.lambda[*row]);
        let quality = self.solve(problem, residual, out);
        for i in 0..out.w.len() {
            let (below, above) = (at.w[i] - problem.lower[i], problem.upper[i] - at.w[i]);
            out.z_lower[i] = (mu - at.z_lower[i] * out.w[i]) / below - at.z_lower[i];
            out.z_upper[i] = (mu + at.z_upper[i] * out.w[i]) / above - at.z_upper[i];
        }
        quality
    }

    /// Multipliers that minimise `|∇f - z_lower + z_upper + A'lambda|`; zeros where they come out large or not at all.
    pub fn least_squares_multipliers(&mut self, problem: &mut Scaled, at: &mut Iterate) {
        const LARGE: f64 = 1e3;
        let n = problem.variables();
        at.lambda.fill(0.0);
        if at.lambda.is_empty() {
            return;
        }
        at.update_dual_residual(problem);
        self.slope.copy_from_slice(&at.dual_residual);
        self.system.flatten();
        self.sigma.fill(1.0);
        (self.delta_w, self.delta_c) = (0.0, 0.0);
        let wanted = Inertia { positive: n, negative: at.lambda.len(), zero: 0 };
        if self.factor(problem, at) != Ok(wanted) {
            return;
        }
        let zeros = vec![0.0; at.lambda.len()];
        let mut step = Step::new(problem);
        let quality = self.solve(problem, &zeros, &mut step);
        if quality <= POOR && crate::linalg::vector::max_norm(&step.lambda) <= LARGE {
            at.lambda.copy_from_slice(&step.lambda);
        }
    }

    fn factor(&mut self, problem: &Scaled, at: &Iterate) -> Result<Inertia, NotFactored> {
        let n = problem.variables();
        for (d, sigma) in self.upper_diagonal.iter_mut().zip(&self.sigma[..n]) {
            *d = sigma + self.delta_w;
        }
        for (e, row) in self.lower_diagonal.iter_mut().zip(&problem.rows) {
            *e = match row {
                Row::Equality { .. } => self.delta_c,
                Row::Inequality { slack } => (self.sigma[*slack] + self.delta_w).recip() + self.delta_c,
                Row::Free => 1.0,
            };
        }
        self.system.factor(&at.jacobian, &self.upper_diagonal, &self.lower_diagonal)
    }

    /// Solves for `(out.w, out.lambda)` with right side `-(slope, residual)`.
    fn solve(&mut self, problem: &mut Scaled, residual: &[f64], out: &mut Step) -> f64 {
        let n = problem.variables();
        for (b, g) in self.right[..n].iter_mut().zip(&self.slope) {
            *b = -g;
        }
        for (r, row) in problem.rows.iter().enumerate() {
            self.right[n + r] = match row {
                Row::Inequality { slack } => -residual[r] - self.slope[*slack] / (self.sigma[*slack] + self.delta_w),
                Row::Equality { .. } => -residual[r],
                Row::Free => 0.0,
            };
        }
        let quality = self.system.solve(problem, &mut self.right);
        out.w[..n].copy_from_slice(&self.right[..n]);
        out.lambda.copy_from_slice(&self.right[n..]);
        for (k, row) in problem.row_of_slack.iter().enumerate() {
            let slack = n + k;
            out.w[slack] = (out.lambda[*row] - self.slope[slack]) / (self.sigma[slack] + self.delta_w);
        }
        quality
    }

    /// By the rule, or by what is known to be lacking if that is more.
    fn raise_shift(&mut self, lacking: f64) {
        let by_rule = match (self.delta_w == 0.0, self.last_delta_w == 0.0) {
            (true, true) => FIRST_SHIFT,
            (true, false) => (self.last_delta_w / 3.0).max(LEAST_SHIFT),
            (false, true) => 100.0 * self.delta_w,
            (false, false) => 8.0 * self.delta_w,
        };
        self.delta_w = by_rule.max(self.delta_w + lacking);
    }
}
