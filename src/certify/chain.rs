//! A chain of bounds that ends in a contradiction, gone through forwards only.
//!
//! A step says that `quantity >= value` follows from one row. It is believed if the row misses what it must be within
//! as soon as the quantity is taken to be below the value (a little weakened, for rounding). So nothing is inverted
//! here: only the plain enclosures of `expr::interval` are used, while the finder works backwards.

use crate::expr::family::{Leaf, Source, StageId};
use crate::expr::interval::{Interval, enclosure};
use crate::problem::Problem;
use crate::problem::chain::{Chain, Quantity, Side};
use crate::problem::values::{Bounds, Numbers, depends_on_variables};
use std::collections::HashMap;

/// Values are weakened before they are used: by the least of these parts of their size with which they follow. What
/// was weakened once is passed on, so that later steps need more than rounding.
const LEAST: f64 = 1e-13;
const RUNGS: i32 = 12;

/// Whether each step follows, and the last row misses its sides by more than the tolerance, in proportion.
pub fn holds(problem: &Problem, chain: &Chain, tolerance: f64) -> bool {
    let mut known = Known::of(problem);
    for step in &chain.steps {
        let weaker = |rung: i32| {
            let by = LEAST * 4f64.powi(rung) * step.value.abs().max(1.0);
            if step.side == Side::Lower { step.value - by } else { step.value + by }
        };
        let follows = |value: &f64| value.is_finite() && known.follows(step.quantity, step.side, *value, step.from);
        let Some(value) = (0..RUNGS).map(weaker).find(follows) else { return false };
        known.learn(step.quantity, step.side, value);
    }
    known.misses(chain.row, None, tolerance)
}

struct Known<'p> {
    problem: &'p Problem,
    numbers: Numbers,
    bounds: Bounds,
    row_starts: Vec<usize>,
    depends: Vec<bool>,
    learnt: HashMap<Quantity, Interval>,
}

