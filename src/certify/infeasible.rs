//! Is there really no feasible point?
//!
//! Proofs: bounds that exclude each other; a row whose interval over the box misses its sides; or weights `λ` with
//! ```text
//! φ(x) = Σ λ_i (b_i - c_i(x)),   b_i the lower side for λ_i > 0, the upper side for λ_i < 0,
//! ```
//! convex and positive all over the box, while every feasible point has `φ <= 0`. Rows that are not convex on their
//! side are left out of `φ`. Else the point may still be stationary for the violation of some rows: nothing near is
//! less infeasible.

use super::convexity::{facts, usable};
use super::fit::{fit, polish};
use super::program::{Block, Program};
use super::residuals;
use crate::answer::certificate::{Certificate, Kind, Place, Proved, SecondOrder, Witness};
use crate::expr::curvature::StageFacts;

/// Where the box is infinite, `φ` is followed this many times `max(1, |x_j|)` far.
const FAR: f64 = 1e6;
/// What is left of a slope whose parts cancel, relative to the parts.
const ROUNDING: f64 = 1e-11;
/// Rows beyond this are not asked alone.
const MOST_ROWS_ALONE: usize = 500;
/// `φ` must exceed this, relative to the size of its terms, to be positive beyond rounding.
const CLEAR: f64 = 1e-9;
/// How flat the violation must be, in units of the tolerance, before it is followed downhill.
const STATIONARY: f64 = 100.0;
/// Downhill the violation is followed from 10^-3 to 10^10 times `max(1, ‖x‖)`, and must fall by this part to count.
const FIRST_DECADE: i32 = -3;
const LAST_DECADE: i32 = 10;
const LOWER: f64 = 1e-3;
/// Rows named at most.
const NAMED: usize = 10;

pub fn certificate(program: &Program, ray: Option<&[f64]>, tolerance: f64) -> Certificate {
    let mut notes = vec![];
    let pushes = pushes(program, ray, tolerance);
    let proved = match proof(program, ray, &pushes, tolerance, &mut notes) {
        Some(because) => Proved::Infeasible { because },
        None => stationary(program, &pushes, tolerance),
    };
    let residuals = residuals::primal(program, f64::INFINITY);
    Certificate::judged(Kind::Infeasible, tolerance, residuals, SecondOrder::NotAsked, proved, Witness::None, notes)
}

/// Whether weights of the rows, or what follows from them, show that no point is feasible.
pub fn shown(program: &Program, ray: &[f64], tolerance: f64) -> bool {
    let pushes = pushes(program, Some(ray), tolerance);
    proof(program, Some(ray), &pushes, tolerance, &mut vec![]).is_some()
}

fn proof(
    program: &Program,
    ray: Option<&[f64]>,
    pushes: &[Push],
    tolerance: f64,
    notes: &mut Vec<String>,
) -> Option<String> {
    for j in 0..program.x.len() {
        let (lower, upper) = (program.lower[j], program.upper[j]);
        if lower - upper > tolerance * lower.abs().max(1.0) {
            let name = program.variable_place(j).map_or(String::new(), |place| place.label);
            return Some(format!("the bounds of `{name}` exclude each other: {lower} and {upper}"));
        }
    }
    let facts = facts(program);
    for block in &program.blocks {
        let reach = facts[block.stage.0 as usize].facts.interval;
        for r in 0..block.rows.len() {
            let (lower, upper) = (block.lower[r], block.upper[r]);
            let slack = |bound: f64| tolerance * bound.abs().max(1.0);
            let missed =
                lower - reach.hi > slack(lower) || reach.lo - upper > slack(upper) || lower - upper > slack(lower);
            if missed {
                let name = program.row_place(block, r).label;
                return Some(format!(
                    "within the bounds, `{name}` takes values from {} to {} only",
                    reach.lo, reach.hi
                ));
            }
        }
    }
    let rays = ray.iter().flat_map(|ray| [ray.to_vec(), ray.iter().map(|v| -v).collect()]);
    let candidates = rays.chain(pushes.iter().map(|push| push.weights.clone()));
    for weights in candidates.filter(|w| w.len() == program.problem.row_count()) {
        let Some(weights) = valid(program, &facts, &weights) else { continue };
        let polished = valid(program, &facts, &polish(program, &weights)).unwrap_or_else(|| weights.clone());
        for weights in [weights, polished] {
            let Some(level) = positive(program, &weights) else { continue };
            if level.infinite {
                notes.push("where variables have no bounds, slopes cancel but for rounding".to_string());
            }
            return Some(format!(
                "a combination of the rows is at least {:.3e} everywhere but must not be positive",
                level.least
            ));
        }
    }
    None
}

