//! The filter line search: a step is taken if it lowers the infeasibility or the barrier objective enough, and no earlier
//! corner of the filter forbids the point. Source: Wächter and Biegler (2006), section 2.3 and 2.4; numbers as there.

use super::iterate::Iterate;
use super::newton::{Newton, Step};
use super::problem::Scaled;
use crate::linalg::vector::dot;
use crate::solve::parts::filter::Filter;

const GAMMA_INFEASIBILITY: f64 = 1e-5;
const GAMMA_OBJECTIVE: f64 = 1e-8;
const SWITCH_INFEASIBILITY_POWER: f64 = 1.1;
const SWITCH_OBJECTIVE_POWER: f64 = 2.3;
const ARMIJO: f64 = 1e-8;
const LEAST_STEP_FRACTION: f64 = 0.05;
const CORRECTIONS: usize = 4;
const CORRECTION_DECREASE: f64 = 0.99;

/// What the search keeps between iterations.
pub struct Search {
    pub filter: Filter,
    /// Points of larger infeasibility are refused.
    most_infeasible: f64,
    /// Below this, steps may be judged by the objective alone.
    little_infeasible: f64,
    trial: Iterate,
    correction: Step,
    corrected_residual: Vec<f64>,
    slope: Vec<f64>,
    mu: f64,
}

/// How a step was accepted.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The fraction of the step in variables, slacks and multipliers of rows.
    pub primal: f64,
    /// The fraction in multipliers of bounds.
    pub dual: f64,
    pub trials: usize,
}

/// Why no step was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refused {
    pub trials: usize,
    /// All trials had values that are not finite.
    pub not_finite: bool,
}

/// The point that a step starts from, as the acceptance tests see it.
struct Origin {
    infeasibility: f64,
    objective: f64,
    /// Derivative of the barrier objective along the step.
    slope: f64,
}

impl Search {
    pub fn new(problem: &Scaled, start: &Iterate) -> Search {
        let infeasibility = start.infeasibility();
        Search {
            filter: Filter::default(),
            most_infeasible: 1e4 * infeasibility.max(1.0),
            little_infeasible: 1e-4 * infeasibility.max(1.0),
            trial: start.clone(),
            correction: Step::new(problem),
            corrected_residual: vec![0.0; problem.height()],
            slope: vec![0.0; problem.width()],
            mu: 0.0,
        }
    }

    /// The barrier parameter that objectives in the filter belong to.
    pub fn mu(&self) -> f64 {
        self.mu
    }

    pub fn set_mu(&mut self, mu: f64) {
        self.mu = mu;
    }

    /// Whether a point may follow `at`: allowed by the filter, and better in one of the two measures.
    pub fn allows(&self, infeasibility: f64, objective: f64) -> bool {
        infeasibility <= self.most_infeasible && self.filter.allows(infeasibility, objective)
    }

    /// Forbids points that are no better than `at`, before the restoration leaves it.
    pub fn forbid(&mut self, at: &Iterate, problem: &Scaled, mu: f64) {
        let (infeasibility, objective) = (at.infeasibility(), at.barrier_objective(problem, mu));
        self.filter.forbid((1.0 - GAMMA_INFEASIBILITY) * infeasibility, objective - GAMMA_OBJECTIVE * infeasibility);
    }

    /// Moves `at` along `step`, at most to the fraction `tau` of the way to the bounds; gradient and Jacobian of `at`
    /// are then still those of the old point.
    pub fn advance(
        &mut self,
        problem: &mut Scaled,
        newton: &mut Newton,
        at: &mut Iterate,
        step: &Step,
        mu: f64,
        tau: f64,
    ) -> Result<Accepted, Refused> {
        at.barrier_gradient(problem, mu, &mut self.slope);
        let origin = Origin {
            infeasibility: at.infeasibility(),
            objective: at.barrier_objective(problem, mu),
            slope: dot(&self.slope, &step.w),
        };
        let longest = primal_fraction(problem, &at.w, &step.w, tau);
        let least = self.least_step(&origin);
        let mut alpha = longest;
        let mut trials = 0;
        let mut any_finite = false;
        let tiny = at.w.iter().zip(&step.w).all(|(w, d)| d.abs() <= 10.0 * f64::EPSILON * (1.0 + w.abs()));
        loop {
            trials += 1;
            let finite = self.try_point(problem, at, &step.w, alpha);
            any_finite |= finite;
            if finite && (tiny || self.acceptable(&origin, alpha, problem, mu)) {
                let dual = self.accept(problem, at, step, alpha, &origin, mu, tau);
                return Ok(Accepted { primal: alpha, dual, trials });
            }
            if finite
                && trials == 1
                && self.trial.infeasibility() >= origin.infeasibility
                && let Some(accepted) = self.correct(problem, newton, at, &origin, alpha, mu, tau)
            {
                return Ok(accepted);
            }
            alpha *= 0.5;
            if alpha < least.min(longest) || trials > 60 {
                return Err(Refused { trials, not_finite: !any_finite });
            }
        }
    }

