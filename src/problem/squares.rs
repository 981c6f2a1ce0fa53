//! Sums of squares: how an objective decomposes into `Σ w u²` with data weights `w >= 0`, plus what does not vary.

use super::features::Fact;
use super::values::{Numbers, depends_on_variables};
use super::{Problem, Sense};
use crate::diag::{SourceId, Span};
use crate::expr::eval;
use crate::expr::family::{IndexMap, Leaf, Source, StageId, Term};
use crate::expr::graph::{Node, NodeId};
use crate::expr::ops::Op;

/// `u²` in the body of a term, times or over factors that do not vary.
#[derive(Clone, Debug, PartialEq)]
pub struct Square {
    pub stage: StageId,
    pub term: usize,
    pub root: NodeId,
    pub factors: Vec<Factor>,
}

/// A part of the body of a term that reads data only and is nowhere negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factor {
    pub stage: StageId,
    pub term: usize,
    pub node: NodeId,
    pub inverse: bool,
}

/// The squares whose sum is the first objective, up to a constant; else the part that is none.
pub fn of_objective(problem: &Problem, numbers: &Numbers) -> Result<Vec<Square>, Fact> {
    let Some(objective) = problem.objectives.first() else {
        return Err(Fact::new("there is no objective"));
    };
    if objective.sense == Sense::Maximize {
        return Err(Fact::at("it is maximised", objective.span));
    }
    let mut search = Search { problem, numbers, depends: depends_on_variables(problem), found: vec![] };
    search.stage(objective.stage, &[])?;
    match search.found.is_empty() {
        true => Err(Fact::at("the objective does not vary", objective.span)),
        false => Ok(search.found),
    }
}

struct Search<'a> {
    problem: &'a Problem,
    numbers: &'a Numbers,
    depends: Vec<bool>,
    found: Vec<Square>,
}

impl Search<'_> {
    fn stage(&mut self, id: StageId, factors: &[Factor]) -> Result<(), Fact> {
        if let Some(matrix) = &self.problem.stage(id).matrix {
            return Err(Fact::at("the objective has a part that is not a square", span(matrix.origin)));
        }
        for k in 0..self.problem.stage(id).terms.len() {
            let body = self.problem.stage(id).terms[k].family.body;
            self.body(id, k, body, factors.to_vec())?;
        }
        Ok(())
    }

    fn term(&self, stage: StageId, term: usize) -> &Term {
        &self.problem.stage(stage).terms[term]
    }

    fn body(&mut self, stage: StageId, term: usize, node: NodeId, factors: Vec<Factor>) -> Result<(), Fact> {
        if !self.varies(stage, term, node) {
            return Ok(());
        }
        match self.problem.graph.node(node) {
            Node::Call(Op::Square, [root, ..]) => {
                self.found.push(Square { stage, term, root, factors });
                Ok(())
            }
            Node::Call(Op::Add, [a, b, _]) => {
                self.body(stage, term, a, factors.clone())?;
                self.body(stage, term, b, factors)
            }
            Node::Call(Op::Sub, [a, b, _]) if !self.varies(stage, term, b) => self.body(stage, term, a, factors),
            Node::Call(Op::Mul, [a, b, _]) if !self.varies(stage, term, a) => {
                self.weighted(stage, term, b, Factor { stage, term, node: a, inverse: false }, factors)
            }
            Node::Call(Op::Mul, [a, b, _]) if !self.varies(stage, term, b) => {
                self.weighted(stage, term, a, Factor { stage, term, node: b, inverse: false }, factors)
            }
            Node::Call(Op::Div, [a, b, _]) if !self.varies(stage, term, b) => {
                self.weighted(stage, term, a, Factor { stage, term, node: b, inverse: true }, factors)
            }
            Node::Leaf(k) => self.leaf(stage, term, k, factors),
            Node::Constant(_) | Node::Call(..) => {
                let span = span_of(self.term(stage, term));
                Err(Fact::at("the objective has a part that is not a square", span))
            }
        }
    }

    fn weighted(
        &mut self,
        stage: StageId,
        term: usize,
        inner: NodeId,
        factor: Factor,
        mut factors: Vec<Factor>,
    ) -> Result<(), Fact> {
        let values = factor_values(self.problem, self.numbers, &factor);
        if !values.iter().all(|v| *v >= 0.0 && v.is_finite()) {
            return Err(Fact::at("a square in the objective has a negative weight", span_of(self.term(stage, term))));
        }
        factors.push(factor);
        self.body(stage, term, inner, factors)
    }

    /// A leaf that reads another stage stands for its rows, if each of them is read once and the weights found so far
    /// are the same for all instances.
    fn leaf(&mut self, stage: StageId, term: usize, k: u32, factors: Vec<Factor>) -> Result<(), Fact> {
        let family = &self.term(stage, term).family;
        let leaf = &family.leaves[k as usize];
        let span = span_of(self.term(stage, term));
        let Source::Stage(inner) = leaf.source else {
            return Err(Fact::at("the objective has a part that is linear", span));
        };
        let rows = self.problem.stage(inner).rows as usize;
        let once = family.instances as usize == rows && reads_each_once(&leaf.map, rows);
        let shared = factors.iter().all(|factor| self.is_shared(factor));
        if inner == stage || !once || !shared {
            return Err(Fact::at("the objective has squares whose weights could not be followed", span));
        }
        self.stage(inner, &factors)
    }

    fn is_shared(&self, factor: &Factor) -> bool {
        let family = &self.term(factor.stage, factor.term).family;
        let fixed = |leaf: &Leaf| matches!(leaf.map, IndexMap::Affine { stride: 0, .. });
        family.instances == 1 || self.leaves_of(factor.node).iter().all(|k| fixed(&family.leaves[*k as usize]))
    }

    fn varies(&self, stage: StageId, term: usize, node: NodeId) -> bool {
        let leaves = &self.term(stage, term).family.leaves;
        self.leaves_of(node).iter().any(|k| match leaves[*k as usize].source {
            Source::Variables | Source::After(_) => true,
            Source::Stage(id) => self.depends[id.0 as usize],
            Source::Param(_) => false,
        })
    }

    fn leaves_of(&self, node: NodeId) -> Vec<u32> {
        let reachable = self.problem.graph.reachable(&[node]);
        let leaf = |id: NodeId| match self.problem.graph.node(id) {
            Node::Leaf(k) => Some(k),
            Node::Constant(_) | Node::Call(..) => None,
        };
        reachable.into_iter().filter_map(leaf).collect()
    }
}

/// The values of a factor for all instances of its term.
fn factor_values(problem: &Problem, numbers: &Numbers, factor: &Factor) -> Vec<f64> {
    let family = &problem.stage(factor.stage).terms[factor.term].family;
    let count = family.instances as usize;
    eval::columns(&problem.graph, factor.node, count, &mut |k| {
        let leaf = &family.leaves[k as usize];
        let source = numbers.source(problem, leaf.source);
        (0..count).map(|p| source.get(leaf.map.at(p)).copied().unwrap_or(f64::NAN)).collect()
    })
}

fn reads_each_once(map: &IndexMap, rows: usize) -> bool {
    let mut seen = vec![false; rows];
    (0..rows).all(|p| seen.get_mut(map.at(p)).is_some_and(|seen| !std::mem::replace(seen, true)))
}

/// Where the text of a term stands.
pub fn span_of(term: &Term) -> Span {
    span(term.origin)
}

/// The place that an origin names.
pub fn span((source, start, end): (u32, u32, u32)) -> Span {
    Span { source: SourceId(source), start, end }
}
