//! Problems with known solutions, and with none.

use super::METHOD;
use crate::answer::{Outcome, Stop};
use crate::solve::nlp::Nlp;
use crate::solve::options::Value;
use crate::solve::testing::network::Network;
use crate::solve::testing::{EQUAL, FREE, Formulas, POSITIVE, hock_schittkowski, residuals, run};

/// Local solutions other than the best one known from many starts, and one (HS72) whose listed value lies 1.4e-3 below
/// the true optimum: there the value that is reached is asserted.
const ELSEWHERE: &[(&str, f64)] = &[
    ("HS2", 4.941229318),
    ("HS72", 727.679357793),
    ("HS97", 4.071246357),
    ("HS105", 1136.360983587),
    ("HS109", 5362.069181),
];

fn solve(nlp: &mut Formulas, start: &[f64]) -> Outcome {
    run(&METHOD, nlp, start, None, &[])
}

/// Solves, checks the optimality conditions by themselves, and returns the point and the objective.
#[track_caller]
fn solved(nlp: &mut Formulas, start: &[f64]) -> (Outcome, f64) {
    let outcome = solve(nlp, start);
    assert_eq!(outcome.stop, Stop::Converged, "{:?}", outcome.log.last());
    let most = residuals(nlp, &outcome.x, outcome.multipliers.as_ref().unwrap());
    assert!(most.most() <= 1e-7, "{most:?}");
    let value = nlp.objective(&outcome.x);
    (outcome, value)
}

#[test]
fn hock_schittkowski_problems_reach_the_best_values() {
    for strategy in ["adaptive", "monotone"] {
        let set = [("barrier", Value::Text(strategy.into()))];
        let mut total = 0;
        for mut problem in hock_schittkowski() {
            let outcome = run(&METHOD, &mut problem.nlp, &problem.start, None, &set);
            assert_eq!(outcome.stop, Stop::Converged, "{}", problem.name);
            let most = residuals(&mut problem.nlp, &outcome.x, outcome.multipliers.as_ref().unwrap());
            assert!(most.most() <= 1e-7, "{} {most:?}", problem.name);
            let value = problem.nlp.objective(&outcome.x);
            let best = ELSEWHERE.iter().find(|known| known.0 == problem.name).map_or(problem.best, |known| known.1);
            assert!((value - best).abs() <= 1e-6 * best.abs().max(1.0), "{}: {value} {best}", problem.name);
            assert!(outcome.iterations <= 100, "{}: {}", problem.name, outcome.iterations);
            total += outcome.iterations;
        }
        println!("{strategy}: {total} iterations");
        assert!(total <= 700, "{strategy}: {total}");
    }
}

/// HS105 is left out: steps of rounding end it far on its way. HS101 ends near its solution only.
#[test]
fn limited_memory_evaluates_no_second_derivative() {
    let set = [("hessian", Value::Text("limited_memory".into()))];
    for mut problem in hock_schittkowski().into_iter().filter(|problem| problem.name != "HS105") {
        let outcome = run(&METHOD, &mut problem.nlp, &problem.start, None, &set);
        assert_eq!((outcome.evaluations.hessian, outcome.evaluations.product), (0, 0), "{}", problem.name);
        assert_eq!(outcome.stop, Stop::Converged, "{}", problem.name);
        let most = residuals(&mut problem.nlp, &outcome.x, outcome.multipliers.as_ref().unwrap());
        assert!(most.most() <= if problem.name == "HS101" { 1e-3 } else { 1e-7 }, "{} {most:?}", problem.name);
        assert!(outcome.iterations <= 100 || problem.name == "HS101", "{}: {}", problem.name, outcome.iterations);
    }
}

/// HS54 and HS59 end at other local solutions.
#[test]
fn products_alone_find_the_same_optima() {
    let set = [("hessian", Value::Text("products".into()))];
    let mut best = 0;
    for mut problem in hock_schittkowski() {
        let outcome = run(&METHOD, &mut problem.nlp, &problem.start, None, &set);
        let said = format!("{}: {} iterations", problem.name, outcome.iterations);
        assert_eq!((outcome.evaluations.hessian, outcome.stop), (0, Stop::Converged), "{said}");
        assert!(outcome.evaluations.product > 0 && outcome.iterations <= 60, "{said}");
        let most = residuals(&mut problem.nlp, &outcome.x, outcome.multipliers.as_ref().unwrap());
        assert!(most.most() <= 1e-7, "{said} {most:?}");
        let value = problem.nlp.objective(&outcome.x);
        best += ((value - problem.best).abs() <= 1e-6 * problem.best.abs().max(1.0)) as usize;
    }
    assert!(best >= 28, "{best}");
}

