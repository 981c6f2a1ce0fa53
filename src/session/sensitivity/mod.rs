//! `sensitivity a to b`: the answer as a function of its parameters, differentiated and checked.
//!
//! The point is polished ([`point`]), the numbers that are asked for become variables ([`crate::problem::promote`]), and
//! [`crate::solve::implicit`] solves the linear systems. What is asked for is a stage of the problem: it becomes rows
//! without sides, and the duals and slacks that it reads become variables too, whose movement [`after`] knows. Last,
//! [`resolve`] solves the problem again nearby.

mod after;
mod asked;
mod chain;
mod levels;
mod linear;
#[cfg(test)]
mod linear_tests;
#[cfg(test)]
mod pair_tests;
mod pairs;
mod point;
mod resolve;
#[cfg(test)]
mod tests;

pub(super) use resolve::Solver;

use crate::ad::Evaluator;
use crate::answer::result::Entry;
use crate::answer::sensitivity::{Checks, OneSided, Resolved, Sensitivity};
use crate::answer::{Answer, Outcome, Status};
use crate::expr::eval::needed;
use crate::expr::family::Source;
use crate::linalg::vector::max_norm;
use crate::problem::features::Features;
use crate::problem::promote::promote;
use crate::problem::{self, AfterSolve, Problem};
use crate::session::changes::Refused;
use crate::solve::implicit::direction::{At, Fan};
use crate::solve::implicit::{Program, Solver as Solved};
use after::Combination;
use asked::named;
use linear::How;
use point::Point;

/// What is beyond this share of a right side lies outside of the range of a singular matrix.
const OUTSIDE: f64 = 1e-6;
/// One-sided derivatives that differ by less are one derivative.
const SAME: f64 = 1e-7;
/// Directions for which one-sided derivatives are computed. Each takes two linear solves.
const MOST_DIRECTIONS: usize = 500;

/// One that was not stated in the model, by names, at an answer.
pub(super) fn of_names(
    problem: &Problem,
    answer: &Answer,
    (of, to): (&str, &str),
    solver: &mut Solver,
) -> Result<Sensitivity, Refused> {
    let mut problem = problem.clone();
    named(&mut problem, of, to)?;
    let outcome = outcome_of(answer);
    let after = super::run::after_solve(&problem, &outcome, &super::run::slacks(&problem, &outcome.x), &[]);
    Ok(all(&problem, &outcome, answer.status, &after, solver).remove(0))
}

/// What a method would have handed back.
fn outcome_of(answer: &Answer) -> Outcome {
    let added = answer.added.iter().flat_map(|entry| &entry.values);
    Outcome {
        x: answer.x.iter().chain(added).copied().collect(),
        multipliers: answer.multipliers.clone(),
        stop: answer.stop.clone(),
        iterations: 0,
        evaluations: Default::default(),
        log: vec![],
    }
}

/// All sensitivities that a problem asks for, at its answer. `after` holds the numbers of `Problem::after_solve`.
pub(super) fn all(
    problem: &Problem,
    outcome: &Outcome,
    status: Status,
    after: &[Vec<f64>],
    solver: &mut Solver,
) -> Vec<Sensitivity> {
    if problem.sensitivities.is_empty() {
        return vec![];
    }
    let refused = match status {
        Status::Solved | Status::LocallySolved => None,
        _ => Some("the answer does not meet its conditions, so nothing defines how it moves"),
    };
    if let Some(why) = refused {
        return problem.sensitivities.iter().map(|asked| not_computed(asked, why)).collect();
    }
    let each = problem.sensitivities.iter();
    each.map(|asked| match levels::of_one_level(problem, outcome, asked) {
        _ if problem.blocks.is_empty() => of_level(problem, outcome, asked, after, solver),
        Ok((problem, outcome, asked)) => of_level(&problem, &outcome, &asked, after, solver),
        Err(_) if asked.to.source == Source::Variables => chain::one(problem, outcome, asked, solver),
        Err(_) => pairs::one(problem, outcome, asked, after, solver),
    })
    .collect()
}

/// Of a problem of one level.
fn of_level(
    problem: &Problem,
    outcome: &Outcome,
    asked: &problem::Sensitivity,
    after: &[Vec<f64>],
    solver: &mut Solver,
) -> Sensitivity {
    match problem.complementarities().next() {
        Some(_) => pairs::one(problem, outcome, asked, after, solver),
        None => one(problem, outcome, asked, after, solver),
    }
}