/// Weights in proportion to how rows are violated, scaled: for the sum of violations, or for half their squares.
fn violations(program: &Program, squares: bool) -> Vec<f64> {
    let mut weights = vec![0.0; program.problem.row_count()];
    for block in &program.blocks {
        for (r, &c) in program.row_values(block).iter().enumerate() {
            let off = block.violation(r, c) / block.scale[r];
            if off != 0.0 && off.is_finite() {
                weights[block.rows.start + r] = if squares { off } else { off.signum() } / block.scale[r];
            }
        }
    }
    weights
}

/// Weights of sides that exist and on which the row is convex, the others 0; the largest of size 1 when times the
/// scale of its row. Nothing if none is left.
fn valid(program: &Program, facts: &[StageFacts], weights: &[f64]) -> Option<Vec<f64>> {
    let mut kept = vec![0.0; weights.len()];
    let mut largest = 0.0f64;
    for block in &program.blocks {
        for r in 0..block.rows.len() {
            let weight = weights[block.rows.start + r];
            let bound = if weight > 0.0 { block.lower[r] } else { block.upper[r] };
            if weight != 0.0 && bound.is_finite() && usable(&facts[block.stage.0 as usize], weight) {
                kept[block.rows.start + r] = weight;
                largest = largest.max(weight.abs() * block.scale[r]);
            }
        }
    }
    (largest > 0.0 && largest.is_finite()).then(|| kept.iter().map(|w| w / largest).collect())
}

struct Level {
    least: f64,
    /// Whether a variable without a bound had a slope left.
    infinite: bool,
}

/// The least value of `φ` over the box, if it is clearly positive.
fn positive(program: &Program, weights: &[f64]) -> Option<Level> {
    let (mut least, mut size) = (0.0, 1.0);
    for block in &program.blocks {
        for (r, &c) in program.row_values(block).iter().enumerate() {
            let weight = weights[block.rows.start + r];
            if weight != 0.0 {
                let bound = if weight > 0.0 { block.lower[r] } else { block.upper[r] };
                least += weight * (bound - c);
                size += (weight * bound).abs() + (weight * c).abs();
            }
        }
    }
    let slope = program.lagrangian_gradient(&program.here, 0.0, weights);
    let mut infinite = false;
    let mut parts = None;
    for (j, &g) in slope.iter().enumerate().filter(|(_, g)| **g != 0.0) {
        let x = program.x[j];
        let room = if g > 0.0 { x - program.lower[j] } else { program.upper[j] - x };
        if room.is_infinite() {
            // However small, a slope without a bound reaches anything far enough out: only rounding may be left of it.
            let parts = parts.get_or_insert_with(|| slope_parts(program, weights));
            if g.abs() > ROUNDING * parts.as_ref()?[j] {
                return None;
            }
            infinite = true;
        }
        let fall = g.abs() * if room.is_infinite() { FAR * x.abs().max(1.0) } else { room };
        least -= fall;
        // Rounding is in proportion to what was moved over.
        size += g.abs() * (x.abs() + if room.is_infinite() { 0.0 } else { room.abs() });
    }
    (least > CLEAR * size).then_some(Level { least, infinite })
}

/// For each variable, the sum of the sizes of what the rows put into the slope of their combination. Nothing if so many
/// rows take part that asking each alone would take too long.
fn slope_parts(program: &Program, weights: &[f64]) -> Option<Vec<f64>> {
    let taking_part: Vec<usize> = (0..weights.len()).filter(|r| weights[*r] != 0.0).collect();
    if taking_part.len() > MOST_ROWS_ALONE {
        return None;
    }
    let mut parts = vec![0.0; program.x.len()];
    for r in taking_part {
        let mut alone = vec![0.0; weights.len()];
        alone[r] = weights[r];
        let slope = program.lagrangian_gradient(&program.here, 0.0, &alone);
        parts.iter_mut().zip(slope).for_each(|(part, g)| *part += g.abs());
    }
    Some(parts)
}

