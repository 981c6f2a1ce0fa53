//! Second-order conditions: is the Hessian of the Lagrangian definite where first order leaves the objective flat?
//!
//! With `H = ∇²L` (for a minimisation), the point is shown to be a strict local minimum if `d'Hd > 0` for all `d`
//! that keep the rows and bounds with a nonzero multiplier (a space that holds the critical cone). It is refuted if
//! `d'Hd < 0` for a `d` that keeps all active rows and bounds (a space within the critical cone) and their gradients
//! are independent. Signs come from a sparse factorisation ([`super::cone`]); a direction that refutes is confirmed by
//! differences of the gradient of the Lagrangian along it.

use super::cone::{Cone, Curved};
use super::hessian::{self, ENTRIES, Hessian, Sum};
use super::linearise::Linearised;
use super::program::Program;
use super::residuals::{Duals, Slopes};
use super::rows::Rows;
use crate::answer::certificate::SecondOrder;
use crate::expr::family::StageId;
use crate::threads;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Relative step of differences of gradients: near the cube root of their precision.
const STEP: f64 = 6e-6;
/// Entries of the Hessian are good to this part of what is summed up in their rows: a point within the tolerance moves
/// them by about 1e-6 of it. Small curvature must also last as far as the stationary point may be away: see [`lasts`].
const UNCERTAIN: f64 = 1e-5;
/// No curvature below this is told from none.
const NONE: f64 = 1e-13;
/// Weights of the rows against the size of the Hessian, one after the other until one shows it definite.
const WEIGHTS: [f64; 3] = [1e2, 1e5, 1e8];

/// What holds of the Hessian, and where it refutes the point: a direction along which the objective improves.
pub fn second_order(
    program: &Program,
    duals: &Duals,
    slopes: &Slopes,
    tolerance: f64,
) -> (SecondOrder, Option<Vec<f64>>) {
    let not_shown = |why: &str| (SecondOrder::NotShown(why.to_string()), None);
    let threads = threads::for_work(program.here.work());
    let sum = hessian::weighted(program, &slopes.weights);
    let (hessian, active) =
        threads::both(threads, || sum.and_then(Sum::finish), || Active::of(program, duals, slopes.steepest, tolerance));
    let hessian = match hessian {
        Ok(hessian) => hessian,
        Err(why) => return not_shown(&why),
    };
    let Some(active) = active else { return not_shown("the gradients of the rows have too many entries") };
    let doubt = doubt(&hessian);
    let scale = hessian.size().max(1e-8);
    let strong = active.cone(|_, strong| strong);
    let Some(mut curved) = Curved::new(&hessian, &strong) else { return not_shown("the factors are too large") };
    if WEIGHTS.iter().any(|weight| curved.definite(weight * scale, |j| -doubt[j])) {
        let Some(direction) = curved.lowest() else { return (SecondOrder::Shown, None) };
        let curvature = hessian.along(&direction);
        return match curvature > 0.0 && lasts(program, duals, slopes, &direction, curvature, tolerance) {
            true => (SecondOrder::Shown, None),
            false => not_shown("the curvature is so small that it may vanish at the exact stationary point"),
        };
    }
    let all = active.cone(|at, strong| at || strong);
    let Some(mut curved) = Curved::new(&hessian, &all) else { return not_shown("the factors are too large") };
    if WEIGHTS.iter().any(|weight| curved.definite(weight * scale, |j| -doubt[j])) {
        return not_shown("rows or bounds are active without a multiplier");
    }
    let flat = "there is a direction without curvature";
    let Some(direction) = descent(&mut curved, scale, &doubt) else { return not_shown(flat) };
    let curvature = hessian.along(&direction);
    if curvature >= -direction.iter().zip(&doubt).map(|(d, doubt)| d * d * doubt).sum::<f64>() {
        return not_shown(flat);
    }
    if !all.independent() {
        return not_shown("curvature is negative where gradients of active rows depend on each other");
    }
    if !lasts(program, duals, slopes, &direction, curvature, tolerance) {
        return not_shown("negative curvature is so small that it may vanish at the exact stationary point");
    }
    let sign = program.objective.map_or(1.0, |(_, sign)| sign);
    (SecondOrder::Refuted { curvature: sign * curvature }, Some(direction))
}

/// How far each row of the Hessian may be off.
fn doubt(hessian: &Hessian) -> Vec<f64> {
    hessian.sizes.iter().map(|size| (UNCERTAIN * size).max(NONE)).collect()
}

