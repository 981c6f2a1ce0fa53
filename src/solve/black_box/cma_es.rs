//! CMA-ES: a normal distribution that moves, grows and turns towards the better half of what it draws.
//!
//! `x = m + σ y`, `y ~ N(0, C)`; `λ` candidates are ranked, and only their order counts. The mean moves to the weighted
//! best; `C` learns from its path (rank one) and from all candidates (rank mu), with negative weights for the worse half;
//! `σ` from the length of a path in the coordinates of `C^-1/2`. Constants are those of the tutorial, so that there is
//! nothing to tune but `sigma` and `lambda`.
//!
//! Bounds: the distribution lives in all of space, folded into the box by a map that is the identity inside, smooth near
//! the bounds and periodic beyond ([`Fold`]). Integer variables are rounded, and keep a spread of at least a fifth, or
//! they would freeze on a plateau. A run ends where its distribution has shrunk by `tol` or degenerated; each restart
//! doubles `λ`, and the best ends of the runs are ranked against each other.

use super::population::{needs_comparisons, normals, number};
use super::search::{ByRank, Found, Space};
use crate::answer::Stop;
use crate::linalg::dense::symmetric_eigen;
use crate::solve::method::{Claim, Method, Run, Sees};
use crate::solve::options::OptionRow;
use crate::solve::parts::random::Random;

pub const METHOD: Method = Method {
    name: "cma_es",
    doc: "a normal distribution that adapts its mean, spread and covariance to the order of what it draws",
    chosen: "for oracles, and for black boxes with integer variables",
    source: "Hansen, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772; restarts: Auger & Hansen, CEC 2005",
    claim: Claim::Heuristic,
    sees: Sees::Plain,
    second_order: |_| false,
    accepts: needs_comparisons,
    options: OPTIONS,
    run: Run::ByRank(run),
};

#[rustfmt::skip]
const OPTIONS: &[OptionRow] = &[
    number("sigma", "first spread: part of the width of a variable with two bounds, else of max(1, |x|)", 0.3, 1e-300, 1e300),
    number("lambda", "candidates of a round; 0: 4 + 3 log(n)", 0.0, 0.0, 1e6),
    number("rounds", "rounds after which the search ends", 1e5, 1.0, 1e12),
    number("restarts", "further runs after the first, each with twice as many candidates", 0.0, 0.0, 50.0),
    number("tol", "part of its first spread at which a run ends", 1e-11, 0.0, 1.0),
];

/// A covariance that is worse conditioned than this cannot be told from noise.
const WORST_CONDITION: f64 = 1e14;
/// Integer variables keep a standard deviation of this.
const INTEGER_SPREAD: f64 = 0.2;

fn run(search: &mut ByRank) -> Found {
    let of = |name: &str| search.options.number(OPTIONS, name);
    let (restarts, rounds) = (of("restarts") as usize, of("rounds") as usize);
    let mut random = Random::new(search.options.seed);
    let n = search.space.dimension();
    let mut lambda = match of("lambda") as usize {
        0 => 4 + (3.0 * (n as f64).ln()) as usize,
        given => given.max(2),
    };
    let mut champion = search.start.clone();
    let mut round = 0;
    for attempt in 0..=restarts {
        let mut state = State::new(search, lambda, &mut random, attempt);
        let ended = state.evolve(search, &mut random, &mut round, rounds);
        // Whoever won earlier runs is asked against the mean of this one and the best that it drew last.
        let stop = match ended {
            Ok(()) => {
                let finalists = [champion.clone(), state.best.clone(), state.fold.inside(&state.mean)];
                match search.asked.rank(&finalists, 1) {
                    Ok(ranking) => {
                        champion = finalists[ranking.winner()].clone();
                        None
                    }
                    Err(stop) => Some(stop),
                }
            }
            Err(stop) => Some(stop),
        };
        if let Some(stop) = stop {
            // Nothing may be asked any more: of a first run the latest best is the best guess.
            let x = if attempt == 0 { state.best } else { champion };
            return Found { x, stop, iterations: round };
        }
        if round >= rounds {
            break;
        }
        lambda *= 2;
    }
    Found { x: champion, stop: Stop::Finished, iterations: round }
}

