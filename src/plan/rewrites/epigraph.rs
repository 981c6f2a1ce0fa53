//! Epigraph form: `max(a, b)` in a place where a larger value can only hurt becomes a variable `t` with rows `t >= a`
//! and `t >= b`; likewise `abs(a)` with `t >= a`, `t >= -a`, and `min(a, b)` where a smaller value can only hurt.
//!
//! Whether a larger value hurts follows from the sense of the objective, the open side of a row, and the slopes of all
//! functions on the way up, also through stages (`t` sits wherever the kink sat, also inside another kink). At an
//! optimum `t` equals the kink, or could be lowered to it without loss; rows keep their place, so their multipliers
//! are those of the original rows. Kinks in equations, or under functions that neither rise nor fall, stay.

use super::{Helper, Lift, Rewrite};
use crate::expr::eval;
use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, StageId, Term};
use crate::expr::graph::{Node, NodeId};
use crate::expr::ops::Op;
use crate::problem::features::Fact;
use crate::problem::index::{Axes, Set};
use crate::problem::pressure::{Pressure, Pressures};
use crate::problem::squares::span_of;
use crate::problem::{Constraint, Data, Problem, Variable};
use std::collections::HashMap;

pub const REWRITE: Rewrite = Rewrite {
    name: "epigraph",
    doc: "max, min and abs become variables with one smooth row per branch, where that loses nothing",
    lifts: "the added variables and rows are forgotten; the other multipliers are those of the original",
};

/// The rewritten problem if every kink could be written so; `None` if one could not.
pub fn apply(problem: &Problem) -> Option<(Problem, Lift, Vec<Fact>)> {
    apply_with(problem, false)
}

/// The same; kinks that neither sense keeps at one of their branches become complementary `pairs` if that is allowed.
pub(super) fn apply_with(problem: &Problem, pairs: bool) -> Option<(Problem, Lift, Vec<Fact>)> {
    let pressures = Pressures::of(problem);
    let (out, helpers, facts) = (problem.clone(), vec![], vec![]);
    let mut work = Work { problem, pressures: &pressures, pairs, out, helpers, facts };
    for (k, pressure) in pressures.on_stages().into_iter().enumerate() {
        for t in 0..problem.stages[k].terms.len() {
            work.term(k, t, pressure)?;
        }
    }
    let lift = Lift { variables: problem.dimension as usize, rows: problem.row_count(), helpers: work.helpers };
    (!work.facts.is_empty()).then_some((work.out, lift, work.facts))
}

struct Work<'a> {
    problem: &'a Problem,
    pressures: &'a Pressures<'a>,
    /// Whether kinks may become complementary pairs.
    pairs: bool,
    out: Problem,
    helpers: Vec<Helper>,
    facts: Vec<Fact>,
}

