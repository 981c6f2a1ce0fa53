//! Feasibility restoration: from a point where no step helps to one that is less infeasible,
//! `min  rho Σ (p + q) + (zeta / 2) |D (x - x0)|²  s.t.  c(x) - p + q in the bounds of the rows,  p, q >= 0`.
//!
//! The same method solves it. It ends as soon as the filter of the outer problem takes the point; if it converges to a
//! point that is still infeasible, without the proximity term, then the outer problem is (locally) infeasible, and the
//! multipliers of the rows, divided by `rho`, say which rows are in conflict: weights in `[-1, 1]` for which the weighted
//! sum of rows is stationary over the bounds.

use super::barrier::Strategy;
use super::iterate::{Iterate, inside};
use super::line_search::Search;
use super::newton::Newton;
use super::problem::{Row, Scaled, Scaling};
use super::solver::{Settings, minimise};
use super::start::COLD_PUSH;
use crate::answer::{Evaluations, Stop};
use crate::linalg::vector::one_norm;
use crate::solve::monitor::Monitor;
use crate::solve::nlp::{Nlp, Pattern, Shape};
use std::cell::RefCell;
use std::sync::Arc;

const RHO: f64 = 1000.0;
/// Times the square root of the barrier parameter: the proximity weight of the first round.
const PROXIMITY: f64 = 1.0;
/// The proximity weight of the second round, which only settles whether a point is stationary.
const LITTLE_PROXIMITY: f64 = 1e-8;

/// How a restoration ended.
pub enum Restored {
    /// The iterate is a point that the outer iteration may go on from.
    Found,
    /// The iterate minimises the infeasibility nearby; a weight for each row, in the scaling of the user.
    Infeasible {
        weights: Vec<f64>,
    },
    Stopped(Stop),
}

/// Moves `at` to a point with at most `decrease` of its infeasibility that `search` allows.
#[allow(clippy::too_many_arguments)] // The state of the outer loop.
pub fn restore(
    problem: &mut Scaled,
    at: &mut Iterate,
    search: &Search,
    mu: f64,
    decrease: f64,
    settings: &Settings,
    monitor: &mut Monitor,
    iteration: &mut usize,
) -> Restored {
    let n = problem.variables();
    let wanted = decrease * at.infeasibility();
    for zeta in [PROXIMITY * mu.sqrt(), LITTLE_PROXIMITY] {
        let mu = mu.max(crate::linalg::vector::max_norm(&at.residual));
        let (x, stop, weights) = elastic_point(problem, at, search, wanted, mu, zeta, settings, monitor, iteration);
        at.w[..n].copy_from_slice(&x[..n]);
        at.place_slacks(problem, 1e-10);
        if !at.evaluate_values(problem) {
            return Restored::Stopped(Stop::NoProgress("the restoration met a value that is not finite".into()));
        }
        let now = at.infeasibility();
        match stop {
            Stop::Finished => return Restored::Found,
            Stop::Converged if now > feasible_enough(settings) => {
                if zeta == LITTLE_PROXIMITY {
                    return Restored::Infeasible { weights };
                }
            }
            Stop::Converged if now < wanted => return Restored::Found,
            Stop::Converged | Stop::NoProgress(_) | Stop::Unbounded { .. } | Stop::Failed(_) => {
                if now < wanted {
                    return Restored::Found;
                }
                return Restored::Stopped(Stop::NoProgress("the restoration found no better point".into()));
            }
            Stop::Infeasible { .. }
            | Stop::IterationLimit
            | Stop::TimeLimit
            | Stop::Interrupted
            | Stop::NotFinite(_)
            | Stop::Branched(_)
            | Stop::Budget
            | Stop::Oracle(_) => return Restored::Stopped(stop),
        }
    }
    Restored::Stopped(Stop::NoProgress("the restoration found no better point".into()))
}

/// A sum of violations below this is no proof of infeasibility.
fn feasible_enough(settings: &Settings) -> f64 {
    100.0 * settings.tolerance
}

