//! Norms that may vanish: `‖u‖` in a place where a larger value can only hurt becomes `√(‖u‖² + e²)` with a variable
//! `e >= 0` for all of them, and the barrier is lowered step by step.
//!
//! A norm has a kink where its argument vanishes, and sums of norms (Fermat and Weber's problem, group lasso) have their
//! optimum there as a rule. As the new norm grows with `e`, `e = 0` is best for every `x`, so nothing is lost; an
//! interior point method keeps `e > 0` until the end and thereby follows a path along which the objective is smooth. A
//! convex problem stays convex.

use super::{Lift, Rewrite, Rewritten};
use crate::expr::eval;
use crate::expr::family::{IndexMap, Leaf, Source, StageId, Term};
use crate::expr::graph::{Node, NodeId};
use crate::expr::ops::Op;
use crate::problem::features::Fact;
use crate::problem::index::Axes;
use crate::problem::pressure::{Pressure, Pressures};
use crate::problem::squares::span_of;
use crate::problem::{Data, Problem, Variable};
use crate::solve::method::Method;
use crate::solve::options::{Options, Value};
use std::collections::{HashMap, HashSet};

pub const REWRITE: Rewrite = Rewrite {
    name: "norms",
    doc: "norms that may vanish keep a distance from their kink, a variable that vanishes at the optimum",
    lifts: "the added variable is forgotten",
};

/// Where the added variable begins, and what it keeps of the distance, so that bounds which a method relaxes a little
/// do not reach the kink: a norm is off by so much at most.
const START: f64 = 1.0;
const LEAST: f64 = 2e-8;

/// Has the interior point method lower its barrier only when its problem is solved, if nothing else was asked for: the
/// distance from the kinks follows the barrier, and off that path Newton steps are good next to the kinks only.
pub fn settle(method: &Method, rewrites: &[Rewritten], options: &mut Options) {
    let made = rewrites.iter().any(|rewrite| rewrite.name == REWRITE.name);
    let asks = method.options.iter().any(|row| row.name == BARRIER);
    if made && asks && options.set.iter().all(|(name, _)| name != BARRIER) {
        options.set.push((BARRIER.to_string(), Value::Text("monotone".to_string())));
    }
}

const BARRIER: &str = "barrier";

/// The rewritten problem, if the objective reads norms that may vanish and whose growth can only hurt.
pub fn apply(problem: &Problem) -> Option<(Problem, Lift, Vec<Fact>)> {
    let objectives: Vec<StageId> = problem.objectives.iter().map(|o| o.stage).collect();
    let read = eval::needed(&problem.stages, &objectives);
    let is_root = |stage: usize| {
        let bodies = problem.stages[stage].terms.iter().map(|term| term.family.body);
        let nodes = problem.graph.reachable(&bodies.collect::<Vec<_>>());
        nodes.iter().any(|id| matches!(problem.graph.node(*id), Node::Call(Op::Sqrt, _)))
    };
    let with_roots: Vec<usize> = (0..problem.stages.len()).filter(|k| read[*k] && is_root(*k)).collect();
    if with_roots.is_empty() {
        return None;
    }
    let pressed = Pressures::of(problem);
    let pressures = pressed.on_stages();
    let mut out = problem.clone();
    let mut facts: Vec<Fact> = vec![];
    for k in with_roots {
        for (t, term) in problem.stages[k].terms.iter().enumerate() {
            let norms = norms(&pressed, term, pressures[k]);
            if norms.is_empty() {
                continue;
            }
            let family = &mut out.stages[k].terms[t].family;
            let map = IndexMap::scalar(problem.dimension as usize);
            family.leaves.push(Leaf { source: Source::Variables, map });
            let distance = out.graph.leaf(family.leaves.len() as u32 - 1);
            let square = out.graph.call(Op::Square, &[distance]);
            let body = rebuilt(&mut out, term.family.body, &norms, square);
            out.stages[k].terms[t].family.body = body;
            let fact = Fact::at("`norm` keeps a distance from its kink, which vanishes at an optimum", span_of(term));
            if !facts.contains(&fact) {
                facts.push(fact);
            }
        }
    }
    let span = facts.first()?.span.unwrap_or_default();
    out.variables.push(Variable {
        lower: Data::Constant(LEAST),
        start: Some(Data::Constant(START)),
        ..Variable::new("norm #1", Axes::scalar(), out.dimension, span)
    });
    out.dimension += 1;
    let lift = Lift { variables: problem.dimension as usize, rows: problem.row_count(), tops: vec![] };
    Some((out, lift, facts))
}

/// The roots of sums of squares in the body of a term that may vanish and whose growth can only hurt.
fn norms(pressed: &Pressures, term: &Term, on_body: Pressure) -> HashSet<NodeId> {
    let (graph, varying) = (&pressed.problem.graph, pressed.varying(term));
    let pressures = pressed.on_nodes(term, on_body);
    let intervals = pressed.intervals(term);
    let vanishes = |id: NodeId| match graph.node(id) {
        Node::Call(Op::Sqrt, [operand, ..]) => {
            varying.contains(&operand)
                && pressures.get(&id) == Some(&Pressure::Down)
                && intervals[&operand].lo <= 0.0
                && is_of_squares(pressed, term, operand)
        }
        Node::Call(..) | Node::Constant(_) | Node::Leaf(_) => false,
    };
    graph.reachable(&[term.family.body]).into_iter().filter(|id| vanishes(*id)).collect()
}

/// Whether a node is a sum of squares with weights that do not vary and are not negative, also through stages.
fn is_of_squares(pressed: &Pressures, term: &Term, id: NodeId) -> bool {
    let (graph, varying) = (&pressed.problem.graph, pressed.varying(term));
    let intervals = pressed.intervals(term);
    let mut waiting = vec![id];
    while let Some(id) = waiting.pop() {
        match graph.node(id) {
            Node::Call(Op::Square, _) => {}
            _ if !varying.contains(&id) && intervals[&id].lo >= 0.0 => {}
            Node::Call(Op::Add, [a, b, _]) => waiting.extend([a, b]),
            Node::Call(Op::Mul, [a, b, _]) if intervals[&a].lo >= 0.0 && intervals[&b].lo >= 0.0 => {
                waiting.extend([a, b].iter().filter(|k| varying.contains(k)));
            }
            Node::Leaf(k) => {
                let Source::Stage(inner) = term.family.leaves[k as usize].source else { return false };
                let terms = &pressed.problem.stage(inner).terms;
                // A recurrence is not followed.
                let reads_itself = |t: &Term| t.family.leaves.iter().any(|leaf| leaf.source == Source::Stage(inner));
                if terms.iter().any(|t| reads_itself(t) || !is_of_squares(pressed, t, t.family.body)) {
                    return false;
                }
            }
            Node::Call(..) | Node::Constant(_) => return false,
        }
    }
    true
}

/// The body with `added` under the given roots.
fn rebuilt(out: &mut Problem, body: NodeId, roots: &HashSet<NodeId>, added: NodeId) -> NodeId {
    let mut made: HashMap<NodeId, NodeId> = HashMap::new();
    for id in out.graph.reachable(&[body]) {
        let node = match out.graph.node(id) {
            Node::Call(op, operands) => {
                let mut new: Vec<NodeId> = operands[..op.row().arity].iter().map(|o| made[o]).collect();
                if roots.contains(&id) {
                    new[0] = out.graph.add(new[0], added);
                }
                if new == operands[..op.row().arity] { id } else { out.graph.call(op, &new) }
            }
            Node::Constant(_) | Node::Leaf(_) => id,
        };
        made.insert(id, node);
    }
    made[&body]
}
