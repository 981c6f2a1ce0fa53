//! (being written)

pub mod notation;
