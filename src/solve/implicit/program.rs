//! The answer of a smooth program as a function of the other variables of a joint vector `v = (z, θ)`.
//!
//! With `L = σ f - Σ y c` and the active rows and bounds `A` of the answer, `∇_z L = Σ bounds`, `c_A = sides`; their
//! derivative is `K (dz, -dy) = -(∂²L/∂z∂θ dθ, ∂c_A/∂θ dθ)`. Mixed derivatives enter as products, and so does `K` itself
//! where it is not to be formed ([`super::products`]).
//! Source: Fiacco, "Introduction to sensitivity and stability analysis in nonlinear programming" (1983).

use super::linear::{Kind, Linear};
use super::products::Products;
use super::system::{Entries, Selected, Solved, System};
use crate::ad::Evaluator;
use crate::linalg::kkt::{Kkt, NotFactored};
use crate::linalg::pattern::Pattern;
use crate::linalg::sparse::add_symmetric_product;
use std::sync::Arc;

/// The answer `z` of `min σ f(z, θ)  s.t.  c(z, θ) in sides, z in bounds` at a point of the joint vector.
pub struct Program<'e> {
    /// Functions of the joint vector.
    evaluator: &'e mut Evaluator,
    point: Vec<f64>,
    sigma: f64,
    /// `-y`, for all rows.
    weights: Vec<f64>,
    pub selected: Selected,
    solver: Solver,
    /// The Hessian of the Lagrangian in the joint vector, where it was evaluated for these functions.
    hessian: Option<(Arc<Pattern>, Vec<f64>)>,
}

/// How `K u = b` is solved.
pub enum Solver {
    Factored(Box<System>),
    Products(Products),
}

/// Derivatives of the answer along a direction of the joint vector.
pub struct Tangent {
    /// `(dz, dθ)`
    pub point: Vec<f64>,
    /// Of the multipliers of the active rows, then of the bounds.
    pub duals: Vec<f64>,
    /// Of the linear solve, relative.
    pub residual: f64,
}

/// The derivative of a function of the answer with respect to all of the joint vector; that in `z` is meaningless.
pub struct Cotangent {
    pub point: Vec<f64>,
    pub residual: f64,
}

