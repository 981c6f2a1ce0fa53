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

/// Added to the diagonal of `H` and subtracted below. Measured on power networks: 1e-10 meets zero pivots by cancellation,
/// 1e-6 needs more refinement than pays; between, no difference.
const SHIFT: f64 = 1e-8;
/// Up to this dimension the dense factorisation is used: below it, it is as fast, and it pivots.
const DENSE_LIMIT: usize = 64;
/// Residuals row by row that Newton steps do not notice: on power networks 1e-14 takes twice the time and saves nothing.
const ENOUGH: f64 = 1e-9;
const REFINEMENTS: usize = 3;

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
    right: Vec<f64>,
    residual: Vec<f64>,
    sizes: Vec<f64>,
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
            right: vec![0.0; n + m],
            residual: vec![0.0; n + m],
            sizes: vec![0.0; n + m],
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
    /// `|b - K x| / ||K| |x| + |b||` in maximum norms, below 1e-9 unless `K` is nearly singular.
    ///
    /// Refinement goes on while the residual falls *row by row*: diagonals of inactive rows are so large that norms
    /// of the whole would hide what is left in the other rows.
    pub fn solve(&mut self, b: &mut [f64]) -> f64 {
        debug_assert_eq!(b.len(), self.variables + self.rows);
        self.right.copy_from_slice(b);
        b.fill(0.0);
        self.best.fill(0.0);
        self.residual.copy_from_slice(&self.right);
        let (mut least, mut quality) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..=REFINEMENTS {
            match &mut self.factors {
                Factors::Dense(dense) => dense.solve(&mut self.residual),
                Factors::Sparse(sparse) => sparse.solve(&mut self.residual),
            }
            b.iter_mut().zip(&self.residual).for_each(|(x, dx)| *x += dx);
            let (row_by_row, whole) = self.update_residual(b);
            if row_by_row.is_nan() || row_by_row >= least {
                break;
            }
            let slow = row_by_row > 0.5 * least;
            (least, quality) = (row_by_row, whole);
            self.best.copy_from_slice(b);
            if row_by_row <= ENOUGH || slow {
                break;
            }
        }
        b.copy_from_slice(&self.best);
        quality
    }

    /// Makes `residual` that of `x`; returns the largest `|r_i| / (|K| |x| + |b|)_i` and the quotient of the norms.
    fn update_residual(&mut self, x: &[f64]) -> (f64, f64) {
        for (i, b) in self.right.iter().enumerate() {
            self.residual[i] = *b;
            self.sizes[i] = b.abs();
        }
        for r in 0..self.pattern.rows {
            let (mut sum, mut size) = (0.0, 0.0);
            for k in self.pattern.row(r) {
                let c = self.pattern.columns[k] as usize;
                let entry = self.values[k];
                sum += entry * x[c];
                size += (entry * x[c]).abs();
                if c != r {
                    self.residual[c] -= entry * x[r];
                    self.sizes[c] += (entry * x[r]).abs();
                }
            }
            self.residual[r] -= sum;
            self.sizes[r] += size;
        }
        // Rows of sizes that are all rounding say nothing.
        let largest = max_norm(&self.sizes);
        let ratio = |(r, size): (&f64, &f64)| r.abs() / size.max(1e-16 * largest).max(f64::MIN_POSITIVE);
        let mut row_by_row: f64 = 0.0;
        for pair in self.residual.iter().zip(&self.sizes) {
            let ratio = ratio(pair);
            if ratio.is_nan() {
                return (f64::NAN, f64::NAN);
            }
            row_by_row = row_by_row.max(ratio);
        }
        (row_by_row, max_norm(&self.residual) / largest.max(f64::MIN_POSITIVE))
    }
}
