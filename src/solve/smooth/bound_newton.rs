//! Trust-region Newton for bounds: `min f(x)  s.t.  lower <= x <= upper`, by products with the Hessian.
//!
//! Each step goes from the Cauchy point (along the projected gradient) on by truncated conjugate gradients among the
//! variables that are not at a bound, with projected searches, as long as that lowers the quadratic model on the face.
//! Source: Lin and Moré, "Newton's method for large bound-constrained optimization problems" (1999).

use crate::answer::{Multipliers, Outcome, Stop};
use crate::linalg::krylov::{End, truncated};
use crate::linalg::vector::{add_multiple, all_finite, dot, max_norm, two_norm};
use crate::solve::method::{Claim, Context, Method, Run, Sees, iteration_limit};
use crate::solve::monitor::Monitor;
use crate::solve::nlp::Nlp;
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::ending::line;
use std::ops::ControlFlow;

/// The row of the method.
pub const METHOD: Method = Method {
    name: "bound_newton",
    doc: "trust-region Newton method for variables with bounds, matrix-free",
    source: "Lin and Moré (1999), SIAM Journal on Optimization 9, 1100-1127",
    chosen: "for many variables with bounds and no rows",
    claim: Claim::Stationary,
    sees: Sees::Plain,
    second_order: |_| false,
    accepts: |features| features.needs_smoothness().and_then(|()| features.needs_no_rows()),
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] = &[
    OptionRow {
        name: "tol",
        doc: "the largest component of the projected gradient at which the method stops",
        default: Default::Number { value: 1e-8, least: 0.0, most: 1.0 },
    },
    iteration_limit(3000),
];

/// Runs the method. Problems with rows are refused by `Stop::Failed`.
pub fn run(context: &mut Context) -> Outcome {
    let settings = Settings {
        tolerance: context.options.number(OPTIONS, "tol"),
        iteration_limit: context.options.number(OPTIONS, "max_iter") as usize,
    };
    let mut x = context.start.clone();
    let mut iterations = 0;
    let stop = if context.nlp.shape().rows() > 0 {
        Stop::Failed("the method knows bounds but no rows".into())
    } else {
        minimise(context.nlp, &mut x, &settings, context.monitor, &mut iterations)
    };
    let mut gradient = vec![0.0; x.len()];
    context.nlp.gradient(&x, &mut gradient);
    let shape = context.nlp.shape();
    let at = |bound: &[f64], sign: f64| {
        let pairs = gradient.iter().zip(x.iter().zip(bound));
        pairs.map(|(g, (x, b))| if x == b && sign * g > 0.0 { *g } else { 0.0 }).collect()
    };
    Outcome {
        multipliers: Some(Multipliers {
            rows: Vec::new(),
            lower: at(&shape.lower, 1.0),
            upper: at(&shape.upper, -1.0),
        }),
        x,
        stop,
        iterations,
        evaluations: context.nlp.evaluations(),
        log: std::mem::take(&mut context.monitor.log),
    }
}

/// What a run goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    pub tolerance: f64,
    /// Of the counter that the caller hands in.
    pub iteration_limit: usize,
}

const ACCEPT: f64 = 1e-4;
const SHRINK: f64 = 0.25;
const GROW: f64 = 0.75;
/// The Cauchy step must give this part of the decrease that the slope promises.
const SUFFICIENT: f64 = 1e-2;
/// Faces are left when the model's projected gradient has fallen to this part of the gradient.
const FACE_TOLERANCE: f64 = 0.1;
const DIVERGED: f64 = 1e15;
const DIVERGED_OBJECTIVE: f64 = -1e20;

