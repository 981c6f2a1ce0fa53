//! Complementary pairs for kinks that the epigraph form cannot have: `t = max(a, b)` is `0 <= t - a  ⟂  t - b >= 0`.
//!
//! That says the same of `a`, `b` and `t` wherever the kink stands, also in equations and under functions that neither
//! rise nor fall; the price is that methods for complementary pairs are needed, whose answers are local. `abs(a)` is
//! `max(a, -a)`, `min(a, b)` has the opposite sides. Kinks that can keep to the epigraph form do.

use super::{Lift, Rewrite, epigraph};
use crate::problem::Problem;
use crate::problem::features::Fact;

pub const REWRITE: Rewrite = Rewrite {
    name: "kink_pairs",
    doc: "max, min and abs in any other place become variables with complementary rows, one for each branch",
    lifts: "the added variables and rows are forgotten; the other multipliers are those of the original",
};

/// The rewritten problem; `None` if there is nothing to rewrite.
pub fn apply(problem: &Problem) -> Option<(Problem, Lift, Vec<Fact>)> {
    epigraph::apply_with(problem, true)
}
