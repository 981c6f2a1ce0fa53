//! Sums of squares against the referee, differences and exact sums.

use super::super::Evaluator;
use super::super::tests::{Model, affine, check_all, param, stage, wave, x};
use crate::expr::family::{IndexMap, ParamId, StageId};
use crate::expr::graph::{Graph, NodeId};
use crate::expr::ops::Op;

const ROWS: usize = 220;
const WIDTH: usize = 10;

/// `A x` for the variables from `first` on, `A` row after row.
fn product(model: &mut Model, first: i64, width: usize, a: Vec<f64>) -> StageId {
    let (entries, width, rows) = (a.len() as u32, width as u32, (a.len() / width) as u32);
    let a = model.param(a);
    let z = model.stage(rows);
    let tile = IndexMap::Tile { start: first, stride: 1, length: width };
    let repeat = IndexMap::Repeat { start: 0, stride: 1, length: width };
    model.term((z, 0), entries, repeat, vec![param(a, IndexMap::IDENTITY), x(tile)], |g, l| g.mul(l[0], l[1]));
    z
}

/// Adds `Σ_p body(z_p, y_p, c_p)` to row `row` of a stage.
fn add_sum(
    model: &mut Model,
    (to, row): (StageId, i64),
    z: StageId,
    (y, c): (Vec<f64>, Vec<f64>),
    body: impl FnOnce(&mut Graph, &[NodeId]) -> NodeId,
) {
    let rows = y.len() as u32;
    let [y, c] = [y, c].map(|values| model.param(values));
    let leaves = vec![stage(z, IndexMap::IDENTITY), param(y, IndexMap::IDENTITY), param(c, IndexMap::IDENTITY)];
    model.term((to, 0), rows, affine(row, 0), leaves, body);
}

fn weighted_gap(g: &mut Graph, l: &[NodeId]) -> NodeId {
    let gap = g.sub(l[0], l[1]);
    let square = g.square(gap);
    g.mul(l[2], square)
}

fn numbers(seed: usize) -> Vec<f64> {
    (0..ROWS * WIDTH).map(|k| (0.9 * ((k + seed) * (k + 3 * seed) % 1009) as f64).sin()).collect()
}

fn sides(least: f64) -> (Vec<f64>, Vec<f64>) {
    ((0..ROWS).map(|p| (p as f64).cos()).collect(), (0..ROWS).map(|p| least + (p % 4) as f64).collect())
}

fn kept(evaluator: &mut Evaluator) -> usize {
    evaluator.engine().squares.len()
}

/// The objective reads two sums, one of them under a root; rows are sums as well, one with a linear part.
fn mixed(least: f64) -> Model {
    let mut model = Model::new(2 * WIDTH as u32 + 1);
    let z: Vec<StageId> = (0..4).map(|k| product(&mut model, 1 + 10 * (k % 2), WIDTH, numbers(k as usize))).collect();
    let inner = model.stage(1);
    add_sum(&mut model, (inner, 0), z[0], sides(0.5), weighted_gap);
    let rows = model.stage(2);
    add_sum(&mut model, (rows, 1), z[1], sides(least), |g, l| {
        let square = weighted_gap(g, l);
        let negative = g.neg(square);
        let quotient = g.call(Op::Div, &[negative, l[1]]);
        let double = g.mul(l[0], l[2]);
        let sum = g.add(quotient, double);
        g.mul(l[1], sum)
    });
    model.term((rows, 0), 1, affine(0, 0), vec![x(affine(0, 0)), x(affine(3, 0))], |g, l| g.mul(l[0], l[1]));
    let alone = model.stage(1);
    add_sum(&mut model, (alone, 0), z[2], sides(1.0), weighted_gap);
    let objective = model.stage(1);
    add_sum(&mut model, (objective, 0), z[3], sides(0.0), weighted_gap);
    model.term((objective, 0), 1, affine(0, 0), vec![stage(inner, affine(0, 0)), x(affine(0, 0))], |g, l| {
        let root = g.call(Op::Sqrt, &[l[0]]);
        g.mul(root, l[1])
    });
    model.minimize(objective);
    model.constrain(rows);
    model.constrain(alone);
    model
}

