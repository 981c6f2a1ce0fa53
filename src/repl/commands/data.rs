//! `:data NAME = FILE`

use super::{Line, usage, wrong};
use crate::diag::Diagnostic;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::paths::moved;
use crate::repl::reply::Reply;
use crate::sema::folder_of;
use crate::syntax::ast::StatementKind;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    let Some((name, path)) = line.rest.split_once('=') else { return usage(conversation, line) };
    let (name, path) = (name.trim().to_string(), path.trim().trim_matches('"').to_string());
    let declared = conversation.script.declaring(&name).map(|k| &conversation.script.kept[k].statement.kind);
    if !matches!(declared, Some(StatementKind::Data { .. })) {
        // There is nothing to stand in for: this is the declaration.
        let format = path.rsplit('.').next().unwrap_or("");
        // Both are paths of the current folder, as completion offers them; a declaration counts from the model.
        let folder = folder_of(&conversation.inputs.path);
        return match moved(&path, "", &folder, &*conversation.host) {
            Some(from_model) => conversation.say_quietly(&format!("data {name} = {format}(\"{from_model}\")")),
            None => {
                let message = format!("`{path}` has no name in the folder of the model, `{folder}`");
                wrong(conversation, Diagnostic::error("bad-command", line.rest_at, message).help("give its whole path"))
            }
        };
    }
    conversation.inputs.data.retain(|(given, _)| *given != name);
    conversation.inputs.data.push((name, path));
    conversation.rebuild();
    conversation.errors()
}
