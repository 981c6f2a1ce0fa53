//! The same problem by several methods: what each reached, how well it is certified, and at what cost.

mod json;
mod statistics;
mod svg;
mod text;

pub use statistics::{Spread, Summary};

use super::errors::Errors;
use super::prepared::{Options, Prepared};
use crate::answer::{Answer, Evaluations, LogLine, Status};
use crate::oracle::hidden;
use crate::problem::Sense;
use crate::problem::oracles::ranked;
use crate::solve::METHODS;
use std::ops::ControlFlow;

/// Which methods, how often, and how each is run.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Empty: the planner's choice, then every other method that serves the problem.
    pub methods: Vec<String>,
    /// Each method runs once with each.
    pub seeds: Vec<u64>,
    /// For all of them; its `method`, `seed` and `keep_log` are not read. Options go to the methods that have them, and
    /// `METHOD.option` to one of those that are compared.
    pub options: Options,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Of the objective; `None` for systems of equations.
    pub sense: Option<Sense>,
    /// Whether an oracle ranks the candidates, so that none has a value.
    pub ranked: bool,
    /// Method by method, seed by seed.
    pub runs: Vec<Run>,
    pub refused: Vec<Refusal>,
}

/// One method with one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub method: String,
    pub seed: u64,
    pub status: Status,
    /// The certificate of a point holds; a proof that there is none does not count.
    pub holds: bool,
    pub objective: Option<f64>,
    pub iterations: usize,
    pub evaluations: Evaluations,
    /// Questions about candidates that the method needed answers to. Those that were known count, so that a run is measured
    /// alike whatever stands in a journal.
    pub candidates: usize,
    /// What the hidden expression of a simulated judge that ranks is at the answer; no method sees it.
    pub hidden: Option<f64>,
    /// Of the method, and of the judge.
    pub seconds: f64,
    pub certifying: f64,
    pub progress: Vec<LogLine>,
}

/// A method that cannot serve the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub method: String,
    pub reason: String,
}

/// Solves the problem with each method and seed. Methods that object are listed; anything else that stops a plan (a name
/// that no method has, a problem that nothing serves) is an error. `each` is told what runs next.
pub fn compare(
    prepared: &mut Prepared,
    request: &Request,
    mut each: impl FnMut(&str, u64) -> ControlFlow<()>,
) -> Result<Comparison, Errors> {
    let methods = methods(prepared, request)?;
    let sense = prepared.problem.objectives.first().map(|objective| objective.sense);
    let ranked = matches!(ranked(&prepared.problem), Ok(Some(_)));
    let mut comparison = Comparison { sense, ranked, runs: vec![], refused: vec![] };
    for method in &methods {
        for &seed in &request.seeds {
            if each(method, seed).is_break() {
                return Ok(comparison);
            }
            let options = Options {
                method: Some(method.clone()),
                seed,
                keep_log: true,
                ..own_options(method, &methods, &request.options)
            };
            let plan = match prepared.plan(&options) {
                Ok(plan) => plan,
                Err(errors) => {
                    comparison.refused.push(Refusal { reason: refusal(&errors)?, method: method.clone() });
                    break;
                }
            };
            let began = prepared.host().interrupts();
            match prepared.solve(&plan, &options, |_| ControlFlow::Continue(())) {
                Ok(answer) => {
                    let hidden = hidden(&prepared.problem, &answer.x);
                    comparison.runs.push(Run { hidden, ..run(method, seed, answer) });
                }
                Err(bug) => {
                    comparison.refused.push(Refusal { reason: bug.to_string(), method: method.clone() });
                    break;
                }
            }
            // An interrupt ends the comparison; what was learned stays.
            if prepared.host().interrupts() > began {
                return Ok(comparison);
            }
        }
    }
    Ok(comparison)
}

/// The methods asked for; without any the planner's choice and all others that do not object.
fn methods(prepared: &mut Prepared, request: &Request) -> Result<Vec<String>, Errors> {
    if !request.methods.is_empty() {
        return Ok(request.methods.clone());
    }
    let usual = Options { method: None, options: vec![], ..request.options.clone() };
    let plan = prepared.plan(&usual)?;
    let others = plan.others.iter().filter(|(_, objection)| objection.is_none()).map(|(name, _)| *name);
    Ok(std::iter::once(plan.method).chain(others.filter(|name| *name != plan.method)).map(str::to_string).collect())
}

/// Without the options that only other methods have. One that no method has is kept: the planner tells of it.
fn own_options(method: &str, compared: &[String], options: &Options) -> Options {
    let has = |name: &str, option: &str| {
        METHODS.iter().any(|m| m.name == name && m.options.iter().any(|row| row.name == option))
    };
    let known = |option: &str| METHODS.iter().any(|m| m.options.iter().any(|row| row.name == option));
    let own = options.options.iter().filter_map(|(option, value)| match option.split_once('.') {
        Some((name, option)) if name == method => Some((option.to_string(), value.clone())),
        Some((name, _)) if compared.iter().any(|other| other == name) => None,
        _ => (has(method, option) || !known(option)).then(|| (option.clone(), value.clone())),
    });
    Options { options: own.collect(), ..options.clone() }
}

/// Why a method cannot serve, if that is all that stopped the plan.
fn refusal(errors: &Errors) -> Result<String, Errors> {
    match errors.diagnostics.iter().all(|d| d.id == "method-refuses") {
        true => Ok(errors.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; ")),
        false => Err(errors.clone()),
    }
}

fn run(method: &str, seed: u64, answer: Answer) -> Run {
    Run {
        method: method.to_string(),
        seed,
        status: answer.status,
        holds: answer.status.exit_code() == 0,
        objective: answer.objective(),
        iterations: answer.counts.iterations,
        evaluations: answer.counts.evaluations.clone(),
        candidates: answer.counts.evaluations.asked,
        hidden: None,
        seconds: answer.time.solve,
        certifying: answer.time.certify,
        progress: answer.log,
    }
}

impl Comparison {
    /// The best objective of the runs whose certificate holds; of all where none does.
    pub fn best(&self) -> Option<f64> {
        let better = |a: f64, b: f64| if self.sense == Some(Sense::Maximize) { a.max(b) } else { a.min(b) };
        let of = |all: bool| {
            let runs = self.runs.iter().filter(|run| all || run.holds);
            runs.filter_map(|run| run.objective).filter(|f| f.is_finite()).reduce(better)
        };
        of(false).or_else(|| of(true))
    }

    /// The runs of each method together, in the order in which they ran.
    pub fn summaries(&self) -> Vec<Summary> {
        self.runs.chunk_by(|a, b| a.method == b.method).map(Summary::of).collect()
    }
}

#[cfg(test)]
mod tests;
