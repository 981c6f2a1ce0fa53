//! Particle swarm: points drawn to the best that each, and that all, have seen.
//!
//! Our own, not argmin's, so that the same seed gives the same answer in every version. Points stay in the box: one
//! that would leave stops at the border. `Stop::Finished` after a number of iterations in which the best value did not fall.

use crate::answer::{Outcome, Stop};
use crate::problem::features::Features;
use crate::solve::method::{Claim, Context, Method, Objection, Sees, iteration_limit};
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::ending::{line, not_finite, outcome, project};
use crate::solve::parts::random::Random;
use std::ops::ControlFlow;

pub const METHOD: Method = Method {
    name: "particle_swarm",
    doc: "a swarm of points in a box, drawn to the best points seen",
    chosen: "only when asked for",
    source: "Kennedy & Eberhart (1995); constants of Clerc & Kennedy, IEEE Trans. Evolutionary Computation 6 (2002)",
    claim: Claim::Heuristic,
    sees: Sees::Plain,
    second_order: |_| false,
    accepts,
    options: OPTIONS,
    run,
};

const OPTIONS: &[OptionRow] = &[
    iteration_limit(10_000),
    OptionRow {
        name: "particles",
        doc: "number of points",
        default: Default::Number { value: 40.0, least: 2.0, most: 1e6 },
    },
    OptionRow {
        name: "patience",
        doc: "iterations without a better point after which the search ends",
        default: Default::Number { value: 200.0, least: 1.0, most: 1e9 },
    },
];

/// Inertia and pull of a swarm that neither explodes nor freezes.
const INERTIA: f64 = 0.729_843_788;
const PULL: f64 = 1.496_179_765;

/// Shared by the methods that draw points from a box.
pub(super) fn accepts(features: &Features) -> Result<(), Objection> {
    features.needs_no_rows()?;
    features.needs_an_objective()?;
    features.needs_a_box()
}

/// A fall below this, relative to `max(1, |f|)`, is none.
const LEAST_FALL: f64 = 1e-14;

struct Particle {
    x: Vec<f64>,
    velocity: Vec<f64>,
    best: (Vec<f64>, f64),
}

fn run(context: &mut Context) -> Outcome {
    let shape = context.nlp.shape().clone();
    let (count, patience) =
        (context.options.number(OPTIONS, "particles") as usize, context.options.number(OPTIONS, "patience") as usize);
    let mut random = Random::new(context.options.seed);
    let mut best = (project(&shape, &context.start), f64::INFINITY);
    let sides = || shape.lower.iter().zip(&shape.upper);
    let mut swarm: Vec<Particle> = (0..count)
        .map(|number| {
            let drawn: Vec<f64> = sides().map(|(l, u)| random.between(*l, *u)).collect();
            // The start is one of the points.
            let x = if number == 0 { best.0.clone() } else { drawn };
            let velocity = sides().map(|(l, u)| 0.5 * random.between(l - u, u - l)).collect();
            Particle { best: (x.clone(), f64::INFINITY), x, velocity }
        })
        .collect();
    let (mut iteration, mut unchanged) = (0, 0);
    let stop = loop {
        let before = best.1;
        for particle in &mut swarm {
            let value = context.nlp.objective(&particle.x);
            if value < particle.best.1 {
                particle.best = (particle.x.clone(), value);
            }
            if value < best.1 {
                best = (particle.x.clone(), value);
            }
        }
        if best.1 == f64::INFINITY && iteration == 0 {
            break not_finite(context.nlp, &best.0);
        }
        let fall = before - best.1;
        unchanged = if fall > LEAST_FALL * best.1.abs().max(1.0) { 0 } else { unchanged + 1 };
        if unchanged >= patience {
            break Stop::Finished;
        }
        if let ControlFlow::Break(stop) = context.monitor.observe(line(iteration, best.1, f64::NAN, f64::NAN, count)) {
            break stop;
        }
        for particle in &mut swarm {
            for k in 0..best.0.len() {
                let to_own = random.unit() * (particle.best.0[k] - particle.x[k]);
                let to_all = random.unit() * (best.0[k] - particle.x[k]);
                let velocity = INERTIA * particle.velocity[k] + PULL * (to_own + to_all);
                let ahead = particle.x[k] + velocity;
                particle.x[k] = ahead.clamp(shape.lower[k], shape.upper[k]);
                particle.velocity[k] = if particle.x[k] == ahead { velocity } else { 0.0 };
            }
        }
        iteration += 1;
    };
    outcome(context, best.0, None, stop, iteration)
}
