//! An irreducible infeasible subset: rows and bounds that nothing meets together, while leaving out any one of them
//! makes the rest feasible.
//!
//! A deletion filter on top of proofs. Each subset is put before the judge with a witness: a chain of bounds, weights of
//! rows, or a point that meets it. A member stays where a point shows that the rest is feasible; it goes where the rest is
//! proved infeasible; where neither could be shown it stays, and the subset is not said to be irreducible.

use super::elastic::{Elastic, scales};
use super::inner::{self, Limits};
use super::places;
use crate::answer::Stop;
use crate::answer::certificate::Proved;
use crate::answer::diagnosis::{Member, Subset};
use crate::certify::{self, judge_chain};
use crate::plan::restarts;
use crate::problem::Problem;
use crate::problem::chain::{Quantity, Side};
use crate::problem::propagate::{Propagation, effort};
use crate::problem::values::{Bounds, Numbers};

/// Larger subsets are told as they were proved, without going through their members.
const MOST: usize = 400;
/// Further starts where the first shows nothing.
const STARTS: usize = 4;
/// Propagation is not tried on what takes more evaluations.
const EFFORT: usize = 1_000_000;
/// Weights below this part of the largest take no part in a proof.
const TAKES_PART: f64 = 1e-7;

/// A row with its sides, or one bound of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Part {
    Row(usize),
    Bound(usize, Side),
}

enum Verdict {
    /// Proved, by these parts alone.
    Infeasible(Vec<Part>),
    /// A point meets all.
    Feasible,
    Unknown,
}

/// The subset, if the whole was proved infeasible.
pub fn find(problem: &Problem, x: &[f64], limits: &Limits) -> Option<Subset> {
    let bounds = Bounds::of(problem, &Numbers::of(problem));
    let search = Search { problem: &inner::without_objective(problem), scales: scales(&bounds), bounds, x, limits };
    let Verdict::Infeasible(mut kept) = search.verdict(&search.all()) else { return None };
    let mut needed: Vec<Part> = vec![];
    if kept.len() <= MOST {
        // Rows first: bounds are what people give up last.
        let mut waiting = kept.clone();
        waiting.sort_unstable();
        for part in waiting {
            if !kept.contains(&part) {
                continue;
            }
            let rest: Vec<Part> = kept.iter().copied().filter(|p| *p != part).collect();
            match search.verdict(&rest) {
                Verdict::Infeasible(fewer) => kept = fewer,
                Verdict::Feasible => needed.push(part),
                Verdict::Unknown => {}
            }
        }
    }
    kept.sort_unstable();
    let members: Vec<Member> = kept.iter().map(|part| search.member(*part, needed.contains(part))).collect();
    Some(Subset { irreducible: members.iter().all(|m| m.needed), members })
}

struct Search<'a> {
    problem: &'a Problem,
    bounds: Bounds,
    scales: Vec<f64>,
    x: &'a [f64],
    limits: &'a Limits<'a>,
}

