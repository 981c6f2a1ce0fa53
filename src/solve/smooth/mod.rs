//! Methods for smooth problems.

pub mod augmented_lagrangian;
pub mod bfgs;
pub mod bound_newton;
pub mod interior_point;
pub mod lbfgs;
pub mod levenberg_marquardt;
pub mod nonlinear_cg;
pub mod projected_lbfgs;
pub mod sketched_newton;
pub mod trust_region_newton;
