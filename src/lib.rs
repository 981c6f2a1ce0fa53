//! Merit: a declarative modelling language for optimisation.
//!
//! text → syntax → meaning → problem → plan → solve → certificate → answer: every stage is a plain value.
//! `docs/architecture.md` shows the rooms and who may import whom.

pub mod ad;
pub mod answer;
pub mod certify;
pub mod cli;
pub mod data;
pub mod diag;
pub mod expr;
pub mod host;
pub mod linalg;
pub mod plan;
pub mod problem;
pub mod sema;
pub mod session;
pub mod solve;
pub mod syntax;
