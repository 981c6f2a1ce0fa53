//! Sensitivities of all levels, of square complementarity systems and of problems with pairs, against closed forms.

use crate::answer::Answer;
use crate::answer::sensitivity::Sensitivity;
use crate::session::{Model, Options};
use std::ops::ControlFlow;

fn solved(text: &str) -> Answer {
    let mut prepared = Model::from_str(text).unwrap().build().unwrap_or_else(|e| panic!("{e}\n{text}"));
    let options = Options::default();
    let plan = prepared.plan(&options).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let answer = prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap();
    assert!(answer.certificate().holds(), "{text}\n{:?} {:?}", answer.x, answer.certificate());
    answer
}

/// What the model asks for, in order: each element, which must be certified by a problem solved again.
fn derivatives(text: &str) -> Vec<f64> {
    let answer = solved(text);
    for found in &answer.sensitivities {
        let compared = found.checks.as_ref().is_some_and(|checks| checks.resolved.is_some());
        assert!(found.holds() && compared, "{text}\n{found:?}");
    }
    answer.sensitivities.iter().flat_map(|found| found.entry.values.clone()).collect()
}

fn only(text: &str) -> Sensitivity {
    solved(text).sensitivities.remove(0)
}

fn near(found: &[f64], expected: &[f64], text: &str) {
    let same = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-7 * b.abs().max(1.0);
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(same), "{text}\n{found:?} {expected:?}");
}

#[test]
fn all_levels_move_together() {
    // y = a x / (1 + b) = c x, and x = (1 + 2 c) / (1 + c^2); at a = 3, b = 1: c = 1.5, x = 16 / 13.
    let free = "param a = 3\nparam b = 1\nvar x\nlower f {\n  var y\n  minimize (y - a * x)^2 + b * y^2\n}\n\
                minimize cost: (x - 1)^2 + (f.y - 2)^2\nsensitivity x to a, b\nsensitivity f.y to a\nsensitivity cost to a";
    let (a, b) = (3.0f64, 1.0f64);
    let c = a / (1.0 + b);
    let x = (1.0 + 2.0 * c) / (1.0 + c * c);
    let dx = 2.0 / (1.0 + c * c) - (1.0 + 2.0 * c) * 2.0 * c / (1.0 + c * c).powi(2);
    let (dca, dcb) = (1.0 / (1.0 + b), -a / (1.0 + b).powi(2));
    let cost = 2.0 * (c * x - 2.0) * x * dca;
    near(&derivatives(free), &[dx * dca, dx * dcb, (dx * c + x) * dca, cost], free);
    // The market's price is the multiplier of its balance: x = (3 + demand - cap - ... ) / 4, by rows and bounds that move.
    let market = "param demand = 5\nparam cap = 2\nvar x in [0, 4] start 1\nlower market {\n  var small in [0, cap]\n  var large >= 0\n  \
                  minimize 1 * small + 0.5 * small^2 + 3 * large + 0.5 * large^2\n  subject to balance: small + large + x == demand\n}\n\
                  maximize profit: x * market.balance.dual - x^2\nsensitivity x to demand, cap\n\
                  sensitivity market.balance.dual to demand\nsensitivity profit to cap";
    // Price 3 + demand - cap - x; profit x (3 + demand - cap - x) - x^2 has its maximum at x = (3 + demand - cap) / 4.
    near(&derivatives(market), &[0.25, -0.25, 0.75, -1.5], market);
    // A row of the follower at its side, which moves, holds the answer: y = cap, x = target.
    let town = "param target = 8\nparam cap = 4\nvar x in [0, 10] start 1\nlower town {\n  var y >= 0\n  \
                minimize (y - 1)^2 - x * y\n  subject to budget: y <= cap\n}\nminimize cost: (x - target)^2 + 3 * town.y\n\
                sensitivity x to target, cap\nsensitivity town.y to cap\nsensitivity town.budget.dual to target, cap\nsensitivity cost to cap";
    near(&derivatives(town), &[1.0, 0.0, 1.0, -1.0, 2.0, 3.0], town);
    // A kink of the follower that holds one of its variables: y = (t1 x - w, 0), x = (1 + t1 (1 + w)) / (1 + t1^2).
    let lasso = "param w = 0.3\nparam t[1..2] = [2, 0.1]\nvar x in [0, 3] start 1\nlower f {\n  var y[1..2]\n  \
                 minimize sum(i in 1..2: (y[i] - t[i] * x)^2) / 2 + w * norm1(y)\n}\n\
                 minimize cost: (x - 1)^2 + (f.y[1] - 1)^2\nsensitivity x to w, t\nsensitivity f.y to w";
    near(&derivatives(lasso), &[0.4, -0.316, 0.0, -0.2, 0.0], lasso);
    // Instances, a computed array of parameters, and a row of the leader.
    let several = "param need[1..2] = [2, 3]\nparam want[i in 1..2] = need[i] + 1\nvar p in [0, 9] start 1\n\
                   lower buyer[r in 1..2] {\n  var q >= 0\n  minimize 0.5 * q^2 - (want[r] - p) * q\n}\n\
                   maximize p * sum(r in 1..2: buyer[r].q)\nsensitivity p to want, need\nsensitivity buyer.q to want";
    // q = want - p, p = sum(want) / 4.
    near(&derivatives(several), &[0.25, 0.25, 0.25, 0.25, 0.75, -0.25, -0.25, 0.75], several);
}

