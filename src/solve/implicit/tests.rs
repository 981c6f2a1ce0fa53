//! Every kind of conditions against central differences of answers that were computed tightly.

use super::conditions::{Conditions, Equations, ProximalStep, Split, Stationarity};
use super::linear::{Implicit, Kind, Linear};
use super::program::Program;
use super::system::Selected;
use super::{second, unroll};
use crate::ad::Evaluator;
use crate::linalg::vector::dot;
use crate::session::Model;
use crate::solve::parts::proximal::Proximal;

fn evaluator(text: &str) -> Evaluator {
    Evaluator::new(&Model::from_str(text).unwrap().build().unwrap_or_else(|e| panic!("{e}")).problem)
}

const LEAST_SQUARES: &str = "var z[1..4]\nvar theta[1..3]\n\
    param A[i in 1..6, j in 1..4] = sin(i * j) + (if i == j then 2 else 0)\n\
    minimize sum(i in 1..6: (sum(j in 1..4: A[i, j] * z[j]) - cos(i) * theta[1] - i * theta[2] / 4)^2) / 2 \
    + exp(theta[3]) * (z[1]^2 + z[2]^2 + z[3]^2 + z[4]^2) / 2";
const THETA: [f64; 3] = [0.7, 0.4, -0.5];
const STEP: f64 = 0.05;

fn split<'e>(evaluator: &'e mut Evaluator, z: &[f64], theta: &[f64]) -> Split<'e> {
    let n = z.len() as u32;
    let point = [z, theta].concat();
    Split { evaluator, point, inner: (0..n).collect(), outer: (n..n + theta.len() as u32).collect() }
}

/// The fixed point of a step for some θ; the map's number is `theta[1] factor`.
fn answer(map: &dyn Fn(&[f64]) -> Option<Proximal>, theta: &[f64]) -> Vec<f64> {
    let mut evaluator = evaluator(LEAST_SQUARES);
    let smooth = Stationarity { split: split(&mut evaluator, &[0.0; 4], theta), sigma: 1.0 };
    let mut step = ProximalStep { smooth, step: STEP, map: map(theta), parameter: None };
    let mut z = vec![0.1; 4];
    for _ in 0..5000 {
        step.smooth.split.move_to(&z);
        let next = step.image();
        let still = next.iter().zip(&z).all(|(a, b)| (a - b).abs() < 1e-16);
        z = next;
        if still {
            break;
        }
    }
    z
}

/// `dz` along a direction by central differences of answers.
fn difference(answer: &dyn Fn(&[f64]) -> Vec<f64>, t: &[f64]) -> Vec<f64> {
    let h = 1e-5;
    let at = |sign: f64| answer(&THETA.iter().zip(t).map(|(p, t)| p + sign * h * t).collect::<Vec<_>>());
    at(1.0).iter().zip(at(-1.0)).map(|(a, b)| (a - b) / (2.0 * h)).collect()
}

/// Forward and reverse agree with the differences, for every linear solver that fits.
fn check(conditions: &mut impl Conditions, kinds: &[Kind], expected: &[f64], t: &[f64], tolerance: f64) {
    let v: Vec<f64> = (0..expected.len()).map(|k| 1.0 - 0.3 * k as f64).collect();
    for kind in kinds {
        let mut implicit = Implicit::new(conditions, Linear { kind: *kind, ..Linear::default() });
        let found = implicit.forward(t);
        assert!(found.residual < 1e-10, "{kind:?}: {found:?}");
        let error = found.values.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error <= tolerance, "{kind:?}: {error}: {found:?} {expected:?}");
        let back = implicit.reverse(&v);
        let (there, here) = (dot(&v, &found.values), dot(&back.values, t));
        assert!((there - here).abs() < 1e-9 * there.abs().max(1.0), "{kind:?}: {there} {here}");
    }
}

const T: [f64; 3] = [1.0, -0.6, 0.8];
const SYMMETRIC: [Kind; 6] = [
    Kind::Automatic,
    Kind::Direct,
    Kind::ConjugateGradients,
    Kind::Minres,
    Kind::Gmres,
    Kind::Neumann { scale: STEP, terms: 4000 },
];

