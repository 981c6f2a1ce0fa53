//! What can be wrong with the meaning of a model: one function for each mistake, with its sentence.

use super::value::{Array, set_text};
use crate::diag::{Diagnostic, Span};
use crate::problem::index::{Axes, Set};
use crate::syntax::ast::Ident;
use std::ops::RangeInclusive;

type Sided<'a> = (&'a Array, Span);

fn near_help(near: &[String]) -> Option<String> {
    let quoted: Vec<String> = near.iter().take(3).map(|n| format!("`{n}`")).collect();
    (!quoted.is_empty()).then(|| format!("did you mean {}?", quoted.join(" or ")))
}

fn with_near(d: Diagnostic, near: &[String], otherwise: &str) -> Diagnostic {
    match near_help(near) {
        Some(text) => d.help(text),
        None if otherwise.is_empty() => d,
        None => d.help(otherwise),
    }
}

fn listed(items: &[String], most: usize) -> String {
    let mut text = items.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > most {
        text += &format!(" and {} more", items.len() - most);
    }
    text
}

pub(super) fn undefined(name: &str, at: Span, near: &[String]) -> Diagnostic {
    let d =
        Diagnostic::error("undefined-name", at, format!("nothing is called `{name}`")).here("not declared anywhere");
    with_near(d, near, "declare it with `param`, `data`, `set`, `var`, `let` or `def`")
}

/// A name where only one of a few may stand.
pub(super) fn undefined_among(name: &str, at: Span, known: &[&str]) -> Diagnostic {
    let near = crate::diag::near::nearest(name, known.iter().copied());
    let near: Vec<String> = near.into_iter().map(str::to_string).collect();
    let d =
        Diagnostic::error("undefined-name", at, format!("nothing is called `{name}`")).here("not declared anywhere");
    with_near(d, &near, &format!("known here: {}", known.join(", ")))
}

pub(super) fn duplicate(name: &str, at: Span, first: Span) -> Diagnostic {
    Diagnostic::error("duplicate-name", at, format!("`{name}` is declared twice"))
        .here("the second declaration")
        .label(first, "the first one")
        .help("give one of them another name")
}

pub(super) fn hides(name: &str, at: Span, hidden: Span) -> Diagnostic {
    Diagnostic::error("duplicate-name", at, format!("the generator name `{name}` hides another `{name}`"))
        .here("bound here")
        .label(hidden, "this one would be out of sight")
        .help("choose another name for the element")
}

pub(super) fn cycle(steps: &[(String, Span, Span)], used_at: Span) -> Diagnostic {
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

pub(super) fn not_well_founded(label: &str, at: Span) -> Diagnostic {
    Diagnostic::error("cycle", at, format!("`{label}` is defined by itself"))
        .here("each element may only read elements that do not read it in turn")
        .help("give the first element a value of its own: `if k == 0 then ... else ...`")
}

pub(super) fn recurrence_in_sum(name: &str, at: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("cycle", at, format!("`{name}` reads itself inside a sum that is not added up directly"))
        .here("here")
        .label(declared, "declared here")
        .help("a recurrence may read itself plainly (`s[k-1]`) or in a sum at the top of its value")
}

pub(super) fn derivative_of_recurrence(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error(
        "not-differentiable",
        at,
        format!("the derivative of `{name}`, which reads itself, cannot be written out"),
    )
    .help("differentiate an expression that does not go through a recurrence")
}

pub(super) fn derivative_of_eigenvalue(at: Span) -> Diagnostic {
    Diagnostic::error("not-differentiable", at, "the derivative of an eigenvalue cannot be written out")
        .help("methods differentiate `eigmax` by themselves; state a problem with it instead of its derivative")
}

pub(super) fn too_deep(at: Span) -> Diagnostic {
    Diagnostic::error("unbounded-recursion", at, "definitions lean on each other too deeply")
        .here("no deeper than this")
        .help("write the chain as one indexed `let`")
}

pub(super) fn unbounded_recursion(name: &str, at: Span, defined: Span) -> Diagnostic {
    Diagnostic::error("unbounded-recursion", at, format!("`{name}` calls itself without end"))
        .here("200 calls deep here")
        .label(defined, "defined here")
        .help("a `def` may call itself only under an `if` on data that ends it")
}

pub(super) fn too_large(at: Span, size: usize) -> Diagnostic {
    Diagnostic::error("too-large", at, format!("this has {size} elements, more than can be handled"))
        .help("a product of sets was perhaps not meant: join with `where a == b`")
}

pub(super) fn expected(what: &str, found: &str, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("expected {what}, found {found}")).here(format!("this is {found}"))
}

