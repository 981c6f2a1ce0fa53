//! What the table of functions says about a function, and the types it says it with.
//!
//! A row of [`super::table`] is all the project knows about a function: value, derivatives, domain, shape and words.
//! Everything else (simplification, analysis, evaluation, tests, the reference page) reads rows.

use super::graph::{Graph, NodeId};
use super::interval::Interval;
use super::table::ROWS;
pub use super::table::{ALL, Op};

/// One function. Functions of fewer than three operands ignore the entries beyond their arity.
pub struct OpRow {
    pub op: Op,
    /// Its name in the language, or the sign it is written with.
    pub name: &'static str,
    pub arity: usize,
    pub doc: &'static str,
    pub value: fn([f64; 3]) -> f64,
    /// Partial derivatives with respect to each operand as nodes, given the operands and the node itself. `None` is
    /// zero almost everywhere.
    pub derivative: fn(&mut Graph, [NodeId; 3], NodeId) -> [Option<NodeId>; 3],
    pub domain: Domain,
    /// Joint curvature over the part of the domain that the operands may reach. Operands that are constant need not
    /// be counted: the claim is about the others, for every value of those.
    pub curvature: fn([Operand; 3]) -> Curvature,
    /// In each operand, for every value of the others, over the part of the domain that the operands may reach.
    pub slopes: fn([Operand; 3]) -> [Slope; 3],
    /// Encloses the values over a box of operands, where slopes do not tell. The operands are within the domain's box.
    pub interval: Option<fn([Interval; 3]) -> Interval>,
    /// No value lies outside.
    pub image: (f64, f64),
    pub smooth: Smoothness,
    /// `op(a, b) = op(b, a)`
    pub commutative: bool,
    /// The value is 0 or 1 and says whether something holds.
    pub truth: bool,
    /// Operands that are conditions or orders: nothing is differentiated with respect to them.
    pub discrete: &'static [usize],
    /// Points inside the domain, away from kinks and jumps, at which the tests compare.
    pub samples: &'static [[f64; 3]],
}

/// A row without claims: unknown curvature, no slope, all reals allowed.
pub(super) const fn row(
    name: &'static str,
    arity: usize,
    doc: &'static str,
    value: fn([f64; 3]) -> f64,
    derivative: fn(&mut Graph, [NodeId; 3], NodeId) -> [Option<NodeId>; 3],
) -> OpRow {
    OpRow {
        op: Op::Add,
        name,
        arity,
        doc,
        value,
        derivative,
        domain: Domain::boxed("", [Range::REALS; 3]),
        curvature: |_| Curvature::Unknown,
        slopes: |_| [Slope::Neither; 3],
        interval: None,
        image: (f64::NEG_INFINITY, f64::INFINITY),
        smooth: Smoothness::Smooth,
        commutative: false,
        truth: false,
        discrete: &[],
        samples: &[],
    }
}

/// An interval of reals that may lack its ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub lo: f64,
    pub hi: f64,
    pub lo_open: bool,
    pub hi_open: bool,
}

/// The operands for which a function has a value.
#[derive(Clone, Copy)]
pub struct Domain {
    /// What the function needs, in words that end the sentence "`f` needs ..."; empty where all is allowed.
    pub needs: &'static str,
    /// Each operand lies here. Where an end is closed the value exists there, but derivatives may be infinite.
    pub operands: [Range; 3],
    /// What else must hold.
    pub also: fn([f64; 3]) -> bool,
}

/// What is known of an operand when its function is analysed.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    pub interval: Interval,
    /// It does not depend on the variables in question.
    pub constant: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curvature {
    Constant,
    Affine,
    Convex,
    Concave,
    /// Neither was shown.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slope {
    /// Does not depend on the operand.
    Flat,
    /// Never falls.
    Rising,
    /// Never rises.
    Falling,
    /// Neither was shown.
    Neither,
}

/// Whether a function is twice differentiable inside its domain; the words say where not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Smoothness {
    Smooth,
    /// Continuous, but its slope jumps or is infinite there.
    Kink(&'static str),
    /// Its value jumps there.
    Jump(&'static str),
}

impl Op {
    pub fn row(self) -> &'static OpRow {
        &ROWS[self as usize]
    }
}

/// The function of a name or sign, as in `log` or `+`.
pub fn by_name(name: &str) -> Option<Op> {
    ALL.iter().copied().find(|op| op.row().name == name)
}