/// Why variables of the level that decides both are not differentiated by.
const TOGETHER: &str = "the level that decides both moves them together: ask for the sensitivity to a parameter";

fn not_computed(asked: &problem::Sensitivity, why: &str) -> Sensitivity {
    let axes = asked.of_axes.followed_by(&asked.to_axes);
    let values = vec![f64::NAN; axes.len()];
    let entry = Entry { name: asked.text.clone(), axes, values };
    Sensitivity { entry, stated: asked.stated, one_sided: None, checks: None, notes: vec![why.to_string()] }
}

fn one(
    problem: &Problem,
    outcome: &Outcome,
    asked: &problem::Sensitivity,
    after: &[Vec<f64>],
    solver: &mut Solver,
) -> Sensitivity {
    if asked.to.source == Source::Variables {
        return not_computed(asked, TOGETHER);
    }
    let known = |k: &u32| !matches!(problem.after_solve[*k as usize], AfterSolve::BlockSlack(..));
    if !read_after(problem, asked).iter().all(known) {
        return not_computed(asked, "the slack of a row of a block is not differentiated");
    }
    let (rows, columns) = (problem.stage(asked.of).rows as usize, asked.to.count as usize);
    let how = How::of(problem, solver.plan, rows.min(columns));
    one_by(how, problem, outcome, asked, after, solver)
}

/// Solved in one way, or by factors if that way allows it and does not get there.
fn one_by(
    how: How,
    problem: &Problem,
    outcome: &Outcome,
    asked: &problem::Sensitivity,
    after: &[Vec<f64>],
    solver: &mut Solver,
) -> Sensitivity {
    let mut with = |how: How| {
        let multipliers = outcome.multipliers.as_ref();
        let point = Point::of(problem, &outcome.x, multipliers, &[asked.to.source], how.linear);
        of_point(problem, point, asked, after, how, &mut |values| {
            solver
                .compare(problem, asked, values, &mut |solver, moved| solver.answer(moved, outcome, asked, how.linear))
        })
    };
    let why = match with(how) {
        Ok(found) => return found,
        Err(why) if !how.may_form => return not_computed(asked, &why),
        Err(why) => why,
    };
    let mut found = with(How::DIRECT).unwrap_or_else(|why| not_computed(asked, &why));
    found.notes.push(format!("{why}, so the matrix was formed and factored"));
    found
}

/// The answer of a problem stands at a point; `again` compares derivatives with problems that are solved again. Or why
/// products did not solve the systems.
fn of_point(
    problem: &Problem,
    point: Point,
    asked: &problem::Sensitivity,
    after: &[Vec<f64>],
    how: How,
    again: &mut dyn FnMut(&[f64]) -> Result<Resolved, String>,
) -> Result<Sensitivity, String> {
    let mut base = Evaluator::new(&point.problem);
    let selected = point.selected.clone();
    let program = Program::solved_by(how.linear, &mut base, &point.x, point.sense, &point.rows, selected);
    let Ok(mut program) = program else {
        return Ok(not_computed(asked, "the linear system could not be factored"));
    };
    let left = program.examine();
    if let Some(why) = how.unsolved(left.max(point.residual), &program, &point) {
        return Err(why);
    }
    let mut view = View::new(problem, &point, asked, after);
    let mut evaluator = Evaluator::new(&view.problem);
    let joint = std::mem::take(&mut view.joint);
    let mut work = Work { program: program.extended(&mut evaluator, &joint), view, point: &point, worst: 0.0 };
    let mut notes = vec![];
    let (values, one_sided) = work.derivatives(&mut notes);
    if let Some(why) = how.unsolved(work.worst, &work.program, &point) {
        return Err(why);
    }
    if point.kinked {
        notes.push("a function with kinks was differentiated as if the point were on none of them".to_string());
    }
    notes.extend(strictness(&work.program).map(String::from));
    let mut checks = Checks {
        residual: work.worst.max(point.residual),
        condition: work.program.condition(),
        systems: how.systems(&work.program, &point),
        margin: point.margin,
        resolved: None,
    };
    if values.iter().all(|v| v.is_finite()) {
        match again(&values) {
            Ok(resolved) => checks.resolved = Some(resolved),
            Err(why) => notes.push(why),
        }
    }
    let axes = asked.of_axes.followed_by(&asked.to_axes);
    let entry = Entry { name: asked.text.clone(), axes, values };
    Ok(Sensitivity { entry, stated: asked.stated, one_sided, checks: Some(checks), notes })
}

