//! Along which variables an unbounded objective improves.

use super::places;
use super::point;
use crate::answer::certificate::Place;
use crate::answer::diagnosis::Ray;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Problem, Sense};

/// Entries below this part of the largest are left out.
const COUNTS: f64 = 1e-6;
/// How far the ray is followed for the figures that are shown.
const STOPS: [f64; 3] = [0.0, 1e2, 1e4];

/// The ray of a method, or the way from the start to where it got, as far as no bound stops it and the objective
/// improves all along.
pub fn find(problem: &Problem, ray: Option<&[f64]>, x: &[f64], start: &[f64]) -> Option<Ray> {
    let bounds = Bounds::of(problem, &Numbers::of(problem));
    let way: Vec<f64> = x.iter().zip(start).map(|(to, from)| to - from).collect();
    [ray.unwrap_or(&[]).to_vec(), way].into_iter().filter(|d| d.len() == x.len()).find_map(|direction| {
        let free = |(j, d): (usize, &f64)| {
            let side = if *d > 0.0 { bounds.upper[j] } else { bounds.lower[j] };
            if side.is_finite() { 0.0 } else { *d }
        };
        let direction: Vec<f64> = direction.iter().enumerate().map(free).collect();
        let size = direction.iter().fold(0.0, |most: f64, d| most.max(d.abs()));
        if !(size > 0.0 && size.is_finite()) {
            return None;
        }
        let unit: Vec<f64> = direction.iter().map(|d| if d.abs() > COUNTS * size { d / size } else { 0.0 }).collect();
        // Where the method ended the figures are often too large to read.
        along(problem, start, &unit).or_else(|| along(problem, x, &unit))
    })
}

/// The figures from a point on, if the objective improves all along.
fn along(problem: &Problem, x: &[f64], direction: &[f64]) -> Option<Ray> {
    let objective = problem.objectives.first()?;
    let value = |t: f64| {
        let there: Vec<f64> = x.iter().zip(direction).map(|(x, d)| x + t * d).collect();
        point::objective(problem, &there)
    };
    let figures: Vec<(f64, f64)> = STOPS.iter().map(|t| (*t, value(*t))).collect();
    let better = |pair: &[(f64, f64)]| match objective.sense {
        Sense::Minimize => pair[1].1 < pair[0].1,
        Sense::Maximize => pair[1].1 > pair[0].1,
    };
    if !figures.windows(2).all(better) {
        return None;
    }
    let mut entries: Vec<(Place, f64)> = vec![];
    let mut order: Vec<usize> = (0..x.len()).filter(|j| direction[*j] != 0.0).collect();
    // What differs by rounding only stays in the order of the model.
    let size = |j: &usize| (direction[*j].abs() * 1e6).round();
    order.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.cmp(b)));
    entries.extend(order.into_iter().map(|j| (places::variable(problem, j), direction[j])));
    Some(Ray { entries, objective: objective.label.clone(), figures })
}
