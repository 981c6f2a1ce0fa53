//! The judge must refuse what is wrong and accept what is right. Models are texts; outcomes are written by hand, so
//! that nothing here depends on a method.

use super::*;
use crate::answer::certificate::Proved;
use crate::answer::status::{Status, status};
use crate::answer::{Evaluations, Multipliers};
use crate::diag::Sources;
use crate::host::Memory;

pub(super) fn problem(text: &str) -> Problem {
    let mut sources = Sources::default();
    let source = sources.add("model.opt", text);
    let (file, mut diagnostics) = crate::syntax::parse(source, text);
    let inputs = crate::sema::Inputs { path: "model.opt".into(), ..Default::default() };
    let (problem, more) = crate::sema::elaborate(&file, &mut sources, &Memory::default(), &inputs);
    diagnostics.extend(more);
    problem.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

pub(super) fn outcome(x: &[f64], stop: Stop) -> Outcome {
    Outcome { x: x.to_vec(), multipliers: None, stop, iterations: 0, evaluations: Evaluations::default(), log: vec![] }
}

/// A converged outcome with multipliers of rows, lower and upper bounds.
pub(super) fn converged(x: &[f64], rows: &[f64], lower: &[f64], upper: &[f64]) -> Outcome {
    let multipliers = Multipliers { rows: rows.to_vec(), lower: lower.to_vec(), upper: upper.to_vec() };
    Outcome { multipliers: Some(multipliers), ..outcome(x, Stop::Converged) }
}

pub(super) fn judged(text: &str, outcome: &Outcome) -> (Certificate, Status) {
    let certificate = judge(&problem(text), outcome, &JudgeOptions::default());
    let status = status(&outcome.stop, &certificate);
    (certificate, status)
}

pub(super) fn broken(certificate: &Certificate) -> Vec<&'static str> {
    certificate.broken().map(|r| r.name).collect()
}

/// `x* = (1, 2)`, `y* = 4`, the bound on `b` active with `z* = 2`; also the maximisation with the other signs.
const CONVEX: &str = "
    var a
    var b <= 2
    minimize cost: (a - 3)^2 + (b - 5)^2
    subject to line: a + b <= 3
";

/// Gradient at (1, 2): (-4, -6) = y (1, 1) + z (0, 1).
fn convex_outcome() -> Outcome {
    converged(&[1.0, 2.0], &[-4.0], &[0.0, 0.0], &[0.0, -2.0])
}

#[test]
fn a_convex_optimum_is_solved_with_a_closed_gap() {
    let (certificate, status) = judged(CONVEX, &convex_outcome());
    assert_eq!((status, certificate.kind), (Status::Solved, Kind::Convex), "{certificate:?}");
    let Proved::Optimal { bound: Some(bound), .. } = certificate.proved else { panic!("{:?}", certificate.proved) };
    assert!((bound - 13.0).abs() < 1e-12);
}

#[test]
fn maximisation_has_the_other_signs() {
    let text = CONVEX.replace("minimize cost: (a - 3)^2 + (b - 5)^2", "maximize gain: -(a - 3)^2 - (b - 5)^2");
    let right = converged(&[1.0, 2.0], &[4.0], &[0.0, 0.0], &[0.0, 2.0]);
    let (certificate, status) = judged(&text, &right);
    assert_eq!(status, Status::Solved, "{certificate:?}");
    let (_, status) = judged(&text, &convex_outcome());
    assert_eq!(status, Status::Failed);
}

