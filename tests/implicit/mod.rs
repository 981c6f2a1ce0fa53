//! Implicit differentiation as published: `examples/seeds/04`, and `docs/seeds.md` for what came out.

use merit::ad::Evaluator;
use merit::expr::family::{ParamId, Source};
use merit::linalg::krylov;
use merit::linalg::vector::{dot, two_norm};
use merit::problem::Problem;
use merit::problem::promote::promote;
use merit::session::{Model, Options};
use merit::solve::implicit::conditions::{Conditions, ProximalStep, Split, Stationarity};
use merit::solve::implicit::linear::{Implicit, Kind, Linear};
use merit::solve::implicit::unroll;
use merit::solve::options::Value;
use merit::solve::parts::proximal::Proximal;
use std::ops::ControlFlow;
use std::time::Instant;

fn model(name: &str, given: &[(&str, f64)]) -> Problem {
    let path = format!("{}/examples/seeds/04/{name}.opt", env!("CARGO_MANIFEST_DIR"));
    let mut model = Model::from_file(&path).unwrap_or_else(|e| panic!("{e}"));
    for (name, value) in given {
        model = model.with_param(name, *value);
    }
    model.build().unwrap_or_else(|e| panic!("{e}")).problem
}

/// The problem with a parameter as the variables after its own, and the value that the parameter has.
fn joint(mut problem: Problem, name: &str) -> (Problem, Vec<f64>) {
    let k = problem.params.iter().position(|p| p.name == name).expect("the parameter is there");
    let values = problem.params[k].values.to_vec();
    promote(&mut problem, Source::Param(ParamId(k as u32)), values.clone(), name);
    (problem, values)
}

fn split<'e>(evaluator: &'e mut Evaluator, z: &[f64], theta: &[f64]) -> Split<'e> {
    let n = z.len() as u32;
    let point = [z, theta].concat();
    Split { evaluator, point, inner: (0..n).collect(), outer: (n..n + theta.len() as u32).collect() }
}

/// The largest eigenvalue of the Hessian, by powers.
fn curvature(smooth: &mut Stationarity) -> f64 {
    let n = smooth.inner();
    let mut v: Vec<f64> = (0..n).map(|k| 1.0 + (k as f64).sin()).collect();
    let mut out = vec![0.0; n];
    let mut size = 0.0;
    for _ in 0..50 {
        let length = two_norm(&v);
        v.iter_mut().for_each(|v| *v /= length);
        smooth.inner_product(&v, &mut out);
        size = dot(&v, &out);
        v.copy_from_slice(&out);
    }
    size
}

