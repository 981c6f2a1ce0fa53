//! The engine against the referee (`expr::eval`) and against central differences, on problems built by hand.

use super::Evaluator;
use crate::expr::eval;
use crate::expr::family::{Family, IndexMap, Leaf, ParamId, Source, Stage, StageId, Term};
use crate::expr::graph::{Graph, NodeId};
use crate::expr::ops::{self, Op};
use crate::problem::{Constraint, Data, Objective, Param, Problem, Sense};

/// A problem under construction.
#[derive(Default)]
pub(super) struct Model {
    pub(super) problem: Problem,
}

pub(super) fn affine(start: i64, stride: i64) -> IndexMap {
    IndexMap::Affine { start, stride }
}

pub(super) fn gather(positions: &[u32]) -> IndexMap {
    IndexMap::Gather(positions.into())
}

pub(super) fn x(map: IndexMap) -> Leaf {
    Leaf { source: Source::Variables, map }
}

pub(super) fn param(id: ParamId, map: IndexMap) -> Leaf {
    Leaf { source: Source::Param(id), map }
}

pub(super) fn stage(id: StageId, map: IndexMap) -> Leaf {
    Leaf { source: Source::Stage(id), map }
}

impl Model {
    pub(super) fn new(dimension: u32) -> Model {
        let mut model = Model::default();
        model.problem.dimension = dimension;
        model
    }

    pub(super) fn param(&mut self, values: Vec<f64>) -> ParamId {
        let (axes, span) = (Default::default(), Default::default());
        let param = Param { name: String::new(), axes, values: values.into(), structural: false, span };
        self.problem.params.push(param);
        ParamId(self.problem.params.len() as u32 - 1)
    }

    pub(super) fn stage(&mut self, rows: u32) -> StageId {
        self.problem.stages.push(Stage::sum("", rows, vec![]));
        StageId(self.problem.stages.len() as u32 - 1)
    }

    pub(super) fn term(
        &mut self,
        (stage, level): (StageId, u32),
        instances: u32,
        target: IndexMap,
        leaves: Vec<Leaf>,
        body: impl FnOnce(&mut Graph, &[NodeId]) -> NodeId,
    ) {
        let graph = &mut self.problem.graph;
        let nodes: Vec<NodeId> = (0..leaves.len()).map(|k| graph.leaf(k as u32)).collect();
        let body = body(graph, &nodes);
        let family = Family { instances, leaves, body };
        self.problem.stages[stage.0 as usize].terms.push(Term { family, target, level, origin: (0, 0, 0) });
    }

    pub(super) fn minimize(&mut self, stage: StageId) {
        let label = String::new();
        self.problem.objectives.push(Objective { label, sense: Sense::Minimize, stage, span: Default::default() });
    }

    pub(super) fn constrain(&mut self, stage: StageId) {
        self.problem.constraints.push(Constraint::new(
            "",
            Default::default(),
            self.problem.stage(stage).rows,
            stage,
            (Data::Constant(0.0), Data::Constant(0.0)),
            Default::default(),
        ));
    }
}

/// Objective and rows by the referee.
fn referee(problem: &Problem, x: &[f64]) -> (f64, Vec<f64>) {
    let mut roots: Vec<StageId> = problem.objectives.iter().take(1).map(|o| o.stage).collect();
    roots.extend(problem.constraints.iter().map(|c| c.stage));
    let needed = eval::needed(&problem.stages, &roots);
    let params = problem.params.iter().map(|p| &p.values[..]).collect();
    let inputs = eval::Inputs { variables: x, params, after: &[] };
    let values = eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
    let objective = problem.objectives.first().map_or(0.0, |o| values[o.stage.0 as usize][0]);
    (objective, problem.constraints.iter().flat_map(|c| values[c.stage.0 as usize].clone()).collect())
}

pub(super) fn assert_close(what: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    for (k, (a, b)) in got.iter().zip(want).enumerate() {
        let same = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + b.abs());
        assert!(same, "{what}[{k}]: {a} instead of {b}");
    }
}

