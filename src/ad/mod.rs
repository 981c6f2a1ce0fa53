//! The engine: families compiled to block kernels; values, gradients, sparse Jacobians and Hessians, products.
//!
//! [`Evaluator`] is all that other rooms see. A problem's terms become fused [`groups`]; their derivatives are nodes
//! made once for each group ([`crate::expr::derive`]); roots are compiled to register [`program`]s, which [`kernel`]s
//! run over all instances; everything between kernels is an [`action`] on one arena of numbers.

mod action;
mod arrange;
mod condense;
mod dense;
mod engine;
mod evaluator;
mod functions;
mod groups;
mod hessian;
mod interpret;
mod isa;
mod jacobian;
mod kernel;
mod matrix;
mod patterns;
mod program;
mod rows;
mod runs;
mod sparse;
mod squares;
mod stage_patterns;
mod stale;
mod strided;
mod sweeps;
mod touch;
mod transfer;
mod values;

pub use evaluator::Evaluator;
#[cfg(test)]
pub use evaluator::HESSIANS;

#[cfg(test)]
mod accuracy_tests;
#[cfg(test)]
mod arrange_tests;
#[cfg(test)]
mod stale_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod thread_tests;