/// A saddle between two valleys: no preconditioner knows of it, products do.
#[test]
fn products_see_negative_curvature() {
    let bounds = vec![(-3.0, 3.0); 6];
    let terms: Vec<String> = (1..=6).map(|i| format!("(x{i}^2-{i}/4)^2")).collect();
    let rows = [("x1+x2+x3+x4+x5+x6", (0.0, f64::INFINITY))];
    let mut nlp = Formulas::new(&terms.join("+"), &bounds, &rows);
    let start: Vec<f64> = (0..6).map(|i| 1e-3 * (i as f64 - 2.5)).collect();
    let outcome = run(&METHOD, &mut nlp, &start, None, &[("hessian", Value::Text("products".into()))]);
    assert_eq!(outcome.stop, Stop::Converged);
    assert!(nlp.objective(&outcome.x) <= 1e-12, "{:?}", outcome.x);
    assert!(outcome.log.iter().any(|line| line.regularisation > 0.0));
}

/// From one step up to more steps than there are variables.
#[test]
fn a_dense_hessian_is_learned_from_steps() {
    let bounds = vec![(-2.0, 1.0); 12];
    let terms: Vec<String> = (1..=12).map(|i| format!("(x{i}-{i}/8)^2")).collect();
    let sum: Vec<String> = (1..=12).map(|i| format!("x{i}")).collect();
    let objective = format!("{}+exp(({})/4)", terms.join("+"), sum.join("+"));
    let value = |set: &[(&str, Value)]| {
        let mut nlp = Formulas::new(&objective, &bounds, &[("x1-x2+x12", (0.5, f64::INFINITY))]);
        let outcome = run(&METHOD, &mut nlp, &[0.0; 12], None, set);
        assert_eq!(outcome.stop, Stop::Converged);
        (nlp.objective(&outcome.x), outcome.evaluations.hessian)
    };
    let (exact, evaluated) = value(&[]);
    for memory in [1.0, 3.0, 12.0, 50.0] {
        let set = [("hessian", Value::Text("limited_memory".into())), ("memory", Value::Number(memory))];
        let (limited, none) = value(&set);
        assert!(evaluated > 0 && none == 0);
        assert!((exact - limited).abs() <= 1e-8 * exact.abs(), "{memory}: {limited} {exact}");
    }
}

#[test]
fn linear_and_quadratic_programs_reach_the_last_digits() {
    // Two plants, two cities; a degenerate vertex; a convex quadratic with a two-sided row.
    let rows = [
        ("x1+x2", (f64::NEG_INFINITY, 20.0)),
        ("x3+x4", (f64::NEG_INFINITY, 30.0)),
        ("x1+x3", (15.0, f64::INFINITY)),
        ("x2+x4", (25.0, f64::INFINITY)),
    ];
    let mut transport = Formulas::new("3*x1+5*x2+4*x3+2*x4", &[POSITIVE; 4], &rows);
    let (_, value) = solved(&mut transport, &[0.0; 4]);
    assert!((value - 95.0).abs() <= 1e-9, "{value}");
    let rows = [("x1+x2", (f64::NEG_INFINITY, 1.0)), ("x1", (f64::NEG_INFINITY, 1.0)), ("2*x1+x2", (-9.0, 2.0))];
    let (outcome, value) = solved(&mut Formulas::new("0-x1", &[POSITIVE; 2], &rows), &[0.0; 2]);
    assert!((value + 1.0).abs() <= 1e-9, "{value} {:?}", outcome.x);
    let mut quadratic = Formulas::new("x1^2+x2^2-2*x1-6*x2", &[(0.0, 9.0); 2], &[("x1+x2", (1.0, 2.0))]);
    let (outcome, _) = solved(&mut quadratic, &[5.0; 2]);
    assert!(outcome.x[0].abs() <= 1e-9 && (outcome.x[1] - 2.0).abs() <= 1e-9, "{:?}", outcome.x);
    assert!((outcome.multipliers.unwrap().rows[0] + 2.0).abs() <= 1e-8);
}

