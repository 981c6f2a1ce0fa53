//! `lower <= a <= upper perp b`: a bounded expression and its complement.
//!
//! The relations of both sides say which of the two is bounded:
//!
//! ```text
//! lo <= a <= hi perp b         a is bounded (one side or both); b is the complement
//! 0 <= a perp b >= 0           both hold, one of them as an equation; likewise with `<=` on either side
//! x perp b                     x is a variable; its bounds are those of its declaration
//! a perp b == 0                a has no sides
//! ```

use super::additive::Draft;
use super::context::Ctx;
use super::error;
use super::generators::Indexed;
use super::rows::{Side, Sided};
use super::scope::{Elaborator, R};
use super::value::{Num, Val};
use crate::diag::Span;
use crate::expr::family::{IndexMap, Leaf, ParamId, Source};
use crate::expr::graph::Node;
use crate::expr::ops::Op;
use crate::problem::complementarity::implied_sides;
use crate::problem::index::Axes;
use crate::problem::{BlockKind, Constraint, Data, Param};
use crate::syntax::ast::{Expr, ExprKind, RelOp, Row};
use std::sync::Arc;

/// A side of `perp` as it is written.
struct Written<'e> {
    parts: Vec<&'e Expr>,
    ops: Vec<RelOp>,
    span: Span,
}

impl<'e> Written<'e> {
    fn of(expr: &'e Expr) -> Written<'e> {
        let (parts, ops) = match &expr.kind {
            ExprKind::Relation(first, rest) => {
                let parts = std::iter::once(&**first).chain(rest.iter().map(|(_, e)| e)).collect();
                (parts, rest.iter().map(|(op, _)| *op).collect())
            }
            _ => (vec![expr], vec![]),
        };
        Written { parts, ops, span: expr.span }
    }

    fn is_equation(&self) -> bool {
        matches!(self.ops.as_slice(), [RelOp::Eq | RelOp::Assign])
    }
}

impl Elaborator<'_> {
    pub(super) fn complementarity(
        &mut self,
        scope: u32,
        row: &Row,
        complement: &Expr,
        indexed: &Indexed,
        label: String,
    ) -> R<Val> {
        for side in [&row.body, complement] {
            if let ExprKind::Relation(_, rest) = &side.kind {
                self.states_sides(rest, side.span)?;
            }
        }
        let (left, right) = (Written::of(&row.body), Written::of(complement));
        let parts: Vec<&Expr> = left.parts.iter().chain(&right.parts).copied().collect();
        // Together, so that arrays on either side run over the same sets.
        let (axes, ctx, mut sides) = self.sides(&parts, indexed)?;
        let right_sides = sides.split_off(left.parts.len());
        for (written, sides) in [(&left, &sides), (&right, &right_sides)] {
            if sides.iter().all(Side::is_data) {
                return self.fail(error::data_complement(written.span, row.span));
            }
        }
        let inside = self.scopes[scope as usize].block.map(|block| self.problem.blocks[block as usize].kind);
        if let Some(kind @ (BlockKind::Lower(_) | BlockKind::Player)) = inside {
            let word = kind.word();
            let sentence = format!(
                "a complementarity cannot be a row of a `{word}` block: no conditions are known that say what the answer \
                 of such a problem is; if it is the level around that must keep it, write it outside"
            );
            self.unsupported("perp", sentence, row.span);
            return self.placeholder_row(indexed, &label, row.span);
        }
        let (a, b) = match (left.ops.len(), right.ops.len()) {
            (0, 0) => {
                let Some((lower, upper)) = self.bounds_of_variable(&ctx, &sides[0]) else {
                    return self.fail(error::perp_without_sides(row.body.span, row.span));
                };
                let a = Sided { body: drafts(sides), lower, upper, sign: 1.0 };
                (a, drafts(right_sides))
            }
            (0, _) if right.is_equation() => {
                let b = self.sided(right_sides, &right.ops, &ctx, right.span)?;
                (free(drafts(sides)), self.moved(b, &ctx))
            }
            (_, 0) if left.is_equation() => {
                let b = self.sided(sides, &left.ops, &ctx, left.span)?;
                (free(drafts(right_sides)), self.moved(b, &ctx))
            }
            (0, _) => (self.sided(right_sides, &right.ops, &ctx, right.span)?, drafts(sides)),
            (_, 0) => (self.sided(sides, &left.ops, &ctx, left.span)?, drafts(right_sides)),
            (1, 1) if !left.is_equation() && !right.is_equation() => {
                let a = self.sided(sides, &left.ops, &ctx, left.span)?;
                let b = self.sided(right_sides, &right.ops, &ctx, right.span)?;
                let alike = is_free(&a.lower) == is_free(&b.lower);
                let b = self.moved(b, &ctx);
                (a, if alike { b } else { self.with_signs_turned(b) })
            }
            _ => return self.fail(error::perp_sides(row.span)),
        };
        Ok(self.push_pair(scope, row, label, axes, &ctx, a, b))
    }