fn error(a: &[f64], b: &[f64]) -> f64 {
    two_norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

#[test]
fn ridge_derivatives_follow_the_error_of_the_iterate() {
    let (problem, theta) = joint(model("ridge", &[]), "theta");
    let mut evaluator = Evaluator::new(&problem);
    let start = vec![0.0; 20];
    let smooth = Stationarity { split: split(&mut evaluator, &start, &theta), sigma: 1.0 };
    let mut step = ProximalStep { smooth, step: 1.0, map: None, parameter: None };
    step.step = 1.0 / curvature(&mut step.smooth);
    // The loss is quadratic: one Newton step from anywhere is the answer, and `(A'A + θ) J = -w` its derivative.
    let exact = {
        step.smooth.split.move_to(&start);
        let right: Vec<f64> = step.smooth.gradient().iter().map(|g| -g).collect();
        let mut w = vec![0.0; 20];
        krylov::conjugate_gradients(&mut |v, out| step.smooth.inner_product(v, out), &right, 1e-15, 200, &mut w);
        w
    };
    let minus: Vec<f64> = exact.iter().map(|w| -w).collect();
    let mut closed = vec![0.0; 20];
    krylov::conjugate_gradients(&mut |v, out| step.smooth.inner_product(v, out), &minus, 1e-15, 200, &mut closed);
    println!("steps, error of the iterate, of the implicit derivative, of the unrolled one:");
    let mut before = [f64::INFINITY; 2];
    for steps in [1, 2, 4, 8, 16, 32, 64, 128] {
        let unrolled = unroll::forward(&mut step, &start, steps, &[1.0]);
        step.smooth.split.move_to(&unrolled.point);
        let implicit = Implicit::new(&mut step.smooth, Linear::default()).forward(&[1.0]);
        let iterate = error(&unrolled.point, &exact);
        let [here, there] = [error(&implicit.values, &closed), error(&unrolled.derivative, &closed)];
        println!("{steps:4} {iterate:.3e} {here:.3e} {there:.3e}");
        assert!(here <= 10.0 * iterate + 1e-13, "{steps}");
        assert!(here < there || there < 1e-12, "{steps}: {here} {there}");
        assert!(here <= before[0] + 1e-13 && there <= before[1] * 1.5 + 1e-13);
        before = [here, there];
    }
}

/// The sensitivities that a model states, against central differences of solved problems, whole columns.
#[test]
fn every_kind_of_conditions_agrees_with_differences() {
    for name in ["ridge", "lasso", "program", "flow", "simplex"] {
        let path = format!("{}/examples/seeds/04/{name}.opt", env!("CARGO_MANIFEST_DIR"));
        let mut problem = Model::from_file(&path).unwrap().build().unwrap_or_else(|e| panic!("{e}"));
        let tight = vec![("tol".to_string(), Value::Number(1e-12))];
        let options = Options { method: Some("interior_point".into()), options: tight, ..Options::default() };
        let plan = problem.plan(&options).unwrap();
        let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap();
        assert!(answer.ensures.iter().all(|e| e.holds), "{name}");
        for found in answer.sensitivities.iter().filter(|s| s.stated && !s.entry.name.contains('.')) {
            assert!(found.holds(), "{name}: {found:?}");
            let (of, to) = found.entry.name.split_once(" to ").unwrap();
            let index = problem.problem.params.iter().position(|p| p.name == to).unwrap();
            let numbers = problem.problem.params[index].values.to_vec();
            let mut worst: f64 = 0.0;
            for j in 0..numbers.len() {
                let h = 1e-4;
                let mut at = |sign: f64| {
                    let mut moved = numbers.clone();
                    moved[j] += sign * h;
                    problem.set_param(to, &moved).unwrap();
                    let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap();
                    answer.value(of).unwrap().to_vec()
                };
                let (right, left) = (at(1.0), at(-1.0));
                for i in 0..right.len() {
                    let quotient = (right[i] - left[i]) / (2.0 * h);
                    let derivative = found.entry.values[i * numbers.len() + j];
                    worst = worst.max((quotient - derivative).abs() / derivative.abs().max(1.0));
                }
            }
            problem.set_param(to, &numbers).unwrap();
            println!("{name}: {} differs by {worst:.1e}", found.entry.name);
            assert!(worst <= 1e-5);
        }
    }
}

/// The dual of the support vector machine as projected gradient steps, and the error on other samples.
struct Machine {
    lower: Evaluator,
    upper_row: usize,
    start: Vec<f64>,
}

impl Machine {
    fn new(samples: f64) -> Machine {
        let mut problem = model("svm", &[("m", samples)]);
        let error = problem.named.iter().find(|n| n.name == "error").unwrap().stage;
        let upper_row = problem.row_count();
        problem.watch(error, Default::default());
        let (problem, _) = joint(problem, "theta");
        let start = vec![1.0 / 3.0; problem.dimension as usize - 1];
        Machine { lower: Evaluator::new(&problem), upper_row, start }
    }

    fn at(&mut self, theta: f64) -> ProximalStep<'_> {
        let smooth = Stationarity { split: split(&mut self.lower, &self.start, &[theta]), sigma: 1.0 };
        let map = Proximal::Parts { size: 3, map: Box::new(Proximal::Simplex { total: 1.0 }) };
        let mut step = ProximalStep { smooth, step: 1.0, map: Some(map), parameter: None };
        step.step = 1.0 / curvature(&mut step.smooth);
        step
    }
}

/// The slopes of the outer error in all variables of the joint vector.
fn slopes(split: &mut Split, row: usize) -> Vec<f64> {
    let mut weights = vec![0.0; split.evaluator.rows()];
    weights[row] = 1.0;
    let mut out = vec![0.0; split.point.len()];
    split.evaluator.jacobian_transposed_product(&split.point, &weights, &mut out);
    out
}

/// Projected gradient with momentum, until steps are short.
fn descend(step: &mut ProximalStep, start: &[f64], most: usize) -> Vec<f64> {
    let mut z = start.to_vec();
    let (mut ahead, mut t) = (z.clone(), 1.0_f64);
    for _ in 0..most {
        step.smooth.split.move_to(&ahead);
        let next = step.image();
        let moved: Vec<f64> = next.iter().zip(&z).map(|(a, b)| a - b).collect();
        // Momentum begins anew where it points uphill.
        let uphill = ahead.iter().zip(&next).zip(&moved).map(|((y, x), d)| (y - x) * d).sum::<f64>() > 0.0;
        let grown = if uphill { 1.0 } else { (1.0 + (1.0 + 4.0 * t * t).sqrt()) / 2.0 };
        let beta = if !uphill { (t - 1.0) / grown } else { 0.0 };
        t = grown;
        ahead = next.iter().zip(&moved).map(|(x, d)| x + beta * d).collect();
        z = next;
        if two_norm(&moved) < 1e-12 {
            break;
        }
    }
    z
}