#[test]
fn problems_without_rows_without_objective_and_with_free_rows() {
    let (outcome, _) = solved(&mut Formulas::new("(x1-3)^2+x2^2", &[(0.0, 1.0), FREE], &[]), &[0.5, 4.0]);
    assert!((outcome.x[0] - 1.0).abs() <= 1e-12 && outcome.x[1].abs() <= 1e-9, "{:?}", outcome.x);
    assert!((outcome.multipliers.unwrap().upper[0] + 4.0).abs() <= 1e-8);
    let rows = [("x1^2+x2^2-1", EQUAL), ("x1-x2", EQUAL), ("log(x1-9)", FREE)];
    let outcome = run(&METHOD, &mut Formulas::new("0", &[FREE; 2], &rows[..2]), &[1.0, 0.2], None, &[]);
    assert_eq!(outcome.stop, Stop::Converged);
    assert!((outcome.x[0] - 0.5f64.sqrt()).abs() <= 1e-9);
    // The last row is not defined here, but asks for nothing.
    let outcome = run(&METHOD, &mut Formulas::new("x1+x2", &[FREE; 2], &rows), &[1.0, 0.2], None, &[]);
    assert_eq!(outcome.stop, Stop::Converged);
}

#[test]
fn dependent_rows_and_empty_insides_do_not_stop_it() {
    let rows = [("x1+x2-1", EQUAL), ("2*x1+2*x2-2", EQUAL), ("x1+x2", (1.0, f64::INFINITY))];
    let (_, value) = solved(&mut Formulas::new("x1^2+x2^2+exp(x3)-x3", &[FREE; 3], &rows), &[3.0, 1.0, 2.0]);
    assert!((value - 1.5).abs() <= 1e-8, "{value}");
    // Two inequalities that leave a single value; the solution violates every constraint qualification.
    let rows = [("x1-x2", POSITIVE), ("x2-x1", POSITIVE)];
    let (_, value) = solved(&mut Formulas::new("(x1-1)^2+(x2+1)^2", &[FREE; 2], &rows), &[3.0, 1.0]);
    assert!((value - 2.0).abs() <= 1e-7, "{value}");
}

#[test]
fn solutions_far_away_are_found_although_their_gaps_are_rounding() {
    for bound in [1e6, 1e9] {
        let beyond = (bound, f64::INFINITY);
        for mut nlp in [Formulas::new("x1^2", &[beyond], &[]), Formulas::new("x1^2", &[FREE], &[("x1", beyond)])] {
            let outcome = solve(&mut nlp, &[0.0]);
            assert_eq!(outcome.stop, Stop::Converged);
            assert_eq!(outcome.x[0], bound);
            let most = residuals(&mut nlp, &outcome.x, outcome.multipliers.as_ref().unwrap());
            assert!(most.most() <= 1e-14 * bound, "{most:?}");
            assert!(outcome.iterations <= 40, "{}", outcome.iterations);
        }
    }
}

#[test]
fn infeasible_problems_end_with_weights_that_prove_it() {
    let far = |start: &[f64], objective: &str, bounds: &[(f64, f64)], rows: &[(&str, (f64, f64))]| {
        let mut nlp = Formulas::new(objective, bounds, rows);
        let outcome = solve(&mut nlp, start);
        match outcome.stop {
            Stop::Infeasible { ray: Some(ray) } => (outcome.x, ray),
            stop => panic!("{stop:?} at {:?}", outcome.x),
        }
    };
    let rows = [("x1+x2", (3.0, f64::INFINITY)), ("x1-x2", EQUAL)];
    let (_, y) = far(&[0.5, 0.5], "x1", &[(0.0, 1.0); 2], &rows);
    // Farkas: y1 * (x1 + x2) + y2 * (x1 - x2) >= 3 y1 cannot hold in the box.
    let most = (y[0] + y[1]).max(0.0) + (y[0] - y[1]).max(0.0);
    assert!(y[0] > 0.0 && most < 3.0 * y[0] - 1e-6, "{y:?}");
    let (x, y) = far(&[3.0, 2.0], "x2", &[FREE; 2], &[("x1^2+x2^2", (f64::NEG_INFINITY, 1.0)), ("x1", (2.0, 9.0))]);
    assert!((1.0..=2.0).contains(&x[0]) && x[1].abs() <= 1e-3, "{x:?}");
    assert!((2.0 * x[0] * y[0] + y[1]).abs() <= 1e-4 && y[1] > 0.0, "{y:?}");
    let (_, y) = far(&[0.3], "x1", &[FREE], &[("x1^2+1", EQUAL)]);
    assert!(y[0] != 0.0);
}