#[test]
fn each_wrong_part_breaks_its_residual() {
    let right = convex_outcome;
    let change = |f: fn(&mut Outcome, &mut Multipliers)| {
        let mut wrong = right();
        let mut multipliers = wrong.multipliers.take().unwrap();
        f(&mut wrong, &mut multipliers);
        wrong.multipliers = Some(multipliers);
        wrong
    };
    let cases: [(&str, Outcome); 7] = [
        ("dual", change(|_, m| m.rows[0] = 4.0)),
        ("primal", change(|o, _| o.x[0] += 1e-5)),
        ("dual", change(|o, _| o.x[0] -= 1e-4)),
        ("dual", change(|_, m| m.upper[1] = -2.001)),
        ("sign", change(|_, m| (m.upper[1], m.rows[0]) = (2.0, -4.0))),
        ("complementarity", change(|o, m| (o.x[0], o.x[1], m.upper[1]) = (0.5, 1.5, -3.0))),
        ("finite", change(|o, _| o.x[0] = f64::NAN)),
    ];
    for (name, wrong) in &cases {
        let (certificate, status) = judged(CONVEX, wrong);
        assert!(broken(&certificate).contains(name), "{name}: {certificate:?}");
        assert_eq!(status, Status::Failed);
    }
    let short = converged(&[1.0, 2.0], &[], &[], &[]);
    assert_eq!(judged(CONVEX, &short).1, Status::Failed);
}

#[test]
fn a_multiplier_on_a_slack_row_breaks_complementarity_alone() {
    // x = 0 is stationary for x^2 + 3 x with a multiplier 3 on a row that holds with room.
    let text = "var x\nminimize x^2 + 3 * x\nsubject to far: x >= -1";
    let (certificate, status) = judged(text, &converged(&[0.0], &[3.0], &[0.0], &[0.0]));
    assert_eq!((broken(&certificate), status), (vec!["complementarity"], Status::Failed));
    // With a bound instead of a row.
    let text = "var x >= -1\nminimize x^2 + 3 * x";
    let (certificate, _) = judged(text, &converged(&[0.0], &[], &[3.0], &[0.0]));
    assert_eq!(broken(&certificate), ["complementarity"]);
}

#[test]
fn a_wrong_sign_on_an_active_row_breaks_the_sign_alone() {
    // At x = 1 the row x >= 1 would have to push the other way.
    let text = "var x\nmaximize x\nsubject to floor: x >= 1";
    let (certificate, status) = judged(text, &converged(&[1.0], &[1.0], &[0.0], &[0.0]));
    assert_eq!((broken(&certificate), status), (vec!["sign"], Status::Failed));
}

#[test]
fn what_a_wrong_derivative_leads_to_is_refused() {
    // A method whose derivative of sin(x) lacks its sign ends where its own residual vanishes, not where ours does.
    let text = "var x in [-3, 3]\nminimize sin(x) + x^2";
    let wrong_end = 0.4501836112948736; // -cos(x) + 2 x = 0
    let zero = |x| converged(&[x], &[], &[0.0], &[0.0]);
    assert_eq!(broken(&judged(text, &zero(wrong_end)).0), ["dual"]);
    assert_eq!(judged(text, &zero(-wrong_end)).1, Status::LocallySolved);
}

#[test]
fn saddle_points_and_maxima_are_refuted() {
    let zero = |n: usize| converged(&vec![0.0; n], &[], &vec![0.0; n], &vec![0.0; n]);
    let cases = [
        ("var x\nvar y\nminimize x^2 - y^2 + y^4", 2, -2.0),
        ("var x\nminimize cos(x)", 1, -1.0),
        ("var x\nvar y\nmaximize x^2 - y^2 - x^4", 2, 2.0),
        ("var x\nvar y\nminimize x * y + x^4 + y^4", 2, -1.0),
    ];
    for (text, n, expected) in cases {
        let (certificate, status) = judged(text, &zero(n));
        let SecondOrder::Refuted { curvature } = certificate.second_order else { panic!("{text}: {certificate:?}") };
        assert!((curvature - expected).abs() < 1e-3, "{text}: {curvature}");
        assert_eq!(status, Status::Failed, "{text}");
    }
}

