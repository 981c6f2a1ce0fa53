//! The main loop. Source: Wächter and Biegler, "On the implementation of an interior-point filter line-search algorithm
//! for large-scale nonlinear programming", Mathematical Programming 106 (2006), algorithm A.

use super::barrier::{Barrier, Strategy};
use super::iterate::{Errors, Iterate, inside};
use super::line_search::{Accepted, Search};
use super::newton::{Newton, NoStep, Step};
use super::problem::Scaled;
use super::restoration::{Restored, restore};
use super::system::Curvature;
use crate::answer::{LogLine, Stop};
use crate::linalg::vector::{max_norm, one_norm};
use crate::solve::monitor::Monitor;
use std::ops::ControlFlow;

/// What a run of the loop goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    pub tolerance: f64,
    pub iteration_limit: usize,
    /// The first barrier parameter.
    pub mu: f64,
    pub strategy: Strategy,
    pub curvature: Curvature,
    /// True inside a restoration, which has no restoration of its own.
    pub nested: bool,
}

/// Errors below this that do not fall by `PROGRESS` in so many iterations are as good as they get.
const ACCEPTABLE: f64 = 1e-6;
const ACCEPTABLE_ITERATIONS: usize = 15;
const PROGRESS: f64 = 0.5;
/// A restoration ends with at most this part of the infeasibility.
const RESTORED: f64 = 0.9;
/// After so many steps in a row shorter than `SLOW_STEP`, the restoration is faster.
const SLOW_ITERATIONS: usize = 10;
const SLOW_STEP: f64 = 1e-2;
/// Variables beyond this have diverged.
const DIVERGED: f64 = 1e15;
const DIVERGED_OBJECTIVE: f64 = -1e20;
/// What the log says where the line search took no step.
const NOT_ACCEPTED: Accepted = Accepted { primal: 0.0, dual: 0.0, trials: 0 };

/// Moves `at`, whose functions and derivatives are evaluated, to a solution of the scaled problem. `Stop::Finished` if
/// `watch` was pleased by a point.
pub fn minimise(
    problem: &mut Scaled,
    at: &mut Iterate,
    newton: &mut Newton,
    settings: &Settings,
    monitor: &mut Monitor,
    iteration: &mut usize,
    watch: &mut dyn FnMut(&[f64]) -> bool,
) -> Stop {
    let mut search = Search::new(problem, at);
    let mut barrier = Barrier::new(problem, settings.mu, settings.tolerance, settings.strategy);
    let mut step = Step::new(problem);
    let mut accepted = NOT_ACCEPTED;
    let mut best = Best::new();
    let origin = at.w.clone();
    let far_from_feasible = 100.0 * settings.tolerance;
    let (mut retreated, mut nudged) = (false, false);
    let mut slow_iterations = 0;
    let mut slow_decrease = 1.0;
    loop {
        at.update_dual_residual(problem);
        let errors = at.errors(problem, 0.0);
        let line = log_line(problem, at, &errors, *iteration, &barrier, newton, &step, accepted, settings.nested);
        let watched = monitor.observe(line);
        if errors.scaled <= settings.tolerance {
            return Stop::Converged;
        }
        if best.stalls(at, errors.scaled) {
            best.give_back(at);
            return Stop::NoProgress(format!("the optimality error stays at {:.1e}", best.error));
        }
        if let ControlFlow::Break(stop) = watched {
            return stop;
        }
        if *iteration >= settings.iteration_limit {
            return Stop::IterationLimit;
        }
        if watch(&at.w) {
            return Stop::Finished;
        }
        match diverged(problem, at, &step) {
            Some(_) if !settings.nested && !retreated && at.infeasibility() > far_from_feasible => {
                // Rows that keep their violation on the way to infinity may be in conflict near the start already.
                retreated = true;
                at.w.copy_from_slice(&origin);
                if !at.evaluate_values(problem) || !at.evaluate_derivatives(problem) {
                    return not_finite(problem, at);
                }
                let decrease = far_from_feasible / at.infeasibility();
                let found =
                    restored(problem, at, &mut search, newton, &barrier, decrease, settings, monitor, iteration);
                if let Some(stop) = found {
                    return stop;
                }
                continue;
            }
            Some(stop) => return stop,
            None => {}
        }
        if barrier.update(problem, at, errors.scaled) {
            search.filter.clear();
        }
        newton.evaluate(problem, at);
        let found = if barrier.free() {
            let found = newton.step(problem, at, 0.0, &mut step);
            barrier.choose(problem, at, &step);
            search.filter.clear();
            found.and_then(|()| newton.another_step(problem, at, barrier.mu, &mut step))
        } else {
            newton.step(problem, at, barrier.mu, &mut step)
        };
        search.set_mu(barrier.mu);
        let moved = match found {
            Ok(()) => search.advance(problem, newton, at, &step, barrier.mu, barrier.tau()).ok(),
            Err(NoStep::NotFinite) => return not_finite(problem, at),
            Err(NoStep::Singular) => None,
        };
        *iteration += 1;
        let still = max_norm(&step.w) <= f64::EPSILON * max_norm(&at.w).max(1.0);
        let short = moved.is_some_and(|how| how.primal < SLOW_STEP || still);
        slow_iterations = if short { slow_iterations + 1 } else { 0 };
        accepted = moved.unwrap_or(NOT_ACCEPTED);
        match moved {
            Some(_) => {
                if !at.evaluate_derivatives(problem) {
                    return not_finite(problem, at);
                }
                let stuck = slow_iterations >= SLOW_ITERATIONS && !settings.nested && at.infeasibility() > 1e-2;
                if stuck && still && !nudged {
                    // Where all slopes of the violated rows vanish there is no step, and perhaps no least violation.
                    (nudged, slow_iterations) = (true, 0);
                    nudge(problem, at);
                    if !at.evaluate_values(problem) || !at.evaluate_derivatives(problem) {
                        return not_finite(problem, at);
                    }
                    search.filter.clear();
                    newton.least_squares_multipliers(problem, at);
                } else if stuck {
                    slow_iterations = 0;
                    // The second time it goes on to a point that is feasible, or to the proof that there is none near.
                    slow_decrease *= 1e-2;
                    let decrease = slow_decrease;
                    let found =
                        restored(problem, at, &mut search, newton, &barrier, decrease, settings, monitor, iteration);
                    if let Some(stop) = found {
                        return stop;
                    }
                }
            }
            None if barrier.free() => barrier.hold(problem, at),
            None => {
                if let Some(stop) =
                    recover(problem, at, &mut search, newton, &step, &barrier, settings, monitor, iteration)
                {
                    return stop;
                }
            }
        }
        at.keep_gaps_positive(problem, barrier.mu);
        at.reset_bound_multipliers(problem, barrier.mu);
    }
}

