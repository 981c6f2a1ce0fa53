//! Three levels, where the innermost has rows or bounds: the middle one piece by piece.
//!
//! With the conditions of what stands inside it a follower holds complementary pairs. It is not convex, and conditions of
//! its own say little of its answer. But its answer lies in one of its pieces ([`Pieces`]), and there it is the answer of an
//! ordinary problem. So for the ways `w` in which the pairs of the followers may hold
//!
//! ```text
//! min F(x, y)  s.t.  y answers its piece w for x,   f(x, y) <= f(x, y')  for the answers y' of other pieces
//! ```
//! is a problem with ordinary followers. It starts from the piece of the followers' answers at a start. Where its end is not
//! the followers' answer (they are solved again over all pieces, by branching where that proves it), the better piece
//! is tried as well, and a row bars the end: not worse than the better answer, along its branch
//! ([`crate::problem::rivals`]). Pieces that meet at an answer are tried too, and all where they are few, unless their rows
//! alone leave nothing better. Only points with which all followers agree are kept.
//!
//! Sources: Bard (1984), An investigation of the linear three level programming problem, IEEE Transactions on Systems, Man and
//! Cybernetics 14, 711-717; Mitsos, Lemonidis and Barton (2008), J. Global Optimization 42, 475-513, for the added rows.

use super::follower::{around, carry, nothing, quietly, run as run_method};
use super::kkt_relaxation::{ANSWERS, RIVALS};
use super::paths::{self, Asked, Candidate, Rival};
use super::{Context, Method};
use crate::answer::{Evaluations, Outcome, Stop};
use crate::problem::Problem;
use crate::problem::complementarity::Way;
use crate::problem::conditions::{Conditions, Form};
use crate::problem::features::{Fact, Features};
use crate::problem::pieces::Pieces;
use crate::problem::values::{Bounds, Numbers};
use crate::solve::complementarity::branching;
use crate::solve::method::Claim;
use crate::solve::options::{Default, OptionRow, Options};
use crate::solve::smooth::interior_point;
use crate::solve::view::EngineView;
use std::collections::VecDeque;

pub const METHOD: Method = Method {
    name: "inner_pieces",
    doc: "followers that hold problems with rows or bounds, one way in which those conditions may hold after the other",
    chosen: "for followers that hold others with rows or bounds",
    source: "Bard (1984), IEEE Transactions on Systems, Man and Cybernetics 14, 711-717",
    claim: Claim::Stationary,
    accepts: |nest| {
        if nest.blocks.iter().all(|block| block.pairs.is_none()) {
            return Err(Fact::new("no follower holds another one with rows or bounds"));
        }
        nest.needs_smoothness()?;
        nest.needs_optimistic_lower_blocks("this method")
    },
    options: OPTIONS,
    run,
};

const OPTIONS: &[OptionRow] = &[
    paths::STARTS,
    OptionRow {
        name: "pieces",
        doc: "the most pieces that are looked at; all are if they are no more",
        default: Default::Number { value: 24.0, least: 1.0, most: 1e6 },
    },
    paths::TOLERANCE,
];

/// Pairs count as holding both ways within this.
const NEAR: f64 = 1e-6;
/// What it may take to see whether the rows of a piece leave anything.
const ITERATIONS: usize = 60;

pub fn run(context: &mut Context) -> Outcome {
    let mut search = Search::new(context);
    let mut stop = None;
    let seed = context.options.seed;
    let bounds = Bounds::of(context.problem, &Numbers::of(context.problem));
    let mut starts = vec![context.start.clone()];
    starts.extend(around(&bounds, &context.start, search.starts - 1, seed));
    for (number, start) in starts.into_iter().enumerate() {
        let start = search.where_rows_hold(context, start);
        search.from(context, start);
        search.go_on(context);
        let line = paths::line(number, search.best.as_ref());
        let over = context.monitor.over();
        if let (std::ops::ControlFlow::Break(end), _) | (_, Some(end)) = (context.monitor.observe(line), over) {
            stop = Some(end);
            break;
        }
    }
    if stop.is_none() {
        search.all_others(context);
        search.go_on(context);
        stop = context.monitor.over();
    }
    let (whole, end) = paths::ended(stop, search.best, search.rest, &context.start);
    Outcome { iterations: search.iterations, evaluations: search.evaluations, ..nothing(whole, end) }
}

/// A piece to be looked at, and where from: a point of all variables, with the multipliers of bounds.
struct Waiting {
    held: Vec<Option<Way>>,
    whole: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// See [`Search::bound`].
    bound: f64,
}