#[allow(clippy::too_many_arguments)] // One call; the two rounds share all of it.
fn elastic_point(
    problem: &mut Scaled,
    at: &Iterate,
    search: &Search,
    wanted: f64,
    mu: f64,
    zeta: f64,
    settings: &Settings,
    monitor: &mut Monitor,
    iteration: &mut usize,
) -> (Vec<f64>, Stop, Vec<f64>) {
    let n = problem.variables();
    let objective_scale = problem.objective_scale;
    let shape = elastic_shape(problem);
    let Scaled { nlp, rows, row_scale, lower, upper, .. } = problem;
    let shared: RefCell<&mut dyn Nlp> = RefCell::new(&mut **nlp);
    let mut values = vec![0.0; rows.len()];
    let mut watch = |w: &[f64]| {
        let mut nlp = shared.borrow_mut();
        nlp.constraints(&w[..n], &mut values);
        let mut infeasibility = 0.0;
        let mut logs = 0.0;
        for (r, row) in rows.iter().enumerate() {
            let value = row_scale[r] * values[r];
            infeasibility += match row {
                Row::Equality { target } => (value - target).abs(),
                Row::Inequality { slack } => {
                    let s = inside(value, lower[*slack], upper[*slack], 1e-10);
                    logs += log_gaps(s, lower[*slack], upper[*slack]);
                    (value - s).abs()
                }
                Row::Free => 0.0,
            };
        }
        if infeasibility.is_nan() || infeasibility > wanted {
            return false;
        }
        logs += (0..n).map(|i| log_gaps(w[i], lower[i], upper[i])).sum::<f64>();
        let objective = objective_scale * nlp.objective(&w[..n]) - search.mu() * logs;
        objective.is_finite() && search.allows(infeasibility, objective)
    };
    let mut elastic = Elastic {
        nlp: &shared,
        shape,
        n,
        row_scale: row_scale.clone(),
        origin: at.w[..n].to_vec(),
        proximity: at.w[..n].iter().map(|x| zeta * x.abs().max(1.0).powi(-2)).collect(),
        entries: vec![0.0; 0],
    };
    let mut inner = Scaled::new(&mut elastic, &[], 0.0, Scaling::None);
    let mut point = Iterate::new(&inner);
    point.w[..n].copy_from_slice(&at.w[..n]);
    for (r, c) in at.residual.iter().enumerate() {
        // The least of rho (p + q) - mu (log p + log q) with p - q = c.
        let half = (mu - RHO * c) / (2.0 * RHO);
        let q = half + (half * half + mu * c / (2.0 * RHO)).sqrt();
        let q = q.max(1e-12);
        point.w[n + 2 * r] = (c + q).max(1e-12);
        point.w[n + 2 * r + 1] = q;
    }
    point.place_slacks(&mut inner, COLD_PUSH.min(mu));
    for i in 0..point.w.len() {
        let (below, above) = (point.w[i] - inner.lower[i], inner.upper[i] - point.w[i]);
        point.z_lower[i] = if below.is_finite() { (mu / below).min(RHO) } else { 0.0 };
        point.z_upper[i] = if above.is_finite() { (mu / above).min(RHO) } else { 0.0 };
    }
    let settings = Settings { nested: true, mu, strategy: Strategy::Monotone, ..settings.clone() };
    let stop = if point.evaluate_values(&mut inner) && point.evaluate_derivatives(&mut inner) {
        match Newton::new(&inner, settings.curvature) {
            Ok(mut newton) => minimise(&mut inner, &mut point, &mut newton, &settings, monitor, iteration, &mut watch),
            Err(_) => Stop::NoProgress("the linear systems of the restoration do not fit in memory".into()),
        }
    } else {
        Stop::NoProgress("the restoration cannot start".into())
    };
    let weights = point.lambda.iter().zip(row_scale.iter()).map(|(l, s)| -l * s / RHO).collect();
    (point.w, stop, weights)
}

fn log_gaps(value: f64, lower: f64, upper: f64) -> f64 {
    let log = |gap: f64| if gap.is_finite() { gap.ln() } else { 0.0 };
    log(value - lower) + log(upper - value)
}

/// The elastic problem in the scaling of the outer one: variables `x`, then `p` and `q` for each row in turn.
struct Elastic<'a, 'b> {
    nlp: &'a RefCell<&'b mut dyn Nlp>,
    shape: Shape,
    n: usize,
    row_scale: Vec<f64>,
    origin: Vec<f64>,
    /// `zeta D²`.
    proximity: Vec<f64>,
    /// Work space for entries of the outer problem.
    entries: Vec<f64>,
}

