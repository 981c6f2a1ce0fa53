//! `:load FILE`

use super::{Line, usage, wrong};
use crate::diag::{Diagnostic, Span};
use crate::repl::changes;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::session::Model;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    match line.rest.is_empty() {
        true => usage(conversation, line),
        false => match Model::from_host(conversation.host.clone(), &line.rest) {
            Ok(model) => take(conversation, model),
            // The text of a file that cannot be read is not there to point into.
            Err(errors) => match errors.diagnostics.iter().find(|d| d.id == "unreadable-file") {
                Some(d) => wrong(conversation, Diagnostic::error(d.id, line.rest_at, d.message.clone())),
                None => Reply::refused(errors),
            },
        },
    }
}

/// Takes a model instead of what was said. A model with errors is taken all the same, to be mended.
pub fn take(conversation: &mut Conversation, model: Model) -> Reply {
    let path = model.inputs.path.clone();
    let mut script = conversation.script.emptied();
    let text = model.sources.files[0].text.clone();
    let source = script.sources.add(&path, text.clone());
    let (file, _) = crate::syntax::parse(source, &text);
    let whole = Span::new(source, 0, text.len());
    conversation.script = script;
    conversation.changes.clear();
    conversation.last = None;
    conversation.inputs.params.clear();
    conversation.inputs.data.clear();
    conversation.inputs.path = path.clone();
    let count = conversation.script.cut(file.clone(), whole).len();
    let after = conversation.script.keep_ending(&file, whole);
    let mut reply = conversation.adopt(file, whole);
    for (at, verb, rest) in after {
        reply.and(changes::loaded(conversation, &verb, &rest, at));
    }
    let plural = if count == 1 { "" } else { "s" };
    let mut said = Reply::said(format!("{count} statement{plural} of `{path}`"));
    reply.tell(model.warnings, &model.sources);
    said.and(reply);
    said
}
