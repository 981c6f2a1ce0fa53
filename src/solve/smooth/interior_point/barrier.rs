//! The barrier parameter: when it falls, and how far.

use super::iterate::Iterate;
use super::problem::Scaled;

/// The barrier problem counts as solved when its error is below this times `mu`.
const SOLVED: f64 = 10.0;
const LINEAR: f64 = 0.2;
const POWER: f64 = 1.5;
const LEAST_TAU: f64 = 0.99;

/// The rule of Fiacco and McCormick: `mu` falls superlinearly, each time the barrier problem is solved well enough.
#[derive(Clone, Debug)]
pub struct Barrier {
    pub mu: f64,
    least: f64,
}

impl Barrier {
    pub fn new(mu: f64, tolerance: f64) -> Barrier {
        let least = tolerance / (SOLVED + 1.0);
        Barrier { mu: mu.max(least), least }
    }

    /// How far of the way to the bounds a step may go.
    pub fn tau(&self) -> f64 {
        LEAST_TAU.max(1.0 - self.mu)
    }

    /// Lowers `mu` while the barrier problem is solved for it; true if it changed.
    pub fn update(&mut self, problem: &Scaled, at: &Iterate) -> bool {
        let before = self.mu;
        while self.mu > self.least && at.errors(problem, self.mu).scaled <= SOLVED * self.mu {
            self.mu = (LINEAR * self.mu).min(self.mu.powf(POWER)).max(self.least);
        }
        self.mu < before
    }
}