#[test]
fn answers_of_square_systems_move() {
    for bounds in ["", " >= 0"] {
        // x = max(-q, 0), whether or not the variable has the bound too.
        let system = |q: f64| {
            format!(
                "param q = {q}\nvar x{bounds}\nsubject to 0 <= x perp x + q >= 0\nsensitivity x to q\nsensitivity x^2 to q"
            )
        };
        let text = system(-3.0);
        near(&derivatives(&text), &[-1.0, -6.0], &text);
        let text = system(2.0);
        near(&derivatives(&text), &[0.0, 0.0], &text);
        let found = only(&system(0.0));
        let sides = found.one_sided.as_ref().unwrap_or_else(|| panic!("{found:?}"));
        near(&sides.right, &[0.0], "to the right");
        near(&sides.left, &[-1.0], "to the left");
        assert!(!found.holds() && found.notes[0].contains("hold both ways"), "{found:?}");
    }
    // Two firms of which one produces nothing, sides that move, and both kinds of equations.
    let firms = "param a = 10\nparam c[1..2] = [1, 7]\nparam low = 0.5\nvar q[1..2]\nvar p\n\
                 subject to { firm[i in 1..2]: 0 <= q[i] - low perp 2 * q[i] + q[3 - i] + c[i] - a >= 0\n price: p == a - q[1] - q[2] }\n\
                 sensitivity q to a, c, low\nsensitivity p to low";
    // q2 = low, q1 = (a - c1 - low) / 2.
    near(&derivatives(firms), &[0.5, 0.0, -0.5, 0.0, 0.0, 0.0, -0.5, 1.0, -0.5], firms);
}

#[test]
fn problems_with_pairs_move_where_their_pairs_are_decided() {
    let pair = |a: f64, b: f64| {
        format!(
            "param a = {a}\nparam b = {b}\nvar x\nvar y\nminimize (x - a)^2 + (y - b)^2 + x / 10\n\
             subject to 0 <= x perp y >= 0\nsensitivity x to a, b\nsensitivity y to a"
        )
    };
    let text = pair(2.0, 1.0);
    near(&derivatives(&text), &[1.0, 0.0, 0.0], &text);
    // Both are held at 0 by force.
    let text = pair(-1.0, -2.0);
    near(&derivatives(&text), &[0.0, 0.0, 0.0], &text);
    // A small step lets x go, or not: said, not made up.
    let found = only(&pair(0.05, -1.0));
    assert!(found.entry.values[0].is_nan() && found.notes[0].contains("a small step decides"), "{found:?}");
}

/// A follower with kinks: y = max(a x - 1, 0) wherever that is positive, drawn to 0 by the price of its size.
const KINKED: &str = "param a = 3\nvar x start 1\nlower f {\n  var y\n  minimize (y - a * x)^2 + 2 * abs(y)\n  subject to \
                      top: y <= 4 * a\n}\nminimize cost: (x - 1)^2 + (f.y - 2)^2\n";

#[test]
fn what_followers_with_kinks_have_besides_is_kept_in_the_answer() {
    let asked = only(&format!("{KINKED}sensitivity x to a"));
    assert!(asked.holds(), "{asked:?}");
    // (x - 1) + (a x - 3) a = 0: x = (1 + 3 a) / (1 + a^2)
    near(&asked.entry.values, &[(3.0 * 10.0 - 2.0 * 3.0 * 10.0) / 100.0], KINKED);
    let mut prepared = Model::from_str(KINKED).unwrap().build().unwrap_or_else(|e| panic!("{e}"));
    let options = Options::default();
    let plan = prepared.plan(&options).unwrap();
    let solve = |prepared: &mut crate::session::Prepared| {
        prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap()
    };
    let answer = solve(&mut prepared);
    assert!(!answer.added.is_empty(), "{answer:?}");
    let found = prepared.sensitivity(&answer, "x", "a").unwrap_or_else(|e| panic!("{e}"));
    assert!(found.holds(), "{found:?}");
    near(&found.entry.values, &asked.entry.values, KINKED);
    // Written and read again, it begins where it ended, with all multipliers.
    let text = crate::answer::json::value(&answer, &prepared.sources).to_string();
    let mut again = Model::from_str(KINKED).unwrap().build().unwrap_or_else(|e| panic!("{e}"));
    let started = again.start_from_text("answer.json", &text).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((started.found, started.added.len()), (started.of, answer.added.len()));
    let warm = again.warm().and_then(|warm| warm.whole(&plan.problem)).expect("nothing is missing");
    let kept: Vec<f64> = answer.x.iter().chain(answer.added.iter().flat_map(|e| &e.values)).copied().collect();
    assert_eq!(warm, kept);
    let second = solve(&mut again);
    assert!(second.certificate().holds() && second.counts.iterations <= answer.counts.iterations, "{second:?}");
    let found = again.sensitivity(&second, "x", "a").unwrap_or_else(|e| panic!("{e}"));
    near(&found.entry.values, &asked.entry.values, KINKED);
}
