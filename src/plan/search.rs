//! Carries a plan with a black-box method out: what the method asks about, and who answers.

use super::{Plan, request};
use crate::answer::{Evaluations, LogLine, Outcome, Stop};
use crate::diag::Sources;
use crate::problem::{Problem, Sense, oracles};
use crate::solve::asked::{Free, Limits, OfAnswers, OfFunctions, Oracles, Ranked, Valued};
use crate::solve::behaviour::Behaviour;
use crate::solve::black_box::search::{Found, Rank, Search, Space};
use crate::solve::feasible::{Keeping, Rows};
use crate::solve::method::{Method, Run};
use crate::solve::monitor::Monitor;
use crate::solve::nlp::Nlp;
use crate::solve::view::EngineView;
use std::cell::Cell;

/// Searches `shown` from `start`. The outcome is in its own numbering and signs.
pub(super) fn run(
    shown: &Problem,
    method: &Method,
    plan: &Plan,
    start: &[f64],
    sources: &Sources,
    oracles: &mut dyn Oracles,
    monitor: &mut Monitor,
) -> Outcome {
    let free = Free::of(shown, start);
    let begin = free.reduce(start);
    let seen = Cell::new(f64::NAN);
    let maximised = shown.objectives.first().is_some_and(|o| o.sense == Sense::Maximize);
    let sign = if maximised { -1.0 } else { 1.0 };
    let asked = |name: &str| plan.options.number(request::ASKING, name);
    let (budget, target) = (asked("budget"), sign * asked("target"));
    let limits = Limits { budget, target: if target.is_nan() { f64::NEG_INFINITY } else { target } };
    let mut evaluations = Evaluations::default();
    let meter = monitor.meter.clone();
    let before = meter.get();
    let behaviour = || {
        let name = plan.options.named(request::BEHAVIOUR)?;
        Behaviour::of(shown, name, &free, &meter)
    };
    let rows = Rows::of(shown, &free);
    let mut run = Running { method, plan, space: &free.space, begin: &begin, seen: &seen, monitor, rows };
    let found = match oracles::ranked(shown) {
        Ok(Some(order)) => {
            let mut asked = Ranked::new(shown, order, &free, oracles, limits.budget, &meter);
            asked.behaviour = behaviour();
            let found = run.keeping_rows(&mut asked);
            asked.judged(found)
        }
        Ok(None) | Err(_) if plan.asked => {
            let mut objective = OfAnswers::new(shown, &free, oracles, &meter);
            let mut asked = Valued::new(&mut objective, &free.space, limits, &seen);
            asked.behaviour = behaviour();
            run.with_values(&mut asked)
        }
        Ok(None) | Err(_) => {
            let mut view = EngineView::new(shown, method, &plan.options, start, sources).counting(&meter);
            let mut objective = OfFunctions(&mut view);
            let mut asked = Valued::new(&mut objective, &free.space, limits, &seen);
            asked.behaviour = behaviour();
            let found = run.with_values(&mut asked);
            evaluations = view.evaluations();
            found
        }
    };
    if !shown.oracles.is_empty() {
        let Evaluations { objective, gradient, constraints, jacobian, hessian, product, asked: _ } = evaluations;
        let computed = objective + gradient + constraints + jacobian + hessian + product;
        evaluations.asked = (meter.get() - before).saturating_sub(computed);
    }
    let log = std::mem::take(&mut monitor.log).into_iter();
    let log = log.map(|line| LogLine { objective: sign * line.objective, ..line }).collect();
    let x = free.lift(&free.space.settle(&found.x));
    Outcome { x, multipliers: None, stop: found.stop, iterations: found.iterations, evaluations, log }
}

struct Running<'a, 'm> {
    method: &'a Method,
    plan: &'a Plan,
    space: &'a Space,
    begin: &'a [f64],
    seen: &'a Cell<f64>,
    monitor: &'a mut Monitor<'m>,
    /// What candidates must keep beside bounds; methods of values are given no problem that has some.
    rows: Option<Rows<'a>>,
}

impl Running<'_, '_> {
    /// A search in which candidates that break rows are never asked about, and are no answer where others were seen.
    fn keeping_rows(&mut self, asked: &mut dyn Rank) -> Found {
        let Some(rows) = self.rows.take() else { return self.by_rank(asked) };
        let mut keeping = Keeping::new(rows, asked);
        let found = self.by_rank(&mut keeping);
        Found { x: keeping.kept(found.x), ..found }
    }

    fn by_rank(&mut self, asked: &mut dyn Rank) -> Found {
        match self.method.run {
            Run::ByRank(run) => {
                run(&mut Search::new(self.space, self.begin, asked, &self.plan.options, self.monitor, self.seen))
            }
            Run::ByValue(_) | Run::Functions(_) => {
                let stop = Stop::Failed(format!("{} needs more than ranks", self.method.name));
                Found { x: self.begin.to_vec(), stop, iterations: 0 }
            }
        }
    }

    /// The best candidate that was seen is the answer, whatever the method thinks of it.
    fn with_values(&mut self, asked: &mut Valued) -> Found {
        let mut found = match self.method.run {
            Run::ByValue(run) => {
                run(&mut Search::new(self.space, self.begin, asked, &self.plan.options, self.monitor, self.seen))
            }
            Run::ByRank(_) | Run::Functions(_) => self.keeping_rows(asked),
        };
        if let Some((x, _)) = asked.best.take() {
            found.x = x;
        }
        found
    }
}
