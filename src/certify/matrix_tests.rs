//! Functions of matrices: engine, referee, judge and differences against each other.

use super::hessian::of_lagrangian;
use super::linearise::Linearised;
use super::program::Program;
use super::residuals::Duals;
use super::{JudgeOptions, judge};
use crate::ad::Evaluator;
use crate::answer::certificate::{Certificate, Kind};
use crate::answer::status::{Status, status};
use crate::answer::{Evaluations, Outcome, Stop};
use crate::linalg::pattern::Pattern;
use crate::problem::Problem;
use crate::session::Model;

fn dense(pattern: &Pattern, values: &[f64], symmetric: bool) -> Vec<Vec<f64>> {
    let mut full = vec![vec![0.0; pattern.columns_count]; pattern.rows];
    for (r, e) in (0..pattern.rows).flat_map(|r| pattern.row(r).map(move |e| (r, e))) {
        let c = pattern.columns[e] as usize;
        full[r][c] = values[e];
        if symmetric {
            full[c][r] = values[e];
        }
    }
    full
}

fn times(matrix: &[Vec<f64>], v: &[f64]) -> Vec<f64> {
    matrix.iter().map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum()).collect()
}

fn near(what: &str, found: &[f64], wanted: &[f64], tolerance: f64) {
    let size = wanted.iter().fold(1.0, |most: f64, v| most.max(v.abs()));
    for (k, (a, b)) in found.iter().zip(wanted).enumerate() {
        assert!((a - b).abs() <= tolerance * size, "{what}, {k}: {a} instead of {b}");
    }
}

/// Everything that depends on first and second derivatives, at the start of a model.
fn check(text: &str, what: &str) {
    let prepared = Model::from_str(text).unwrap_or_else(|e| panic!("{what}: {e}")).build().unwrap();
    for one in prepared.compare_derivatives() {
        assert!(one.error <= 1e-6, "{what}: {one:?}");
    }
    let x = crate::plan::start::of(&prepared.problem).x;
    judge_agrees(&prepared.problem, &x, what);
}

fn judge_agrees(problem: &Problem, x: &[f64], what: &str) {
    let (n, m) = (x.len(), problem.row_count());
    let mut evaluator = Evaluator::new(problem);
    let y: Vec<f64> = (0..m).map(|r| 0.4 - 0.3 * (r % 5) as f64).collect();
    let v: Vec<f64> = (0..n).map(|j| 0.7 - 0.2 * (j % 9) as f64).collect();
    // The judge's Lagrangian has the rows with the other sign.
    let program = Program::at(problem, x);
    let mut duals = Duals::zero(&program);
    duals.rows = y.iter().map(|y| -y).collect();
    let (mut gradient, mut pulled) = (vec![0.0; n], vec![0.0; n]);
    evaluator.gradient(x, &mut gradient);
    evaluator.jacobian_transposed_product(x, &y, &mut pulled);
    gradient.iter_mut().zip(&pulled).for_each(|(g, p)| *g += p);
    near(&format!("{what}: gradient"), &program.lagrangian_gradient(&program.here, 1.0, &duals.rows), &gradient, 1e-9);
    let pattern = evaluator.jacobian_pattern().clone();
    let mut entries = vec![0.0; pattern.entries()];
    evaluator.jacobian(x, &mut entries);
    let jacobian = dense(&pattern, &entries, false);
    let mut pushed = vec![0.0; m];
    evaluator.jacobian_product(x, &v, &mut pushed);
    near(&format!("{what}: J v"), &pushed, &times(&jacobian, &v), 1e-10);
    let stages: Vec<_> = program.blocks.iter().map(|b| b.stage).collect();
    let rows = Linearised::at(problem, &stages, x).rows(&stages, usize::MAX).unwrap();
    for block in &program.blocks {
        for (r, row) in rows[&block.stage].iter().enumerate() {
            let mut full = vec![0.0; n];
            row.iter().for_each(|(j, v)| full[*j as usize] = *v);
            near(&format!("{what}: row {r}"), &full, &jacobian[block.rows.start + r], 1e-9);
        }
    }
    let pattern = evaluator.hessian_pattern().clone();
    let mut entries = vec![0.0; pattern.entries()];
    evaluator.hessian(x, 1.0, &y, &mut entries);
    let hessian = dense(&pattern, &entries, true);
    let mut product = vec![0.0; n];
    evaluator.hessian_product(x, 1.0, &y, &v, &mut product);
    near(&format!("{what}: H v"), &product, &times(&hessian, &v), 1e-9);
    let found = of_lagrangian(&program, &duals).unwrap();
    let mut judged = vec![vec![0.0; n]; n];
    for (i, j, v) in found.entries() {
        judged[i as usize][j as usize] = v;
        judged[j as usize][i as usize] = v;
    }
    near(&format!("{what}: the judge's Hessian"), &judged.concat(), &hessian.concat(), 1e-9);
}

