//! Starts at which a matrix has a logarithm of its determinant, or an inverse: its diagonal is made to outweigh what is
//! beside it, so that a square matrix of variables begins as the identity.

use super::{Reason, strictly_inside, variables_of};
use crate::expr::eval::{self, Inputs};
use crate::expr::family::{MatrixStage, Source};
use crate::problem::Problem;
use crate::problem::squares::span;
use crate::problem::values::Bounds;
use std::collections::{BTreeMap, HashMap};

/// More variables than this behind a matrix are not asked one by one.
const MOST: usize = 2_000;

pub(super) struct Around<'a> {
    pub problem: &'a Problem,
    pub bounds: &'a Bounds,
    pub free: &'a [bool],
    pub params: &'a [&'a [f64]],
}

impl Around<'_> {
    /// Moves the free variables behind the diagonal of each matrix at which the function is not defined; `entries` are
    /// those at `x`.
    pub fn repair(
        &self,
        matrix: &MatrixStage,
        entries: &[f64],
        x: &mut [f64],
        reasons: &mut HashMap<usize, Reason>,
    ) -> bool {
        let n = matrix.n as usize;
        let mut changed = false;
        for (p, a) in entries.chunks_exact(n * n).enumerate() {
            let defined = matrix.function.values(a, n).iter().all(|v| v.is_finite());
            if !defined && a.iter().all(|v| v.is_finite()) {
                changed |= self.outweigh(matrix, entries, p, x, reasons);
            }
        }
        changed
    }

    /// For each element of the diagonal a step of Newton's method to 1 more than the largest sum of magnitudes beside
    /// it; a variable behind several takes the mean of its steps.
    fn outweigh(
        &self,
        matrix: &MatrixStage,
        entries: &[f64],
        p: usize,
        x: &mut [f64],
        reasons: &mut HashMap<usize, Reason>,
    ) -> bool {
        let n = matrix.n as usize;
        let first = p * n * n;
        let diagonal = |i: usize| first + i * n + i;
        let beside = |i: usize| (0..n).filter(|j| *j != i).map(|j| entries[first + i * n + j].abs()).sum::<f64>();
        let target = 1.0 + (0..n).map(beside).fold(0.0, f64::max);
        let behind: Vec<Vec<usize>> = (0..n)
            .map(|i| {
                let mut found = variables_of(self.problem, Source::Stage(matrix.of), diagonal(i), 0);
                found.retain(|j| self.free[*j] && self.bounds.lower[*j] < self.bounds.upper[*j]);
                found
            })
            .collect();
        let mut asked: Vec<usize> = behind.iter().flatten().copied().collect();
        asked.sort_unstable();
        asked.dedup();
        if asked.len() > MOST {
            return false;
        }
        let slopes: BTreeMap<usize, Vec<f64>> =
            asked.iter().map(|j| (*j, self.slopes(matrix, entries, *j, x))).collect();
        let mut steps: BTreeMap<usize, (f64, usize)> = BTreeMap::new();
        for (i, behind) in behind.iter().enumerate() {
            let square: f64 = behind.iter().map(|j| slopes[j][diagonal(i)].powi(2)).sum();
            if !(square > 1e-12 && square.is_finite()) {
                continue;
            }
            for j in behind {
                let step = steps.entry(*j).or_default();
                step.0 += slopes[j][diagonal(i)] * (target - entries[diagonal(i)]) / square;
                step.1 += 1;
            }
        }
        let mut changed = false;
        for (j, (sum, count)) in steps {
            let to = strictly_inside(x[j] + sum / count as f64, self.bounds.lower[j], self.bounds.upper[j]);
            if to != x[j] {
                x[j] = to;
                let (function, needs) = (matrix.function.name(), matrix.function.needs());
                reasons.insert(j, Reason { function, needs, span: span(matrix.origin) });
                changed = true;
            }
        }
        changed
    }

    /// How the entries change with a variable.
    fn slopes(&self, matrix: &MatrixStage, entries: &[f64], j: usize, x: &mut [f64]) -> Vec<f64> {
        let needed = eval::needed(&self.problem.stages, &[matrix.of]);
        let (before, step) = (x[j], 1e-6 * x[j].abs().max(1.0));
        x[j] += step;
        let inputs = Inputs { variables: x, params: self.params.to_vec(), after: &[] };
        let mut there = eval::stages(&self.problem.graph, &self.problem.stages, &needed, &inputs);
        x[j] = before;
        let moved = there.swap_remove(matrix.of.0 as usize);
        moved.iter().zip(entries).map(|(up, here)| (up - here) / step).collect()
    }
}
