//! Vectors and matrices made of others, and the elements of arrays of data.

use super::{Call, Draft, Elaborator};
use crate::diag::Span;
use crate::problem::index::Set;
use crate::sema::arrays::through;
use crate::sema::error;
use crate::sema::scope::{Env, R};
use crate::sema::value::{Array, ArrayKind, Val};
use crate::syntax::ast::Expr;

pub(super) fn trace(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.matrix(call.arguments[0], env)?;
    let diagonal = Array::new(vec![a.0.sets[0].clone()], ArrayKind::Diagonal(a.clone()), &env.ctx, a.0.origin);
    Ok(Val::Num(me.aggregate_array("sum", &diagonal, call.span, env)?))
}

pub(super) fn diag(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.array(call.arguments[0], env)?;
    let (sets, kind) = match a.0.sets.len() {
        1 => (vec![a.0.sets[0].clone(); 2], ArrayKind::Diag(a.clone())),
        _ => {
            let a = me.matrix(call.arguments[0], env)?;
            (vec![a.0.sets[0].clone()], ArrayKind::Diagonal(a))
        }
    };
    Ok(Val::Array(Array::new(sets, kind, &env.ctx, a.0.origin)))
}

pub(super) fn kron(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.array(call.arguments[0], env)?;
    let b = me.array(call.arguments[1], env)?;
    if a.0.sets.len() != b.0.sets.len() {
        return me.fail(error::shape_mismatch(
            "take the Kronecker product of",
            (&a, call.arguments[0].span),
            (&b, call.arguments[1].span),
        ));
    }
    me.within_limits(a.len().saturating_mul(b.len()), call.span)?;
    let sets = a.0.sets.iter().zip(&b.0.sets).map(|(x, y)| Set::range(1.0, 1.0, x.len() * y.len())).collect();
    Ok(Val::Array(Array::new(sets, ArrayKind::Kron(a, b), &env.ctx, call.span)))
}

pub(super) fn outer(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.array(call.arguments[0], env)?;
    let b = me.array(call.arguments[1], env)?;
    if a.0.sets.len() != 1 || b.0.sets.len() != 1 {
        return me.fail(error::shape_mismatch(
            "take the outer product of",
            (&a, call.arguments[0].span),
            (&b, call.arguments[1].span),
        ));
    }
    let sets = vec![a.0.sets[0].clone(), b.0.sets[0].clone()];
    Ok(Val::Array(Array::new(sets, ArrayKind::Outer(a, b), &env.ctx, call.span)))
}

pub(super) fn cumsum(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.array(call.arguments[0], env)?;
    if a.0.sets.len() != 1 {
        return me.fail(error::expected("a vector", &a.describe(), call.arguments[0].span));
    }
    Ok(Val::Array(Array::new(a.0.sets.clone(), ArrayKind::Cumsum(a.clone()), &env.ctx, a.0.origin)))
}

/// `vec(x)`: the same numbers over 1..n.
pub(super) fn renumbered(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.array(call.arguments[0], env)?;
    if a.0.sets.len() == 1 {
        let sets = vec![Set::range(1.0, 1.0, a.len())];
        return Ok(Val::Array(Array::new(sets, ArrayKind::Relabelled(a), &env.ctx, call.span)));
    }
    let (ctx, index) = me.over(&a.0.sets, &env.ctx)?;
    let num = me.element(&a, &index, &ctx)?;
    let drafts = vec![Draft { ctx: ctx.clone(), num, span: call.span }];
    let id = me.stage("vec", &ctx, drafts, call.span);
    let source = crate::expr::family::Source::Stage(id);
    let kind = ArrayKind::Buffer { source, offset: 0, filter: None, data: num.data };
    let root = me.root.clone();
    Ok(Val::Array(Array::new(vec![Set::range(1.0, 1.0, a.len())], kind, &root, call.span)))
}

impl Elaborator<'_> {
    pub(super) fn matrix(&mut self, e: &Expr, env: &Env) -> R<Array> {
        let a = self.array(e, env)?;
        let sizes: Vec<usize> = a.0.sets.iter().map(Set::len).collect();
        if sizes.len() != 2 || sizes[0] != sizes[1] {
            return self.fail(error::not_square(&sizes, e.span, a.0.origin));
        }
        Ok(a)
    }

    /// Every element of an array without variables, now. The array must not depend on generators around it.
    pub(in crate::sema) fn array_values(&mut self, array: &Array, span: Span) -> R<Option<Vec<f64>>> {
        let Some(columns) = self.array_columns(array)? else { return Ok(None) };
        let Some((first, rest)) = columns.split_first() else { return Ok(Some(vec![0.0; array.len()])) };
        let same = |column: &Vec<f64>| column.iter().zip(first).all(|(v, w)| v.to_bits() == w.to_bits());
        if !rest.iter().all(same) {
            return self.fail(error::expected("one array", "an array for each element of a generator", span));
        }
        Ok(Some(first.clone()))
    }

    /// The elements of an array without variables for each instance of the context that it lives in.
    pub(in crate::sema) fn array_columns(&mut self, array: &Array) -> R<Option<Vec<Vec<f64>>>> {
        let home = array.0.ctx.clone();
        let (ctx, index) = self.over(&array.0.sets, &home)?;
        let parts = self.traced(&ctx, &mut |me, here| {
            let index = through(&index, &here.path_to(&ctx), here.size);
            me.element(array, &index, here)
        })?;
        let length = array.len();
        let mut out = vec![vec![0.0; length]; home.size];
        for (here, num) in parts {
            if !num.data {
                return Ok(None);
            }
            let path = here.path_to(&ctx);
            for (p, v) in self.structural(num, &here).into_iter().enumerate() {
                let at = path.at(p);
                out[at / length][at % length] = v;
            }
        }
        Ok(Some(out))
    }

    pub(in crate::sema) fn constant_array(&mut self, values: Vec<f64>, sets: Vec<Set>, span: Span) -> Array {
        let nums = values.into_iter().map(|v| self.constant(v)).collect();
        let root = self.root.clone();
        Array::new(sets, ArrayKind::Elements(nums), &root, span)
    }
}
