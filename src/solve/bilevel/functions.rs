//! Functions of one follower at points of all variables: first derivatives only.
//!
//! The objective is turned so that it is minimised. Multipliers are those of that minimisation, with the Lagrangian
//! `g - y'c`.

use super::follower::Follower;
use crate::ad::Evaluator;
use crate::answer::Evaluations;
use crate::linalg::pattern::Pattern;
use crate::linalg::vector::two_norm;
use crate::problem::Problem;
use crate::problem::conditions::block_sign;
use crate::problem::values::{Bounds, Numbers};
use std::sync::Arc;

pub struct Functions {
    evaluator: Evaluator,
    /// Positions in the whole vector of what the follower decides, then of what it reads.
    pub positions: Vec<u32>,
    /// How many of them it decides.
    pub own: usize,
    /// 1, or -1 where the follower maximises.
    pub sign: f64,
    /// Rows that constrain, and their sides.
    pub rows: Vec<u32>,
    pub row_lower: Vec<f64>,
    pub row_upper: Vec<f64>,
    point: Vec<f64>,
    slopes: Vec<f64>,
    values: Vec<f64>,
    pub counts: Evaluations,
}

impl Functions {
    pub fn of(problem: &Problem, follower: &Follower) -> Functions {
        let level = &follower.level;
        let mut evaluator = Evaluator::new(&level.with_outside_as_variables());
        let bounds = Bounds::of(&level.problem, &Numbers::of(&level.problem));
        let rows = super::outer::constraining(&level.problem, &bounds);
        let positions: Vec<u32> = level.own.iter().chain(&level.reads).copied().collect();
        // The pattern is found now: afterwards only values are asked for.
        evaluator.jacobian_pattern();
        Functions {
            own: level.own.len(),
            sign: block_sign(&problem.blocks[follower.block as usize]),
            row_lower: rows.iter().map(|r| bounds.row_lower[*r as usize]).collect(),
            row_upper: rows.iter().map(|r| bounds.row_upper[*r as usize]).collect(),
            rows,
            point: vec![0.0; positions.len()],
            slopes: vec![0.0; positions.len()],
            values: vec![0.0; evaluator.rows()],
            positions,
            evaluator,
            counts: Evaluations::default(),
        }
    }

    fn at(&mut self, whole: &[f64]) {
        self.point.iter_mut().zip(&self.positions).for_each(|(to, k)| *to = whole[*k as usize]);
    }

    /// `g`
    pub fn objective(&mut self, whole: &[f64]) -> f64 {
        self.at(whole);
        self.counts.objective += 1;
        self.sign * self.evaluator.objective(&self.point)
    }

    /// Adds `weight ∇g`, in all variables.
    pub fn add_gradient(&mut self, whole: &[f64], weight: f64, out: &mut [f64]) {
        self.at(whole);
        self.counts.gradient += 1;
        self.evaluator.gradient(&self.point, &mut self.slopes);
        let weight = weight * self.sign;
        self.positions.iter().zip(&self.slopes).for_each(|(k, v)| out[*k as usize] += weight * v);
    }

    /// Writes `c`, the rows that constrain.
    pub fn constraints(&mut self, whole: &[f64], out: &mut [f64]) {
        self.at(whole);
        self.counts.constraints += 1;
        self.evaluator.constraints(&self.point, &mut self.values);
        out.iter_mut().zip(&self.rows).for_each(|(to, r)| *to = self.values[*r as usize]);
    }

    /// Whether all rows hold, nearly.
    pub fn keeps_rows(&mut self, whole: &[f64]) -> bool {
        let mut values = vec![0.0; self.rows.len()];
        self.constraints(whole, &mut values);
        let sides = self.row_lower.iter().zip(&self.row_upper);
        values
            .iter()
            .zip(sides)
            .all(|(v, (l, u))| *v >= l - 1e-7 * l.abs().max(1.0) && *v <= u + 1e-7 * u.abs().max(1.0))
    }

