//! What is simplified before a smooth method runs: rows that are bounds, that say nothing, or that say what another one
//! says. Only bounds and sides change; families, variables and the numbering of rows stay.
//!
//! Points need no way back. Multipliers have one: what a bound carries that a row implied belongs to that row.
//! Bounds that follow from several rows by intervals (`problem::propagate`) prove contradictions, but are not handed to
//! methods: at a solution they would share their multipliers with the rows they came from, and neither would be unique.

pub mod empty_rows;
pub mod parallel_rows;
pub mod redundant_rows;
pub mod singleton_rows;
#[cfg(test)]
mod tests;

use super::{Rewrite, Rewritten};
use crate::answer::{Multipliers, Outcome};
use crate::diag::Span;
use crate::problem::chain::Side;
use crate::problem::complementarity::paired;
use crate::problem::curvature::Forms;
use crate::problem::features::Fact;
use crate::problem::linear::{self, LinearRow};
use crate::problem::propagate::effort;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Problem, Sense};

/// The steps in their order.
type Step = fn(&mut Presolve) -> Vec<usize>;
const STEPS: &[(&Rewrite, &str, Step)] = &[
    (&empty_rows::REWRITE, "holds whatever the variables are", empty_rows::apply),
    (&singleton_rows::REWRITE, "is a bound of one variable", singleton_rows::apply),
    (&parallel_rows::REWRITE, "says what another row says", parallel_rows::apply),
    (&redundant_rows::REWRITE, "holds within the bounds", redundant_rows::apply),
];

/// Problems whose rows take more evaluations are left as they are.
const MOST: usize = 300_000;
/// Rows that hold by less than this, in proportion, are kept.
pub(super) const CLEAR: f64 = 1e-9;

/// The problem while it is simplified.
pub struct Presolve {
    pub rows: Vec<Option<LinearRow>>,
    pub bounds: Bounds,
    pub undo: Vec<Undo>,
}

/// Who is owed a multiplier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Undo {
    /// This bound of the variable came from the row, which has this slope along it.
    Bound { variable: usize, side: Side, row: usize, slope: f64 },
    /// This side of `row` came from the row `from`, whose slopes are `factor` times as large.
    Side { row: usize, side: Side, from: usize, factor: f64 },
}

/// Simplified bounds and sides, and the way back.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduced {
    pub bounds: Bounds,
    pub undo: Vec<Undo>,
    maximised: bool,
}

/// Simplifies rows and bounds; nothing if there is nothing to simplify.
pub fn apply(problem: &Problem) -> Option<(Reduced, Vec<Rewritten>)> {
    if problem.constraints.is_empty() || effort(problem) > MOST {
        return None;
    }
    let numbers = Numbers::of(problem);
    let bounds = Bounds::of(problem, &numbers);
    let crossed =
        |lower: &[f64], upper: &[f64]| lower.iter().zip(upper).any(|(l, u)| l > u || l.is_nan() || u.is_nan());
    if crossed(&bounds.lower, &bounds.upper) || crossed(&bounds.row_lower, &bounds.row_upper) {
        return None;
    }
    let mut rows = linear::rows(problem, &Forms::of(problem, &numbers, &bounds))?;
    // What a complementarity reads is more than a row.
    rows.iter_mut().zip(paired(problem)).filter(|(_, paired)| *paired).for_each(|(row, _)| *row = None);
    let mut presolve = Presolve { rows, bounds, undo: vec![] };
    let mut made = vec![];
    for (rewrite, what, step) in STEPS {
        let changed = step(&mut presolve);
        if !changed.is_empty() {
            made.push(Rewritten { name: rewrite.name, facts: vec![fact(problem, &changed, what)] });
        }
    }
    let maximised = problem.objectives.first().is_some_and(|o| o.sense == Sense::Maximize);
    let reduced = Reduced { bounds: presolve.bounds, undo: presolve.undo, maximised };
    (!made.is_empty()).then_some((reduced, made))
}

fn fact(problem: &Problem, rows: &[usize], what: &str) -> Fact {
    let name = problem.row_name(rows[0]);
    let starts = problem.row_starts();
    let k = starts.partition_point(|start| *start <= rows[0]) - 1;
    let span: Span = problem.constraints[k].span;
    let sentence = match rows.len() {
        1 => format!("`{name}` {what}"),
        more => format!("`{name}` {what}, and {} rows more", more - 1),
    };
    Fact::at(sentence, span)
}

impl Presolve {
    /// Rows that still constrain and are linear.
    pub fn kept(&self) -> Vec<usize> {
        let sided = |r: &usize| self.bounds.row_lower[*r].is_finite() || self.bounds.row_upper[*r].is_finite();
        (0..self.rows.len()).filter(|r| self.rows[*r].is_some()).filter(sided).collect()
    }

    /// The row no longer constrains.
    pub fn free(&mut self, row: usize) {
        self.bounds.row_lower[row] = f64::NEG_INFINITY;
        self.bounds.row_upper[row] = f64::INFINITY;
    }
}

impl Reduced {
    /// The outcome with the multipliers where they belong.
    pub fn lift(&self, mut outcome: Outcome) -> Outcome {
        if let Some(m) = &mut outcome.multipliers {
            self.undo.iter().rev().for_each(|undo| self.pay(*undo, m));
        }
        outcome
    }

    fn pay(&self, undo: Undo, m: &mut Multipliers) {
        match undo {
            Undo::Bound { variable, side, row, slope } => {
                let bound = if side == Side::Lower { &mut m.lower[variable] } else { &mut m.upper[variable] };
                m.rows[row] += std::mem::take(bound) / slope;
            }
            Undo::Side { row, side, from, factor } => {
                // When minimising, a lower side has a multiplier that is not negative.
                let on_lower = (m.rows[row] > 0.0) != self.maximised;
                if m.rows[row] != 0.0 && on_lower == (side == Side::Lower) {
                    m.rows[from] += std::mem::take(&mut m.rows[row]) / factor;
                }
            }
        }
    }

    /// Multipliers of the problem as it was, for this one.
    pub fn reduce(&self, m: &Multipliers) -> Multipliers {
        let mut m = m.clone();
        for undo in &self.undo {
            match *undo {
                Undo::Bound { variable, side, row, slope } => {
                    let z = m.rows[row] * slope;
                    let on_lower = (z > 0.0) != self.maximised;
                    if z != 0.0 && on_lower == (side == Side::Lower) {
                        m.rows[row] = 0.0;
                        let bound = if side == Side::Lower { &mut m.lower[variable] } else { &mut m.upper[variable] };
                        *bound += z;
                    }
                }
                Undo::Side { row, side, from, factor } => {
                    let y = m.rows[from] * factor;
                    let on_lower = (y > 0.0) != self.maximised;
                    if y != 0.0 && on_lower == (side == Side::Lower) {
                        m.rows[from] = 0.0;
                        m.rows[row] += y;
                    }
                }
            }
        }
        m
    }
}
