//! What a black-box method is given, and all that it can learn: a box, and answers about batches of candidates.
//!
//! Methods of [`Rank`] see only which candidates are better than others; those of [`Values`] see a number for each. There
//! is no way from either to an expression or a derivative. Everything is a minimisation.
//!
//! A candidate is asked about at the nearest point of the box, its integer variables rounded to the nearest integer
//! within their bounds ([`Space::settle`]); methods themselves move through real numbers.

use super::ranking::Ranking;
use crate::answer::Stop;
use crate::solve::monitor::Monitor;
use crate::solve::options::Options;
use crate::solve::parts::ending::line;
use std::cell::Cell;
use std::ops::ControlFlow;

/// Orders candidates. An error ends the search: a budget, an oracle that failed, an interrupt.
pub trait Rank {
    /// At least the `best` best candidates are told apart.
    fn rank(&mut self, candidates: &[Vec<f64>], best: usize) -> Result<Ranking, Stop>;
    /// Each candidate is asked about `trials` times anew, and they are ordered by the means of their answers, or where there
    /// are only orders by the sums of their places.
    fn prove(&mut self, candidates: &[Vec<f64>], trials: usize) -> Result<Ranking, Stop>;
    /// Answers are noisy: from here on the best candidate, and what reaches a target, is what [`Rank::prove`] shows, and no
    /// single answer.
    fn doubt(&mut self);
    /// What each candidate does, in the numbers of the `let` that the option `behaviour` names.
    fn behaviours(&mut self, candidates: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Stop>;
}

/// Gives each candidate a number, the less the better; not finite where there is none.
pub trait Values: Rank {
    fn values(&mut self, candidates: &[Vec<f64>]) -> Result<Vec<f64>, Stop>;
}

/// Where candidates live.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub integer: Vec<bool>,
}

impl Space {
    pub fn dimension(&self) -> usize {
        self.lower.len()
    }

    /// The nearest point within the bounds.
    pub fn project(&self, x: &[f64]) -> Vec<f64> {
        x.iter().enumerate().map(|(k, v)| v.max(self.lower[k]).min(self.upper[k])).collect()
    }

    /// The point that is asked about: within the bounds, and integer where it must be.
    pub fn settle(&self, x: &[f64]) -> Vec<f64> {
        let settled = |(k, v): (usize, &f64)| {
            let (mut lower, mut upper, mut v) = (self.lower[k], self.upper[k], *v);
            if self.integer[k] {
                (lower, upper, v) = (lower.ceil(), upper.floor(), v.round());
            }
            v.max(lower).min(upper)
        };
        x.iter().enumerate().map(settled).collect()
    }

    /// The length that steps begin with: `part` of the width of a variable with two bounds, else of `max(1, |x|)`.
    pub fn scale(&self, x: &[f64], part: f64) -> Vec<f64> {
        let width = |k: usize| self.upper[k] - self.lower[k];
        (0..x.len()).map(|k| part * if width(k).is_finite() { width(k) } else { x[k].abs().max(1.0) }).collect()
    }
}

/// A search for the best candidate; `asked` answers.
pub struct Search<'a, 'm, Q: ?Sized> {
    pub space: &'a Space,
    /// Within the bounds.
    pub start: Vec<f64>,
    pub asked: &'a mut Q,
    pub options: &'a Options,
    pub monitor: &'a mut Monitor<'m>,
    /// The best value so far, for the log alone; not a number where there are none.
    seen: &'a Cell<f64>,
}

/// A search that learns orders only, and one that learns values.
pub type ByRank<'s, 'm> = Search<'s, 'm, dyn Rank + 's>;
pub type ByValue<'s, 'm> = Search<'s, 'm, dyn Values + 's>;

/// What a method hands back: the candidate that it holds to be best, and why it ended. Where there are values the best
/// one that was seen counts instead, or proven where they are doubted.
pub struct Found {
    pub x: Vec<f64>,
    pub stop: Stop,
    pub iterations: usize,
}

impl<'a, 'm, Q: ?Sized> Search<'a, 'm, Q> {
    pub fn new(
        space: &'a Space,
        start: &[f64],
        asked: &'a mut Q,
        options: &'a Options,
        monitor: &'a mut Monitor<'m>,
        seen: &'a Cell<f64>,
    ) -> Search<'a, 'm, Q> {
        Search { space, start: space.project(start), asked, options, monitor, seen }
    }

    /// A round is over.
    pub fn observe(&mut self, round: usize, step: f64, candidates: usize) -> Result<(), Stop> {
        match self.monitor.observe(line(round, self.seen.get(), f64::NAN, step, candidates)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(stop) => Err(stop),
        }
    }
}
