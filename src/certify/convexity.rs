//! Whether a problem is convex, shown by the judge for itself: by composition rules, and for a quadratic objective
//! by the signs of the pivots of its Hessian.

use super::cone::{Cone, Curved};
use super::hessian::of_lagrangian;
use super::program::{Block, Program};
use super::residuals::Duals;
use crate::expr::curvature::{Facts, StageFacts, reason, reason_of_matrix, stage_facts, trace, trace_matrix};
use crate::expr::family::{Leaf, Source, StageId};
use crate::expr::interval::Interval;

/// Eigenvalues above minus this, relative to what is summed up in the rows, count as not negative: rounding.
const ROUNDING: f64 = 1e-8;

/// What composition shows of the stages, variables being within their bounds.
pub fn facts(program: &Program) -> Vec<StageFacts> {
    let problem = program.problem;
    let mut source = |leaf: &Leaf, instances: u32| match leaf.source {
        Source::Variables => {
            let boxes = (0..instances as usize).map(|p| {
                let j = leaf.map.at(p);
                Interval::new(program.lower[j], program.upper[j])
            });
            Facts::variable(boxes.reduce(Interval::hull).unwrap_or(Interval::WHOLE))
        }
        Source::Param(id) => {
            let values = &problem.param(id).values;
            let read: Vec<f64> = (0..instances as usize).map(|p| values[leaf.map.at(p)]).collect();
            Facts::constant(Interval::of(&read))
        }
        // Stages are answered from what was found before; what exists only after the solve enters no objective.
        Source::Stage(_) | Source::After(_) => Facts::constant(Interval::WHOLE),
    };
    stage_facts(&problem.graph, &problem.stages, &mut source)
}

/// Whether rows with a positive (negative) weight in a Lagrangian may be used as convex functions `-weight c`.
pub fn usable(facts: &StageFacts, weight: f64) -> bool {
    let curvature = facts.facts.curvature;
    if weight > 0.0 { curvature.is_concave() } else { curvature.is_convex() }
}

/// Why the problem is convex, or what stands against it.
pub fn shown(program: &Program) -> Result<String, String> {
    let facts = facts(program);
    for block in &program.blocks {
        let convex = block.lower.iter().all(|b| *b == f64::NEG_INFINITY) || usable(&facts[index(block.stage)], 1.0);
        let concave = block.upper.iter().all(|b| *b == f64::INFINITY) || usable(&facts[index(block.stage)], -1.0);
        if !(convex && concave) {
            return Err(format!("`{}`{}", label(program, block), because(program, &facts, block.stage)));
        }
    }
    let Some((stage, sign)) = program.objective else { return Ok("all rows are convex".to_string()) };
    if usable(&facts[index(stage)], -sign) {
        return Ok("objective and rows are convex by composition".to_string());
    }
    let objective = program.objective_place().map_or(String::new(), |place| place.label);
    let against = || format!("`{objective}`{}", because(program, &facts, stage));
    if facts[index(stage)].facts.degree.is_none_or(|degree| degree > 2) || !positive_semidefinite(program) {
        return Err(against());
    }
    Ok("the rows are convex by composition and the quadratic objective by the signs of its pivots".into())
}

/// Whether the Hessian of a quadratic objective, turned to a minimisation, has no negative eigenvalue.
fn positive_semidefinite(program: &Program) -> bool {
    let Ok(hessian) = of_lagrangian(program, &Duals::zero(program)) else { return false };
    let absent: Vec<bool> = hessian.sizes.iter().map(|size| *size == 0.0).collect();
    let cone = Cone::new(&absent, []);
    let rounding = |j: usize| ROUNDING * hessian.sizes[j];
    Curved::new(&hessian, &cone).is_some_and(|mut curved| curved.definite(1.0, rounding))
}

/// Whether the Hessian of the objective, turned to a minimisation, is positive definite at the point in all variables: then
/// an answer of a convex problem is its only one.
pub fn strictly(program: &Program) -> bool {
    let Ok(hessian) = of_lagrangian(program, &Duals::zero(program)) else { return false };
    let absent = vec![false; hessian.sizes.len()];
    let cone = Cone::new(&absent, []);
    let rounding = |j: usize| -ROUNDING * hessian.sizes[j];
    let curved = hessian.sizes.iter().all(|size| *size > 0.0);
    curved && Curved::new(&hessian, &cone).is_some_and(|mut curved| curved.definite(1.0, rounding))
}

fn index(stage: StageId) -> usize {
    stage.0 as usize
}

fn label<'a>(program: &'a Program, block: &Block) -> &'a str {
    &program.problem.constraints[block.constraint].label
}

/// As in " has a product of two expressions in the variables".
fn because(program: &Program, facts: &[StageFacts], stage: StageId) -> String {
    let problem = program.problem;
    let of_matrix = trace_matrix(&problem.graph, &problem.stages, facts, stage);
    match (trace(&problem.graph, &problem.stages, facts, stage), of_matrix) {
        (Some((_, _, node)), _) => format!(" has {}", reason(&problem.graph, node)),
        (None, Some(matrix)) => format!(" has {}", reason_of_matrix(&matrix)),
        (None, None) => " is curved the wrong way".to_string(),
    }
}
