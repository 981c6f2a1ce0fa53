//! A branch of a problem with complementary pairs: each pair holds one of its sides as an equation, and what is left is a
//! problem without pairs, over the same variables and rows.

use crate::answer::Evaluations;
use crate::solve::nlp::{Nlp, Pair, Shape};

/// What a pair holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// `a` at its lower side, `b >= 0`.
    Lower,
    /// `a` at its upper side, `b <= 0`.
    Upper,
    /// `b = 0`
    Force,
}

pub struct Branch<'n> {
    inner: &'n mut dyn Nlp,
    shape: Shape,
    pairs: Vec<Pair>,
    stated: (Vec<f64>, Vec<f64>),
}

impl<'n> Branch<'n> {
    pub fn new(inner: &'n mut dyn Nlp) -> Branch<'n> {
        let old = inner.shape();
        let shape = Shape { pairs: vec![], ..old.clone() };
        let (pairs, stated) = (old.pairs.clone(), (old.row_lower.clone(), old.row_upper.clone()));
        Branch { inner, shape, pairs, stated }
    }

    pub fn hold(&mut self, held: &[Held]) {
        for (pair, held) in self.pairs.iter().zip(held) {
            let (a, b) = (pair.bounded as usize, pair.force as usize);
            let (lower, upper) = (self.stated.0[a], self.stated.1[a]);
            let (of_a, of_b) = match held {
                _ if lower == upper => ((lower, upper), (f64::NEG_INFINITY, f64::INFINITY)),
                Held::Lower => ((lower, lower), (0.0, f64::INFINITY)),
                Held::Upper => ((upper, upper), (f64::NEG_INFINITY, 0.0)),
                Held::Force => ((lower, upper), (0.0, 0.0)),
            };
            (self.shape.row_lower[a], self.shape.row_upper[a]) = of_a;
            (self.shape.row_lower[b], self.shape.row_upper[b]) = of_b;
        }
    }
}

impl Nlp for Branch<'_> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn objective(&mut self, x: &[f64]) -> f64 {
        self.inner.objective(x)
    }

    fn gradient(&mut self, x: &[f64], out: &mut [f64]) {
        self.inner.gradient(x, out);
    }

    fn constraints(&mut self, x: &[f64], out: &mut [f64]) {
        self.inner.constraints(x, out);
    }

    fn jacobian(&mut self, x: &[f64], out: &mut [f64]) {
        self.inner.jacobian(x, out);
    }

    fn hessian(&mut self, x: &[f64], sigma: f64, weights: &[f64], out: &mut [f64]) {
        self.inner.hessian(x, sigma, weights, out);
    }

    fn hessian_product(&mut self, x: &[f64], sigma: f64, weights: &[f64], v: &[f64], out: &mut [f64]) {
        self.inner.hessian_product(x, sigma, weights, v, out);
    }

    fn objective_factor(&self) -> f64 {
        self.inner.objective_factor()
    }

    fn evaluations(&self) -> Evaluations {
        self.inner.evaluations()
    }

    fn explain_not_finite(&mut self, x: &[f64]) -> Option<String> {
        self.inner.explain_not_finite(x)
    }
}
