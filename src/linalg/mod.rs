//! Dense and sparse linear algebra: the only room that knows nalgebra and faer.

pub mod pattern;
