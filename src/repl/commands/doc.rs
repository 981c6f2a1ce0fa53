//! `:doc NAME`, from the tables of functions, methods and options.

use super::{Line, set, usage, wrong};
use crate::diag::Diagnostic;
use crate::diag::near::nearest;
use crate::expr::ops;
use crate::plan::request::{ASKING, COMMON};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::sema::described;
use crate::solve::METHODS;
use crate::solve::method::Run;
use crate::solve::options::{OptionRow, Value};

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return usage(conversation, line);
    }
    let found: Vec<String> =
        [model(conversation, &line.rest), function(&line.rest), method(&line.rest), option(&line.rest)]
            .into_iter()
            .flatten()
            .collect();
    if !found.is_empty() {
        return Reply::said(found.join("\n"));
    }
    let message = format!("nothing is called `{}`", line.rest);
    let said = Diagnostic::error("bad-command", line.rest_at, message);
    let names = conversation.names();
    let mut known: Vec<&str> = functions().chain(METHODS.iter().map(|m| m.name)).collect();
    set::names().for_each(|name| known.push(name));
    known.extend(names.iter().map(String::as_str));
    let near = nearest(&line.rest, known.into_iter());
    wrong(
        conversation,
        match near.first() {
            Some(near) => said.help(format!("did you mean `{near}`?")),
            None => said.help("functions, methods, options and names of the model have texts"),
        },
    )
}

/// The names of all functions that can be called.
pub fn functions() -> impl Iterator<Item = &'static str> {
    let named = |name: &&str| name.starts_with(char::is_alphabetic);
    ops::ALL.iter().map(|op| op.row().name).chain(described().map(|d| d.name)).filter(named)
}

/// How a function is called: `dot(a, b)`.
pub fn signature(name: &str) -> Option<String> {
    let letters = |n: usize| ["a", "b", "c", "d"][..n.min(4)].join(", ");
    if let Some(row) = described().find(|d| d.name == name) {
        let (low, high) = (*row.arguments.start(), *row.arguments.end());
        let arguments = match (low, high) {
            (low, high) if low == high => letters(low),
            (low, high) if high > 4 => format!("{}, ...", letters(low.max(1))),
            (low, high) => format!("{}[, {}]", letters(low), ["a", "b", "c", "d"][low..high].join(", ")),
        };
        return Some(format!("{name}({arguments})"));
    }
    let op = ops::by_name(name).filter(|op| op.row().name.starts_with(char::is_alphabetic))?;
    Some(format!("{name}({})", letters(op.row().arity)))
}

/// All options of solves, by whose they are: those of every method, those of methods that ask, and those of one method each.
pub fn tables() -> impl Iterator<Item = (&'static str, &'static [OptionRow])> {
    let shared = [("every method", COMMON), ("every method that asks", ASKING)];
    shared.into_iter().chain(METHODS.iter().map(|method| (method.name, method.options)))
}

/// All options of all methods.
pub fn options() -> impl Iterator<Item = &'static OptionRow> {
    tables().flat_map(|(_, rows)| rows)
}

fn model(conversation: &Conversation, name: &str) -> Option<String> {
    let (statement, text) = conversation.script.found(name)?;
    let (line, _) = conversation.script.sources.line_column(statement.span.source, statement.span.start);
    Some(format!("line {line} of the model: {}", text.trim_start()))
}

fn function(name: &str) -> Option<String> {
    let signature = signature(name)?;
    if let Some(row) = described().find(|d| d.name == name) {
        let shape = if row.shape.is_empty() { String::new() } else { format!(" ({})", row.shape) };
        return Some(format!("{signature}: {}{shape}", row.doc));
    }
    let row = ops::by_name(name)?.row();
    let needs = match row.domain.needs {
        "" => String::new(),
        needs => format!("; needs {needs}"),
    };
    Some(format!("{signature}: {}{needs}", row.doc))
}

fn method(name: &str) -> Option<String> {
    let method = METHODS.iter().find(|m| m.name == name)?;
    let mut out = format!("method {name}: {}\n  chosen {}", method.doc, method.chosen);
    let asking: &[OptionRow] = if matches!(method.run, Run::Functions(_)) { &[] } else { ASKING };
    for row in method.options.iter().chain(asking) {
        out += &format!("\n  {:<24} {} (default {})", row.name, row.doc, usual(row));
    }
    Some(out)
}

fn option(name: &str) -> Option<String> {
    if let Some(doc) = set::general(name) {
        return Some(format!("option {name} of every solve: {doc}"));
    }
    let having: Vec<(&str, &OptionRow)> =
        tables().filter_map(|(whose, rows)| Some((whose, rows.iter().find(|row| row.name == name)?))).collect();
    let (_, row) = having.first()?;
    let methods: Vec<&str> = having.iter().map(|(whose, _)| *whose).collect();
    Some(format!("option {name} of {}: {} (default {})", methods.join(", "), row.doc, usual(row)))
}

/// The default, as tables of the documentation show it: a number that is none asks for nothing.
fn usual(row: &OptionRow) -> String {
    match row.default.value() {
        Value::Number(value) if value.is_nan() => "none".to_string(),
        value => value.to_string(),
    }
}
