//! Square systems of complementarity conditions and equations: Newton's method on the equations `Φ(x) = 0` of
//! `conditions`, which are semismooth, with the merit function `½‖Φ‖²`, whose gradient `Φ'Φ` is continuous.
//!
//! An iteration: `Φ' d = -Φ`; where that has no solution, or one that does not lead down, `(Φ'ᵀΦ' + νI) d = -Φ'ᵀΦ`, then
//! `-Φ'ᵀΦ`; the step is halved until the merit function has fallen enough. Where no step is left and `Φ` is not 0 (the
//! merit function has stationary points that solve nothing), the method begins anew with smoothed conditions, whose
//! smoothing goes to 0. Sources: De Luca, Facchinei and Kanzow (1996), Mathematical Programming 75, 407-439; Kanzow and
//! Pieper (1999), SIAM Journal on Optimization 9, 342-373. Steps bend at bounds of variables.
//!
//! Conditions are not scaled: on obstacle problems a scaled second operand, small where the first one is not, made the
//! iterations grow from 21 to 199 at 1000 unknowns.

mod conditions;

use crate::answer::{LogLine, Outcome, Stop};
use crate::linalg::kkt::Kkt;
use crate::linalg::lu::Lu;
use crate::linalg::pattern::Pattern;
use crate::linalg::vector::{all_finite, dot, max_norm, two_norm};
use crate::problem::features::Features;
use crate::solve::method::{Claim, Context, Method, Objection, Run, Sees, iteration_limit, tolerance};
use crate::solve::options::OptionRow;
use crate::solve::parts::ending::{line, not_finite, outcome, project};
use conditions::{Conditions, Values};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The row of the method.
pub const METHOD: Method = Method {
    name: "semismooth_newton",
    doc: "Newton steps on the functions of Fischer and Burmeister of complementary pairs, sparse factors, a line \
          search, and smoothed conditions where that ends at a point that solves nothing",
    source: "De Luca, Facchinei and Kanzow (1996), Mathematical Programming 75, 407-439",
    chosen: "for square systems with complementary pairs",
    claim: Claim::Stationary,
    sees: Sees::Pairs,
    second_order: |_| false,
    accepts,
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] =
    &[tolerance("the largest violation of a condition at which the method stops", 1e-10), iteration_limit(500)];

/// The merit function falls by at least this part of what its slope promises.
const ARMIJO: f64 = 1e-4;
const LEAST_STEP: f64 = 1e-12;
/// A direction leads down if the slope along it is at least this times the power of its length.
const DOWN: (f64, f64) = (1e-8, 2.1);
/// Smoothing begins at the size of the conditions, within these; it is lowered to this part of itself once the smoothed
/// conditions are met to this part of its root, and ends below the last.
const SMOOTHING: (f64, f64) = (1e-2, 1e2);
const LOWERED: f64 = 0.1;
const MET: f64 = 0.5;
const LEAST_SMOOTHING: f64 = 1e-24;
/// After the conditions are met, full steps sharpen the point as long as they do.
const SHARPENING: usize = 3;

fn accepts(features: &Features) -> Result<(), Objection> {
    features.needs_no_objective()?;
    features.needs_smoothness()?;
    features.needs_a_square_system()
}

/// Runs the method. See the header.
pub fn run(context: &mut Context) -> Outcome {
    let mut newton = match Newton::new(context) {
        Ok(newton) => newton,
        Err(stop) => {
            let x = context.start.clone();
            return outcome(context, x, None, stop, 0);
        }
    };
    let start = context.start.clone();
    let (mut x, mut stop) = newton.descend(context, &start, false);
    if matches!(stop, Stop::NoProgress(_)) {
        let (other, again) = newton.descend(context, &start, true);
        if again == Stop::Converged || matches!(again, Stop::TimeLimit | Stop::Interrupted) {
            (x, stop) = (other, again);
        }
    }
    outcome(context, x, None, stop, newton.iterations)
}

