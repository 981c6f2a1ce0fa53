//! Shapes that do not fit, and values of another kind.

use super::Sided;
use crate::diag::{Diagnostic, Span};
use crate::problem::index::{Axes, Set};
use crate::sema::value::{Array, set_text};

pub(in crate::sema) fn array_in_array(at: Span) -> Diagnostic {
    Diagnostic::error("shape-mismatch", at, "an array has numbers inside, not arrays")
        .here("an array of its own")
        .help("a matrix has one pair of brackets, and `;` between its rows: `[1, 2; 3, 4]`")
}

pub(in crate::sema) fn expected(what: &str, found: &str, at: Span) -> Diagnostic {
    let d = Diagnostic::error("wrong-kind", at, format!("expected {what}, found {found}"));
    let d = d.here(format!("this is {found}"));
    match (what, found) {
        ("a set", "a number") => d.help("the set of the numbers from 1 to `n` is `1..n`"),
        _ => d,
    }
}

pub(in crate::sema) fn array_for_number(shape: &str, origin: Span, at: Span) -> Diagnostic {
    Diagnostic::error("shape-mismatch", at, format!("expected a number, found an array {shape}"))
        .here("a number is needed here")
        .label(origin, "its shape comes from here")
        .help("take an element `x[i]`, or a `sum`, `dot` or `norm` of it")
}

pub(in crate::sema) fn shape_mismatch(verb: &str, a: Sided, b: Sided) -> Diagnostic {
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

pub(in crate::sema) fn vector_times_vector(a: Sided, b: Sided, at: Span) -> Diagnostic {
    Diagnostic::error("vector-times-vector", at, "`*` of two vectors has two readings")
        .here("which product is meant?")
        .label(a.1, format!("a vector {}", a.0.describe()))
        .label(b.1, format!("a vector {}", b.0.describe()))
        .help("write `dot(x, y)` or `x' * y` for the number, `x .* y` for the elementwise product, `x * y'` for the matrix")
}

pub(in crate::sema) fn array_operator(divide: bool, a: Span, b: Span, at: Span) -> Diagnostic {
    let (op, elementwise) = if divide { ("/", "./") } else { ("^", ".^") };
    Diagnostic::error("shape-mismatch", at, format!("`{op}` is for numbers; arrays have `{elementwise}`"))
        .here("this is not defined for arrays")
        .label(a, "the left side")
        .label(b, "the right side")
        .help(format!("write `{elementwise}` for the elementwise operation"))
}

pub(in crate::sema) fn transpose_rank(rank: usize, at: Span) -> Diagnostic {
    Diagnostic::error("shape-mismatch", at, format!("an array over {rank} sets cannot be transposed"))
        .help("`'` is for vectors and matrices")
}

pub(in crate::sema) fn not_square(sizes: &[usize], at: Span, origin: Span) -> Diagnostic {
    let shape: Vec<String> = sizes.iter().map(usize::to_string).collect();
    Diagnostic::error("shape-mismatch", at, format!("a square matrix is needed, this is {}", shape.join("×")))
        .here("not square")
        .label(origin, "its shape comes from here")
}

pub(in crate::sema) fn ragged_literal(row: usize, found: usize, wanted: usize, at: Span, first: Span) -> Diagnostic {
    Diagnostic::error("shape-mismatch", at, format!("row {row} has {found} entries, the first one has {wanted}"))
        .here(format!("{found} entries"))
        .label(first, format!("{wanted} entries"))
        .help("rows end at line ends and at `;`; a row may go on after a comma")
}

pub(in crate::sema) fn param_shape(name: &str, axes: &Axes, declared: Span, a: &Array, at: Span) -> Diagnostic {
    let sets: Vec<String> = axes.sets.iter().map(set_text).collect();
    let sizes: Vec<String> = axes.sets.iter().map(|s| s.len().to_string()).collect();
    let (shape, over) = match axes.is_scalar() {
        true => ("a number".to_string(), String::new()),
        false => (sizes.join("×"), format!(" over {}", sets.join(", "))),
    };
    let message = format!("`{name}` is {shape}{over}, but its value is {}", a.describe());
    Diagnostic::error("shape-mismatch", at, message)
        .here(format!("this is {}", a.shape()))
        .label(declared, format!("declared as {shape}"))
}

pub(in crate::sema) fn bound_shape(axes: &Axes, a: &Array, at: Span) -> Diagnostic {
    let sizes: Vec<String> = axes.sets.iter().map(|s| s.len().to_string()).collect();
    let shape = if sizes.is_empty() { "a number".to_string() } else { sizes.join("×") };
    Diagnostic::error("shape-mismatch", at, format!("this must be {shape}, it is {}", a.describe()))
        .here(format!("this is {}", a.shape()))
        .label(a.0.origin, "its shape comes from here")
}

pub(in crate::sema) fn subscripts(found: usize, wanted: usize, at: Span, origin: Span) -> Diagnostic {
    let s = |n: usize| if n == 1 { "1 subscript".to_string() } else { format!("{n} subscripts") };
    Diagnostic::error(
        "wrong-arity",
        at,
        format!("{} where {} {} needed", s(found), s(wanted), if wanted == 1 { "is" } else { "are" }),
    )
    .here(s(found))
    .label(origin, format!("this has {wanted}"))
}

pub(in crate::sema) fn not_subscriptable(what: &str, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("{what} has no elements to subscript")).here("subscripted here")
}

pub(in crate::sema) fn pattern_width(names: usize, width: usize, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-arity", at, format!("{names} names for elements of {width} parts"))
        .here("the pattern does not fit the elements of the set")
}

pub(in crate::sema) fn norm_order(p: f64, at: Span) -> Diagnostic {
    Diagnostic::error("wrong-kind", at, format!("there is no norm of order {p}"))
        .help("the order is at least 1, or `inf`")
}

pub(in crate::sema) fn singular(at: Span, origin: Span) -> Diagnostic {
    Diagnostic::error("singular-matrix", at, "this matrix has no inverse").label(origin, "it comes from here")
}

pub(in crate::sema) fn number_for_array(name: &str, declared: Span, at: Span) -> Diagnostic {
    Diagnostic::error("shape-mismatch", at, format!("`{name}` is an array, and this is not one"))
        .label(declared, "its index")
        .help("give an array over the same sets")
}