impl<'e> Program<'e> {
    /// `multipliers` of all rows are those of `σ f`; `sigma` is 0 where there is no objective. Formed and factored.
    pub fn new(
        evaluator: &'e mut Evaluator,
        point: &[f64],
        sigma: f64,
        multipliers: &[f64],
        selected: Selected,
    ) -> Result<Program<'e>, NotFactored> {
        let weights: Vec<f64> = multipliers.iter().map(|y| -y).collect();
        let (jacobian_pattern, jacobian) = jacobian(evaluator, point);
        // Without weights nothing is curved, whatever its pattern.
        let flat = sigma == 0.0 && weights.iter().all(|w| *w == 0.0);
        let (hessian_pattern, hessian) = match flat {
            true => (Arc::new(Pattern::from_rows(point.len(), &vec![vec![]; point.len()])), vec![]),
            false => {
                let pattern = evaluator.hessian_pattern().clone();
                let mut hessian = vec![0.0; pattern.entries()];
                evaluator.hessian(point, sigma, &weights, &mut hessian);
                (pattern, hessian)
            }
        };
        let square = sigma == 0.0 && selected.rows.len() + selected.bounds.len() == selected.inner.len();
        let system = System::new(
            Entries { pattern: &hessian_pattern, values: &hessian },
            Entries { pattern: &jacobian_pattern, values: &jacobian },
            &selected,
            square,
        )?;
        let hessian = Some((hessian_pattern, hessian));
        let solver = Solver::Factored(Box::new(system));
        Ok(Program { evaluator, point: point.to_vec(), sigma, weights, selected, solver, hessian })
    }

    /// The same, solved as `linear` says; no Hessian is formed unless that is [`Kind::Direct`].
    pub fn solved_by(
        linear: Linear,
        evaluator: &'e mut Evaluator,
        point: &[f64],
        sigma: f64,
        multipliers: &[f64],
        selected: Selected,
    ) -> Result<Program<'e>, NotFactored> {
        if linear.kind == Kind::Direct {
            return Program::new(evaluator, point, sigma, multipliers, selected);
        }
        let weights: Vec<f64> = multipliers.iter().map(|y| -y).collect();
        let (pattern, jacobian) = jacobian(evaluator, point);
        let products = Products::new(linear, Entries { pattern: &pattern, values: &jacobian }, &selected);
        let solver = Solver::Products(products);
        let mut program = Program { evaluator, point: point.to_vec(), sigma, weights, selected, solver, hessian: None };
        program.on_products(Products::measure);
        Ok(program)
    }

    /// The same answer seen by an evaluator with more variables and rows at the end, at that longer point.
    pub fn extended<'f>(self, evaluator: &'f mut Evaluator, point: &[f64]) -> Program<'f> {
        let mut weights = self.weights;
        weights.resize(evaluator.rows(), 0.0);
        let Program { sigma, selected, solver, .. } = self;
        Program { evaluator, point: point.to_vec(), sigma, weights, selected, solver, hessian: None }
    }

    /// The number of active rows and bounds.
    pub fn active(&self) -> usize {
        self.selected.rows.len() + self.selected.bounds.len()
    }

    /// `K u = b`.
    pub fn solve(&mut self, b: &[f64]) -> Solved {
        if let Solver::Factored(system) = &mut self.solver {
            return system.solve(b);
        }
        self.on_products(|products, program| products.solve(program, b)).unwrap_or_else(|| unreachable!("products"))
    }

    /// How it is solved, and what is known of the matrix.
    pub fn solver(&self) -> &Solver {
        &self.solver
    }

    /// What is left, relatively, of a right side that no structure of the problem knows. Of a matrix that is only
    /// multiplied this is how it is seen to be regular, and its condition is estimated on the way.
    pub fn examine(&mut self) -> f64 {
        self.on_products(Products::examine).unwrap_or(0.0)
    }

    /// The matrix is known to be singular.
    pub fn singular(&self) -> bool {
        matches!(&self.solver, Solver::Factored(system) if system.null.is_some())
    }

    /// Of the matrix, from below; infinite if it is singular.
    pub fn condition(&self) -> f64 {
        match &self.solver {
            Solver::Factored(system) => system.condition,
            Solver::Products(products) => products.condition,
        }
    }

    /// See [`System::outside`]; 0 for a matrix that is not known to be singular.
    pub fn outside(&self, b: &[f64]) -> f64 {
        match &self.solver {
            Solver::Factored(system) => system.outside(b),
            Solver::Products(_) => 0.0,
        }
    }

    /// Those of a matrix that was factored.
    pub fn into_factors(self) -> Option<Kkt> {
        match self.solver {
            Solver::Factored(system) => Some(system.into_factors()),
            Solver::Products(_) => None,
        }
    }

    /// Runs what needs both the products and the program that they are of.
    fn on_products<T>(&mut self, run: impl FnOnce(&mut Products, &mut Program) -> T) -> Option<T> {
        let Solver::Products(products) = &mut self.solver else { return None };
        let mut products = std::mem::take(products);
        let done = run(&mut products, self);
        self.solver = Solver::Products(products);
        Some(done)
    }

    /// Of the joint vector.
    pub fn dimension(&self) -> usize {
        self.point.len()
    }

    pub fn row_count(&self) -> usize {
        self.evaluator.rows()
    }

    /// The right side of the conditions for a direction: `(∂²L/∂z∂θ dθ, ∂c_A/∂θ dθ)`.
    pub fn forced(&mut self, direction: &[f64]) -> Vec<f64> {
        let pull = self.bent(direction);
        let rows = self.rows(direction);
        let inner = self.selected.inner.iter().map(|k| pull[*k as usize]);
        let active = self.selected.rows.iter().map(|r| rows[*r as usize]);
        inner.chain(active).chain(self.selected.bounds.iter().map(|k| direction[*k as usize])).collect()
    }

    /// `dz` and `dy` for a direction in `θ`, which is 0 in `z`.
    pub fn forward(&mut self, direction: &[f64]) -> Tangent {
        let right: Vec<f64> = self.forced(direction).iter().map(|v| -v).collect();
        let solved = self.solve(&right);
        let n = self.selected.inner.len();
        let mut point = direction.to_vec();
        self.selected.inner.iter().zip(&solved.values).for_each(|(k, dz)| point[*k as usize] = *dz);
        Tangent { point, duals: solved.values[n..].iter().map(|u| -u).collect(), residual: solved.residual }
    }

    /// The gradient of `w'v + q'y` in `θ`, for weights `w` of the joint vector and `q` of the multipliers of active rows
    /// and bounds.
    pub fn reverse(&mut self, weights: &[f64], on_duals: &[f64]) -> Cotangent {
        let solved = self.solve(&self.pulled(weights, on_duals));
        let mut point = weights.to_vec();
        for (to, pull) in point.iter_mut().zip(self.pushed(&solved.values)) {
            *to -= pull;
        }
        Cotangent { point, residual: solved.residual }
    }

    /// The right side of the reverse solve.
    pub fn pulled(&self, weights: &[f64], on_duals: &[f64]) -> Vec<f64> {
        let inner = self.selected.inner.iter().map(|k| weights[*k as usize]);
        inner.chain(on_duals.iter().map(|q| -q)).collect()
    }

    /// The transpose of [`Program::forced`]: `∂²L/∂v∂z u_z + ∂c_A/∂v' u_A`.
    pub fn pushed(&mut self, u: &[f64]) -> Vec<f64> {
        let n = self.selected.inner.len();
        let inner = self.spread_inner(u);
        let mut out = self.bent(&inner);
        let rows = self.spread_rows(&u[n..]);
        for (to, pull) in out.iter_mut().zip(self.gradients(&rows)) {
            *to += pull;
        }
        for (k, u) in self.selected.bounds.iter().zip(&u[n + self.selected.rows.len()..]) {
            out[*k as usize] += u;
        }
        out
    }

    /// `∂²L/∂v² d`, by entries if they are there: forming them took more than this takes.
    fn bent(&mut self, d: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.point.len()];
        match &self.hessian {
            Some((pattern, entries)) => add_symmetric_product(pattern, entries, 1.0, d, &mut out),
            None => self.evaluator.hessian_product(&self.point, self.sigma, &self.weights, d, &mut out),
        }
        out
    }

    /// `∂c/∂v d`, all rows.
    pub fn rows(&mut self, d: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.evaluator.rows()];
        self.evaluator.jacobian_product(&self.point, d, &mut out);
        out
    }

    /// The same at another point.
    pub fn rows_at(&mut self, d: &[f64], at: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.evaluator.rows()];
        self.evaluator.jacobian_product(at, d, &mut out);
        out
    }

    /// `∂c/∂v' weights`.
    pub fn gradients(&mut self, weights: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.point.len()];
        self.evaluator.jacobian_transposed_product(&self.point, weights, &mut out);
        out
    }

    pub fn point(&self) -> &[f64] {
        &self.point
    }

    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    #[cfg(test)]
    pub(super) fn evaluator_mut(&mut self) -> &mut Evaluator {
        self.evaluator
    }

    /// `-y` of all rows.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The inner part of a solution in the joint vector.
    pub fn spread_inner(&self, u: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.point.len()];
        self.selected.inner.iter().zip(u).for_each(|(k, u)| out[*k as usize] = *u);
        out
    }

    /// Numbers of active rows (and bounds, which are dropped) among those of all rows.
    pub fn spread_rows(&self, active: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.evaluator.rows()];
        self.selected.rows.iter().zip(active).for_each(|(r, y)| out[*r as usize] = *y);
        out
    }

    /// `(sigma ∇²f + Σ weights ∇²c) d`, here or at another point.
    pub fn curved(&mut self, sigma: f64, weights: &[f64], d: &[f64], at: Option<&[f64]>) -> Vec<f64> {
        let mut out = vec![0.0; self.point.len()];
        self.evaluator.hessian_product(at.unwrap_or(&self.point), sigma, weights, d, &mut out);
        out
    }

    /// `∂c_A/∂v d` at another point; 0 for bounds, which are linear.
    pub fn active_rows(&mut self, d: &[f64], at: &[f64]) -> Vec<f64> {
        let rows = self.rows_at(d, at);
        let active = self.selected.rows.iter().map(|r| rows[*r as usize]);
        active.chain(self.selected.bounds.iter().map(|_| 0.0)).collect()
    }
}

fn jacobian(evaluator: &mut Evaluator, point: &[f64]) -> (Arc<Pattern>, Vec<f64>) {
    let pattern = evaluator.jacobian_pattern().clone();
    let mut entries = vec![0.0; pattern.entries()];
    evaluator.jacobian(point, &mut entries);
    (pattern, entries)
}
