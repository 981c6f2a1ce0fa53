//! Bounds, domains, rows and objectives.

use crate::diag::{Diagnostic, Span};

pub(in crate::sema) fn bad_bound(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "a bound is `>=`, `<=` or `in [lo, hi]`").help("write `var x in [lo, hi]`")
}

pub(in crate::sema) fn domain_without_in(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("`{name}` is no set"))
        .help(format!("it stands by itself: `var x {name}`, `var x {name} in [0, 5]`"))
}

pub(in crate::sema) fn bad_domain(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "this is no domain of a variable")
        .help("domains: [lo, hi], a..b, simplex, ball(r), soc, psd, permutation(n), subset(k)")
}

pub(in crate::sema) fn bad_scale(value: f64, at: Span) -> Diagnostic {
    Diagnostic::error("bad-scale", at, format!("a scale is a positive number, not {value}"))
        .here("a typical size of what it belongs to")
}

pub(in crate::sema) fn not_a_relation(at: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", at, "a constraint needs `<=`, `>=` or `==`")
        .here("this is only an expression")
        .help("state what must hold: `... <= 0`")
}

pub(in crate::sema) fn strict_row(at: Span, row: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", row, "a constraint cannot be strict")
        .label(at, "after `<` or `>`")
        .help("write `<=` or `>=`, with a margin if one is meant")
}

pub(in crate::sema) fn bad_row_relation(at: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", at, "a constraint needs `<=`, `>=` or `==`")
}

pub(in crate::sema) fn two_sided(at: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", at, "a two-sided constraint is `data <= expression <= data`")
        .help("split it into two constraints")
}

pub(in crate::sema) fn data_complement(at: Span, row: Span) -> Diagnostic {
    Diagnostic::error("bad-complementarity", row, "both sides of `perp` must depend on variables")
        .label(at, "this is data")
        .help("state a condition on data with `ensure`, or a row without `perp`")
}

pub(in crate::sema) fn perp_without_sides(at: Span, row: Span) -> Diagnostic {
    Diagnostic::error("bad-complementarity", row, "nothing says between which sides this complementarity is")
        .label(at, "this is not a variable by itself, whose bounds would count")
        .help("write `0 <= a perp b >= 0`, `lo <= a <= hi perp b`, or `a perp b == 0` where `a` has no sides")
}

pub(in crate::sema) fn perp_sides(row: Span) -> Diagnostic {
    Diagnostic::error("bad-complementarity", row, "a complementarity has two inequalities at most")
        .help("write one on either side (`0 <= a perp b >= 0`) or two on one side (`lo <= a <= hi perp b`)")
}

pub(in crate::sema) fn impossible_row(label: &str, a: f64, b: f64, at: Span) -> Diagnostic {
    Diagnostic::error("impossible-row", at, format!("`{label}` has no variables and does not hold"))
        .here(format!("the left side is {a}, the right side {b}"))
        .help("a fact about data is checked by `ensure`, or by a check on `param`")
}

pub(in crate::sema) fn unused_scale(label: &str, why: &str, at: Span) -> Diagnostic {
    Diagnostic::warning("unused-scale", at, format!("the `scale` of `{label}` is not used: {why}"))
        .help("leave it out, or write the row in the size that is wanted")
}

pub(in crate::sema) fn constant_row(label: &str, at: Span) -> Diagnostic {
    Diagnostic::warning("constant-row", at, format!("`{label}` has no variables; it holds whatever they are"))
}

pub(in crate::sema) fn not_a_cone(at: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", at, "a constraint `... in ...` needs a cone").help("cones: soc, psd")
}

pub(in crate::sema) fn indexed_objective(at: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", at, "an objective has no index")
        .help("sum over it: `minimize total: sum(i in I: ...)`")
}

/// What a block minimises reads what that block minimises.
pub(in crate::sema) fn objective_of_itself(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("cycle", at, format!("`{name}` is defined by itself"))
        .here("it reads its own value, or that of a block that reads it")
}

pub(in crate::sema) fn second_objective(block: &str, at: Span, first: Span) -> Diagnostic {
    Diagnostic::error("duplicate-name", at, format!("`{block}` has a second objective"))
        .here("a block decides by one")
        .label(first, "the first one")
        .help("weigh them and add them up, or put one of them into a block of its own")
}

pub(in crate::sema) fn objective_of_conditions(block: &str, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("`{block}` states conditions, and minimises nothing"))
        .here("an `optimality` block has no objective")
        .help("write `lower` instead of `optimality`, or the condition itself: `grad(f, z) == 0`")
}

pub(in crate::sema) fn cannot_show(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "only numbers and arrays can be shown")
}

pub(in crate::sema) fn bad_channel(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "an oracle answers via `command(\"...\")`, `host` or `asking`")
}
