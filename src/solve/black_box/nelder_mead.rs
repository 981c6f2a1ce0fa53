//! Nelder and Mead's simplex: reflect, expand, contract, shrink. Stepped through argmin.
//!
//! Bounds are kept by evaluating at the nearest point inside. A simplex may collapse far from a minimum, so the search
//! begins again around the best point until a whole round brings nothing.

use super::search::{ByValue, Found, Space};
use crate::answer::Stop;
use crate::problem::features::Features;
use crate::solve::argmin_adapter::{Candidates, NelderMead, compare};
use crate::solve::method::{Claim, Method, Objection, Run, Sees, iteration_limit, tolerance};
use crate::solve::options::OptionRow;

pub const METHOD: Method = Method {
    name: "nelder_mead",
    doc: "simplex search by values alone, for few variables",
    chosen: "for few variables where kinks could not be written as smooth rows",
    source: "Nelder & Mead, Computer Journal 7 (1965)",
    claim: Claim::Heuristic,
    sees: Sees::Plain,
    second_order: |_| false,
    accepts,
    options: OPTIONS,
    run: Run::ByValue(run),
};

const OPTIONS: &[OptionRow] =
    &[tolerance("spread of the values in the simplex at which a round ends", 1e-13), iteration_limit(100_000)];

/// Beyond this a simplex hardly moves.
const MOST_VARIABLES: usize = 30;
/// Rounds; two or three are usual.
const MOST_ROUNDS: usize = 20;

fn accepts(features: &Features) -> Result<(), Objection> {
    features.needs_no_rows()?;
    features.needs_an_objective()?;
    features.needs_at_most(MOST_VARIABLES)
}

fn run(search: &mut ByValue) -> Found {
    let tol = search.options.number(OPTIONS, "tol");
    let space = search.space;
    let mut best = (search.start.clone(), f64::INFINITY);
    let mut iterations = 0;
    let mut stop = Stop::Finished;
    for round in 0..MOST_ROUNDS {
        let simplex = simplex(space, &best.0, round);
        let candidates = Candidates::new(&mut *search.asked);
        let found = NelderMead::new(simplex).with_sd_tolerance(tol).and_then(|solver| {
            compare(&candidates, candidates.clone(), solver, best.0.clone(), &mut iterations, search.monitor)
        });
        let before = best.1;
        match found {
            Ok((x, value, early)) => {
                if value < best.1 {
                    best = (space.project(&x), value);
                }
                if let Some(early) = early {
                    stop = early;
                    break;
                }
            }
            Err(error) => {
                stop = Stop::Failed(error.to_string());
                break;
            }
        }
        // Two infinite values have no difference; neither is there a next round then.
        let gain = before - best.1;
        if gain.is_nan() || gain <= tol.max(1e-12) * best.1.abs().max(1.0) {
            break;
        }
    }
    Found { x: best.0, stop, iterations }
}

/// The point and one more per variable, along its axis, towards the side with more room; the sides alternate from
/// round to round where both have room.
fn simplex(space: &Space, x: &[f64], round: usize) -> Vec<Vec<f64>> {
    let mut corners = vec![x.to_vec()];
    for k in 0..x.len() {
        let room = space.upper[k] - space.lower[k];
        let edge = (0.1 * x[k].abs().max(1.0)).min(if room.is_finite() { 0.25 * room } else { f64::INFINITY });
        // Steps that rounding undoes lead nowhere.
        let edge = if space.integer[k] { edge.max(1.0) } else { edge };
        let (up, down) = (space.upper[k] - x[k], x[k] - space.lower[k]);
        let upward = if round.is_multiple_of(2) { up >= edge } else { down < edge };
        let mut corner = x.to_vec();
        corner[k] += if upward { edge } else { -edge };
        corners.push(corner);
    }
    corners
}
