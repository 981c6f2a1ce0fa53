//! Methods that compare candidates only, and claim nothing about the point they end at.

pub mod brent;
pub mod cbo;
pub mod cma_es;
pub mod genetic;
pub mod nelder_mead;
pub mod novelty;
pub mod particle_swarm;
pub mod population;
pub mod ranking;
pub mod search;
pub mod simulated_annealing;
pub mod zo_rank_sgd;
pub mod zo_sgd;
