//! Points of problems that contain problems: is every follower's part an answer of its own problem, and is the outermost
//! level stationary?
//!
//! Each instance of a block is cut out as a problem by itself ([`Problem::level`]) and its part of the point is judged
//! there: feasibility, and how much better another answer is. Convexity proves that none is (by the gap to a bound from its
//! Lagrangian); rivals, points that others found by solving the follower again, can only refute. A follower of which
//! nothing is proved and that no rival was held against is not believed. Nor is one that is pessimistic and is not proved to
//! have one answer: the worst of several for the outer level was not looked for.
//!
//! The outermost level is examined where the followers are convex and have multipliers: with their conditions as rows and
//! complementary pairs ([`Problem::conditions`]) its point must be stationary as that of a problem of one level with pairs
//! ([`super::complementarity`]); what is left of the slope is, without constraints, the hypergradient. Whether those
//! conditions are the follower's own is seen at the point with the judge's own slopes.

use super::program::Program;
use super::{branching, complementarity, convexity, fit, of_point, residuals};
use crate::answer::branching::Branches;
use crate::answer::certificate::{Certificate, Kind, Place, Proved, Residual, SecondOrder, Stationarity, Witness};
use crate::answer::{Evaluations, Multipliers, Outcome, Stop};
use crate::problem::conditions::Form;
use crate::problem::level::Level;
use crate::problem::{Block, BlockKind, Choice, Problem, SuppliedBy};
use crate::threads;

/// A point of one instance of a block, found by someone else.
#[derive(Clone, Debug, PartialEq)]
pub struct Rival {
    pub block: u32,
    pub instance: u32,
    /// What the instance decides, in the order of its [`Level`].
    pub own: Vec<f64>,
}

