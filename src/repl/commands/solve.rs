//! `:solve [METHOD]`

use super::Line;
use crate::answer::text;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;

pub(super) fn run(conversation: &mut Conversation, line: &Line, watch: Watch) -> Reply {
    let usual = conversation.options.method.clone();
    if !line.rest.is_empty() {
        conversation.options.method = Some(line.rest.clone());
    }
    let reply = solved(conversation, line, watch);
    conversation.options.method = usual;
    reply
}

fn solved(conversation: &mut Conversation, line: &Line, watch: Watch) -> Reply {
    if let Err(reply) = conversation.solve(line.rest_at, watch) {
        return reply;
    }
    let last = conversation.last.as_ref().expect("it was just solved");
    let mut reply = Reply::said(text::render(&last.answer, &last.sources, false));
    reply.ended = Some(last.answer.exit_code());
    reply
}
