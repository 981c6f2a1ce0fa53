//! Primal-dual interior point with a filter line search: the default for smooth constrained problems.
//!
//! `problem` scales and adds slacks, `start` finds the first iterate, `solver` is the loop over `newton` (steps; their
//! linear systems are those of `system`: with exact derivatives, with their `products`, or with those of
//! `limited_memory`), `line_search`, `barrier` and `restoration`; `polish` sharpens what comes out, at the true bounds,
//! and `verdict` says how good it is apart from all scaling. What is not good enough is solved on from there.

mod barrier;
mod iterate;
mod limited_memory;
mod line_search;
mod newton;
mod polish;
mod problem;
mod products;
mod restoration;
mod solver;
mod start;
mod system;
#[cfg(test)]
mod tests;
mod units;
mod verdict;

use crate::answer::{Multipliers, Outcome, Stop};
use crate::solve::method::{Claim, Context, Method, Run, Sees, iteration_limit};
use crate::solve::nlp::Nlp;
use crate::solve::options::{Default, OptionRow};
use barrier::Strategy;
use iterate::Iterate;
use newton::Newton;
use polish::polish;
use problem::{Scaled, Scaling};
use solver::{Settings, minimise};
use start::{NotFinite, first_iterate};
pub(super) use system::Curvature;
use system::System;

/// The row of the method.
pub const METHOD: Method = Method {
    name: "interior_point",
    doc: "primal-dual barrier method with exact or limited-memory second derivatives and a filter line search",
    source: "Wächter and Biegler (2006), Mathematical Programming 106, 25-57",
    chosen: "for problems with rows, and for bounds where there are not very many variables",
    claim: Claim::Stationary,
    sees: Sees::Plain,
    second_order: |options| matches!(options.choice(OPTIONS, "hessian"), "auto" | "exact"),
    accepts: |features| features.needs_smoothness(),
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] = &[
    OptionRow {
        name: "tol",
        doc: "the scaled optimality error at which the method stops",
        default: Default::Number { value: 1e-8, least: 1e-14, most: 1.0 },
    },
    iteration_limit(3000),
    OptionRow {
        name: "bound_relaxation",
        doc: "how far bounds are moved outwards during the solve, relative to their size",
        default: Default::Number { value: 1e-8, least: 0.0, most: 1e-2 },
    },
    OptionRow {
        name: "barrier",
        doc: "how the barrier parameter is chosen: lowered when its problem is solved, or anew in each iteration",
        default: Default::Choice { value: "adaptive", among: &["monotone", "adaptive"] },
    },
    OptionRow {
        name: "hessian",
        doc: "second derivatives as they are, products with them alone, for which conjugate gradients find the steps, \
              or a BFGS matrix from the last steps, for which none is evaluated; `auto` is `exact` unless the planner \
              finds that too large",
        default: Default::Choice { value: "auto", among: &["auto", "exact", "products", "limited_memory"] },
    },
    OptionRow {
        name: "memory",
        doc: "number of steps remembered with `hessian = \"limited_memory\"`, of products with `\"products\"`",
        default: Default::Number { value: 6.0, least: 1.0, most: 1000.0 },
    },
    OptionRow {
        name: "scaling",
        doc: "divide variables, rows and objective by the sizes that the model states (`scale`), rows and objectives \
              without one by their first gradients; or by gradients alone, or not at all",
        default: Default::Choice { value: "user", among: &["user", "gradient", "none"] },
    },
];

/// Figures below this (see `verdict`) need no second round.
const SHARP: f64 = 1e-7;
/// What the second round may take, and where its barrier begins at most.
const SHARPENING_LIMIT: usize = 60;
const SHARPENING_MU: f64 = 1e-6;

/// Runs the method, in units of the stated sizes of variables where they are asked for. See the header.
pub fn run(context: &mut Context) -> Outcome {
    let asked = context.options.choice(OPTIONS, "scaling") == "user";
    match context.nlp.shape().scales.clone().filter(|scales| asked && scales.variables.iter().any(Option::is_some)) {
        Some(scales) => {
            let outcome = units::in_units(context, &scales, solve);
            in_stated_units(context, outcome)
        }
        None => solve(context),
    }
}

