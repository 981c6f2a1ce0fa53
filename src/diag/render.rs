//! Diagnostics as text for people. The only file that knows ariadne.
//!
//! ariadne panics on spans that cut a character and scans a source as a whole, so each diagnostic hands it excerpts:
//! the lines around its places, after as many empty lines as stand above them, which keeps line numbers right. Of a very
//! long line an excerpt holds what stands around the places, and the columns that ariadne counts in it are put right.

use super::{Diagnostic, Severity, Source, SourceId, Sources, Span};
use ariadne::{Cache, CharSet, Config, IndexType, Label, Report, ReportKind};
use std::collections::BTreeMap;
use std::ops::Range;

/// How many diagnostics are shown; of the rest only the number is.
const SHOWN: usize = 20;
/// Lines of an excerpt above the first and below the last place.
const MARGIN: usize = 2;
/// Lines of more bytes than this are cut.
const LONGEST: usize = 300;
/// Bytes that a cut line keeps on either side of the ends of a place.
const AROUND: usize = 60;
/// What stands where a line was cut.
const CUT: &str = "…";

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
    if let Some(help) = diagnostic.advice() {
        report = report.with_help(help);
    }
    let mut bytes = Vec::new();
    match report.finish().write(&mut excerpts, &mut bytes) {
        Ok(()) => excerpts.with_true_columns(diagnostic, sources, String::from_utf8_lossy(&bytes).into_owned()),
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
    /// What is shown of the source, ascending: bytes of the source and where they begin in the excerpt.
    pieces: Vec<(Range<usize>, usize)>,
    source: ariadne::Source<String>,
}

impl Excerpt {
    /// Where a byte of the source stands in the excerpt; what was left out stands where the next piece begins.
    fn shown(&self, byte: usize) -> usize {
        let next = self.pieces.partition_point(|(bytes, _)| bytes.end < byte);
        match self.pieces.get(next).or(self.pieces.last()) {
            Some((bytes, at)) => at + byte.clamp(bytes.start, bytes.end) - bytes.start,
            None => 0,
        }
    }
}

/// The excerpts that one diagnostic needs.
struct Excerpts(BTreeMap<SourceId, Excerpt>);

impl Excerpts {
    fn of(diagnostic: &Diagnostic, sources: &Sources) -> Excerpts {
        let mut places: BTreeMap<SourceId, Vec<Range<usize>>> = BTreeMap::new();
        for label in &diagnostic.labels {
            let (start, end) = (label.span.start as usize, label.span.end as usize);
            places.entry(label.span.source).or_default().push(start..end.max(start));
        }
        let unknown = Source { name: "?".to_string(), text: "".into(), command_line: false };
        let excerpts = places
            .into_iter()
            .map(|(id, places)| (id, excerpt(sources.files.get(id.0 as usize).unwrap_or(&unknown), &places)));
        Excerpts(excerpts.collect())
    }