#[test]
fn stationarity() {
    let plain = |_: &[f64]| None;
    let z = answer(&plain, &THETA);
    let expected = difference(&|theta| answer(&plain, theta), &T);
    let mut evaluator = evaluator(LEAST_SQUARES);
    let mut conditions = Stationarity { split: split(&mut evaluator, &z, &THETA), sigma: 1.0 };
    check(&mut conditions, &SYMMETRIC, &expected, &T, 1e-8);
}

#[test]
fn projected_and_proximal_gradients() {
    let kinds = [Kind::Automatic, Kind::Direct, Kind::Gmres, Kind::Neumann { scale: -1.0, terms: 4000 }];
    // The number of the map is `theta[1]` times the factor; 0: it does not depend on it.
    let maps: [(&dyn Fn(f64) -> Proximal, f64); 5] = [
        (&|_| Proximal::Box { lower: vec![-0.1; 4], upper: vec![0.2; 4] }, 0.0),
        (&|_| Proximal::Nonnegative, 0.0),
        (&|total| Proximal::Simplex { total }, 1.3),
        (&|radius| Proximal::Ball { radius }, 0.5),
        (&|threshold| Proximal::SoftThreshold { threshold }, 0.06),
    ];
    for (map, factor) in maps {
        let of = |theta: &[f64]| Some(map(factor * theta[0]));
        let z = answer(&of, &THETA);
        let expected = difference(&|theta| answer(&of, theta), &T);
        let mut evaluator = evaluator(LEAST_SQUARES);
        let smooth = Stationarity { split: split(&mut evaluator, &z, &THETA), sigma: 1.0 };
        let parameter = (factor != 0.0).then_some((0, factor));
        let mut step = ProximalStep { smooth, step: STEP, map: of(&THETA), parameter };
        check(&mut step, &kinds, &expected, &T, 1e-7);
        // A long enough unrolling is the same derivative.
        let unrolled = unroll::forward(&mut step, &[0.1; 4], 3000, &T);
        let error = unrolled.derivative.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error < 1e-6, "{:?}: {error}", step.map);
        let v = [1.0, 0.7, 0.4, 0.1];
        let back = unroll::reverse(&mut step, &[0.1; 4], 50, |_| v.to_vec());
        let ahead = unroll::forward(&mut step, &[0.1; 4], 50, &T);
        assert!((dot(&back.derivative, &T) - dot(&v, &ahead.derivative)).abs() < 1e-12);
        assert_eq!(back.point, ahead.point);
    }
}

#[test]
fn roots_and_fixed_points() {
    let text = "var z[1..2]\nvar theta[1..3]\nminimize 0\nsubject to {\n\
        one: z[1] - theta[1] * sin(z[1]) - theta[2] == 0\n two: z[2] - theta[3] * cos(z[1] + z[2] / 3) == 0\n\
        first: theta[1] * sin(z[1]) + theta[2] == 0\n second: theta[3] * cos(z[1] + z[2] / 3) == 0 }";
    let solve = |theta: &[f64]| {
        let mut z = [1.0, 1.0];
        for _ in 0..400 {
            z = [theta[0] * f64::sin(z[0]) + theta[1], theta[2] * f64::cos(z[0] + z[1] / 3.0)];
        }
        z.to_vec()
    };
    let z = solve(&THETA);
    let expected = difference(&solve, &T);
    for (rows, fixed_point) in [([0, 1], false), ([2, 3], true)] {
        let mut evaluator = evaluator(text);
        let split = split(&mut evaluator, &z, &THETA);
        let mut conditions = Equations { split, rows: rows.to_vec(), fixed_point };
        let scale = if fixed_point { -1.0 } else { 1.0 };
        let kinds = [Kind::Automatic, Kind::Gmres, Kind::Neumann { scale, terms: 500 }];
        check(&mut conditions, &kinds, &expected, &T, 1e-8);
    }
}