    /// Of all rows, columns by [`Functions::positions`].
    pub fn pattern(&mut self) -> Arc<Pattern> {
        self.evaluator.jacobian_pattern().clone()
    }

    /// Writes the entries of [`Functions::pattern`].
    pub fn jacobian(&mut self, whole: &[f64], out: &mut [f64]) {
        self.at(whole);
        self.counts.jacobian += 1;
        self.evaluator.jacobian(&self.point, out);
    }

    /// Gradients of the rows that constrain, in some variables.
    fn gradients(&mut self, whole: &[f64], columns: &[u32]) -> Vec<Vec<(usize, f64)>> {
        let pattern = self.pattern();
        let mut entries = vec![0.0; pattern.entries()];
        self.jacobian(whole, &mut entries);
        let column = |e: usize| columns.binary_search(&self.positions[pattern.columns[e] as usize]).ok();
        let row = |r: &u32| pattern.row(*r as usize).filter_map(|e| column(e).map(|k| (k, entries[e]))).collect();
        self.rows.iter().map(row).collect()
    }

    /// Lengths of these gradients.
    pub fn row_lengths(&mut self, whole: &[f64], columns: &[u32]) -> Vec<f64> {
        let length = |row: Vec<(usize, f64)>| row.iter().map(|(_, a)| a * a).sum::<f64>().sqrt();
        self.gradients(whole, columns).into_iter().map(length).collect()
    }

    /// The norm of these gradients together, each times its weight: of rows of length 1 that read the same variables up to
    /// the root of their number.
    pub fn norm_of_rows(&mut self, whole: &[f64], columns: &[u32], weights: &[f64]) -> f64 {
        let mut rows = self.gradients(whole, columns);
        for (row, weight) in rows.iter_mut().zip(weights) {
            row.iter_mut().for_each(|(_, a)| *a *= weight);
        }
        norm(&rows, columns.len())
    }

    /// Adds `weight J'y`, in all variables, for weights `y` of the rows that constrain. A first derivative of `y'c`.
    pub fn add_transposed(&mut self, whole: &[f64], y: &[f64], weight: f64, out: &mut [f64]) {
        if self.rows.is_empty() {
            return;
        }
        self.at(whole);
        self.counts.jacobian += 1;
        self.values.fill(0.0);
        self.rows.iter().zip(y).for_each(|(r, y)| self.values[*r as usize] = weight * y);
        self.evaluator.jacobian_transposed_product(&self.point, &self.values, &mut self.slopes);
        self.positions.iter().zip(&self.slopes).for_each(|(k, v)| out[*k as usize] += v);
    }

    /// Multipliers of all rows in the convention of answers, of those that constrain and of this minimisation.
    pub fn stated(&self, y: &[f64]) -> Vec<f64> {
        let mut all = vec![0.0; self.values.len()];
        self.rows.iter().zip(y).for_each(|(r, y)| all[*r as usize] = self.sign * y);
        all
    }
}

/// The largest singular value, by the power method: a little less than that.
fn norm(rows: &[Vec<(usize, f64)>], columns: usize) -> f64 {
    let mut v: Vec<f64> = (0..columns).map(|k| 1.0 + 0.3 * ((k * 7 % 11) as f64)).collect();
    let mut found: f64 = 0.0;
    for _ in 0..30 {
        let length = two_norm(&v);
        if length == 0.0 || !length.is_finite() {
            break;
        }
        v.iter_mut().for_each(|v| *v /= length);
        let along: Vec<f64> = rows.iter().map(|row| row.iter().map(|(k, a)| a * v[*k]).sum()).collect();
        found = two_norm(&along);
        v.fill(0.0);
        for (row, along) in rows.iter().zip(&along) {
            row.iter().for_each(|(k, a)| v[*k] += a * along);
        }
    }
    if found.is_finite() { found } else { 0.0 }
}