fn elastic_shape(problem: &Scaled) -> Shape {
    let (n, m) = (problem.variables(), problem.height());
    let outer = &problem.shape;
    let mut jacobian = Pattern { rows: m, columns_count: n + 2 * m, starts: vec![0], columns: Vec::new() };
    for r in 0..m {
        jacobian.columns.extend_from_slice(&outer.jacobian.columns[outer.jacobian.row(r)]);
        jacobian.columns.extend([(n + 2 * r) as u32, (n + 2 * r + 1) as u32]);
        jacobian.starts.push(jacobian.columns.len());
    }
    let mut hessian = Pattern { rows: n + 2 * m, columns_count: n + 2 * m, starts: vec![0], columns: Vec::new() };
    for r in 0..n {
        hessian.columns.extend_from_slice(&outer.hessian.columns[outer.hessian.row(r)]);
        if hessian.columns[hessian.starts[r]..].last() != Some(&(r as u32)) {
            hessian.columns.push(r as u32);
        }
        hessian.starts.push(hessian.columns.len());
    }
    hessian.starts.resize(n + 2 * m + 1, hessian.columns.len());
    let bound = |r: usize, least: bool| match problem.rows[r] {
        Row::Equality { target } => target,
        Row::Inequality { slack } => (if least { &problem.lower } else { &problem.upper })[slack],
        Row::Free => {
            if least {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            }
        }
    };
    let mut lower = problem.lower[..n].to_vec();
    let mut upper = problem.upper[..n].to_vec();
    lower.resize(n + 2 * m, 0.0);
    upper.resize(n + 2 * m, f64::INFINITY);
    Shape {
        definitions: vec![],
        lower,
        upper,
        row_lower: (0..m).map(|r| bound(r, true)).collect(),
        row_upper: (0..m).map(|r| bound(r, false)).collect(),
        jacobian: Arc::new(jacobian),
        hessian: Arc::new(hessian),
        pairs: vec![],
        curved: (0..n + 2 * m).map(|i| i < n).collect(),
        scales: None,
    }
}

impl Nlp for Elastic<'_, '_> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn objective(&mut self, w: &[f64]) -> f64 {
        let (x, slacks) = w.split_at(self.n);
        let distance: f64 =
            x.iter().zip(&self.origin).zip(&self.proximity).map(|((x, o), d)| d * (x - o) * (x - o)).sum();
        RHO * one_norm(slacks) + 0.5 * distance
    }

    fn gradient(&mut self, w: &[f64], out: &mut [f64]) {
        let (x, slacks) = out.split_at_mut(self.n);
        slacks.fill(RHO);
        for (i, slot) in x.iter_mut().enumerate() {
            *slot = self.proximity[i] * (w[i] - self.origin[i]);
        }
    }

    fn constraints(&mut self, w: &[f64], out: &mut [f64]) {
        self.nlp.borrow_mut().constraints(&w[..self.n], out);
        for (r, c) in out.iter_mut().enumerate() {
            // Free rows have scale 0.
            let value = if self.row_scale[r] == 0.0 { 0.0 } else { self.row_scale[r] * *c };
            *c = value - w[self.n + 2 * r] + w[self.n + 2 * r + 1];
        }
    }

    fn jacobian(&mut self, w: &[f64], out: &mut [f64]) {
        let mut nlp = self.nlp.borrow_mut();
        self.entries.resize(nlp.shape().jacobian.entries(), 0.0);
        nlp.jacobian(&w[..self.n], &mut self.entries);
        let pattern = nlp.shape().jacobian.clone();
        for (r, scale) in self.row_scale.iter().enumerate() {
            let row = self.shape.jacobian.row(r);
            let (x, slacks) = out[row].split_at_mut(pattern.row(r).len());
            for (slot, entry) in x.iter_mut().zip(&self.entries[pattern.row(r)]) {
                *slot = if *scale == 0.0 { 0.0 } else { scale * entry };
            }
            slacks.copy_from_slice(&[-1.0, 1.0]);
        }
    }

    fn hessian(&mut self, w: &[f64], sigma: f64, weights: &[f64], out: &mut [f64]) {
        let mut nlp = self.nlp.borrow_mut();
        let scaled: Vec<f64> = weights.iter().zip(&self.row_scale).map(|(y, s)| y * s).collect();
        self.entries.resize(nlp.shape().hessian.entries(), 0.0);
        nlp.hessian(&w[..self.n], 0.0, &scaled, &mut self.entries);
        let pattern = nlp.shape().hessian.clone();
        out.fill(0.0);
        for r in 0..self.n {
            let row = self.shape.hessian.row(r);
            out[row.start..row.start + pattern.row(r).len()].copy_from_slice(&self.entries[pattern.row(r)]);
            out[row.end - 1] += sigma * self.proximity[r];
        }
    }

    fn hessian_product(&mut self, w: &[f64], sigma: f64, weights: &[f64], v: &[f64], out: &mut [f64]) {
        let scaled: Vec<f64> = weights.iter().zip(&self.row_scale).map(|(y, s)| y * s).collect();
        let (x, slacks) = out.split_at_mut(self.n);
        self.nlp.borrow_mut().hessian_product(&w[..self.n], 0.0, &scaled, &v[..self.n], x);
        slacks.fill(0.0);
        x.iter_mut().zip(v.iter().zip(&self.proximity)).for_each(|(slot, (v, d))| *slot += sigma * d * v);
    }

    fn evaluations(&self) -> Evaluations {
        self.nlp.borrow().evaluations()
    }

    fn explain_not_finite(&mut self, w: &[f64]) -> Option<String> {
        self.nlp.borrow_mut().explain_not_finite(&w[..self.n])
    }
}
