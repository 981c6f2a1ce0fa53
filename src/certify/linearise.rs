//! Values and slopes of all functions of a problem at a point, by the plain evaluator over dual numbers.
//!
//! Each instance of each term is differentiated by its own leaves once; gradients then flow backwards through the
//! stages (last stage first, and within a stage that reads itself, last level first). The cost is linear in the
//! number of instances times the leaves of their bodies.

use super::dual::{Dual, Duals};
use crate::expr::eval::{self, Inputs};
use crate::expr::family::{Leaf, Source, Stage, StageId, Term};
use crate::expr::graph::{Node, NodeId};
use crate::expr::ops::Op;
use crate::problem::Problem;
use crate::problem::values::depends_on_variables;
use std::collections::BTreeMap;

/// Instances are evaluated in blocks of this many.
const LANES: usize = 256;

pub struct Linearised<'a> {
    pub problem: &'a Problem,
    /// By stage, where needed.
    pub values: Vec<Vec<f64>>,
    /// Which of the stages were asked for, themselves or through others.
    pub(super) needed: Vec<bool>,
    /// By stage, then by term.
    pub(super) slopes: Vec<Vec<Slopes>>,
    /// Which of the stages depend on variables.
    depends: Vec<bool>,
    x: Vec<f64>,
}

/// For each leaf that depends on variables: the partial derivative of the body for each instance.
pub(super) type Slopes = Vec<(u32, Vec<f64>)>;

/// Entries of a gradient by variable, ascending.
pub type SparseRow = Vec<(u32, f64)>;

impl<'a> Linearised<'a> {
    /// At the point `x`, for the stages `roots` and what they read.
    pub fn at(problem: &'a Problem, roots: &[StageId], x: &[f64]) -> Linearised<'a> {
        let needed = eval::needed(&problem.stages, roots);
        let inputs = inputs(problem, x, &[]);
        let values = eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
        let depends = depends_on_variables(problem);
        let mut slopes: Vec<Vec<Slopes>> = vec![vec![]; problem.stages.len()];
        for (k, stage) in problem.stages.iter().enumerate().filter(|(k, _)| needed[*k] && depends[*k]) {
            slopes[k] =
                stage.terms.iter().map(|term| term_slopes(problem, term, &depends, &inputs, &values, None)).collect();
        }
        Linearised { problem, values, needed, slopes, depends, x: x.to_vec() }
    }

    /// The slopes of a term where one of its leaves has other values than it reads.
    pub(super) fn slopes_moved(&self, term: &Term, leaf: usize, to: &dyn Fn(f64) -> f64) -> Slopes {
        let inputs = inputs(self.problem, &self.x, &[]);
        term_slopes(self.problem, term, &self.depends, &inputs, &self.values, Some((leaf, to)))
    }

    /// What a leaf reads for an instance.
    pub(super) fn read(&self, leaf: &Leaf, instance: usize) -> f64 {
        let at = leaf.map.at(instance);
        match leaf.source {
            Source::Variables => self.x[at],
            Source::Param(id) => self.problem.param(id).values[at],
            Source::Stage(id) => self.values[id.0 as usize][at],
            Source::After(_) => f64::NAN,
        }
    }

    /// `Σ weights[r] ∇stage[r]` over the stages of `seeds`, in all variables; and the weight that each row of each
    /// needed stage has in it.
    pub(super) fn sweep(&self, seeds: &[(StageId, &[f64])]) -> (Vec<f64>, Vec<Vec<f64>>) {
        self.swept(seeds, |part| part)
    }

    /// `Σ |weights[r]| |slope|` over the stages of `seeds` and over all paths to a variable: the size of what is summed
    /// up in the gradient.
    pub(super) fn sweep_of_sizes(&self, seeds: &[(StageId, &[f64])]) -> Vec<f64> {
        self.swept(seeds, f64::abs).0
    }

    fn swept(&self, seeds: &[(StageId, &[f64])], of: fn(f64) -> f64) -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut gradient = vec![0.0; self.problem.dimension as usize];
        let rows = |stage: &Stage| vec![0.0; stage.rows as usize];
        let reached = |k: usize| if self.needed[k] { rows(&self.problem.stages[k]) } else { vec![] };
        let mut adjoints: Vec<Vec<f64>> = (0..self.problem.stages.len()).map(reached).collect();
        for (stage, weights) in seeds {
            for (adjoint, weight) in adjoints[stage.0 as usize].iter_mut().zip(*weights) {
                *adjoint += of(*weight);
            }
        }
        for k in (0..self.problem.stages.len()).rev().filter(|k| self.needed[*k]) {
            for t in backwards(&self.problem.stages[k]) {
                self.pull_back(k, t, of, &mut adjoints, &mut gradient);
            }
        }
        (gradient, adjoints)
    }

