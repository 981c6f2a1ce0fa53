//! Products against factors and closed forms, and what is said where products do not get there.

use super::asked::named;
use super::linear::How;
use super::{Solver, one_by, outcome_of};
use crate::ad::HESSIANS;
use crate::answer::Answer;
use crate::answer::sensitivity::{Sensitivity, Systems};
use crate::diag::Sources;
use crate::linalg::dense::Lu;
use crate::session::{Model, Options, Prepared};
use crate::solve::implicit::Linear;
use crate::solve::implicit::linear::Kind;
use crate::solve::options::Value;
use std::ops::ControlFlow;

fn built(text: &str) -> Prepared {
    Model::from_str(text).unwrap().build().unwrap_or_else(|e| panic!("{e}"))
}

fn solved(problem: &mut Prepared, method: &str) -> Answer {
    let tight = vec![("tol".to_string(), Value::Number(1e-10))];
    let options = Options { method: Some(method.to_string()), options: tight, ..Options::default() };
    let plan = problem.plan(&options).unwrap_or_else(|e| panic!("{e}"));
    let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap();
    assert!(answer.certificate().holds(), "{:?}", answer.certificate());
    answer
}

fn by(problem: &mut Prepared, answer: &Answer, (of, to): (&str, &str), how: &str) -> Sensitivity {
    let set = vec![("implicit".to_string(), Value::Text(how.to_string()))];
    let options = Options { options: set, ..Options::default() };
    problem.sensitivity_with(answer, of, to, &options).unwrap_or_else(|e| panic!("{e}"))
}

fn systems(found: &Sensitivity) -> Systems {
    found.checks.as_ref().unwrap_or_else(|| panic!("{found:?}")).systems
}

fn differ(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let size = b.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / size).fold(0.0, f64::max)
}

/// Ridge regression with `m` observations of `n` numbers: `w = A'(A A' + λ)⁻¹ y`.
#[test]
fn a_dense_hessian_in_thousands_of_variables_is_not_formed() {
    let (m, n, lambda) = (4, 3000, 0.5);
    let y = [-0.9, 0.5, 2.0, 0.7];
    let text = format!(
        "param lambda = {lambda}\nparam y[1..{m}] = {y:?}\n\
         param a[i in 1..{m}, j in 1..{n}] = sin(i * j + i^2)\nvar w[1..{n}]\n\
         minimize loss: sum(i in 1..{m}: (sum(j in 1..{n}: a[i, j] * w[j]) - y[i])^2) + lambda * dot(w, w)"
    );
    let mut problem = built(&text);
    let answer = solved(&mut problem, "lbfgs");
    let before = HESSIANS.get();
    let to_lambda = problem.sensitivity(&answer, "w", "lambda").unwrap();
    let to_y = problem.sensitivity(&answer, "w[7]", "y").unwrap();
    assert_eq!(HESSIANS.get(), before, "no Hessian is formed");

    let a = |i: usize, j: usize| f64::sin(((i + 1) * (j + 1) + (i + 1) * (i + 1)) as f64);
    let gram: Vec<f64> = (0..m * m)
        .map(|k| (0..n).map(|j| a(k / m, j) * a(k % m, j)).sum::<f64>() + if k / m == k % m { lambda } else { 0.0 })
        .collect();
    let inner = Lu::new(m, &gram);
    let pulled = |u: &[f64], j: usize| (0..m).map(|i| a(i, j) * u[i]).sum::<f64>();
    let pushed = |v: &[f64]| (0..m).map(|i| (0..n).map(|j| a(i, j) * v[j]).sum()).collect::<Vec<f64>>();
    let u = inner.solve(&y).unwrap();
    let w: Vec<f64> = (0..n).map(|j| pulled(&u, j)).collect();
    assert!(differ(&answer.x, &w) <= 1e-6);
    // dw/dλ = -(A'A + λ)⁻¹ w
    let u = inner.solve(&pushed(&w)).unwrap();
    let expected: Vec<f64> = (0..n).map(|j| -(w[j] - pulled(&u, j)) / lambda).collect();
    assert!(differ(&to_lambda.entry.values, &expected) <= 1e-8, "{}", differ(&to_lambda.entry.values, &expected));
    let expected = inner.solve(&(0..m).map(|i| a(i, 6)).collect::<Vec<f64>>()).unwrap();
    assert!(differ(&to_y.entry.values, &expected) <= 1e-8, "{:?} {expected:?}", to_y.entry.values);
    for found in [to_lambda, to_y] {
        assert!(found.holds(), "{:?} {:?}", found.checks, found.notes);
        let Systems::Products { method: "MINRES", solves, products } = systems(&found) else { panic!("{found:?}") };
        assert!(solves > 0 && products > solves && products < 2000, "{solves} {products}");
        let line = found.lines().into_iter().find(|line| line.contains("holds")).unwrap();
        assert!(line.contains("systems solved by MINRES with") && line.contains("as products show"), "{line}");
        // Eigenvalues are λ and, above, λ + those of A A'.
        let condition = found.checks.unwrap().condition;
        assert!((1e3..=3e4).contains(&condition), "{condition}");
    }
}

/// The soft maximum of `m` linear functions with a row, bounds of which some are active, and a regularisation.
fn soft_maximum(n: usize, rows: &str) -> String {
    format!(
        "param t = 0.4\nparam cap = 0.3\nparam a[i in 1..6, j in 1..{n}] = sin(i * j + i^2)\nvar x[1..{n}] >= -0.02\n\
         let s[i in 1..6] = sum(j in 1..{n}: a[i, j] * x[j]) - i * t\n\
         minimize f: log(sum(i in 1..6: exp(s[i]))) + sum(j in 1..{n}: (x[j] - t * sin(j) / 10)^2) * exp(t)\n{rows}"
    )
}

