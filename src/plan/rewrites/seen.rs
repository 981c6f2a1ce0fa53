//! Rewrites that the view makes while a method runs (`solve::view`): they are listed here, and lifted there.

use super::{Rewrite, Rewritten};
use crate::plan::Form;
use crate::problem::features::Fact;
use crate::solve::method::{Method, Sees};

pub const FIXED: Rewrite = Rewrite {
    name: "fixed variables",
    doc: "a variable whose bounds are equal is a number",
    lifts: "the multiplier of its bound is what stationarity leaves: `z = ∇f - J'y`",
};

pub const FREE_ROWS: Rewrite = Rewrite {
    name: "free rows",
    doc: "a row without finite sides, or dropped, does not constrain",
    lifts: "its multiplier is 0",
};

pub const SCALING: Rewrite = Rewrite {
    name: "scaling",
    doc: "the objective is multiplied so that its gradient at the start has no entry above 100",
    lifts: "multipliers are divided by the same number",
};

/// Those that the view will make for a form and a method.
pub(in crate::plan) fn by_the_view(form: &Form, method: &Method) -> Vec<Rewritten> {
    let features = &form.features;
    let all_rows = form.problem.row_count();
    let fact =
        |count: usize, what: &str| vec![Fact::new(format!("{count} {what}{}", if count == 1 { "" } else { "s" }))];
    let mut made = vec![];
    if features.fixed > 0 {
        made.push(Rewritten { name: FIXED.name, facts: fact(features.fixed, "variable") });
    }
    if all_rows > features.rows {
        made.push(Rewritten { name: FREE_ROWS.name, facts: fact(all_rows - features.rows, "row") });
    }
    if method.sees == Sees::Scaled || (method.sees == Sees::Pairs && features.sense.is_some()) {
        made.push(Rewritten { name: SCALING.name, facts: vec![] });
    }
    made
}
