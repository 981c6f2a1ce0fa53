//! Stochastic descent from rankings alone: `m` points around the iterate are ranked, and the edges of the comparison
//! graph vote on a direction.
//!
//! With `ξ_1 .. ξ_m` normal and the ranking of `x + μ ξ_i`, `ĝ = (1/|E|) Σ (ξ_j - ξ_i)` over all edges "i is better than
//! j". Its length says nothing (any increasing transform of the objective gives the same), so that a fixed step stalls at
//! a level that grows with it. The same oracle removes this, in one of two ways:
//!
//! - A line search in each round, as in the paper: it ranks `x` and `x - η γ^l ĝ` and moves to the best; the next round
//!   begins one step length above the one that won. Where `x` itself wins, more directions are drawn and averaged until
//!   something is better, with lengths that fall.
//! - A comparison of the iterate with where it was some rounds before, which costs two candidates where a line search
//!   costs six in each round: the step grows where the iterate is better, and falls otherwise, so that it stays where
//!   three of four comparisons are won. Steps in between may go uphill, and follow a mean of directions; a line search
//!   takes the step that is best for now, and creeps along the floor of a curved valley.
//!
//! In both the radius of sampling falls with the root of the lengths, which the paper does not do: a radius that stays
//! puts a floor under the objective.

use super::population::{needs_comparisons, normals, number, units};
use super::search::{ByRank, Found};
use crate::answer::Stop;
use crate::solve::method::{Claim, Method, Run, Sees};
use crate::solve::options::{Default, OptionRow};
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
    accepts: needs_comparisons,
    options: OPTIONS,
    run: Run::ByRank(run),
};

#[rustfmt::skip]
const OPTIONS: &[OptionRow] = &[
    number("m", "points that are ranked in a round", 15.0, 2.0, 1e6),
    number("k", "how many of them are told apart, the best; 0: all", 0.0, 0.0, 1e6),
    number("mu", "radius of sampling, for a variable with two bounds times their distance", 0.01, 1e-300, 1e300),
    number("eta", "step length, at first where it is not fixed", 0.1, 1e-300, 1e300),
    number("rounds", "rounds after which the search ends", 3000.0, 1.0, 1e12),
    OptionRow {
        name: "steps",
        doc: "step lengths: the iterate is compared with that of some rounds before, each round searches along a line, or they are fixed",
        default: Default::Choice { value: "compared", among: &["compared", "line_search", "fixed"] },
    },
    number("every", "rounds between comparisons of the iterate with that of before", 10.0, 1.0, 1e9),
    number("momentum", "part of the direction of before that is kept, where steps are compared", 0.9, 0.0, 0.999),
    number("lengths", "how many lengths a line search tries", 5.0, 1.0, 60.0),
    number("gamma", "each length of a line search is this part of the one before", 0.5, 0.01, 0.99),
    number("patience", "directions that a line search averages at one point before the search ends", 60.0, 1.0, 1e9),
    number("tol", "part of its first length at which the step is too short to go on", 1e-12, 0.0, 1.0),
];

/// After a comparison that was won the step grows by this, and falls by its cube after one that was not.
const GROWTH: f64 = 1.3;

/// Candidates differ by this much at least in an integer variable.
const INTEGER_SPREAD: f64 = 0.5;

fn run(search: &mut ByRank) -> Found {
    let mut descent = Descent::new(search);
    let steps = search.options.choice(OPTIONS, "steps").to_string();
    let ended = match steps.as_str() {
        "compared" => descent.compare(search),
        "line_search" => descent.search_lines(search),
        _ => descent.walk(search),
    };
    let stop = match ended {
        Ok(never) => match never {},
        Err(stop) => stop,
    };
    Found { x: descent.champion.unwrap_or(descent.x), stop, iterations: descent.round }
}

struct Descent {
    x: Vec<f64>,
    /// The winner of all comparisons of iterates, where they are compared.
    champion: Option<Vec<f64>>,
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
            champion: None,
            scale: units(search.space),
            radius: 1.0,
            eta: search.options.number(OPTIONS, "eta"),
            round: 0,
            random: Random::new(search.options.seed),
        }
    }

    fn walk(&mut self, search: &mut ByRank) -> Result<Infallible, Stop> {
        loop {
            let direction = self.vote(search)?;
            self.x = self.moved(search, &direction, self.eta);
        }
    }

    fn compare(&mut self, search: &mut ByRank) -> Result<Infallible, Stop> {
        let of = |name: &str| search.options.number(OPTIONS, name);
        let (every, keep, tol) = (of("every") as usize, of("momentum"), of("tol"));
        let first = self.eta;
        let mut mean = vec![0.0; self.x.len()];
        let mut before = self.x.clone();
        loop {
            let direction = self.vote(search)?;
            mean.iter_mut().zip(&direction).for_each(|(m, d)| *m = keep * *m + (1.0 - keep) * d);
            self.x = self.moved(search, &mean, self.eta);
            if !self.round.is_multiple_of(every) {
                continue;
            }
            let best = self.champion.take().unwrap_or_else(|| before.clone());
            let mut iterates = vec![before, self.x.clone()];
            if !iterates.contains(&best) {
                iterates.push(best.clone());
            }
            self.champion = Some(best);
            let ranking = search.asked.rank(&iterates, iterates.len())?;
            let won = ranking.places[1] < ranking.places[0];
            self.champion = Some(iterates.swap_remove(ranking.winner()));
            before = self.x.clone();
            self.eta *= if won { GROWTH } else { GROWTH.powi(-3) };
            self.radius = (self.eta / first).sqrt().min(1.0);
            if self.eta < tol * first {
                return Err(Stop::Finished);
            }
        }
    }

    fn search_lines(&mut self, search: &mut ByRank) -> Result<Infallible, Stop> {
        let of = |name: &str| search.options.number(OPTIONS, name);
        let (lengths, gamma, patience, tol) = (of("lengths") as usize, of("gamma"), of("patience") as usize, of("tol"));
        let first = self.eta;
        let mut sum = vec![0.0; self.x.len()];
        let mut averaged = 0;
        loop {
            let direction = self.vote(search)?;
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
            if averaged >= patience || self.eta < tol * first {
                return Err(Stop::Finished);
            }
            self.eta *= gamma;
            self.radius *= gamma.sqrt();
        }
    }

    /// A round: the direction that a ranking of points around the iterate votes for, in units of `scale`.
    fn vote(&mut self, search: &mut ByRank) -> Result<Vec<f64>, Stop> {
        let of = |name: &str| search.options.number(OPTIONS, name);
        let (m, k, mu) = (of("m") as usize, of("k") as usize, of("mu") * self.radius);
        if self.round >= of("rounds") as usize {
            return Err(Stop::Finished);
        }
        search.observe(self.round, self.eta, m)?;
        self.round += 1;
        let n = self.x.len();
        let drawn: Vec<Vec<f64>> = (0..m).map(|_| normals(&mut self.random, n)).collect();
        // Smaller deviations of an integer variable would be rounded away, and nothing be learned of it.
        let deviation = |j: usize| match search.space.integer[j] {
            true => (mu * self.scale[j]).max(INTEGER_SPREAD),
            false => mu * self.scale[j],
        };
        let at = |xi: &Vec<f64>| (0..n).map(|j| self.x[j] + deviation(j) * xi[j]).collect();
        let points: Vec<Vec<f64>> = drawn.iter().map(at).collect();
        let ranking = search.asked.rank(&points, if k == 0 { m } else { k.min(m) })?;
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