/// Weights and rates of learning, from `n` and `λ`.
struct Constants {
    lambda: usize,
    /// For places of the ranking, the best first; the worse half has negative ones.
    weights: Vec<f64>,
    /// Of the positive weights.
    effective: f64,
    sigma_rate: f64,
    damping: f64,
    path_rate: f64,
    rank_one: f64,
    rank_mu: f64,
    /// Of the length of a standard normal vector.
    length: f64,
}

impl Constants {
    fn new(n: usize, lambda: usize) -> Constants {
        let nf = n as f64;
        let raw: Vec<f64> = (1..=lambda).map(|i| ((lambda as f64 + 1.0) / 2.0).ln() - (i as f64).ln()).collect();
        let sums = |positive: bool| {
            let chosen = raw.iter().filter(|w| (**w > 0.0) == positive);
            chosen.fold((0.0, 0.0), |(sum, squares), w| (sum + w.abs(), squares + w * w))
        };
        let ((plus, plus_squares), (minus, minus_squares)) = (sums(true), sums(false));
        let effective = plus * plus / plus_squares;
        let effective_minus = if minus_squares > 0.0 { minus * minus / minus_squares } else { 0.0 };
        let rank_one = 2.0 / ((nf + 1.3).powi(2) + effective);
        let rank_mu =
            (2.0 * (0.25 + effective + 1.0 / effective - 2.0) / ((nf + 2.0).powi(2) + effective)).min(1.0 - rank_one);
        let alpha = (1.0 + rank_one / rank_mu)
            .min(1.0 + 2.0 * effective_minus / (effective + 2.0))
            .min((1.0 - rank_one - rank_mu) / (nf * rank_mu));
        let weight = |w: &f64| if *w > 0.0 { w / plus } else { alpha * w / minus.max(f64::MIN_POSITIVE) };
        let sigma_rate = (effective + 2.0) / (nf + effective + 5.0);
        Constants {
            lambda,
            weights: raw.iter().map(weight).collect(),
            effective,
            sigma_rate,
            damping: 1.0 + 2.0 * (((effective - 1.0) / (nf + 1.0)).sqrt() - 1.0).max(0.0) + sigma_rate,
            path_rate: (4.0 + effective / nf) / (nf + 4.0 + 2.0 * effective / nf),
            rank_one,
            rank_mu,
            length: nf.sqrt() * (1.0 - 1.0 / (4.0 * nf) + 1.0 / (21.0 * nf * nf)),
        }
    }
}

struct State {
    constants: Constants,
    fold: Fold,
    mean: Vec<f64>,
    sigma: f64,
    /// What a unit of the distribution is in each variable, at first.
    scale: Vec<f64>,
    covariance: Vec<f64>,
    /// Square roots of the eigenvalues, and the eigenvectors.
    axes: (Vec<f64>, Vec<Vec<f64>>),
    /// Rounds since the eigenvectors were computed.
    age: usize,
    sigma_path: Vec<f64>,
    path: Vec<f64>,
    rounds: usize,
    /// Of the latest round, inside the box.
    best: Vec<f64>,
    /// Rounds since the settled best of a round last changed; only looked at where variables are integer.
    unchanged: usize,
}

