//! What black-box methods share: whom they accept, rows of options, and normal vectors.

use super::search::Space;
use crate::problem::features::Features;
use crate::solve::method::Objection;
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::random::Random;

/// Bounds and integers are kept by asking about the nearest point that has them; rows are not.
pub fn needs_a_search(features: &Features) -> Result<(), Objection> {
    features.needs_no_rows()?;
    features.needs_an_objective()
}

/// The same of methods that only compare: beside an oracle they also keep rows that are no equations, as whoever keeps them
/// is better than whoever does not ([`crate::solve::feasible`]).
pub fn needs_comparisons(features: &Features) -> Result<(), Objection> {
    match (&features.asked, &features.equation) {
        (Some(_), None) => features.needs_an_objective(),
        (Some(_), Some(equation)) => Err(equation.clone()),
        (None, _) => needs_a_search(features),
    }
}

/// The row of a number.
pub const fn number(name: &'static str, doc: &'static str, value: f64, least: f64, most: f64) -> OptionRow {
    OptionRow { name, doc, default: Default::Number { value, least, most } }
}

/// What steps are measured by: the width of a variable with two bounds, else 1.
pub fn units(space: &Space) -> Vec<f64> {
    let width = |k: usize| space.upper[k] - space.lower[k];
    (0..space.dimension()).map(|k| if width(k).is_finite() { width(k) } else { 1.0 }).collect()
}

/// A standard normal vector.
pub fn normals(random: &mut Random, count: usize) -> Vec<f64> {
    (0..count).map(|_| random.normal()).collect()
}