/// What is not shown of the point, if its conditions are regular.
fn strictness(program: &Program) -> Option<&'static str> {
    match program.solver() {
        Solved::Factored(system) if system.null.is_some() || system.definite => None,
        Solved::Products(products) => match products.curvature {
            Some((least, _)) if least > 0.0 => None,
            Some(_) => Some(NOT_STRICT),
            None => {
                Some("whether the answer is a strict local optimum was not examined: its matrix was only multiplied")
            }
        },
        Solved::Factored(_) => Some(NOT_STRICT),
    }
}

const NOT_STRICT: &str =
    "the answer is not shown to be a strict local optimum; this is the derivative of its conditions";

/// The problem with what is asked for at its end: rows, and variables for parameters and for duals.
struct View {
    problem: Problem,
    joint: Vec<f64>,
    /// Number of the first row that is watched, and how many.
    watched: usize,
    of: usize,
    /// Positions of what is differentiated by.
    to: std::ops::Range<usize>,
    /// Position of the first of each quantity after the solve, and its elements.
    quantities: Vec<(usize, Vec<Combination>)>,
    /// What is asked for has kinks somewhere.
    bends: bool,
}

impl View {
    fn new(problem: &Problem, point: &Point, asked: &problem::Sensitivity, after: &[Vec<f64>]) -> View {
        let mut view = point.problem.clone();
        let watched = view.row_count();
        view.watch(asked.of, asked.span);
        let mut joint = point.x.clone();
        let numbers = view.numbers_of(asked.to.source, after);
        joint.extend(&numbers);
        let first = promote(&mut view, asked.to.source, numbers, "parameter") + asked.to.offset as usize;
        let mut quantities = vec![];
        for k in read_after(problem, asked) {
            let numbers = after[k as usize].clone();
            joint.extend(&numbers);
            let at = promote(&mut view, Source::After(k), numbers, "after the solve");
            quantities.push((at, after::elements(problem, point, problem.after_solve[k as usize])));
        }
        let of = view.stage(asked.of).rows as usize;
        let to = first..first + asked.to.count as usize;
        View { problem: view, joint, watched, of, to, quantities, bends: bends(problem, asked) }
    }
}

/// Whether what is asked for has no derivative at some point.
fn bends(problem: &Problem, asked: &problem::Sensitivity) -> bool {
    let (objectives, constraints, blocks) = (vec![], vec![], vec![]);
    let mut alone = Problem { objectives, constraints, blocks, ..problem.clone() };
    alone.watch(asked.of, asked.span);
    let features = Features::of(&alone);
    !features.kinks.is_empty() || !features.cases.is_empty()
}

