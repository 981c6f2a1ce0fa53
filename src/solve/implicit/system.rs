//! The symmetric system `[H, C'; C, 0] u = b` of an answer: `H` the Hessian of the Lagrangian in the inner variables,
//! `C` the gradients of the active rows and bounds, each scaled to length about one.
//!
//! The matrix may be singular: gradients may depend on each other, and answers need not be isolated. What is solved is
//! `[H + δ, C'; C, -δ]`, again and again for what is left of `b` in the matrix without `δ`; this converges to a solution
//! for every `b` in the range and leaves the part of `b` outside of it, which is how such parts are recognised.

use crate::linalg::kkt::{Kkt, NotFactored};
use crate::linalg::pattern::Pattern;
use crate::linalg::sparse::{add_product, add_symmetric_product, add_transposed_product};
use crate::linalg::vector::{add_multiple, dot, max_norm, one_norm, two_norm};
use std::sync::Arc;

/// `δ` over the size of the matrix.
const SHIFT: f64 = 1e-9;
/// Of `b`; singular values near `δ` keep residuals from falling much below it.
const ENOUGH: f64 = 1e-13;
const MOST_REPEATS: usize = 60;
/// What is left of a random right side, relative to it, if the matrix is singular. Rounding leaves less.
const SINGULAR: f64 = 1e-8;

/// Entries of a sparse matrix.
#[derive(Clone, Copy)]
pub struct Entries<'a> {
    pub pattern: &'a Pattern,
    pub values: &'a [f64],
}

/// Which part of a joint vector and of its rows a system is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selected {
    /// Positions of the inner variables in the joint vector, ascending.
    pub inner: Vec<u32>,
    /// Numbers of the active rows, ascending.
    pub rows: Vec<u32>,
    /// Positions in the joint vector of inner variables held by a bound, ascending.
    pub bounds: Vec<u32>,
}

pub struct System {
    n: usize,
    hessian: (Arc<Pattern>, Vec<f64>),
    active: (Arc<Pattern>, Vec<f64>),
    /// Added to the diagonal of `H`: 0, unless `H` plays no part.
    diagonal: f64,
    /// Of the rows of `C`.
    scale: Vec<f64>,
    factors: Kkt,
    /// A unit vector of the null space, if the matrix is singular.
    pub null: Option<Vec<f64>>,
    /// `H` is positive definite along the directions that keep the active rows.
    pub definite: bool,
    /// Of `|K| |K⁻¹|`, from below; infinite for a singular matrix.
    pub condition: f64,
}

/// A solution and how much of the right side is left, relative to it, in Euclidean norms.
pub struct Solved {
    pub values: Vec<f64>,
    pub residual: f64,
}

impl System {
    /// From the lower triangle of the Hessian of the Lagrangian (to be minimised) and the Jacobian, both over the joint
    /// vector. `square`: there is no objective and as many equations as variables, so `H` plays no part.
    pub fn new(hessian: Entries, jacobian: Entries, selected: &Selected, square: bool) -> Result<System, NotFactored> {
        let n = selected.inner.len();
        let mut inner = vec![None; jacobian.pattern.columns_count.max(hessian.pattern.columns_count)];
        selected.inner.iter().enumerate().for_each(|(new, old)| inner[*old as usize] = Some(new as u32));
        let chosen = |entries: Entries, rows: &[u32], out: &mut (Vec<Vec<u32>>, Vec<f64>)| {
            for row in rows {
                let mut columns = vec![];
                for k in entries.pattern.row(*row as usize) {
                    if let Some(column) = inner[entries.pattern.columns[k] as usize] {
                        columns.push(column);
                        out.1.push(entries.values[k]);
                    }
                }
                out.0.push(columns);
            }
        };
        let mut h = (vec![], vec![]);
        chosen(hessian, &selected.inner, &mut h);
        let mut c = (vec![], vec![]);
        chosen(jacobian, &selected.rows, &mut c);
        for at in &selected.bounds {
            c.0.push(inner[*at as usize].into_iter().collect());
            c.1.push(1.0);
        }
        let hessian = (Arc::new(Pattern::from_rows(n, &h.0)), h.1);
        let mut active = (Arc::new(Pattern::from_rows(n, &c.0)), c.1);
        let mut scale = vec![1.0; active.0.rows];
        for (r, scale) in scale.iter_mut().enumerate() {
            let largest = max_norm(&active.1[active.0.row(r)]);
            if largest > 0.0 && largest.is_finite() {
                *scale = 1.0 / largest;
                active.1[active.0.row(r)].iter_mut().for_each(|v| *v *= *scale);
            }
        }
        let mut factors = Kkt::new(&hessian.0, &active.0)?;
        let size = max_norm(&hessian.1).max(1.0);
        let (upper, lower) = if square { (size, 0.0) } else { (SHIFT * size, SHIFT / size) };
        let inertia = factors.factor(&hessian.1, &active.1, &vec![upper; n], &vec![lower; active.0.rows])?;
        // Then `C` alone determines the movement, and any definite block serves.
        let diagonal = if square { upper } else { 0.0 };
        let definite = square || inertia.positive == n;
        let mut system = System { n, hessian, active, diagonal, scale, factors, null: None, definite, condition: 1.0 };
        system.probe();
        Ok(system)
    }

