//! More than one start: a small problem that is not shown to be convex may have several local answers, and solving it
//! again costs little. The method runs from the given start first; then from points drawn around its answer, within
//! the bounds. Another answer is kept only if its certificate holds and its objective is better.

use super::Request;
use crate::problem::features::{Fact, Features};
use crate::problem::values::Bounds;
use crate::solve::method::{Claim, Method};
use crate::solve::parts::random::Random;

/// How many more starts a small problem gets where the user does not say. Of the 35 problems of
/// `examples/data/problems/nlp.tsv` five have several local answers; 8 find the best one of four of them.
const AUTOMATIC: usize = 8;

/// What counts as small: a solve then takes about a millisecond.
const MOST_VARIABLES: usize = 20;
const MOST_ROWS: usize = 100;

/// Points are drawn within this many times `max(1, |x|)` of a variable that has no bound there.
const REACH: f64 = 10.0;

/// How many starts are tried after the first, and why if nobody asked.
pub(super) fn count(request: &Request, method: &Method, features: &Features, convex: bool) -> (usize, Option<Fact>) {
    if let Some(starts) = request.starts {
        return (starts.saturating_sub(1), None);
    }
    let small = features.variables <= MOST_VARIABLES && features.rows <= MOST_ROWS;
    let asked = request.method.is_some() || method.claim != Claim::Stationary;
    if convex || !small || asked {
        return (0, None);
    }
    let tried = match features.sense {
        Some(_) => format!("{AUTOMATIC} more starts are tried, and the best certified answer is kept"),
        None => format!("up to {AUTOMATIC} more starts are tried if the first finds no point that meets the rows"),
    };
    let sentence = format!("small and not shown to be convex: {tried}");
    (AUTOMATIC, Some(Fact::new(sentence)))
}

/// Points to start from, drawn around `x`; the same for the same seed.
pub fn points(bounds: &Bounds, x: &[f64], count: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = Random::new(seed ^ 0x5ee_d0f_57a_275);
    let mut point = || {
        let draw = |(k, &v): (usize, &f64)| {
            let reach = REACH * v.abs().max(1.0);
            let lower = if bounds.lower[k].is_finite() { bounds.lower[k] } else { v.min(bounds.upper[k]) - reach };
            let upper = if bounds.upper[k].is_finite() { bounds.upper[k] } else { v.max(lower) + reach };
            lower + (upper - lower) * random.unit()
        };
        x.iter().enumerate().map(draw).collect()
    };
    (0..count).map(|_| point()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_keep_to_the_bounds_and_to_the_seed() {
        let inf = f64::INFINITY;
        let bounds = Bounds {
            lower: vec![0.0, -inf, 5.0, -inf],
            upper: vec![1.0, inf, inf, -5.0],
            row_lower: vec![],
            row_upper: vec![],
        };
        let x = [0.5, 3.0, 7.0, -6.0];
        let drawn = points(&bounds, &x, 50, 1);
        assert_eq!(drawn, points(&bounds, &x, 50, 1));
        assert_ne!(drawn, points(&bounds, &x, 50, 2));
        for p in &drawn {
            for k in 0..4 {
                assert!(bounds.lower[k] <= p[k] && p[k] <= bounds.upper[k] && p[k].is_finite(), "{p:?}");
            }
        }
        let spread = drawn.iter().map(|p| p[1]).fold(0.0, |a: f64, v| a.max((v - 3.0).abs()));
        assert!(spread > 15.0 && spread <= 30.0, "free variables move: {spread}");
    }
}
