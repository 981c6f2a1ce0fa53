//! Problems inside a problem replaced by their optimality conditions: one level, with complementary pairs.
//!
//! For `min f(y)  s.t.  c(y) between its sides, y between its bounds` of a block, with everything else given, and with
//! multipliers as in `answer` (`y` of rows, `z` of bounds, derivatives of the objective as stated):
//!
//! ```text
//! ∇f - J'y - z = 0,      sides of c(y) ⟂ y,      bounds of y ⟂ z
//! ```
//! The pairs are those of [`super::complementarity`], with the multipliers turned so that they are not negative at a lower
//! side; what takes problems with pairs takes these. In the form of Fritz John `∇f` has a weight `w >= 0` of its own and
//! the sizes of all multipliers and weights together are 1, so that an answer at which no multipliers exist (no constraint
//! qualification holds) is not lost. A convex block is solved exactly where its conditions hold; of others this is only
//! necessary.

mod inside;
mod maker;

use super::index::{Axes, Set};
use super::{Block, Constraint, Data, Objective, Param, Problem, Variable};
use crate::expr::family::{IndexMap, Leaf, ParamId, Source, StageId};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Kkt,
    FritzJohn,
}

/// One level. New variables and rows stand behind those of the problem that it was made of.
#[derive(Clone, Debug)]
pub struct Conditions {
    pub problem: Problem,
    /// New scalar variables, and what they are at a point with multipliers of the blocks.
    pub added: Vec<Added>,
}

/// What a new scalar variable stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Added {
    /// The multiplier of a bound of a variable of a block, as stated, or the sum of those of both.
    Bound { variable: u32, side: Side },
    /// Of an objective, in the form of Fritz John.
    Weight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Lower,
    Upper,
    Both,
}

impl Problem {
    /// The conditions of all blocks. There are only `lower` and `player` blocks, none inside another and none with pairs
    /// of its own.
    pub fn conditions(&self, form: Form) -> Conditions {
        maker::of_all_blocks(self, form)
    }
}

impl Conditions {
    /// The point of all variables with those that are new, at `whole` with multipliers of bounds `lower` and `upper`
    /// (one for each scalar variable of the problem, as stated).
    pub fn extended(&self, whole: &[f64], lower: &[f64], upper: &[f64]) -> Vec<f64> {
        let value = |added: &Added| match *added {
            Added::Bound { variable, side } => {
                let (lower, upper) = (lower[variable as usize], upper[variable as usize]);
                match side {
                    Side::Lower => lower,
                    Side::Upper => upper,
                    Side::Both => lower + upper,
                }
            }
            Added::Weight => 1.0,
        };
        let mut point = whole.to_vec();
        point.extend(self.added.iter().map(value));
        point
    }

    pub(super) fn equation(&mut self, label: &str, stage: StageId, rows: u32, side: f64, span: crate::diag::Span) {
        constrain(&mut self.problem, label, (stage, rows), (Data::Constant(side), Data::Constant(side)), span);
    }

    pub(super) fn at_most(&mut self, label: &str, stage: StageId, rows: u32, side: f64, span: crate::diag::Span) {
        let free = Data::Constant(f64::NEG_INFINITY);
        constrain(&mut self.problem, label, (stage, rows), (free, Data::Constant(side)), span);
    }
}

/// 1 for a block that minimises, -1 for one that maximises.
pub fn block_sign(block: &Block) -> f64 {
    block.objectives.first().map_or(1.0, Objective::sign)
}

fn constrain(
    problem: &mut Problem,
    label: &str,
    (stage, rows): (StageId, u32),
    sides: (Data, Data),
    span: crate::diag::Span,
) {
    problem.constraints.push(Constraint::new(label, rows_axes(rows as usize), rows, stage, sides, span));
}

/// Rows that have no index in the model.
fn rows_axes(count: usize) -> Axes {
    Axes::product(vec![Set::range(1.0, 1.0, count)])
}

pub(super) fn add_variable(problem: &mut Problem, name: &str, axes: Axes, lower: f64, upper: f64) -> u32 {
    let (offset, size) = (problem.dimension, axes.len() as u32);
    problem.variables.push(Variable {
        lower: Data::Constant(lower),
        upper: Data::Constant(upper),
        ..Variable::new(name, axes, offset, Default::default())
    });
    problem.dimension += size;
    problem.variables.len() as u32 - 1
}

/// A parameter with these numbers, read in order.
pub(super) fn add_numbers(problem: &mut Problem, values: Vec<f64>) -> Leaf {
    let id = ParamId(problem.params.len() as u32);
    let axes = rows_axes(values.len());
    let (values, span) = (Arc::new(values), Default::default());
    problem.params.push(Param { name: String::new(), axes, values, structural: false, span });
    Leaf { source: Source::Param(id), map: IndexMap::IDENTITY }
}