    /// A span as a place in its excerpt: on whole characters, and at least one wide where there is one.
    fn place(&self, span: Span) -> Place {
        let excerpt = &self.0[&span.source];
        let text = excerpt.source.text();
        let within = |byte: u32| excerpt.shown(byte as usize).min(text.len());
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

    /// The rendered text with the columns of places in cut lines as they are in the source.
    fn with_true_columns(&self, diagnostic: &Diagnostic, sources: &Sources, mut text: String) -> String {
        for label in &diagnostic.labels {
            let (excerpt, place) = (&self.0[&label.span.source], self.place(label.span));
            if excerpt.pieces.len() < 2 {
                continue;
            }
            let before = &excerpt.source.text()[..place.bytes.start];
            let shown = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            let (line, column) = sources.line_column(label.span.source, label.span.start);
            let head = |column: usize| format!("─[ {}:{line}:{column} ]", excerpt.name);
            text = text.replacen(&head(shown), &head(column), 1);
        }
        text
    }
}

fn excerpt(source: &Source, places: &[Range<usize>]) -> Excerpt {
    let text = source.text.as_bytes();
    let first = places.iter().map(|place| place.start).min().unwrap_or(0);
    let last = places.iter().map(|place| place.end).max().unwrap_or(0);
    let mut start = first.min(text.len());
    let mut end = last.clamp(start, text.len());
    for _ in 0..=MARGIN {
        start = text[..start].iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        end = text[end..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |i| end + i + 1);
    }
    if start > 0 {
        // Behind the line end that was found.
        start += 1;
    }
    let mut shown = "\n".repeat(text[..start].iter().filter(|byte| **byte == b'\n').count());
    let mut pieces: Vec<(Range<usize>, usize)> = vec![];
    let mut keep = |bytes: Range<usize>, shown: &mut String| {
        let at = shown.len();
        shown.push_str(&plain_line_ends(&String::from_utf8_lossy(&text[bytes.clone()])));
        match pieces.last_mut() {
            // What is not cut stays one piece.
            Some((last, begin)) if last.end == bytes.start && *begin + last.len() == at => last.end = bytes.end,
            _ => pieces.push((bytes, at)),
        }
    };
    let mut line = start;
    while line < end {
        let next = text[line..end].iter().position(|byte| *byte == b'\n').map_or(end, |i| line + i + 1);
        for piece in kept_of_line(&source.text, line..next, places) {
            if piece.start > line && !shown.ends_with(CUT) {
                shown.push_str(CUT);
            }
            let ends_line = piece.end == next;
            keep(piece, &mut shown);
            if !ends_line {
                shown.push_str(CUT);
            }
        }
        if !shown.ends_with('\n') && next < end {
            shown.push('\n');
        }
        line = next;
    }
    if pieces.is_empty() {
        pieces.push((start..end, shown.len()));
    }
    Excerpt { name: source.name.clone(), pieces, source: ariadne::Source::from(shown) }
}

/// The parts of a line that are shown: all of it, or of a long one what stands around the ends of places; its beginning
/// if there is no place in it. Cuts stand between characters.
fn kept_of_line(text: &str, line: Range<usize>, places: &[Range<usize>]) -> Vec<Range<usize>> {
    if line.len() <= LONGEST {
        return vec![line];
    }
    let boundary = |mut byte: usize| {
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    };
    let mut ends: Vec<usize> =
        places.iter().flat_map(|place| [place.start, place.end]).filter(|byte| line.contains(byte)).collect();
    if ends.is_empty() {
        ends.push(line.start);
    }
    ends.sort_unstable();
    let mut kept: Vec<Range<usize>> = vec![];
    for byte in ends {
        let around = boundary(byte.saturating_sub(AROUND).max(line.start))..boundary((byte + AROUND).min(line.end));
        match kept.last_mut() {
            Some(last) if around.start <= last.end => last.end = last.end.max(around.end),
            _ => kept.push(around),
        }
    }
    kept
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
    fn of_a_long_line_the_places_and_what_is_around_them_are_shown() {
        let long = format!("{}BAD{}", "é + ".repeat(5000), " + tail".repeat(3000));
        let (sources, id) = sources(&format!("var x\n{long}\nlast\n"));
        let start = sources.get(id).text.find("BAD").unwrap();
        let diagnostic = Diagnostic::error("undefined-name", Span::new(id, start, start + 3), "no `BAD`")
            .label(Span::new(id, 4, 5), "near")
            .label(Span::new(id, start - 4000, start + 9000), "wide");
        let text = render(&[diagnostic], &sources, false);
        assert!(text.contains("model.opt:2:20001 ]"), "{text}");
        assert!(text.contains("é + BAD + tail"), "{text}");
        assert!(text.contains(CUT) && text.contains("wide") && text.contains("near"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 600), "{text}");
        let short = Diagnostic::error("x", Span::new(id, 4, 5), "before a long line");
        let text = render(&[short], &sources, false);
        assert!(text.contains("model.opt:1:5 ]") && text.lines().all(|line| line.chars().count() < 200), "{text}");
        for at in start - 200..start + 200 {
            let place = Span { source: id, start: at as u32, end: at as u32 + 1 };
            assert!(render(&[Diagnostic::error("x", place, "m")], &sources, false).contains("model.opt:2:"));
        }
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
