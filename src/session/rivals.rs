//! Witnesses against a point of a problem that contains problems: other answers of its followers.
//!
//! Each follower is solved again from scratch at the point, by a method other than the one that solved it, from one start
//! where it is convex and from several where it is not. A follower of one or two variables that is not convex is looked at
//! on a grid as well. A follower that holds blocks is solved again level by level, and the same is done inside it. The judge
//! holds what comes out against the point.

use crate::ad::Evaluator;
use crate::answer::{Outcome, Stop};
use crate::certify::bilevel::{Held, Rival};
use crate::diag::{Sources, Span};
use crate::plan::nest::followers;
use crate::plan::{self, Plan, Request, Warm};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Objective, Problem};
use crate::solve::asked::Nobody;
use crate::solve::bilevel::direct::Direct;
use crate::solve::bilevel::follower::{Follower, around, solve_side_by_side};
use crate::solve::monitor::Monitor;
use crate::solve::options::Value;

/// Starts of a follower that is not convex, and of how many variables it may be to be looked at on a grid.
const STARTS: usize = 8;
const ON_A_GRID: usize = 2;

/// Points of a grid, in each direction.
const POINTS: [usize; ON_A_GRID] = [1000, 40];

pub(super) fn of(plan: &Plan, outcome: &Outcome, sources: &Sources, monitor: &Monitor) -> Vec<Rival> {
    of_levels(plan, &outcome.x, sources, monitor)
}

fn of_levels(plan: &Plan, whole: &[f64], sources: &Sources, monitor: &Monitor) -> Vec<Rival> {
    let Some(nest) = &plan.nest else { return vec![] };
    let problem = &plan.problem;
    let (mut followers, seed) = (followers(problem, nest, whole, plan.options.seed), plan.options.seed);
    let found = solve_side_by_side(&mut followers, monitor, |follower, watch| {
        let (block, instance) = (follower.block, follower.instance);
        let inside = nest.inside.as_ref().map(|inside| (inside, inside.stated_number(block)));
        let (block, held) = match inside {
            Some((inside, number)) if inside.stated.holds_blocks(number) => {
                let alone = inside.stated.level(number, instance, whole).problem;
                (number, of_follower_with_blocks(follower, &alone, whole, seed, sources, watch))
            }
            Some((_, number)) => (number, of_follower(follower, whole, seed, sources, watch)),
            None => (block, of_follower(follower, whole, seed, sources, watch)),
        };
        held.into_iter().map(|held| Rival { block, instance, held }).collect::<Vec<Rival>>()
    });
    found.into_iter().flatten().collect()
}

fn of_follower(follower: &mut Follower, whole: &[f64], seed: u64, sources: &Sources, watch: &Monitor) -> Vec<Held> {
    if watch.over().is_some() {
        return vec![];
    }
    follower.solve_by(other_than(follower));
    let bounds = Bounds::of(&follower.level.problem, &Numbers::of(&follower.level.problem));
    let here = follower.level.part(whole);
    let scratch: Vec<f64> = (0..here.len()).map(|k| 0.0f64.max(bounds.lower[k]).min(bounds.upper[k])).collect();
    let mut starts = vec![scratch];
    let mut held = vec![];
    if !follower.convex {
        starts.push(here.clone());
        starts.extend(around(&bounds, &here, STARTS, seed ^ 1));
        // Beside what is found from them, points as they are: a method may leave them along a ray.
        let (near, kept) = on_a_grid(&follower.level.problem, &bounds, &here);
        starts.extend(near);
        held.extend(kept.map(Held::Point));
    }
    for start in starts {
        let found = follower.solve_from(whole, start, None, watch, sources);
        if matches!(found.stop, Stop::Converged | Stop::NoProgress(_) | Stop::Finished | Stop::IterationLimit) {
            held.push(Held::Point(found.x));
        }
    }
    held
}

/// Starts of a follower that holds blocks.
const STARTS_OF_LEVELS: usize = 3;

/// `alone`: the follower's problem as stated, with the blocks that it holds. Solved again level by level, and never in the
/// form in which it was solved, with those blocks written into it.
fn of_follower_with_blocks(
    follower: &mut Follower,
    alone: &Problem,
    whole: &[f64],
    seed: u64,
    sources: &Sources,
    monitor: &mut Monitor,
) -> Vec<Held> {
    let mut held = vec![];
    if let Some(tree) = follower.tree(whole, monitor, sources) {
        held.push(Held::Tree(tree));
    }
    let Ok(planned) = plan::plan(alone, &Request::new(None, vec![], seed)) else { return held };
    let here = planned.problem.by_name(&follower.level.problem, &follower.level.part(whole));
    let inside = of_levels(&planned, &here, sources, monitor);
    held.extend(inside.into_iter().map(|rival| Held::Inside(Box::new(rival))));
    // A follower that is convex with those blocks written into it has one value, which one other method finds.
    for (name, starts) in [("implicit_gradient", STARTS_OF_LEVELS), ("kkt_relaxation", 0)] {
        // This one has starts of its own.
        let set = ("starts".to_string(), Value::Number(STARTS_OF_LEVELS as f64), Span::default());
        let set = if name == "kkt_relaxation" { vec![set] } else { vec![] };
        let request = Request::new(Some((name.to_string(), Span::default())), set, seed);
        let Ok(planned) = plan::plan(alone, &request) else { continue };
        let found = again(alone, &planned, &here, starts, sources, monitor);
        let enough = follower.convex && !found.is_empty();
        held.extend(found.into_iter().map(Held::Point));
        if enough {
            break;
        }
    }
    held
}

/// Answers of a problem of several levels from a start of its own, and from points drawn.
fn again(
    alone: &Problem,
    planned: &Plan,
    here: &[f64],
    starts: usize,
    sources: &Sources,
    monitor: &mut Monitor,
) -> Vec<Vec<f64>> {
    let bounds = Bounds::of(&planned.problem, &Numbers::of(&planned.problem));
    let drawn = around(&bounds, here, starts, planned.options.seed ^ 1);
    let starts = std::iter::once(None).chain(drawn.into_iter().map(Some));
    let mut found = vec![];
    for start in starts {
        let warm = start.map(|x| Warm { x, ..Warm::default() });
        let outcome = plan::execute(alone, planned, warm.as_ref(), sources, &mut Nobody, monitor);
        if outcome.stop == Stop::Converged {
            found.push(outcome.x);
        }
    }
    found
}

/// A method that the follower was not solved with.
fn other_than(follower: &Follower) -> &'static crate::solve::method::Method {
    let other = match follower.method.name {
        "interior_point" => "augmented_lagrangian",
        // Where second derivatives are worth their factors: slopes alone find a badly scaled answer after long.
        "trust_region_newton" if follower.convex && Direct::is_affordable(&follower.level.problem) => "interior_point",
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
    let sign = problem.objectives.first().map_or(0.0, Objective::sign);
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