/// Moves `x`, which is projected onto the bounds first, to a stationary point of the objective; rows are not looked at.
pub fn minimise(
    nlp: &mut dyn Nlp,
    x: &mut [f64],
    settings: &Settings,
    monitor: &mut Monitor,
    iteration: &mut usize,
) -> Stop {
    let (lower, upper) = (nlp.shape().lower.clone(), nlp.shape().upper.clone());
    let bounds = Bounds { lower, upper };
    let n = x.len();
    bounds.project(x);
    let mut value = nlp.objective(x);
    let mut gradient = vec![0.0; n];
    nlp.gradient(x, &mut gradient);
    if !value.is_finite() || !all_finite(&gradient) {
        let what = nlp.explain_not_finite(x);
        return Stop::NotFinite(what.unwrap_or_else(|| "a value at the start is not finite".into()));
    }
    let mut radius = two_norm(&gradient).clamp(1e-3, 1e3);
    let mut model = Model::new(n);
    let mut trial = vec![0.0; n];
    let (mut step_length, mut products) = (0.0, 0);
    let mut refused = 0;
    loop {
        let slope = bounds.projected_gradient(x, &gradient);
        if slope <= settings.tolerance {
            return Stop::Converged;
        }
        let logged = nlp.logged_objective(x, value);
        if let ControlFlow::Break(stop) = monitor.observe(line(*iteration, logged, slope, step_length, products)) {
            return stop;
        }
        if *iteration >= settings.iteration_limit {
            return Stop::IterationLimit;
        }
        if value < DIVERGED_OBJECTIVE || (max_norm(x) > DIVERGED && value < 0.0) {
            let size = max_norm(x).max(f64::MIN_POSITIVE);
            return Stop::Unbounded { ray: Some(x.iter().map(|x| x / size).collect()) };
        }
        *iteration += 1;
        products = model.minimise(nlp, &bounds, x, &gradient, radius);
        for i in 0..n {
            trial[i] = x[i] + model.step[i];
        }
        bounds.project(&mut trial);
        let next = nlp.objective(&trial);
        let predicted = -model.value(&gradient);
        // Differences below rounding are judged as if the model were right.
        let noise = 10.0 * f64::EPSILON * value.abs().max(1.0);
        let ratio = if next.is_finite() { (value - next + noise) / (predicted + noise) } else { -1.0 };
        let length = two_norm(&model.step);
        step_length = length;
        if ratio < SHRINK {
            radius = 0.25 * length.min(radius);
        } else if ratio > GROW && length > 0.8 * radius {
            radius = (2.0 * radius).min(1e20);
        }
        if ratio > ACCEPT {
            std::mem::swap(&mut gradient, &mut model.spare);
            nlp.gradient(&trial, &mut gradient);
            if all_finite(&gradient) {
                x.copy_from_slice(&trial);
                value = next;
                refused = 0;
                continue;
            }
            std::mem::swap(&mut gradient, &mut model.spare);
            radius = 0.25 * length.min(radius);
        }
        refused += 1;
        if refused > 60 || radius <= 1e-16 * max_norm(x).max(1.0) || length == 0.0 {
            return Stop::NoProgress("no step lowers the objective".into());
        }
    }
}

struct Bounds {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Bounds {
    /// Puts `x` inside, and onto bounds that it misses by rounding.
    fn project(&self, x: &mut [f64]) {
        for (x, (l, u)) in x.iter_mut().zip(self.lower.iter().zip(&self.upper)) {
            let rounding = 4.0 * f64::EPSILON * x.abs().max(1.0);
            if *x <= *l + rounding {
                *x = *l;
            } else if *x >= *u - rounding {
                *x = *u;
            }
        }
    }

    /// `|P(x - g) - x|` in the maximum norm.
    fn projected_gradient(&self, x: &[f64], g: &[f64]) -> f64 {
        (0..x.len())
            .fold(0.0, |most: f64, i| most.max(((x[i] - g[i]).max(self.lower[i]).min(self.upper[i]) - x[i]).abs()))
    }

