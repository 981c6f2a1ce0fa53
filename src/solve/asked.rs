//! Problems as black-box methods see them: what is behind [`Rank`] and [`Values`].
//!
//! Three things can be: functions of the model, of which only values are handed on ([`OfFunctions`]); a model whose
//! objective reads numbers that oracles give ([`OfAnswers`]); and an oracle that ranks ([`Ranked`]). [`Valued`] keeps what
//! holds for the first two alike: budgets, a target, and the best candidate that was seen.

use super::behaviour::Behaviour;
use super::black_box::ranking::Ranking;
use super::black_box::search::{Found, Rank, Space, Values};
use super::monitor::Meter;
use super::nlp::Nlp;
use crate::ad::Evaluator;
use crate::answer::Stop;
use crate::problem::oracles::{self, Ranked as Order};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Kind, Problem, Sense};
use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Who answers: the outside, or what stands for it. An error ends the solve.
pub trait Oracles {
    /// Writes a number for each question; where it ends early, for those that were answered, and NaN for the others.
    fn values(&mut self, oracle: usize, questions: &[Vec<f64>], need: Need, out: &mut [f64]) -> Result<(), Stop>;
    /// The greatest first; at least the `best` greatest are told apart.
    fn ranking(&mut self, oracle: usize, candidates: &[Vec<f64>], best: usize, need: Need) -> Result<Ranking, Stop>;
}

/// Which answers serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// As the user says of all questions: those that are known, or new ones.
    Usual,
    /// Answers that this run has not used yet; of this many values the mean.
    Fresh(usize),
}

impl Need {
    /// How many answers are used up.
    fn count(self) -> usize {
        match self {
            Need::Usual => 1,
            Need::Fresh(count) => count,
        }
    }
}

/// For problems that ask nobody.
pub struct Nobody;

impl Oracles for Nobody {
    fn values(&mut self, _oracle: usize, _questions: &[Vec<f64>], _need: Need, _out: &mut [f64]) -> Result<(), Stop> {
        Err(Stop::Oracle("nobody answers here".to_string()))
    }

    fn ranking(
        &mut self,
        _oracle: usize,
        _candidates: &[Vec<f64>],
        _best: usize,
        _need: Need,
    ) -> Result<Ranking, Stop> {
        Err(Stop::Oracle("nobody answers here".to_string()))
    }
}

/// A function to be minimised of which only values are known.
pub trait Objective {
    /// Writes the value of each point; where it ends early, of those that are known, and NaN for the others.
    fn values(&mut self, points: &[Vec<f64>], need: Need, out: &mut [f64]) -> Result<(), Stop>;
    fn behaviours(&mut self, behaviour: &mut Behaviour, points: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Stop>;
    /// After a first batch without a finite value: where it comes from.
    fn explain(&mut self, x: &[f64]) -> Option<String>;
}

/// Limits of what is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Candidates.
    pub budget: f64,
    /// A value, to be minimised, at which nothing better is wanted.
    pub target: f64,
}

/// Values of candidates, and the best candidate that was seen.
pub struct Valued<'a> {
    objective: &'a mut dyn Objective,
    space: &'a Space,
    limits: Limits,
    asked: usize,
    /// Some candidate has a value.
    answered: bool,
    /// Single values show nothing.
    doubted: bool,
    /// Settled, with its value.
    pub best: Option<(Vec<f64>, f64)>,
    seen: &'a Cell<f64>,
    pub behaviour: Option<Behaviour<'a>>,
}

impl<'a> Valued<'a> {
    pub fn new(objective: &'a mut dyn Objective, space: &'a Space, limits: Limits, seen: &'a Cell<f64>) -> Valued<'a> {
        Valued {
            objective,
            space,
            limits,
            asked: 0,
            answered: false,
            doubted: false,
            best: None,
            seen,
            behaviour: None,
        }
    }

    /// Ends the search where the best is as good as is wanted.
    fn reached(&self) -> Result<(), Stop> {
        match self.best.as_ref().is_some_and(|(_, least)| *least <= self.limits.target) {
            true => Err(Stop::Finished),
            false => Ok(()),
        }
    }
}

impl Values for Valued<'_> {
    fn values(&mut self, candidates: &[Vec<f64>]) -> Result<Vec<f64>, Stop> {
        let left = (self.limits.budget - self.asked as f64).max(0.0);
        // What is left of the budget is spent, so that the best candidate is the best of all that were paid for.
        let affordable = if left < candidates.len() as f64 { left as usize } else { candidates.len() };
        let points: Vec<Vec<f64>> = candidates[..affordable].iter().map(|x| self.space.settle(x)).collect();
        let mut values = vec![f64::NAN; affordable];
        let ended = self.objective.values(&points, Need::Usual, &mut values);
        self.asked += affordable;
        self.answered |= values.iter().any(|value| value.is_finite());
        for (x, &value) in points.iter().zip(&values).filter(|_| !self.doubted) {
            if value.is_finite() && self.best.as_ref().is_none_or(|(_, least)| value < *least) {
                self.best = Some((x.clone(), value));
                self.seen.set(value);
            }
        }
        ended?;
        if !self.answered
            && let Some(x) = points.first()
        {
            let why = self.objective.explain(x);
            return Err(Stop::NotFinite(
                why.unwrap_or_else(|| "no candidate of the first batch has a value".to_string()),
            ));
        }
        self.reached()?;
        if affordable < candidates.len() { Err(Stop::Budget) } else { Ok(values) }
    }
}

