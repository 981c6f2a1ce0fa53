//! Expressions as they are written in a model: whole, with sums flat and as few parentheses as possible.

use super::number::decimal;
use super::scalars::Body;
use super::sums::Sums;
use crate::expr::graph::{Node, NodeId};
use crate::expr::ops::Op;
use std::collections::HashMap;

/// How tightly a form binds, loosest first.
const CHOICE: u8 = 0;
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARISON: u8 = 4;
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const SIGN: u8 = 7;
const POWER: u8 = 8;
const ATOM: u8 = 9;

#[derive(Clone)]
struct Text {
    words: String,
    binds: u8,
}

impl Text {
    fn new(words: String, binds: u8) -> Text {
        Text { words, binds }
    }

    /// In a place that needs something at least as tight as `level`.
    fn at(&self, level: u8) -> String {
        if self.binds < level { format!("({})", self.words) } else { self.words.clone() }
    }
}

/// `leaves[k]` stands for leaf k.
pub struct Expressions<'e> {
    pub sums: &'e Sums<'e>,
    pub leaves: &'e [String],
}

impl Expressions<'_> {
    /// The summands of a body without its constant. A summand with a minus begins with it.
    pub fn summands(&self, body: &Body) -> Vec<String> {
        let mut out: Vec<String> = body.linear.iter().map(|&(k, c)| self.multiple(c, &self.leaf(k))).collect();
        if let Some(root) = body.nonlinear {
            let mut texts = HashMap::new();
            out.extend(self.sum(root, &mut texts));
        }
        out
    }

    fn leaf(&self, k: u32) -> Text {
        Text::new(self.leaves.get(k as usize).cloned().unwrap_or_default(), ATOM)
    }

    /// The summands of a node.
    fn sum(&self, root: NodeId, texts: &mut HashMap<NodeId, Text>) -> Vec<String> {
        let split = self.sums.split(std::iter::once((1.0, root)), |_| false);
        for (_, id) in &split.rest {
            self.write(*id, texts);
        }
        let rest = split.rest.iter().map(|(c, id)| self.multiple(*c, &texts[id]));
        let linear = split.linear.iter().map(|&(k, c)| self.multiple(c, &self.leaf(k)));
        let constant = (split.constant != 0.0).then(|| decimal(split.constant));
        rest.chain(linear).chain(constant).collect()
    }

    fn multiple(&self, factor: f64, of: &Text) -> String {
        match factor {
            1.0 => of.at(PRODUCT),
            -1.0 => format!("-{}", of.at(SIGN)),
            // `2 * a / b` is `(2 * a) / b`, which is as good.
            _ => format!("{} * {}", decimal(factor), of.at(PRODUCT)),
        }
    }

    /// Writes a node and what it needs, operands first.
    fn write(&self, root: NodeId, texts: &mut HashMap<NodeId, Text>) {
        let mut waiting = vec![root];
        while let Some(&id) = waiting.last() {
            if texts.contains_key(&id) {
                waiting.pop();
                continue;
            }
            let needed = self.needed(id);
            let missing: Vec<NodeId> = needed.into_iter().filter(|id| !texts.contains_key(id)).collect();
            if !missing.is_empty() {
                waiting.extend(missing);
                continue;
            }
            let text = self.text(id, texts);
            texts.insert(id, text);
            waiting.pop();
        }
    }

    fn is_sum(&self, id: NodeId) -> bool {
        match self.sums.graph.node(id) {
            Node::Call(Op::Add | Op::Sub | Op::Neg, _) => true,
            Node::Call(Op::Mul, [a, b, _]) => {
                // A factor that is not finite is no coefficient of a sum.
                [a, b].into_iter().any(|id| self.sums.graph.value_of(id).is_some_and(f64::is_finite))
            }
            Node::Constant(_) | Node::Leaf(_) | Node::Call(..) => false,
        }
    }

    fn needed(&self, id: NodeId) -> Vec<NodeId> {
        if self.is_sum(id) {
            let split = self.sums.split(std::iter::once((1.0, id)), |_| false);
            return split.rest.into_iter().map(|(_, part)| part).filter(|part| *part != id).collect();
        }
        let (operands, arity) = self.sums.graph.operands(id);
        operands[..arity].to_vec()
    }

    fn text(&self, id: NodeId, texts: &mut HashMap<NodeId, Text>) -> Text {
        let (op, operands) = match self.sums.graph.node(id) {
            Node::Constant(value) => {
                return Text::new(decimal(value), if value.is_sign_negative() { SUM } else { ATOM });
            }
            Node::Leaf(k) => return self.leaf(k),
            Node::Call(op, operands) => (op, operands),
        };
        if self.is_sum(id) {
            let summands = self.sum(id, texts);
            let binds = match &summands[..] {
                [one] if !one.starts_with('-') => PRODUCT,
                _ => SUM,
            };
            return Text::new(joined(&summands), binds);
        }
        let row = op.row();
        let given: Vec<&Text> = operands[..row.arity].iter().map(|id| &texts[id]).collect();
        let infix = |binds: u8, left: u8, right: u8| {
            Text::new(format!("{} {} {}", given[0].at(left), row.name, given[1].at(right)), binds)
        };
        match op {
            Op::Add | Op::Sub => infix(SUM, SUM, PRODUCT),
            Op::Mul => infix(PRODUCT, PRODUCT, SIGN),
            Op::Div => infix(PRODUCT, PRODUCT, SIGN),
            Op::Neg => Text::new(format!("-{}", given[0].at(SIGN)), SUM),
            Op::Pow => Text::new(format!("{}^{}", given[0].at(ATOM), given[1].at(ATOM)), POWER),
            Op::Square => Text::new(format!("{}^2", given[0].at(ATOM)), POWER),
            Op::Lt | Op::Le | Op::Eq | Op::Ne => infix(COMPARISON, SUM, SUM),
            Op::And => infix(AND, NOT, NOT),
            Op::Or => infix(OR, AND, AND),
            Op::Not => Text::new(format!("not {}", given[0].at(COMPARISON)), NOT),
            Op::Select => {
                let words = format!("if {} then {} else {}", given[0].at(OR), given[1].at(SUM), given[2].at(SUM));
                Text::new(words, CHOICE)
            }
            _ => {
                let operands: Vec<&str> = given.iter().map(|text| text.words.as_str()).collect();
                Text::new(format!("{}({})", row.name, operands.join(", ")), ATOM)
            }
        }
    }
}

fn joined(summands: &[String]) -> String {
    let mut out = String::new();
    for (k, summand) in summands.iter().enumerate() {
        match summand.strip_prefix('-') {
            _ if k == 0 => out += summand,
            Some(positive) => out += &format!(" - {positive}"),
            None => out += &format!(" + {summand}"),
        }
    }
    if out.is_empty() { "0".to_string() } else { out }
}
