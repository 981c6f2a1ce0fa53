//! Fixed points `z = T(z)` by iteration, accelerated after Anderson.
//!
//! With `f = T(z) - z`, and `ΔF`, `ΔG` the last changes of `f` and of `T(z)`, the next point is `T(z) - ΔG γ`, where `γ`
//! makes `‖f - ΔF γ‖` smallest. No derivative is asked for, so kinks are welcome; that `T` is a contraction is not
//! required, but without it nothing promises an end. The least squares are solved by normal equations of `ΔF` with its
//! columns brought to length 1 and a ridge of 1e-14, which drops what is nearly dependent.
//!
//! Where a step let `‖f‖` grow beyond [`GROWTH`] times the least so far, the method goes back to the best point and takes
//! a plain step, shortened by half each time that happens again. Variables are kept to their bounds.
//! Sources: Anderson (1965), Journal of the ACM 12, 547-560; Walker and Ni (2011), SIAM Journal on Numerical Analysis
//! 49, 1715-1735.

use crate::answer::{LogLine, Outcome, Stop};
use crate::linalg::dense::Cholesky;
use crate::linalg::vector::{all_finite, dot, max_norm, two_norm};
use crate::problem::features::Features;
use crate::solve::method::{Claim, Context, Method, Objection, Run, Sees, iteration_limit, tolerance};
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::ending::{line, not_finite, outcome, project};
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// The row of the method.
pub const METHOD: Method = Method {
    name: "anderson",
    doc: "fixed points `z == T(z)` from values of `T` alone, each step the best mixture of the last ones",
    source: "Walker and Ni (2011), SIAM Journal on Numerical Analysis 49, 1715-1735",
    chosen: "for fixed points with kinks or jumps that cannot be written as rows",
    claim: Claim::Stationary,
    sees: Sees::Plain,
    second_order: |_| false,
    accepts,
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] = &[
    tolerance("the largest change `|T(z) - z|` at which the method stops, relative to max(1, |z|)", 1e-11),
    iteration_limit(10_000),
    OptionRow {
        name: "memory",
        doc: "how many changes are mixed",
        default: Default::Number { value: 8.0, least: 0.0, most: 100.0 },
    },
];

/// What `‖f‖` may be, in units of the least so far.
const GROWTH: f64 = 100.0;
/// Steps shorter than this part of the plain one lead nowhere.
const LEAST_STEP: f64 = 1e-4;
/// Iterations without a lower `‖f‖`.
const PATIENCE: usize = 500;
const RIDGE: f64 = 1e-14;

fn accepts(features: &Features) -> Result<(), Objection> {
    features.needs_no_objective()?;
    features.needs_a_square_system()?;
    features.fixed_point.clone()
}

/// Changes of `f` and `T(z)` between iterates, the latest last.
struct Memory {
    most: usize,
    changes: VecDeque<(Vec<f64>, Vec<f64>)>,
}

impl Memory {
    fn remember(&mut self, f: Vec<f64>, g: Vec<f64>) {
        if self.most == 0 || two_norm(&f) == 0.0 {
            return;
        }
        if self.changes.len() == self.most {
            self.changes.pop_front();
        }
        self.changes.push_back((f, g));
    }

    /// `T(z) - ΔG γ`
    fn mixed(&self, f: &[f64], g: &[f64]) -> Vec<f64> {
        let m = self.changes.len();
        let lengths: Vec<f64> = self.changes.iter().map(|(df, _)| two_norm(df)).collect();
        let entry = |i: usize, j: usize| dot(&self.changes[i].0, &self.changes[j].0) / (lengths[i] * lengths[j]);
        let normal: Vec<f64> =
            (0..m * m).map(|k| entry(k / m, k % m) + if k / m == k % m { RIDGE } else { 0.0 }).collect();
        let right: Vec<f64> = (0..m).map(|i| dot(&self.changes[i].0, f) / lengths[i]).collect();
        let mut next = g.to_vec();
        let Ok(factors) = Cholesky::new(m, &normal) else { return next };
        let gamma = factors.solve(&right);
        for (k, (_, dg)) in self.changes.iter().enumerate() {
            let by = gamma[k] / lengths[k];
            next.iter_mut().zip(dg).for_each(|(to, d)| *to -= by * d);
        }
        if all_finite(&next) { next } else { g.to_vec() }
    }
}

/// `T(z) - z`, by variables.
fn residual(context: &mut Context, z: &[f64], rows: &mut [f64]) -> Vec<f64> {
    context.nlp.constraints(z, rows);
    let shape = context.nlp.shape();
    let mut f = vec![0.0; z.len()];
    for (r, definition) in shape.definitions.iter().enumerate() {
        f[definition.variable as usize] = definition.sign * (shape.row_lower[r] - rows[r]);
    }
    f
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// Runs the method. See the header.
pub fn run(context: &mut Context) -> Outcome {
    let tolerance = context.options.number(OPTIONS, "tol");
    let mut memory = Memory { most: context.options.number(OPTIONS, "memory") as usize, changes: VecDeque::new() };
    let mut rows = vec![0.0; context.nlp.shape().rows()];
    let mut z = context.start.clone();
    let mut f = residual(context, &z, &mut rows);
    if !all_finite(&f) {
        let stop = not_finite(context.nlp, &z);
        return outcome(context, z, None, stop, 0);
    }
    let (mut best, mut least) = ((z.clone(), f.clone()), two_norm(&f));
    let (mut length, mut since, mut iterations) = (1.0, 0, 0);
    let mut step = f64::NAN;
    let stop = loop {
        let size = max_norm(&f);
        if size <= tolerance * max_norm(&z).max(1.0) {
            break Stop::Converged;
        }
        let seen = LogLine { primal: size, ..line(iterations, 0.0, f64::NAN, step, 0) };
        if let ControlFlow::Break(stop) = context.monitor.observe(seen) {
            break stop;
        }
        if length < LEAST_STEP || since > PATIENCE {
            break Stop::NoProgress(format!("the largest change of a fixed-point step stays at {size:.3e}"));
        }
        let image: Vec<f64> = z.iter().zip(&f).map(|(z, f)| z + length * f).collect();
        let next = project(context.nlp.shape(), &memory.mixed(&f, &image));
        step = max_norm(&difference(&next, &z));
        let there = residual(context, &next, &mut rows);
        iterations += 1;
        let norm = two_norm(&there);
        if norm.is_nan() || norm > GROWTH * least {
            // Back to the best point, without memory.
            (z, f) = best.clone();
            if memory.changes.is_empty() {
                length *= 0.5;
            }
            memory.changes.clear();
            continue;
        }
        let moved: Vec<f64> = next.iter().zip(&there).map(|(z, f)| z + length * f).collect();
        memory.remember(difference(&there, &f), difference(&moved, &image));
        (z, f) = (next, there);
        since += 1;
        if norm < least {
            (least, since) = (norm, 0);
            best = (z.clone(), f.clone());
        }
    };
    let x = if stop == Stop::Converged { z } else { best.0 };
    outcome(context, x, None, stop, iterations)
}
