//! A genetic algorithm by truncation and mutation, whose genomes are lists of seeds.
//!
//! Generation 0 is drawn around the start. Each generation is ranked; the best few are ranked again with the elite of
//! before, and whoever is best is the new elite, kept as it is. Where answers are noisy (`trials` above 1) each of these few
//! is asked about anew that many times, and means count, of the elite too: luck of one generation does not last, and the
//! answer is the elite and not the luckiest candidate. The others are children of the best `parents`: `θ' = θ + σ ε`, `ε`
//! normal, no crossover.
//!
//! With a `behaviour`, a `let` of the model that says what a candidate does, those are parents who do what nobody did
//! before (`novelty`), and not those who are best; the elite remains who is best. That serves where the way to the best leads
//! away from it.
//!
//! A genome is the list of the seeds of its mutations: `θ = start + spread ε(s_0) + σ Σ_g ε(s_g)`, added up in this order, so that it is
//! rebuilt bit for bit ([`Genome::decode`]) and takes eight bytes a generation, however many variables there are.

use super::novelty::Novelty;
use super::population::{needs_comparisons, normals, number, units};
use super::ranking::Ranking;
use super::search::{ByRank, Found};
use crate::answer::Stop;
use crate::solve::method::{Claim, Method, Run, Sees};
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::random::Random;
use std::convert::Infallible;

pub const METHOD: Method = Method {
    name: "genetic",
    doc: "generations of mutants of the best, with an elite that proves itself again",
    chosen: "only when asked for",
    source: "Such et al., Deep Neuroevolution, arXiv:1712.06567",
    claim: Claim::Heuristic,
    sees: Sees::Plain,
    second_order: |_| false,
    accepts: needs_comparisons,
    options: OPTIONS,
    run: Run::ByRank(run),
};

#[rustfmt::skip]
const OPTIONS: &[OptionRow] = &[
    number("population", "candidates of a generation", 200.0, 2.0, 1e7),
    number("parents", "how many of the best have children", 20.0, 1.0, 1e7),
    number("sigma", "deviation of a mutation, for a variable with two bounds times their distance", 0.05, 0.0, 1e300),
    number("spread", "deviation of generation 0, likewise", 0.5, 0.0, 1e300),
    number("generations", "generations after which the search ends", 300.0, 1.0, 1e12),
    number("finalists", "how many of the best are ranked again with the elite", 10.0, 1.0, 1e6),
    OptionRow { name: "behaviour", doc: "the `let` that says what a candidate does; parents are then those who do something new", default: Default::Named },
    number("neighbours", "how many of the nearest behaviours novelty is measured by", 15.0, 1.0, 1e6),
    number("archive", "chance of a behaviour to be remembered for good", 0.01, 0.0, 1.0),
    number("trials", "how often each of them is asked about anew, where answers are noisy; the best mean is the elite, and the answer", 1.0, 1.0, 1e6),
];

/// Seeds of mutations, the first that of the point of generation 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genome {
    pub seeds: Vec<u64>,
}

/// What all genomes of a run share.
pub struct Decoder {
    pub start: Vec<f64>,
    pub unit: Vec<f64>,
    pub spread: f64,
    pub sigma: f64,
}

impl Genome {
    /// The point that a genome stands for.
    pub fn decode(&self, shared: &Decoder) -> Vec<f64> {
        let mut theta = shared.start.clone();
        for (generation, &seed) in self.seeds.iter().enumerate() {
            shared.mutate(&mut theta, seed, generation == 0);
        }
        theta
    }
}

impl Decoder {
    fn mutate(&self, theta: &mut [f64], seed: u64, first: bool) {
        let deviation = if first { self.spread } else { self.sigma };
        let epsilon = normals(&mut Random::new(seed), theta.len());
        for (k, theta) in theta.iter_mut().enumerate() {
            *theta += deviation * self.unit[k] * epsilon[k];
        }
    }
}

#[derive(Clone)]
struct Individual {
    genome: Genome,
    /// The point, so that children need one mutation instead of all.
    theta: Vec<f64>,
}

