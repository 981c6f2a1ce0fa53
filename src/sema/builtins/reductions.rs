//! Arrays and sets to numbers: sums, norms, extremes, and what is built of them.

use super::elementwise::like_array;
use super::{Call, Draft, Elaborator};
use crate::diag::Span;
use crate::expr::ops::Op;
use crate::problem::index::Element;
use crate::sema::error;
use crate::sema::scope::{Env, R};
use crate::sema::value::{ArrayKind, Operand, Val};

pub(super) fn aggregate(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let e = call.arguments[0];
    match me.value(e, env)? {
        Val::Set(set) if call.name == "sum" || call.name == "prod" => {
            let Some(_) = me.set_numbers(&set) else {
                return me.fail(error::expected("numbers", "a set of texts", e.span));
            };
            let values: Vec<f64> = set.iter().map(|x| if let Element::Number(v) = x { v } else { f64::NAN }).collect();
            let total = if call.name == "sum" { values.iter().sum() } else { values.iter().product() };
            Ok(Val::Num(me.constant(total)))
        }
        value => {
            let array = me.as_array(value, e.span, env)?;
            Ok(Val::Num(me.aggregate_array(call.name, &array, call.span, env)?))
        }
    }
}

pub(super) fn norm(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let array = me.array(call.arguments[0], env)?;
    let Some(p) = call.arguments.get(1) else {
        return Ok(Val::Num(me.aggregate_array("norm", &array, call.span, env)?));
    };
    let n = me.number(p, env)?;
    let order = if n.data { me.structural(n, &env.ctx).first().copied().unwrap_or(2.0) } else { f64::NAN };
    let name = match order {
        1.0 => "norm1",
        2.0 => "norm",
        f64::INFINITY => "norminf",
        p if p > 1.0 => {
            let power = me.constant(p);
            let absolute = me.unary(Op::Abs, Val::Array(array.clone()), call.span, env)?;
            let Val::Array(absolute) = absolute else { unreachable!("elementwise on an array") };
            let kind = ArrayKind::Binary(Op::Pow, Operand::Array(absolute), Operand::Scalar(power));
            let Val::Array(powers) = like_array(&array, kind, env) else { unreachable!("an array") };
            let total = me.aggregate_array("sum", &powers, call.span, env)?;
            let root = me.constant(1.0 / p);
            return Ok(Val::Num(me.apply(Op::Pow, &[total, root])));
        }
        p => return me.fail(error::norm_order(p, call.arguments[1].span)),
    };
    Ok(Val::Num(me.aggregate_array(name, &array, call.span, env)?))
}

pub(super) fn extreme(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let op = if call.name == "min" { Op::Min } else { Op::Max };
    if let [one] = call.arguments.as_slice() {
        return match me.value(one, env)? {
            Val::Num(n) => Ok(Val::Num(n)),
            Val::Set(set) => {
                let mut best: Option<f64> = None;
                for e in set.iter() {
                    let Element::Number(v) = e else {
                        return me.fail(error::expected("numbers", "a set of texts", one.span));
                    };
                    best = Some(best.map_or(v, |b| if op == Op::Min { b.min(v) } else { b.max(v) }));
                }
                match best {
                    Some(v) => Ok(Val::Num(me.constant(v))),
                    None => me.fail(error::empty(call.name, call.span)),
                }
            }
            value => {
                let array = me.as_array(value, one.span, env)?;
                Ok(Val::Num(me.aggregate_array(call.name, &array, call.span, env)?))
            }
        };
    }
    let mut total = me.value(call.arguments[0], env)?;
    for k in 1..call.arguments.len() {
        let next = me.value(call.arguments[k], env)?;
        total = me.elementwise(
            op,
            vec![total, next],
            &Call {
                name: call.name,
                arguments: vec![call.arguments[0], call.arguments[k]],
                except: vec![],
                span: call.span,
            },
            env,
        )?;
    }
    Ok(total)
}

pub(super) fn dot(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let (x, y) = me.dot_operands(call.arguments[0], call.arguments[1], call.span, env)?;
    let drafts = me.dot_drafts(&x, &y, env, call.span)?;
    Ok(me.number_of(drafts, env, call.span))
}

pub(super) fn softmax(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let x = me.array(call.arguments[0], env)?;
    let total = me.aggregate_array("logsumexp", &x, call.span, env)?;
    let shifted = like_array(&x, ArrayKind::Binary(Op::Sub, Operand::Array(x.clone()), Operand::Scalar(total)), env);
    me.unary(Op::Exp, shifted, call.span, env)
}

pub(super) fn entropy(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let x = me.array(call.arguments[0], env)?;
    let terms = like_array(&x, ArrayKind::Unary(Op::XLogX, x.clone()), env);
    let Val::Array(terms) = terms else { unreachable!("an array") };
    let total = me.aggregate_array("sum", &terms, call.span, env)?;
    Ok(Val::Num(me.apply(Op::Neg, &[total])))
}

pub(super) fn kl(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let (p, q) = me.dot_operands(call.arguments[0], call.arguments[1], call.span, env)?;
    let kind = ArrayKind::Binary(Op::XLogXY, Operand::Array(p.clone()), Operand::Array(q));
    let Val::Array(terms) = like_array(&p, kind, env) else { unreachable!("an array") };
    Ok(Val::Num(me.aggregate_array("sum", &terms, call.span, env)?))
}

impl Elaborator<'_> {
    pub(super) fn number_of(&mut self, parts: Vec<Draft>, env: &Env, span: Span) -> Val {
        Val::Num(self.stage_of("", &env.ctx, parts, span))
    }
}
