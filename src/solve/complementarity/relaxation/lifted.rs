//! The relaxed problem of Scholtes, with a variable for either side of each pair: `s = a(x)`, `v = b(x)` and
//!
//! ```text
//! (s - lower) v <= t        (upper - s)(-v) <= t
//! ```
//! for the sides that are finite. `s` and `v` stand behind the variables, pair by pair; products behind the rows. The
//! rows of `a` and `b` become equations and keep their places, and so their multipliers.

use crate::answer::Evaluations;
use crate::linalg::pattern::Pattern;
use crate::problem::complementarity::implied_sides;
use crate::solve::nlp::{Nlp, Shape};
use std::sync::Arc;

/// A product row: of which pair, and at which side of it.
#[derive(Clone, Copy)]
enum Product {
    Lower(usize, f64),
    Upper(usize, f64),
}

pub struct Lifted<'n> {
    inner: &'n mut dyn Nlp,
    shape: Shape,
    products: Vec<Product>,
    /// The column of the new variable that a row of a pair equals.
    twin: Vec<Option<usize>>,
    jacobian: Vec<f64>,
    hessian: Vec<f64>,
}

impl<'n> Lifted<'n> {
    pub fn new(inner: &'n mut dyn Nlp) -> Lifted<'n> {
        let old = inner.shape().clone();
        let (n, m) = (old.variables(), old.rows());
        let mut shape = Shape { pairs: vec![], ..old.clone() };
        let mut twin = vec![None; m];
        let mut products = vec![];
        for (i, pair) in old.pairs.iter().enumerate() {
            let (a, b) = (pair.bounded as usize, pair.force as usize);
            let (lower, upper) = (old.row_lower[a], old.row_upper[a]);
            let (least, most) = implied_sides(lower, upper);
            shape.lower.extend([lower, least]);
            shape.upper.extend([upper, most]);
            for (k, row) in [a, b].into_iter().enumerate() {
                twin[row] = Some(n + 2 * i + k);
                (shape.row_lower[row], shape.row_upper[row]) = (0.0, 0.0);
            }
            if lower.is_finite() && lower < upper {
                products.push(Product::Lower(i, lower));
            }
            if upper.is_finite() && lower < upper {
                products.push(Product::Upper(i, upper));
            }
        }
        let columns = n + 2 * old.pairs.len();
        let own = |pattern: &Pattern, r: usize| pattern.columns[pattern.row(r)].to_vec();
        let mut rows: Vec<Vec<u32>> = (0..m).map(|r| own(&old.jacobian, r)).collect();
        for (row, twin) in rows.iter_mut().zip(&twin) {
            row.extend(twin.map(|t| t as u32));
        }
        for product in &products {
            let first = product.first(n) as u32;
            rows.push(vec![first, first + 1]);
        }
        shape.jacobian = Arc::new(Pattern::from_rows(columns, &rows));
        let mut curvature: Vec<Vec<u32>> = (0..n).map(|r| own(&old.hessian, r)).collect();
        for i in 0..old.pairs.len() {
            curvature.extend([vec![], vec![(n + 2 * i) as u32]]);
        }
        shape.hessian = Arc::new(Pattern::from_rows(columns, &curvature));
        shape.curved.resize(columns, true);
        if let Some(scales) = &mut shape.scales {
            let scales = Arc::make_mut(scales);
            scales.variables.resize(columns, None);
            scales.rows.resize(m + products.len(), None);
        }
        let mut lifted = Lifted {
            jacobian: vec![0.0; old.jacobian.entries()],
            hessian: vec![0.0; old.hessian.entries()],
            inner,
            shape,
            products,
            twin,
        };
        lifted.relax(f64::INFINITY);
        lifted
    }

    /// Products are at most `t` from now on.
    pub fn relax(&mut self, t: f64) {
        let m = self.twin.len();
        self.shape.row_lower.truncate(m);
        self.shape.row_upper.truncate(m);
        self.shape.row_lower.resize(m + self.products.len(), f64::NEG_INFINITY);
        self.shape.row_upper.resize(m + self.products.len(), t);
    }

    /// A point with the new variables at the rows that they equal, moved within their bounds.
    pub fn complete(&mut self, x: &[f64]) -> Vec<f64> {
        let mut rows = vec![0.0; self.twin.len()];
        self.inner.constraints(x, &mut rows);
        let mut all = x.to_vec();
        all.resize(self.shape.variables(), 0.0);
        for (row, twin) in rows.iter().zip(&self.twin) {
            if let Some(k) = twin {
                all[*k] = row.max(self.shape.lower[*k]).min(self.shape.upper[*k]);
            }
        }
        all
    }

    fn variables(&self) -> usize {
        self.inner.shape().variables()
    }
}

impl Product {
    /// The column of its `s`; that of `v` is the next.
    fn first(self, n: usize) -> usize {
        match self {
            Product::Lower(i, _) | Product::Upper(i, _) => n + 2 * i,
        }
    }
}

impl Nlp for Lifted<'_> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn objective(&mut self, x: &[f64]) -> f64 {
        self.inner.objective(&x[..self.inner.shape().variables()])
    }

    fn gradient(&mut self, x: &[f64], out: &mut [f64]) {
        let n = self.variables();
        self.inner.gradient(&x[..n], &mut out[..n]);
        out[n..].fill(0.0);
    }

    fn constraints(&mut self, x: &[f64], out: &mut [f64]) {
        let (n, m) = (self.variables(), self.twin.len());
        self.inner.constraints(&x[..n], &mut out[..m]);
        for (row, twin) in out.iter_mut().zip(&self.twin) {
            *row -= twin.map_or(0.0, |k| x[k]);
        }
        for (row, product) in out[m..].iter_mut().zip(&self.products) {
            let first = product.first(n);
            let (s, v) = (x[first], x[first + 1]);
            *row = match product {
                Product::Lower(_, lower) => (s - lower) * v,
                Product::Upper(_, upper) => (s - upper) * v,
            };
        }
    }

    fn jacobian(&mut self, x: &[f64], out: &mut [f64]) {
        let (n, m) = (self.variables(), self.twin.len());
        self.inner.jacobian(&x[..n], &mut self.jacobian);
        let inner = &self.inner.shape().jacobian;
        let mut at = 0;
        for r in 0..m {
            let entries = &self.jacobian[inner.row(r)];
            out[at..at + entries.len()].copy_from_slice(entries);
            at += entries.len();
            if self.twin[r].is_some() {
                out[at] = -1.0;
                at += 1;
            }
        }
        for product in &self.products {
            let first = product.first(n);
            let side = match product {
                Product::Lower(_, side) | Product::Upper(_, side) => side,
            };
            (out[at], out[at + 1]) = (x[first + 1], x[first] - side);
            at += 2;
        }
    }

    fn hessian(&mut self, x: &[f64], sigma: f64, weights: &[f64], out: &mut [f64]) {
        let (n, m) = (self.variables(), self.twin.len());
        let entries = self.hessian.len();
        self.inner.hessian(&x[..n], sigma, &weights[..m], &mut self.hessian);
        out[..entries].copy_from_slice(&self.hessian);
        out[entries..].fill(0.0);
        for (product, weight) in self.products.iter().zip(&weights[m..]) {
            out[entries + (product.first(n) - n) / 2] += weight;
        }
    }

    fn hessian_product(&mut self, x: &[f64], sigma: f64, weights: &[f64], v: &[f64], out: &mut [f64]) {
        let (n, m) = (self.variables(), self.twin.len());
        self.inner.hessian_product(&x[..n], sigma, &weights[..m], &v[..n], &mut out[..n]);
        out[n..].fill(0.0);
        for (product, weight) in self.products.iter().zip(&weights[m..]) {
            let first = product.first(n);
            out[first] += weight * v[first + 1];
            out[first + 1] += weight * v[first];
        }
    }

    fn objective_factor(&self) -> f64 {
        self.inner.objective_factor()
    }

    fn evaluations(&self) -> Evaluations {
        self.inner.evaluations()
    }

    fn explain_not_finite(&mut self, x: &[f64]) -> Option<String> {
        let n = self.variables();
        self.inner.explain_not_finite(&x[..n])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solve::nlp::Pair;
    use crate::solve::testing::{FREE, Formulas};

    #[test]
    fn derivatives_agree_with_differences() {
        let rows = [("x1*x2-x3", (0.5, f64::INFINITY)), ("x2^2+x1", FREE), ("x3-x1", (-1.0, 2.0)), ("x2*x3", FREE)];
        let pairs = [Pair { bounded: 0, force: 1 }, Pair { bounded: 2, force: 3 }];
        let mut inner = Formulas::new("x1^2*x2+x3", &[FREE; 3], &rows).with_pairs(&pairs);
        let mut lifted = Lifted::new(&mut inner);
        lifted.relax(0.1);
        let (n, m) = (lifted.shape().variables(), lifted.shape().rows());
        assert_eq!((n, m), (3 + 4, 4 + 3));
        let x: Vec<f64> = (0..n).map(|k| 0.3 + 0.21 * k as f64).collect();
        let weights: Vec<f64> = (0..m).map(|r| 1.0 - 0.4 * r as f64).collect();
        let pattern = lifted.shape().jacobian.clone();
        let mut entries = vec![0.0; pattern.entries()];
        lifted.jacobian(&x, &mut entries);
        let h = 1e-6;
        for k in 0..n {
            let moved =
                |by: f64| x.iter().enumerate().map(|(i, v)| if i == k { v + by } else { *v }).collect::<Vec<f64>>();
            let (mut up, mut down) = (vec![0.0; m], vec![0.0; m]);
            lifted.constraints(&moved(h), &mut up);
            lifted.constraints(&moved(-h), &mut down);
            for r in 0..m {
                let slope = (up[r] - down[r]) / (2.0 * h);
                let found = pattern.position(r, k).map_or(0.0, |at| entries[at]);
                assert!((found - slope).abs() < 1e-7, "row {r} by {k}: {found} {slope}");
            }
        }
        let hessian = lifted.shape().hessian.clone();
        let mut second = vec![0.0; hessian.entries()];
        lifted.hessian(&x, 0.7, &weights, &mut second);
        let v: Vec<f64> = (0..n).map(|k| 1.0 - 0.3 * k as f64).collect();
        let mut product = vec![0.0; n];
        lifted.hessian_product(&x, 0.7, &weights, &v, &mut product);
        let mut by_entries = vec![0.0; n];
        for r in 0..n {
            for at in hessian.row(r) {
                let c = hessian.columns[at] as usize;
                by_entries[r] += second[at] * v[c];
                if c != r {
                    by_entries[c] += second[at] * v[r];
                }
            }
        }
        let mut gradient = |by: f64| {
            let to: Vec<f64> = x.iter().zip(&v).map(|(x, v)| x + by * v).collect();
            let mut out = vec![0.0; n];
            lifted.gradient(&to, &mut out);
            out.iter_mut().for_each(|g| *g *= 0.7);
            lifted.jacobian(&to, &mut entries);
            for (r, w) in weights.iter().enumerate() {
                pattern.row(r).for_each(|at| out[pattern.columns[at] as usize] += w * entries[at]);
            }
            out
        };
        let (up, down) = (gradient(h), gradient(-h));
        for k in 0..n {
            let slope = (up[k] - down[k]) / (2.0 * h);
            assert!((product[k] - slope).abs() < 1e-6 && (by_entries[k] - slope).abs() < 1e-6, "{k}");
        }
    }
}
