//! `:expand NAME[i]`

use super::{Line, pointed, usage};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return usage(conversation, line);
    }
    match conversation.ready().and_then(|ready| ready.prepared.expand(&line.rest)) {
        Ok(text) => Reply::said(text),
        Err(errors) => pointed(conversation, errors, line.rest_at),
    }
}