/// A matrix of variables around one that is dominated by its diagonal; symmetric or not.
fn model(n: usize, symmetric: bool, objective: &str, rows: &str) -> String {
    let matrix = match symmetric {
        true => "let A[i in 1..n, j in 1..n] = X[max(i, j), min(i, j)]",
        false => "let A[i in 1..n, j in 1..n] = X[i, j]",
    };
    format!(
        "param n = {n}\nvar X[i in 1..n, j in 1..n] start sin(3 * i + 7 * j) + (if i == j then 1.5 * n + 0.1 * i else 0)\n\
         {matrix}\nparam c[i in 1..n] = cos(i)\nminimize {objective}\nsubject to {{\n{rows}\n}}\n"
    )
}

#[test]
fn engine_judge_and_differences_agree() {
    for n in 1..=8 {
        for symmetric in [false, true] {
            for (objective, rows) in [
                ("det(A) / (2 * n)^n", "a: det(A) / (2 * n)^n >= 0"),
                ("exp(logdet(A) / 10)", "a: logdet(A) * X[1, 1] >= 0"),
                ("eigmax(A)^2", "a: eigmax(A) * X[1, 1] <= 9"),
                ("dot(c, inv(A) * c) + trace(inv(A))^2", "a[i in 1..n]: dot(inv(A)[i, ..], c) <= 1"),
            ] {
                // Larger ones are in the tests of the engine; here they take long without optimisation.
                let (inverse, large) = (objective.contains("inv"), n == 8 && symmetric);
                if n > if inverse { 4 } else { 5 } && (inverse || !large) {
                    continue;
                }
                check(&model(n, symmetric, objective, rows), &format!("{objective} of {n} rows, {symmetric}"));
            }
        }
    }
}

#[test]
fn families_and_stages_in_between_are_followed() {
    check(
        "param n = 3\nset S = {\"a\", \"b\", \"c\"}\nparam w[s in 1..3] = s\n\
         var x[1..2, 1..3] start 0.3\nvar t start 2\nvar u start 0.2\n\
         let A[s in 1..3, i in 1..n, j in 1..n] = (if i == j then t + w[s] else 0) + x[1, i]^2 * x[2, j] * w[s] + u\n\
         let B[i in 1..n, j in 1..n] = sin(x[1, i]) + (if i == j then 4 else 0)\n\
         let z = inv(B) * [1, 2, 3]\n\
         let C = inv(A[1, .., ..]) * B\n\
         minimize sum(s in 1..3: w[s] * logdet(A[s, .., ..])) + det(C) + dot(z, z)\n\
         subject to each[s in 1..3]: det(A[s, .., ..]) * u + eigmax(A[s, .., ..]) >= w[s]\n\
         subject to inverse[s in 1..3, i in 1..n]: inv(A[s, .., ..])[i, 1] * t <= 1\n",
        "families",
    );
}