pub(super) fn array_for_number(shape: &str, origin: Span, at: Span) -> Diagnostic {
    Diagnostic::error("shape-mismatch", at, format!("expected a number, found an array {shape}"))
        .here("a number is needed here")
        .label(origin, "its shape comes from here")
        .help("take an element `x[i]`, or a `sum`, `dot` or `norm` of it")
}

pub(super) fn shape_mismatch(verb: &str, a: Sided, b: Sided) -> Diagnostic {
    let same_size = a.0.0.sets.iter().map(Set::len).eq(b.0.0.sets.iter().map(Set::len));
    let help = if same_size && a.0.0.row == b.0.0.row {
        "equal lengths are not enough: the index sets must be the same; `vec(...)` renumbers from 1"
    } else if verb == "multiply" {
        "transpose one side with `'`, or use `.*` for elementwise"
    } else {
        "both sides must run over the same index sets"
    };
    let mut d = Diagnostic::error(
        "shape-mismatch",
        a.1.to(b.1),
        format!("cannot {verb} {} and {}", a.0.describe(), b.0.describe()),
    )
    .here("the shapes do not fit")
    .label(a.1, format!("this is {}", a.0.describe()))
    .label(b.1, format!("this is {}", b.0.describe()));
    for (side, at) in [a, b] {
        if side.0.origin != at {
            d = d.label(side.0.origin, format!("{} comes from here", side.shape()));
        }
    }
    d.help(help)
}

pub(super) fn vector_times_vector(a: Sided, b: Sided, at: Span) -> Diagnostic {
    Diagnostic::error("vector-times-vector", at, "`*` of two vectors has two readings")
        .here("which product is meant?")
        .label(a.1, format!("a vector {}", a.0.describe()))
        .label(b.1, format!("a vector {}", b.0.describe()))
        .help("write `dot(x, y)` or `x' * y` for the number, `x .* y` for the elementwise product, `x * y'` for the matrix")
}

pub(super) fn array_operator(divide: bool, a: Span, b: Span, at: Span) -> Diagnostic {
    let (op, elementwise) = if divide { ("/", "./") } else { ("^", ".^") };
    Diagnostic::error("shape-mismatch", at, format!("`{op}` is for numbers; arrays have `{elementwise}`"))
        .here("this is not defined for arrays")
        .label(a, "the left side")
        .label(b, "the right side")
        .help(format!("write `{elementwise}` for the elementwise operation"))
}

pub(super) fn transpose_rank(rank: usize, at: Span) -> Diagnostic {
    Diagnostic::error("shape-mismatch", at, format!("an array over {rank} sets cannot be transposed"))
        .help("`'` is for vectors and matrices")
}

pub(super) fn not_square(sizes: &[usize], at: Span, origin: Span) -> Diagnostic {
    let shape: Vec<String> = sizes.iter().map(usize::to_string).collect();
    Diagnostic::error("shape-mismatch", at, format!("a square matrix is needed, this is {}", shape.join("×")))
        .here("not square")
        .label(origin, "its shape comes from here")
}

pub(super) fn ragged_literal(row: usize, found: usize, wanted: usize, at: Span, first: Span) -> Diagnostic {
    Diagnostic::error("shape-mismatch", at, format!("row {row} has {found} entries, the first one has {wanted}"))
        .here(format!("{found} entries"))
        .label(first, format!("{wanted} entries"))
        .help("rows end at line ends and at `;`; a row may go on after a comma")
}

