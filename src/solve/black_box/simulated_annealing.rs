//! Simulated annealing: random steps in a box, accepted if better, or by chance while the temperature is high.
//!
//! Our own, not argmin's, so that the same seed gives the same answer in every version. Temperature and step lengths
//! fall geometrically from the first iteration to the last: `Stop::Finished` comes with the end of the schedule. The
//! temperature begins at the spread of the values of a first sample.

use super::particle_swarm::accepts;
use super::search::{ByValue, Found};
use crate::answer::Stop;
use crate::solve::method::{Claim, Method, Run, Sees, iteration_limit};
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::random::Random;
use std::convert::Infallible;

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
    run: Run::ByValue(run),
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

fn run(search: &mut ByValue) -> Found {
    let mut best = (search.start.clone(), f64::INFINITY);
    let mut iteration = 0;
    let stop = match anneal(search, &mut best, &mut iteration) {
        Ok(never) => match never {},
        Err(stop) => stop,
    };
    Found { x: best.0, stop, iterations: iteration }
}

fn anneal(search: &mut ByValue, best: &mut (Vec<f64>, f64), iteration: &mut usize) -> Result<Infallible, Stop> {
    let space = search.space;
    let n = space.dimension();
    let steps = search.options.number(OPTIONS, "steps") as usize;
    let tries = search.options.number(OPTIONS, "tries") as usize * n;
    let mut random = Random::new(search.options.seed);
    let first = sample(search, best, &mut random)?;
    let mut here = best.clone();
    loop {
        if *iteration >= steps {
            return Err(Stop::Finished);
        }
        let progress = *iteration as f64 / (steps - 1) as f64;
        let (temperature, length) = (first * FALL.powf(progress), FIRST_STEP * FALL.powf(0.5 * progress));
        search.observe(*iteration, length, tries)?;
        for _ in 0..tries {
            // One variable at a time: a step in all of them is almost never better.
            let k = (random.unit() * n as f64) as usize;
            let width = space.upper[k] - space.lower[k];
            let mut x = here.0.clone();
            x[k] = (x[k] + length * width * random.normal()).clamp(space.lower[k], space.upper[k]);
            let value = search.asked.values(std::slice::from_ref(&x))?[0];
            let chance = ((here.1 - value) / temperature).exp();
            if value.is_finite() && (value <= here.1 || random.unit() < chance) {
                here = (x, value);
                if here.1 < best.1 {
                    *best = here.clone();
                }
            }
        }
        *iteration += 1;
        // In the second half the search stays around the best point seen.
        if progress > 0.5 {
            here = best.clone();
        }
    }
}

/// The best of the start and some random points becomes `best`; the spread of their values comes back.
fn sample(search: &mut ByValue, best: &mut (Vec<f64>, f64), random: &mut Random) -> Result<f64, Stop> {
    let mut points = vec![search.start.clone()];
    let sides = || search.space.lower.iter().zip(&search.space.upper);
    points.extend((0..SAMPLE).map(|_| sides().map(|(l, u)| random.between(*l, *u)).collect::<Vec<f64>>()));
    let values = search.asked.values(&points)?;
    for (x, &value) in points.iter().zip(&values) {
        if value < best.1 {
            *best = (x.clone(), value);
        }
    }
    let spread = values.iter().filter(|v| v.is_finite()).fold(0.0f64, |most, v| most.max(v - best.1));
    Ok(if spread > 0.0 { spread } else { 1.0 })
}
