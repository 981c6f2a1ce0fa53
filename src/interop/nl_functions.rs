//! The functions of the language in terms of those that `.nl` files know.

use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;
use std::f64::consts::LN_2;

/// How a function is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An operator with the operands as they are.
    Operator(u32),
    /// An operator of any number of operands.
    List(u32),
    /// `x^2`
    Square,
    /// By other functions, with the same values and derivatives.
    Rewritten,
    /// It cannot be said.
    Absent,
}

/// One row per function.
pub fn form(op: Op) -> Form {
    match op {
        Op::Add => Form::Operator(0),
        Op::Sub => Form::Operator(1),
        Op::Mul => Form::Operator(2),
        Op::Div => Form::Operator(3),
        Op::Pow => Form::Operator(5),
        Op::Min => Form::List(11),
        Op::Max => Form::List(12),
        Op::Floor => Form::Operator(13),
        Op::Ceil => Form::Operator(14),
        Op::Abs => Form::Operator(15),
        Op::Neg => Form::Operator(16),
        Op::Or => Form::Operator(20),
        Op::And => Form::Operator(21),
        Op::Lt => Form::Operator(22),
        Op::Le => Form::Operator(23),
        Op::Eq => Form::Operator(24),
        Op::Ne => Form::Operator(30),
        Op::Not => Form::Operator(34),
        Op::Select => Form::Operator(35),
        Op::Tanh => Form::Operator(37),
        Op::Tan => Form::Operator(38),
        Op::Sqrt => Form::Operator(39),
        Op::Sinh => Form::Operator(40),
        Op::Sin => Form::Operator(41),
        Op::Log10 => Form::Operator(42),
        Op::Log => Form::Operator(43),
        Op::Exp => Form::Operator(44),
        Op::Cosh => Form::Operator(45),
        Op::Cos => Form::Operator(46),
        Op::Atanh => Form::Operator(47),
        Op::Atan2 => Form::Operator(48),
        Op::Atan => Form::Operator(49),
        Op::Asinh => Form::Operator(50),
        Op::Asin => Form::Operator(51),
        Op::Acosh => Form::Operator(52),
        Op::Acos => Form::Operator(53),
        Op::Square => Form::Square,
        Op::Sign
        | Op::Round
        | Op::Mod
        | Op::Cbrt
        | Op::Expm1
        | Op::Log1p
        | Op::Log2
        | Op::Sigmoid
        | Op::Softplus
        | Op::LogAddExp
        | Op::XLogX
        | Op::XLogXY => Form::Rewritten,
        Op::Erf | Op::Erfc | Op::Gamma | Op::Lgamma | Op::Digamma | Op::Polygamma | Op::Beta => Form::Absent,
    }
}

/// A copy of a graph without functions that are [`Form::Rewritten`], and the copy of each node.
pub fn rewritten(old: &Graph) -> (Graph, Vec<NodeId>) {
    let mut graph = Graph::default();
    let mut copies: Vec<NodeId> = Vec::with_capacity(old.len());
    for k in 0..old.len() as u32 {
        let copy = match old.node(NodeId(k)) {
            Node::Constant(value) => graph.constant(value),
            Node::Leaf(leaf) => graph.leaf(leaf),
            Node::Call(op, operands) => {
                let operands = operands.map(|id| copies.get(id.0 as usize).copied().unwrap_or(id));
                match form(op) {
                    Form::Rewritten => by_others(&mut graph, op, operands),
                    Form::Operator(_) | Form::List(_) | Form::Square | Form::Absent => {
                        graph.call(op, &operands[..op.row().arity])
                    }
                }
            }
        };
        copies.push(copy);
    }
    (graph, copies)
}

