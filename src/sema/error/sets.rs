//! Index sets, elements, and what runs over them.

use super::with_near;
use crate::diag::{Diagnostic, Span};
use crate::problem::index::Set;
use crate::sema::value::set_text;

pub(in crate::sema) fn too_large(at: Span, size: usize) -> Diagnostic {
    Diagnostic::error("too-large", at, format!("this has {size} elements, more than can be handled"))
        .help("a product of sets was perhaps not meant: join with `where a == b`")
}

pub(in crate::sema) fn outside(value: &str, set: &Set, at: Span, origin: Span) -> Diagnostic {
    let d = Diagnostic::error("index-outside", at, format!("{value} is not in {}", set_text(set)))
        .here(format!("this index is {value}"))
        .label(origin, format!("its index set is {} ({} elements)", set_text(set), set.len()));
    let texts: Vec<String> = set.iter().take(2000).map(|e| e.to_string()).collect();
    let near = crate::diag::near::nearest(value, texts.iter().map(String::as_str));
    let near: Vec<String> = near.into_iter().map(str::to_string).collect();
    if value.parse::<f64>().is_err() {
        return with_near(d, &near, "");
    }
    d.help("an element outside can be kept away by `if`: `if i < n then x[i+1] else 0`, or by a `where`")
}

pub(in crate::sema) fn filtered_out(label: &str, origin: Span) -> Diagnostic {
    Diagnostic::error(
        "index-outside",
        origin,
        format!("the element {label} was filtered out by the `where` of its declaration"),
    )
    .here("declared here")
    .help("use the same `where` where it is read")
}

pub(in crate::sema) fn no_neighbour(which: &str, element: &str, set: &Set, at: Span) -> Diagnostic {
    let end = if which == "next" { "last" } else { "first" };
    Diagnostic::error(
        "index-outside",
        at,
        format!("{element} is the {end} element of {} and has no `{which}`", set_text(set)),
    )
    .help("leave it out by `where`, or guard it by `if`")
}

pub(in crate::sema) fn empty(what: &str, at: Span) -> Diagnostic {
    Diagnostic::error("empty-set", at, format!("`{what}` over an empty set has no value"))
        .here("nothing is left here")
        .help("over an empty set `sum` is 0 and `prod` is 1; `min`, `max` and `mean` have no value")
}

pub(in crate::sema) fn variable_in_where(at: Span) -> Diagnostic {
    Diagnostic::error("variable-in-where", at, "a `where` cannot depend on a variable")
        .here("this depends on a variable")
        .help("which elements exist must be known before solving; multiply by a binary variable, or use `if ... then ... else 0`")
}

pub(in crate::sema) fn variable_as_index(at: Span) -> Diagnostic {
    Diagnostic::error("variable-as-index", at, "an index cannot depend on a variable")
        .here("this depends on a variable")
        .help("which element is read must be known before solving; sum over all elements with binary variables instead")
}

pub(in crate::sema) fn structure_from_variable(at: Span) -> Diagnostic {
    Diagnostic::error("variable-as-index", at, "a set cannot depend on a variable")
        .here("this depends on a variable")
        .help("which elements exist must be known before solving; give the set its largest size, and elements a binary variable")
}

pub(in crate::sema) fn number_as_condition(value: f64, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("expected a condition, found the number {value}"))
        .help("compare it with something: `!= 0`")
}

pub(in crate::sema) fn not_whole(value: f64, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("expected a whole number, found {value}")).here("decides a size")
}

pub(in crate::sema) fn bad_range(a: f64, b: f64, step: f64, at: Span) -> Diagnostic {
    Diagnostic::error("bad-range", at, format!("the range {a}..{b} by {step} has no end"))
        .help("both ends must be finite and the step not 0")
}

/// Both ends belong to a range, so steps of 1 must lead from one to the other.
pub(in crate::sema) fn range_misses_end(a: f64, b: f64, at: Span) -> Diagnostic {
    let last = a + (b - a).floor();
    let whole = if b < a { "is empty".to_string() } else { format!("would end at {last}") };
    Diagnostic::error("bad-range", at, format!("no steps of 1 lead from {a} to {b}: the range {whole}"))
        .here(format!("its end is {b}"))
        .help(format!("give a whole number of steps, or say `by`: `{a}..{b} by 1` ends at the last step before {b}"))
}

pub(in crate::sema) fn repeated_element(element: &str, at: Span) -> Diagnostic {
    Diagnostic::warning("repeated-element", at, format!("{element} stands twice in this set")).help("it counts once")
}

pub(in crate::sema) fn unmatched(table: &str, at: Span, help: String) -> Diagnostic {
    Diagnostic::warning("nothing-matches", at, format!("no row of `{table}` matches"))
        .here("holds for none of its rows")
        .help(help)
}

pub(in crate::sema) fn family_without_index(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "this is a family of sets; one of them must be chosen")
        .help("give it a subscript: `NEAR[v]`")
}

pub(in crate::sema) fn sample_outside_expectation(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "`~` draws a sample, which only `expect` does")
        .help("write `expect(z ~ normal(0, 1): ...)`")
}

pub(in crate::sema) fn not_a_distribution(at: Span, known: &[&str]) -> Diagnostic {
    Diagnostic::error("undefined-name", at, "expected a distribution").help(format!("known ones: {}", known.join(", ")))
}
