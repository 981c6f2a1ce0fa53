//! Limited-memory second derivatives: a BFGS matrix of the Lagrangian from the last few steps, in compact form.
//!
//! `B = σI - W N⁻¹ W'` with `W = [σS, Y]` and `N = [σS'S, L; L', -D]`, where `L` is the part of `S'Y` below its diagonal
//! and `D` the diagonal (Byrd, Nocedal and Schnabel 1994; Nocedal and Wright, section 7.2). Columns of `S` are steps,
//! those of `Y` changes of the gradient of the Lagrangian, damped so that `s'y >= 0.2 s'Bs` when a pair is taken
//! (Nocedal and Wright, section 18.3): `B` is positive definite.
//!
//! Only variables with second derivatives take part: in all others the Lagrangian is linear, and `B` is 0 there.

use super::problem::Scaled;
use crate::linalg::bunch_kaufman::BunchKaufman;
use crate::linalg::kkt::{Inertia, Kkt};
use crate::linalg::sparse::add_transposed_product;
use crate::linalg::vector::{add_multiple, all_finite, dot, two_norm};
use std::collections::VecDeque;

/// Pairs with less curvature than this part of `s'Bs` are damped.
const DAMPING: f64 = 0.2;
/// `σ` stays between these.
const LEAST_SCALE: f64 = 1e-8;
const MOST_SCALE: f64 = 1e8;
/// Steps shorter than this, relative to the point, are all rounding.
const LEAST_STEP: f64 = 1e-14;

/// A step of unit length over the curved variables, and the change of the gradient along it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
}

/// Where the Lagrangian was looked at last.
struct Seen {
    x: Vec<f64>,
    gradient: Vec<f64>,
    jacobian: Vec<f64>,
}

/// The matrix, and what solves need of it.
pub struct LimitedMemory {
    history: usize,
    /// The variables with second derivatives.
    curved: Vec<usize>,
    scale: f64,
    pairs: VecDeque<Pair>,
    seen: Option<Seen>,
    /// The variables that are held fixed: rows and columns of `B` that count as 0.
    held: Vec<bool>,
    /// The columns of `W` over all variables, then their solutions with the rest of the system.
    columns: Vec<Vec<f64>>,
    solutions: Vec<Vec<f64>>,
    /// `N - W' K₀⁻¹ W`, factored.
    small: Option<BunchKaufman>,
}

impl LimitedMemory {
    pub fn new(problem: &Scaled, history: usize) -> LimitedMemory {
        let n = problem.variables();
        let curved: Vec<usize> = (0..n).filter(|i| problem.shape.curved[*i]).collect();
        LimitedMemory {
            history: history.min(curved.len()),
            curved,
            scale: 1.0,
            pairs: VecDeque::new(),
            seen: None,
            held: vec![false; n],
            columns: Vec::new(),
            solutions: Vec::new(),
            small: None,
        }
    }

