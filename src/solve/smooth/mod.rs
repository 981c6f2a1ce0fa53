//! Methods for smooth problems.

pub mod augmented_lagrangian;
pub mod bfgs;
pub mod bound_newton;
pub mod interior_point;
pub mod lbfgs;
pub mod nonlinear_cg;