impl State {
    /// The first run begins at the start, others at random points of the box, or around the start where there is none.
    fn new(search: &ByRank, lambda: usize, random: &mut Random, attempt: usize) -> State {
        let (space, n) = (search.space, search.space.dimension());
        let scale = space.scale(&search.start, search.options.number(OPTIONS, "sigma"));
        let begin = |k: usize| match (attempt, space.upper[k] - space.lower[k]) {
            (0, _) => search.start[k],
            (_, width) if width.is_finite() => space.lower[k] + width * random.unit(),
            _ => search.start[k] + scale[k] * random.normal(),
        };
        let begin: Vec<f64> = (0..n).map(begin).collect();
        let fold = Fold::new(space);
        let identity: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(i == j)).collect()).collect();
        State {
            constants: Constants::new(n, lambda),
            mean: fold.outside(&space.project(&begin)),
            best: space.project(&begin),
            fold,
            sigma: 1.0,
            covariance: identity.concat(),
            axes: (vec![1.0; n], identity),
            age: 0,
            sigma_path: vec![0.0; n],
            path: vec![0.0; n],
            scale,
            rounds: 0,
            unchanged: 0,
        }
    }

    /// Until the distribution is small or degenerate.
    fn evolve(
        &mut self,
        search: &mut ByRank,
        random: &mut Random,
        round: &mut usize,
        rounds: usize,
    ) -> Result<(), Stop> {
        let tol = search.options.number(OPTIONS, "tol");
        while *round < rounds && !self.has_ended(search.space, tol) {
            search.observe(*round, self.sigma, self.constants.lambda)?;
            self.decompose();
            let drawn: Vec<(Vec<f64>, Vec<f64>)> = (0..self.constants.lambda).map(|_| self.draw(random)).collect();
            let points: Vec<Vec<f64>> = drawn.iter().map(|(_, y)| self.at(y)).collect();
            let order = search.asked.rank(&points, points.len())?.order();
            let best = points[order[0]].clone();
            self.unchanged = match search.space.settle(&best) == search.space.settle(&self.best) {
                true => self.unchanged + 1,
                false => 0,
            };
            self.best = best;
            self.learn(&drawn, &order);
            self.keep_integers_moving(search.space);
            *round += 1;
        }
        Ok(())
    }

    /// A standard normal vector and `y = B D z`.
    fn draw(&self, random: &mut Random) -> (Vec<f64>, Vec<f64>) {
        let z = normals(random, self.mean.len());
        let (lengths, vectors) = &self.axes;
        let mut y = vec![0.0; z.len()];
        for ((length, vector), z) in lengths.iter().zip(vectors).zip(&z) {
            y.iter_mut().zip(vector).for_each(|(y, v)| *y += length * z * v);
        }
        (z, y)
    }

    /// The candidate inside the box.
    fn at(&self, y: &[f64]) -> Vec<f64> {
        let x: Vec<f64> = (0..y.len()).map(|k| self.mean[k] + self.sigma * self.scale[k] * y[k]).collect();
        self.fold.inside(&x)
    }

    fn learn(&mut self, drawn: &[(Vec<f64>, Vec<f64>)], order: &[usize]) {
        let c = &self.constants;
        let n = self.mean.len();
        let nf = n as f64;
        let mut step = vec![0.0; n];
        for (weight, &k) in c.weights.iter().zip(order).filter(|(w, _)| **w > 0.0) {
            step.iter_mut().zip(&drawn[k].1).for_each(|(s, y)| *s += weight * y);
        }
        let sigma = self.sigma;
        let moves = self.scale.iter().zip(&step).map(|(scale, step)| sigma * scale * step);
        self.mean.iter_mut().zip(moves).for_each(|(mean, step)| *mean += step);
        self.rounds += 1;
        let whitened = self.whitened(&step);
        let keep = 1.0 - c.sigma_rate;
        let add = (c.sigma_rate * (2.0 - c.sigma_rate) * c.effective).sqrt();
        self.sigma_path.iter_mut().zip(&whitened).for_each(|(p, w)| *p = keep * *p + add * w);
        let squares: f64 = self.sigma_path.iter().map(|p| p * p).sum();
        let settled = 1.0 - keep.powi(2 * self.rounds.min(1 << 20) as i32);
        let short = squares / settled / nf < 2.0 + 4.0 / (nf + 1.0);
        let add = if short { (c.path_rate * (2.0 - c.path_rate) * c.effective).sqrt() } else { 0.0 };
        self.path.iter_mut().zip(&step).for_each(|(p, s)| *p = (1.0 - c.path_rate) * *p + add * s);
        let sum: f64 = c.weights.iter().sum();
        let lost = if short { 0.0 } else { c.rank_one * c.path_rate * (2.0 - c.path_rate) };
        let keep = 1.0 - c.rank_one - c.rank_mu * sum + lost;
        let mut updates = vec![(c.rank_one, &self.path[..])];
        for (&weight, &k) in c.weights.iter().zip(order) {
            let (z, y) = &drawn[k];
            // A bad candidate that lies far out must not make the covariance indefinite.
            let weight = match weight < 0.0 {
                true => weight * nf / z.iter().map(|v| v * v).sum::<f64>().max(f64::MIN_POSITIVE),
                false => weight,
            };
            updates.push((c.rank_mu * weight, &y[..]));
        }
        for i in 0..n {
            for j in 0..=i {
                let added: f64 = updates.iter().map(|(weight, v)| weight * v[i] * v[j]).sum();
                let entry = keep * self.covariance[i * n + j] + added;
                self.covariance[i * n + j] = entry;
                self.covariance[j * n + i] = entry;
            }
        }
        let ratio = squares.sqrt() / c.length - 1.0;
        self.sigma *= (c.sigma_rate / c.damping * ratio).min(1.0).exp();
        self.age += 1;
    }

    /// `C^-1/2 v`
    fn whitened(&self, v: &[f64]) -> Vec<f64> {
        let (lengths, vectors) = &self.axes;
        let mut out = vec![0.0; v.len()];
        for (length, vector) in lengths.iter().zip(vectors) {
            let along: f64 = vector.iter().zip(v).map(|(a, b)| a * b).sum::<f64>() / length;
            out.iter_mut().zip(vector).for_each(|(o, b)| *o += along * b);
        }
        out
    }

    /// Eigenvectors are renewed when the covariance may have changed by a tenth in some direction.
    fn decompose(&mut self) {
        let n = self.mean.len();
        let c = &self.constants;
        if self.age == 0 || (self.age as f64) < 0.1 / ((c.rank_one + c.rank_mu) * n as f64) {
            return;
        }
        self.age = 0;
        let (values, vectors) = symmetric_eigen(n, &self.covariance);
        self.axes = (values.iter().map(|v| v.max(f64::MIN_POSITIVE).sqrt()).collect(), vectors);
    }

    fn deviation(&self, k: usize) -> f64 {
        self.sigma * self.scale[k] * self.covariance[k * self.mean.len() + k].max(0.0).sqrt()
    }

    fn keep_integers_moving(&mut self, space: &Space) {
        let n = self.mean.len();
        for k in (0..n).filter(|k| space.integer[*k]) {
            let deviation = self.deviation(k);
            if deviation < INTEGER_SPREAD && deviation > 0.0 {
                self.covariance[k * n + k] *= (INTEGER_SPREAD / deviation).powi(2);
            }
        }
    }

    fn has_ended(&self, space: &Space, tol: f64) -> bool {
        let n = self.mean.len();
        let (small, large) = self.axes.0.iter().fold((f64::INFINITY, 0.0f64), |(s, l), v| (s.min(*v), l.max(*v)));
        let degenerate = !(small > 0.0 && large / small < WORST_CONDITION.sqrt() && self.sigma.is_finite());
        let still = |k: usize| {
            let spread = self.sigma * self.covariance[k * n + k].max(0.0).sqrt().max(self.path[k].abs());
            let rounding = self.deviation(k) <= 1e-16 * self.mean[k].abs();
            spread < tol || rounding
        };
        let reals = || (0..n).filter(|k| !space.integer[*k]);
        let integers = n > reals().count();
        // Integers never come to rest: there, a best candidate that stays for long is one that stays.
        let settled = !integers || self.unchanged > 10 + 100 * n / self.constants.lambda;
        degenerate || (reals().all(still) && settled)
    }
}