    fn pull_back(&self, k: usize, t: usize, of: fn(f64) -> f64, adjoints: &mut [Vec<f64>], gradient: &mut [f64]) {
        let Some(slopes) = self.slopes[k].get(t) else { return };
        let term = &self.problem.stages[k].terms[t];
        for (leaf, slope) in slopes {
            let leaf = &term.family.leaves[*leaf as usize];
            for (p, slope) in slope.iter().enumerate() {
                // A row without weight has no say, even where its slope is infinite.
                let weight = adjoints[k][term.target.at(p)];
                if weight == 0.0 {
                    continue;
                }
                match leaf.source {
                    Source::Variables => gradient[leaf.map.at(p)] += of(weight * slope),
                    Source::Stage(id) => adjoints[id.0 as usize][leaf.map.at(p)] += of(weight * slope),
                    Source::Param(_) | Source::After(_) => {}
                }
            }
        }
    }

    /// For each row of each stage, the largest slope along a single path to a variable: what its entries are scaled
    /// by. It equals the largest entry of the gradient where no two paths end in the same variable.
    pub fn sizes(&self) -> Vec<Vec<f64>> {
        let mut sizes: Vec<Vec<f64>> = vec![vec![]; self.problem.stages.len()];
        for (k, stage) in self.problem.stages.iter().enumerate().filter(|(k, _)| self.needed[*k]) {
            sizes[k] = vec![0.0; stage.rows as usize];
            for t in backwards(stage).into_iter().rev() {
                let term = &stage.terms[t];
                for (leaf, slope) in self.slopes[k].get(t).into_iter().flatten() {
                    let leaf = &term.family.leaves[*leaf as usize];
                    for (p, slope) in slope.iter().enumerate() {
                        let through = match leaf.source {
                            Source::Stage(id) => sizes[id.0 as usize][leaf.map.at(p)],
                            Source::Variables | Source::Param(_) | Source::After(_) => 1.0,
                        };
                        let size = &mut sizes[k][term.target.at(p)];
                        *size = size.max((slope * through).abs());
                    }
                }
            }
        }
        sizes
    }

    /// The gradients of all rows of the given stages, sparse and ascending, or nothing if they have more than
    /// `budget` entries in all, those of the stages between included.
    pub fn rows(&self, roots: &[StageId], budget: usize) -> Option<BTreeMap<StageId, Vec<SparseRow>>> {
        let needed = eval::needed(&self.problem.stages, roots);
        let mut all: Vec<Vec<BTreeMap<u32, f64>>> = vec![vec![]; self.problem.stages.len()];
        let mut entries = 0;
        for (k, stage) in self.problem.stages.iter().enumerate().filter(|(k, _)| needed[*k]) {
            all[k] = vec![BTreeMap::new(); stage.rows as usize];
            for t in backwards(stage).into_iter().rev() {
                let term = &stage.terms[t];
                for (leaf, slope) in self.slopes[k].get(t).into_iter().flatten() {
                    let leaf = &term.family.leaves[*leaf as usize];
                    for (p, slope) in slope.iter().enumerate() {
                        let (row, from) = (term.target.at(p), leaf.map.at(p));
                        let read: Vec<(u32, f64)> = match leaf.source {
                            Source::Variables => vec![(from as u32, *slope)],
                            Source::Stage(id) => {
                                all[id.0 as usize][from].iter().map(|(j, inner)| (*j, inner * slope)).collect()
                            }
                            Source::Param(_) | Source::After(_) => vec![],
                        };
                        entries += read.len();
                        if entries > budget {
                            return None;
                        }
                        for (j, entry) in read {
                            *all[k][row].entry(j).or_default() += entry;
                        }
                    }
                }
            }
        }
        let rows = |id: &StageId| all[id.0 as usize].iter().map(|row| row.iter().map(|(j, v)| (*j, *v)).collect());
        Some(roots.iter().map(|id| (*id, rows(id).collect())).collect())
    }

