//! Problems as other systems write them, and answers as they read them.
//!
//! Other systems know scalar columns and rows only. [`scalars`] holds a problem in that form; [`build`] makes families
//! of it again (equal expressions in different rows become one), so that a problem from outside is as fast as one that
//! was written here. [`mod@unroll`] goes the other way, and [`mod@export`] writes the formats. Readers never touch
//! files: they are given bytes and names.

pub mod build;
pub mod export;
pub mod families;
mod flat_names;
pub mod lp;
mod lp_write;
mod minors;
mod mistakes;
pub mod mps;
mod mps_write;
pub mod names;
pub mod nl;
mod nl_functions;
pub mod nl_write;
mod number;
mod opt_names;
mod opt_text;
pub mod opt_write;
mod pairs;
mod quadratics;
pub mod scalars;
pub mod sol;
pub mod sums;
pub mod unroll;

#[cfg(test)]
mod tests;
