//! Methods: one file and one row of [`METHODS`] each.

pub mod method;
pub mod monitor;
pub mod nlp;
pub mod options;
