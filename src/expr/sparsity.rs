//! Which leaves a body reads, and which pairs of them meet in a nonlinear way.
//!
//! A pair `(i, j)` is listed unless `∂²body/∂leaf_i∂leaf_j` is 0 for all values of the leaves; a listed pair may
//! still vanish by cancellation.

use super::graph::{Graph, Node, NodeId};
use super::ops::Op;
use std::collections::{BTreeSet, HashMap};

/// What a body depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Leaves that the body reads.
    pub leaves: BTreeSet<u32>,
    /// Pairs `(i, j)`, `i >= j`, of leaves that meet in a nonlinear way.
    pub pairs: BTreeSet<(u32, u32)>,
}

impl Pattern {
    /// Whether the body is affine in this leaf while the others are fixed, and its slope is the same for all of them.
    pub fn is_linear_in(&self, leaf: u32) -> bool {
        !self.pairs.iter().any(|&(i, j)| i == leaf || j == leaf)
    }
}

/// The leaves among those for which `free(k)` holds, and their pairs; all other leaves are constants.
pub fn pattern(graph: &Graph, body: NodeId, free: &dyn Fn(u32) -> bool) -> Pattern {
    let mut reads: HashMap<NodeId, BTreeSet<u32>> = HashMap::new();
    let order = graph.reachable(&[body]);
    for &id in &order {
        let leaves = match graph.node(id) {
            Node::Constant(_) => BTreeSet::new(),
            Node::Leaf(k) => BTreeSet::from_iter(free(k).then_some(k)),
            Node::Call(op, operands) => {
                operands[..op.row().arity].iter().flat_map(|id| reads[id].iter().copied()).collect()
            }
        };
        reads.insert(id, leaves);
    }
    let mut pairs = BTreeSet::new();
    for &id in &order {
        if let Node::Call(op, operands) = graph.node(id) {
            let sets: Vec<&BTreeSet<u32>> = operands[..op.row().arity].iter().map(|id| &reads[id]).collect();
            meet(op, &sets, &mut pairs);
        }
    }
    Pattern { leaves: reads.remove(&body).unwrap_or_default(), pairs }
}

/// Adds the pairs that one call makes.
fn meet(op: Op, operands: &[&BTreeSet<u32>], pairs: &mut BTreeSet<(u32, u32)>) {
    let mut cross = |a: &BTreeSet<u32>, b: &BTreeSet<u32>| {
        pairs.extend(a.iter().flat_map(|&i| b.iter().map(move |&j| (i.max(j), i.min(j)))));
    };
    match op {
        Op::Add | Op::Sub | Op::Neg => {}
        Op::Mul => cross(operands[0], operands[1]),
        Op::Div => {
            cross(operands[0], operands[1]);
            cross(operands[1], operands[1]);
        }
        // Piecewise linear: second derivatives are 0 wherever they exist.
        Op::Abs | Op::Sign | Op::Min | Op::Max | Op::Floor | Op::Ceil | Op::Round | Op::Select => {}
        _ if op.row().truth => {}
        _ => {
            for a in operands {
                operands.iter().for_each(|b| cross(a, b));
            }
        }
    }
}