#[test]
fn unbounded_problems_end_with_a_ray() {
    let cases = [
        ("x1-x2", vec![POSITIVE; 2], vec![("x1-x2", (-1e9, 5.0)), ("x1+2*x2", POSITIVE)], false),
        ("x1-x2", vec![POSITIVE; 2], vec![("x1-2*x2", (f64::NEG_INFINITY, 5.0))], true),
        ("0-x1^2", vec![FREE], vec![], true),
        ("0-exp(x1)", vec![(-5.0, f64::INFINITY)], vec![], true),
        ("0-x1-x2", vec![FREE; 2], vec![("x1-x2", EQUAL)], true),
    ];
    for (objective, bounds, rows, unbounded) in cases {
        let mut nlp = Formulas::new(objective, &bounds, &rows);
        let outcome = solve(&mut nlp, &vec![1.0; bounds.len()]);
        if !unbounded {
            assert_eq!(outcome.stop, Stop::Converged, "{objective}");
            continue;
        }
        let Stop::Unbounded { ray: Some(ray) } = outcome.stop else {
            panic!("{objective}: {:?} at {:?}", outcome.stop, outcome.x);
        };
        let far: Vec<f64> = ray.iter().map(|d| 1e6 * d).collect();
        assert!(nlp.objective(&far) < -1e5, "{objective}: {ray:?}");
    }
}

#[test]
fn values_that_are_not_finite_are_avoided_or_named() {
    let (outcome, _) = solved(&mut Formulas::new("x1-log(x1)", &[FREE], &[]), &[30.0]);
    assert!((outcome.x[0] - 1.0).abs() <= 1e-9);
    let outcome = solve(&mut Formulas::new("log(x1)", &[FREE], &[]), &[-1.0]);
    assert!(matches!(outcome.stop, Stop::NotFinite(_)), "{:?}", outcome.stop);
}

#[test]
fn warm_starts_take_few_iterations_and_limits_are_obeyed() {
    for mut problem in hock_schittkowski()
        .into_iter()
        .filter(|p| ["HS71", "HS113", "HS86", "HS76", "HS118"].contains(&p.name.as_str()))
    {
        let (cold, value) = solved(&mut problem.nlp, &problem.start);
        let warm = run(&METHOD, &mut problem.nlp, &cold.x, cold.multipliers, &[]);
        assert_eq!(warm.stop, Stop::Converged);
        assert!((problem.nlp.objective(&warm.x) - value).abs() <= 1e-8 * value.abs().max(1.0));
        assert!(warm.iterations <= 5 && warm.iterations < cold.iterations, "{}: {}", problem.name, warm.iterations);
        let few = [("max_iter", Value::Number(2.0))];
        let outcome = run(&METHOD, &mut problem.nlp, &problem.start, None, &few);
        assert_eq!((outcome.stop, outcome.iterations), (Stop::IterationLimit, 2));
    }
}

/// The same answers in any units, with multipliers of the problem as stated.
#[test]
fn stated_scales_change_the_way_and_not_the_answer() {
    let spread = |k: usize| [1e-3, 1.0, 30.0, 1e2][k % 4];
    for hessian in ["exact", "products"] {
        let set = [("hessian", Value::Text(hessian.into()))];
        for name in ["HS6", "HS14", "HS22", "HS34", "HS42", "HS63", "HS76", "HS80", "HS86", "HS113", "HS118"] {
            let mut problem = hock_schittkowski().into_iter().find(|p| p.name == name).expect("it is listed");
            let (n, m) = (problem.nlp.shape().variables(), problem.nlp.shape().rows());
            let rows = (0..m).map(|r| (r % 3 > 0).then(|| spread(r))).collect();
            problem.nlp.state_scales((0..n).map(|k| (k % 5 > 0).then(|| spread(k))).collect(), rows, Some(5.0));
            let outcome = run(&METHOD, &mut problem.nlp, &problem.start, None, &set);
            let said = format!("{name} {hessian}: {} iterations, {:?}", outcome.iterations, outcome.stop);
            let value = problem.nlp.objective(&outcome.x);
            let most = residuals(&mut problem.nlp, &outcome.x, outcome.multipliers.as_ref().unwrap());
            assert!(most.most() <= 1e-6 && outcome.stop == Stop::Converged, "{said}: {most:?}");
            assert!((value - problem.best).abs() <= 1e-6 * problem.best.abs().max(1.0), "{said}: {value}");
            let warm = run(&METHOD, &mut problem.nlp, &outcome.x, outcome.multipliers, &set);
            assert!(warm.stop == Stop::Converged && warm.iterations <= 5, "{said}, then {}", warm.iterations);
        }
    }
}

