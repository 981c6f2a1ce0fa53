//! Multipliers: which values they may have, and what the model gives of them.
//!
//! Signs are those of `answer`: derivatives of the objective as stated. Of `min f` with `c >= l` the multiplier is not
//! negative, with `c <= u` not positive; a maximum turns both round, and so does a row with its data on the left
//! ([`super::Constraint::dual_sign`]).

use super::complementarity::implied_sides;
use super::values::{Bounds, Numbers};
use super::{Data, Objective, Problem, Sense, SuppliedBy};
use std::borrow::Cow;

impl SuppliedBy {
    /// `dual`, `lower_dual`, ...
    pub fn field(self) -> &'static str {
        match self {
            SuppliedBy::Row(_) => "dual",
            SuppliedBy::Lower(_) => "lower_dual",
            SuppliedBy::Upper(_) => "upper_dual",
            SuppliedBy::ReducedCost(_) => "reduced_cost",
        }
    }
}

impl Problem {
    /// Between which numbers each element of a multiplier lies at every answer. Of a level without an objective nothing is
    /// known.
    pub fn multiplier_sides(&self, block: Option<u32>, by: SuppliedBy, numbers: &Numbers) -> Vec<(f64, f64)> {
        let (objectives, constraints) = match block {
            Some(block) => (&self.blocks[block as usize].objectives, &self.blocks[block as usize].constraints),
            None => (&self.objectives, &self.constraints),
        };
        let (turn, sides): (f64, Vec<(f64, f64)>) = match by {
            SuppliedBy::Row(k) => {
                let c = &constraints[k as usize];
                let column = |data| numbers.column(self, data, c.rows as usize);
                (c.dual_sign, column(&c.lower).into_iter().zip(column(&c.upper)).collect())
            }
            SuppliedBy::Lower(v) | SuppliedBy::Upper(v) | SuppliedBy::ReducedCost(v) => {
                let owner = &self.variables[v as usize];
                let column = |data| numbers.column(self, data, owner.axes.len());
                let (mut lower, mut upper) = (column(&owner.lower), column(&owner.upper));
                if matches!(by, SuppliedBy::Lower(_)) {
                    upper.fill(f64::INFINITY);
                }
                if matches!(by, SuppliedBy::Upper(_)) {
                    lower.fill(f64::NEG_INFINITY);
                }
                (1.0, lower.into_iter().zip(upper).collect())
            }
        };
        let Some(sign) = objectives.first().map(Objective::sign) else {
            return vec![(f64::NEG_INFINITY, f64::INFINITY); sides.len()];
        };
        let turned = |(least, most): (f64, f64)| if sign * turn < 0.0 { (-most, -least) } else { (least, most) };
        sides.into_iter().map(|(lower, upper)| turned(implied_sides(lower, upper))).collect()
    }

    /// The variable whose value a multiplier of a block supplies.
    pub fn supplied_variable(&self, block: u32, by: SuppliedBy) -> Option<u32> {
        let supplied = &self.blocks[block as usize].supplied;
        supplied.iter().find(|s| s.by == by).map(|s| s.variable)
    }

    /// The multipliers of blocks whose bounds, as given by the model, leave out values that an answer may have: the variables
    /// that they supply.
    pub fn bounded_multipliers(&self) -> Vec<u32> {
        let given = |v: u32| {
            let free = |data: &Data, open: f64| *data == Data::Constant(open);
            let variable = &self.variables[v as usize];
            !free(&variable.lower, f64::NEG_INFINITY) || !free(&variable.upper, f64::INFINITY)
        };
        let all = self.blocks.iter().flat_map(|block| &block.supplied).map(|s| s.variable);
        all.filter(|v| given(*v)).collect()
    }

    /// The same problem with multipliers that may be as large as they are.
    pub fn with_free_multipliers(&self) -> Cow<'_, Problem> {
        let bounded = self.bounded_multipliers();
        if bounded.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut out = self.clone();
        for v in bounded {
            let variable = &mut out.variables[v as usize];
            (variable.lower, variable.upper) = (Data::Constant(f64::NEG_INFINITY), Data::Constant(f64::INFINITY));
        }
        Cow::Owned(out)
    }

    /// Positions of multipliers that lie at bounds which the model gives them and which their signs do not, relative to
    /// `max(1, |bound|)`.
    pub fn multipliers_at_bounds(&self, x: &[f64], tolerance: f64) -> Vec<u32> {
        let bounded = self.bounded_multipliers();
        if bounded.is_empty() {
            return vec![];
        }
        let numbers = Numbers::of(self);
        let bounds = Bounds::of(self, &numbers);
        let mut found = vec![];
        for (b, block) in self.blocks.iter().enumerate() {
            for s in block.supplied.iter().filter(|s| bounded.contains(&s.variable)) {
                let first = self.variables[s.variable as usize].offset;
                let sides = self.multiplier_sides(Some(b as u32), s.by, &numbers);
                for (k, (least, most)) in (first..).zip(sides) {
                    let at = |bound: f64| (x[k as usize] - bound).abs() <= tolerance * bound.abs().max(1.0);
                    let (lower, upper) = (bounds.lower[k as usize], bounds.upper[k as usize]);
                    if (lower > least && at(lower)) || (upper < most && at(upper)) {
                        found.push(k);
                    }
                }
            }
        }
        found
    }
}

impl Objective {
    /// 1, or -1 where it is maximised.
    pub fn sign(&self) -> f64 {
        match self.sense {
            Sense::Minimize => 1.0,
            Sense::Maximize => -1.0,
        }
    }
}
