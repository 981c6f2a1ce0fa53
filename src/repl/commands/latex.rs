//! `:latex [NAME]`

use super::{Line, named};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::session::notation::{Style, set_form};
use crate::syntax::ast::File;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return Reply::said(set_form(&conversation.script.file(), Style::Latex));
    }
    match named(conversation, line) {
        Ok(kept) => {
            let file = File { statements: vec![kept.statement.clone()] };
            Reply::said(set_form(&file, Style::Latex))
        }
        Err(reply) => reply,
    }
}
