//! Parse, print, parse: the same tree.

use super::super::{layout::layout, parse, parse_expression, print};
use super::{models, shape};
use crate::diag::SourceId;
use std::collections::BTreeSet;

const HERE: SourceId = SourceId(0);

#[test]
fn every_model_parses_and_prints_to_the_same_tree() {
    let mut count = 0;
    for (name, text) in models("examples").into_iter().chain(models("tests/syntax")) {
        let (file, diagnostics) = parse(HERE, &text);
        assert!(diagnostics.is_empty(), "{name}: {diagnostics:#?}");
        let printed = print::file(&file);
        let (again, diagnostics) = parse(HERE, &printed);
        assert!(diagnostics.is_empty(), "{name}, printed: {diagnostics:#?}\n{printed}");
        assert_eq!(shape(&file), shape(&again), "{name}\n{printed}");
        assert_eq!(printed, print::file(&again), "{name}: printing twice differs");
        count += 1;
    }
    assert!(count >= 30, "only {count} models were found");
}

#[test]
fn the_mask_is_as_long_as_the_text() {
    for (name, text) in models("examples").into_iter().chain(models("tests/syntax")) {
        let laid_out = layout(HERE, &text, &BTreeSet::new());
        assert_eq!(laid_out.mask.len(), text.len(), "{name}");
        assert!(!laid_out.mask.contains(['\n', '\t', '\r']), "{name}");
    }
}

/// What is written, and how it is printed: parentheses by precedence alone.
#[test]
fn expressions_print_with_the_parentheses_they_need() {
    let rows = [
        ("-x^2", "-x^2"),
        ("(-x)^2", "(-x)^2"),
        ("2^-x", "2^-x"),
        ("a^b^c", "a^b^c"),
        ("(a^b)^c", "(a^b)^c"),
        ("a - (b - c)", "a - (b - c)"),
        ("(a - b) - c", "(a - b) - c"),
        ("a - b - c", "a - b - c"),
        ("((a + b)) * c", "(a + b) * c"),
        ("(a * b) / c", "a * b / c"),
        ("a / (b * c)", "a / (b * c)"),
        ("a * -b", "a * -b"),
        ("1..n - 1", "1..n-1"),
        ("x[k + 1]", "x[k+1]"),
        ("1..10 by 2", "1..10 by 2"),
        ("A union B minus C inter D cross E", "A union B minus C inter D cross E"),
        ("A union (B minus C)", "A union (B minus C)"),
        ("union(A, B)", "union(A, B)"),
        ("not a and b or c", "not a and b or c"),
        ("not (a and b)", "not (a and b)"),
        ("a or b and c", "a or b and c"),
        ("(a or b) and c", "(a or b) and c"),
        ("i not  in I", "i not in I"),
        ("i ∉ I", "i not in I"),
        ("a ≤ b ≠ c", "a <= b != c"),
        ("if c then a else b + 1", "if c then a else b + 1"),
        ("(if c then a else b) + 1", "(if c then a else b) + 1"),
        ("if c then x else y <= 3", "if c then x else y <= 3"),
        ("2 * if c then a else b", "2 * (if c then a else b)"),
        ("∇(f, x)'", "grad(f, x)'"),
        ("{}", "{}"),
        ("{(1 in A)}", "{(1 in A)}"),
        ("{i in I}", "{i in I}"),
        ("{i in I where i > 1: i^2}", "{i in I where i > 1: i^2}"),
        ("{\"a\": 350,}", "{\"a\": 350}"),
        ("[1, 2\n 3, 4]", "[1, 2; 3, 4]"),
        ("A[i, ..]", "A[i, ..]"),
        ("x[2..] - x[..n-1]", "x[2..] - x[..n - 1]"),
        ("(2)'", "(2)'"),
        ("a·b − 1_000.5e-3", "a * b - 1.0005"),
        ("1e300 + 1e-7 + inf", "1e300 + 1e-7 + inf"),
        ("2.*x ./ y .^ 2", "2 .* x ./ y.^2"),
        (
            "sum(i in 1..n, (j, k) in S where j < k: x[i] * y[j, k])",
            "sum(i in 1..n, (j, k) in S where j < k: x[i] * y[j, k])",
        ),
        ("expect(z ~ normal(0, 1): (x - z)^2)", "expect(z ~ normal(0, 1): (x - z)^2)"),
        ("columns(t, except \"y\", \"z\")", "columns(t, except \"y\", \"z\")"),
        ("b.pd + b.if", "b.pd + b.if"),
        ("\"tab\\t\\\"quoted\\\"\"", "\"tab\\t\\\"quoted\\\"\""),
    ];
    for (written, printed) in rows {
        let expr = parse_expression(HERE, written).unwrap_or_else(|wrong| panic!("{written}: {wrong:#?}"));
        assert_eq!(print::expression(&expr), printed, "{written}");
        let again = parse_expression(HERE, printed).unwrap_or_else(|wrong| panic!("{printed}: {wrong:#?}"));
        assert_eq!(print::expression(&again), printed);
    }
}

#[test]
fn spans_point_at_what_was_written() {
    let text = "# a comment\nlet r = (a + b) * c\n  - é' * z\n";
    let (file, diagnostics) = parse(HERE, text);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    let crate::syntax::ast::StatementKind::Let { value, .. } = &file.statements[0].kind else {
        panic!("not a `let`");
    };
    assert_eq!(&text[value.span.start as usize..value.span.end as usize], "(a + b) * c\n  - é' * z");
    let expr = parse_expression(HERE, "x + yy").expect("an expression");
    assert_eq!((expr.span.start, expr.span.end), (0, 6));
}
