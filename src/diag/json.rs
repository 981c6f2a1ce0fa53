//! Diagnostics as records, the shape of `merit check --json`.

use super::{Diagnostic, Severity, Sources, Span};
use serde::Serialize;

/// One diagnostic: its primary place is spelled out, and every place with words stands in `labels`.
/// Lines and columns count from 1, columns in characters; `end_column` is behind the last character.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    pub id: &'static str,
    pub severity: Severity,
    pub message: String,
    #[serde(flatten)]
    pub place: Place,
    pub labels: Vec<LabelRecord>,
    pub help: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelRecord {
    #[serde(flatten)]
    pub place: Place,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// The records of diagnostics, in their order.
pub fn records(diagnostics: &[Diagnostic], sources: &Sources) -> Vec<Record> {
    let record = |diagnostic: &Diagnostic| Record {
        id: diagnostic.id,
        severity: diagnostic.severity,
        message: diagnostic.message.clone(),
        place: place(diagnostic.primary(), sources),
        labels: diagnostic
            .labels
            .iter()
            .filter(|label| !label.text.is_empty())
            .map(|label| LabelRecord { place: place(label.span, sources), text: label.text.clone() })
            .collect(),
        help: diagnostic.advice().map(str::to_string),
    };
    diagnostics.iter().map(record).collect()
}

fn place(span: Span, sources: &Sources) -> Place {
    let (line, column) = sources.line_column(span.source, span.start);
    let (end_line, end_column) = sources.line_column(span.source, span.end);
    Place { file: sources.get(span.source).name.clone(), line, column, end_line, end_column }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_documented_keys() {
        let mut sources = Sources::default();
        let id = sources.add("m.opt", "var é\nvar é\n");
        let diagnostic = Diagnostic::error("duplicate-name", Span::new(id, 11, 13), "`é` is declared twice")
            .label(Span::new(id, 4, 6), "first here");
        let json = serde_json::to_value(records(&[diagnostic], &sources)).expect("records are plain");
        let expected = serde_json::json!([{
            "id": "duplicate-name", "severity": "error", "message": "`é` is declared twice",
            "file": "m.opt", "line": 2, "column": 5, "end_line": 2, "end_column": 6,
            "labels": [{"file": "m.opt", "line": 1, "column": 5, "end_line": 1, "end_column": 6, "text": "first here"}],
            "help": "rename one of the two"
        }]);
        assert_eq!(json, expected);
    }
}