fn dense(pattern: &crate::linalg::pattern::Pattern, values: &[f64], symmetric: bool) -> Vec<Vec<f64>> {
    let mut full = vec![vec![0.0; pattern.columns_count]; pattern.rows];
    let ranges: Vec<_> = (0..pattern.rows).map(|r| pattern.row(r)).collect();
    for (r, row) in ranges.into_iter().enumerate() {
        assert!(pattern.columns[row.clone()].windows(2).all(|pair| pair[0] < pair[1]), "columns of a row ascend");
        for e in row {
            let c = pattern.columns[e] as usize;
            full[r][c] = values[e];
            if symmetric {
                assert!(c <= r, "the lower triangle alone");
                full[c][r] = values[e];
            }
        }
    }
    full
}

fn times(matrix: &[Vec<f64>], v: &[f64]) -> Vec<f64> {
    matrix.iter().map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum()).collect()
}

fn transposed(matrix: &[Vec<f64>], columns: usize) -> Vec<Vec<f64>> {
    (0..columns).map(|c| matrix.iter().map(|row| row[c]).collect()).collect()
}

/// Everything an evaluator computes at `x`, against the referee and against differences.
pub(super) fn check(problem: &Problem, evaluator: &mut Evaluator, x: &[f64]) {
    let (n, m) = (x.len(), problem.row_count());
    let (f, c) = referee(problem, x);
    let mut rows = vec![f64::NAN; m];
    let mut slope = vec![f64::NAN; n];
    let weights: Vec<f64> = (0..m).map(|r| ((r * 7 % 5) as f64 - 1.5) * 0.7).collect();
    let v: Vec<f64> = (0..n).map(|k| ((k * 3 % 7) as f64 - 2.5) * 0.4).collect();
    let sigma = 1.3;
    assert_close("objective", &[evaluator.objective(x)], &[f], 1e-12);
    evaluator.constraints(x, &mut rows);
    assert_close("rows", &rows, &c, 1e-12);
    evaluator.gradient(x, &mut slope);
    let pattern = evaluator.jacobian_pattern().clone();
    let mut values = vec![f64::NAN; pattern.entries()];
    evaluator.jacobian(x, &mut values);
    let jacobian = dense(&pattern, &values, false);
    let pattern = evaluator.hessian_pattern().clone();
    let mut values = vec![f64::NAN; pattern.entries()];
    evaluator.hessian(x, sigma, &weights, &mut values);
    let hessian = dense(&pattern, &values, true);
    let mut product = vec![f64::NAN; n];
    evaluator.hessian_product(x, sigma, &weights, &v, &mut product);
    assert_close("Hessian product", &product, &times(&hessian, &v), 1e-11);
    let mut forward = vec![f64::NAN; m];
    evaluator.jacobian_product(x, &v, &mut forward);
    assert_close("Jacobian product", &forward, &times(&jacobian, &v), 1e-11);
    let mut back = vec![f64::NAN; n];
    evaluator.jacobian_transposed_product(x, &weights, &mut back);
    assert_close("transposed product", &back, &times(&transposed(&jacobian, n), &weights), 1e-11);
    for k in 0..n {
        let h = 1e-5 * (1.0 + x[k].abs());
        let at = |t: f64| {
            let mut y = x.to_vec();
            y[k] += t;
            y
        };
        let (ahead, behind) = (referee(problem, &at(h)), referee(problem, &at(-h)));
        assert_close(&format!("gradient[{k}]"), &slope[k..=k], &[(ahead.0 - behind.0) / (2.0 * h)], 1e-6);
        let column: Vec<f64> = ahead.1.iter().zip(&behind.1).map(|(a, b)| (a - b) / (2.0 * h)).collect();
        let got: Vec<f64> = jacobian.iter().map(|row| row[k]).collect();
        assert_close(&format!("Jacobian column {k}"), &got, &column, 1e-6);
        let mut lagrangian_slope = |y: &[f64]| {
            let (mut g, mut back) = (vec![0.0; n], vec![0.0; n]);
            evaluator.gradient(y, &mut g);
            evaluator.jacobian_transposed_product(y, &weights, &mut back);
            g.iter().zip(&back).map(|(g, b)| sigma * g + b).collect::<Vec<f64>>()
        };
        let (ahead, behind) = (lagrangian_slope(&at(h)), lagrangian_slope(&at(-h)));
        let column: Vec<f64> = ahead.iter().zip(&behind).map(|(a, b)| (a - b) / (2.0 * h)).collect();
        assert_close(&format!("Hessian column {k}"), &hessian[k], &column, 1e-6);
    }
}

