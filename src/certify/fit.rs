//! Multipliers for a point that came without: the best fit `min ‖∇f - Σ y_i ∇c_i - z‖` over the rows and bounds that
//! are nearly active, none of the wrong sign.
//!
//! Conjugate gradients on the normal equations, with rows scaled to unit length; after each fit the multipliers of
//! the wrong sign are dropped and the rest is fitted again.

use super::program::Program;
use super::residuals::Duals;

/// Rows and bounds within this many tolerances of their bound count as active.
const NEAR: f64 = 100.0;
/// Rounds of dropping; each drops at least one.
const ROUNDS: usize = 50;
/// Entries of the sparse rows, all in all.
const BUDGET: usize = 20_000_000;

/// A nearly active row or bound: where its multiplier goes, which sign is valid (0: both), and its unit gradient.
struct Active {
    target: Target,
    sign: f64,
    length: f64,
    gradient: Vec<(u32, f64)>,
}

/// Whose multiplier, by position.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    Row(usize),
    Lower(usize),
    Upper(usize),
}

/// Fitted multipliers; all zero where fitting would be too expensive.
pub fn multipliers(program: &Program, tolerance: f64) -> Duals {
    let zero = Duals::zero(program);
    let goal = program.lagrangian_gradient(&program.here, 1.0, &zero.rows);
    fit(program, &goal, tolerance).map_or(zero, |fit| fit.duals)
}

/// Whether fits are made at all: the slopes of the rows fit into the budget.
pub fn is_affordable(program: &Program) -> bool {
    let stages: Vec<_> = program.blocks.iter().map(|b| b.stage).collect();
    program.here.rows(&stages, BUDGET).is_some()
}

pub struct Fit {
    pub duals: Duals,
    /// The largest entry of what is left of the goal.
    pub rest: f64,
}

/// The best fit of any goal by the nearly active rows and bounds.
pub fn fit(program: &Program, goal: &[f64], tolerance: f64) -> Option<Fit> {
    let (active, fitted) = fitted(program, goal, tolerance)?;
    let mut duals = Duals::zero(program);
    let mut rest = goal.to_vec();
    for (a, value) in active.iter().zip(&fitted) {
        a.gradient.iter().for_each(|(j, g)| rest[*j as usize] -= value * g);
        match a.target {
            Target::Row(r) => duals.rows[r] = value / a.length,
            Target::Lower(j) => duals.lower[j] = value / a.length,
            Target::Upper(j) => duals.upper[j] = value / a.length,
        }
    }
    let rest = rest.iter().fold(0.0, |most: f64, r| most.max(r.abs()));
    Some(Fit { duals, rest })
}

/// The multipliers of the best fit where the nearly active rows and bounds have other gradients than their own: those that
/// `seen` makes of them, none for what does not count.
pub fn seen_otherwise(
    program: &Program,
    goal: &[f64],
    tolerance: f64,
    mut seen: impl FnMut(Target, Vec<(u32, f64)>) -> Vec<(u32, f64)>,
) -> Option<Vec<(Target, f64)>> {
    let own = active(program, NEAR * tolerance)?;
    let otherwise = own.into_iter().filter_map(|a| {
        let gradient = seen(a.target, a.gradient.into_iter().map(|(j, g)| (j, g * a.length)).collect());
        let length = gradient.iter().map(|(_, g)| g * g).sum::<f64>().sqrt();
        let gradient = gradient.into_iter().map(|(j, g)| (j, g / length)).collect();
        (length > 0.0 && length.is_finite()).then_some(Active { length, gradient, ..a })
    });
    let (active, fitted) = signed(otherwise.collect(), goal)?;
    Some(active.iter().zip(fitted).map(|(a, value)| (a.target, value / a.length)).collect())
}

/// The part of a direction that the nearly active rows and bounds do not stop, to first order: the nearest one that
/// leaves none of them.
pub fn kept(program: &Program, direction: &[f64], tolerance: f64) -> Option<Vec<f64>> {
    if direction.len() != program.x.len() {
        return None;
    }
    let goal: Vec<f64> = direction.iter().map(|d| -d).collect();
    let (active, fitted) = fitted(program, &goal, tolerance)?;
    let mut kept = direction.to_vec();
    for (a, value) in active.iter().zip(&fitted) {
        a.gradient.iter().for_each(|(j, g)| kept[*j as usize] += value * g);
    }
    Some(kept)
}

/// The weights nearest to the given ones, of the same rows, whose combination of gradients vanishes in the variables
/// that lack a bound on the side it would fall to.
pub fn polish(program: &Program, weights: &[f64]) -> Vec<f64> {
    polished(program, 0.0, weights)
}

