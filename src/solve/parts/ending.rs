//! How methods for problems without rows hand back what they found.

use crate::answer::{Evaluations, LogLine, Multipliers, Outcome, Stop};
use crate::linalg::vector::{max_norm, two_norm};
use crate::solve::method::Context;
use crate::solve::nlp::{Nlp, Shape};

/// Below this value the objective is taken to fall without end.
pub const BOTTOM: f64 = -1e20;

/// An outcome with the counts of the evaluator and the log of the monitor.
pub fn outcome(
    context: &mut Context,
    x: Vec<f64>,
    multipliers: Option<Multipliers>,
    stop: Stop,
    iterations: usize,
) -> Outcome {
    let evaluations: Evaluations = context.nlp.evaluations();
    Outcome { x, multipliers, stop, iterations, evaluations, log: std::mem::take(&mut context.monitor.log) }
}

/// What an entry of the gradient is measured by, `max(1, |f| / max(1, ‖x‖∞))`: a small slope is one along which a change
/// of `x` in its own size hardly changes `f` in its own size. `|f|` alone would call a straight fall converged far out.
pub fn slope_scale(value: f64, x: &[f64]) -> f64 {
    (value.abs() / max_norm(x).max(1.0)).max(1.0)
}

/// The multipliers of bounds that make `∇f - z = 0` as nearly as their signs allow: `z = ∇f` where the gradient pushes
/// a variable against the bound it lies at, else 0.
pub fn bound_multipliers(shape: &Shape, x: &[f64], gradient: &[f64]) -> Multipliers {
    let at = |bound: f64, k: usize| x[k] == bound;
    let n = x.len();
    Multipliers {
        rows: vec![0.0; shape.rows()],
        lower: (0..n).map(|k| if at(shape.lower[k], k) { gradient[k].max(0.0) } else { 0.0 }).collect(),
        upper: (0..n).map(|k| if at(shape.upper[k], k) { gradient[k].min(0.0) } else { 0.0 }).collect(),
    }
}

/// The step that the gradient asks for within the bounds, `P(x - ∇f) - x`: 0 exactly at stationary points.
pub fn projected_slope(shape: &Shape, x: &[f64], gradient: &[f64]) -> f64 {
    let step = |k: usize| (x[k] - gradient[k]).clamp(shape.lower[k], shape.upper[k]) - x[k];
    max_norm(&(0..x.len()).map(step).collect::<Vec<f64>>())
}

/// The nearest point within the bounds.
pub fn project(shape: &Shape, x: &[f64]) -> Vec<f64> {
    x.iter().enumerate().map(|(k, v)| v.clamp(shape.lower[k], shape.upper[k])).collect()
}

/// The objective fell below [`BOTTOM`] on the way from `start` to `x`.
pub fn unbounded(start: &[f64], x: &[f64]) -> Stop {
    let ray: Vec<f64> = x.iter().zip(start).map(|(to, from)| to - from).collect();
    let length = two_norm(&ray);
    let ray = (length > 0.0 && length.is_finite()).then(|| ray.iter().map(|v| v / length).collect());
    Stop::Unbounded { ray }
}

/// The objective or its gradient is not finite at `x`, and the method cannot go on.
pub fn not_finite(nlp: &mut dyn Nlp, x: &[f64]) -> Stop {
    let why = nlp.explain_not_finite(x);
    Stop::NotFinite(why.unwrap_or_else(|| "the objective or its gradient is not finite here".to_string()))
}

/// A line of the log of a method without rows, barrier and step fractions.
pub fn line(iteration: usize, objective: f64, slope: f64, step: f64, trials: usize) -> LogLine {
    LogLine {
        iteration,
        restoration: false,
        objective,
        primal: f64::NAN,
        dual: slope,
        barrier: f64::NAN,
        step,
        regularisation: f64::NAN,
        alpha_dual: f64::NAN,
        alpha_primal: f64::NAN,
        trials,
        evaluations: 0,
        seconds: 0.0,
    }
}