/// `min z'Qz/2 + (stuff)  s.t.  rows` at its answer: the point and multipliers by Newton's method on the active rows.
fn constrained(theta: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut evaluator = evaluator(CONSTRAINED);
    let (mut z, mut y) = (vec![0.8, 0.5, 0.4], vec![0.3, 0.3]);
    for _ in 0..60 {
        let point = [z.clone(), theta.to_vec()].concat();
        let mut program =
            Program::new(&mut evaluator, &point, 1.0, &[y.clone(), vec![0.0]].concat(), active()).unwrap();
        let mut slopes = vec![0.0; 6];
        program.evaluator_mut().gradient(&point, &mut slopes);
        let mut rows = vec![0.0; 3];
        program.evaluator_mut().constraints(&point, &mut rows);
        let pulled = program.gradients(&[y[0], y[1], 0.0]);
        let right: Vec<f64> = (0..3).map(|k| pulled[k] - slopes[k]).chain([-rows[0], -rows[1]]).collect();
        let step = program.solve(&right).values;
        (0..3).for_each(|k| z[k] += step[k]);
        (0..2).for_each(|k| y[k] -= step[3 + k]);
    }
    (z, y)
}

/// The third row is not active.
const CONSTRAINED: &str = "var z[1..3]\nvar theta[1..3]\n\
    minimize exp(z[1] - theta[1]) + (z[2] - theta[2])^4 + z[2]^2 + z[3]^2 * theta[3]^2 + z[1] * z[3]\n\
    subject to { ball: 1 - sumsq(z) * theta[2] == 0\n line: z[1] * z[2] + theta[3] * z[3] - 0.3 * theta[1] >= 0\n\
    far: z[1] <= 100 }";

fn active() -> Selected {
    Selected { inner: vec![0, 1, 2], rows: vec![0, 1], bounds: vec![] }
}

#[test]
fn programs_with_active_rows() {
    let (z, y) = constrained(&THETA);
    let both = |theta: &[f64]| {
        let (z, y) = constrained(theta);
        z.into_iter().chain(y.into_iter().map(|y| -y)).collect::<Vec<f64>>()
    };
    let expected = difference(&both, &T);
    let mut evaluator = evaluator(CONSTRAINED);
    let point = [z, THETA.to_vec()].concat();
    let mut program = Program::new(&mut evaluator, &point, 1.0, &[y, vec![0.0]].concat(), active()).unwrap();
    let t = [vec![0.0; 3], T.to_vec()].concat();
    let tangent = program.forward(&t);
    let found: Vec<f64> = tangent.point[..3].iter().copied().chain(tangent.duals.iter().map(|y| -y)).collect();
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-8, "{found} {expected}");
    }
    // By products alone, the same.
    let kinds = [Kind::Automatic, Kind::Direct, Kind::Minres, Kind::Gmres];
    check(&mut program, &kinds, &expected, &t, 1e-8);
}

#[test]
fn second_derivatives_of_a_function_of_the_answer() {
    let upper = "var z[1..3]\nvar theta[1..3]\nminimize sin(z[1]) * theta[2] + z[2]^2 * z[3] + theta[1]^2 * theta[3]\n\
                 subject to { a: z[1] <= 9\n b: z[1] <= 9\n c: z[1] <= 9 }";
    let (mut lower, mut upper) = (evaluator(CONSTRAINED), evaluator(upper));
    let gradient = |theta: &[f64], lower: &mut Evaluator, upper: &mut Evaluator| {
        let (z, y) = constrained(theta);
        let point = [z, theta.to_vec()].concat();
        let mut slopes = vec![0.0; 6];
        upper.gradient(&point, &mut slopes);
        let mut program = Program::new(lower, &point, 1.0, &[y, vec![0.0]].concat(), active()).unwrap();
        program.reverse(&slopes, &[0.0; 2]).point[3..].to_vec()
    };
    let h = 1e-5;
    let mut at = |sign: f64| {
        let theta: Vec<f64> = THETA.iter().zip(T).map(|(p, t)| p + sign * h * t).collect();
        gradient(&theta, &mut lower, &mut upper)
    };
    let (right, left) = (at(1.0), at(-1.0));
    let (z, y) = constrained(&THETA);
    let point = [z, THETA.to_vec()].concat();
    let mut program = Program::new(&mut lower, &point, 1.0, &[y, vec![0.0]].concat(), active()).unwrap();
    let found = second::hessian_product(&mut program, &mut upper, &[vec![0.0; 3], T.to_vec()].concat());
    assert!(found.error < 1e-5, "{}", found.error);
    for k in 0..3 {
        let expected = (right[k] - left[k]) / (2.0 * h);
        assert!((found.point[3 + k] - expected).abs() < 1e-6, "{k}: {} {expected}", found.point[3 + k]);
    }
}
