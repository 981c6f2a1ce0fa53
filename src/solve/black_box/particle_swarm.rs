//! Particle swarm: points drawn to the best that each, and that all, have seen.
//!
//! Our own, not argmin's, so that the same seed gives the same answer in every version. Points stay in the box: one
//! that would leave stops at the border. `Stop::Finished` after a number of iterations in which the best value did not fall.

use super::search::{ByValue, Found};
use crate::answer::Stop;
use crate::problem::features::Features;
use crate::solve::method::{Claim, Method, Objection, Run, Sees, iteration_limit};
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::random::Random;
use std::convert::Infallible;

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
    run: Run::ByValue(run),
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

fn run(search: &mut ByValue) -> Found {
    let mut best = (search.start.clone(), f64::INFINITY);
    let mut iteration = 0;
    let stop = match swarm(search, &mut best, &mut iteration) {
        Ok(never) => match never {},
        Err(stop) => stop,
    };
    Found { x: best.0, stop, iterations: iteration }
}

fn swarm(search: &mut ByValue, best: &mut (Vec<f64>, f64), iteration: &mut usize) -> Result<Infallible, Stop> {
    let of = |name: &str| search.options.number(OPTIONS, name) as usize;
    let (count, patience) = (of("particles"), of("patience"));
    let mut random = Random::new(search.options.seed);
    let space = search.space;
    let sides = || space.lower.iter().zip(&space.upper);
    let mut swarm: Vec<Particle> = (0..count)
        .map(|number| {
            let drawn: Vec<f64> = sides().map(|(l, u)| random.between(*l, *u)).collect();
            // The start is one of the points.
            let x = if number == 0 { best.0.clone() } else { drawn };
            let velocity = sides().map(|(l, u)| 0.5 * random.between(l - u, u - l)).collect();
            Particle { best: (x.clone(), f64::INFINITY), x, velocity }
        })
        .collect();
    let mut unchanged = 0;
    loop {
        let before = best.1;
        let points: Vec<Vec<f64>> = swarm.iter().map(|particle| particle.x.clone()).collect();
        let values = search.asked.values(&points)?;
        for (particle, value) in swarm.iter_mut().zip(values) {
            if value < particle.best.1 {
                particle.best = (particle.x.clone(), value);
            }
            if value < best.1 {
                *best = (particle.x.clone(), value);
            }
        }
        let fall = before - best.1;
        unchanged = if fall > LEAST_FALL * best.1.abs().max(1.0) { 0 } else { unchanged + 1 };
        if unchanged >= patience {
            return Err(Stop::Finished);
        }
        search.observe(*iteration, f64::NAN, count)?;
        for particle in &mut swarm {
            for k in 0..best.0.len() {
                let to_own = random.unit() * (particle.best.0[k] - particle.x[k]);
                let to_all = random.unit() * (best.0[k] - particle.x[k]);
                let velocity = INERTIA * particle.velocity[k] + PULL * (to_own + to_all);
                let ahead = particle.x[k] + velocity;
                particle.x[k] = ahead.clamp(space.lower[k], space.upper[k]);
                particle.velocity[k] = if particle.x[k] == ahead { velocity } else { 0.0 };
            }
        }
        *iteration += 1;
    }
}
