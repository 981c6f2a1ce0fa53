//! `:plan`

use super::Line;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    match conversation.planned(line.rest_at) {
        Ok(plan) => {
            let sources = conversation.ready().map(|ready| ready.prepared.sources.clone()).unwrap_or_default();
            Reply::said(plan.explain(&sources))
        }
        Err(reply) => reply,
    }
}