/// Checks at a point, again with other parameters, and back.
pub(super) fn check_all(mut model: Model, at: &[f64]) {
    let mut evaluator = Evaluator::new(&model.problem);
    check(&model.problem, &mut evaluator, at);
    for k in 0..model.problem.params.len() {
        let old = model.problem.params[k].values.clone();
        let new: Vec<f64> = old.iter().enumerate().map(|(j, v)| v * 1.25 + 0.125 * (j % 3) as f64).collect();
        evaluator.set_param(ParamId(k as u32), &new);
        model.problem.params[k].values = new.into();
        let (f, c) = referee(&model.problem, at);
        assert_close("objective after set_param", &[evaluator.objective(at)], &[f], 1e-12);
        let mut rows = vec![0.0; c.len()];
        evaluator.constraints(at, &mut rows);
        assert_close("rows after set_param", &rows, &c, 1e-12);
    }
    check(&model.problem, &mut evaluator, at);
}

/// Outer products that look their positions up give what listed ones give.
#[test]
fn searched_products_equal_listed_ones() {
    let model = nested();
    let at = wave(12);
    let mut values = vec![];
    for most_listed in [usize::MAX, 0] {
        let mut evaluator = Evaluator::new(&model.problem);
        evaluator.limit_listed_positions(most_listed);
        let pattern = evaluator.hessian_pattern().clone();
        let weights = vec![0.5; evaluator.rows()];
        let mut out = vec![f64::NAN; pattern.entries()];
        evaluator.hessian(&at, 1.5, &weights, &mut out);
        values.push(out);
    }
    assert_close("searched", &values[1], &values[0], 1e-14);
}

#[test]
fn evaluators_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&Evaluator::new(&Problem::default()));
}

pub(super) fn wave(n: usize) -> Vec<f64> {
    (0..n).map(|k| 0.8 + 0.6 * ((k * k) as f64 * 0.37 + k as f64).sin()).collect()
}

/// `min Σ 100 (x_i² - x_{i+1})² + (x_i - 1)²` with trigonometric and exponential rows.
pub(super) fn luksan_vlcek(n: u32) -> Model {
    let mut model = Model::new(n);
    let f = model.stage(1);
    model.term((f, 0), n - 1, affine(0, 0), vec![x(affine(0, 1)), x(affine(1, 1))], |g, l| {
        let square = g.square(l[0]);
        let gap = g.sub(square, l[1]);
        let gap = g.square(gap);
        let valley = g.scale(100.0, gap);
        let rest = g.shift(-1.0, l[0]);
        let rest = g.square(rest);
        g.add(valley, rest)
    });
    model.minimize(f);
    let c = model.stage(n - 2);
    let leaves = vec![x(affine(0, 1)), x(affine(1, 1)), x(affine(2, 1))];
    model.term((c, 0), n - 2, affine(0, 1), leaves, |g, l| {
        let three = g.constant(3.0);
        let cube = g.pow(l[1], three);
        let (cube, twice, four) = (g.scale(3.0, cube), g.scale(2.0, l[2]), g.scale(4.0, l[1]));
        let (minus, plus) = (g.sub(l[1], l[2]), g.add(l[1], l[2]));
        let (minus, plus) = (g.call(Op::Sin, &[minus]), g.call(Op::Sin, &[plus]));
        let waves = g.mul(minus, plus);
        let gap = g.sub(l[0], l[1]);
        let growth = g.exp(gap);
        let growth = g.mul(l[0], growth);
        let growth = g.neg(growth);
        let sum = g.sum(&[cube, twice, four, waves, growth]);
        g.shift(-8.0, sum)
    });
    model.constrain(c);
    model
}

#[test]
fn chains_with_few_and_many_instances() {
    for n in [3, 5, 10, 17, 40] {
        check_all(luksan_vlcek(n), &wave(n as usize));
    }
}

#[test]
fn chains_longer_than_a_block() {
    let n = 1000;
    let model = luksan_vlcek(n);
    let mut evaluator = Evaluator::new(&model.problem);
    let at = wave(n as usize);
    let (f, c) = referee(&model.problem, &at);
    assert_close("objective", &[evaluator.objective(&at)], &[f], 1e-12);
    let mut rows = vec![0.0; c.len()];
    evaluator.constraints(&at, &mut rows);
    assert_close("rows", &rows, &c, 1e-12);
    check_products(&mut evaluator, &at);
}

