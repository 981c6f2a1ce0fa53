//! Answers that complementary pairs define: of problems with pairs, of square systems, and of all levels of a problem that
//! contains problems, whose followers' conditions are such pairs.
//!
//! At the answer each pair holds in one way, and near it the problem is one without pairs ([`Problem::settle`]), the answer
//! of which moves like any other: multipliers of followers are variables there, and their conditions are rows. A pair that
//! holds both ways may stay so with force on both sides; then that is how it moves. Else a small step decides its way:
//! of a square system all ways are gone through for a step to either side, and the one that keeps the pairs is the derivative
//! to that side. Where there is an objective nothing says which way is the best, and no derivative is given.
//!
//! Source: Scheel and Scholtes (2000), "Mathematical programs with complementarity constraints: stationarity, optimality, and
//! sensitivity", Mathematics of Operations Research 25.

use super::linear::How;
use super::point::{Point, WEAK};
use super::resolve::{Solver, evaluated};
use super::view::{View, read_after};
use super::work::{SAME, Work};
use super::{TOGETHER, not_computed, of_point};
use crate::ad::Evaluator;
use crate::answer::sensitivity::{Checks, OneSided, Sensitivity};
use crate::answer::{Outcome, result::Entry};
use crate::certify::bilevel::bound_multipliers;
use crate::expr::family::Source;
use crate::linalg::vector::max_norm;
use crate::problem::complementarity::Way;
use crate::problem::conditions::Form;
use crate::problem::promote::Owner;
use crate::problem::settle::Held;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{self, AfterSolve, Problem};
use crate::solve::implicit::Program;
use crate::solve::implicit::direction::{At, Weak};
use std::ops::Range;

/// Pairs that hold both ways and are gone through in all ways.
const MOST_WAYS: usize = 8;
/// The answer of the conditions may be so far from that of the method, relatively.
const SAME_ANSWER: f64 = 1e-3;

/// A problem of one level with pairs, and an answer of it.
struct Formed {
    problem: Problem,
    x: Vec<f64>,
    held: Vec<Held>,
}

/// The same with every pair held in one way, and where its answer stands in its conditions.
struct Settled {
    point: Point,
    /// The rows that state what is left of the pairs.
    pairs: Range<usize>,
}

/// `asked` at the answer of a problem with complementary pairs, or with problems inside.
pub(super) fn one(
    stated: &Problem,
    outcome: &Outcome,
    asked: &problem::Sensitivity,
    after: &[Vec<f64>],
    solver: &mut Solver,
) -> Sensitivity {
    computed(stated, outcome, asked, after, solver).unwrap_or_else(|why| not_computed(asked, &why))
}

fn computed(
    stated: &Problem,
    outcome: &Outcome,
    asked: &problem::Sensitivity,
    after: &[Vec<f64>],
    solver: &mut Solver,
) -> Result<Sensitivity, String> {
    if asked.to.source == Source::Variables {
        return Err(TOGETHER.to_string());
    }
    readable(stated, asked)?;
    let formed = Formed::of(stated, &outcome.x)?;
    let sources = [asked.to.source];
    let again = |solver: &mut Solver, derivatives: &[f64]| {
        solver.compare(stated, asked, derivatives, &mut |solver, moved| {
            let found = solver.solve_again(moved, &outcome.x, None)?;
            let x = polished(moved, &found.x)?;
            Ok(evaluated(moved, &Outcome { x, multipliers: None, ..found }, asked))
        })
    };
    let settled = formed.settled(&formed.held, &sources)?;
    let doubtful = settled.doubtful();
    if doubtful.is_empty() {
        return of_point(stated, settled.point, asked, after, How::DIRECT, &mut |values| again(solver, values));
    }
    let listed = match &doubtful[..] {
        [first, _, _, ..] => format!("{first} and {} others", doubtful.len() - 1),
        names => names.join(", "),
    };
    if !formed.problem.objectives.is_empty() {
        return Err(format!(
            "a small step decides how these pairs hold, and which way is then the best is not followed: {listed}"
        ));
    }
    let pieces = formed.pieces(&sources)?;
    let mut sides = Sides::new(stated, asked, after);
    pieces.into_iter().for_each(|piece| sides.add(piece));
    Ok(sides.finish(&listed, &mut |values| again(solver, values)))
}

