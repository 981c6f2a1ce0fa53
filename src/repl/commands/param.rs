//! `:param [NAME = VALUE]`

use super::{Line, usage, wrong};
use crate::answer::layout::array;
use crate::diag::near::nearest;
use crate::diag::{Diagnostic, Span};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::syntax::ast::StatementKind;
use crate::syntax::{parse_expression, print};
use std::collections::BTreeSet;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    if line.rest.is_empty() {
        return listed(conversation);
    }
    let Some((name, value)) = line.rest.split_once('=') else { return usage(conversation, line) };
    give(conversation, name.trim(), value.trim(), line.rest_at)
}

/// `name = value`, written at `at`, whose end is that of the value.
pub(in crate::repl) fn give(conversation: &mut Conversation, name: &str, value: &str, at: Span) -> Reply {
    let value_at = Span { start: at.end - value.len() as u32, ..at };
    let declared = conversation.script.declaring(name).map(|k| conversation.script.kept[k].statement.clone());
    let given = value.starts_with('@') || value.starts_with('{');
    match declared {
        // The value becomes part of the statement, so that it is saved with it.
        Some(mut statement) if matches!(statement.kind, StatementKind::Param { .. }) && !given => {
            if let Err(reply) = super::expression(conversation, value_at) {
                return reply;
            }
            if let (StatementKind::Param { value: old, .. }, Ok(new)) =
                (&mut statement.kind, parse_expression(at.source, value))
            {
                *old = Some(new);
            }
            conversation.inputs.params.retain(|(given, _)| given != name);
            conversation.say_quietly(&print::statement(&statement))
        }
        None => match meant(conversation, name) {
            Some(near) => {
                let said = Diagnostic::error("bad-command", at, format!("the model has no parameter `{name}`"));
                let help = format!("did you mean `{near}`? A new one is declared: `param {name} = {value}`");
                wrong(conversation, said.help(help))
            }
            None => conversation.say_quietly(&format!("param {name} = {value}")),
        },
        Some(_) => conversation.unless_wrong(|conversation| {
            conversation.inputs.params.retain(|(given, _)| given != name);
            conversation.inputs.params.push((name.to_string(), crate::sema::Given::Text(value.to_string())));
            conversation.rebuild();
            conversation.errors()
        }),
    }
}

/// The parameter that a name is taken to be a misspelling of, unless statements wait for that very name.
fn meant(conversation: &Conversation, name: &str) -> Option<String> {
    let script = &conversation.script;
    if !script.mentioning(&[name.to_string()]).is_empty() {
        return None;
    }
    let params = script.kept.iter().filter(|kept| matches!(kept.statement.kind, StatementKind::Param { .. }));
    let near = nearest(name, params.flat_map(|kept| kept.names.iter().map(String::as_str)));
    near.first().map(|near| near.to_string())
}

fn listed(conversation: &mut Conversation) -> Reply {
    let mut reply = Reply::default();
    match conversation.ready() {
        Ok(ready) => {
            let params = ready.prepared.problem.params.iter().filter(|param| !param.name.is_empty());
            let mut tables: Vec<(&str, usize, Vec<&str>)> = vec![];
            let mut seen = BTreeSet::new();
            for param in params.filter(|param| seen.insert(&param.name)) {
                match (param.name.split_once('.'), &array(&param.axes, &param.values)[..]) {
                    (Some((table, column)), _) => match tables.iter_mut().find(|(name, ..)| *name == table) {
                        Some((.., columns)) => columns.push(column),
                        None => tables.push((table, param.values.len(), vec![column])),
                    },
                    (None, [line]) => reply.say(format!("{} = {line}", param.name)),
                    (None, lines) => reply.say(format!("{}:\n  {}", param.name, lines.join("\n  "))),
                }
            }
            for (table, rows, columns) in tables {
                reply.say(format!("{table}: {rows} rows with numbers {}", columns.join(", ")));
            }
            reply
        }
        Err(errors) => Reply::refused(errors),
    }
}
