//! First-order conditions of `min sign f(x)  s.t.  row_lower <= c <= row_upper, lower <= x <= upper`, as figures.
//!
//! With `y` for the rows and `z` for the bounds in the convention of the room `answer`, turned to a minimisation:
//! primal (rows, bounds, integrality), dual (`∇f - J'y - z = 0`), complementarity, and the signs of multipliers.
//! Rows are scaled by `max(1, largest slope, violated bound)`, bounds by `max(1, |bound|)`, slopes of the Lagrangian by
//! the size of their parts within `[1, max(1, ‖∇f‖)]`, complementarity by `max(1, |f|)`. No scale grows with the
//! multipliers alone: huge ones, as of a row that is all but flat, would hide what is wrong.

use super::program::{Program, violation};
use crate::answer::Multipliers;
use crate::answer::certificate::{Place, Residual};
use crate::threads;

/// Multipliers of a minimisation: `y` over all rows, and those of the bounds.
#[derive(Clone, Debug)]
pub struct Duals {
    pub rows: Vec<f64>,
    /// `>= 0` where valid.
    pub lower: Vec<f64>,
    /// `<= 0` where valid.
    pub upper: Vec<f64>,
}

impl Duals {
    /// The multipliers of the room `answer`, turned to a minimisation. Lengths that do not fit become NaN, which no
    /// residual survives.
    pub fn of(program: &Program, given: &Multipliers) -> Duals {
        let sign = program.objective.map_or(1.0, |(_, sign)| sign);
        let turned = |part: &[f64], count: usize| match part.len() == count {
            true => part.iter().map(|v| sign * v).collect(),
            false => vec![f64::NAN; count],
        };
        let n = program.x.len();
        Duals {
            rows: turned(&given.rows, program.problem.row_count()),
            lower: turned(&given.lower, n),
            upper: turned(&given.upper, n),
        }
    }

    pub fn zero(program: &Program) -> Duals {
        let n = program.x.len();
        Duals { rows: vec![0.0; program.problem.row_count()], lower: vec![0.0; n], upper: vec![0.0; n] }
    }
}

/// Slopes of the Lagrangian, and what they are measured by.
pub struct Slopes {
    /// `max(1, ‖∇f‖)`: what slopes are divided by at most, and multipliers times the slope of their row.
    pub steepest: f64,
    /// `|∇f| + Σ |y_i ∇c_i|`, by paths.
    sizes: Vec<f64>,
    /// `∇f - Σ y_i ∇c_i`
    pub gradient: Vec<f64>,
    /// What each row of each stage weighs in the gradient.
    pub weights: Vec<Vec<f64>>,
}

impl Slopes {
    pub fn at(program: &Program, duals: &Duals) -> Slopes {
        let sizes = || (slope_scale(program), program.lagrangian_sizes(1.0, &duals.rows));
        let slopes = || program.lagrangian_sweep(&program.here, 1.0, &duals.rows);
        let ((steepest, sizes), (gradient, weights)) =
            threads::both(threads::for_work(program.here.work()), sizes, slopes);
        Slopes { steepest, sizes, gradient, weights }
    }
}

/// The worst figure so far and where it is.
struct Worst {
    value: f64,
    unscaled: f64,
    place: Option<Place>,
}

impl Worst {
    fn new() -> Worst {
        Worst { value: 0.0, unscaled: 0.0, place: None }
    }

    /// A NaN is worse than anything.
    fn see(&mut self, unscaled: f64, scale: f64, place: impl FnOnce() -> Option<Place>) {
        let value = unscaled / scale;
        if value > self.value || (value.is_nan() && !self.value.is_nan()) {
            *self = Worst { value, unscaled, place: place() };
        }
    }

    fn residual(self, name: &'static str, tolerance: f64) -> Residual {
        Residual { name, value: self.value, unscaled: self.unscaled, tolerance, place: self.place }
    }
}