impl Rank for Valued<'_> {
    fn rank(&mut self, candidates: &[Vec<f64>], best: usize) -> Result<Ranking, Stop> {
        Ok(Ranking::of_values(&self.values(candidates)?, best))
    }

    fn prove(&mut self, candidates: &[Vec<f64>], trials: usize) -> Result<Ranking, Stop> {
        let cost = candidates.len() * trials;
        if (self.asked + cost) as f64 > self.limits.budget {
            return Err(Stop::Budget);
        }
        self.asked += cost;
        let points: Vec<Vec<f64>> = candidates.iter().map(|x| self.space.settle(x)).collect();
        let mut means = vec![f64::NAN; points.len()];
        self.objective.values(&points, Need::Fresh(trials), &mut means)?;
        let ranking = Ranking::of_values(&means, points.len());
        let winner = ranking.winner();
        if means[winner].is_finite() {
            self.best = Some((points[winner].clone(), means[winner]));
            self.seen.set(means[winner]);
        }
        self.reached()?;
        Ok(ranking)
    }

    fn doubt(&mut self) {
        self.doubted = true;
    }

    fn behaviours(&mut self, candidates: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Stop> {
        let behaviour = self.behaviour.as_mut().ok_or_else(none_named)?;
        let points: Vec<Vec<f64>> = candidates.iter().map(|x| self.space.settle(x)).collect();
        self.objective.behaviours(behaviour, &points)
    }
}

/// A method asked for behaviours although the model names none.
fn none_named() -> Stop {
    Stop::Failed("nothing says what a behaviour is".to_string())
}

/// The objective of an [`Nlp`].
pub struct OfFunctions<'a>(pub &'a mut dyn Nlp);

impl Objective for OfFunctions<'_> {
    fn values(&mut self, points: &[Vec<f64>], _need: Need, out: &mut [f64]) -> Result<(), Stop> {
        out.iter_mut().zip(points).for_each(|(value, x)| *value = self.0.objective(x));
        Ok(())
    }

    fn behaviours(&mut self, behaviour: &mut Behaviour, points: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Stop> {
        behaviour.at(points, &mut Nobody)
    }

    fn explain(&mut self, x: &[f64]) -> Option<String> {
        self.0.explain_not_finite(x)
    }
}

/// The variables of a problem that are not fixed, as a box, and the way back.
pub struct Free {
    pub space: Space,
    /// All variables, the fixed ones at their values.
    full: Vec<f64>,
    variables: Vec<u32>,
}

impl Free {
    pub fn of(problem: &Problem, start: &[f64]) -> Free {
        let bounds = Bounds::of(problem, &Numbers::of(problem));
        let is_fixed = |k: usize| bounds.lower[k] == bounds.upper[k];
        let variables: Vec<u32> = (0..problem.dimension).filter(|k| !is_fixed(*k as usize)).collect();
        let full = (0..start.len()).map(|k| if is_fixed(k) { bounds.lower[k] } else { start[k] }).collect();
        let mut integer = vec![false; start.len()];
        for v in problem.variables.iter().filter(|v| v.kind != Kind::Real) {
            integer[v.offset as usize..v.offset as usize + v.axes.len()].fill(true);
        }
        let kept = |values: &[f64]| variables.iter().map(|k| values[*k as usize]).collect();
        let space = Space {
            lower: kept(&bounds.lower),
            upper: kept(&bounds.upper),
            integer: variables.iter().map(|k| integer[*k as usize]).collect(),
        };
        Free { space, full, variables }
    }

    pub fn reduce(&self, x: &[f64]) -> Vec<f64> {
        self.variables.iter().map(|k| x[*k as usize]).collect()
    }

