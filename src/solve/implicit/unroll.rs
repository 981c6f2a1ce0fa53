//! The derivative of a fixed number of steps `z ← T(z, θ)` instead of that of the answer: what implicit differentiation is
//! compared with.
//!
//! Forward, the tangent goes with the iterates; reverse, all iterates are kept and gone through backwards, so memory grows
//! with the number of steps. Both are exact for the truncated iteration, which is not the answer.

use super::conditions::{Conditions, ProximalStep};
use crate::linalg::vector::add_multiple;

/// A point after some steps and a derivative of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unrolled {
    pub point: Vec<f64>,
    /// `dz` forward, the gradient in `θ` reverse.
    pub derivative: Vec<f64>,
}

/// `steps` steps from `start`: where they end, and the smooth function before and after them.
pub fn iterate(step: &mut ProximalStep, start: &[f64], steps: usize) -> (Vec<f64>, f64, f64) {
    let value = |step: &mut ProximalStep, point: &[f64]| {
        step.smooth.split.move_to(point);
        let split = &mut step.smooth.split;
        step.smooth.sigma * split.evaluator.objective(&split.point)
    };
    let before = value(step, start);
    let mut point = start.to_vec();
    for _ in 0..steps {
        step.smooth.split.move_to(&point);
        point = step.image();
    }
    let after = value(step, &point);
    (point, before, after)
}

/// `steps` steps from `start`, and `dz` for a direction `t` in `θ`.
pub fn forward(step: &mut ProximalStep, start: &[f64], steps: usize, t: &[f64]) -> Unrolled {
    let mut point = start.to_vec();
    let mut derivative = vec![0.0; start.len()];
    let (mut along, mut forced) = (vec![0.0; start.len()], vec![0.0; start.len()]);
    for _ in 0..steps {
        step.smooth.split.move_to(&point);
        step.inner_product(&derivative, &mut along);
        step.outer_product(t, &mut forced);
        add_multiple(&mut derivative, 1.0, &along);
        add_multiple(&mut derivative, 1.0, &forced);
        point = step.image();
    }
    step.smooth.split.move_to(&point);
    Unrolled { point, derivative }
}

/// `steps` steps from `start`, and the gradient of `v'z` in `θ`, for `v` that may depend on the last point.
pub fn reverse(step: &mut ProximalStep, start: &[f64], steps: usize, v: impl FnOnce(&[f64]) -> Vec<f64>) -> Unrolled {
    let mut points = vec![start.to_vec()];
    for k in 0..steps {
        step.smooth.split.move_to(&points[k]);
        points.push(step.image());
    }
    let last = points.pop().unwrap_or_default();
    let mut weights = v(&last);
    let mut derivative = vec![0.0; step.outer()];
    let (mut back, mut pulled) = (vec![0.0; start.len()], vec![0.0; derivative.len()]);
    for point in points.iter().rev() {
        step.smooth.split.move_to(point);
        step.outer_transposed(&weights, &mut pulled);
        add_multiple(&mut derivative, 1.0, &pulled);
        step.inner_transposed(&weights, &mut back);
        add_multiple(&mut weights, 1.0, &back);
    }
    step.smooth.split.move_to(&last);
    Unrolled { point: last, derivative }
}
