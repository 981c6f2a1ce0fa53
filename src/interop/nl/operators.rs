//! The operators of `.nl` files: one row each.

use crate::expr::graph::{Graph, NodeId};
use crate::expr::ops::Op;

/// An operator: its code, its name in AMPL, how many operands follow, and what it means.
#[derive(Debug)]
pub struct Operator {
    pub code: u16,
    pub name: &'static str,
    pub operands: Operands,
    pub meaning: Meaning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    Fixed(usize),
    /// Their number stands after the code.
    Counted,
    /// A grammar of its own.
    Special,
}

#[derive(Clone, Copy)]
pub enum Meaning {
    /// Sums and products are flattened, so that long chains of them do not nest.
    Sum,
    Difference,
    Negative,
    Product,
    Function(fn(&mut Graph, &[NodeId]) -> NodeId),
    /// Nothing here can solve problems that have it.
    Unsupported,
}

impl std::fmt::Debug for Meaning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Meaning::Sum => "Sum",
            Meaning::Difference => "Difference",
            Meaning::Negative => "Negative",
            Meaning::Product => "Product",
            Meaning::Function(_) => "Function",
            Meaning::Unsupported => "Unsupported",
        })
    }
}

use Meaning::{Difference, Function, Negative, Product, Sum, Unsupported};
use Operands::{Counted, Fixed, Special};

const fn row(code: u16, name: &'static str, operands: Operands, meaning: Meaning) -> Operator {
    Operator { code, name, operands, meaning }
}

/// In order of codes.
#[rustfmt::skip]
pub static OPERATORS: &[Operator] = &[
    row(0, "+", Fixed(2), Sum),
    row(1, "-", Fixed(2), Difference),
    row(2, "*", Fixed(2), Product),
    row(3, "/", Fixed(2), Function(|g, x| g.div(x[0], x[1]))),
    row(4, "mod", Fixed(2), Function(|g, x| remainder(g, x[0], x[1]))),
    row(5, "^", Fixed(2), Function(|g, x| g.pow(x[0], x[1]))),
    row(6, "less", Fixed(2), Function(|g, x| {
        let (gap, zero) = (g.sub(x[0], x[1]), g.constant(0.0));
        g.call(Op::Max, &[gap, zero])
    })),
    row(11, "min", Counted, Function(|g, x| folded(g, Op::Min, x))),
    row(12, "max", Counted, Function(|g, x| folded(g, Op::Max, x))),
    row(13, "floor", Fixed(1), Function(|g, x| g.call(Op::Floor, x))),
    row(14, "ceil", Fixed(1), Function(|g, x| g.call(Op::Ceil, x))),
    row(15, "abs", Fixed(1), Function(|g, x| g.call(Op::Abs, x))),
    row(16, "-", Fixed(1), Negative),
    row(20, "or", Fixed(2), Function(|g, x| g.call(Op::Or, x))),
    row(21, "and", Fixed(2), Function(|g, x| g.call(Op::And, x))),
    row(22, "<", Fixed(2), Function(|g, x| g.call(Op::Lt, x))),
    row(23, "<=", Fixed(2), Function(|g, x| g.call(Op::Le, x))),
    row(24, "=", Fixed(2), Function(|g, x| g.call(Op::Eq, x))),
    row(28, ">=", Fixed(2), Function(|g, x| g.call(Op::Le, &[x[1], x[0]]))),
    row(29, ">", Fixed(2), Function(|g, x| g.call(Op::Lt, &[x[1], x[0]]))),
    row(30, "!=", Fixed(2), Function(|g, x| g.call(Op::Ne, x))),
    row(34, "not", Fixed(1), Function(|g, x| g.call(Op::Not, x))),
    row(35, "if", Fixed(3), Function(|g, x| g.select(x[0], x[1], x[2]))),
    row(37, "tanh", Fixed(1), Function(|g, x| g.call(Op::Tanh, x))),
    row(38, "tan", Fixed(1), Function(|g, x| g.call(Op::Tan, x))),
    row(39, "sqrt", Fixed(1), Function(|g, x| g.sqrt(x[0]))),
    row(40, "sinh", Fixed(1), Function(|g, x| g.call(Op::Sinh, x))),
    row(41, "sin", Fixed(1), Function(|g, x| g.call(Op::Sin, x))),
    row(42, "log10", Fixed(1), Function(|g, x| g.call(Op::Log10, x))),
    row(43, "log", Fixed(1), Function(|g, x| g.log(x[0]))),
    row(44, "exp", Fixed(1), Function(|g, x| g.exp(x[0]))),
    row(45, "cosh", Fixed(1), Function(|g, x| g.call(Op::Cosh, x))),
    row(46, "cos", Fixed(1), Function(|g, x| g.call(Op::Cos, x))),
    row(47, "atanh", Fixed(1), Function(|g, x| g.call(Op::Atanh, x))),
    row(48, "atan2", Fixed(2), Function(|g, x| g.call(Op::Atan2, x))),
    row(49, "atan", Fixed(1), Function(|g, x| g.call(Op::Atan, x))),
    row(50, "asinh", Fixed(1), Function(|g, x| g.call(Op::Asinh, x))),
    row(51, "asin", Fixed(1), Function(|g, x| g.call(Op::Asin, x))),
    row(52, "acosh", Fixed(1), Function(|g, x| g.call(Op::Acosh, x))),
    row(53, "acos", Fixed(1), Function(|g, x| g.call(Op::Acos, x))),
    row(54, "sum", Counted, Sum),
    row(55, "div", Fixed(2), Function(|g, x| {
        let ratio = g.div(x[0], x[1]);
        towards_zero(g, ratio)
    })),
    row(56, "precision", Fixed(2), Unsupported),
    row(57, "round", Fixed(2), Function(|g, x| at_decimals(g, x, |g, t| g.call(Op::Round, &[t])))),
    row(58, "trunc", Fixed(2), Function(|g, x| at_decimals(g, x, towards_zero))),
    row(59, "count", Counted, Unsupported),
    row(60, "numberof", Counted, Unsupported),
    row(61, "numberof (symbolic)", Counted, Unsupported),
    row(62, "at least", Special, Unsupported),
    row(63, "at most", Special, Unsupported),
    row(64, "piecewise-linear function", Special, Unsupported),
    row(65, "if (symbolic)", Fixed(3), Unsupported),
    row(66, "exactly", Special, Unsupported),
    row(67, "not at least", Special, Unsupported),
    row(68, "not at most", Special, Unsupported),
    row(69, "not exactly", Special, Unsupported),
    row(70, "forall", Counted, Function(|g, x| folded(g, Op::And, x))),
    row(71, "exists", Counted, Function(|g, x| folded(g, Op::Or, x))),
    row(72, "==> else", Fixed(3), Function(|g, x| g.select(x[0], x[1], x[2]))),
    row(73, "<==>", Fixed(2), Function(|g, x| {
        let zero = g.constant(0.0);
        let holds = [g.call(Op::Ne, &[x[0], zero]), g.call(Op::Ne, &[x[1], zero])];
        g.call(Op::Eq, &holds)
    })),
    row(74, "alldiff", Counted, Unsupported),
    row(75, "not alldiff", Counted, Unsupported),
];