    /// How much work one evaluation is: instances times nodes and leaves of their bodies.
    pub fn work(&self) -> usize {
        let stages = self.problem.stages.iter().enumerate().filter(|(k, _)| self.needed[*k]).map(|(_, stage)| stage);
        let terms = stages.flat_map(|stage| &stage.terms);
        let nodes = |term: &Term| self.problem.graph.reachable(&[term.family.body]).len() + term.family.leaves.len();
        terms.map(|term| term.family.instances as usize * nodes(term)).sum()
    }
}

/// What bodies read at a point.
pub fn inputs<'a>(problem: &'a Problem, x: &'a [f64], after: &'a [Vec<f64>]) -> Inputs<'a> {
    Inputs { variables: x, params: problem.params.iter().map(|param| param.values.as_slice()).collect(), after }
}

/// The terms of a stage, last level first.
fn backwards(stage: &Stage) -> Vec<usize> {
    let mut order: Vec<usize> = (0..stage.terms.len()).collect();
    order.sort_by_key(|t| std::cmp::Reverse(stage.terms[*t].level));
    order
}

/// A leaf whose values are not what it reads, and what they are instead.
type Moved<'m> = (usize, &'m dyn Fn(f64) -> f64);

fn term_slopes(
    problem: &Problem,
    term: &Term,
    depends: &[bool],
    inputs: &Inputs,
    stages: &[Vec<f64>],
    moved: Option<Moved>,
) -> Slopes {
    let family = &term.family;
    let instances = family.instances as usize;
    let varies = |source: Source| match source {
        Source::Variables => true,
        Source::Stage(id) => depends[id.0 as usize],
        Source::Param(_) | Source::After(_) => false,
    };
    let mut slopes: Slopes = vec![];
    for (k, leaf) in (0..).zip(&family.leaves) {
        if varies(leaf.source) {
            slopes.push((k, vec![0.0; instances]));
        }
    }
    if slopes.is_empty() {
        return slopes;
    }
    let chooses = |id: &NodeId| matches!(problem.graph.node(*id), Node::Call(Op::Select, _));
    let lanes = if problem.graph.reachable(&[family.body]).iter().any(chooses) { 1 } else { LANES };
    for first in (0..instances).step_by(lanes) {
        let block = first..(first + lanes).min(instances);
        let read = |(k, leaf): (usize, &crate::expr::family::Leaf)| {
            let source: &[f64] = match leaf.source {
                Source::Variables => inputs.variables,
                Source::Param(id) => inputs.params[id.0 as usize],
                Source::Stage(id) => &stages[id.0 as usize],
                Source::After(k) => &inputs.after[k as usize],
            };
            let mut value: Vec<f64> = block.clone().map(|p| source[leaf.map.at(p)]).collect();
            if let Some((_, to)) = moved.filter(|(moved, _)| *moved == k) {
                value.iter_mut().for_each(|v| *v = to(*v));
            }
            if varies(leaf.source) { Dual::leaf(k as u32, value) } else { Dual::constant(value) }
        };
        let leaves: Vec<Dual> = family.leaves.iter().enumerate().map(read).collect();
        let result = eval::body(&Duals { lanes: block.len(), chooser: None }, &problem.graph, family.body, &leaves);
        for (leaf, slope) in result.slopes {
            if let Some((_, column)) = slopes.iter_mut().find(|(k, _)| *k == leaf) {
                column[block.clone()].copy_from_slice(&slope);
            }
        }
    }
    slopes
}
