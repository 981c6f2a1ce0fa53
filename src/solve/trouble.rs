//! What to say when a value or a slope is not finite: function, operands, row and line.

use crate::diag::{SourceId, Sources};
use crate::expr::derive;
use crate::expr::eval::{self, Inputs, NotFinite};
use crate::expr::family::{Source, StageId, Term};
use crate::expr::graph::{Node, NodeId};
use crate::problem::Problem;

/// The first function, in the order of stages, that is not finite at `x` although its operands are; else the first
/// whose derivative is not. `None` if the referee finds all finite.
pub fn explain(problem: &Problem, sources: &Sources, x: &[f64]) -> Option<String> {
    let rows = problem.constraints.iter().filter(|c| !c.dropped).map(|c| c.stage);
    let roots: Vec<StageId> = problem.objectives.iter().map(|o| o.stage).chain(rows).collect();
    let needed = eval::needed(&problem.stages, &roots);
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let inputs = Inputs { variables: x, params, after: &[] };
    let values = eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
    let needed_stages = || problem.stages.iter().enumerate().filter(|(k, _)| needed[*k]);
    for (k, stage) in needed_stages() {
        for term in &stage.terms {
            let parts = eval::term_values(&problem.graph, term, &inputs, &values);
            let Some(p) = parts.iter().position(|v| !v.is_finite()) else { continue };
            let leaves = leaves_at(term, p, &inputs, &values);
            if let Some(found) = eval::not_finite(&problem.graph, term.family.body, &leaves) {
                return Some(sentence(problem, sources, k, term, p, &found.to_string()));
            }
        }
    }
    needed_stages().find_map(|(k, stage)| {
        stage.terms.iter().find_map(|term| {
            let (p, found) = bad_slope(problem, term, &inputs, &values)?;
            Some(sentence(problem, sources, k, term, p, &format!("in a derivative, {found}")))
        })
    })
}

fn leaves_at(term: &Term, p: usize, inputs: &Inputs, stages: &[Vec<f64>]) -> Vec<f64> {
    let read = |leaf: &crate::expr::family::Leaf| match leaf.source {
        Source::Variables => inputs.variables[leaf.map.at(p)],
        Source::Param(id) => inputs.params[id.0 as usize][leaf.map.at(p)],
        Source::Stage(id) => stages[id.0 as usize][leaf.map.at(p)],
        Source::After(_) => f64::NAN,
    };
    term.family.leaves.iter().map(read).collect()
}

/// The first instance of which a partial derivative is not finite, and why.
fn bad_slope(problem: &Problem, term: &Term, inputs: &Inputs, stages: &[Vec<f64>]) -> Option<(usize, NotFinite)> {
    let mut graph = problem.graph.clone();
    let used: Vec<u32> = graph
        .reachable(&[term.family.body])
        .into_iter()
        .filter_map(|id| match graph.node(id) {
            Node::Leaf(k) => Some(k),
            Node::Constant(_) | Node::Call(..) => None,
        })
        .filter(|k| !matches!(term.family.leaves[*k as usize].source, Source::Param(_)))
        .collect();
    let slopes: Vec<NodeId> = derive::gradient(&mut graph, term.family.body, &used).into_iter().flatten().collect();
    (0..term.family.instances as usize).find_map(|p| {
        let leaves = leaves_at(term, p, inputs, stages);
        slopes.iter().find_map(|slope| Some((p, eval::not_finite(&graph, *slope, &leaves)?)))
    })
}

/// As in "log of -0.3 is not a number: log needs a positive argument, in `row[3]` (line 7)".
fn sentence(problem: &Problem, sources: &Sources, stage: usize, term: &Term, p: usize, found: &str) -> String {
    let row = term.target.at(p);
    let starts = problem.row_starts();
    let constraint = problem.constraints.iter().position(|c| c.stage.0 as usize == stage);
    let objective = problem.objectives.iter().find(|o| o.stage.0 as usize == stage);
    let instance = if term.family.instances > 1 { format!(", term {}", p + 1) } else { String::new() };
    let place = match (constraint, objective) {
        (Some(k), _) => format!("`{}`", problem.row_name(starts[k] + row)),
        (None, Some(objective)) => format!("`{}`{instance}", objective.label),
        (None, None) if problem.stages[stage].rows == 1 => format!("`{}`{instance}", problem.stages[stage].name),
        (None, None) => format!("element {} of `{}`", row + 1, problem.stages[stage].name),
    };
    let (source, start, _) = term.origin;
    let line = match (source as usize) < sources.files.len() {
        true => format!(" (line {})", sources.line_column(SourceId(source), start).0),
        false => String::new(),
    };
    format!("{found}, in {place}{line}")
}
