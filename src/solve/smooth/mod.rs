//! Methods for smooth problems.

pub mod interior_point;
