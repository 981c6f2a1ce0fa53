//! The judge: what holds of a point, checked on the original problem, apart from the method that found it.
//!
//! [`judge`] is pure. It evaluates and differentiates for itself ([`lanes`]), so a wrong derivative in the engine, a wrong rewrite or a wrong lift shows as a residual here. It uses
//! what the method handed back (multipliers, rays) as witnesses only: each is checked before it counts.
//!
//! | file | what it decides |
//! | --- | --- |
//! | `program` | the problem at the point as one minimisation: bounds, rows, scales |
//! | `partials`, `second` | first and second partial derivatives of all functions |
//! | `lanes` | values, slopes and second derivatives of a body for blocks of instances |
//! | `linearise`, `gradients` | values, gradients and sparse rows of all functions |
//! | `matrix` | slopes of functions of matrices |
//! | `residuals` | first-order conditions as figures |
//! | `fit` | multipliers where the method has none |
//! | `kinks`, `shares` | slopes where `abs`, `min` or `max` has two, and a norm a ball of them |
//! | `hessian` | the sparse Hessian of the Lagrangian |
//! | `gram` | the matrix of that test, put together |
//! | `cone` | curvature on the directions that keep rows and bounds, by a sparse factorisation |
//! | `curvature` | definiteness of the Hessian of the Lagrangian on the critical cone |
//! | `convexity`, `bound` | whether the problem is convex, and then how much better any point can be |
//! | `infeasible`, `unbounded`, `ray` | proofs that there is nothing to find |
//! | `complementarity` | natural residuals of complementary pairs, and how stationary a point with pairs is |
//! | `branching` | whether all ways in which pairs may hold are excluded or no better |
//! | `bilevel` | points of problems that contain problems: all levels |
//! | `adjoint` | the slope of the outer objective along the followers' answers |
//! | `followers` | whether followers' parts of a point are their answers, also inside each other |
//! | `chain` | a proof of that by bounds that follow from one row each |

mod adjoint;
#[cfg(test)]
mod adjoint_tests;
pub mod bilevel;
mod bound;
mod branching;
mod chain;
mod complementarity;
#[cfg(test)]
mod complementarity_tests;
mod cone;
mod convexity;
mod curvature;
#[cfg(test)]
mod dual_tests;
mod fit;
mod followers;
#[cfg(test)]
mod followers_tests;
mod gradients;
mod gram;
mod hessian;
mod infeasible;
#[cfg(test)]
mod kinked_tests;
mod kinks;
mod lanes;
mod linearise;
mod matrix;
#[cfg(test)]
mod matrix_tests;
mod partials;
mod program;
mod ray;
mod residuals;
mod rows;
mod second;
mod shares;
#[cfg(test)]
mod tests;
mod unbounded;

use crate::answer::certificate::{Certificate, Kind, Place, Proved, Residual, SecondOrder, Witness};
use crate::answer::{Outcome, Stop};
use crate::problem::Problem;
use crate::problem::chain::Chain;
use program::Program;
use residuals::{Duals, Slopes};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgeOptions {
    /// What scaled residuals must not exceed.
    pub tolerance: f64,
}

impl Default for JudgeOptions {
    fn default() -> JudgeOptions {
        JudgeOptions { tolerance: 1e-6 }
    }
}

/// What holds of the outcome of a method for the problem as stated.
pub fn judge(problem: &Problem, outcome: &Outcome, options: &JudgeOptions) -> Certificate {
    judge_with_rivals(problem, outcome, &[], options)
}

/// The same with other answers of followers to hold against those of the point.
pub fn judge_with_rivals(
    problem: &Problem,
    outcome: &Outcome,
    rivals: &[bilevel::Rival],
    options: &JudgeOptions,
) -> Certificate {
    if problem.blocks.is_empty() {
        return judge_one_level(problem, outcome, options);
    }
    let flat = problem.with_conditions_as_rows();
    if flat.blocks.is_empty() {
        return judge_one_level(&flat, outcome, options);
    }
    // Levels with kinks have conditions as levels without them, in which each kink is a variable of its own.
    if let Ok(Some(smooth)) = flat.without_kinks() {
        let mut x = smooth.extended(&outcome.x);
        // Behind that stands what blocks inside others brought.
        x.extend(outcome.x.iter().skip(x.len()));
        return bilevel::certificate(&smooth.problem, &x, rivals, branching::given(outcome), options.tolerance);
    }
    bilevel::certificate(&flat, &outcome.x, rivals, branching::given(outcome), options.tolerance)
}

fn judge_one_level(problem: &Problem, outcome: &Outcome, options: &JudgeOptions) -> Certificate {
    let mut program = Program::at(problem, &outcome.x);
    let has_pairs = problem.complementarities().next().is_some();
    let ending = match &outcome.stop {
        Stop::Infeasible { ray } => infeasible::certificate(&program, ray.as_deref(), options.tolerance),
        // Complementary pairs may stop a ray that no row does.
        Stop::Unbounded { .. } if has_pairs => return of_point(&mut program, outcome, options.tolerance),
        Stop::Unbounded { ray } => unbounded::certificate(&program, ray.as_slice(), options.tolerance),
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
        | Stop::Failed(_) => return of_point(&mut program, outcome, options.tolerance),
    };
    if ending.holds() {
        return ending;
    }
    // A claim that does not stand may still have led to a point that does.
    let point = of_point(&mut program, outcome, options.tolerance);
    if point.holds() { point } else { ending }
}

