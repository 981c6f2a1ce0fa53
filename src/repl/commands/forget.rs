//! `:forget NAME`

use super::{Line, unknown, usage};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return usage(conversation, line);
    }
    let Some(k) = conversation.script.declaring(&line.rest) else { return unknown(conversation, line) };
    let script = &mut conversation.script;
    let names = script.kept[k].names.clone();
    let users: Vec<String> = script.mentioning(&names).into_iter().map(|k| script.label(k)).collect();
    script.kept.remove(k);
    conversation.rebuild();
    match users.is_empty() {
        true => Reply::said(format!("`{}` is gone", line.rest)),
        false => Reply::said(format!("`{}` is gone; what named it waits: {}", line.rest, users.join(", "))),
    }
}
