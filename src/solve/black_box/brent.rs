//! Brent's method for one variable within an interval: golden sections and parabolas. Stepped through argmin.
//!
//! It finds the minimum of a function that falls and then rises; of any other, a point where values around are higher.

use super::search::{ByValue, Found};
use crate::answer::Stop;
use crate::problem::features::Features;
use crate::solve::argmin_adapter::{BrentOpt, Candidates, Line, compare};
use crate::solve::method::{Claim, Method, Objection, Run, Sees, iteration_limit, tolerance};
use crate::solve::options::OptionRow;

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
    run: Run::ByValue(run),
};

const OPTIONS: &[OptionRow] =
    &[tolerance("width at which the interval around the point is small enough", 1e-9), iteration_limit(1_000)];

fn accepts(features: &Features) -> Result<(), Objection> {
    features.needs_no_rows()?;
    features.needs_an_objective()?;
    features.needs_at_most(1)?;
    features.needs_a_box()
}

fn run(search: &mut ByValue) -> Found {
    let tol = search.options.number(OPTIONS, "tol");
    let (low, high) = (search.space.lower[0], search.space.upper[0]);
    // Values differ by the square of steps, so that steps below the root of the precision say nothing.
    let solver = BrentOpt::new(low, high).set_tolerance(f64::EPSILON.sqrt(), tol.max(f64::MIN_POSITIVE));
    let mut iterations = 0;
    let candidates = Candidates::new(&mut *search.asked);
    let middle = 0.5 * (low + high);
    let found = compare(&candidates, Line(candidates.clone()), solver, middle, &mut iterations, search.monitor);
    let (x, stop) = match found {
        Ok((x, value, stop)) => {
            // The method never looks at the ends themselves.
            drop(candidates);
            match search.asked.values(&[vec![low], vec![high]]) {
                Ok(ends) => {
                    let end = if ends[0] <= ends[1] { (low, ends[0]) } else { (high, ends[1]) };
                    (if end.1 < value { end.0 } else { x }, stop.unwrap_or(Stop::Finished))
                }
                Err(early) => (x, stop.unwrap_or(early)),
            }
        }
        Err(error) => (middle, Stop::Failed(error.to_string())),
    };
    Found { x: vec![x], stop, iterations }
}
