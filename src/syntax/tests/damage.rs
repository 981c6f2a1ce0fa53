//! Damaged models: never a panic, and little is lost.

use super::super::{TokenKind, parse, tokens};
use super::{Dice, models, shape};
use crate::diag::SourceId;

const HERE: SourceId = SourceId(0);

/// Statements and rows of a clean model that a damaged version of it no longer has.
fn lost(text: &str, damaged: &str) -> usize {
    let clean = pieces_that_parse(text);
    clean.saturating_sub(pieces_that_parse(damaged))
}

/// Statements, and rows of blocks, in the tree of a text.
fn pieces_that_parse(text: &str) -> usize {
    let (file, _) = parse(HERE, text);
    nodes(&file.statements)
}

fn nodes(statements: &[crate::syntax::ast::Statement]) -> usize {
    use crate::syntax::ast::StatementKind;
    let one = |statement: &crate::syntax::ast::Statement| match &statement.kind {
        StatementKind::SubjectTo { rows, .. } => 1 + rows.len(),
        StatementKind::Block { body, .. } => 1 + nodes(body),
        _ => 1,
    };
    statements.iter().map(one).sum()
}

#[test]
fn one_bracket_less_costs_at_most_one_statement_mostly() {
    let (mut trials, mut cheap, mut single) = (0, 0, 0);
    for (_, text) in models("examples") {
        for token in tokens(&text).iter().filter(|token| token.kind == TokenKind::Bracket) {
            let damaged = format!("{}{}", &text[..token.start], &text[token.end..]);
            trials += 1;
            cheap += usize::from(lost(&text, &damaged) <= 1);
            single += usize::from(parse(HERE, &damaged).1.len() == 1);
        }
    }
    println!("{trials} brackets deleted: {cheap} lost at most one statement, {single} gave one diagnostic");
    assert!(trials > 500);
    assert!(cheap * 100 >= trials * 90, "{cheap} of {trials} lost at most one statement");
    assert!(single * 100 >= trials * 85, "{single} of {trials} gave exactly one diagnostic");
}

#[test]
fn damaged_tokens_never_panic() {
    let mut dice = Dice(0xD1B54A32D192ED03);
    let (mut trials, mut cheap) = (0, 0);
    for (_, text) in models("examples").into_iter().chain(models("tests/syntax")) {
        let found = tokens(&text);
        for _ in 0..60 {
            let token = found[dice.below(found.len())];
            let word = &text[token.start..token.end];
            let kind = dice.below(5);
            let instead = match kind {
                0 => String::new(),
                1 => format!("{word} {word}"),
                2 => word.chars().rev().collect(),
                3 => ["(", "]", "}", "{", "\"", "é", "∑", "..", "'", "\t", ";", ":"][dice.below(12)].to_string(),
                _ => text[found[dice.below(found.len())].start..].chars().take(9).collect(),
            };
            let damaged = format!("{}{instead}{}", &text[..token.start], &text[token.end..]);
            let (_, diagnostics) = parse(HERE, &damaged);
            if kind < 3 && token.kind != TokenKind::Comment {
                // Deleted, doubled or misspelled.
                trials += 1;
                cheap += usize::from(lost(&text, &damaged) <= 1);
            }
            for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
                let (start, end) = (label.span.start as usize, label.span.end as usize);
                assert!(start <= end && damaged.get(start..end).is_some(), "{label:?} in\n{damaged}");
            }
        }
    }
    println!("{trials} tokens deleted, doubled or misspelled: {cheap} lost at most one statement");
    assert!(cheap * 100 >= trials * 95, "{cheap} of {trials} lost at most one statement");
}

#[test]
fn arbitrary_characters_never_panic() {
    let alphabet: Vec<char> = "ab1.5e+-*/^'\"()[]{},;:=<>~ \n\t#∑²⊥∈≤−·é_\\&if then else where in".chars().collect();
    let mut dice = Dice(0xA0761D6478BD642F);
    for _ in 0..4000 {
        let text: String = (0..dice.below(60)).map(|_| alphabet[dice.below(alphabet.len())]).collect();
        let (_, diagnostics) = parse(HERE, &text);
        for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
            assert!(text.get(label.span.start as usize..label.span.end as usize).is_some(), "{label:?} in {text:?}");
        }
        let _ = super::super::parse_expression(HERE, &text);
    }
}

#[test]
fn deep_nesting_is_refused_and_long_sums_are_not() {
    let n = 20_000;
    let deep = [
        format!("{}x{}", "(".repeat(n), ")".repeat(n)),
        format!("{}x{}", "[".repeat(n), "]".repeat(n)),
        format!("{}x", "-".repeat(n)),
        format!("{}x", "not ".repeat(n)),
        format!("x{}", "'".repeat(n)),
        format!("x{}", "^x".repeat(n)),
        format!("x{}", "*x".repeat(n)),
        format!("x{}", ".x".repeat(n)),
        format!("x{}", "[1]".repeat(n)),
        format!("f{}", "(1)".repeat(n)),
        format!("{}x", "if c then a else ".repeat(n)),
        format!("{}x{}", "(a*a*a*".repeat(100), ")".repeat(100)),
        format!("{}x{}", "(".repeat(100), "*a*a*a)".repeat(100)),
        format!("{}x{}", "if c then a + ".repeat(250), " else b".repeat(250)),
    ];
    for text in &deep {
        let (file, diagnostics) = parse(HERE, &format!("let y = {text}\n"));
        assert!(file.statements.is_empty());
        assert_eq!(diagnostics.len(), 1, "{}", &text[..40]);
        assert_eq!(diagnostics[0].id, "too-deep");
    }
    // What is just shallow enough is read, printed and read again.
    let shapes = [
        ("(1 + ", ")", 190),
        ("f(1, ", ")", 95),
        ("sum(i in I where c: ", ")", 95),
        ("[1, ", "]", 190),
        ("{i in I where c: ", "}", 190),
        ("x[", "]", 95),
        ("if c then a else ", "", 190),
        ("a * (b - ", ")", 95),
        ("-", "", 190),
        ("not ", "", 190),
        ("x ^ ", "", 190),
    ];
    for (open, close, n) in shapes {
        let nested = format!("let y = {}x{}\n", open.repeat(n), close.repeat(n));
        let (file, diagnostics) = parse(HERE, &nested);
        assert!(diagnostics.is_empty(), "{open}: {:?}", diagnostics[0]);
        let (again, _) = parse(HERE, &super::super::print::file(&file));
        assert_eq!(shape(&file), shape(&again), "{open}");
    }
    let long = format!("let y = x{}\n", " + x * 2 - f(x)[1]".repeat(n));
    let (file, diagnostics) = parse(HERE, &long);
    assert!(diagnostics.is_empty());
    assert!(shape(&file).contains("Sum"));
    let blocks = format!("{}{}", "lower a {\n".repeat(n), "}\n".repeat(n));
    assert!(parse(HERE, &blocks).1.iter().any(|diagnostic| diagnostic.id == "too-deep"));
}