#[test]
fn curvature_counts_on_the_tangent_space_only() {
    // Along x + y = 2, x y has its maximum at (1, 1): a minimum of -x y there, though its Hessian is indefinite.
    let text = |sense: &str| format!("var x\nvar y\n{sense} x * y\nsubject to sum: x + y == 2");
    let point = converged(&[1.0, 1.0], &[1.0], &[0.0; 2], &[0.0; 2]);
    let (certificate, status) = judged(&text("maximize"), &point);
    assert_eq!((&certificate.second_order, status), (&SecondOrder::Shown, Status::LocallySolved), "{certificate:?}");
    // The other way round it falls from there without end.
    let (certificate, status) = judged(&text("minimize"), &point);
    assert_eq!(status, Status::Unbounded, "{certificate:?}");
}

#[test]
fn curved_rows_and_bounds_enter_the_second_order_test() {
    // A linear objective on the unit disc: only the curvature of the row makes the point strict.
    let text = "var x\nvar y\nminimize x + 0 * sin(y)\nsubject to disc: x^2 + y^2 == 1";
    let (certificate, _) = judged(text, &converged(&[-1.0, 0.0], &[-0.5], &[0.0; 2], &[0.0; 2]));
    assert_eq!(certificate.second_order, SecondOrder::Shown, "{certificate:?}");
    let (certificate, status) = judged(text, &converged(&[1.0, 0.0], &[0.5], &[0.0; 2], &[0.0; 2]));
    assert!(matches!(certificate.second_order, SecondOrder::Refuted { .. }) && status == Status::Failed);
    // Negative curvature against an active bound with a multiplier is fine.
    let text = "var x in [0, 1]\nminimize -x^2 - x";
    let (certificate, status) = judged(text, &converged(&[1.0], &[], &[0.0], &[-3.0]));
    assert_eq!((&certificate.second_order, status), (&SecondOrder::Shown, Status::LocallySolved));
    // A flat direction is neither.
    let (certificate, status) = judged("var x\nminimize x^3", &converged(&[0.0], &[], &[0.0], &[0.0]));
    assert!(matches!(certificate.second_order, SecondOrder::NotShown(_)), "{certificate:?}");
    assert_eq!(status, Status::LocallySolved);
}

#[test]
fn second_order_of_many_variables_is_examined() {
    let zero = vec![0.0; 1200];
    let at_zero = |text: &str| judged(text, &converged(&zero, &[], &zero, &zero));
    let saddle = "param n = 1200\nvar x[1..n]\nminimize sum(i in 1..n: (if i == 700 then -1 else 1) * x[i]^2 + x[i]^4)";
    let (certificate, status) = at_zero(saddle);
    let SecondOrder::Refuted { curvature } = certificate.second_order else { panic!("{certificate:?}") };
    assert!((curvature + 2.0).abs() < 1e-3 && status == Status::Failed, "{curvature}");
    let minimum =
        "param n = 1200\nvar x[1..n]\nminimize sum(i in 1..n: 2 - cos(x[i])) + sum(i in 2..n: sin(x[i] - x[i-1])^2)";
    let (certificate, status) = at_zero(minimum);
    assert_eq!((certificate.second_order, status), (SecondOrder::Shown, Status::LocallySolved));
    // One dense row, without which the point is a saddle: it takes the direction of equal parts away.
    let held = "param n = 320\nvar x[1..n]\nminimize sum(i in 1..n: 1 - cos(x[i])) - 0.6 * sin(sum(i in 1..n: x[i]) / n^0.5)^2";
    let zero = vec![0.0; 320];
    let at_zero = |text: &str, y: &[f64]| judged(text, &converged(&zero, y, &zero, &zero));
    assert!(matches!(at_zero(held, &[]).0.second_order, SecondOrder::Refuted { .. }));
    let row = "\nsubject to total: sum(i in 1..n: x[i]) == 0";
    let (certificate, status) = at_zero(&format!("{held}{row}"), &[0.0]);
    assert_eq!((certificate.second_order, status), (SecondOrder::Shown, Status::LocallySolved));
}

