//! Augmented Lagrangian: rows go into the objective, bounds stay.
//!
//! Each outer iteration minimises the augmented Lagrangian over the bounds (`bound_newton`), updates the multipliers,
//! safeguarded, and raises the penalty where the rows did not come nearer. The answer is polished on its active
//! constraints in the end. Sources: Andreani, Birgin, Martínez and Schuverdt (2008, Algencan); Conn, Gould and Toint
//! (1991, LANCELOT).

mod lagrangian;

use super::bound_newton;
use super::interior_point::{Certified, Curvature, polish_point, row_factors};
use crate::answer::{Multipliers, Outcome, Stop};
use crate::linalg::sparse::add_transposed_product;
use crate::linalg::vector::max_norm;
use crate::solve::method::{Claim, Context, Method, Run, Sees, iteration_limit};
use crate::solve::options::{Default, OptionRow};
use lagrangian::Lagrangian;

/// The row of the method.
pub const METHOD: Method = Method {
    name: "augmented_lagrangian",
    doc: "augmented Lagrangian with bound-constrained trust-region Newton steps, matrix-free inside",
    source: "Andreani, Birgin, Martínez and Schuverdt (2008), SIAM Journal on Optimization 18, 1286-1309",
    chosen: "when asked for",
    claim: Claim::Stationary,
    sees: Sees::Plain,
    second_order: |_| true,
    accepts: |features| features.needs_smoothness(),
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] = &[
    OptionRow {
        name: "tol",
        doc: "the scaled infeasibility, complementarity and projected gradient at which the method stops",
        default: Default::Number { value: 1e-8, least: 1e-14, most: 1.0 },
    },
    iteration_limit(3000),
    OptionRow {
        name: "penalty",
        doc: "the first penalty; 0 takes one from the values at the start",
        default: Default::Number { value: 0.0, least: 0.0, most: 1e12 },
    },
];

/// Multipliers are kept within this, so that a bad estimate cannot swamp the penalty.
const SAFEGUARD: f64 = 1e10;
const PENALTY_GROWTH: f64 = 10.0;
const MOST_PENALTY: f64 = 1e12;
/// The infeasibility must fall to this part, or the penalty grows.
const PROGRESS: f64 = 0.5;
const OUTER_LIMIT: usize = 100;
/// No single subproblem may take more iterations.
const INNER_LIMIT: usize = 200;
/// Rows are in conflict where their violation is stationary to this part of itself, in so many outer iterations.
const STATIONARY: f64 = 1e-3;
/// Gradients of rows below this count as zero.
const FLAT: f64 = 1e-12;
const STATIONARY_LIMIT: usize = 2;
/// From here on a polished point is tried after each outer iteration.
const NEARLY: f64 = 1e-4;

