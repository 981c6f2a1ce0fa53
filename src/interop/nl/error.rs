//! What may be wrong with a file.

use crate::diag::{Diagnostic, SourceId, Span};

/// Why a file cannot be used, and the byte where that shows.
#[derive(Clone, Debug, PartialEq)]
pub struct NlError {
    pub at: usize,
    pub cause: Cause,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// The file breaks the rules of the format.
    Malformed(String),
    /// The file is well formed so far, but nothing here can solve such a problem: a sentence that names it.
    Unsupported(String),
}

impl NlError {
    pub fn malformed(at: usize, message: impl Into<String>) -> NlError {
        NlError { at, cause: Cause::Malformed(message.into()) }
    }

    pub fn unsupported(at: usize, sentence: impl Into<String>) -> NlError {
        NlError { at, cause: Cause::Unsupported(sentence.into()) }
    }

    /// In a source that holds the text of the file, or nothing if the file is binary.
    pub fn diagnostic(&self, source: SourceId, text: &str) -> Diagnostic {
        let (id, message) = match &self.cause {
            Cause::Malformed(message) => ("bad-nl", message),
            Cause::Unsupported(sentence) => ("unsupported-construct", sentence),
        };
        if text.is_empty() {
            return Diagnostic::error(id, Span::new(source, 0, 0), format!("{message} (at byte {})", self.at));
        }
        Diagnostic::error(id, span(source, text, self.at), message.clone())
    }
}

/// The word at a byte of a text.
pub fn span(source: SourceId, text: &str, at: usize) -> Span {
    let mut start = at.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let length = text[start..].find(|c: char| c.is_whitespace()).unwrap_or(text.len() - start);
    Span::new(source, start, start + length)
}
