//! Linear rows that hold at every point within the bounds.

use super::{CLEAR, Presolve};
use crate::expr::interval::Interval;
use crate::plan::rewrites::Rewrite;

pub const REWRITE: Rewrite = Rewrite {
    name: "redundant rows",
    doc: "a linear row that holds wherever the bounds hold does not constrain",
    lifts: "its multiplier is 0",
};

/// Which rows were freed.
pub fn apply(presolve: &mut Presolve) -> Vec<usize> {
    let mut freed = vec![];
    for r in presolve.kept() {
        let Some(row) = &presolve.rows[r] else { continue };
        let bounds = &presolve.bounds;
        let reach = row.slopes.iter().fold(Interval::exactly(row.constant), |sum, (j, slope)| {
            let variable = Interval::new(bounds.lower[*j as usize], bounds.upper[*j as usize]);
            sum.plus(variable.times(Interval::exactly(*slope)))
        });
        // A row that only just holds may carry a multiplier: it stays.
        let slack = |side: f64| CLEAR * side.abs().max(1.0);
        let (lower, upper) = (bounds.row_lower[r], bounds.row_upper[r]);
        let above = lower == f64::NEG_INFINITY || reach.lo > lower + slack(lower);
        let below = upper == f64::INFINITY || reach.hi < upper - slack(upper);
        if above && below && !row.slopes.is_empty() {
            presolve.free(r);
            freed.push(r);
        }
    }
    freed
}
