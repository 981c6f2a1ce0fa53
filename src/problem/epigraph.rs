//! Kinks as variables with a row for each branch: `t >= a` and `t >= b` for `max(a, b)`, where `abs(a)` is `max(a, -a)` and
//! `min` is the same upside down. Who decides which kinks become so, and whose the rows are, is the caller's.

use super::features::Fact;
use super::index::{Axes, Set};
use super::pressure::Pressure;
use super::squares::span_of;
use super::{Constraint, Data, Problem, Variable};
use crate::expr::eval;
use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, StageId, Term};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;
use std::collections::HashMap;

/// A problem with variables for its kinks. What is new stands behind what the problem it was made of has.
#[derive(Clone, Debug)]
pub struct Smooth {
    pub problem: Problem,
    /// Each after those whose variables it reads.
    pub tops: Vec<Top>,
}

/// New variables at `offset .. offset + count`, one for each instance of a kink: the largest of its branches, or the
/// smallest.
#[derive(Clone, Debug, PartialEq)]
pub struct Top {
    /// What was done, for the plan.
    pub fact: Fact,
    pub offset: usize,
    pub count: usize,
    /// The rows `t - branch`, in the order of the variables.
    rows: Vec<StageId>,
    pub largest: bool,
}

/// A kink whose operands are written already.
pub struct Kink {
    op: Op,
    branches: Vec<NodeId>,
    largest: bool,
    /// The pressure on it keeps its variable at one of its branches.
    pub kept: bool,
}

impl Kink {
    pub fn name(&self) -> &'static str {
        self.op.row().name
    }
}

/// The index sets of what is added for the instances of a family, and the place of each instance there.
pub struct Places {
    pub axes: Axes,
    pub of: Vec<u32>,
}

impl Places {
    /// In the order of the instances.
    pub fn in_turn(count: u32) -> Places {
        let axes = Axes::product(vec![Set::range(1.0, 1.0, count as usize)]);
        Places { axes, of: (0..count).collect() }
    }
}

impl Smooth {
    pub fn of(problem: &Problem) -> Smooth {
        Smooth { problem: problem.clone(), tops: vec![] }
    }

    /// `family`, whose body is that of a term in `graph`, with what `replace` makes of each of the kinks, innermost first.
    pub fn rebuilt<E>(
        &mut self,
        graph: &Graph,
        mut family: Family,
        kinks: &[(NodeId, Pressure)],
        mut replace: impl FnMut(&mut Smooth, &mut Family, &Kink) -> Result<NodeId, E>,
    ) -> Result<Family, E> {
        let kinks: HashMap<NodeId, Pressure> = kinks.iter().copied().collect();
        let mut made: HashMap<NodeId, NodeId> = HashMap::new();
        for id in graph.reachable(&[family.body]) {
            let Node::Call(op, operands) = graph.node(id) else {
                made.insert(id, id);
                continue;
            };
            let old = &operands[..op.row().arity];
            let new: Vec<NodeId> = old.iter().map(|o| made[o]).collect();
            let node = match kinks.get(&id) {
                None if new == old => id,
                None => self.problem.graph.call(op, &new),
                Some(pressure) => {
                    let largest = op != Op::Min;
                    let branches = match op {
                        Op::Abs => vec![new[0], self.problem.graph.neg(new[0])],
                        _ => new,
                    };
                    let kept = *pressure == if largest { Pressure::Down } else { Pressure::Up };
                    replace(self, &mut family, &Kink { op, branches, largest, kept })?
                }
            };
            made.insert(id, node);
        }
        Ok(Family { body: made[&family.body], ..family })
    }

