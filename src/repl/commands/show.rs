//! `:show [NAME]`

use super::{Line, named};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::session::notation::{Style, set_form};

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return Reply::said(set_form(&conversation.script.file(), Style::Text));
    }
    match named(conversation, line) {
        Ok(kept) => Reply::said(kept.text.clone()),
        Err(reply) => reply,
    }
}
