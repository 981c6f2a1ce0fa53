//! `:quit`

use super::Line;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;

pub(super) fn run(_conversation: &mut Conversation, _line: &Line, _watch: Watch) -> Reply {
    Reply { leave: true, ..Reply::default() }
}