/// The direction of lowest curvature of a Hessian that is not definite on its cone. The shift that makes it definite is
/// bracketed, so that the inverse iteration is near.
fn descent(curved: &mut Curved, scale: f64, doubt: &[f64]) -> Option<Vec<f64>> {
    let weight = WEIGHTS[1] * scale;
    if curved.definite(weight, |j| doubt[j]) {
        return None;
    }
    let mut shift = 2.0 * scale;
    while shift > NONE && curved.definite(weight, |_| 0.25 * shift) {
        shift *= 0.25;
    }
    if !curved.definite(weight, |_| shift) {
        return None;
    }
    curved.lowest()
}

/// Whether the curvature along a unit direction keeps its sign and at least half of its size as far as a stationary point
/// may be away, by differences of the whole gradient: a slope within the tolerance moves it by
/// `tolerance max(1, ‖∇f‖) / curvature`. Up to the step of the differences, those to both sides of the point tell.
fn lasts(program: &Program, duals: &Duals, slopes: &Slopes, direction: &[f64], curvature: f64, tolerance: f64) -> bool {
    let functions = program.functions();
    let reach = tolerance * slopes.steepest / curvature.abs();
    let step = STEP * program.x.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
    let along = |gradient: &[f64]| -> f64 { gradient.iter().zip(direction).map(|(g, d)| g * d).sum() };
    let here = along(&slopes.gradient);
    let at = |t: f64| {
        if t == 0.0 {
            return here;
        }
        let there = Linearised::at(program.problem, &functions, &moved(&program.x, direction, t));
        along(&program.lagrangian_gradient(&there, 1.0, &duals.rows))
    };
    let holds = |there: f64| there * curvature.signum() >= 0.5 * curvature.abs();
    let ends = if reach <= step {
        vec![(step, 0.0), (0.0, -step)]
    } else {
        vec![(reach + step, reach - step), (step - reach, -step - reach)]
    };
    let threads = threads::for_work(program.here.work());
    let differences = threads::each(ends, threads, |(up, down)| (at(up) - at(down)) / (up - down));
    differences.into_iter().all(holds)
}

/// Gradients of the rows that are active or have a clear multiplier, and the variables at their bounds.
struct Active {
    rows: Arc<BTreeMap<StageId, Rows>>,
    /// Which of the rows: active, and with a clear multiplier.
    kept: Vec<(StageId, usize, bool, bool)>,
    bounds: Vec<(bool, bool)>,
}

impl Active {
    /// `steepest` is that of [`Slopes`].
    fn of(program: &Program, duals: &Duals, steepest: f64, tolerance: f64) -> Option<Active> {
        let clear = tolerance.sqrt() * 1e-2 * steepest;
        let near = tolerance.sqrt() * 1e-1;
        let stages: Vec<_> = program.blocks.iter().map(|b| b.stage).collect();
        let mut active = Active { rows: program.here.rows(&stages, ENTRIES)?, kept: vec![], bounds: vec![] };
        for block in &program.blocks {
            for (r, &c) in program.row_values(block).iter().enumerate() {
                let at = |bound: f64| bound.is_finite() && (c - bound).abs() <= near * block.scale[r].max(bound.abs());
                let equality = block.lower[r] == block.upper[r];
                let strong = equality || (duals.rows[block.rows.start + r] * block.size[r]).abs() > clear;
                active.kept.push((block.stage, r, at(block.lower[r]) || at(block.upper[r]), strong));
            }
        }
        for (j, &x) in program.x.iter().enumerate() {
            let at = |bound: f64| bound.is_finite() && (x - bound).abs() <= near * bound.abs().max(1.0);
            let fixed = program.lower[j] == program.upper[j];
            let strong = fixed || duals.lower[j].abs() > clear || duals.upper[j].abs() > clear;
            active.bounds.push((at(program.lower[j]) || at(program.upper[j]), strong));
        }
        Some(active)
    }

    /// The directions that keep the rows and bounds of which `keeps(active, strong)`.
    fn cone(&self, keeps: impl Fn(bool, bool) -> bool) -> Cone {
        let fixed: Vec<bool> = self.bounds.iter().map(|(at, strong)| keeps(*at, *strong)).collect();
        let kept = self.kept.iter().filter(|(_, _, at, strong)| keeps(*at, *strong));
        Cone::new(&fixed, kept.map(|(stage, r, _, _)| &self.rows[stage][*r]))
    }
}

fn moved(x: &[f64], direction: &[f64], t: f64) -> Vec<f64> {
    x.iter().zip(direction).map(|(x, d)| x + t * d).collect()
}
