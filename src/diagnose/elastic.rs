//! Rows that give: which few rows must be relaxed, and by how much, so that there is a feasible point.
//!
//! ```text
//! min  Σ w_r (p_r + n_r)   s.t.  lower <= c(x) + p - n <= upper,  x in its bounds,  p, n >= 0
//! ```
//! is solved like any other problem. Its solutions have few rows that give; weights that grow where little is given
//! make them fewer. What is told in the end was checked: the judge finds the point feasible for the relaxed problem.

use super::inner::{self, Limits};
use super::places;
use crate::answer::diagnosis::{Relaxation, Relaxed};
use crate::expr::family::{Family, IndexMap, Leaf, ParamId, Source, Stage, StageId, Term};
use crate::expr::graph::NodeId;
use crate::problem::index::{Axes, Set};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Data, Objective, Param, Problem, Sense, Variable};
use std::sync::Arc;

/// Rounds of weighing anew.
const ROUNDS: usize = 4;
/// What a row gives counts from here on, relative to the size of its sides.
const COUNTS: f64 = 1e-6;
/// With as many rows that give, each is tried to hold after all.
const MOST_TRIED: usize = 8;

/// Which side of which row gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Given {
    pub row: usize,
    pub lower: bool,
    pub amount: f64,
}

/// A problem whose rows give, at a price.
pub struct Elastic {
    pub problem: Problem,
    /// For each added variable: its position, its row, and whether it helps the lower side.
    slots: Vec<(usize, usize, bool)>,
}

/// The size of each row's sides, at least 1.
pub fn scales(bounds: &Bounds) -> Vec<f64> {
    let size = |side: f64| if side.is_finite() { side.abs() } else { 0.0 };
    bounds.row_lower.iter().zip(&bounds.row_upper).map(|(l, u)| size(*l).max(size(*u)).max(1.0)).collect()
}

impl Elastic {
    /// `weights` has the price of each row; rows without a price stay as they are.
    pub fn of(problem: &Problem, bounds: &Bounds, weights: &[f64]) -> Elastic {
        let mut out = Elastic { problem: inner::without_objective(problem), slots: vec![] };
        let starts = problem.row_starts();
        let (give, take, price) = {
            let graph = &mut out.problem.graph;
            let (amount, weight) = (graph.leaf(0), graph.leaf(1));
            (amount, graph.neg(amount), graph.mul(amount, weight))
        };
        let mut costs = vec![];
        for (k, constraint) in problem.constraints.iter().enumerate().filter(|(_, c)| !c.dropped) {
            let mut added = vec![];
            for (lower, body) in [(true, give), (false, take)] {
                let side = if lower { &bounds.row_lower } else { &bounds.row_upper };
                let gives: Vec<bool> =
                    (starts[k]..starts[k + 1]).map(|r| weights[r] > 0.0 && side[r].is_finite()).collect();
                if gives.contains(&true) {
                    let leaf = out.variables(&gives, starts[k], lower, constraint.span);
                    let prices = stored(&mut out.problem, weights[starts[k]..starts[k + 1]].to_vec());
                    added.push(term(constraint.rows, vec![leaf.clone()], body, IndexMap::IDENTITY));
                    costs.push(term(constraint.rows, vec![leaf, prices], price, IndexMap::scalar(0)));
                }
            }
            if !added.is_empty() {
                let mut stage: Stage = problem.stage(constraint.stage).clone();
                stage.terms.iter_mut().for_each(|term| term.level = 0);
                stage.terms.extend(added);
                out.problem.constraints[k].stage = StageId(out.problem.stages.len() as u32);
                out.problem.stages.push(stage);
            }
        }
        let stage = StageId(out.problem.stages.len() as u32);
        out.problem.stages.push(Stage::sum("what is given", 1, costs));
        let label = "given".to_string();
        out.problem.objectives.push(Objective { label, sense: Sense::Minimize, stage, span: Default::default() });
        out
    }

    /// A family of variables, one for each row of a constraint; those of rows that do not give are 0.
    fn variables(&mut self, gives: &[bool], first_row: usize, lower: bool, span: crate::diag::Span) -> Leaf {
        let offset = self.problem.dimension;
        let most = gives.iter().map(|gives| if *gives { f64::INFINITY } else { 0.0 }).collect();
        let upper = Data::Read(stored(&mut self.problem, most));
        self.problem.variables.push(Variable {
            lower: Data::Constant(0.0),
            upper,
            ..Variable::new(
                format!("given #{}", self.problem.variables.len()),
                Axes::product(vec![Set::range(1.0, 1.0, gives.len())]),
                offset,
                span,
            )
        });
        self.problem.dimension += gives.len() as u32;
        let given = gives.iter().enumerate().filter(|(_, gives)| **gives);
        self.slots.extend(given.map(|(r, _)| (offset as usize + r, first_row + r, lower)));
        Leaf { source: Source::Variables, map: IndexMap::Affine { start: offset as i64, stride: 1 } }
    }

