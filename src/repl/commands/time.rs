//! `:time`

use super::Line;
use crate::answer::layout::significant;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;

pub(super) fn run(conversation: &mut Conversation, _line: &Line, _watch: Watch) -> Reply {
    let mut reply = Reply::default();
    if let Some(last) = &conversation.last {
        let time = last.answer.time;
        for (what, seconds) in
            [("read", time.read), ("plan", time.plan), ("solve", time.solve), ("certify", time.certify)]
        {
            reply.say(format!("{what:<8} {:>10} ms", significant(seconds * 1e3, 3)));
        }
    }
    let counts = conversation.counts();
    reply.say(format!(
        "so far: elaborated {} times, planned {}, solved {}, sparse matrices analysed {}",
        counts.elaborations, counts.plans, counts.solves, counts.analyses
    ));
    reply
}