/// Feasibility: rows and bounds together, and integrality where something is integer.
pub fn primal(program: &Program, tolerance: f64) -> Vec<Residual> {
    let mut worst = Worst::new();
    for block in &program.blocks {
        for (r, &c) in program.row_values(block).iter().enumerate() {
            let scale = block.primal_scale(r, c);
            worst.see(block.violation(r, c).abs(), scale, || Some(program.row_place(block, r)));
        }
    }
    let mut integrality = Worst::new();
    for (j, &x) in program.x.iter().enumerate() {
        let (lower, upper) = (program.lower[j], program.upper[j]);
        let bound = if x < lower { lower } else { upper };
        let scale = if bound.is_finite() { bound.abs().max(1.0) } else { 1.0 };
        worst.see(violation(lower, upper, x).abs(), scale, || program.variable_place(j));
        if program.integer[j] {
            integrality.see((x - x.round()).abs(), 1.0, || program.variable_place(j));
        }
    }
    let mut residuals = vec![worst.residual("primal", tolerance)];
    if program.integer.contains(&true) {
        residuals.push(integrality.residual("integrality", tolerance));
    }
    residuals
}

/// Values that must be numbers: the objective and the point itself. Infinite or NaN rows show in [`primal`].
pub fn finite(program: &Program, tolerance: f64) -> Residual {
    let mut worst = Worst::new();
    let figure = |value: f64| if value.is_finite() { 0.0 } else { f64::INFINITY };
    let stages = program.problem.objectives.iter().map(|o| (o, program.here.values[o.stage.0 as usize][0]));
    for (objective, value) in stages {
        let place = Place { label: objective.label.clone(), span: objective.span };
        worst.see(figure(value), 1.0, || Some(place));
    }
    for (j, &x) in program.x.iter().enumerate() {
        worst.see(figure(x), 1.0, || program.variable_place(j));
    }
    worst.residual("finite", tolerance)
}

/// `max(1, ‖∇f‖)`
fn slope_scale(program: &Program) -> f64 {
    let zero = vec![0.0; program.problem.row_count()];
    let slope = program.lagrangian_gradient(&program.here, 1.0, &zero);
    let scale = slope.iter().fold(1.0, |most: f64, g| most.max(g.abs()));
    if scale.is_finite() { scale } else { 1.0 }
}

/// What the slope of the Lagrangian in each variable is divided by: the size of its parts, but at most `max(1, ‖∇f‖)`,
/// so that neither large multipliers nor a steep objective elsewhere hide a slope.
fn dual_scale(duals: &Duals, slopes: &Slopes, j: usize) -> f64 {
    slopes.steepest.min(slopes.sizes[j] + duals.lower[j].abs() + duals.upper[j].abs()).max(1.0)
}

/// Stationarity, complementarity and signs. Complementarity is in terms of the objective: `y (c - b)` is what the
/// objective would gain if the side were where the row is, and is measured by `max(1, |f|)`.
pub fn dual(program: &Program, duals: &Duals, slopes: &Slopes, tolerance: f64) -> Vec<Residual> {
    let steepest = slopes.steepest;
    let mut stationarity = Worst::new();
    for (j, g) in slopes.gradient.iter().enumerate() {
        let rest = g - duals.lower[j] - duals.upper[j];
        stationarity.see(rest.abs(), dual_scale(duals, slopes, j), || program.variable_place(j));
    }
    let objective = program.objective_value().abs().max(1.0);
    let mut complementarity = Worst::new();
    let mut signs = Worst::new();
    for block in &program.blocks {
        for (r, &c) in program.row_values(block).iter().enumerate() {
            let y = duals.rows[block.rows.start + r];
            let bound = if y > 0.0 { block.lower[r] } else { block.upper[r] };
            if bound.is_finite() {
                complementarity.see((y * (c - bound)).abs(), objective, || Some(program.row_place(block, r)));
            } else if y != 0.0 {
                let in_slopes = if y.is_nan() { y } else { (y * block.size[r]).abs() / steepest };
                signs.see(y.abs(), y.abs() / in_slopes, || Some(program.row_place(block, r)));
            }
        }
    }
    for (j, &x) in program.x.iter().enumerate() {
        for (z, bound, valid) in [(duals.lower[j], program.lower[j], 1.0), (duals.upper[j], program.upper[j], -1.0)] {
            if bound.is_finite() {
                complementarity.see((z * (x - bound)).abs(), objective, || program.variable_place(j));
            }
            let wrong = if bound.is_finite() { (-valid * z).max(0.0) } else { z.abs() };
            signs.see(if z.is_nan() { z } else { wrong }, steepest, || program.variable_place(j));
        }
    }
    vec![
        stationarity.residual("dual", tolerance),
        complementarity.residual("complementarity", tolerance),
        signs.residual("sign", tolerance),
    ]
}
