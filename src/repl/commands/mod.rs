//! What begins with a colon: a row each, with its file. A new command is a file and a row.

pub mod certificate;
pub mod compare;
pub mod data;
pub mod diff;
pub mod doc;
pub mod expand;
pub mod forget;
pub mod help;
pub mod latex;
pub mod load;
pub mod param;
pub mod plan;
pub mod plot;
pub mod quit;
pub mod reset;
pub mod save;
pub mod sens;
pub mod set;
pub mod show;
pub mod solve;
pub mod time;
pub mod why;

use super::conversation::{Conversation, Last, Watch};
use super::reply::Reply;
use crate::diag::near::nearest;
use crate::diag::{Diagnostic, Sources, Span};
use crate::session::Errors;
use crate::syntax::ast::{Expr, Statement};

/// A row of the table.
pub struct Command {
    pub name: &'static str,
    /// What follows the name, as help shows it.
    pub usage: &'static str,
    pub doc: &'static str,
    /// What its words may be, for completion.
    pub takes: Takes,
    run: fn(&mut Conversation, &Line, Watch) -> Reply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    /// Names of the model and functions.
    Names,
    Files,
    Options,
    Methods,
    Commands,
    /// What has a text: names of the model, functions, methods and options.
    Described,
}

/// A command as it was typed.
pub struct Line {
    /// Without the colon.
    pub name: String,
    pub name_at: Span,
    pub rest: String,
    pub rest_at: Span,
}

#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    Command { name: "load", usage: "FILE", takes: Takes::Files, run: load::run,
        doc: "takes the model of a file instead of what is here" },
    Command { name: "save", usage: "FILE", takes: Takes::Files, run: save::run,
        doc: "writes the model to a file that loads back" },
    Command { name: "reset", usage: "", takes: Takes::Nothing, run: reset::run,
        doc: "forgets the model, its answer and all options" },
    Command { name: "plan", usage: "", takes: Takes::Nothing, run: plan::run,
        doc: "what would be done, and why" },
    Command { name: "solve", usage: "[METHOD]", takes: Takes::Methods, run: solve::run,
        doc: "solves; from the last answer, where there is one that holds" },
    Command { name: "compare", usage: "[METHOD, METHOD ...]", takes: Takes::Methods, run: compare::run,
        doc: "solves by several methods, from the start of the model, and compares" },
    Command { name: "certificate", usage: "", takes: Takes::Nothing, run: certificate::run,
        doc: "what was checked of the last answer" },
    Command { name: "why", usage: "NAME[i]", takes: Takes::Names, run: why::run,
        doc: "a row or a variable at the last answer: numbers, slack, dual, what binds" },
    Command { name: "show", usage: "[NAME]", takes: Takes::Names, run: show::run,
        doc: "the model in set form, or the statement of a name as it was written" },
    Command { name: "expand", usage: "NAME[i]", takes: Takes::Names, run: expand::run,
        doc: "a row or an objective with its numbers" },
    Command { name: "latex", usage: "[NAME]", takes: Takes::Names, run: latex::run,
        doc: "the model, or the statement of a name, for LaTeX" },
    Command { name: "set", usage: "[OPTION [VALUE]]", takes: Takes::Options, run: set::run,
        doc: "sets how to solve; without a value back to the default; alone: what is set" },
    Command { name: "param", usage: "[NAME = VALUE]", takes: Takes::Names, run: param::run,
        doc: "gives a parameter a value; alone: what the parameters are" },
    Command { name: "data", usage: "NAME = FILE", takes: Takes::Files, run: data::run,
        doc: "reads a `data` declaration from another file" },
    Command { name: "diff", usage: "[EXPRESSION]", takes: Takes::Names, run: diff::run,
        doc: "the derivatives of an expression at the last answer; alone: all of the model against differences" },
    Command { name: "sens", usage: "NAME to NAME", takes: Takes::Names, run: sens::run,
        doc: "the derivative of an answer by a parameter" },
    Command { name: "plot", usage: "EXPRESSION | progress [FILE.svg]", takes: Takes::Names, run: plot::run,
        doc: "draws numbers, or how the last solve went, here or to a file" },
    Command { name: "time", usage: "", takes: Takes::Nothing, run: time::run,
        doc: "what the last solve took, and what was done so far" },
    Command { name: "forget", usage: "NAME", takes: Takes::Names, run: forget::run,
        doc: "takes a declaration out of the model" },
    Command { name: "help", usage: "[COMMAND]", takes: Takes::Commands, run: help::run,
        doc: "what can be said here" },
    Command { name: "doc", usage: "NAME", takes: Takes::Described, run: doc::run,
        doc: "what a function, a method, an option or a name of the model is" },
    Command { name: "quit", usage: "", takes: Takes::Nothing, run: quit::run,
        doc: "ends the conversation, as the end of input does" },
];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// Carries out a command, or says which one may be meant.
pub(super) fn run(conversation: &mut Conversation, line: &Line, watch: Watch) -> Reply {
    match by_name(&line.name) {
        Some(command) if line.rest.is_empty() || !command.usage.is_empty() => (command.run)(conversation, line, watch),
        Some(command) => {
            let message = format!("`:{}` takes nothing after its name", command.name);
            wrong(conversation, Diagnostic::error("bad-command", line.rest_at, message))
        }
        None => {
            let message = format!("there is no command `:{}`", line.name);
            let near = nearest(&line.name, COMMANDS.iter().map(|command| command.name));
            let help = match near.first() {
                Some(near) => format!("did you mean `:{near}`?"),
                None => "`:help` lists the commands".to_string(),
            };
            wrong(conversation, Diagnostic::error("bad-command", line.name_at, message).help(help))
        }
    }
}

