//! Names and places of what a message is about.

use crate::answer::certificate::Place;
use crate::expr::family::StageId;
use crate::problem::Problem;
use crate::problem::chain::Quantity;
use crate::problem::squares::{span, span_of};

pub fn quantity(problem: &Problem, quantity: Quantity) -> Place {
    match quantity {
        Quantity::Variable(j) => variable(problem, j as usize),
        Quantity::Row(stage, r) => row_of_stage(problem, stage, r),
    }
}

pub fn variable(problem: &Problem, j: usize) -> Place {
    let inside = |v: &&crate::problem::Variable| (v.offset as usize..v.offset as usize + v.axes.len()).contains(&j);
    let span = problem.variables.iter().find(inside).map(|v| v.span).unwrap_or_default();
    Place { label: problem.variable_name(j), span }
}

/// A row of a constraint, of a named expression, or of something without a name.
pub fn row_of_stage(problem: &Problem, stage: StageId, r: u32) -> Place {
    if let Some(c) = problem.constraints.iter().find(|c| c.stage == stage && !c.dropped) {
        return Place { label: format!("{}{}", c.label, c.axes.label(r as usize)), span: c.span };
    }
    let owner = problem.stage(stage);
    let of_matrix = owner.matrix.map(|matrix| span(matrix.origin));
    let span = owner.terms.first().map(span_of).or(of_matrix).unwrap_or_default();
    if let Some(named) = problem.named.iter().find(|named| named.stage == stage) {
        return Place { label: format!("{}{}", named.name, named.axes.label(r as usize)), span };
    }
    let label = if owner.rows == 1 { owner.name.clone() } else { format!("{}[{}]", owner.name, r + 1) };
    Place { label, span }
}

/// A row by its number among all rows.
pub fn row(problem: &Problem, row: usize) -> Place {
    let starts = problem.row_starts();
    let k = starts.partition_point(|start| *start <= row).saturating_sub(1);
    let span = problem.constraints.get(k).map(|c| c.span).unwrap_or_default();
    Place { label: problem.row_name(row), span }
}
