//! Methods for complementary pairs of rows (`problem::complementarity`): one file or folder and one row each.

mod branch;
pub mod branching;
mod elastic;
pub mod relaxation;
pub mod semismooth_newton;
