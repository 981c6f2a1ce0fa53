//! The answer that is shown: a plain value, with names and index values, in the signs of the model as written.

use super::certificate::Certificate;
use super::diagnosis::Diagnosis;
use super::sensitivity::Sensitivity;
use super::status::Status;
use super::{Evaluations, LogLine, Multipliers, Stop};
use crate::diag::Span;
use crate::problem::Sense;
use crate::problem::index::Axes;

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: Status,
    pub stop: Stop,
    pub objectives: Vec<ObjectiveValue>,
    /// By family.
    pub variables: Vec<Entry>,
    /// Named expressions (`let`).
    pub named: Vec<Entry>,
    /// `d(objective)/dε` with ε added to the right side of the row as written; empty without multipliers.
    pub duals: Vec<Entry>,
    /// Distance of each row to its nearest side, negative where it is violated.
    pub slacks: Vec<Entry>,
    pub lower_duals: Vec<Entry>,
    pub upper_duals: Vec<Entry>,
    pub reduced_costs: Vec<Entry>,
    /// Variables that stand for multipliers of followers, which no level decides by itself.
    pub supplied: Vec<Entry>,
    /// What problems inside the problem have besides, behind what is stated: variables that state kinks, the multipliers of their
    /// rows, conditions of levels inside inner ones. For a warm start, and for sensitivities.
    pub added: Vec<Entry>,
    pub certificate: Certificate,
    /// What went wrong, and where; empty where all went well.
    pub diagnosis: Diagnosis,
    pub plan: PlanSummary,
    pub ensures: Vec<Ensured>,
    /// What the model shows, by its text.
    pub shows: Vec<Entry>,
    /// Derivatives that the model asks for, in statements and as values.
    pub sensitivities: Vec<Sensitivity>,
    pub counts: Counts,
    pub time: Time,
    pub seed: u64,
    /// The point and its multipliers by position, for a warm start.
    pub x: Vec<f64>,
    pub multipliers: Option<Multipliers>,
    /// A line per iteration, where asked for.
    pub log: Vec<LogLine>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ObjectiveValue {
    pub name: String,
    pub sense: Sense,
    /// Not a number where only an order of candidates is known.
    pub value: f64,
}

/// An array under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub name: String,
    pub axes: Axes,
    pub values: Vec<f64>,
}

/// What the planner did, in sentences that hold their line numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanSummary {
    pub class: String,
    pub method: String,
    pub because: Vec<String>,
    pub rewrites: Vec<String>,
    /// `name = value` of the options that were set.
    pub options: Vec<String>,
    pub unused_options: Vec<String>,
    /// Which variables were moved off their default start, and which given starts lie outside of their bounds.
    pub starts: Vec<String>,
}

/// An `ensure` of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensured {
    pub text: String,
    pub line: usize,
    pub span: Span,
    pub holds: bool,
    /// The two sides, where it is a relation of two numbers.
    pub sides: Option<(f64, String, f64)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    pub variables: usize,
    pub constraints: usize,
    /// Of the run that gave the answer.
    pub iterations: usize,
    /// How many starting points were tried.
    pub starts: usize,
    pub evaluations: Evaluations,
    /// What oracles were asked, those that were.
    pub oracles: Vec<Asked>,
}

/// What one oracle answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub oracle: String,
    pub ranks: bool,
    /// Questions that it answered in this run, with a number or an order.
    pub questions: usize,
    /// Candidates in them.
    pub candidates: usize,
    /// Questions whose answer was known: from this run, or from the journal.
    pub known: usize,
}

/// Seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Time {
    pub read: f64,
    pub plan: f64,
    pub solve: f64,
    pub certify: f64,
}

impl Answer {
    /// The only objective, or the first.
    pub fn objective(&self) -> Option<f64> {
        self.objectives.first().map(|objective| objective.value)
    }

    /// The numbers of a variable, a named expression or an objective.
    pub fn value(&self, name: &str) -> Option<&[f64]> {
        let entries = self.variables.iter().chain(&self.named);
        let entry = entries.into_iter().find(|entry| entry.name == name).map(|entry| &entry.values[..]);
        entry.or_else(|| self.objectives.iter().find(|o| o.name == name).map(|o| std::slice::from_ref(&o.value)))
    }

    /// The duals of a constraint.
    pub fn dual(&self, name: &str) -> Option<&[f64]> {
        self.duals.iter().find(|entry| entry.name == name).map(|entry| &entry.values[..])
    }

    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// 0 for a point that may be used, 3 otherwise, 4 where an `ensure` does not hold.
    pub fn exit_code(&self) -> i32 {
        let code = self.status.exit_code();
        if code == 0 && self.ensures.iter().any(|ensure| !ensure.holds) { 4 } else { code }
    }
}
