//! Carries a plan out: view, method, and the way back to the problem as stated.

use super::{Plan, search};
use crate::answer::{Evaluations, Multipliers, Outcome, Stop};
use crate::diag::Sources;
use crate::problem::epigraph;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Problem, SuppliedBy};
use crate::solve::asked::Oracles;
use crate::solve::method::{Context, Method, Run};
use crate::solve::monitor::Monitor;
use crate::solve::view::EngineView;

/// An earlier answer to begin from, in the problem's own numbering and signs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Warm {
    pub x: Vec<f64>,
    pub multipliers: Option<Multipliers>,
    /// What the answer has behind its variables, by name.
    pub added: Vec<(String, Vec<f64>)>,
}

impl Warm {
    /// The point in all variables of a planned problem, if nothing is missing.
    pub fn whole(&self, planned: &Problem) -> Option<Vec<f64>> {
        let mut x = self.x.clone();
        for (name, axes, place) in planned.variables_behind(x.len() as u32) {
            let (_, values) = self.added.iter().find(|(known, _)| *known == name)?;
            if values.len() != axes.len() || place.start != x.len() {
                return None;
            }
            x.extend(values);
        }
        (x.len() == planned.dimension as usize).then_some(x)
    }
}

/// Solves `problem` as planned. The outcome is in the problem's own numbering and signs.
pub fn execute(
    problem: &Problem,
    plan: &Plan,
    warm: Option<&Warm>,
    sources: &Sources,
    oracles: &mut dyn Oracles,
    monitor: &mut Monitor,
) -> Outcome {
    if let Some(nest) = &plan.nest {
        let bounds = Bounds::of(&plan.problem, &Numbers::of(&plan.problem));
        return match hopeless(&bounds) {
            Some(stop) => without_method(plan, stop),
            None => nest.execute(&plan.problem, plan, warm, sources, monitor),
        };
    }
    let Some(method) = crate::solve::by_name(plan.method) else {
        return without_method(plan, Stop::Failed(format!("there is no method {}", plan.method)));
    };
    let bounds = Bounds::of(problem, &Numbers::of(problem));
    if let Some(stop) = hopeless(&bounds) {
        return without_method(plan, stop);
    }
    let x = start(problem, plan, warm, &bounds);
    let given = warm.is_none().then(|| given_multipliers(problem)).flatten();
    let multipliers = warm.and_then(|w| w.multipliers.as_ref()).or(given.as_ref());
    let multipliers = multipliers.map(|m| padded(m, &plan.problem));
    let from = Warm { x, multipliers, added: vec![] };
    limit_iterations(method, plan, monitor);
    let mut outcome = None;
    if let Some(reduced) = &plan.reduced {
        let mut simplified = plan.problem.clone();
        reduced.bounds.put(&mut simplified);
        let multipliers = from.multipliers.as_ref().map(|m| reduced.reduce(m));
        let from = Warm { multipliers, ..from.clone() };
        let found = reduced.lift(run(&simplified, method, plan, from, sources, oracles, monitor));
        // The weights that prove it must be those of the rows as stated: they are asked for once more.
        outcome = Some(found).filter(|found| !matches!(found.stop, Stop::Infeasible { .. }));
    }
    let outcome = outcome.unwrap_or_else(|| run(&plan.problem, method, plan, from, sources, oracles, monitor));
    plan.lifts.iter().rev().fold(outcome, |outcome, lift| lift.lift(outcome))
}

/// Runs the method on a problem in the form that it sees.
fn run(
    shown: &Problem,
    method: &Method,
    plan: &Plan,
    from: Warm,
    sources: &Sources,
    oracles: &mut dyn Oracles,
    monitor: &mut Monitor,
) -> Outcome {
    let Run::Functions(run) = method.run else {
        return search::run(shown, method, plan, &from.x, sources, oracles, monitor);
    };
    let mut view = EngineView::new(shown, method, &plan.options, &plan.start.x, sources).counting(&monitor.meter);
    let warm = from.multipliers.map(|m| view.reduce_multipliers(&m));
    let reduced = view.reduce(&from.x);
    let outcome = match reduced.is_empty() {
        true => view.constant_outcome(),
        false => {
            let mut context = Context { nlp: &mut view, start: reduced, warm, options: &plan.options, monitor };
            run(&mut context)
        }
    };
    let mut outcome = view.lift(outcome);
    if outcome.log.is_empty() {
        outcome.log = std::mem::take(&mut monitor.log);
    }
    outcome
}