/// A certificate that nothing is feasible, if the chain proves it; `x` is any point.
pub fn judge_chain(problem: &Problem, x: &[f64], proof: &Chain, options: &JudgeOptions) -> Option<Certificate> {
    if !chain::holds(problem, proof, options.tolerance) {
        return None;
    }
    let program = Program::at(problem, x);
    let mut residuals = residuals::primal(&program, f64::INFINITY);
    // The proof is not about this point.
    residuals.retain(|r| !r.value.is_nan());
    let because = match proof.steps.len() {
        0 => "a row cannot hold within the bounds".to_string(),
        1 => "a bound that follows from one row leaves another row no way to hold".to_string(),
        count => format!("{count} bounds that follow from one row each leave a row no way to hold"),
    };
    let proved = Proved::Infeasible { because };
    let none = SecondOrder::NotAsked;
    let certificate =
        Certificate::judged(Kind::Infeasible, options.tolerance, residuals, none, proved, Witness::None, vec![]);
    certificate.holds().then_some(certificate)
}

/// What holds of a candidate whose objective is only known by asking: `problem` has everything but that objective,
/// `unanswered` names the oracles that said nothing of the point, and `notes` say how much was asked. Feasibility is
/// checked, and nothing is claimed of optimality; a point of which nothing was said is no candidate.
pub fn judge_candidate(
    problem: &Problem,
    x: &[f64],
    unanswered: &[Place],
    notes: Vec<String>,
    options: &JudgeOptions,
) -> Certificate {
    let program = Program::at(problem, x);
    let tolerance = options.tolerance;
    let missing = unanswered.len() as f64;
    let place = unanswered.first().cloned();
    let answered = Residual { name: "unanswered", value: missing, unscaled: missing, tolerance: 0.0, place };
    let mut residuals = vec![residuals::finite(&program, tolerance), answered];
    residuals.extend(residuals::primal(&program, tolerance));
    let none = SecondOrder::NotAsked;
    Certificate::judged(Kind::BlackBox, tolerance, residuals, none, Proved::Nothing, Witness::None, notes)
}

/// Of a point whose optimality is not examined, because there is none, or nothing claims it: what is proved of it, and
/// why no more.
fn unexamined(program: &Program, outcome: &Outcome, feasible: bool) -> Option<(Kind, Proved, Vec<String>)> {
    let not = |kind, note: &str| Some((kind, Proved::Nothing, vec![note.to_string()]));
    if program.problem.objectives.is_empty() {
        return Some((Kind::System, if feasible { Proved::Satisfied } else { Proved::Nothing }, vec![]));
    }
    if program.integer.contains(&true) {
        return not(Kind::Discrete, "optimality among the integer points was not examined");
    }
    if program.objective.is_none() {
        return not(Kind::Candidate, "of several objectives only feasibility was examined");
    }
    match (&outcome.multipliers, &outcome.stop) {
        (None, Stop::Finished | Stop::Budget) => {
            not(Kind::Candidate, "the method claims no optimality, and none was examined")
        }
        _ => None,
    }
}

/// Judges the point of an outcome.
fn of_point(program: &mut Program, outcome: &Outcome, tolerance: f64) -> Certificate {
    if program.problem.complementarities().next().is_some() {
        return complementarity::certificate(program, outcome, tolerance);
    }
    let mut residuals = vec![residuals::finite(program, tolerance)];
    residuals.extend(residuals::primal(program, tolerance));
    let feasible = residuals.iter().all(|r| r.value <= r.tolerance);
    if let Some((kind, proved, notes)) = unexamined(program, outcome, feasible) {
        return Certificate::judged(kind, tolerance, residuals, SecondOrder::NotAsked, proved, Witness::None, notes);
    }
    let (duals, witness) = match &outcome.multipliers {
        Some(given) => (Duals::of(program, given), Witness::Method),
        None => (fit::multipliers(program, tolerance), Witness::Fitted),
    };
    let ties = kinks::choose(program, &duals);
    let program = &*program;
    let slopes = Slopes::at(program, &duals);
    residuals.extend(residuals::dual(program, &duals, &slopes, tolerance));
    let stationary = residuals.iter().all(|r| r.value <= r.tolerance);
    let mut notes = vec![];
    if ties.too_many {
        notes.push(format!("the point lies on kinks with more than {} slopes to choose", kinks::MOST));
    } else if ties.count > 0 {
        notes.push(format!(
            "the point lies on kinks (ties: {}): slopes that they have were chosen to balance",
            ties.count
        ));
    }
    if witness == Witness::Fitted {
        notes.push("multipliers were fitted to the nearly active rows and bounds, as the method has none".to_string());
    }
    let (kind, proved) = match convexity::shown(program) {
        Ok(because) if stationary => match bound::gap(program, &duals, ties.slack) {
            Some(gap) => {
                residuals.push(gap.residual(tolerance));
                (Kind::Convex, gap.proof(because, tolerance, &mut notes))
            }
            None => (Kind::Convex, Proved::Nothing),
        },
        Ok(_) => (Kind::Convex, Proved::Nothing),
        Err(why) => {
            notes.push(format!("not shown to be convex: {why}"));
            (Kind::Nlp, Proved::Nothing)
        }
    };
    let (second_order, falls) = match (kind, stationary) {
        // In a convex problem no direction can have negative curvature.
        (Kind::Convex, _) => (SecondOrder::NotAsked, None),
        (_, true) if ties.count > 0 => (SecondOrder::NotShown("the point lies on kinks".to_string()), None),
        (_, true) => curvature::second_order(program, &duals, &slopes, tolerance),
        (_, false) => (SecondOrder::NotShown("the first-order conditions do not hold".to_string()), None),
    };
    // A saddle may be a step from where the objective falls without end.
    if let Some(direction) = falls {
        let back = direction.iter().map(|d| -d).collect();
        let ending = unbounded::certificate(program, &[direction, back], tolerance);
        if ending.holds() {
            return ending;
        }
    }
    Certificate::judged(kind, tolerance, residuals, second_order, proved, witness, notes)
}
