//! The problem whose rows and variables are what a sensitivity is of and to.

use super::after::{self, Combination};
use super::point::Point;
use crate::expr::eval::needed;
use crate::expr::family::Source;
use crate::problem::features::Features;
use crate::problem::promote::promote;
use crate::problem::{self, AfterSolve, Problem};

/// The problem with what is asked for at its end: rows, and variables for parameters and for duals.
pub(super) struct View {
    pub problem: Problem,
    pub joint: Vec<f64>,
    /// Number of the first row that is watched, and how many.
    pub watched: usize,
    pub of: usize,
    /// Positions of what is differentiated by.
    pub to: std::ops::Range<usize>,
    /// Position of the first of each quantity after the solve, and its elements.
    pub quantities: Vec<(usize, Vec<Combination>)>,
    /// What is asked for has kinks somewhere.
    pub bends: bool,
}

impl View {
    pub fn new(problem: &Problem, point: &Point, asked: &problem::Sensitivity, after: &[Vec<f64>]) -> View {
        let mut view = point.problem.clone();
        let watched = view.row_count();
        view.watch(asked.of, asked.span);
        let mut joint = point.x.clone();
        let numbers = view.numbers_of(asked.to.source, after);
        joint.extend(&numbers);
        let first = promote(&mut view, asked.to.source, numbers, "parameter") + asked.to.offset as usize;
        let mut quantities = vec![];
        for k in read_after(problem, asked) {
            let numbers = after[k as usize].clone();
            joint.extend(&numbers);
            let at = promote(&mut view, Source::After(k), numbers, "after the solve");
            quantities.push((at, after::elements(problem, point, problem.after_solve[k as usize])));
        }
        let of = view.stage(asked.of).rows as usize;
        let to = first..first + asked.to.count as usize;
        View { problem: view, joint, watched, of, to, quantities, bends: bends(problem, asked) }
    }
}

/// Whether what is asked for has no derivative at some point.
fn bends(problem: &Problem, asked: &problem::Sensitivity) -> bool {
    let (objectives, constraints, blocks) = (vec![], vec![], vec![]);
    let mut alone = Problem { objectives, constraints, blocks, ..problem.clone() };
    alone.watch(asked.of, asked.span);
    let features = Features::of(&alone);
    !features.kinks.is_empty() || !features.cases.is_empty()
}

/// Which quantities that exist after the solve are read by what is asked for.
pub(super) fn read_after(problem: &Problem, asked: &problem::Sensitivity) -> Vec<u32> {
    let read = needed(&problem.stages, &[asked.of]);
    let stages = problem.stages.iter().zip(read).filter(|(_, read)| *read).map(|(stage, _)| stage);
    let leaves = stages.flat_map(|s| &s.terms).flat_map(|t| &t.family.leaves);
    let mut found: Vec<u32> = leaves
        .filter_map(|leaf| match leaf.source {
            Source::After(k) if problem.after_solve[k as usize] != AfterSolve::Unsupported => Some(k),
            Source::After(_) | Source::Variables | Source::Param(_) | Source::Stage(_) => None,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}
