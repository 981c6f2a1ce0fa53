//! The last answer as rows and variables of all levels see it.

use super::expression::point;
use crate::ad::Evaluator;
use crate::answer::Answer;
use crate::answer::layout::{number, residual};
use crate::linalg::pattern::Pattern;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Problem, SuppliedBy};
use std::borrow::Cow;
use std::sync::Arc;

/// Closer to a side than this, relative to it, a row binds.
pub(super) const TOUCHING: f64 = 1e-6;

/// A problem at a point, its rows with those of its blocks behind them.
pub(super) struct Here<'p> {
    /// With the rows of all levels; see [`Problem::with_all_rows`].
    pub problem: Cow<'p, Problem>,
    pub x: Vec<f64>,
    /// Of each row, in its sign: d(objective of its level) / d(right side as written), what other levels decide held.
    pub duals: Vec<f64>,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub bodies: Vec<f64>,
    pub bounds: Bounds,
    /// How many families of rows are those of the outermost level.
    pub outermost: usize,
}

impl<'p> Here<'p> {
    pub fn of(problem: &'p Problem, answer: &Answer, stale: bool) -> Option<Here<'p>> {
        let at = point(problem, answer, stale)?;
        let all = problem.with_all_rows();
        let known = crate::plan::known(&all);
        let mut bodies = vec![0.0; all.row_count()];
        Evaluator::new(&known).constraints(&at.x, &mut bodies);
        let unknown = |count: usize| vec![f64::NAN; count];
        let (rows, lower, upper) = match at.multipliers {
            Some(m) => (m.rows, m.lower, m.upper),
            None => (unknown(problem.row_count()), unknown(at.x.len()), unknown(at.x.len())),
        };
        let signs = problem.constraints.iter().flat_map(|c| (0..c.rows).map(|_| c.dual_sign));
        let mut duals: Vec<f64> = rows.iter().zip(signs).map(|(y, sign)| sign * y).collect();
        for block in &problem.blocks {
            for (k, row) in block.constraints.iter().enumerate() {
                let supplied = block.supplied.iter().find(|s| s.by == SuppliedBy::Row(k as u32));
                let first = supplied.map(|s| problem.variables[s.variable as usize].offset as usize);
                let of_row = |r: usize| first.map_or(f64::NAN, |first| at.x[first + r]);
                duals.extend((0..row.rows as usize).map(of_row));
            }
        }
        let bounds = Bounds::of(&all, &Numbers::of(&all));
        let outermost = problem.constraints.len();
        drop(known);
        Some(Here { problem: all, x: at.x, duals, lower, upper, bodies, bounds, outermost })
    }

    /// `at its lower bound`, or nothing.
    pub fn at_bound(&self, j: usize) -> &'static str {
        let touches = |bound: f64| bound.is_finite() && (self.x[j] - bound).abs() <= TOUCHING * bound.abs().max(1.0);
        match (touches(self.bounds.lower[j]), touches(self.bounds.upper[j])) {
            (true, true) => "fixed",
            (true, false) => "at its lower bound",
            (false, true) => "at its upper bound",
            (false, false) => "",
        }
    }

    /// The distance of a row to its nearest side, negative where it is violated.
    pub fn slack(&self, r: usize) -> f64 {
        (self.bodies[r] - self.bounds.row_lower[r]).min(self.bounds.row_upper[r] - self.bodies[r])
    }

    /// Whether a row is at one of its sides.
    pub fn binds(&self, r: usize) -> bool {
        let (body, low, high) = (self.bodies[r], self.bounds.row_lower[r], self.bounds.row_upper[r]);
        let scale = if body - low < high - body { low } else { high }.abs().max(1.0);
        self.slack(r).abs() <= TOUCHING * scale
    }

    /// How a row stands to its sides.
    pub fn standing(&self, r: usize) -> String {
        let (body, low, high) = (self.bodies[r], self.bounds.row_lower[r], self.bounds.row_upper[r]);
        let slack = self.slack(r);
        let dual = self.duals[r];
        let dual = if dual.is_nan() { String::new() } else { format!(", dual {}", number(dual)) };
        let verdict = match self.binds(r) {
            true if low == high => "an equation that holds".to_string(),
            true => "binding".to_string(),
            false if slack < 0.0 => format!("violated by {}", residual(-slack)),
            false if slack.is_infinite() => "free".to_string(),
            false => format!("not binding, slack {}", number(slack)),
        };
        format!("value {}: {verdict}{dual}", number(body))
    }

    /// The block that states a family of rows.
    pub fn block_of_row(&self, k: usize) -> Option<usize> {
        let mut after = k.checked_sub(self.outermost)?;
        let holds = |block: &crate::problem::Block| match after.checked_sub(block.constraints.len()) {
            Some(rest) => {
                after = rest;
                false
            }
            None => true,
        };
        self.problem.blocks.iter().position(holds)
    }

    /// The families of rows that a level states: those of a block, or of the outermost level.
    pub fn families_of(&self, block: Option<usize>) -> std::ops::Range<usize> {
        let Some(block) = block else { return 0..self.outermost };
        let before: usize = self.problem.blocks[..block].iter().map(|b| b.constraints.len()).sum();
        let first = self.outermost + before;
        first..first + self.problem.blocks[block].constraints.len()
    }

    /// The slopes of what a level minimises or maximises, at the point: by one instance of a block, or by the outermost level.
    pub fn gradient(&self, level: Option<(usize, usize)>) -> Vec<f64> {
        let mut gradient = vec![0.0; self.x.len()];
        let Some((block, instance)) = level else {
            Evaluator::new(&crate::plan::known(&self.problem)).gradient(&self.x, &mut gradient);
            return gradient;
        };
        // The objective of a block has one row for each instance.
        let Some(objective) = self.problem.blocks[block].objectives.first() else { return gradient };
        let mut of_objective = self.problem.clone().into_owned();
        let Some(mut row) = of_objective.constraints.first().cloned() else { return gradient };
        row.stage = objective.stage;
        row.rows = self.problem.blocks[block].axes.len() as u32;
        row.axes = self.problem.blocks[block].axes.clone();
        of_objective.constraints = vec![row];
        for (slope, j) in slopes(&of_objective, &self.x, instance) {
            gradient[j] = slope;
        }
        gradient
    }

    /// The slopes of the rows, of all levels, that read a variable.
    pub fn columns(&self, j: usize) -> Vec<(f64, usize)> {
        let (pattern, slopes) = jacobian(&self.problem, &self.x);
        let of_row = |r: usize| pattern.row(r).filter(|&e| pattern.columns[e] as usize == j).map(move |e| (e, r));
        (0..self.bodies.len()).flat_map(of_row).map(|(e, r)| (slopes[e], r)).collect()
    }

    /// The slopes of a row in the variables that it reads.
    pub fn slopes(&self, r: usize) -> Vec<(f64, usize)> {
        slopes(&self.problem, &self.x, r)
    }
}

pub(super) fn jacobian(problem: &Problem, x: &[f64]) -> (Arc<Pattern>, Vec<f64>) {
    let mut evaluator = Evaluator::new(&crate::plan::known(problem));
    let pattern = evaluator.jacobian_pattern().clone();
    let mut slopes = vec![0.0; pattern.entries()];
    evaluator.jacobian(x, &mut slopes);
    (pattern, slopes)
}

fn slopes(problem: &Problem, x: &[f64], r: usize) -> Vec<(f64, usize)> {
    let (pattern, slopes) = jacobian(problem, x);
    pattern.row(r).map(|e| (slopes[e], pattern.columns[e] as usize)).collect()
}