    /// The number of active rows and bounds.
    pub fn active(&self) -> usize {
        self.scale.len()
    }

    /// Those of the matrix with the shift, its rows scaled.
    pub fn into_factors(self) -> Kkt {
        self.factors
    }

    /// A solution of `K u = b`, the part of `b` for active rows after that for inner variables.
    pub fn solve(&mut self, b: &[f64]) -> Solved {
        let mut right = b.to_vec();
        right[self.n..].iter_mut().zip(&self.scale).for_each(|(b, s)| *b *= s);
        let (mut values, residual) = self.scaled_solve(&right);
        values[self.n..].iter_mut().zip(&self.scale).for_each(|(u, s)| *u *= s);
        Solved { values, residual: two_norm(&residual) / two_norm(&right).max(f64::MIN_POSITIVE) }
    }

    /// How far `b` is from the range of the matrix: the cosine with its null vector, 0 for a regular matrix.
    pub fn outside(&self, b: &[f64]) -> f64 {
        let Some(null) = &self.null else { return 0.0 };
        let mut right = b.to_vec();
        right[self.n..].iter_mut().zip(&self.scale).for_each(|(b, s)| *b *= s);
        dot(&right, null).abs() / two_norm(&right).max(f64::MIN_POSITIVE)
    }

    fn scaled_solve(&mut self, b: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut u = vec![0.0; b.len()];
        let mut left = b.to_vec();
        let size = two_norm(b);
        let mut least = size;
        for _ in 0..MOST_REPEATS {
            if least <= ENOUGH * size {
                break;
            }
            let mut step = left.clone();
            self.factors.solve(&mut step);
            let mut tried = u.clone();
            add_multiple(&mut tried, 1.0, &step);
            let rest = self.rest(b, &tried);
            let now = two_norm(&rest);
            // What does not fall any more is outside of the range, or rounding.
            if now.is_nan() || now > 0.9 * least {
                if now <= least {
                    (u, left) = (tried, rest);
                }
                break;
            }
            (u, left, least) = (tried, rest, now);
        }
        (u, left)
    }

    /// `b - K u`.
    fn rest(&self, b: &[f64], u: &[f64]) -> Vec<f64> {
        let mut out = b.to_vec();
        let (x, y) = u.split_at(self.n);
        let (top, bottom) = out.split_at_mut(self.n);
        add_symmetric_product(&self.hessian.0, &self.hessian.1, -1.0, x, top);
        add_multiple(top, -self.diagonal, x);
        add_transposed_product(&self.active.0, &self.active.1, -1.0, y, top);
        add_product(&self.active.0, &self.active.1, -1.0, x, bottom);
        out
    }

