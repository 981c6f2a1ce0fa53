//! What names stand for, and for what they do not.

use super::{listed, with_near};
use crate::diag::{Diagnostic, Span};
use crate::syntax::ast::Ident;
use std::ops::RangeInclusive;

pub(in crate::sema) fn undefined(name: &str, at: Span, near: &[String]) -> Diagnostic {
    let d =
        Diagnostic::error("undefined-name", at, format!("nothing is called `{name}`")).here("not declared anywhere");
    with_near(d, near, "declare it with `param`, `data`, `set`, `var`, `let` or `def`")
}

/// A name that blocks have and the level around them has not.
pub(in crate::sema) fn undefined_outside(name: &str, at: Span, blocks: &[String]) -> Diagnostic {
    let inside: Vec<String> = blocks.iter().map(|block| format!("`{block}.{name}`")).collect();
    Diagnostic::error("undefined-name", at, format!("nothing is called `{name}` here"))
        .here("declared inside of a block only")
        .help(format!("from outside it is {}", inside.join(" or ")))
}

/// A key of a map that is a word without quotes.
pub(in crate::sema) fn unquoted_key(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("undefined-name", at, format!("nothing is called `{name}`"))
        .here("this key is a name that is not declared")
        .help(format!("a key that is a text stands in quotes: `\"{name}\": ...`"))
}

/// A word without quotes in `{...}`.
pub(in crate::sema) fn unquoted_in_set(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("undefined-name", at, format!("nothing is called `{name}`"))
        .here("this element is a name that is not declared")
        .help(format!("an element that is a text stands in quotes: `\"{name}\"`"))
}

/// A word without quotes that is an element of a set.
pub(in crate::sema) fn unquoted_element(name: &str, at: Span, set: &str) -> Diagnostic {
    Diagnostic::error("undefined-name", at, format!("nothing is called `{name}`"))
        .here(format!("the set `{set}` has an element of this name"))
        .help(format!("an element that is a text stands in quotes: `\"{name}\"`"))
}

/// A name where only one of a few may stand.
pub(in crate::sema) fn undefined_among(name: &str, at: Span, known: &[&str]) -> Diagnostic {
    let near = crate::diag::near::nearest(name, known.iter().copied());
    let near: Vec<String> = near.into_iter().map(str::to_string).collect();
    let d =
        Diagnostic::error("undefined-name", at, format!("nothing is called `{name}`")).here("not declared anywhere");
    with_near(d, &near, &format!("known here: {}", known.join(", ")))
}

pub(in crate::sema) fn duplicate(name: &str, at: Span, first: Span) -> Diagnostic {
    Diagnostic::error("duplicate-name", at, format!("`{name}` is declared twice"))
        .here("the second declaration")
        .label(first, "the first one")
        .help("give one of them another name")
}

pub(in crate::sema) fn hides(name: &str, at: Span, hidden: Span) -> Diagnostic {
    Diagnostic::error("duplicate-name", at, format!("the generator name `{name}` hides another `{name}`"))
        .here("bound here")
        .label(hidden, "this one would be out of sight")
        .help("choose another name for the element")
}

pub(in crate::sema) fn cycle(steps: &[(String, Span, Span)], used_at: Span) -> Diagnostic {
    let mut names: Vec<String> = steps.iter().map(|(n, _, _)| format!("`{n}`")).collect();
    names.push(names[0].clone());
    let mut d = Diagnostic::error("cycle", steps[0].1, format!("`{}` is defined by itself", steps[0].0))
        .here(format!("the chain is {}", names.join(" → ")));
    for (name, _, used) in &steps[1..] {
        d = d.label(*used, format!("`{name}` is needed here"));
    }
    d.label(used_at, format!("`{}` is needed here", steps[0].0))
        .help("break the chain: one of these must be known without the others")
}

pub(in crate::sema) fn not_well_founded(label: &str, at: Span) -> Diagnostic {
    Diagnostic::error("cycle", at, format!("`{label}` is defined by itself"))
        .here("each element may only read elements that do not read it in turn")
        .help("give the first element a value of its own: `if k == 0 then ... else ...`")
}

pub(in crate::sema) fn too_deep(at: Span) -> Diagnostic {
    Diagnostic::error("unbounded-recursion", at, "definitions lean on each other too deeply")
        .here("no deeper than this")
        .help("write the chain as one indexed `let`")
}

pub(in crate::sema) fn unbounded_recursion(name: &str, at: Span, defined: Span) -> Diagnostic {
    Diagnostic::error("unbounded-recursion", at, format!("`{name}` calls itself without end"))
        .here("200 calls deep here")
        .label(defined, "defined here")
        .help("a `def` may call itself only under an `if` on data that ends it")
}

pub(in crate::sema) fn arity(
    name: &str,
    found: usize,
    wanted: &RangeInclusive<usize>,
    at: Span,
    defined: Option<Span>,
) -> Diagnostic {
    let (low, high) = (*wanted.start(), *wanted.end());
    let s = |n: usize| if n == 1 { "1 argument".to_string() } else { format!("{n} arguments") };
    let takes = if low == high {
        s(low)
    } else if high >= 99 {
        format!("at least {}", s(low))
    } else {
        format!("{low} to {}", s(high))
    };
    let d = Diagnostic::error("wrong-arity", at, format!("`{name}` takes {takes}, not {found}"))
        .here(format!("{} here", s(found)));
    match defined {
        Some(span) => d.label(span, "defined here"),
        None => d,
    }
}

pub(in crate::sema) fn formal_rank(formal: &Ident, rank: usize, found: &str, at: Span) -> Diagnostic {
    Diagnostic::error("shape-mismatch", at, format!("`{}` must have {rank} index sets", formal.name))
        .here(format!("this is an array {found}"))
        .label(formal.span, "declared here")
}

pub(in crate::sema) fn not_an_aggregate(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("`{name}` cannot be taken over a generator"))
        .help("over generators: sum, prod, min, max, mean, norm, norm1, norminf, sumsq, logsumexp, expect")
}

pub(in crate::sema) fn function_without_call(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("`{name}` is a function")).help(format!("call it: `{name}(...)`"))
}

pub(in crate::sema) fn no_field(name: &str, at: Span, known: &[String], origin: Span) -> Diagnostic {
    let near = crate::diag::near::nearest(name, known.iter().map(String::as_str));
    let near: Vec<String> = near.into_iter().map(str::to_string).collect();
    let d = Diagnostic::error("no-such-field", at, format!("there is no `{name}` here")).here("not found").label(
        origin,
        if known.is_empty() { "this has no fields".to_string() } else { format!("this has {}", listed(known, 12)) },
    );
    with_near(d, &near, "")
}

pub(in crate::sema) fn no_fields(what: &str, name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("no-such-field", at, format!("{what} has no field `{name}`")).here("not found")
}

pub(in crate::sema) fn unknown_module(name: &str, at: Span, near: &[String]) -> Diagnostic {
    let d = Diagnostic::error("undefined-name", at, format!("there is no module `{name}`"));
    with_near(d, near, "known: std.losses, std.norms, std.projections, std.stats; files are named in quotes")
}
