//! Starts and bounds of multipliers.

use crate::diag::{Diagnostic, Span};

pub(in crate::sema) fn unused_dual(label: &str, why: &str, at: Span) -> Diagnostic {
    Diagnostic::warning("unused-dual", at, format!("what is given of the multiplier of `{label}` is not used: {why}"))
        .help("leave it out")
}

pub(in crate::sema) fn dual_domain(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("bad-dual", at, format!("`{name}` is given a domain, and a multiplier has bounds"))
        .help("write `dual in [lo, hi]`, `dual >= lo` or `dual <= hi`")
}

pub(in crate::sema) fn dual_bounds(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error(
        "bad-dual",
        at,
        format!("`{name}` is given bounds, and only multipliers of `lower` blocks have any"),
    )
    .help(
        "give it a `start`; a row that may be broken at a price is written with a variable: `row: a - excess <= b` \
             with `excess >= 0` and the price times `excess` in the objective",
    )
}

/// The sign that a multiplier between `sides` has.
fn sign_words(sides: (f64, f64)) -> &'static str {
    match sides {
        (0.0, 0.0) => "there is no side that it could belong to",
        (0.0, _) => "it is never negative",
        _ => "it is never positive",
    }
}

const DUAL_SIGN: &str = "a multiplier is d(objective)/dε with ε added to the right side as written, of the objective as stated; \
                         that of a lower (upper) bound with ε added to the bound";

pub(in crate::sema) fn dual_sign(name: &str, value: f64, sides: (f64, f64), at: Span) -> Diagnostic {
    Diagnostic::error("bad-dual", at, format!("`{name}` cannot start at {value}: {}", sign_words(sides)))
        .help(DUAL_SIGN)
}

pub(in crate::sema) fn dual_interval(
    name: &str,
    (lower, upper): (f64, f64),
    sides: (f64, f64),
    at: Span,
) -> Diagnostic {
    let why = if lower > upper { "no number does" } else { sign_words(sides) };
    Diagnostic::error("bad-dual", at, format!("`{name}` cannot lie between {lower} and {upper}: {why}")).help(DUAL_SIGN)
}
