//! Points of problems that contain problems: is every follower's part an answer of its own problem ([`super::followers`]),
//! and is the outermost level stationary?
//!
//! The outermost level is examined where the followers are convex and have multipliers: with their conditions as rows and
//! complementary pairs ([`Problem::conditions`]). Where these say how the followers move, the slope of the objective along
//! their answers, the hypergradient, must be carried by rows and bounds of the outer level ([`super::adjoint`]); where pairs
//! hold both ways or the conditions are singular, the point must be stationary as that of a problem of one level with pairs
//! ([`super::complementarity`]). Whether those conditions are the follower's own is seen at the point with the judge's own
//! slopes.
//!
//! A follower that itself holds pairs, the conditions of one inside it, moves along one piece of its problem
//! ([`Pieces`]) as long as no pair holds both ways and no other piece has an answer as good for it: there the outermost
//! level must be stationary along that piece. Elsewhere the certificate says that it was not examined.

use super::complementarity::Orders;
use super::followers::{Followers, examined, means_its_best, supplied};
use super::program::Program;
use super::{adjoint, branching, complementarity, convexity, fit, residuals};
use crate::answer::branching::Branches;
use crate::answer::certificate::{Certificate, Kind, Place, Proved, Residual, SecondOrder, Stationarity, Witness};
use crate::problem::conditions::Form;
use crate::problem::pieces::Pieces;
use crate::problem::{BlockKind, Choice, Problem};
use std::borrow::Cow;

/// A point of one instance of a block, found by someone else.
#[derive(Clone, Debug, PartialEq)]
pub struct Rival {
    pub block: u32,
    pub instance: u32,
    pub held: Held,
}

/// What is held against a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// What the instance decides instead, with all that it holds, in the order of its [`Level`]; where it holds blocks, in that
    /// of its problem with those beside each other.
    ///
    /// [`Level`]: crate::problem::level::Level
    Point(Vec<f64>),
    /// That nothing is better for an instance that holds blocks, with these written into it.
    Tree(Branches),
    /// The same of what stands inside the instance, numbered as there.
    Inside(Box<Rival>),
}

/// Judges a point of all levels; behind it may stand what a problem with its blocks beside each other has besides.
pub(super) fn certificate(
    stated: &Problem,
    x: &[f64],
    rivals: &[Rival],
    branches: Option<&Branches>,
    tolerance: f64,
) -> Certificate {
    let beside = stated.with_blocks_beside_each_other();
    let problem = &*beside;
    let mut x = x.to_vec();
    x.resize(problem.dimension as usize, 0.0);
    let x = &x[..];
    let program = Program::at(problem, x);
    let mut residuals = vec![residuals::finite(&program, tolerance)];
    residuals.extend(residuals::primal(&program, tolerance));
    if problem.complementarities().next().is_some() {
        residuals.push(complementarity::natural(&program, tolerance));
    }
    // What bounds of multipliers carry is no proof of anything: everything else is asked without them.
    let at_bounds = at_multiplier_bounds(stated, x, tolerance);
    let free = stated.with_free_multipliers();
    let beside = free.with_blocks_beside_each_other();
    let (stated, problem) = (&*free, &*beside);
    let rivals: Vec<&Rival> = rivals.iter().collect();
    let mut seen = examined(stated, problem, x, &rivals, tolerance);
    residuals.extend(std::mem::take(&mut seen.worst));
    let mut notes = seen.notes();
    if let Some(figure) = at_bounds {
        if figure.value > figure.tolerance {
            let name = figure.place.as_ref().map_or("", |place| &place.label);
            notes.push(format!(
                "`{name}` is at a bound that the model gives it: what lies beyond was not looked at, so this is not \
                 certified as an answer"
            ));
        }
        residuals.push(figure);
    }
    if problem.blocks.iter().any(|b| b.kind == BlockKind::Lower(Choice::Optimistic)) && !seen.unproved.is_empty() {
        notes.push("that the followers' choice is the best for the outer level was not examined".to_string());
    }
    let mut class = None;
    let unclear = turns(problem, x, &seen, tolerance);
    match (&seen.without_multipliers, seen.unproved.is_empty()) {
        (None, _) if unclear.is_some() => notes.extend(unclear),
        (None, true) => {
            let outer = outer_stationarity(problem, x, &seen, tolerance);
            notes.extend(outer.note.map(String::from));
            residuals.push(outer.figure);
            class = outer.class;
        }
        (Some(name), _) => notes.push(format!(
            "`{name}` has no multipliers at its answer: whether the outer level is stationary was not examined"
        )),
        (None, false) => {
            let outer = outer_stationarity(problem, x, &seen, tolerance);
            notes.push(match outer.figure.value {
                unknown if unknown.is_nan() => NOT_EXAMINED.to_string(),
                slope => format!(
                    "the slope along the followers' conditions is {slope:.1e}; it need not vanish where a follower that is not \
                     convex changes its answer"
                ),
            });
        }
    }
    let none = SecondOrder::NotAsked;
    let mut proved = Proved::Nothing;
    if let Some(branches) = branches.filter(|_| followers_are_convex(problem, x)) {
        // Followers are convex, and what is examined reads nothing but rows that are linear: their conditions, where they
        // have an answer at all, hold there and only there.
        let conditions = problem.conditions(Form::Kkt).problem;
        let shows = branching::shows(&conditions, branches, tolerance);
        let sign = program.objective.map_or(1.0, |(_, sign)| sign);
        if shows.least == f64::INFINITY {
            return branching::nothing_is_feasible(&program, &shows, tolerance);
        }
        match shows.proof(program.objective_value(), sign, tolerance) {
            Ok(found) => proved = found,
            Err(why) => notes.push(why),
        }
    }
    let certificate = Certificate::judged(Kind::Bilevel, tolerance, residuals, none, proved, Witness::Method, notes);
    match class {
        Some(class) => certificate.with_stationarity(class),
        None => certificate,
    }
}

