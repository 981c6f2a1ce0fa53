//! Methods: one file and one row of [`METHODS`] each.

pub mod nlp;
pub mod method;
pub mod options;
pub mod monitor;
pub mod parts;
pub mod smooth;

#[cfg(test)]
pub mod testing;
