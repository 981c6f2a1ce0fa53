//! Intervals that enclose: the values of a body over a box of leaf values.
//!
//! Every result contains all values the function takes on the box, up to underflow to 0. Where slopes are known the
//! ends are values at corners, moved outward by a few units in the last place for rounding.

use super::graph::{Graph, Node, NodeId};
use super::ops::OpRow;
use std::collections::HashMap;

/// The values of a body while leaf k stays in `leaves[k]`. Points outside the domain of a function do not count.
pub fn enclosure(graph: &Graph, body: NodeId, leaves: &[Interval]) -> Interval {
    enclosures(graph, body, leaves)[&body]
}

/// The same for each node that the body is made of.
pub fn enclosures(graph: &Graph, body: NodeId, leaves: &[Interval]) -> HashMap<NodeId, Interval> {
    let mut found: HashMap<NodeId, Interval> = HashMap::new();
    for id in graph.reachable(&[body]) {
        let interval = match graph.node(id) {
            Node::Constant(value) => Interval::exactly(value),
            Node::Leaf(k) => leaves[k as usize],
            Node::Call(op, operands) => {
                let arity = op.row().arity;
                op.row().image_of(std::array::from_fn(|k| found[&operands[if k < arity { k } else { 0 }]]))
            }
        };
        found.insert(id, interval);
    }
    found
}

/// The calls of a body that may leave their function's domain while the leaves stay in their intervals. Conditions
/// that are not bounds on single operands are tried at the points where the rows of the table break them.
pub fn domain_risks(graph: &Graph, body: NodeId, leaves: &[Interval]) -> Vec<NodeId> {
    let found = enclosures(graph, body, leaves);
    let risky = |id: &NodeId| match graph.node(*id) {
        Node::Call(op, operands) => {
            let boxes: [Interval; 3] =
                std::array::from_fn(|k| found[&operands[if k < op.row().arity { k } else { 0 }]]);
            may_leave_domain(op.row(), boxes)
        }
        Node::Constant(_) | Node::Leaf(_) => false,
    };
    graph.reachable(&[body]).into_iter().filter(risky).collect()
}

fn may_leave_domain(row: &OpRow, boxes: [Interval; 3]) -> bool {
    if row.domain.needs.is_empty() {
        return false;
    }
    let outside = |k: usize| !row.domain.operands[k].holds(boxes[k].lo) || !row.domain.operands[k].holds(boxes[k].hi);
    if (0..row.arity).any(outside) {
        return true;
    }
    // Denominators and bases break at 0, the gamma family at whole numbers, exponents away from whole numbers.
    let trials = boxes.map(|i| {
        let inner = if i.is_finite() { i.lo + 0.382 * i.width() } else { 0.382 };
        [i.lo, i.hi, 0.0, i.hi.floor(), inner].map(|x| if i.contains(x) { x } else { i.lo })
    });
    let others = if row.arity > 1 { &trials[1][..] } else { &trials[1][..1] };
    trials[0].iter().any(|&x| others.iter().any(|&y| !(row.domain.also)([x, y, x])))
}

/// `[lo, hi]`, a closed interval of reals; infinite ends are allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub lo: f64,
    pub hi: f64,
}

impl Interval {
    pub const WHOLE: Interval = Interval { lo: f64::NEG_INFINITY, hi: f64::INFINITY };

    /// From lowest to highest; an end that is not a number is unbounded.
    pub fn new(lo: f64, hi: f64) -> Interval {
        Interval {
            lo: if lo.is_nan() { f64::NEG_INFINITY } else { lo },
            hi: if hi.is_nan() { f64::INFINITY } else { hi },
        }
    }

    pub fn exactly(value: f64) -> Interval {
        Interval::new(value, value)
    }

    /// The smallest that holds all; the whole line if one is not a number.
    pub fn of(values: &[f64]) -> Interval {
        if values.is_empty() || values.iter().any(|v| v.is_nan()) {
            return Interval::WHOLE;
        }
        let lo = values.iter().copied().fold(f64::INFINITY, f64::min);
        Interval { lo, hi: values.iter().copied().fold(f64::NEG_INFINITY, f64::max) }
    }

    pub fn contains(self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }

    pub fn within(self, lo: f64, hi: f64) -> bool {
        lo <= self.lo && self.hi <= hi
    }

    pub fn is_finite(self) -> bool {
        self.lo.is_finite() && self.hi.is_finite()
    }

    pub fn width(self) -> f64 {
        self.hi - self.lo
    }

    /// The value, if there is only one.
    pub fn point(self) -> Option<f64> {
        (self.lo == self.hi).then_some(self.lo)
    }

    /// 1 if no value is negative, -1 if none is positive, else 0.
    pub fn sign(self) -> i32 {
        match (self.lo >= 0.0, self.hi <= 0.0) {
            (true, _) => 1,
            (_, true) => -1,
            _ => 0,
        }
    }

    /// 1 if all values are positive, -1 if all are negative, else 0.
    pub fn sign_strict(self) -> i32 {
        (self.lo > 0.0) as i32 - (self.hi < 0.0) as i32
    }

    pub fn hull(self, other: Interval) -> Interval {
        Interval { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// The part within `[lo, hi]`; the nearer end if there is none.
    pub fn clamped(self, lo: f64, hi: f64) -> Interval {
        Interval { lo: self.lo.clamp(lo, hi), hi: self.hi.clamp(lo, hi) }
    }

    /// `{|x|}`
    pub fn magnitude(self) -> Interval {
        let (lo, hi) = (self.lo.abs(), self.hi.abs());
        Interval { lo: if self.contains(0.0) { 0.0 } else { lo.min(hi) }, hi: lo.max(hi) }
    }

    pub fn plus(self, other: Interval) -> Interval {
        Interval::new(self.lo + other.lo, self.hi + other.hi).widened()
    }

    pub fn times(self, other: Interval) -> Interval {
        // An infinite end is a limit of finite values, so its product with 0 is 0.
        let product = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        let (a, b) = (self, other);
        Interval::of(&[product(a.lo, b.lo), product(a.lo, b.hi), product(a.hi, b.lo), product(a.hi, b.hi)]).widened()
    }

    pub fn over(self, other: Interval) -> Interval {
        let inverse = match (other.lo, other.hi) {
            (0.0, 0.0) => return Interval::WHOLE,
            (lo, hi) if lo < 0.0 && hi > 0.0 => return Interval::WHOLE,
            (0.0, hi) => Interval::new(1.0 / hi, f64::INFINITY),
            (lo, 0.0) => Interval::new(f64::NEG_INFINITY, 1.0 / lo),
            (lo, hi) => Interval::new(1.0 / hi, 1.0 / lo),
        };
        self.times(inverse.widened())
    }

    pub fn minus(self, other: Interval) -> Interval {
        Interval::new(self.lo - other.hi, self.hi - other.lo).widened()
    }

    /// Outward by what functions of the library may be off, also at 0.
    pub fn wider(self) -> Interval {
        let by = |x: f64| if x.is_finite() { 1e-14 * x.abs() + 1e-300 } else { 0.0 };
        Interval { lo: self.lo - by(self.lo), hi: self.hi + by(self.hi) }
    }

    /// Outward by 4 units in the last place; 0 and infinite ends stay.
    pub fn widened(self) -> Interval {
        let by = |x: f64| if x.is_finite() { 4.0 * f64::EPSILON * x.abs() } else { 0.0 };
        Interval { lo: self.lo - by(self.lo), hi: self.hi + by(self.hi) }
    }
}