#[test]
fn quadratics_of_many_variables_are_proved_convex_or_not() {
    let text = |c: f64| {
        format!("param n = 1000\nvar x[1..n]\nminimize sum(i in 2..n: x[i]^2 - {c} * x[i] * x[i-1] + x[i-1]^2)")
    };
    let zero = vec![0.0; 1000];
    let at_zero = |c: f64| judged(&text(c), &converged(&zero, &[], &zero, &zero)).1;
    assert_eq!(at_zero(2.0), Status::Solved);
    assert_eq!(at_zero(2.1), Status::Unbounded);
    // Steep in one variable and falling slowly in another.
    let steep = "var x\nvar y\nminimize 1e9 * x^2 - 0.1 * y^2";
    assert_eq!(judged(steep, &converged(&[0.0; 2], &[], &[0.0; 2], &[0.0; 2])).1, Status::Unbounded);
}

#[test]
fn multipliers_are_fitted_where_there_are_none() {
    let (certificate, status) = judged(CONVEX, &outcome(&[1.0, 2.0], Stop::Converged));
    assert_eq!((certificate.multipliers, status), (Witness::Fitted, Status::Solved), "{certificate:?}");
    // Not optimal: the row would need the wrong sign.
    let (certificate, status) = judged(CONVEX, &outcome(&[4.0, -1.0], Stop::Converged));
    assert_eq!((broken(&certificate), status), (vec!["dual"], Status::Failed));
}

#[test]
fn methods_that_claim_nothing_are_asked_for_feasibility_only() {
    let finished = |x: &[f64]| outcome(x, Stop::Finished);
    assert_eq!(judged(CONVEX, &finished(&[0.0, 0.0])).1, Status::BestFound);
    assert_eq!(judged(CONVEX, &finished(&[9.0, 0.0])).1, Status::Failed);
}

#[test]
fn systems_are_solved_by_their_residual() {
    let text = "var x\nvar y\nsubject to circle: x^2 + y^2 == 2\nsubject to same: x == y";
    assert_eq!(judged(text, &outcome(&[1.0, 1.0], Stop::Converged)).1, Status::Solved);
    assert_eq!(judged(text, &outcome(&[1.0, 1.001], Stop::Converged)).1, Status::Failed);
}

#[test]
fn a_quadratic_is_proved_convex_by_its_eigenvalues() {
    let text = |cross: f64| format!("var x\nvar y\nminimize x^2 + {cross} * x * y + y^2");
    let zero = converged(&[0.0; 2], &[], &[0.0; 2], &[0.0; 2]);
    assert_eq!(judged(&text(1.0), &zero).1, Status::Solved);
    assert_eq!(judged(&text(3.0), &zero).1, Status::Unbounded);
}

#[test]
fn chains_of_stages_are_differentiated() {
    // s[n] = x1 + ... + xn by recurrence; min Σ x² with s[n] = n: all 1, y = 2.
    let text = "param n = 40\nvar x[1..n]\nlet s[k in 1..n] = if k == 1 then x[1] else s[k-1] + x[k]\n\
                minimize sum(k in 1..n: x[k]^2)\nsubject to end: s[n] == n";
    let (certificate, status) = judged(text, &converged(&[1.0; 40], &[2.0], &[0.0; 40], &[0.0; 40]));
    assert_eq!(status, Status::Solved, "{certificate:?}");
    let (certificate, _) = judged(text, &converged(&[1.0; 40], &[2.001], &[0.0; 40], &[0.0; 40]));
    assert_eq!(broken(&certificate), ["dual"]);
    assert_eq!(judged(text, &outcome(&[1.0; 40], Stop::Converged)).1, Status::Solved);
}