impl Search<'_> {
    fn all(&self) -> Vec<Part> {
        let starts = self.problem.row_starts();
        let constraints = self.problem.constraints.iter().zip(&starts).filter(|(c, _)| !c.dropped);
        let rows = constraints.flat_map(|(c, start)| *start..start + c.rows as usize);
        let stated = |r: &usize| self.bounds.row_lower[*r].is_finite() || self.bounds.row_upper[*r].is_finite();
        let lower = (0..self.x.len()).filter(|j| self.bounds.lower[*j].is_finite());
        let upper = (0..self.x.len()).filter(|j| self.bounds.upper[*j].is_finite());
        let bounds = lower.map(|j| Part::Bound(j, Side::Lower)).chain(upper.map(|j| Part::Bound(j, Side::Upper)));
        rows.filter(stated).map(Part::Row).chain(bounds).collect()
    }

    /// The problem with these parts alone.
    fn only(&self, parts: &[Part]) -> (Problem, Bounds) {
        let free = |values: &[f64], value: f64| vec![value; values.len()];
        let mut bounds = Bounds {
            lower: free(&self.bounds.lower, f64::NEG_INFINITY),
            upper: free(&self.bounds.upper, f64::INFINITY),
            row_lower: free(&self.bounds.row_lower, f64::NEG_INFINITY),
            row_upper: free(&self.bounds.row_upper, f64::INFINITY),
        };
        for part in parts {
            match *part {
                Part::Row(r) => {
                    bounds.row_lower[r] = self.bounds.row_lower[r];
                    bounds.row_upper[r] = self.bounds.row_upper[r];
                }
                Part::Bound(j, Side::Lower) => bounds.lower[j] = self.bounds.lower[j],
                Part::Bound(j, Side::Upper) => bounds.upper[j] = self.bounds.upper[j],
            }
        }
        let mut problem = self.problem.clone();
        bounds.put(&mut problem);
        (problem, bounds)
    }

    fn verdict(&self, parts: &[Part]) -> Verdict {
        if self.limits.over() {
            return Verdict::Unknown;
        }
        let (problem, bounds) = self.only(parts);
        if let Some(used) = self.by_chain(&problem, parts) {
            return Verdict::Infeasible(used);
        }
        let rows: Vec<f64> = self.scales.iter().map(|scale| 1.0 / scale).collect();
        let elastic = Elastic::of(&problem, &bounds, &rows);
        // What is not convex may need another start.
        let starts = std::iter::once(self.x.to_vec()).chain(restarts::points(&bounds, self.x, STARTS, 0));
        for start in starts {
            match self.started_at(&problem, &elastic, elastic.start(&start), parts) {
                Verdict::Unknown => {}
                known @ (Verdict::Infeasible(_) | Verdict::Feasible) => return known,
            }
        }
        Verdict::Unknown
    }

    /// What one solve of the elastic problem shows.
    fn started_at(&self, problem: &Problem, elastic: &Elastic, start: Vec<f64>, parts: &[Part]) -> Verdict {
        let Some(outcome) = inner::solve(&elastic.problem, start, self.limits) else { return Verdict::Unknown };
        let point = &outcome.x[..self.x.len()];
        if inner::is_met(problem, point, &self.limits.judge) {
            return Verdict::Feasible;
        }
        let Some(multipliers) = outcome.multipliers else { return Verdict::Unknown };
        let weights = &multipliers.rows[..self.scales.len()];
        let largest = weights.iter().zip(&self.scales).fold(0.0, |most: f64, (w, s)| most.max((w * s).abs()));
        let takes_part = |part: &&Part| match **part {
            Part::Row(r) => (weights[r] * self.scales[r]).abs() > TAKES_PART * largest,
            Part::Bound(j, Side::Lower) => multipliers.lower[j].abs() > TAKES_PART * largest,
            Part::Bound(j, Side::Upper) => multipliers.upper[j].abs() > TAKES_PART * largest,
        };
        let used: Vec<Part> = parts.iter().filter(takes_part).copied().collect();
        for parts in [&used[..], parts] {
            let stop = Stop::Infeasible { ray: Some(weights.to_vec()) };
            let judged = certify::judge(&self.only(parts).0, &inner::ended(point, stop), &self.limits.judge);
            if judged.holds() && matches!(judged.proved, Proved::Infeasible { .. }) {
                return Verdict::Infeasible(parts.to_vec());
            }
        }
        Verdict::Unknown
    }

    /// The parts that a chain of bounds needs, if there is one.
    fn by_chain(&self, problem: &Problem, parts: &[Part]) -> Option<Vec<Part>> {
        if effort(problem) > EFFORT {
            return None;
        }
        let mut propagation = Propagation::new(problem);
        if propagation.run() {
            return None;
        }
        let chain = propagation.chain()?;
        let starts = problem.row_starts();
        let mut used = vec![];
        for (quantity, side) in &chain.declared {
            match *quantity {
                Quantity::Variable(j) => used.push(Part::Bound(j as usize, *side)),
                Quantity::Row(stage, r) => {
                    let stated = problem.constraints.iter().zip(&starts).filter(|(c, _)| c.stage == stage);
                    used.extend(stated.map(|(_, start)| Part::Row(start + r as usize)));
                }
            }
        }
        used.retain(|part| parts.contains(part));
        used.sort_unstable();
        used.dedup();
        let proves = |parts: &[Part]| judge_chain(&self.only(parts).0, self.x, &chain, &self.limits.judge).is_some();
        if proves(&used) {
            return Some(used);
        }
        proves(parts).then(|| parts.to_vec())
    }

    fn member(&self, part: Part, needed: bool) -> Member {
        let number = crate::answer::layout::number;
        match part {
            Part::Row(r) => {
                let (lower, upper) = (self.bounds.row_lower[r], self.bounds.row_upper[r]);
                let text = match (lower.is_finite(), upper.is_finite()) {
                    (true, true) if lower == upper => format!("== {}", number(lower)),
                    (true, true) => format!("in [{}, {}]", number(lower), number(upper)),
                    (true, false) => format!(">= {}", number(lower)),
                    (false, _) => format!("<= {}", number(upper)),
                };
                Member { place: places::row(self.problem, r), text, needed }
            }
            Part::Bound(j, side) => {
                let text = match side {
                    Side::Lower => format!(">= {}", number(self.bounds.lower[j])),
                    Side::Upper => format!("<= {}", number(self.bounds.upper[j])),
                };
                Member { place: places::variable(self.problem, j), text, needed }
            }
        }
    }
}
