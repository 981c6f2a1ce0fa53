//! Whether the multiplier of a row is the only one.
//!
//! At a point of a level let `A` be the rows and bounds that bind. The multipliers `y` of its conditions
//! `gradient of the objective = sum(a in A: y[a] * gradient of a)` differ by vectors `z` with
//! `sum(a in A: z[a] * gradient of a) = 0`. So `y[r]` is determined if and only if the gradient of `r` is no combination of
//! the others, all of them by what the level decides. A bound that binds has a unit vector for its gradient: it takes its
//! variable out of all others.

use super::here::{Here, TOUCHING, jacobian};
use crate::linalg::vector::{add_multiple, dot, two_norm};

/// Above so many products nothing but the count of what binds is looked at.
const MOST: usize = 100_000_000;

/// Why the multiplier of row `row` of family `k`, which binds, is not determined, if so; of too many rows to compare their
/// gradients, why not all of them are.
pub(super) fn doubt(here: &Here, k: usize, row: usize) -> Option<String> {
    let problem = &*here.problem;
    let level = here.block_of_row(k).map(|b| &problem.blocks[b]);
    let instances = |f: usize| level.map(|block| problem.constraints[f].axes.instances(&block.axes));
    let instance = instances(k).map_or(0, |all| all[row]);
    let own = decided(here, here.block_of_row(k), instance);
    let free: Vec<usize> = own.iter().copied().filter(|&j| here.at_bound(j).is_empty()).collect();
    let starts = problem.row_starts();
    let r = starts[k] + row;
    let mut others = vec![];
    for f in here.families_of(here.block_of_row(k)) {
        let of = instances(f);
        let mine =
            (0..problem.constraints[f].rows as usize).filter(|&i| of.as_ref().is_none_or(|of| of[i] == instance));
        others.extend(mine.map(|i| starts[f] + i).filter(|&i| i != r && here.binds(i)));
    }
    let (bind, decides) = (others.len() + 1 + own.len() - free.len(), own.len());
    let plural = if decides == 1 { "" } else { "s" };
    let counted = (bind > decides)
        .then(|| format!("{bind} rows and bounds bind, and its level decides {decides} number{plural}"));
    if others.len() * others.len() * free.len() > MOST {
        return counted;
    }
    let (pattern, slopes) = jacobian(problem, &here.x);
    let gradient = |r: usize| {
        let mut dense = vec![0.0; free.len()];
        for e in pattern.row(r) {
            if let Ok(position) = free.binary_search(&(pattern.columns[e] as usize)) {
                dense[position] = slopes[e];
            }
        }
        dense
    };
    let mut basis: Vec<Vec<f64>> = vec![];
    for other in others {
        let new = gradient(other);
        let left = outside(&new, &basis);
        let length = two_norm(&left);
        if length > TOUCHING * two_norm(&new) {
            basis.push(left.iter().map(|v| v / length).collect());
        }
    }
    let new = gradient(r);
    let depends = two_norm(&outside(&new, &basis)) <= TOUCHING * two_norm(&new);
    let combination = || "its gradient is a combination of those of other rows and bounds that bind".to_string();
    depends.then(|| counted.unwrap_or_else(combination))
}

/// The numbers that one instance of a block decides, or the outermost level; ascending.
fn decided(here: &Here, block: Option<usize>, instance: u32) -> Vec<usize> {
    let problem = &*here.problem;
    let Some(b) = block else {
        let owners = problem.owners();
        return (0..owners.len()).filter(|&j| owners[j].is_none()).collect();
    };
    let mut own = vec![];
    for &v in &problem.blocks[b].variables {
        let variable = &problem.variables[v as usize];
        let of = variable.axes.instances(&problem.blocks[b].axes);
        own.extend((0..of.len()).filter(|&p| of[p] == instance).map(|p| variable.offset as usize + p));
    }
    own.sort_unstable();
    own
}

/// What of a vector is orthogonal to orthonormal vectors. Twice, since the first time leaves what rounding left.
fn outside(vector: &[f64], basis: &[Vec<f64>]) -> Vec<f64> {
    let mut left = vector.to_vec();
    for direction in basis.iter().chain(basis) {
        let along = dot(&left, direction);
        add_multiple(&mut left, -along, direction);
    }
    left
}