#[test]
fn infeasibility_needs_a_proof() {
    let claim = |x: &[f64], ray: Option<&[f64]>| outcome(x, Stop::Infeasible { ray: ray.map(<[f64]>::to_vec) });
    // x + y >= 3 within [0, 1]²: by intervals.
    let boxed = "var x in [0, 1]\nvar y in [0, 1]\nminimize x\nsubject to much: x + y >= 3";
    assert_eq!(judged(boxed, &claim(&[1.0, 1.0], None)).1, Status::Infeasible);
    // Free variables: only the combination of rows proves it.
    let free = "var x\nvar y\nminimize x\nsubject to up: x + y >= 3\nsubject to down: x + y <= 1";
    assert_eq!(judged(free, &claim(&[1.0, 1.0], Some(&[1.0, -1.0]))).1, Status::Infeasible);
    assert_eq!(judged(free, &claim(&[0.5, 0.5], None)).1, Status::Infeasible, "the violations at the point do it too");
    // A convex pair: the disc and the far half plane.
    let disc = "var x\nvar y\nminimize x\nsubject to disc: x^2 + y^2 <= 1\nsubject to far: x >= 2";
    let (certificate, status) = judged(disc, &claim(&[1.2, 0.0], Some(&[-1.0, 2.4])));
    assert_eq!(status, Status::Infeasible, "{certificate:?}");
    // Not convex: no proof, but a stationary point of the violation, with its row.
    let valley = "var x\nminimize x^2\nsubject to deep: x^4 - 2 * x^2 <= -2";
    let (certificate, status) = judged(valley, &claim(&[1.0], Some(&[-1.0])));
    assert_eq!(status, Status::LocallyInfeasible, "{certificate:?}");
    let Proved::StationaryInfeasibility { rows } = certificate.proved else { unreachable!() };
    assert_eq!(rows.iter().map(|row| row.label.as_str()).collect::<Vec<_>>(), ["deep"]);
    assert_eq!(judged(valley, &claim(&[0.3], Some(&[-1.0]))).1, Status::Failed, "not stationary");
}

#[test]
fn planted_rays_prove_nothing_about_feasible_problems() {
    let text = "var x in [-5, 5]\nvar y\nminimize x\nsubject to up: x + y >= 3\nsubject to down: x - y <= 1\n\
                subject to wave: sin(y) <= 2";
    let p = problem(text);
    let mut seed = 7u64;
    let mut random = || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    };
    for _ in 0..200 {
        let ray = vec![random(), random(), random()];
        let x = vec![5.0 * random(), 5.0 * random()];
        let claim = outcome(&x, Stop::Infeasible { ray: Some(ray) });
        let certificate = judge(&p, &claim, &JudgeOptions::default());
        let status = status(&claim.stop, &certificate);
        assert!(!matches!(status, Status::Infeasible | Status::LocallyInfeasible), "{claim:?}: {certificate:?}");
    }
}

#[test]
fn unbounded_objectives_need_a_ray_that_holds() {
    let claim = |x: &[f64], ray: &[f64]| outcome(x, Stop::Unbounded { ray: Some(ray.to_vec()) });
    let linear = "var x\nvar y >= 0\nminimize x + y\nsubject to row: x + 2 * y >= 1\nsubject to top: x - y <= 4";
    let (certificate, status) = judged(linear, &claim(&[1.0, 0.0], &[-2.0, 1.0]));
    assert_eq!(status, Status::Unbounded, "{certificate:?}");
    assert!(matches!(certificate.proved, Proved::Unbounded { .. }));
    let bounded = "var x >= 0\nvar y >= 0\nminimize x + y\nsubject to row: x + 2 * y >= 1";
    for ray in [[-2.0, 1.0], [-1.0, 0.0], [1.0, 1.0], [0.0, -1.0]] {
        assert_eq!(judged(bounded, &claim(&[1.0, 0.0], &ray)).1, Status::Failed, "{ray:?}");
    }
    // Falls, but not without end; or stops far out; or only seems to go on.
    for (text, n) in [
        ("var x\nminimize exp(-x)", 1),
        ("var x\nminimize -x\nsubject to far: 1e-10 * x <= 1", 1),
        ("var x\nminimize -x + 1e-12 * x^2", 1),
        ("var x\nvar y\nminimize -x\nsubject to a: x - 0.9999999999 * y <= 0\nsubject to b: y <= x", 2),
    ] {
        let claim = claim(&vec![0.0; n], &vec![1.0; n]);
        assert_eq!(judged(text, &claim).1, Status::Failed, "{text}");
    }
}

