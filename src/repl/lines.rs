//! Lines to inputs: which of them belong together. The layout pass of the language decides.

use crate::syntax::layout;

/// Gathers lines of a text that comes piece by piece.
#[derive(Default)]
pub struct Lines {
    waiting: String,
}

impl Lines {
    /// Takes a line; hands back the inputs that are complete now. An input ends before a line that does not belong to it,
    /// so that the line after it must be known, unless it ends with `;` or is a command.
    pub fn push(&mut self, line: &str) -> Vec<String> {
        let mut complete = vec![];
        if !self.goes_on() && !is_blank(line) && !is_blank(&self.waiting) {
            // A colon could go on with a statement, but here it begins a command.
            if is_command(line) || !layout::joined(&self.waiting, line) {
                complete.extend(self.finish());
            }
        }
        self.waiting += line;
        self.waiting.push('\n');
        if !self.goes_on() && (is_command(&self.waiting) || line.trim_end().ends_with(';')) {
            complete.extend(self.finish());
        }
        complete
    }

    /// What is left at the end of the text.
    pub fn finish(&mut self) -> Option<String> {
        let input = std::mem::take(&mut self.waiting);
        (!input.is_empty()).then_some(input)
    }

    fn goes_on(&self) -> bool {
        unfinished(&self.waiting)
    }
}

/// Whether an input goes on on the next line, whatever that holds.
pub fn unfinished(text: &str) -> bool {
    !is_command(text) && layout::unfinished(text)
}

/// Whether an input is a command: its first line that is neither empty nor a comment begins with a colon.
pub fn is_command(text: &str) -> bool {
    let first = text.lines().find(|line| !is_blank(line));
    first.is_some_and(|line| line.trim_start().starts_with(':'))
}

/// Only white space and comments.
pub fn is_blank(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}
