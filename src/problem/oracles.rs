//! Oracles: functions that are known by asking only, and the places of a problem that ask them.
//!
//! The answers of a call are read through `Source::After(k)` with [`AfterSolve::Answer`], so that no method can look
//! behind them: they have neither an expression nor a derivative. What is asked is a stage of its own, and so is the
//! hidden expression of a simulated judge, which reads its arguments through [`AfterSolve::Argument`].
//!
//! Three problems are derived for whoever asks: [`questions`] (from variables to arguments), [`composed`] (from
//! variables and answers to the objective) and [`simulated`] (from arguments to the answer of a simulated judge).

use super::index::Axes;
use super::{AfterSolve, Constraint, Data, Objective, Problem, Sense, Variable};
use crate::diag::Span;
use crate::expr::curvature::{Facts, body_facts};
use crate::expr::eval::needed;
use crate::expr::family::{IndexMap, Source, StageId};
use crate::expr::interval::Interval;
use crate::expr::ops::Slope;
use std::collections::HashMap;

#[derive(Clone, Debug, PartialEq)]
pub struct Oracle {
    pub name: String,
    pub answers: Answers,
    pub source: Answerer,
    /// The numbers that it is asked about, in the order in which they are sent.
    pub arguments: Vec<Argument>,
    /// The declaration, without comments.
    pub text: String,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    pub name: String,
    pub axes: Axes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// A number for each candidate.
    Values,
    /// Only which candidates are better than others, the greatest first.
    Ranks,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answerer {
    /// `by EXPR`: a stage of one row that reads [`AfterSolve::Argument`].
    Simulated(StageId),
    /// `command("...")`
    Command(String),
    /// A closure of the embedding program.
    Host,
    /// A person at the terminal.
    Asking,
}

/// A place that asks: one question for each of `rows` instances.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub oracle: u32,
    pub rows: u32,
    /// `rows` times as many rows as the oracle has numbers, instance by instance.
    pub arguments: StageId,
    pub span: Span,
}

impl Oracle {
    /// How many numbers a question has.
    pub fn width(&self) -> usize {
        self.arguments.iter().map(|a| a.axes.len()).sum()
    }
}

/// The objective is the ranking of a call: its question decides which of two points is better, and nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranked {
    pub call: u32,
    /// The objective falls where the oracle's order rises.
    pub reversed: bool,
}

/// A use of ranks as if they were numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Misused {
    /// The oracle.
    pub name: String,
    pub declared: Span,
    pub at: Span,
    pub why: &'static str,
}

/// The calls that stages read, ascending.
pub fn calls_of(problem: &Problem, roots: &[StageId]) -> Vec<u32> {
    let read = needed(&problem.stages, roots);
    let stages = problem.stages.iter().zip(read).filter(|(_, read)| *read).map(|(stage, _)| stage);
    let leaves = stages.flat_map(|s| &s.terms).flat_map(|t| &t.family.leaves);
    let mut calls: Vec<u32> = leaves.filter_map(|leaf| answer_of(problem, leaf.source)).collect();
    calls.sort_unstable();
    calls.dedup();
    calls
}

fn answer_of(problem: &Problem, source: Source) -> Option<u32> {
    match source {
        Source::After(k) => match problem.after_solve[k as usize] {
            AfterSolve::Answer(call) => Some(call),
            _ => None,
        },
        Source::Variables | Source::Param(_) | Source::Stage(_) => None,
    }
}

/// The calls that the objectives read.
pub fn asked(problem: &Problem) -> Vec<u32> {
    let roots: Vec<StageId> = problem.objectives.iter().map(|o| o.stage).collect();
    calls_of(problem, &roots)
}

