//! Epigraph form: `max(a, b)` in a place where a larger value can only hurt becomes a variable `t` with rows `t >= a`
//! and `t >= b`; likewise `abs(a)` with `t >= a`, `t >= -a`, and `min(a, b)` where a smaller value can only hurt.
//!
//! Whether a larger value hurts follows from the sense of the objective, the open side of a row, and the slopes of all
//! functions on the way up, also through stages (`t` sits wherever the kink sat, also inside another kink). At an
//! optimum `t` equals the kink, or could be lowered to it without loss; rows keep their place, so their multipliers
//! are those of the original rows. Kinks in equations, or under functions that neither rise nor fall, stay.

use super::{Lift, Rewrite};
use crate::expr::family::Family;
use crate::problem::epigraph::{Kink, Places, Smooth};
use crate::problem::features::Fact;
use crate::problem::pressure::{Pressure, Pressures};
use crate::problem::{Constraint, Problem};

pub const REWRITE: Rewrite = Rewrite {
    name: "epigraph",
    doc: "max, min and abs become variables with one smooth row per branch, where that loses nothing",
    lifts: "the added variables and rows are forgotten; the other multipliers are those of the original",
};

/// The rewritten problem if every kink could be written so; `None` if one could not.
pub fn apply(problem: &Problem) -> Option<(Problem, Lift, Vec<Fact>)> {
    apply_with(problem, false)
}

/// The same; kinks that neither sense keeps at one of their branches become complementary `pairs` if that is allowed.
pub(super) fn apply_with(problem: &Problem, pairs: bool) -> Option<(Problem, Lift, Vec<Fact>)> {
    let pressures = Pressures::of(problem);
    let mut out = Smooth::of(problem);
    for (k, pressure) in pressures.on_stages().into_iter().enumerate() {
        if pressure == Pressure::None || !pressures.depends(k) {
            continue;
        }
        for (t, term) in problem.stages[k].terms.iter().enumerate() {
            let replace = |out: &mut Smooth, family: &mut Family, kink: &Kink| {
                if !kink.kept && !pairs {
                    return Err(());
                }
                let places = Places::in_turn(family.instances);
                let (leaf, rows) = out.add(family, kink, term, "", &places);
                // Where nothing keeps it at a branch, it equals one of the two.
                let paired = |(k, row)| Constraint { complements: !kink.kept && k > 0, ..row };
                out.problem.constraints.extend(rows.into_iter().enumerate().map(paired));
                Ok(leaf)
            };
            let kinks = pressures.kinks(term, pressure);
            let family = out.rebuilt(&problem.graph, term.family.clone(), &kinks, replace).ok()?;
            out.problem.stages[k].terms[t].family = family;
        }
    }
    let facts = out.facts();
    let lift = Lift { variables: problem.dimension as usize, rows: problem.row_count(), tops: out.tops };
    (!facts.is_empty()).then_some((out.problem, lift, facts))
}