#[test]
fn unbounded_objectives_are_proved_by_what_outgrows_the_rest() {
    let cases: [(&str, &[f64], &[f64]); 7] = [
        ("var x\nminimize -x^2 + 5 * x", &[0.0], &[1.0]),
        ("var x\nminimize x^2 * (x - 1)", &[-1.0], &[-1.0]),
        ("var x\nminimize x^2 - exp(x)", &[0.0], &[-1.0]),
        ("var x\nmaximize x^2 - x^4 / 4 + 3 * sin(x) + x^6", &[0.0], &[1.0]),
        ("var x\nvar y\nminimize x * y\nsubject to x + y == 1", &[0.0, 1.0], &[1.0, 0.0]),
        ("var x\nvar y\nminimize -abs(x) - y\nsubject to a: cos(y) <= 2\nsubject to b: x >= y", &[0.0; 2], &[1.0; 2]),
        (
            "param n = 5\nvar x[1..n]\nlet s[k in 1..n] = if k == 1 then x[1] else s[k-1] + x[k]\nminimize -s[n]^3",
            &[0.0; 5],
            &[1.0; 5],
        ),
    ];
    for (text, x, ray) in cases {
        let claim = outcome(x, Stop::Unbounded { ray: Some(ray.to_vec()) });
        let (certificate, status) = judged(text, &claim);
        if text.contains("exp") {
            // x^2 is not told to be less than exp(x) in the end.
            assert_eq!(status, Status::Failed);
            assert!(certificate.notes.is_empty() || certificate.notes[0].contains("not proved"), "{certificate:?}");
        } else {
            assert_eq!(status, Status::Unbounded, "{text}: {certificate:?}");
        }
    }
    // At the saddle of a method that thinks itself done, the direction of negative curvature is tried.
    let saddle = converged(&[0.5, 0.5], &[0.5], &[0.0; 2], &[0.0; 2]);
    let (certificate, status) = judged("var x\nvar y\nminimize x * y\nsubject to x + y == 1", &saddle);
    assert_eq!(status, Status::Unbounded, "{certificate:?}");
}

#[test]
fn huge_multipliers_hide_nothing() {
    // The optimum is 20.723; the row is met within the tolerance from 13.8 on.
    let text = "var x\nminimize x^2\nsubject to a: exp(-x) <= 1e-9";
    let at = |x: f64| converged(&[x], &[-2.0 * x * x.exp()], &[0.0], &[0.0]);
    assert_eq!(judged(text, &at(19.3)).1, Status::Failed);
    assert_eq!(judged(text, &at(9.0 * 10f64.ln())).1, Status::Solved);
    // Rows that cancel with multipliers of 1e12.
    let text = "var x\nvar y\nminimize x - y + sin(x)^2\nsubject to a: x + y >= 0\nsubject to b: x + y <= 0";
    assert_eq!(judged(text, &converged(&[0.0; 2], &[1e12, -1e12], &[0.0; 2], &[0.0; 2])).1, Status::Failed);
    // An objective that is steep elsewhere.
    let text = "var a >= 0\nvar x\nminimize 1e9 * a + (x - 1)^2 + sin(a)^2";
    let (certificate, _) = judged(text, &converged(&[0.0; 2], &[], &[1e9, 0.0], &[0.0; 2]));
    assert_eq!(broken(&certificate), ["dual"]);
}

#[test]
fn an_open_gap_of_a_convex_problem_counts() {
    // So flat that the slope is within the tolerance far from the minimum.
    let (certificate, status) =
        judged("var x\nminimize 1e-9 * (x - 1000)^2", &converged(&[600.0], &[], &[0.0], &[0.0]));
    assert_eq!((broken(&certificate), status), (vec!["gap"], Status::Failed), "{certificate:?}");
}

