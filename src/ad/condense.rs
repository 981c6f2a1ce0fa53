//! Derivatives in fewer operations.
//!
//! Reverse sweeps leave products whose factors stand in any order, sums in which one term comes twice or with both
//! signs, and terms that share factors. Here products get one order of factors, like terms of a sum are joined, and
//! what all terms share is taken out of the sum; hash-consing then finds what entries have in common. Of
//! `sin(y - z) sin(y + z)` for example nothing is left of `∂²/∂y∂z`, and the four equations of a branch of a power
//! network come to share `g cos + b sin` and `g sin - b cos`.
//!
//! Nodes with several users are taken as they are, so that nothing is computed twice. Values stay the same up to
//! rounding; functions themselves are left as they were written.

use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;
use std::collections::HashMap;

/// Equal nodes, built again with fewer operations where that is possible.
pub fn condense(graph: &mut Graph, roots: &[NodeId]) -> Vec<NodeId> {
    let order = graph.reachable(roots);
    let mut users: HashMap<NodeId, Users> = HashMap::new();
    for &root in roots {
        users.entry(root).or_default().count += 1;
    }
    for &id in &order {
        let (operands, arity) = graph.operands(id);
        let kind = kind(graph, id);
        for operand in &operands[..arity] {
            let users = users.entry(*operand).or_default();
            users.count += 1;
            users.last = kind;
        }
    }
    let mut condenser = Condenser { graph, users, new: HashMap::new() };
    for id in order {
        let node = condenser.rebuilt(id);
        condenser.new.insert(id, node);
    }
    roots.iter().map(|root| condenser.new[root]).collect()
}

/// What a node is to the chains of sums and products around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Other,
    /// A sum, a difference, a negative, a multiple.
    Sum,
    Product,
}

#[derive(Default)]
struct Users {
    count: u32,
    /// The kind of one of them; none if the node is a root alone.
    last: Kind,
}

fn kind(graph: &Graph, id: NodeId) -> Kind {
    match graph.node(id) {
        Node::Call(Op::Add | Op::Sub | Op::Neg, _) => Kind::Sum,
        Node::Call(Op::Mul, [a, ..]) if graph.value_of(a).is_some() => Kind::Sum,
        Node::Call(Op::Mul | Op::Square, _) => Kind::Product,
        Node::Call(..) | Node::Constant(_) | Node::Leaf(_) => Kind::Other,
    }
}

struct Condenser<'a> {
    graph: &'a mut Graph,
    users: HashMap<NodeId, Users>,
    new: HashMap<NodeId, NodeId>,
}

/// `coefficient * node`
type Term = (f64, NodeId);