fn wrong(conversation: &Conversation, diagnostic: Diagnostic) -> Reply {
    Reply::wrong(diagnostic, &conversation.script.sources)
}

/// How a command is used, as an error: something is missing or malformed after its name.
fn usage(conversation: &Conversation, line: &Line) -> Reply {
    let command = by_name(&line.name).expect("it is being run");
    let at = if line.rest.is_empty() { line.name_at } else { line.rest_at };
    let message = format!("`:{}` is used as `:{} {}`", command.name, command.name, command.usage);
    wrong(conversation, Diagnostic::error("bad-command", at, message).help(command.doc.to_string()))
}

/// The last answer, or that there is none.
fn answered<'c>(conversation: &'c Conversation, line: &Line) -> Result<&'c Last, Reply> {
    conversation.last.as_ref().ok_or_else(|| {
        let said = Diagnostic::error("bad-command", line.name_at, "there is no answer yet");
        wrong(conversation, said.help("`:solve` finds one"))
    })
}

/// The rest of the line as an expression.
fn expression(conversation: &Conversation, at: Span) -> Result<Expr, Reply> {
    crate::syntax::parse_expression(at.source, &conversation.script.blanked(at))
        .map_err(|diagnostics| Reply::refused(Errors { diagnostics, sources: conversation.script.sources.clone() }))
}

/// Errors about words of the line are shown in the line.
fn pointed(conversation: &Conversation, errors: Errors, at: Span) -> Reply {
    Reply::refused(in_line(errors, &conversation.script.sources, at))
}

/// The same with `typed` as the texts: what was typed last may be newer than the problem.
pub(super) fn in_line(mut errors: Errors, typed: &Sources, at: Span) -> Errors {
    for diagnostic in &mut errors.diagnostics {
        let first = &mut diagnostic.labels[0];
        if errors.sources.get(first.span.source).command_line {
            first.span = at;
        }
    }
    for (known, newer) in errors.sources.files.iter_mut().zip(&typed.files) {
        *known = newer.clone();
    }
    errors
}

/// What the rest of the line declares, with its text.
fn found(conversation: &Conversation, line: &Line) -> Result<(Statement, String), Reply> {
    conversation.script.found(&line.rest).ok_or_else(|| unknown(conversation, line))
}

/// The model does not declare the rest of the line.
fn unknown(conversation: &Conversation, line: &Line) -> Reply {
    let names = conversation.names();
    let message = format!("the model declares no `{}`", line.rest);
    let said = Diagnostic::error("bad-command", line.rest_at, message);
    let near = nearest(&line.rest, names.iter().map(String::as_str));
    wrong(
        conversation,
        match near.first() {
            Some(near) => said.help(format!("did you mean `{near}`?")),
            None => said.help("`:show` prints the model"),
        },
    )
}
