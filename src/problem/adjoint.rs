//! Slopes as stages: for `L = Σ_s Σ_r w_s[r] z_s[r]`, a stage with a row `∂L/∂x_j` for each of some variables.
//!
//! A reverse sweep over the stages. The adjoint of a stage is a stage of as many rows, and what a term hands to its leaf
//! `k` is a family again: the same instances, the body `∂body/∂leaf_k` times the adjoint of the row that the instance adds
//! to, and the map of the leaf as its target. So slopes of families are families, and have derivatives themselves.

use super::Problem;
use super::level::kept;
use crate::expr::derive;
use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, StageId, Term};
use crate::expr::graph::{Node, NodeId};
use std::collections::HashMap;

/// Weights of some rows of a stage.
#[derive(Clone, Debug)]
pub struct Seed {
    pub stage: StageId,
    /// The rows, one for each instance.
    pub rows: Vec<u32>,
    /// A weight for each instance: a factor times what is read.
    pub factor: f64,
    pub read: Option<Leaf>,
}

impl Problem {
    /// Adds stages to the problem and returns the one whose row `j` is the slope of `L` in the variable `by[j]`.
    pub fn add_slopes(&mut self, name: &str, seeds: &[Seed], by: &[u32]) -> StageId {
        let mut place = vec![u32::MAX; self.dimension as usize];
        for (j, &k) in by.iter().enumerate() {
            place[k as usize] = j as u32;
        }
        let depends = self.depends_on(&place);
        let mut sweep = Sweep { place, depends, handed: HashMap::new(), slopes: vec![], name: name.to_string() };
        for seed in seeds {
            let (leaves, body) = match &seed.read {
                None => (vec![], self.graph.constant(seed.factor)),
                Some(leaf) => {
                    let x = self.graph.leaf(0);
                    (vec![leaf.clone()], self.graph.scale(seed.factor, x))
                }
            };
            let family = Family { instances: seed.rows.len() as u32, leaves, body };
            let target = IndexMap::from_positions(seed.rows.clone());
            sweep.hand(seed.stage, Term { family, target, level: 0, origin: (0, 0, 0) });
        }
        for id in (0..self.stages.len() as u32).rev().map(StageId) {
            sweep.through(self, id);
        }
        let rows = by.len() as u32;
        self.stages.push(Stage { name: name.to_string(), rows, terms: sweep.slopes, matrix: None });
        StageId(self.stages.len() as u32 - 1)
    }

    /// Which stages read a variable that has a place.
    fn depends_on(&self, place: &[u32]) -> Vec<bool> {
        let mut depends: Vec<bool> = vec![];
        for stage in &self.stages {
            let reads = stage.terms.iter().any(|term| {
                term.family.leaves.iter().any(|leaf| match leaf.source {
                    Source::Variables => (0..term.family.instances as usize).any(|p| place[leaf.map.at(p)] != u32::MAX),
                    Source::Stage(id) => depends.get(id.0 as usize).is_some_and(|d| *d),
                    Source::Param(_) | Source::After(_) => false,
                })
            });
            depends.push(reads);
        }
        depends
    }
}

struct Sweep {
    /// For each variable its place among those that slopes are taken in.
    place: Vec<u32>,
    depends: Vec<bool>,
    /// What has been handed to the rows of a stage so far.
    handed: HashMap<StageId, Vec<Term>>,
    slopes: Vec<Term>,
    name: String,
}

impl Sweep {
    fn hand(&mut self, to: StageId, term: Term) {
        if self.depends[to.0 as usize] {
            self.handed.entry(to).or_default().push(term);
        }
    }

    /// Makes the adjoint of a stage and hands its parts on.
    fn through(&mut self, problem: &mut Problem, id: StageId) {
        let Some(terms) = self.handed.remove(&id) else { return };
        let stage = problem.stage(id).clone();
        let adjoint = StageId(problem.stages.len() as u32);
        let name = format!("{} of {}", self.name, stage.name);
        problem.stages.push(Stage { name, rows: stage.rows, terms, matrix: None });
        // A recurrence is gone through backwards: its last level is complete first.
        let last = stage.terms.iter().map(|t| t.level).max().unwrap_or(0);
        for term in &stage.terms {
            let wanted: Vec<u32> = (0..term.family.leaves.len() as u32)
                .filter(|&k| match term.family.leaves[k as usize].source {
                    Source::Variables => true,
                    Source::Stage(read) => self.depends[read.0 as usize],
                    Source::Param(_) | Source::After(_) => false,
                })
                .collect();
            let slopes = derive::gradient(&mut problem.graph, term.family.body, &wanted);
            for (&k, slope) in wanted.iter().zip(slopes) {
                let Some(slope) = slope else { continue };
                let part = part(problem, term, slope, adjoint);
                let leaf = &term.family.leaves[k as usize];
                match leaf.source {
                    Source::Stage(read) if read == id => {
                        let level = last - term.level + 1;
                        problem.stages[adjoint.0 as usize].terms.push(Term { target: leaf.map.clone(), level, ..part });
                    }
                    Source::Stage(read) => self.hand(read, Term { target: leaf.map.clone(), ..part }),
                    _ => self.slope(part, &leaf.map),
                }
            }
        }
        problem.stages[adjoint.0 as usize].terms.sort_by_key(|t| t.level);
    }

