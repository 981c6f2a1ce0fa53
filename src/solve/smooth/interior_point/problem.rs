//! The problem in the form that the barrier works on: scaled, with a slack for each inequality,
//! `min f(x)  s.t.  c(x) - s = 0 (inequalities),  c(x) = target (equalities),  lower <= w <= upper,  w = (x, s)`.
//!
//! Objective and rows are multiplied by factors that bring their gradients at the start under `GRADIENT_LIMIT`. Bounds
//! are relaxed by `relaxation * max(1, |bound|)`, so that the inside of the box is never empty; reported points are
//! projected back. Rows without any bound take no part: their factor, their
//! residual and their multiplier are 0.

use crate::solve::nlp::{Nlp, Shape};

/// Larger gradients at the start are scaled down to this.
const GRADIENT_LIMIT: f64 = 100.0;
/// No factor is smaller.
const LEAST_SCALE: f64 = 1e-8;

/// What objective and rows are scaled by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    None,
    Gradients,
    /// Sizes that the model states; gradients where it states none.
    Stated,
}

/// What a row asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Row {
    /// `c = target`.
    Equality {
        target: f64,
    },
    /// `c - w[slack] = 0`.
    Inequality {
        slack: usize,
    },
    Free,
}

/// The scaled problem. Vectors in `w` have `n` variables first, then a slack for each inequality.
pub struct Scaled<'a> {
    pub nlp: &'a mut dyn Nlp,
    pub shape: Shape,
    pub objective_scale: f64,
    pub row_scale: Vec<f64>,
    pub rows: Vec<Row>,
    /// The row of each slack.
    pub row_of_slack: Vec<usize>,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    /// The bounds before they were relaxed.
    pub true_lower: Vec<f64>,
    pub true_upper: Vec<f64>,
    weights: Vec<f64>,
}

impl<'a> Scaled<'a> {
    /// Scales `nlp` by its gradients at `x`; entries that are not finite leave their row alone. Where sizes are stated
    /// and asked for, objective and rows are divided by them instead.
    pub fn new(nlp: &'a mut dyn Nlp, x: &[f64], relaxation: f64, by: Scaling) -> Scaled<'a> {
        let shape = nlp.shape().clone();
        let (n, m) = (shape.variables(), shape.rows());
        let mut objective_scale = 1.0;
        let mut row_scale = vec![1.0; m];
        if by != Scaling::None {
            let mut gradient = vec![0.0; n];
            nlp.gradient(x, &mut gradient);
            objective_scale = factor(&gradient);
            let mut jacobian = vec![0.0; shape.jacobian.entries()];
            nlp.jacobian(x, &mut jacobian);
            for (r, slot) in row_scale.iter_mut().enumerate() {
                *slot = factor(&jacobian[shape.jacobian.row(r)]);
            }
        }
        if let Some(scales) = shape.scales.as_ref().filter(|_| by == Scaling::Stated) {
            objective_scale = scales.objective.map_or(objective_scale, f64::recip);
            let stated = row_scale.iter_mut().zip(&scales.rows);
            stated.for_each(|(slot, size)| *slot = size.map_or(*slot, f64::recip));
        }
        Scaled::with_factors(nlp, relaxation, objective_scale, row_scale)
    }

    /// With factors that are known; those of free rows become 0.
    pub fn with_factors(
        nlp: &'a mut dyn Nlp,
        relaxation: f64,
        objective_scale: f64,
        mut row_scale: Vec<f64>,
    ) -> Scaled<'a> {
        let shape = nlp.shape().clone();
        let m = shape.rows();
        let scaled = |bound: f64, scale: f64| if bound.is_finite() { bound * scale } else { bound };
        let relax = |bound: f64, by: f64| if bound.is_finite() { bound + by * bound.abs().max(1.0) } else { bound };
        let mut lower: Vec<f64> = shape.lower.iter().map(|b| relax(*b, -relaxation)).collect();
        let mut upper: Vec<f64> = shape.upper.iter().map(|b| relax(*b, relaxation)).collect();
        let (mut true_lower, mut true_upper) = (shape.lower.clone(), shape.upper.clone());
        let mut rows = Vec::with_capacity(m);
        let mut row_of_slack = Vec::new();
        for (r, factor) in row_scale.iter_mut().enumerate() {
            let (least, most) = (scaled(shape.row_lower[r], *factor), scaled(shape.row_upper[r], *factor));
            rows.push(if least == most {
                Row::Equality { target: least }
            } else if least == f64::NEG_INFINITY && most == f64::INFINITY {
                *factor = 0.0;
                Row::Free
            } else {
                lower.push(relax(least, -relaxation));
                upper.push(relax(most, relaxation));
                true_lower.push(least);
                true_upper.push(most);
                row_of_slack.push(r);
                Row::Inequality { slack: lower.len() - 1 }
            });
        }
        Scaled {
            nlp,
            shape,
            objective_scale,
            row_scale,
            rows,
            row_of_slack,
            lower,
            upper,
            true_lower,
            true_upper,
            weights: vec![0.0; m],
        }
    }

