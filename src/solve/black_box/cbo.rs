//! Consensus-based optimisation: particles drift to a weighted mean of all, with noise that dies where they agree.
//!
//! With Gibbs weights `w_i = exp(-α (E_i - min E))` and the consensus `c = Σ w_i X_i / Σ w_i`,
//! `X_i ← X_i - λ Δt (X_i - c) + σ √Δt D_i ξ`, where `D_i` is `‖X_i - c‖` (isotropic) or `|X_i - c|` by coordinate (anisotropic,
//! whose noise does not grow with the dimension). Consensus hopping is the limit `λ = 1/Δt` with constant noise,
//! `X_i = c + σ̃ ξ`: for many particles and large `α` one hop is the proximal step of length `τ = α σ̃²`, so that `c` follows
//! gradient descent, and yet passes barriers that stop it. For a quadratic `½ v'Av` the identity is exact:
//! `c⁺ = (I + τA)⁻¹ c`.

use super::population::{needs_a_search, normals, number, units};
use super::search::{ByValue, Found};
use crate::answer::Stop;
use crate::solve::method::{Claim, Method, Run, Sees};
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::random::Random;
use std::convert::Infallible;

pub const METHOD: Method = Method {
    name: "cbo",
    doc: "particles that drift to a consensus weighted by their values, under noise that dies where they agree",
    chosen: "only when asked for",
    source: "Riedl, Klock, Geldhauser & Fornasier, Gradient is All You Need?, arXiv:2306.09778",
    claim: Claim::Heuristic,
    sees: Sees::Plain,
    second_order: |_| false,
    accepts: needs_a_search,
    options: OPTIONS,
    run: Run::ByValue(run),
};

#[rustfmt::skip]
const OPTIONS: &[OptionRow] = &[
    number("particles", "number of particles", 200.0, 2.0, 1e7),
    number("dt", "time step", 0.01, 1e-12, 1.0),
    number("lambda", "strength of the drift", 1.0, 0.0, 1e6),
    number("sigma", "strength of the noise; in hopping its deviation, for a variable with two bounds times their distance", 1.6, 0.0, 1e6),
    number("alpha", "how sharply the consensus prefers good particles", 100.0, 0.0, 1e300),
    number("steps", "steps after which the search ends", 250.0, 1.0, 1e12),
    number("spread", "deviation of the particles at first, for a variable with two bounds times their distance", 0.5, 0.0, 1e300),
    OptionRow {
        name: "variant",
        doc: "noise by distance, noise by coordinate, or particles drawn anew around the consensus",
        default: Default::Choice { value: "isotropic", among: &["isotropic", "anisotropic", "hopping"] },
    },
];

fn run(search: &mut ByValue) -> Found {
    let mut swarm = Swarm { consensus: search.start.clone(), step: 0 };
    let stop = match swarm.drift(search) {
        Ok(never) => match never {},
        Err(stop) => stop,
    };
    Found { x: swarm.consensus, stop, iterations: swarm.step }
}

struct Swarm {
    consensus: Vec<f64>,
    step: usize,
}

impl Swarm {
    fn drift(&mut self, search: &mut ByValue) -> Result<Infallible, Stop> {
        let of = |name: &str| search.options.number(OPTIONS, name);
        let (count, steps, spread) = (of("particles") as usize, of("steps") as usize, of("spread"));
        let (dt, lambda, sigma, alpha) = (of("dt"), of("lambda"), of("sigma"), of("alpha"));
        let variant = search.options.choice(OPTIONS, "variant").to_string();
        let unit = units(search.space);
        let n = unit.len();
        let mut random = Random::new(search.options.seed);
        let around = |center: &[f64], deviation: f64, random: &mut Random| -> Vec<f64> {
            let xi = normals(random, n);
            (0..n).map(|j| center[j] + deviation * unit[j] * xi[j]).collect()
        };
        let mut particles: Vec<Vec<f64>> = (0..count)
            .map(|_| match variant.as_str() {
                "hopping" => around(&search.start, sigma, &mut random),
                _ => around(&search.start, spread, &mut random),
            })
            .collect();
        loop {
            let values = search.asked.values(&particles)?;
            self.consensus = consensus(&particles, &values, alpha);
            if self.step >= steps {
                // The consensus itself was never asked about.
                search.asked.values(std::slice::from_ref(&self.consensus))?;
                return Err(Stop::Finished);
            }
            search.observe(self.step, spread_of(&particles, &self.consensus), count)?;
            for x in &mut particles {
                let ahead = match variant.as_str() {
                    "hopping" => around(&self.consensus, sigma, &mut random),
                    _ => {
                        let away: Vec<f64> = x.iter().zip(&self.consensus).map(|(x, c)| x - c).collect();
                        let distance = away.iter().map(|a| a * a).sum::<f64>().sqrt();
                        let xi = normals(&mut random, n);
                        let size = |j: usize| if variant == "isotropic" { distance } else { away[j].abs() };
                        (0..n).map(|j| x[j] - lambda * dt * away[j] + sigma * dt.sqrt() * size(j) * xi[j]).collect()
                    }
                };
                *x = search.space.project(&ahead);
            }
            self.step += 1;
        }
    }
}