/// Runs the method. See the header.
pub fn run(context: &mut Context) -> Outcome {
    let tolerance = context.options.number(OPTIONS, "tol");
    let most_iterations = context.options.number(OPTIONS, "max_iter") as usize;
    let mut x = context.start.clone();
    for (x, (l, u)) in x.iter_mut().zip(context.nlp.shape().lower.iter().zip(&context.nlp.shape().upper)) {
        *x = x.max(*l).min(*u);
    }
    let (objective_scale, row_scale) = row_factors(context.nlp, &x);
    let mut lagrangian = Lagrangian::new(context.nlp, objective_scale, row_scale, 1.0);
    lagrangian.rho = match context.options.number(OPTIONS, "penalty") {
        0.0 => first_penalty(&mut lagrangian, &x),
        rho => rho,
    };
    if let Some(warm) = context.warm.as_ref().filter(|warm| warm.rows.len() == lagrangian.lambda.len()) {
        for (r, lambda) in lagrangian.lambda.iter_mut().enumerate() {
            let scale = lagrangian.row_scale[r];
            *lambda = if scale == 0.0 { 0.0 } else { -warm.rows[r] * objective_scale / scale };
        }
    }
    lagrangian.forget();
    let mut iterations = 0;
    let mut before = f64::INFINITY;
    let mut inner = bound_newton::Settings { tolerance: tolerance.sqrt(), iteration_limit: most_iterations };
    let mut stop = Stop::NoProgress("the penalty no longer brings the rows nearer".into());
    let mut stationary = 0;
    let mut certified: Option<Certified> = None;
    for _ in 0..OUTER_LIMIT {
        inner.iteration_limit = most_iterations.min(iterations + INNER_LIMIT);
        let ended = bound_newton::minimise(&mut lagrangian, &mut x, &inner, context.monitor, &mut iterations);
        let at_limit =
            ended == Stop::IterationLimit && iterations < most_iterations.min(context.monitor.iteration_limit);
        if !at_limit && let Stop::IterationLimit | Stop::TimeLimit | Stop::Interrupted | Stop::NotFinite(_) = ended {
            stop = ended;
            break;
        }
        lagrangian.evaluate(&x);
        let violation = violation(&lagrangian);
        if let (Stop::Unbounded { .. }, true) = (&ended, violation <= 1e-6 * max_norm(&x).max(1.0)) {
            stop = ended;
            break;
        }
        let rho = lagrangian.rho;
        for (lambda, d) in lagrangian.lambda.iter_mut().zip(&lagrangian.distances) {
            *lambda = (rho * d).clamp(-SAFEGUARD, SAFEGUARD);
        }
        if violation <= NEARLY {
            let polished = polish_point(
                lagrangian.nlp,
                &x,
                &lagrangian.lambda,
                (objective_scale, &lagrangian.row_scale),
                Curvature::Exact,
            );
            let done = polished.error <= tolerance;
            certified = Some(polished);
            if done {
                stop = Stop::Converged;
                break;
            }
        }
        let settled = ended == Stop::Converged && inner.tolerance <= tolerance;
        if settled && violation <= tolerance {
            stop = Stop::Converged;
            break;
        }
        if violation > PROGRESS * before {
            let weights = weights(&lagrangian);
            let conflict = violation > NEARLY && infeasibility_slope(&mut lagrangian, &x, &weights) <= STATIONARY;
            stationary = if conflict { stationary + 1 } else { 0 };
            if stationary >= STATIONARY_LIMIT {
                stop = Stop::Infeasible { ray: Some(weights) };
                break;
            }
            if rho >= MOST_PENALTY {
                break;
            }
            lagrangian.rho = (PENALTY_GROWTH * rho).min(MOST_PENALTY);
        }
        lagrangian.forget();
        before = violation;
        inner.tolerance = (0.1 * inner.tolerance).max(tolerance);
    }
    let (row_scale, lambda) = (lagrangian.row_scale.clone(), lagrangian.lambda.clone());
    let (x, multipliers) = match certified.filter(|_| !matches!(stop, Stop::Infeasible { .. })) {
        Some(point) => (point.x, point.multipliers),
        None => {
            let rows: Vec<f64> = lambda.iter().zip(&row_scale).map(|(l, s)| -l * s / objective_scale).collect();
            let multipliers = with_bounds(context, &x, rows);
            (x, multipliers)
        }
    };
    Outcome {
        x,
        multipliers: Some(multipliers),
        stop,
        iterations,
        evaluations: context.nlp.evaluations(),
        log: std::mem::take(&mut context.monitor.log),
    }
}

/// Algencan's: objective and penalty of about the same size.
fn first_penalty(lagrangian: &mut Lagrangian, x: &[f64]) -> f64 {
    lagrangian.evaluate(x);
    let squares: f64 = lagrangian.distances.iter().map(|d| d * d).sum();
    let objective = lagrangian.objective_scale * lagrangian.nlp.objective(x);
    let rho = 2.0 * objective.abs().max(1.0) / squares.max(1e-8);
    if rho.is_finite() { rho.clamp(0.1, 10.0) } else { 10.0 }
}

/// How far rows are from their bounds or, where a multiplier pulls, from the bound that it pulls to.
fn violation(lagrangian: &Lagrangian) -> f64 {
    let pairs = lagrangian.distances.iter().zip(&lagrangian.lambda);
    pairs.fold(0.0, |most, (d, l)| most.max((d - l / lagrangian.rho).abs()))
}

/// Violations of the rows in the scaling of the user, the largest being 1.
fn weights(lagrangian: &Lagrangian) -> Vec<f64> {
    let violations: Vec<f64> = (0..lagrangian.values.len())
        .map(|r| {
            let (lower, upper) = lagrangian.bounds(r);
            let value = lagrangian.values[r];
            let violation = value - value.max(lower).min(upper);
            if violation.is_finite() { -violation * lagrangian.row_scale[r] } else { 0.0 }
        })
        .collect();
    let most = max_norm(&violations).max(f64::MIN_POSITIVE);
    violations.iter().map(|v| v / most).collect()
}

