//! What an input is: a command, changes that act at once, statements, or an expression.

use super::lines;
use super::script::Script;
use crate::diag::{Diagnostic, Severity, SourceId, Span};
use crate::syntax::ast::{Expr, File};
use crate::syntax::layout::layout;
use crate::syntax::{self, TokenKind, tokens};
use std::collections::BTreeSet;

/// A part of what was typed.
pub(super) enum Part {
    /// `:name rest`
    Command {
        name: String,
        name_at: Span,
        rest: String,
        rest_at: Span,
    },
    /// `fix`, `drop` or `restore`, and what follows.
    Change {
        verb: String,
        rest: String,
        at: Span,
    },
    /// Statements with their place, and doubts of the parser.
    Statements(File, Span, Vec<Diagnostic>),
    Expression(Expr, Span),
    Wrong(Vec<Diagnostic>),
}

/// The parts of an input, which was typed at `span`. Neighbouring statements are one part.
pub(super) fn parts(script: &Script, span: Span) -> Vec<Part> {
    let text = script.sources.text(span);
    if lines::is_blank(text) {
        return vec![];
    }
    if lines::is_command(text) {
        return vec![command(text, span)];
    }
    let pieces = layout(SourceId::default(), text, &BTreeSet::new()).pieces;
    let ranges: Vec<(usize, usize)> =
        pieces.iter().map(|piece| (piece.start, piece.body.as_ref().map_or(piece.end, |body| body.end))).collect();
    // Comments before a piece are its own; what follows the last one too.
    let mut from = 0;
    let mut parts = vec![];
    let mut statements: Option<Span> = None;
    for (k, &(start, end)) in ranges.iter().enumerate() {
        let until = ranges.get(k + 1).map_or(text.len(), |_| line_end(text, end));
        let whole = sub(span, from, until);
        from = until;
        let own = &text[start..end.max(start)];
        if let Some((verb, rest)) = change(own) {
            parts.extend(statements.take().map(|at| read(script, at)));
            parts.push(Part::Change { verb, rest, at: sub(span, start, end) });
        } else if let Some(expression) = expression(script, own, sub(span, start, end)) {
            parts.extend(statements.take().map(|at| read(script, at)));
            parts.push(expression);
        } else {
            statements = Some(statements.map_or(whole, |earlier| earlier.to(whole)));
        }
    }
    if pieces.is_empty() {
        statements = Some(span);
    }
    parts.extend(statements.map(|at| read(script, at)));
    parts
}

fn sub(span: Span, start: usize, end: usize) -> Span {
    Span { start: span.start + start as u32, end: span.start + end as u32, ..span }
}

/// The end of the line, if nothing but a comment is left on it.
fn line_end(text: &str, end: usize) -> usize {
    let line = text[end..].split('\n').next().unwrap_or("");
    if lines::is_blank(line) { end + line.len() } else { end }
}

fn read(script: &Script, at: Span) -> Part {
    let (file, told) = syntax::parse(at.source, &script.blanked(at));
    match told.iter().any(|d| d.severity == Severity::Error) {
        true => Part::Wrong(told),
        false => Part::Statements(file, at, told),
    }
}

fn command(text: &str, span: Span) -> Part {
    let colon = text.find(':').unwrap_or(0);
    let after = &text[colon + 1..];
    let name = after.split(|c: char| c.is_whitespace()).next().unwrap_or("");
    let from = colon + 1 + name.len();
    let rest = text[from..].split('\n').next().unwrap_or("");
    let lead = rest.len() - rest.trim_start().len();
    let rest_at = sub(span, from + lead, from + lead + rest.trim().len());
    let name_at = sub(span, colon, from);
    Part::Command { name: name.to_string(), name_at, rest: rest.trim().to_string(), rest_at }
}

/// `fix x = 3`, `drop row`, `restore row`: the verb stands before a name, which no expression does.
fn change(own: &str) -> Option<(String, String)> {
    let all = tokens(own);
    let word = |k: usize| all.get(k).map(|token| &own[token.start..token.end]);
    let verb = word(0).filter(|verb| ["fix", "drop", "restore"].contains(verb))?;
    let second = all.get(1).filter(|token| token.kind == TokenKind::Name)?;
    let infix = ["in", "union", "inter", "minus", "cross", "by", "perp"];
    (!infix.contains(&&own[second.start..second.end])).then(|| (verb.to_string(), own[all[0].end..].trim().to_string()))
}

/// An expression, unless the text opens a statement.
fn expression(script: &Script, own: &str, at: Span) -> Option<Part> {
    let all = tokens(own);
    let word = |k: usize| all.get(k).map_or("", |token| &own[token.start..token.end]);
    let first = all.first()?;
    let chosen = ["pessimistic", "optimistic", "generalized"];
    let opens = first.kind == TokenKind::Keyword && (syntax::OPENING.contains(&word(0)) || chosen.contains(&word(0)));
    if opens || own.trim_end().ends_with('}') && first.kind == TokenKind::Name && word(1) != "(" {
        return None;
    }
    match syntax::parse_expression(at.source, &script.blanked(at)) {
        Ok(expr) => Some(Part::Expression(expr, at)),
        // `parm n = 3` and `volume: prod(x) >= 25` are statements gone wrong: the parser of those knows better advice.
        Err(_) if all.get(1).is_some_and(|t| t.kind == TokenKind::Name) || has_label(own) => None,
        Err(told) => Some(Part::Wrong(told)),
    }
}

/// Whether `NAME:` or `NAME[...]:` stands at the beginning.
fn has_label(own: &str) -> bool {
    let before = own.split(':').next().unwrap_or("");
    own.contains(':') && !before.contains('(') && before.chars().next().is_some_and(char::is_alphabetic)
}
