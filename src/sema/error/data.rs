//! Numbers from the model, the command line and files.

use super::{listed, with_near};
use crate::diag::{Diagnostic, Span};

pub(in crate::sema) fn variable_in_param(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("variable-in-data", at, format!("the parameter `{name}` cannot depend on a variable"))
        .here("this depends on a variable")
        .help("name the expression with `let`")
}

pub(in crate::sema) fn variable_in_data(at: Span) -> Diagnostic {
    Diagnostic::error("variable-in-data", at, "bounds, starts and options cannot depend on a variable")
        .here("this depends on a variable")
        .help("state a bound that moves as a constraint")
}

pub(in crate::sema) fn text_column(name: &str, at: Span, table: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("column `{name}` holds texts, not numbers"))
        .label(table, "the table")
        .help("leave it out: `columns(table, except \"name\")`")
}

pub(in crate::sema) fn text_among_numbers(name: &str, cell: &str, at: Span, used: Span) -> Diagnostic {
    if cell.is_empty() {
        return Diagnostic::error("empty-cell", at, format!("a cell of column `{name}` is empty"))
            .here("a number is missing here")
            .label(used, "numbers are needed here")
            .help("fill it in or remove the row; Merit does not guess missing values");
    }
    Diagnostic::error("bad-number", at, format!("`{cell}` is not a number, but column `{name}` is used as numbers"))
        .here("the first cell that is none")
        .label(used, "numbers are needed here")
        .help("write a number, `inf` or `-inf`")
}

pub(in crate::sema) fn bad_table(xs: &[f64], ys: usize, x_at: Span, y_at: Span) -> Diagnostic {
    let count = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    let message = match xs.windows(2).position(|w| w[0] >= w[1]) {
        _ if xs.len() != ys => {
            format!("a table needs a value for each point: {}, {}", count(xs.len(), "point"), count(ys, "value"))
        }
        Some(k) => format!(
            "the points of a table must increase: point {} is {}, and point {} is {}",
            k + 1,
            xs[k],
            k + 2,
            xs[k + 1]
        ),
        None => format!("a table needs two or more points, here is {}", xs.len()),
    };
    Diagnostic::error("bad-table", x_at, message).here("the points, increasing").label(y_at, "a value for each point")
}

pub(in crate::sema) fn missing_param(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("missing-data", at, format!("`{name}` has no value"))
        .here("declared without one")
        .help(format!("give it on the command line: `--param {name}=...`, or in the model: `= ...`"))
}

pub(in crate::sema) fn missing_keys(name: &str, missing: &[String], at: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("missing-data", at, format!("`{name}` has no value for {}", listed(missing, 5)))
        .here("the values that are given")
        .label(declared, "declared here")
        .help("add them, or say `default 0`")
}

/// `meant` are elements without a value of which the surplus keys are probably misspellings.
pub(in crate::sema) fn surplus_keys(
    name: &str,
    wrong: &[(String, Span)],
    meant: &[String],
    declared: Span,
) -> Diagnostic {
    let keys: Vec<String> = wrong.iter().map(|(k, _)| k.clone()).collect();
    let mut d = Diagnostic::error("surplus-key", wrong[0].1, format!("`{name}` has no element {}", listed(&keys, 5)))
        .here(format!("{} is not in the index set", keys[0]));
    for (key, span) in wrong.iter().skip(1).take(4) {
        d = d.label(*span, format!("{key} is not in the index set"));
    }
    let d = d.label(declared, "declared here");
    let meant: Vec<String> = meant.iter().map(|label| label.trim_matches(['[', ']']).to_string()).collect();
    with_near(d, &meant, "")
}

pub(in crate::sema) fn duplicate_key(key: &str, at: Span, first: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("duplicate-key", at, format!("the key {key} stands in two rows"))
        .here("again")
        .label(first, "first")
        .label(declared, "this column is the key")
}

pub(in crate::sema) fn key_given_twice(key: &str, at: Span, first: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("duplicate-key", at, format!("the key {key} is given twice"))
        .here("again")
        .label(first, "first")
        .label(declared, "declared here")
}

pub(in crate::sema) fn key_without_table(at: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "only a table has a key").label(declared, "this is no table")
}

pub(in crate::sema) fn check_failed(label: &str, value: f64, at: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("check-failed", at, format!("`{label}` is {value}, which breaks its promise"))
        .here("promised here")
        .label(declared, "declared here")
}

pub(in crate::sema) fn unreadable(path: &str, why: &str, at: Span) -> Diagnostic {
    Diagnostic::error("unreadable-file", at, format!("cannot read `{path}`: {why}"))
        .here("named here")
        .help("paths in a model are relative to its own folder")
}

pub(in crate::sema) fn unknown_format(format: &str, at: Span) -> Diagnostic {
    Diagnostic::error("unreadable-file", at, format!("no reader for `.{format}` files"))
        .help("known: .csv, .json, .svmlight")
}

pub(in crate::sema) fn unknown_input(name: &str, at: Span, near: &[String]) -> Diagnostic {
    let d = Diagnostic::error("unknown-input", at, format!("the model has no parameter, set or table `{name}`"));
    with_near(d, near, "names are given as `--param name=value` and `--data name=path`")
}
