//! The exact augmented Lagrangian `L(x, y) + rows/2 |c|² + slope/2 |∇ₓL|²` of `L = f + y'c`: a merit function in `x` and `y`
//! together, whose minimisers are the solutions once `rows` is large and `slope` small enough.
//! Source: Di Pillo and Grippo (1979), SIAM Journal on Control and Optimization 17, 618-628.

use crate::linalg::sparse::{add_product, add_symmetric_product, add_transposed_product};
use crate::linalg::vector::{add_multiple, all_finite, dot, two_norm};
use crate::solve::nlp::{Nlp, Shape};

/// The two penalties.
#[derive(Clone, Copy, Debug)]
pub struct Penalties {
    pub rows: f64,
    pub slope: f64,
}

/// A point with all first derivatives.
#[derive(Clone, Debug)]
pub struct Point {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    pub objective: f64,
    pub gradient: Vec<f64>,
    /// `c`, the values of rows less their sides.
    pub rows: Vec<f64>,
    pub jacobian: Vec<f64>,
    /// `∇ₓL`.
    pub slope: Vec<f64>,
}

impl Point {
    pub fn at(nlp: &mut dyn Nlp, x: Vec<f64>, y: Vec<f64>) -> Point {
        let shape = nlp.shape().clone();
        let mut gradient = vec![0.0; x.len()];
        let mut rows = vec![0.0; y.len()];
        let mut jacobian = vec![0.0; shape.jacobian.entries()];
        let objective = nlp.objective(&x);
        nlp.gradient(&x, &mut gradient);
        nlp.constraints(&x, &mut rows);
        nlp.jacobian(&x, &mut jacobian);
        rows.iter_mut().zip(&shape.row_lower).for_each(|(c, side)| *c -= side);
        let mut point = Point { x, y: vec![], objective, gradient, rows, jacobian, slope: vec![] };
        point.set_multipliers(&shape, y);
        point
    }

    pub fn set_multipliers(&mut self, shape: &Shape, y: Vec<f64>) {
        self.slope = self.gradient.clone();
        add_transposed_product(&shape.jacobian, &self.jacobian, 1.0, &y, &mut self.slope);
        self.y = y;
    }

    pub fn is_finite(&self) -> bool {
        self.objective.is_finite() && [&self.rows, &self.slope, &self.jacobian].into_iter().all(|v| all_finite(v))
    }

    /// `|∇L|`, in `x` and `y`.
    pub fn residual(&self) -> f64 {
        two_norm(&self.slope).hypot(two_norm(&self.rows))
    }

    pub fn merit(&self, penalties: Penalties) -> f64 {
        let lagrangian = self.objective + dot(&self.y, &self.rows);
        let squares = penalties.rows * dot(&self.rows, &self.rows) + penalties.slope * dot(&self.slope, &self.slope);
        lagrangian + 0.5 * squares
    }

    /// The gradient of the merit function in `x`, then in `y`; `hessian` is `∇²ₓₓL`.
    pub fn merit_gradient(&self, shape: &Shape, hessian: &[f64], penalties: Penalties) -> Vec<f64> {
        let mut in_x = self.slope.clone();
        add_symmetric_product(&shape.hessian, hessian, penalties.slope, &self.slope, &mut in_x);
        add_transposed_product(&shape.jacobian, &self.jacobian, penalties.rows, &self.rows, &mut in_x);
        let mut in_y = self.rows.clone();
        add_product(&shape.jacobian, &self.jacobian, penalties.slope, &self.slope, &mut in_y);
        in_x.extend(in_y);
        in_x
    }

    /// The point `t` along a step in `x` and `y`.
    pub fn ahead(&self, nlp: &mut dyn Nlp, t: f64, step: &[f64]) -> Point {
        let (mut x, mut y) = (self.x.clone(), self.y.clone());
        add_multiple(&mut x, t, &step[..self.x.len()]);
        add_multiple(&mut y, t, &step[self.x.len()..]);
        Point::at(nlp, x, y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solve::testing::{EQUAL, FREE, Formulas};

    #[test]
    fn the_gradient_agrees_with_differences() {
        let rows = [("x1^2*x2-x3", EQUAL), ("x2+sin(x3)", (0.5, 0.5))];
        let mut nlp = Formulas::new("exp(x1)*x2+x3^3", &[FREE; 3], &rows);
        let shape = nlp.shape().clone();
        let here = Point::at(&mut nlp, vec![0.3, -0.7, 1.1], vec![0.4, -1.3]);
        let mut hessian = vec![0.0; shape.hessian.entries()];
        nlp.hessian(&here.x, 1.0, &here.y, &mut hessian);
        let penalties = Penalties { rows: 3.0, slope: 0.7 };
        let gradient = here.merit_gradient(&shape, &hessian, penalties);
        for (k, slope) in gradient.iter().enumerate() {
            let mut step = vec![0.0; 5];
            step[k] = 1.0;
            let mut value = |t: f64| here.ahead(&mut nlp, t, &step).merit(penalties);
            let difference = (value(1e-5) - value(-1e-5)) / 2e-5;
            assert!((slope - difference).abs() <= 1e-7, "{k}: {slope} and {difference}");
        }
    }
}
