//! Levenberg-Marquardt for sums of squares `f(x) = ‖r(x)‖² + constant`: steps of `(J'J + λ D) p = -J'r`.
//!
//! The rows of the problem are the residuals. `D` holds the largest diagonal of `J'J` seen (Moré's scaling), and `λ`
//! follows the ratio of the fall of the objective and what the model promised (Nielsen's rule). The normal equations are
//! sparse where `J'J` is.

use crate::answer::{Outcome, Stop};
use crate::linalg::normal::Normal;
use crate::linalg::sparse::{add_product, add_transposed_product};
use crate::linalg::vector::{all_finite, dot, max_norm, two_norm};
use crate::problem::features::Features;
use crate::solve::method::{Claim, Context, Method, Objection, Run, Sees, iteration_limit, tolerance};
use crate::solve::nlp::{Nlp, Pattern};
use crate::solve::options::OptionRow;
use crate::solve::parts::ending::{bound_multipliers, line, not_finite, outcome, slope_scale};
use std::ops::ControlFlow;
use std::sync::Arc;

pub const METHOD: Method = Method {
    name: "levenberg_marquardt",
    doc: "damped Gauss-Newton steps for sums of squares without bounds and rows",
    chosen: "for unconstrained least squares",
    source: "Moré, Lecture Notes in Mathematics 630 (1978); Nielsen, IMM-REP-1999-05",
    claim: Claim::Stationary,
    sees: Sees::Residuals,
    second_order: |_| false,
    accepts,
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] = &[
    tolerance(
        "stop when no entry of the gradient exceeds this times max(1, s / max(1, |x|)), s the sum of squares",
        1e-10,
    ),
    iteration_limit(1_000),
];

/// Normal equations may turn out dense.
const MOST_VARIABLES: usize = 3_000;
/// Above this no damping helps.
const LARGEST_DAMPING: f64 = 1e20;

fn accepts(features: &Features) -> Result<(), Objection> {
    features.needs_no_rows()?;
    features.needs_no_bounds()?;
    features.needs_smoothness()?;
    features.needs_squares()?;
    features.needs_at_most(MOST_VARIABLES)
}

/// Residuals and what follows from them at a point.
struct Here {
    x: Vec<f64>,
    objective: f64,
    residuals: Vec<f64>,
    /// `‖r‖²`: what falls is measured by it, since a large constant would drown it in the objective.
    squares: f64,
    jacobian: Vec<f64>,
    /// `2 J'r`
    gradient: Vec<f64>,
}

impl Here {
    fn at(nlp: &mut dyn Nlp, pattern: &Pattern, x: Vec<f64>) -> Here {
        let mut residuals = vec![0.0; pattern.rows];
        let mut jacobian = vec![0.0; pattern.entries()];
        let mut gradient = vec![0.0; x.len()];
        nlp.constraints(&x, &mut residuals);
        nlp.jacobian(&x, &mut jacobian);
        add_transposed_product(pattern, &jacobian, 2.0, &residuals, &mut gradient);
        let squares = dot(&residuals, &residuals);
        Here { objective: nlp.objective(&x), x, squares, residuals, jacobian, gradient }
    }

    fn is_finite(&self) -> bool {
        self.objective.is_finite() && all_finite(&self.residuals) && all_finite(&self.gradient)
    }
}

/// From here on steps are bent along the valley: what converges sooner does without the extra work.
const ACCELERATED_AFTER: usize = 15;

