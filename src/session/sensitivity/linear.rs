//! How the linear systems of a sensitivity are solved: by factors, or by products where the Hessian of the Lagrangian is
//! dense and large.
//!
//! Factors serve any number of right sides and show what is singular, so they are the rule, and what products do not
//! solve is formed after all unless it is too large. `implicit = "minres"` and the like ask for one way and no other.

use super::point::Point;
use crate::answer::sensitivity::{Checks, Systems};
use crate::plan::Plan;
use crate::plan::request::COMMON;
use crate::problem::Problem;
use crate::problem::second::{curved_variables, hessian_exceeds};
use crate::solve::implicit::linear::Kind;
use crate::solve::implicit::{Linear, Program, Solver};

/// Up to so many entries of a Hessian are formed, and more where a variable has no more than `EACH`: then factors stay
/// sparse. A guess: with 1400 variables a dense matrix takes about a second to form and to factor.
const FEW: usize = 1_000_000;
const EACH: usize = 200;
/// More are not formed unless that is asked for: with their factors they take a gigabyte.
const MOST: usize = 50_000_000;
/// With more right sides than one for so many variables factors take less than products do. A guess.
const VARIABLES_FOR_EACH: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct How {
    pub linear: Linear,
    /// What products leave unsolved may be formed.
    pub may_form: bool,
}

impl How {
    pub const DIRECT: How = How { linear: Linear { kind: Kind::Direct, ..Linear::USUAL }, may_form: false };

    /// For a problem of one level and so many right sides.
    pub fn of(problem: &Problem, plan: &Plan, right_sides: usize) -> How {
        let limit = Linear::USUAL.limit;
        let asked = |kind: Kind| How { linear: Linear { kind, ..Linear::USUAL }, may_form: false };
        match plan.options.choice(COMMON, "implicit") {
            "auto" => How::chosen(problem, right_sides),
            "minres" => asked(Kind::Minres),
            "conjugate_gradients" => asked(Kind::ConjugateGradients),
            "gmres" => asked(Kind::Gmres),
            // The factor is that of the matrix, which the first products show.
            "neumann" => asked(Kind::Neumann { scale: 1.0, terms: limit }),
            _ => How::DIRECT,
        }
    }

    fn chosen(problem: &Problem, right_sides: usize) -> How {
        // Without an objective nothing is curved.
        if problem.objectives.is_empty() {
            return How::DIRECT;
        }
        let curved = curved_variables(problem).into_iter().filter(|curved| *curved).count();
        let large = |most: usize| curved * (curved + 1) / 2 > most && hessian_exceeds(problem, most);
        if !large(FEW.max(EACH * curved)) {
            return How::DIRECT;
        }
        let may_form = !large(MOST);
        match may_form && right_sides * VARIABLES_FOR_EACH > curved {
            true => How::DIRECT,
            false => {
                // As many products take more than forming and factoring.
                let limit = if may_form { curved / 2 } else { Linear::USUAL.limit };
                How { linear: Linear { kind: Kind::Minres, limit, ..Linear::USUAL }, may_form }
            }
        }
    }

    fn method(&self) -> &'static str {
        match self.linear.kind {
            Kind::Automatic | Kind::Minres => "MINRES",
            Kind::ConjugateGradients => "conjugate gradients",
            Kind::Gmres => "GMRES",
            Kind::Neumann { .. } => "a Neumann series",
            Kind::Direct => "direct",
        }
    }

    /// What was done for a program, and before it for its point.
    pub fn systems(&self, program: &Program, point: &Point) -> Systems {
        match program.solver() {
            Solver::Factored(_) => Systems::Factored,
            Solver::Products(done) => Systems::Products {
                method: self.method(),
                solves: done.solves + point.solves,
                products: done.products + point.products,
            },
        }
    }

    /// Why products are not enough, if something is left.
    pub fn unsolved(&self, left: f64, program: &Program, point: &Point) -> Option<String> {
        let Systems::Products { method, products, .. } = self.systems(program, point) else { return None };
        let Solver::Products(done) = program.solver() else { return None };
        let left = if left.is_nan() { left } else { left.max(done.worst) };
        let solved = left <= Checks::RESIDUAL;
        (!solved).then(|| format!("{method} left {left:.1e} of a linear system after {products} products"))
    }
}
