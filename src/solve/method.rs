//! The row of a method and what it is given.

use super::monitor::Monitor;
use super::nlp::Nlp;
use super::options::{OptionRow, Options};
use crate::answer::{Multipliers, Outcome};

/// What a converged run of the method may lead to; the judge still decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A stationary point that satisfies first-order conditions.
    Stationary,
    /// The best point seen; nothing is claimed.
    Heuristic,
}

/// A row of the table of methods.
pub struct Method {
    pub name: &'static str,
    pub doc: &'static str,
    /// Where it is described.
    pub source: &'static str,
    pub claim: Claim,
    pub options: &'static [OptionRow],
    pub run: fn(&mut Context) -> Outcome,
}

/// What a method is given.
pub struct Context<'a, 'm> {
    pub nlp: &'a mut dyn Nlp,
    pub start: Vec<f64>,
    /// Multipliers of an earlier answer, in the convention of `answer` for a minimisation.
    pub warm: Option<Multipliers>,
    pub options: &'a Options,
    pub monitor: &'a mut Monitor<'m>,
}