pub(super) fn param_shape(name: &str, axes: &Axes, declared: Span, a: &Array, at: Span) -> Diagnostic {
    let sets: Vec<String> = axes.sets.iter().map(set_text).collect();
    let sizes: Vec<String> = axes.sets.iter().map(|s| s.len().to_string()).collect();
    Diagnostic::error(
        "shape-mismatch",
        at,
        format!("`{name}` is {} over {}, but its value is {}", sizes.join("×"), sets.join(", "), a.describe()),
    )
    .here(format!("this is {}", a.shape()))
    .label(declared, format!("declared as {}", sizes.join("×")))
}

pub(super) fn bound_shape(axes: &Axes, a: &Array, at: Span) -> Diagnostic {
    let sizes: Vec<String> = axes.sets.iter().map(|s| s.len().to_string()).collect();
    let shape = if sizes.is_empty() { "a number".to_string() } else { sizes.join("×") };
    Diagnostic::error("shape-mismatch", at, format!("this must be {shape}, it is {}", a.describe()))
        .here(format!("this is {}", a.shape()))
        .label(a.0.origin, "its shape comes from here")
}

pub(super) fn subscripts(found: usize, wanted: usize, at: Span, origin: Span) -> Diagnostic {
    let s = |n: usize| if n == 1 { "1 subscript".to_string() } else { format!("{n} subscripts") };
    Diagnostic::error(
        "wrong-arity",
        at,
        format!("{} where {} {} needed", s(found), s(wanted), if wanted == 1 { "is" } else { "are" }),
    )
    .here(s(found))
    .label(origin, format!("this has {wanted}"))
}

pub(super) fn not_subscriptable(what: &str, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("{what} has no elements to subscript")).here("subscripted here")
}

pub(super) fn arity(
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

pub(super) fn formal_rank(formal: &Ident, rank: usize, found: &str, at: Span) -> Diagnostic {
    Diagnostic::error("shape-mismatch", at, format!("`{}` must have {rank} index sets", formal.name))
        .here(format!("this is an array {found}"))
        .label(formal.span, "declared here")
}

pub(super) fn pattern_width(names: usize, width: usize, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-arity", at, format!("{names} names for elements of {width} parts"))
        .here("the pattern does not fit the elements of the set")
}

pub(super) fn outside(value: &str, set: &Set, at: Span, origin: Span) -> Diagnostic {
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

pub(super) fn filtered_out(label: &str, origin: Span) -> Diagnostic {
    Diagnostic::error(
        "index-outside",
        origin,
        format!("the element {label} was filtered out by the `where` of its declaration"),
    )
    .here("declared here")
    .help("use the same `where` where it is read")
}

pub(super) fn no_neighbour(which: &str, element: &str, set: &Set, at: Span) -> Diagnostic {
    let end = if which == "next" { "last" } else { "first" };
    Diagnostic::error(
        "index-outside",
        at,
        format!("{element} is the {end} element of {} and has no `{which}`", set_text(set)),
    )
    .help("leave it out by `where`, or guard it by `if`")
}

pub(super) fn empty(what: &str, at: Span) -> Diagnostic {
    Diagnostic::error("empty-set", at, format!("`{what}` over an empty set has no value"))
        .here("nothing is left here")
        .help("over an empty set `sum` is 0 and `prod` is 1; `min`, `max` and `mean` have no value")
}

pub(super) fn variable_in_where(at: Span) -> Diagnostic {
    Diagnostic::error("variable-in-where", at, "a `where` cannot depend on a variable")
        .here("this depends on a variable")
        .help("which elements exist must be known before solving; multiply by a binary variable, or use `if ... then ... else 0`")
}

pub(super) fn variable_as_index(at: Span) -> Diagnostic {
    Diagnostic::error("variable-as-index", at, "an index cannot depend on a variable")
        .here("this depends on a variable")
        .help("which element is read must be known before solving; sum over all elements with binary variables instead")
}

pub(super) fn structure_from_variable(at: Span) -> Diagnostic {
    Diagnostic::error("variable-as-index", at, "a set cannot depend on a variable")
        .here("this depends on a variable")
        .help("which elements exist must be known before solving; give the set its largest size, and elements a binary variable")
}

pub(super) fn variable_in_param(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("variable-in-data", at, format!("the parameter `{name}` cannot depend on a variable"))
        .here("this depends on a variable")
        .help("name the expression with `let`")
}

pub(super) fn variable_in_data(at: Span) -> Diagnostic {
    Diagnostic::error("variable-in-data", at, "bounds, starts and options cannot depend on a variable")
        .here("this depends on a variable")
        .help("state a bound that moves as a constraint")
}

pub(super) fn number_as_condition(value: f64, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("expected a condition, found the number {value}"))
        .help("compare it with something: `!= 0`")
}

pub(super) fn not_whole(value: f64, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("expected a whole number, found {value}")).here("decides a size")
}