    pub fn variables(&self) -> usize {
        self.shape.variables()
    }

    /// `n` and the slacks.
    pub fn width(&self) -> usize {
        self.lower.len()
    }

    pub fn height(&self) -> usize {
        self.rows.len()
    }

    pub fn objective(&mut self, w: &[f64]) -> f64 {
        let n = self.variables();
        self.objective_scale * self.nlp.objective(&w[..n])
    }

    pub fn gradient(&mut self, w: &[f64], out: &mut [f64]) {
        let n = self.variables();
        self.nlp.gradient(&w[..n], out);
        out.iter_mut().for_each(|g| *g *= self.objective_scale);
    }

    /// Writes the scaled values of all rows.
    pub fn values(&mut self, w: &[f64], out: &mut [f64]) {
        let n = self.variables();
        self.nlp.constraints(&w[..n], out);
        out.iter_mut().zip(&self.row_scale).for_each(|(c, s)| *c *= s);
    }

    /// Turns the values of rows into residuals.
    pub fn subtract_targets(&self, w: &[f64], values: &mut [f64]) {
        for (value, row) in values.iter_mut().zip(&self.rows) {
            match row {
                Row::Equality { target } => *value -= target,
                Row::Inequality { slack } => *value -= w[*slack],
                Row::Free => *value = 0.0,
            }
        }
    }

    pub fn residual(&mut self, w: &[f64], out: &mut [f64]) {
        self.values(w, out);
        self.subtract_targets(w, out);
    }

    pub fn jacobian(&mut self, w: &[f64], out: &mut [f64]) {
        let n = self.variables();
        self.nlp.jacobian(&w[..n], out);
        for (r, s) in self.row_scale.iter().enumerate() {
            // Free rows have scale 0, which must also hide entries that are not finite.
            out[self.shape.jacobian.row(r)]
                .iter_mut()
                .for_each(|entry| *entry = if *s == 0.0 { 0.0 } else { *entry * s });
        }
    }

    /// Writes the Hessian of `f + lambda'c`.
    pub fn hessian(&mut self, w: &[f64], lambda: &[f64], out: &mut [f64]) {
        let n = self.variables();
        self.weights.iter_mut().zip(lambda.iter().zip(&self.row_scale)).for_each(|(y, (l, s))| *y = l * s);
        self.nlp.hessian(&w[..n], self.objective_scale, &self.weights, out);
    }

    /// Writes the product of the Hessian of `f + lambda'c` with `v`.
    pub fn hessian_product(&mut self, w: &[f64], lambda: &[f64], v: &[f64], out: &mut [f64]) {
        let n = self.variables();
        self.weights.iter_mut().zip(lambda.iter().zip(&self.row_scale)).for_each(|(y, (l, s))| *y = l * s);
        self.nlp.hessian_product(&w[..n], self.objective_scale, &self.weights, v, out);
    }
}

fn factor(gradient: &[f64]) -> f64 {
    let most = crate::linalg::vector::max_norm(gradient);
    if most > GRADIENT_LIMIT && most.is_finite() { (GRADIENT_LIMIT / most).max(LEAST_SCALE) } else { 1.0 }
}