/// A weighted sum of the violations at the point, with weights for the rows that hold and resist lowering it.
struct Push {
    weights: Vec<f64>,
    /// What is left of the slope of the sum, the violated rows having weights of size 1 over their scale.
    rest: f64,
}

/// The sum of violations as the ray weighs them, the plain scaled sum, and the sum of their squares.
fn pushes(program: &Program, ray: Option<&[f64]>, tolerance: f64) -> Vec<Push> {
    let signs = violations(program, false);
    let of_ray = ray.filter(|ray| ray.len() == signs.len()).into_iter().flat_map(|ray| {
        let turned = |sign: f64| ray.iter().map(|w| sign * w).collect::<Vec<f64>>();
        [turned(1.0), turned(-1.0)]
    });
    let mut pushes = vec![];
    for mut weights in of_ray.chain([signs.clone(), violations(program, true)]) {
        // Weights push towards the violated side; rows that hold get theirs from the fit.
        weights.iter_mut().zip(&signs).for_each(|(w, s)| *w = if *w * s > 0.0 { *w } else { 0.0 });
        let size = weights.iter().zip(&signs).filter(|(_, s)| **s != 0.0).map(|(w, s)| w / s).fold(0.0, f64::max);
        if !(size > 0.0 && size.is_finite()) {
            continue;
        }
        weights.iter_mut().for_each(|w| *w /= size);
        let slope = program.lagrangian_gradient(&program.here, 0.0, &weights);
        if let Some(fit) = fit(program, &slope, tolerance) {
            weights.iter_mut().zip(&fit.duals.rows).for_each(|(w, y)| *w += y);
            pushes.push(Push { weights, rest: fit.rest });
        }
    }
    pushes
}

/// Whether no step from the point lowers a weighted sum of the violations to first order. Where all its rows are convex
/// that would prove infeasibility, so there only a proof counts.
fn stationary(program: &Program, pushes: &[Push], tolerance: f64) -> Proved {
    let mut rows: Vec<(f64, Place)> = vec![];
    for block in &program.blocks {
        for (r, &c) in program.row_values(block).iter().enumerate() {
            let off = block.violation(r, c).abs() / block.primal_scale(r, c);
            if off > tolerance {
                rows.push((off, program.row_place(block, r)));
            }
        }
    }
    let facts = facts(program);
    let stuck = |push: &Push| {
        push.rest <= STATIONARY * tolerance
            && !all_convex(program, &facts, &push.weights)
            && !falls(program, &push.weights)
    };
    if rows.is_empty() || !pushes.iter().any(stuck) {
        return Proved::Nothing;
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    Proved::StationaryInfeasibility { rows: rows.into_iter().take(NAMED).map(|(_, row)| row).collect() }
}

/// Whether `φ` of the weights is convex.
fn all_convex(program: &Program, facts: &[StageFacts], weights: &[f64]) -> bool {
    program.blocks.iter().all(|block| {
        let stage = &facts[block.stage.0 as usize];
        weights[block.rows.clone()].iter().all(|weight| *weight == 0.0 || usable(stage, *weight))
    })
}

/// Whether the violation falls by a clear part on the way down the slope of `φ`, near or far: a flat slope alone says
/// nothing, as rows may be of any scale.
fn falls(program: &Program, weights: &[f64]) -> bool {
    let slope = program.lagrangian_gradient(&program.here, 0.0, weights);
    let size = slope.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
    let far = program.x.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
    let violation = |program: &Program| -> f64 {
        let block = |block: &Block| -> f64 {
            let rows = program.row_values(block).iter().enumerate();
            rows.map(|(r, &c)| block.violation(r, c).abs() / block.scale[r]).sum()
        };
        program.blocks.iter().map(block).sum()
    };
    let first = violation(program);
    let mut last = first;
    if !(size > 0.0 && size.is_finite()) {
        return false;
    }
    for decade in FIRST_DECADE..=LAST_DECADE {
        let t = 10f64.powi(decade) * far / size;
        let step = |(j, g): (usize, &f64)| (program.x[j] - t * g).max(program.lower[j]).min(program.upper[j]);
        let x: Vec<f64> = slope.iter().enumerate().map(step).collect();
        let now = violation(&Program::at(program.problem, &x));
        if now < (1.0 - LOWER) * first {
            return true;
        }
        if now.is_nan() || now > last + 1e-12 * first {
            return false;
        }
        last = now;
    }
    false
}
