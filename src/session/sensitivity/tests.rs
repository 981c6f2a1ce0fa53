//! Sensitivities against differences of answers to problems that were solved again, and where there are none.

use crate::answer::Answer;
use crate::answer::sensitivity::Sensitivity;
use crate::session::{Model, Options, Prepared};
use crate::solve::options::Value;
use std::ops::ControlFlow;

/// A model, what is differentiated, and by which parameter.
const MODELS: &[(&str, &[&str], &[&str])] = &[
    // Ridge regression: no constraints.
    (
        "param lambda = 0.3\nparam y[1..4] = [1, -2, 0.5, 3]\nparam a[1..4] = [0.2, 1, -1, 2]\nvar w[1..2]\n\
         minimize loss: sum(i in 1..4: (w[1] * a[i] + w[2] - y[i])^2) + exp(lambda) * dot(w, w)",
        &["w", "loss"],
        &["lambda", "y", "a"],
    ),
    // A quadratic program with an active row, a moving bound and a two-sided row.
    (
        "param cap = 1\nparam t[1..3] = [1, 2, 3]\nparam low = 0.4\nvar w[1..3] in [low, 1.2 * cap]\n\
         minimize loss: sum(i in 1..3: (w[i] - t[i])^2) + 0.1 * w[1] * w[2]\n\
         subject to { first: w[1] + w[2] <= cap^2\n band[i in 1..3]: low - 5 <= w[i] - t[1] <= 9 }",
        &["w", "loss", "first.dual", "first.slack", "band.slack", "w.reduced_cost", "w.upper_dual"],
        &["cap", "t", "low"],
    ),
    // The same maximised, with the row turned round.
    (
        "param cap = 1\nparam t[1..2] = [1, 2]\nvar w[1..2] <= 0.7\n\
         maximize gain: -sum(i in 1..2: (w[i] - t[i])^2)\nsubject to first: cap >= 2 * w[1] + w[2]",
        &["w", "gain", "first.dual", "w.reduced_cost"],
        &["cap", "t"],
    ),
    // A linear program with a unique vertex.
    (
        "param c[1..2] = [3, 5]\nparam b[1..3] = [4, 12, 18]\nvar x[1..2] >= 0\nmaximize profit: dot(c, x)\n\
         subject to { a: x[1] <= b[1]\n d: 2 * x[2] <= b[2]\n e: 3 * x[1] + 2 * x[2] <= b[3] }",
        &["x", "profit", "a.dual", "d.dual", "e.dual", "a.slack"],
        &["c", "b"],
    ),
    // A nonlinear program.
    (
        "param area = 25\nparam radius = 40\nparam k = 1\nvar x[1..4] in [1, 5] start [1, 5, 5, 1]\n\
         minimize cost: x[1] * x[4] * (x[1] + x[2] + k * x[3]) + x[3]\n\
         subject to { volume: prod(x) >= area\n sphere: dot(x, x) == radius }",
        &["x", "cost", "volume.dual", "sphere.dual", "x.lower_dual"],
        &["area", "radius", "k"],
    ),
    // Equations.
    (
        "param e = 0.3\nparam m[1..2] = [1, 2]\nvar E[1..2] start 1\n\
         subject to { one: E[1] - e * sin(E[1]) == m[1]\n two: E[2] - e * sin(E[2]) == m[2] + 0.1 * E[1] }\n\
         let sum_of_squares = dot(E, E) + e",
        &["E", "sum_of_squares"],
        &["e", "m"],
    ),
    // Kinks that become rows: some coefficients are 0.
    (
        "param weight = 0.6\nparam y[1..3] = [2, 0.1, -1]\nvar w[1..3]\n\
         minimize f: sum(i in 1..3: (w[i] - y[i])^2) / 2 + weight * norm1(w) + 0.2 * w[1] * w[3]",
        &["w", "f"],
        &["weight", "y"],
    ),
    // Logistic regression.
    (
        "param c = 0.5\nparam x[1..6] = [0.2, 1, -1, 2, 0.3, -2]\nparam label[1..6] = [1, 1, -1, 1, -1, -1]\nvar w[1..2]\n\
         minimize f: sum(i in 1..6: log1p(exp(-label[i] * (w[1] * x[i] + w[2])))) + c / 2 * dot(w, w)",
        &["w", "f"],
        &["c", "x"],
    ),
    // A recurrence, and a parameter computed from another one.
    (
        "param h = 0.1\nparam target[i in 1..4] = h * i\nparam q = 2\nvar u[1..4] in [-1, 1]\n\
         let s[k in 0..4] = if k == 0 then 1 else s[k-1] + q * h * u[k] * s[k-1]\n\
         minimize f: sum(k in 1..4: (s[k] - target[k])^2 + 0.01 * u[k]^2)",
        &["u", "f", "s"],
        &["q", "h"],
    ),
    // A point in a simplex.
    (
        "param v[1..4] = [0.5, 0.4, -0.3, 0.2]\nvar p[1..4] in simplex\nminimize f: sum(i in 1..4: (p[i] - v[i])^2)",
        &["p", "f", "p.reduced_cost"],
        &["v"],
    ),
    // A point in a ball.
    (
        "param v[1..3] = [1, 2, -2]\nparam r = 1.5\nvar p[1..3] in ball(r)\nminimize f: sum(i in 1..3: (p[i] - v[i])^2)",
        &["p", "f"],
        &["v", "r"],
    ),
    // A support vector machine with slacks.
    (
        "param C = 0.7\nparam x[1..5] = [1, 2, -1, -1.5, 0.4]\nparam y[1..5] = [1, 1, -1, -1, -1]\nvar w\nvar b\n\
         var xi[1..5] >= 0\nminimize f: w^2 / 2 + 0.01 * b^2 + C * sum(i in 1..5: xi[i])\n\
         subject to margin[i in 1..5]: y[i] * (w * x[i] + b) >= 1 - xi[i]",
        &["w", "b", "xi", "f", "margin.dual"],
        &["C", "x"],
    ),
];