struct Search {
    pieces: Pieces,
    waiting: VecDeque<Waiting>,
    tried: Vec<Vec<Option<Way>>>,
    starts: usize,
    most: usize,
    asked: Asked,
    options: Options,
    best: Option<Candidate>,
    /// An end that a follower does not agree with, for want of a better one.
    rest: Option<Candidate>,
    iterations: usize,
    evaluations: Evaluations,
}

impl Search {
    fn new(context: &Context) -> Search {
        let number = |name: &str| context.options.number(OPTIONS, name);
        let seed = context.options.seed;
        Search {
            pieces: Pieces::of(context.problem),
            waiting: VecDeque::new(),
            tried: vec![],
            starts: number("starts") as usize,
            most: number("pieces") as usize,
            asked: Asked { tolerance: number("tol"), starts: ANSWERS, seed },
            options: Options { set: vec![], seed },
            best: None,
            rest: None,
            iterations: 0,
            evaluations: Evaluations::default(),
        }
    }

    /// The point nearest to a start, in what the outer level decides, at which the rows of all levels hold.
    fn where_rows_hold(&mut self, context: &mut Context, start: Vec<f64>) -> Vec<f64> {
        let owners = context.problem.owners();
        let free: Vec<u32> = (0..).zip(&owners).filter(|(_, owner)| owner.is_none()).map(|(k, _)| k).collect();
        let nearest = context.problem.as_one_level().nearest_to(&start, &free);
        let found = self.of_one_level(context, &nearest, start.clone());
        if found.stop == Stop::Converged { found.x } else { start }
    }

    /// No point of a piece is better, as far as rows alone say: infinite if they leave none, or none that is found in a few
    /// iterations.
    fn bound(&mut self, context: &mut Context, held: &[Option<Way>], start: &[f64]) -> f64 {
        let piece = self.pieces.piece(context.problem, held).as_one_level();
        let features = Features::of(&piece);
        if !features.forms.linear_rows(&piece) {
            return f64::NEG_INFINITY;
        }
        let found = self.of_one_level(context, &piece, start.to_vec());
        let within = Bounds::of(&piece, &Numbers::of(&piece));
        match found.stop {
            Stop::Infeasible { .. } | Stop::IterationLimit => f64::INFINITY,
            Stop::Converged if features.forms.convex(&piece, &within).is_ok() => piece.minimised_at(&found.x),
            _ => f64::NEG_INFINITY,
        }
    }

    fn of_one_level(&mut self, context: &mut Context, problem: &Problem, start: Vec<f64>) -> Outcome {
        let method = &interior_point::METHOD;
        let mut view = EngineView::new(problem, method, &self.options, &start, context.sources);
        let options = &self.options;
        let found = quietly(context.monitor, |monitor| {
            monitor.iteration_limit = monitor.iteration_limit.min(ITERATIONS);
            run_method(&mut view, method, start, None, options, monitor)
        });
        let found = view.lift(found);
        self.count(&found);
        found
    }

    /// The piece of the followers' answers to what the outer level decides at a start.
    fn from(&mut self, context: &mut Context, start: Vec<f64>) {
        let n = start.len();
        let (mut whole, mut lower, mut upper) = (start, vec![0.0; n], vec![0.0; n]);
        for follower in &mut context.followers {
            let answers =
                follower.answers(&whole, self.asked.starts, self.asked.seed, context.monitor, context.sources);
            let Some(best) = answers.first() else { return };
            follower.put(context.problem, best, &mut whole);
            carry(&follower.level, best, &mut lower, &mut upper);
        }
        let held = self.pieces.nearest(context.problem, &whole);
        self.wait(Waiting { held, whole, lower, upper, bound: f64::NEG_INFINITY });
    }

    /// Unless it was looked at before.
    fn wait(&mut self, waiting: Waiting) {
        if !self.tried.contains(&waiting.held) {
            self.tried.push(waiting.held.clone());
            self.waiting.push_back(waiting);
        }
    }

    /// All pieces that were not looked at, where they are few.
    fn all_others(&mut self, context: &mut Context) {
        let ways = self.pieces.ways();
        let count = ways.iter().try_fold(1usize, |count, ways| count.checked_mul(ways.len().max(1)));
        if count.is_none_or(|count| count > self.most) {
            return;
        }
        let mut all: Vec<Vec<Option<Way>>> = vec![vec![]];
        for ways in &ways {
            let choices: Vec<Option<Way>> =
                if ways.is_empty() { vec![None] } else { ways.iter().copied().map(Some).collect() };
            all = all.iter().flat_map(|held| choices.iter().map(|way| [held.as_slice(), &[*way]].concat())).collect();
        }
        let whole = self.best.as_ref().map_or_else(|| context.start.clone(), |best| best.whole.clone());
        let zero = vec![0.0; whole.len()];
        let mut bounded: Vec<(f64, Vec<Option<Way>>)> = vec![];
        all.retain(|held| !self.tried.contains(held));
        for held in all {
            if context.monitor.over().is_some() {
                return;
            }
            bounded.push((self.bound(context, &held, &whole), held));
        }
        bounded.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (bound, held) in bounded.into_iter().filter(|(bound, _)| *bound < f64::INFINITY) {
            let (lower, upper) = (zero.clone(), zero.clone());
            self.wait(Waiting { held, whole: whole.clone(), lower, upper, bound });
        }
    }

