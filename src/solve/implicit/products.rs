//! The system of a [`Program`] by products with the engine's Hessians and Jacobians: `[H, C'; C, 0] u = b` without its matrix.
//!
//! Variables that a bound holds move with their sides, so they are taken out before, and their multipliers follow from
//! what is left; the gradients of active rows are scaled to the size of `H`, which Lanczos steps show. Krylov methods
//! do the rest ([`super::linear`]). Whether the matrix is singular is not known, but a right side without any structure
//! cannot be met by one that is.

use super::conditions::Conditions;
use super::linear::{Derivative, Kind, Linear};
use super::program::Program;
use super::system::{Entries, Selected, Solved};
use crate::linalg::krylov::ritz_values;
use crate::linalg::vector::{max_norm, two_norm};
use crate::solve::parts::random::Random;

/// Lanczos steps that look for the size of `H`, and for the eigenvalues of the matrix.
const SIZE_STEPS: usize = 12;
const STEPS: usize = 60;
/// Steps of inverse iteration, each a solve.
const INVERSE_STEPS: usize = 2;
/// Of the residual of a right side that a regular matrix meets.
const REGULAR: f64 = 1e-8;

#[derive(Default)]
pub struct Products {
    pub linear: Linear,
    /// Inner variables, by place among them, that no active bound holds; and those that one does, in the order of bounds.
    free: Vec<u32>,
    held: Vec<u32>,
    /// Of the gradients of active rows.
    scale: Vec<f64>,
    /// Of `|K| |K⁻¹|` for the free variables, from below.
    pub condition: f64,
    /// The least and the largest eigenvalue that was seen of `H` in the free variables, if no row is active.
    pub curvature: Option<(f64, f64)>,
    /// How often the matrix was multiplied, and systems were solved.
    pub products: usize,
    pub solves: usize,
    /// What was left of right sides, relatively, at most; infinite where that is not a number.
    pub worst: f64,
}

impl Products {
    pub(super) fn new(linear: Linear, jacobian: Entries, selected: &Selected) -> Products {
        let place = |k: &u32| selected.inner.binary_search(k).map_or(u32::MAX, |place| place as u32);
        let held: Vec<u32> = selected.bounds.iter().map(place).collect();
        let count = selected.inner.len() as u32;
        let free = (0..count).filter(|k| held.binary_search(k).is_err()).collect();
        let largest = |r: &u32| max_norm(&jacobian.values[jacobian.pattern.row(*r as usize)]);
        let scale = selected.rows.iter().map(largest).map(|size| if size > 0.0 { 1.0 / size } else { 1.0 }).collect();
        Products { linear, free, held, scale, condition: 1.0, ..Products::default() }
    }

    /// Scales rows to the size of `H`, and a Neumann series to that of the matrix.
    pub(super) fn measure(&mut self, program: &mut Program) {
        let n = self.free.len();
        let start = noise(n);
        let mut apply = |v: &[f64], out: &mut [f64]| {
            let mut padded = v.to_vec();
            padded.resize(n + self.scale.len(), 0.0);
            let mut product = vec![0.0; padded.len()];
            self.products += 1;
            self.product(program, &padded, &mut product);
            out.copy_from_slice(&product[..n]);
        };
        let seen = ritz_values(&mut apply, &start, SIZE_STEPS);
        let size = max_norm(&seen);
        if size > 0.0 && size.is_finite() {
            self.scale.iter_mut().for_each(|s| *s *= size);
            if let Kind::Neumann { scale, .. } = &mut self.linear.kind {
                *scale = 1.0 / size;
            }
        }
    }

