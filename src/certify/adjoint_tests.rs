//! The judge's hypergradient against differences of the outer objective at problems that were solved again.

use crate::answer::certificate::{Certificate, Residual};
use crate::answer::{Answer, Outcome, Stop};
use crate::certify::{JudgeOptions, judge};
use crate::session::{Model, Options, Prepared};
use std::ops::ControlFlow;

/// Models without their objective, that, and a point of the outer variables `x`.
const MODELS: &[(&str, &str, &[f64])] = &[
    // Ridge regression.
    (
        "param a[i in 1..6, j in 1..2] = sin(i * j)\nvar x[1..2] start 0.3\nlower fit {\n  var w[1..2]\n  minimize \
         sum(i in 1..6: (sum(j in 1..2: a[i, j] * w[j]) - cos(i))^2) + exp(x[1]) * sum(j in 1..2: w[j]^2) + x[2] * w[1]\n}\n",
        "minimize F: sum(i in 7..9: (sin(i) * fit.w[1] + sin(2 * i) * fit.w[2] - cos(i))^2) + 0.1 * x[2]^2",
        &[0.4, -0.2],
    ),
    // A row that holds, and none that does.
    (
        "var x[1..1] in [0, 10] start 1.4\nlower f {\n  var y >= 0\n  minimize (y - 1)^2 - 1.5 * x[1] * y\n  subject to {\n\
         a: -3 * x[1] + y <= -3\n b: x[1] - 0.5 * y <= 4\n }\n}\n",
        "minimize F: (x[1] - 5)^2 + (2 * f.y + 1)^2",
        &[1.5],
    ),
    (
        "var x[1..1] in [0, 10] start 3\nlower f {\n  var y >= 0\n  minimize (y - 1)^2 - 1.5 * x[1] * y\n  subject to {\n\
         a: -3 * x[1] + y <= -3\n b: x[1] - 0.5 * y <= 4\n }\n}\n",
        "maximize F: -(x[1] - 5)^2 - (2 * f.y + 1)^2",
        &[3.2],
    ),
    // Not quadratic, with an equation and a bound, and small slopes beside large ones.
    (
        "var x[1..2] start 0.5\nlower f {\n  var y[1..3] in [0.05, 9] start 1\n  minimize sum(k in 1..3: exp(k * y[k] / 3) - \
         100 * x[1] * log(y[k])) + y[3] * 1e4\n  subject to total: y[1] + 2 * y[2] + y[3] == 3 + x[2]^2\n}\n",
        "minimize F: f.y[1]^2 * f.y[2] + sin(x[1]) * f.y[3] + 1e-3 * x[2]",
        &[0.6, 0.7],
    ),
    // Followers that read each other, one for each index.
    (
        "var x[1..2] start 1\nlower a[k in 1..2] {\n  var y in [-50, 50]\n  minimize (y - k * x[k])^2 + exp(y / 4)\n}\nlower b {\n  var z in [0, 50]\n\
         minimize (z - a[1].y * x[2])^2 + 0.1 * (z - a[2].y)^2\n}\n",
        "minimize F: (b.z - 3)^2 + x[1]^4 / 100 + a[2].y",
        &[1.2, 0.9],
    ),
];

fn built(text: &str) -> Prepared {
    Model::from_str(text).unwrap().build().unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// What the followers answer to outer variables that nothing but a square of their distance to `at` decides.
fn answered(model: &str, objective: &str, at: &[f64]) -> (Prepared, Answer) {
    let expression = objective.split_once(':').expect("it is named").1;
    let numbers = at.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
    let n = at.len();
    let text = format!(
        "param at[1..{n}] = [{numbers}]\n{model}let value = {expression}\nminimize sum(i in 1..{n}: (x[i] - at[i])^2)"
    );
    let mut problem = built(&text);
    let options = Options::default();
    let plan = problem.plan(&options).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap();
    assert!(answer.certificate().holds(), "{text}\n{:?}", answer.certificate());
    (problem, answer)
}

fn judged(problem: &Prepared, (solved, answer): &(Prepared, Answer)) -> Certificate {
    let outcome = Outcome {
        x: problem.problem.by_name(&solved.problem, &answer.x),
        multipliers: None,
        stop: Stop::Converged,
        iterations: 0,
        evaluations: Default::default(),
        log: vec![],
    };
    judge(&problem.problem, &outcome, &JudgeOptions::default())
}

fn figure(certificate: &Certificate) -> &Residual {
    certificate.residuals.iter().find(|r| r.name == "hypergradient").unwrap_or_else(|| panic!("{certificate:?}"))
}

/// The derivatives of `what` by the outer variables, by central differences of answers.
fn differences(model: &str, what: &str, at: &[f64]) -> Vec<f64> {
    let step = 1e-3;
    (0..at.len())
        .map(|j| {
            let beside = |sign: f64| {
                let mut moved = at.to_vec();
                moved[j] += sign * step;
                let (_, answer) = answered(model, what, &moved);
                (answer.value("x").unwrap()[j], answer.value("value").unwrap()[0])
            };
            let ((x, f), (y, g)) = (beside(1.0), beside(-1.0));
            (f - g) / (x - y)
        })
        .collect()
}

/// Which outer variable a figure is about.
fn place(figure: &Residual) -> usize {
    let label = &figure.place.as_ref().unwrap_or_else(|| panic!("{figure:?}")).label;
    label.trim_start_matches("x[").trim_end_matches(']').parse::<usize>().unwrap_or_else(|_| panic!("{label}")) - 1
}

#[test]
fn the_hypergradient_is_that_of_problems_solved_again() {
    for (model, objective, at) in MODELS {
        let point = answered(model, objective, at);
        let problem = built(&format!("{model}{objective}"));
        let certificate = judged(&problem, &point);
        let found = figure(&certificate);
        let slopes = differences(model, objective, at);
        let expected = slopes[place(found)].abs();
        assert!((found.unscaled - expected).abs() <= 1e-4 * expected.max(1.0), "{model}{found:?} {slopes:?}");
        assert!(!certificate.holds() && found.value > found.tolerance, "{model}{certificate:?}");
    }
}

#[test]
fn rows_of_the_outer_level_carry_slopes_along_answers() {
    // Along y(x) = x1 + x2 / 2 the row holds at (1, 2); its slope there is (1, 1.5).
    let model = "var x[1..2] start 1\nlower f {\n  var y\n  minimize (y - x[1] - x[2] / 2)^2\n}\n";
    let row = |sign: &str| format!("subject to f.y + x[2] {sign} 4\n");
    let objective = "minimize F: (f.y - 3)^2 + x[1]^2 / 4 + x[2]";
    let at = [1.0, 2.0];
    let point = answered(model, objective, &at);
    let slopes = differences(model, objective, &at);
    let along = differences(model, "minimize F: f.y + x[2]", &at);
    let fitted = (slopes[0] * along[0] + slopes[1] * along[1]) / (along[0] * along[0] + along[1] * along[1]);
    // A multiplier of the wrong sign carries nothing.
    for (sign, carried) in [("<=", fitted.min(0.0)), (">=", fitted.max(0.0)), ("==", fitted)] {
        let certificate = judged(&built(&format!("{model}{}{objective}", row(sign))), &point);
        let found = figure(&certificate);
        let j = place(found);
        let expected = (slopes[j] - carried * along[j]).abs();
        assert!((found.unscaled - expected).abs() <= 1e-5, "{sign} {found:?} {slopes:?} {along:?}");
    }
}