/// The products without matrices against the matrices.
fn check_products(evaluator: &mut Evaluator, at: &[f64]) {
    let (n, m) = (at.len(), evaluator.rows());
    let v = wave(n);
    let weights: Vec<f64> = (0..m).map(|r| (r as f64 * 0.3).cos()).collect();
    let pattern = evaluator.hessian_pattern().clone();
    let mut values = vec![f64::NAN; pattern.entries()];
    evaluator.hessian(at, 0.7, &weights, &mut values);
    let mut product = vec![f64::NAN; n];
    evaluator.hessian_product(at, 0.7, &weights, &v, &mut product);
    assert_close("Hessian product", &product, &times(&dense(&pattern, &values, true), &v), 1e-11);
    let pattern = evaluator.jacobian_pattern().clone();
    let mut values = vec![f64::NAN; pattern.entries()];
    evaluator.jacobian(at, &mut values);
    let jacobian = dense(&pattern, &values, false);
    let mut back = vec![f64::NAN; n];
    evaluator.jacobian_transposed_product(at, &weights, &mut back);
    assert_close("transposed product", &back, &times(&transposed(&jacobian, n), &weights), 1e-11);
}

/// Four equations for each branch of a network, and a cost that reads angles at both ends.
pub(super) fn branch_flows(branches: u32) -> Model {
    let buses = branches * 2 / 3 + 1;
    let from: Vec<u32> = (0..branches).map(|b| b % buses).collect();
    // Some branches are loops: both ends at one bus, so that an entry of the Hessian counts twice.
    let to: Vec<u32> = (0..branches).map(|b| if b % 5 == 3 { b % buses } else { (b * 7 + 1) % buses }).collect();
    let ends = |positions: &[u32], offset: u32| x(gather(&positions.iter().map(|p| p + offset).collect::<Vec<_>>()));
    let flow = |k: u32| x(affine((2 * buses + k * branches) as i64, 1));
    let mut model = Model::new(2 * buses + 4 * branches);
    let columns: Vec<ParamId> = (0..4)
        .map(|k| model.param((0..branches).map(|b| ((b * 13 + k * 5) % 11) as f64 * 0.3 - 1.2).collect()))
        .collect();
    let cost = model.stage(1);
    model.term((cost, 0), branches, affine(0, 0), vec![flow(0), param(columns[0], IndexMap::IDENTITY)], |g, l| {
        let square = g.square(l[0]);
        g.mul(l[1], square)
    });
    model.term((cost, 0), branches, affine(0, 0), vec![ends(&from, 0), ends(&to, 0)], |g, l| {
        let angle = g.sub(l[0], l[1]);
        g.call(Op::Cos, &[angle])
    });
    model.minimize(cost);
    for k in 0..4 {
        let rows = model.stage(branches);
        let own = if k < 2 { &from } else { &to };
        let mut leaves = vec![ends(&from, 0), ends(&to, 0), ends(&from, buses), ends(&to, buses), ends(own, buses)];
        leaves.push(flow(k));
        leaves.push(param(columns[k as usize], IndexMap::IDENTITY));
        leaves.push(param(columns[(k as usize + 1) % 4], IndexMap::IDENTITY));
        model.term((rows, 0), branches, affine(0, 1), leaves, |g, l| {
            let angle = g.sub(l[0], l[1]);
            let (cosine, sine) = (g.call(Op::Cos, &[angle]), g.call(Op::Sin, &[angle]));
            let volts = g.mul(l[2], l[3]);
            let (cosine, sine) = (g.mul(volts, cosine), g.mul(volts, sine));
            let own = g.square(l[4]);
            let (a, b, c) = (g.mul(l[6], cosine), g.mul(l[7], sine), g.mul(l[7], own));
            let sum = g.sum(&[a, b, c]);
            g.sub(l[5], sum)
        });
        model.constrain(rows);
    }
    model
}

#[test]
fn branch_flows_share_kernels_and_hit_entries_twice() {
    for branches in [3, 20] {
        let model = branch_flows(branches);
        let n = model.problem.dimension as usize;
        check_all(model, &wave(n));
    }
}

