//! Dense and sparse linear algebra: the only room that knows nalgebra and faer.

pub mod bunch_kaufman;
pub mod dense;
pub mod kkt;
pub mod krylov;
pub mod ldlt;
pub mod lu;
pub mod matrix;
pub mod normal;
pub mod pattern;
pub mod sparse;
pub mod vector;

#[cfg(test)]
mod tests;
