//! How far the rows of a problem must give way: `min Σ p + n  s.t.  row_lower <= c(x) + p - n <= row_upper`, `p, n >= 0`,
//! `x` within its bounds. It always has points, and where its least value is not 0 the multipliers of its rows are weights
//! that show it. `p` and `n` stand behind the variables, row by row.

use crate::answer::Evaluations;
use crate::solve::nlp::{Nlp, Pattern, Shape};
use std::sync::Arc;

pub struct Elastic<'n> {
    inner: &'n mut dyn Nlp,
    shape: Shape,
    jacobian: Vec<f64>,
    hessian: Vec<f64>,
}

impl<'n> Elastic<'n> {
    pub fn new(inner: &'n mut dyn Nlp) -> Elastic<'n> {
        let old = inner.shape().clone();
        let (n, m) = (old.variables(), old.rows());
        let columns = n + 2 * m;
        let row = |r: usize| {
            let mut row = old.jacobian.columns[old.jacobian.row(r)].to_vec();
            row.extend([(n + 2 * r) as u32, (n + 2 * r + 1) as u32]);
            row
        };
        let mut curvature: Vec<Vec<u32>> = (0..n).map(|r| old.hessian.columns[old.hessian.row(r)].to_vec()).collect();
        curvature.resize(columns, vec![]);
        let mut shape = Shape {
            jacobian: Arc::new(Pattern::from_rows(columns, &(0..m).map(row).collect::<Vec<_>>())),
            hessian: Arc::new(Pattern::from_rows(columns, &curvature)),
            scales: None,
            pairs: vec![],
            ..old.clone()
        };
        shape.lower.resize(columns, 0.0);
        shape.upper.resize(columns, f64::INFINITY);
        shape.curved.resize(columns, false);
        let (jacobian, hessian) = (vec![0.0; old.jacobian.entries()], vec![0.0; old.hessian.entries()]);
        Elastic { inner, shape, jacobian, hessian }
    }

    /// `x` with what each row needs there.
    pub fn complete(&mut self, x: &[f64]) -> Vec<f64> {
        let m = self.shape.rows();
        let mut rows = vec![0.0; m];
        self.inner.constraints(x, &mut rows);
        let mut all = x.to_vec();
        for (r, c) in rows.iter().enumerate() {
            all.extend([(self.shape.row_lower[r] - c).max(0.0), (c - self.shape.row_upper[r]).max(0.0)]);
        }
        all
    }

    fn variables(&self) -> usize {
        self.inner.shape().variables()
    }
}

impl Nlp for Elastic<'_> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn objective(&mut self, x: &[f64]) -> f64 {
        x[self.variables()..].iter().sum()
    }

    fn gradient(&mut self, _: &[f64], out: &mut [f64]) {
        let n = self.variables();
        out[..n].fill(0.0);
        out[n..].fill(1.0);
    }

    fn constraints(&mut self, x: &[f64], out: &mut [f64]) {
        let n = self.variables();
        self.inner.constraints(&x[..n], out);
        out.iter_mut().zip(x[n..].chunks(2)).for_each(|(row, give)| *row += give[0] - give[1]);
    }

    fn jacobian(&mut self, x: &[f64], out: &mut [f64]) {
        let n = self.variables();
        self.inner.jacobian(&x[..n], &mut self.jacobian);
        let pattern = &self.inner.shape().jacobian;
        let mut at = 0;
        for r in 0..pattern.rows {
            let entries = &self.jacobian[pattern.row(r)];
            out[at..at + entries.len()].copy_from_slice(entries);
            at += entries.len();
            (out[at], out[at + 1]) = (1.0, -1.0);
            at += 2;
        }
    }

    fn hessian(&mut self, x: &[f64], _: f64, weights: &[f64], out: &mut [f64]) {
        let n = self.variables();
        self.inner.hessian(&x[..n], 0.0, weights, &mut self.hessian);
        out.copy_from_slice(&self.hessian);
    }

    fn hessian_product(&mut self, x: &[f64], _: f64, weights: &[f64], v: &[f64], out: &mut [f64]) {
        let n = self.variables();
        self.inner.hessian_product(&x[..n], 0.0, weights, &v[..n], &mut out[..n]);
        out[n..].fill(0.0);
    }

    fn evaluations(&self) -> Evaluations {
        self.inner.evaluations()
    }

    fn explain_not_finite(&mut self, x: &[f64]) -> Option<String> {
        let n = self.variables();
        self.inner.explain_not_finite(&x[..n])
    }
}
