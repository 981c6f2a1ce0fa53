//! Newton's method on the conditions of optimality of `min f(x) s.t. c(x) = 0`, each system solved inexactly by random
//! projections, with the exact augmented Lagrangian as merit function. Source: Hong, Na, Mahoney and Kolar (2023),
//! "Constrained Optimization via Exact Augmented Lagrangian and Randomized Iterative Sketching", ICML.
//!
//! An iteration: `B = ∇²ₓₓL`, shifted where it is not definite on the null space of `G = ∇c`; a direction `d` with
//! `|K||d residual| <= theta delta |∇L| / psi`; penalties changed until `∇merit'd <= -slope/2 |∇L|²`; halving of the step.
//!
//! Where it is not as published: multipliers begin with least squares (signs of rows are arbitrary, so that 1 is no
//! better than -1), and the start is that of the model; definiteness is read from an inertia instead of eigenvalues of a
//! basis; rows count as dependent at `1e-12` of the largest eigenvalue of `GG'` and not at an absolute `1e-2`, which
//! depends on units; sums are of rows of length one; `|K|` is the norm of its blocks, never below; no residual below `1e-10 |∇L|` is asked for: the
//! published rule asks for less, at some points for less than double precision has.

mod merit;
mod system;
#[cfg(test)]
mod tests;

use crate::answer::{LogLine, Multipliers, Outcome, Stop};
use crate::linalg::dense::symmetric_eigenvalues;
use crate::linalg::pattern::Pattern;
use crate::linalg::vector::{dot, max_norm};
use crate::problem::features::{Fact, Features};
use crate::solve::method::{Claim, Context, Method, Run, Sees, iteration_limit, tolerance};
use crate::solve::nlp::{Nlp, Shape};
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::ending::{BOTTOM, line, not_finite, outcome, unbounded};
use crate::solve::parts::random::Random;
use merit::{Penalties, Point};
use std::ops::ControlFlow;
use system::{Inner, System};

/// The row of the method.
pub const METHOD: Method = Method {
    name: "sketched_newton_kkt",
    doc: "Newton steps on the conditions of optimality for equations only, solved inexactly by random projections; \
          exact augmented Lagrangian as merit function. Its log counts row actions as trials. Eigenvalues of dense \
          matrices limit it to 1000 variables",
    source: "Hong, Na, Mahoney and Kolar (2023), Constrained Optimization via Exact Augmented Lagrangian and Randomized Iterative Sketching, ICML",
    chosen: "when asked for",
    claim: Claim::Stationary,
    sees: Sees::Plain,
    second_order: |_| true,
    accepts,
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] = &[
    tolerance(
        "the length of the gradient of the Lagrangian in variables and multipliers at which the method stops",
        1e-8,
    ),
    iteration_limit(10_000),
    OptionRow {
        name: "inner",
        doc: "how Newton systems are solved: projections on random rows, on random sums of rows, MINRES, or factors",
        default: Default::Choice { value: "kaczmarz", among: &["kaczmarz", "gaussian", "minres", "direct"] },
    },
    OptionRow {
        name: "inner_limit",
        doc: "the most row actions or products for a direction, before it is judged as it is",
        default: Default::Number { value: 1e6, least: 1.0, most: 1e12 },
    },
    OptionRow {
        name: "theta",
        doc: "factor of the residual that a direction may leave",
        default: Default::Number { value: 1.0, least: 1e-12, most: 1.0 },
    },
    OptionRow {
        name: "theta_decay",
        doc: "what `theta` is multiplied by after each iteration; below 1, convergence is superlinear",
        default: Default::Number { value: 1.0, least: 0.0, most: 1.0 },
    },
];

/// `B` must exceed this on the null space, else `SHIFT + |B|` is added.
const LEAST_CURVATURE: f64 = 1e-2;
const SHIFT: f64 = 0.1;
const FIRST_PENALTIES: Penalties = Penalties { rows: 1.0, slope: 0.1 };
const FIRST_DELTA: f64 = 0.1;
const LEAST_DELTA: f64 = 1e-6;
const GROWTH: f64 = 1.5;
const ARMIJO: f64 = 0.1;
/// Residuals relative to `|∇L|` below this are not asked for: with it, directions are as good as those of factors.
const LEAST_RESIDUAL: f64 = 1e-10;
/// Of `GG'`, relative: below, gradients of rows depend on each other as far as factors can tell.
const DEPENDENT: f64 = 1e-12;
const MOST_PENALTY: f64 = 1e16;
const LEAST_STEP: f64 = 1e-18;
/// Eigenvalues of dense matrices are computed in each iteration.
const MOST_VARIABLES: usize = 1000;

