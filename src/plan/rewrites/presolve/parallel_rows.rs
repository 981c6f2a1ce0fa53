//! Rows whose slopes are multiples of another row's: that one takes over their sides.

use super::{Presolve, Undo};
use crate::plan::rewrites::Rewrite;
use crate::problem::chain::Side;
use std::collections::HashMap;

pub const REWRITE: Rewrite = Rewrite {
    name: "parallel rows",
    doc: "of linear rows with proportional slopes one is kept, with the tightest sides of all",
    lifts: "the multiplier goes to the row that the tight side came from, in proportion to the slopes",
};

/// Slopes this close, in proportion, are equal.
const EQUAL: f64 = 1e-13;

/// Which rows were merged into others. Rows that exclude each other are left for the judge.
pub fn apply(presolve: &mut Presolve) -> Vec<usize> {
    let mut by_variables: HashMap<Vec<u32>, Vec<usize>> = HashMap::new();
    let mut merged = vec![];
    for r in presolve.kept() {
        let variables: Vec<u32> = match &presolve.rows[r] {
            Some(row) if row.slopes.len() >= 2 => row.slopes.iter().map(|(j, _)| *j).collect(),
            Some(_) | None => continue,
        };
        let others = by_variables.entry(variables).or_default();
        let Some((kept, factor)) = others.iter().find_map(|&k| Some((k, factor(presolve, k, r)?))) else {
            others.push(r);
            continue;
        };
        if take_over(presolve, kept, r, factor) {
            merged.push(r);
        }
    }
    merged
}

/// How many times the slopes of `r` are those of `kept`, if they are.
fn factor(presolve: &Presolve, kept: usize, r: usize) -> Option<f64> {
    let (kept, row) = (presolve.rows[kept].as_ref()?, presolve.rows[r].as_ref()?);
    let factor = row.slopes[0].1 / kept.slopes[0].1;
    let same = |(a, b): (&(u32, f64), &(u32, f64))| (factor * a.1 - b.1).abs() <= EQUAL * b.1.abs();
    kept.slopes.iter().zip(&row.slopes).all(same).then_some(factor)
}

fn take_over(presolve: &mut Presolve, kept: usize, r: usize, factor: f64) -> bool {
    let constant = |row: usize| presolve.rows[row].as_ref().map_or(0.0, |row| row.constant);
    let (from, to) = (constant(r), constant(kept));
    let bounds = &mut presolve.bounds;
    let of = |side: f64| if side.is_finite() { (side - from) / factor + to } else { side * factor.signum() };
    let (lower, upper) = match factor > 0.0 {
        true => (of(bounds.row_lower[r]), of(bounds.row_upper[r])),
        false => (of(bounds.row_upper[r]), of(bounds.row_lower[r])),
    };
    let overflown = lower == f64::INFINITY || upper == f64::NEG_INFINITY;
    if overflown || lower.max(bounds.row_lower[kept]) > upper.min(bounds.row_upper[kept]) {
        return false;
    }
    if lower > bounds.row_lower[kept] {
        bounds.row_lower[kept] = lower;
        presolve.undo.push(Undo::Side { row: kept, side: Side::Lower, from: r, factor });
    }
    if upper < bounds.row_upper[kept] {
        bounds.row_upper[kept] = upper;
        presolve.undo.push(Undo::Side { row: kept, side: Side::Upper, from: r, factor });
    }
    presolve.free(r);
    true
}
