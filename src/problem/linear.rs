//! Rows that are linear in the variables, as numbers: `c_r(x) = constant + Σ a_j x_j`.
//!
//! Slopes are derivatives of bodies (nodes), evaluated for all instances of a family at once, and carried from stage to
//! stage. Rows that are not shown to be linear have none.

use super::Problem;
use super::curvature::Forms;
use super::values::{Numbers, depends_on_variables};
use crate::expr::derive;
use crate::expr::eval::{self, Inputs};
use crate::expr::family::{Leaf, Source, StageId, Term};
use crate::expr::graph::{Graph, Node};

/// More entries than this are not listed.
const MOST: usize = 500_000;

#[derive(Clone, Debug, PartialEq)]
pub struct LinearRow {
    pub constant: f64,
    /// Variables ascending, slopes not 0.
    pub slopes: Vec<(u32, f64)>,
}

/// For each row of the problem what it is, if it is linear. Dropped rows are not looked at. Nothing if it is too much.
pub fn rows(problem: &Problem, forms: &Forms) -> Option<Vec<Option<LinearRow>>> {
    let linear = |k: usize| forms.rows[k].degree.is_some_and(|degree| degree <= 1);
    let chosen: Vec<usize> = (0..problem.constraints.len()).filter(|k| !problem.constraints[*k].dropped).collect();
    let chosen: Vec<usize> = chosen.into_iter().filter(|k| linear(*k)).collect();
    let roots: Vec<StageId> = chosen.iter().map(|k| problem.constraints[*k].stage).collect();
    let needed = eval::needed(&problem.stages, &roots);
    let depends = depends_on_variables(problem);
    let numbers = Numbers::of(problem);
    let origin = vec![0.0; problem.dimension as usize];
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let values =
        eval::stages(&problem.graph, &problem.stages, &needed, &Inputs { variables: &origin, params, after: &[] });
    let mut found = Found { problem, numbers, depends, slopes: vec![vec![]; problem.stages.len()], left: MOST };
    let mut graph = problem.graph.clone();
    for k in (0..problem.stages.len()).filter(|k| needed[*k]) {
        found.stage(&mut graph, k, &values)?;
    }
    let mut out = vec![None; problem.row_count()];
    let starts = problem.row_starts();
    for k in chosen {
        let stage = problem.constraints[k].stage.0 as usize;
        for (r, slopes) in found.slopes[stage].iter().enumerate() {
            let row = LinearRow { constant: values[stage][r], slopes: merged(slopes.clone()) };
            let finite = row.constant.is_finite() && row.slopes.iter().all(|(_, a)| a.is_finite());
            out[starts[k] + r] = finite.then_some(row);
        }
    }
    Some(out)
}

struct Found<'p> {
    problem: &'p Problem,
    numbers: Numbers,
    depends: Vec<bool>,
    /// By stage and row.
    slopes: Vec<Vec<Vec<(u32, f64)>>>,
    left: usize,
}

impl Found<'_> {
    fn stage(&mut self, graph: &mut Graph, k: usize, values: &[Vec<f64>]) -> Option<()> {
        let stage = &self.problem.stages[k];
        // Of variables that bounds fix: a number, but not the one that it has where all variables are 0.
        if stage.matrix.is_some() && self.depends[k] {
            return None;
        }
        self.slopes[k] = vec![vec![]; stage.rows as usize];
        let mut terms: Vec<&Term> = stage.terms.iter().collect();
        terms.sort_by_key(|term| term.level);
        for term in terms {
            self.term(graph, k, term, values)?;
        }
        self.slopes[k].iter_mut().for_each(|row| *row = merged(std::mem::take(row)));
        Some(())
    }

    fn varies(&self, source: Source) -> bool {
        match source {
            Source::Variables | Source::After(_) => true,
            Source::Stage(id) => self.depends[id.0 as usize],
            Source::Param(_) => false,
        }
    }

    fn term(&mut self, graph: &mut Graph, k: usize, term: &Term, values: &[Vec<f64>]) -> Option<()> {
        let family = &term.family;
        let used: Vec<u32> = graph
            .reachable(&[family.body])
            .into_iter()
            .filter_map(|id| match graph.node(id) {
                Node::Leaf(l) => Some(l),
                Node::Constant(_) | Node::Call(..) => None,
            })
            .filter(|l| self.varies(family.leaves[*l as usize].source))
            .collect();
        let nodes = derive::gradient(graph, family.body, &used);
        let instances = family.instances as usize;
        for (l, node) in used.into_iter().zip(nodes) {
            let Some(node) = node else { continue };
            let mut column =
                |l: u32| (0..instances).map(|p| self.number(&family.leaves[l as usize], p, values)).collect();
            let slopes = eval::columns(graph, node, instances, &mut column);
            let leaf = &family.leaves[l as usize];
            for (p, slope) in slopes.into_iter().enumerate().filter(|(_, slope)| *slope != 0.0) {
                let (at, row) = (leaf.map.at(p), term.target.at(p));
                match leaf.source {
                    Source::Stage(id) => {
                        let inner = merged(self.slopes[id.0 as usize].get(at)?.clone());
                        self.left = self.left.checked_sub(inner.len())?;
                        self.slopes[k][row].extend(inner.into_iter().map(|(j, a)| (j, slope * a)));
                    }
                    Source::Variables | Source::Param(_) | Source::After(_) => {
                        self.left = self.left.checked_sub(1)?;
                        self.slopes[k][row].push((at as u32, slope));
                    }
                }
            }
        }
        Some(())
    }

    /// What a leaf reads where all variables are 0: slopes of what is linear do not depend on them.
    fn number(&self, leaf: &Leaf, p: usize, values: &[Vec<f64>]) -> f64 {
        let at = leaf.map.at(p);
        match leaf.source {
            Source::Variables | Source::After(_) => 0.0,
            Source::Param(_) => self.numbers.source(self.problem, leaf.source)[at],
            Source::Stage(id) => values[id.0 as usize].get(at).copied().unwrap_or(f64::NAN),
        }
    }
}

/// One entry for each variable, ascending; those that cancel are gone.
fn merged(mut entries: Vec<(u32, f64)>) -> Vec<(u32, f64)> {
    entries.sort_by_key(|(j, _)| *j);
    let mut out: Vec<(u32, f64)> = vec![];
    for (j, a) in entries {
        match out.last_mut() {
            Some((last, sum)) if *last == j => *sum += a,
            _ => out.push((j, a)),
        }
    }
    out.retain(|(_, a)| *a != 0.0);
    out
}
