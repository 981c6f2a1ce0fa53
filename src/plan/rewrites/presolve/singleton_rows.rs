//! `lower <= constant + a x <= upper` bounds one variable.

use super::{Presolve, Undo};
use crate::plan::rewrites::Rewrite;
use crate::problem::chain::Side;

pub const REWRITE: Rewrite = Rewrite {
    name: "rows as bounds",
    doc: "a linear row of one variable becomes a bound of that variable",
    lifts: "where the row gave the tighter bound, the multiplier of the bound over the slope is the row's; else it is 0",
};

/// Which rows became bounds. A row that leaves nothing between the bounds is left for the judge.
pub fn apply(presolve: &mut Presolve) -> Vec<usize> {
    let mut became = vec![];
    for r in presolve.kept() {
        let Some(row) = &presolve.rows[r] else { continue };
        let [(j, slope)] = row.slopes[..] else { continue };
        let (variable, bounds) = (j as usize, &mut presolve.bounds);
        let of = |side: f64| if side.is_finite() { (side - row.constant) / slope } else { side * slope.signum() };
        let (lower, upper) = match slope > 0.0 {
            true => (of(bounds.row_lower[r]), of(bounds.row_upper[r])),
            false => (of(bounds.row_upper[r]), of(bounds.row_lower[r])),
        };
        let overflown = lower == f64::INFINITY || upper == f64::NEG_INFINITY;
        if overflown || lower.max(bounds.lower[variable]) > upper.min(bounds.upper[variable]) {
            continue;
        }
        if lower > bounds.lower[variable] {
            bounds.lower[variable] = lower;
            presolve.undo.push(Undo::Bound { variable, side: Side::Lower, row: r, slope });
        }
        if upper < bounds.upper[variable] {
            bounds.upper[variable] = upper;
            presolve.undo.push(Undo::Bound { variable, side: Side::Upper, row: r, slope });
        }
        presolve.free(r);
        became.push(r);
    }
    became
}
