//! Simulated annealing: random steps in a box, accepted if better, or by chance while the temperature is high.
//!
//! Our own, not argmin's, so that the same seed gives the same answer in every version. Temperature and step lengths
//! fall geometrically from the first iteration to the last: `Stop::Finished` comes with the end of the schedule. The
//! temperature begins at the spread of the values of a first sample.

use super::particle_swarm::accepts;
use crate::answer::{Outcome, Stop};
use crate::solve::method::{Claim, Context, Method, Sees, iteration_limit};
use crate::solve::nlp::Shape;
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::ending::{line, not_finite, outcome, project};
use crate::solve::parts::random::Random;
use std::ops::ControlFlow;

pub const METHOD: Method = Method {
    name: "simulated_annealing",
    doc: "random steps in a box under a falling temperature",
    chosen: "only when asked for",
    source: "Kirkpatrick, Gelatt & Vecchi, Science 220 (1983)",
    claim: Claim::Heuristic,
    sees: Sees::Plain,
    second_order: |_| false,
    accepts,
    options: OPTIONS,
    run,
};

const OPTIONS: &[OptionRow] = &[
    iteration_limit(1_000_000),
    OptionRow {
        name: "steps",
        doc: "length of the schedule: number of temperatures",
        default: Default::Number { value: 2_000.0, least: 2.0, most: 1e7 },
    },
    OptionRow {
        name: "tries",
        doc: "random steps at each temperature, for each variable",
        default: Default::Number { value: 10.0, least: 1.0, most: 1e6 },
    },
];

/// From first to last, temperature falls by this factor, and the length of steps by its root: near a minimum values
/// go with the square of distances.
const FALL: f64 = 1e-16;
/// Steps are normal with this part of the width of the box at first.
const FIRST_STEP: f64 = 0.3;
/// Points of the first sample.
const SAMPLE: usize = 50;

fn run(context: &mut Context) -> Outcome {
    let shape = context.nlp.shape().clone();
    let steps = context.options.number(OPTIONS, "steps") as usize;
    let tries = context.options.number(OPTIONS, "tries") as usize * shape.variables();
    let mut random = Random::new(context.options.seed);
    let (mut here, first) = sample(context, &shape, &mut random);
    let mut best = here.clone();
    let mut iteration = 0;
    if best.1 == f64::INFINITY {
        let stop = not_finite(context.nlp, &best.0);
        return outcome(context, best.0, None, stop, 0);
    }
    let stop = loop {
        if iteration >= steps {
            break Stop::Finished;
        }
        let progress = iteration as f64 / (steps - 1) as f64;
        let (temperature, length) = (first * FALL.powf(progress), FIRST_STEP * FALL.powf(0.5 * progress));
        let log = line(iteration, best.1, f64::NAN, length, tries);
        if let ControlFlow::Break(stop) = context.monitor.observe(log) {
            break stop;
        }
        for _ in 0..tries {
            // One variable at a time: a step in all of them is almost never better.
            let k = (random.unit() * shape.variables() as f64) as usize;
            let width = shape.upper[k] - shape.lower[k];
            let mut x = here.0.clone();
            x[k] = (x[k] + length * width * random.normal()).clamp(shape.lower[k], shape.upper[k]);
            let value = context.nlp.objective(&x);
            let chance = ((here.1 - value) / temperature).exp();
            if value.is_finite() && (value <= here.1 || random.unit() < chance) {
                here = (x, value);
                if here.1 < best.1 {
                    best = here.clone();
                }
            }
        }
        iteration += 1;
        // In the second half the search stays around the best point seen.
        if progress > 0.5 {
            here = best.clone();
        }
    };
    outcome(context, best.0, None, stop, iteration)
}

/// The best of the start and some random points, and the spread of their values.
fn sample(context: &mut Context, shape: &Shape, random: &mut Random) -> ((Vec<f64>, f64), f64) {
    let start = project(shape, &context.start);
    let mut best = (start.clone(), f64::INFINITY);
    let mut values = vec![];
    for number in 0..=SAMPLE {
        let x: Vec<f64> = match number {
            0 => start.clone(),
            _ => shape.lower.iter().zip(&shape.upper).map(|(l, u)| random.between(*l, *u)).collect(),
        };
        let value = context.nlp.objective(&x);
        if value.is_finite() {
            values.push(value);
            if value < best.1 {
                best = (x, value);
            }
        }
    }
    let spread = values.iter().fold(0.0f64, |most, v| most.max(v - best.1));
    (best, if spread > 0.0 { spread } else { 1.0 })
}