pub(super) fn bad_range(a: f64, b: f64, step: f64, at: Span) -> Diagnostic {
    Diagnostic::error("bad-range", at, format!("the range {a}..{b} by {step} has no end"))
        .help("both ends must be finite and the step not 0")
}

/// Both ends belong to a range, so steps of 1 must lead from one to the other.
pub(super) fn range_misses_end(a: f64, b: f64, at: Span) -> Diagnostic {
    let last = a + (b - a).floor();
    let whole = if b < a { "is empty".to_string() } else { format!("would end at {last}") };
    Diagnostic::error("bad-range", at, format!("no steps of 1 lead from {a} to {b}: the range {whole}"))
        .here(format!("its end is {b}"))
        .help(format!("give a whole number of steps, or say `by`: `{a}..{b} by 1` ends at the last step before {b}"))
}

pub(super) fn repeated_element(element: &str, at: Span) -> Diagnostic {
    Diagnostic::warning("repeated-element", at, format!("{element} stands twice in this set")).help("it counts once")
}

pub(super) fn family_without_index(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "this is a family of sets; one of them must be chosen")
        .help("give it a subscript: `NEAR[v]`")
}

pub(super) fn sample_outside_expectation(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "`~` draws a sample, which only `expect` does")
        .help("write `expect(z ~ normal(0, 1): ...)`")
}

pub(super) fn not_a_distribution(at: Span, known: &[&str]) -> Diagnostic {
    Diagnostic::error("undefined-name", at, "expected a distribution").help(format!("known ones: {}", known.join(", ")))
}

pub(super) fn not_an_aggregate(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("`{name}` cannot be taken over a generator"))
        .help("over generators: sum, prod, min, max, mean, norm, norm1, norminf, sumsq, logsumexp, expect")
}

pub(super) fn function_without_call(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("`{name}` is a function")).help(format!("call it: `{name}(...)`"))
}

pub(super) fn no_field(name: &str, at: Span, known: &[String], origin: Span) -> Diagnostic {
    let near = crate::diag::near::nearest(name, known.iter().map(String::as_str));
    let near: Vec<String> = near.into_iter().map(str::to_string).collect();
    let d = Diagnostic::error("no-such-field", at, format!("there is no `{name}` here")).here("not found").label(
        origin,
        if known.is_empty() { "this has no fields".to_string() } else { format!("this has {}", listed(known, 12)) },
    );
    with_near(d, &near, "")
}

pub(super) fn no_fields(what: &str, name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("no-such-field", at, format!("{what} has no field `{name}`")).here("not found")
}

pub(super) fn text_column(name: &str, at: Span, table: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("column `{name}` holds texts, not numbers"))
        .label(table, "the table")
        .help("leave it out: `columns(table, except \"name\")`")
}

pub(super) fn text_among_numbers(name: &str, cell: &str, at: Span, used: Span) -> Diagnostic {
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

pub(super) fn norm_order(p: f64, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("there is no norm of order {p}"))
        .help("the order is at least 1, or `inf`")
}

pub(super) fn singular(at: Span, origin: Span) -> Diagnostic {
    Diagnostic::error("singular-matrix", at, "this matrix has no inverse").label(origin, "it comes from here")
}

