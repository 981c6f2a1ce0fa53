//! First-order conditions of `min sign f(x)  s.t.  row_lower <= c <= row_upper, lower <= x <= upper`, as figures.
//!
//! With `y` for the rows and `z` for the bounds in the convention of the room `answer`, turned to a minimisation:
//! primal (rows, bounds, integrality), dual (`∇f - J'y - z = 0`), complementarity, and the signs of multipliers.
//! Rows are scaled by `max(1, largest slope, violated bound)`, bounds by `max(1, |bound|)`, and what multipliers
//! enter by `max(1, ‖∇f‖, mean multiplier / 100)`.

use super::program::{Program, violation};
use crate::answer::Multipliers;
use crate::answer::certificate::{Place, Residual};

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

/// What stationarity, signs and complementarity are divided by.
pub fn dual_scale(program: &Program, duals: &Duals) -> f64 {
    let zero = vec![0.0; duals.rows.len()];
    let slope = program.lagrangian_gradient(&program.here, 1.0, &zero);
    let slope = slope.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
    let all = || duals.rows.iter().chain(&duals.lower).chain(&duals.upper);
    let mean = all().map(|v| v.abs()).sum::<f64>() / all().count().max(1) as f64;
    let scale = slope.max(1.0).max(mean / 100.0);
    if scale.is_finite() { scale } else { 1.0 }
}

/// Stationarity, complementarity and signs.
pub fn dual(program: &Program, duals: &Duals, tolerance: f64) -> Vec<Residual> {
    let scale = dual_scale(program, duals);
    let mut stationarity = Worst::new();
    let gradient = program.lagrangian_gradient(&program.here, 1.0, &duals.rows);
    for (j, g) in gradient.iter().enumerate() {
        let rest = g - duals.lower[j] - duals.upper[j];
        stationarity.see(rest.abs(), scale, || program.variable_place(j));
    }
    let mut complementarity = Worst::new();
    let mut signs = Worst::new();
    for block in &program.blocks {
        for (r, &c) in program.row_values(block).iter().enumerate() {
            let y = duals.rows[block.rows.start + r];
            let (lower, upper) = (block.lower[r], block.upper[r]);
            let bound = if y > 0.0 { lower } else { upper };
            if bound.is_finite() {
                let of_row = block.scale[r].max(bound.abs());
                complementarity.see((y * (c - bound)).abs(), scale * of_row, || Some(program.row_place(block, r)));
            } else {
                signs.see(y.abs(), scale, || Some(program.row_place(block, r)));
            }
        }
    }
    for (j, &x) in program.x.iter().enumerate() {
        for (z, bound, valid) in [(duals.lower[j], program.lower[j], 1.0), (duals.upper[j], program.upper[j], -1.0)] {
            if bound.is_finite() {
                let gap = (z * (x - bound)).abs();
                complementarity.see(gap, scale * bound.abs().max(1.0), || program.variable_place(j));
            }
            let wrong = if bound.is_finite() { (-valid * z).max(0.0) } else { z.abs() };
            signs.see(if z.is_nan() { z } else { wrong }, scale, || program.variable_place(j));
        }
    }
    vec![
        stationarity.residual("dual", tolerance),
        complementarity.residual("complementarity", tolerance),
        signs.residual("sign", tolerance),
    ]
}