fn by_others(g: &mut Graph, op: Op, [a, b, _]: [NodeId; 3]) -> NodeId {
    let (zero, one) = (g.constant(0.0), g.constant(1.0));
    match op {
        Op::Sign => {
            let (above, below) = (g.call(Op::Lt, &[zero, a]), g.call(Op::Lt, &[a, zero]));
            let minus = g.constant(-1.0);
            let otherwise = g.select(below, minus, zero);
            g.select(above, one, otherwise)
        }
        Op::Round => {
            let (below, up) = (g.call(Op::Lt, &[a, zero]), g.shift(0.5, a));
            let (down, up) = (g.shift(-0.5, a), g.call(Op::Floor, &[up]));
            let down = g.call(Op::Ceil, &[down]);
            g.select(below, down, up)
        }
        Op::Mod => {
            let ratio = g.div(a, b);
            let whole = g.call(Op::Floor, &[ratio]);
            let multiple = g.mul(b, whole);
            g.sub(a, multiple)
        }
        Op::Cbrt => {
            let (third, negative) = (g.constant(1.0 / 3.0), g.neg(a));
            let (right, left) = (g.pow(a, third), g.pow(negative, third));
            let (left, below) = (g.neg(left), g.call(Op::Lt, &[a, zero]));
            g.select(below, left, right)
        }
        Op::Expm1 => {
            let power = g.exp(a);
            g.shift(-1.0, power)
        }
        Op::Log1p => {
            let shifted = g.shift(1.0, a);
            g.log(shifted)
        }
        Op::Log2 => {
            let log = g.log(a);
            g.scale(1.0 / LN_2, log)
        }
        Op::Sigmoid => {
            let negative = g.neg(a);
            let power = g.exp(negative);
            let below = g.shift(1.0, power);
            g.reciprocal(below)
        }
        Op::Softplus => log_add_exp(g, a, zero),
        Op::LogAddExp => log_add_exp(g, a, b),
        Op::XLogX => {
            let moved = off_zero(g, a);
            let log = g.log(moved);
            g.mul(a, log)
        }
        Op::XLogXY => {
            let moved = off_zero(g, a);
            let ratio = g.div(moved, b);
            let log = g.log(ratio);
            g.mul(a, log)
        }
        _ => g.call(op, &[a, b, b][..op.row().arity]),
    }
}

/// `log(exp(a) + exp(b))` as `(a + b) / 2 + log(2 cosh((a - b) / 2))`: smooth, without an `if` that some readers lack, and
/// without overflow while `|a - b|` is below 1419.
fn log_add_exp(g: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    let (sum, difference) = (g.add(a, b), g.sub(a, b));
    let (mean, half) = (g.scale(0.5, sum), g.scale(0.5, difference));
    let cosh = g.call(Op::Cosh, &[half]);
    let twice = g.scale(2.0, cosh);
    let log = g.log(twice);
    g.add(mean, log)
}

/// `x` moved off 0, where its logarithm has no value but `x log(x)` is 0. All numbers above 1e-284 stay the same.
fn off_zero(g: &mut Graph, x: NodeId) -> NodeId {
    g.shift(1e-300, x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::eval::{Plain, body};
    use crate::expr::ops::ALL;

    #[test]
    fn rewritten_functions_have_the_same_values() {
        let mut tried = 0;
        for &op in ALL.iter().filter(|op| form(**op) == Form::Rewritten) {
            let mut old = Graph::default();
            let leaves: Vec<NodeId> = (0..op.row().arity as u32).map(|k| old.leaf(k)).collect();
            let root = old.call(op, &leaves);
            let (new, copies) = rewritten(&old);
            let copy = copies[root.0 as usize];
            for id in new.reachable(&[copy]) {
                if let Node::Call(inner, _) = new.node(id) {
                    assert!(!matches!(form(inner), Form::Rewritten | Form::Absent), "{op:?} needs {inner:?}");
                }
            }
            let extremes = [[0.0, 2.0, 0.0], [800.0, 1.0, 0.0], [-800.0, 1.0, 0.0], [-2.5, 1.5, 0.0]];
            for point in op.row().samples.iter().chain(&extremes).filter(|p| op.row().defined_at(**p)) {
                let (a, b) = (body(&Plain, &old, root, point), body(&Plain, &new, copy, point));
                assert!((a - b).abs() <= 1e-12 * (1.0 + a.abs()) || a == b, "{op:?} of {point:?}: {a} and {b}");
                tried += 1;
            }
        }
        assert!(tried >= 40, "only {tried} points");
    }
}
