//! Expressions as graphs: the table of functions, hash-consed nodes, families, derivatives as nodes, and the slow
//! evaluator that is the referee for everything fast.
//!
//! A problem's functions form a list of [`family::Stage`]s. A stage is a vector; each of its entries is a sum of
//! terms, and a term is one [`family::Family`]: a body traced once, evaluated for many instances. Bodies live in one
//! [`graph::Graph`] and read the outside only through their leaves, by position, so equal bodies are one node
//! whatever they read.

pub mod contract;
pub mod curvature;
pub mod derive;
pub mod eval;
pub mod family;
pub mod graph;
pub mod interval;
pub mod matrix;
pub mod ops;
pub mod print;
mod simplify;
pub mod sparsity;
mod special;
mod symmetric;
mod table;

#[cfg(test)]
mod analysis_tests;
#[cfg(test)]
mod special_tests;
#[cfg(test)]
mod tests;