/// What was found in other units is judged and sharpened in those of the statement.
fn in_stated_units(context: &mut Context, mut outcome: Outcome) -> Outcome {
    let Some(multipliers) = outcome.multipliers.clone() else { return outcome };
    if !matches!(outcome.stop, Stop::Converged | Stop::NoProgress(_)) {
        return outcome;
    }
    let settings = settings(context);
    let mut problem = Scaled::new(context.nlp, &outcome.x, 0.0, Scaling::Gradients);
    let error = verdict::stated_figure(&mut problem, &outcome.x, &multipliers);
    let (factor, factors) = (problem.objective_scale, problem.row_scale.clone());
    let scaled = |(y, row): (&f64, &f64)| if *row == 0.0 { 0.0 } else { -y * factor / row };
    let lambda: Vec<f64> = multipliers.rows.iter().zip(&factors).map(scaled).collect();
    let newton = Newton::new(&problem, settings.curvature);
    let mut best = Certified { x: outcome.x, multipliers, error };
    let better = |found: &Certified, than: &Certified| found.error < than.error || than.error.is_nan();
    let polished = polish_point(context.nlp, &best.x, &lambda, (factor, &factors), settings.curvature);
    if better(&polished, &best) {
        best = polished;
    }
    if let Ok(mut newton) = newton
        && (best.error > SHARP || best.error.is_nan())
    {
        let limit = settings.iteration_limit.min(outcome.iterations + SHARPENING_LIMIT);
        let settings = Settings { iteration_limit: limit, mu: SHARPENING_MU, ..settings };
        let (iterations, by) = (&mut outcome.iterations, Scaling::Gradients);
        let again = sharpen(context, &mut newton, &settings, by, iterations, &best.x, &best.multipliers);
        if let Some(again) = again.filter(|again| better(again, &best)) {
            best = again;
        }
    }
    if best.error <= SHARP {
        outcome.stop = Stop::Converged;
    }
    outcome.log.append(&mut context.monitor.log);
    let evaluations = context.nlp.evaluations();
    Outcome { x: best.x, multipliers: Some(best.multipliers), evaluations, ..outcome }
}

fn settings(context: &Context) -> Settings {
    let options = context.options;
    Settings {
        tolerance: options.number(OPTIONS, "tol"),
        iteration_limit: options.number(OPTIONS, "max_iter") as usize,
        mu: f64::NAN,
        strategy: match options.choice(OPTIONS, "barrier") {
            "adaptive" => Strategy::Adaptive,
            _ => Strategy::Monotone,
        },
        curvature: match options.choice(OPTIONS, "hessian") {
            "products" => Curvature::Products { history: options.number(OPTIONS, "memory") as usize },
            "limited_memory" => Curvature::LimitedMemory { history: options.number(OPTIONS, "memory") as usize },
            _ => Curvature::Exact,
        },
        nested: false,
    }
}

fn solve(context: &mut Context) -> Outcome {
    let options = context.options;
    let relaxation = options.number(OPTIONS, "bound_relaxation");
    let mut settings = settings(context);
    let pushed: Vec<f64> = {
        let shape = context.nlp.shape();
        let bounds = shape.lower.iter().zip(&shape.upper);
        context.start.iter().zip(bounds).map(|(x, (l, u))| iterate::inside(*x, *l, *u, start::COLD_PUSH)).collect()
    };
    let scale = match options.choice(OPTIONS, "scaling") {
        "none" => Scaling::None,
        "gradient" => Scaling::Gradients,
        _ => Scaling::Stated,
    };
    let mut problem = Scaled::new(context.nlp, &pushed, relaxation, scale);
    let mut iterations = 0;
    let Ok(mut newton) = Newton::new(&problem, settings.curvature) else {
        return outcome(context, &pushed, None, Stop::Failed("the linear systems do not fit in memory".into()), 0);
    };
    let (mut at, mu) = match first_iterate(&mut problem, &mut newton, &context.start, context.warm.as_ref()) {
        Ok(first) => first,
        Err(NotFinite { x }) => {
            let what =
                problem.nlp.explain_not_finite(&x).unwrap_or_else(|| "a value at the start is not finite".into());
            return outcome(context, &x, None, Stop::NotFinite(what), 0);
        }
    };
    settings.mu = mu;
    let mut stop =
        minimise(&mut problem, &mut at, &mut newton, &settings, context.monitor, &mut iterations, &mut |_| false);
    let mut x = at.w[..problem.variables()].to_vec();
    let mut found = multipliers(&problem, &at);
    if matches!(stop, Stop::Converged | Stop::NoProgress(_)) {
        let mut figure = polish(&mut problem, &mut newton.system, &mut at);
        x = at.w[..problem.variables()].to_vec();
        found = multipliers(&problem, &at);
        settings.iteration_limit = settings.iteration_limit.min(iterations + SHARPENING_LIMIT);
        if figure > SHARP || figure.is_nan() {
            let again = sharpen(context, &mut newton, &settings, scale, &mut iterations, &x, &found);
            if let Some(again) = again.filter(|again| again.error < figure || figure.is_nan()) {
                Certified { x, multipliers: found, error: figure } = again;
            }
        }
        if figure <= SHARP {
            stop = Stop::Converged;
        }
    }
    outcome(context, &x, Some(found), stop, iterations)
}