/// Values within this many tolerances of a side count as at it.
const NEAR: f64 = 100.0;

/// Why a follower that holds pairs may turn one way or another at the point, if one may.
fn turns(problem: &Problem, x: &[f64], seen: &Followers, tolerance: f64) -> Option<String> {
    let both = Pieces::of(problem).both(problem, x, NEAR * tolerance).len();
    let why = match (both, &seen.tie) {
        (0, None) => return None,
        (0, Some(name)) => format!("`{name}` has another answer that is as good for it"),
        _ => format!("conditions inside followers hold both ways ({both} pairs)"),
    };
    Some(format!("{why}: whether the outer level is stationary was not examined"))
}

/// How many multipliers lie at bounds that the model gives them; nothing if it gives none.
fn at_multiplier_bounds(problem: &Problem, x: &[f64], tolerance: f64) -> Option<Residual> {
    if problem.bounded_multipliers().is_empty() {
        return None;
    }
    let found = problem.multipliers_at_bounds(x, tolerance);
    let place = found.first().map(|&k| {
        let owner = problem.variables.iter().find(|v| (v.offset..v.offset + v.axes.len() as u32).contains(&k));
        Place { label: problem.variable_name(k as usize), span: owner.map(|v| v.span).unwrap_or_default() }
    });
    let value = found.len() as f64;
    Some(Residual { name: "multipliers at bounds", value, unscaled: value, tolerance, place })
}

/// Whether every follower is convex where the others are as in `x`, and means its best answer for the outer level.
fn followers_are_convex(problem: &Problem, x: &[f64]) -> bool {
    problem.blocks.iter().enumerate().all(|(b, block)| {
        let convex = |instance: u32| {
            let level = problem.level(b as u32, instance, x);
            let program = Program::at(&level.problem, &level.part(x));
            let pairs = level.problem.complementarities().next().is_some();
            !pairs && convexity::shown(&program).is_ok() && means_its_best(problem, b as u32, &program)
        };
        matches!(block.kind, BlockKind::Lower(_)) && (0..block.axes.len() as u32).all(convex)
    })
}

/// Multipliers of the bounds of what blocks decide, by position, as stationarity leaves them where rows have theirs.
pub fn bound_multipliers(problem: &Problem, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut lower, mut upper) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    for (b, block) in problem.blocks.iter().enumerate() {
        for instance in 0..block.axes.len() as u32 {
            let level = problem.level(b as u32, instance, x);
            let program = Program::at(&level.problem, &level.part(x));
            let found = supplied(problem, b as u32, &level, x, &program);
            for (j, &k) in level.own.iter().enumerate() {
                (lower[k as usize], upper[k as usize]) = (found.lower[j], found.upper[j]);
            }
        }
    }
    (lower, upper)
}

/// Said where [`fit`] has too much to do.
const NOT_EXAMINED: &str = "whether the outer level is stationary was not examined: the slopes of the followers' conditions \
                            have too many entries";

/// Said where followers' conditions are singular at the point.
const NOT_REGULAR: &str = "the followers' conditions do not say how their answers move here: `hypergradient` is what the best \
                           multipliers of all of them leave of the slopes in all variables";