    fn go_on(&mut self, context: &mut Context) {
        while let Some(next) = self.waiting.pop_front() {
            if context.monitor.over().is_some() {
                return;
            }
            let better = |best: &Candidate| next.bound < best.value - self.asked.tolerance * best.value.abs().max(1.0);
            if self.tried.len() - self.waiting.len() <= self.most && self.best.as_ref().is_none_or(better) {
                self.piece(context, next);
            }
        }
    }

    fn piece(&mut self, context: &mut Context, from: Waiting) {
        let problem = context.problem;
        let n = problem.dimension as usize;
        let mut conditions = self.pieces.piece(problem, &from.held).conditions(Form::Kkt);
        let mut start = conditions.extended(&from.whole, &from.lower, &from.upper);
        for _ in 0..=RIVALS {
            let Some(end) = self.solved(context, &conditions, start) else { return };
            let candidate = Candidate::at(problem, &end[..n]);
            // More rows leave nothing better of a piece.
            if self.best.as_ref().is_some_and(|best| candidate.value >= best.value) {
                return;
            }
            let Some(rival) = paths::rival(context, &candidate.whole, &self.asked) else {
                self.neighbours(context, &from.held, &candidate.whole);
                candidate.keep(&mut self.best);
                return;
            };
            let mut there = Waiting {
                held: vec![],
                whole: candidate.whole.clone(),
                lower: from.lower.clone(),
                upper: from.upper.clone(),
                bound: f64::NEG_INFINITY,
            };
            self.rest.get_or_insert(candidate);
            let Rival::Better { follower, outcome } = rival else { return };
            let follower = &context.followers[follower];
            let (block, instance) = (follower.block, follower.instance);
            follower.put(problem, &outcome, &mut there.whole);
            carry(&follower.level, &outcome, &mut there.lower, &mut there.upper);
            there.held = self.pieces.nearest(problem, &there.whole);
            let theirs = self.pieces.piece(problem, &there.held);
            let level = theirs.level(block, instance, &there.whole);
            let new = conditions.add_rival(&theirs, block, instance, &level, &outcome.x);
            self.wait(there);
            if new.is_empty() {
                return;
            }
            start = [end, new].concat();
        }
    }

    /// Pieces that meet at a point, as far as rows leave them something better.
    fn neighbours(&mut self, context: &mut Context, held: &[Option<Way>], whole: &[f64]) {
        let zero = vec![0.0; whole.len()];
        let nearest = self.pieces.nearest(context.problem, whole);
        for (pair, way) in self.pieces.at_a_side(context.problem, whole, NEAR) {
            let mut held = held.to_vec();
            held[pair] = if held[pair] == Some(way) { nearest[pair] } else { Some(way) };
            if self.tried.contains(&held) {
                continue;
            }
            let bound = self.bound(context, &held, whole);
            let (lower, upper) = (zero.clone(), zero.clone());
            self.wait(Waiting { held, whole: whole.to_vec(), lower, upper, bound });
        }
    }

    /// The best point of a piece, by branching where its conditions allow that, else at the end of a path.
    fn solved(&mut self, context: &mut Context, conditions: &Conditions, start: Vec<f64>) -> Option<Vec<f64>> {
        let few = conditions.problem.pairs().len() <= branching::FEW_PAIRS;
        if few && branching::METHOD.takes(&Features::of(&conditions.problem)).is_ok() {
            let method = &branching::METHOD;
            let mut view = EngineView::new(&conditions.problem, method, &self.options, &start, context.sources);
            let (options, from) = (&self.options, start.clone());
            let found = quietly(context.monitor, |monitor| run_method(&mut view, method, from, None, options, monitor));
            let found = view.lift(found);
            self.count(&found);
            match (&found.stop, &found.multipliers) {
                (Stop::Branched(_), Some(_)) => return Some(found.x),
                (Stop::Branched(_), None) => return None,
                // Not convex after all, or out of time.
                _ => {}
            }
        }
        let found = paths::path(context, conditions, start, &self.options);
        self.count(&found);
        (found.stop == Stop::Converged).then_some(found.x)
    }

    fn count(&mut self, outcome: &Outcome) {
        self.iterations += outcome.iterations;
        self.evaluations.add(&outcome.evaluations);
    }
}