#[test]
fn a_large_matrix() {
    let n = 30;
    let text = model(n, true, "-logdet(A) + trace(A) / 9", "a: dot(c, inv(A) * c) <= 3\nb: eigmax(A) <= 99");
    let prepared = Model::from_str(&text).unwrap().build().unwrap();
    let problem = &prepared.problem;
    let x = crate::plan::start::of(problem).x;
    let mut evaluator = Evaluator::new(problem);
    let v: Vec<f64> = (0..x.len()).map(|j| 0.7 - 0.2 * (j % 9) as f64).collect();
    let y = [0.5, -0.25];
    let pattern = evaluator.hessian_pattern().clone();
    let mut entries = vec![0.0; pattern.entries()];
    evaluator.hessian(&x, 1.0, &y, &mut entries);
    let product = times(&dense(&pattern, &entries, true), &v);
    let gradient_at = |evaluator: &mut Evaluator, t: f64| {
        let moved: Vec<f64> = x.iter().zip(&v).map(|(x, v)| x + t * v).collect();
        let (mut gradient, mut pulled) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        evaluator.gradient(&moved, &mut gradient);
        evaluator.jacobian_transposed_product(&moved, &y, &mut pulled);
        gradient.iter().zip(&pulled).map(|(g, p)| g + p).collect::<Vec<f64>>()
    };
    let (up, down) = (gradient_at(&mut evaluator, 1e-4), gradient_at(&mut evaluator, -1e-4));
    let differences: Vec<f64> = up.iter().zip(&down).map(|(u, d)| (u - d) / 2e-4).collect();
    near("H v", &product, &differences, 1e-7);
    let program = Program::at(problem, &x);
    let judged = program.lagrangian_gradient(&program.here, 1.0, &[-0.5, 0.25]);
    near("gradient", &judged, &gradient_at(&mut evaluator, 0.0), 1e-9);
}

#[test]
fn singular_matrices_have_cofactors() {
    let text = "var X[1..3, 1..3] start [1, 2, 3; 2, 4, 6; 1, 0, 1]\nminimize det(X)\n";
    check(text, "of rank two");
    check(&text.replace("1, 0, 1", "3, 6, 9"), "of rank one");
}

fn judged(text: &str, x: &[f64]) -> (Certificate, Status) {
    let problem = Model::from_str(text).unwrap().build().unwrap().problem;
    let evaluations = Evaluations::default();
    let outcome =
        Outcome { x: x.to_vec(), multipliers: None, stop: Stop::Converged, iterations: 0, evaluations, log: vec![] };
    let certificate = judge(&problem, &outcome, &JudgeOptions::default());
    let status = status(&outcome.stop, &certificate);
    (certificate, status)
}

#[test]
fn right_points_are_accepted_and_wrong_ones_refused() {
    // -log(2 x - y²) + x is least at (1, 0), and convex since the matrix is symmetric and affine.
    let text = "var x\nvar y\nminimize -logdet([x, y; y, 2]) + x";
    let (certificate, found) = judged(text, &[1.0, 0.0]);
    assert_eq!((found, certificate.kind), (Status::Solved, Kind::Convex), "{certificate:?}");
    for wrong in [[1.001, 0.0], [1.0, 0.001], [-1.0, 0.0], [0.5, 1.1]] {
        assert!(!judged(text, &wrong).0.holds(), "{wrong:?}");
    }
    // Not symmetric: the same function, of which convexity is not claimed.
    let (certificate, found) = judged("var x\nvar y\nminimize -logdet([x, y; 2 * y, 2]) + x", &[1.0, 0.0]);
    assert_eq!((found, certificate.kind), (Status::LocallySolved, Kind::Nlp), "{certificate:?}");
    // A determinant has a saddle at 0.
    let (certificate, _) = judged("var x\nvar y\nvar z\nminimize det([x, y; y, z])", &[0.0; 3]);
    assert!(!certificate.holds(), "{certificate:?}");
    // (x + 1/x) is least at 1; at -1 it has a maximum.
    let text = "var x start 2\nminimize trace(inv([x, 1; 0, 1])) + x";
    assert!(judged(text, &[1.0]).0.holds());
    assert!(!judged(text, &[-1.0]).0.holds());
    // The largest eigenvalue 2 + sqrt(1 + y²) + (y - 1)²: slope y / sqrt(1 + y²) + 2 (y - 1).
    let text = "var y\nminimize eigmax([3, y; y, 1]) + (y - 1)^2";
    let mut y = 0.7;
    for _ in 0..50 {
        y = 1.0 - 0.5 * y / f64::hypot(1.0, y);
    }
    let (certificate, found) = judged(text, &[y]);
    assert_eq!((found, certificate.kind), (Status::Solved, Kind::Convex), "{certificate:?}");
    assert!(!judged(text, &[y + 1e-3]).0.holds());
}
