//! Building nodes: [`Graph::call`] interns a call in a simpler form that has the same value.
//!
//! The forms: constants are folded (only if the result is finite, so that a domain error stays visible) and stand
//! left; operands of commutative functions stand in order of ids; signs are pulled out of products and quotients;
//! small integer powers are products. The result of `call` on simplified operands is simplified, and building it
//! again gives the same node.
//!
//! Values stay the same up to rounding wherever the plain form is finite. Not more than that: `0 * x` and `x - x`
//! become 0 also where x has no finite value, because derivatives are made of such products.

use super::graph::{Graph, Node, NodeId};
use super::ops::Op;

/// `x^n` becomes products for whole n up to here.
const LARGEST_PRODUCT_POWER: f64 = 16.0;

impl Graph {
    /// `op(operands)`, simplified. `operands` has as many entries as the function takes.
    pub fn call(&mut self, op: Op, operands: &[NodeId]) -> NodeId {
        let row = op.row();
        debug_assert_eq!(operands.len(), row.arity, "operands of {op:?}");
        let mut args = [operands[0]; 3];
        args[..row.arity].copy_from_slice(&operands[..row.arity]);
        if row.commutative && self.order(args[1]) < self.order(args[0]) {
            args.swap(0, 1);
            args[2] = args[0];
        }
        if let Some(folded) = self.fold(op, args) {
            return folded;
        }
        self.rewritten(op, args).unwrap_or_else(|| self.intern(Node::Call(op, args)))
    }

