//! Sensitivities of what inner levels decide to variables of outer ones: `sensitivity fit.w to log_ridge`.
//!
//! Every follower is solved again at the answer and polished, and its answer moves with what it reads from outside. A
//! direction of an outer variable goes through the followers in the order in which they read each other: each takes the
//! movement of what it reads and adds its own, and that of the multipliers that it supplies. Where a follower has a
//! constraint that is active without force, the two sides are followed apart.

use super::linear::How;
use super::not_computed;
use super::point::Point;
use super::resolve::Solver;
use super::work::SAME;
use crate::ad::Evaluator;
use crate::answer::result::Entry;
use crate::answer::sensitivity::{Checks, OneSided, Resolved, Sensitivity};
use crate::answer::{LogLine, Outcome, Stop};
use crate::expr::eval::{self, Inputs, needed};
use crate::expr::family::Source;
use crate::plan::nest;
use crate::problem::promote::promote;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{self, Problem};
use crate::solve::bilevel::follower::Follower;
use crate::solve::implicit::Program;
use crate::solve::implicit::direction::Fan;
use std::ops::{ControlFlow, Range};

/// Columns that are computed: each takes a solve for every follower.
const MOST_DIRECTIONS: usize = 200;
/// A follower solved again may differ by so much, relatively; by more, and it has several answers.
const SAME_ANSWER: f64 = 1e-3;
const STEP: f64 = 1e-4;

/// `asked` at the answer of a problem with blocks.
pub(super) fn one(problem: &Problem, outcome: &Outcome, asked: &problem::Sensitivity, solver: &Solver) -> Sensitivity {
    match computed(problem, outcome, asked, solver) {
        Ok(found) => found,
        Err(why) => not_computed(asked, &why),
    }
}

/// A follower at its answer: functions of what it decides and of what it reads, at that point.
struct Answered {
    evaluator: Evaluator,
    joint: Vec<f64>,
    point: Point,
}

fn computed(
    problem: &Problem,
    outcome: &Outcome,
    asked: &problem::Sensitivity,
    solver: &Solver,
) -> Result<Sensitivity, String> {
    let planned = solver.plan.nest.as_ref().ok_or("the problem was not solved level by level")?;
    let flat = &solver.plan.problem;
    if asked.to.source != Source::Variables {
        return Err(
            "the outer level decides anew when a parameter moves; ask for the sensitivity to its variables".into()
        );
    }
    let to = asked.to.offset as usize..(asked.to.offset + asked.to.count) as usize;
    if to.len() > MOST_DIRECTIONS {
        return Err(format!("{} variables are too many", to.len()));
    }
    let owners = flat.owners();
    if to.clone().any(|k| owners[k].is_some()) {
        return Err(
            "what an inner level decides follows from the outer ones; ask for the sensitivity to their variables"
                .into(),
        );
    }
    if flat.blocks.iter().flat_map(|block| &block.constraints).any(|row| row.complements) {
        return Err(
            "a level that holds another one with bounds or rows other than equations is not differentiated".into()
        );
    }
    if !super::read_after(problem, asked).is_empty() {
        return Err("of problems with levels only what functions of the variables give is differentiated".into());
    }
    // What blocks that stand inside others brought is found again with their answers.
    let stated = outcome.x.len() as u32;
    let mut whole = outcome.x.clone();
    whole.resize(flat.dimension as usize, 0.0);
    let mut followers = nest::followers(flat, planned, &whole, solver.plan.options.seed);
    let mut answered = vec![];
    for follower in &mut followers {
        answered.push(answer(flat, follower, &mut whole, stated, solver)?);
    }
    let mut chain = Chain {
        problem: flat,
        followers: &followers,
        answered,
        worst: 0.0,
        condition: 1.0,
        margin: f64::INFINITY,
        weak: vec![],
    };
    let mut watching = problem_with(flat, asked);
    let (rows, columns) = (watching.rows, to.len());
    let (mut right, mut left) = (vec![f64::NAN; rows * columns], vec![f64::NAN; rows * columns]);
    for (j, position) in to.clone().enumerate() {
        for (sign, out) in [(1.0, &mut right), (-1.0, &mut left)] {
            let mut direction = vec![0.0; whole.len()];
            direction[position] = sign;
            chain.follow(&mut direction)?;
            for (i, v) in watching.moved(&whole, &direction).into_iter().enumerate() {
                out[i * columns + j] = sign * v;
            }
        }
    }
    let mut notes = vec![];
    let same = |(a, b): (&f64, &f64)| (a - b).abs() <= SAME * a.abs().max(1.0);
    let values: Vec<f64> = right.iter().zip(&left).map(|p| if same(p) { *p.0 } else { f64::NAN }).collect();
    if !chain.weak.is_empty() {
        notes.push(format!("active without force: {}", chain.weak.join(", ")));
    }
    let mut checks =
        Checks { residual: chain.worst, condition: chain.condition, margin: chain.margin, ..Checks::default() };
    let smooth = values.iter().all(|v| v.is_finite());
    if smooth {
        match compare(flat, &mut followers, &mut watching, &whole, to, &values, solver) {
            Ok(resolved) => checks.resolved = Some(resolved),
            Err(why) => notes.push(why),
        }
    }
    let entry = Entry { name: asked.text.clone(), axes: asked.of_axes.followed_by(&asked.to_axes), values };
    let one_sided = (!smooth).then_some(OneSided { right, left });
    Ok(Sensitivity { entry, stated: asked.stated, one_sided, checks: Some(checks), notes })
}

