//! Functions of numbers and, elementwise, of arrays.

use super::{Call, Elaborator};
use crate::expr::ops::Op;
use crate::sema::error;
use crate::sema::scope::{Env, R};
use crate::sema::value::{Array, ArrayInfo, ArrayKind, Num, Operand, Val};
use std::rc::Rc;

impl Elaborator<'_> {
    pub(super) fn apply_op(&mut self, op: Op, call: &Call, env: &Env) -> R<Val> {
        let arity = op.row().arity;
        if call.arguments.len() != arity {
            return self.fail(error::arity(call.name, call.arguments.len(), &(arity..=arity), call.span, None));
        }
        let values = call.arguments.iter().map(|a| self.value(a, env)).collect::<R<Vec<Val>>>()?;
        if arity == 1 {
            let [value] = <[Val; 1]>::try_from(values).unwrap_or_else(|_| unreachable!("one argument"));
            return self.unary(op, value, call.arguments[0].span, env);
        }
        self.elementwise(op, values, call, env)
    }

    pub(super) fn elementwise(&mut self, op: Op, values: Vec<Val>, call: &Call, env: &Env) -> R<Val> {
        let mut values = values.into_iter();
        let (a, b) = match (values.next(), values.next()) {
            (Some(a), Some(b)) => (a, b),
            _ => unreachable!("two arguments"),
        };
        let (x_at, y_at) = (call.arguments[0].span, call.arguments[1].span);
        let shape = match (&a, &b) {
            (Val::Array(x), Val::Array(y)) => {
                self.same_shape("combine", x, x_at, y, y_at)?;
                Some(x.clone())
            }
            (Val::Array(x), _) | (_, Val::Array(x)) => Some(x.clone()),
            _ => None,
        };
        let x = self.as_operand(a, x_at, env)?;
        let y = self.as_operand(b, y_at, env)?;
        match (shape, x, y) {
            (None, Operand::Scalar(x), Operand::Scalar(y)) => Ok(Val::Num(self.apply(op, &[x, y]))),
            (shape, x, y) => {
                let like = shape.expect("one argument is an array");
                Ok(like_array(&like, ArrayKind::Binary(op, x, y), env))
            }
        }
    }
}

pub(super) fn like_array(like: &Array, kind: ArrayKind, env: &Env) -> Val {
    Val::Array(Array(Rc::new(ArrayInfo {
        sets: like.0.sets.clone(),
        row: like.0.row,
        kind,
        ctx: env.ctx.clone(),
        origin: like.0.origin,
    })))
}

pub(super) fn relu(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let zero = Val::Num(me.constant(0.0));
    let x = me.value(call.arguments[0], env)?;
    let twice = Call { name: "relu", arguments: vec![call.arguments[0]; 2], except: vec![], span: call.span };
    me.elementwise(Op::Max, vec![x, zero], &twice, env)
}

/// `t²/2` up to `d`, then `d (|t| - d/2)`: three smooth pieces that meet with equal slopes, and no `abs`, whose kink
/// would be taken for one of the whole.
pub(super) fn huber(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let d = me.number(call.arguments[1], env)?;
    let value = me.value(call.arguments[0], env)?;
    let t = me.as_operand(value, call.arguments[0].span, env)?;
    let number = |n: Num| Operand::Scalar(n);
    let half = number(me.constant(0.5));
    let square = elementwise_of(me, Op::Square, std::slice::from_ref(&t), env);
    let near = elementwise_of(me, Op::Mul, &[half, square], env);
    let mut total = near;
    for side in [1.0, -1.0] {
        let side = me.constant(side);
        let slope = me.apply(Op::Mul, &[side, d]);
        let two = me.constant(2.0);
        let back = me.apply(Op::Div, &[slope, two]);
        let from = elementwise_of(me, Op::Sub, &[t.clone(), number(back)], env);
        let far = elementwise_of(me, Op::Mul, &[number(slope), from], env);
        let out = elementwise_of(me, Op::Mul, &[number(side), t.clone()], env);
        let beyond = elementwise_of(me, Op::Lt, &[number(d), out], env);
        total = elementwise_of(me, Op::Select, &[beyond, far, total], env);
    }
    Ok(match total {
        Operand::Scalar(n) => Val::Num(n),
        Operand::Array(a) => Val::Array(a),
    })
}

