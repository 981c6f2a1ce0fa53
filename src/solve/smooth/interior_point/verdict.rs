//! How far a point is from optimal by a measure that does not depend on how the method scaled the problem: the figures of
//! the conditions as stated, at the true bounds, in relative terms.
//!
//! The barrier method stops by errors of its own scaling and with bounds that it relaxed; what is asked of an answer is
//! asked of the point that is handed back. Rows are divided by `max(1, largest slope, |violated bound|)`, bounds by
//! `max(1, |bound|)`, what multipliers enter by `max(1, ‖∇f‖)`: the size of multipliers divides nothing, or what a huge one
//! makes of a small violation would not be seen.

use super::problem::{Row, Scaled};
use crate::answer::Multipliers;
use crate::linalg::sparse::add_transposed_product;
use crate::linalg::vector::max_norm;

/// A point, the scaled functions there, and multipliers in the scaling of the method.
pub struct Point<'a> {
    pub x: &'a [f64],
    pub gradient: &'a [f64],
    /// The scaled values of rows.
    pub values: &'a [f64],
    pub jacobian: &'a [f64],
    pub lambda: &'a [f64],
    pub z_lower: &'a [f64],
    pub z_upper: &'a [f64],
}

/// The largest figure; NaN if something is not a number.
pub fn figure(problem: &Scaled, at: &Point) -> f64 {
    let inverse = problem.objective_scale.recip();
    let mut slope = at.gradient.to_vec();
    let scale = (inverse * max_norm(&slope)).max(1.0);
    let weight = |r: usize| if problem.row_scale[r] == 0.0 { 0.0 } else { inverse * problem.row_scale[r] };
    add_transposed_product(&problem.shape.jacobian, at.jacobian, 1.0, at.lambda, &mut slope);
    let mut worst = Worst(0.0);
    for (i, slope) in slope.iter().enumerate() {
        worst.see(inverse * (slope - at.z_lower[i] + at.z_upper[i]) / scale);
        let sides = [(problem.true_lower[i], 1.0, at.z_lower[i]), (problem.true_upper[i], -1.0, at.z_upper[i])];
        for (bound, sign, z) in sides {
            side(&mut worst, sign * (at.x[i] - bound), bound.abs().max(1.0), inverse * z / scale);
        }
    }
    for (r, row) in problem.rows.iter().enumerate() {
        let factor = problem.row_scale[r];
        let size = max_norm(&at.jacobian[problem.shape.jacobian.row(r)]) / factor;
        let y = weight(r) * at.lambda[r] / scale;
        match row {
            Row::Equality { target } => {
                let violation = (at.values[r] - target) / factor / size.max(1.0).max((target / factor).abs());
                worst.see(violation);
                worst.see(y * violation);
            }
            Row::Inequality { slack } => {
                let (lower, upper) = (problem.true_lower[*slack], problem.true_upper[*slack]);
                for (bound, sign, y) in [(lower, 1.0, (-y).max(0.0)), (upper, -1.0, y.max(0.0))] {
                    let relative = size.max(1.0).max((bound / factor).abs());
                    side(&mut worst, sign * (at.values[r] - bound) / factor, relative, y);
                }
            }
            Row::Free => {}
        }
    }
    worst.0
}

/// The figure at a point with multipliers in the convention of `answer`.
pub fn stated_figure(problem: &mut Scaled, x: &[f64], multipliers: &Multipliers) -> f64 {
    let mut gradient = vec![0.0; x.len()];
    let mut values = vec![0.0; problem.height()];
    let mut jacobian = vec![0.0; problem.shape.jacobian.entries()];
    problem.gradient(x, &mut gradient);
    problem.values(x, &mut values);
    problem.jacobian(x, &mut jacobian);
    let scale = problem.objective_scale;
    let row = |(y, factor): (&f64, &f64)| if *factor == 0.0 { 0.0 } else { -y * scale / factor };
    let lambda: Vec<f64> = multipliers.rows.iter().zip(&problem.row_scale).map(row).collect();
    let z_lower: Vec<f64> = multipliers.lower.iter().map(|z| scale * z).collect();
    let z_upper: Vec<f64> = multipliers.upper.iter().map(|z| -scale * z).collect();
    let (gradient, values, jacobian, lambda) = (&gradient, &values, &jacobian, &lambda);
    let point = Point { x, gradient, values, jacobian, lambda, z_lower: &z_lower, z_upper: &z_upper };
    figure(problem, &point)
}

/// One side of a variable or a row: violation, product with its multiplier `y >= 0`, and the multiplier of a side that
/// is not there.
fn side(worst: &mut Worst, gap: f64, scale: f64, y: f64) {
    if gap == f64::INFINITY {
        worst.see(y);
        return;
    }
    worst.see((-gap).max(0.0) / scale);
    worst.see(y * gap / scale);
}

struct Worst(f64);

impl Worst {
    /// Nothing is worse than NaN.
    fn see(&mut self, figure: f64) {
        if figure.is_nan() || self.0.is_nan() {
            self.0 = f64::NAN;
        } else {
            self.0 = self.0.max(figure.abs());
        }
    }
}
