//! The conditions of a square complementarity system as equations `Φ(x) = 0`, and an element of their derivative.
//!
//! With `φ(p, q) = p + q - √(p² + q² + 2μ)` (for `μ = 0` of Fischer and Burmeister: 0 exactly where `p, q >= 0` and
//! `p q = 0`), a pair `lower <= a <= upper ⟂ b` is
//!
//! ```text
//! φ(a - lower, b)                    no upper side
//! -φ(upper - a, -b)                  no lower side
//! φ(a - lower, -φ(upper - a, -b))    both (Billups 1995)
//! b,  a - lower                      no side, both equal
//! ```
//! and an equation is `c - side`.

use crate::linalg::pattern::Pattern;
use crate::problem::complementarity::natural_residual;
use crate::solve::nlp::{Nlp, Shape};

/// Values are taken to be off by this many units in the last place of what is summed up in them.
const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// What one condition is made of, by rows of the problem.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Condition {
    Pair { bounded: usize, force: usize, lower: f64, upper: f64 },
    Equation { row: usize, side: f64 },
}

pub struct Conditions {
    conditions: Vec<Condition>,
    /// Of `Φ'`.
    pub pattern: Pattern,
    /// For each condition where the entries of its first and second row stand in its row of the pattern.
    places: Vec<[Vec<usize>; 2]>,
    /// Values and entries of the rows of the problem, at the last point.
    rows: Vec<f64>,
    entries: Vec<f64>,
}

/// `Φ` at a point, with what `Φ'` is made of: `weights` of the two rows.
#[derive(Clone, Debug, Default)]
pub struct Values {
    pub phi: Vec<f64>,
    weights: Vec<[f64; 2]>,
}

impl Conditions {
    /// The pairs in their order, then the equations.
    pub fn of(shape: &Shape) -> Conditions {
        let mut paired = vec![false; shape.rows()];
        let mut conditions = vec![];
        for pair in &shape.pairs {
            let (bounded, force) = (pair.bounded as usize, pair.force as usize);
            (paired[bounded], paired[force]) = (true, true);
            let (lower, upper) = (shape.row_lower[bounded], shape.row_upper[bounded]);
            conditions.push(Condition::Pair { bounded, force, lower, upper });
        }
        for row in (0..shape.rows()).filter(|r| !paired[*r]) {
            conditions.push(Condition::Equation { row, side: shape.row_lower[row] });
        }
        let jacobian = &shape.jacobian;
        let columns = |row: usize| jacobian.columns[jacobian.row(row)].to_vec();
        let both = |c: &Condition| match c {
            Condition::Pair { bounded, force, .. } => [columns(*bounded), columns(*force)],
            Condition::Equation { row, .. } => [columns(*row), vec![]],
        };
        let merged: Vec<Vec<u32>> = conditions.iter().map(|c| both(c).concat()).collect();
        let pattern = Pattern::from_rows(shape.variables(), &merged);
        let place = |i: usize, columns: &[u32]| -> Vec<usize> {
            columns.iter().filter_map(|c| pattern.position(i, *c as usize)).collect()
        };
        let places = conditions.iter().enumerate().map(|(i, c)| both(c).map(|columns| place(i, &columns))).collect();
        let (rows, entries) = (vec![0.0; shape.rows()], vec![0.0; jacobian.entries()]);
        Conditions { conditions, pattern, places, rows, entries }
    }

    /// `Φ` with smoothing `mu`.
    pub fn at(&mut self, nlp: &mut dyn Nlp, x: &[f64], mu: f64) -> Values {
        nlp.constraints(x, &mut self.rows);
        self.again(mu)
    }

    /// The same at the last point.
    pub fn again(&self, mu: f64) -> Values {
        let mut values = Values::default();
        for condition in &self.conditions {
            let (phi, weights) = match *condition {
                Condition::Equation { row, side } => (self.rows[row] - side, [1.0, 0.0]),
                Condition::Pair { bounded, force, lower, upper } => {
                    pair(self.rows[bounded], self.rows[force], lower, upper, mu)
                }
            };
            values.phi.push(phi);
            values.weights.push(weights);
        }
        values
    }

    /// Entries of `Φ'` at the last point, whose values are given.
    pub fn jacobian(&mut self, nlp: &mut dyn Nlp, x: &[f64], values: &Values, out: &mut [f64]) {
        nlp.jacobian(x, &mut self.entries);
        let jacobian = &nlp.shape().jacobian;
        out.fill(0.0);
        for (i, condition) in self.conditions.iter().enumerate() {
            for (k, row) in condition.rows().into_iter().enumerate() {
                let Some(row) = row else { continue };
                for (place, entry) in self.places[i][k].iter().zip(jacobian.row(row)) {
                    out[*place] += values.weights[i][k] * self.entries[entry];
                }
            }
        }
    }

