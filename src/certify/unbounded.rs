//! Does the objective really improve without end?
//!
//! Proof for linear problems: a feasible point and a direction `d` that no side of a row or bound stops, with
//! `∇f'd < 0`. Otherwise the direction is followed by evaluation over growing lengths, which is said not to be a
//! proof.

use super::convexity::facts;
use super::program::Program;
use super::residuals;
use crate::answer::certificate::{Certificate, Kind, Proved, SecondOrder, Witness};

/// Slopes along the ray within this of zero, relative to the scale of their row, are rounding.
const ROUNDING: f64 = 1e-9;
/// The ray is followed to ten to this, for a direction whose largest entry is 1.
const DECADES: i32 = 10;
/// How far the objective must have improved at the end, relative to `max(1, |f|)` at the point.
const DEEP: f64 = 1e6;

pub fn certificate(program: &Program, ray: Option<&[f64]>, tolerance: f64) -> Certificate {
    let mut residuals = residuals::primal(program, tolerance);
    let here = residuals.iter().all(|r| r.value <= r.tolerance);
    let zero = vec![0.0; program.problem.row_count()];
    let steepest = || program.lagrangian_gradient(&program.here, 1.0, &zero).iter().map(|g| -g).collect::<Vec<f64>>();
    let candidates = [ray.map(<[f64]>::to_vec), Some(program.x.clone()), Some(steepest())];
    let mut proved = Proved::Nothing;
    for direction in candidates.into_iter().flatten().filter_map(|d| free_part(program, &d)) {
        if here && stopped_nowhere(program, &direction) {
            let because = "a direction of improvement that no row and no bound stops, all being linear".to_string();
            proved = Proved::Unbounded { because, followed: false };
            break;
        }
        if proved == Proved::Nothing
            && let Some(reached) = follow(program, &direction, tolerance)
        {
            let because = format!("along a ray the objective was followed to {reached:.3e} over feasible points");
            proved = Proved::Unbounded { because, followed: true };
        }
    }
    if let Proved::Unbounded { followed: true, .. } = proved {
        // The points along the ray were feasible, whatever the first one is.
        residuals.iter_mut().for_each(|r| r.tolerance = f64::INFINITY);
    }
    let notes = match &proved {
        Proved::Unbounded { followed: true, .. } => vec!["following a ray is evidence, not a proof".to_string()],
        _ => vec![],
    };
    Certificate::judged(Kind::Unbounded, tolerance, residuals, SecondOrder::NotAsked, proved, Witness::None, notes)
}

/// The direction without what a finite bound stops, its largest entry of size 1.
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
    (size > 0.0 && size.is_finite()).then(|| part.iter().map(|d| d / size).collect())
}

/// The proof for linear problems.
fn stopped_nowhere(program: &Program, direction: &[f64]) -> bool {
    let facts = facts(program);
    let linear =
        |stage: crate::expr::family::StageId| facts[stage.0 as usize].facts.degree.is_some_and(|degree| degree <= 1);
    let Some((objective, _)) = program.objective else { return false };
    if !program.functions().into_iter().all(linear) {
        return false;
    }
    let stages: Vec<_> = program.blocks.iter().map(|b| b.stage).chain([objective]).collect();
    let Some(rows) = program.here.rows(&stages, 50_000_000) else { return false };
    let along = |row: &[(u32, f64)]| row.iter().map(|(j, v)| v * direction[*j as usize]).sum::<f64>();
    let kept = program.blocks.iter().all(|block| {
        (0..block.rows.len()).all(|r| {
            let slope = along(&rows[&block.stage][r]) / block.scale[r];
            (block.lower[r] == f64::NEG_INFINITY || slope >= -ROUNDING)
                && (block.upper[r] == f64::INFINITY || slope <= ROUNDING)
        })
    });
    let sign = program.objective.map_or(1.0, |(_, sign)| sign);
    let gradient = &rows[&objective][0];
    let size = gradient.iter().fold(1.0, |most: f64, (_, v)| most.max(v.abs()));
    kept && sign * along(gradient) < -1e3 * ROUNDING * size
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