#[test]
fn sums_of_squares_wherever_they_stand() {
    // Weights of both signs in a row: then nothing but second derivatives is kept.
    for least in [0.25, -1.5] {
        let model = mixed(least);
        assert_eq!(kept(&mut Evaluator::new(&model.problem)), 4);
        check_all(model, &wave(2 * WIDTH + 1));
    }
}

#[test]
fn what_is_no_such_sum_goes_over_the_rows() {
    let bodies: [fn(&mut Graph, &[NodeId]) -> NodeId; 3] = [
        // A kink has no second derivative that says so.
        |g, l| {
            let (square, zero) = (g.square(l[0]), g.constant(0.0));
            let kink = g.call(Op::Max, &[l[0], zero]);
            g.add(square, kink)
        },
        |g, l| g.call(Op::Softplus, &[l[0]]),
        |g, l| g.mul(l[0], l[1]),
    ];
    for body in bodies {
        let mut model = Model::new(WIDTH as u32);
        let z = product(&mut model, 0, WIDTH, numbers(1));
        let f = model.stage(1);
        add_sum(&mut model, (f, 0), z, sides(1.0), body);
        model.minimize(f);
        assert_eq!(kept(&mut Evaluator::new(&model.problem)), 0);
    }
    // Somebody else reads the product.
    let mut model = Model::new(WIDTH as u32);
    let z = product(&mut model, 0, WIDTH, numbers(1));
    let f = model.stage(1);
    add_sum(&mut model, (f, 0), z, sides(1.0), weighted_gap);
    let row = model.stage(1);
    model.term((row, 0), 1, affine(0, 0), vec![stage(z, affine(7, 0))], |_, l| l[0]);
    model.minimize(f);
    model.constrain(row);
    assert_eq!(kept(&mut Evaluator::new(&model.problem)), 0);
}

/// `f` and its slope in whole numbers: `x = X 2⁻³⁰`, the data are whole.
fn exact(a: &[f64], y: &[f64], w: &[f64]) -> (f64, Vec<f64>) {
    let whole = |v: f64| (v * 2f64.powi(30)) as i128;
    let w: Vec<i128> = w.iter().map(|v| whole(*v)).collect();
    let (mut value, mut slope) = (0i128, vec![0i128; w.len()]);
    for (row, y) in a.chunks_exact(w.len()).zip(y) {
        let z: i128 = row.iter().zip(&w).map(|(a, w)| *a as i128 * w).sum();
        let gap = z - whole(*y);
        value += gap * gap;
        slope.iter_mut().zip(row).for_each(|(s, a)| *s += 2 * gap * *a as i128);
    }
    (value as f64 * 2f64.powi(-60), slope.iter().map(|s| *s as f64 * 2f64.powi(-30)).collect())
}

/// Errors as parts of what rounding in a pass over the rows may do, without the constant: `ε |ρ| |s|` and `ε |a_j| |s|`.
fn errors(a: &[f64], y: &[f64], w: &[f64], value: f64, slope: &[f64]) -> (f64, f64) {
    let (f, g) = exact(a, y, w);
    let squares = |row: &[f64], y: &f64| {
        let size: f64 = row.iter().zip(w).map(|(a, w)| (a * w).abs()).sum();
        (size + y.abs()).powi(2)
    };
    let size = a.chunks_exact(w.len()).zip(y).map(|(row, y)| squares(row, y)).sum::<f64>().sqrt();
    let length = |j: usize| a[j..].iter().step_by(w.len()).map(|a| a * a).sum::<f64>().sqrt();
    let of_slope = |j: usize| (slope[j] - g[j]).abs() / (f64::EPSILON * length(j) * size);
    let worst = (0..w.len()).map(of_slope).fold(0.0, f64::max);
    ((value - f).abs() / (f64::EPSILON * f.sqrt() * size).max(f64::MIN_POSITIVE), worst)
}