    /// The largest `|mid(a - lower, b, a - upper)|` or `|c - side|` at the last point, in units of what rounding leaves
    /// of it (at least 1e-300) and as it is. The entries are those of the last Jacobian.
    pub fn residual(&self, jacobian: &Pattern, x: &[f64]) -> (f64, f64) {
        let noise = |row: usize, side: f64| {
            let parts = jacobian.row(row).map(|k| (self.entries[k] * x[jacobian.columns[k] as usize]).abs());
            let side = if side.is_finite() { side.abs() } else { 0.0 };
            ROUNDING * (parts.sum::<f64>() + self.rows[row].abs() + side)
        };
        let (mut relative, mut most): (f64, f64) = (0.0, 0.0);
        for condition in &self.conditions {
            let (residual, noise) = match *condition {
                Condition::Equation { row, side } => ((self.rows[row] - side).abs(), noise(row, side)),
                Condition::Pair { bounded, force, lower, upper } => {
                    let (a, b) = (self.rows[bounded], self.rows[force]);
                    let residual = natural_residual(lower, upper, a, b);
                    let at_bound = residual != b;
                    let side = if a - lower < upper - a { lower } else { upper };
                    (residual.abs(), if at_bound { noise(bounded, side) } else { noise(force, 0.0) })
                }
            };
            if residual.is_nan() {
                return (f64::NAN, f64::NAN);
            }
            relative = relative.max(residual / noise.max(1e-300));
            most = most.max(residual);
        }
        (relative, most)
    }
}

impl Condition {
    fn rows(self) -> [Option<usize>; 2] {
        match self {
            Condition::Pair { bounded, force, .. } => [Some(bounded), Some(force)],
            Condition::Equation { row, .. } => [Some(row), None],
        }
    }
}

/// `φ` of a pair and its derivatives by `a` and `b`.
fn pair(a: f64, b: f64, lower: f64, upper: f64, mu: f64) -> (f64, [f64; 2]) {
    if lower == upper {
        return (a - lower, [1.0, 0.0]);
    }
    // `-φ(upper - a, -b)`: signs of arguments and of the value cancel in the derivatives.
    let turned = || {
        let (value, [by_p, by_q]) = fischer_burmeister(upper - a, -b, mu);
        (-value, [by_p, by_q])
    };
    match (lower > f64::NEG_INFINITY, upper < f64::INFINITY) {
        (false, false) => (b, [0.0, 1.0]),
        (true, false) => fischer_burmeister(a - lower, b, mu),
        (false, true) => turned(),
        (true, true) => {
            let (inner, [inner_a, inner_b]) = turned();
            let (value, [by_a, by_inner]) = fischer_burmeister(a - lower, inner, mu);
            (value, [by_a + by_inner * inner_a, by_inner * inner_b])
        }
    }
}

/// `p + q - √(p² + q² + 2μ)` and its derivatives; at the kink those of the limit along `p = q > 0`.
fn fischer_burmeister(p: f64, q: f64, mu: f64) -> (f64, [f64; 2]) {
    let root = p.hypot(q).hypot((2.0 * mu).sqrt());
    if root == 0.0 {
        let slope = 1.0 - std::f64::consts::FRAC_1_SQRT_2;
        return (0.0, [slope, slope]);
    }
    // `p + q - √..` cancels where both are positive; `(2pq - 2μ) / (p + q + √..)` does not.
    let value = if p + q > 0.0 { 2.0 * (p * q - mu) / (p + q + root) } else { p + q - root };
    (value, [1.0 - p / root, 1.0 - q / root])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_of_pairs_agree_with_differences() {
        let inf = f64::INFINITY;
        for (lower, upper) in [(0.5, inf), (-inf, 2.0), (0.5, 2.0), (-inf, inf), (1.0, 1.0)] {
            for (a, b) in [(0.7, 1.3), (-1.0, 0.4), (3.0, -2.0), (1.0, -0.2), (0.5, 0.3)] {
                for mu in [0.0, 1e-2] {
                    let (_, slopes) = pair(a, b, lower, upper, mu);
                    let h = 1e-6;
                    let by_a = (pair(a + h, b, lower, upper, mu).0 - pair(a - h, b, lower, upper, mu).0) / (2.0 * h);
                    let by_b = (pair(a, b + h, lower, upper, mu).0 - pair(a, b - h, lower, upper, mu).0) / (2.0 * h);
                    assert!((slopes[0] - by_a).abs() < 1e-6, "{a} {b} in {lower}..{upper}: {slopes:?} {by_a}");
                    assert!((slopes[1] - by_b).abs() < 1e-6, "{a} {b} in {lower}..{upper}: {slopes:?} {by_b}");
                }
            }
        }
    }

    #[test]
    fn pairs_vanish_exactly_where_they_hold() {
        let inf = f64::INFINITY;
        for (lower, upper) in [(0.0, inf), (-inf, 1.0), (0.0, 1.0), (-inf, inf)] {
            for a in [-0.5, 0.0, 0.5, 1.0, 1.5] {
                for b in [-2.0, 0.0, 2.0] {
                    let holds = natural_residual(lower, upper, a, b) == 0.0;
                    assert_eq!(pair(a, b, lower, upper, 0.0).0 == 0.0, holds, "{a} {b} in {lower}..{upper}");
                }
            }
        }
    }
}
