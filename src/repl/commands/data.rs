//! `:data NAME = FILE`

use super::{Line, usage, wrong};
use crate::diag::Diagnostic;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::paths::moved;
use crate::repl::reply::Reply;
use crate::sema::folder_of;
use crate::syntax::ast::{Argument, ExprKind, StatementKind};
use crate::syntax::print;

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
    if let Err(reason) = conversation.host.read(&path) {
        let message = format!("cannot read `{path}`: {reason}");
        let said = Diagnostic::error("unreadable-file", line.rest_at, message);
        return wrong(conversation, said.help("the path counts from the current folder; nothing is changed"));
    }
    // The path becomes part of the statement, so that it is saved with it.
    if let Some(statement) = reading(conversation, &name, &path) {
        return conversation.unless_wrong(|conversation| conversation.say_quietly(&statement));
    }
    conversation.unless_wrong(|conversation| {
        conversation.inputs.data.retain(|(given, _)| *given != name);
        conversation.inputs.data.push((name, path));
        conversation.rebuild();
        conversation.errors()
    })
}

/// The declaration of `name` with another path, if it is one that reads a file of this format.
fn reading(conversation: &Conversation, name: &str, path: &str) -> Option<String> {
    let k = conversation.script.declaring(name)?;
    let mut statement = conversation.script.kept[k].statement.clone();
    let StatementKind::Data { value: Some(value), .. } = &mut statement.kind else { return None };
    let ExprKind::Call { function, arguments } = &mut value.kind else { return None };
    let (ExprKind::Name(format), [Argument::Value(file)]) = (&function.kind, &mut arguments[..]) else { return None };
    let ExprKind::Text(old) = &mut file.kind else { return None };
    if path.rsplit('.').next() != Some(format) {
        return None;
    }
    *old = moved(path, "", &folder_of(&conversation.inputs.path), &*conversation.host)?;
    Some(print::statement(&statement))
}