/// `Σ_p ln(1 + exp(-y_p Σ_j a_pj w_j)) + λ Σ w_j²`, the inner sums being a stage of their own.
pub(super) fn logistic(rows: u32, width: u32) -> Model {
    let mut model = Model::new(width);
    let a = model
        .param((0..rows * width).map(|k| ((k as u64 * k as u64 + 3 * k as u64) % 17) as f64 / 8.5 - 1.0).collect());
    let y = model.param((0..rows).map(|p| if p % 3 == 0 { -1.0 } else { 1.0 }).collect());
    let ridge = model.param(vec![0.3]);
    let z = model.stage(rows);
    let tile = IndexMap::Tile { start: 0, stride: 1, length: width };
    let repeat = IndexMap::Repeat { start: 0, stride: 1, length: width };
    model.term((z, 0), rows * width, repeat, vec![param(a, IndexMap::IDENTITY), x(tile)], |g, l| g.mul(l[0], l[1]));
    let f = model.stage(1);
    model.term((f, 0), rows, affine(0, 0), vec![stage(z, IndexMap::IDENTITY), param(y, IndexMap::IDENTITY)], |g, l| {
        let margin = g.mul(l[1], l[0]);
        let margin = g.neg(margin);
        g.call(Op::Softplus, &[margin])
    });
    model.term((f, 0), width, affine(0, 0), vec![x(IndexMap::IDENTITY), param(ridge, affine(0, 0))], |g, l| {
        let square = g.square(l[0]);
        g.mul(l[1], square)
    });
    model.minimize(f);
    model
}

#[test]
fn dense_inner_sums() {
    for (rows, width) in [(1, 1), (3, 2), (25, 4), (30, 11)] {
        check_all(logistic(rows, width), &wave(width as usize));
    }
}

/// Sparse products of variables and of a stage, with ragged rows, read by the objective and as rows.
pub(super) fn sparse(rows: u32) -> Model {
    let n = 12;
    let mut model = Model::new(n);
    let row_of: Vec<u32> = (0..rows).flat_map(|r| std::iter::repeat_n(r, 3 + (r % 4) as usize)).collect();
    let count = row_of.len() as u32;
    let columns = |limit: u32| gather(&(0..count).map(|k| (k * k + 5 * k) % limit).collect::<Vec<_>>());
    let a = model.param((0..count).map(|k| (0.7 * k as f64).sin()).collect());
    let (first, second) = (model.stage(rows), model.stage(rows));
    let leaves = vec![param(a, affine(0, 1)), x(columns(n))];
    model.term((first, 0), count, gather(&row_of), leaves, |g, l| g.mul(l[0], l[1]));
    let leaves = vec![stage(first, columns(rows)), param(a, affine(count as i64 - 1, -1))];
    model.term((second, 0), count, gather(&row_of), leaves, |g, l| {
        let twice = g.scale(0.5, l[1]);
        g.mul(l[0], twice)
    });
    let f = model.stage(1);
    let leaves = vec![stage(first, affine(0, 1)), stage(second, affine(0, 1))];
    model.term((f, 0), rows, affine(0, 0), leaves, |g, l| {
        let product = g.mul(l[0], l[1]);
        g.call(Op::Sin, &[product])
    });
    model.minimize(f);
    let linear = model.stage(rows / 5);
    let target = IndexMap::Repeat { start: 0, stride: 1, length: 5 };
    model
        .term((linear, 0), rows / 5 * 5, target, vec![param(a, affine(1, 1)), x(columns(n))], |g, l| g.mul(l[0], l[1]));
    model.constrain(linear);
    let curved = model.stage(rows);
    model.term((curved, 0), rows, affine(0, 1), vec![stage(second, affine(0, 1))], |g, l| g.square(l[0]));
    model.constrain(curved);
    model
}

#[test]
fn sparse_products() {
    // Few entries are ordinary terms.
    for rows in [10, 80] {
        check_all(sparse(rows), &wave(12));
    }
}

#[test]
fn stages_two_deep_read_by_objective_and_constraints() {
    check_all(nested(), &wave(12));
}