fn run(search: &mut ByRank) -> Found {
    let of = |name: &str| search.options.number(OPTIONS, name);
    let decoder =
        Decoder { start: search.start.clone(), unit: units(search.space), spread: of("spread"), sigma: of("sigma") };
    let genome = Genome { seeds: vec![] };
    let mut evolution = Evolution { elite: Individual { genome, theta: search.start.clone() }, generation: 0 };
    let stop = match evolution.evolve(search, &decoder) {
        Ok(never) => match never {},
        Err(stop) => stop,
    };
    Found { x: evolution.elite.theta, stop, iterations: evolution.generation }
}

struct Evolution {
    elite: Individual,
    generation: usize,
}

impl Evolution {
    fn evolve(&mut self, search: &mut ByRank, decoder: &Decoder) -> Result<Infallible, Stop> {
        let of = |name: &str| search.options.number(OPTIONS, name) as usize;
        let (size, parents, generations) = (of("population"), of("parents"), of("generations"));
        let (finalists, trials) = (of("finalists"), of("trials"));
        let mut random = Random::new(search.options.seed);
        let born = |parent: &Individual, seed: u64| {
            let mut child = parent.clone();
            decoder.mutate(&mut child.theta, seed, child.genome.seeds.is_empty());
            child.genome.seeds.push(seed);
            child
        };
        let mut novelty = search.options.named("behaviour").map(|_| Novelty {
            neighbours: of("neighbours"),
            chance: search.options.number(OPTIONS, "archive"),
            archive: vec![],
        });
        if trials > 1 {
            search.asked.doubt();
        }
        let origin = self.elite.clone();
        let mut population: Vec<Individual> = (0..size).map(|_| born(&origin, random.bits())).collect();
        loop {
            search.observe(self.generation, decoder.sigma, population.len())?;
            let points: Vec<Vec<f64>> = population.iter().map(|i| i.theta.clone()).collect();
            let order = search.asked.rank(&points, parents.max(finalists))?.order();
            let first = |order: &[usize], count: usize| -> Vec<Individual> {
                order.iter().take(count).map(|&k| population[k].clone()).collect()
            };
            self.elect(search, &first(&order, finalists), trials)?;
            let mut best = match &mut novelty {
                None => first(&order, parents),
                Some(novelty) => {
                    let behaviours = search.asked.behaviours(&points)?;
                    let known: Vec<f64> = novelty.scores(&behaviours).iter().map(|score| -score).collect();
                    novelty.remember(&behaviours, &mut random);
                    first(&Ranking::of_values(&known, parents).order(), parents)
                }
            };
            self.generation += 1;
            if self.generation >= generations {
                return Err(Stop::Finished);
            }
            // The elite lives on, and is a parent where the best are.
            if novelty.is_none() && !best.iter().any(|i| i.genome == self.elite.genome) {
                best.insert(0, self.elite.clone());
            }
            let children = (1..size).map(|_| {
                let parent = (random.unit() * best.len() as f64) as usize;
                born(&best[parent], random.bits())
            });
            population = std::iter::once(self.elite.clone()).chain(children.collect::<Vec<_>>()).collect();
        }
    }

    /// The best of the finalists and the old elite, once more or by fresh answers.
    fn elect(&mut self, search: &mut ByRank, finalists: &[Individual], trials: usize) -> Result<(), Stop> {
        let mut all = vec![self.elite.clone()];
        all.extend(finalists.iter().filter(|i| i.genome != self.elite.genome).cloned());
        let points: Vec<Vec<f64>> = all.iter().map(|i| i.theta.clone()).collect();
        let ranking = match trials {
            1 => search.asked.rank(&points, points.len())?,
            trials => search.asked.prove(&points, trials)?,
        };
        // Of those that do equally well the old elite stays.
        self.elite = all.swap_remove(ranking.winner());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_seeds_is_the_point_bit_for_bit_and_small() {
        let n = 100_000;
        let decoder = Decoder { start: vec![0.25; n], unit: vec![1.0; n], spread: 0.5, sigma: 0.002 };
        let mut random = Random::new(3);
        let mut here = Individual { genome: Genome { seeds: vec![] }, theta: decoder.start.clone() };
        for generation in 0..30 {
            let seed = random.bits();
            decoder.mutate(&mut here.theta, seed, generation == 0);
            here.genome.seeds.push(seed);
        }
        let rebuilt = here.genome.decode(&decoder);
        assert!(rebuilt.iter().zip(&here.theta).all(|(a, b)| a.to_bits() == b.to_bits()));
        assert!(8 * 301 * 10 <= 8 * n, "a genome after 300 generations takes a tenth of the point at most");
    }
}
