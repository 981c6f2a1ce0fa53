//! Least squares: the roots `u` of an objective `Σ w u² + constant` become rows `√w u`, free of bounds, that a method
//! for least squares reads as residuals. The objective stays as it is.

use super::{Lift, Rewrite};
use crate::expr::family::{Family, IndexMap, Leaf, Stage, StageId, Term};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::problem::features::Fact;
use crate::problem::index::{Axes, Set};
use crate::problem::squares::Square;
use crate::problem::{Constraint, Data, Problem};
use std::collections::HashMap;

pub const REWRITE: Rewrite = Rewrite {
    name: "residual rows",
    doc: "a sum of squares is given row by row to a method for least squares",
    lifts: "the rows are forgotten; bounds and rows keep their multipliers",
};

/// The label of the added rows.
pub const LABEL: &str = "residuals";

pub fn apply(problem: &Problem, squares: &[Square]) -> (Problem, Lift, Vec<Fact>) {
    let mut out = problem.clone();
    let (mut terms, mut rows) = (vec![], 0u32);
    for square in squares {
        let term = residual(&mut out, problem, square, rows);
        rows += term.family.instances;
        terms.push(term);
    }
    let lift = Lift { variables: problem.dimension as usize, rows: problem.row_count(), tops: vec![] };
    let span = problem.objectives.first().map(|o| o.span).unwrap_or_default();
    let stage = StageId(out.stages.len() as u32);
    out.stages.push(Stage::sum(LABEL, rows, terms));
    out.constraints.push(Constraint::new(
        LABEL,
        Axes::product(vec![Set::range(1.0, 1.0, rows as usize)]),
        rows,
        stage,
        (Data::Constant(f64::NEG_INFINITY), Data::Constant(f64::INFINITY)),
        span,
    ));
    let plural = if rows == 1 { "" } else { "s" };
    (out, lift, vec![Fact::at(format!("the objective is the sum of {rows} square{plural}"), span)])
}

/// `√w u` for each instance of the term that the square stands in, into rows from `first_row` on.
fn residual(out: &mut Problem, problem: &Problem, square: &Square, first_row: u32) -> Term {
    let term = &problem.stage(square.stage).terms[square.term];
    let mut leaves = term.family.leaves.clone();
    let (mut weight, mut divisor) = (out.graph.constant(1.0), out.graph.constant(1.0));
    for factor in &square.factors {
        let node = if (factor.stage, factor.term) == (square.stage, square.term) {
            factor.node
        } else {
            // A factor of an outer sum is the same for all instances: its leaves are read at one place.
            let outer = &problem.stage(factor.stage).terms[factor.term].family;
            let first = leaves.len() as u32;
            leaves.extend(outer.leaves.iter().map(|l| Leaf { source: l.source, map: IndexMap::scalar(l.map.at(0)) }));
            shifted(&mut out.graph, factor.node, first)
        };
        match factor.inverse {
            true => divisor = out.graph.mul(divisor, node),
            false => weight = out.graph.mul(weight, node),
        }
    }
    let ratio = out.graph.div(weight, divisor);
    let scale = out.graph.sqrt(ratio);
    let body = out.graph.mul(scale, square.root);
    let instances = term.family.instances;
    Term {
        family: Family { instances, leaves, body },
        target: IndexMap::Affine { start: first_row as i64, stride: 1 },
        level: 0,
        origin: term.origin,
    }
}

/// The same body over leaves that are numbered from `first` on.
fn shifted(graph: &mut Graph, body: NodeId, first: u32) -> NodeId {
    let mut made: HashMap<NodeId, NodeId> = HashMap::new();
    for id in graph.reachable(&[body]) {
        let new = match graph.node(id) {
            Node::Constant(_) => id,
            Node::Leaf(k) => graph.leaf(first + k),
            Node::Call(op, operands) => {
                let operands: Vec<NodeId> = operands[..op.row().arity].iter().map(|o| made[o]).collect();
                graph.call(op, &operands)
            }
        };
        made.insert(id, new);
    }
    made[&body]
}
