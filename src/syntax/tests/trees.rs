//! Generated trees: what the printer writes, the parser reads back.

use super::super::ast::*;
use super::super::{parse_expression, print};
use super::{Dice, shape};
use crate::diag::{SourceId, Span};

const NAMES: &[&str] = &["x", "y", "cost", "start", "data", "lower", "union", "by", "over", "λ", "x_1"];
const OPS: &[BinaryOp] = &[
    BinaryOp::Add,
    BinaryOp::Sub,
    BinaryOp::Mul,
    BinaryOp::Div,
    BinaryOp::Pow,
    BinaryOp::ElementMul,
    BinaryOp::ElementDiv,
    BinaryOp::ElementPow,
    BinaryOp::Union,
    BinaryOp::Inter,
    BinaryOp::Minus,
    BinaryOp::Cross,
];
const RELATIONS: &[RelOp] =
    &[RelOp::Le, RelOp::Ge, RelOp::Lt, RelOp::Gt, RelOp::Eq, RelOp::Assign, RelOp::Ne, RelOp::In, RelOp::NotIn];

fn at<T: Clone>(dice: &mut Dice, choices: &[T]) -> T {
    choices[dice.below(choices.len())].clone()
}

fn name(dice: &mut Dice) -> Ident {
    Ident { name: at(dice, NAMES).to_string(), span: Span::default() }
}

fn many(dice: &mut Dice, least: usize, depth: usize) -> Vec<Expr> {
    let count = least + dice.below(3);
    (0..count).map(|_| tree(dice, depth)).collect()
}

fn generators(dice: &mut Dice, depth: usize) -> Vec<Generator> {
    let count = 1 + dice.below(2);
    let generator = |dice: &mut Dice| Generator {
        names: (0..1 + dice.below(3)).map(|_| name(dice)).collect(),
        kind: if dice.below(4) == 0 { GeneratorKind::Sample } else { GeneratorKind::In },
        domain: tree(dice, depth),
        span: Span::default(),
    };
    (0..count).map(|_| generator(dice)).collect()
}

fn maybe(dice: &mut Dice, depth: usize) -> Option<Box<Expr>> {
    (dice.below(2) == 0).then(|| Box::new(tree(dice, depth)))
}

fn leaf(dice: &mut Dice) -> ExprKind {
    match dice.below(6) {
        0 => ExprKind::Number(at(dice, &[0.0, 1.0, 2.5, 1e300, 1e-7, 123456789.0])),
        1 => ExprKind::Infinity,
        2 => ExprKind::Bool(dice.below(2) == 0),
        3 => ExprKind::Text(at(dice, &["a", "", "\"\\", "x\ny", "# no comment"]).to_string()),
        _ => ExprKind::Name(name(dice).name),
    }
}

/// A tree such as the parser makes: sums of three and more are flat, lists have the lengths that the grammar asks for.
fn tree(dice: &mut Dice, depth: usize) -> Expr {
    let kind = if depth == 0 { leaf(dice) } else { node(dice, depth - 1) };
    Expr { kind, span: Span::default() }
}

fn node(dice: &mut Dice, depth: usize) -> ExprKind {
    let boxed = |dice: &mut Dice| Box::new(tree(dice, depth));
    match dice.below(22) {
        0 => ExprKind::Field(boxed(dice), name(dice)),
        1 => ExprKind::Call {
            function: boxed(dice),
            arguments: many(dice, 0, depth).into_iter().map(Argument::Value).collect(),
        },
        2 => ExprKind::Aggregate {
            function: boxed(dice),
            generators: generators(dice, depth),
            condition: maybe(dice, depth),
            body: boxed(dice),
        },
        3 => {
            let item = match dice.below(4) {
                0 => Subscript::Slice { from: None, to: None, span: Span::default() },
                1 => Subscript::Slice { from: Some(tree(dice, depth)), to: None, span: Span::default() },
                2 => Subscript::Slice { from: None, to: Some(tree(dice, depth)), span: Span::default() },
                _ => Subscript::At(tree(dice, depth)),
            };
            ExprKind::Subscript { base: boxed(dice), items: vec![item, Subscript::At(tree(dice, depth))] }
        }
        4 => ExprKind::Transpose(boxed(dice)),
        5 | 6 => ExprKind::Negate(boxed(dice)),
        7 => ExprKind::Not(boxed(dice)),
        8..=12 => ExprKind::Binary(at(dice, OPS), boxed(dice), boxed(dice)),
        13 => {
            let rest = many(dice, 2, depth).into_iter().map(|operand| (dice.below(2) == 0, operand)).collect();
            ExprKind::Sum(boxed(dice), rest)
        }
        14 => {
            let rest = many(dice, 1, depth).into_iter().map(|side| (at(dice, RELATIONS), side)).collect();
            ExprKind::Relation(boxed(dice), rest)
        }
        15 => ExprKind::And(many(dice, 2, depth)),
        16 => ExprKind::Or(many(dice, 2, depth)),
        17 => ExprKind::If { condition: boxed(dice), then: boxed(dice), otherwise: boxed(dice) },
        18 => ExprKind::Tuple(many(dice, 2, depth)),
        19 => ExprKind::Array((0..dice.below(3)).map(|_| many(dice, 1, depth)).collect()),
        20 => match dice.below(3) {
            0 => ExprKind::SetLiteral(many(dice, 0, depth)),
            1 => {
                let keys = many(dice, 1, depth);
                ExprKind::MapLiteral(keys.into_iter().map(|key| (key, tree(dice, depth))).collect())
            }
            _ => ExprKind::SetBuilder {
                generators: generators(dice, depth),
                condition: maybe(dice, depth),
                value: maybe(dice, depth),
            },
        },
        _ => ExprKind::Range { from: boxed(dice), to: boxed(dice), step: maybe(dice, depth) },
    }
}

fn file_of(expr: Expr) -> File {
    let kind = StatementKind::Ensure { condition: expr };
    File { statements: vec![Statement { kind, span: Span::default() }] }
}

#[test]
fn generated_trees_survive_print_and_parse() {
    let mut dice = Dice(0x9E3779B97F4A7C15);
    for round in 0..3000 {
        let expr = tree(&mut dice, 1 + round % 4);
        let printed = print::expression(&expr);
        let again = parse_expression(SourceId(0), &printed).unwrap_or_else(|wrong| panic!("{printed}\n{wrong:#?}"));
        assert_eq!(shape(&file_of(expr)), shape(&file_of(again)), "{printed}");
    }
}
