//! The row of a method and what it is given.

use super::black_box::search::{self, Found};
use super::monitor::Monitor;
use super::nlp::Nlp;
use super::options::{Default, OptionRow, Options};
use crate::answer::{Multipliers, Outcome};
use crate::problem::features::{Fact, Features};

/// What a converged run of the method may lead to; the judge still decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// That nothing is better, with what shows it: rows and bounds as stated must be what it sees.
    Global,
    /// A stationary point that satisfies first-order conditions.
    Stationary,
    /// The best point seen; nothing is claimed.
    Heuristic,
}

/// Why a method cannot serve a problem: the fact it objects to.
pub type Objection = Fact;

/// A row of the table of methods.
pub struct Method {
    pub name: &'static str,
    pub doc: &'static str,
    /// When the planner takes it, as the end of "chosen ...".
    pub chosen: &'static str,
    /// Where it is described.
    pub source: &'static str,
    pub claim: Claim,
    /// What form of the problem it needs to see.
    pub sees: Sees,
    /// With these options it asks for entries of the Hessian, so that their places must be found.
    pub second_order: fn(&Options) -> bool,
    pub accepts: fn(&Features) -> Result<(), Objection>,
    pub options: &'static [OptionRow],
    pub run: Run,
}

/// A method by what it can see; the type of its function sees to it that there is no more.
#[derive(Clone, Copy)]
pub enum Run {
    /// Functions, rows and derivatives.
    Functions(fn(&mut Context) -> Outcome),
    /// Values of candidates.
    ByValue(fn(&mut search::ByValue) -> Found),
    /// Which candidates are better than others.
    ByRank(fn(&mut search::ByRank) -> Found),
}

impl Method {
    /// Whether it takes a problem with these facts. Methods that do not see pairs take none that has some.
    pub fn takes(&self, features: &Features) -> Result<(), Objection> {
        match &features.complementarity {
            Some(fact) if self.sees != Sees::Pairs => Err(fact.clone()),
            _ => (self.accepts)(features),
        }
    }
}

/// The form of a problem that a method is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees {
    /// As it is; the method scales by itself.
    Plain,
    /// The objective multiplied so that its gradient at the start has no entry above 100.
    Scaled,
    /// Rows, and which of them are complementary; the objective is multiplied as for [`Sees::Scaled`]. No other form
    /// keeps pairs.
    Pairs,
    /// The rows of `c(x)` are residuals, and the objective is the sum of their squares plus a constant.
    Residuals,
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

/// The row that every method with a tolerance has.
pub const fn tolerance(doc: &'static str, value: f64) -> OptionRow {
    OptionRow { name: "tol", doc, default: Default::Number { value, least: 0.0, most: 1.0 } }
}

/// The row of the limit that [`Monitor`] watches.
pub const fn iteration_limit(value: usize) -> OptionRow {
    OptionRow {
        name: "max_iter",
        doc: "limit of iterations",
        default: Default::Number { value: value as f64, least: 0.0, most: 1e15 },
    }
}