    /// The value of a node that is a constant.
    pub fn value_of(&self, id: NodeId) -> Option<f64> {
        match self.node(id) {
            Node::Constant(value) => Some(value),
            Node::Leaf(_) | Node::Call(..) => None,
        }
    }

    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.call(Op::Add, &[a, b])
    }

    pub fn sub(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.call(Op::Sub, &[a, b])
    }

    pub fn mul(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.call(Op::Mul, &[a, b])
    }

    pub fn div(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.call(Op::Div, &[a, b])
    }

    pub fn neg(&mut self, a: NodeId) -> NodeId {
        self.call(Op::Neg, &[a])
    }

    pub fn square(&mut self, a: NodeId) -> NodeId {
        self.call(Op::Square, &[a])
    }

    pub fn pow(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.call(Op::Pow, &[a, b])
    }

    pub fn sqrt(&mut self, a: NodeId) -> NodeId {
        self.call(Op::Sqrt, &[a])
    }

    pub fn exp(&mut self, a: NodeId) -> NodeId {
        self.call(Op::Exp, &[a])
    }

    pub fn log(&mut self, a: NodeId) -> NodeId {
        self.call(Op::Log, &[a])
    }

    /// `a` where `condition` is not 0, else `b`.
    pub fn select(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> NodeId {
        self.call(Op::Select, &[condition, a, b])
    }

    /// `factor * a`
    pub fn scale(&mut self, factor: f64, a: NodeId) -> NodeId {
        let factor = self.constant(factor);
        self.mul(factor, a)
    }

    /// `offset + a`
    pub fn shift(&mut self, offset: f64, a: NodeId) -> NodeId {
        let offset = self.constant(offset);
        self.add(offset, a)
    }

    /// `1 / a`
    pub fn reciprocal(&mut self, a: NodeId) -> NodeId {
        let one = self.constant(1.0);
        self.div(one, a)
    }

    /// A balanced sum; 0 if there is nothing to add.
    pub fn sum(&mut self, terms: &[NodeId]) -> NodeId {
        self.balanced(Op::Add, 0.0, terms)
    }

    /// A balanced product; 1 if there is nothing to multiply.
    pub fn product(&mut self, factors: &[NodeId]) -> NodeId {
        self.balanced(Op::Mul, 1.0, factors)
    }

    fn balanced(&mut self, op: Op, empty: f64, parts: &[NodeId]) -> NodeId {
        match parts {
            [] => self.constant(empty),
            [one] => *one,
            _ => {
                let (left, right) = parts.split_at(parts.len() / 2);
                let (left, right) = (self.balanced(op, empty, left), self.balanced(op, empty, right));
                self.call(op, &[left, right])
            }
        }
    }

    /// Constants first, then by age.
    fn order(&self, id: NodeId) -> (bool, NodeId) {
        (self.value_of(id).is_none(), id)
    }

    fn fold(&mut self, op: Op, args: [NodeId; 3]) -> Option<NodeId> {
        let mut values = [0.0; 3];
        for (value, &arg) in values.iter_mut().zip(&args).take(op.row().arity) {
            *value = self.value_of(arg)?;
        }
        let value = (op.row().value)(values);
        value.is_finite().then(|| self.constant(value))
    }

    /// The operands of a call of `op`.
    fn parts(&self, id: NodeId, op: Op) -> Option<[NodeId; 3]> {
        match self.node(id) {
            Node::Call(found, args) if found == op => Some(args),
            Node::Constant(_) | Node::Leaf(_) | Node::Call(..) => None,
        }
    }

    /// `(c, x)` of a call `op(c, x)` with a constant c.
    fn with_constant(&self, id: NodeId, op: Op) -> Option<(f64, NodeId)> {
        let [left, right, _] = self.parts(id, op)?;
        Some((self.value_of(left)?, right))
    }

    fn is(&self, id: NodeId, value: f64) -> bool {
        self.value_of(id) == Some(value)
    }

    fn is_truth(&self, id: NodeId) -> bool {
        matches!(self.node(id), Node::Call(op, _) if op.row().truth)
    }

    /// The simpler form of a call whose operands are in order and not all constant, if there is one.
    fn rewritten(&mut self, op: Op, [a, b, c]: [NodeId; 3]) -> Option<NodeId> {
        match op {
            Op::Add => self.simpler_sum(a, b),
            Op::Sub => self.simpler_difference(a, b),
            Op::Mul => self.simpler_product(a, b),
            Op::Div => self.simpler_quotient(a, b),
            Op::Neg => self.simpler_negative(a),
            Op::Pow => self.simpler_power(a, b),
            Op::Abs => match self.node(a) {
                Node::Call(Op::Neg, [x, ..]) => Some(self.call(Op::Abs, &[x])),
                Node::Call(inner, _) if inner.row().image.0 >= 0.0 => Some(a),
                Node::Constant(_) | Node::Leaf(_) | Node::Call(..) => None,
            },
            Op::Square => {
                let inner = self.parts(a, Op::Neg).or_else(|| self.parts(a, Op::Abs))?;
                Some(self.square(inner[0]))
            }
            Op::Sqrt => {
                let [x, ..] = self.parts(a, Op::Square)?;
                Some(self.call(Op::Abs, &[x]))
            }
            Op::Min | Op::Max => (a == b).then_some(a),
            Op::And | Op::Or => {
                let known = self.value_of(a)? != 0.0;
                if known != (op == Op::And) {
                    return Some(self.constant(known as u8 as f64));
                }
                self.is_truth(b).then_some(b)
            }
            Op::Not => {
                let [x, ..] = self.parts(a, Op::Not)?;
                self.is_truth(x).then_some(x)
            }
            Op::Select => {
                if let Some(condition) = self.value_of(a) {
                    return Some(if condition != 0.0 { b } else { c });
                }
                if b == c {
                    return Some(b);
                }
                let [negated, ..] = self.parts(a, Op::Not)?;
                Some(self.select(negated, c, b))
            }
            _ => None,
        }
    }

    fn simpler_sum(&mut self, a: NodeId, b: NodeId) -> Option<NodeId> {
        if self.is(a, 0.0) {
            return Some(b);
        }
        if a == b {
            return Some(self.scale(2.0, a));
        }
        if let Some([y, ..]) = self.parts(b, Op::Neg) {
            return Some(self.sub(a, y));
        }
        if let Some([x, ..]) = self.parts(a, Op::Neg) {
            return Some(self.sub(b, x));
        }
        if let Some(outer) = self.value_of(a) {
            if let Some((inner, x)) = self.with_constant(b, Op::Add) {
                return self.finite(outer + inner, |g, both| g.shift(both, x));
            }
            if let Some((inner, x)) = self.with_constant(b, Op::Sub) {
                return self.finite(outer + inner, |g, both| {
                    let both = g.constant(both);
                    g.sub(both, x)
                });
            }
            return None;
        }
        // Constants move up: (c + x) + y = c + (x + y).
        if let Some((constant, x)) = self.with_constant(a, Op::Add) {
            let rest = self.add(x, b);
            return Some(self.shift(constant, rest));
        }
        let (constant, y) = self.with_constant(b, Op::Add)?;
        let rest = self.add(a, y);
        Some(self.shift(constant, rest))
    }

    fn simpler_difference(&mut self, a: NodeId, b: NodeId) -> Option<NodeId> {
        if a == b {
            return Some(self.constant(0.0));
        }
        if self.is(a, 0.0) {
            return Some(self.neg(b));
        }
        if let Some([y, ..]) = self.parts(b, Op::Neg) {
            return Some(self.add(a, y));
        }
        if let Some([x, ..]) = self.parts(a, Op::Neg) {
            let total = self.add(x, b);
            return Some(self.neg(total));
        }
        if let Some(value) = self.value_of(b) {
            return Some(self.shift(-value, a));
        }
        if let Some(outer) = self.value_of(a) {
            if let Some((inner, y)) = self.with_constant(b, Op::Add) {
                return self.finite(outer - inner, |g, both| {
                    let both = g.constant(both);
                    g.sub(both, y)
                });
            }
            if let Some((inner, y)) = self.with_constant(b, Op::Sub) {
                return self.finite(outer - inner, |g, both| g.shift(both, y));
            }
            return None;
        }
        if let Some((constant, x)) = self.with_constant(a, Op::Add) {
            let rest = self.sub(x, b);
            return Some(self.shift(constant, rest));
        }
        let (constant, y) = self.with_constant(b, Op::Add)?;
        let rest = self.sub(a, y);
        Some(self.shift(-constant, rest))
    }

    fn simpler_product(&mut self, a: NodeId, b: NodeId) -> Option<NodeId> {
        if a == b {
            return Some(self.square(a));
        }
        if let Some(factor) = self.value_of(a) {
            return self.simpler_multiple(factor, b);
        }
        if let Some([x, ..]) = self.parts(a, Op::Neg) {
            let product = self.mul(x, b);
            return Some(self.neg(product));
        }
        if let Some([y, ..]) = self.parts(b, Op::Neg) {
            let product = self.mul(a, y);
            return Some(self.neg(product));
        }
        for (one, other) in [(a, b), (b, a)] {
            if let Some((constant, x)) = self.with_constant(one, Op::Mul) {
                let rest = self.mul(x, other);
                return Some(self.scale(constant, rest));
            }
            // a * (c / y) = c * (a / y)
            if let Some((constant, y)) = self.with_constant(one, Op::Div) {
                let ratio = self.div(other, y);
                return Some(self.scale(constant, ratio));
            }
        }
        None
    }

    fn simpler_multiple(&mut self, factor: f64, x: NodeId) -> Option<NodeId> {
        if factor == 0.0 {
            return Some(self.constant(0.0));
        }
        if factor == 1.0 {
            return Some(x);
        }
        if factor == -1.0 {
            return Some(self.neg(x));
        }
        if let Some([inner, ..]) = self.parts(x, Op::Neg) {
            return Some(self.scale(-factor, inner));
        }
        if let Some((constant, inner)) = self.with_constant(x, Op::Mul) {
            return self.finite(factor * constant, |g, both| g.scale(both, inner));
        }
        let (constant, below) = self.with_constant(x, Op::Div)?;
        self.finite(factor * constant, |g, both| {
            let both = g.constant(both);
            g.div(both, below)
        })
    }

    fn simpler_quotient(&mut self, a: NodeId, b: NodeId) -> Option<NodeId> {
        if self.is(a, 0.0) {
            return Some(a);
        }
        if let Some(value) = self.value_of(b) {
            // Division by a power of two is exact as a product.
            let inverse = 1.0 / value;
            let exact = value.to_bits() & ((1 << 52) - 1) == 0 && inverse.is_normal() && value.is_normal();
            return exact.then(|| self.scale(inverse, a));
        }
        if let Some([x, ..]) = self.parts(a, Op::Neg) {
            let ratio = self.div(x, b);
            return Some(self.neg(ratio));
        }
        if let Some([y, ..]) = self.parts(b, Op::Neg) {
            let ratio = self.div(a, y);
            return Some(self.neg(ratio));
        }
        let (constant, x) = self.with_constant(a, Op::Mul)?;
        let ratio = self.div(x, b);
        Some(self.scale(constant, ratio))
    }

    fn simpler_negative(&mut self, a: NodeId) -> Option<NodeId> {
        match self.node(a) {
            Node::Call(Op::Neg, [x, ..]) => Some(x),
            Node::Call(Op::Sub, [x, y, _]) => Some(self.sub(y, x)),
            Node::Call(Op::Mul | Op::Div, [x, y, _]) => {
                let negative = self.constant(-self.value_of(x)?);
                Some(match self.parts(a, Op::Mul) {
                    Some(_) => self.mul(negative, y),
                    None => self.div(negative, y),
                })
            }
            Node::Call(Op::Add, [x, y, _]) => {
                let negative = self.constant(-self.value_of(x)?);
                Some(self.sub(negative, y))
            }
            Node::Constant(_) | Node::Leaf(_) | Node::Call(..) => None,
        }
    }

    fn simpler_power(&mut self, a: NodeId, b: NodeId) -> Option<NodeId> {
        let exponent = self.value_of(b)?;
        if exponent == 0.5 {
            return Some(self.sqrt(a));
        }
        if exponent != exponent.trunc() || exponent.abs() > LARGEST_PRODUCT_POWER {
            return None;
        }
        let power = self.whole_power(a, exponent.abs() as u32);
        Some(if exponent < 0.0 { self.reciprocal(power) } else { power })
    }

    /// `a^n` by repeated squaring.
    fn whole_power(&mut self, a: NodeId, n: u32) -> NodeId {
        if n == 0 {
            return self.constant(1.0);
        }
        if n == 1 {
            return a;
        }
        let half = self.whole_power(a, n / 2);
        let even = self.square(half);
        if n.is_multiple_of(2) { even } else { self.mul(a, even) }
    }

    /// Builds with a folded constant, unless folding overflowed.
    fn finite(&mut self, constant: f64, build: impl FnOnce(&mut Graph, f64) -> NodeId) -> Option<NodeId> {
        constant.is_finite().then(|| build(self, constant))
    }
}