    /// Forgets all: what comes is another problem, or the same in another scaling.
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.seen = None;
        self.scale = 1.0;
    }

    /// Learns from the step that led to `x`: the change of `∇f + J'lambda` for the multipliers that hold now.
    pub fn see(&mut self, problem: &Scaled, x: &[f64], lambda: &[f64], gradient: &[f64], jacobian: &[f64]) {
        let now = Seen { x: x.to_vec(), gradient: gradient.to_vec(), jacobian: jacobian.to_vec() };
        let Some(before) = self.seen.replace(now) else {
            return;
        };
        let differences = |new: &[f64], old: &[f64]| new.iter().zip(old).map(|(a, b)| a - b).collect::<Vec<f64>>();
        let mut change = differences(gradient, &before.gradient);
        let entries = differences(jacobian, &before.jacobian);
        add_transposed_product(&problem.shape.jacobian, &entries, 1.0, lambda, &mut change);
        let step = differences(x, &before.x);
        if two_norm(&step) > LEAST_STEP * two_norm(x).max(1.0) {
            self.learn(&step, &change);
        }
    }

    /// Learns that `change` is the product of the Hessian with `step`.
    pub fn learn(&mut self, step: &[f64], change: &[f64]) {
        let at_curved = |full: &[f64]| self.curved.iter().map(|i| full[*i]).collect::<Vec<f64>>();
        let (step, change) = (at_curved(step), at_curved(change));
        let length = two_norm(&step);
        if length > 0.0 && all_finite(&change) {
            let unit = |v: Vec<f64>| v.into_iter().map(|e| e / length).collect::<Vec<f64>>();
            self.take(unit(step), unit(change));
        }
    }

    /// `σ`.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    fn take(&mut self, step: Vec<f64>, mut change: Vec<f64>) {
        let product = self.product(&step);
        let (curvature, model) = (dot(&step, &change), dot(&step, &product));
        if model.is_nan() || model <= 0.0 {
            // Rounding has eaten the matrix.
            self.pairs.clear();
            return;
        }
        if curvature < DAMPING * model {
            let theta = (1.0 - DAMPING) * model / (model - curvature);
            change.iter_mut().zip(&product).for_each(|(y, b)| *y = theta * *y + (1.0 - theta) * b);
        }
        // Steps have unit length.
        self.scale = dot(&step, &change).clamp(LEAST_SCALE, MOST_SCALE);
        if self.pairs.len() == self.history {
            self.pairs.pop_front();
        }
        self.pairs.push_back(Pair { step, change });
    }

    /// `B v` over the curved variables.
    fn product(&self, v: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = v.iter().map(|e| self.scale * e).collect();
        if self.pairs.is_empty() {
            return out;
        }
        let columns = self.compact_columns();
        let mut middle = self.middle(|_, _| 0.0);
        middle.factor();
        let mut weights: Vec<f64> = columns.iter().map(|w| dot(w, v)).collect();
        middle.solve(&mut weights);
        columns.iter().zip(&weights).for_each(|(w, t)| add_multiple(&mut out, -t, w));
        out
    }

    /// The columns of `W` over the curved variables. Those of `S` are divided by `√σ`, those of `Y` by `√(s'y)`, which
    /// makes the diagonal of `N` 1 and -1.
    fn compact_columns(&self) -> Vec<Vec<f64>> {
        let scaled = |v: &[f64], by: f64| v.iter().map(|e| by * e).collect::<Vec<f64>>();
        let steps = self.pairs.iter().map(|pair| scaled(&pair.step, self.scale.sqrt()));
        let changes = self.pairs.iter().map(|pair| scaled(&pair.change, pair.curvature().sqrt().recip()));
        steps.chain(changes).collect()
    }

    /// `N` for these columns, less `less(i, j)` in each entry of the lower triangle; not factored.
    fn middle(&self, less: impl Fn(usize, usize) -> f64) -> BunchKaufman {
        let k = self.pairs.len();
        let mut out = BunchKaufman::new(2 * k);
        out.clear();
        for (i, one) in self.pairs.iter().enumerate() {
            for (j, other) in self.pairs.iter().enumerate() {
                if j <= i {
                    out.add(i, j, dot(&one.step, &other.step) - less(i, j));
                    out.add(k + i, k + j, if i == j { -1.0 } else { 0.0 } - less(k + i, k + j));
                }
                // Row `k + j` of the changes, column `i` of the steps: `L` has what is below the diagonal.
                let product = if j < i { dot(&one.step, &other.change) } else { 0.0 };
                out.add(k + j, i, product / (self.scale * other.curvature()).sqrt() - less(k + j, i));
            }
        }
        out
    }

    /// Adds `σ` to the diagonal `d` of the system where the matrix is not held at 0.
    pub fn add_diagonal(&self, d: &mut [f64]) {
        for i in self.curved.iter().filter(|i| !self.held[**i]) {
            d[*i] += self.scale;
        }
    }

    /// Rows and columns of these variables count as 0 from here on.
    pub fn hold(&mut self, held: impl Iterator<Item = bool>) {
        self.held.iter_mut().zip(held).for_each(|(slot, held)| *slot = held);
    }

    /// The low-rank part takes no part in solves until the next [`LimitedMemory::prepare`].
    pub fn leave_out(&mut self) {
        self.small = None;
    }

    /// Prepares solves with `K = K₀ - W N⁻¹ W'`, where `kkt` has factors of `K₀`, whose inertia is `inertia`; returns
    /// that of `K`, which follows from those of `N` and of `N - W' K₀⁻¹ W`.
    pub fn prepare(&mut self, kkt: &mut Kkt, size: usize, inertia: Inertia) -> Inertia {
        self.small = None;
        if self.pairs.is_empty() || inertia.zero > 0 {
            return inertia;
        }
        self.columns.clear();
        self.solutions.clear();
        for compact in self.compact_columns() {
            let mut column = vec![0.0; size];
            for (i, entry) in self.curved.iter().zip(compact) {
                column[*i] = if self.held[*i] { 0.0 } else { entry };
            }
            let mut solution = column.clone();
            kkt.solve(&mut solution);
            self.columns.push(column);
            self.solutions.push(solution);
        }
        let mut whole = self.middle(|_, _| 0.0);
        let mut small = self.middle(|i, j| dot(&self.columns[i], &self.solutions[j]));
        let (of_whole, of_small) = (whole.factor(), small.factor());
        if of_small.zero > 0 || of_whole.zero > 0 {
            // Pairs that depend on each other nearly; `σI` is positive definite, too.
            self.pairs.clear();
            return inertia;
        }
        self.small = Some(small);
        Inertia {
            positive: (inertia.positive + of_small.positive).saturating_sub(of_whole.positive),
            negative: (inertia.negative + of_small.negative).saturating_sub(of_whole.negative),
            zero: 0,
        }
    }

    /// Turns the solution `x` of `K₀ x = b` into that of `K x = b`, by Sherman, Morrison and Woodbury.
    pub fn correct(&self, x: &mut [f64]) {
        let Some(small) = &self.small else {
            return;
        };
        let mut weights: Vec<f64> = self.columns.iter().map(|w| dot(w, x)).collect();
        small.solve(&mut weights);
        self.solutions.iter().zip(&weights).for_each(|(z, t)| add_multiple(x, *t, z));
    }
}

impl Pair {
    fn curvature(&self) -> f64 {
        dot(&self.step, &self.change)
    }
}