fn accepts(features: &Features) -> Result<(), Fact> {
    features.needs_smoothness()?;
    features.needs_no_bounds()?;
    features.needs_equations()?;
    features.needs_at_most(MOST_VARIABLES)
}

/// Runs the method. See the header.
pub fn run(context: &mut Context) -> Outcome {
    let number = |name: &str| context.options.number(OPTIONS, name);
    let (tolerance, limit, inner_limit) = (number("tol"), number("max_iter") as usize, number("inner_limit") as usize);
    let (mut theta, theta_decay) = (number("theta"), number("theta_decay"));
    let inner = match context.options.choice(OPTIONS, "inner") {
        "gaussian" => Inner::Gaussian,
        "minres" => Inner::Minres,
        "direct" => Inner::Direct,
        _ => Inner::Kaczmarz,
    };
    let shape = context.nlp.shape().clone();
    let start = context.start.clone();
    let mut here = Point::at(context.nlp, start.clone(), vec![0.0; shape.rows()]);
    let mut system = match System::new(&shape) {
        Ok(system) => system,
        Err(why) => return ended(context, &here, Stop::Failed(format!("no factors: {why:?}")), 0),
    };
    if !here.is_finite() {
        let stop = not_finite(context.nlp, &here.x);
        return ended(context, &here, stop, 0);
    }
    let warm = context.warm.as_ref().filter(|warm| warm.rows.len() == shape.rows());
    let y = match warm {
        Some(warm) => warm.rows.iter().map(|y| -y).collect(),
        None => system.multipliers(&here.gradient, &here.jacobian).unwrap_or(vec![0.0; shape.rows()]),
    };
    if y.iter().all(|y| y.is_finite()) {
        here.set_multipliers(&shape, y);
    }
    let mut random = Random::new(context.options.seed);
    let mut hessian = vec![0.0; shape.hessian.entries()];
    let (mut penalties, mut delta) = (FIRST_PENALTIES, FIRST_DELTA);
    let mut logged = log_line(&here);
    let stop = loop {
        if let ControlFlow::Break(stop) = context.monitor.observe(logged) {
            break if here.residual() <= tolerance { Stop::Converged } else { stop };
        }
        let residual = here.residual();
        if residual <= tolerance {
            break Stop::Converged;
        }
        if logged.iteration >= limit {
            break Stop::IterationLimit;
        }
        if here.objective <= BOTTOM {
            break unbounded(&start, &here.x);
        }
        context.nlp.hessian(&here.x, 1.0, &here.y, &mut hessian);
        if !hessian.iter().all(|h| h.is_finite()) {
            break not_finite(context.nlp, &here.x);
        }
        let sizes = Sizes::of(&shape, &hessian, &here.jacobian);
        if sizes.least_gram <= DEPENDENT * sizes.jacobian.powi(2) {
            break Stop::NoProgress("the gradients of the rows depend on each other here".into());
        }
        let convex = system.is_convex(&hessian, &here.jacobian, LEAST_CURVATURE);
        let shift = if convex == Ok(true) { 0.0 } else { SHIFT + sizes.hessian };
        if inner == Inner::Direct
            && let Err(why) = system.factor(&hessian, &here.jacobian, shift)
        {
            break Stop::Failed(format!("the Newton system has no factors: {why:?}"));
        }
        system.assemble(&hessian, &here.jacobian, shift);
        let b: Vec<f64> = here.slope.iter().chain(&here.rows).map(|g| -g).collect();
        let accuracy = sizes.accuracy(shift);
        let mut step = vec![0.0; b.len()];
        let mut actions = 0;
        delta = delta.min(accuracy.delta(penalties)).max(LEAST_DELTA);
        let slope = loop {
            let wanted = (theta * delta / (accuracy.system * accuracy.psi)).max(LEAST_RESIDUAL) * residual;
            let judges = (&mut random, &*context.monitor);
            actions += system.solve(inner, &b, wanted, inner_limit, judges, &mut step);
            let slope = dot(&here.merit_gradient(&shape, &hessian, penalties), &step);
            if slope <= -0.5 * penalties.slope * residual * residual {
                break Some(slope);
            }
            penalties.rows *= GROWTH * GROWTH;
            penalties.slope /= GROWTH;
            delta = (delta / GROWTH.powi(4)).min(accuracy.delta(penalties)).max(LEAST_DELTA);
            if context.monitor.over().is_some() || !slope.is_finite() || penalties.rows > MOST_PENALTY {
                break None;
            }
        };
        let Some(slope) = slope else {
            let why =
                "no penalty makes the direction one of descent; a more accurate `inner` or a larger `inner_limit` may";
            break context.monitor.over().unwrap_or(Stop::NoProgress(why.into()));
        };
        let Some((next, t)) = search(context.nlp, &here, &step, slope, penalties) else {
            break Stop::NoProgress("no step along the direction lowers the exact augmented Lagrangian".into());
        };
        here = next;
        theta *= theta_decay;
        logged = LogLine {
            iteration: logged.iteration + 1,
            step: max_norm(&step),
            alpha_primal: t,
            regularisation: shift,
            trials: actions,
            ..log_line(&here)
        };
    };
    ended(context, &here, stop, logged.iteration)
}