fn run(context: &mut Context) -> Outcome {
    let tol = context.options.number(OPTIONS, "tol");
    let pattern: Arc<Pattern> = context.nlp.shape().jacobian.clone();
    let mut here = Here::at(context.nlp, &pattern, context.start.clone());
    let n = here.x.len();
    let mut scaling = vec![0.0; n];
    let (mut normal, mut trial) = (Normal::new(&pattern), vec![0.0; pattern.rows]);
    let (mut damping, mut growth) = (1e-3, 2.0);
    let (mut iteration, mut step, mut trials) = (0, 0.0, 0);
    let stop = 'run: loop {
        if !here.is_finite() {
            break not_finite(context.nlp, &here.x);
        }
        let (slope, scale) = (max_norm(&here.gradient), slope_scale(here.squares, &here.x));
        if slope <= tol * scale {
            break Stop::Converged;
        }
        let shown =
            crate::answer::LogLine { regularisation: damping, ..line(iteration, here.objective, slope, step, trials) };
        if let ControlFlow::Break(stop) = context.monitor.observe(shown) {
            break stop;
        }
        normal.update(&here.jacobian);
        for (largest, now) in scaling.iter_mut().zip(normal.diagonal()) {
            *largest = f64::max(*largest, now);
        }
        trials = 0;
        here = loop {
            trials += 1;
            let extra = damping_terms(&scaling, damping);
            let right: Vec<f64> = here.gradient.iter().map(|g| -0.5 * g).collect();
            let p = normal.solve(&extra, &right);
            if let Some(p) = p.filter(|p| all_finite(p)) {
                let mut x: Vec<f64> = here.x.iter().zip(&p).map(|(x, p)| x + p).collect();
                if iteration >= ACCELERATED_AFTER
                    && let Some(bend) = bend(context.nlp, &pattern, &mut normal, &extra, &here, &p)
                {
                    x.iter_mut().zip(&bend).for_each(|(x, b)| *x += b);
                }
                let promise = promise(&pattern, &here, &p);
                if x == here.x || promise <= f64::EPSILON * here.squares.max(1.0) {
                    // Rounding hides any further fall; a last full step may still lower the gradient.
                    let next = Here::at(context.nlp, &pattern, x);
                    if next.is_finite() && max_norm(&next.gradient) < 0.5 * slope {
                        break next;
                    }
                    break 'run exhausted(slope, scale);
                }
                context.nlp.constraints(&x, &mut trial);
                let ratio = (here.squares - dot(&trial, &trial)) / promise;
                if ratio > 1e-4 {
                    step = two_norm(&p);
                    damping *= (1.0 - (2.0 * ratio - 1.0).powi(3)).max(1.0 / 3.0);
                    growth = 2.0;
                    break Here::at(context.nlp, &pattern, x);
                }
            }
            damping *= growth;
            growth *= 2.0;
            if damping > LARGEST_DAMPING {
                break 'run exhausted(slope, scale);
            }
        };
        iteration += 1;
    };
    // The rows are residuals, not constraints: they carry nothing.
    let multipliers = bound_multipliers(context.nlp.shape(), &here.x, &vec![0.0; n]);
    outcome(context, here.x, Some(multipliers), stop, iteration)
}

/// As for `argmin_adapter::descend`: converged where the gradient is small.
fn exhausted(slope: f64, scale: f64) -> Stop {
    match slope <= 1e-6 * scale {
        true => Stop::Converged,
        false => Stop::NoProgress("no damping gives a step that lowers the sum of squares".to_string()),
    }
}

/// The diagonal `λ D` that is added to `J'J`.
fn damping_terms(scaling: &[f64], damping: f64) -> Vec<f64> {
    // A variable that no residual has felt yet still needs a pivot.
    scaling.iter().map(|&s| damping * if s > 0.0 { s } else { 1.0 }).collect()
}

/// Half the acceleration of the path whose velocity is `p`: `(J'J + λ D) a = -J'r''(p, p)`, the second derivative of the
/// residuals along `p` by a difference. Steps then follow curved valleys. `None` where it is not small beside `p`.
/// Source: Transtrum and Sethna, "Improvements to the Levenberg-Marquardt algorithm" (2012).
fn bend(
    nlp: &mut dyn Nlp,
    pattern: &Pattern,
    normal: &mut Normal,
    extra: &[f64],
    here: &Here,
    p: &[f64],
) -> Option<Vec<f64>> {
    const PART: f64 = 0.1;
    const LARGEST: f64 = 0.75;
    let ahead: Vec<f64> = here.x.iter().zip(p).map(|(x, p)| x + PART * p).collect();
    let mut curvature = vec![0.0; pattern.rows];
    nlp.constraints(&ahead, &mut curvature);
    let mut slope = vec![0.0; pattern.rows];
    add_product(pattern, &here.jacobian, 1.0, p, &mut slope);
    for (k, c) in curvature.iter_mut().enumerate() {
        *c = 2.0 / PART * ((*c - here.residuals[k]) / PART - slope[k]);
    }
    let mut right = vec![0.0; p.len()];
    add_transposed_product(pattern, &here.jacobian, -1.0, &curvature, &mut right);
    let a = normal.solve(extra, &right).filter(|a| all_finite(a))?;
    (2.0 * two_norm(&a) <= LARGEST * two_norm(p)).then(|| a.iter().map(|a| 0.5 * a).collect())
}

/// By how much `‖r + J p‖²` lies below `‖r‖²`.
fn promise(pattern: &Pattern, here: &Here, p: &[f64]) -> f64 {
    let mut jp = vec![0.0; pattern.rows];
    add_product(pattern, &here.jacobian, 1.0, p, &mut jp);
    -(2.0 * dot(&here.residuals, &jp) + dot(&jp, &jp))
}
