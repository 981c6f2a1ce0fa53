//! Rewrites: one file and one row of [`REWRITES`] each. A rewrite makes another problem whose answers lift back.
//!
//! Every rewrite that adds variables or rows adds them at the end, so that lifting back is forgetting them; what a
//! rewrite removes is removed by the view (`solve::view`), which lifts by itself.

pub mod epigraph;
pub mod kink_pairs;
pub mod norms;
pub mod presolve;
pub mod residual_rows;
pub mod seen;

use super::Form;
use crate::answer::{Multipliers, Outcome, Stop};
use crate::problem::Problem;
use crate::problem::epigraph::Top;
use crate::problem::features::Fact;
use crate::solve::method::{Method, Sees};

/// A row of the table of rewrites.
#[derive(Debug)]
pub struct Rewrite {
    pub name: &'static str,
    pub doc: &'static str,
    /// What becomes of points and multipliers on the way back.
    pub lifts: &'static str,
}

pub const REWRITES: &[Rewrite] = &[
    epigraph::REWRITE,
    kink_pairs::REWRITE,
    norms::REWRITE,
    residual_rows::REWRITE,
    presolve::empty_rows::REWRITE,
    presolve::singleton_rows::REWRITE,
    presolve::parallel_rows::REWRITE,
    presolve::redundant_rows::REWRITE,
    seen::FIXED,
    seen::FREE_ROWS,
    seen::SCALING,
];

/// A rewrite that a plan makes, with what it changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewritten {
    pub name: &'static str,
    pub facts: Vec<Fact>,
}

/// How to undo a rewrite: keep the first so many variables and rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Lift {
    pub variables: usize,
    pub rows: usize,
    /// What determines the added variables at a start: in order, each after those it reads.
    pub tops: Vec<Top>,
}

impl Lift {
    /// The outcome in terms of the problem before the rewrite.
    pub fn lift(&self, outcome: Outcome) -> Outcome {
        let stop = match outcome.stop {
            Stop::Infeasible { ray } => Stop::Infeasible { ray: ray.map(|r| first(r, self.rows)) },
            Stop::Unbounded { ray } => Stop::Unbounded { ray: ray.map(|r| first(r, self.variables)) },
            Stop::Converged
            | Stop::Finished
            | Stop::Branched(_)
            | Stop::Budget
            | Stop::Oracle(_)
            | Stop::IterationLimit
            | Stop::TimeLimit
            | Stop::Interrupted
            | Stop::NoProgress(_)
            | Stop::NotFinite(_)
            | Stop::Failed(_) => outcome.stop,
        };
        let multipliers = outcome.multipliers.map(|m| Multipliers {
            rows: first(m.rows, self.rows),
            lower: first(m.lower, self.variables),
            upper: first(m.upper, self.variables),
        });
        Outcome { x: first(outcome.x, self.variables), multipliers, stop, ..outcome }
    }
}

fn first(mut values: Vec<f64>, count: usize) -> Vec<f64> {
    values.truncate(count);
    values
}

/// What a method is shown of a form: the problem, all rewrites made, and how to undo those that are not the view's.
pub(super) fn show(form: &Form, method: &Method) -> (Problem, Vec<Rewritten>, Vec<Lift>) {
    let (mut problem, mut rewrites, mut lifts) = (form.problem.clone(), form.rewrites.clone(), form.lifts.clone());
    if let (Sees::Residuals, Ok(squares)) = (method.sees, &form.features.squares) {
        let (with_rows, lift, facts) = residual_rows::apply(&problem, squares);
        rewrites.push(Rewritten { name: residual_rows::REWRITE.name, facts });
        lifts.push(lift);
        problem = with_rows;
    }
    rewrites.extend(seen::by_the_view(form, method));
    (problem, rewrites, lifts)
}