fn nested() -> Model {
    let n = 12;
    let mut model = Model::new(n);
    let scale = model.param((0..n).map(|k| 0.5 + k as f64 * 0.1).collect());
    let inner = model.stage(n);
    let leaves = vec![x(affine(n as i64 - 1, -1)), x(affine(0, 1)), param(scale, IndexMap::IDENTITY)];
    model.term((inner, 0), n, affine(0, 1), leaves, |g, l| {
        let product = g.mul(l[0], l[1]);
        let wave = g.call(Op::Sin, &[product]);
        g.mul(wave, l[2])
    });
    let outer = model.stage(3);
    // Ragged sums: rows of 2, 4 and 6 instances.
    let rows: Vec<u32> = (0..n)
        .map(|k| {
            if k < 2 {
                0
            } else if k < 6 {
                1
            } else {
                2
            }
        })
        .collect();
    let leaves = vec![stage(inner, gather(&(0..n).map(|k| k * 5 % n).collect::<Vec<_>>())), x(affine(0, 1))];
    model.term((outer, 0), n, gather(&rows), leaves, |g, l| {
        let square = g.square(l[0]);
        let growth = g.exp(l[1]);
        let product = g.mul(square, growth);
        g.add(product, l[0])
    });
    let f = model.stage(1);
    model.term((f, 0), 3, affine(0, 0), vec![stage(outer, affine(0, 1))], |g, l| {
        let square = g.square(l[0]);
        let shifted = g.shift(1.0, square);
        g.log(shifted)
    });
    model.term((f, 0), n, affine(0, 0), vec![stage(inner, affine(0, 1)), x(affine(0, 1))], |g, l| g.mul(l[0], l[1]));
    model.minimize(f);
    let c = model.stage(3);
    model.term((c, 0), 3, affine(2, -1), vec![stage(outer, affine(0, 1)), stage(outer, affine(2, -1))], |g, l| {
        let sine = g.call(Op::Sin, &[l[0]]);
        g.mul(sine, l[1])
    });
    model.constrain(c);
    // Stages that are rows themselves, and one of them twice.
    model.constrain(outer);
    model.constrain(inner);
    model.constrain(outer);
    model
}

#[test]
fn an_objective_that_is_also_a_row() {
    let mut model = Model::new(4);
    let f = model.stage(1);
    model.term((f, 0), 4, affine(0, 0), vec![x(affine(0, 1))], |g, l| {
        let exp = g.exp(l[0]);
        g.mul(exp, l[0])
    });
    model.minimize(f);
    model.constrain(f);
    check_all(model, &wave(4));
}

#[test]
fn recurrences_by_levels() {
    for width in [1u32, 9] {
        let steps = 6u32;
        let mut model = Model::new(width * steps);
        let rate = model.param(vec![0.7]);
        let state = model.stage(width * (steps + 1));
        let initial = model.param((0..width).map(|k| 0.2 + k as f64 * 0.1).collect());
        model.term((state, 0), width, affine(0, 1), vec![param(initial, IndexMap::IDENTITY)], |_, l| l[0]);
        for t in 0..steps {
            let (before, now) = ((t * width) as i64, ((t + 1) * width) as i64);
            let leaves = vec![stage(state, affine(before, 1)), x(affine(before, 1)), param(rate, affine(0, 0))];
            model.term((state, t + 1), width, affine(now, 1), leaves, |g, l| {
                let sine = g.call(Op::Sin, &[l[0]]);
                let product = g.mul(sine, l[1]);
                let kept = g.mul(l[2], l[0]);
                g.add(kept, product)
            });
        }
        let f = model.stage(1);
        let last = (steps * width) as i64;
        model.term((f, 0), width, affine(0, 0), vec![stage(state, affine(last, 1))], |g, l| g.square(l[0]));
        model.minimize(f);
        model.constrain(state);
        let n = model.problem.dimension as usize;
        check_all(model, &wave(n));
    }
}

#[test]
fn linear_rows_are_constant_and_follow_parameters() {
    let n = 10u32;
    let mut model = Model::new(n);
    let costs = model.param((0..n).map(|k| k as f64 * 0.2 - 0.6).collect());
    let f = model.stage(1);
    let leaves = vec![param(costs, IndexMap::IDENTITY), x(IndexMap::IDENTITY)];
    model.term((f, 0), n, affine(0, 0), leaves, |g, l| g.mul(l[0], l[1]));
    model.minimize(f);
    let sums = model.stage(5);
    let leaves = vec![param(costs, IndexMap::IDENTITY), x(IndexMap::IDENTITY)];
    model.term((sums, 0), n, IndexMap::Repeat { start: 0, stride: 1, length: 2 }, leaves, |g, l| {
        let square = g.square(l[0]);
        let shifted = g.shift(1.0, square);
        let weight = g.exp(shifted);
        g.mul(weight, l[1])
    });
    // The same rows also have a nonlinear term in some of the entries.
    model.term((sums, 0), 3, affine(0, 1), vec![x(affine(0, 3))], |g, l| g.square(l[0]));
    model.constrain(sums);
    let total = model.stage(2);
    model.term((total, 0), 5, affine(1, 0), vec![stage(sums, affine(0, 1))], |g, l| g.scale(2.0, l[0]));
    model.term((total, 0), n, affine(0, 0), vec![x(IndexMap::IDENTITY)], |_, l| l[0]);
    model.constrain(total);
    check_all(model, &wave(n as usize));
}