    pub(super) fn solve(&mut self, program: &mut Program, b: &[f64]) -> Solved {
        let (n, m) = (program.selected.inner.len(), self.scale.len());
        // Held variables move as their sides say.
        let mut values = vec![0.0; b.len()];
        self.held.iter().zip(&b[n + m..]).for_each(|(k, side)| values[*k as usize] = *side);
        let mut right = b.to_vec();
        if b[n + m..].iter().any(|side| *side != 0.0) {
            right = self.rest(program, b, &values);
        }
        let right = self.gathered(&right, n);
        let solved = self.krylov(program, &right);
        let (free, rows) = solved.values.split_at(self.free.len());
        self.free.iter().zip(free).for_each(|(k, v)| values[*k as usize] = *v);
        rows.iter().zip(&self.scale).zip(&mut values[n..]).for_each(|((u, s), to)| *to = s * u);
        // What is left of stationarity in a held variable is carried by its bound.
        let rest = self.rest(program, b, &values);
        self.held.iter().zip(&mut values[n + m..]).for_each(|(k, u)| *u = rest[*k as usize]);
        let size = two_norm(&self.gathered(b, n)).hypot(two_norm(&b[n + m..]));
        let residual = solved.residual * two_norm(&right) / size.max(f64::MIN_POSITIVE);
        self.worst = self.worst.max(if residual.is_nan() { f64::INFINITY } else { residual });
        Solved { values, residual }
    }

    /// Solves for a right side without structure, and looks at eigenvalues; what is left of it, relatively.
    pub(super) fn examine(&mut self, program: &mut Program) -> f64 {
        let b = noise(self.free.len() + self.scale.len());
        if b.is_empty() {
            return 0.0;
        }
        let seen = {
            let mut apply = |v: &[f64], out: &mut [f64]| {
                self.products += 1;
                self.product(program, v, out);
            };
            ritz_values(&mut apply, &b, STEPS)
        };
        let size = max_norm(&seen);
        let mut solved = self.krylov(program, &b);
        let left = solved.residual;
        if left > REGULAR || left.is_nan() {
            return left;
        }
        let mut inverse = two_norm(&solved.values) / two_norm(&b);
        for _ in 0..INVERSE_STEPS {
            let before = solved.values;
            solved = self.krylov(program, &before);
            inverse = inverse.max(two_norm(&solved.values) / two_norm(&before));
        }
        if self.scale.is_empty() {
            let (least, most) = (seen[0], seen[seen.len() - 1]);
            self.curvature = Some((least, most));
            if least > 0.0 {
                inverse = inverse.max(1.0 / least);
            }
        }
        self.condition = (size * inverse).max(1.0);
        left
    }

    fn krylov(&mut self, program: &mut Program, b: &[f64]) -> Derivative {
        let kind = match self.linear.kind {
            Kind::Automatic => Kind::Minres,
            asked => asked,
        };
        let linear = Linear { kind, ..self.linear };
        let solved = linear.by_products(&mut |v, out| self.product(program, v, out), b);
        self.products += solved.products;
        self.solves += 1;
        solved
    }

    /// The product with the matrix in free variables and scaled rows.
    fn product(&self, program: &mut Program, v: &[f64], out: &mut [f64]) {
        let n = program.selected.inner.len();
        let (free, rows) = v.split_at(self.free.len());
        let mut whole = vec![0.0; n + program.active()];
        self.free.iter().zip(free).for_each(|(k, v)| whole[*k as usize] = *v);
        rows.iter().zip(&self.scale).zip(&mut whole[n..]).for_each(|((u, s), to)| *to = s * u);
        let mut product = vec![0.0; whole.len()];
        program.inner_product(&whole, &mut product);
        out.copy_from_slice(&self.gathered(&product, n));
    }

    /// `b - K u`.
    fn rest(&mut self, program: &mut Program, b: &[f64], u: &[f64]) -> Vec<f64> {
        self.products += 1;
        let mut rest = vec![0.0; b.len()];
        program.inner_product(u, &mut rest);
        rest.iter_mut().zip(b).for_each(|(r, b)| *r = b - *r);
        rest
    }

    /// The part of a right side for free variables and scaled rows.
    fn gathered(&self, b: &[f64], n: usize) -> Vec<f64> {
        let free = self.free.iter().map(|k| b[*k as usize]);
        free.chain(self.scale.iter().zip(&b[n..]).map(|(s, b)| s * b)).collect()
    }
}

/// What no structure of a problem knows.
fn noise(count: usize) -> Vec<f64> {
    let mut random = Random::new(0x9e37_79b9);
    (0..count).map(|_| random.unit() - 0.5).collect()
}
