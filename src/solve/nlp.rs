//! The problem as smooth methods see it: `min f(x)  s.t.  row_lower <= c(x) <= row_upper,  lower <= x <= upper`.
//!
//! Always a minimisation; fixed variables are gone. The engine-backed view is made by the session from a planned
//! problem; methods may wrap one in another (an augmented Lagrangian is a bound-constrained `Nlp`, an elastic problem
//! is an `Nlp`), and tests write small ones by hand.

pub use crate::linalg::pattern::Pattern;
pub use crate::problem::complementarity::Pair;
pub use crate::problem::fixed_point::Definition;
pub use crate::problem::values::Scales;
use std::sync::Arc;

/// Everything about an [`Nlp`] that does not change during a solve. Infinite bounds are `±f64::INFINITY`.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub row_lower: Vec<f64>,
    pub row_upper: Vec<f64>,
    /// Row `r`: the variables of `c_r`.
    pub jacobian: Arc<Pattern>,
    /// Lower triangle (column <= row) of the Hessian of the Lagrangian; empty where a method asks for products alone.
    pub hessian: Arc<Pattern>,
    /// Complementary rows, by their numbers here; only methods that see pairs have them.
    pub pairs: Vec<Pair>,
    /// Variables outside of which the Lagrangian is linear for all multipliers: no others have second derivatives.
    pub curved: Vec<bool>,
    /// What each row defines, where the problem is a fixed point `z = T(z)`; empty elsewhere.
    pub definitions: Vec<Definition>,
    /// Typical sizes that the model states.
    pub scales: Option<Arc<Scales>>,
}

impl Shape {
    pub fn variables(&self) -> usize {
        self.lower.len()
    }

    pub fn rows(&self) -> usize {
        self.row_lower.len()
    }
}

/// Functions and derivatives at a point. Values that are not finite are returned as they are: methods must look.
pub trait Nlp {
    fn shape(&self) -> &Shape;
    fn objective(&mut self, x: &[f64]) -> f64;
    /// Writes `∇f`, `n`.
    fn gradient(&mut self, x: &[f64], out: &mut [f64]);
    /// Writes `c(x)`, `m`.
    fn constraints(&mut self, x: &[f64], out: &mut [f64]);
    /// Writes the entries of `J` in the order of `shape().jacobian`.
    fn jacobian(&mut self, x: &[f64], out: &mut [f64]);
    /// Writes the entries of `sigma ∇²f + Σ weights[r] ∇²c_r` in the order of `shape().hessian`.
    fn hessian(&mut self, x: &[f64], sigma: f64, weights: &[f64], out: &mut [f64]);
    /// Writes `(sigma ∇²f + Σ weights[r] ∇²c_r) v`.
    fn hessian_product(&mut self, x: &[f64], sigma: f64, weights: &[f64], v: &[f64], out: &mut [f64]);
    /// What the objective was multiplied by before it was handed on. Tests that must hold of it as stated divide by this.
    fn objective_factor(&self) -> f64 {
        1.0
    }
    /// The objective that the log shows at `x`, where `value` was found: without what a method has added to it.
    fn logged_objective(&mut self, _x: &[f64], value: f64) -> f64 {
        value
    }
    /// Counts so far.
    fn evaluations(&self) -> crate::answer::Evaluations;
    /// After a value that was not finite at `x`: names the function, its operands, the row and the line.
    fn explain_not_finite(&mut self, x: &[f64]) -> Option<String>;
}
