//! What is wrong in a file: collected, so that all of it is told at once.

use crate::diag::{Diagnostic, SourceId, Span};

/// More than this would not be read.
const MOST: usize = 20;

/// A word of a file and the byte where it begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Word<'t> {
    pub text: &'t str,
    pub at: usize,
}

impl Word<'_> {
    pub fn span(&self, source: SourceId) -> Span {
        Span::new(source, self.at, self.at + self.text.len())
    }

    pub fn is(&self, keyword: &str) -> bool {
        self.text.eq_ignore_ascii_case(keyword)
    }
}

#[derive(Debug)]
pub struct Mistakes {
    source: SourceId,
    id: &'static str,
    found: Vec<Diagnostic>,
    more: usize,
}

impl Mistakes {
    /// `id` is that of files which break the rules of their format.
    pub fn new(source: SourceId, id: &'static str) -> Mistakes {
        Mistakes { source, id, found: vec![], more: 0 }
    }

    pub fn add(&mut self, at: Word, message: impl Into<String>) {
        self.told(Diagnostic { id: self.id, ..cannot(at.span(self.source), message) });
    }

    /// The format allows it, but no problem of ours says it.
    pub fn unsupported(&mut self, at: Word, message: impl Into<String>) {
        self.told(cannot(at.span(self.source), message));
    }

    fn told(&mut self, diagnostic: Diagnostic) {
        match self.found.len() < MOST {
            true => self.found.push(diagnostic),
            false => self.more += 1,
        }
    }

    pub fn unless<T>(mut self, value: T) -> Result<T, Vec<Diagnostic>> {
        if self.found.is_empty() {
            return Ok(value);
        }
        if self.more > 0
            && let Some(last) = self.found.last_mut()
        {
            last.help = Some(format!("{} more mistakes are not shown", self.more));
        }
        Err(self.found)
    }
}

fn cannot(at: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("cannot-import", at, message)
}

/// A number as these formats write it, infinities by name.
pub fn number(text: &str) -> Option<f64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.eq_ignore_ascii_case("inf") || rest.eq_ignore_ascii_case("infinity") {
        return Some(sign * f64::INFINITY);
    }
    if !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    // Old files have exponents of other languages.
    let value: f64 = rest.replace(['d', 'D'], "e").parse().ok()?;
    // By convention, this large is no bound.
    Some(sign * if value >= 1e30 { f64::INFINITY } else { value })
}

/// `x[1,2]` for `x(1,2)`: some formats have no brackets in names.
pub fn bracketed(name: &str) -> String {
    let inner = name.strip_suffix(')').and_then(|rest| rest.split_once('('));
    match inner {
        Some((base, subscripts))
            if !base.is_empty() && !subscripts.contains(['(', ')', '[', ']']) && !base.contains([')', ']', '[']) =>
        {
            format!("{base}[{subscripts}]")
        }
        _ => name.to_string(),
    }
}
