//! Diagnostics as text for people. The only file that knows ariadne.
//!
//! ariadne panics on spans that cut a character and scans a source as a whole, so each diagnostic hands it excerpts:
//! the lines around its places, after as many empty lines as stand above them, which keeps line numbers right.

use super::{Diagnostic, Severity, Source, SourceId, Sources, Span};
use ariadne::{Cache, CharSet, Config, IndexType, Label, Report, ReportKind};
use std::collections::BTreeMap;
use std::ops::Range;

/// How many diagnostics are shown; of the rest only the number is.
const SHOWN: usize = 20;
/// Lines of an excerpt above the first and below the last place.
const MARGIN: usize = 2;

/// The diagnostics as text, in their order, with colours if asked for.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN) {
        text.push_str(&one(diagnostic, sources, color));
    }
    if diagnostics.len() > SHOWN {
        text.push_str(&format!("... and {} more\n", diagnostics.len() - SHOWN));
    }
    text
}

fn one(diagnostic: &Diagnostic, sources: &Sources, color: bool) -> String {
    let mut excerpts = Excerpts::of(diagnostic, sources);
    let kind = match diagnostic.severity {
        Severity::Error => ReportKind::Error,
        Severity::Warning => ReportKind::Warning,
    };
    let config = Config::default().with_color(color).with_index_type(IndexType::Byte).with_char_set(CharSet::Unicode);
    let paint = match diagnostic.severity {
        Severity::Error => ariadne::Color::Red,
        Severity::Warning => ariadne::Color::Yellow,
    };
    let primary = excerpts.place(diagnostic.primary());
    let mut report =
        Report::build(kind, primary).with_config(config).with_code(diagnostic.id).with_message(&diagnostic.message);
    for (i, label) in diagnostic.labels.iter().enumerate() {
        let mark = Label::new(excerpts.place(label.span));
        let mark = if i == 0 { mark.with_color(paint).with_priority(1) } else { mark.with_color(ariadne::Color::Cyan) };
        // ariadne underlines nothing where there are no words.
        report = report.with_label(mark.with_message(if label.text.is_empty() { "here" } else { &label.text }));
    }
    if let Some(help) = &diagnostic.help {
        report = report.with_help(help);
    }
    let mut bytes = Vec::new();
    match report.finish().write(&mut excerpts, &mut bytes) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        // Writing to memory does not fail; the message stands for itself if it ever does.
        Err(_) => format!("{}: {}\n", diagnostic.id, diagnostic.message),
    }
}

/// A place in an excerpt.
#[derive(Clone)]
struct Place {
    source: SourceId,
    bytes: Range<usize>,
}

impl ariadne::Span for Place {
    type SourceId = SourceId;

    fn source(&self) -> &SourceId {
        &self.source
    }

    fn start(&self) -> usize {
        self.bytes.start
    }

    fn end(&self) -> usize {
        self.bytes.end
    }
}

struct Excerpt {
    name: String,
    /// Bytes of the source that it shows.
    bytes: Range<usize>,
    /// Empty lines that stand for the lines above.
    above: usize,
    source: ariadne::Source<String>,
}

/// The excerpts that one diagnostic needs.
struct Excerpts(BTreeMap<SourceId, Excerpt>);

impl Excerpts {
    fn of(diagnostic: &Diagnostic, sources: &Sources) -> Excerpts {
        let mut ranges: BTreeMap<SourceId, Range<usize>> = BTreeMap::new();
        for label in &diagnostic.labels {
            let (start, end) = (label.span.start as usize, label.span.end as usize);
            let range = ranges.entry(label.span.source).or_insert(start..end);
            *range = range.start.min(start)..range.end.max(end);
        }
        let unknown = Source { name: "?".to_string(), text: "".into() };
        let excerpts = ranges
            .into_iter()
            .map(|(id, range)| (id, excerpt(sources.files.get(id.0 as usize).unwrap_or(&unknown), range)));
        Excerpts(excerpts.collect())
    }

