//! Test problems for methods: [`Formulas`] written as text, a runner, and residuals computed apart from any method.

pub mod formula;
pub mod network;

use super::asked::{Limits, OfFunctions, Valued};
use super::black_box::search::{Search, Space};
use super::method::{Context, Method, Run};
use super::monitor::Monitor;
use super::nlp::{Nlp, Pair, Pattern, Scales, Shape};
use super::options::{Options, Value};
use crate::answer::{Evaluations, LogLine, Multipliers, Outcome};
use formula::{Formula, Taylor, parse};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;

pub const FREE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
pub const EQUAL: (f64, f64) = (0.0, 0.0);
pub const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);

/// An [`Nlp`] from formulas.
#[derive(Clone)]
pub struct Formulas {
    shape: Shape,
    objective: Formula,
    rows: Vec<Formula>,
    counts: Evaluations,
}

impl Formulas {
    /// `bounds` has a pair for each variable; a row is a formula with its bounds.
    pub fn new(objective: &str, bounds: &[(f64, f64)], rows: &[(&str, (f64, f64))]) -> Formulas {
        let n = bounds.len();
        let all: Vec<u32> = (0..n as u32).collect();
        let triangle: Vec<Vec<u32>> = (0..n).map(|r| all[..=r].to_vec()).collect();
        let formulas: Vec<Formula> = rows.iter().map(|(text, _)| parse(text)).collect();
        let used: Vec<Vec<u32>> = formulas
            .iter()
            .map(|formula| {
                let mut out = Vec::new();
                variables(formula, &mut out);
                out
            })
            .collect();
        let shape = Shape {
            lower: bounds.iter().map(|b| b.0).collect(),
            upper: bounds.iter().map(|b| b.1).collect(),
            row_lower: rows.iter().map(|row| row.1.0).collect(),
            row_upper: rows.iter().map(|row| row.1.1).collect(),
            jacobian: Arc::new(Pattern::from_rows(n, &used)),
            hessian: Arc::new(Pattern::from_rows(n, &triangle)),
            pairs: vec![],
            definitions: vec![],
            curved: vec![true; n],
            scales: None,
        };
        Formulas { shape, objective: parse(objective), rows: formulas, counts: Evaluations::default() }
    }

    /// The same with complementary rows.
    pub fn with_pairs(mut self, pairs: &[Pair]) -> Formulas {
        self.shape.pairs = pairs.to_vec();
        self
    }

    /// Moves finite sides of rows, to and fro in turn, by a part of their size: a problem like the one before.
    pub fn move_sides(&mut self, part: f64) {
        let Shape { row_lower, row_upper, .. } = &mut self.shape;
        for (k, (lower, upper)) in row_lower.iter_mut().zip(row_upper).enumerate() {
            let side = if lower.is_finite() { *lower } else { *upper };
            let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
            let by = if side.is_finite() { sign * part * side.abs().max(1.0) } else { 0.0 };
            *lower += by;
            *upper += by;
        }
    }

    /// States sizes of variables and rows.
    pub fn state_scales(&mut self, variables: Vec<Option<f64>>, rows: Vec<Option<f64>>, objective: Option<f64>) {
        self.shape.scales = Some(Arc::new(Scales { objective, variables, rows }));
    }

    fn lagrangian(&self, x: &[f64], sigma: f64, weights: &[f64]) -> Vec<f64> {
        let n = x.len();
        let mut sum = vec![0.0; n * n];
        let formulas = std::iter::once(&self.objective).chain(&self.rows);
        for (formula, weight) in formulas.zip(std::iter::once(&sigma).chain(weights)) {
            if *weight != 0.0 {
                let hessian = formula.evaluate(x).hessian;
                sum.iter_mut().zip(hessian).for_each(|(s, h)| *s += weight * h);
            }
        }
        sum
    }
}

fn variables(formula: &Formula, out: &mut Vec<u32>) {
    match formula {
        Formula::Number(_) => {}
        Formula::Variable(i) => out.push(*i as u32),
        Formula::Binary(_, a, b) => {
            variables(a, out);
            variables(b, out);
        }
        Formula::Call(_, a) => variables(a, out),
    }
}

impl Nlp for Formulas {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn objective(&mut self, x: &[f64]) -> f64 {
        self.counts.objective += 1;
        self.objective.evaluate(x).value
    }

    fn gradient(&mut self, x: &[f64], out: &mut [f64]) {
        self.counts.gradient += 1;
        out.copy_from_slice(&self.objective.evaluate(x).gradient);
    }

