//! Rows without variables that hold.

use super::{CLEAR, Presolve};
use crate::plan::rewrites::Rewrite;

pub const REWRITE: Rewrite = Rewrite {
    name: "empty rows",
    doc: "a row without variables that holds does not constrain",
    lifts: "its multiplier is 0",
};

/// Which rows were freed. Those that do not hold are left for the judge.
pub fn apply(presolve: &mut Presolve) -> Vec<usize> {
    let mut freed = vec![];
    for r in presolve.kept() {
        let Some(row) = presolve.rows[r].as_ref().filter(|row| row.slopes.is_empty()) else { continue };
        let (lower, upper, value) = (presolve.bounds.row_lower[r], presolve.bounds.row_upper[r], row.constant);
        let slack = CLEAR * value.abs().max(1.0);
        if lower <= value + slack && value - slack <= upper {
            presolve.free(r);
            freed.push(r);
        }
    }
    freed
}
