//! `dot(a, b)`, `sum(x)`, `mean(x)`, `sumsq(x)`, `x' * y`, `x' * Q * y` as instances of one family that are added up.

use super::Elaborator;
use crate::diag::Span;
use crate::expr::ops::Op;
use crate::sema::arrays::through;
use crate::sema::context::Ctx;
use crate::sema::error;
use crate::sema::scope::{Env, R};
use crate::sema::value::{Array, ArrayKind, Num, Val};
use crate::syntax::ast::{Argument, BinaryOp, Expr, ExprKind};

impl Elaborator<'_> {
    /// `dot(a, b)`, `sum(x)`, `mean(x)`, `sumsq(x)`, `x' * y` as instances to be added up; `None` if it is none of them.
    #[allow(clippy::type_complexity)] // parts and the context that they are added into
    pub(in crate::sema) fn contraction(&mut self, e: &Expr, env: &Env) -> R<Option<(Vec<(Ctx, Num)>, Ctx)>> {
        let parts = match &e.kind {
            ExprKind::Binary(BinaryOp::Mul, a, b) => {
                if !(self.may_be_array(a, env) && self.may_be_array(b, env)) {
                    return Ok(None);
                }
                return self.contraction_of(a, b, env);
            }
            ExprKind::Call { function, arguments } => {
                let ExprKind::Name(name) = &function.kind else { return Ok(None) };
                if self.find(env.scope, name).is_some() {
                    return Ok(None);
                }
                match (name.as_str(), arguments.as_slice()) {
                    ("dot", [Argument::Value(a), Argument::Value(b)]) => {
                        let (x, y) = self.dot_operands(a, b, e.span, env)?;
                        self.dot_drafts(&x, &y, env, e.span)?
                    }
                    ("sumsq", [Argument::Value(a)]) => {
                        let x = self.array(a, env)?;
                        let (ctx, index) = self.over_elements(&x, &env.ctx)?;
                        let parts = self.traced(&ctx, &mut |me, here| {
                            let index = through(&index, &here.path_to(&ctx), here.size);
                            let n = me.element(&x, &index, here)?;
                            Ok(me.apply(Op::Square, &[n]))
                        })?;
                        return Ok(Some((parts, env.ctx.clone())));
                    }
                    ("sum" | "mean", [Argument::Value(a)]) => {
                        let x = self.array(a, env)?;
                        self.array_sum(name, &x, e.span, env)?
                    }
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some((parts.into_iter().map(|d| (d.ctx, d.num)).collect(), env.ctx.clone())))
    }

    /// `a * b` where `a` is a row and `b` a vector.
    #[allow(clippy::type_complexity)] // as above
    pub(in crate::sema) fn contraction_of(
        &mut self,
        a: &Expr,
        b: &Expr,
        env: &Env,
    ) -> R<Option<(Vec<(Ctx, Num)>, Ctx)>> {
        let (Val::Array(x), Val::Array(y)) = (self.value(a, env)?, self.value(b, env)?) else { return Ok(None) };
        if !(x.0.row && !y.0.row && x.0.sets.len() == 1 && y.0.sets.len() == 1 && x.0.sets == y.0.sets) {
            return Ok(None);
        }
        // `x' Q y`: one double sum instead of a sum of sums.
        if let ArrayKind::Product(left, matrix) = &x.0.kind
            && left.0.sets.len() == 1
        {
            let parts = self.quadratic(left, matrix, &y, env)?;
            return Ok(Some((parts, env.ctx.clone())));
        }
        let span = a.span.to(b.span);
        let drafts = self.dot_drafts(&x, &y, env, span)?;
        Ok(Some((drafts.into_iter().map(|d| (d.ctx, d.num)).collect(), env.ctx.clone())))
    }

    pub(super) fn quadratic(&mut self, x: &Array, q: &Array, y: &Array, env: &Env) -> R<Vec<(Ctx, Num)>> {
        let (ctx, index) = self.over(&q.0.sets, &env.ctx)?;
        self.traced(&ctx, &mut |me, here| {
            let index = through(&index, &here.path_to(&ctx), here.size);
            let weight = me.element(q, &index, here)?;
            let left = me.element(x, &index[..1], here)?;
            let right = me.element(y, &index[1..], here)?;
            let product = me.apply(Op::Mul, &[left, right]);
            Ok(me.apply(Op::Mul, &[weight, product]))
        })
    }

    pub(super) fn dot_operands(&mut self, a: &Expr, b: &Expr, span: Span, env: &Env) -> R<(Array, Array)> {
        let x = self.array(a, env)?;
        let y = self.array(b, env)?;
        if x.0.sets != y.0.sets {
            return self.fail(error::shape_mismatch("take the dot product of", (&x, a.span), (&y, b.span)));
        }
        let _ = span;
        Ok((x, y))
    }
}