/// The hypergradient at an answer, and how many products it took.
fn hypergradient(step: &mut ProximalStep, z: &[f64], row: usize) -> (f64, usize) {
    step.smooth.split.move_to(z);
    let slopes = slopes(&mut step.smooth.split, row);
    let linear = Linear { kind: Kind::Gmres, tolerance: 1e-10, limit: 2000 };
    let n = z.len();
    let found = Implicit::new(step, linear).reverse(&slopes[..n]);
    assert!(found.residual < 1e-8, "{found:?}");
    (slopes[n] + found.values[0], found.products)
}

#[test]
fn tuning_a_support_vector_machine() {
    let mut machine = Machine::new(200.0);
    let (row, start) = (machine.upper_row, machine.start.clone());
    let mut step = machine.at(20.0);
    let z = descend(&mut step, &start, 300);
    let began = Instant::now();
    let (implicit, products) = hypergradient(&mut step, &z, row);
    let taken = began.elapsed().as_secs_f64();
    println!("hypergradient {implicit:.8}, {products} products, {taken:.3} s");
    // Unrolling: a step back is two products (in z and in theta), a step ahead a gradient.
    let began = Instant::now();
    let by_steps = unrolled(&mut step, &start, 20, row);
    let unrolling = 25.0 * began.elapsed().as_secs_f64();
    println!(
        "20 steps unrolled {by_steps:.8}; 500 steps: 1500 products and gradients, {unrolling:.3} s, {} numbers kept",
        500 * z.len()
    );
    assert!(3 * products <= 1500, "{products}");
    assert!(3.0 * taken <= unrolling, "{taken} {unrolling}");
}

/// The derivative of the outer error after some steps, by going back through them.
fn unrolled(step: &mut ProximalStep, start: &[f64], steps: usize, row: usize) -> f64 {
    let mut z = start.to_vec();
    for _ in 0..steps {
        step.smooth.split.move_to(&z);
        z = step.image();
    }
    step.smooth.split.move_to(&z);
    let all = slopes(&mut step.smooth.split, row);
    let n = z.len();
    all[n] + unroll::reverse(step, start, steps, |_| all[..n].to_vec()).derivative[0]
}

/// Tuning by either hypergradient, and the hypergradient at the answer of another solver, on a smaller machine.
#[test]
fn hypergradients_agree_whatever_solves_the_inner_problem() {
    let mut machine = Machine::new(30.0);
    let (row, start) = (machine.upper_row, machine.start.clone());
    let mut tuned = |steps: Option<usize>| {
        // The slope changes sign; bisection in the logarithm.
        let (mut low, mut high) = (1.0_f64, 4.0_f64);
        for _ in 0..6 {
            let middle = 0.5 * (low + high);
            let mut step = machine.at(middle.exp());
            let slope = match steps {
                Some(steps) => unrolled(&mut step, &start, steps, row),
                None => {
                    let z = descend(&mut step, &start, 1000);
                    hypergradient(&mut step, &z, row).0
                }
            };
            if slope > 0.0 { high = middle } else { low = middle }
        }
        0.5 * (low + high)
    };
    let (implicit, by_steps) = (tuned(None), tuned(Some(200)));
    let solved = |theta: f64| {
        let path = format!("{}/examples/seeds/04/svm.opt", env!("CARGO_MANIFEST_DIR"));
        let model = Model::from_file(&path).unwrap().with_param("m", 30.0).with_param("theta", theta);
        let mut problem = model.build().unwrap_or_else(|e| panic!("{e}"));
        let options = Options { options: vec![("tol".to_string(), Value::Number(1e-11))], ..Options::default() };
        let plan = problem.plan(&options).unwrap();
        problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap()
    };
    let errors = [implicit, by_steps].map(|log| solved(log.exp()).value("error").unwrap()[0]);
    println!(
        "log theta: implicit {implicit:.4}, error {:.6}; unrolled {by_steps:.4}, error {:.6}",
        errors[0], errors[1]
    );
    assert!((errors[0] - errors[1]).abs() <= 1e-3, "{errors:?}");
    // An interior point method comes from another side, and its conditions are those of a program.
    let theta = 20.0;
    let mut step = machine.at(theta);
    let z = descend(&mut step, &start, 4000);
    let (by_projections, _) = hypergradient(&mut step, &z, row);
    let by_program = solved(theta).sensitivities[0].entry.values[0];
    println!("hypergradient by projections {by_projections:.10}, by a program {by_program:.10}");
    assert!((by_projections - by_program).abs() <= 1e-7, "{by_projections} {by_program}");
}
