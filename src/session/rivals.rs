//! Witnesses against a point of a problem that contains problems: other answers of its followers.
//!
//! Each follower is solved again from scratch at the point, by a method other than the one that solved it, from one start
//! where it is convex and from several where it is not. A follower of one or two variables that is not convex is looked at
//! on a grid as well. The judge holds what comes out against the point.

use crate::ad::Evaluator;
use crate::answer::{Outcome, Stop};
use crate::certify::bilevel::Rival;
use crate::diag::Sources;
use crate::plan::Plan;
use crate::plan::nest::followers;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Problem, Sense};
use crate::solve::bilevel::follower::{Follower, around, side_by_side, unwatched};
use crate::solve::monitor::Monitor;

/// Starts of a follower that is not convex, and of how many variables it may be to be looked at on a grid.
const STARTS: usize = 8;
const ON_A_GRID: usize = 2;

/// Points of a grid, in each direction.
const POINTS: [usize; ON_A_GRID] = [1000, 40];

pub(super) fn of(plan: &Plan, outcome: &Outcome, sources: &Sources, monitor: &Monitor) -> Vec<Rival> {
    let Some(nest) = &plan.nest else { return vec![] };
    let problem = &plan.problem;
    let whole = &outcome.x;
    let mut rivals = vec![];
    for beside in followers(problem, nest, whole, plan.options.seed).chunks_mut(AT_ONCE) {
        if monitor.over().is_some() {
            break;
        }
        let found = side_by_side(beside, |follower, _| of_follower(follower, whole, plan.options.seed, sources));
        rivals.extend(found.into_iter().flatten());
    }
    rivals
}

/// The clock is looked at between so many followers.
const AT_ONCE: usize = 64;

fn of_follower(follower: &mut Follower, whole: &[f64], seed: u64, sources: &Sources) -> Vec<Rival> {
    follower.solve_by(other_than(follower));
    let bounds = Bounds::of(&follower.level.problem, &Numbers::of(&follower.level.problem));
    let here = follower.level.part(whole);
    let scratch: Vec<f64> = (0..here.len()).map(|k| 0.0f64.max(bounds.lower[k]).min(bounds.upper[k])).collect();
    let mut starts = vec![scratch];
    let mut rivals = vec![];
    if !follower.convex {
        starts.push(here.clone());
        starts.extend(around(&bounds, &here, STARTS, seed ^ 1));
        // Beside what is found from them, points as they are: a method may leave them along a ray.
        let (near, kept) = on_a_grid(&follower.level.problem, &bounds, &here);
        starts.extend(near);
        let (block, instance) = (follower.block, follower.instance);
        rivals.extend(kept.map(|own| Rival { block, instance, own }));
    }
    for start in starts {
        let found = unwatched(|watch| follower.solve_from(whole, start, None, watch, sources));
        if matches!(found.stop, Stop::Converged | Stop::NoProgress(_) | Stop::Finished | Stop::IterationLimit) {
            rivals.push(Rival { block: follower.block, instance: follower.instance, own: found.x });
        }
    }
    rivals
}

/// A method that the follower was not solved with.
fn other_than(follower: &Follower) -> &'static crate::solve::method::Method {
    let other = match follower.method.name {
        "interior_point" => "augmented_lagrangian",
        "trust_region_newton" => "lbfgs",
        _ => "interior_point",
    };
    crate::solve::by_name(other).expect("a row of the table")
}

/// The best points of a grid that keep the rows, nearly, and the best that keeps them as they are.
fn on_a_grid(problem: &Problem, bounds: &Bounds, here: &[f64]) -> (Vec<Vec<f64>>, Option<Vec<f64>>) {
    let n = here.len();
    if n == 0 || n > ON_A_GRID {
        return (vec![], None);
    }
    let reach = |k: usize| {
        let size = 10.0 * here[k].abs().max(1.0);
        let lower = if bounds.lower[k].is_finite() { bounds.lower[k] } else { here[k] - size };
        let upper = if bounds.upper[k].is_finite() { bounds.upper[k] } else { here[k] + size };
        (lower, upper)
    };
    let count = POINTS[n - 1];
    let place = |k: usize, i: usize| {
        let (lower, upper) = reach(k);
        lower + (upper - lower) * i as f64 / count as f64
    };
    let mut evaluator = Evaluator::new(problem);
    let sign = problem.objectives.first().map_or(0.0, |o| if o.sense == Sense::Maximize { -1.0 } else { 1.0 });
    let mut rows = vec![0.0; evaluator.rows()];
    let mut seen: Vec<(f64, Vec<f64>)> = vec![];
    let mut kept: Option<(f64, Vec<f64>)> = None;
    for flat in 0..(count + 1).pow(n as u32) {
        let point: Vec<f64> = (0..n).map(|k| place(k, flat / (count + 1).pow(k as u32) % (count + 1))).collect();
        evaluator.constraints(&point, &mut rows);
        let spacing = (0..n).map(|k| (reach(k).1 - reach(k).0) / count as f64).fold(0.0, f64::max);
        let keeps = |(r, v): (usize, &f64)| *v >= bounds.row_lower[r] - spacing && *v <= bounds.row_upper[r] + spacing;
        if !rows.iter().enumerate().all(keeps) {
            continue;
        }
        let value = sign * evaluator.objective(&point);
        if !value.is_finite() {
            continue;
        }
        let inside = |(r, v): (usize, &f64)| *v >= bounds.row_lower[r] && *v <= bounds.row_upper[r];
        if kept.as_ref().is_none_or(|(least, _)| value < *least) && rows.iter().enumerate().all(inside) {
            kept = Some((value, point.clone()));
        }
        seen.push((value, point));
    }
    seen.sort_by(|a, b| a.0.total_cmp(&b.0));
    (seen.into_iter().map(|(_, point)| point).take(3).collect(), kept.map(|(_, point)| point))
}
