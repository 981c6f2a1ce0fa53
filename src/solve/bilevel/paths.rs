//! Points of all levels along the followers' conditions, and what followers say of them.

use super::Context;
use super::follower::{quietly, run as run_method};
use crate::answer::{LogLine, Outcome, Stop};
use crate::problem::Problem;
use crate::problem::conditions::Conditions;
use crate::solve::complementarity::relaxation;
use crate::solve::options::{Default, OptionRow, Options};
use crate::solve::view::EngineView;

/// Where the search begins.
pub const STARTS: OptionRow = OptionRow {
    name: "starts",
    doc: "how many starting points are tried",
    default: Default::Number { value: 8.0, least: 1.0, most: 1e6 },
};

/// The row of [`Asked::tolerance`].
pub const TOLERANCE: OptionRow = OptionRow {
    name: "tol",
    doc: "how much better a follower's other answer may be, relative to max(1, |f|)",
    default: Default::Number { value: 1e-7, least: 1e-12, most: 1e-2 },
};

/// Why a point is no answer.
pub enum Rival {
    /// A follower has a better answer.
    Better { follower: usize, outcome: Box<Outcome> },
    /// A follower does not agree, but no other answer of it is known.
    Unknown,
}

/// A point of all variables that may be the answer.
pub struct Candidate {
    pub whole: Vec<f64>,
    /// The outer objective, turned so that it is minimised.
    pub value: f64,
}

impl Candidate {
    pub fn at(problem: &Problem, whole: &[f64]) -> Candidate {
        Candidate { value: problem.minimised_at(whole), whole: whole.to_vec() }
    }

    /// Keeps the better of two.
    pub fn keep(self, best: &mut Option<Candidate>) {
        if best.as_ref().is_none_or(|best| self.value < best.value) {
            *best = Some(self);
        }
    }
}

/// Where the path of relaxed problems ends; exact if it converged.
pub fn path(context: &mut Context, conditions: &Conditions, point: Vec<f64>, options: &Options) -> Outcome {
    let method = &relaxation::METHOD;
    let mut view = EngineView::new(&conditions.problem, method, options, &point, context.sources);
    let outcome = quietly(context.monitor, |monitor| run_method(&mut view, method, point, None, options, monitor));
    view.lift(outcome)
}

/// How answers of followers are compared with those of a point.
pub struct Asked {
    /// How much better another answer may be, relative to max(1, |f|).
    pub tolerance: f64,
    pub starts: usize,
    pub seed: u64,
}

/// What a follower, solved again, finds better for itself; nothing if all agree.
pub fn rival(context: &mut Context, whole: &[f64], asked: &Asked) -> Option<Rival> {
    let (monitor, sources) = (&*context.monitor, context.sources);
    for (k, follower) in context.followers.iter_mut().enumerate() {
        follower.level.set_outside(whole);
        let here = follower.value(&follower.level.part(whole));
        let answers = follower.answers(whole, asked.starts, asked.seed, monitor, sources);
        let Some(best) = answers.first() else { return Some(Rival::Unknown) };
        if here - follower.value(&best.x) > asked.tolerance * here.abs().max(1.0) {
            // One that is nearly the same is an inexact end of the path, not another answer.
            let apart = best.x.iter().zip(follower.level.part(whole)).fold(0.0f64, |d, (a, b)| d.max((a - b).abs()));
            return Some(match follower.convex || apart <= 1e-4 {
                true => Rival::Unknown,
                false => Rival::Better { follower: k, outcome: Box::new(best.clone()) },
            });
        }
    }
    None
}

/// A line of the log of a search that has come so far.
pub fn line(iteration: usize, best: Option<&Candidate>) -> LogLine {
    LogLine {
        iteration,
        restoration: false,
        objective: best.map_or(f64::NAN, |best| best.value),
        primal: f64::NAN,
        dual: f64::NAN,
        barrier: f64::NAN,
        step: f64::NAN,
        regularisation: f64::NAN,
        alpha_dual: f64::NAN,
        alpha_primal: f64::NAN,
        trials: 1,
        evaluations: 0,
        seconds: 0.0,
    }
}

/// What a search ends with: the best of its answers, else any point with the reason.
pub fn ended(stop: Option<Stop>, best: Option<Candidate>, rest: Option<Candidate>, start: &[f64]) -> (Vec<f64>, Stop) {
    let end = stop.unwrap_or(match best.is_some() {
        true => Stop::Converged,
        false => Stop::NoProgress("no path from any start led to a point that the followers agree with".into()),
    });
    (best.or(rest).map_or_else(|| start.to_vec(), |best| best.whole), end)
}