    /// Looks for a null vector with a right side that no structure of the problem knows, and estimates the condition.
    fn probe(&mut self) {
        let count = self.n + self.scale.len();
        if count == 0 {
            return;
        }
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        let mut b: Vec<f64> = (0..count).map(|_| next()).collect();
        let (u, left) = self.scaled_solve(&b);
        let norm = two_norm(&left);
        if norm > SINGULAR * two_norm(&b) || norm.is_nan() {
            // Once more: what the shift left of the range goes.
            let (_, left) = self.scaled_solve(&left);
            let norm = two_norm(&left);
            self.null = Some(left.iter().map(|v| v / norm).collect());
            self.condition = f64::INFINITY;
            return;
        }
        // Inverse iteration: each step turns towards the smallest singular value.
        let mut inverse = two_norm(&u) / two_norm(&b);
        b = u;
        for _ in 0..3 {
            let length = two_norm(&b);
            if length == 0.0 || !length.is_finite() {
                break;
            }
            b.iter_mut().for_each(|v| *v /= length);
            b = self.scaled_solve(&b).0;
            inverse = inverse.max(two_norm(&b));
        }
        self.condition = (inverse * self.size()).max(1.0);
    }

    /// The largest sum of magnitudes of a row of the matrix.
    fn size(&self) -> f64 {
        let mut sums = vec![0.0; self.n];
        let mut most: f64 = 0.0;
        for r in 0..self.n {
            for k in self.hessian.0.row(r) {
                let c = self.hessian.0.columns[k] as usize;
                sums[r] += self.hessian.1[k].abs();
                if c != r {
                    sums[c] += self.hessian.1[k].abs();
                }
            }
        }
        for r in 0..self.scale.len() {
            most = most.max(one_norm(&self.active.1[self.active.0.row(r)]));
            for k in self.active.0.row(r) {
                sums[self.active.0.columns[k] as usize] += self.active.1[k].abs();
            }
        }
        sums.into_iter().fold(most, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(h: &[f64], rows: &[Vec<u32>], c: &[f64]) -> System {
        let n = h.len();
        let hessian = Pattern::from_rows(n, &(0..n).map(|k| vec![k as u32]).collect::<Vec<_>>());
        let jacobian = Pattern::from_rows(n, rows);
        let selected =
            Selected { inner: (0..n as u32).collect(), rows: (0..rows.len() as u32).collect(), bounds: vec![] };
        let entries = |pattern, values| Entries { pattern, values };
        System::new(entries(&hessian, h), entries(&jacobian, c), &selected, false).unwrap()
    }

    #[test]
    fn regular_systems_are_solved_to_rounding() {
        let mut k = system(&[2.0, 4.0], &[vec![0, 1]], &[100.0, 100.0]);
        assert!(k.null.is_none() && k.definite && k.condition < 100.0);
        // x + y = 0.01, 2 x + 100 u = 1, 4 y + 100 u = 0
        let solved = k.solve(&[1.0, 0.0, 1.0]);
        let (x, y, u) = (solved.values[0], solved.values[1], solved.values[2]);
        assert!((x + y - 0.01).abs() < 1e-14 && (2.0 * x + 100.0 * u - 1.0).abs() < 1e-12);
        assert!((4.0 * y + 100.0 * u).abs() < 1e-12 && solved.residual < 1e-13);
    }

    #[test]
    fn what_is_outside_of_the_range_is_told_from_what_is_inside() {
        // The same row twice: multipliers are not unique, the point is.
        let mut k = system(&[1.0, 1.0], &[vec![0], vec![0]], &[1.0, 1.0]);
        assert!(k.null.is_some() && k.condition.is_infinite());
        assert!(k.outside(&[0.3, 0.7, 1.0, 1.0]) < 1e-9);
        assert!(k.outside(&[0.3, 0.7, 1.0, 0.0]) > 0.1);
        let solved = k.solve(&[0.3, 0.7, 1.0, 1.0]);
        assert!(solved.residual < 1e-12 && (solved.values[0] - 1.0).abs() < 1e-10);
        // No curvature and no row: the point is not isolated.
        let k = system(&[1.0, 0.0], &[], &[]);
        assert!(k.null.is_some() && k.outside(&[1.0, 0.0]) < 1e-9 && k.outside(&[0.0, 1.0]) > 0.99);
        assert!(!system(&[1.0, -1.0], &[], &[]).definite);
    }
}