/// Solves and polishes a follower for what the others decide in `whole`, and writes its answer there.
fn polished(flat: &Problem, follower: &mut Follower, whole: &mut [f64], solver: &Solver) -> Result<Point, String> {
    let mut quiet = |_: &LogLine| ControlFlow::Continue(());
    let watch = solver.monitor(&mut quiet);
    let start = follower.level.part(whole);
    let mut found = follower.solve_from(whole, start, None, &watch, solver.sources);
    let name = &flat.blocks[follower.block as usize].name;
    if found.stop != Stop::Converged {
        return Err(format!("`{name}` could not be solved again"));
    }
    let level = &follower.level;
    let outside = Source::Param(level.outside);
    let point = Point::of(&level.problem, &found.x, found.multipliers.as_ref(), &[outside], How::DIRECT.linear);
    found.x = point.x[..level.own.len()].to_vec();
    found.multipliers = Some(point.multipliers());
    follower.put(flat, &found, whole);
    Ok(point)
}

/// The answer of a follower, which must be the one at hand in the first `stated` variables.
fn answer(
    flat: &Problem,
    follower: &mut Follower,
    whole: &mut [f64],
    stated: u32,
    solver: &Solver,
) -> Result<Answered, String> {
    let before = follower.level.part(whole);
    let point = polished(flat, follower, whole, solver)?;
    let level = &follower.level;
    let name = &flat.blocks[follower.block as usize].name;
    let near = |((a, b), k): ((&f64, &f64), &u32)| *k >= stated || (a - b).abs() <= SAME_ANSWER * b.abs().max(1.0);
    if !point.x.iter().zip(&before).zip(&level.own).all(near) {
        return Err(format!("`{name}` has another answer when it is solved again: nothing says which one moves"));
    }
    let mut joint_problem = point.problem.clone();
    let numbers = level.outside(whole);
    let joint = [point.x.clone(), numbers.clone()].concat();
    promote(&mut joint_problem, Source::Param(level.outside), numbers, "outside");
    Ok(Answered { evaluator: Evaluator::new(&joint_problem), joint, point })
}

struct Chain<'p> {
    problem: &'p Problem,
    followers: &'p [Follower],
    answered: Vec<Answered>,
    worst: f64,
    condition: f64,
    margin: f64,
    /// Names of what is active without force.
    weak: Vec<String>,
}

