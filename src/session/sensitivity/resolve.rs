//! The check of a sensitivity by solving again: a difference of two answers at parameters moved along one direction.

use super::super::run::{after_solve, slacks};
use super::point::Point;
use crate::answer::sensitivity::{Checks, Resolved};
use crate::answer::{LogLine, Multipliers, Outcome, Stop};
use crate::diag::{Sources, Span};
use crate::expr::eval::{self, Inputs};
use crate::plan::execute::{Warm, execute};
use crate::plan::{self, Plan, Request};
use crate::problem::{Problem, Sensitivity};
use crate::solve::asked::Nobody;
use crate::solve::implicit::Linear;
use crate::solve::monitor::Monitor;
use std::ops::ControlFlow;

/// Steps that are tried, relative to the parameters: where the set of active constraints changes within the first, the
/// second is short enough.
const STEPS: [f64; 2] = [1e-4, 1e-6];

/// Solves a problem nearby, and says what is asked for at its answer.
type AskedAt<'a, 's> = dyn FnMut(&mut Solver<'a>, &Problem) -> Result<Vec<f64>, String> + 's;

/// How the problem was solved, to do it again.
pub(in crate::session) struct Solver<'a> {
    pub sources: &'a Sources,
    pub plan: &'a Plan,
    pub clock: &'a dyn Fn() -> f64,
    pub interrupted: &'a dyn Fn() -> bool,
    pub deadline: f64,
}

impl<'a> Solver<'a> {
    /// The difference quotient of what is asked for against the derivatives, for one direction that mixes all parameters;
    /// or why there is none. `asked_at` solves a problem nearby and says what is asked for at its answer.
    pub(super) fn compare(
        &mut self,
        problem: &Problem,
        asked: &Sensitivity,
        derivatives: &[f64],
        asked_at: &mut AskedAt<'a, '_>,
    ) -> Result<Resolved, String> {
        let numbers = problem.numbers_of(asked.to.source, &[]);
        let part = asked.to.offset as usize..(asked.to.offset + asked.to.count) as usize;
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if state >> 63 == 0 { 1.0 } else { -1.0 }
        };
        // A parameter that is 0 has no size of its own.
        let size_of = |p: f64| if p == 0.0 { 1.0 } else { p.abs().max(1e-2) };
        let direction: Vec<f64> = numbers[part.clone()].iter().map(|p| next() * size_of(*p)).collect();
        let columns = direction.len();
        let predicted: Vec<f64> =
            derivatives.chunks(columns).map(|row| row.iter().zip(&direction).map(|(d, v)| d * v).sum()).collect();
        // Of the movement, a hundredth of what elements of size 1 would show.
        let size = predicted.iter().fold(1e-2_f64, |most, v| most.max(v.abs()));
        let mut best: Option<Resolved> = None;
        for step in STEPS {
            let mut at = |sign: f64| {
                let mut moved = numbers.clone();
                moved[part.clone()].iter_mut().zip(&direction).for_each(|(p, d)| *p += sign * step * d);
                let mut problem = problem.clone();
                problem.replace(asked.to.source, moved);
                asked_at(self, &problem)
            };
            let (right, left) = (at(1.0)?, at(-1.0)?);
            let quotients = right.iter().zip(&left).map(|(a, b)| (a - b) / (2.0 * step));
            let error = quotients.zip(&predicted).fold(0.0_f64, |most, (q, d)| {
                let error = (q - d).abs() / size;
                if error.is_nan() { f64::INFINITY } else { most.max(error) }
            });
            if best.is_none_or(|best| error < best.error) {
                best = Some(Resolved { step, error });
            }
            if error <= Checks::ERROR {
                break;
            }
        }
        best.ok_or_else(|| "the problem was not solved again".to_string())
    }

    /// With the limits of the solve, and no lines.
    pub(super) fn monitor<'m>(&'m self, quiet: &'m mut dyn FnMut(&LogLine) -> ControlFlow<()>) -> Monitor<'m> {
        Monitor { deadline: self.deadline, ..Monitor::new(self.clock, self.interrupted, quiet) }
    }

    /// What is asked for at the answer of a problem near the one that was solved.
    pub(super) fn answer(
        &mut self,
        problem: &Problem,
        near: &Outcome,
        asked: &Sensitivity,
        linear: Linear,
    ) -> Result<Vec<f64>, String> {
        let mut found = self.solve_again(problem, &near.x, near.multipliers.clone())?;
        let unasked = Problem { solve_with: None, ..problem.clone() };
        let point = Point::of(&unasked, &found.x, found.multipliers.as_ref(), &[], linear);
        found.x = point.x[..unasked.dimension as usize].to_vec();
        found.multipliers = Some(point.multipliers());
        Ok(evaluated(&unasked, &found, asked))
    }

    /// The outcome for a problem near the one that was solved, from its answer.
    pub(super) fn solve_again(
        &mut self,
        problem: &Problem,
        x: &[f64],
        multipliers: Option<Multipliers>,
    ) -> Result<Outcome, String> {
        let failed = |why: &str| format!("not compared with solving again: {why}");
        // A follower by itself is not solved by the method of all levels.
        let alone = self.plan.nest.is_some() && problem.blocks.is_empty();
        let method = (!alone).then(|| (self.plan.method.to_string(), Span::default()));
        let set = self.plan.options.set.iter().filter(|_| !alone);
        let set = set.map(|(name, value)| (name.clone(), value.clone(), Span::default()));
        let request = Request::new(method, set.collect(), self.plan.options.seed);
        let mut unasked = problem.clone();
        unasked.solve_with = None;
        let plan = plan::plan(&unasked, &request).map_err(|_| failed("its method does not take it"))?;
        let mut quiet = |_: &LogLine| ControlFlow::Continue(());
        let mut monitor = self.monitor(&mut quiet);
        let warm = Warm { x: x.to_vec(), multipliers, added: vec![] };
        let found = execute(&unasked, &plan, Some(&warm), self.sources, &mut Nobody, &mut monitor);
        match found.stop {
            Stop::Converged | Stop::Branched(_) => Ok(found),
            _ => Err(failed("the method did not converge")),
        }
    }
}

/// The stage that is asked for, at an outcome.
pub(super) fn evaluated(problem: &Problem, outcome: &Outcome, asked: &Sensitivity) -> Vec<f64> {
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let slacks = slacks(problem, &outcome.x);
    let after = after_solve(problem, outcome, &slacks, &[]);
    let inputs = Inputs { variables: &outcome.x, params, after: &after };
    let needed = eval::needed(&problem.stages, &[asked.of]);
    eval::stages(&problem.graph, &problem.stages, &needed, &inputs).swap_remove(asked.of.0 as usize)
}