/// Goes on from an answer that is not good enough: scaled anew where it is, within the bounds as they are stated.
fn sharpen(
    context: &mut Context,
    newton: &mut Newton,
    settings: &Settings,
    scale: Scaling,
    iterations: &mut usize,
    x: &[f64],
    multipliers: &Multipliers,
) -> Option<Certified> {
    let mut problem = Scaled::new(context.nlp, x, 0.0, scale);
    newton.system.forget();
    let (mut at, mu) = first_iterate(&mut problem, newton, x, Some(multipliers)).ok()?;
    let settings = Settings { mu: mu.min(SHARPENING_MU), ..settings.clone() };
    minimise(&mut problem, &mut at, newton, &settings, context.monitor, iterations, &mut |_| false);
    let error = polish(&mut problem, &mut newton.system, &mut at);
    Some(Certified { x: at.w[..x.len()].to_vec(), multipliers: self::multipliers(&problem, &at), error })
}

/// A point with multipliers in the convention of `answer`, and its figure (see `verdict`).
pub(super) struct Certified {
    pub x: Vec<f64>,
    pub multipliers: Multipliers,
    pub error: f64,
}

/// Factors of objective and rows that bring their gradients at `x` under 100; those of free rows are 0.
pub(super) fn row_factors(nlp: &mut dyn Nlp, x: &[f64]) -> (f64, Vec<f64>) {
    let problem = Scaled::new(nlp, x, 0.0, Scaling::Gradients);
    (problem.objective_scale, problem.row_scale)
}

/// Polishes the point of another method: `lambda` are multipliers of the scaled rows in `f + lambda'c`.
pub(super) fn polish_point(
    nlp: &mut dyn Nlp,
    x: &[f64],
    lambda: &[f64],
    scales: (f64, &[f64]),
    curvature: Curvature,
) -> Certified {
    let mut problem = Scaled::with_factors(nlp, 0.0, scales.0, scales.1.to_vec());
    let n = x.len();
    let mut at = Iterate::new(&problem);
    at.w[..n].copy_from_slice(x);
    at.lambda.copy_from_slice(lambda);
    at.place_slacks(&mut problem, 0.0);
    at.evaluate_derivatives(&mut problem);
    at.update_dual_residual(&problem);
    for i in 0..at.w.len() {
        at.z_lower[i] = if problem.lower[i].is_finite() { at.dual_residual[i].max(0.0) } else { 0.0 };
        at.z_upper[i] = if problem.upper[i].is_finite() { (-at.dual_residual[i]).max(0.0) } else { 0.0 };
    }
    let system = System::new(&problem, curvature);
    let error = system.map_or(f64::INFINITY, |mut system| polish(&mut problem, &mut system, &mut at));
    let inside = |i: usize| at.w[i].max(problem.true_lower[i]).min(problem.true_upper[i]);
    Certified { x: (0..n).map(inside).collect(), multipliers: multipliers(&problem, &at), error }
}

/// The multipliers of the problem as it was given, in the convention of `answer`.
fn multipliers(problem: &Scaled, at: &Iterate) -> Multipliers {
    let n = problem.variables();
    let scale = problem.objective_scale;
    Multipliers {
        rows: at.lambda.iter().zip(&problem.row_scale).map(|(l, s)| -l * s / scale).collect(),
        lower: at.z_lower[..n].iter().map(|z| z / scale).collect(),
        upper: at.z_upper[..n].iter().map(|z| -z / scale).collect(),
    }
}

fn outcome(
    context: &mut Context,
    x: &[f64],
    multipliers: Option<Multipliers>,
    stop: Stop,
    iterations: usize,
) -> Outcome {
    let shape = context.nlp.shape();
    let bounds = shape.lower.iter().zip(&shape.upper);
    Outcome {
        x: x.iter().zip(bounds).map(|(x, (l, u))| x.max(*l).min(*u)).collect(),
        multipliers,
        stop,
        iterations,
        evaluations: context.nlp.evaluations(),
        log: std::mem::take(&mut context.monitor.log),
    }
}
