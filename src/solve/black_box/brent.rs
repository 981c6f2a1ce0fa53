//! Brent's method for one variable within an interval: golden sections and parabolas. Stepped through argmin.
//!
//! It finds the minimum of a function that falls and then rises; of any other, a point where values around are higher.

use crate::answer::{Outcome, Stop};
use crate::problem::features::Features;
use crate::solve::argmin_adapter::{BrentOpt, Line, Shared, compare};
use crate::solve::method::{Claim, Context, Method, Objection, Sees, iteration_limit, tolerance};
use crate::solve::options::OptionRow;
use crate::solve::parts::ending::{not_finite, outcome};

pub const METHOD: Method = Method {
    name: "brent",
    doc: "golden sections and parabolas for a function of one variable within an interval",
    chosen: "for one bounded variable where kinks could not be written as smooth rows",
    source: "Brent, Algorithms for Minimization without Derivatives (1973), chapter 5",
    claim: Claim::Heuristic,
    sees: Sees::Plain,
    second_order: |_| false,
    accepts,
    options: OPTIONS,
    run,
};

const OPTIONS: &[OptionRow] =
    &[tolerance("width at which the interval around the point is small enough", 1e-9), iteration_limit(1_000)];

fn accepts(features: &Features) -> Result<(), Objection> {
    features.needs_no_rows()?;
    features.needs_an_objective()?;
    features.needs_at_most(1)?;
    features.needs_a_box()
}

fn run(context: &mut Context) -> Outcome {
    let tol = context.options.number(OPTIONS, "tol");
    let (low, high) = (context.nlp.shape().lower[0], context.nlp.shape().upper[0]);
    // Values differ by the square of steps, so that steps below the root of the precision say nothing.
    let solver = BrentOpt::new(low, high).set_tolerance(f64::EPSILON.sqrt(), tol.max(f64::MIN_POSITIVE));
    let mut iterations = 0;
    let functions = Line(Shared::new(&mut *context.nlp));
    let found = compare(functions, solver, 0.5 * (low + high), &mut iterations, context.monitor);
    let (x, stop) = match found {
        Ok((x, value, stop)) => {
            // The method never looks at the ends themselves.
            let mut best = (x, value);
            for end in [low, high] {
                let there = context.nlp.objective(&[end]);
                if there < best.1 {
                    best = (end, there);
                }
            }
            match best.1 < f64::MAX {
                true => (best.0, stop.unwrap_or(Stop::Finished)),
                false => (best.0, not_finite(context.nlp, &[best.0])),
            }
        }
        Err(error) => (0.5 * (low + high), Stop::Failed(error.to_string())),
    };
    outcome(context, vec![x], None, stop, iterations)
}
