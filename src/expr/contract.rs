//! Intervals backwards: what the value of a body says about its leaves.
//!
//! Where the values of `body(leaves)` must lie in an interval, each operand may be narrowed to what can still lead
//! there ([`Body::narrow`]). Nothing that can is ever cut off: ends are moved outward for rounding, and functions
//! whose inverse is not written here narrow nothing.

use super::graph::{Graph, Node, NodeId};
use super::interval::Interval;
use super::ops::Op;
use std::collections::HashMap;

/// A body in the order of evaluation, made once and run for each instance of its family.
#[derive(Clone, Debug)]
pub struct Body {
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Constant(f64),
    Leaf(usize),
    Call(Op, [usize; 3]),
}

/// No values of the leaves lead to the values that the body must have: how far apart they are, relative to their size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apart(pub f64);

impl Body {
    pub fn of(graph: &Graph, body: NodeId) -> Body {
        let mut at: HashMap<NodeId, usize> = HashMap::new();
        let mut steps = vec![];
        for id in graph.reachable(&[body]) {
            steps.push(match graph.node(id) {
                Node::Constant(value) => Step::Constant(value),
                Node::Leaf(k) => Step::Leaf(k as usize),
                Node::Call(op, operands) => {
                    let arity = op.row().arity;
                    Step::Call(op, std::array::from_fn(|k| at[&operands[if k < arity { k } else { 0 }]]))
                }
            });
            at.insert(id, steps.len() - 1);
        }
        Body { steps }
    }