/// `Σ w_i X_i / Σ w_i` with `w_i = exp(-α (E_i - min E))`; particles without a value do not count.
pub(super) fn consensus(particles: &[Vec<f64>], values: &[f64], alpha: f64) -> Vec<f64> {
    let least = values.iter().copied().filter(|v| v.is_finite()).fold(f64::INFINITY, f64::min);
    let weights: Vec<f64> =
        values.iter().map(|v| if v.is_finite() { (-alpha * (v - least)).exp() } else { 0.0 }).collect();
    let total: f64 = weights.iter().sum();
    let mut mean = vec![0.0; particles[0].len()];
    for (weight, x) in weights.iter().zip(particles) {
        mean.iter_mut().zip(x).for_each(|(m, v)| *m += weight / total * v);
    }
    mean
}

/// The root of the mean squared distance to the consensus.
fn spread_of(particles: &[Vec<f64>], center: &[f64]) -> f64 {
    let squares = |x: &Vec<f64>| x.iter().zip(center).map(|(x, c)| (x - c).powi(2)).sum::<f64>();
    (particles.iter().map(squares).sum::<f64>() / particles.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hop from `c`: the consensus of `count` particles drawn around it.
    fn hop(f: impl Fn(&[f64]) -> f64, c: &[f64], count: usize, (alpha, sigma): (f64, f64), seed: u64) -> Vec<f64> {
        let mut random = Random::new(seed);
        let around = |random: &mut Random| c.iter().map(|c| c + sigma * random.normal()).collect();
        let particles: Vec<Vec<f64>> = (0..count).map(|_| around(&mut random)).collect();
        let values: Vec<f64> = particles.iter().map(|x| f(x)).collect();
        consensus(&particles, &values, alpha)
    }

    fn distance(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    /// `c⁺ = (I + τA)⁻¹ c` for `½ v'Av` in the limit of many particles.
    #[test]
    fn a_hop_tends_to_the_proximal_point_of_a_quadratic() {
        let (alpha, sigma) = (5.0, 0.3);
        let tau = alpha * sigma * sigma;
        let proximal = [1.0 / (1.0 + tau), 1.0 / (1.0 + 10.0 * tau)];
        let f = |v: &[f64]| 0.5 * (v[0] * v[0] + 10.0 * v[1] * v[1]);
        let error = |count: usize| {
            let runs = 20;
            let all = (0..runs).map(|seed| distance(&hop(f, &[1.0, 1.0], count, (alpha, sigma), seed), &proximal));
            all.sum::<f64>() / runs as f64
        };
        let errors = [100, 1_000, 10_000, 100_000].map(error);
        println!("{errors:?}");
        assert!(errors.is_sorted_by(|a, b| a > b), "{errors:?}");
        let slope = (errors[3] / errors[1]).log10() / 2.0;
        assert!(slope <= -0.35, "{errors:?}: {slope}");
    }

    /// The mean of some hops is a gradient step of length `τ` where `α` is large and the hop short.
    #[test]
    fn hops_follow_the_gradient_of_a_function_that_is_not_convex() {
        let f = |v: &[f64]| v[0].sin() + 0.5 * (v[0] * v[1]).cos() + 0.1 * v[1] * v[1];
        let at = [0.3f64, 1.2];
        let gradient =
            [at[0].cos() - 0.5 * at[1] * (at[0] * at[1]).sin(), -0.5 * at[0] * (at[0] * at[1]).sin() + 0.2 * at[1]];
        let (alpha, sigma) = (400.0, 0.01);
        let tau = alpha * sigma * sigma;
        let mut mean = [0.0; 2];
        let runs = 10;
        for seed in 0..runs {
            let hop = hop(f, &at, 100_000, (alpha, sigma), seed);
            (0..2).for_each(|k| mean[k] += (hop[k] - at[k]) / runs as f64);
        }
        let step = gradient.map(|g| -tau * g);
        let length = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
        let cosine = (mean[0] * step[0] + mean[1] * step[1]) / (length(&mean) * length(&step));
        println!("{mean:?} and {step:?}: cosine {cosine}");
        assert!(distance(&mean, &step) <= 0.1 * length(&step) && cosine >= 0.99, "{mean:?} and {step:?}");
    }
}