/// The best point so far, once errors are acceptable.
struct Best {
    error: f64,
    point: Option<Iterate>,
    since: usize,
}

impl Best {
    fn new() -> Best {
        Best { error: ACCEPTABLE, point: None, since: 0 }
    }

    /// Looks at a point; true if the best one is old.
    fn stalls(&mut self, at: &Iterate, error: f64) -> bool {
        self.since += 1;
        if error <= PROGRESS * self.error || (self.point.is_none() && error <= self.error) {
            self.since = 0;
            self.error = error;
            self.point = Some(at.clone());
        }
        self.point.is_some() && self.since > ACCEPTABLE_ITERATIONS
    }

    fn give_back(&mut self, at: &mut Iterate) {
        if let Some(point) = self.point.take() {
            *at = point;
        }
    }
}

/// Moves all variables a little, in turn up and down, inside their bounds.
fn nudge(problem: &mut Scaled, at: &mut Iterate) {
    const BY: f64 = 1e-2;
    for k in 0..problem.variables() {
        let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
        let by = sign * BY * at.w[k].abs().max(1.0);
        at.w[k] = inside(at.w[k] + by, problem.lower[k], problem.upper[k], BY);
    }
    at.place_slacks(problem, BY);
}

/// What to do when no step length is acceptable: the step anyway if it brings the optimality conditions nearer, else the
/// restoration. `Some` if the run ends here.
#[allow(clippy::too_many_arguments)] // The state of the loop.
fn recover(
    problem: &mut Scaled,
    at: &mut Iterate,
    search: &mut Search,
    newton: &mut Newton,
    step: &Step,
    barrier: &Barrier,
    settings: &Settings,
    monitor: &mut Monitor,
    iteration: &mut usize,
) -> Option<Stop> {
    if soft_step(problem, at, step, barrier) {
        return None;
    }
    if settings.nested || at.infeasibility() <= settings.tolerance {
        return Some(Stop::NoProgress("no step lowers the objective or the infeasibility".into()));
    }
    restored(problem, at, search, newton, barrier, RESTORED, settings, monitor, iteration)
}