fn built(text: &str) -> Prepared {
    Model::from_str(text).unwrap().build().unwrap_or_else(|e| panic!("{e}"))
}

fn solved(problem: &mut Prepared) -> Answer {
    // Differences of answers need answers that are better than usual.
    let tight = vec![("tol".to_string(), Value::Number(1e-12))];
    let options = Options { method: Some("interior_point".to_string()), options: tight, ..Options::default() };
    let plan = problem.plan(&options).unwrap();
    problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap()
}

fn value(answer: &Answer, name: &str) -> Vec<f64> {
    let entry = |entries: &[crate::answer::result::Entry], owner: &str| {
        entries.iter().find(|e| e.name == owner).unwrap_or_else(|| panic!("{name}")).values.clone()
    };
    match name.rsplit_once('.') {
        None => answer.value(name).unwrap_or_else(|| panic!("{name}")).to_vec(),
        Some((owner, "dual")) => entry(&answer.duals, owner),
        Some((owner, "slack")) => entry(&answer.slacks, owner),
        Some((owner, "reduced_cost")) => entry(&answer.reduced_costs, owner),
        Some((owner, "upper_dual")) => entry(&answer.upper_duals, owner),
        Some((owner, "lower_dual")) => entry(&answer.lower_duals, owner),
        Some(_) => panic!("{name}"),
    }
}

#[test]
fn sensitivities_agree_with_differences_of_solved_problems() {
    let mut worst = (0.0_f64, String::new());
    for (text, of, to) in MODELS {
        let mut problem = built(text);
        let answer = solved(&mut problem);
        assert!(answer.certificate().holds(), "{text}");
        for by in *to {
            let numbers = problem.problem.params.iter().find(|p| p.name == *by).unwrap().values.to_vec();
            let mut quotients: Vec<Vec<Vec<f64>>> = vec![vec![]; of.len()];
            for j in 0..numbers.len() {
                let step = 1e-4 * numbers[j].abs().clamp(0.1, 1.0);
                let mut at = |sign: f64| {
                    let mut moved = numbers.clone();
                    moved[j] += sign * step;
                    problem.set_param(by, &moved).unwrap();
                    solved(&mut problem)
                };
                let (right, left) = (at(1.0), at(-1.0));
                for (name, out) in of.iter().zip(&mut quotients) {
                    let pairs = value(&right, name).into_iter().zip(value(&left, name));
                    out.push(pairs.map(|(a, b)| (a - b) / (2.0 * step)).collect());
                }
            }
            problem.set_param(by, &numbers).unwrap();
            for (name, quotients) in of.iter().zip(&quotients) {
                let found = problem.sensitivity(&answer, name, by).unwrap_or_else(|e| panic!("{e}"));
                assert!(found.holds(), "{name} to {by} in {text}: {found:?}");
                let columns = numbers.len();
                for (k, v) in found.entry.values.iter().enumerate() {
                    let quotient = quotients[k % columns][k / columns];
                    let error = (v - quotient).abs() / v.abs().max(1.0);
                    if error > worst.0 {
                        worst = (error, format!("{name} to {by}, number {k}: {v} {quotient} in\n{text}"));
                    }
                }
            }
        }
    }
    assert!(worst.0 <= 1e-6, "{} {}", worst.0, worst.1);
}