#[test]
fn small_curvature_must_last_to_the_stationary_point() {
    for (text, x) in [("var x\nminimize x^3", 1e-4), ("var x\nminimize sin(x)^4 + x^3", 5e-4)] {
        let (certificate, _) = judged(text, &converged(&[x], &[], &[0.0], &[0.0]));
        assert!(matches!(certificate.second_order, SecondOrder::NotShown(_)), "{text}: {certificate:?}");
    }
    let (certificate, _) =
        judged("var x\nminimize 1e-3 * x^2 + 1e-9 * sin(x)", &converged(&[0.0], &[], &[0.0], &[0.0]));
    assert_eq!(certificate.second_order, SecondOrder::Shown);
}

#[test]
fn rows_of_a_small_scale_are_not_infeasible() {
    let texts = [
        "var x\nminimize x^2\nsubject to a: 1e-7 * x >= 1",
        "var x\nvar y\nminimize x^2\nsubject to a: 1e-7 * x + 1e-8 * y >= 1\nsubject to b: y <= 5",
        "var x\nminimize x^2\nsubject to a: 1e-7 * x + 1e-9 * sin(x) >= 1",
    ];
    for text in texts {
        let n = text.matches("var").count();
        let claim = outcome(&vec![0.0; n], Stop::Infeasible { ray: None });
        let (certificate, status) = judged(text, &claim);
        assert_eq!(status, Status::Failed, "{text}: {certificate:?}");
    }
}

#[test]
fn dropped_rows_do_not_count() {
    let mut p = problem(CONVEX);
    p.constraints[0].dropped = true;
    let free = converged(&[3.0, 2.0], &[0.0], &[0.0; 2], &[0.0, -6.0]);
    let certificate = judge(&p, &free, &JudgeOptions::default());
    assert_eq!(status(&free.stop, &certificate), Status::Solved, "{certificate:?}");
}

#[test]
fn integers_are_asked_to_be_integers() {
    let text = "var k integer in 0..10\nminimize (k - 2.5)^2";
    assert_eq!(judged(text, &outcome(&[2.0], Stop::Finished)).1, Status::BestFound);
    let (certificate, status) = judged(text, &outcome(&[2.5], Stop::Finished));
    assert_eq!((broken(&certificate), status), (vec!["integrality"], Status::Failed));
}

#[test]
fn residuals_name_the_row_and_are_shown_scaled_and_unscaled() {
    let text = "var x[1..2]\nminimize x[1]\nsubject to big[i in 1..2]: 1000 * x[i] == 2000 * i";
    let (certificate, _) = judged(text, &converged(&[2.0, 4.1], &[0.0; 2], &[0.0; 2], &[0.0; 2]));
    let primal = certificate.residuals.iter().find(|r| r.name == "primal").unwrap();
    assert!((primal.unscaled - 100.0).abs() < 1e-9 && (primal.value - 0.025).abs() < 1e-12, "{primal:?}");
    assert_eq!(primal.place.as_ref().unwrap().label, "big[2]");
}

