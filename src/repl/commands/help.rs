//! `:help [COMMAND]`

use super::{COMMANDS, Command, Line, by_name, wrong};
use crate::diag::Diagnostic;
use crate::diag::near::nearest;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;

const HEAD: &str = "Statements of the language become the model; a name that is declared again replaces the first.
An expression answers with its value at the last answer, its shape and its curvature; a row with what binds it.
`fix x[1] = 2`, `drop row` and `restore row` act at once.
";

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    let name = line.rest.trim_start_matches(':');
    if name.is_empty() {
        let lines: Vec<String> = COMMANDS.iter().map(described).collect();
        return Reply::said(format!("{HEAD}\n{}", lines.join("\n")));
    }
    match by_name(name) {
        Some(command) => Reply::said(described(command)),
        None => {
            let near = nearest(name, COMMANDS.iter().map(|command| command.name));
            let help =
                near.first().map_or("`:help` lists the commands".to_string(), |n| format!("did you mean `:{n}`?"));
            let message = format!("there is no command `:{name}`");
            wrong(conversation, Diagnostic::error("bad-command", line.rest_at, message).help(help))
        }
    }
}

fn described(command: &Command) -> String {
    format!("{:<42} {}", format!(":{} {}", command.name, command.usage), command.doc)
}
