//! Methods for smooth problems.

pub mod augmented_lagrangian;
pub mod bound_newton;
pub mod interior_point;