    /// A span as a place in its excerpt: on whole characters, and at least one wide where there is one.
    fn place(&self, span: Span) -> Place {
        let excerpt = &self.0[&span.source];
        let text = excerpt.source.text();
        let within = |byte: u32| {
            let byte = (byte as usize).clamp(excerpt.bytes.start, excerpt.bytes.end);
            (byte - excerpt.bytes.start + excerpt.above).min(text.len())
        };
        let (mut start, mut end) = (within(span.start), within(span.end.max(span.start)));
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        if end <= start {
            end = start + text[start..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        }
        while !text.is_char_boundary(end) {
            end += 1;
        }
        Place { source: span.source, bytes: start..end }
    }
}

fn excerpt(source: &Source, range: Range<usize>) -> Excerpt {
    let text = source.text.as_bytes();
    let mut start = range.start.min(text.len());
    let mut end = range.end.clamp(start, text.len());
    for _ in 0..=MARGIN {
        start = text[..start].iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        end = text[end..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |i| end + i + 1);
    }
    if start > 0 {
        // Behind the line end that was found.
        start += 1;
    }
    let above = text[..start].iter().filter(|byte| **byte == b'\n').count();
    let mut shown = "\n".repeat(above);
    shown.push_str(&plain_line_ends(&String::from_utf8_lossy(&text[start..end])));
    Excerpt { name: source.name.clone(), bytes: start..end, above, source: ariadne::Source::from(shown) }
}

/// Characters that ariadne takes for line ends, and nobody else does, as spaces of the same length.
fn plain_line_ends(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => plain.push(c),
            '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => plain.push_str(&" ".repeat(c.len_utf8())),
            c => plain.push(c),
        }
    }
    plain
}

impl Cache<SourceId> for Excerpts {
    type Storage = String;

    fn fetch(&mut self, id: &SourceId) -> Result<&ariadne::Source<String>, impl std::fmt::Debug> {
        self.0.get(id).map(|excerpt| &excerpt.source).ok_or("a source without an excerpt")
    }

    fn display<'a>(&self, id: &'a SourceId) -> Option<impl std::fmt::Display + 'a> {
        self.0.get(id).map(|excerpt| excerpt.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> (Sources, SourceId) {
        let mut sources = Sources::default();
        let id = sources.add("model.opt", text);
        (sources, id)
    }

    #[test]
    fn the_place_the_words_and_the_help_are_shown() {
        let (sources, id) = sources("var x\nminimize é + y\n");
        let diagnostic = Diagnostic::error("undefined-name", Span::new(id, 20, 21), "`y` is not declared")
            .here("no such name")
            .label(Span::new(id, 4, 5), "did you mean this?")
            .help("declare it with `var y`");
        let text = render(&[diagnostic], &sources, false);
        for part in [
            "undefined-name",
            "`y` is not declared",
            "model.opt:2:14",
            "no such name",
            "did you mean this?",
            "declare it with",
            "minimize é + y",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn no_span_makes_it_panic() {
        let text = "é∑\n\nlet ü = \u{2028}\r\n\u{85}x\r";
        let (sources, id) = sources(text);
        for start in 0..text.len() + 3 {
            for end in 0..text.len() + 3 {
                let diagnostic =
                    Diagnostic::warning("x", Span { source: id, start: start as u32, end: end as u32 }, "m")
                        .label(Span::new(id, end, start), "other");
                assert!(render(&[diagnostic], &sources, true).contains('m'));
            }
        }
        let nowhere = Diagnostic::error("x", Span::new(SourceId(7), 0, 3), "lost");
        assert!(render(&[nowhere], &sources, false).contains("lost"));
    }

    #[test]
    fn lines_are_numbered_as_in_the_whole_source_and_many_are_counted() {
        let text = "a,b\n".repeat(100_000);
        let (sources, id) = sources(&text);
        let at = |line: usize| Diagnostic::error("bad-value", Span::new(id, 4 * (line - 1), 4 * line - 1), "bad");
        let rendered = render(&[at(70_001)], &sources, false);
        assert!(rendered.contains("model.opt:70001:1"), "{rendered}");
        assert!(rendered.contains("70001 │ a,b"), "{rendered}");
        for line in [1, 2, 3, 4, 100_000] {
            let rendered = render(&[at(line)], &sources, false);
            assert!(rendered.contains(&format!("model.opt:{line}:1")), "{rendered}");
        }
        let many: Vec<Diagnostic> = (1..=50).map(at).collect();
        assert!(render(&many, &sources, false).ends_with("... and 30 more\n"));
    }
}
