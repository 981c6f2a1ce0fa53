//! `:data NAME = FILE`

use super::{Line, usage};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::syntax::ast::StatementKind;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    let Some((name, path)) = line.rest.split_once('=') else { return usage(conversation, line) };
    let (name, path) = (name.trim().to_string(), path.trim().trim_matches('"').to_string());
    let declared = conversation.script.declaring(&name).map(|k| &conversation.script.kept[k].statement.kind);
    if !matches!(declared, Some(StatementKind::Data { .. })) {
        // There is nothing to stand in for: this is the declaration.
        let format = path.rsplit('.').next().unwrap_or("");
        let text = format!("data {name} = {format}(\"{path}\")");
        return conversation.say_quietly(&text);
    }
    conversation.inputs.data.retain(|(given, _)| *given != name);
    conversation.inputs.data.push((name, path));
    conversation.rebuild();
    conversation.errors()
}
