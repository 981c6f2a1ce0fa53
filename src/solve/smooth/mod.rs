//! Methods for smooth problems.

pub mod bfgs;
pub mod interior_point;
pub mod lbfgs;
pub mod nonlinear_cg;