    fn constraints(&mut self, x: &[f64], out: &mut [f64]) {
        self.counts.constraints += 1;
        out.iter_mut().zip(&self.rows).for_each(|(c, row)| *c = row.evaluate(x).value);
    }

    fn jacobian(&mut self, x: &[f64], out: &mut [f64]) {
        self.counts.jacobian += 1;
        for (r, row) in self.rows.iter().enumerate() {
            let gradient = row.evaluate(x).gradient;
            for k in self.shape.jacobian.row(r) {
                out[k] = gradient[self.shape.jacobian.columns[k] as usize];
            }
        }
    }

    fn hessian(&mut self, x: &[f64], sigma: f64, weights: &[f64], out: &mut [f64]) {
        self.counts.hessian += 1;
        let n = x.len();
        let sum = self.lagrangian(x, sigma, weights);
        for r in 0..n {
            for k in self.shape.hessian.row(r) {
                out[k] = sum[r * n + self.shape.hessian.columns[k] as usize];
            }
        }
    }

    fn hessian_product(&mut self, x: &[f64], sigma: f64, weights: &[f64], v: &[f64], out: &mut [f64]) {
        self.counts.product += 1;
        let sum = self.lagrangian(x, sigma, weights);
        out.iter_mut().zip(sum.chunks(x.len())).for_each(|(o, row)| *o = row.iter().zip(v).map(|(a, b)| a * b).sum());
    }

    fn evaluations(&self) -> Evaluations {
        self.counts.clone()
    }

    fn explain_not_finite(&mut self, x: &[f64]) -> Option<String> {
        (!self.objective.evaluate(x).value.is_finite()).then(|| "the objective".into())
    }
}

/// A problem of the collection.
pub struct Listed {
    pub name: String,
    pub nlp: Formulas,
    pub start: Vec<f64>,
    pub best: f64,
}

/// Hock-Schittkowski and Schittkowski problems with the best values known.
pub fn hock_schittkowski() -> Vec<Listed> {
    include_str!("hock_schittkowski.tsv").lines().skip(1).map(listed).collect()
}

fn listed(line: &str) -> Listed {
    let fields: Vec<&str> = line.split('\t').collect();
    let n: usize = fields[1].parse().unwrap();
    let mut bounds = vec![FREE; n];
    for bound in fields[3].split(';').filter(|text| *text != "-") {
        let parts: Vec<&str> = bound.split(':').collect();
        let variable: usize = parts[0][1..].parse().unwrap();
        bounds[variable - 1] = (parts[1].parse().unwrap(), parts[2].parse().unwrap());
    }
    let equalities = fields[4].split(';').map(|text| (text, EQUAL));
    let inequalities = fields[5].split(';').map(|text| (text, POSITIVE));
    let rows: Vec<(&str, (f64, f64))> = equalities.chain(inequalities).filter(|row| row.0 != "-").collect();
    Listed {
        name: fields[0].into(),
        nlp: Formulas::new(fields[2], &bounds, &rows),
        start: fields[6].split(',').map(|x| x.parse().unwrap()).collect(),
        best: fields[7].parse().unwrap(),
    }
}

/// Runs a method with options, from a start and perhaps multipliers.
pub fn run(
    method: &Method,
    nlp: &mut dyn Nlp,
    start: &[f64],
    warm: Option<Multipliers>,
    set: &[(&str, Value)],
) -> Outcome {
    run_with_limit(method, nlp, start, warm, set, 1000)
}

/// Runs a method for a number of iterations at most.
pub fn run_limited(method: &Method, nlp: &mut dyn Nlp, start: &[f64], iteration_limit: usize) -> Outcome {
    run_with_limit(method, nlp, start, None, &[], iteration_limit)
}

fn run_with_limit(
    method: &Method,
    nlp: &mut dyn Nlp,
    start: &[f64],
    warm: Option<Multipliers>,
    set: &[(&str, Value)],
    iteration_limit: usize,
) -> Outcome {
    let options = Options { set: set.iter().map(|(n, v)| (n.to_string(), v.clone())).collect(), seed: 0 };
    let mut progress = |line: &LogLine| {
        if std::env::var_os("MERIT_TEST_LOG").is_some() {
            eprintln!("{line:?}");
        }
        ControlFlow::Continue(())
    };
    let mut monitor = Monitor { iteration_limit, keep_log: true, ..Monitor::new(&|| 0.0, &|| false, &mut progress) };
    if let Run::Functions(run) = method.run {
        let mut context = Context { nlp, start: start.to_vec(), warm, options: &options, monitor: &mut monitor };
        return run(&mut context);
    }
    let shape = nlp.shape().clone();
    let space = Space { integer: vec![false; start.len()], lower: shape.lower, upper: shape.upper };
    searched(method, nlp, &space, start, &options, &mut monitor)
}

