//! Measuring at one point, and handing point, data and values to other tools.

use crate::{by_hand, fastest, models};
use merit::ad::Evaluator;
use merit::expr::eval::{self, Inputs};
use merit::linalg::pattern::Pattern;
use merit::problem::Problem;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

pub const QUANTITIES: [&str; 6] = ["f", "grad", "cons", "jac", "hess", "hess v"];

/// Where functions are evaluated, and room for their values.
pub struct Point {
    x: Vec<f64>,
    weights: Vec<f64>,
    f: f64,
    gradient: Vec<f64>,
    rows: Vec<f64>,
    jacobian: Vec<f64>,
    hessian: Vec<f64>,
    product: Vec<f64>,
}

impl Point {
    /// For some of the quantities; the patterns of others are not asked for.
    pub fn new(evaluator: &mut Evaluator, wanted: &[&str]) -> Point {
        let n = evaluator.variables();
        let wants = |quantity: &str| wanted.contains(&quantity);
        let (jacobian, hessian) = (wants("jac"), wants("hess"));
        Point {
            x: (0..n).map(|k| 0.9 + 0.2 * (k as f64 * 0.7).sin()).collect(),
            weights: (0..evaluator.rows()).map(|r| 0.5 + 0.4 * (r as f64 * 0.3).cos()).collect(),
            f: 0.0,
            gradient: vec![0.0; n],
            rows: vec![0.0; evaluator.rows()],
            jacobian: vec![0.0; if jacobian { evaluator.jacobian_pattern().entries() } else { 0 }],
            hessian: vec![0.0; if hessian { evaluator.hessian_pattern().entries() } else { 0 }],
            product: vec![0.0; n],
        }
    }

    fn evaluate(&mut self, evaluator: &mut Evaluator, quantity: &str) {
        match quantity {
            "f" => self.f = evaluator.objective(&self.x),
            "grad" => evaluator.gradient(&self.x, &mut self.gradient),
            "cons" => evaluator.constraints(&self.x, &mut self.rows),
            "jac" => evaluator.jacobian(&self.x, &mut self.jacobian),
            "hess" => evaluator.hessian(&self.x, 1.0, &self.weights, &mut self.hessian),
            "hess v" => evaluator.hessian_product(&self.x, 1.0, &self.weights, &self.x, &mut self.product),
            _ => unreachable!("all quantities are listed"),
        }
    }

    /// Seconds of one evaluation, at a new point each time, so that nothing is remembered.
    pub fn time(&mut self, evaluator: &mut Evaluator, quantity: &str, seconds: f64) -> f64 {
        let (here, mut sign) = (self.x[0], 1.0);
        let best = fastest(seconds, || {
            sign = -sign;
            self.x[0] = sign * here;
            self.evaluate(evaluator, quantity);
        });
        self.x[0] = here;
        best
    }
}

/// What is measured of a workload.
pub fn wanted(workload: &str) -> &'static [&'static str] {
    match workload {
        // Their Hessians are nearly dense.
        "w5" | "w7" => &["f", "grad"],
        _ => &QUANTITIES[..5],
    }
}

/// Measures one workload and compares its values with the referee; see the head of this program.
pub fn compare(workload: &str, size: u32, folder: &Path) {
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let (problem, instances) = match workload {
        "w1" => (models::chain(size), size),
        "w2" => (models::branches(size), size),
        "w3" => (models::logistic(size, 50), size),
        "w4" => (models::hock_schittkowski_100(), 1),
        "w5" => (models::gaussian_mixture(size), size),
        "w6" => (models::bundle_adjustment(size), size),
        "w7" => (models::sparse_squares(size), size),
        _ => panic!("workloads are w1 to w7"),
    };
    let begin = Instant::now();
    let mut evaluator = Evaluator::new(&problem);
    let wanted = wanted(workload);
    let mut point = Point::new(&mut evaluator, wanted);
    let build = begin.elapsed().as_secs_f64();
    let mut fields = vec![];
    for quantity in wanted {
        let seconds = point.time(&mut evaluator, quantity, 0.5);
        point.evaluate(&mut evaluator, quantity);
        fields.push(format!("\"{quantity}\": {}", seconds * 1e9 / instances as f64));
    }
    for (quantity, seconds) in by_hand(workload, size, &mut point) {
        fields.push(format!("\"hand {quantity}\": {}", seconds * 1e9 / instances as f64));
    }
    fields.push(format!("\"build\": {build}"));
    fields.push(format!("\"referee\": {:e}", against_referee(&problem, &point)));
    write_files(workload, size, folder, &mut evaluator, &point);
    println!("{{{}}}", fields.join(", "));
}

