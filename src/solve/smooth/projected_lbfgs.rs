//! Projected L-BFGS for bounds: quasi-Newton steps in the free variables, along the path of projected points.
//!
//! Variables at a bound that the gradient pushes against stay there; the others move along `-H g`, where `H` comes from
//! the last steps and changes of the gradient among free variables; points are projected onto the bounds and
//! accepted by Armijo's rule along the projected path (Bertsekas); a whole step along which the slope stays as steep goes on
//! four times as far, so that it is learnt how the function bends. If that path does not fall, the projected gradient is
//! taken instead and the memory is forgotten.

use crate::answer::{Outcome, Stop};
use crate::linalg::vector::{add_multiple, all_finite, dot, max_norm, two_norm};
use crate::problem::features::Features;
use crate::solve::method::{Claim, Context, Method, Objection, Run, Sees, iteration_limit, tolerance};
use crate::solve::nlp::Shape;
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::ending::{
    BOTTOM, bound_multipliers, line, not_finite, outcome, project, projected_slope, slope_scale, unbounded,
};
use std::collections::VecDeque;
use std::ops::ControlFlow;

pub const METHOD: Method = Method {
    name: "projected_lbfgs",
    doc: "limited-memory quasi-Newton descent along projected points, for smooth functions of many bounded variables",
    chosen: "for bounds alone where there are very many variables",
    source: "Bertsekas, SIAM Journal on Control and Optimization 20 (1982); Liu & Nocedal (1989)",
    claim: Claim::Stationary,
    sees: Sees::Scaled,
    second_order: |_| false,
    accepts,
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] = &[
    tolerance("stop when no entry of the projected gradient exceeds this times max(1, |f| / max(1, |x|))", 1e-9),
    iteration_limit(20_000),
    OptionRow {
        name: "memory",
        doc: "number of steps remembered",
        default: Default::Number { value: 10.0, least: 1.0, most: 1000.0 },
    },
];

fn accepts(features: &Features) -> Result<(), Objection> {
    features.needs_no_rows()?;
    features.needs_an_objective()?;
    features.needs_smoothness()
}

/// Halvings of a step before it is given up.
const MOST_TRIALS: usize = 60;
/// The part of what the gradient promises by which the objective must fall.
const ENOUGH: f64 = 1e-4;
/// A slope that keeps this part of itself along a whole step tells nothing of curvature, or that there is none.
const STEEP: f64 = 0.9;

fn run(context: &mut Context) -> Outcome {
    let tol = context.options.number(OPTIONS, "tol");
    let memory = context.options.number(OPTIONS, "memory") as usize;
    let shape = context.nlp.shape().clone();
    let start = project(&shape, &context.start);
    let mut pairs: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::new();
    let (mut x, mut gradient) = (start.clone(), vec![0.0; start.len()]);
    let (mut iteration, mut step, mut trials) = (0, 0.0, 0);
    let mut value = context.nlp.objective(&x);
    context.nlp.gradient(&x, &mut gradient);
    let stop = loop {
        if !value.is_finite() || !all_finite(&gradient) {
            break not_finite(context.nlp, &x);
        }
        let (slope, scale) = (projected_slope(&shape, &x, &gradient), slope_scale(value, &x));
        if slope <= tol * scale {
            break Stop::Converged;
        }
        if value < BOTTOM {
            break unbounded(&start, &x);
        }
        if let ControlFlow::Break(stop) = context.monitor.observe(line(iteration, value, slope, step, trials)) {
            break stop;
        }
        let free = free_variables(&shape, &x, &gradient);
        let mut direction = direction(&pairs, &gradient, &free);
        let mut search = Search { context, shape: &shape, x: &x, value, gradient: &gradient };
        let found = search.backtrack(&direction).or_else(|| {
            pairs.clear();
            let size = 1.0 / max_norm(&gradient).max(1.0);
            direction = gradient.iter().map(|g| -size * g).collect();
            search.backtrack(&direction)
        });
        let Some(mut found) = found else {
            break match slope <= 1e-6 * scale {
                true => Stop::Converged,
                false => Stop::NoProgress("no point along the projected path lowers the objective".to_string()),
            };
        };
        let mut next_gradient = vec![0.0; x.len()];
        search.context.nlp.gradient(&found.x, &mut next_gradient);
        if found.trials == 1 {
            search.go_on(&direction, &mut found, &mut next_gradient);
        }
        let Found { x: next, value: next_value, trials: count, .. } = found;
        let s: Vec<f64> = next.iter().zip(&x).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        (step, trials) = (two_norm(&s), count);
        // Pairs without positive curvature would spoil the model.
        if dot(&s, &y) > 1e-12 * two_norm(&s) * two_norm(&y) {
            if pairs.len() == memory {
                pairs.pop_front();
            }
            pairs.push_back((s, y));
        }
        (x, value, gradient, iteration) = (next, next_value, next_gradient, iteration + 1);
    };
    let multipliers = bound_multipliers(&shape, &x, &gradient);
    outcome(context, x, Some(multipliers), stop, iteration)
}

