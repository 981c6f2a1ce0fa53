//! What a model gives of followers' multipliers, and where methods take it up.
//!
//! A start is where the multiplier's variable begins in the point of all variables. Bounds are those of that variable: what
//! replaces followers by their conditions keeps them, other methods refuse them
//! ([`super::facts::Nest::needs_free_multipliers`]).

use super::follower::Follower;
use crate::answer::Multipliers;
use crate::problem::{Problem, SuppliedBy};

/// Whether the model, or an earlier answer, says where multipliers of a block begin.
pub fn begins(problem: &Problem, block: u32) -> bool {
    let mut supplied = problem.blocks[block as usize].supplied.iter();
    supplied.any(|s| problem.variables[s.variable as usize].start.is_some())
}

/// For each row of a follower the position of its multiplier in the point of all variables, and the sign between that
/// number and the derivative with respect to the side.
pub fn places(problem: &Problem, follower: &Follower) -> Vec<Option<(u32, f64)>> {
    let block = &problem.blocks[follower.block as usize];
    let place = |&(k, r): &(u32, u32)| {
        let variable = problem.supplied_variable(follower.block, SuppliedBy::Row(k))?;
        Some((problem.variables[variable as usize].offset + r, block.constraints[k as usize].dual_sign))
    };
    follower.level.rows.iter().map(place).collect()
}

/// The multipliers of a follower as a point of all variables has them; 0 of bounds whose multipliers are no variables.
pub fn multipliers(problem: &Problem, follower: &Follower, whole: &[f64]) -> Multipliers {
    let own = &follower.level.own;
    let rows = places(problem, follower);
    let of_bounds = |by: fn(u32) -> SuppliedBy| -> Vec<f64> {
        let mut values = vec![0.0; own.len()];
        for &v in &problem.blocks[follower.block as usize].variables {
            let Some(supplied) = problem.supplied_variable(follower.block, by(v)) else { continue };
            let (owner, offset) = (&problem.variables[v as usize], problem.variables[supplied as usize].offset);
            for p in 0..owner.axes.len() as u32 {
                if let Some(j) = own.iter().position(|&k| k == owner.offset + p) {
                    values[j] = whole[(offset + p) as usize];
                }
            }
        }
        values
    };
    Multipliers {
        rows: rows.iter().map(|place| place.map_or(0.0, |(k, sign)| sign * whole[k as usize])).collect(),
        lower: of_bounds(SuppliedBy::Lower),
        upper: of_bounds(SuppliedBy::Upper),
    }
}