    pub fn lift(&self, x: &[f64]) -> Vec<f64> {
        let mut full = self.full.clone();
        self.variables.iter().zip(x).for_each(|(k, v)| full[*k as usize] = *v);
        full
    }
}

/// From variables to the questions of some calls.
pub(super) struct Questions {
    evaluator: Evaluator,
    /// Of each call: its oracle, its instances, and the width of a question.
    calls: Vec<(usize, usize, usize)>,
    buffer: Vec<f64>,
}

impl Questions {
    pub(super) fn of(problem: &Problem, calls: &[u32]) -> Questions {
        let evaluator = Evaluator::new(&oracles::questions(problem, calls));
        let shape = |&call: &u32| {
            let rows = problem.calls[call as usize].rows as usize;
            (problem.calls[call as usize].oracle as usize, rows, problem.oracle_of(call).width())
        };
        Questions { buffer: vec![0.0; evaluator.rows()], evaluator, calls: calls.iter().map(shape).collect() }
    }

    /// For each call, its questions.
    fn at(&mut self, x: &[f64]) -> Vec<Vec<Vec<f64>>> {
        self.evaluator.constraints(x, &mut self.buffer);
        let mut rest = &self.buffer[..];
        let mut out = vec![];
        for &(_, rows, width) in &self.calls {
            let (here, after) = rest.split_at(rows * width);
            rest = after;
            out.push((0..rows).map(|r| here[r * width..(r + 1) * width].to_vec()).collect());
        }
        out
    }

    /// Appends to each point what the calls answer there, NaN where nobody did. All points are asked about in one go, oracle
    /// by oracle.
    pub(super) fn answer(
        &mut self,
        points: &mut [Vec<f64>],
        oracles: &mut dyn Oracles,
        need: Need,
        meter: &Meter,
    ) -> Result<(), Stop> {
        let asked: Vec<Vec<Vec<Vec<f64>>>> = points.iter().map(|x| self.at(x)).collect();
        let mut ended = Ok(());
        for (k, &(oracle, rows, _)) in self.calls.iter().enumerate() {
            let batch: Vec<Vec<f64>> = asked.iter().flat_map(|of_point| of_point[k].iter().cloned()).collect();
            let mut answers = vec![f64::NAN; batch.len()];
            // Whoever failed is not asked more, but what the others said of a point may be all that it needs.
            if ended.is_ok() {
                ended = oracles.values(oracle, &batch, need, &mut answers);
                let answered = match ended {
                    Ok(()) => batch.len(),
                    Err(_) => answers.iter().filter(|answer| !answer.is_nan()).count(),
                };
                (0..answered * need.count()).for_each(|_| meter.count());
            }
            for (k, point) in points.iter_mut().enumerate() {
                point.extend_from_slice(&answers[k * rows..(k + 1) * rows]);
            }
        }
        ended
    }
}

/// An objective that reads numbers which oracles give.
pub struct OfAnswers<'a> {
    oracles: &'a mut dyn Oracles,
    free: &'a Free,
    questions: Questions,
    composed: Evaluator,
    sign: f64,
    meter: Meter,
}

impl<'a> OfAnswers<'a> {
    pub fn new(problem: &Problem, free: &'a Free, oracles: &'a mut dyn Oracles, meter: &Meter) -> OfAnswers<'a> {
        let calls = oracles::asked(problem);
        let maximised = problem.objectives.first().is_some_and(|o| o.sense == Sense::Maximize);
        OfAnswers {
            oracles,
            free,
            questions: Questions::of(problem, &calls),
            composed: Evaluator::new(&oracles::composed(problem, &calls)),
            sign: if maximised { -1.0 } else { 1.0 },
            meter: meter.clone(),
        }
    }
}

impl Objective for OfAnswers<'_> {
    fn values(&mut self, points: &[Vec<f64>], need: Need, out: &mut [f64]) -> Result<(), Stop> {
        let mut inputs: Vec<Vec<f64>> = points.iter().map(|x| self.free.lift(x)).collect();
        let ended = self.questions.answer(&mut inputs, self.oracles, need, &self.meter);
        out.iter_mut().zip(&inputs).for_each(|(value, input)| *value = self.sign * self.composed.objective(input));
        ended
    }

    fn behaviours(&mut self, behaviour: &mut Behaviour, points: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Stop> {
        behaviour.at(points, self.oracles)
    }

    fn explain(&mut self, _x: &[f64]) -> Option<String> {
        Some(
            "neither the answers of the oracle nor what the model makes of them is finite at any candidate".to_string(),
        )
    }
}

