//! Data and sums that are kept follow the parameters that they are made of, and only those.

use super::Evaluator;
use super::stale::{Affected, Stale};
use super::tests::{Model, affine, check, logistic, param, stage, wave, x};
use crate::expr::family::{IndexMap, ParamId};
use crate::expr::ops::Op;
use crate::problem::Problem;

/// `Σ_p c_p (Σ_j sin(a_pj) w_j - y_p)² + exp(θ) Σ w_j²`.
pub(super) fn least_squares(rows: u32, width: u32) -> Model {
    let mut model = Model::new(width);
    let a = model.param((0..rows * width).map(|k| (0.9 * (k as u64 * k as u64 % 101) as f64).sin()).collect());
    let y = model.param((0..rows).map(|p| (p as f64).cos()).collect());
    let c = model.param((0..rows).map(|p| 0.5 + (p % 4) as f64).collect());
    let theta = model.param(vec![-0.5]);
    let z = model.stage(rows);
    let tile = IndexMap::Tile { start: 0, stride: 1, length: width };
    let repeat = IndexMap::Repeat { start: 0, stride: 1, length: width };
    model.term((z, 0), rows * width, repeat, vec![param(a, IndexMap::IDENTITY), x(tile)], |g, l| {
        let entry = g.call(Op::Sin, &[l[0]]);
        g.mul(entry, l[1])
    });
    let f = model.stage(1);
    let leaves = vec![stage(z, IndexMap::IDENTITY), param(y, IndexMap::IDENTITY), param(c, IndexMap::IDENTITY)];
    model.term((f, 0), rows, affine(0, 0), leaves, |g, l| {
        let gap = g.sub(l[0], l[1]);
        let square = g.square(gap);
        g.mul(l[2], square)
    });
    model.term((f, 0), width, affine(0, 0), vec![x(IndexMap::IDENTITY), param(theta, affine(0, 0))], |g, l| {
        let square = g.square(l[0]);
        let weight = g.call(Op::Exp, &[l[1]]);
        g.mul(weight, square)
    });
    model.minimize(f);
    model
}

fn hessian(evaluator: &mut Evaluator, at: &[f64], sigma: f64) -> Vec<u64> {
    let mut out = vec![f64::NAN; evaluator.hessian_pattern().entries()];
    evaluator.hessian(at, sigma, &[], &mut out);
    out.iter().map(|value| value.to_bits()).collect()
}

/// Another evaluator has nothing to remember.
fn assert_fresh(problem: &Problem, evaluator: &mut Evaluator, at: &[f64], sigma: f64) {
    let other = hessian(&mut Evaluator::new(problem), at, sigma);
    assert!(hessian(evaluator, at, sigma) == other, "a kept sum is not the one that would be made");
}

#[test]
fn kept_squares_are_those_that_would_be_made() {
    for mut model in [least_squares(30, 11), least_squares(300, 7), least_squares(60, 40), logistic(30, 11)] {
        let width = model.problem.dimension as usize;
        let (here, there) = (wave(width), wave(2 * width)[width..].to_vec());
        let mut evaluator = Evaluator::new(&model.problem);
        for k in 0..model.problem.params.len() {
            for (at, sigma) in [(&here, 1.0), (&there, 1.0), (&there, 2.5), (&here, 0.0), (&here, 1.0)] {
                assert_fresh(&model.problem, &mut evaluator, at, sigma);
            }
            let new: Vec<f64> = model.problem.params[k].values.iter().map(|v| 0.75 * v - 0.125).collect();
            evaluator.set_param(ParamId(k as u32), &new);
            model.problem.params[k].values = new.into();
            assert_fresh(&model.problem, &mut evaluator, &there, 1.0);
        }
        check(&model.problem, &mut evaluator, &here);
    }
}

#[test]
fn only_what_reads_a_parameter_is_computed_anew() {
    let model = least_squares(30, 11);
    let mut evaluator = Evaluator::new(&model.problem);
    let at = wave(11);
    hessian(&mut evaluator, &at, 1.0);
    let (engine, id) = (evaluator.engine(), ParamId(3));
    assert_eq!(engine.stale, Stale::Nothing);
    assert!(!engine.set_param(id, &[-0.5]), "these are the numbers that are there");
    assert_eq!(engine.stale, Stale::Nothing);
    assert!(engine.set_param(id, &[0.25]));
    let affected = Affected::of(engine, &engine.stale);
    let runs = affected.actions.iter().filter(|runs| **runs).count();
    assert!(runs < affected.actions.len(), "the rows do not read the weight: {affected:?}");
    assert!(engine.set_param(ParamId(0), &vec![1.0; 330]));
    let all = Affected::of(engine, &engine.stale);
    assert!(all.actions.iter().filter(|runs| **runs).count() > runs, "{all:?}");
}
