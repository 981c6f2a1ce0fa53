//! Sums seen through: affine parts apart from what is not affine, and quadratic polynomials.

use super::scalars::Body;
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;

/// `constant + Σ coefficient * leaf + Σ coefficient * node`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Split {
    pub constant: f64,
    /// Ascending, each leaf once.
    pub linear: Vec<(u32, f64)>,
    pub rest: Vec<(f64, NodeId)>,
}

/// `constant + Σ coefficient * leaf + Σ coefficient * leaf * leaf`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quadratic {
    pub constant: f64,
    /// Ascending, without zeros.
    pub linear: Vec<(u32, f64)>,
    /// `(i, j, coefficient)` with `i <= j`, ascending, each pair once, without zeros.
    pub products: Vec<(u32, u32, f64)>,
}

/// The node that keeps a function from being quadratic, and the summand that it stands in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beyond {
    pub op: Op,
    pub node: NodeId,
    pub summand: NodeId,
}

/// A graph and which of its nodes are affine in the leaves.
pub struct Sums<'g> {
    pub graph: &'g Graph,
    affine: Vec<bool>,
}

impl<'g> Sums<'g> {
    pub fn new(graph: &'g Graph) -> Sums<'g> {
        let mut affine = Vec::with_capacity(graph.len());
        for k in 0..graph.len() {
            let is = |id: NodeId| affine[id.0 as usize];
            let value = match graph.node(NodeId(k as u32)) {
                Node::Constant(_) | Node::Leaf(_) => true,
                Node::Call(..) => {
                    addends(graph, NodeId(k as u32)).is_some_and(|all| all.into_iter().flatten().all(|(_, id)| is(id)))
                }
            };
            affine.push(value);
        }
        Sums { graph, affine }
    }

    pub fn is_affine(&self, node: NodeId) -> bool {
        self.affine[node.0 as usize]
    }

    /// A sum of nodes as affine part and rest. Sums, signs and constant factors are seen through, except at nodes that
    /// are `kept` whole.
    pub fn split(&self, nodes: impl DoubleEndedIterator<Item = (f64, NodeId)>, kept: impl Fn(NodeId) -> bool) -> Split {
        let mut split = Split::default();
        let mut waiting: Vec<(f64, NodeId)> = nodes.rev().collect();
        while let Some((factor, id)) = waiting.pop() {
            if kept(id) {
                split.rest.push((factor, id));
                continue;
            }
            match self.graph.node(id) {
                Node::Constant(value) => split.constant += factor * value,
                Node::Leaf(k) => split.linear.push((k, factor)),
                Node::Call(..) => match addends(self.graph, id) {
                    Some(all) => waiting.extend(all.into_iter().rev().flatten().map(|(c, id)| (factor * c, id))),
                    None => split.rest.push((factor, id)),
                },
            }
        }
        merge(&mut split.linear);
        split
    }

    /// The body as a quadratic polynomial, or the first part that is none.
    pub fn quadratic(&self, body: &Body) -> Result<Quadratic, Beyond> {
        let mut found = Quadratic { constant: body.constant, linear: body.linear.clone(), products: vec![] };
        let mut products: Vec<((u32, u32), f64)> = vec![];
        let split = self.split(body.nonlinear.into_iter().map(|id| (1.0, id)), |_| false);
        found.constant += split.constant;
        found.linear.extend(split.linear);
        for (factor, node) in split.rest {
            let Node::Call(op, [a, b, _]) = self.graph.node(node) else { continue };
            let [a, b] = match op {
                Op::Mul => [a, b],
                Op::Square => [a, a],
                _ => return Err(Beyond { op, node, summand: node }),
            };
            if let Some(curved) = [a, b].into_iter().find(|&id| !self.is_affine(id)) {
                return Err(self.beyond(curved, op, node));
            }
            let whole = |id: NodeId| self.split(std::iter::once((1.0, id)), |_| false);
            let (left, right) = (whole(a), whole(b));
            found.constant += factor * left.constant * right.constant;
            found.linear.extend(left.linear.iter().map(|&(k, c)| (k, factor * c * right.constant)));
            found.linear.extend(right.linear.iter().map(|&(k, c)| (k, factor * c * left.constant)));
            for &(i, c) in &left.linear {
                products.extend(right.linear.iter().map(|&(j, d)| ((i.min(j), i.max(j)), factor * (c * d))));
            }
        }
        merge(&mut found.linear);
        merge(&mut products);
        found.products = products.into_iter().map(|((i, j), c)| (i, j, c)).filter(|p| p.2 != 0.0).collect();
        found.linear.retain(|p| p.1 != 0.0);
        Ok(found)
    }

    /// What makes a factor of a product curved: its first part that is a function, else the product itself.
    fn beyond(&self, factor: NodeId, product: Op, summand: NodeId) -> Beyond {
        let rest = self.split(std::iter::once((1.0, factor)), |_| false).rest;
        match rest.first().map(|&(_, id)| (id, self.graph.node(id))) {
            Some((node, Node::Call(op, _))) if !matches!(op, Op::Mul | Op::Square) => Beyond { op, node, summand },
            Some(_) | None => Beyond { op: product, node: summand, summand },
        }
    }
}

/// The operands of a sum, a difference, a negative, or a constant multiple, with their coefficients.
fn addends(graph: &Graph, id: NodeId) -> Option<[Option<(f64, NodeId)>; 2]> {
    let Node::Call(op, [a, b, _]) = graph.node(id) else { return None };
    match (op, graph.value_of(a), graph.value_of(b)) {
        (Op::Add, ..) => Some([Some((1.0, a)), Some((1.0, b))]),
        (Op::Sub, ..) => Some([Some((1.0, a)), Some((-1.0, b))]),
        (Op::Neg, ..) => Some([Some((-1.0, a)), None]),
        (Op::Mul, Some(factor), _) if factor.is_finite() => Some([Some((factor, b)), None]),
        (Op::Mul, _, Some(factor)) if factor.is_finite() => Some([Some((factor, a)), None]),
        (Op::Div, _, Some(divisor)) if (1.0 / divisor).is_finite() && divisor.is_finite() => {
            Some([Some((1.0 / divisor, a)), None])
        }
        _ => None,
    }
}

/// Adds the coefficients of equal keys, in order of keys.
pub fn merge<K: Ord + Copy>(entries: &mut Vec<(K, f64)>) {
    entries.sort_by_key(|(key, _)| *key);
    entries.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        kept.1 += if same { next.1 } else { 0.0 };
        same
    });
}