/// A quadratic whose units differ by ten orders: gradients at the start cannot tell, the statement can.
#[test]
fn stated_scales_help_where_units_differ() {
    let iterations = |scaling: &str| {
        let rows = [("x1*x2", (2e-4, f64::INFINITY)), ("x1+1e14*x2", (f64::NEG_INFINITY, 6e8))];
        let bounds = [(0.0, 1e9), (0.0, 1.0)];
        let mut nlp = Formulas::new("(x1/1e8-3)^2+(1e6*x2-2)^2+exp(x1/1e8-1e6*x2)", &bounds, &rows);
        nlp.state_scales(vec![Some(1e8), Some(1e-6)], vec![Some(1e2), Some(1e8)], None);
        let outcome = run(&METHOD, &mut nlp, &[1e8, 1e-2], None, &[("scaling", Value::Text(scaling.into()))]);
        (outcome.stop, outcome.iterations, nlp.objective(&outcome.x))
    };
    let (user, gradient) = (iterations("user"), iterations("gradient"));
    println!("{user:?} {gradient:?}");
    assert_eq!(user.0, Stop::Converged);
    assert!(user.1 < gradient.1 || gradient.0 != Stop::Converged);
}

/// An answer with its multipliers is a start for a problem whose sides moved a little.
#[test]
fn a_problem_like_the_last_one_takes_few_iterations() {
    let (mut from_start, mut from_answer) = (0, 0);
    for mut problem in hock_schittkowski() {
        let before = solve(&mut problem.nlp, &problem.start);
        problem.nlp.move_sides(1e-2);
        let cold = solve(&mut problem.nlp, &problem.start);
        let warm = run(&METHOD, &mut problem.nlp, &before.x, before.multipliers, &[]);
        assert_eq!(cold.stop, Stop::Converged, "{}", problem.name);
        assert_eq!(warm.stop, Stop::Converged, "{}", problem.name);
        from_start += cold.iterations;
        from_answer += warm.iterations;
    }
    println!("{from_answer} iterations instead of {from_start}");
    assert!(4 * from_answer <= from_start, "{from_answer} of {from_start}");
}

#[test]
fn reported_points_are_inside_their_bounds() {
    for mut problem in hock_schittkowski() {
        let outcome = solve(&mut problem.nlp, &problem.start);
        let shape = problem.nlp.shape();
        for (i, x) in outcome.x.iter().enumerate() {
            assert!((shape.lower[i]..=shape.upper[i]).contains(x), "{}", problem.name);
        }
    }
}

#[test]
fn a_power_network_reaches_the_published_cost() {
    let mut network = Network::from_json(include_str!("../../testing/case14.json"));
    let start = network.start.clone();
    let outcome = run(&METHOD, &mut network, &start, None, &[]);
    assert_eq!(outcome.stop, Stop::Converged);
    assert!((network.objective(&outcome.x) - 2178.1).abs() <= 0.05);
    assert!(outcome.iterations <= 30, "{}", outcome.iterations);
}

/// Prints figures for a case file: `MERIT_TEST_CASE=case118.json cargo test --release -- --ignored networks`.
#[test]
#[ignore = "a measurement; needs a case file"]
fn larger_networks() {
    let Ok(path) = std::env::var("MERIT_TEST_CASE") else { return };
    let mut network = Network::from_json(&std::fs::read_to_string(path).unwrap());
    let start = network.start.clone();
    for _ in 0..3 {
        let clock = std::time::Instant::now();
        let outcome = run(&METHOD, &mut network, &start, None, &[]);
        let (time, cost) = (clock.elapsed(), network.objective(&outcome.x));
        println!("{:?} {cost:.6e} {} iterations {time:?}", outcome.stop, outcome.iterations);
        if std::env::var_os("MERIT_TEST_LOG").is_some() {
            break;
        }
    }
}
