//! Methods that compare values only, and claim nothing about the point they end at.

pub mod brent;
pub mod nelder_mead;
pub mod particle_swarm;
pub mod simulated_annealing;
