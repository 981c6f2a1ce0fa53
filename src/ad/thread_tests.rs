//! The same bytes for any number of threads.

use super::Evaluator;
use super::stale_tests::least_squares;
use super::tests::{Model, affine, branch_flows, gather, logistic, luksan_vlcek, sparse, stage, wave, x};
use crate::expr::family::IndexMap;
use crate::expr::ops::Op;
use crate::problem::Problem;
use crate::threads;

/// All that an evaluator computes, as bits.
fn everything(problem: &Problem, at: &[f64]) -> Vec<Vec<u64>> {
    let mut evaluator = Evaluator::new(problem);
    let (n, m) = (at.len(), evaluator.rows());
    let weights: Vec<f64> = (0..m).map(|r| ((r * 7 % 5) as f64 - 1.5) * 0.7).collect();
    let v: Vec<f64> = (0..n).map(|k| ((k * 3 % 7) as f64 - 2.5) * 0.4).collect();
    let mut all = vec![vec![evaluator.objective(at)]];
    let mut keep = |length: usize, fill: &mut dyn FnMut(&mut [f64])| {
        let mut out = vec![f64::NAN; length];
        fill(&mut out);
        all.push(out);
    };
    keep(n, &mut |out| evaluator.gradient(at, out));
    keep(m, &mut |out| evaluator.constraints(at, out));
    let entries = evaluator.jacobian_pattern().entries();
    keep(entries, &mut |out| evaluator.jacobian(at, out));
    let entries = evaluator.hessian_pattern().entries();
    keep(entries, &mut |out| evaluator.hessian(at, 1.3, &weights, out));
    keep(n, &mut |out| evaluator.hessian_product(at, 1.3, &weights, &v, out));
    keep(m, &mut |out| evaluator.jacobian_product(at, &v, out));
    keep(n, &mut |out| evaluator.jacobian_transposed_product(at, &weights, out));
    all.iter().map(|values| values.iter().map(|value| value.to_bits()).collect()).collect()
}

fn check(name: &str, model: Model) {
    let at = wave(model.problem.dimension as usize);
    threads::limit(Some(1));
    let alone = everything(&model.problem, &at);
    for threads in [2, 3] {
        threads::limit(Some(threads));
        assert!(everything(&model.problem, &at) == alone, "{name}: {threads} threads give other bytes than one");
    }
}

/// Rows of neighbours, sums over runs of 7, a sum that gathers from everywhere, and a chain of stages.
fn sums(n: u32) -> Model {
    let mut model = Model::new(n);
    let runs = model.stage(n / 7);
    let target = IndexMap::Repeat { start: 0, stride: 1, length: 7 };
    model.term((runs, 0), n / 7 * 7, target, vec![x(affine(0, 1))], |g, l| g.exp(l[0]));
    let scattered = model.stage(n / 3);
    let targets: Vec<u32> = (0..n).map(|k| (k * 7 + k * k % 11) % (n / 3)).collect();
    let leaves = vec![x(affine(0, 1)), x(affine(n as i64 - 1, -1))];
    model.term((scattered, 0), n, gather(&targets), leaves, |g, l| {
        let product = g.mul(l[0], l[1]);
        g.call(Op::Sin, &[product])
    });
    let rows = model.stage(n / 7);
    let leaves = vec![stage(runs, IndexMap::IDENTITY), stage(scattered, IndexMap::IDENTITY)];
    model.term((rows, 0), n / 7, affine(0, 1), leaves, |g, l| g.mul(l[0], l[1]));
    model.constrain(rows);
    let f = model.stage(1);
    model.term((f, 0), n / 7, affine(0, 0), vec![stage(runs, IndexMap::IDENTITY)], |g, l| g.square(l[0]));
    model.term((f, 0), n / 3, affine(0, 0), vec![stage(scattered, IndexMap::IDENTITY)], |g, l| g.exp(l[0]));
    model.minimize(f);
    model
}

#[test]
fn threads_do_not_change_a_byte() {
    check("a chain", luksan_vlcek(5000));
    check("branch flows", branch_flows(4500));
    check("a matrix", logistic(4400, 60));
    check("squares", least_squares(4400, 60));
    check("sparse products", sparse(9000));
    check("segmented and scattered sums", sums(8400));
}
