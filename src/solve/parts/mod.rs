//! What several methods share.

pub mod ending;
pub mod random;
#[cfg(test)]
pub mod trial;
