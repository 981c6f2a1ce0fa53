//! First-order methods as published: `examples/seeds/18` and `35`, and `docs/seeds.md` for what came out.

use merit::Answer;
use merit::session::{Model, Options};
use merit::solve::options::Value;
use std::ops::ControlFlow;

fn model(name: &str) -> Model {
    let path = format!("{}/examples/seeds/{name}.opt", env!("CARGO_MANIFEST_DIR"));
    Model::from_file(&path).unwrap_or_else(|e| panic!("{e}"))
}

fn solved(model: Model, method: Option<&str>, set: &[(&str, f64)]) -> Result<Answer, String> {
    let mut prepared = model.build().map_err(|e| e.to_string())?;
    let options = Options {
        method: method.map(str::to_string),
        options: set.iter().map(|(name, value)| (name.to_string(), Value::Number(*value))).collect(),
        keep_log: true,
        ..Options::default()
    };
    let plan = prepared.plan(&options).map_err(|e| e.to_string())?;
    prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).map_err(|e| e.to_string())
}

fn found(name: &str, set: &[(&str, f64)]) -> Answer {
    let answer = solved(model(&format!("35/{name}")), None, set).unwrap_or_else(|e| panic!("{name}: {e}"));
    println!("{name} {set:?}: {}, x = {:?}, {:?}", answer.status.words(), answer.x, answer.counts.evaluations);
    assert_eq!((answer.counts.evaluations.hessian, answer.counts.evaluations.product), (0, 0), "{name}");
    answer
}

#[test]
fn the_penalty_has_the_bias_that_theory_says_and_loses_it_by_extrapolation() {
    for sigma in [0.1, 0.01, 0.001] {
        let x = found("several", &[("sigma", sigma), ("order", 0.0)]).x[0];
        assert!((x - (1.0 + 2.0 * sigma) / (2.0 + 2.0 * sigma)).abs() <= 1e-5, "{sigma}: {x}");
        assert!(((x - 0.5).abs() - sigma / (2.0 + 2.0 * sigma)).abs() <= 1e-5, "{sigma}: {x}");
    }
    let answer = found("several", &[]);
    assert!(answer.certificate().holds() && (answer.x[0] - 0.5).abs() <= 1e-7, "{:?}", answer.x);
    // Where the follower's answer is not unique there is no derivative of it to be had.
    let refused = solved(model("35/several"), Some("implicit_gradient"), &[]).expect("it runs");
    let stop = format!("{:?}", refused.stop);
    assert!(stop.contains("singular") && !refused.certificate().holds(), "{stop}");
}

#[test]
fn kinks_of_bounds_and_followers_that_are_not_convex_are_gone_through() {
    for (name, best) in [("box", 2.0), ("polyak", 0.25)] {
        let answer = found(name, &[]);
        assert!((answer.x[0] - best).abs() <= 1e-3, "{name}: {:?}", answer.x);
        assert!(answer.certificate().holds(), "{name}: {:?}", answer.certificate());
    }
}

/// Closed form: `(y - 1)^2 sigma + y^4` is least where `2 sigma (y - 1) + 4 y^3 = 0`.
#[test]
fn without_an_error_bound_the_penalty_misses_by_more_than_the_weight() {
    let answer = found("flat", &[]);
    let y = answer.x[1];
    assert!((2.0 * 0.01 * (y - 1.0) + 4.0 * y.powi(3)).abs() <= 1e-6, "{y}");
    // psi is 1 at x = 0; the penalty has this value instead.
    let penalty = (y - 1.0f64).powi(2) + y.powi(4) / 0.01;
    println!("psi = 1, psi_sigma = {penalty}");
    assert!(1.0 - penalty > 0.05, "{penalty}");
    assert!(!answer.certificate().holds(), "the follower is not at its answer");
}

#[test]
fn a_ridge_penalty_is_tuned_by_gradients_alone() {
    let answer = found("ridge", &[]);
    let implicit = solved(model("35/ridge"), Some("implicit_gradient"), &[]).expect("it runs");
    for answer in [&answer, &implicit] {
        assert!(answer.certificate().holds(), "{:?}", answer.certificate());
        let error = answer.objective().expect("there is one");
        assert!((error - BEST_ERROR).abs() <= 1e-6 * BEST_ERROR, "{error}");
    }
}

/// By a grid of 1700 penalties and a search around the best of them, on the closed form.
const BEST_ERROR: f64 = 2.951267787;

/// `examples/seeds/18`: relative errors as published figures say, and proportional to the inverse of the penalty.
#[test]
fn the_single_loop_comes_near_as_its_penalty_grows() {
    let error = |p: f64, steps: f64| {
        let model = model("18/coupled").with_param("n", SIZE as f64);
        let answer = solved(model, None, &[("p", p), ("max_iter", steps)]).unwrap_or_else(|e| panic!("{e}"));
        let counts = &answer.counts.evaluations;
        assert_eq!((counts.hessian, counts.product), (0, 0));
        let error = answer.x[..SIZE].iter().map(|x| (x + 0.3).abs() / 0.3).fold(0.0, f64::max);
        println!("p = {p}, {steps} steps: relative error {error:.4}, {counts:?}");
        error
    };
    let (early, late) = (error(0.3, 4000.0), error(0.3, 20000.0));
    assert!((early - 0.0254).abs() <= 2e-4 && (late - 0.0159).abs() <= 2e-4, "{early} {late}");
    let exponent = (late / early).ln() / 5f64.ln();
    assert!((exponent + 0.3).abs() <= 0.06, "{exponent}");
}

/// Variables of each kind; the iterates are the same for any number of them, but for scale.
const SIZE: usize = 10;

/// Against the machine tuned by implicit differentiation: near in loss once the penalty is small enough not to hide it, with
/// the follower not quite at its answer. The method needs far more time; `docs/seeds.md` says how much.
#[test]
fn the_single_loop_tunes_a_support_vector_machine() {
    let implicit = solved(model("18/svm"), Some("implicit_gradient"), &[]).expect("it runs");
    assert!(implicit.certificate().holds(), "{:?}", implicit.certificate());
    let best = implicit.objective().expect("there is one");
    assert!((best - 0.58354828).abs() <= 1e-6, "{best}");
    let set = [("alpha", 1.0), ("eta", 1.0), ("c", 0.1), ("max_iter", SVM_STEPS)];
    let answer = solved(model("18/svm"), Some("lv_hba"), &set).expect("it runs");
    let counts = &answer.counts.evaluations;
    assert_eq!((counts.hessian, counts.product), (0, 0));
    let loss = answer.objective().expect("there is one");
    println!("single loop {loss}, implicit {best}, {counts:?}");
    assert!((loss - best).abs() <= 0.02 * best, "{loss} {best}");
}

/// After so many the loss is within two hundredths, and stays there.
const SVM_STEPS: f64 = 5_000.0;
