//! Small problems of our own, made from the one that went wrong, solved by the methods that there are.

use crate::answer::certificate::Proved;
use crate::answer::{Evaluations, LogLine, Outcome, Stop};
use crate::certify::{self, JudgeOptions};
use crate::diag::Sources;
use crate::plan::execute::{Warm, execute};
use crate::plan::{self, Request};
use crate::problem::Problem;
use crate::solve::asked::Nobody;
use crate::solve::monitor::Monitor;
use std::ops::ControlFlow;

/// Iterations of one small problem.
const ITERATIONS: usize = 500;

/// What may be spent, and how results are judged.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    pub clock: &'a dyn Fn() -> f64,
    pub interrupted: &'a dyn Fn() -> bool,
    /// In seconds of `clock`.
    pub deadline: f64,
    pub judge: JudgeOptions,
}

impl Limits<'_> {
    pub fn over(&self) -> bool {
        (self.interrupted)() || (self.clock)() > self.deadline
    }
}

/// What the planner's method makes of a problem from a point; nothing if no method takes it or time is over.
pub fn solve(problem: &Problem, x: Vec<f64>, limits: &Limits) -> Option<Outcome> {
    if limits.over() {
        return None;
    }
    let mut request = Request::new(None, vec![], 0);
    request.starts = Some(1);
    let plan = plan::plan(problem, &request).ok()?;
    let mut quiet = |_: &LogLine| ControlFlow::Continue(());
    let mut monitor = Monitor {
        iteration_limit: ITERATIONS,
        deadline: limits.deadline,
        ..Monitor::new(limits.clock, limits.interrupted, &mut quiet)
    };
    let warm = Warm { x, ..Warm::default() };
    Some(execute(problem, &plan, Some(&warm), &Sources::default(), &mut Nobody, &mut monitor))
}

/// Only the rows and bounds of a problem: whether there is a point, not which one is best.
pub fn without_objective(problem: &Problem) -> Problem {
    let mut out = problem.clone();
    out.objectives.clear();
    out.shows.clear();
    out.ensures.clear();
    out.named.clear();
    out.solve_with = None;
    out
}

/// Whether the judge finds that a point meets all rows and bounds of a problem without an objective.
pub fn is_met(problem: &Problem, x: &[f64], judge: &JudgeOptions) -> bool {
    let certificate = certify::judge(problem, &ended(x, Stop::Converged), judge);
    certificate.holds() && certificate.proved == Proved::Satisfied
}

/// An outcome that says no more than a point and an end.
pub fn ended(x: &[f64], stop: Stop) -> Outcome {
    let evaluations = Evaluations::default();
    Outcome { x: x.to_vec(), multipliers: None, stop, iterations: 0, evaluations, log: vec![] }
}
