//! Trust-region Newton: `min g'p + p'Hp/2  over  ‖p‖ <= radius` by conjugate gradients, matrix-free.
//!
//! Conjugate gradients stop at the border, along a direction of negative curvature, or when the residual is small
//! beside the gradient (Steihaug), so that convergence is superlinear and `H` is needed in products only.

use super::lbfgs::accepts;
use crate::answer::{Outcome, Stop};
use crate::linalg::vector::{add_multiple, all_finite, dot, max_norm, two_norm};
use crate::solve::method::{Claim, Context, Method, Run, Sees, iteration_limit, tolerance};
use crate::solve::nlp::Nlp;
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::ending::{BOTTOM, bound_multipliers, line, not_finite, outcome, slope_scale, unbounded};
use std::ops::ControlFlow;

pub const METHOD: Method = Method {
    name: "trust_region_newton",
    doc: "Newton's method in a trust region with exact second derivatives, for smooth functions without bounds",
    chosen: "for unconstrained problems",
    source: "Steihaug, SIAM Journal on Numerical Analysis 20 (1983); Nocedal & Wright (2006), chapters 4 and 7",
    claim: Claim::Stationary,
    sees: Sees::Scaled,
    second_order: |_| false,
    accepts,
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] = &[
    tolerance("stop when no entry of the gradient exceeds this times max(1, |f| / max(1, |x|))", 1e-10),
    iteration_limit(3_000),
    OptionRow {
        name: "radius",
        doc: "radius of the first trust region",
        default: Default::Number { value: 1.0, least: 1e-12, most: 1e12 },
    },
];

/// A step is taken if the objective falls by this part of what the model promised.
const LEAST_RATIO: f64 = 1e-4;
/// Below this radius, relative to the point, no step changes anything.
const LEAST_RADIUS: f64 = 1e-15;

fn run(context: &mut Context) -> Outcome {
    let tol = context.options.number(OPTIONS, "tol");
    let mut radius = context.options.number(OPTIONS, "radius");
    let start = context.start.clone();
    let factor = context.nlp.objective_factor();
    let (mut x, mut iteration, mut step, mut trials) = (start.clone(), 0, 0.0, 0);
    let mut gradient = vec![0.0; x.len()];
    let mut value = context.nlp.objective(&x);
    context.nlp.gradient(&x, &mut gradient);
    let stop = loop {
        if !value.is_finite() || !all_finite(&gradient) {
            break not_finite(context.nlp, &x);
        }
        let (slope, scale) = (max_norm(&gradient), factor * slope_scale(value / factor, &x));
        if slope <= tol * scale {
            break Stop::Converged;
        }
        if value < BOTTOM {
            break unbounded(&start, &x);
        }
        if let ControlFlow::Break(stop) = context.monitor.observe(line(iteration, value, slope, step, trials)) {
            break stop;
        }
        let model = steihaug(context.nlp, &x, &gradient, radius);
        let next: Vec<f64> = x.iter().zip(&model.step).map(|(x, p)| x + p).collect();
        let next_value = context.nlp.objective(&next);
        trials = model.products;
        // Near the solution the promise drowns in the rounding of the objective; the gradient then decides.
        let blind = model.promise <= 10.0 * f64::EPSILON * value.abs().max(1.0);
        let ratio = (value - next_value) / model.promise;
        if blind {
            let mut next_gradient = vec![0.0; x.len()];
            context.nlp.gradient(&next, &mut next_gradient);
            if next != x && all_finite(&next_gradient) && max_norm(&next_gradient) < 0.5 * slope {
                (x, value, gradient, iteration) = (next, next_value, next_gradient, iteration + 1);
                continue;
            }
            break exhausted(slope, scale);
        }
        step = two_norm(&model.step);
        radius = match ratio {
            r if r.is_nan() || r < 0.25 => 0.25 * step,
            r if r > 0.75 && model.at_border => 2.0 * radius,
            _ => radius,
        };
        iteration += 1;
        if ratio >= LEAST_RATIO {
            context.nlp.gradient(&next, &mut gradient);
            (x, value) = (next, next_value);
        } else if radius <= LEAST_RADIUS * two_norm(&x).max(1.0) {
            break exhausted(slope, scale);
        }
    };
    let multipliers = bound_multipliers(context.nlp.shape(), &x, &gradient);
    outcome(context, x, Some(multipliers), stop, iteration)
}

/// No step can lower the objective visibly: converged where the gradient is small, as for `argmin_adapter::descend`.
fn exhausted(slope: f64, scale: f64) -> Stop {
    match slope <= 1e-6 * scale {
        true => Stop::Converged,
        false => Stop::NoProgress("no step in the trust region lowers the objective".to_string()),
    }
}

struct ModelStep {
    step: Vec<f64>,
    /// `-(g'p + p'Hp/2) >= 0`
    promise: f64,
    at_border: bool,
    products: usize,
}

/// Steihaug's conjugate gradients. At most `2 n` products; the step never raises the model.
fn steihaug(nlp: &mut dyn Nlp, x: &[f64], gradient: &[f64], radius: f64) -> ModelStep {
    let n = x.len();
    let slope = two_norm(gradient);
    // Loose far away, so that products are not wasted; tight near the solution.
    let enough = slope * slope.sqrt().min(0.1);
    let (mut p, mut residual, mut hp) = (vec![0.0; n], gradient.to_vec(), vec![0.0; n]);
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let (mut h_direction, mut square) = (vec![0.0; n], dot(gradient, gradient));
    for k in 1..=2 * n {
        nlp.hessian_product(x, 1.0, &vec![0.0; nlp.shape().rows()], &direction, &mut h_direction);
        let curvature = dot(&direction, &h_direction);
        let t = square / curvature;
        let mut ahead = p.clone();
        add_multiple(&mut ahead, t, &direction);
        let leaves = curvature <= 0.0 || !t.is_finite() || two_norm(&ahead) >= radius;
        if leaves {
            let t = to_border(&p, &direction, radius);
            add_multiple(&mut p, t, &direction);
            if curvature.is_finite() {
                add_multiple(&mut hp, t, &h_direction);
            }
            return ModelStep { promise: promise(gradient, &p, &hp), step: p, at_border: true, products: k };
        }
        p = ahead;
        add_multiple(&mut hp, t, &h_direction);
        add_multiple(&mut residual, t, &h_direction);
        let next_square = dot(&residual, &residual);
        if next_square.sqrt() <= enough || k == 2 * n {
            return ModelStep { promise: promise(gradient, &p, &hp), step: p, at_border: false, products: k };
        }
        let beta = next_square / square;
        direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = beta * *d - r);
        square = next_square;
    }
    ModelStep { step: p, promise: 0.0, at_border: false, products: 0 }
}

fn promise(gradient: &[f64], p: &[f64], hp: &[f64]) -> f64 {
    -(dot(gradient, p) + 0.5 * dot(p, hp))
}

/// `t >= 0` with `‖p + t d‖ = radius`, for `‖p‖ <= radius`.
fn to_border(p: &[f64], d: &[f64], radius: f64) -> f64 {
    let (a, b, c) = (dot(d, d), dot(p, d), dot(p, p) - radius * radius);
    let root = (b * b - a * c).max(0.0).sqrt();
    // The form without cancellation.
    if b > 0.0 { -c / (b + root) } else { (root - b) / a }
}
