//! `:save FILE`

use super::{Line, usage, wrong};
use crate::diag::Diagnostic;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::sema::folder_of;
use crate::session::Options;
use crate::syntax::ast::StatementKind;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return usage(conversation, line);
    }
    if let Err(reason) = conversation.host.write(&line.rest, conversation.script.text().as_bytes()) {
        let message = format!("cannot write `{}`: {reason}", line.rest);
        return wrong(conversation, Diagnostic::error("unwritable-file", line.rest_at, message));
    }
    let count = conversation.script.kept.len();
    let mut reply = Reply::said(format!("{count} statement{} in `{}`", if count == 1 { "" } else { "s" }, line.rest));
    let reads = conversation.script.kept.iter().any(|kept| matches!(kept.statement.kind, StatementKind::Data { .. }));
    let (here, there) = (folder_of(&conversation.inputs.path), folder_of(&line.rest));
    if reads && here != there {
        let here = if here.is_empty() { "the current folder".to_string() } else { format!("`{here}`") };
        reply.say(format!("paths of its data are relative to {here}: they do not fit where it was saved"));
    }
    if let Some(journal) = apart(conversation, &line.rest) {
        reply.say(format!(
            "answers of its oracles stay in `{journal}`: `merit solve {} --journal {journal}` reads them",
            line.rest
        ));
    }
    let inputs = &conversation.inputs;
    for name in inputs.params.iter().map(|given| &given.0).chain(inputs.data.iter().map(|given| &given.0)) {
        reply.say(format!("not in the file: `{name}` was given from outside"));
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
