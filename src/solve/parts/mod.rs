//! What several methods share.

pub mod ending;
pub mod filter;
pub mod random;
