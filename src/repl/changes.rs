//! `fix`, `drop` and `restore`: changes that edit no statement. They act at once, and again whenever the problem is built
//! anew, until they are taken back or no longer fit.

use super::build::Built;
use super::conversation::Conversation;
use super::reply::Reply;
use crate::diag::{Diagnostic, Span};
use crate::session::{Errors, Prepared};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    Fix {
        name: String,
        value: String,
    },
    Drop(String),
    /// Of a constraint that the model itself leaves out.
    Restore(String),
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Change::Fix { name, value } => write!(f, "fix {name} = {value}"),
            Change::Drop(row) => write!(f, "drop {row}"),
            Change::Restore(row) => write!(f, "restore {row}"),
        }
    }
}

impl Change {
    /// How `merit solve` is told.
    pub fn on_command_line(&self) -> String {
        match self {
            Change::Fix { name, value } => format!("--fix '{name}={value}'"),
            Change::Drop(row) => format!("--drop '{row}'"),
            Change::Restore(row) => format!("--restore '{row}'"),
        }
    }
}

/// The language has no statement for a change, so it is saved as a comment of this form, which `:load` reads.
const MARK: &str = "#: ";

/// Changes as comments.
pub(super) fn saved(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("{MARK}{change}\n")).collect()
}

/// Changes that a comment of a file makes, verb and rest.
pub(super) fn of_comment(line: &str) -> Option<(&str, &str)> {
    let (verb, rest) = line.trim().strip_prefix(MARK)?.split_once(' ')?;
    ["fix", "drop", "restore"].contains(&verb).then_some((verb, rest.trim()))
}

/// Makes a change that stands in a file, at once or as soon as its model has no errors.
pub(super) fn loaded(conversation: &mut Conversation, verb: &str, rest: &str, at: Span) -> Reply {
    if conversation.ready().is_ok() {
        return make(conversation, verb, rest, at);
    }
    let change = match (verb, rest.split_once('=')) {
        ("fix", Some((name, value))) => Change::Fix { name: squeezed(name), value: value.trim().to_string() },
        ("drop", _) => Change::Drop(squeezed(rest)),
        ("restore", _) => Change::Restore(squeezed(rest)),
        _ => return Reply::default(),
    };
    let said = format!("`{change}` waits until the model has no errors");
    conversation.changes.push(change);
    Reply::said(said)
}

/// Makes a change that was typed at `at`.
pub(super) fn make(conversation: &mut Conversation, verb: &str, rest: &str, at: Span) -> Reply {
    let change = match (verb, rest.split_once('=')) {
        ("fix", Some((name, value))) => Change::Fix { name: squeezed(name), value: value.trim().to_string() },
        ("fix", None) => return fix_here(conversation, &squeezed(rest), at),
        ("drop", _) => Change::Drop(squeezed(rest)),
        _ => return restore(conversation, &squeezed(rest), at),
    };
    let said = match &change {
        Change::Fix { name, value } => format!("`{name}` is held at {value}; `restore {name}` lets it move"),
        Change::Drop(row) => format!("`{row}` is left out; `restore {row}` puts it back"),
        Change::Restore(_) => String::new(),
    };
    match conversation.ready().map(|ready| applied(&mut ready.prepared, &change)) {
        Ok(Ok(())) => {
            conversation.changes.retain(|earlier| !same_subject(earlier, &change));
            conversation.changes.push(change);
            changed(conversation);
            Reply::said(said)
        }
        Ok(Err(errors)) => refused(conversation, errors, at),
        Err(errors) => Reply::refused(errors),
    }
}

/// `fix x` holds a variable where it is in the last answer.
fn fix_here(conversation: &mut Conversation, name: &str, at: Span) -> Reply {
    let values = conversation.last.as_ref().and_then(|last| last.answer.value(name).map(<[f64]>::to_vec));
    match values {
        Some(values) => {
            let listed: Vec<String> = values.iter().map(f64::to_string).collect();
            let value = if values.len() == 1 { listed.concat() } else { format!("[{}]", listed.join(", ")) };
            make(conversation, "fix", &format!("{name} = {value}"), at)
        }
        None => {
            let said = Diagnostic::error("bad-change", at, format!("there is no value to hold `{name}` at"));
            Reply::wrong(said.help(format!("write `fix {name} = 1`")), &conversation.script.sources)
        }
    }
}

fn restore(conversation: &mut Conversation, name: &str, at: Span) -> Reply {
    let known = conversation.changes.iter().position(|change| subject(change) == name);
    if let Some(known) = known {
        conversation.changes.remove(known);
        let reply = again(conversation);
        changed(conversation);
        let mut said = Reply::said(format!("`{name}` is as the model states it"));
        said.and(reply);
        return said;
    }
    let done = conversation.ready().map(|ready| match ready.prepared.restore(name) {
        Ok(()) => Ok(true),
        Err(of_row) => ready.prepared.release(name).map(|()| false).map_err(|_| of_row),
    });
    match done {
        Ok(Ok(of_row)) => {
            if of_row {
                conversation.changes.push(Change::Restore(name.to_string()));
            }
            changed(conversation);
            Reply::said(format!("`{name}` is as the model states it"))
        }
        Ok(Err(errors)) => refused(conversation, errors, at),
        Err(errors) => Reply::refused(errors),
    }
}

/// Makes all changes once more, of a problem that was built anew or whose numbers changed; those that no longer fit are
/// given up, and told.
pub(super) fn again(conversation: &mut Conversation) -> Reply {
    let mut reply = Reply::default();
    let Some(Built::Ready(ready)) = &mut conversation.built else { return reply };
    ready.prepared.undo_changes();
    ready.plan = None;
    conversation.changes.retain(|change| match applied(&mut ready.prepared, change) {
        Ok(()) => true,
        Err(errors) => {
            let why: Vec<&str> = errors.diagnostics.iter().map(|d| d.message.as_str()).collect();
            reply.say(format!("`{}` is no longer changed: {}", subject(change), why.join("; ")));
            false
        }
    });
    reply
}

fn changed(conversation: &mut Conversation) {
    if let Some(Built::Ready(ready)) = &mut conversation.built {
        ready.plan = None;
    }
    if let Some(last) = &mut conversation.last {
        last.stale = true;
    }
}

pub(super) fn applied(prepared: &mut Prepared, change: &Change) -> Result<(), Errors> {
    match change {
        Change::Fix { name, value } => prepared.fix_text(name, value),
        Change::Drop(row) => prepared.drop(row),
        Change::Restore(row) => prepared.restore(row),
    }
}

fn subject(change: &Change) -> &str {
    match change {
        Change::Fix { name, .. } => name,
        Change::Drop(name) | Change::Restore(name) => name,
    }
}

fn same_subject(a: &Change, b: &Change) -> bool {
    subject(a) == subject(b)
}

/// The same words, at the place where the change was typed.
fn refused(conversation: &Conversation, errors: Errors, at: Span) -> Reply {
    let moved = errors.diagnostics.into_iter().map(|mut diagnostic| {
        diagnostic.labels[0].span = at;
        diagnostic
    });
    Reply::refused(Errors { diagnostics: moved.collect(), sources: conversation.script.sources.clone() })
}

/// Names are written without blanks: `flow[a, b]` is `flow[a,b]`.
fn squeezed(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).collect()
}
