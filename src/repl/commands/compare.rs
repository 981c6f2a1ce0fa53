//! `:compare [METHOD, METHOD ...]`

use super::{Line, pointed};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::session::Options;
use crate::session::compare::{Request, compare};
use std::ops::ControlFlow;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    let words = line.rest.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty());
    let options = Options { starts: Some(1), ..conversation.options.clone() };
    let request = Request { methods: words.map(str::to_string).collect(), seeds: vec![options.seed], options };
    // Not from the last answer: built anew, so that every method has the same start.
    let mut prepared = match conversation.fresh() {
        Ok(prepared) => prepared,
        Err(errors) => return Reply::refused(errors),
    };
    match compare(&mut prepared, &request, |_, _| ControlFlow::Continue(())) {
        Ok(comparison) => {
            let reply = Reply::said(comparison.text());
            conversation.compared = Some(comparison);
            reply
        }
        Err(errors) => pointed(conversation, errors, line.rest_at),
    }
}
