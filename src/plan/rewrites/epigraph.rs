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
use crate::expr::interval::Interval;
use crate::expr::ops::{Op, Operand, Slope};
use crate::problem::features::Fact;
use crate::problem::index::{Axes, Set};
use crate::problem::ranges::Ranges;
use crate::problem::squares::span_of;
use crate::problem::values::{Bounds, Numbers, depends_on_variables};
use crate::problem::{Constraint, Data, Problem, Sense, Variable};
use std::collections::{HashMap, HashSet};

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
    let numbers = Numbers::of(problem);
    let bounds = Bounds::of(problem, &numbers);
    let ranges = Ranges::of(problem, &numbers, &bounds);
    let mut work = Work { pairs, ..Work::new(problem, &numbers, &bounds, &ranges) };
    let pressures = work.pressures();
    for (k, pressure) in pressures.into_iter().enumerate() {
        for t in 0..problem.stages[k].terms.len() {
            work.term(k, t, pressure)?;
        }
    }
    let lift = Lift { variables: problem.dimension as usize, rows: problem.row_count(), helpers: work.helpers };
    (!work.facts.is_empty()).then_some((work.out, lift, work.facts))
}

/// What a larger value does to the problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pressure {
    /// Nothing reads it.
    None,
    /// A larger value can only hurt.
    Down,
    /// A smaller value can only hurt.
    Up,
    /// Both, or not known.
    Both,
}

impl Pressure {
    fn and(self, other: Pressure) -> Pressure {
        match (self, other) {
            (Pressure::None, p) | (p, Pressure::None) => p,
            (Pressure::Down, Pressure::Down) => Pressure::Down,
            (Pressure::Up, Pressure::Up) => Pressure::Up,
            (Pressure::Down | Pressure::Up | Pressure::Both, _) => Pressure::Both,
        }
    }

    /// On an operand of a function that is under pressure.
    fn through(self, slope: Slope) -> Pressure {
        match (self, slope) {
            (Pressure::None, _) | (_, Slope::Flat) => Pressure::None,
            (p, Slope::Rising) => p,
            (Pressure::Down, Slope::Falling) => Pressure::Up,
            (Pressure::Up, Slope::Falling) => Pressure::Down,
            (Pressure::Both, _) | (Pressure::Down | Pressure::Up, Slope::Neither) => Pressure::Both,
        }
    }
}

pub(super) struct Work<'a> {
    pub problem: &'a Problem,
    pub numbers: &'a Numbers,
    pub bounds: &'a Bounds,
    pub ranges: &'a Ranges,
    depends: Vec<bool>,
    /// Whether kinks may become complementary pairs.
    pairs: bool,
    out: Problem,
    helpers: Vec<Helper>,
    facts: Vec<Fact>,
}

/// What is known of the operands of a call.
fn facts(
    operands: &[NodeId; 3],
    arity: usize,
    intervals: &HashMap<NodeId, Interval>,
    varying: &HashSet<NodeId>,
) -> [Operand; 3] {
    std::array::from_fn(|k| {
        let id = operands[if k < arity { k } else { 0 }];
        Operand { interval: intervals[&id], constant: !varying.contains(&id) }
    })
}

