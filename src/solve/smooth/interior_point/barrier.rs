//! The barrier parameter: when it falls, and how far.
//!
//! Two strategies. *Monotone*, of Fiacco and McCormick: `mu` falls superlinearly, each time the barrier problem is solved
//! well enough. *Adaptive*, after Nocedal, Wächter and Waltz (2009): as long as the optimality error falls, each iteration
//! chooses `mu` freely by Mehrotra's rule, from how far a step with `mu = 0` could go; when the error does not fall any
//! more, the monotone rule takes over until it does.

use super::iterate::Iterate;
use super::line_search::{fraction, primal_fraction};
use super::newton::Step;
use super::problem::Scaled;

/// The barrier problem counts as solved when its error is below this times `mu`.
const SOLVED: f64 = 10.0;
const LINEAR: f64 = 0.2;
const POWER: f64 = 1.5;
const LEAST_TAU: f64 = 0.99;
/// The error must fall below the largest of so many earlier ones for the free choice to go on.
const REFERENCES: usize = 4;
const PROGRESS: f64 = 0.9999;
/// After so many iterations without a best error the free choice ends.
const PATIENCE: usize = 15;
/// The monotone rule starts at this part of the average complementarity.
const RESTART: f64 = 0.8;
const MOST: f64 = 1e5;

/// How `mu` is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    Monotone,
    Adaptive,
}

/// The parameter and what its choice remembers.
#[derive(Clone, Debug)]
pub struct Barrier {
    pub mu: f64,
    least: f64,
    strategy: Strategy,
    /// True while each iteration chooses `mu` anew.
    free: bool,
    references: Vec<f64>,
    best: f64,
    /// Iterations since the best error was found.
    since: usize,
}

impl Barrier {
    /// Without bounds there is no barrier, and `mu` has nothing to choose: the monotone rule then keeps the filter.
    pub fn new(problem: &Scaled, mu: f64, tolerance: f64, strategy: Strategy) -> Barrier {
        let least = tolerance / (SOLVED + 1.0);
        let bounded = problem.lower.iter().chain(&problem.upper).any(|bound| bound.is_finite());
        let strategy = if bounded { strategy } else { Strategy::Monotone };
        Barrier {
            mu: mu.max(least),
            least,
            strategy,
            free: strategy == Strategy::Adaptive,
            references: Vec::new(),
            best: f64::INFINITY,
            since: 0,
        }
    }

    /// How far of the way to the bounds a step may go.
    pub fn tau(&self) -> f64 {
        LEAST_TAU.max(1.0 - self.mu)
    }

    /// Whether this iteration chooses `mu` by [`Barrier::choose`].
    pub fn free(&self) -> bool {
        self.free
    }

    /// Looks at a new point, whose optimality error is `error`; true if `mu` or the mode changed.
    pub fn update(&mut self, problem: &Scaled, at: &Iterate, error: f64) -> bool {
        let before = (self.mu, self.free);
        if self.strategy == Strategy::Adaptive {
            self.choose_mode(problem, at, error);
        }
        if !self.free {
            while self.mu > self.least && at.errors(problem, self.mu).scaled <= SOLVED * self.mu {
                self.mu = (LINEAR * self.mu).min(self.mu.powf(POWER)).max(self.least);
            }
        }
        before != (self.mu, self.free)
    }

    /// Takes the free choice away, after a search that failed.
    pub fn hold(&mut self, problem: &Scaled, at: &Iterate) {
        if self.free {
            self.free = false;
            self.restart(problem, at);
        }
    }

    /// Mehrotra's rule: the average complementarity times the third power of the part of it that `affine`, the step for
    /// `mu = 0`, would leave.
    pub fn choose(&mut self, problem: &Scaled, at: &Iterate, affine: &Step) {
        let (average, _) = at.complementarity(problem);
        let primal = primal_fraction(problem, &at.w, &affine.w, 1.0);
        let dual = fraction(&at.z_lower, &affine.z_lower, 1.0).min(fraction(&at.z_upper, &affine.z_upper, 1.0));
        let (mut sum, mut count) = (0.0, 0usize);
        for i in 0..at.w.len() {
            let w = at.w[i] + primal * affine.w[i];
            for (gap, z) in [
                (w - problem.lower[i], at.z_lower[i] + dual * affine.z_lower[i]),
                (problem.upper[i] - w, at.z_upper[i] + dual * affine.z_upper[i]),
            ] {
                if gap.is_finite() {
                    sum += gap * z;
                    count += 1;
                }
            }
        }
        let left = sum / count.max(1) as f64;
        let sigma = if average > 0.0 { (left / average).powi(3) } else { 0.0 };
        self.mu = (sigma * average).clamp(self.least, MOST);
    }

    fn choose_mode(&mut self, problem: &Scaled, at: &Iterate, error: f64) {
        self.since += 1;
        if error <= PROGRESS * self.best {
            (self.best, self.since) = (error, 0);
        }
        // Without the second condition errors that go up and down would pass for progress for ever.
        let progress = self.references.len() < REFERENCES
            || (self.since < PATIENCE && self.references.iter().any(|reference| error <= PROGRESS * reference));
        if progress {
            self.free = true;
            if self.references.len() == REFERENCES {
                self.references.remove(0);
            }
            self.references.push(error);
        } else if self.free {
            self.free = false;
            self.restart(problem, at);
        }
    }

    fn restart(&mut self, problem: &Scaled, at: &Iterate) {
        let (average, _) = at.complementarity(problem);
        self.mu = (RESTART * average).clamp(self.least, MOST);
    }
}
