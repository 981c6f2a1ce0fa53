//! Second derivatives of a function of an answer, for a level above that wants Hessians.
//!
//! With the reverse solution `u = K⁻¹ (∂F/∂z, 0)` held fixed, `G = F - u_z'∇_z L - u_A'c_A` equals `F` along the answers,
//! and is stationary in the answer and its multipliers. So the Hessian of `F(z(θ), θ)` is that of `G`, pulled back: two
//! solves with the factors that are there. `G` holds third derivatives of the program: along `u` they are differences of
//! exact second derivatives, which is all that is inexact, and an estimate of that comes with the result. For quadratic
//! programs they are 0. The set of active rows is taken as fixed.

use super::program::Program;
use crate::ad::Evaluator;
use crate::linalg::vector::{add_multiple, max_norm};

/// A product with the Hessian, and how far differences may be off.
pub struct Curved {
    /// Over the joint vector; that in `z` is meaningless.
    pub point: Vec<f64>,
    /// The largest difference between two steps of differences, before it is pulled back.
    pub error: f64,
}

/// `∇²φ(θ) t` for `φ(θ) = F(z(θ), θ)`; `upper` evaluates `F` as the objective over the same joint vector, and `t` is 0 in
/// the inner variables.
pub fn hessian_product(program: &mut Program, upper: &mut Evaluator, t: &[f64]) -> Curved {
    let n = program.selected.inner.len();
    let mut slopes = vec![0.0; program.dimension()];
    upper.gradient(program.point(), &mut slopes);
    let right = program.pulled(&slopes, &vec![0.0; program.active()]);
    let u = program.solve(&right).values;
    let inner = program.spread_inner(&u);
    let tangent = program.forward(t);

    let mut total = vec![0.0; program.dimension()];
    upper.hessian_product(program.point(), 1.0, &vec![0.0; upper.rows()], &tangent.point, &mut total);
    // Where rows meet multipliers: `+ Σ dy ∇²c u_z - Σ u_A ∇²c dv`.
    let moved = program.curved(0.0, &program.spread_rows(&tangent.duals), &inner, None);
    add_multiple(&mut total, 1.0, &moved);
    let held = program.curved(0.0, &program.spread_rows(&u[n..]), &tangent.point, None);
    add_multiple(&mut total, -1.0, &held);
    // Along `u_z`, by differences: `- D³L[u_z, dv]`, and `D²c[u_z, dv]` for the multipliers.
    let size = max_norm(&inner);
    if size == 0.0 {
        let pulled = program.reverse(&total, &vec![0.0; program.active()]);
        return Curved { point: pulled.point, error: 0.0 };
    }
    let scale = max_norm(program.point()).max(1.0) / size;
    let (short, long) = (1e-4 * scale, 2e-4 * scale);
    let mut third = |h: f64| {
        let shifted =
            |sign: f64| -> Vec<f64> { program.point().iter().zip(&inner).map(|(v, u)| v + sign * h * u).collect() };
        let (ahead, behind) = (shifted(1.0), shifted(-1.0));
        let weights = program.weights().to_vec();
        let sigma = program.sigma();
        let mut out = program.curved(sigma, &weights, &tangent.point, Some(&ahead));
        add_multiple(&mut out, -1.0, &program.curved(sigma, &weights, &tangent.point, Some(&behind)));
        let mut rows = program.active_rows(&tangent.point, &ahead);
        add_multiple(&mut rows, -1.0, &program.active_rows(&tangent.point, &behind));
        out.iter_mut().chain(&mut rows).for_each(|v| *v /= 2.0 * h);
        (out, rows)
    };
    let ((along, rows), (along_far, rows_far)) = (third(short), third(long));
    let differences = along.iter().zip(&along_far).chain(rows.iter().zip(&rows_far));
    let error = differences.map(|(a, b)| (a - b).abs() / 3.0).fold(0.0, f64::max);
    // Without the part of the error that falls with the square of the step.
    let better = |near: &[f64], far: &[f64]| near.iter().zip(far).map(|(a, b)| (4.0 * a - b) / 3.0).collect::<Vec<_>>();
    add_multiple(&mut total, -1.0, &better(&along, &along_far));
    let pulled = program.reverse(&total, &better(&rows, &rows_far));
    Curved { point: pulled.point, error }
}
