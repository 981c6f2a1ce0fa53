//! One row per mistake: what is reported, and what is advised.

use super::super::expected::words_for;
use super::super::parse;
use super::super::parser::Rule;
use crate::diag::SourceId;
use crate::diag::catalogue::{CATALOGUE, lookup};

#[test]
fn mistakes_are_explained() {
    // Text, id, and a part of the message or help.
    let rows = [
        ("let y = x²", "unexpected-character", "^2"),
        ("let y = ∑(i in I: x)", "unexpected-character", "sum("),
        ("let y = x₁", "unexpected-character", "[1]"),
        ("let y = 1. + x", "malformed-number", "`1.0`"),
        ("let y = .5", "malformed-number", "`0.5`"),
        ("let y = 2x", "malformed-number", "`2 * x`"),
        ("let y = A^2'", "transposed-number", "(A^2)'"),
        ("let y = if c then a", "unexpected-token", "both branches"),
        ("let y = if c", "unexpected-token", "if c then a else b"),
        ("let y == 3", "unexpected-token", "`=` defines"),
        ("let y := 3", "unexpected-token", "written with `=`"),
        ("let y = x ** 2", "unexpected-token", "x ^ 2"),
        ("let y = \"abc", "unclosed-string", "never closed"),
        ("let y = (a + b", "unclosed-bracket", "never closed"),
        ("let y = (a + b]", "unclosed-bracket", "never closed"),
        ("let y = a + b)", "unopened-bracket", "closes nothing"),
        ("let y = sum(i: x[i])", "not-a-generator", "i in I"),
        ("let y = sum(2*i in I: x[i])", "not-a-generator", "only a name"),
        ("let y = sum(i in I where i > 1)", "where-without-body", "body"),
        ("let y = 1..2..3", "chained-range", "two ends"),
        ("let y = a by 2", "step-without-range", "a..b by s"),
        ("let y = {\"a\": 1, \"b\"}", "key-without-value", "no value"),
        ("let y = 1e999", "number-too-large", "inf"),
        ("let y = a &&  b", "unexpected-character", "`and`"),
        ("var 0 <= x <= 1", "unexpected-token", "in [lo, hi]"),
        ("var x, y", "unexpected-token", "one variable"),
        ("subject to {\n  a: x <= 3,\n  b: y <= 2\n}", "unexpected-token", "without a comma"),
        ("subject to {\n  a: x <=\n  b: y <= 2\n}", "unexpected-token", "end of the statement"),
        ("var x = 3", "unexpected-token", "`start`"),
        ("var if", "unexpected-token", "word of the language"),
        ("minimise x", "unexpected-token", "`minimize`"),
        ("parma n = 3", "unexpected-token", "`param`"),
        ("x + y <= 3", "unexpected-token", "subject to"),
        ("subject to x[i] <= 1 for i in 1..n", "unexpected-token", "row[i in I]"),
        ("lower fit", "unexpected-token", "braces"),
        ("let y = f(a, b", "unclosed-bracket", "never closed"),
        ("let y = f(a b)", "unexpected-token", "an operator or `)`"),
        ("let y = a +", "unexpected-token", "an expression"),
        ("let y = [1 -1]", "sign-in-array", "[1 - 1]"),
        ("subject to {\n  x <= 1\n    -y <= 2\n}", "joined-rows", "both hold a relation"),
        ("subject to {\n  x <= 1\n\t-y <= 2\n}", "mixed-indentation", "spaces"),
    ];
    for (text, id, part) in rows {
        let (_, diagnostics) = parse(SourceId(0), text);
        let first = diagnostics.first().unwrap_or_else(|| panic!("nothing is reported of {text:?}"));
        assert_eq!(first.id, id, "{text}: {diagnostics:#?}");
        assert!(lookup(id).is_some(), "{id} is not in the catalogue");
        let said = format!("{} {}", first.message, first.help.as_deref().unwrap_or(""));
        assert!(said.contains(part), "{text}: {said}");
    }
}

#[test]
fn one_run_reports_every_mistake() {
    let text =
        "let a = (1\nlet b = 2x\nlet c = 3\nsubject to {\n  r: x <= \n  s: y <= 1\n  t: z ** 2 <= 1\n}\nlet d = \n";
    let (file, diagnostics) = parse(SourceId(0), text);
    let ids: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.id).collect();
    assert!(ids.len() >= 4, "{diagnostics:#?}");
    assert!(ids.contains(&"unclosed-bracket") && ids.contains(&"malformed-number"), "{ids:?}");
    assert!(file.statements.len() >= 2, "what is right is read");
}

/// The examples on the page of a diagnostic: the first triggers it, the second is right.
#[test]
fn the_pages_of_the_catalogue_tell_the_truth() {
    let mut tried = 0;
    for entry in CATALOGUE.iter().filter(|entry| entry.room == "syntax") {
        let page = format!("{}/docs/errors/{}.md", env!("CARGO_MANIFEST_DIR"), entry.id);
        let page = std::fs::read_to_string(page).expect("every row has its page");
        let examples: Vec<&str> =
            page.split("```merit\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        let [wrong, right] = examples[..] else { continue };
        let ids: Vec<&str> = parse(SourceId(0), wrong).1.iter().map(|diagnostic| diagnostic.id).collect();
        assert!(!ids.is_empty() && ids.iter().all(|id| *id == entry.id), "{wrong}: {ids:?}");
        let (_, diagnostics) = parse(SourceId(0), right);
        assert!(diagnostics.is_empty(), "{right}: {diagnostics:#?}");
        tried += 1;
    }
    assert!(tried >= 15, "only {tried} pages have examples");
}

/// What the user is told was expected is never the name of a rule.
#[test]
fn rules_are_called_by_the_words_of_the_user() {
    for rule in Rule::all_rules() {
        let Some(words) = words_for(*rule) else { continue };
        assert!(!words.contains('_') && words.contains(|c: char| " `".contains(c)), "{rule:?}: {words}");
    }
}
