//! Does the objective really improve without end?
//!
//! Proof: a ray on which every row is at last on its side and the objective falls below every bound, by polynomials that
//! enclose them ([`super::ray`]). Without it a direction is followed by evaluation over growing lengths, which the notes
//! tell: that is evidence, and no status follows from it.

use super::fit;
use super::program::Program;
use super::ray::proves_unbounded;
use super::residuals;
use crate::answer::certificate::{Certificate, Kind, Proved, SecondOrder, Witness};

/// The ray is followed to ten to this, for a direction whose largest entry is 1.
const DECADES: i32 = 10;
/// How far the objective must have improved at the end, relative to `max(1, |f|)` at the point.
const DEEP: f64 = 1e6;

/// Looks for a ray along the given directions, the point itself and the steepest descent, each also without what rows
/// and bounds stop.
pub fn certificate(program: &Program, rays: &[Vec<f64>], tolerance: f64) -> Certificate {
    let zero = vec![0.0; program.problem.row_count()];
    let steepest: Vec<f64> = program.lagrangian_gradient(&program.here, 1.0, &zero).iter().map(|g| -g).collect();
    let mut directions: Vec<Vec<f64>> = vec![];
    for direction in rays.iter().cloned().chain([program.x.clone(), steepest]) {
        let kept = fit::kept(program, &direction, tolerance);
        directions.extend([Some(direction), kept].into_iter().flatten().filter_map(|d| free_part(program, &d)));
    }
    let proof = directions.iter().any(|d| {
        proves_unbounded(program, d, tolerance)
            // Far out, what rows leave of large numbers is lost to rounding: the same ray from where it comes from.
            || back(program, d).is_some_and(|x| proves_unbounded(&Program::at(program.problem, &x), d, tolerance))
    });
    let mut notes = vec![];
    let proved = if proof {
        let because = "along a ray that no row and no bound stops, the objective passes every bound".to_string();
        Proved::Unbounded { because }
    } else {
        let reached = directions.iter().find_map(|d| follow(program, d, tolerance));
        notes.extend(reached.map(|f| {
            format!(
                "along a ray the objective was followed to {f:.3e} over feasible points: it may be unbounded, but that \
                 was not proved"
            )
        }));
        Proved::Nothing
    };
    let mut residuals = residuals::primal(program, tolerance);
    // Points far out on the ray are feasible, whatever the first one is.
    residuals.iter_mut().for_each(|r| r.tolerance = f64::INFINITY);
    Certificate::judged(Kind::Unbounded, tolerance, residuals, SecondOrder::NotAsked, proved, Witness::None, notes)
}

/// The point moved back along the direction until a bound is reached; nothing if none is.
fn back(program: &Program, direction: &[f64]) -> Option<Vec<f64>> {
    let room = |(j, &d): (usize, &f64)| match d {
        d if d > 0.0 => (program.x[j] - program.lower[j]) / d,
        d if d < 0.0 => (program.x[j] - program.upper[j]) / d,
        _ => f64::INFINITY,
    };
    let most = direction.iter().enumerate().map(room).fold(f64::INFINITY, f64::min);
    let moved = |(j, d): (usize, &f64)| (program.x[j] - most * d).max(program.lower[j]).min(program.upper[j]);
    (most > 0.0 && most.is_finite()).then(|| direction.iter().enumerate().map(moved).collect())
}

/// The direction without what a finite bound stops, its largest entry of size 1; entries that are rounding are 0.
fn free_part(program: &Program, direction: &[f64]) -> Option<Vec<f64>> {
    if direction.len() != program.x.len() {
        return None;
    }
    let free = |(j, &d): (usize, &f64)| {
        let side = if d > 0.0 { program.upper[j] } else { program.lower[j] };
        if side.is_finite() { 0.0 } else { d }
    };
    let part: Vec<f64> = direction.iter().enumerate().map(free).collect();
    let size = part.iter().fold(0.0, |most: f64, d| most.max(d.abs()));
    let scaled = |d: &f64| if d.abs() <= 1e-12 * size { 0.0 } else { d / size };
    (size > 0.0 && size.is_finite()).then(|| part.iter().map(scaled).collect())
}

/// The objective as stated at the end of the ray, if all points on it are feasible and each is clearly better than
/// the one before.
fn follow(program: &Program, direction: &[f64], tolerance: f64) -> Option<f64> {
    let mut last = program.objective_value();
    let goal = last - DEEP * last.abs().max(1.0);
    for decade in 0..=DECADES {
        let t = 10f64.powi(decade);
        let x: Vec<f64> = program.x.iter().zip(direction).map(|(x, d)| x + t * d).collect();
        let there = Program::at(program.problem, &x);
        let feasible = residuals::primal(&there, tolerance).iter().all(|r| r.value <= r.tolerance);
        let value = there.objective_value();
        // The step itself may start outside by a little; only later points must be feasible.
        if value.is_nan() || value >= last || (!feasible && decade > 2) {
            return None;
        }
        last = value;
        if last == f64::NEG_INFINITY {
            break;
        }
    }
    (last < goal).then(|| program.objective.map_or(last, |(_, sign)| sign * last))
}