/// Judges a point of all levels.
pub(super) fn certificate(
    problem: &Problem,
    x: &[f64],
    rivals: &[Rival],
    branches: Option<&Branches>,
    tolerance: f64,
) -> Certificate {
    let program = Program::at(problem, x);
    let mut residuals = vec![residuals::finite(&program, tolerance)];
    residuals.extend(residuals::primal(&program, tolerance));
    if problem.complementarities().next().is_some() {
        residuals.push(complementarity::natural(&program, tolerance));
    }
    let (mut lower, mut upper) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let mut seen = Followers { worst: vec![], unproved: vec![], without_multipliers: None, rivals: 0 };
    let instances = |(b, block): (u32, &Block)| (0..block.axes.len() as u32).map(move |instance| (b, instance));
    let all: Vec<(u32, u32)> = (0..).zip(&problem.blocks).flat_map(instances).collect();
    let found = threads::each(all.clone(), threads::count(), |(b, instance)| {
        let level = problem.level(b, instance, x);
        let mine = rivals.iter().filter(|r| (r.block, r.instance) == (b, instance)).map(|r| r.own.as_slice());
        let found = follower(problem, b, &level, x, &mine.collect::<Vec<_>>(), tolerance);
        (level.own, found)
    });
    for ((b, instance), (own, found)) in all.into_iter().zip(found) {
        for (j, &k) in own.iter().enumerate() {
            (lower[k as usize], upper[k as usize]) = (found.lower[j], found.upper[j]);
        }
        seen.add(problem, b, instance, found);
    }
    residuals.extend(std::mem::take(&mut seen.worst));
    let mut notes = seen.notes();
    if problem.blocks.iter().any(|b| b.kind == BlockKind::Lower(Choice::Optimistic)) && !seen.unproved.is_empty() {
        notes.push("that the followers' choice is the best for the outer level was not examined".to_string());
    }
    let mut class = None;
    match (&seen.without_multipliers, seen.unproved.is_empty()) {
        (None, true) => {
            let (figure, found) = outer_stationarity(problem, x, &lower, &upper, tolerance);
            notes.extend(figure.value.is_nan().then(|| NOT_EXAMINED.to_string()));
            residuals.push(figure);
            class = found;
        }
        (Some(name), _) => notes.push(format!(
            "`{name}` has no multipliers at its answer: whether the outer level is stationary was not examined"
        )),
        (None, false) => {
            let (figure, _) = outer_stationarity(problem, x, &lower, &upper, tolerance);
            notes.push(match figure.value.is_nan() {
                true => NOT_EXAMINED.to_string(),
                false => format!(
                    "the slope along the followers' conditions is {:.1e}; it need not vanish where a follower that is not \
                 convex changes its answer",
                    figure.value
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

/// Whether every follower is convex where the others are as in `x`, and means its best answer for the outer level.
fn followers_are_convex(problem: &Problem, x: &[f64]) -> bool {
    problem.blocks.iter().enumerate().all(|(b, block)| {
        let convex = |instance: u32| {
            let level = problem.level(b as u32, instance, x);
            let program = Program::at(&level.problem, &level.part(x));
            convexity::shown(&program).is_ok() && means_its_best(problem, b as u32, &program)
        };
        matches!(block.kind, BlockKind::Lower(_)) && (0..block.axes.len() as u32).all(convex)
    })
}

/// Whether a follower that is convex and at its best has no other answer that the outer level would have to fear.
fn means_its_best(problem: &Problem, b: u32, program: &Program) -> bool {
    match problem.blocks[b as usize].kind {
        BlockKind::Lower(Choice::Pessimistic) => convexity::strictly(program) && problem.choice_left(b).is_none(),
        BlockKind::Lower(Choice::Optimistic) | BlockKind::Optimality | BlockKind::Player => true,
    }
}

/// What was found of one instance.
struct Found {
    primal: Residual,
    gap: Residual,
    /// No other point is better for it, by more than the gap.
    proved: Result<String, String>,
    /// Whether the multipliers that the point supplies are its multipliers.
    has_multipliers: bool,
    rivals: usize,
    /// Multipliers of its bounds.
    lower: Vec<f64>,
    upper: Vec<f64>,
}

fn follower(problem: &Problem, b: u32, level: &Level, x: &[f64], rivals: &[&[f64]], tolerance: f64) -> Found {
    let own = level.part(x);
    let mut program = Program::at(&level.problem, &own);
    let primal = residuals::primal(&program, tolerance).remove(0);
    let multipliers = supplied(problem, b, level, x, &program);
    let outcome = |multipliers| Outcome {
        x: own.clone(),
        multipliers,
        stop: Stop::Converged,
        iterations: 0,
        evaluations: Evaluations::default(),
        log: vec![],
    };
    let mut certificate = of_point(&mut program, &outcome(Some(multipliers.clone())), tolerance);
    let has_multipliers = certificate.residuals.iter().filter(|r| is_dual(r)).all(|r| r.value <= r.tolerance);
    if !certificate.holds() {
        // The method may have handed back none that are of use.
        let fitted = of_point(&mut program, &outcome(None), tolerance);
        certificate = if fitted.holds() { fitted } else { certificate };
    }
    let value = program.objective_value();
    let mut gap = 0.0f64;
    let mut compared = 0;
    for rival in rivals.iter().filter(|r| r.len() == own.len()) {
        let there = Program::at(&level.problem, rival);
        let feasible = residuals::primal(&there, tolerance).iter().all(|r| r.value <= r.tolerance);
        let better = value - there.objective_value();
        if feasible && better.is_finite() {
            compared += 1;
            gap = gap.max(better);
        }
    }
    let proved = match &certificate.proved {
        Proved::Optimal { because, .. } if certificate.holds() => Ok(because.clone()),
        _ => Err(why_not(&certificate)),
    };
    let pessimistic = problem.blocks[b as usize].kind == BlockKind::Lower(Choice::Pessimistic);
    let proved = match means_its_best(problem, b, &program) {
        true => proved,
        false => Err("it may have other answers, and the outer level fears the worst".to_string()),
    };
    if proved.is_err() && (compared == 0 || pessimistic) {
        gap = f64::NAN;
    }
    if let Some(bound) = certificate.residuals.iter().find(|r| r.name == "gap").filter(|_| proved.is_ok()) {
        gap = gap.max(bound.unscaled);
    }
    let span = problem.blocks[b as usize].span;
    let place = Some(Place { label: problem.blocks[b as usize].name.clone(), span });
    let gap = Residual { name: "follower gap", value: gap / value.abs().max(1.0), unscaled: gap, tolerance, place };
    let Multipliers { lower, upper, .. } = multipliers;
    Found {
        primal: Residual { name: "follower primal", ..primal },
        gap,
        proved,
        has_multipliers,
        rivals: compared,
        lower,
        upper,
    }
}

fn is_dual(residual: &Residual) -> bool {
    matches!(residual.name, "dual" | "complementarity" | "sign")
}

fn why_not(certificate: &Certificate) -> String {
    let not_convex = certificate.notes.iter().find(|note| note.starts_with("not shown to be convex"));
    match not_convex {
        Some(note) => note.clone(),
        None => "its multipliers prove no bound".to_string(),
    }
}

/// The multipliers that the point supplies for the rows, and what stationarity leaves for the bounds.
fn supplied(problem: &Problem, b: u32, level: &Level, x: &[f64], program: &Program) -> Multipliers {
    let block = &problem.blocks[b as usize];
    let mut rows = vec![0.0; level.rows.len()];
    for s in &block.supplied {
        let SuppliedBy::Row(k) = s.by else { continue };
        let offset = problem.variables[s.variable as usize].offset;
        for (y, &(_, r)) in rows.iter_mut().zip(&level.rows).filter(|(_, (c, _))| *c == k) {
            *y = block.constraints[k as usize].dual_sign * x[(offset + r) as usize];
        }
    }
    let sign = program.objective.map_or(1.0, |(_, sign)| sign);
    let turned: Vec<f64> = rows.iter().map(|y| sign * y).collect();
    let rest = program.lagrangian_gradient(&program.here, 1.0, &turned);
    // A slope that pushes towards a bound is carried by it if the variable is there.
    let near = |bound: f64, j: usize| (program.x[j] - bound).abs() <= 1e-4 * bound.abs().max(1.0);
    let at = |j: usize, at_lower: bool| {
        let bound = if at_lower { program.lower[j] } else { program.upper[j] };
        let carried = bound.is_finite() && near(bound, j) && (rest[j] >= 0.0) == at_lower;
        if carried { sign * rest[j] } else { 0.0 }
    };
    let n = rest.len();
    Multipliers { rows, lower: (0..n).map(|j| at(j, true)).collect(), upper: (0..n).map(|j| at(j, false)).collect() }
}

/// What was found of all instances, the worst figures kept.
struct Followers {
    worst: Vec<Residual>,
    unproved: Vec<String>,
    without_multipliers: Option<String>,
    rivals: usize,
}

impl Followers {
    fn add(&mut self, problem: &Problem, b: u32, instance: u32, found: Found) {
        let block = &problem.blocks[b as usize];
        let name = format!("{}{}", block.name, block.axes.label(instance as usize));
        for residual in [found.primal, found.gap] {
            match self.worst.iter_mut().find(|r| r.name == residual.name) {
                Some(worst) if residual.value > worst.value || residual.value.is_nan() => *worst = residual,
                Some(_) => {}
                None => self.worst.push(residual),
            }
        }
        self.rivals += found.rivals;
        if let Err(why) = found.proved {
            self.unproved.push(format!("that the answer of `{name}` is its best is not proved: {why}"));
        }
        if !found.has_multipliers && self.without_multipliers.is_none() {
            self.without_multipliers = Some(name);
        }
    }

    /// At most a few followers are named.
    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.unproved.iter().take(3).cloned().collect();
        if self.unproved.len() > 3 {
            notes.push(format!("nor is that of {} other followers", self.unproved.len() - 3));
        }
        if self.rivals > 0 {
            notes.push(format!("answers of followers, solved again by other methods, were compared: {}", self.rivals));
        }
        notes
    }
}

/// Said where [`fit`] has too much to do.
const NOT_EXAMINED: &str = "whether the outer level is stationary was not examined: the slopes of the followers' conditions \
                            have too many entries";

/// The largest slope of the outer objective that rows, bounds and the followers' conditions do not carry, and what the
/// point is where pairs hold both ways.
fn outer_stationarity(
    problem: &Problem,
    x: &[f64],
    lower: &[f64],
    upper: &[f64],
    tolerance: f64,
) -> (Residual, Option<Stationarity>) {
    let conditions = problem.conditions(Form::Kkt);
    let point = conditions.extended(x, lower, upper);
    let mut program = Program::at(&conditions.problem, &point);
    let found = complementarity::stationarity(&mut program, None, tolerance, tolerance);
    let mut figure = found.residuals.into_iter().next().expect("the slope is the first of the figures");
    figure.place = figure.place.filter(|_| figure.value > figure.tolerance);
    if figure.value > figure.tolerance && !fit::is_affordable(&program) {
        // What is left without multipliers says nothing.
        (figure.value, figure.unscaled, figure.place) = (f64::NAN, f64::NAN, None);
    }
    (Residual { name: "hypergradient", ..figure }, (found.both > 0).then_some(found.class))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::status::{Status, status};
    use crate::problem::level::tests::whole;

    fn judged(problem: &Problem, values: &[(&str, f64)], rivals: &[f64]) -> (Status, Certificate) {
        let mut x = vec![0.0; problem.dimension as usize];
        for (name, value) in values {
            let v = problem.variables.iter().find(|v| v.name == *name).unwrap_or_else(|| panic!("no {name}"));
            x[v.offset as usize] = *value;
        }
        let rivals: Vec<Rival> = rivals.iter().map(|&own| Rival { block: 0, instance: 0, own: vec![own] }).collect();
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
        // What the best multiplier leaves of the slope (0, 2 (w - 1)), the row's being in the direction (share, 1).
        let share = 2.0 * e / (1.0 + e).powi(2);
        let expected = 2.0 * (1.0 - 2.0 / (1.0 + e)) * share / (1.0 + share * share);
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
