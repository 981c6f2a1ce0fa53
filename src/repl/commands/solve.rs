//! `:solve [METHOD]`

use super::Line;
use crate::answer::text;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::repl::words::in_conversation;

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
    let mut reply = match conversation.solve(line.rest_at, watch) {
        Ok(told) => told,
        Err(refused) => return refused,
    };
    let last = conversation.last.as_ref().expect("it was just solved");
    reply.say(in_conversation(&text::render(&last.answer, &last.sources, false)));
    reply.ended = Some(last.answer.exit_code());
    reply
}