/// Which quantities that exist after the solve are read by what is asked for.
fn read_after(problem: &Problem, asked: &problem::Sensitivity) -> Vec<u32> {
    let read = needed(&problem.stages, &[asked.of]);
    let stages = problem.stages.iter().zip(read).filter(|(_, read)| *read).map(|(stage, _)| stage);
    let leaves = stages.flat_map(|s| &s.terms).flat_map(|t| &t.family.leaves);
    let mut found: Vec<u32> = leaves
        .filter_map(|leaf| match leaf.source {
            Source::After(k) if problem.after_solve[k as usize] != AfterSolve::Unsupported => Some(k),
            Source::After(_) | Source::Variables | Source::Param(_) | Source::Stage(_) => None,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

struct Work<'a, 'e> {
    program: Program<'e>,
    view: View,
    point: &'a Point,
    /// The worst residual of a linear solve.
    worst: f64,
}

impl Work<'_, '_> {
    /// The matrix row by row, NaN where there is no derivative, and then what there is to each side.
    fn derivatives(&mut self, notes: &mut Vec<String>) -> (Vec<f64>, Option<OneSided>) {
        if !self.point.weak.is_empty() {
            return self.by_sides(notes);
        }
        if self.program.singular() {
            return (self.within_range(notes), None);
        }
        let (rows, columns) = (self.view.of, self.view.to.len());
        if self.view.bends && columns <= MOST_DIRECTIONS {
            return self.by_bends(notes);
        }
        if rows <= columns {
            return ((0..rows).flat_map(|i| self.reverse(i)).collect(), None);
        }
        let mut values = vec![0.0; rows * columns];
        for j in 0..columns {
            let tangent = self.program.forward(&self.unit(j, 1.0));
            self.worst = self.worst.max(tangent.residual);
            for (i, v) in self.moved(&tangent.point, &tangent.duals, &[]).into_iter().enumerate() {
                values[i * columns + j] = v;
            }
        }
        (values, None)
    }

    /// Of a singular system: an element has a derivative if the movement exists, and determines it.
    fn within_range(&mut self, notes: &mut Vec<String>) -> Vec<f64> {
        let (rows, columns) = (self.view.of, self.view.to.len());
        let exists: Vec<bool> = (0..columns)
            .map(|j| {
                let forced = self.program.forced(&self.unit(j, 1.0));
                self.program.outside(&forced) <= OUTSIDE
            })
            .collect();
        let mut values = vec![];
        for i in 0..rows {
            let (weights, on_duals) = self.weights(i);
            let pulled = self.program.pulled(&weights, &on_duals);
            let determined = self.program.outside(&pulled) <= OUTSIDE;
            let row = if determined { self.reverse(i) } else { vec![f64::NAN; columns] };
            values.extend(row.iter().zip(&exists).map(|(v, exists)| if *exists { *v } else { f64::NAN }));
        }
        let missing = values.iter().filter(|v| v.is_nan()).count();
        notes.push(match missing {
            0 => "constraints depend on each other or the answer is not unique, but what is asked for is determined"
                .into(),
            _ => format!(
                "no derivative ({missing} of {}): constraints depend on each other, or the answer is not unique",
                values.len()
            ),
        });
        values
    }

    /// Where constraints are active without force.
    fn by_sides(&mut self, notes: &mut Vec<String>) -> (Vec<f64>, Option<OneSided>) {
        let (rows, columns) = (self.view.of, self.view.to.len());
        let names: Vec<String> = self.point.weak.iter().map(|weak| self.point.name(weak.at)).collect();
        let listed = match &names[..] {
            [first, .., last] if names.len() > 3 => format!("{first} to {last} ({})", names.len()),
            names => names.join(", "),
        };
        let mut blank = vec![f64::NAN; rows * columns];
        if columns > MOST_DIRECTIONS {
            notes.push(format!("active without force: {listed}; too many parameters for one-sided derivatives"));
            return (blank, None);
        }
        let Some(fan) = Fan::new(&mut self.program, &self.point.weak) else {
            notes.push(format!(
                "no derivative: active without force: {listed}; the answer is not isolated without them"
            ));
            return (blank, None);
        };
        let mut sides = OneSided { right: blank.clone(), left: blank.clone() };
        for j in 0..columns {
            for (sign, out) in [(1.0, &mut sides.right), (-1.0, &mut sides.left)] {
                let unit = self.unit(j, sign);
                let Some(moved) = fan.along(&mut self.program, &unit) else { continue };
                let values = self.moved(&moved.point, &moved.duals, &moved.weak_duals);
                values.into_iter().enumerate().for_each(|(i, v)| out[i * columns + j] = sign * v);
            }
        }
        let same = |(a, b): (&f64, &f64)| (a - b).abs() <= SAME * a.abs().max(1.0);
        for (k, pair) in sides.right.iter().zip(&sides.left).enumerate() {
            if same(pair) {
                blank[k] = 0.5 * (pair.0 + pair.1);
            }
        }
        if blank.iter().all(|v| v.is_finite()) {
            notes.push(format!("active without force: {listed}; the derivatives to both sides agree"));
            return (blank, None);
        }
        notes.push(format!("not differentiable: active without force: {listed}"));
        (blank, Some(sides))
    }

    /// Where what is asked for has kinks: its slopes a little to the one and the other side of the point, along the movement
    /// of the answer.
    fn by_bends(&mut self, notes: &mut Vec<String>) -> (Vec<f64>, Option<OneSided>) {
        /// How far beside, of the movement and of the size of the point.
        const BESIDE: f64 = 1e-9;
        let (rows, columns) = (self.view.of, self.view.to.len());
        let blank = vec![f64::NAN; rows * columns];
        let mut sides = OneSided { right: blank.clone(), left: blank.clone() };
        let mut values = blank;
        let here = self.program.point().to_vec();
        for j in 0..columns {
            let tangent = self.program.forward(&self.unit(j, 1.0));
            self.worst = self.worst.max(tangent.residual);
            let along = self.movement(&tangent.point, &tangent.duals, &[]);
            let step = BESIDE * max_norm(&here).max(1.0) / max_norm(&along).max(1.0);
            let mut slopes = |step: f64| {
                let beside: Vec<f64> = here.iter().zip(&along).map(|(x, d)| x + step * d).collect();
                let all = self.program.rows_at(&along, &beside);
                all[self.view.watched..self.view.watched + rows].to_vec()
            };
            let (right, left) = (slopes(step), slopes(-step));
            for (i, (right, left)) in right.into_iter().zip(left).enumerate() {
                let at = i * columns + j;
                (sides.right[at], sides.left[at]) = (right, left);
                if (right - left).abs() <= SAME * right.abs().max(1.0) {
                    values[at] = 0.5 * (right + left);
                }
            }
        }
        if values.iter().all(|v| v.is_finite()) {
            return (values, None);
        }
        notes.push("not differentiable: the answer is on a kink of what is asked for".to_string());
        (values, Some(sides))
    }

    fn unit(&self, j: usize, size: f64) -> Vec<f64> {
        let mut direction = vec![0.0; self.program.dimension()];
        direction[self.view.to.start + j] = size;
        direction
    }

    /// One row by a reverse solve.
    fn reverse(&mut self, i: usize) -> Vec<f64> {
        let (weights, on_duals) = self.weights(i);
        let found = self.program.reverse(&weights, &on_duals);
        self.worst = self.worst.max(found.residual);
        found.point[self.view.to.clone()].to_vec()
    }

    /// Element `i` of what is asked for as weights of the joint vector and of the active multipliers.
    fn weights(&mut self, i: usize) -> (Vec<f64>, Vec<f64>) {
        let mut rows = vec![0.0; self.program.row_count()];
        rows[self.view.watched + i] = 1.0;
        let mut weights = self.program.gradients(&rows);
        rows.fill(0.0);
        let mut on_duals = vec![0.0; self.program.active()];
        for (first, elements) in &self.view.quantities {
            for (k, element) in elements.iter().enumerate() {
                let weight = std::mem::take(&mut weights[first + k]);
                if weight == 0.0 {
                    continue;
                }
                for (at, factor) in &element.duals {
                    if let Some(k) = self.place(*at) {
                        on_duals[k] += weight * factor;
                    }
                }
                element.rows.iter().for_each(|(row, factor)| rows[*row] += weight * factor);
            }
        }
        if rows.iter().any(|w| *w != 0.0) {
            let more = self.program.gradients(&rows);
            weights.iter_mut().zip(more).for_each(|(w, more)| *w += more);
        }
        (weights, on_duals)
    }

    /// Where a row or a bound stands among the active ones.
    fn place(&self, at: At) -> Option<usize> {
        let selected = &self.program.selected;
        match at {
            At::Row(r) => selected.rows.binary_search(&r).ok(),
            At::Bound(k) => selected.bounds.binary_search(&k).ok().map(|place| selected.rows.len() + place),
        }
    }

    /// All elements of what is asked for, for a movement of the joint vector and of the multipliers.
    fn moved(&mut self, point: &[f64], duals: &[f64], weak_duals: &[f64]) -> Vec<f64> {
        let point = self.movement(point, duals, weak_duals);
        let rows = self.program.rows(&point);
        rows[self.view.watched..self.view.watched + self.view.of].to_vec()
    }

    /// The same with what is known after the solve.
    fn movement(&mut self, point: &[f64], duals: &[f64], weak_duals: &[f64]) -> Vec<f64> {
        let mut point = point.to_vec();
        if !self.view.quantities.is_empty() {
            let rows = self.program.rows(&point);
            let dual = |at: At| match self.point.weak.iter().position(|weak| weak.at == at) {
                Some(k) => weak_duals.get(k).copied().unwrap_or(0.0),
                None => self.place(at).map_or(0.0, |k| duals[k]),
            };
            for (first, elements) in &self.view.quantities {
                for (k, element) in elements.iter().enumerate() {
                    let by_duals: f64 = element.duals.iter().map(|(at, factor)| factor * dual(*at)).sum();
                    let by_rows: f64 = element.rows.iter().map(|(row, factor)| factor * rows[*row]).sum();
                    point[first + k] = by_duals + by_rows;
                }
            }
        }
        point
    }
}