/// Multipliers of rows that are pairs, or of levels, are not among the numbers of the answer.
fn readable(stated: &Problem, asked: &problem::Sensitivity) -> Result<(), String> {
    let paired: Vec<u32> =
        (1..stated.constraints.len() as u32).filter(|k| stated.constraints[*k as usize].complements).collect();
    let known = |k: &u32| match stated.after_solve[*k as usize] {
        AfterSolve::Dual(row) | AfterSolve::Slack(row) => !paired.contains(&row) && !paired.contains(&(row + 1)),
        _ => false,
    };
    let read = read_after(stated, asked);
    let plain = stated.blocks.is_empty();
    match read.iter().all(|k| plain && known(k)) {
        true => Ok(()),
        false if plain => {
            Err("duals and slacks of complementary rows and of bounds are not differentiated".to_string())
        }
        false => Err("of problems with levels only what functions of the variables give is differentiated".to_string()),
    }
}

/// The answer near `x`, to rounding.
fn polished(stated: &Problem, x: &[f64]) -> Result<Vec<f64>, String> {
    let formed = Formed::of(stated, x)?;
    let settled = formed.settled(&formed.held, &[])?;
    Ok(settled.point.x[..x.len()].to_vec())
}

impl Formed {
    fn of(stated: &Problem, x: &[f64]) -> Result<Formed, String> {
        let flat = stated.with_conditions_as_rows();
        if flat.dimension as usize > x.len() || flat.blocks.iter().any(|block| block.parent.is_some()) {
            return Err("levels inside inner levels are not differentiated".to_string());
        }
        let (problem, x) = match flat.blocks.is_empty() {
            true => (flat.into_owned(), x.to_vec()),
            false => {
                let smooth = flat.without_kinks().map_err(|kink| kink.sentence)?;
                let x = smooth.as_ref().map_or(x.to_vec(), |smooth| smooth.extended(x));
                let flat = smooth.map_or_else(|| flat.into_owned(), |smooth| smooth.problem);
                let (lower, upper) = bound_multipliers(&flat, &x);
                let conditions = flat.conditions(Form::Kkt);
                let x = conditions.extended(&x, &lower, &upper);
                (conditions.problem, x)
            }
        };
        let held = held(&problem, &x);
        Ok(Formed { problem, x, held })
    }

    fn settled(&self, held: &[Held], sources: &[Source]) -> Result<Settled, String> {
        let (mut problem, places) = self.problem.settle(held);
        let pairs = self.problem.row_count()..problem.row_count();
        // A bound that says what a pair says holds or not with the pair.
        let (lower, upper) = doubled(&problem, &self.x, &self.problem, &places);
        problem.free_bounds(&lower, &upper);
        let point = Point::of(&problem, &self.x, None, sources, How::DIRECT.linear);
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= SAME_ANSWER * b.abs().max(1.0);
        if !point.x.iter().zip(&self.x).all(near) {
            return Err("the conditions lead to another point: nothing says how this answer moves".to_string());
        }
        Ok(Settled { point, pairs })
    }

    /// The system with the pairs that hold both ways in each of their ways.
    fn pieces(&self, sources: &[Source]) -> Result<Vec<Settled>, String> {
        let both: Vec<usize> = (0..self.held.len()).filter(|k| matches!(self.held[*k], Held::Both(_))).collect();
        if both.len() > MOST_WAYS {
            return Err(format!("{} pairs hold both ways, too many to go through", both.len()));
        }
        let mut all = vec![];
        for code in 0..1_usize << both.len() {
            let mut held = self.held.clone();
            for (bit, &k) in both.iter().enumerate() {
                let Held::Both(way) = held[k] else { continue };
                held[k] = Held::Way(if code >> bit & 1 == 1 { Way::Force } else { way });
            }
            all.push(self.settled(&held, sources)?);
        }
        Ok(all)
    }
}