    #[allow(clippy::too_many_arguments)] // the parts of the two constraints
    fn push_pair(
        &mut self,
        scope: u32,
        row: &Row,
        label: String,
        axes: Axes,
        ctx: &Ctx,
        a: Sided,
        b: Vec<Draft>,
    ) -> Val {
        let (least, most) = self.implied(&a, ctx, row.span);
        let complement = format!("{label} perp");
        let (stage, force) = (self.stage(&label, ctx, a.body, row.span), self.stage(&complement, ctx, b, row.span));
        let bounded = Constraint {
            labelled: row.label.is_some(),
            dual_sign: a.sign,
            ..Constraint::new(label, axes, ctx.size as u32, stage, (a.lower, a.upper), row.span)
        };
        let force = Constraint {
            labelled: false,
            label: complement,
            stage: force,
            lower: least,
            upper: most,
            dual_sign: 1.0,
            complements: true,
            ..bounded.clone()
        };
        let value = self.push_row(scope, bounded);
        self.push_row(scope, force);
        value
    }

    /// The sides of the complement that follow from those of the bounded expression. Which of them are finite is fixed
    /// when the model is built.
    fn implied(&mut self, a: &Sided, ctx: &Ctx, span: Span) -> (Data, Data) {
        let lower = self.numbers_of(&a.lower, ctx.size);
        let upper = self.numbers_of(&a.upper, ctx.size);
        let sides: Vec<(f64, f64)> = lower.iter().zip(&upper).map(|(l, u)| implied_sides(*l, *u)).collect();
        let (least, most): (Vec<f64>, Vec<f64>) = sides.into_iter().unzip();
        (self.stored(least, span), self.stored(most, span))
    }

    fn numbers_of(&mut self, data: &Data, count: usize) -> Vec<f64> {
        match data {
            Data::Constant(value) => vec![*value; count],
            Data::Read(leaf) => {
                let values = self.source_decided(leaf.source);
                (0..count).map(|p| values[leaf.map.at(p)]).collect()
            }
        }
    }

    fn stored(&mut self, values: Vec<f64>, span: Span) -> Data {
        if let Some(first) = values.first()
            && values.iter().all(|v| v == first)
        {
            return Data::Constant(*first);
        }
        let id = ParamId(self.problem.params.len() as u32);
        let (name, axes) = (String::new(), Axes::scalar());
        self.problem.params.push(Param { name, axes, values: Arc::new(values), structural: false, span });
        Data::Read(Leaf { source: Source::Param(id), map: IndexMap::IDENTITY })
    }

    /// Where an expression is a variable by itself: the bounds of its declaration.
    fn bounds_of_variable(&mut self, ctx: &Ctx, side: &Side) -> Option<(Data, Data)> {
        let [Draft { ctx: own, num, .. }] = side.drafts.as_slice() else { return None };
        let Node::Leaf(k) = self.problem.graph.node(num.node) else { return None };
        let leaf = own.get_leaf(k);
        if own.id != ctx.id || leaf.source != Source::Variables {
            return None;
        }
        let Some(first) = (ctx.size > 0).then(|| leaf.map.at(0) as u32) else {
            return Some((Data::Constant(f64::NEG_INFINITY), Data::Constant(f64::INFINITY)));
        };
        let owns = |v: &&crate::problem::Variable| (v.offset..v.offset + v.axes.len() as u32).contains(&first);
        let variable = self.problem.variables.iter().find(owns)?;
        let bound = |data: &Data| match data {
            Data::Constant(value) => Data::Constant(*value),
            Data::Read(read) => {
                let position = |p: usize| read.map.at(leaf.map.at(p) - variable.offset as usize) as u32;
                let map = IndexMap::from_positions((0..ctx.size).map(position).collect());
                Data::Read(Leaf { source: read.source, map })
            }
        };
        Some((bound(&variable.lower), bound(&variable.upper)))
    }

    /// `body - side` for the one side that an expression has (or both, where they are the same).
    fn moved(&mut self, sided: Sided, ctx: &Ctx) -> Vec<Draft> {
        let side = if is_free(&sided.lower) { sided.upper } else { sided.lower };
        let mut body = sided.body;
        if side == Data::Constant(0.0) {
            return body;
        }
        let span = body.first().map(|d| d.span).unwrap_or_default();
        let num = match side {
            Data::Constant(value) => self.constant(value),
            Data::Read(leaf) => Num { node: ctx.leaf(&mut self.problem.graph, leaf), data: true },
        };
        let num = self.apply(Op::Neg, &[num]);
        body.push(Draft { ctx: ctx.clone(), num, span });
        self.merged(body)
    }

    fn with_signs_turned(&mut self, mut body: Vec<Draft>) -> Vec<Draft> {
        for draft in &mut body {
            draft.num = self.apply(Op::Neg, &[draft.num]);
        }
        body
    }
}

fn drafts(sides: Vec<Side>) -> Vec<Draft> {
    sides.into_iter().flat_map(|side| side.drafts).collect()
}

fn free(body: Vec<Draft>) -> Sided {
    Sided { body, lower: Data::Constant(f64::NEG_INFINITY), upper: Data::Constant(f64::INFINITY), sign: 1.0 }
}

fn is_free(lower: &Data) -> bool {
    *lower == Data::Constant(f64::NEG_INFINITY)
}
