//! Dual numbers of one instance, node by node: what blocks are compared with.

use super::partials::partials;
use crate::expr::eval::{self, Arithmetic};
use crate::expr::graph::{Graph, NodeId};
use crate::expr::ops::Op;

/// A value and its slopes by the leaves.
#[derive(Clone)]
pub struct Dual {
    pub value: f64,
    pub slopes: Vec<f64>,
}

struct Duals;

impl Arithmetic for Duals {
    type Value = Dual;

    fn constant(&self, value: f64) -> Dual {
        Dual { value, slopes: vec![] }
    }

    fn apply(&self, op: Op, operands: &[Dual]) -> Dual {
        let at = std::array::from_fn(|k| operands.get(k).unwrap_or(&operands[0]).value);
        let count = operands.iter().map(|o| o.slopes.len()).max().unwrap_or(0);
        let mut slopes = vec![0.0; count];
        for (operand, partial) in operands.iter().zip(partials(op, at)) {
            slopes.iter_mut().zip(&operand.slopes).filter(|(_, s)| **s != 0.0).for_each(|(sum, s)| *sum += partial * s);
        }
        Dual { value: (op.row().value)(at), slopes }
    }

    fn is_true(&self, value: &Dual) -> bool {
        value.value != 0.0
    }
}

/// The value of a body and its slopes by all leaves, of which leaf `k` is `at[k]`.
pub fn at(graph: &Graph, body: NodeId, at: &[f64]) -> Dual {
    let unit = |k: usize| (0..at.len()).map(|l| if l == k { 1.0 } else { 0.0 }).collect();
    let leaves: Vec<Dual> = at.iter().enumerate().map(|(k, v)| Dual { value: *v, slopes: unit(k) }).collect();
    let mut found = eval::body(&Duals, graph, body, &leaves);
    found.slopes.resize(at.len(), 0.0);
    found
}

#[test]
fn slopes_of_a_body_follow_the_chain_rule() {
    // x sin(x y): y cos(x y) x + sin(x y), x² cos(x y)
    let mut g = Graph::default();
    let (x, y) = (g.leaf(0), g.leaf(1));
    let product = g.mul(x, y);
    let sine = g.call(Op::Sin, &[product]);
    let root = g.mul(x, sine);
    for [x, y] in [[0.3, 1.0], [-1.0, 0.5], [2.0, 0.0f64]] {
        let found = at(&g, root, &[x, y]);
        assert!((found.slopes[0] - (y * x * (x * y).cos() + (x * y).sin())).abs() < 1e-15);
        assert!((found.slopes[1] - x * x * (x * y).cos()).abs() < 1e-15);
    }
}
