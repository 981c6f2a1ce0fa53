//! A body as text, as one would write it in a model, with as few parentheses as possible.

use super::graph::{Graph, Node, NodeId};
use super::ops::Op;
use std::collections::HashMap;

/// Parts that are longer than this are left out as `...`: the text is for messages.
const LONGEST: usize = 400;

/// How tightly a form binds: from a choice to a name.
const CHOICE: u8 = 0;
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARISON: u8 = 4;
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const POWER: u8 = 7;
const ATOM: u8 = 8;

struct Text {
    words: String,
    binds: u8,
}

impl Text {
    /// In a place that needs something at least as tight as `level`.
    fn at(&self, level: u8) -> String {
        if self.binds < level { format!("({})", self.words) } else { self.words.clone() }
    }
}

/// The text of a body; `names[k]` stands for leaf k.
pub fn text<S: AsRef<str>>(graph: &Graph, body: NodeId, names: &[S]) -> String {
    let mut texts: HashMap<NodeId, Text> = HashMap::new();
    for id in graph.reachable(&[body]) {
        let text = match graph.node(id) {
            Node::Constant(value) => number(value),
            Node::Leaf(k) => {
                let name = names.get(k as usize).map_or_else(|| format!("leaf{k}"), |name| name.as_ref().to_string());
                Text { words: name, binds: ATOM }
            }
            Node::Call(op, operands) => call(op, operands.map(|id| &texts[&id])),
        };
        let short =
            if text.words.len() > LONGEST && id != body { Text { words: "...".into(), binds: ATOM } } else { text };
        texts.insert(id, short);
    }
    texts.remove(&body).map(|text| text.words).unwrap_or_default()
}

fn number(value: f64) -> Text {
    let digits = format!("{value:?}");
    let words = digits.strip_suffix(".0").unwrap_or(&digits).to_string();
    Text { words, binds: if value.is_sign_negative() { SUM } else { ATOM } }
}

fn call(op: Op, [a, b, c]: [&Text; 3]) -> Text {
    let row = op.row();
    let infix =
        |binds: u8, left: u8, right: u8| Text { words: format!("{} {} {}", a.at(left), row.name, b.at(right)), binds };
    match op {
        Op::Add => infix(SUM, SUM, PRODUCT),
        Op::Sub => infix(SUM, SUM, PRODUCT),
        Op::Mul => infix(PRODUCT, PRODUCT, POWER),
        Op::Div => infix(PRODUCT, PRODUCT, POWER),
        Op::Neg => Text { words: format!("-{}", a.at(PRODUCT)), binds: SUM },
        Op::Pow => Text { words: format!("{}^{}", a.at(ATOM), b.at(ATOM)), binds: POWER },
        Op::Square => Text { words: format!("{}^2", a.at(ATOM)), binds: POWER },
        Op::Lt | Op::Le | Op::Eq | Op::Ne => infix(COMPARISON, SUM, SUM),
        Op::And => infix(AND, AND, NOT),
        Op::Or => infix(OR, OR, AND),
        Op::Not => Text { words: format!("not {}", a.at(COMPARISON)), binds: NOT },
        Op::Select => Text { words: format!("if {} then {} else {}", a.words, b.at(OR), c.words), binds: CHOICE },
        _ => {
            let operands: Vec<&str> = [a, b, c][..row.arity].iter().map(|text| text.words.as_str()).collect();
            Text { words: format!("{}({})", row.name, operands.join(", ")), binds: ATOM }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parentheses_stand_only_where_needed() {
        let mut g = Graph::default();
        let (x, y) = (g.leaf(0), g.leaf(1));
        let names = ["x", "y"];
        let sum = g.add(x, y);
        let product = g.mul(sum, x);
        let square = g.square(sum);
        let negative = g.neg(square);
        let difference = g.sub(x, sum);
        let log = g.log(product);
        let order = g.call(Op::Lt, &[x, y]);
        let choice = g.select(order, log, difference);
        let shifted = g.shift(-0.5, choice);
        let cases = [
            (product, "x * (x + y)"),
            (negative, "-(x + y)^2"),
            (difference, "x - (x + y)"),
            (choice, "if x < y then log(x * (x + y)) else x - (x + y)"),
            (shifted, "-0.5 + (if x < y then log(x * (x + y)) else x - (x + y))"),
        ];
        for (id, expected) in cases {
            assert_eq!(text(&g, id, &names), expected);
        }
    }
}
