//! The saddle-point system of a step, with second derivatives that are exact, known by products, or learned from steps.

use super::limited_memory::LimitedMemory;
use super::problem::Scaled;
use super::products::Products;
use crate::linalg::kkt::{Inertia, Kkt, NotFactored};
use crate::linalg::pattern::Pattern;
use std::sync::Arc;

/// Where second derivatives come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curvature {
    Exact,
    /// Products with the matrix, preconditioned by one that is made of so many of them.
    Products {
        history: usize,
    },
    /// None is evaluated; a matrix is made of so many of the last steps.
    LimitedMemory {
        history: usize,
    },
}

/// `[H + diag(d), J'; J, -diag(e)]`.
pub struct System {
    kkt: Kkt,
    model: Model,
    diagonal: Vec<f64>,
    rows: usize,
}

enum Model {
    /// The entries of `H`.
    Exact(Vec<f64>),
    Products(Box<Products>),
    LimitedMemory {
        memory: Box<LimitedMemory>,
        /// `H = 0` until the next evaluation.
        flat: bool,
    },
}

impl System {
    pub fn new(problem: &Scaled, curvature: Curvature) -> Result<System, NotFactored> {
        let (n, rows) = (problem.variables(), problem.height());
        let hessian = &problem.shape.hessian;
        let (pattern, model) = match curvature {
            Curvature::Exact => (hessian.clone(), Model::Exact(vec![0.0; hessian.entries()])),
            Curvature::Products { history } => (empty(n), Model::Products(Box::new(Products::new(problem, history)))),
            Curvature::LimitedMemory { history } => {
                let memory = Box::new(LimitedMemory::new(problem, history));
                (empty(n), Model::LimitedMemory { memory, flat: false })
            }
        };
        let kkt = Kkt::new(&pattern, &problem.shape.jacobian)?;
        Ok(System { kkt, model, diagonal: vec![0.0; n], rows })
    }

    /// Makes `H` that of `f + lambda'c` at `x`, where `gradient` and `jacobian` are those of `f` and `c`.
    pub fn evaluate(&mut self, problem: &mut Scaled, x: &[f64], lambda: &[f64], gradient: &[f64], jacobian: &[f64]) {
        match &mut self.model {
            Model::Exact(hessian) => problem.hessian(x, lambda, hessian),
            Model::Products(products) => products.evaluate(x, lambda),
            Model::LimitedMemory { memory, flat } => {
                *flat = false;
                memory.hold(std::iter::repeat(false));
                memory.see(problem, &x[..problem.variables()], lambda, gradient, jacobian);
            }
        }
    }

    /// Makes rows and columns of `H` zero for some variables; steps are then found to the last digits.
    pub fn hold(&mut self, problem: &Scaled, held: impl Fn(usize) -> bool) {
        match &mut self.model {
            Model::Exact(hessian) => {
                let pattern = &problem.shape.hessian;
                for r in 0..pattern.rows {
                    for k in pattern.row(r) {
                        if held(r) || held(pattern.columns[k] as usize) {
                            hessian[k] = 0.0;
                        }
                    }
                }
            }
            Model::Products(products) => products.hold_for_polish((0..problem.variables()).map(held)),
            Model::LimitedMemory { memory, .. } => memory.hold((0..problem.variables()).map(held)),
        }
    }

    /// Makes `H` zero.
    pub fn flatten(&mut self) {
        match &mut self.model {
            Model::Exact(hessian) => hessian.fill(0.0),
            Model::Products(products) => products.flatten(),
            Model::LimitedMemory { flat, .. } => *flat = true,
        }
    }

    /// Forgets what was learned: another scaling makes another matrix.
    pub fn forget(&mut self) {
        match &mut self.model {
            Model::Exact(_) => {}
            Model::Products(products) => products.forget(),
            Model::LimitedMemory { memory, .. } => memory.clear(),
        }
    }

    /// Factors the system, see [`Kkt::factor`], or what preconditions it: then it is the solve that sees a wrong inertia.
    pub fn factor(&mut self, jacobian: &[f64], d: &[f64], e: &[f64]) -> Result<Inertia, NotFactored> {
        match &mut self.model {
            Model::Exact(hessian) => self.kkt.factor(hessian, jacobian, d, e),
            Model::Products(products) => products.factor(&mut self.kkt, jacobian, d, e),
            Model::LimitedMemory { memory, flat: true } => {
                memory.leave_out();
                self.kkt.factor(&[], jacobian, d, e)
            }
            Model::LimitedMemory { memory, flat: false } => {
                self.diagonal.copy_from_slice(d);
                memory.add_diagonal(&mut self.diagonal);
                let inertia = self.kkt.factor(&[], jacobian, &self.diagonal, e)?;
                Ok(memory.prepare(&mut self.kkt, d.len() + self.rows, inertia))
            }
        }
    }

    /// Overwrites `b` by the solution, and returns the relative residual; see [`Kkt::solve`].
    pub fn solve(&mut self, problem: &mut Scaled, b: &mut [f64]) -> f64 {
        match &mut self.model {
            Model::Exact(_) => self.kkt.solve(b),
            Model::Products(products) => products.solve(problem, &mut self.kkt, b),
            Model::LimitedMemory { memory, .. } => {
                let quality = self.kkt.solve(b);
                memory.correct(b);
                quality
            }
        }
    }

    /// How much larger the shift of the Hessian must be, if the last solve met negative curvature.
    pub fn lacking(&self) -> Option<f64> {
        match &self.model {
            Model::Products(products) => products.lacking(),
            Model::Exact(_) | Model::LimitedMemory { .. } => None,
        }
    }
}

/// No places at all.
fn empty(n: usize) -> Arc<Pattern> {
    Arc::new(Pattern::from_rows(n, &vec![Vec::new(); n]))
}
