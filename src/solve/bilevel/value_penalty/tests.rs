use super::METHOD;
use crate::answer::Stop;
use crate::answer::status::Status;
use crate::solve::bilevel::testing::{refuses, solved};

const SEVERAL: &str = "var x\nlower s {\n  var y[1..2]\n  minimize 0.5 * (y[1] - x)^2\n}\n\
                       minimize (x - 1)^2 + s.y[1]^2 + (s.y[2] - x)^2";

/// Models, a variable and its value at the answer, known by hand.
const KNOWN: [(&str, &str, f64); 9] = [
    (SEVERAL, "x", 0.5),
    // The follower's answer is x between 0 and 1, so the outer objective has kinks there.
    (
        "var x in [-1, 3] start 1.5\nlower s {\n  var y in [0, 1]\n  minimize 0.5 * (y - x)^2\n}\n\
         minimize 0.5 * (x - 2)^2 + (s.y - 0.5)^2",
        "x",
        2.0,
    ),
    // Between the kinks.
    (
        "var x in [-1, 0.9] start 0.1\nlower s {\n  var y in [0, 1]\n  minimize 0.5 * (y - x)^2\n}\n\
         minimize 0.5 * x^2 + (s.y - 0.5)^2",
        "x",
        1.0 / 3.0,
    ),
    // y = x + 1 while that is at most 3 - x; then y = 3 - x: the row is active at the answer, with a multiplier.
    (
        "var x in [0, 3] start 1.8\nlower s {\n  var y\n  minimize (y - x - 1)^2\n  subject to top: x + y <= 3\n}\n\
         minimize (x - 2)^2 + (s.y - 0.5)^2",
        "x",
        2.25,
    ),
    // Every y1 + y2 == x is an answer.
    (
        "var x start 3\nlower s {\n  var y[1..2] in [0, 9]\n  minimize (y[1] + y[2] - x)^2\n}\n\
         minimize (s.y[1] - 1)^2 + s.y[2]^2 + (x - 1.5)^2",
        "x",
        // min (a - 1)^2 + b^2 + (a + b - 1.5)^2: a = 1 + b, 3 b = 0.5
        1.0 + 1.0 / 3.0,
    ),
    // A maximising leader, a maximising follower.
    ("var x in [0, 9] start 1\nlower s {\n  var y >= 0\n  maximize (10 - x) * y - y^2\n}\nmaximize x * s.y", "x", 5.0),
    // A row that is not linear: y = (x, 0) / |x| if |x| > 1; the leader wants y = 0.5.
    (
        "var x in [0, 4] start 0.8\nlower s {\n  var y[1..2]\n  minimize (y[1] - x)^2 + y[2]^2\n  subject to \
         ball: y[1]^2 + y[2]^2 <= 1\n}\nminimize (s.y[1] - 0.5)^2 + 0.1 * (x - 0.5)^2",
        "x",
        0.5,
    ),
    // Several followers at once.
    (
        "var p in [0, 9] start 1\nparam need[r in 1..3] = 3 + r\nlower buyer[r in 1..3] {\n  var q >= 0\n  minimize \
         0.5 * q^2 - (need[r] - p) * q\n}\nmaximize p * sum(r in 1..3: buyer[r].q)",
        "p",
        2.5,
    ),
    // Not convex; every stationary point of the follower is y = x.
    (
        "var x start -1\nlower s {\n  var y start 2\n  minimize (y - x)^2 / 2 + 1.5 * sin(y - x)^2\n}\n\
         minimize (s.y - 1)^2 + (x + 0.5)^2",
        "x",
        0.25,
    ),
];

#[test]
fn known_answers_are_reached_and_certified_without_second_derivatives() {
    for (text, name, expected) in KNOWN {
        let found = solved(&METHOD, text, &[]);
        let (x, stop) = (found.values(name)[0], &found.outcome.stop);
        assert!((x - expected).abs() <= 1e-5, "{text}\n{name} = {x}, not {expected}; {stop:?}");
        let counts = &found.outcome.evaluations;
        assert_eq!((counts.hessian, counts.product), (0, 0), "{text}");
        assert!(counts.gradient > 0 && counts.objective > 0, "{text}");
        // Of a follower that is not convex nothing is believed without a rival; that its answer is one was seen above.
        if !text.contains("sin") {
            assert_eq!(found.status, Status::LocallySolved, "{text}\n{stop:?}\n{:?}", found.certificate);
        }
    }
}

/// The bias is `σ / (2 + 2 σ)` in closed form.
#[test]
fn without_extrapolation_the_bias_is_that_of_the_penalty() {
    for sigma in [0.1, 0.01, 0.001] {
        let x = solved(&METHOD, SEVERAL, &[("sigma", sigma), ("order", 0.0)]).values("x")[0];
        assert!((x - (1.0 + 2.0 * sigma) / (2.0 + 2.0 * sigma)).abs() <= 1e-7, "{sigma}: {x}");
    }
    for (sigma, order, within) in [(0.01, 1.0, 1e-4), (0.01, 2.0, 2e-6)] {
        let x = solved(&METHOD, SEVERAL, &[("sigma", sigma), ("order", order)]).values("x")[0];
        assert!((x - 0.5).abs() <= within, "{sigma}, {order}: {x}");
    }
}

/// `y^4` is so flat that answers of the penalised problem are far from those of the follower.
#[test]
fn where_no_error_bound_holds_it_says_so() {
    let flat = "var x in [-2, 2] start 1\nlower s {\n  var y in [-1, 1] start 0.5\n  minimize y^4\n}\n\
                minimize (s.y - 1)^2 + (x - s.y)^2";
    let found = solved(&METHOD, flat, &[]);
    let Stop::NoProgress(why) = &found.outcome.stop else { panic!("{:?}", found.outcome.stop) };
    assert!(why.contains("no error bound"), "{why}");
    assert_eq!(found.status, Status::Failed);
}

#[test]
fn what_it_does_not_take_is_named() {
    let rows = [
        (
            "var x\nlower s {\n  var y\n  minimize (y - x)^2\n}\nminimize x^2\nsubject to cap: s.y <= 1",
            "row `cap` reads what a block decides",
        ),
        (
            "var x\nlower s {\n  var y\n  minimize (y - x)^2\n  subject to r: y >= 1\n}\nminimize x * s.r.dual",
            "the objective reads a multiplier",
        ),
        (
            "var x\nlower a {\n  var y\n  minimize (y - x)^2\n}\nlower b {\n  var z\n  minimize (z - a.y)^2\n}\nminimize b.z^2",
            "`b` reads what `a` decides",
        ),
    ];
    refuses(&METHOD, &rows);
}
