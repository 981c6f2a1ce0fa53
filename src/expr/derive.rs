//! Derivatives as nodes: `derivative` in each row of the table gives the parts, the chain rule here joins them.
//!
//! A reverse sweep over a body makes `∂body/∂leaf` for all leaves at once. A choice must not let the branch that is
//! not taken poison the other: where `select(c, log(x), 0)` is differentiated at `x = 0`, the slope of the logarithm
//! is infinite and `0 * inf` is not a number. So an adjoint that comes through one branch has the form
//! `select(c, w, 0)`, and factors are multiplied to it inside, as `select(c, w * d, 0)`.

use super::graph::{Graph, Node, NodeId};
use super::ops::Op;
use std::collections::{BTreeMap, HashMap};

impl Graph {
    /// All nodes that `roots` are made of, themselves included, operands before users.
    pub fn reachable(&self, roots: &[NodeId]) -> Vec<NodeId> {
        let mut found = std::collections::HashSet::new();
        let mut waiting = roots.to_vec();
        let mut order = Vec::new();
        while let Some(id) = waiting.pop() {
            if found.insert(id) {
                order.push(id);
                let (operands, arity) = self.operands(id);
                waiting.extend_from_slice(&operands[..arity]);
            }
        }
        order.sort_unstable();
        order
    }
}

/// `∂body/∂leaf` for each of `leaves`; `None` where it is 0 whatever the leaves are.
pub fn gradient(graph: &mut Graph, body: NodeId, leaves: &[u32]) -> Vec<Option<NodeId>> {
    let order = graph.reachable(&[body]);
    // Which nodes depend on the leaves, and what reaches them from above, in order of ids.
    let mut adjoints: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for &id in &order {
        let depends = match graph.node(id) {
            Node::Constant(_) => false,
            Node::Leaf(k) => leaves.contains(&k),
            Node::Call(op, args) => (0..op.row().arity).any(|k| adjoints.contains_key(&args[k])),
        };
        if depends {
            adjoints.insert(id, Vec::new());
        }
    }
    let mut masks = Masks::default();
    let one = graph.constant(1.0);
    if let Some(parts) = adjoints.get_mut(&body) {
        parts.push(one);
    }
    let mut slopes = vec![None; leaves.len()];
    while let Some((id, parts)) = adjoints.pop_last() {
        let adjoint = joined(graph, &parts);
        if graph.value_of(adjoint) == Some(0.0) {
            continue;
        }
        match graph.node(id) {
            Node::Constant(_) => {}
            Node::Leaf(leaf) => {
                for (slope, _) in slopes.iter_mut().zip(leaves).filter(|(_, wanted)| **wanted == leaf) {
                    *slope = Some(adjoint);
                }
            }
            Node::Call(op, args) => {
                let partials = (op.row().derivative)(graph, args, id);
                for k in 0..op.row().arity {
                    if let (Some(partial), true) = (partials[k], adjoints.contains_key(&args[k])) {
                        let part = chained(graph, &mut masks, adjoint, partial);
                        adjoints.entry(args[k]).or_default().push(part);
                    }
                }
            }
        }
    }
    slopes
}

/// `∂²body/∂leaf_i∂leaf_j` as `(i, j, node)` for positions `i >= j` in `leaves`; what is missing is 0.
pub fn hessian(graph: &mut Graph, body: NodeId, leaves: &[u32]) -> Vec<(usize, usize, NodeId)> {
    let mut entries = Vec::new();
    for (i, slope) in gradient(graph, body, leaves).into_iter().enumerate() {
        let Some(slope) = slope else { continue };
        for (j, entry) in gradient(graph, slope, &leaves[..=i]).into_iter().enumerate() {
            entries.extend(entry.map(|node| (i, j, node)));
        }
    }
    entries
}

/// The product of an adjoint and a partial derivative, in which 0 wins over all and stays outside of choices. Sums
/// are multiplied term by term only where a term is such a choice.
fn chained(graph: &mut Graph, masks: &mut Masks, adjoint: NodeId, partial: NodeId) -> NodeId {
    if let Some((condition, a, b)) = choice(graph, partial) {
        let mut side = |graph: &mut Graph, id| match graph.value_of(id) {
            Some(0.0) => id,
            _ => chained(graph, masks, adjoint, id),
        };
        let (a, b) = (side(graph, a), side(graph, b));
        return masked(graph, condition, a, b);
    }
    if !masks.holds(graph, adjoint) {
        return graph.mul(adjoint, partial);
    }
    // Operands before users, so that every product is made once however often a term is shared.
    let mut products: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    for id in masks.parts(graph, adjoint) {
        let product = match graph.node(id) {
            Node::Call(op @ (Op::Add | Op::Sub | Op::Neg), operands) if masks.holds(graph, id) => {
                let operands: Vec<NodeId> = operands[..op.row().arity].iter().map(|id| products[id]).collect();
                graph.call(op, &operands)
            }
            Node::Call(Op::Select, [condition, a, b]) if masks.holds(graph, id) => {
                masked(graph, condition, products[&a], products[&b])
            }
            Node::Constant(0.0) => id,
            Node::Constant(_) | Node::Leaf(_) | Node::Call(..) => graph.mul(id, partial),
        };
        products.insert(id, product);
    }
    products[&adjoint]
}