struct Newton {
    conditions: Conditions,
    lu: Lu,
    /// For steps that are regularised; made when the first is.
    regular: Option<Box<Kkt>>,
    jacobian: Vec<f64>,
    iterations: usize,
    tolerance: f64,
}

impl Newton {
    fn new(context: &mut Context) -> Result<Newton, Stop> {
        let conditions = Conditions::of(context.nlp.shape());
        let pattern = &conditions.pattern;
        if pattern.rows != pattern.columns_count {
            let (rows, columns) = (pattern.rows, pattern.columns_count);
            return Err(Stop::Failed(format!("there are {rows} conditions for {columns} unknowns")));
        }
        let lu = Lu::new(pattern).map_err(|_| Stop::Failed("the linear systems do not fit in memory".to_string()))?;
        let jacobian = vec![0.0; pattern.entries()];
        let tolerance = context.options.number(OPTIONS, "tol");
        Ok(Newton { conditions, lu, regular: None, jacobian, iterations: 0, tolerance })
    }

    /// From a start to a point that meets the conditions, or to where no step is left.
    fn descend(&mut self, context: &mut Context, start: &[f64], smooth: bool) -> (Vec<f64>, Stop) {
        let mut x = start.to_vec();
        let mut exact = self.conditions.at(context.nlp, &x, 0.0);
        if !all_finite(&exact.phi) {
            let stop = not_finite(context.nlp, &x);
            return (x, stop);
        }
        let mut mu = if smooth { max_norm(&exact.phi).powi(2).clamp(SMOOTHING.0, SMOOTHING.1) } else { 0.0 };
        let (mut step, mut trials) = (f64::NAN, 0);
        loop {
            while mu > 0.0 && max_norm(&self.conditions.again(mu).phi) <= MET * mu.sqrt() {
                mu = if mu > LEAST_SMOOTHING { LOWERED * mu } else { 0.0 };
            }
            let here = self.conditions.again(mu);
            self.conditions.jacobian(context.nlp, &x, &here, &mut self.jacobian);
            if !all_finite(&self.jacobian) {
                let stop = not_finite(context.nlp, &x);
                return (x, stop);
            }
            let (noisy, residual) = self.conditions.residual(&context.nlp.shape().jacobian, &x);
            if residual <= self.tolerance || noisy <= 1.0 {
                self.sharpen(context, &mut x, exact);
                return (x, Stop::Converged);
            }
            let line = LogLine { primal: residual, barrier: mu, ..line(self.iterations, 0.0, f64::NAN, step, trials) };
            if let ControlFlow::Break(stop) = context.monitor.observe(line) {
                return (x, stop);
            }
            let Some((to, length, tried)) = self.step(context, &x, &here, mu) else {
                // Rounding alone may be what is left.
                let stop = match noisy <= 1e3 {
                    true => Stop::Converged,
                    false => Stop::NoProgress(format!(
                        "the sum of squares of the conditions is stationary, and the largest of them is off by {residual:.3e}"
                    )),
                };
                return (x, stop);
            };
            self.iterations += 1;
            step = length;
            trials = tried;
            x = to;
            exact = self.conditions.again(0.0);
        }
    }

    /// The next point, the length of the step and how many were tried. The conditions stay evaluated at it.
    fn step(&mut self, context: &mut Context, x: &[f64], here: &Values, mu: f64) -> Option<(Vec<f64>, f64, usize)> {
        let gradient = transposed_product(&self.conditions.pattern, &self.jacobian, &here.phi);
        let mut trials = 0;
        for attempt in 0..3 {
            let direction = match attempt {
                0 => self.newton_direction(here),
                1 => self.regular_direction(here, two_norm(&gradient)),
                _ => Some(gradient.iter().map(|g| -g).collect()),
            };
            let Some(direction) = direction else { continue };
            let slope = dot(&gradient, &direction);
            if slope.is_nan() || slope > -DOWN.0 * two_norm(&direction).powf(DOWN.1).min(f64::MAX) {
                continue;
            }
            if let Some((to, length)) = self.search(context, (x, here), (&direction, &gradient), mu, &mut trials) {
                return Some((to, length, trials));
            }
        }
        // Leave the conditions as they are at `x`.
        self.conditions.at(context.nlp, x, mu);
        None
    }