/// The start with the variables that rewrites added.
fn start(problem: &Problem, plan: &Plan, warm: Option<&Warm>, bounds: &Bounds) -> Vec<f64> {
    let Some(warm) = warm.filter(|w| w.x.len() == problem.dimension as usize) else {
        return plan.start.x.clone();
    };
    let inside = |(k, v): (usize, &f64)| v.max(bounds.lower[k]).min(bounds.upper[k]);
    let mut x: Vec<f64> = warm.x.iter().enumerate().map(inside).collect();
    x.resize(plan.problem.dimension as usize, 0.0);
    for lift in &plan.lifts {
        epigraph::complete(&plan.problem, &lift.tops, &mut x);
    }
    x
}

/// Where the model says that multipliers begin; 0 where it says nothing, none if it never does.
fn given_multipliers(problem: &Problem) -> Option<Multipliers> {
    if problem.dual_starts.is_empty() {
        return None;
    }
    let numbers = Numbers::of(problem);
    let starts = problem.row_starts();
    let n = problem.dimension as usize;
    let mut out = Multipliers { rows: vec![0.0; problem.row_count()], lower: vec![0.0; n], upper: vec![0.0; n] };
    for given in &problem.dual_starts {
        let (to, first, count, turn) = match given.by {
            SuppliedBy::Row(k) => {
                let c = &problem.constraints[k as usize];
                (&mut out.rows, starts[k as usize], c.rows as usize, c.dual_sign)
            }
            SuppliedBy::Lower(v) | SuppliedBy::Upper(v) | SuppliedBy::ReducedCost(v) => {
                let owner = &problem.variables[v as usize];
                let to = if matches!(given.by, SuppliedBy::Upper(_)) { &mut out.upper } else { &mut out.lower };
                (to, owner.offset as usize, owner.axes.len(), 1.0)
            }
        };
        let values = numbers.column(problem, &given.values, count);
        to[first..first + count].iter_mut().zip(values).for_each(|(to, v)| *to = turn * v);
    }
    Some(out)
}

/// Multipliers of what rewrites added are not known from an earlier answer: 0.
fn padded(multipliers: &Multipliers, shown: &Problem) -> Multipliers {
    let padded = |values: &[f64], count: usize| {
        let mut values = values.to_vec();
        values.resize(count, 0.0);
        values
    };
    let n = shown.dimension as usize;
    Multipliers {
        rows: padded(&multipliers.rows, shown.row_count()),
        lower: padded(&multipliers.lower, n),
        upper: padded(&multipliers.upper, n),
    }
}

/// Bounds or sides that no number satisfies, or that are not numbers.
fn hopeless(bounds: &Bounds) -> Option<Stop> {
    let pairs = || {
        let variables = bounds.lower.iter().zip(&bounds.upper);
        variables.chain(bounds.row_lower.iter().zip(&bounds.row_upper))
    };
    if pairs().any(|(l, u)| l.is_nan() || u.is_nan()) {
        return Some(Stop::NotFinite("a bound or a side of a row is not a number".to_string()));
    }
    pairs().any(|(l, u)| l > u).then_some(Stop::Infeasible { ray: None })
}

fn without_method(plan: &Plan, stop: Stop) -> Outcome {
    let x = plan.start.x.clone();
    let outcome =
        Outcome { x, multipliers: None, stop, iterations: 0, evaluations: Evaluations::default(), log: vec![] };
    plan.lifts.iter().rev().fold(outcome, |outcome, lift| lift.lift(outcome))
}

/// The option of the method, unless the caller's limit is lower.
fn limit_iterations(method: &Method, plan: &Plan, monitor: &mut Monitor) {
    if method.options.iter().any(|row| row.name == "max_iter") {
        let limit = plan.options.number(method.options, "max_iter") as usize;
        monitor.iteration_limit = monitor.iteration_limit.min(limit);
    }
}
