//! `:save FILE`

use super::{Line, usage, wrong};
use crate::diag::Diagnostic;
use crate::repl::changes;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::paths::relocated;
use crate::repl::reply::Reply;
use crate::sema::{Given, folder_of};
use crate::session::Options;
use crate::syntax::ast::{ExprKind, OracleSource, StatementKind};

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return usage(conversation, line);
    }
    let (text, stay) =
        relocated(&conversation.script.text(), &conversation.inputs.path, &line.rest, &*conversation.host);
    let text = text + &changes::saved(&conversation.changes);
    if let Err(reason) = conversation.host.write(&line.rest, text.as_bytes()) {
        let message = format!("cannot write `{}`: {reason}", line.rest);
        return wrong(conversation, Diagnostic::error("unwritable-file", line.rest_at, message));
    }
    let count = conversation.script.kept.len();
    let mut reply = Reply::said(format!("{count} statement{} in `{}`", if count == 1 { "" } else { "s" }, line.rest));
    for change in &conversation.changes {
        let flag = change.on_command_line();
        reply.say(format!(
            "`{change}` is a comment there, which `:load` reads; `merit solve {}` wants `{flag}`",
            line.rest
        ));
    }
    for path in stay {
        reply.say(format!("`{path}` has no name in the folder of `{}`: it stands there as it is here", line.rest));
    }
    let runs = conversation.script.kept.iter().any(|kept| runs_command(&kept.statement.kind));
    let (here, there) = (folder_of(&conversation.inputs.path), folder_of(&line.rest));
    if runs && here != there {
        reply.say("commands of its oracles run in the folder of the model, which is another one there");
    }
    if let Some(journal) = apart(conversation, &line.rest) {
        reply.say(format!(
            "answers of its oracles stay in `{journal}`: `merit solve {} --journal {journal}` reads them",
            line.rest
        ));
    }
    let inputs = &conversation.inputs;
    for (name, given) in &inputs.params {
        let flag = match given {
            Given::Text(text) => format!("; `merit solve {} --param '{name}={text}'` gives it", line.rest),
            Given::Number(_) | Given::Array { .. } | Given::Table(_) | Given::Value(_) => String::new(),
        };
        reply.say(format!("not in the file: `{name}` was given from outside{flag}"));
    }
    for (name, path) in &inputs.data {
        reply.say(format!(
            "`{name}` is read from another file here; `merit solve {} --data '{name}={path}'`",
            line.rest
        ));
    }
    reply
}

/// The journal of the conversation, if answers stand there that a solve of the saved file would not find by itself.
fn apart(conversation: &mut Conversation, saved: &str) -> Option<String> {
    let options = conversation.options.clone();
    let (here, there) = conversation.ready().ok().and_then(|ready| {
        let beside = Options { journal: None, ..options.clone() };
        Some((ready.prepared.journal(&options)?, ready.prepared.journal_of(&beside, saved)?))
    })?;
    (here != there && conversation.host.read(&here).is_ok()).then_some(here)
}

/// An oracle that a program answers.
fn runs_command(kind: &StatementKind) -> bool {
    let StatementKind::Oracle { source: OracleSource::Via, value, .. } = kind else { return false };
    matches!(&value.kind, ExprKind::Call { function, .. } if matches!(&function.kind, ExprKind::Name(name) if name == "command"))
}
