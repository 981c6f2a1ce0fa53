//! Followers replaced by their optimality conditions, complementarity relaxed along a path.
//!
//! The problem of one level ([`conditions`](crate::problem::Problem::conditions)) has complementary pairs and is solved as
//! such problems are ([`crate::solve::complementarity::relaxation`]), from several starts, each begun at an answer of the
//! followers.
//! The conditions of a follower that is not convex are only necessary: where solving it finds an answer that is better for
//! it, the row `f(x, y) <= f(x, rival)` is added and the path is gone through again. The form of Fritz John is tried as
//! well where the conditions of Karush, Kuhn and Tucker lead nowhere.
//!
//! Sources: Scholtes (2001), SIAM J. Optimization 11, 918-936; Dempe (2002), Foundations of Bilevel Programming;
//! Mitsos, Lemonidis and Barton (2008), J. Global Optimization 42, 475-513, for the added rows.

use super::follower::{around, carry, nothing};
use super::paths::{self, Asked, Candidate, Rival};
use super::{Context, Method, given};
use crate::answer::{Evaluations, Outcome, Stop};
use crate::problem::conditions::{Conditions, Form};
use crate::problem::values::{Bounds, Numbers};
use crate::solve::method::Claim;
use crate::solve::options::{Default, OptionRow, Options, Value};

pub const METHOD: Method = Method {
    name: "kkt_relaxation",
    doc: "the followers' optimality conditions with complementarity relaxed along a path, from several starts",
    chosen: "for smooth followers with or without constraints",
    source: "Scholtes (2001), SIAM Journal on Optimization 11, 918-936",
    claim: Claim::Stationary,
    accepts: |nest| {
        nest.needs_smoothness()?;
        nest.needs_no_pairs_in_blocks()?;
        nest.needs_optimistic_lower_blocks("this method")
    },
    options: OPTIONS,
    run,
};

const OPTIONS: &[OptionRow] = &[
    paths::STARTS,
    OptionRow {
        name: "relaxation",
        doc: "where the path begins: the products of complementary pairs may be as large as this",
        default: Default::Number { value: 1.0, least: 1e-8, most: 1e8 },
    },
    paths::TOLERANCE,
];

/// How many rivals are excluded one after the other.
pub const RIVALS: usize = 6;

/// From how many starts a follower that is not convex is solved again.
pub const ANSWERS: usize = 8;

/// Where a path begins, with the outer variables of a start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// At what the followers answer.
    Answers,
    /// At what the model gives of the followers' variables and multipliers.
    Given,
}

pub fn run(context: &mut Context) -> Outcome {
    let mut search = Search::new(context);
    let mut stop = None;
    let mut starts: Vec<(Vec<f64>, Begin)> = search.starts().into_iter().map(|start| (start, Begin::Answers)).collect();
    if context.followers.iter().any(|f| given::begins(context.problem, f.block)) {
        starts.insert(0, (context.start.clone(), Begin::Given));
    }
    for (number, (start, begin)) in starts.into_iter().enumerate() {
        if let Some(over) = context.monitor.over() {
            stop = Some(over);
            break;
        }
        search.from(context, start, begin);
        let line = paths::line(number, search.best.as_ref());
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
    asked: Asked,
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
            asked: Asked { tolerance: context.options.number(OPTIONS, "tol"), starts: ANSWERS, seed },
            best: None,
            rest: None,
            iterations: 0,
            evaluations: Evaluations::default(),
        }
    }

    /// The given start, then points drawn within the bounds.
    fn starts(&self) -> Vec<Vec<f64>> {
        let mut all = vec![self.start.clone()];
        all.extend(around(&self.bounds, &self.start, self.starts - 1, self.asked.seed));
        all
    }

    /// Goes along the path from a start, in each form of the conditions until one leads to an answer.
    fn from(&mut self, context: &mut Context, start: Vec<f64>, begin: Begin) {
        let problem = context.problem;
        let n = problem.dimension as usize;
        let (mut whole, mut lower, mut upper) = (start, vec![0.0; n], vec![0.0; n]);
        for follower in &mut context.followers {
            let own = follower.level.part(&whole);
            if begin == Begin::Given {
                let multipliers = given::multipliers(problem, follower, &whole);
                let given = Outcome { multipliers: Some(multipliers), ..nothing(own, Stop::Converged) };
                carry(&follower.level, &given, &mut lower, &mut upper);
                continue;
            }
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
                ends.sort_by(|a, b| problem.minimised_at(&a[..n]).total_cmp(&problem.minimised_at(&b[..n])));
                let mut ends = ends.into_iter();
                let Some(end) = ends.next() else { break };
                let candidate = Candidate::at(problem, &end[..n]);
                let Some(rival) = paths::rival(context, &candidate.whole, &self.asked) else {
                    candidate.keep(&mut self.best);
                    return;
                };
                for other in ends {
                    let other = Candidate::at(problem, &other[..n]);
                    if paths::rival(context, &other.whole, &self.asked).is_none() {
                        other.keep(&mut self.best);
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
        let outcome = paths::path(context, conditions, point, &self.options);
        self.count(&outcome);
        (outcome.stop == Stop::Converged).then_some(outcome.x)
    }

    fn count(&mut self, outcome: &Outcome) {
        self.iterations += outcome.iterations;
        self.evaluations.add(&outcome.evaluations);
    }

    fn outcome(self, context: &Context, stop: Option<Stop>) -> Outcome {
        let (whole, end) = paths::ended(stop, self.best, self.rest, &context.start);
        Outcome { iterations: self.iterations, evaluations: self.evaluations, ..nothing(whole, end) }
    }
}