fn least_squares(a: &[f64], y: &[f64], width: usize) -> Model {
    let mut model = Model::new(width as u32);
    let z = product(&mut model, 0, width, a.to_vec());
    let f = model.stage(1);
    add_sum(&mut model, (f, 0), z, (y.to_vec(), vec![1.0; y.len()]), weighted_gap);
    model.minimize(f);
    model
}

/// Far from the best fit and next to it, with a perfect fit and without, columns alike and not.
#[test]
fn rounding_is_that_of_a_pass_over_the_rows() {
    let width = 8;
    let rows = 300;
    let round = |v: f64| (v * 2f64.powi(30)).round() * 2f64.powi(-30);
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f64 / 2f64.powi(23) - 1.0
    };
    let truth: Vec<f64> = (0..width).map(|_| round(random())).collect();
    for (alike, noise) in [(false, 0.0), (false, 1.0), (false, 1e-6), (true, 0.0), (true, 1.0), (true, 1e-4)] {
        let mut a: Vec<f64> = (0..rows * width).map(|_| (500.0 * random()).round()).collect();
        if alike {
            // The last column is the first one but for a little; its sizes are the largest.
            for row in a.chunks_exact_mut(width) {
                row[0] *= 1000.0;
                row[width - 1] = row[0] + (2.0 * random()).round();
            }
        }
        let y: Vec<f64> = a
            .chunks_exact(width)
            .map(|row| round(row.iter().zip(&truth).map(|(a, w)| a * w).sum::<f64>() + 500.0 * noise * random()))
            .collect();
        let model = least_squares(&a, &y, width);
        let mut evaluator = Evaluator::new(&model.problem);
        let mut slope = vec![0.0; width];
        evaluator.gradient(&vec![0.0; width], &mut slope);
        for distance in [0.0, 2f64.powi(-29), 1e-7, 1e-5, 1e-3, 0.1, 1.0, 100.0] {
            let mut w: Vec<f64> = truth.iter().map(|v| round(v + distance * random())).collect();
            if alike && distance > 1e-6 {
                // Along the columns that are alike: residuals stay small.
                w = truth.clone();
                (w[0], w[width - 1]) = (round(w[0] + distance), round(w[width - 1] - distance));
            }
            let value = evaluator.objective(&w);
            evaluator.gradient(&w, &mut slope);
            let (of_value, of_slope) = errors(&a, &y, &w, value, &slope);
            // Without a slope nothing is kept.
            let plain = Evaluator::new(&model.problem).objective(&w);
            let (of_plain, _) = errors(&a, &y, &w, plain, &slope);
            let what = format!("alike {alike}, noise {noise}, distance {distance}: {of_value} {of_slope}; {of_plain}");
            assert!(of_value <= 4.0 && of_slope <= 4.0 && of_plain <= 4.0, "{what}");
        }
    }
}

/// Passes over the rows leave what they found in the arena.
#[test]
fn a_point_costs_no_pass_over_the_rows() {
    let (y, _) = sides(1.0);
    let model = least_squares(&numbers(2), &y, WIDTH);
    let mut evaluator = Evaluator::new(&model.problem);
    let mut slope = vec![0.0; WIDTH];
    evaluator.gradient(&wave(WIDTH), &mut slope);
    let at = evaluator.engine().squares.values().next().expect("it is kept").products;
    let before = evaluator.engine().arena[at..at + ROWS].to_vec();
    for k in 1..9 {
        let w: Vec<f64> = wave(WIDTH).iter().map(|v| v * k as f64 / 8.0).collect();
        evaluator.gradient(&w, &mut slope);
        evaluator.objective(&w);
    }
    assert!(evaluator.engine().arena[at..at + ROWS] == before[..]);
    // What is new is waited for; then it is kept again.
    evaluator.set_param(ParamId(1), &vec![0.5; ROWS]);
    evaluator.gradient(&wave(WIDTH), &mut slope);
    let waiting = slope.clone();
    assert!(evaluator.engine().arena[at..at + ROWS] != before[..]);
    (0..8).for_each(|_| evaluator.gradient(&wave(WIDTH), &mut slope));
    for (kept, found) in slope.iter().zip(waiting) {
        assert!((kept - found).abs() <= 1e-12 * found.abs().max(1.0));
    }
}
