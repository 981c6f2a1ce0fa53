//! Objective and rows at a point, by the referee.

use crate::expr::eval::{self, Inputs};
use crate::expr::family::StageId;
use crate::problem::Problem;

/// The first objective; 0 if there is none.
pub fn objective(problem: &Problem, x: &[f64]) -> f64 {
    let Some(objective) = problem.objectives.first() else { return 0.0 };
    values(problem, x, &[objective.stage])[objective.stage.0 as usize][0]
}

/// All rows, dropped ones too.
pub fn rows(problem: &Problem, x: &[f64]) -> Vec<f64> {
    let stages: Vec<StageId> = problem.constraints.iter().map(|c| c.stage).collect();
    let values = values(problem, x, &stages);
    stages.iter().flat_map(|id| values[id.0 as usize].iter().copied()).collect()
}

fn values(problem: &Problem, x: &[f64], stages: &[StageId]) -> Vec<Vec<f64>> {
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let needed = eval::needed(&problem.stages, stages);
    eval::stages(&problem.graph, &problem.stages, &needed, &Inputs { variables: x, params, after: &[] })
}
