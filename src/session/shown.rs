//! One expression of a problem: its shape, its curvature, and its value at a point or where data alone define it.

use super::run::{after_solve, slacks};
use crate::answer::{Evaluations, Multipliers, Outcome, Stop};
use crate::expr::eval::{self, Inputs};
use crate::expr::family::{Source, StageId};
use crate::expr::ops::Curvature;
use crate::problem::curvature;
use crate::problem::index::Axes;
use crate::problem::oracles::calls_of;
use crate::problem::values::{Bounds, Numbers, depends_on};
use crate::problem::{AfterSolve, Problem};

/// A point in the order of the variables, with its multipliers where they are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub x: Vec<f64>,
    pub multipliers: Option<Multipliers>,
}

/// What is known of an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub axes: Axes,
    pub reads: Reads,
    pub curvature: Curvature,
    /// As a polynomial; `None` if it was not shown to be one.
    pub degree: Option<u32>,
    /// Names of the variables in it, in the order of the problem.
    pub variables: Vec<String>,
    /// The oracle that is asked for its value, the first of several.
    pub asks: Option<String>,
    pub values: Option<Vec<f64>>,
}

/// What the value of an expression needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nothing but data.
    Data,
    /// A point.
    Variables,
    /// What only a solve gives: duals, slacks.
    Answer,
    /// What a solve alone computes: sensitivities and answers of oracles.
    Solve,
}

/// What is known of the expression of the last `show`.
pub(super) fn last(problem: &Problem, at: Option<&Point>) -> Option<Shown> {
    let show = problem.shows.last()?;
    let reads = reads(problem, show.stage);
    let numbers = Numbers::of(problem);
    let form = curvature::of_stage(problem, &numbers, &Bounds::of(problem, &numbers), show.stage);
    let values = match (reads, at) {
        (Reads::Data, _) => Some(evaluated(problem, show.stage, &[], &[])),
        (Reads::Solve, _) | (_, None) => None,
        (Reads::Variables, Some(point)) => Some(evaluated(problem, show.stage, &point.x, &[])),
        (Reads::Answer, Some(point)) => Some(evaluated(problem, show.stage, &point.x, &after(problem, point))),
    };
    Some(Shown {
        axes: show.axes.clone(),
        reads,
        curvature: form.curvature,
        degree: form.degree,
        variables: variables(problem, show.stage),
        asks: calls_of(problem, &[show.stage]).first().map(|&call| problem.oracle_of(call).name.clone()),
        values,
    })
}

fn reads(problem: &Problem, stage: StageId) -> Reads {
    let has = |kind: &dyn Fn(Source) -> bool| depends_on(problem, kind)[stage.0 as usize];
    let of_solve = |source| {
        let Source::After(k) = source else { return false };
        match problem.after_solve[k as usize] {
            AfterSolve::Sensitivity(_) | AfterSolve::Answer(_) | AfterSolve::Argument(_) | AfterSolve::Unsupported => {
                true
            }
            AfterSolve::Dual(_)
            | AfterSolve::Slack(_)
            | AfterSolve::LowerDual(_)
            | AfterSolve::UpperDual(_)
            | AfterSolve::ReducedCost(_)
            | AfterSolve::BlockSlack(..) => false,
        }
    };
    if has(&of_solve) {
        Reads::Solve
    } else if has(&|source| matches!(source, Source::After(_))) {
        Reads::Answer
    } else if has(&|source| source == Source::Variables) {
        Reads::Variables
    } else {
        Reads::Data
    }
}

/// What `Source::After` reads; nothing of it asks for more than the point and its multipliers.
fn after(problem: &Problem, point: &Point) -> Vec<Vec<f64>> {
    let outcome = Outcome {
        x: point.x.clone(),
        multipliers: point.multipliers.clone(),
        stop: Stop::Converged,
        iterations: 0,
        evaluations: Evaluations::default(),
        log: vec![],
    };
    after_solve(problem, &outcome, &slacks(problem, &point.x), &[])
}

fn evaluated(problem: &Problem, stage: StageId, x: &[f64], after: &[Vec<f64>]) -> Vec<f64> {
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let needed = eval::needed(&problem.stages, &[stage]);
    let mut stages = eval::stages(&problem.graph, &problem.stages, &needed, &Inputs { variables: x, params, after });
    std::mem::take(&mut stages[stage.0 as usize])
}

/// The families of variables that a stage reads, itself or through others.
fn variables(problem: &Problem, stage: StageId) -> Vec<String> {
    let needed = eval::needed(&problem.stages, &[stage]);
    let mut read = vec![false; problem.variables.len()];
    for (stage, _) in problem.stages.iter().zip(&needed).filter(|(_, needed)| **needed) {
        for term in &stage.terms {
            for leaf in term.family.leaves.iter().filter(|leaf| leaf.source == Source::Variables) {
                for p in 0..term.family.instances as usize {
                    let at = leaf.map.at(p) as u32;
                    let k = problem.variables.partition_point(|v| v.offset <= at);
                    read[k - 1] = true;
                }
            }
        }
    }
    problem.variables.iter().zip(read).filter(|(_, read)| *read).map(|(v, _)| v.name.clone()).collect()
}