    /// Adds to the slopes what belongs to a variable that has a place.
    fn slope(&mut self, part: Term, map: &IndexMap) {
        let instances = part.family.instances;
        let places: Vec<u32> = (0..instances as usize).map(|p| self.place[map.at(p)]).collect();
        let mine: Vec<u32> = (0..instances).filter(|&p| places[p as usize] != u32::MAX).collect();
        if mine.is_empty() {
            return;
        }
        let target = IndexMap::from_positions(mine.iter().map(|&p| places[p as usize]).collect());
        let family = if mine.len() == instances as usize { part.family } else { kept(&part.family, &mine) };
        self.slopes.push(Term { family, target, ..part });
    }
}

/// `slope` times the adjoint of the row that each instance adds to, over the leaves that it still reads.
fn part(problem: &mut Problem, term: &Term, slope: NodeId, adjoint: StageId) -> Term {
    let last = term.family.leaves.len() as u32;
    let weight = problem.graph.leaf(last);
    let body = problem.graph.mul(weight, slope);
    let all = [&term.family.leaves[..], &[Leaf { source: Source::Stage(adjoint), map: term.target.clone() }]].concat();
    let (body, leaves) = problem.graph_over_leaves(body, &all);
    let family = Family { instances: term.family.instances, leaves, body };
    Term { family, target: IndexMap::IDENTITY, level: 0, origin: term.origin }
}

impl Problem {
    /// The same body over those of its leaves that it reads.
    fn graph_over_leaves(&mut self, body: NodeId, leaves: &[Leaf]) -> (NodeId, Vec<Leaf>) {
        let order = self.graph.reachable(&[body]);
        let mut read: Vec<u32> = vec![];
        for &id in &order {
            if let Node::Leaf(k) = self.graph.node(id) {
                read.push(k);
            }
        }
        read.sort_unstable();
        let mut made: HashMap<NodeId, NodeId> = HashMap::new();
        for id in order {
            let new = match self.graph.node(id) {
                Node::Constant(_) => id,
                Node::Leaf(k) => {
                    let number = read.binary_search(&k).expect("it was found above");
                    self.graph.leaf(number as u32)
                }
                // As it is, without simplifying again: only leaves change.
                Node::Call(op, operands) => self.graph.intern(Node::Call(op, operands.map(|o| made[&o]))),
            };
            made.insert(id, new);
        }
        (made[&body], read.iter().map(|&k| leaves[k as usize].clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::level::tests::whole;

    /// Slopes against differences of `L`, of models with chains of stages, sums and a recurrence.
    #[test]
    fn slopes_agree_with_differences() {
        for text in [
            "var x[1..3]\nlet r[i in 1..3] = sum(j in 1..3: i * x[j]^2) + x[i]\nminimize sum(i in 1..3: exp(0.1 * r[i]) * x[i])",
            "var x[1..4]\nlet s[k in 1..4] = if k > 1 then s[k-1]^2 * 0.1 + x[k] else x[1]\nminimize s[4] * x[2] + sum(k in 1..4: s[k])",
            "var x[1..3]\nparam A[i in 1..3, j in 1..3] = i - 2 * j\nlet u = A * x\nminimize dot(u, u) + norm(x - 1)\n\
             subject to c[i in 1..3]: u[i]^3 - x[1] * x[i] <= 0",
        ] {
            let problem = whole(text);
            let mut with = problem.clone();
            let by: Vec<u32> = (0..problem.dimension).rev().collect();
            let mut seeds = vec![Seed { stage: problem.objectives[0].stage, rows: vec![0], factor: 1.5, read: None }];
            for c in &problem.constraints {
                let rows = (0..c.rows).collect();
                seeds.push(Seed { stage: c.stage, rows, factor: -0.3, read: None });
            }
            let slopes = with.add_slopes("slope", &seeds, &by);
            let values = |problem: &Problem, stages: &[StageId], x: &[f64]| -> Vec<Vec<f64>> {
                let needed = crate::expr::eval::needed(&problem.stages, stages);
                let params = problem.params.iter().map(|p| p.values.as_slice()).collect();
                let inputs = crate::expr::eval::Inputs { variables: x, params, after: &[] };
                let all = crate::expr::eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
                stages.iter().map(|id| all[id.0 as usize].clone()).collect()
            };
            let stages: Vec<StageId> = seeds.iter().map(|s| s.stage).collect();
            let l = |x: &[f64]| -> f64 {
                let parts = values(&problem, &stages, x);
                parts.iter().zip(&seeds).map(|(v, s)| s.factor * v.iter().sum::<f64>()).sum()
            };
            let x: Vec<f64> = (0..problem.dimension).map(|k| 0.3 + 0.2 * f64::from(k)).collect();
            let found = &values(&with, &[slopes], &x)[0];
            for (j, &k) in by.iter().enumerate() {
                let step = |h: f64| {
                    let mut x = x.clone();
                    x[k as usize] += h;
                    l(&x)
                };
                let slope = (step(1e-5) - step(-1e-5)) / 2e-5;
                assert!((found[j] - slope).abs() < 1e-7 * slope.abs().max(1.0), "{text}: {} {slope}", found[j]);
            }
        }
    }
}
