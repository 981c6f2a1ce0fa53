//! Functions of sets, tables and their elements.

use super::{Call, Elaborator};
use crate::expr::family::IndexMap;
use crate::problem::index::Set;
use crate::sema::error;
use crate::sema::scope::{Env, R};
use crate::sema::value::{Elem, Val};
use crate::syntax::ast::{BinaryOp, Expr};

pub(super) fn columns(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let e = call.arguments[0];
    match me.value(e, env)? {
        Val::Table(table) => {
            let chosen = me.chosen_columns(&table, call.arguments.get(1).copied(), &call.except)?;
            Ok(Val::Array(me.table_matrix(&table, &chosen, call.span, env)?))
        }
        value => {
            let a = me.as_array(value, e.span, env)?;
            match a.0.sets.get(1) {
                Some(set) => Ok(Val::Set(set.clone())),
                None => me.fail(error::expected("a matrix or a table", &a.describe(), e.span)),
            }
        }
    }
}

pub(super) fn rows(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    match me.value(call.arguments[0], env)? {
        Val::Table(table) => Ok(Val::Set(table.rows.clone())),
        value => {
            let a = me.as_array(value, call.arguments[0].span, env)?;
            Ok(Val::Set(a.0.sets[0].clone()))
        }
    }
}

pub(super) fn a_set(me: &mut Elaborator, e: &Expr, env: &Env) -> R<Set> {
    match me.value(e, env)? {
        Val::Set(set) => Ok(set),
        Val::Table(table) => Ok(table.rows.clone()),
        other => me.fail(error::expected("a set", &other.describe(), e.span)),
    }
}

pub(super) fn card(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    if let Val::Ragged(sets) = me.value(call.arguments[0], env)? {
        let counts = sets.iter().map(|s| s.len() as f64).collect();
        return Ok(Val::Num(me.literal_column(counts, &env.ctx, call.span)));
    }
    let set = a_set(me, call.arguments[0], env)?;
    Ok(Val::Num(me.constant(set.len() as f64)))
}

pub(super) fn end_of_set(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let set = a_set(me, call.arguments[0], env)?;
    if set.is_empty() {
        return me.fail(error::empty(call.name, call.span));
    }
    let at = if call.name == "first" { 0 } else { set.len() - 1 };
    Ok(Val::Element(Elem { set, at: IndexMap::scalar(at), table: None }))
}

/// `prev(i)`, `next(i)` in the set that `i` runs over, or in a named one: `next(i, I)`.
pub(super) fn neighbour(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let value = me.value(call.arguments[0], env)?;
    let set = match (call.arguments.get(1), &value) {
        (Some(e), _) => a_set(me, e, env)?,
        (None, Val::Element(e)) => e.set.clone(),
        (None, other) => {
            return me.fail(error::expected("an element of a set", &other.describe(), call.arguments[0].span));
        }
    };
    let at = me.position(&set, &value, call.arguments[0].span, call.span, env)?;
    let step: i64 = if call.name == "next" { 1 } else { -1 };
    let mut moved = vec![];
    for p in 0..env.ctx.size {
        let to = at.at(p) as i64 + step;
        if to < 0 || to >= set.len() as i64 {
            let which = set.get(at.at(p)).to_string();
            return me.fail(error::no_neighbour(call.name, &which, &set, call.span));
        }
        moved.push(to as u32);
    }
    Ok(Val::Element(Elem { set, at: IndexMap::from_positions(moved), table: None }))
}

pub(super) fn set_call(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let op = match call.name {
        "union" => BinaryOp::Union,
        "inter" => BinaryOp::Inter,
        "minus" => BinaryOp::Minus,
        _ => BinaryOp::Cross,
    };
    me.set_operator(op, call.arguments[0], call.arguments[1], env)
}
