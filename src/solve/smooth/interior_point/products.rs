//! Steps from products with the Hessian alone: conjugate gradients in the space where the linearised rows hold.
//!
//! The system is `K = [A, J'; J, -E]` with `A = H + diag(d)`, of which only `H v` is known. On pairs `(p, q)` with
//! `J p = E q` its quadratic form is `p'A p + q'E q`, which is positive for all of them exactly where the inertia of `K` is
//! `(n, m, 0)`. Conjugate gradients stay among these pairs when they are preconditioned by a matrix of the same rows,
//! `P = [B + diag(d), J'; J, -E]` (Gould, Hribar and Nocedal 2001; Dollar, Gould, Schilders and Wathen 2006 for `E`),
//! and they see it where the form is not positive: a direction of negative curvature asks for a shift of the Hessian
//! as a wrong inertia does in a factorisation (Curtis, Nocedal and Wächter 2009).
//!
//! `B` is a limited-memory BFGS matrix of directions and products of the last run (Morales and Nocedal 2000). `P` has the
//! places of `J` and the diagonal alone: nothing here is of the size of the Hessian.

use super::limited_memory::LimitedMemory;
use super::problem::Scaled;
use crate::linalg::kkt::{Inertia, Kkt, NotFactored};
use crate::linalg::pattern::Pattern;
use crate::linalg::sparse::add_transposed_product;
use crate::linalg::vector::{add_multiple, dot, max_norm};

/// The part of the first residual, in the norm of the preconditioner, at which a step of the method is good enough:
/// rows hold to rounding whatever it is, and what is left of the slope is left to the next step.
pub const FOR_STEPS: f64 = 1e-4;
/// The same for steps that sharpen an answer.
pub const FOR_POLISH: f64 = 1e-10;
/// Products for one step.
const LIMIT: usize = 300;
/// Curvature below this part of that of `P` is lost in rounding, or none.
const NO_CURVATURE: f64 = 1e-12;
/// Residuals below this part of the right side are rounding.
const ROUNDING: f64 = 1e-15;
/// A shift takes away so many times the negative curvature that was seen.
const SHIFT: f64 = 2.0;

/// The system of a step, its preconditioner, and what was learned.
pub struct Products {
    memory: LimitedMemory,
    /// Where second derivatives are taken.
    at: Vec<f64>,
    lambda: Vec<f64>,
    /// `H` counts as 0 until the next evaluation.
    flat: bool,
    held: Vec<bool>,
    jacobian: Vec<f64>,
    d: Vec<f64>,
    e: Vec<f64>,
    diagonal: Vec<f64>,
    pairs: Sample,
    accuracy: f64,
    lacking: Option<f64>,
}