/// How stationary the outermost level is.
struct Outer {
    /// The largest slope of its objective that nothing carries.
    figure: Residual,
    /// What the point is where pairs hold both ways.
    class: Option<Stationarity>,
    note: Option<&'static str>,
}

fn outer_stationarity(problem: &Problem, x: &[f64], seen: &Followers, tolerance: f64) -> Outer {
    let pieces = Pieces::of(problem);
    let base = match pieces.is_empty() {
        true => Cow::Borrowed(problem),
        false => Cow::Owned(pieces.piece(problem, &pieces.nearest(problem, x))),
    };
    let conditions = base.conditions(Form::Kkt);
    let point = conditions.extended(x, &seen.lower, &seen.upper);
    let mut program = Program::at(&conditions.problem, &point);
    let named = |figure: Residual| {
        let place = figure.place.filter(|_| figure.value > figure.tolerance);
        Residual { name: "hypergradient", place, ..figure }
    };
    let one_way = complementarity::hold_one_way(&mut program, tolerance);
    if one_way {
        let mut decided: Vec<bool> = base.owners().iter().map(Option::is_some).collect();
        decided.resize(point.len(), true);
        if let Some(figure) = adjoint::hypergradient(&program, &decided, base.row_count(), tolerance) {
            return Outer { figure: named(figure), class: None, note: None };
        }
        program = Program::at(&conditions.problem, &point);
    }
    let found = complementarity::stationarity(&mut program, None, tolerance, tolerance, Orders::First);
    let mut figure = named(found.residuals.into_iter().next().expect("the slope is the first of the figures"));
    let mut note = one_way.then_some(NOT_REGULAR);
    if figure.value > figure.tolerance && !fit::is_affordable(&program) {
        // What is left without multipliers says nothing.
        (figure.value, figure.unscaled, figure.place) = (f64::NAN, f64::NAN, None);
        note = Some(NOT_EXAMINED);
    }
    Outer { figure, class: (found.both > 0).then_some(found.class), note }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Stop;
    use crate::answer::status::{Status, status};
    use crate::problem::level::tests::whole;

    fn judged(problem: &Problem, values: &[(&str, f64)], rivals: &[f64]) -> (Status, Certificate) {
        let mut x = vec![0.0; problem.dimension as usize];
        for (name, value) in values {
            let v = problem.variables.iter().find(|v| v.name == *name).unwrap_or_else(|| panic!("no {name}"));
            x[v.offset as usize] = *value;
        }
        let rivals: Vec<Rival> =
            rivals.iter().map(|&own| Rival { block: 0, instance: 0, held: Held::Point(vec![own]) }).collect();
        let certificate = certificate(problem, &x, &rivals, None, 1e-6);
        (status(&Stop::Converged, &certificate), certificate)
    }

    fn broken(certificate: &Certificate) -> Vec<&'static str> {
        certificate.broken().map(|r| r.name).collect()
    }

    const LEADER: &str = "var x >= 0\nlower f {\n  var y >= 0\n  minimize (y - 1)^2 - 1.5 * x * y\n  subject to {\n    \
                          a: -3 * x + y <= -3\n    b: x - 0.5 * y <= 4\n    c: x + y <= 7\n  }\n}\n\
                          minimize (x - 5)^2 + (2 * f.y + 1)^2";

    #[test]
    fn an_answer_of_a_convex_follower_is_proved_and_wrong_ones_are_refused() {
        let problem = whole(LEADER);
        // At x = 1 the row `a` holds y at 0: slope -2 - 1.5 = -3.5 in y, carried by `a`.
        let right = [("x", 1.0), ("f.y", 0.0), ("f.a.dual", -3.5)];
        let (status, certificate) = judged(&problem, &right, &[]);
        assert_eq!(status, Status::LocallySolved, "{certificate:?}");
        // The other local answer, at 25, and no answer: the follower wants y = 1 + 0.75 x, or the most it may have.
        for wrong in [
            // Stale: what the follower answered to another x.
            [("x", 2.0), ("f.y", 0.0), ("f.a.dual", -3.5)],
            // The worst response: feasible, and not the best.
            [("x", 3.0), ("f.y", 0.0), ("f.a.dual", 0.0)],
            [("x", 3.0), ("f.y", 4.0), ("f.a.dual", 0.0)],
        ] {
            for rivals in [&[][..], &[3.25], &[1.0, 3.25]] {
                let (status, certificate) = judged(&problem, &wrong, rivals);
                // At x = 3, y = 3.25 the follower is right, and the outer level is not stationary.
                assert_eq!(status, Status::Failed, "{wrong:?} {certificate:?}");
            }
        }
        let away = [("x", 3.0), ("f.y", 3.25), ("f.a.dual", 0.0)];
        let (_, certificate) = judged(&problem, &away, &[]);
        assert_eq!(broken(&certificate), ["hypergradient"], "{certificate:?}");
        let outside = [("x", 1.0), ("f.y", 0.5), ("f.a.dual", -3.5)];
        assert!(broken(&judged(&problem, &outside, &[]).1).contains(&"follower primal"));
    }

    /// `w = 2 / (1 + exp(t))`, the mean of many rows of data drawn towards 0; the outer level wants it to be 1.
    #[test]
    fn the_slope_of_a_fit_to_many_rows_is_found() {
        let problem = whole(
            "var t\nparam a[p in 1..60] = 2 + (if mod(p, 2) == 0 then 1 else -1)\nlower fit {\n  var w\n  minimize \
             sum(p in 1..60: (w - a[p])^2) / 60 + exp(t) * w^2\n}\nminimize (fit.w - 1)^2",
        );
        let (status, certificate) = judged(&problem, &[("t", 0.0), ("fit.w", 1.0)], &[]);
        assert_eq!(status, Status::LocallySolved, "{certificate:?}");
        let e = 1f64.exp();
        let (_, certificate) = judged(&problem, &[("t", 1.0), ("fit.w", 2.0 / (1.0 + e))], &[]);
        assert_eq!(broken(&certificate), ["hypergradient"], "{certificate:?}");
        // w' = -share
        let share = 2.0 * e / (1.0 + e).powi(2);
        let expected = 2.0 * (1.0 - 2.0 / (1.0 + e)) * share;
        let found = certificate.broken().next().expect("it is broken").unscaled;
        assert!((found - expected).abs() <= 1e-6, "{found} {expected}");
    }

    #[test]
    fn a_pessimistic_follower_needs_one_answer() {
        let text = LEADER.replace("lower f", "pessimistic lower f");
        let right = [("x", 1.0), ("f.y", 0.0), ("f.a.dual", -3.5)];
        let (status, certificate) = judged(&whole(&text), &right, &[]);
        assert_eq!(status, Status::LocallySolved, "{certificate:?}");
        let (status, certificate) = judged(&whole(&text), &[("x", 3.0), ("f.y", 4.0), ("f.a.dual", 0.0)], &[]);
        assert_eq!(status, Status::Failed, "{certificate:?}");
        // At x = 0 all of y is an answer: y = -1 is the best for the outer level, and not the worst.
        let several = "var x in [0, 1]\nlower f { var y in [-1, 1]\n  minimize x * y }\nminimize x^2 + f.y";
        let point = [("x", 0.0), ("f.y", -1.0)];
        assert!(!broken(&judged(&whole(several), &point, &[]).1).contains(&"follower gap"));
        let several = several.replace("lower f", "pessimistic lower f");
        let (status, certificate) = judged(&whole(&several), &point, &[-1.0, 1.0]);
        assert_eq!(status, Status::Failed);
        assert!(broken(&certificate).contains(&"follower gap"), "{certificate:?}");
    }

    #[test]
    fn a_stationary_point_that_is_no_minimum_falls_to_a_rival() {
        let problem = whole(
            "var x in [0, 4]\nlower f { var y in [-2, 3]\n  minimize y^4 - 2 * y^2 + 0.1 * x * y }\nminimize x + f.y^2",
        );
        // y = 0 is stationary at x = 0, a maximum of the follower.
        let point = [("x", 0.0), ("f.y", 0.0)];
        let (status, certificate) = judged(&problem, &point, &[]);
        assert_eq!(
            (status, broken(&certificate)),
            (Status::Failed, vec!["follower gap"]),
            "nothing was held against it"
        );
        let (status, certificate) = judged(&problem, &point, &[1.0]);
        assert_eq!((status, broken(&certificate)), (Status::Failed, vec!["follower gap"]));
        // The best is not proved, but nothing refutes it.
        let (status, certificate) = judged(&problem, &[("x", 0.0), ("f.y", 1.0)], &[-1.0, 1.0, 5.0]);
        assert_eq!(status, Status::LocallySolved, "{certificate:?}");
        assert!(certificate.notes.iter().any(|n| n.contains("not proved")), "{certificate:?}");
    }
}
