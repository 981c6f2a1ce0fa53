//! Followers replaced by their optimality conditions, complementarity relaxed along a path.
//!
//! The problem of one level ([`Problem::conditions`]) has complementary pairs and is solved as such problems are
//! ([`relaxation`]), from several starts, each begun at an answer of the followers.
//! The conditions of a follower that is not convex are only necessary: where solving it finds an answer that is better for
//! it, the row `f(x, y) <= f(x, rival)` is added and the path is gone through again. The form of Fritz John is tried as
//! well where the conditions of Karush, Kuhn and Tucker lead nowhere.
//!
//! Sources: Scholtes (2001), SIAM J. Optimization 11, 918-936; Dempe (2002), Foundations of Bilevel Programming;
//! Mitsos, Lemonidis and Barton (2008), J. Global Optimization 42, 475-513, for the added rows.

use super::follower::{around, carry, nothing, quietly, run as run_method};
use super::{Context, Method};
use crate::answer::{Evaluations, LogLine, Outcome, Stop};
use crate::problem::conditions::{Conditions, Form};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Problem, Sense};
use crate::solve::complementarity::relaxation;
use crate::solve::method::Claim;
use crate::solve::options::{Default, OptionRow, Options, Value};
use crate::solve::view::EngineView;

pub const METHOD: Method = Method {
    name: "kkt_relaxation",
    doc: "the followers' optimality conditions with complementarity relaxed along a path, from several starts",
    chosen: "for smooth followers with or without constraints",
    source: "Scholtes (2001), SIAM Journal on Optimization 11, 918-936",
    claim: Claim::Stationary,
    accepts: |nest| {
        nest.needs_smoothness()?;
        nest.needs_no_nesting()?;
        nest.needs_optimistic_lower_blocks("this method")
    },
    options: OPTIONS,
    run,
};

const OPTIONS: &[OptionRow] = &[
    OptionRow {
        name: "starts",
        doc: "how many starting points are tried",
        default: Default::Number { value: 8.0, least: 1.0, most: 1e6 },
    },
    OptionRow {
        name: "relaxation",
        doc: "where the path begins: the products of complementary pairs may be as large as this",
        default: Default::Number { value: 1.0, least: 1e-8, most: 1e8 },
    },
    OptionRow {
        name: "tol",
        doc: "how much better a follower's other answer may be, relative to max(1, |f|)",
        default: Default::Number { value: 1e-7, least: 1e-12, most: 1e-2 },
    },
];

/// How many rivals are excluded one after the other.
const RIVALS: usize = 6;

/// Why a candidate is none.
enum Rival {
    /// A follower has a better answer.
    Better { follower: usize, outcome: Box<Outcome> },
    /// A follower does not agree, but no other answer of it is known.
    Unknown,
}

/// A point of all variables that may be the answer.
struct Candidate {
    whole: Vec<f64>,
    /// The outer objective, turned so that it is minimised.
    value: f64,
}

impl Candidate {
    /// Of a point of the conditions, which begins with all variables of the problem.
    fn of(problem: &Problem, point: &[f64]) -> Candidate {
        let whole = point[..problem.dimension as usize].to_vec();
        Candidate { value: value(problem, &whole), whole }
    }
}

pub fn run(context: &mut Context) -> Outcome {
    let mut search = Search::new(context);
    let mut stop = None;
    let starts = search.starts();
    for (number, start) in starts.into_iter().enumerate() {
        if let Some(over) = context.monitor.over() {
            stop = Some(over);
            break;
        }
        search.from(context, start);
        let line = search.line(number);
        if let std::ops::ControlFlow::Break(end) = context.monitor.observe(line) {
            stop = Some(end);
            break;
        }
    }
    search.outcome(context, stop)
}

struct Search {
    forms: Vec<Conditions>,
    options: Options,
    bounds: Bounds,
    start: Vec<f64>,
    starts: usize,
    tolerance: f64,
    seed: u64,
    best: Option<Candidate>,
    /// The end of a path that no follower agreed with, for want of a better one.
    rest: Option<Candidate>,
    iterations: usize,
    evaluations: Evaluations,
}

impl Search {
    fn new(context: &Context) -> Search {
        let problem = context.problem;
        // A multiplier that is used outside has no meaning where the objective has no weight.
        let mut forms = vec![problem.conditions(Form::Kkt)];
        if context.followers.iter().any(|f| !f.level.rows.is_empty()) {
            forms.push(problem.conditions(Form::FritzJohn));
        }
        let seed = context.options.seed;
        Search {
            forms,
            options: Options {
                set: vec![("relaxation".to_string(), Value::Number(context.options.number(OPTIONS, "relaxation")))],
                seed,
            },
            bounds: Bounds::of(problem, &Numbers::of(problem)),
            start: context.start.clone(),
            starts: context.options.number(OPTIONS, "starts") as usize,
            tolerance: context.options.number(OPTIONS, "tol"),
            seed,
            best: None,
            rest: None,
            iterations: 0,
            evaluations: Evaluations::default(),
        }
    }

    /// The given start, then points drawn within the bounds.
    fn starts(&self) -> Vec<Vec<f64>> {
        let mut all = vec![self.start.clone()];
        all.extend(around(&self.bounds, &self.start, self.starts - 1, self.seed));
        all
    }