/// Directions and their products with `H`, evenly spread over a run: every second one is dropped when there are too many.
struct Sample {
    most: usize,
    stride: usize,
    seen: usize,
    kept: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Products {
    pub fn new(problem: &Scaled, history: usize) -> Products {
        let (n, m) = (problem.variables(), problem.height());
        Products {
            memory: LimitedMemory::new(problem, history),
            at: vec![0.0; n],
            lambda: vec![0.0; m],
            flat: false,
            held: vec![false; n],
            jacobian: vec![],
            d: vec![0.0; n],
            e: vec![0.0; m],
            diagonal: vec![0.0; n],
            pairs: Sample { most: history.max(1), stride: 1, seen: 0, kept: vec![] },
            accuracy: FOR_STEPS,
            lacking: None,
        }
    }

    /// Products are those at `x` from here on; the preconditioner learns from those of the last run.
    pub fn evaluate(&mut self, x: &[f64], lambda: &[f64]) {
        let n = self.at.len();
        self.at.copy_from_slice(&x[..n]);
        self.lambda.copy_from_slice(lambda);
        self.flat = false;
        self.accuracy = FOR_STEPS;
        self.hold(std::iter::repeat(false));
        let pairs = self.pairs.take();
        if !pairs.is_empty() {
            self.memory.clear();
            pairs.iter().for_each(|(step, product)| self.memory.learn(step, product));
        }
    }

    /// Rows and columns of `H` count as 0 for these variables, and steps are found to the last digits.
    pub fn hold_for_polish(&mut self, held: impl Iterator<Item = bool>) {
        self.hold(held);
        self.accuracy = FOR_POLISH;
    }

    fn hold(&mut self, held: impl Iterator<Item = bool>) {
        self.held.iter_mut().zip(held).for_each(|(slot, held)| *slot = held);
        self.memory.hold(self.held.iter().copied());
    }

    pub fn flatten(&mut self) {
        self.flat = true;
    }

    pub fn forget(&mut self) {
        self.memory.clear();
        self.pairs.take();
    }

    /// Factors `P`, and returns its inertia.
    pub fn factor(&mut self, kkt: &mut Kkt, jacobian: &[f64], d: &[f64], e: &[f64]) -> Result<Inertia, NotFactored> {
        self.jacobian.clear();
        self.jacobian.extend_from_slice(jacobian);
        self.d.copy_from_slice(d);
        self.e.copy_from_slice(e);
        if self.flat {
            self.memory.leave_out();
            return kkt.factor(&[], jacobian, d, e);
        }
        self.diagonal.copy_from_slice(d);
        self.memory.add_diagonal(&mut self.diagonal);
        let inertia = kkt.factor(&[], jacobian, &self.diagonal, e)?;
        Ok(self.memory.prepare(kkt, d.len() + e.len(), inertia))
    }

    /// The shift that the last solve lacked, if it met negative curvature.
    pub fn lacking(&self) -> Option<f64> {
        self.lacking
    }

    /// Overwrites `b` by the solution of `K z = b`, or by how far it came before it met negative curvature; returns the
    /// relative residual of the first solve with `P`.
    pub fn solve(&mut self, problem: &mut Scaled, kkt: &mut Kkt, b: &mut [f64]) -> f64 {
        self.lacking = None;
        if self.flat {
            return kkt.solve(b);
        }
        let n = self.at.len();
        let pattern = problem.shape.jacobian.clone();
        let mut residual = b[..n].to_vec();
        let rounding = ROUNDING * max_norm(&residual);
        b[..n].fill(0.0);
        // The step to where the linearised rows hold; all that follows keeps them.
        let quality = self.precondition(kkt, b);
        let mut product = vec![0.0; n];
        self.hessian(problem, &b[..n], &mut product);
        self.subtract(&pattern, &b[..n], &b[n..], 1.0, &product, &mut residual);
        let mut reduced = vec![0.0; b.len()];
        self.reduce(&pattern, kkt, &mut residual, &mut reduced, &mut b[n..]);
        let mut direction = reduced.clone();
        let mut square = dot(&residual, &reduced[..n]);
        let small = self.accuracy.powi(2) * square;
        for _ in 0..LIMIT.min(4 * n + 10) {
            if square <= small || square.is_nan() || max_norm(&residual) <= rounding {
                break;
            }
            let (p, q) = direction.split_at(n);
            self.hessian(problem, p, &mut product);
            let plain = weighted_square(&self.d, p) + weighted_square(&self.e, q);
            let curvature = dot(p, &product) + plain;
            let length = dot(p, p);
            if !curvature.is_finite() {
                return f64::NAN;
            }
            if curvature <= NO_CURVATURE * (plain + self.memory.scale() * length) {
                self.lacking = Some(SHIFT * -curvature / length.max(f64::MIN_POSITIVE));
                break;
            }
            self.pairs.see(p, &product);
            let alpha = square / curvature;
            self.subtract(&pattern, p, q, alpha, &product, &mut residual);
            add_multiple(b, alpha, &direction);
            self.reduce(&pattern, kkt, &mut residual, &mut reduced, &mut b[n..]);
            let next = dot(&residual, &reduced[..n]);
            let beta = next / square;
            square = next;
            direction.iter_mut().zip(&reduced).for_each(|(d, g)| *d = beta * *d + g);
        }
        quality
    }

    fn precondition(&self, kkt: &mut Kkt, b: &mut [f64]) -> f64 {
        let quality = kkt.solve(b);
        self.memory.correct(b);
        quality
    }

    /// Makes `(g, h)` the solution of `P (g, h) = (residual, 0)`. Where a row has no `E`, `h` only moves multipliers: that
    /// is done at once, and taken from the residual, which would drown what is left of it in rounding otherwise.
    fn reduce(&self, pattern: &Pattern, kkt: &mut Kkt, residual: &mut [f64], reduced: &mut [f64], lambda: &mut [f64]) {
        let n = residual.len();
        reduced[..n].copy_from_slice(residual);
        reduced[n..].fill(0.0);
        self.precondition(kkt, reduced);
        let mut moved = vec![0.0; lambda.len()];
        for (r, h) in reduced[n..].iter_mut().enumerate() {
            if self.e[r] == 0.0 {
                lambda[r] += *h;
                moved[r] = std::mem::take(h);
            }
        }
        add_transposed_product(pattern, &self.jacobian, -1.0, &moved, residual);
    }

    /// Writes `H v` without the variables that are held.
    fn hessian(&self, problem: &mut Scaled, v: &[f64], out: &mut [f64]) {
        if self.held.contains(&true) {
            let free: Vec<f64> = v.iter().zip(&self.held).map(|(v, held)| if *held { 0.0 } else { *v }).collect();
            problem.hessian_product(&self.at, &self.lambda, &free, out);
            out.iter_mut().zip(&self.held).filter(|(_, held)| **held).for_each(|(slot, _)| *slot = 0.0);
        } else {
            problem.hessian_product(&self.at, &self.lambda, v, out);
        }
    }

    /// Takes `t` times the upper rows of `K (p, q)` from a residual, given `H p`.
    fn subtract(&self, pattern: &Pattern, p: &[f64], q: &[f64], t: f64, product: &[f64], residual: &mut [f64]) {
        for (r, ((h, d), p)) in residual.iter_mut().zip(product.iter().zip(&self.d).zip(p)) {
            *r -= t * (h + d * p);
        }
        add_transposed_product(pattern, &self.jacobian, -t, q, residual);
    }
}

fn weighted_square(weights: &[f64], v: &[f64]) -> f64 {
    weights.iter().zip(v).map(|(w, v)| w * v * v).sum()
}

impl Sample {
    fn see(&mut self, direction: &[f64], product: &[f64]) {
        if self.seen.is_multiple_of(self.stride) {
            if self.kept.len() == self.most {
                let mut even = false;
                self.kept.retain(|_| {
                    even = !even;
                    even
                });
                self.stride *= 2;
            }
            self.kept.push((direction.to_vec(), product.to_vec()));
        }
        self.seen += 1;
    }

    fn take(&mut self) -> Vec<(Vec<f64>, Vec<f64>)> {
        (self.stride, self.seen) = (1, 0);
        std::mem::take(&mut self.kept)
    }
}