    pub fn len(&self) -> usize {
        self.steps.len()
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The values of the body; `values` is filled with those of each step, for [`Body::narrow`].
    pub fn enclose(&self, leaf: impl Fn(usize) -> Interval, values: &mut Vec<Interval>) -> Interval {
        values.clear();
        for step in &self.steps {
            let value = match step {
                Step::Constant(value) => Interval::exactly(*value),
                Step::Leaf(k) => leaf(*k),
                Step::Call(op, operands) => op.row().image_of(operands.map(|k| values[k])),
            };
            values.push(value);
        }
        values.last().copied().unwrap_or(Interval::exactly(0.0))
    }

    /// Narrows the steps in `values`, as [`Body::enclose`] left them, given that the body lies in `result`, and tells
    /// what is left of each leaf.
    pub fn narrow(
        &self,
        result: Interval,
        values: &mut [Interval],
        mut leaf: impl FnMut(usize, Interval),
    ) -> Result<(), Apart> {
        let Some(last) = self.steps.len().checked_sub(1) else { return Ok(()) };
        meet(&mut values[last], result)?;
        for k in (0..self.steps.len()).rev() {
            match self.steps[k] {
                Step::Constant(_) => {}
                Step::Leaf(number) => leaf(number, values[k]),
                Step::Call(op, operands) => {
                    let given = operands.map(|o| values[o]);
                    let found = inverse(op, given, values[k]);
                    for (operand, interval) in operands.into_iter().zip(found).take(op.row().arity) {
                        if let Some(interval) = interval {
                            meet(&mut values[operand], interval)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// What both hold. Intervals that are apart by no more than rounding are left as they are.
fn meet(known: &mut Interval, other: Interval) -> Result<(), Apart> {
    let (lo, hi) = (known.lo.max(other.lo), known.hi.min(other.hi));
    if lo <= hi {
        *known = Interval { lo, hi };
        return Ok(());
    }
    let apart = (lo - hi) / lo.abs().min(hi.abs()).max(1.0);
    if apart > 1e-9 { Err(Apart(apart)) } else { Ok(()) }
}

/// What each operand can be if the function has a value in `r`; `None` where nothing follows.
fn inverse(op: Op, [a, b, _]: [Interval; 3], r: Interval) -> [Option<Interval>; 3] {
    let one = |interval: Interval| [Some(interval), None, None];
    // A rising function and its inverse, defined on `[lo, hi]`.
    let rising = |f: fn(f64) -> f64, lo: f64, hi: f64| {
        let ends = Interval::new(r.lo.clamp(lo, hi), r.hi.clamp(lo, hi));
        one(Interval::new(f(ends.lo), f(ends.hi)).wider())
    };
    const INF: f64 = f64::INFINITY;
    match op {
        Op::Add => [Some(r.minus(b)), Some(r.minus(a)), None],
        Op::Sub => [Some(r.plus(b)), Some(a.minus(r)), None],
        Op::Neg => one(Interval::new(-r.hi, -r.lo)),
        Op::Mul => [quotient(r, b, a), quotient(r, a, b), None],
        Op::Div => [Some(r.times(b)), quotient(a, r, b), None],
        Op::Square => one(even_root(a, r, f64::sqrt)),
        Op::Abs => one(even_root(a, r, |v| v)),
        Op::Sqrt => one(Interval::new(r.lo.max(0.0).powi(2), r.hi.max(0.0).powi(2)).wider()),
        Op::Pow => [b.point().and_then(|exponent| base(a, exponent, r)), None, None],
        Op::Exp => rising(f64::ln, 0.0, INF),
        Op::Expm1 => rising(f64::ln_1p, -1.0, INF),
        Op::Log => rising(f64::exp, -INF, INF),
        Op::Log1p => rising(f64::exp_m1, -INF, INF),
        Op::Log2 => rising(f64::exp2, -INF, INF),
        Op::Log10 => rising(|v| 10f64.powf(v), -INF, INF),
        Op::Cbrt => rising(|v| v * v * v, -INF, INF),
        Op::Sinh => rising(f64::asinh, -INF, INF),
        Op::Asinh => rising(f64::sinh, -INF, INF),
        Op::Tanh => rising(f64::atanh, -1.0, 1.0),
        Op::Sigmoid => rising(|v| (v / (1.0 - v)).ln(), 0.0, 1.0),
        // One of both reaches the value, and neither goes beyond it.
        Op::Max => [Some(below(r.hi, a, b, r.lo)), Some(below(r.hi, b, a, r.lo)), None],
        Op::Min => [Some(above(r.lo, a, b, r.hi)), Some(above(r.lo, b, a, r.hi)), None],
        Op::Select if !a.contains(0.0) => [None, Some(r), None],
        Op::Select if a.point() == Some(0.0) => [None, None, Some(r)],
        _ => [None, None, None],
    }
}

/// What a largest operand can be: at most `most`, and at least `least` where the other one cannot reach it.
fn below(most: f64, own: Interval, other: Interval, least: f64) -> Interval {
    Interval::new(if other.hi < least { least } else { own.lo.min(most) }, most)
}

fn above(least: f64, own: Interval, other: Interval, most: f64) -> Interval {
    Interval::new(least, if other.lo > most { most } else { own.hi.max(least) })
}

/// `{x : x d in n for some d}`, as far as it lies on one side of `known`.
fn quotient(n: Interval, d: Interval, known: Interval) -> Option<Interval> {
    if !d.contains(0.0) {
        return Some(n.over(d).wider());
    }
    if n.contains(0.0) {
        return None;
    }
    // The divisor reaches 0, so x lies far out on one side or the other.
    let far = |n: Interval, d: f64| if d == 0.0 { None } else { Some(n.over(Interval::exactly(d)).wider()) };
    let (from_above, from_below) = (far(n, d.hi), far(n, d.lo));
    let positive = if n.lo > 0.0 { from_above } else { from_below };
    let negative = if n.lo > 0.0 { from_below } else { from_above };
    let (up, down) = (positive.map(|i| i.lo.max(0.0)), negative.map(|i| i.hi.min(0.0)));
    let can_rise = up.is_some_and(|up| known.hi >= up);
    let can_fall = down.is_some_and(|down| known.lo <= down);
    match (can_rise, can_fall) {
        (true, false) => Some(Interval::new(up?, f64::INFINITY)),
        (false, true) => Some(Interval::new(f64::NEG_INFINITY, down?)),
        (true, true) => None,
        // Neither: the values forward show it.
        (false, false) => None,
    }
}

/// `{x : |x| in root(r)}` within what is known of the sign of x.
fn even_root(known: Interval, r: Interval, root: fn(f64) -> f64) -> Interval {
    let size = Interval::new(root(r.lo.max(0.0)), root(r.hi.max(0.0))).wider();
    let least = size.lo.max(0.0);
    match (known.lo > -least, known.hi < least) {
        (true, false) => Interval::new(least, size.hi),
        (false, true) => Interval::new(-size.hi, -least),
        _ => Interval::new(-size.hi, size.hi),
    }
}

/// `{x : x^exponent in r}`
fn base(known: Interval, exponent: f64, r: Interval) -> Option<Interval> {
    let whole = exponent.fract() == 0.0;
    if exponent == 0.0 || exponent.abs() > 1e6 {
        return None;
    }
    let inverse = |v: f64| v.powf(1.0 / exponent);
    if whole && exponent % 2.0 == 0.0 && exponent > 0.0 {
        let size = Interval::new(inverse(r.lo.max(0.0)), inverse(r.hi.max(0.0))).wider();
        return Some(even_root(known, size, |v| v));
    }
    if whole && exponent > 0.0 {
        let odd = |v: f64| inverse(v.abs()).copysign(v);
        return Some(Interval::new(odd(r.lo), odd(r.hi)).wider());
    }
    if whole && known.lo < 0.0 {
        return None;
    }
    let (lo, hi) = (r.lo.max(0.0), r.hi.max(0.0));
    let (from, to) = if exponent > 0.0 { (inverse(lo), inverse(hi)) } else { (inverse(hi), inverse(lo)) };
    Some(Interval::new(from.max(0.0), to).wider())
}

#[cfg(test)]
mod tests {
    use super::super::ops::ALL;
    use super::*;

    /// Whatever is cut off cannot lead to the result: no sample of any function is ever lost.
    #[test]
    fn no_point_is_lost() {
        for op in ALL.iter().copied() {
            let row = op.row();
            for sample in row.samples {
                let value = (row.value)(*sample);
                for (left, right) in [(0.0, 0.0), (0.1, 2.0), (5.0, 0.3), (f64::INFINITY, 1.0), (0.0, f64::INFINITY)] {
                    let around = sample.map(|v| Interval::new(v - left, v + right));
                    for r in [Interval::exactly(value), Interval::new(value - 0.1, value + 3.0)] {
                        let found = inverse(op, around, r.wider());
                        for k in 0..row.arity {
                            let kept = found[k].is_none_or(|i| i.wider().contains(sample[k]));
                            assert!(kept, "{} at {sample:?}: operand {k} in {:?}, value in {r:?}", row.name, found[k]);
                        }
                    }
                }
            }
        }
    }

    fn narrowed(build: impl Fn(&mut Graph) -> NodeId, leaves: &[Interval], result: Interval) -> Option<Vec<Interval>> {
        let mut g = Graph::default();
        let root = build(&mut g);
        let body = Body::of(&g, root);
        let mut values = vec![];
        body.enclose(|k| leaves[k], &mut values);
        let mut left = leaves.to_vec();
        body.narrow(result, &mut values, |k, interval| left[k] = interval).ok()?;
        Some(left)
    }

    #[test]
    fn operands_are_narrowed_to_what_leads_to_the_result() {
        let near = |found: Interval, lo: f64, hi: f64| {
            let end = |a: f64, b: f64| a == b || (a - b).abs() <= 1e-12 * b.abs().max(1.0);
            assert!(end(found.lo, lo) && end(found.hi, hi), "{found:?} is not [{lo}, {hi}]");
        };
        let inf = f64::INFINITY;
        let (positive, any) = (Interval::new(0.0, inf), Interval::WHOLE);
        let sum = |g: &mut Graph| {
            let (x, y) = (g.leaf(0), g.leaf(1));
            let twice = g.scale(2.0, x);
            g.add(twice, y)
        };
        let found = narrowed(sum, &[any, positive], Interval::new(-inf, 6.0)).unwrap();
        near(found[0], -inf, 3.0);
        let square = |g: &mut Graph| {
            let x = g.leaf(0);
            g.square(x)
        };
        near(narrowed(square, &[positive], Interval::new(4.0, 9.0)).unwrap()[0], 2.0, 3.0);
        near(narrowed(square, &[any], Interval::new(4.0, 9.0)).unwrap()[0], -3.0, 3.0);
        assert_eq!(narrowed(square, &[Interval::new(-1.0, 1.0)], Interval::new(4.0, 9.0)), None);
        let log = |g: &mut Graph| {
            let x = g.leaf(0);
            g.log(x)
        };
        near(narrowed(log, &[any], Interval::new(-inf, 0.0)).unwrap()[0], 0.0, 1.0);
        let product = |g: &mut Graph| {
            let (x, y) = (g.leaf(0), g.leaf(1));
            g.mul(x, y)
        };
        let found = narrowed(product, &[Interval::new(0.0, 2.0), Interval::new(0.0, 100.0)], Interval::new(8.0, inf));
        near(found.unwrap()[1], 4.0, 100.0);
    }
}