/// The first of the steps 1, 1/2, 1/4, ... that lowers the merit function as much as its slope promises. Only where the
/// promise of the full step drowns in rounding may it rise by as much as rounding.
fn search(nlp: &mut dyn Nlp, here: &Point, step: &[f64], slope: f64, penalties: Penalties) -> Option<(Point, f64)> {
    let merit = here.merit(penalties);
    let rounding = 4.0 * f64::EPSILON * (here.objective.abs() + dot(&here.y, &here.rows).abs()).max(1.0);
    let allowed = if -slope <= 100.0 * rounding { rounding } else { 0.0 };
    let mut t = 1.0;
    while allowed > 0.0 || -ARMIJO * t * slope > rounding {
        let next = here.ahead(nlp, t, step);
        if next.is_finite() && next.merit(penalties) <= merit + ARMIJO * t * slope + allowed {
            return Some((next, t));
        }
        t *= 0.5;
        if t < LEAST_STEP {
            break;
        }
    }
    None
}

fn log_line(point: &Point) -> LogLine {
    LogLine { primal: max_norm(&point.rows), ..line(0, point.objective, max_norm(&point.slope), f64::NAN, 0) }
}

fn ended(context: &mut Context, point: &Point, stop: Stop, iterations: usize) -> Outcome {
    let none = vec![0.0; point.x.len()];
    let rows = point.y.iter().map(|y| -y).collect();
    let multipliers = Multipliers { rows, lower: none.clone(), upper: none };
    outcome(context, point.x.clone(), Some(multipliers), stop, iterations)
}

/// Spectral norms of the blocks, and the least eigenvalue of `GG'`.
struct Sizes {
    hessian: f64,
    least: f64,
    most: f64,
    jacobian: f64,
    least_gram: f64,
}

/// What the accuracy of a direction depends on.
struct Accuracy {
    system: f64,
    psi: f64,
    upsilon: f64,
}

impl Sizes {
    fn of(shape: &Shape, hessian: &[f64], jacobian: &[f64]) -> Sizes {
        let (n, m) = (shape.variables(), shape.rows());
        let mut square = vec![0.0; n * n];
        for r in 0..n {
            for k in shape.hessian.row(r) {
                let c = shape.hessian.columns[k] as usize;
                square[r * n + c] = hessian[k];
                square[c * n + r] = hessian[k];
            }
        }
        let of_hessian = symmetric_eigenvalues(n, &square);
        let of_gram = symmetric_eigenvalues(m, &gram(&shape.jacobian, jacobian));
        let (least, most) = (of_hessian.first().copied().unwrap_or(0.0), of_hessian.last().copied().unwrap_or(0.0));
        Sizes {
            hessian: least.abs().max(most.abs()),
            least,
            most,
            jacobian: of_gram.last().map_or(0.0, |most| most.max(0.0).sqrt()),
            // Without rows there is nothing that could depend.
            least_gram: of_gram.first().copied().unwrap_or(1.0),
        }
    }

    fn accuracy(&self, shift: f64) -> Accuracy {
        let b = (self.least + shift).abs().max((self.most + shift).abs());
        Accuracy {
            system: 0.5 * b + (0.25 * b * b + self.jacobian.powi(2)).sqrt(),
            psi: 20.0 * (b * b).max(1.0) / (self.least_gram.min(1.0) * SHIFT.min(1.0)),
            upsilon: self.jacobian.max(self.hessian).max(1.0),
        }
    }
}

impl Accuracy {
    fn delta(&self, penalties: Penalties) -> f64 {
        let below = (1.0 + penalties.rows + penalties.slope) * (self.upsilon * self.psi).powi(2);
        (0.5 - ARMIJO) * penalties.slope / below
    }
}

/// `GG'`, `m × m`.
fn gram(pattern: &Pattern, values: &[f64]) -> Vec<f64> {
    let m = pattern.rows;
    let mut gram = vec![0.0; m * m];
    let mut spread = vec![0.0; pattern.columns_count];
    for r in 0..m {
        pattern.row(r).for_each(|k| spread[pattern.columns[k] as usize] = values[k]);
        for s in 0..m {
            gram[r * m + s] = pattern.row(s).map(|k| values[k] * spread[pattern.columns[k] as usize]).sum();
        }
        pattern.row(r).for_each(|k| spread[pattern.columns[k] as usize] = 0.0);
    }
    gram
}