    fn newton_direction(&mut self, here: &Values) -> Option<Vec<f64>> {
        self.lu.factor(&self.jacobian).ok()?;
        let mut d: Vec<f64> = here.phi.iter().map(|v| -v).collect();
        self.lu.solve(&mut d).then_some(d)
    }

    /// `d` of `(J'J + νI) d = -J'Φ`, from `[I J'; J -νI] [d; y] = [0; -Φ]`.
    fn regular_direction(&mut self, here: &Values, slope: f64) -> Option<Vec<f64>> {
        let pattern = &self.conditions.pattern;
        let n = pattern.rows;
        if self.regular.is_none() {
            let empty = Arc::new(Pattern::from_rows(n, &vec![vec![]; n]));
            self.regular = Kkt::new(&empty, &Arc::new(pattern.clone())).ok().map(Box::new);
        }
        let kkt = self.regular.as_mut()?;
        let nu = slope.clamp(1e-8, 1.0);
        kkt.factor(&[], &self.jacobian, &vec![1.0; n], &vec![nu; n]).ok()?;
        let mut both = vec![0.0; 2 * n];
        both.iter_mut().skip(n).zip(&here.phi).for_each(|(b, v)| *b = -v);
        kkt.solve(&mut both);
        both.truncate(n);
        all_finite(&both).then_some(both)
    }

    /// Along the direction, bent where it meets bounds of variables.
    fn search(
        &mut self,
        context: &mut Context,
        (x, here): (&[f64], &Values),
        (direction, gradient): (&[f64], &[f64]),
        mu: f64,
        trials: &mut usize,
    ) -> Option<(Vec<f64>, f64)> {
        let merit = 0.5 * dot(&here.phi, &here.phi);
        let mut t = 1.0;
        while t > LEAST_STEP {
            *trials += 1;
            let ahead: Vec<f64> = x.iter().zip(direction).map(|(x, d)| x + t * d).collect();
            let to = project(context.nlp.shape(), &ahead);
            let promised: f64 = gradient.iter().zip(to.iter().zip(x)).map(|(g, (to, x))| g * (to - x)).sum();
            let there = self.conditions.at(context.nlp, &to, mu);
            if promised < 0.0 && 0.5 * dot(&there.phi, &there.phi) <= merit + ARMIJO * promised {
                return Some((to, t * max_norm(direction)));
            }
            t *= 0.5;
        }
        None
    }

    /// Full Newton steps while they lower `‖Φ‖`.
    fn sharpen(&mut self, context: &mut Context, x: &mut Vec<f64>, mut here: Values) {
        for _ in 0..SHARPENING {
            self.conditions.at(context.nlp, x, 0.0);
            self.conditions.jacobian(context.nlp, x, &here, &mut self.jacobian);
            let Some(direction) = self.newton_direction(&here) else { return };
            let ahead: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + d).collect();
            let to = project(context.nlp.shape(), &ahead);
            let there = self.conditions.at(context.nlp, &to, 0.0);
            // Not NaN, and lower.
            if two_norm(&there.phi) >= two_norm(&here.phi) || !all_finite(&there.phi) {
                return;
            }
            (*x, here) = (to, there);
        }
    }
}

/// `A'v`
fn transposed_product(pattern: &Pattern, entries: &[f64], v: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; pattern.columns_count];
    for (r, v) in v.iter().enumerate() {
        for k in pattern.row(r) {
            product[pattern.columns[k] as usize] += entries[k] * v;
        }
    }
    product
}