fn sensitivity(text: &str, of: &str, to: &str) -> Sensitivity {
    let mut problem = built(text);
    let answer = solved(&mut problem);
    problem.sensitivity(&answer, of, to).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_constraint_without_force_gives_one_sided_derivatives() {
    // x = max(a, 0) at a = 0.
    let found = sensitivity("param a = 0\nvar x >= 0\nminimize (x - a)^2", "x", "a");
    assert!(found.entry.values[0].is_nan() && !found.holds());
    let sides = found.one_sided.unwrap();
    assert!((sides.right[0] - 1.0).abs() < 1e-9 && sides.left[0].abs() < 1e-9, "{sides:?}");
    assert!(found.notes[0].contains("a bound of x"), "{:?}", found.notes);
    // Two constraints meet in the answer, and moving a releases one or the other.
    let found = sensitivity(
        "param a[1..2] = [1, 1]\nvar x[1..2]\nminimize sum(i in 1..2: (x[i] - a[i])^2)\n\
         subject to { one: x[1] + x[2] <= 2\n two: x[1] <= 1 }",
        "x",
        "a",
    );
    let sides = found.one_sided.unwrap();
    let near = |a: &[f64], b: [f64; 4]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-8);
    assert!(near(&sides.right, [0.0, -0.5, 0.0, 0.5]), "{sides:?}");
    assert!(near(&sides.left, [1.0, 0.0, 0.0, 1.0]), "{sides:?}");
    // The constraint is there but the derivatives agree.
    let found = sensitivity("param a = 1\nvar x[1..2] >= 0\nminimize (x[1] - a)^2 + x[2]^2", "x[1]", "a");
    assert!(found.holds() && (found.entry.values[0] - 2.0 / 2.0).abs() < 1e-9, "{found:?}");
}

#[test]
fn what_is_not_determined_is_not_made_up() {
    // Any split of the sum is as good: the sum is determined, its parts are not.
    let text = "param s = 1\nvar x[1..2]\nlet total = x[1] + x[2]\nminimize f: (x[1] + x[2] - s)^2";
    let found = sensitivity(text, "x", "s");
    assert!(found.entry.values.iter().all(|v| v.is_nan()) && !found.holds(), "{found:?}");
    let found = sensitivity(text, "total", "s");
    assert!((found.entry.values[0] - 1.0).abs() < 1e-8, "{found:?}");
    // The same equation twice, whose sides may move together but not apart.
    let text = "param s = 1\nparam r[1..2] = [1, 1]\nvar x\nminimize f: x^2\n\
                subject to { a: x == s * r[1]\n b: x == s * r[2] }";
    let found = sensitivity(text, "x", "s");
    assert!((found.entry.values[0] - 1.0).abs() < 1e-8, "{found:?}");
    let found = sensitivity(text, "x", "r");
    assert!(found.entry.values.iter().all(|v| v.is_nan()), "{found:?}");
}

#[test]
fn names_that_nothing_has_are_refused() {
    let mut problem = built("param a = 1\nparam n = 2\nvar x[1..n]\nminimize f: sum(i in 1..n: (x[i] - a)^2)");
    let answer = solved(&mut problem);
    for (of, to, words) in [
        ("y", "a", "no answer called `y`"),
        ("x", "b", "no parameter `b`"),
        ("x", "n", "decides a set"),
        ("x[3]", "a", "no answer called"),
        ("c.dual", "a", "no constraint `c`"),
    ] {
        let error = problem.sensitivity(&answer, of, to).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn computed_parameters_are_differentiated_by_or_told() {
    // x = (double, sum of twice) / 2; array and scalar are computed.
    let text = "param h = 3\nparam double = 2 * h\nparam twice[i in 1..3] = h * i\nvar x[1..2]\n\
                minimize (2 * x[1] - double)^2 + (2 * x[2] - twice[1] - twice[2] - twice[3])^2";
    let found = sensitivity(text, "x", "twice");
    let expected = [0.0, 0.0, 0.0, 0.5, 0.5, 0.5];
    let near = |values: &[f64], expected: &[f64]| values.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-9);
    assert!(found.holds() && near(&found.entry.values, &expected), "{found:?}");
    assert!(near(&sensitivity(text, "x[2]", "twice[2]").entry.values, &[0.5]));
    assert!(near(&sensitivity(text, "x", "h").entry.values, &[1.0, 3.0]));
    let mut problem = built(text);
    let answer = solved(&mut problem);
    let error = problem.sensitivity(&answer, "x", "double").unwrap_err().to_string();
    assert!(error.contains("computed from other data") && error.contains("sensitivity ... to double"), "{error}");
    // Asked for in the model, it has a place, which serves here too.
    let found = sensitivity(&format!("{text}\nsensitivity x[1] to double"), "x", "double");
    assert!(found.holds() && near(&found.entry.values, &[0.5, 0.0]), "{found:?}");
}

#[test]
fn a_kink_of_what_is_asked_for_has_two_sides() {
    // x = a = 0, on the kinks of abs and max; off them nothing is special.
    let text = "param a = VALUE\nvar x\nlet bent = abs(x) + max(2 * x, 3 * x) + a\nminimize f: (x - a)^2";
    let found = sensitivity(&text.replace("VALUE", "0"), "bent", "a");
    assert!(found.entry.values[0].is_nan() && !found.holds(), "{found:?}");
    let sides = found.one_sided.unwrap();
    assert!((sides.right[0] - 5.0).abs() < 1e-8 && (sides.left[0] - 2.0).abs() < 1e-8, "{sides:?}");
    assert!(found.notes[0].contains("on a kink"), "{:?}", found.notes);
    let found = sensitivity(&text.replace("VALUE", "-1"), "bent", "a");
    assert!(found.holds() && (found.entry.values[0] - 2.0).abs() < 1e-9, "{found:?}");
}