/// Not at a bound that the gradient pushes against.
fn free_variables(shape: &Shape, x: &[f64], gradient: &[f64]) -> Vec<bool> {
    let held =
        |k: usize| (x[k] <= shape.lower[k] && gradient[k] > 0.0) || (x[k] >= shape.upper[k] && gradient[k] < 0.0);
    (0..x.len()).map(|k| !held(k)).collect()
}

/// `-H g` among the free variables by the two loops over pairs that have curvature there; 0 elsewhere.
fn direction(pairs: &VecDeque<(Vec<f64>, Vec<f64>)>, gradient: &[f64], free: &[bool]) -> Vec<f64> {
    let masked = |v: &[f64]| -> Vec<f64> { v.iter().zip(free).map(|(v, f)| if *f { *v } else { 0.0 }).collect() };
    let kept: Vec<(Vec<f64>, Vec<f64>)> = pairs
        .iter()
        .map(|(s, y)| (masked(s), masked(y)))
        .filter(|(s, y)| dot(s, y) > 1e-12 * two_norm(s) * two_norm(y))
        .collect();
    let mut q: Vec<f64> = masked(gradient).iter().map(|g| -g).collect();
    let mut factors = vec![];
    for (s, y) in kept.iter().rev() {
        let a = dot(s, &q) / dot(s, y);
        add_multiple(&mut q, -a, y);
        factors.push(a);
    }
    let first = match kept.last() {
        Some((s, y)) => dot(s, y) / dot(y, y),
        None => 1.0 / max_norm(gradient).max(1.0),
    };
    q.iter_mut().for_each(|v| *v *= first);
    for ((s, y), a) in kept.iter().zip(factors.iter().rev()) {
        let b = dot(y, &q) / dot(s, y);
        add_multiple(&mut q, a - b, s);
    }
    q
}

/// A point along a path.
struct Found {
    x: Vec<f64>,
    value: f64,
    t: f64,
    trials: usize,
}

struct Search<'s, 'c, 'a, 'm> {
    context: &'c mut Context<'a, 'm>,
    shape: &'s Shape,
    x: &'s [f64],
    value: f64,
    gradient: &'s [f64],
}

impl Search<'_, '_, '_, '_> {
    /// Four times as far, and again, as long as the objective falls and its slope along the step has hardly changed.
    fn go_on(&mut self, direction: &[f64], found: &mut Found, gradient: &mut Vec<f64>) {
        while found.trials < MOST_TRIALS && found.value > BOTTOM {
            let along = |g: &[f64]| found.x.iter().zip(self.x).zip(g).map(|((a, b), g)| (a - b) * g).sum::<f64>();
            let steep = along(gradient) < STEEP * along(self.gradient);
            let next = self.point(4.0 * found.t, direction);
            if !steep || next == found.x {
                return;
            }
            let value = self.context.nlp.objective(&next);
            if !(value < found.value && value <= self.value + ENOUGH * self.promised(&next)) {
                return;
            }
            let mut there = vec![0.0; next.len()];
            self.context.nlp.gradient(&next, &mut there);
            if !all_finite(&there) {
                return;
            }
            *found = Found { x: next, value, t: 4.0 * found.t, trials: found.trials + 1 };
            *gradient = there;
        }
    }

    /// `P(x + t d)`
    fn point(&self, t: f64, direction: &[f64]) -> Vec<f64> {
        let mut ahead = self.x.to_vec();
        add_multiple(&mut ahead, t, direction);
        project(self.shape, &ahead)
    }

    /// What the gradient promises on the way to a point; negative where it falls.
    fn promised(&self, next: &[f64]) -> f64 {
        next.iter().zip(self.x).zip(self.gradient).map(|((a, b), g)| (a - b) * g).sum()
    }

    /// The first of `P(x + t d)`, `t = 1, 1/2, 1/4, ...`, that lowers the objective by a part of what the gradient
    /// promises for that very step.
    fn backtrack(&mut self, direction: &[f64]) -> Option<Found> {
        let mut t = 1.0;
        for trials in 1..=MOST_TRIALS {
            let next = self.point(t, direction);
            let promised = self.promised(&next);
            if next == self.x {
                return None;
            }
            if promised < 0.0 {
                let value = self.context.nlp.objective(&next);
                if value <= self.value + ENOUGH * promised && value < self.value {
                    return Some(Found { x: next, value, t, trials });
                }
            }
            t *= 0.5;
        }
        None
    }
}