/// Seconds of the hand-written loops.
fn by_hand(workload: &str, size: u32, point: &mut Point) -> Vec<(&'static str, f64)> {
    let x = point.x.clone();
    let time = |run: &mut dyn FnMut()| fastest(0.3, run);
    let (n, mut out) = (size as usize, vec![0.0; 20 * size as usize]);
    match workload {
        "w1" => vec![
            ("f", time(&mut || point.f = black_box(by_hand::chain_objective(black_box(&x))))),
            ("grad", time(&mut || by_hand::chain_gradient(black_box(&x), &mut out[..n]))),
            ("cons", time(&mut || by_hand::chain_rows(black_box(&x), &mut out[..n - 2]))),
            ("jac", time(&mut || by_hand::chain_jacobian(black_box(&x), &mut out[..3 * (n - 2)]))),
            ("hess", time(&mut || by_hand::chain_hessian(black_box(&x), &point.weights, &mut out[..2 * n - 1]))),
        ],
        "w2" => {
            let net = models::network(size);
            vec![
                ("cons", time(&mut || by_hand::branch_rows(&net, black_box(&x), &mut out[..4 * n]))),
                ("jac", time(&mut || by_hand::branch_jacobian(&net, black_box(&x), &mut out[..20 * n]))),
                (
                    "hess",
                    time(&mut || by_hand::branch_hessian(&net, black_box(&x), &point.weights, &mut out[..10 * n])),
                ),
            ]
        }
        _ => vec![],
    }
}

/// The largest `|a - b| / (1 + |b|)` of objective and rows against the plain evaluator. Derivatives are compared by the
/// other tools, and by the tests of the engine.
fn against_referee(problem: &Problem, point: &Point) -> f64 {
    let mut roots: Vec<_> = problem.constraints.iter().map(|c| c.stage).collect();
    roots.extend(problem.objectives.iter().map(|o| o.stage));
    let params = problem.params.iter().map(|p| p.values.as_slice()).collect();
    let inputs = Inputs { variables: &point.x, params, after: &[] };
    let values = eval::stages(&problem.graph, &problem.stages, &eval::needed(&problem.stages, &roots), &inputs);
    let rows = problem.constraints.iter().flat_map(|c| values[c.stage.0 as usize].clone());
    let wanted = rows.chain(problem.objectives.iter().map(|o| values[o.stage.0 as usize][0]));
    let got = point.rows.iter().chain([&point.f]);
    got.zip(wanted).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f64::max)
}

fn write_files(workload: &str, size: u32, folder: &Path, evaluator: &mut Evaluator, point: &Point) {
    let numbers = |name: &str, values: &[f64]| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(folder.join(format!("{workload}_{name}.f64")), bytes).expect("the file can be written");
    };
    let positions = |name: &str, values: &[u32]| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(folder.join(format!("{workload}_{name}.u32")), bytes).expect("the file can be written");
    };
    let pattern = |name: &str, pattern: &Pattern| {
        let rows: Vec<u32> = (0..pattern.rows).flat_map(|r| pattern.row(r).map(move |_| r as u32)).collect();
        positions(&format!("{name}_rows"), &rows);
        positions(&format!("{name}_columns"), &pattern.columns);
    };
    numbers("x", &point.x);
    numbers("weights", &point.weights);
    numbers("f", &[point.f]);
    numbers("grad", &point.gradient);
    numbers("cons", &point.rows);
    if wanted(workload).contains(&"jac") {
        numbers("jac", &point.jacobian);
        pattern("jac", evaluator.jacobian_pattern());
    }
    if wanted(workload).contains(&"hess") {
        numbers("hess", &point.hessian);
        pattern("hess", evaluator.hessian_pattern());
    }
    match workload {
        "w2" => {
            let net = models::network(size);
            positions("from", &net.from);
            positions("to", &net.to);
            numbers("data", &net.columns.concat());
        }
        "w3" => {
            let (a, y) = models::samples(size, 50);
            numbers("a", &a);
            numbers("y", &y);
        }
        "w7" => {
            let (rows, columns, values) = models::entries(size);
            positions("rows", &rows);
            positions("columns", &columns);
            numbers("values", &values);
        }
        _ => {}
    }
}