    /// Writes `P(x + t d) - x`.
    fn projected_step(&self, x: &[f64], t: f64, d: &[f64], out: &mut [f64]) {
        for i in 0..x.len() {
            out[i] = (x[i] + t * d[i]).max(self.lower[i]).min(self.upper[i]) - x[i];
        }
    }
}

/// The quadratic model `g's + s'Hs/2` around a point, and the step that lowers it.
struct Model {
    step: Vec<f64>,
    product: Vec<f64>,
    trial: Vec<f64>,
    trial_product: Vec<f64>,
    direction: Vec<f64>,
    masked: Vec<f64>,
    point: Vec<f64>,
    spare: Vec<f64>,
}

impl Model {
    fn new(n: usize) -> Model {
        let zeros = || vec![0.0; n];
        Model {
            step: zeros(),
            product: zeros(),
            trial: zeros(),
            trial_product: zeros(),
            direction: zeros(),
            masked: zeros(),
            point: zeros(),
            spare: zeros(),
        }
    }

    /// The model at `step`, whose product with the Hessian is known.
    fn value(&self, gradient: &[f64]) -> f64 {
        dot(gradient, &self.step) + 0.5 * dot(&self.step, &self.product)
    }

    /// Sets `step` to an approximate minimiser inside the bounds and (within a small factor) the radius; returns the
    /// number of products that were made.
    fn minimise(&mut self, nlp: &mut dyn Nlp, bounds: &Bounds, x: &[f64], gradient: &[f64], radius: f64) -> usize {
        let n = x.len();
        let mut products = self.cauchy(nlp, bounds, x, gradient, radius);
        let wanted = FACE_TOLERANCE * bounds.projected_gradient(x, gradient).min(0.1);
        for _ in 0..=n.min(50) {
            let left = radius - two_norm(&self.step);
            if left <= 1e-3 * radius {
                break;
            }
            self.point.copy_from_slice(x);
            add_multiple(&mut self.point, 1.0, &self.step);
            let free: Vec<bool> =
                (0..n).map(|i| self.point[i] > bounds.lower[i] && self.point[i] < bounds.upper[i]).collect();
            let slope: Vec<f64> = (0..n).map(|i| if free[i] { gradient[i] + self.product[i] } else { 0.0 }).collect();
            if max_norm(&slope) <= wanted * 0.1 {
                break;
            }
            let mut count = 0;
            let masked = &mut self.masked;
            let mut apply = |v: &[f64], out: &mut [f64]| {
                masked.copy_from_slice(v);
                masked.iter_mut().zip(&free).filter(|(_, free)| !**free).for_each(|(m, _)| *m = 0.0);
                nlp.hessian_product(x, 1.0, &[], masked, out);
                out.iter_mut().zip(&free).filter(|(_, free)| !**free).for_each(|(o, _)| *o = 0.0);
                count += 1;
            };
            let end = truncated(&mut apply, &slope, left, 0.01, 2 * n + 20, &mut self.direction);
            products += count;
            if !self.search(nlp, bounds, x, gradient, &slope, &mut products) {
                break;
            }
            match end {
                End::Edge | End::NegativeCurvature | End::NotFinite => break,
                End::Converged | End::Limit => {}
            }
        }
        products
    }

    /// The Cauchy step: along the projected gradient, shortened or lengthened until the decrease is sufficient.
    fn cauchy(&mut self, nlp: &mut dyn Nlp, bounds: &Bounds, x: &[f64], gradient: &[f64], radius: f64) -> usize {
        let down: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut t = (radius / two_norm(gradient)).min(1.0);
        let mut best: Option<f64> = None;
        let mut growing = None;
        let mut products = 0;
        while products < 40 {
            bounds.projected_step(x, t, &down, &mut self.trial);
            nlp.hessian_product(x, 1.0, &[], &self.trial, &mut self.trial_product);
            products += 1;
            let slope = dot(gradient, &self.trial);
            let value = slope + 0.5 * dot(&self.trial, &self.trial_product);
            let fits = value <= SUFFICIENT * slope && two_norm(&self.trial) <= radius && value.is_finite();
            if fits {
                let same = best.is_some() && self.trial == self.step;
                self.step.copy_from_slice(&self.trial);
                self.product.copy_from_slice(&self.trial_product);
                best = Some(t);
                if growing == Some(false) || same {
                    return products;
                }
                growing = Some(true);
                t *= 4.0;
            } else {
                if growing == Some(true) {
                    return products;
                }
                growing = Some(false);
                t *= 0.25;
            }
        }
        if best.is_none() {
            self.step.fill(0.0);
            self.product.fill(0.0);
        }
        products
    }

