//! `:reset`

use super::Line;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;

pub(super) fn run(conversation: &mut Conversation, _line: &Line, _watch: Watch) -> Reply {
    // Lines keep their numbers: what was said before is still above.
    let script = conversation.script.emptied();
    let limit = conversation.inputs.most_elements;
    *conversation = Conversation { script, ..Conversation::new(conversation.host.clone()) };
    conversation.inputs.most_elements = limit;
    Reply::said("nothing is left of the model")
}
