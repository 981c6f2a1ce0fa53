//! What a word that was begun may become, and what is expected where the cursor stands.

use crate::repl::Conversation;
use crate::repl::commands::{COMMANDS, Takes, by_name, doc, set};
use crate::solve::METHODS;
use crate::syntax::OPENING;

/// The words that are known while a line is typed.
#[derive(Default)]
pub(super) struct Known {
    names: Vec<String>,
    fields: Vec<String>,
}

impl Known {
    pub fn of(conversation: &Conversation) -> Known {
        Known { names: conversation.names(), fields: conversation.fields() }
    }

    /// Where the word before the cursor begins, and what it may become, in order.
    pub fn complete(&self, before: &str) -> (usize, Vec<String>) {
        let start = word_start(before);
        let word = &before[start..];
        let mut found: Vec<String> = match before[..start].chars().next_back() {
            Some(':') if before[..start].trim() == ":" => COMMANDS.iter().map(|c| c.name.to_string()).collect(),
            Some('.') => self.fields.clone(),
            _ => match takes(before) {
                Some(Takes::Options) => match before.split_whitespace().nth(1) {
                    Some("method") if before.split_whitespace().count() > 2 - usize::from(word.is_empty()) => methods(),
                    _ => set::names().map(str::to_string).collect(),
                },
                Some(Takes::Methods) => methods(),
                Some(Takes::Commands) => COMMANDS.iter().map(|c| c.name.to_string()).collect(),
                Some(Takes::Nothing) => vec![],
                Some(Takes::Described) => {
                    let functions = doc::functions().map(str::to_string);
                    let options = set::names().map(str::to_string);
                    self.names.iter().cloned().chain(functions).chain(methods()).chain(options).collect()
                }
                Some(Takes::Names | Takes::Files) | None => {
                    let opening = OPENING.iter().chain(&["fix", "drop", "restore"]).map(|word| word.to_string());
                    let opening = opening.filter(|_| before[..start].trim().is_empty());
                    let functions = doc::functions().map(str::to_string);
                    self.names.iter().cloned().chain(functions).chain(opening).collect()
                }
            },
        };
        found.retain(|candidate| candidate.starts_with(word));
        found.sort();
        found.dedup();
        (start, found)
    }
}

fn methods() -> Vec<String> {
    METHODS.iter().map(|method| method.name.to_string()).collect()
}

/// What the command of a line takes, if it is one.
fn takes(line: &str) -> Option<Takes> {
    let name = line.trim_start().strip_prefix(':')?.split(char::is_whitespace).next()?;
    by_name(name).map(|command| command.takes)
}

/// Whether the word before the cursor is a path: in the text of a `data` declaration, and after some commands.
pub(super) fn wants_file(before: &str) -> bool {
    let after_name = before.trim_start().contains(char::is_whitespace);
    let in_text = before.matches('"').count() % 2 == 1;
    let journal = takes(before) == Some(Takes::Options) && opens_with(before, "journal");
    in_text || journal || takes(before) == Some(Takes::Files) && after_name
}

/// Whether the first word after the name of a command is this one, and another has begun.
fn opens_with(before: &str, word: &str) -> bool {
    let rest = before.trim_start().split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    rest.strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', '=']))
}

fn word_start(before: &str) -> usize {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    before.char_indices().rev().take_while(|(_, c)| part(*c)).last().map_or(before.len(), |(at, _)| at)
}

/// How the function is called whose brackets are open, or how the command of the line is used.
pub(super) fn hint(line: &str) -> Option<String> {
    if let Some(rest) = line.trim_start().strip_prefix(':') {
        let (name, _) = rest.split_once(char::is_whitespace).filter(|(_, rest)| rest.trim().is_empty())?;
        return by_name(name).map(|command| command.usage.to_string()).filter(|usage| !usage.is_empty());
    }
    let mut depth = 0;
    let open = line.char_indices().rev().find(|(_, c)| match c {
        ')' | ']' => {
            depth += 1;
            false
        }
        '(' | '[' if depth == 0 => true,
        '(' | '[' => {
            depth -= 1;
            false
        }
        _ => false,
    });
    let before = &line[..open?.0];
    doc::signature(&before[word_start(before)..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed_by_where_they_stand() {
        let known = Known { names: vec!["volume".to_string()], fields: vec!["dual".to_string()] };
        let rows: &[(&str, usize, &str)] = &[
            ("vo", 0, "volume"),
            (":so", 1, "solve"),
            (":set max_it", 5, "max_iter"),
            (":set method interi", 12, "interior_point"),
            (":set budg", 5, "budget"),
            (":doc time", 5, "timeout"),
            (":doc cma", 5, "cma_es"),
            (":solve interi", 7, "interior_point"),
            (":why vol", 5, "volume"),
            ("volume.du", 7, "dual"),
            ("minim", 0, "minimize"),
            ("x + log1", 4, "log1p"),
            ("é + vol", 5, "volume"),
        ];
        for (before, start, word) in rows {
            let (at, found) = known.complete(before);
            assert_eq!((at, found.iter().any(|w| w == word)), (*start, true), "{before}: {found:?}");
        }
        assert!(known.complete("x + minim").1.is_empty(), "statements begin lines");
        assert!(
            wants_file("data t = csv(\"exa")
                && wants_file(":load exa")
                && wants_file(":set journal exa")
                && !wants_file(":lo")
        );
    }

    #[test]
    fn hints_are_signatures() {
        assert_eq!(hint("minimize dot(x, ").as_deref(), Some("dot(a, b)"));
        assert_eq!(hint("log(").as_deref(), Some("log(a)"));
        assert_eq!(hint("dot(x[1], sum(").as_deref().map(|h| h.starts_with("sum(")), Some(true));
        assert_eq!(hint(":load ").as_deref(), Some("FILE"));
        assert_eq!(hint("(x"), None);
        assert_eq!(hint("x + 1"), None);
    }
}