/// `select(condition, a, b)`; a choice within the only side that is not 0 becomes one choice with both conditions, so
/// that factors do not pass through ever deeper nests.
fn masked(graph: &mut Graph, condition: NodeId, a: NodeId, b: NodeId) -> NodeId {
    let zero = |g: &Graph, id: NodeId| g.value_of(id) == Some(0.0);
    let (outer, inner) = match (zero(graph, a), zero(graph, b)) {
        (false, true) => (condition, a),
        (true, false) => (graph.call(Op::Not, &[condition]), b),
        _ => return graph.select(condition, a, b),
    };
    let Node::Call(Op::Select, [within, then, otherwise]) = graph.node(inner) else {
        return graph.select(condition, a, b);
    };
    let (within, value, nothing) = match (zero(graph, then), zero(graph, otherwise)) {
        (false, true) => (within, then, otherwise),
        (true, false) => (graph.call(Op::Not, &[within]), otherwise, then),
        _ => return graph.select(condition, a, b),
    };
    let both = graph.call(Op::And, &[outer, within]);
    graph.select(both, value, nothing)
}

/// Which adjoints have a choice with a 0 at their top or among their terms, remembered during a sweep.
#[derive(Default)]
struct Masks {
    known: HashMap<NodeId, bool>,
}

impl Masks {
    fn holds(&mut self, graph: &Graph, root: NodeId) -> bool {
        let mut waiting = vec![root];
        while let Some(&id) = waiting.last() {
            let terms = terms_of(graph, id);
            let missing: Vec<NodeId> = terms.iter().copied().filter(|id| !self.known.contains_key(id)).collect();
            if missing.is_empty() || self.known.contains_key(&id) {
                let held = choice(graph, id).is_some() || terms.iter().any(|id| self.known[id]);
                self.known.entry(id).or_insert(held);
                waiting.pop();
            } else {
                waiting.extend(missing);
            }
        }
        self.known[&root]
    }

    /// What a factor is multiplied to, in order of ids, with the sums and choices above it.
    fn parts(&mut self, graph: &Graph, root: NodeId) -> Vec<NodeId> {
        let mut found = std::collections::BTreeSet::new();
        let mut waiting = vec![root];
        while let Some(id) = waiting.pop() {
            if !found.insert(id) || !self.holds(graph, id) {
                continue;
            }
            match graph.node(id) {
                Node::Call(Op::Select, [_, a, b]) => waiting.extend([a, b]),
                Node::Constant(_) | Node::Leaf(_) | Node::Call(..) => waiting.extend(terms_of(graph, id)),
            }
        }
        found.into_iter().collect()
    }
}

/// The operands of a sum, a difference or a negative; nothing for other nodes.
fn terms_of(graph: &Graph, id: NodeId) -> Vec<NodeId> {
    match graph.node(id) {
        Node::Call(op @ (Op::Add | Op::Sub | Op::Neg), operands) => operands[..op.row().arity].to_vec(),
        Node::Constant(_) | Node::Leaf(_) | Node::Call(..) => Vec::new(),
    }
}

/// The sum of what reaches a node; parts under one condition are added inside it.
fn joined(graph: &mut Graph, parts: &[NodeId]) -> NodeId {
    let mut plain = Vec::new();
    let mut choices: BTreeMap<NodeId, (Vec<NodeId>, Vec<NodeId>)> = BTreeMap::new();
    for &part in parts {
        match choice(graph, part) {
            Some((condition, a, b)) => {
                let (then, otherwise) = choices.entry(condition).or_default();
                then.push(a);
                otherwise.push(b);
            }
            None => plain.push(part),
        }
    }
    for (condition, (then, otherwise)) in choices {
        let (a, b) = (joined(graph, &then), joined(graph, &otherwise));
        plain.push(graph.select(condition, a, b));
    }
    graph.sum(&plain)
}

/// A choice one side of which is 0: `(condition, a, b)`.
fn choice(graph: &Graph, id: NodeId) -> Option<(NodeId, NodeId, NodeId)> {
    match graph.node(id) {
        Node::Call(Op::Select, [condition, a, b]) => {
            let masks = |id: NodeId| graph.value_of(id) == Some(0.0) || choice(graph, id).is_some();
            (masks(a) || masks(b)).then_some((condition, a, b))
        }
        Node::Constant(_) | Node::Leaf(_) | Node::Call(..) => None,
    }
}
