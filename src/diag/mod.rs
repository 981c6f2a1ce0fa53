//! Places in texts and what is said about them.
//!
//! A [`Diagnostic`] is a plain value: an id from the catalogue, a sentence, the primary place, related places and a
//! help. Rendering lives in [`mod@render`], the only room that knows ariadne.

pub mod catalogue;
pub mod json;
pub mod near;
pub mod render;

pub use render::render;

use serde::Serialize;

/// Which text a [`Span`] points into: an index into [`Sources`]. Model files, data files and command-line values
/// are all sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct SourceId(pub u32);

/// Bytes `start..end` of a source; both lie on character boundaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Span {
    pub source: SourceId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(source: SourceId, start: usize, end: usize) -> Span {
        Span { source, start: start as u32, end: end as u32 }
    }

    /// The smallest span that holds both; the source is the first one's.
    pub fn to(self, other: Span) -> Span {
        Span { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One text with its name as shown to the user.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    pub text: std::sync::Arc<str>,
    /// It holds words of a command line: who made a mistake there, used the program wrongly.
    pub command_line: bool,
}

/// All texts that spans may point into.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub files: Vec<Source>,
}

impl Sources {
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<std::sync::Arc<str>>) -> SourceId {
        self.push(Source { name: name.into(), text: text.into(), command_line: false })
    }

    /// A source that holds words of a command line.
    pub fn add_command(&mut self, name: impl Into<String>, words: impl Into<std::sync::Arc<str>>) -> SourceId {
        self.push(Source { name: name.into(), text: words.into(), command_line: true })
    }

    fn push(&mut self, source: Source) -> SourceId {
        self.files.push(source);
        SourceId(self.files.len() as u32 - 1)
    }

    pub fn get(&self, id: SourceId) -> &Source {
        &self.files[id.0 as usize]
    }

    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.source).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub fn line_column(&self, source: SourceId, byte: u32) -> (usize, usize) {
        let text = &self.get(source).text;
        let mut at = (byte as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &text[..at];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// A related place and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One thing that is wrong, or doubtful, with its places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable id, a row of the catalogue, with a page under `docs/errors/`.
    pub id: &'static str,
    pub severity: Severity,
    pub message: String,
    /// The primary place first; there is always one.
    pub labels: Vec<Label>,
    /// What to do, where more can be said than the catalogue does.
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(id: &'static str, at: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            id,
            severity: Severity::Error,
            message: message.into(),
            labels: vec![Label { span: at, text: String::new() }],
            help: None,
        }
    }

    pub fn warning(id: &'static str, at: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(id, at, message) }
    }

    /// The words at the primary place.
    pub fn here(mut self, text: impl Into<String>) -> Diagnostic {
        self.labels[0].text = text.into();
        self
    }

    /// A related place.
    pub fn label(mut self, at: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span: at, text: text.into() });
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }

    /// What to do: of this case, or else of its id.
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref().or_else(|| catalogue::lookup(self.id).map(|entry| entry.help))
    }

    pub fn primary(&self) -> Span {
        self.labels[0].span
    }
}