    /// Adds a variable for each instance of a family of `term`. Returns the leaf that reads it and the rows of the branches,
    /// which belong to nobody yet.
    pub fn add(
        &mut self,
        family: &mut Family,
        kink: &Kink,
        term: &Term,
        around: &str,
        places: &Places,
    ) -> (NodeId, Vec<Constraint>) {
        let (count, span, largest) = (family.instances, span_of(term), kink.largest);
        let name = format!("{around}{} #{}", kink.name(), self.tops.len() + 1);
        let problem = &mut self.problem;
        let offset = problem.dimension;
        problem.variables.push(Variable::new(name.clone(), places.axes.clone(), offset, span));
        problem.dimension += count;
        let map = IndexMap::from_positions(places.of.iter().map(|p| offset + p).collect());
        family.leaves.push(Leaf { source: Source::Variables, map });
        let leaf = problem.graph.leaf(family.leaves.len() as u32 - 1);
        let (lower, upper) = if largest { (0.0, f64::INFINITY) } else { (f64::NEG_INFINITY, 0.0) };
        let mut rows = vec![];
        for branch in &kink.branches {
            let body = problem.graph.sub(leaf, *branch);
            // The row reads what exists when its family is complete so far, which is all that the branch needs.
            let row = Term {
                family: Family { body, ..family.clone() },
                target: IndexMap::from_positions(places.of.clone()),
                level: 0,
                origin: term.origin,
            };
            let stage = StageId(problem.stages.len() as u32);
            problem.stages.push(Stage::sum(&*name, count, vec![row]));
            let sides = (Data::Constant(lower), Data::Constant(upper));
            rows.push(Constraint::new(name.clone(), places.axes.clone(), count, stage, sides, span));
        }
        let relation = if largest { "at least" } else { "at most" };
        let branches = if kink.op == Op::Abs { "both signs" } else { "each of its arguments" };
        let end = if kink.kept { "" } else { ", and equals one of them" };
        let what = format!("`{}` becomes a variable that is {relation} {branches}{end}", kink.name());
        self.tops.push(Top {
            fact: Fact::at(what, span),
            offset: offset as usize,
            count: count as usize,
            rows: rows.iter().map(|row| row.stage).collect(),
            largest,
        });
        (leaf, rows)
    }

    /// What was done, each thing once: the levels of a tree of `max` say the same.
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts: Vec<Fact> = vec![];
        for top in &self.tops {
            if !facts.contains(&top.fact) {
                facts.push(top.fact.clone());
            }
        }
        facts
    }

    /// A point with each new variable at the value of its kink; what else is new is as in `x`, 0 where it ends before.
    pub fn extended(&self, x: &[f64]) -> Vec<f64> {
        let mut x = x.to_vec();
        x.resize(self.problem.dimension as usize, 0.0);
        complete(&self.problem, &self.tops, &mut x);
        x
    }
}

impl Top {
    /// The number of the first row of each branch, where the rows are those of the outermost level.
    pub fn first_rows(&self, problem: &Problem) -> Vec<usize> {
        let starts = problem.constraints.iter().zip(problem.row_starts());
        let numbers: HashMap<StageId, usize> = starts.map(|(row, start)| (row.stage, start)).collect();
        self.rows.iter().map(|stage| numbers[stage]).collect()
    }
}

/// Sets new variables of a point to the values of the kinks that they stand for.
pub fn complete(problem: &Problem, tops: &[Top], x: &mut [f64]) {
    let params: Vec<&[f64]> = problem.params.iter().map(|param| param.values.as_slice()).collect();
    for top in tops {
        x[top.offset..top.offset + top.count].fill(0.0);
        let needed = eval::needed(&problem.stages, &top.rows);
        let inputs = eval::Inputs { variables: x, params: params.clone(), after: &[] };
        let values = eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
        for p in 0..top.count {
            // With `t = 0` a row is minus its branch.
            let branches = top.rows.iter().map(|id| -values[id.0 as usize][p]);
            let best = branches.reduce(if top.largest { f64::max } else { f64::min });
            if let Some(best) = best.filter(|v| v.is_finite()) {
                x[top.offset + p] = best;
            }
        }
    }
}