#[test]
fn a_norm_at_its_kink_has_a_ball_of_slopes() {
    let at = |text: &str, x: &[f64]| {
        let zero = vec![0.0; x.len()];
        judged(text, &converged(x, &[], &zero, &zero))
    };
    // By itself, with what the point misses of the kink within the tolerance.
    let one = "var x[1..3]\nminimize norm(x - [1, 2, 3])";
    for x in [[1.0, 2.0, 3.0], [1.0 + 1e-9, 2.0, 3.0 - 2e-9]] {
        let (certificate, status) = at(one, &x);
        assert_eq!(status, Status::Solved, "{certificate:?}");
        let Proved::Optimal { bound: Some(bound), .. } = certificate.proved else { panic!("{certificate:?}") };
        assert!((-1e-7..=0.0).contains(&bound), "{bound}");
    }
    assert_eq!(at(one, &[1.0, 2.0, 3.1]).1, Status::Failed);
    // A slope within the ball balances it, one outside does not.
    for (pull, expected) in [("0.6 * y + 0.79 * x", true), ("0.6 * y + 0.81 * x", false)] {
        let text = format!("var x\nvar y\nminimize sqrt(x^2 + y^2) + exp({pull})");
        assert_eq!(at(&text, &[0.0; 2]).1 == Status::Solved, expected, "{pull}");
    }
    // With weights, also in rows of a stage: the pull of the others is 2.22 in length, of the second 1.98.
    let weber = |w: f64, m: f64| {
        format!(
            "param a[1..4] = [0, 4, 0, 1]\nparam b[1..4] = [0, 0, 3, 1]\nparam w[1..4] = [1, 1, 1, {w}]\nvar x[1..2]\n\
             minimize sum(k in 1..4: w[k] * sqrt((x[1] - a[k])^2 + {m} * (x[2] - b[k])^2))"
        )
    };
    assert_eq!(at(&weber(3.0, 1.0), &[1.0, 1.0]).1, Status::Solved);
    assert_eq!(at(&weber(0.05, 1.0), &[1.0, 1.0]).1, Status::Failed);
    assert_eq!(at(&weber(3.0, 4.0), &[1.0, 1.0]).1, Status::Solved);
    assert_eq!(at(&weber(3.0, 1.0), &[0.0, 0.0]).1, Status::Failed);
    // Where the square is also read elsewhere, its slope is not free.
    let shared = "var x\nvar y\nminimize sqrt(x^2 + y^2) + 5 * (x^2 + y^2) + 0.5 * y + cos(x)";
    assert_ne!(at(shared, &[0.0; 2]).1, Status::Solved);
    // Smaller norms are worse here: no slope of the ball makes that a minimum.
    let (certificate, status) = at("var x\nvar y\nminimize exp(-sqrt(x^2 + y^2)) + x^2 + y^2", &[0.0; 2]);
    assert_ne!(status, Status::Solved, "{certificate:?}");
    assert_eq!(status, Status::Failed, "{certificate:?}");
}

#[test]
fn kinks_that_point_up_are_no_minima() {
    let status = |text: &str| judged(text, &converged(&[0.0], &[], &[0.0], &[0.0])).1;
    for text in
        ["minimize x^2 - abs(x)", "minimize min(x, -2 * x) + x^2", "maximize abs(x) - x^2", "minimize x^4 - max(x, -x)"]
    {
        assert_eq!(status(&format!("var x\n{text}")), Status::Failed, "{text}");
    }
    assert_eq!(status("var x\nminimize abs(x) + cos(x)"), Status::LocallySolved);
    assert_eq!(status("var x\nmaximize min(x, -2 * x) + x^2 - sin(x)^2"), Status::LocallySolved);
}

/// Instances, sweeps and both sides of the differences are shared by threads; what is found is not touched by that.
#[test]
fn the_number_of_threads_changes_nothing() {
    let n = 9000;
    let text = format!(
        "var x[1..{n}]\nminimize sum(i in 2..{n}: 100 * (x[i-1]^2 - x[i])^2 + (x[i-1] - 1)^2)\n\
         subject to keep[i in 2..{n}]: sin(x[i-1]) * x[i] >= 0"
    );
    let problem = problem(&text);
    let mut near = vec![1.0; n];
    near[n / 2] += 1e-3;
    let zero = |count: usize| vec![0.0; count];
    for (x, right) in [(vec![1.0; n], true), (near, false)] {
        let outcome = converged(&x, &zero(n - 1), &zero(n), &zero(n));
        let [one, two, three] = [1, 2, 3].map(|threads| {
            crate::threads::limit(Some(threads));
            judge(&problem, &outcome, &JudgeOptions::default())
        });
        assert_eq!((one.holds(), one.second_order == SecondOrder::Shown), (right, right), "{one:?}");
        // As text, which tells all bits of numbers, and NaN from nothing else.
        assert_eq!([format!("{two:?}"), format!("{three:?}")], [format!("{one:?}"), format!("{one:?}")]);
    }
}