/// A black-box method on the objective of `nlp`.
fn searched(
    method: &Method,
    nlp: &mut dyn Nlp,
    space: &Space,
    start: &[f64],
    options: &Options,
    monitor: &mut Monitor,
) -> Outcome {
    let seen = Cell::new(f64::NAN);
    let limits = Limits { budget: f64::INFINITY, target: f64::NEG_INFINITY };
    let mut objective = OfFunctions(nlp);
    let mut asked = Valued::new(&mut objective, space, limits, &seen);
    let found = match method.run {
        Run::ByValue(run) => run(&mut Search::new(space, start, &mut asked, options, monitor, &seen)),
        Run::ByRank(run) => run(&mut Search::new(space, start, &mut asked, options, monitor, &seen)),
        Run::Functions(_) => unreachable!("the caller runs those"),
    };
    let x = asked.best.take().map_or(found.x, |(x, _)| x);
    let log = std::mem::take(&mut monitor.log);
    let evaluations = nlp.evaluations();
    Outcome { x, multipliers: None, stop: found.stop, iterations: found.iterations, evaluations, log }
}

/// Optimality residuals of a point and multipliers in the convention of `answer`.
#[derive(Clone, Copy, Debug)]
pub struct Residuals {
    /// The largest violation of a row or a bound.
    pub primal: f64,
    /// `|∇f - J'y - z|`.
    pub dual: f64,
    /// The largest product of a multiplier of the right sign and the distance to its bound, and the largest
    /// multiplier of a wrong sign.
    pub complementarity: f64,
}

impl Residuals {
    pub fn most(&self) -> f64 {
        self.primal.max(self.dual).max(self.complementarity)
    }
}

pub fn residuals(nlp: &mut Formulas, x: &[f64], y: &Multipliers) -> Residuals {
    let mut slope = nlp.objective.evaluate(x).gradient;
    let mut out = Residuals { primal: 0.0, dual: 0.0, complementarity: 0.0 };
    let mut pair = |value: f64, lower: f64, upper: f64, at_lower: f64, at_upper: f64| {
        out.primal = out.primal.max(lower - value).max(value - upper);
        let product = |y: f64, gap: f64| if y == 0.0 { 0.0 } else { (y * gap).abs() };
        let wrong = (-at_lower).max(at_upper);
        out.complementarity =
            out.complementarity.max(product(at_lower, value - lower)).max(product(at_upper, upper - value)).max(wrong);
    };
    for (r, row) in nlp.rows.iter().enumerate() {
        let Taylor { value, gradient, .. } = row.evaluate(x);
        let (lower, upper) = (nlp.shape.row_lower[r], nlp.shape.row_upper[r]);
        pair(value, lower, upper, y.rows[r].max(0.0), y.rows[r].min(0.0));
        slope.iter_mut().zip(gradient).for_each(|(s, g)| *s -= y.rows[r] * g);
    }
    for i in 0..x.len() {
        pair(x[i], nlp.shape.lower[i], nlp.shape.upper[i], y.lower[i], y.upper[i]);
        slope[i] -= y.lower[i] + y.upper[i];
    }
    out.dual = slope.iter().fold(0.0, |most, s| s.abs().max(most));
    out
}

#[test]
fn derivatives_of_formulas_agree_with_differences() {
    for problem in hock_schittkowski() {
        let x: Vec<f64> = problem.start.iter().map(|x| x + 0.01).collect();
        let formulas = std::iter::once(&problem.nlp.objective).chain(&problem.nlp.rows);
        for formula in formulas {
            let taylor = formula.evaluate(&x);
            let size = taylor.gradient.iter().chain(&taylor.hessian).fold(1.0f64, |most, g| most.max(g.abs()));
            if !size.is_finite() {
                continue;
            }
            for i in 0..x.len() {
                let (mut left, mut right) = (x.clone(), x.clone());
                let step = 1e-6 * x[i].abs().max(1.0);
                (left[i], right[i]) = (x[i] - step, x[i] + step);
                let (left, right) = (formula.evaluate(&left), formula.evaluate(&right));
                let noise = 1e-5 * size.max(taylor.value.abs());
                assert!(((right.value - left.value) / (2.0 * step) - taylor.gradient[i]).abs() <= noise);
                for j in 0..x.len() {
                    let slope = (right.gradient[j] - left.gradient[j]) / (2.0 * step);
                    assert!((slope - taylor.hessian[i * x.len() + j]).abs() <= noise, "{}", problem.name);
                }
            }
        }
    }
}
