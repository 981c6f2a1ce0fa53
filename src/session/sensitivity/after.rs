//! Quantities that exist after a solve (duals, slacks, reduced costs) as linear functions of the movement of the point
//! and of its multipliers.

use super::point::Point;
use crate::problem::promote::{Exposed, Owner, Sides};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{AfterSolve, Problem};
use crate::solve::implicit::direction::At;

/// `Σ weight · multiplier + Σ weight · row`, of multipliers for the objective times its sense.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Combination {
    pub duals: Vec<(At, f64)>,
    pub rows: Vec<(usize, f64)>,
}

/// The elements of `after`; none for what no method gives.
pub fn elements(problem: &Problem, point: &Point, after: AfterSolve) -> Vec<Combination> {
    let starts = problem.row_starts();
    match after {
        AfterSolve::Dual(k) => {
            let constraint = &problem.constraints[k as usize];
            let sign = point.sense * constraint.dual_sign;
            let first = starts[k as usize];
            (0..constraint.rows as usize).map(|i| of_duals(At::Row((first + i) as u32), sign, point)).collect()
        }
        AfterSolve::Slack(k) => {
            let bounds = Bounds::of(problem, &Numbers::of(problem));
            let (first, count) = (starts[k as usize], problem.constraints[k as usize].rows as usize);
            (first..first + count).map(|r| slack(point, &bounds, r)).collect()
        }
        AfterSolve::LowerDual(k) => of_bounds(problem, point, k, |side, value| match side {
            Sides::Lower => true,
            Sides::Both => value > 0.0,
            Sides::Upper => false,
        }),
        AfterSolve::UpperDual(k) => of_bounds(problem, point, k, |side, value| match side {
            Sides::Upper => true,
            Sides::Both => value <= 0.0,
            Sides::Lower => false,
        }),
        AfterSolve::ReducedCost(k) => of_bounds(problem, point, k, |_, _| true),
        AfterSolve::BlockSlack(..)
        | AfterSolve::Sensitivity(_)
        | AfterSolve::Answer(_)
        | AfterSolve::Argument(_)
        | AfterSolve::Unsupported => vec![],
    }
}

/// The rows that took over sides of a row or a bound.
fn moved(point: &Point, owner: At) -> impl Iterator<Item = (&Exposed, u32)> {
    point.exposed.iter().filter_map(move |exposed| {
        let (first, at) = match (exposed.owner, owner) {
            (Owner::Row(first), At::Row(r)) => (first, r as usize),
            (Owner::Variable(first), At::Bound(k)) => (first, k as usize),
            (Owner::Row(_), At::Bound(_)) | (Owner::Variable(_), At::Row(_)) => return None,
        };
        let inside = (first..first + exposed.count).contains(&at);
        inside.then(|| (exposed, (exposed.first + at - first) as u32))
    })
}

fn of_duals(at: At, sign: f64, point: &Point) -> Combination {
    let mut duals = vec![(at, sign)];
    duals.extend(moved(point, at).map(|(_, row)| (At::Row(row), sign)));
    Combination { duals, rows: vec![] }
}

/// The multipliers of bounds that belong to a side, the value of the multiplier deciding for fixed variables.
fn of_bounds(
    problem: &Problem,
    point: &Point,
    variable: u32,
    belongs: impl Fn(Sides, f64) -> bool,
) -> Vec<Combination> {
    let owner = &problem.variables[variable as usize];
    let bounds = Bounds::of(&point.problem, &Numbers::of(&point.problem));
    let first = owner.offset as usize;
    let one = |k: usize| {
        let mut duals = vec![];
        let z = point.bounds[k];
        let side = match (bounds.lower[k] == point.x[k], bounds.upper[k] == point.x[k]) {
            (true, false) => Sides::Lower,
            (false, true) => Sides::Upper,
            _ => Sides::Both,
        };
        if belongs(side, z) {
            duals.push((At::Bound(k as u32), point.sense));
        }
        let rows = moved(point, At::Bound(k as u32));
        let rows = rows.filter(|(exposed, row)| belongs(exposed.sides, point.rows[*row as usize]));
        duals.extend(rows.map(|(_, row)| (At::Row(row), point.sense)));
        Combination { duals, rows: vec![] }
    };
    (first..first + owner.axes.len()).map(one).collect()
}

/// The distance to the nearest side.
fn slack(point: &Point, bounds: &Bounds, r: usize) -> Combination {
    let value = value_of_row(&point.problem, &point.x, r);
    let lower = value - bounds.row_lower[r] <= bounds.row_upper[r] - value;
    let sign = if lower { 1.0 } else { -1.0 };
    let stands = moved(point, At::Row(r as u32)).find(|(exposed, _)| match exposed.sides {
        Sides::Both => true,
        Sides::Lower => lower,
        Sides::Upper => !lower,
    });
    let row = stands.map_or(r, |(_, row)| row as usize);
    Combination { duals: vec![], rows: vec![(row, sign)] }
}

fn value_of_row(problem: &Problem, x: &[f64], r: usize) -> f64 {
    use crate::expr::eval::{self, Inputs};
    let starts = problem.row_starts();
    let Some(k) = starts.windows(2).position(|pair| (pair[0]..pair[1]).contains(&r)) else { return f64::NAN };
    let stage = problem.constraints[k].stage;
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let inputs = Inputs { variables: x, params, after: &[] };
    let needed = eval::needed(&problem.stages, &[stage]);
    eval::stages(&problem.graph, &problem.stages, &needed, &inputs)[stage.0 as usize][r - starts[k]]
}
