//! Methods that use derivatives.

pub mod bfgs;
pub mod lbfgs;
pub mod nonlinear_cg;
