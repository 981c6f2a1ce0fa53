//! Pieces that several methods share.

pub mod filter;