/// Whether the objective is a ranking. Fails where ranks are read as numbers.
pub fn ranked(problem: &Problem) -> Result<Option<Ranked>, Misused> {
    let is_ranks = |call: &u32| problem.oracle_of(*call).answers == Answers::Ranks;
    let calls = asked(problem);
    let Some(&call) = calls.iter().find(|call| is_ranks(call)) else { return Ok(None) };
    let misused = |why| Misused {
        name: problem.oracle_of(call).name.clone(),
        declared: problem.oracle_of(call).span,
        at: problem.calls[call as usize].span,
        why,
    };
    let [objective] = problem.objectives.as_slice() else {
        return Err(misused("there are several objectives, and a ranking cannot be weighed against another one"));
    };
    if problem.calls[call as usize].rows != 1 {
        return Err(misused("it is asked about several questions at once, and ranks cannot be added"));
    }
    if calls.len() > 1 {
        return Err(misused("the objective mixes its ranks with other answers"));
    }
    match direction(problem, objective.stage) {
        Slope::Rising => Ok(Some(Ranked { call, reversed: false })),
        Slope::Falling => Ok(Some(Ranked { call, reversed: true })),
        Slope::Flat | Slope::Neither => {
            Err(misused("the objective must be the oracle itself, or a rising or falling function of it alone"))
        }
    }
}

/// How a stage of one row runs in the only answer that it reads; `Neither` also where anything else varies in it.
fn direction(problem: &Problem, stage: StageId) -> Slope {
    let [term] = problem.stage(stage).terms.as_slice() else { return Slope::Neither };
    if term.family.instances != 1 {
        return Slope::Neither;
    }
    let of_leaf = |source: Source| match source {
        Source::Param(_) => Slope::Flat,
        Source::Variables => Slope::Neither,
        Source::After(_) => Slope::Rising,
        Source::Stage(id) if id != stage && problem.stage(id).rows == 1 => match reads_anything(problem, id) {
            true => direction(problem, id),
            false => Slope::Flat,
        },
        Source::Stage(id) if id != stage && !reads_anything(problem, id) => Slope::Flat,
        Source::Stage(_) => Slope::Neither,
    };
    let leaves: Vec<Slope> = term.family.leaves.iter().map(|leaf| of_leaf(leaf.source)).collect();
    let facts: Vec<Facts> =
        term.family.leaves.iter().map(|leaf| facts_of(problem, leaf.source, leaf.map.at(0))).collect();
    let found = body_facts(&problem.graph, term.family.body, &facts);
    let mut whole = Slope::Flat;
    for (outer, inner) in found.slopes.iter().zip(&leaves) {
        let here = match (outer, inner) {
            (Slope::Flat, _) | (_, Slope::Flat) => continue,
            (Slope::Rising, slope) => *slope,
            (Slope::Falling, Slope::Rising) => Slope::Falling,
            (Slope::Falling, Slope::Falling) => Slope::Rising,
            (Slope::Falling | Slope::Neither, _) => Slope::Neither,
        };
        if whole != Slope::Flat && whole != here {
            return Slope::Neither;
        }
        whole = here;
    }
    whole
}

fn facts_of(problem: &Problem, source: Source, at: usize) -> Facts {
    match source {
        Source::Param(id) => Facts::constant(Interval::exactly(problem.param(id).values[at])),
        Source::Variables | Source::After(_) | Source::Stage(_) => Facts::variable(Interval::WHOLE),
    }
}

/// Whether a stage depends on variables or on what is known later.
fn reads_anything(problem: &Problem, id: StageId) -> bool {
    let read = needed(&problem.stages, &[id]);
    let mut leaves = problem.stages.iter().zip(read).filter(|(_, read)| *read).flat_map(|(s, _)| &s.terms);
    leaves.any(|t| t.family.leaves.iter().any(|l| matches!(l.source, Source::Variables | Source::After(_))))
}

impl Problem {
    pub fn oracle_of(&self, call: u32) -> &Oracle {
        &self.oracles[self.calls[call as usize].oracle as usize]
    }
}