pub(super) fn bad_table(xs: &[f64], ys: usize, x_at: Span, y_at: Span) -> Diagnostic {
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

pub(super) fn missing_param(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("missing-data", at, format!("`{name}` has no value"))
        .here("declared without one")
        .help(format!("give it on the command line: `--param {name}=...`, or in the model: `= ...`"))
}

pub(super) fn missing_keys(name: &str, missing: &[String], at: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("missing-data", at, format!("`{name}` has no value for {}", listed(missing, 5)))
        .here("the values that are given")
        .label(declared, "declared here")
        .help("add them, or say `default 0`")
}

/// `meant` are elements without a value of which the surplus keys are probably misspellings.
pub(super) fn surplus_keys(name: &str, wrong: &[(String, Span)], meant: &[String], declared: Span) -> Diagnostic {
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

pub(super) fn duplicate_key(key: &str, at: Span, first: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("duplicate-key", at, format!("the key {key} stands in two rows"))
        .here("again")
        .label(first, "first")
        .label(declared, "this column is the key")
}

pub(super) fn key_given_twice(key: &str, at: Span, first: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("duplicate-key", at, format!("the key {key} is given twice"))
        .here("again")
        .label(first, "first")
        .label(declared, "declared here")
}

pub(super) fn key_without_table(at: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "only a table has a key").label(declared, "this is no table")
}

pub(super) fn check_failed(label: &str, value: f64, at: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("check-failed", at, format!("`{label}` is {value}, which breaks its promise"))
        .here("promised here")
        .label(declared, "declared here")
}

pub(super) fn unreadable(path: &str, why: &str, at: Span) -> Diagnostic {
    Diagnostic::error("unreadable-file", at, format!("cannot read `{path}`: {why}"))
        .here("named here")
        .help("paths in a model are relative to its own folder")
}

pub(super) fn unknown_format(format: &str, at: Span) -> Diagnostic {
    Diagnostic::error("unreadable-file", at, format!("no reader for `.{format}` files"))
        .help("known: .csv, .json, .svmlight")
}

pub(super) fn unknown_input(name: &str, at: Span, near: &[String]) -> Diagnostic {
    let d = Diagnostic::error("unknown-input", at, format!("the model has no parameter, set or table `{name}`"));
    with_near(d, near, "names are given as `--param name=value` and `--data name=path`")
}

pub(super) fn unknown_module(name: &str, at: Span, near: &[String]) -> Diagnostic {
    let d = Diagnostic::error("undefined-name", at, format!("there is no module `{name}`"));
    with_near(d, near, "known: std.losses, std.norms, std.projections, std.stats; files are named in quotes")
}

pub(super) fn bad_bound(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "a bound is `>=`, `<=` or `in [lo, hi]`").help("write `var x in [lo, hi]`")
}

pub(super) fn bad_domain(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "this is no domain of a variable")
        .help("domains: [lo, hi], a..b, simplex, ball(r), soc, psd, permutation(n), subset(k)")
}

pub(super) fn bad_scale(value: f64, at: Span) -> Diagnostic {
    Diagnostic::error("bad-scale", at, format!("a scale is a positive number, not {value}"))
        .here("a typical size of what it belongs to")
}

pub(super) fn not_a_relation(at: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", at, "a constraint needs `<=`, `>=` or `==`")
        .here("this is only an expression")
        .help("state what must hold: `... <= 0`")
}

pub(super) fn strict_row(at: Span, row: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", row, "a constraint cannot be strict")
        .label(at, "after `<` or `>`")
        .help("write `<=` or `>=`, with a margin if one is meant")
}

pub(super) fn bad_row_relation(at: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", at, "a constraint needs `<=`, `>=` or `==`")
}

pub(super) fn two_sided(at: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", at, "a two-sided constraint is `data <= expression <= data`")
        .help("split it into two constraints")
}

pub(super) fn data_complement(at: Span, row: Span) -> Diagnostic {
    Diagnostic::error("bad-complementarity", row, "both sides of `perp` must depend on variables")
        .label(at, "this is data")
        .help("state a condition on data with `ensure`, or a row without `perp`")
}