impl Settled {
    /// Names of rows of pairs that are active without force.
    fn doubtful(&self) -> Vec<String> {
        // A side that moves with a parameter is stated by a row of its own.
        let of_pair = |r: usize| {
            let mut exposed = self.point.exposed.iter();
            self.pairs.contains(&r)
                || exposed.any(|e| {
                    let mine = (e.first..e.first + e.count).contains(&r);
                    mine && matches!(e.owner, Owner::Row(first) if self.pairs.contains(&first))
                })
        };
        let mut names: Vec<String> = vec![];
        for weak in &self.point.weak {
            let At::Row(r) = weak.at else { continue };
            if of_pair(r as usize) {
                let name = format!("`{}`", self.point.name(weak.at));
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }
}

/// How each pair holds at a point.
fn held(problem: &Problem, x: &[f64]) -> Vec<Held> {
    let mut evaluator = Evaluator::new(problem);
    let mut values = vec![0.0; problem.row_count()];
    evaluator.constraints(x, &mut values);
    let mut jacobian = vec![0.0; evaluator.jacobian_pattern().entries()];
    evaluator.jacobian(x, &mut jacobian);
    let pattern = evaluator.jacobian_pattern();
    let slope = |r: usize| max_norm(&jacobian[pattern.row(r)]).max(1.0);
    let bounds = Bounds::of(problem, &Numbers::of(problem));
    let one = |pair: &problem::complementarity::Pair| {
        let (a, b) = (pair.bounded as usize, pair.force as usize);
        let (lower, upper) = (bounds.row_lower[a], bounds.row_upper[a]);
        if lower == upper {
            return Held::Equation;
        }
        let slack = |side: f64| match side.is_finite() {
            true => (values[a] - side).abs() / side.abs().max(slope(a)),
            false => f64::INFINITY,
        };
        let (below, above) = (slack(lower), slack(upper));
        let force = values[b] / slope(b);
        let (way, slack, push) = if below <= above { (Way::Lower, below, force) } else { (Way::Upper, above, -force) };
        match push.max(0.0) {
            push if slack <= WEAK && push <= WEAK => Held::Both(way),
            push if slack <= push => Held::Way(way),
            _ => Held::Way(Way::Force),
        }
    };
    problem.pairs().iter().map(one).collect()
}

/// Bounds of variables that the rows `a` of pairs state too: where such a row is the variable itself, with the same side.
fn doubled(settled: &Problem, x: &[f64], with_pairs: &Problem, places: &[usize]) -> (Vec<bool>, Vec<bool>) {
    let mut evaluator = Evaluator::new(settled);
    let mut values = vec![0.0; settled.row_count()];
    evaluator.constraints(x, &mut values);
    let mut jacobian = vec![0.0; evaluator.jacobian_pattern().entries()];
    evaluator.jacobian(x, &mut jacobian);
    let pattern = evaluator.jacobian_pattern();
    let bounds = Bounds::of(with_pairs, &Numbers::of(with_pairs));
    let (mut lower, mut upper) = (vec![false; x.len()], vec![false; x.len()]);
    for (pair, &row) in with_pairs.pairs().iter().zip(places) {
        let entries: Vec<usize> = pattern.row(row).collect();
        let [entry] = entries[..] else { continue };
        let k = pattern.columns[entry] as usize;
        if jacobian[entry] == 1.0 && values[row] == x[k] {
            let a = pair.bounded as usize;
            lower[k] |= bounds.lower[k] == bounds.row_lower[a];
            upper[k] |= bounds.upper[k] == bounds.row_upper[a];
        }
    }
    (lower, upper)
}

/// Derivatives of the answer of a square system to both sides, as far as its pieces agree on them.
struct Sides<'p> {
    stated: &'p Problem,
    asked: &'p problem::Sensitivity,
    after: &'p [Vec<f64>],
    /// For steps to the right and to the left: for each element what the pieces say that keep the pairs; NaN once two of
    /// them differ.
    found: [Vec<Option<f64>>; 2],
    checks: Checks,
}

impl<'p> Sides<'p> {
    fn new(stated: &'p Problem, asked: &'p problem::Sensitivity, after: &'p [Vec<f64>]) -> Sides<'p> {
        let count = stated.stage(asked.of).rows as usize * asked.to.count as usize;
        let checks = Checks { condition: 1.0, ..Checks::default() };
        Sides { stated, asked, after, found: [vec![None; count], vec![None; count]], checks }
    }

    fn add(&mut self, piece: Settled) {
        let point = piece.point;
        let mut base = Evaluator::new(&point.problem);
        let program = Program::new(&mut base, &point.x, point.sense, &point.rows, point.selected.clone());
        let Ok(program) = program else { return self.mark_all() };
        if program.singular() {
            return self.mark_all();
        }
        let mut view = View::new(self.stated, &point, self.asked, self.after);
        let mut evaluator = Evaluator::new(&view.problem);
        let joint = std::mem::take(&mut view.joint);
        let mut work = Work { program: program.extended(&mut evaluator, &joint), view, point: &point, worst: 0.0 };
        let columns = self.asked.to.count as usize;
        for j in 0..columns {
            for (side, sign) in [1.0, -1.0].into_iter().enumerate() {
                let tangent = work.program.forward(&work.unit(j, sign));
                work.worst = work.worst.max(tangent.residual);
                let rows = work.program.rows(&tangent.point);
                let keeps = |weak: &Weak| match weak.at {
                    At::Row(r) => weak.sign * rows[r as usize] >= -SAME,
                    At::Bound(k) => weak.sign * tangent.point[k as usize] >= -SAME,
                };
                if !point.weak.iter().all(keeps) {
                    continue;
                }
                for (i, v) in work.moved(&tangent.point, &tangent.duals, &[]).into_iter().enumerate() {
                    let here = &mut self.found[side][i * columns + j];
                    let v = sign * v;
                    *here = match *here {
                        Some(before) if (before - v).abs() > SAME * v.abs().max(1.0) => Some(f64::NAN),
                        Some(before) if before.is_nan() => Some(f64::NAN),
                        _ => Some(v),
                    };
                }
            }
        }
        self.checks.residual = self.checks.residual.max(work.worst).max(point.residual);
        self.checks.condition = self.checks.condition.max(work.program.condition());
    }

    /// A piece that says nothing may hold anything.
    fn mark_all(&mut self) {
        self.checks.condition = f64::INFINITY;
        self.found.iter_mut().flatten().for_each(|v| *v = Some(f64::NAN));
    }

    fn finish(
        mut self,
        listed: &str,
        again: &mut dyn FnMut(&[f64]) -> Result<crate::answer::sensitivity::Resolved, String>,
    ) -> Sensitivity {
        let [right, left] =
            self.found.map(|side| side.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect::<Vec<f64>>());
        let same =
            |(a, b): (&f64, &f64)| if (a - b).abs() <= SAME * a.abs().max(1.0) { 0.5 * (a + b) } else { f64::NAN };
        let values: Vec<f64> = right.iter().zip(&left).map(same).collect();
        let smooth = values.iter().all(|v| v.is_finite());
        let mut notes = vec![match smooth {
            true => format!("pairs hold both ways: {listed}; the derivatives to both sides agree"),
            false => format!("not differentiable: pairs hold both ways: {listed}"),
        }];
        if right.iter().chain(&left).any(|v| v.is_nan()) {
            notes.push(
                "some are not determined: none, or several, of the ways in which pairs may hold are left".to_string(),
            );
        }
        if smooth {
            match again(&values) {
                Ok(resolved) => self.checks.resolved = Some(resolved),
                Err(why) => notes.push(why),
            }
        }
        let axes = self.asked.of_axes.followed_by(&self.asked.to_axes);
        let entry = Entry { name: self.asked.text.clone(), axes, values };
        let one_sided = (!smooth).then_some(OneSided { right, left });
        Sensitivity { entry, stated: self.asked.stated, one_sided, checks: Some(self.checks), notes }
    }
}