impl<'p> Known<'p> {
    fn of(problem: &'p Problem) -> Known<'p> {
        let numbers = Numbers::of(problem);
        let bounds = Bounds::of(problem, &numbers);
        Known {
            problem,
            bounds,
            numbers,
            row_starts: problem.row_starts(),
            depends: depends_on_variables(problem),
            learnt: HashMap::new(),
        }
    }

    fn interval(&self, quantity: Quantity) -> Interval {
        self.learnt.get(&quantity).copied().unwrap_or_else(|| self.declared(quantity))
    }

    fn declared(&self, quantity: Quantity) -> Interval {
        match quantity {
            Quantity::Variable(j) => Interval::new(self.bounds.lower[j as usize], self.bounds.upper[j as usize]),
            Quantity::Row(stage, r) => {
                let constraints = self.problem.constraints.iter().zip(&self.row_starts);
                let stated = constraints.filter(|(c, _)| !c.dropped && c.stage == stage);
                stated.fold(Interval::WHOLE, |known, (_, start)| {
                    let row = start + r as usize;
                    let (lower, upper) = (self.bounds.row_lower[row], self.bounds.row_upper[row]);
                    Interval { lo: known.lo.max(lower), hi: known.hi.min(upper) }
                })
            }
        }
    }

    fn learn(&mut self, quantity: Quantity, side: Side, value: f64) {
        let mut known = self.interval(quantity);
        match side {
            Side::Lower => known.lo = known.lo.max(value),
            Side::Upper => known.hi = known.hi.min(value),
        }
        self.learnt.insert(quantity, known);
    }

    /// With the quantity on the other side of the value, the row cannot be what it must.
    fn follows(&self, quantity: Quantity, side: Side, value: f64, row: (StageId, u32)) -> bool {
        let known = self.interval(quantity);
        let other_side = match side {
            Side::Lower => Interval { lo: known.lo, hi: known.hi.min(value) },
            Side::Upper => Interval { lo: known.lo.max(value), hi: known.hi },
        };
        // Nothing is left on the other side.
        if other_side.lo > other_side.hi {
            return true;
        }
        self.misses(row, Some((quantity, other_side)), 0.0)
    }

    /// Whether a row cannot be what it must, where one quantity may be taken to lie elsewhere.
    fn misses(&self, (stage, r): (StageId, u32), instead: Option<(Quantity, Interval)>, tolerance: f64) -> bool {
        let at = |quantity: Quantity| match instead {
            Some((other, interval)) if other == quantity => interval,
            Some(_) | None => self.interval(quantity),
        };
        let values = self.values(stage, r, &at);
        let needs = at(Quantity::Row(stage, r));
        let slack = |bound: f64| tolerance * bound.abs().max(1.0);
        needs.lo - values.hi > slack(needs.lo) || values.lo - needs.hi > slack(needs.hi)
    }

    /// What the row of a stage can be by its definition.
    fn values(&self, stage: StageId, r: u32, at: &dyn Fn(Quantity) -> Interval) -> Interval {
        let mut total = Interval::exactly(0.0);
        if self.problem.stage(stage).matrix.is_some() {
            return Interval::WHOLE;
        }
        for term in &self.problem.stage(stage).terms {
            let family = &term.family;
            for p in (0..family.instances as usize).filter(|p| term.target.at(*p) == r as usize) {
                let leaves: Vec<Interval> = family.leaves.iter().map(|leaf| self.leaf(leaf, p, at)).collect();
                total = total.plus(enclosure(&self.problem.graph, family.body, &leaves));
            }
        }
        total
    }

    fn leaf(&self, leaf: &Leaf, p: usize, known: &dyn Fn(Quantity) -> Interval) -> Interval {
        let at = leaf.map.at(p);
        match leaf.source {
            Source::Variables => known(Quantity::Variable(at as u32)),
            Source::Stage(id) if self.depends[id.0 as usize] => known(Quantity::Row(id, at as u32)),
            Source::Stage(_) | Source::Param(_) => {
                let numbers = self.numbers.source(self.problem, leaf.source);
                numbers.get(at).map_or(Interval::WHOLE, |v| Interval::new(*v, *v))
            }
            Source::After(_) => Interval::WHOLE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::propagate::Propagation;
    use crate::session::Model;

    fn found(text: &str) -> (Problem, Option<Chain>) {
        let problem = Model::from_str(text).unwrap().build().unwrap().problem;
        let mut propagation = Propagation::new(&problem);
        let free = propagation.run();
        let chain = propagation.chain();
        assert_eq!(free, chain.is_none());
        (problem.clone(), chain)
    }

    const MODEL: &str = "var x in [0, 10]\nvar y\nvar z\nminimize x\nsubject to {\n  a: y == x^2\n  b: exp(z) <= y + 1\n  c: 2 * z - 1 >= 9\n}";

    #[test]
    fn a_chain_that_was_found_is_believed_and_one_that_says_more_is_not() {
        let (problem, chain) = found(MODEL);
        let chain = chain.expect("z >= 5 needs y >= 147, and y <= 100");
        assert!(holds(&problem, &chain, 1e-6));
        for k in 0..chain.steps.len() {
            let mut bolder = chain.clone();
            let step = &mut bolder.steps[k];
            let by = 0.01 * step.value.abs().max(1.0);
            step.value += if step.side == Side::Lower { by } else { -by };
            assert!(!holds(&problem, &bolder, 1e-6), "step {k} says more than follows");
            let mut without = chain.clone();
            without.steps.remove(k);
            assert!(!holds(&problem, &without, 1e-6), "step {k} is needed");
        }
    }

    #[test]
    fn what_is_feasible_has_no_chain() {
        let (problem, none) = found(&MODEL.replace("9", "8"));
        assert_eq!(none, None);
        let invented = Chain {
            steps: vec![],
            row: (problem.constraints[2].stage, 0),
            uses: vec![],
            takes: (0.0, 0.0),
            needs: (1.0, 1.0),
            declared: vec![],
        };
        assert!(!holds(&problem, &invented, 1e-6));
    }
}
