//! Derivatives of answers: the implicit function theorem for whatever conditions define the answer.
//!
//! A vector `v = (z, θ)` holds what the answer decides and what it depends on. Where conditions `F(z, θ) = 0` with a
//! regular `∂F/∂z` define `z(θ)`, `dz/dθ = -(∂F/∂z)⁻¹ ∂F/∂θ`. Forward (`dz` for a direction `dθ`) and reverse (the
//! gradient of `w'z` for weights `w`) each take one linear solve; the Jacobian `dz/dθ` is never formed.
//!
//! [`program`] is for answers of smooth programs: the conditions are stationarity and the active rows and bounds, the
//! solve is one symmetric factorisation that serves both modes. [`direction`] is what remains where a constraint is
//! active without force: the answer then has one-sided derivatives, each the answer of a quadratic program.

pub mod direction;
pub mod program;
pub mod system;

pub use program::Program;
