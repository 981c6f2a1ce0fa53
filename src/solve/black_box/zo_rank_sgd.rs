//! Stochastic descent from rankings alone: `m` points around the iterate are ranked, and the edges of the comparison
//! graph vote on a direction.
//!
//! With `ξ_1 .. ξ_m` normal and the ranking of `x + μ ξ_i`, `ĝ = (1/|E|) Σ (ξ_j - ξ_i)` over all edges "i is better than
//! j". Its length says nothing (any increasing transform of the objective gives the same), so that a fixed step stalls at
//! a level that grows with it. The line search removes this by the same oracle: it ranks `x` and `x - η γ^l ĝ` and moves
//! to the best; the next round begins one step length above the one that won. Where `x` itself wins, more directions are
//! drawn and averaged until something is better, with lengths (and the radius of sampling with them) that fall, which the
//! paper does not do: a radius that stays puts a floor under the objective.

use super::population::{needs_a_search, normals, number, units};
use super::search::{ByRank, Found};
use crate::answer::Stop;
use crate::solve::method::{Claim, Method, Run, Sees};
use crate::solve::options::OptionRow;
use crate::solve::parts::random::Random;
use std::convert::Infallible;

pub const METHOD: Method = Method {
    name: "zo_rank_sgd",
    doc: "stochastic descent along directions that rankings vote on",
    chosen: "for oracles that rank, beyond a few dozen variables or where a person answers",
    source: "Tang, Rybin & Chang, Zeroth-Order Optimization Meets Human Feedback, ICLR 2024",
    claim: Claim::Heuristic,
    sees: Sees::Plain,
    second_order: |_| false,
    accepts: needs_a_search,
    options: OPTIONS,
    run: Run::ByRank(run),
};

#[rustfmt::skip]
const OPTIONS: &[OptionRow] = &[
    number("m", "points that are ranked in a round", 15.0, 2.0, 1e6),
    number("k", "how many of them are told apart, the best; 0: all", 0.0, 0.0, 1e6),
    number("mu", "radius of sampling, for a variable with two bounds times their distance", 0.01, 1e-300, 1e300),
    number("eta", "step length, of the first round where there is a line search", 0.1, 1e-300, 1e300),
    number("rounds", "rounds after which the search ends", 3000.0, 1.0, 1e12),
    number("line_search", "how many lengths a line search tries; 0: the step is taken as it is", 5.0, 0.0, 60.0),
    number("gamma", "each length of a line search is this part of the one before", 0.5, 0.01, 0.99),
    number("patience", "directions that are averaged at one point before the search ends", 60.0, 1.0, 1e9),
];

fn run(search: &mut ByRank) -> Found {
    let mut descent = Descent::new(search);
    let stop = match descent.descend(search) {
        Ok(never) => match never {},
        Err(stop) => stop,
    };
    Found { x: descent.x, stop, iterations: descent.round }
}

struct Descent {
    x: Vec<f64>,
    /// What one unit of `ξ` is in each variable, times `mu`.
    scale: Vec<f64>,
    /// A factor of the radius: it falls with the steps.
    radius: f64,
    eta: f64,
    round: usize,
    random: Random,
}

impl Descent {
    fn new(search: &ByRank) -> Descent {
        Descent {
            x: search.start.clone(),
            scale: units(search.space),
            radius: 1.0,
            eta: search.options.number(OPTIONS, "eta"),
            round: 0,
            random: Random::new(search.options.seed),
        }
    }

    fn descend(&mut self, search: &mut ByRank) -> Result<Infallible, Stop> {
        let of = |name: &str| search.options.number(OPTIONS, name);
        let (m, k, mu) = (of("m") as usize, of("k") as usize, of("mu"));
        let (rounds, lengths, gamma) = (of("rounds") as usize, of("line_search") as usize, of("gamma"));
        let patience = of("patience") as usize;
        let k = if k == 0 { m } else { k.min(m) };
        let mut sum = vec![0.0; self.x.len()];
        let mut averaged = 0;
        loop {
            if self.round >= rounds {
                return Err(Stop::Finished);
            }
            search.observe(self.round, self.eta, m)?;
            let direction = self.vote(search, m, k, mu * self.radius)?;
            self.round += 1;
            if lengths == 0 {
                self.x = self.moved(search, &direction, self.eta);
                continue;
            }
            sum.iter_mut().zip(&direction).for_each(|(s, d)| *s += d);
            averaged += 1;
            let mean: Vec<f64> = sum.iter().map(|s| s / averaged as f64).collect();
            let mut trials = vec![self.x.clone()];
            trials.extend((0..lengths).map(|l| self.moved(search, &mean, self.eta * gamma.powi(l as i32))));
            let winner = search.asked.rank(&trials, 1)?.winner();
            if winner > 0 {
                self.x = trials.swap_remove(winner);
                // One above the length that won, so that lengths can grow again.
                self.eta *= gamma.powi(winner as i32 - 2);
                self.radius = (self.radius / gamma.sqrt()).min(1.0);
                sum.fill(0.0);
                averaged = 0;
                continue;
            }
            if averaged >= patience {
                return Err(Stop::Finished);
            }
            self.eta *= gamma;
            self.radius *= gamma.sqrt();
        }
    }

    /// The direction that a ranking of points around the iterate votes for, in units of `scale`.
    fn vote(&mut self, search: &mut ByRank, m: usize, k: usize, mu: f64) -> Result<Vec<f64>, Stop> {
        let n = self.x.len();
        let drawn: Vec<Vec<f64>> = (0..m).map(|_| normals(&mut self.random, n)).collect();
        let at = |xi: &Vec<f64>| (0..n).map(|j| self.x[j] + mu * self.scale[j] * xi[j]).collect();
        let points: Vec<Vec<f64>> = drawn.iter().map(at).collect();
        let ranking = search.asked.rank(&points, k)?;
        let edges = ranking.edges().max(1) as f64;
        let mut direction = vec![0.0; n];
        for (weight, xi) in ranking.weights().iter().zip(&drawn) {
            direction.iter_mut().zip(xi).for_each(|(d, v)| *d += weight / edges * v);
        }
        Ok(direction)
    }

    /// `x - η ĝ`, within the bounds.
    fn moved(&self, search: &ByRank, direction: &[f64], eta: f64) -> Vec<f64> {
        let ahead: Vec<f64> = (0..self.x.len()).map(|j| self.x[j] - eta * self.scale[j] * direction[j]).collect();
        search.space.project(&ahead)
    }
}
