//! `:show [NAME]`

use super::{Line, found};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::session::notation::{Style, set_form};

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return Reply::said(set_form(&conversation.script.file(), Style::Text));
    }
    match found(conversation, line) {
        Ok((_, text)) => Reply::said(text),
        Err(reply) => reply,
    }
}
