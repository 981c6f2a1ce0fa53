//! A follower's other answers as rows: `f(x, y) <= f(x, z)` where `z` follows the outer level.
//!
//! The conditions of a follower that is not convex also hold at answers that are not its best. If solving it finds a better
//! one, `z`, that answer is tied to what the outer level decides by its own conditions, its active rows and bounds kept as
//! equations: `∇f(x, z) - Σ μ_i ∇c_i(x, z) = 0`, `c_i(x, z) = b_i`. So one row excludes the wrong answer for all outer
//! points along which the branch of `z` goes on, not only for the one at which it was found.

use super::Problem;
use super::adjoint::Seed;
use super::conditions::{Conditions, add_variable, block_sign};
use super::level::Level;
use super::values::{Bounds, Numbers};
use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, StageId, Term};
use std::collections::HashMap;

/// Rows and bounds within this of their side, relative to its size, count as active.
const ACTIVE: f64 = 1e-5;

impl Conditions {
    /// Adds the rows of a rival `z` of one follower. `whole` is the problem that the conditions are of. Returns the values of
    /// the new variables.
    pub fn add_rival(&mut self, whole: &Problem, block: u32, instance: u32, level: &Level, z: &[f64]) -> Vec<f64> {
        let here = &whole.blocks[block as usize];
        let Some(objective) = here.objectives.first() else { return vec![] };
        let bounds = Bounds::of(&level.problem, &Numbers::of(&level.problem));
        let problem = &mut self.problem;
        let mut values = vec![];
        let mut rename: HashMap<u32, u32> = HashMap::new();
        let mut free: Vec<u32> = vec![];
        for (j, (&position, &value)) in level.own.iter().zip(z).enumerate() {
            let side = [bounds.lower[j], bounds.upper[j]].into_iter().find(|b| near(value, *b));
            let (lower, upper) = side.map_or((f64::NEG_INFINITY, f64::INFINITY), |b| (b, b));
            let number = add_variable(problem, "rival", super::index::Axes::scalar(), lower, upper);
            let new = problem.variables[number as usize].offset;
            rename.insert(position, new);
            values.push(side.unwrap_or(value));
            if side.is_none() {
                free.push(new);
            }
        }
        let active = active_rows(level, &bounds, z);
        let mut roots = vec![objective.stage];
        roots.extend(here.constraints.iter().map(|c| c.stage));
        let copies = problem.add_renamed(&roots, &rename);
        let mut seeds = vec![Seed { stage: copies[0], rows: vec![instance], factor: 1.0, read: None }];
        for &(constraint, row, side) in &active {
            let problem = &mut self.problem;
            let scalar = super::index::Axes::scalar();
            let number = add_variable(problem, "rival dual", scalar, f64::NEG_INFINITY, f64::INFINITY);
            let map = IndexMap::scalar(problem.variables[number as usize].offset as usize);
            let stage = copies[1 + constraint as usize];
            let read = Some(Leaf { source: Source::Variables, map });
            seeds.push(Seed { stage, rows: vec![row], factor: -1.0, read });
            values.push(0.0);
            let held = picked(problem, &[(stage, row, 1.0)]);
            self.equation("rival row", held, 1, side, here.span);
        }
        let problem = &mut self.problem;
        let slopes = problem.add_slopes("rival stationarity", &seeds, &free);
        let sign = block_sign(here);
        let better = picked(problem, &[(objective.stage, instance, sign), (copies[0], instance, -sign)]);
        if !free.is_empty() {
            self.equation("rival stationarity", slopes, free.len() as u32, 0.0, here.span);
        }
        self.at_most("not worse than the rival", better, 1, 0.0, here.span);
        values
    }
}

fn near(value: f64, side: f64) -> bool {
    side.is_finite() && (value - side).abs() <= ACTIVE * side.abs().max(1.0)
}

/// The constraint, the row and the side of what is active at `z`.
fn active_rows(level: &Level, bounds: &Bounds, z: &[f64]) -> Vec<(u32, u32, f64)> {
    let problem = &level.problem;
    let roots: Vec<StageId> = problem.constraints.iter().map(|c| c.stage).collect();
    let needed = crate::expr::eval::needed(&problem.stages, &roots);
    let params = problem.params.iter().map(|p| p.values.as_slice()).collect();
    let inputs = crate::expr::eval::Inputs { variables: z, params, after: &[] };
    let stages = crate::expr::eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
    let all = problem.constraints.iter().flat_map(|c| stages[c.stage.0 as usize].iter().map(|v| (c.dropped, *v)));
    let mut active = vec![];
    for (r, ((dropped, value), &(constraint, row))) in all.zip(&level.rows).enumerate() {
        let side = [bounds.row_lower[r], bounds.row_upper[r]].into_iter().find(|b| near(value, *b));
        if let (Some(side), false) = (side, dropped) {
            active.push((constraint, row, side));
        }
    }
    active
}

/// A stage of one row: the sum of rows of stages times factors.
fn picked(problem: &mut Problem, parts: &[(StageId, u32, f64)]) -> StageId {
    let mut terms = vec![];
    for &(stage, row, factor) in parts {
        let x = problem.graph.leaf(0);
        let body = problem.graph.scale(factor, x);
        let leaves = vec![Leaf { source: Source::Stage(stage), map: IndexMap::scalar(row as usize) }];
        let family = Family { instances: 1, leaves, body };
        terms.push(Term { family, target: IndexMap::scalar(0), level: 0, origin: (0, 0, 0) });
    }
    problem.stages.push(Stage { name: "rival".to_string(), rows: 1, terms, matrix: None });
    StageId(problem.stages.len() as u32 - 1)
}

impl Problem {
    /// Adds copies of stages, and of what they read, in which variables are read at other positions.
    fn add_renamed(&mut self, roots: &[StageId], rename: &HashMap<u32, u32>) -> Vec<StageId> {
        let needed = crate::expr::eval::needed(&self.stages, roots);
        let mut copies: Vec<Option<StageId>> = vec![None; self.stages.len()];
        for id in (0..self.stages.len()).filter(|id| needed[*id]) {
            let new = StageId(self.stages.len() as u32);
            let mut stage = self.stages[id].clone();
            let mut changed = false;
            for family in stage.terms.iter_mut().map(|t| &mut t.family) {
                for leaf in &mut family.leaves {
                    let positions = (0..family.instances as usize).map(|p| leaf.map.at(p) as u32);
                    match leaf.source {
                        Source::Variables => {
                            let moved: Vec<u32> = positions.map(|k| rename.get(&k).copied().unwrap_or(k)).collect();
                            changed |= moved.iter().enumerate().any(|(p, k)| *k as usize != leaf.map.at(p));
                            leaf.map = IndexMap::from_positions(moved);
                        }
                        Source::Stage(read) if read.0 as usize == id => leaf.source = Source::Stage(new),
                        Source::Stage(read) => {
                            if let Some(copy) = copies[read.0 as usize] {
                                leaf.source = Source::Stage(copy);
                                changed = true;
                            }
                        }
                        Source::Param(_) | Source::After(_) => {}
                    }
                }
            }
            if changed {
                copies[id] = Some(new);
                self.stages.push(stage);
            }
        }
        roots.iter().map(|id| copies[id.0 as usize].unwrap_or(*id)).collect()
    }
}