    /// Adds the projection of `direction` to the step, shortened until the model falls; false if it does not.
    fn search(
        &mut self,
        nlp: &mut dyn Nlp,
        bounds: &Bounds,
        x: &[f64],
        gradient: &[f64],
        slope: &[f64],
        products: &mut usize,
    ) -> bool {
        let before = self.value(gradient);
        let mut t = 1.0;
        for _ in 0..20 {
            bounds.projected_step(&self.point, t, &self.direction, &mut self.trial);
            let promised = dot(slope, &self.trial);
            add_multiple(&mut self.trial, 1.0, &self.step);
            nlp.hessian_product(x, 1.0, &[], &self.trial, &mut self.trial_product);
            *products += 1;
            let value = dot(gradient, &self.trial) + 0.5 * dot(&self.trial, &self.trial_product);
            if value <= before + SUFFICIENT * promised.min(0.0) && value < before {
                self.step.copy_from_slice(&self.trial);
                self.product.copy_from_slice(&self.trial_product);
                return true;
            }
            t *= 0.5;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solve::testing::{FREE, Formulas, residuals, run};

    #[test]
    fn bounded_problems_reach_their_solutions() {
        let rosenbrock = "100*(x2-x1^2)^2+(1-x1)^2";
        #[allow(clippy::type_complexity)] // A table: objective, bounds, start, best value.
        let cases: Vec<(&str, Vec<(f64, f64)>, Vec<f64>, f64)> = vec![
            (rosenbrock, vec![FREE; 2], vec![-1.2, 1.0], 0.0),
            (rosenbrock, vec![(-10.0, 0.5), (-10.0, 10.0)], vec![-2.0, 1.0], 0.25),
            ("(x1-3)^2+x1*x2+x2^2", vec![(0.0, 1.0), (0.0, 9.0)], vec![0.5, 4.0], 4.0),
            ("0-x1^2-x2", vec![(-1.0, 2.0), (0.0, 1.0)], vec![0.5, 0.5], -5.0),
            ("(x1-1)^4+(x2-x1)^2+exp(x3)-x3", vec![FREE; 3], vec![3.0, -2.0, 2.0], 1.0),
        ];
        for (objective, bounds, start, best) in cases {
            let mut nlp = Formulas::new(objective, &bounds, &[]);
            let outcome = run(&METHOD, &mut nlp, &start, None, &[]);
            assert_eq!(outcome.stop, Stop::Converged, "{objective}");
            let most = residuals(&mut nlp, &outcome.x, outcome.multipliers.as_ref().unwrap());
            assert!(most.most() <= 1e-7, "{objective} {most:?}");
            assert!((nlp.objective(&outcome.x) - best).abs() <= 1e-9, "{objective} {:?}", outcome.x);
            assert!(outcome.iterations <= 60, "{objective} {}", outcome.iterations);
        }
    }

    #[test]
    fn rows_are_refused_and_falling_objectives_found() {
        let outcome = run(&METHOD, &mut Formulas::new("x1", &[FREE], &[("x1", FREE)]), &[0.0], None, &[]);
        assert!(matches!(outcome.stop, Stop::Failed(_)));
        let outcome = run(&METHOD, &mut Formulas::new("x1-x2", &[(0.0, 1.0), FREE], &[]), &[0.5, 0.0], None, &[]);
        assert!(matches!(outcome.stop, Stop::Unbounded { .. }), "{:?}", outcome.stop);
    }
}
