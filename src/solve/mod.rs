//! Methods: one file and one row of [`METHODS`] each.

pub mod method;
pub mod monitor;
pub mod nlp;
pub mod options;
pub mod parts;
pub mod smooth;

#[cfg(test)]
pub mod testing;