const ROWS: &str = "subject to { one: sum(x) <= cap - 0.2 * t\n two: dot(x, x) <= 5 }";

#[test]
fn products_agree_with_factors() {
    for (rows, ways) in [("", &["minres", "conjugate_gradients", "gmres", "neumann"][..]), (ROWS, &["minres", "gmres"])]
    {
        let mut problem = built(&soft_maximum(24, rows));
        let answer = solved(&mut problem, "interior_point");
        let mut asked = vec![("x", "t"), ("f", "t"), ("x.reduced_cost", "t")];
        if !rows.is_empty() {
            asked.extend([("x", "cap"), ("one.dual", "cap"), ("two.slack", "t")]);
        }
        for pair in asked {
            let exact = by(&mut problem, &answer, pair, "direct");
            assert!(exact.holds() && systems(&exact) == Systems::Factored, "{exact:?}");
            for way in ways {
                let before = HESSIANS.get();
                let found = by(&mut problem, &answer, pair, way);
                assert!(found.holds(), "{way} {pair:?} {:?} {:?}", found.checks, found.notes);
                let error = differ(&found.entry.values, &exact.entry.values);
                assert!(error <= 1e-8, "{way} {pair:?}: {error}");
                assert!(matches!(systems(&found), Systems::Products { .. }), "{found:?}");
                let unknown = found.notes.iter().any(|note| note.contains("strict local optimum was not examined"));
                assert_eq!(unknown, !rows.is_empty(), "{:?}", found.notes);
                // Solving again by the method forms some.
                let again = found.checks.as_ref().unwrap().resolved.is_some() as usize;
                assert!(HESSIANS.get() - before <= 4 * again, "{way} {pair:?}");
                let (a, b) = (found.checks.unwrap().condition, exact.checks.as_ref().unwrap().condition);
                assert!(a <= 1.01 * b.max(1.0) * 1e3 && a >= 1.0, "{a} {b}");
            }
        }
    }
}

#[test]
fn what_is_large_and_dense_takes_products() {
    let chosen = |text: &str, right_sides: usize| {
        let mut problem = built(text);
        let plan = problem.plan(&Options::default()).unwrap_or_else(|e| panic!("{e}"));
        let how = How::of(&problem.problem, &plan, right_sides);
        (how.linear.kind, how.may_form)
    };
    let direct = (Kind::Direct, false);
    assert_eq!(chosen(&soft_maximum(1500, ROWS), 3), (Kind::Minres, true));
    // Factors serve many right sides.
    assert_eq!(chosen(&soft_maximum(1500, ROWS), 1000), direct);
    assert_eq!(chosen(&soft_maximum(1000, ROWS), 1), direct);
    assert_eq!(chosen("var x[1..10500]\nminimize exp(sum(x)) + dot(x, x)", 10_500), (Kind::Minres, false));
    let chain = "var x[1..9000] start 0.5\nminimize sum(i in 1..8999: (x[i+1] - x[i]^2)^2) + x[1]^2";
    assert_eq!(chosen(chain, 1), direct);
    assert_eq!(chosen(&format!("{chain}\nsolve with lbfgs {{ implicit = \"gmres\" }}"), 1), (Kind::Gmres, false));
}

#[test]
fn what_products_leave_is_not_made_up() {
    // Indefinite with an active row: conjugate gradients meet negative curvature, and were asked for.
    let mut problem = built(&soft_maximum(24, ROWS));
    let answer = solved(&mut problem, "interior_point");
    let found = by(&mut problem, &answer, ("x", "t"), "conjugate_gradients");
    assert!(!found.holds() && found.checks.is_none() && found.entry.values.iter().all(|v| v.is_nan()), "{found:?}");
    assert!(found.notes[0].contains("conjugate gradients left"), "{:?}", found.notes);
    let mut problem = built("param s = 2\nvar x[1..20]\nminimize f: (sum(x) - s)^2");
    let answer = solved(&mut problem, "lbfgs");
    let found = by(&mut problem, &answer, ("x[1]", "s"), "minres");
    assert!(found.checks.is_none() && found.entry.values[0].is_nan(), "{found:?}");
}

#[test]
fn what_products_leave_is_formed_where_that_may_be() {
    let mut prepared = built(&soft_maximum(24, ROWS));
    let answer = solved(&mut prepared, "interior_point");
    let exact = by(&mut prepared, &answer, ("x", "t"), "direct");
    let plan = prepared.plan(&Options::default()).unwrap_or_else(|e| panic!("{e}"));
    let mut problem = prepared.problem.clone();
    named(&mut problem, "x", "t").unwrap();
    let sources = Sources::default();
    let mut solver =
        Solver { sources: &sources, plan: &plan, clock: &|| 0.0, interrupted: &|| false, deadline: f64::INFINITY };
    let few = Linear { kind: Kind::Minres, limit: 2, ..Linear::USUAL };
    let mut found = |may_form: bool| {
        let how = How { linear: few, may_form };
        one_by(how, &problem, &outcome_of(&answer), &problem.sensitivities[0], &[], &mut solver)
    };
    let told = "MINRES left";
    let formed = found(true);
    assert!(formed.holds() && systems(&formed) == Systems::Factored, "{formed:?}");
    assert!(differ(&formed.entry.values, &exact.entry.values) <= 1e-12);
    assert!(formed.notes.iter().any(|n| n.contains(told) && n.contains("so the matrix was formed")), "{formed:?}");
    let left = found(false);
    assert!(left.checks.is_none() && left.entry.values.iter().all(|v| v.is_nan()), "{left:?}");
    assert!(left.notes[0].contains(told), "{:?}", left.notes);
}