impl Condenser<'_> {
    fn rebuilt(&mut self, id: NodeId) -> NodeId {
        let Node::Call(op, args) = self.graph.node(id) else { return id };
        let operands: Vec<NodeId> = args[..op.row().arity].iter().map(|arg| self.new[arg]).collect();
        let plain = self.graph.call(op, &operands);
        // What stands within a chain is looked at with the whole of it.
        let kind = kind(self.graph, id);
        let within = self.users.get(&id).is_some_and(|users| users.count == 1 && users.last == kind);
        match kind {
            Kind::Sum if !within => self.sum(id).unwrap_or(plain),
            Kind::Product if !within => self.product(id).unwrap_or(plain),
            Kind::Sum | Kind::Product | Kind::Other => plain,
        }
    }

    /// Whether the operand of a chain of this kind belongs to the chain.
    fn belongs(&self, operand: NodeId, of: Kind) -> bool {
        kind(self.graph, operand) == of && self.users.get(&operand).is_some_and(|users| users.count == 1)
    }

    /// The product of three and more factors, in the order of all products.
    fn product(&mut self, id: NodeId) -> Option<NodeId> {
        let mut factors = vec![];
        let mut waiting = vec![id];
        while let Some(id) = waiting.pop() {
            match self.graph.node(id) {
                Node::Call(Op::Mul, [a, b, _]) => {
                    for operand in [a, b] {
                        if self.belongs(operand, Kind::Product) {
                            waiting.push(operand);
                        } else {
                            factors.push(self.new[&operand]);
                        }
                    }
                }
                Node::Call(Op::Square, [a, ..]) => factors.extend([self.new[&a]; 2]),
                Node::Call(..) | Node::Constant(_) | Node::Leaf(_) => factors.push(self.new[&id]),
            }
        }
        let distinct = factors.iter().any(|factor| *factor != factors[0]);
        (factors.len() > 2 && distinct).then(|| self.ordered_product(factors))
    }

    fn ordered_product(&mut self, mut factors: Vec<NodeId>) -> NodeId {
        factors.sort_unstable();
        let powers: Vec<NodeId> = factors
            .chunk_by(|a, b| a == b)
            .map(|same| {
                let exponent = self.graph.constant(same.len() as f64);
                if same.len() == 1 { same[0] } else { self.graph.pow(same[0], exponent) }
            })
            .collect();
        powers.into_iter().reduce(|a, b| self.graph.mul(a, b)).unwrap_or_else(|| self.graph.constant(1.0))
    }

    /// The sum with like terms joined and common factors taken out; none if there are no such.
    fn sum(&mut self, id: NodeId) -> Option<NodeId> {
        let parts = self.terms(id);
        let mut places: HashMap<NodeId, usize> = HashMap::new();
        let mut terms: Vec<Term> = vec![];
        for &(coefficient, node) in &parts {
            let at = *places.entry(node).or_insert(terms.len());
            match terms.get_mut(at) {
                Some(term) => term.0 += coefficient,
                None => terms.push((coefficient, node)),
            }
        }
        terms.retain(|term| term.0 != 0.0);
        if let Some(factored) = self.factored(&terms) {
            return Some(factored);
        }
        (terms.len() < parts.len()).then(|| self.total(&terms))
    }

    /// The terms of a chain, in the order in which they are written.
    fn terms(&self, id: NodeId) -> Vec<Term> {
        let mut terms = vec![];
        let mut waiting = vec![(1.0, id, true)];
        while let Some((coefficient, id, within)) = waiting.pop() {
            if !within && !self.belongs(id, Kind::Sum) {
                terms.push(self.stripped(coefficient, self.new[&id]));
                continue;
            }
            match self.graph.node(id) {
                Node::Call(Op::Sub, [a, b, _]) => waiting.extend([(-coefficient, b, false), (coefficient, a, false)]),
                Node::Call(Op::Neg, [a, ..]) => waiting.push((-coefficient, a, false)),
                Node::Call(Op::Mul, [a, b, _]) => {
                    let factor = self.graph.value_of(a).unwrap_or(1.0);
                    waiting.push((coefficient * factor, b, false));
                }
                Node::Call(_, [a, b, _]) => waiting.extend([(coefficient, b, false), (coefficient, a, false)]),
                Node::Constant(_) | Node::Leaf(_) => terms.push((coefficient, self.new[&id])),
            }
        }
        terms
    }

    /// Signs and constant factors of a node go to its coefficient.
    fn stripped(&self, mut coefficient: f64, mut node: NodeId) -> Term {
        loop {
            match self.graph.node(node) {
                Node::Call(Op::Neg, [a, ..]) => (coefficient, node) = (-coefficient, a),
                Node::Call(Op::Mul, [a, b, _]) => match self.graph.value_of(a) {
                    Some(factor) => (coefficient, node) = (coefficient * factor, b),
                    None => return (coefficient, node),
                },
                Node::Call(..) | Node::Constant(_) | Node::Leaf(_) => return (coefficient, node),
            }
        }
    }

    /// What all terms share, times the sum of what is left of them.
    fn factored(&mut self, terms: &[Term]) -> Option<NodeId> {
        if terms.len() < 2 {
            return None;
        }
        let mut left: Vec<Vec<NodeId>> = terms.iter().map(|(_, node)| self.factors(*node)).collect();
        let mut common = vec![];
        for factor in left[0].clone() {
            if left.iter().all(|factors| factors.contains(&factor)) {
                common.push(factor);
                for factors in &mut left {
                    factors.swap_remove(factors.iter().position(|f| *f == factor)?);
                }
            }
        }
        // A term of which nothing is left is as well added with a fused multiplication.
        if common.is_empty() || left.iter().any(Vec::is_empty) {
            return None;
        }
        let mut rest: Vec<Term> =
            terms.iter().zip(left).map(|((c, _), factors)| (*c, self.ordered_product(factors))).collect();
        // One order and one sign for all sums of this kind.
        rest.sort_unstable_by_key(|term| term.1);
        let size = rest[0].0.abs();
        let size = if rest.iter().all(|term| term.0.abs() == size) { size } else { 1.0 };
        let scale = size.copysign(rest[0].0);
        rest.iter_mut().for_each(|term| term.0 /= scale);
        let (common, rest) = (self.ordered_product(common), self.total(&rest));
        let product = self.graph.mul(common, rest);
        Some(self.graph.scale(scale, product))
    }

    fn factors(&self, id: NodeId) -> Vec<NodeId> {
        let mut factors = vec![];
        let mut waiting = vec![id];
        while let Some(id) = waiting.pop() {
            match self.graph.node(id) {
                Node::Call(Op::Mul, [a, b, _]) => waiting.extend([a, b]),
                Node::Call(Op::Square, [a, ..]) => waiting.extend([a, a]),
                Node::Call(..) | Node::Constant(_) | Node::Leaf(_) => factors.push(id),
            }
        }
        factors
    }

    fn total(&mut self, terms: &[Term]) -> NodeId {
        let mut sum = self.graph.constant(0.0);
        for &(coefficient, node) in terms {
            let size = self.graph.scale(coefficient.abs(), node);
            sum = if coefficient < 0.0 { self.graph.sub(sum, size) } else { self.graph.add(sum, size) };
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::derive;

    #[test]
    fn like_terms_cancel_and_common_factors_are_shared() {
        let mut graph = Graph::default();
        let [w, y, z] = [0, 1, 2].map(|k| graph.leaf(k));
        let (gap, sum) = (graph.sub(y, z), graph.add(y, z));
        let (a, b) = (graph.call(Op::Sin, &[gap]), graph.call(Op::Sin, &[sum]));
        let waves = graph.mul(a, b);
        let body = graph.mul(w, waves);
        let entries: Vec<NodeId> = derive::hessian(&mut graph, body, &[1, 2]).into_iter().map(|e| e.2).collect();
        let condensed = condense(&mut graph, &entries);
        assert_eq!(graph.value_of(condensed[1]), Some(0.0), "sin(y - z) sin(y + z) = sin² y - sin² z");
        // a c b - c d a and c d a - a b c are one product and its negative.
        let [c, d] = [3, 4].map(|k| graph.leaf(k));
        let (yc, dy) = (graph.mul(y, c), graph.mul(d, y));
        let (one, two) = (graph.mul(yc, z), graph.mul(w, dy));
        let (first, second) = (graph.sub(one, two), graph.sub(two, one));
        let shared = condense(&mut graph, &[first, second]);
        let negative = graph.neg(shared[0]);
        assert_eq!(negative, shared[1]);
    }
}