/// Runs the restoration and makes its point fit for the loop. `Some` if the run ends here.
#[allow(clippy::too_many_arguments)] // The state of the loop.
fn restored(
    problem: &mut Scaled,
    at: &mut Iterate,
    search: &mut Search,
    newton: &mut Newton,
    barrier: &Barrier,
    decrease: f64,
    settings: &Settings,
    monitor: &mut Monitor,
    iteration: &mut usize,
) -> Option<Stop> {
    search.forbid(at, problem, barrier.mu);
    match restore(problem, at, search, barrier.mu, decrease, settings, monitor, iteration) {
        Restored::Found => {
            if !at.evaluate_derivatives(problem) {
                return Some(not_finite(problem, at));
            }
            at.reset_bound_multipliers(problem, barrier.mu);
            if max_norm(&at.z_lower).max(max_norm(&at.z_upper)) > 1e3 {
                for i in 0..at.w.len() {
                    at.z_lower[i] = at.z_lower[i].min(1.0);
                    at.z_upper[i] = at.z_upper[i].min(1.0);
                }
            }
            newton.least_squares_multipliers(problem, at);
            None
        }
        Restored::Infeasible { weights } => Some(Stop::Infeasible { ray: Some(weights) }),
        Restored::Stopped(stop) => Some(stop),
    }
}

/// Takes the longest step inside the bounds if it lowers the residual of the barrier conditions; else leaves `at`.
fn soft_step(problem: &mut Scaled, at: &mut Iterate, step: &Step, barrier: &Barrier) -> bool {
    const DECREASE: f64 = 0.9999;
    let tau = barrier.tau();
    let alpha = super::line_search::primal_fraction(problem, &at.w, &step.w, tau)
        .min(super::line_search::fraction(&at.z_lower, &step.z_lower, tau))
        .min(super::line_search::fraction(&at.z_upper, &step.z_upper, tau));
    let mut trial = at.clone();
    for (values, steps) in [
        (&mut trial.w, &step.w),
        (&mut trial.lambda, &step.lambda),
        (&mut trial.z_lower, &step.z_lower),
        (&mut trial.z_upper, &step.z_upper),
    ] {
        crate::linalg::vector::add_multiple(values, alpha, steps);
    }
    if !trial.evaluate_values(problem) || !trial.evaluate_derivatives(problem) {
        return false;
    }
    trial.update_dual_residual(problem);
    let total = |point: &Iterate| {
        let (average, _) = point.complementarity(problem);
        one_norm(&point.residual) + one_norm(&point.dual_residual) + (average - barrier.mu).abs()
    };
    let better = total(&trial) <= DECREASE * total(at);
    if better {
        *at = trial;
    }
    better
}

/// Feasible, or nearly so for their size, points that run away while the objective falls prove nothing but say much.
fn diverged(problem: &Scaled, at: &Iterate, step: &Step) -> Option<Stop> {
    let n = problem.variables();
    let size = max_norm(&at.w[..n]);
    let far = size > DIVERGED || at.objective < DIVERGED_OBJECTIVE * problem.objective_scale.max(1e-8);
    if !far {
        return None;
    }
    if max_norm(&at.residual) > 1e-6 * size.max(1.0) {
        return (size > DIVERGED).then(|| Stop::NoProgress("the iterates diverge".into()));
    }
    let slope = crate::linalg::vector::dot(&at.gradient, &step.w[..n]);
    if at.objective >= 0.0 && slope >= 0.0 {
        return (size > DIVERGED).then(|| Stop::NoProgress("the iterates diverge".into()));
    }
    let ray = at.w[..n].iter().map(|x| x / size.max(f64::MIN_POSITIVE)).collect();
    Some(Stop::Unbounded { ray: Some(ray) })
}

fn not_finite(problem: &mut Scaled, at: &Iterate) -> Stop {
    let n = problem.variables();
    let what = problem.nlp.explain_not_finite(&at.w[..n]);
    Stop::NotFinite(what.unwrap_or_else(|| "a derivative is not finite".into()))
}

#[allow(clippy::too_many_arguments)] // A line shows something of everything.
fn log_line(
    problem: &Scaled,
    at: &Iterate,
    errors: &Errors,
    iteration: usize,
    barrier: &Barrier,
    newton: &Newton,
    step: &Step,
    accepted: Accepted,
    nested: bool,
) -> LogLine {
    LogLine {
        iteration,
        restoration: nested,
        // The objective of a restoration is not the user's.
        objective: if nested { f64::NAN } else { at.objective / problem.objective_scale },
        primal: errors.primal,
        dual: errors.dual,
        barrier: barrier.mu,
        step: max_norm(&step.w),
        regularisation: newton.delta_w,
        alpha_dual: accepted.dual,
        alpha_primal: accepted.primal,
        trials: accepted.trials,
        evaluations: 0,
        seconds: 0.0,
    }
}
