//! Models with a small index inside a large one, whose stages and terms are put in another order.

use super::Evaluator;
use super::tests::{Model, affine, check_all, gather, param, stage, wave, x};
use crate::expr::family::IndexMap;
use crate::expr::ops::Op;

const K: u32 = 2;
const D: u32 = 3;
/// Pairs `(r, c)` with `c < r`.
const BELOW: [(u32, u32); 3] = [(1, 0), (2, 0), (2, 1)];

fn positions(n: u32, size: u32, at: impl Fn(u32, u32) -> u32) -> IndexMap {
    IndexMap::Gather((0..n).flat_map(|i| (0..size).map(move |s| (i, s))).map(|(i, s)| at(i, s)).collect())
}

/// Triangular products of `n` points with `K` matrices: variables are centres, diagonals, then what is below them.
///
/// Rows read the products in the order of points, so that both orders meet.
fn mixture(n: u32) -> Model {
    let (centres, diagonals, below) = (0, i64::from(K * D), i64::from(2 * K * D));
    let pairs = BELOW.len() as u32;
    let mut model = Model::new(2 * K * D + K * pairs);
    let given = model.param((0..n * D).map(|k| (0.7 * k as f64).sin()).collect());
    let shift = model.param((0..D).map(|k| 0.1 * k as f64).collect());
    // Data that is computed itself.
    let points = model.stage(n * D);
    let tile = IndexMap::Tile { start: 0, stride: 1, length: D };
    model.term((points, 0), n * D, affine(0, 1), vec![param(given, affine(0, 1)), param(shift, tile)], |g, l| {
        g.add(l[0], l[1])
    });
    let z = model.stage(n * K * D);
    let tile = |start: i64, length: u32| IndexMap::Tile { start, stride: 1, length };
    let leaves = vec![
        x(tile(diagonals, K * D)),
        stage(points, positions(n, K * D, |i, s| i * D + s % D)),
        x(tile(centres, K * D)),
    ];
    model.term((z, 0), n * K * D, affine(0, 1), leaves, |g, l| {
        let (scale, away) = (g.exp(l[0]), g.sub(l[1], l[2]));
        g.mul(scale, away)
    });
    let pair = |s: u32| (s / pairs, BELOW[(s % pairs) as usize]);
    let leaves = vec![
        x(tile(below, K * pairs)),
        param(given, positions(n, K * pairs, |i, s| i * D + pair(s).1.1)),
        x(positions(n, K * pairs, |_, s| pair(s).0 * D + pair(s).1.1)),
    ];
    let target = positions(n, K * pairs, |i, s| (i * K + pair(s).0) * D + pair(s).1.0);
    model.term((z, 0), n * K * pairs, target, leaves, |g, l| {
        let away = g.sub(l[1], l[2]);
        g.mul(l[0], away)
    });
    let e = model.stage(n * K);
    model.term((e, 0), n * K, affine(0, 1), vec![x(tile(centres, K))], |g, l| g.call(Op::Sin, &[l[0]]));
    let target = IndexMap::Repeat { start: 0, stride: 1, length: D };
    model.term((e, 0), n * K * D, target, vec![stage(z, affine(0, 1))], |g, l| {
        let square = g.square(l[0]);
        g.scale(0.01, square)
    });
    let f = model.stage(1);
    let leaves = (0..i64::from(K)).map(|k| stage(e, affine(k, i64::from(K)))).collect();
    model.term((f, 0), n, affine(0, 0), leaves, |g, l| {
        let larger = g.call(Op::LogAddExp, &[l[0], l[1]]);
        g.scale(1.0 / f64::from(n), larger)
    });
    model.minimize(f);
    let rows = model.stage(5);
    let some: Vec<u32> = (0..40).map(|k| (k * 37) % (n * K)).collect();
    let leaves = vec![stage(e, gather(&some)), stage(z, affine(i64::from(n * K * D) - 1, -2))];
    model.term((rows, 0), 40, IndexMap::Repeat { start: 0, stride: 1, length: 8 }, leaves, |g, l| g.mul(l[0], l[1]));
    model.constrain(rows);
    model
}

#[test]
fn small_indices_inside_large_ones() {
    for n in [64, 75, 130] {
        let model = mixture(n);
        let stages = model.problem.stages.len();
        assert!(Evaluator::new(&model.problem).stages() > stages, "data were copied, so an order was chosen");
        let at = wave(model.problem.dimension as usize);
        check_all(model, &at);
    }
}

/// The last tile has fewer points than others, runs end at chunks.
#[test]
fn more_points_than_a_tile() {
    let model = mixture(2500);
    let at = wave(model.problem.dimension as usize);
    check_all(model, &at);
}
