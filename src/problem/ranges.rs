//! Where values lie: intervals of leaves, nodes and stages that follow from bounds and data.

use super::Problem;
use super::values::{Bounds, Numbers, depends_on_variables};
use crate::expr::eval;
use crate::expr::family::{Leaf, Source, Stage, StageId, Term};
use crate::expr::graph::{Node, NodeId};
use crate::expr::interval::Interval;
use std::collections::HashMap;

/// An interval for the rows of each stage that the objectives and rows need; the whole line for the others.
#[derive(Clone, Debug)]
pub struct Ranges {
    stages: Vec<Interval>,
}

impl Ranges {
    pub fn of(problem: &Problem, numbers: &Numbers, bounds: &Bounds) -> Ranges {
        let rows = problem.constraints.iter().map(|c| c.stage);
        let roots: Vec<StageId> = problem.objectives.iter().map(|o| o.stage).chain(rows).collect();
        let needed = eval::needed(&problem.stages, &roots);
        let depends = depends_on_variables(problem);
        let mut ranges = Ranges { stages: vec![Interval::WHOLE; problem.stages.len()] };
        for (k, stage) in problem.stages.iter().enumerate().filter(|(k, _)| needed[*k]) {
            ranges.stages[k] = match (depends[k], stage.matrix) {
                (true, Some(matrix)) => matrix.function.image(matrix.n as usize, ranges.stage(matrix.of)),
                (true, None) => ranges.sum(problem, numbers, bounds, stage),
                (false, _) => Interval::of(numbers.source(problem, Source::Stage(StageId(k as u32)))),
            };
        }
        ranges
    }

    pub fn stage(&self, id: StageId) -> Interval {
        self.stages[id.0 as usize]
    }

    /// What a leaf reads, over all instances.
    pub fn leaf(&self, problem: &Problem, numbers: &Numbers, bounds: &Bounds, leaf: &Leaf, instances: u32) -> Interval {
        let positions = (0..instances as usize).map(|p| leaf.map.at(p));
        match leaf.source {
            Source::Variables => {
                let both = positions.map(|at| Interval::new(bounds.lower[at], bounds.upper[at]));
                both.reduce(Interval::hull).unwrap_or(Interval::WHOLE)
            }
            Source::Param(_) => {
                let source = numbers.source(problem, leaf.source);
                Interval::of(&positions.map(|at| source[at]).collect::<Vec<f64>>())
            }
            Source::Stage(id) => self.stage(id),
            Source::After(_) => Interval::WHOLE,
        }
    }

    /// What a leaf reads in one instance.
    pub fn leaf_at(&self, problem: &Problem, numbers: &Numbers, bounds: &Bounds, leaf: &Leaf, p: usize) -> Interval {
        let at = leaf.map.at(p);
        match leaf.source {
            Source::Variables => Interval::new(bounds.lower[at], bounds.upper[at]),
            Source::Param(_) => Interval::of(&numbers.source(problem, leaf.source)[at..=at]),
            Source::Stage(id) => match numbers.source(problem, leaf.source).get(at) {
                Some(value) => Interval::of(&[*value]),
                None => self.stage(id),
            },
            Source::After(_) => Interval::WHOLE,
        }
    }

    /// An interval for each node of a term's body.
    pub fn nodes(
        &self,
        problem: &Problem,
        numbers: &Numbers,
        bounds: &Bounds,
        term: &Term,
    ) -> HashMap<NodeId, Interval> {
        let family = &term.family;
        let mut found: HashMap<NodeId, Interval> = HashMap::new();
        for id in problem.graph.reachable(&[family.body]) {
            let interval = match problem.graph.node(id) {
                Node::Constant(value) => Interval::exactly(value),
                Node::Leaf(k) => self.leaf(problem, numbers, bounds, &family.leaves[k as usize], family.instances),
                Node::Call(op, operands) => {
                    let arity = op.row().arity;
                    let given = |k: usize| found[&operands[if k < arity { k } else { 0 }]];
                    op.row().image_of([given(0), given(1), given(2)])
                }
            };
            found.insert(id, interval);
        }
        found
    }

    /// A row of a stage is the sum of as many values of each term as there are instances that aim at it.
    fn sum(&self, problem: &Problem, numbers: &Numbers, bounds: &Bounds, stage: &Stage) -> Interval {
        let mut total = Interval::exactly(0.0);
        for term in &stage.terms {
            let mut counts = vec![0u32; stage.rows as usize];
            (0..term.family.instances as usize).for_each(|p| counts[term.target.at(p)] += 1);
            let (least, most) = (counts.iter().min().copied(), counts.iter().max().copied());
            let count = Interval::new(least.unwrap_or(0) as f64, most.unwrap_or(0) as f64);
            let one = self.nodes(problem, numbers, bounds, term)[&term.family.body];
            total = total.plus(one.times(count));
        }
        total
    }
}