#[test]
fn choices_do_not_poison_each_other() {
    let n = 20u32;
    let mut model = Model::new(n);
    let c = model.stage(n);
    model.term((c, 0), n, affine(0, 1), vec![x(IndexMap::IDENTITY)], |g, l| {
        let zero = g.constant(0.0);
        let positive = g.call(Op::Lt, &[zero, l[0]]);
        let (log, square) = (g.log(l[0]), g.square(l[0]));
        g.select(positive, log, square)
    });
    model.constrain(c);
    let at: Vec<f64> = (0..n).map(|k| k as f64 * 0.31 - 2.9).collect();
    check_all(model, &at);
}

#[test]
fn problems_without_rows_variables_or_instances() {
    check_all(Model::new(0), &[]);
    let mut model = Model::new(2);
    let f = model.stage(1);
    model.term((f, 0), 0, affine(0, 0), vec![x(affine(0, 1))], |g, l| g.square(l[0]));
    model.minimize(f);
    let none = model.stage(0);
    model.constrain(none);
    let constant = model.stage(2);
    model.term((constant, 0), 1, affine(1, 0), vec![], |g, _| g.constant(3.0));
    model.constrain(constant);
    check_all(model, &[1.0, 2.0]);
}

#[test]
fn bounds_and_starts_follow_parameters() {
    let mut model = luksan_vlcek(5);
    let p = model.param(vec![1.0, 2.0, 3.0]);
    let doubled = model.stage(3);
    model.term((doubled, 0), 3, affine(0, 1), vec![param(p, IndexMap::IDENTITY)], |g, l| g.scale(2.0, l[0]));
    let bound = Data::Read(stage(doubled, affine(0, 1)));
    model.problem.constraints[0].lower = bound.clone();
    let mut evaluator = Evaluator::new(&model.problem);
    assert_eq!(evaluator.data(&bound, 3), [2.0, 4.0, 6.0]);
    evaluator.set_param(p, &[5.0, 6.0, 7.0]);
    assert_eq!(evaluator.data(&bound, 3), [10.0, 12.0, 14.0]);
    assert_eq!(evaluator.data_stage(doubled), [10.0, 12.0, 14.0]);
    assert_eq!(evaluator.data(&Data::Constant(1.5), 2), [1.5, 1.5]);
}

const EXTREMES: [f64; 18] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    1e-300,
    -1e-300,
    5e-324,
    1e300,
    -1e300,
    709.5,
    -745.0,
    1e5,
    -3e7,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// Every function through blocks and one by one, against its row's value: at samples and at extremes.
#[test]
fn every_function_agrees_with_its_row() {
    for &op in ops::ALL {
        let row = op.row();
        let mut points: Vec<[f64; 3]> = row.samples.to_vec();
        for (j, a) in EXTREMES.into_iter().enumerate() {
            points.push([a, EXTREMES[(j * 5 + 2) % 18], EXTREMES[(j * 7 + 3) % 18]]);
            points.push([a, 2.0, -1.0]);
        }
        for count in [points.len(), 1] {
            for chunk in points.chunks(count) {
                let k = chunk.len() as i64;
                let mut model = Model::new(3 * k as u32);
                let c = model.stage(k as u32);
                let leaves = (0..row.arity as i64).map(|j| x(affine(j * k, 1))).collect();
                model.term((c, 0), k as u32, affine(0, 1), leaves, |g, l| g.call(op, l));
                model.constrain(c);
                let at: Vec<f64> = (0..3).flat_map(|j| chunk.iter().map(move |point| point[j])).collect();
                let mut got = vec![0.0; chunk.len()];
                Evaluator::new(&model.problem).constraints(&at, &mut got);
                for (point, got) in chunk.iter().zip(got) {
                    let want = (row.value)(*point);
                    let close = got == want || (got.is_nan() && want.is_nan());
                    assert!(close || (got - want).abs() <= 1e-14 * want.abs(), "{op:?}{point:?}: {got} is not {want}");
                }
            }
        }
    }
}