pub(super) fn perp_without_sides(at: Span, row: Span) -> Diagnostic {
    Diagnostic::error("bad-complementarity", row, "nothing says between which sides this complementarity is")
        .label(at, "this is not a variable by itself, whose bounds would count")
        .help("write `0 <= a perp b >= 0`, `lo <= a <= hi perp b`, or `a perp b == 0` where `a` has no sides")
}

pub(super) fn perp_sides(row: Span) -> Diagnostic {
    Diagnostic::error("bad-complementarity", row, "a complementarity has two inequalities at most")
        .help("write one on either side (`0 <= a perp b >= 0`) or two on one side (`lo <= a <= hi perp b`)")
}

pub(super) fn impossible_row(label: &str, a: f64, b: f64, at: Span) -> Diagnostic {
    Diagnostic::error("impossible-row", at, format!("`{label}` has no variables and does not hold"))
        .here(format!("the left side is {a}, the right side {b}"))
        .help("a fact about data is checked by `ensure`, or by a check on `param`")
}

pub(super) fn unused_scale(label: &str, why: &str, at: Span) -> Diagnostic {
    Diagnostic::warning("unused-scale", at, format!("the `scale` of `{label}` is not used: {why}"))
        .help("leave it out, or write the row in the size that is wanted")
}

pub(super) fn constant_row(label: &str, at: Span) -> Diagnostic {
    Diagnostic::warning("constant-row", at, format!("`{label}` has no variables; it holds whatever they are"))
}

pub(super) fn not_a_cone(at: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", at, "a constraint `... in ...` needs a cone").help("cones: soc, psd")
}

pub(super) fn indexed_objective(at: Span) -> Diagnostic {
    Diagnostic::error("not-a-relation", at, "an objective has no index")
        .help("sum over it: `minimize total: sum(i in I: ...)`")
}

pub(super) fn cannot_show(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "only numbers and arrays can be shown")
}

pub(super) fn bad_channel(at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, "an oracle answers via `command(\"...\")`, `host` or `asking`")
}

pub(super) fn no_parameter(at: Span) -> Diagnostic {
    Diagnostic::error(
        "not-differentiable",
        at,
        "sensitivities are taken to a parameter, a column of data, or one element",
    )
    .here("this is neither")
    .help("name what is given, such as `c`, `c[2]` or `train.y`; for what is computed from it, ask for that")
}

pub(super) fn structural_parameter(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("not-differentiable", at, format!("`{name}` decides a set, a shape or a branch of the model"))
        .here("nothing varies smoothly with it")
        .help("ask for the sensitivity to a parameter that only enters as a number, or solve again with another value")
}

pub(super) fn nested_sensitivity(at: Span) -> Diagnostic {
    Diagnostic::error("not-differentiable", at, "a sensitivity of a sensitivity is not computed")
        .help("take the difference of two solves whose parameters differ a little")
}

pub(super) fn judge_sees_variables(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error(
        "judge-sees-variables",
        at,
        format!("`{name}` is asked about its arguments, but its expression reads variables"),
    )
    .help("give what it reads as an argument")
}

pub(super) fn ranks_are_no_numbers(name: &str, declared: Span, at: Span, why: &str) -> Diagnostic {
    Diagnostic::error("ranks-are-no-numbers", at, format!("`{name}` only ranks candidates: {why}"))
        .label(declared, "it ranks, so that nobody knows how good a candidate is")
        .help(format!("state the objective as `minimize {name}(...)` or `maximize {name}(...)` alone, or let the oracle give values"))
}

pub(super) fn asks_about_answers(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error(
        "oracle-of-oracle",
        at,
        format!("what `{name}` is asked about depends on the answer of an oracle"),
    )
    .help("ask about variables and data only; a program behind `command` may ask another one itself")
}

pub(super) fn number_for_array(name: &str, declared: Span, at: Span) -> Diagnostic {
    Diagnostic::error("shape-mismatch", at, format!("`{name}` is an array, and this is not one"))
        .label(declared, "its index")
        .help("give an array over the same sets")
}

pub(super) fn not_differentiable_by(at: Span) -> Diagnostic {
    Diagnostic::error("not-differentiable", at, "derivatives are taken by a variable or a parameter")
        .here("this is neither")
        .help("name a whole `var` or `param`")
}