    /// A point of this problem from one of the original, nothing given.
    pub fn start(&self, x: &[f64]) -> Vec<f64> {
        let mut start = x.to_vec();
        start.resize(self.problem.dimension as usize, 0.0);
        start
    }

    /// What is given at a point, as far as it counts.
    pub fn given(&self, x: &[f64], scales: &[f64]) -> Vec<Given> {
        let given = self.slots.iter().map(|&(at, row, lower)| Given { row, lower, amount: x[at] });
        given.filter(|g| g.amount > COUNTS * scales[g.row]).collect()
    }
}

fn term(instances: u32, leaves: Vec<Leaf>, body: NodeId, target: IndexMap) -> Term {
    Term { family: Family { instances, leaves, body }, target, level: 0, origin: (0, 0, 0) }
}

/// Numbers as a new buffer, read one by one.
fn stored(problem: &mut Problem, values: Vec<f64>) -> Leaf {
    let id = ParamId(problem.params.len() as u32);
    let (axes, span) = (Axes::scalar(), Default::default());
    problem.params.push(Param { name: String::new(), axes, values: Arc::new(values), structural: false, span });
    Leaf { source: Source::Param(id), map: IndexMap::IDENTITY }
}

/// The few rows to relax, and by how much; nothing if none were found, or the judge does not find that it helps.
pub fn relaxation(problem: &Problem, x: &[f64], limits: &Limits) -> Option<Relaxation> {
    let bounds = Bounds::of(problem, &Numbers::of(problem));
    let scales = scales(&bounds);
    let mut search = Search { problem, bounds: &bounds, scales: &scales, limits, x: x.to_vec() };
    let plain: Vec<f64> = scales.iter().map(|scale| 1.0 / scale).collect();
    let mut weights = plain.clone();
    let mut best: Option<Vec<Given>> = None;
    for _ in 0..ROUNDS {
        let Some(given) = search.given(&weights) else { break };
        if given.is_empty() {
            break;
        }
        let mut amounts = vec![0.0; scales.len()];
        given.iter().for_each(|g| amounts[g.row] = g.amount / scales[g.row]);
        if best.as_ref().is_none_or(|best| given.len() < best.len()) {
            best = Some(given);
        }
        if best.as_ref().is_some_and(|best| best.len() == 1) {
            break;
        }
        weights = plain.iter().zip(&amounts).map(|(plain, amount)| plain * 1e-3 / (1e-3 + amount)).collect();
    }
    let mut found = search.checked(&best?)?;
    if (2..=MOST_TRIED).contains(&found.len()) {
        for without in found.clone() {
            let rest: Vec<Given> = found.iter().copied().filter(|g| g.row != without.row).collect();
            if !rest.is_empty()
                && let Some(fewer) = search.checked(&rest)
            {
                found = fewer;
            }
        }
    }
    let relaxed = |g: &Given| {
        let from = if g.lower { bounds.row_lower[g.row] } else { bounds.row_upper[g.row] };
        Relaxed {
            row: places::row(problem, g.row),
            relation: if g.lower { ">=" } else { "<=" },
            from,
            to: if g.lower { from - g.amount } else { from + g.amount },
        }
    };
    Some(Relaxation { rows: found.iter().map(relaxed).collect() })
}

struct Search<'a> {
    problem: &'a Problem,
    bounds: &'a Bounds,
    scales: &'a [f64],
    limits: &'a Limits<'a>,
    x: Vec<f64>,
}

impl Search<'_> {
    /// What rows give at these prices.
    fn given(&mut self, weights: &[f64]) -> Option<Vec<Given>> {
        let elastic = Elastic::of(self.problem, self.bounds, weights);
        let outcome = inner::solve(&elastic.problem, elastic.start(&self.x), self.limits)?;
        if outcome.x.iter().all(|v| v.is_finite()) {
            self.x = outcome.x[..self.problem.dimension as usize].to_vec();
        }
        Some(elastic.given(&outcome.x, self.scales))
    }

    /// The least that these rows must give, if it is enough.
    fn checked(&mut self, rows: &[Given]) -> Option<Vec<Given>> {
        let mut weights = vec![0.0; self.scales.len()];
        rows.iter().for_each(|g| weights[g.row] = 1.0 / self.scales[g.row]);
        let given = self.given(&weights)?;
        let mut relaxed = self.bounds.clone();
        for g in &given {
            if g.lower { relaxed.row_lower[g.row] -= g.amount } else { relaxed.row_upper[g.row] += g.amount }
        }
        let mut problem = inner::without_objective(self.problem);
        relaxed.put(&mut problem);
        inner::is_met(&problem, &self.x, &self.limits.judge).then_some(given).filter(|given| !given.is_empty())
    }
}
