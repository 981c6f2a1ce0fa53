//! A branch of a problem with complementary pairs: some pairs hold one of their sides as an equation, the others keep their
//! sides only, and what is left is a problem without pairs, over the same variables and rows.

use crate::answer::Evaluations;
use crate::problem::complementarity::{Way, ways};
use crate::solve::nlp::{Nlp, Pair, Shape};

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

    /// From now on pairs hold these ways; those without one keep their sides only.
    pub fn hold(&mut self, held: &[Option<Way>]) {
        for (pair, held) in self.pairs.iter().zip(held) {
            let (a, b) = (pair.bounded as usize, pair.force as usize);
            let (of_a, of_b) = (self.stated_sides(a), self.stated_sides(b));
            // An equation of `a` or of `b` is nothing to choose.
            let chosen = held.filter(|_| !ways(of_a.0, of_a.1).is_empty());
            let (of_a, of_b) = chosen.map_or((of_a, of_b), |way| way.sides(of_a.0, of_a.1));
            (self.shape.row_lower[a], self.shape.row_upper[a]) = of_a;
            (self.shape.row_lower[b], self.shape.row_upper[b]) = of_b;
        }
    }

    fn stated_sides(&self, row: usize) -> (f64, f64) {
        (self.stated.0[row], self.stated.1[row])
    }
}

/// What each pair is nearest to, at a point with these values of the rows.
pub fn nearest(shape: &Shape, rows: &[f64]) -> Vec<Option<Way>> {
    let of = |pair: &Pair| {
        let (a, b) = (rows[pair.bounded as usize], rows[pair.force as usize]);
        let (lower, upper) = (shape.row_lower[pair.bounded as usize], shape.row_upper[pair.bounded as usize]);
        let (below, above) = (a - lower, upper - a);
        Some(match b {
            b if b > below && below.is_finite() => Way::Lower,
            b if -b > above && above.is_finite() => Way::Upper,
            _ => Way::Force,
        })
    };
    shape.pairs.iter().map(of).collect()
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
