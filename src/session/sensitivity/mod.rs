//! `sensitivity a to b`: the answer as a function of its parameters, differentiated and checked.
//!
//! The point is polished ([`point`]), the numbers that are asked for become variables ([`crate::problem::promote`]), and
//! [`crate::solve::implicit`] solves the linear systems. What is asked for is a stage of the problem: it becomes rows
//! without sides, and the duals and slacks that it reads become variables too ([`view`]), whose movement [`after`] knows; [`work`]
//! puts the derivatives together. Last, [`resolve`] solves the problem again nearby.

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
mod view;
mod work;

pub(super) use resolve::Solver;

use crate::ad::Evaluator;
use crate::answer::result::Entry;
use crate::answer::sensitivity::{Checks, Resolved, Sensitivity};
use crate::answer::{Answer, Outcome, Status};
use crate::expr::family::Source;
use crate::problem::{self, AfterSolve, Problem};
use crate::session::changes::Refused;
use crate::solve::implicit::{Program, Solver as Solved};
use asked::named;
use linear::How;
use point::Point;
use view::{View, read_after};
use work::Work;

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