/// All of space folded into a box, variable by variable: `x` itself inside, a parabola within a margin of a bound, and
/// mirrored beyond. Source: the transformation of bounds in Hansen's `pycma`.
struct Fold {
    sides: Vec<Side>,
}

#[derive(Clone, Copy)]
struct Side {
    lower: f64,
    upper: f64,
    /// Margins of the two bounds; 0 where there is none.
    below: f64,
    above: f64,
}

impl Fold {
    fn new(space: &Space) -> Fold {
        let side = |k: usize| {
            let (lower, upper) = (space.lower[k], space.upper[k]);
            let half = (upper - lower) / 2.0;
            let margin = |bound: f64| if bound.is_finite() { half.min((1.0 + bound.abs()) / 20.0) } else { 0.0 };
            Side { lower, upper, below: margin(lower), above: margin(upper) }
        };
        Fold { sides: (0..space.dimension()).map(side).collect() }
    }

    fn inside(&self, x: &[f64]) -> Vec<f64> {
        self.sides.iter().zip(x).map(|(side, v)| side.inside(*v)).collect()
    }

    /// A point that is folded onto `x`.
    fn outside(&self, x: &[f64]) -> Vec<f64> {
        self.sides.iter().zip(x).map(|(side, v)| side.outside(*v)).collect()
    }
}