impl<'a> Work<'a> {
    pub fn new(problem: &'a Problem, numbers: &'a Numbers, bounds: &'a Bounds, ranges: &'a Ranges) -> Work<'a> {
        let depends = depends_on_variables(problem);
        let (out, helpers, facts) = (problem.clone(), vec![], vec![]);
        Work { problem, numbers, bounds, ranges, depends, pairs: false, out, helpers, facts }
    }

    /// Of every stage: from the objective and the rows down, through the stages that read it.
    pub fn pressures(&self) -> Vec<Pressure> {
        let mut pressures = vec![Pressure::None; self.problem.stages.len()];
        let mut add = |id: StageId, p: Pressure| {
            let at = &mut pressures[id.0 as usize];
            *at = at.and(p);
        };
        for objective in &self.problem.objectives {
            add(objective.stage, if objective.sense == Sense::Minimize { Pressure::Down } else { Pressure::Up });
        }
        let starts = self.problem.row_starts();
        for (constraint, start) in self.problem.constraints.iter().zip(starts).filter(|(c, _)| !c.dropped) {
            for r in start..start + constraint.rows as usize {
                if self.bounds.row_lower[r] > f64::NEG_INFINITY {
                    add(constraint.stage, Pressure::Up);
                }
                if self.bounds.row_upper[r] < f64::INFINITY {
                    add(constraint.stage, Pressure::Down);
                }
            }
        }
        for k in (0..self.problem.stages.len()).rev() {
            if let Some(matrix) = &self.problem.stages[k].matrix {
                // No matrix function rises or falls in each entry.
                let at = &mut pressures[matrix.of.0 as usize];
                *at = at.and(Pressure::Both.through(Slope::Neither));
            }
            for term in &self.problem.stages[k].terms {
                let on_nodes = self.on_nodes(term, pressures[k]);
                for (id, pressure) in on_nodes {
                    let Node::Leaf(leaf) = self.problem.graph.node(id) else { continue };
                    match term.family.leaves[leaf as usize].source {
                        // A recurrence feeds on itself: what a larger value does is not followed.
                        Source::Stage(source) if source.0 as usize == k => pressures[k] = Pressure::Both,
                        Source::Stage(source) => {
                            let at = &mut pressures[source.0 as usize];
                            *at = at.and(pressure);
                        }
                        Source::Variables | Source::Param(_) | Source::After(_) => {}
                    }
                }
            }
        }
        pressures
    }

    /// Of every node of a term's body.
    pub fn on_nodes(&self, term: &Term, on_body: Pressure) -> HashMap<NodeId, Pressure> {
        let graph = &self.problem.graph;
        let intervals = self.ranges.nodes(self.problem, self.numbers, self.bounds, term);
        let varying = self.varying(term);
        let mut order = graph.reachable(&[term.family.body]);
        order.reverse();
        let mut found = HashMap::from([(term.family.body, on_body)]);
        for id in order {
            let Node::Call(op, operands) = graph.node(id) else { continue };
            let on_this = found.get(&id).copied().unwrap_or(Pressure::None);
            let slopes = (op.row().slopes)(facts(&operands, op.row().arity, &intervals, &varying));
            for (operand, slope) in operands.iter().zip(slopes).take(op.row().arity) {
                let pressure = match op {
                    // A condition decides between cases: what it reads moves nothing.
                    Op::Select if *operand == operands[0] => Pressure::None,
                    _ if op.row().truth => Pressure::None,
                    _ => on_this.through(slope),
                };
                let before = found.get(operand).copied().unwrap_or(Pressure::None);
                found.insert(*operand, before.and(pressure));
            }
        }
        found
    }

    /// The nodes of a term's body that depend on variables.
    pub fn varying(&self, term: &Term) -> HashSet<NodeId> {
        let graph = &self.problem.graph;
        let mut varying = HashSet::new();
        // Operands come before users.
        for id in graph.reachable(&[term.family.body]) {
            let varies = match graph.node(id) {
                Node::Leaf(k) => match term.family.leaves[k as usize].source {
                    Source::Variables | Source::After(_) => true,
                    Source::Stage(id) => self.depends[id.0 as usize],
                    Source::Param(_) => false,
                },
                Node::Constant(_) => false,
                Node::Call(op, operands) => operands[..op.row().arity].iter().any(|o| varying.contains(o)),
            };
            if varies {
                varying.insert(id);
            }
        }
        varying
    }

    /// Replaces the kinks of one term, innermost first; `None` if one cannot be.
    fn term(&mut self, stage: usize, t: usize, on_body: Pressure) -> Option<()> {
        if on_body == Pressure::None || !self.depends[stage] {
            return Some(());
        }
        let term = &self.problem.stages[stage].terms[t];
        let pressures = self.on_nodes(term, on_body);
        let intervals = self.ranges.nodes(self.problem, self.numbers, self.bounds, term);
        let varying = self.varying(term);
        let mut family = term.family.clone();
        let mut made: HashMap<NodeId, NodeId> = HashMap::new();
        for id in self.problem.graph.reachable(&[term.family.body]) {
            let Node::Call(op, operands) = self.problem.graph.node(id) else {
                made.insert(id, id);
                continue;
            };
            let old = &operands[..op.row().arity];
            let new: Vec<NodeId> = old.iter().map(|o| made[o]).collect();
            let kinked = matches!(op, Op::Abs | Op::Max | Op::Min)
                && varying.contains(&id)
                && pressures.get(&id).is_some_and(|pressure| *pressure != Pressure::None)
                && !crate::problem::features::is_decided(op, old, &intervals);
            let node = match kinked {
                false if new == old => id,
                false => self.out.graph.call(op, &new),
                true => {
                    let largest = op != Op::Min;
                    let kept = match pressures[&id] {
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