impl Work<'_> {
    /// Replaces the kinks of one term, innermost first; `None` if one cannot be.
    fn term(&mut self, stage: usize, t: usize, on_body: Pressure) -> Option<()> {
        if on_body == Pressure::None || !self.pressures.depends(stage) {
            return Some(());
        }
        let term = &self.problem.stages[stage].terms[t];
        let kinks: HashMap<NodeId, Pressure> = self.pressures.kinks(term, on_body).into_iter().collect();
        let mut family = term.family.clone();
        let mut made: HashMap<NodeId, NodeId> = HashMap::new();
        for id in self.problem.graph.reachable(&[term.family.body]) {
            let Node::Call(op, operands) = self.problem.graph.node(id) else {
                made.insert(id, id);
                continue;
            };
            let old = &operands[..op.row().arity];
            let new: Vec<NodeId> = old.iter().map(|o| made[o]).collect();
            let node = match kinks.get(&id) {
                None if new == old => id,
                None => self.out.graph.call(op, &new),
                Some(pressure) => {
                    let largest = op != Op::Min;
                    let kept = match pressure {
                        Pressure::Down => largest,
                        Pressure::Up => !largest,
                        Pressure::None | Pressure::Both => false,
                    };
                    if !kept && !self.pairs {
                        return None;
                    }
                    let branches = match op {
                        Op::Abs => vec![new[0], self.out.graph.neg(new[0])],
                        _ => new,
                    };
                    self.helper(&mut family, &branches, (largest, !kept), op, term)
                }
            };
            made.insert(id, node);
        }
        let body = made[&term.family.body];
        self.out.stages[stage].terms[t].family = Family { body, ..family };
        Some(())
    }

    /// A variable for each instance of the family, with a row for each branch; returns the leaf that reads it. Where
    /// `paired` it equals one of the two branches.
    fn helper(
        &mut self,
        family: &mut Family,
        branches: &[NodeId],
        (largest, paired): (bool, bool),
        op: Op,
        term: &Term,
    ) -> NodeId {
        let count = family.instances;
        let offset = self.out.dimension;
        let axes = Axes::product(vec![Set::range(1.0, 1.0, count as usize)]);
        let name = format!("{} #{}", op.row().name, self.helpers.len() + 1);
        let span = span_of(term);
        self.out.variables.push(Variable::new(name.clone(), axes.clone(), offset, span));
        self.out.dimension += count;
        let map = IndexMap::Affine { start: offset as i64, stride: 1 };
        family.leaves.push(Leaf { source: Source::Variables, map });
        let leaf = self.out.graph.leaf(family.leaves.len() as u32 - 1);
        let (lower, upper) = if largest { (0.0, f64::INFINITY) } else { (f64::NEG_INFINITY, 0.0) };
        let mut rows = vec![];
        for branch in branches {
            rows.push(self.out.row_count());
            let body = self.out.graph.sub(leaf, *branch);
            // The row reads what exists when its family is complete so far, which is all that the branch needs.
            let row_term = Term {
                family: Family { body, ..family.clone() },
                target: IndexMap::IDENTITY,
                level: 0,
                origin: term.origin,
            };
            let stage = StageId(self.out.stages.len() as u32);
            self.out.stages.push(Stage::sum(&*name, count, vec![row_term]));
            let sides = (Data::Constant(lower), Data::Constant(upper));
            let row = Constraint::new(name.clone(), axes.clone(), count, stage, sides, span);
            self.out.constraints.push(Constraint { complements: paired && rows.len() > 1, ..row });
        }
        self.helpers.push(Helper { offset: offset as usize, count: count as usize, rows, largest });
        let branches = if op == Op::Abs { "both signs" } else { "each of its arguments" };
        let relation = if largest { "at least" } else { "at most" };
        let end = if paired { ", and equals one of them" } else { "" };
        let what = format!("`{}` becomes a variable that is {relation} {branches}{end}", op.row().name);
        // The levels of a tree of `max` say the same.
        let fact = Fact::at(what, span);
        if !self.facts.contains(&fact) {
            self.facts.push(fact);
        }
        leaf
    }
}

/// Sets the added variables of a start to the values of the kinks they stand for.
pub fn complete(problem: &Problem, helpers: &[Helper], x: &mut [f64]) {
    let params: Vec<&[f64]> = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let starts = problem.row_starts();
    for helper in helpers {
        x[helper.offset..helper.offset + helper.count].fill(0.0);
        let stages: Vec<StageId> = helper
            .rows
            .iter()
            .filter_map(|row| starts.iter().position(|start| start == row))
            .map(|k| problem.constraints[k].stage)
            .collect();
        let needed = eval::needed(&problem.stages, &stages);
        let inputs = eval::Inputs { variables: x, params: params.clone(), after: &[] };
        let values = eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
        for p in 0..helper.count {
            // With `t = 0` a row is minus its branch.
            let branches = stages.iter().map(|id| -values[id.0 as usize][p]);
            let best = branches.reduce(if helper.largest { f64::max } else { f64::min });
            if let Some(best) = best.filter(|v| v.is_finite()) {
                x[helper.offset + p] = best;
            }
        }
    }
}