/// `op` of numbers, or of the elements of arrays of one shape.
pub(super) fn elementwise_of(me: &mut Elaborator, op: Op, operands: &[Operand], env: &Env) -> Operand {
    let like = operands.iter().find_map(|o| match o {
        Operand::Array(a) => Some(a),
        Operand::Scalar(_) => None,
    });
    let Some(like) = like else {
        let numbers: Vec<Num> = operands
            .iter()
            .filter_map(|o| match o {
                Operand::Scalar(n) => Some(*n),
                Operand::Array(_) => None,
            })
            .collect();
        return Operand::Scalar(me.apply(op, &numbers));
    };
    let kind = match operands {
        [Operand::Array(a)] => ArrayKind::Unary(op, a.clone()),
        [a, b] => ArrayKind::Binary(op, a.clone(), b.clone()),
        [c, a, b] => ArrayKind::Select(c.clone(), a.clone(), b.clone()),
        _ => unreachable!("one to three operands, of which one is an array"),
    };
    Operand::Array(Array(Rc::new(ArrayInfo {
        sets: like.0.sets.clone(),
        row: like.0.row,
        kind,
        ctx: env.ctx.clone(),
        origin: like.0.origin,
    })))
}

/// `pwl(xs, ys, t)`: linear between the points, with the outer slopes beyond them; `interp` is flat beyond them.
/// `y_1 + s_1 (t - x_1) + Σ_k (s_k - s_(k-1)) max(t - x_k, 0)`, so that convexity can be seen from the slopes.
pub(super) fn piecewise_linear(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let mut tables = vec![];
    for e in &call.arguments[..2] {
        let a = me.array(e, env)?;
        match me.array_values(&a, e.span)? {
            Some(v) if a.0.sets.len() == 1 => tables.push(v),
            _ => return me.fail(error::expected("a vector of data", &a.describe(), e.span)),
        }
    }
    let (xs, ys) = (&tables[0], &tables[1]);
    if xs.len() != ys.len() || xs.len() < 2 || xs.windows(2).any(|w| w[0] >= w[1]) {
        return me.fail(error::bad_table(xs, ys.len(), call.arguments[0].span, call.arguments[1].span));
    }
    let mut slopes: Vec<f64> = (1..xs.len()).map(|k| (ys[k] - ys[k - 1]) / (xs[k] - xs[k - 1])).collect();
    let mut knots = xs[..xs.len() - 1].to_vec();
    let mut before = slopes[0];
    if call.name == "interp" {
        before = 0.0;
        slopes.push(0.0);
        knots.push(xs[xs.len() - 1]);
    }
    let t = me.number(call.arguments[2], env)?;
    let node = {
        let graph = &mut me.problem.graph;
        let mut parts = vec![graph.constant(ys[0])];
        let x = graph.constant(knots[0]);
        let from = graph.call(Op::Sub, &[t.node, x]);
        let slope = graph.constant(before);
        if before != 0.0 {
            parts.push(graph.call(Op::Mul, &[slope, from]));
        }
        for (x, slope) in knots.iter().zip(&slopes) {
            if *slope != before {
                let zero = graph.constant(0.0);
                let x = graph.constant(*x);
                let from = graph.call(Op::Sub, &[t.node, x]);
                let beyond = graph.call(Op::Max, &[from, zero]);
                let change = graph.constant(slope - before);
                parts.push(graph.call(Op::Mul, &[change, beyond]));
            }
            before = *slope;
        }
        graph.sum(&parts)
    };
    Ok(Val::Num(Num { node, data: t.data }))
}
