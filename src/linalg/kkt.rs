//! Saddle-point systems `K = [H + diag(d), J'; J, -diag(e)]` with `d, e >= 0`, factored many times with one analysis.
//!
//! Small systems are factored densely with pivoting (Bunch-Kaufman). Large ones are factored sparsely without it, after
//! a static shift of `±SHIFT` that makes pivots of linear variables and of equality rows usable; solutions are refined
//! against the matrix *without* the shift, and a solve says how well that went: a singular `K` shows there.

use super::bunch_kaufman::BunchKaufman;
use super::ldlt::Ldlt;
pub use super::ldlt::{Inertia, NotFactored};
use super::pattern::Pattern;
use super::vector::{all_finite, max_norm};
use std::sync::Arc;

/// Added to the diagonal of `H` and subtracted below; smaller shifts lose more digits than they save (1e-8 loses 8).
const SHIFT: f64 = 1e-8;
/// Up to this dimension the dense factorisation is used: below it, it is as fast, and it pivots.
const DENSE_LIMIT: usize = 64;
const REFINEMENTS: usize = 10;

/// The system, its factors and its work space; nothing is allocated after [`Kkt::new`].
pub struct Kkt {
    variables: usize,
    rows: usize,
    pattern: Pattern,
    /// Where entries of `H`, of `J` and of the two diagonals stand among `values`.
    hessian_places: Vec<usize>,
    jacobian_places: Vec<usize>,
    diagonal_places: Vec<usize>,
    values: Vec<f64>,
    shifted: Vec<f64>,
    factors: Factors,
    norm: f64,
    right: Vec<f64>,
    residual: Vec<f64>,
    best: Vec<f64>,
}

enum Factors {
    Dense(BunchKaufman),
    Sparse(Box<Ldlt>),
}

impl Kkt {
    /// Analyses the system for the lower triangle of an `n × n` Hessian and an `m × n` Jacobian.
    pub fn new(hessian: &Arc<Pattern>, jacobian: &Arc<Pattern>) -> Result<Kkt, NotFactored> {
        let (n, m) = (hessian.rows, jacobian.rows);
        let mut pattern = Pattern { rows: n + m, columns_count: n + m, starts: vec![0], columns: Vec::new() };
        let mut hessian_places = Vec::with_capacity(hessian.entries());
        let mut jacobian_places = Vec::with_capacity(jacobian.entries());
        let mut diagonal_places = Vec::with_capacity(n + m);
        for r in 0..n {
            for k in hessian.row(r) {
                hessian_places.push(pattern.columns.len());
                pattern.columns.push(hessian.columns[k]);
            }
            if hessian.row(r).last().is_none_or(|k| hessian.columns[k] as usize != r) {
                pattern.columns.push(r as u32);
            }
            diagonal_places.push(pattern.columns.len() - 1);
            pattern.starts.push(pattern.columns.len());
        }
        for r in 0..m {
            for k in jacobian.row(r) {
                jacobian_places.push(pattern.columns.len());
                pattern.columns.push(jacobian.columns[k]);
            }
            diagonal_places.push(pattern.columns.len());
            pattern.columns.push((n + r) as u32);
            pattern.starts.push(pattern.columns.len());
        }
        let factors = if n + m <= DENSE_LIMIT {
            Factors::Dense(BunchKaufman::new(n + m))
        } else {
            Factors::Sparse(Box::new(Ldlt::new(&pattern)?))
        };
        let entries = pattern.columns.len();
        Ok(Kkt {
            variables: n,
            rows: m,
            pattern,
            hessian_places,
            jacobian_places,
            diagonal_places,
            values: vec![0.0; entries],
            shifted: vec![0.0; entries],
            factors,
            norm: 0.0,
            right: vec![0.0; n + m],
            residual: vec![0.0; n + m],
            best: vec![0.0; n + m],
        })
    }

    /// Factors `K` for the entries `h` of `H`, `j` of `J`, and the diagonals `d` (`n`) and `e` (`m`).
    ///
    /// A matrix with full-rank `J` and `H + diag(d)` positive definite on its null space has inertia `(n, m, 0)`.
    pub fn factor(&mut self, h: &[f64], j: &[f64], d: &[f64], e: &[f64]) -> Result<Inertia, NotFactored> {
        self.values.fill(0.0);
        for (place, value) in self.hessian_places.iter().zip(h).chain(self.jacobian_places.iter().zip(j)) {
            self.values[*place] = *value;
        }
        let (upper, lower) = self.diagonal_places.split_at(self.variables);
        upper.iter().zip(d).for_each(|(place, d)| self.values[*place] += d);
        lower.iter().zip(e).for_each(|(place, e)| self.values[*place] -= e);
        if !all_finite(&self.values) {
            return Err(NotFactored::NotFinite);
        }
        self.norm = max_norm(&self.values);
        match &mut self.factors {
            Factors::Dense(dense) => {
                dense.clear();
                for r in 0..self.pattern.rows {
                    for k in self.pattern.row(r) {
                        dense.add(r, self.pattern.columns[k] as usize, self.values[k]);
                    }
                }
                Ok(dense.factor())
            }
            Factors::Sparse(sparse) => {
                self.shifted.copy_from_slice(&self.values);
                for (i, place) in self.diagonal_places.iter().enumerate() {
                    self.shifted[*place] += if i < self.variables { SHIFT } else { -SHIFT };
                }
                sparse.factor(&self.shifted)
            }
        }
    }

    /// Overwrites `b` by the solution of `K x = b` and returns the relative residual
    /// `|b - K x| / (|K| |x| + |b|)` in maximum norms, which is about 1e-16 unless `K` is nearly singular.
    pub fn solve(&mut self, b: &mut [f64]) -> f64 {
        debug_assert_eq!(b.len(), self.variables + self.rows);
        self.right.copy_from_slice(b);
        b.fill(0.0);
        self.residual.copy_from_slice(&self.right);
        self.best.fill(0.0);
        let mut least = f64::INFINITY;
        for _ in 0..=REFINEMENTS {
            match &mut self.factors {
                Factors::Dense(dense) => dense.solve(&mut self.residual),
                Factors::Sparse(sparse) => sparse.solve(&mut self.residual),
            }
            b.iter_mut().zip(&self.residual).for_each(|(x, dx)| *x += dx);
            self.residual.copy_from_slice(&self.right);
            super::sparse::add_symmetric_product(&self.pattern, &self.values, -1.0, b, &mut self.residual);
            let ratio =
                max_norm(&self.residual) / (self.norm * max_norm(b) + max_norm(&self.right)).max(f64::MIN_POSITIVE);
            if ratio.is_nan() || ratio >= least {
                break;
            }
            let slow = ratio > 0.5 * least;
            least = ratio;
            self.best.copy_from_slice(b);
            if ratio <= 1e-15 || slow {
                break;
            }
        }
        b.copy_from_slice(&self.best);
        least
    }
}
