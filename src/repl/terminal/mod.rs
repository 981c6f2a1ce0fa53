//! Where a person types: lines with colours, completion, hints and history.

mod colours;
mod completion;
mod history;

use super::Conversation;
use super::lines::unfinished;
use completion::Known;
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper, Result};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

const PROMPT: &str = "merit> ";

/// A terminal in use.
pub struct Terminal {
    editor: Editor<Help, MemHistory>,
    history: Option<PathBuf>,
}

/// What a person did.
pub enum Typed {
    Input(String),
    /// Ctrl-C: the line is given up.
    Cancelled,
    /// Ctrl-D, or the terminal is gone.
    End,
}

impl Terminal {
    /// Takes the terminal; earlier lines come from the file `history`, which may be missing.
    pub fn open(history: Option<&Path>, colour: bool) -> Result<Terminal> {
        let config = Config::builder().completion_type(CompletionType::List).history_ignore_space(true).build();
        let mut editor = Editor::with_history(config, MemHistory::new())?;
        for input in history.map(history::read).unwrap_or_default() {
            editor.add_history_entry(input)?;
        }
        editor.set_helper(Some(Help { known: Known::default(), files: FilenameCompleter::new(), colour }));
        Ok(Terminal { editor, history: history.map(Path::to_path_buf) })
    }

    /// The next input. Enter ends it unless the layout of the language says that it goes on.
    pub fn read(&mut self, conversation: &Conversation) -> Typed {
        if let Some(help) = self.editor.helper_mut() {
            help.known = Known::of(conversation);
        }
        match self.editor.readline(PROMPT) {
            Ok(input) => {
                if !input.trim().is_empty() && self.editor.add_history_entry(input.as_str()).unwrap_or(false) {
                    self.history.iter().for_each(|file| history::append(file, &input));
                }
                Typed::Input(input)
            }
            Err(ReadlineError::Interrupted) => Typed::Cancelled,
            Err(_) => Typed::End,
        }
    }
}

/// What rustyline asks while a line is typed.
struct Help {
    known: Known,
    files: FilenameCompleter,
    colour: bool,
}

impl Helper for Help {}

impl Validator for Help {
    fn validate(&self, context: &mut ValidationContext) -> Result<ValidationResult> {
        // An empty line at the end gives up waiting for brackets that never close.
        let given_up = context.input().ends_with("\n\n");
        Ok(match unfinished(context.input()) && !given_up {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

impl Highlighter for Help {
    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        if self.colour { Cow::Owned(colours::painted(line)) } else { Cow::Borrowed(line) }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _default: bool) -> Cow<'b, str> {
        if self.colour { Cow::Owned(format!("\x1b[1;32m{prompt}\x1b[0m")) } else { Cow::Borrowed(prompt) }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.colour { Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")) } else { Cow::Borrowed(hint) }
    }

    fn highlight_char(&self, _line: &str, _pos: usize, _kind: CmdKind) -> bool {
        self.colour
    }
}

impl Completer for Help {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _context: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        if completion::wants_file(&line[..pos]) {
            return self.files.complete_path(line, pos);
        }
        let (start, words) = self.known.complete(&line[..pos]);
        let pair = |word: String| Pair { display: word.clone(), replacement: word };
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

/// A signature beside the cursor; there is nothing of it to take over.
struct Signature(String);

impl Hint for Signature {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Help {
    type Hint = Signature;

    fn hint(&self, line: &str, pos: usize, _context: &Context<'_>) -> Option<Signature> {
        if !self.colour || pos < line.len() {
            return None;
        }
        completion::hint(line).map(|text| Signature(format!("  {text}")))
    }
}