impl Chain<'_> {
    /// Adds to a direction of the whole vector what all followers do.
    fn follow(&mut self, direction: &mut [f64]) -> Result<(), String> {
        for k in 0..self.answered.len() {
            self.step(k, direction)?;
        }
        Ok(())
    }

    fn step(&mut self, k: usize, direction: &mut [f64]) -> Result<(), String> {
        let (follower, Answered { evaluator, joint, point }) = (&self.followers[k], &mut self.answered[k]);
        let name = &self.problem.blocks[follower.block as usize].name;
        self.margin = self.margin.min(point.margin);
        let n = point.x.len();
        let mut along = vec![0.0; joint.len()];
        for (to, read) in along[n..].iter_mut().zip(&follower.level.reads) {
            *to = direction[*read as usize];
        }
        if along.iter().all(|v| *v == 0.0) {
            return Ok(());
        }
        let program = Program::new(evaluator, joint, point.sense, &point.rows, point.selected.clone());
        let mut program = program.map_err(|_| format!("the system of `{name}` could not be factored"))?;
        self.condition = self.condition.max(program.condition());
        self.worst = self.worst.max(point.residual);
        let weak = &point.weak;
        let (moved, duals, weak_duals) = if weak.is_empty() {
            if program.singular() {
                return Err(format!("the answer of `{name}` is not isolated, or its constraints depend on each other"));
            }
            let tangent = program.forward(&along);
            self.worst = self.worst.max(tangent.residual);
            (tangent.point, tangent.duals, vec![])
        } else {
            for one in weak {
                let label = point.name(one.at);
                if !self.weak.contains(&label) {
                    self.weak.push(label);
                }
            }
            let fan = Fan::new(&mut program, weak);
            let moved = fan.and_then(|fan| fan.along(&mut program, &along));
            let moved =
                moved.ok_or_else(|| format!("`{name}` has a constraint without force, and no one-sided derivative"))?;
            (moved.point, moved.duals, moved.weak_duals)
        };
        follower.level.put(&moved[..follower.level.own.len()], direction);
        let multipliers = point.moved_multipliers(&duals, &weak_duals);
        follower.put_multipliers(self.problem, &multipliers, direction);
        Ok(())
    }
}

/// What is asked for as rows of the whole problem.
struct Watching {
    problem: Problem,
    evaluator: Evaluator,
    stage: crate::expr::family::StageId,
    first: usize,
    rows: usize,
}

fn problem_with(flat: &Problem, asked: &problem::Sensitivity) -> Watching {
    let mut problem = flat.clone();
    let first = problem.row_count();
    problem.watch(asked.of, asked.span);
    let rows = problem.stage(asked.of).rows as usize;
    Watching { evaluator: Evaluator::new(&problem), problem, stage: asked.of, first, rows }
}

impl Watching {
    fn moved(&mut self, whole: &[f64], direction: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.evaluator.rows()];
        self.evaluator.jacobian_product(whole, direction, &mut out);
        out[self.first..self.first + self.rows].to_vec()
    }

    fn values(&self, whole: &[f64]) -> Vec<f64> {
        let params = self.problem.params.iter().map(|p| p.values.as_slice()).collect();
        let inputs = Inputs { variables: whole, params, after: &[] };
        let needed = needed(&self.problem.stages, &[self.stage]);
        eval::stages(&self.problem.graph, &self.problem.stages, &needed, &inputs).swap_remove(self.stage.0 as usize)
    }
}

/// The followers solved again at outer variables moved to both sides along one direction.
fn compare(
    flat: &Problem,
    followers: &mut [Follower],
    watching: &mut Watching,
    whole: &[f64],
    to: Range<usize>,
    derivatives: &[f64],
    solver: &Solver,
) -> Result<Resolved, String> {
    let bounds = Bounds::of(flat, &Numbers::of(flat));
    let direction: Vec<f64> = to
        .clone()
        .enumerate()
        .map(|(j, k)| if j % 2 == 0 { 1.0 } else { -1.0 } * whole[k].abs().max(1.0).min(bounds.upper[k] - bounds.lower[k]))
        .collect();
    let columns = direction.len();
    let predicted = derivatives.chunks(columns).map(|row| row.iter().zip(&direction).map(|(d, v)| d * v).sum());
    let predicted: Vec<f64> = predicted.collect();
    let size = predicted.iter().fold(1.0_f64, |most, v| most.max(v.abs()));
    let mut at = |sign: f64| -> Result<Vec<f64>, String> {
        let mut moved = whole.to_vec();
        to.clone().zip(&direction).for_each(|(k, d)| moved[k] += sign * STEP * d);
        for follower in followers.iter_mut() {
            polished(flat, follower, &mut moved, solver)?;
        }
        Ok(watching.values(&moved))
    };
    let (right, left) = (at(1.0)?, at(-1.0)?);
    let quotients = right.iter().zip(&left).map(|(a, b)| (a - b) / (2.0 * STEP));
    let error = quotients.zip(&predicted).fold(0.0_f64, |most, (q, d)| {
        let error = (q - d).abs() / size;
        if error.is_nan() { f64::INFINITY } else { most.max(error) }
    });
    Ok(Resolved { step: STEP, error })
}
