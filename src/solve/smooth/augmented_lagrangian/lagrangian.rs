//! The augmented Lagrangian of scaled rows, as a problem with bounds only:
//! `a f(x) + (rho/2) Σ dist²(b_r c_r(x) + lambda_r / rho, [l_r, u_r])  over  lower <= x <= upper`.
//!
//! With `t = b c + lambda / rho` and `d = t - P(t)`, the gradient is `a ∇f + rho J'd` and the Hessian is
//! `a ∇²f + rho Σ d_r ∇²c_r + rho Σ J_r J_r'` over the rows with `d_r != 0`. Products use the products of the problem.

use crate::answer::Evaluations;
use crate::linalg::pattern::Pattern;
use crate::linalg::sparse::add_transposed_product;
use crate::solve::nlp::{Nlp, Shape};
use std::sync::Arc;

/// See the header. Values at the last point are kept.
pub struct Lagrangian<'a> {
    pub nlp: &'a mut dyn Nlp,
    outer: Shape,
    shape: Shape,
    pub objective_scale: f64,
    pub row_scale: Vec<f64>,
    pub lambda: Vec<f64>,
    pub rho: f64,
    /// The point that `values` and `distances` belong to.
    known: Vec<f64>,
    pub values: Vec<f64>,
    pub distances: Vec<f64>,
    /// The point that `jacobian` belongs to.
    known_jacobian: Vec<f64>,
    jacobian: Vec<f64>,
    weights: Vec<f64>,
}

impl<'a> Lagrangian<'a> {
    pub fn new(nlp: &'a mut dyn Nlp, objective_scale: f64, row_scale: Vec<f64>, rho: f64) -> Lagrangian<'a> {
        let outer = nlp.shape().clone();
        let (n, m) = (outer.variables(), outer.rows());
        let empty = |rows: usize| Arc::new(Pattern::from_rows(n, &vec![Vec::new(); rows]));
        // The Hessian is only known by its products.
        let shape = Shape {
            lower: outer.lower.clone(),
            upper: outer.upper.clone(),
            jacobian: empty(0),
            hessian: empty(n),
            ..Shape::default()
        };
        let entries = outer.jacobian.entries();
        Lagrangian {
            nlp,
            outer,
            shape,
            objective_scale,
            row_scale,
            lambda: vec![0.0; m],
            rho,
            known: vec![f64::NAN; n],
            values: vec![0.0; m],
            distances: vec![0.0; m],
            known_jacobian: vec![f64::NAN; n],
            jacobian: vec![0.0; entries],
            weights: vec![0.0; m],
        }
    }

    /// Must be called after a change of `lambda` or `rho`.
    pub fn forget(&mut self) {
        self.known.fill(f64::NAN);
    }

    /// The bounds of row `r`, scaled.
    pub fn bounds(&self, r: usize) -> (f64, f64) {
        let scaled = |bound: f64| if bound.is_finite() { self.row_scale[r] * bound } else { bound };
        (scaled(self.outer.row_lower[r]), scaled(self.outer.row_upper[r]))
    }

    /// Makes `values` (scaled) and `distances` those of `x`.
    pub fn evaluate(&mut self, x: &[f64]) {
        if self.known == x {
            return;
        }
        self.nlp.constraints(x, &mut self.values);
        for r in 0..self.values.len() {
            let (lower, upper) = self.bounds(r);
            // Free rows have factor 0, which must also hide values that are not finite.
            self.values[r] = if self.row_scale[r] == 0.0 { 0.0 } else { self.row_scale[r] * self.values[r] };
            let t = self.values[r] + self.lambda[r] / self.rho;
            let free = lower == f64::NEG_INFINITY && upper == f64::INFINITY;
            self.distances[r] = if free { 0.0 } else { t - t.max(lower).min(upper) };
        }
        self.known.copy_from_slice(x);
    }

    fn penalty(&mut self, x: &[f64]) -> f64 {
        self.evaluate(x);
        0.5 * self.rho * self.distances.iter().map(|d| d * d).sum::<f64>()
    }

    fn evaluate_jacobian(&mut self, x: &[f64]) {
        if self.known_jacobian != x {
            self.nlp.jacobian(x, &mut self.jacobian);
            self.known_jacobian.copy_from_slice(x);
        }
    }
}

impl Nlp for Lagrangian<'_> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn objective(&mut self, x: &[f64]) -> f64 {
        self.objective_scale * self.nlp.objective(x) + self.penalty(x)
    }

    fn gradient(&mut self, x: &[f64], out: &mut [f64]) {
        self.evaluate(x);
        self.evaluate_jacobian(x);
        self.nlp.gradient(x, out);
        out.iter_mut().for_each(|g| *g *= self.objective_scale);
        for (r, weight) in self.weights.iter_mut().enumerate() {
            *weight = self.rho * self.distances[r] * self.row_scale[r];
        }
        add_transposed_product(&self.outer.jacobian, &self.jacobian, 1.0, &self.weights, out);
    }

    fn constraints(&mut self, _: &[f64], _: &mut [f64]) {}

    fn jacobian(&mut self, _: &[f64], _: &mut [f64]) {}

    /// The pattern has no entries, so there is nothing to write.
    fn hessian(&mut self, _: &[f64], _: f64, _: &[f64], _: &mut [f64]) {}

    fn hessian_product(&mut self, x: &[f64], sigma: f64, _: &[f64], v: &[f64], out: &mut [f64]) {
        self.evaluate(x);
        self.evaluate_jacobian(x);
        for (r, weight) in self.weights.iter_mut().enumerate() {
            *weight = sigma * self.rho * self.distances[r] * self.row_scale[r];
        }
        self.nlp.hessian_product(x, sigma * self.objective_scale, &self.weights, v, out);
        let pattern = &self.outer.jacobian;
        for r in 0..self.distances.len() {
            if self.distances[r] != 0.0 {
                let along: f64 = pattern.row(r).map(|k| self.jacobian[k] * v[pattern.columns[k] as usize]).sum();
                let weight = sigma * self.rho * self.row_scale[r] * self.row_scale[r] * along;
                for k in pattern.row(r) {
                    out[pattern.columns[k] as usize] += weight * self.jacobian[k];
                }
            }
        }
    }

    fn logged_objective(&mut self, x: &[f64], value: f64) -> f64 {
        (value - self.penalty(x)) / self.objective_scale
    }

    fn evaluations(&self) -> Evaluations {
        self.nlp.evaluations()
    }

    fn explain_not_finite(&mut self, x: &[f64]) -> Option<String> {
        self.nlp.explain_not_finite(x)
    }
}