    /// Second-order corrections: steps that also remove the residual found at the full step.
    #[allow(clippy::too_many_arguments)] // The state of one search; a struct for it would be used here alone.
    fn correct(
        &mut self,
        problem: &mut Scaled,
        newton: &mut Newton,
        at: &mut Iterate,
        origin: &Origin,
        alpha: f64,
        mu: f64,
        tau: f64,
    ) -> Option<Accepted> {
        let mut infeasibility = self.trial.infeasibility();
        let mut taken = alpha;
        self.corrected_residual.copy_from_slice(&at.residual);
        for trial in 0..CORRECTIONS {
            for (c, t) in self.corrected_residual.iter_mut().zip(&self.trial.residual) {
                *c = taken * *c + t;
            }
            let mut correction = std::mem::replace(&mut self.correction, Step::empty());
            newton.corrected_step(problem, at, mu, &self.corrected_residual, &mut correction);
            taken = primal_fraction(problem, &at.w, &correction.w, tau);
            let finite = self.try_point(problem, at, &correction.w, taken);
            // The tests use the length of the uncorrected step, as the model behind them does.
            let accepted = (finite && self.acceptable(origin, alpha, problem, mu))
                .then(|| self.accept(problem, at, &correction, taken, origin, mu, tau));
            self.correction = correction;
            if let Some(dual) = accepted {
                return Some(Accepted { primal: taken, dual, trials: trial + 2 });
            }
            let now = self.trial.infeasibility();
            if !finite || now > CORRECTION_DECREASE * infeasibility {
                return None;
            }
            infeasibility = now;
        }
        None
    }

    /// Evaluates `at.w + alpha * direction`; false if a value is not finite.
    fn try_point(&mut self, problem: &mut Scaled, at: &Iterate, direction: &[f64], alpha: f64) -> bool {
        for (i, (t, (w, d))) in self.trial.w.iter_mut().zip(at.w.iter().zip(direction)).enumerate() {
            // A small gap below a large bound may be lost in rounding.
            *t = (w + alpha * d).max(problem.lower[i].next_up()).min(problem.upper[i].next_down());
        }
        self.trial.evaluate_values(problem)
    }

    fn acceptable(&self, origin: &Origin, alpha: f64, problem: &Scaled, mu: f64) -> bool {
        let infeasibility = self.trial.infeasibility();
        let objective = self.trial.barrier_objective(problem, mu);
        if !objective.is_finite() || !self.allows(infeasibility, objective) {
            return false;
        }
        let noise = 10.0 * f64::EPSILON * origin.objective.abs();
        if self.switches(origin, alpha) {
            return objective <= origin.objective + ARMIJO * alpha * origin.slope + noise;
        }
        infeasibility <= (1.0 - GAMMA_INFEASIBILITY) * origin.infeasibility
            || objective <= origin.objective - GAMMA_OBJECTIVE * origin.infeasibility + noise
    }

    /// Whether the step is judged by the objective alone: it promises far more there than there is infeasibility.
    fn switches(&self, origin: &Origin, alpha: f64) -> bool {
        origin.infeasibility <= self.little_infeasible
            && origin.slope < 0.0
            && alpha * (-origin.slope).powf(SWITCH_OBJECTIVE_POWER)
                > origin.infeasibility.powf(SWITCH_INFEASIBILITY_POWER)
    }

    /// Makes the trial point the iterate, with multipliers, and updates the filter; returns the fraction of the step that
    /// multipliers of bounds took.
    #[allow(clippy::too_many_arguments)]
    fn accept(
        &mut self,
        problem: &Scaled,
        at: &mut Iterate,
        step: &Step,
        alpha: f64,
        origin: &Origin,
        mu: f64,
        tau: f64,
    ) -> f64 {
        let objective = self.trial.barrier_objective(problem, mu);
        let by_objective =
            self.switches(origin, alpha) && objective <= origin.objective + ARMIJO * alpha * origin.slope;
        if !by_objective {
            self.filter.forbid(
                (1.0 - GAMMA_INFEASIBILITY) * origin.infeasibility,
                origin.objective - GAMMA_OBJECTIVE * origin.infeasibility,
            );
        }
        at.w.copy_from_slice(&self.trial.w);
        at.objective = self.trial.objective;
        at.residual.copy_from_slice(&self.trial.residual);
        let dual_alpha = fraction(&at.z_lower, &step.z_lower, tau).min(fraction(&at.z_upper, &step.z_upper, tau));
        at.lambda.iter_mut().zip(&step.lambda).for_each(|(l, d)| *l += alpha * d);
        at.z_lower.iter_mut().zip(&step.z_lower).for_each(|(z, d)| *z += dual_alpha * d);
        at.z_upper.iter_mut().zip(&step.z_upper).for_each(|(z, d)| *z += dual_alpha * d);
        dual_alpha
    }

    fn least_step(&self, origin: &Origin) -> f64 {
        let mut least = GAMMA_INFEASIBILITY;
        if origin.slope < 0.0 {
            least = least.min(GAMMA_OBJECTIVE * origin.infeasibility / -origin.slope);
            if origin.infeasibility <= self.little_infeasible {
                least = least.min(
                    origin.infeasibility.powf(SWITCH_INFEASIBILITY_POWER)
                        / (-origin.slope).powf(SWITCH_OBJECTIVE_POWER),
                );
            }
        }
        LEAST_STEP_FRACTION * least
    }
}

/// The largest `t <= 1` with `w + t d` keeping the fraction `1 - tau` of each gap.
pub fn primal_fraction(problem: &Scaled, w: &[f64], d: &[f64], tau: f64) -> f64 {
    let mut most: f64 = 1.0;
    for i in 0..w.len() {
        let gap = if d[i] < 0.0 { w[i] - problem.lower[i] } else { problem.upper[i] - w[i] };
        if d[i].abs() * most > tau * gap {
            most = tau * gap / d[i].abs();
        }
    }
    most
}

/// The largest `t <= 1` with `z + t dz >= (1 - tau) z`, componentwise.
pub fn fraction(z: &[f64], dz: &[f64], tau: f64) -> f64 {
    z.iter().zip(dz).fold(1.0, |most: f64, (z, d)| if -d * most > tau * z { tau * z / -d } else { most })
}
