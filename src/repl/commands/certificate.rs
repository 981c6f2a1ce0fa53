//! `:certificate`

use super::{Line, answered};
use crate::answer::text::certificate_lines;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    match answered(conversation, line) {
        Ok(last) => {
            let mut reply = Reply::said(certificate_lines(&last.answer, &last.sources).join("\n"));
            if last.stale {
                reply.say("(of the model before it changed)");
            }
            reply
        }
        Err(reply) => reply,
    }
}