/// The projected gradient of the violation, whose gradient is `-J'weights`, as a part of the largest that the weighted
/// gradients of the rows could add up to: small where they cancel, not where they are small themselves.
fn infeasibility_slope(lagrangian: &mut Lagrangian, x: &[f64], weights: &[f64]) -> f64 {
    let shape = lagrangian.nlp.shape().clone();
    let mut jacobian = vec![0.0; shape.jacobian.entries()];
    lagrangian.nlp.jacobian(x, &mut jacobian);
    let mut slope = vec![0.0; x.len()];
    add_transposed_product(&shape.jacobian, &jacobian, 1.0, weights, &mut slope);
    let mut most: f64 = 0.0;
    for (r, weight) in weights.iter().enumerate() {
        most += weight.abs() * max_norm(&jacobian[shape.jacobian.row(r)]);
    }
    let blocked = |i: usize| (x[i] <= shape.lower[i] && slope[i] < 0.0) || (x[i] >= shape.upper[i] && slope[i] > 0.0);
    let left = (0..x.len()).filter(|i| !blocked(*i)).fold(0.0, |most: f64, i| most.max(slope[i].abs()));
    left / most.max(FLAT)
}

/// Bound multipliers from the sign of the reduced gradient `∇f - J'y`.
fn with_bounds(context: &mut Context, x: &[f64], rows: Vec<f64>) -> Multipliers {
    let shape = context.nlp.shape().clone();
    let mut slope = vec![0.0; x.len()];
    context.nlp.gradient(x, &mut slope);
    let mut jacobian = vec![0.0; shape.jacobian.entries()];
    context.nlp.jacobian(x, &mut jacobian);
    add_transposed_product(&shape.jacobian, &jacobian, -1.0, &rows, &mut slope);
    let part = |bound: &[f64], sign: f64| {
        let pairs = slope.iter().zip(x.iter().zip(bound));
        pairs.map(|(g, (x, b))| if x == b && sign * g > 0.0 { *g } else { 0.0 }).collect()
    };
    Multipliers { lower: part(&shape.lower, 1.0), upper: part(&shape.upper, -1.0), rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solve::nlp::Nlp;
    use crate::solve::testing::{EQUAL, FREE, Formulas, POSITIVE, hock_schittkowski, residuals, run};

    #[test]
    fn most_hock_schittkowski_problems_are_solved() {
        let mut missed = Vec::new();
        for mut problem in hock_schittkowski() {
            let outcome = run(&METHOD, &mut problem.nlp, &problem.start, None, &[]);
            let value = problem.nlp.objective(&outcome.x);
            let most = residuals(&mut problem.nlp, &outcome.x, outcome.multipliers.as_ref().unwrap());
            println!(
                "{:6} {:4} it {:.10e} best {:.10e} {:?} {most:?}",
                problem.name, outcome.iterations, value, problem.best, outcome.stop
            );
            assert!(!matches!(outcome.stop, Stop::Infeasible { .. }), "{}", problem.name);
            if outcome.stop == Stop::Converged {
                assert!(most.most() <= 1e-5, "{} {most:?}", problem.name);
            }
            if outcome.stop != Stop::Converged || (value - problem.best).abs() > 1e-6 * problem.best.abs().max(1.0) {
                missed.push(problem.name);
            }
        }
        println!("{missed:?}");
        assert!(missed.len() <= 7, "{missed:?}");
    }

    #[test]
    fn infeasible_rows_are_found() {
        let rows = [("x1^2+x2^2", (f64::NEG_INFINITY, 1.0)), ("x1", (2.0, f64::INFINITY))];
        let outcome = run(&METHOD, &mut Formulas::new("x2", &[FREE; 2], &rows), &[3.0, 2.0], None, &[]);
        let Stop::Infeasible { ray: Some(y) } = outcome.stop else { panic!("{:?}", outcome.stop) };
        assert!((2.0 * outcome.x[0] * y[0] + y[1]).abs() <= 1e-2 && y[1] > 0.0, "{y:?}");
    }

    #[test]
    fn two_sided_rows_and_warm_multipliers() {
        let rows = [("x1+x2", (1.0, 2.0)), ("x1-x2+2", EQUAL)];
        let mut nlp = Formulas::new("x1^2+x2^2-2*x1-6*x2", &[POSITIVE; 2], &rows);
        let cold = run(&METHOD, &mut nlp, &[5.0; 2], None, &[]);
        assert_eq!(cold.stop, Stop::Converged);
        let most = residuals(&mut nlp, &cold.x, cold.multipliers.as_ref().unwrap());
        assert!(most.most() <= 1e-7, "{most:?}");
        let warm = run(&METHOD, &mut nlp, &cold.x, cold.multipliers.clone(), &[]);
        assert!(warm.stop == Stop::Converged && warm.iterations <= 2);
    }
}