/// An oracle that ranks the candidates of a problem.
pub struct Ranked<'a> {
    oracles: &'a mut dyn Oracles,
    free: &'a Free,
    questions: Questions,
    /// The least of the oracle's order is wanted.
    least_wanted: bool,
    budget: f64,
    asked: usize,
    /// Hashes of all candidates that stood in an order that was answered.
    seen: HashSet<u64>,
    /// The winner of the last order.
    winner: Option<Vec<f64>>,
    meter: Meter,
    pub behaviour: Option<Behaviour<'a>>,
}

impl<'a> Ranked<'a> {
    pub fn new(
        problem: &Problem,
        order: Order,
        free: &'a Free,
        oracles: &'a mut dyn Oracles,
        budget: f64,
        meter: &Meter,
    ) -> Ranked<'a> {
        let minimised = problem.objectives.first().is_some_and(|o| o.sense == Sense::Minimize);
        let questions = Questions::of(problem, &[order.call]);
        Ranked {
            oracles,
            free,
            questions,
            least_wanted: minimised != order.reversed,
            budget,
            asked: 0,
            seen: HashSet::new(),
            winner: None,
            meter: meter.clone(),
            behaviour: None,
        }
    }

    /// An answer that somebody has judged: what a method holds to be best if that stood in an order, else the better one of
    /// it and the winner of the last order, or that winner where no more is to be asked.
    pub fn judged(&mut self, found: Found) -> Found {
        let x = self.free.space.settle(&found.x);
        let Some(winner) = self.winner.clone() else { return found };
        if self.seen.contains(&hash(&x)) {
            return found;
        }
        let may_ask = matches!(found.stop, Stop::Finished | Stop::Converged);
        let mut pair = vec![winner, x];
        let best = match may_ask {
            true => self.order(&pair, 1, Need::Usual).map_or(0, |ranking| ranking.winner()),
            false => 0,
        };
        Found { x: pair.swap_remove(best), ..found }
    }
}

/// Of numbers as they are written.
fn hash(x: &[f64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    x.iter().for_each(|v| (v + 0.0).to_bits().hash(&mut hasher));
    hasher.finish()
}

impl Rank for Ranked<'_> {
    fn rank(&mut self, candidates: &[Vec<f64>], best: usize) -> Result<Ranking, Stop> {
        self.order(candidates, best, Need::Usual)
    }

    fn prove(&mut self, candidates: &[Vec<f64>], trials: usize) -> Result<Ranking, Stop> {
        let mut places = vec![0.0; candidates.len()];
        for _ in 0..trials {
            let ranking = self.order(candidates, candidates.len(), Need::Fresh(1))?;
            places.iter_mut().zip(&ranking.places).for_each(|(sum, place)| *sum += *place as f64);
        }
        Ok(Ranking::of_values(&places, candidates.len()))
    }

    fn doubt(&mut self) {}

    fn behaviours(&mut self, candidates: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Stop> {
        let behaviour = self.behaviour.as_mut().ok_or_else(none_named)?;
        let points: Vec<Vec<f64>> = candidates.iter().map(|x| self.free.space.settle(x)).collect();
        behaviour.at(&points, self.oracles)
    }
}

impl Ranked<'_> {
    fn order(&mut self, candidates: &[Vec<f64>], best: usize, need: Need) -> Result<Ranking, Stop> {
        if (self.asked + candidates.len()) as f64 > self.budget {
            return Err(match self.asked {
                0 => Stop::Failed(format!(
                    "its first order has {} candidates, and the budget is {}",
                    candidates.len(),
                    self.budget
                )),
                _ => Stop::Budget,
            });
        }
        let settled: Vec<Vec<f64>> = candidates.iter().map(|x| self.free.space.settle(x)).collect();
        let mut questions = vec![];
        for x in &settled {
            questions.extend(self.questions.at(&self.free.lift(x)).into_iter().flatten());
        }
        self.asked += candidates.len();
        let oracle = self.questions.calls[0].0;
        let ranking = match self.least_wanted {
            // Who names the greatest few says nothing of the least: all are asked for.
            true => self.oracles.ranking(oracle, &questions, candidates.len(), need)?.reversed(),
            false => self.oracles.ranking(oracle, &questions, best, need)?,
        };
        candidates.iter().for_each(|_| self.meter.count());
        self.seen.extend(settled.iter().map(|x| hash(x)));
        self.winner = settled.into_iter().nth(ranking.winner());
        Ok(ranking)
    }
}