impl OpRow {
    /// Whether the function has a value at these operands.
    pub fn defined_at(&self, operands: [f64; 3]) -> bool {
        (0..self.arity).all(|k| self.domain.operands[k].holds(operands[k])) && (self.domain.also)(operands)
    }

    /// The values over a box of operands; what lies outside the domain is left out.
    pub fn image_of(&self, operands: [Interval; 3]) -> Interval {
        let inside = std::array::from_fn(|k| match k < self.arity {
            true => operands[k].clamped(self.domain.operands[k].lo, self.domain.operands[k].hi),
            false => operands[k],
        });
        let values = match self.interval {
            Some(enclose) => enclose(inside),
            None => self.corners(inside),
        };
        values.clamped(self.image.0, self.image.1)
    }

    /// The values between the lowest and the highest corner of a box, for operands that rise or fall.
    fn corners(&self, operands: [Interval; 3]) -> Interval {
        let slopes = (self.slopes)(operands.map(Operand::new));
        let (mut lowest, mut highest) = ([0.0; 3], [0.0; 3]);
        for k in 0..self.arity {
            let Interval { lo, hi } = operands[k];
            (lowest[k], highest[k]) = match slopes[k] {
                Slope::Rising => (lo, hi),
                Slope::Falling => (hi, lo),
                Slope::Flat => (lo, lo),
                Slope::Neither => return Interval::WHOLE,
            };
        }
        Interval::new((self.value)(lowest), (self.value)(highest)).widened()
    }
}

impl Range {
    pub const REALS: Range = Range { lo: f64::NEG_INFINITY, hi: f64::INFINITY, lo_open: false, hi_open: false };
    pub const POSITIVE: Range = Range { lo: 0.0, lo_open: true, ..Range::REALS };
    pub const NONNEGATIVE: Range = Range { lo: 0.0, ..Range::REALS };
    pub const UNIT: Range = Range { lo: -1.0, hi: 1.0, ..Range::REALS };

    pub fn holds(&self, x: f64) -> bool {
        let above = if self.lo_open { x > self.lo } else { x >= self.lo };
        let below = if self.hi_open { x < self.hi } else { x <= self.hi };
        above && below
    }
}

impl Domain {
    pub(super) const fn boxed(needs: &'static str, operands: [Range; 3]) -> Domain {
        Domain { needs, operands, also: |_| true }
    }

    pub(super) const fn one(needs: &'static str, range: Range) -> Domain {
        Domain::boxed(needs, [range, Range::REALS, Range::REALS])
    }
}

impl Operand {
    /// An operand that varies within an interval.
    pub fn new(interval: Interval) -> Operand {
        Operand { interval, constant: false }
    }
}

impl Curvature {
    /// Of the negative.
    pub fn reversed(self) -> Curvature {
        match self {
            Curvature::Convex => Curvature::Concave,
            Curvature::Concave => Curvature::Convex,
            Curvature::Constant | Curvature::Affine | Curvature::Unknown => self,
        }
    }

    pub fn is_convex(self) -> bool {
        matches!(self, Curvature::Constant | Curvature::Affine | Curvature::Convex)
    }

    pub fn is_concave(self) -> bool {
        matches!(self, Curvature::Constant | Curvature::Affine | Curvature::Concave)
    }

    pub fn is_affine(self) -> bool {
        self.is_convex() && self.is_concave()
    }

    /// Of a sum.
    pub fn plus(self, other: Curvature) -> Curvature {
        match (self, other) {
            (Curvature::Constant, Curvature::Constant) => Curvature::Constant,
            _ => Curvature::of(self.is_convex() && other.is_convex(), self.is_concave() && other.is_concave()),
        }
    }

    pub fn of(convex: bool, concave: bool) -> Curvature {
        match (convex, concave) {
            (true, true) => Curvature::Affine,
            (true, false) => Curvature::Convex,
            (false, true) => Curvature::Concave,
            (false, false) => Curvature::Unknown,
        }
    }
}

impl Slope {
    /// Of `x -> factor * x`, or of a function that rises where its argument is positive and falls where negative.
    pub fn by_sign(factor: Interval) -> Slope {
        match factor.sign() {
            1 => Slope::Rising,
            -1 => Slope::Falling,
            _ => Slope::Neither,
        }
    }

    pub fn reversed(self) -> Slope {
        match self {
            Slope::Rising => Slope::Falling,
            Slope::Falling => Slope::Rising,
            Slope::Flat | Slope::Neither => self,
        }
    }
}