pub fn by_code(code: i64) -> Option<&'static Operator> {
    OPERATORS.iter().find(|operator| operator.code as i64 == code)
}

/// Balanced, so that long lists do not nest deeply.
fn folded(graph: &mut Graph, op: Op, operands: &[NodeId]) -> NodeId {
    match operands {
        [] => unreachable!("the reader asks for one operand at least"),
        [one] if op.row().truth => {
            let zero = graph.constant(0.0);
            graph.call(Op::Ne, &[*one, zero])
        }
        [one] => *one,
        _ => {
            let (left, right) = operands.split_at(operands.len() / 2);
            let halves = [folded(graph, op, left), folded(graph, op, right)];
            graph.call(op, &halves)
        }
    }
}

/// The remainder of a division that is cut towards 0: it has the sign of `a`.
fn remainder(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    let sizes = [graph.call(Op::Abs, &[a]), graph.call(Op::Abs, &[b])];
    let rest = graph.call(Op::Mod, &sizes);
    let (zero, negative) = (graph.constant(0.0), graph.neg(rest));
    let below = graph.call(Op::Lt, &[a, zero]);
    graph.select(below, negative, rest)
}

fn towards_zero(graph: &mut Graph, a: NodeId) -> NodeId {
    let (down, up) = (graph.call(Op::Floor, &[a]), graph.call(Op::Ceil, &[a]));
    let zero = graph.constant(0.0);
    let below = graph.call(Op::Lt, &[a, zero]);
    graph.select(below, up, down)
}

/// `cut` after moving the decimal point by as many places as the second operand says.
fn at_decimals(graph: &mut Graph, x: &[NodeId], cut: fn(&mut Graph, NodeId) -> NodeId) -> NodeId {
    let ten = graph.constant(10.0);
    let scale = graph.pow(ten, x[1]);
    let moved = graph.mul(x[0], scale);
    let cut = cut(graph, moved);
    graph.div(cut, scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::eval::{self, Plain};

    #[test]
    fn codes_ascend() {
        assert!(OPERATORS.windows(2).all(|pair| pair[0].code < pair[1].code));
    }

    #[test]
    fn functions_mean_what_ampl_means() {
        let cases: &[(i64, &[f64], f64)] = &[
            (4, &[-7.5, 2.0], -1.5),
            (4, &[7.5, -2.0], 1.5),
            (6, &[3.0, 1.0], 2.0),
            (6, &[1.0, 3.0], 0.0),
            (11, &[3.0, 1.0, 2.0], 1.0),
            (12, &[3.0, 1.0, 5.0, 2.0], 5.0),
            (28, &[2.0, 2.0], 1.0),
            (29, &[2.0, 2.0], 0.0),
            (35, &[0.0, 5.0, 6.0], 6.0),
            (48, &[1.0, -1.0], 3.0 * std::f64::consts::FRAC_PI_4),
            (55, &[-7.0, 2.0], -3.0),
            (57, &[2.0 / 3.0, 2.0], 0.67),
            (58, &[-2.0 / 3.0, 2.0], -0.66),
            (70, &[1.0, 2.0, 3.0], 1.0),
            (70, &[7.0], 1.0),
            (71, &[0.0, 0.0], 0.0),
            (73, &[2.0, 1.0], 1.0),
        ];
        for (code, operands, expected) in cases {
            let Meaning::Function(build) = by_code(*code).unwrap().meaning else { panic!("{code}") };
            let mut graph = Graph::default();
            let leaves: Vec<NodeId> = (0..operands.len() as u32).map(|k| graph.leaf(k)).collect();
            let root = build(&mut graph, &leaves);
            let value = eval::body(&Plain, &graph, root, operands);
            assert!((value - expected).abs() < 1e-15, "o{code}{operands:?} is {value}");
        }
    }
}
