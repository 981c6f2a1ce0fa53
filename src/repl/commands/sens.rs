//! `:sens NAME to NAME`

use super::{Line, answered, pointed, usage};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    let Some((of, to)) = line.rest.split_once(" to ") else { return usage(conversation, line) };
    let last = match answered(conversation, line) {
        Ok(last) => last,
        Err(reply) => return reply,
    };
    if last.stale {
        let said = crate::diag::Diagnostic::error("bad-command", line.name_at, "the model changed since its answer");
        return super::wrong(conversation, said.help("`:solve` again"));
    }
    let answer = last.answer.clone();
    let (of, to) = (of.trim(), to.trim());
    match conversation.ready().and_then(|ready| ready.prepared.sensitivity(&answer, of, to)) {
        Ok(sensitivity) => Reply::said(sensitivity.lines().join("\n")),
        Err(errors) => pointed(conversation, errors, line.rest_at),
    }
}
