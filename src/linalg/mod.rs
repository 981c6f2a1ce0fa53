//! Dense and sparse linear algebra: the only room that knows nalgebra and faer.

pub mod vector;
pub mod matrix;
pub mod pattern;
pub mod sparse;
pub mod dense;
pub mod bunch_kaufman;
pub mod ldlt;
pub mod kkt;

#[cfg(test)]
mod tests;
