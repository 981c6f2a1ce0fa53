//! Known optima, and what each accepted step and each way of solving the Newton system promises.

use super::*;
use crate::solve::options::Value;
use crate::solve::testing::{EQUAL, FREE, Formulas, Listed, hock_schittkowski, residuals, run};

const INNER: [&str; 4] = ["direct", "minres", "kaczmarz", "gaussian"];

fn equations_only() -> impl Iterator<Item = Listed> {
    hock_schittkowski().into_iter().filter(|problem| {
        let shape = problem.nlp.shape();
        let free = shape.lower.iter().chain(&shape.upper).all(|bound| bound.is_infinite());
        free && shape.rows() > 0 && shape.row_lower == shape.row_upper
    })
}

fn set(inner: &str) -> Vec<(&str, Value)> {
    vec![("inner", Value::Text(inner.into())), ("inner_limit", Value::Number(2e4)), ("tol", Value::Number(1e-6))]
}

/// HS26 and HS46 are flat along the rows at their solutions: the shift, as large as `B`, leaves linear convergence there.
const FLAT: &[&str] = &["HS26", "HS46"];
/// Their start is where the gradient of the only row is zero.
const DEPENDENT_AT_START: &[&str] = &["S316", "S320"];

#[test]
fn known_optima_are_reached_in_every_way() {
    let mut reached = 0;
    for problem in equations_only() {
        for inner in INNER {
            let mut nlp = problem.nlp.clone();
            let outcome = run(&METHOD, &mut nlp, &problem.start, None, &set(inner));
            let (value, name) = (nlp.objective(&outcome.x), &problem.name);
            let left = residuals(&mut nlp, &outcome.x, outcome.multipliers.as_ref().unwrap()).most();
            let actions: usize = outcome.log.iter().map(|line| line.trials).sum();
            let said = format!(
                "{name} {inner}: {value} (best {}), {} iterations, {actions} row actions, {left:.1e}, {:?}",
                problem.best, outcome.iterations, outcome.stop
            );
            println!("{said}");
            if DEPENDENT_AT_START.contains(&name.as_str()) {
                assert!(matches!(outcome.stop, Stop::NoProgress(_)), "{said}");
                continue;
            }
            let (most, wanted) = if FLAT.contains(&name.as_str()) { (1e-4, 2e-4) } else { (1e-6, 1e-6) };
            assert!(left <= wanted && (value - problem.best).abs() <= most, "{said}");
            assert!(FLAT.contains(&name.as_str()) || outcome.stop == Stop::Converged, "{said}");
            reached += 1;
        }
    }
    assert!(reached >= 24, "{reached}");
}

#[test]
fn a_step_that_the_search_accepts_lowers_the_merit_function() {
    let mut shorter = 0;
    for problem in equations_only() {
        let mut nlp = problem.nlp;
        let shape = nlp.shape().clone();
        let here = Point::at(&mut nlp, problem.start, vec![0.5; shape.rows()]);
        let mut hessian = vec![0.0; shape.hessian.entries()];
        nlp.hessian(&here.x, 1.0, &here.y, &mut hessian);
        let gradient = here.merit_gradient(&shape, &hessian, FIRST_PENALTIES);
        let step: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let slope = -dot(&gradient, &gradient);
        let (next, t) = search(&mut nlp, &here, &step, slope, FIRST_PENALTIES).expect("it points down");
        let fall = here.merit(FIRST_PENALTIES) - next.merit(FIRST_PENALTIES);
        assert!(fall > 0.0 && fall >= -0.99 * ARMIJO * t * slope, "{}: {fall}", problem.name);
        shorter += (t < 1.0) as usize;
        assert!(search(&mut nlp, &here, &gradient, slope, FIRST_PENALTIES).is_none(), "{}", problem.name);
    }
    assert!(shorter > 0);
}

#[test]
fn the_seed_decides_all() {
    let rows = [("x1^2+x2^2+x3^2-4", EQUAL)];
    let x = |inner: &str, seed: u64| {
        let mut nlp = Formulas::new("exp(x1)+x2*x3", &[FREE; 3], &rows);
        let options = crate::solve::options::Options {
            set: vec![("inner".into(), Value::Text(inner.into())), ("inner_limit".into(), Value::Number(50.0))],
            seed,
        };
        let mut quiet = |_: &crate::answer::LogLine| ControlFlow::Continue(());
        let mut monitor = crate::solve::monitor::Monitor {
            iteration_limit: 3,
            ..crate::solve::monitor::Monitor::new(&|| 0.0, &|| false, &mut quiet)
        };
        let start = vec![-1.0, 1.0, -1.5];
        super::run(&mut Context { nlp: &mut nlp, start, warm: None, options: &options, monitor: &mut monitor }).x
    };
    for inner in ["kaczmarz", "gaussian"] {
        assert_eq!(x(inner, 1), x(inner, 1));
        assert_ne!(x(inner, 1), x(inner, 2));
    }
    assert_eq!(x("direct", 1), x("direct", 2));
}

#[test]
fn an_earlier_answer_is_taken_up() {
    let mut nlp = Formulas::new("x1+x2", &[FREE; 2], &[("x1^2+x2^2", (2.0, 2.0))]);
    let cold = run(&METHOD, &mut nlp, &[-2.0, -0.5], None, &[]);
    assert_eq!(cold.stop, Stop::Converged);
    assert!((cold.x[0] + 1.0).abs() <= 1e-7, "{:?}", cold.x);
    let multipliers = cold.multipliers.clone().expect("it has multipliers");
    assert!((multipliers.rows[0] + 0.5).abs() <= 1e-7, "{multipliers:?}");
    let warm = run(&METHOD, &mut nlp, &cold.x, cold.multipliers, &[]);
    assert_eq!((warm.stop, warm.iterations), (Stop::Converged, 0));
}

#[test]
fn values_that_are_not_finite_are_told() {
    let mut hole = Formulas::new("log(x1)", &[FREE; 2], &[("x1+x2", EQUAL)]);
    let outcome = run(&METHOD, &mut hole, &[-1.0, 1.0], None, &[]);
    assert_eq!(outcome.stop, Stop::NotFinite("the objective".into()));
}

/// What the published constants ask of a direction, relative to `|∇L|`, at the starts of the problems.
#[test]
fn the_published_rule_asks_for_hardly_attainable_directions() {
    let mut asked = vec![];
    for problem in equations_only().filter(|problem| !DEPENDENT_AT_START.contains(&problem.name.as_str())) {
        let mut nlp = problem.nlp;
        let shape = nlp.shape().clone();
        let here = Point::at(&mut nlp, problem.start, vec![0.0; shape.rows()]);
        let mut hessian = vec![0.0; shape.hessian.entries()];
        nlp.hessian(&here.x, 1.0, &here.y, &mut hessian);
        let accuracy = Sizes::of(&shape, &hessian, &here.jacobian).accuracy(0.0);
        assert!(accuracy.delta(FIRST_PENALTIES) < LEAST_DELTA, "{}: delta is at its floor", problem.name);
        asked.push(LEAST_DELTA / (accuracy.system * accuracy.psi));
        println!("{}: {:.1e}", problem.name, asked.last().expect("it was just put there"));
    }
    assert!(asked.iter().all(|part| *part <= 1e-9), "{asked:?}");
    assert!(asked.iter().any(|part| *part < f64::EPSILON), "{asked:?}");
}