impl Side {
    fn inside(self, x: f64) -> f64 {
        let (low, high) = (self.lower - self.below, self.upper + self.above);
        let mut x = x;
        if low.is_finite() && high.is_finite() {
            let period = 2.0 * (high - low);
            let along = (x - low).rem_euclid(period);
            x = low + if along > high - low { period - along } else { along };
        } else if x < low {
            x = 2.0 * low - x;
        } else if x > high {
            x = 2.0 * high - x;
        }
        let y = if x < self.lower + self.below {
            self.lower + (x - low).powi(2) / (4.0 * self.below)
        } else if x > self.upper - self.above {
            self.upper - (x - high).powi(2) / (4.0 * self.above)
        } else {
            x
        };
        y.max(self.lower).min(self.upper)
    }

    fn outside(self, y: f64) -> f64 {
        if y < self.lower + self.below {
            self.lower - self.below + 2.0 * (self.below * (y - self.lower)).max(0.0).sqrt()
        } else if y > self.upper - self.above {
            self.upper + self.above - 2.0 * (self.above * (self.upper - y)).max(0.0).sqrt()
        } else {
            y
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_stays_inside_and_is_undone() {
        for (lower, upper) in [(0.0, 1.0), (-3.0, f64::INFINITY), (f64::NEG_INFINITY, 7.0), (-100.0, 100.0)] {
            let space = Space { lower: vec![lower], upper: vec![upper], integer: vec![false] };
            let fold = Fold::new(&space);
            for k in -400..400 {
                let x = 0.05 * k as f64;
                let inside = fold.inside(&[x])[0];
                assert!(lower <= inside && inside <= upper, "{x} to {inside} in [{lower}, {upper}]");
                let again = fold.inside(&fold.outside(&[inside]))[0];
                assert!((again - inside).abs() <= 1e-12 * inside.abs().max(1.0), "{inside} to {again}");
            }
        }
    }

    #[test]
    fn weights_are_those_of_the_tutorial() {
        // n = 10 and 10 candidates, as its reference implementation prints them.
        let c = Constants::new(10, 10);
        assert!((c.weights.iter().filter(|w| **w > 0.0).sum::<f64>() - 1.0).abs() < 1e-14);
        assert!((c.effective - 3.167_299_5).abs() < 1e-6, "{}", c.effective);
        assert!(c.weights.windows(2).all(|w| w[0] >= w[1]));
    }
}
