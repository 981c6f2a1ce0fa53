//! Second partial derivatives of all functions, as numbers and from closed forms, like the first ones in [`super::partials`].

use super::partials::{difference, digamma, logistic, partials, trigamma};
use crate::expr::ops::Op;
use std::f64::consts::{LN_2, LN_10, PI};

/// Whether second partial derivatives of a function are not all 0.
pub fn is_curved(op: Op) -> bool {
    use Op::*;
    let flat = [Add, Sub, Neg, Abs, Sign, Floor, Ceil, Round, Min, Max, Mod, Lt, Le, Eq, Ne, And, Or, Not, Select];
    !flat.contains(&op)
}

/// `∂²f/∂a²`, `∂²f/∂a∂b` and `∂²f/∂b²` at a point; 0 at kinks and jumps.
pub fn second(op: Op, [a, b, c]: [f64; 3]) -> [f64; 3] {
    let one = |curvature: f64| [curvature, 0.0, 0.0];
    match op {
        Op::Add | Op::Sub | Op::Neg | Op::Mod | Op::Abs | Op::Sign | Op::Floor | Op::Ceil | Op::Round => [0.0; 3],
        Op::Min | Op::Max | Op::Lt | Op::Le | Op::Eq | Op::Ne | Op::And | Op::Or | Op::Not | Op::Select => [0.0; 3],
        Op::Mul => [0.0, 1.0, 0.0],
        Op::Div => [0.0, -1.0 / (b * b), 2.0 * (a / b) / (b * b)],
        Op::Pow => {
            let by_base = if b == 0.0 || b == 1.0 { 0.0 } else { b * (b - 1.0) * a.powf(b - 2.0) };
            let mixed = if a == 0.0 && b > 1.0 { 0.0 } else { a.powf(b - 1.0) * (1.0 + b * a.ln()) };
            let by_exponent = if a == 0.0 && b > 0.0 { 0.0 } else { a.powf(b) * a.ln() * a.ln() };
            [by_base, mixed, by_exponent]
        }
        Op::Sqrt => one(-0.25 / (a * a.sqrt())),
        Op::Square => one(2.0),
        Op::Cbrt => one(-2.0 / (9.0 * a * a.cbrt() * a.cbrt())),
        Op::Exp | Op::Expm1 => one(a.exp()),
        Op::Log => one(-1.0 / (a * a)),
        Op::Log1p => one(-1.0 / ((1.0 + a) * (1.0 + a))),
        Op::Log2 => one(-1.0 / (a * a * LN_2)),
        Op::Log10 => one(-1.0 / (a * a * LN_10)),
        Op::Sin => one(-a.sin()),
        Op::Cos => one(-a.cos()),
        Op::Tan => one(2.0 * a.tan() / (a.cos() * a.cos())),
        Op::Asin => one(a / ((1.0 - a) * (1.0 + a)).powf(1.5)),
        Op::Acos => one(-a / ((1.0 - a) * (1.0 + a)).powf(1.5)),
        Op::Atan => one(-2.0 * a / ((1.0 + a * a) * (1.0 + a * a))),
        Op::Atan2 => {
            let radius = a.hypot(b);
            let (p, q) = (a / radius, b / radius);
            let twice = 2.0 * p * q / radius / radius;
            [-twice, (p - q) * (p + q) / radius / radius, twice]
        }
        Op::Sinh => one(a.sinh()),
        Op::Cosh => one(a.cosh()),
        Op::Tanh => one(-2.0 * a.tanh() / (a.cosh() * a.cosh())),
        Op::Asinh => one(-a / a.hypot(1.0).powi(3)),
        Op::Acosh => one(-a / ((a - 1.0) * (a + 1.0)).powf(1.5)),
        Op::Atanh => one(2.0 * a / ((1.0 - a) * (1.0 + a)).powi(2)),
        Op::Erf => one(-4.0 * a / PI.sqrt() * (-a * a).exp()),
        Op::Erfc => one(4.0 * a / PI.sqrt() * (-a * a).exp()),
        Op::Gamma => one((op.row().value)([a, b, c]) * (digamma(a) * digamma(a) + trigamma(a))),
        Op::Lgamma => one(trigamma(a)),
        Op::Digamma => one(difference(trigamma, a, 0.02)),
        Op::Polygamma => [0.0, 0.0, difference(|t| partials(op, [a, t, c])[1], b, 0.02)],
        Op::Beta => {
            let value = (op.row().value)([a, b, c]);
            let (by_a, by_b) = (digamma(a) - digamma(a + b), digamma(b) - digamma(a + b));
            let both = trigamma(a + b);
            [
                value * (by_a * by_a + trigamma(a) - both),
                value * (by_a * by_b - both),
                value * (by_b * by_b + trigamma(b) - both),
            ]
        }
        Op::Sigmoid => one(logistic(a) * logistic(-a) * (logistic(-a) - logistic(a))),
        Op::Softplus => one(logistic(a) * logistic(-a)),
        Op::LogAddExp => {
            let both = logistic(a - b) * logistic(b - a);
            [both, -both, both]
        }
        Op::XLogX => one(1.0 / a),
        Op::XLogXY => [1.0 / a, -1.0 / b, a / b / b],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::ops::ALL;

    #[test]
    fn they_agree_with_differences_of_the_first_ones_at_the_samples_of_every_row() {
        for op in ALL {
            let row = op.row();
            for sample in row.samples {
                let exact = second(*op, *sample);
                assert!(is_curved(*op) || exact == [0.0; 3], "{op:?}");
                for (place, by, along) in [(0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1)] {
                    let differentiable = |k: usize| k < row.arity && !row.discrete.contains(&k);
                    if !differentiable(by) || !differentiable(along) {
                        continue;
                    }
                    let h = 1e-3 * sample[along].abs().max(0.1);
                    let pair = |t: f64| {
                        let (mut up, mut down) = (*sample, *sample);
                        up[along] += t * h;
                        down[along] -= t * h;
                        partials(*op, up)[by] - partials(*op, down)[by]
                    };
                    let curvature = (8.0 * pair(1.0) - pair(2.0)) / (12.0 * h);
                    let error = (exact[place] - curvature).abs() / curvature.abs().max(1.0);
                    assert!(error < 1e-7, "{op:?} {by} {along} at {sample:?}: {} against {curvature}", exact[place]);
                }
            }
        }
    }
}
