//! The precedence of operators: one table, for the parser and the printer.

use super::ast::{BinaryOp, RelOp};
use super::parser::Rule;

/// One infix operator between the sides of a relation.
pub struct Infix {
    pub rule: Rule,
    pub op: BinaryOp,
    pub text: &'static str,
    pub power: Power,
}

/// Binding powers, loosest first. An operand may stand without parentheses where its power is at least what the
/// place asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    Or,
    And,
    Not,
    Relation,
    /// What stands on a side of a relation: here also `if`, which reaches as far right as it can.
    Choose,
    Union,
    Intersection,
    Range,
    Sum,
    Product,
    Sign,
    Raise,
    Postfix,
}

impl Power {
    /// The next tighter power: what the right side of a left-associative operator asks for.
    pub fn tighter(self) -> Power {
        match self {
            Power::Or => Power::And,
            Power::And => Power::Not,
            Power::Not => Power::Relation,
            Power::Relation => Power::Choose,
            Power::Choose => Power::Union,
            Power::Union => Power::Intersection,
            Power::Intersection => Power::Range,
            Power::Range => Power::Sum,
            Power::Sum => Power::Product,
            Power::Product => Power::Sign,
            Power::Sign => Power::Raise,
            Power::Raise | Power::Postfix => Power::Postfix,
        }
    }
}

const fn row(rule: Rule, op: BinaryOp, text: &'static str, power: Power) -> Infix {
    Infix { rule, op, text, power }
}

/// Powers are right-associative, all others left-associative.
pub const INFIX: &[Infix] = &[
    row(Rule::add, BinaryOp::Add, "+", Power::Sum),
    row(Rule::subtract, BinaryOp::Sub, "-", Power::Sum),
    row(Rule::multiply, BinaryOp::Mul, "*", Power::Product),
    row(Rule::divide, BinaryOp::Div, "/", Power::Product),
    row(Rule::power, BinaryOp::Pow, "^", Power::Raise),
    row(Rule::element_multiply, BinaryOp::ElementMul, ".*", Power::Product),
    row(Rule::element_divide, BinaryOp::ElementDiv, "./", Power::Product),
    row(Rule::element_power, BinaryOp::ElementPow, ".^", Power::Raise),
    row(Rule::union, BinaryOp::Union, "union", Power::Union),
    row(Rule::difference, BinaryOp::Minus, "minus", Power::Union),
    row(Rule::intersection, BinaryOp::Inter, "inter", Power::Intersection),
    row(Rule::product, BinaryOp::Cross, "cross", Power::Intersection),
];

/// The operator that a rule of the grammar matched.
pub fn infix_of_rule(rule: Rule) -> Option<&'static Infix> {
    INFIX.iter().find(|row| row.rule == rule)
}

/// The row of an operator.
pub fn infix(op: BinaryOp) -> &'static Infix {
    INFIX.iter().find(|row| row.op == op).expect("every operator has its row: tested")
}

/// Spellings of relations; the first of each is how it is printed.
pub const RELATIONS: &[(&str, RelOp)] = &[
    ("<=", RelOp::Le),
    (">=", RelOp::Ge),
    ("==", RelOp::Eq),
    ("<", RelOp::Lt),
    (">", RelOp::Gt),
    ("=", RelOp::Assign),
    ("!=", RelOp::Ne),
    ("in", RelOp::In),
    ("not in", RelOp::NotIn),
    ("~", RelOp::Distributed),
    ("≤", RelOp::Le),
    ("≥", RelOp::Ge),
    ("≠", RelOp::Ne),
    ("∈", RelOp::In),
    ("∉", RelOp::NotIn),
];

/// The relation that a text spells.
pub fn relation(text: &str) -> Option<RelOp> {
    RELATIONS.iter().find(|(spelling, _)| *spelling == text).map(|(_, op)| *op)
}

/// How a relation is printed.
pub fn relation_text(op: RelOp) -> &'static str {
    RELATIONS.iter().find(|(_, row)| *row == op).map(|(text, _)| *text).expect("every relation has its row: tested")
}