    /// Goes along the path from a start, in each form of the conditions until one leads to an answer.
    fn from(&mut self, context: &mut Context, start: Vec<f64>) {
        let problem = context.problem;
        let n = problem.dimension as usize;
        let (mut whole, mut lower, mut upper) = (start, vec![0.0; n], vec![0.0; n]);
        for follower in &mut context.followers {
            let own = follower.level.part(&whole);
            let outcome = follower.solve_from(&whole, own, None, context.monitor, context.sources);
            if outcome.stop != Stop::Converged {
                continue;
            }
            follower.put(problem, &outcome, &mut whole);
            carry(&follower.level, &outcome, &mut lower, &mut upper);
        }
        for form in 0..self.forms.len() {
            let mut conditions = self.forms[form].clone();
            let mut starts = vec![conditions.extended(&whole, &lower, &upper)];
            let mut added: Vec<f64> = vec![];
            for _ in 0..=RIVALS {
                let mut ends: Vec<Vec<f64>> =
                    starts.drain(..).filter_map(|start| self.path(context, &conditions, start)).collect();
                // The best first: if its follower agrees, the others do not matter.
                ends.sort_by(|a, b| value(problem, &a[..n]).total_cmp(&value(problem, &b[..n])));
                let mut ends = ends.into_iter();
                let Some(end) = ends.next() else { break };
                let candidate = Candidate::of(problem, &end);
                let Some(rival) = self.rival(context, &candidate) else {
                    self.keep(candidate);
                    return;
                };
                for other in ends {
                    let other = Candidate::of(problem, &other);
                    if self.rival(context, &other).is_none() {
                        self.keep(other);
                    }
                }
                let mut there = candidate.whole.clone();
                self.rest.get_or_insert(candidate);
                let Rival::Better { follower, outcome } = rival else { break };
                let follower = &context.followers[follower];
                let (block, instance) = (follower.block, follower.instance);
                let new = conditions.add_rival(problem, block, instance, &follower.level, &outcome.x);
                if new.is_empty() {
                    break;
                }
                // On from where the follower has the better answer, and from where the path ended: the first leads along
                // the other branch of answers, the second to where both are equally good.
                follower.put(problem, &outcome, &mut there);
                carry(&follower.level, &outcome, &mut lower, &mut upper);
                added.extend(&new);
                let better = [conditions.extended(&there, &lower, &upper), added.clone()].concat();
                starts = vec![better, [end, new].concat()];
            }
        }
    }

    /// The end of a path, exact; nothing where it leads nowhere.
    fn path(&mut self, context: &mut Context, conditions: &Conditions, point: Vec<f64>) -> Option<Vec<f64>> {
        let method = &relaxation::METHOD;
        let mut view = EngineView::new(&conditions.problem, method, &self.options, &point, context.sources);
        let outcome =
            quietly(context.monitor, |monitor| run_method(&mut view, method, point, None, &self.options, monitor));
        let outcome = view.lift(outcome);
        self.count(&outcome);
        (outcome.stop == Stop::Converged).then_some(outcome.x)
    }

    /// What a follower, solved again, finds better for itself; nothing if all agree.
    fn rival(&self, context: &mut Context, candidate: &Candidate) -> Option<Rival> {
        let (whole, seed) = (&candidate.whole, self.seed);
        let (monitor, sources) = (&*context.monitor, context.sources);
        for (k, follower) in context.followers.iter_mut().enumerate() {
            follower.level.set_outside(whole);
            let here = follower.value(&follower.level.part(whole));
            let answers = follower.answers(whole, 8, seed, monitor, sources);
            let Some(best) = answers.first() else { return Some(Rival::Unknown) };
            if here - follower.value(&best.x) > self.tolerance * here.abs().max(1.0) {
                // One that is nearly the same is an inexact end of the path, not another answer.
                let apart =
                    best.x.iter().zip(follower.level.part(whole)).fold(0.0f64, |d, (a, b)| d.max((a - b).abs()));
                return Some(match follower.convex || apart <= 1e-4 {
                    true => Rival::Unknown,
                    false => Rival::Better { follower: k, outcome: Box::new(best.clone()) },
                });
            }
        }
        None
    }

    fn keep(&mut self, candidate: Candidate) {
        if self.best.as_ref().is_none_or(|best| candidate.value < best.value) {
            self.best = Some(candidate);
        }
    }

    fn count(&mut self, outcome: &Outcome) {
        self.iterations += outcome.iterations;
        self.evaluations.add(&outcome.evaluations);
    }

    fn line(&self, iteration: usize) -> LogLine {
        LogLine {
            iteration,
            restoration: false,
            objective: self.best.as_ref().map_or(f64::NAN, |best| best.value),
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

    fn outcome(self, context: &Context, stop: Option<Stop>) -> Outcome {
        let found = self.best.is_some();
        let end = stop.unwrap_or(match found {
            true => Stop::Converged,
            false => Stop::NoProgress("no path from any start led to a point that the followers agree with".into()),
        });
        let best = self.best.or(self.rest);
        let whole = best.map_or_else(|| context.start.clone(), |best| best.whole);
        Outcome { iterations: self.iterations, evaluations: self.evaluations, ..nothing(whole, end) }
    }
}

/// The objective of the outermost level, turned so that it is minimised.
pub fn value(problem: &Problem, whole: &[f64]) -> f64 {
    let Some(objective) = problem.objectives.first() else { return 0.0 };
    let needed = crate::expr::eval::needed(&problem.stages, &[objective.stage]);
    let params = problem.params.iter().map(|p| p.values.as_slice()).collect();
    let inputs = crate::expr::eval::Inputs { variables: whole, params, after: &[] };
    let stages = crate::expr::eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
    let value = stages[objective.stage.0 as usize][0];
    if objective.sense == Sense::Maximize { -value } else { value }
}
