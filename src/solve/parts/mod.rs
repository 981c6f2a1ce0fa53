//! What several methods share.

pub mod ending;
pub mod filter;
pub mod proximal;
pub mod random;
