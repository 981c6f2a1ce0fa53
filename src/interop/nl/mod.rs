//! AMPL's `.nl` files, text and binary.
//!
//! `read` gives the file as a plain tree: header, segments, expressions as they stand. `lower` makes scalar columns and
//! rows of it. Sources: "Writing .nl Files" (SAND2005-7907P) for the grammar, "Hooking Your Solver to AMPL" for
//! complementarity and suffixes.

pub mod error;
pub mod expressions;
pub mod header;
pub mod labels;
pub mod lower;
pub mod operators;
pub mod segments;
mod tokens;

pub use error::NlError;
pub use labels::Labels;
pub use lower::{Choice, lower};
pub use segments::{Nl, Unreadable, read};
