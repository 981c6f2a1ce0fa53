//! `:latex [NAME]`

use super::{Line, found};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::session::notation::{Style, set_form};
use crate::syntax::ast::File;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return Reply::said(set_form(&conversation.script.file(), Style::Latex));
    }
    match found(conversation, line) {
        Ok((statement, _)) => {
            let file = File { statements: vec![statement] };
            Reply::said(set_form(&file, Style::Latex))
        }
        Err(reply) => reply,
    }
}