/// The same with the slope of the objective, times a factor, in the combination.
pub fn polished(program: &Program, objective: f64, weights: &[f64]) -> Vec<f64> {
    let goal = program.lagrangian_gradient(&program.here, objective, weights);
    let open = |j: usize| if goal[j] > 0.0 { program.lower[j] } else { program.upper[j] }.is_infinite();
    let goal: Vec<f64> = goal.iter().enumerate().map(|(j, &g)| if open(j) { g } else { 0.0 }).collect();
    let stages: Vec<_> = program.blocks.iter().map(|b| b.stage).collect();
    let Some(rows) = program.here.rows(&stages, BUDGET) else { return weights.to_vec() };
    let mut active = vec![];
    for block in &program.blocks {
        for r in (0..block.rows.len()).filter(|r| weights[block.rows.start + r] != 0.0) {
            let gradient = rows[&block.stage][r].iter().filter(|(j, _)| open(*j as usize)).copied().collect();
            active.push(Active { target: Target::Row(block.rows.start + r), sign: 0.0, length: 1.0, gradient });
        }
    }
    let mut polished = weights.to_vec();
    for (a, value) in active.iter().zip(least_squares(&active, &goal)) {
        if let Target::Row(r) = a.target {
            polished[r] += value;
        }
    }
    // A weight that changed its side is not a correction.
    polished.iter_mut().zip(weights).for_each(|(p, w)| *p = if *p * w > 0.0 { *p } else { 0.0 });
    polished
}

fn fitted(program: &Program, goal: &[f64], tolerance: f64) -> Option<(Vec<Active>, Vec<f64>)> {
    signed(active(program, NEAR * tolerance)?, goal)
}

/// What fits best without multipliers of the wrong sign.
fn signed(mut active: Vec<Active>, goal: &[f64]) -> Option<(Vec<Active>, Vec<f64>)> {
    if goal.iter().any(|g| !g.is_finite()) {
        return None;
    }
    for _ in 0..ROUNDS {
        let fitted = least_squares(&active, goal);
        let keep: Vec<bool> = active.iter().zip(&fitted).map(|(a, v)| a.sign * v >= 0.0).collect();
        if keep.iter().all(|keep| *keep) {
            return Some((active, fitted));
        }
        let mut keep = keep.into_iter();
        active.retain(|_| keep.next() == Some(true));
    }
    let mut fitted = least_squares(&active, goal);
    fitted.iter_mut().zip(&active).for_each(|(v, a)| *v = if a.sign * *v < 0.0 { 0.0 } else { *v });
    Some((active, fitted))
}

fn active(program: &Program, near: f64) -> Option<Vec<Active>> {
    let stages: Vec<_> = program.blocks.iter().map(|b| b.stage).collect();
    let rows = program.here.rows(&stages, BUDGET)?;
    let mut active = vec![];
    let mut add = |target, at_lower: bool, at_upper: bool, gradient: &[(u32, f64)]| {
        let length = gradient.iter().map(|(_, v)| v * v).sum::<f64>().sqrt();
        if !(at_lower || at_upper) || !(length > 0.0 && length.is_finite()) {
            return;
        }
        let sign = at_lower as u8 as f64 - at_upper as u8 as f64;
        let gradient = gradient.iter().map(|(j, v)| (*j, v / length)).collect();
        active.push(Active { target, sign, length, gradient });
    };
    for block in &program.blocks {
        for (r, &c) in program.row_values(block).iter().enumerate() {
            let at = |bound: f64| bound.is_finite() && (c - bound).abs() <= near * block.scale[r].max(bound.abs());
            let gradient = &rows[&block.stage][r];
            add(Target::Row(block.rows.start + r), at(block.lower[r]), at(block.upper[r]), gradient);
        }
    }
    for (j, &x) in program.x.iter().enumerate() {
        let at = |bound: f64| bound.is_finite() && (x - bound).abs() <= near * bound.abs().max(1.0);
        let unit = [(j as u32, 1.0)];
        add(Target::Lower(j), at(program.lower[j]), false, &unit);
        add(Target::Upper(j), false, at(program.upper[j]), &unit);
    }
    Some(active)
}

/// `min ‖goal - Σ v_i a_i‖` by conjugate gradients on the normal equations.
fn least_squares(active: &[Active], goal: &[f64]) -> Vec<f64> {
    let combine = |v: &[f64]| {
        let mut sum = vec![0.0; goal.len()];
        for (a, v) in active.iter().zip(v) {
            a.gradient.iter().for_each(|(j, g)| sum[*j as usize] += v * g);
        }
        sum
    };
    let project = |r: &[f64]| -> Vec<f64> {
        active.iter().map(|a| a.gradient.iter().map(|(j, g)| g * r[*j as usize]).sum()).collect()
    };
    let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
    let mut v = vec![0.0; active.len()];
    let mut rest = goal.to_vec();
    let mut slope = project(&rest);
    let mut direction = slope.clone();
    let mut size = square(&slope);
    let end = 1e-28 * size;
    for _ in 0..(4 * active.len()).clamp(50, 5000) {
        if size <= end || size == 0.0 {
            break;
        }
        let image = combine(&direction);
        let below = square(&image);
        if below == 0.0 {
            break;
        }
        let t = size / below;
        v.iter_mut().zip(&direction).for_each(|(v, d)| *v += t * d);
        rest.iter_mut().zip(&image).for_each(|(r, i)| *r -= t * i);
        slope = project(&rest);
        let next = square(&slope);
        direction.iter_mut().zip(&slope).for_each(|(d, s)| *d = s + next / size * *d);
        size = next;
    }
    v
}