/// The problem with an objective of 0: everything but what has to be asked.
pub fn silenced(problem: &Problem) -> Problem {
    let mut silent = problem.clone();
    for objective in &mut silent.objectives {
        silent.stages.push(crate::expr::family::Stage {
            name: objective.label.clone(),
            rows: 1,
            terms: vec![],
            matrix: None,
        });
        objective.stage = StageId(silent.stages.len() as u32 - 1);
    }
    silent
}

/// The problem whose rows are the arguments of `calls`, one after the other.
pub fn questions(problem: &Problem, calls: &[u32]) -> Problem {
    let rows = calls.iter().map(|&call| {
        let call = &problem.calls[call as usize];
        let rows = problem.stage(call.arguments).rows;
        Constraint::new(
            problem.oracles[call.oracle as usize].name.clone(),
            Axes::scalar(),
            rows,
            call.arguments,
            (Data::Constant(f64::NEG_INFINITY), Data::Constant(f64::INFINITY)),
            call.span,
        )
    });
    Problem { constraints: rows.collect(), objectives: vec![], ..problem.clone() }
}

/// The problem in which the answers of `calls` are variables behind the others, one after the other.
pub fn composed(problem: &Problem, calls: &[u32]) -> Problem {
    let mut composed = Problem { constraints: vec![], ..problem.clone() };
    let mut offsets = HashMap::new();
    for &call in calls {
        offsets.insert(call, composed.dimension);
        let rows = problem.calls[call as usize].rows;
        push_variable(&mut composed, &problem.oracle_of(call).name, rows, problem.calls[call as usize].span);
    }
    let after = problem.after_solve.clone();
    redirect(&mut composed, |k| match after[k as usize] {
        AfterSolve::Answer(call) => offsets.get(&call).copied(),
        _ => None,
    });
    composed
}

/// The problem whose variables are the arguments of a simulated judge and whose objective is its answer.
pub fn simulated(problem: &Problem, oracle: usize) -> Option<Problem> {
    let judge = &problem.oracles[oracle];
    let Answerer::Simulated(stage) = judge.source else { return None };
    let objective = Objective { label: judge.name.clone(), sense: Sense::Maximize, stage, span: judge.span };
    let mut alone = Problem {
        variables: vec![],
        dimension: 0,
        objectives: vec![objective],
        constraints: vec![],
        ..problem.clone()
    };
    push_variable(&mut alone, &judge.name, judge.width() as u32, judge.span);
    let after = problem.after_solve.clone();
    redirect(&mut alone, |k| (after[k as usize] == AfterSolve::Argument(oracle as u32)).then_some(0));
    Some(alone)
}

fn push_variable(problem: &mut Problem, name: &str, rows: u32, span: Span) {
    problem.variables.push(Variable::new(
        name,
        Axes { sets: vec![super::index::Set::range(1.0, 1.0, rows as usize)], filter: None },
        problem.dimension,
        span,
    ));
    problem.dimension += rows;
}

/// Lets leaves that read `After(k)` read the variables from `offset(k)` on.
fn redirect(problem: &mut Problem, offset: impl Fn(u32) -> Option<u32>) {
    for leaf in problem.stages.iter_mut().flat_map(|s| &mut s.terms).flat_map(|t| &mut t.family.leaves) {
        if let Source::After(k) = leaf.source
            && let Some(offset) = offset(k)
        {
            leaf.source = Source::Variables;
            leaf.map = shifted(&leaf.map, offset);
        }
    }
}

fn shifted(map: &IndexMap, by: u32) -> IndexMap {
    let by = by as i64;
    match map {
        IndexMap::Affine { start, stride } => IndexMap::Affine { start: start + by, stride: *stride },
        IndexMap::Tile { start, stride, length } => {
            IndexMap::Tile { start: start + by, stride: *stride, length: *length }
        }
        IndexMap::Repeat { start, stride, length } => {
            IndexMap::Repeat { start: start + by, stride: *stride, length: *length }
        }
        IndexMap::Gather(positions) => IndexMap::Gather(positions.iter().map(|p| p + by as u32).collect()),
    }
}
