//! Derivatives of answers: the implicit function theorem for whatever conditions define the answer.
//!
//! A vector `v = (z, θ)` holds what the answer decides and what it depends on. Where conditions `F(z, θ) = 0` with a
//! regular `∂F/∂z` define `z(θ)`, `dz/dθ = -(∂F/∂z)⁻¹ ∂F/∂θ`. Forward (`dz` for a direction `dθ`) and reverse (the
//! gradient of `w'z` for weights `w`) each take one linear solve; the Jacobian `dz/dθ` is never formed.
//!
//! [`conditions`] is the catalogue of conditions, all by products; [`linear`] solves their systems, formed or not.
//! [`program`] is for answers of smooth programs: the conditions are stationarity and the active rows and bounds, and one
//! sparse symmetric factorisation serves both modes, or [`products`] where a dense matrix is not to be formed. [`direction`] is what remains where a constraint is active without
//! force: the answer then has one-sided derivatives, each the answer of a quadratic program. [`second`] has second derivatives
//! for a level above; [`unroll`] differentiates a fixed number of steps instead. Source: Blondel and others, "Efficient and modular implicit differentiation" (2022).

pub mod conditions;
pub mod direction;
pub mod linear;
pub mod products;
pub mod program;
pub mod second;
pub mod system;
#[cfg(test)]
mod tests;
pub mod unroll;

pub use conditions::Conditions;
pub use linear::{Implicit, Linear};
pub use program::{Program, Solver};
