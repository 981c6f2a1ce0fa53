//! Stochastic descent along gradients that are estimated from values of candidates near the iterate.
//!
//! With `ξ_i` normal, `ĝ = (1/m) Σ (f(x + μ ξ_i) - f(x - μ ξ_i)) / 2μ · ξ_i` (two-point, symmetric) or `(f(x + μ ξ_i) - f(x)) / μ · ξ_i`
//! (one-sided): both estimate the gradient of `f` smoothed by a normal of width `μ`, the first with a bias of the order
//! `μ²`. Then `x ← x - η ĝ`, within the bounds.
//!
//! An integer variable is moved by deviations of 1 at least, as smaller ones would be rounded away. Beside those the
//! slope of a real variable, which is divided by its own `μ`, would be noise: where there are both, directions take turns.

use super::population::{needs_a_search, normals, number, units};
use super::search::{ByValue, Found, Space, Values};
use crate::answer::Stop;
use crate::solve::method::{Claim, Method, Run, Sees};
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::random::Random;
use std::convert::Infallible;

pub const METHOD: Method = Method {
    name: "zo_sgd",
    doc: "stochastic descent along gradients estimated from differences of values",
    chosen: "for oracles that give values of more variables than a covariance can be learnt for",
    source: "Ghadimi & Lan, SIAM J. Optimization 23 (2013); Nesterov & Spokoiny, Found. Comput. Math. 17 (2017)",
    claim: Claim::Heuristic,
    sees: Sees::Plain,
    second_order: |_| false,
    accepts: needs_a_search,
    options: OPTIONS,
    run: Run::ByValue(run),
};

#[rustfmt::skip]
const OPTIONS: &[OptionRow] = &[
    number("directions", "directions of a round", 15.0, 1.0, 1e6),
    number("mu", "length of the differences, for a variable with two bounds times their distance; 1 at least where it is integer", 1e-3, 1e-300, 1e300),
    number("eta", "step length", 0.01, 1e-300, 1e300),
    number("rounds", "rounds after which the search ends", 3000.0, 1.0, 1e12),
    OptionRow {
        name: "estimator",
        doc: "differences to both sides of the iterate, or to one, which asks about half as many candidates",
        default: Default::Choice { value: "two_sided", among: &["two_sided", "one_sided"] },
    },
];

fn run(search: &mut ByValue) -> Found {
    let mut x = search.start.clone();
    let mut round = 0;
    let stop = match descend(search, &mut x, &mut round) {
        Ok(never) => match never {},
        Err(stop) => stop,
    };
    Found { x, stop, iterations: round }
}

fn descend(search: &mut ByValue, x: &mut Vec<f64>, round: &mut usize) -> Result<Infallible, Stop> {
    let of = |name: &str| search.options.number(OPTIONS, name);
    let (directions, mu, eta, rounds) = (of("directions") as usize, of("mu"), of("eta"), of("rounds") as usize);
    let both = search.options.choice(OPTIONS, "estimator") == "two_sided";
    let unit = units(search.space);
    let deviation = deviations(search.space, &unit, mu);
    let turns = turns(search.space);
    let mut turn = 0;
    let mut random = Random::new(search.options.seed);
    loop {
        if *round >= rounds {
            // The iterate is a candidate as well.
            search.asked.values(std::slice::from_ref(x))?;
            return Err(Stop::Finished);
        }
        search.observe(*round, eta, if both { 2 * directions } else { directions + 1 })?;
        let mut moves = vec![0; x.len()];
        let mut draw = || {
            let moving = &turns[turn % turns.len()];
            turn += 1;
            let mut xi = normals(&mut random, moving.len());
            xi.iter_mut().zip(moving).filter(|(_, moves)| !**moves).for_each(|(v, _)| *v = 0.0);
            moves.iter_mut().zip(moving).for_each(|(count, moves)| *count += usize::from(*moves));
            xi
        };
        let drawn: Vec<Vec<f64>> = (0..directions).map(|_| draw()).collect();
        let differences = match both {
            true => two_sided(search.asked, x, &deviation, &drawn)?,
            false => one_sided(search.asked, x, &deviation, &drawn)?,
        };
        let mut step = vec![0.0; x.len()];
        // A direction without a finite difference says nothing.
        for (difference, xi) in differences.iter().zip(&drawn).filter(|(difference, _)| difference.is_finite()) {
            for (j, v) in xi.iter().enumerate().filter(|(j, _)| moves[*j] > 0) {
                step[j] += difference * v * (unit[j] / deviation[j]) / moves[j] as f64;
            }
        }
        let ahead: Vec<f64> = (0..x.len()).map(|j| x[j] - eta * unit[j] * step[j]).collect();
        *x = search.space.project(&ahead);
        *round += 1;
    }
}

/// What one unit of `ξ` is in each variable: `mu` units, and 1 at least in an integer one.
fn deviations(space: &Space, unit: &[f64], mu: f64) -> Vec<f64> {
    let of = |(unit, integer): (&f64, &bool)| if *integer { (mu * unit).max(1.0) } else { mu * unit };
    unit.iter().zip(&space.integer).map(of).collect()
}

/// Which variables move in a direction: the real ones, then the integer ones.
fn turns(space: &Space) -> Vec<Vec<bool>> {
    let of = |wanted: bool| space.integer.iter().map(|integer| *integer == wanted).collect::<Vec<bool>>();
    let some = [of(false), of(true)].into_iter().filter(|moving| moving.contains(&true)).collect::<Vec<_>>();
    if some.is_empty() { vec![vec![]] } else { some }
}

fn moved(x: &[f64], deviation: &[f64], sign: f64, xi: &[f64]) -> Vec<f64> {
    (0..x.len()).map(|j| x[j] + sign * deviation[j] * xi[j]).collect()
}

/// `(f(x + μ ξ) - f(x - μ ξ)) / 2` for each direction.
fn two_sided(asked: &mut dyn Values, x: &[f64], deviation: &[f64], directions: &[Vec<f64>]) -> Result<Vec<f64>, Stop> {
    let both = directions.iter().flat_map(|xi| [moved(x, deviation, 1.0, xi), moved(x, deviation, -1.0, xi)]);
    let values = asked.values(&both.collect::<Vec<_>>())?;
    Ok(values.chunks(2).map(|pair| (pair[0] - pair[1]) / 2.0).collect())
}

/// `f(x + μ ξ) - f(x)` for each direction.
fn one_sided(asked: &mut dyn Values, x: &[f64], deviation: &[f64], directions: &[Vec<f64>]) -> Result<Vec<f64>, Stop> {
    let mut points = vec![x.to_vec()];
    points.extend(directions.iter().map(|xi| moved(x, deviation, 1.0, xi)));
    let values = asked.values(&points)?;
    Ok(values[1..].iter().map(|value| value - values[0]).collect())
}
