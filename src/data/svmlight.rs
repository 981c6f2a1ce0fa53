//! The svmlight format: `label index:value index:value ... # comment`, one row a line.
//!
//! Indices count from 1 and ascend; entries that are left out are 0. The table is dense: columns `label`, `x1` to `xd`
//! where `d` is the largest index of the file. An entry `qid:n` is refused since nothing would use it.

use super::{Column, ColumnValues, Format, Mistakes, Table, number, too_large};
use crate::diag::{Diagnostic, SourceId, Span};
use std::sync::Arc;

/// More cells (2 GiB of numbers) or features than this are refused: the table is dense.
const MOST_CELLS: usize = 1 << 28;
const MOST_FEATURES: usize = 1 << 20;

/// Reads a table. Fails with all bad entries, the first few of each kind.
pub fn svmlight(source: SourceId, text: &str) -> Result<Table, Vec<Diagnostic>> {
    if let Some(large) = too_large(source, text) {
        return Err(vec![large]);
    }
    let mut mistakes = Mistakes::default();
    let mut row_starts = vec![];
    let mut labels = vec![];
    let mut entries: Vec<(u32, u32, f64)> = vec![];
    let mut width = 0;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let line_start = start;
        start += line.len();
        let mut words = words(line);
        let Some((at, label)) = words.next() else { continue };
        let row = row_starts.len() as u32;
        row_starts.push((line_start + at) as u32);
        match number(label) {
            Some(value) => labels.push(value),
            None => mistakes.add("bad-number", || {
                let at = Span::new(source, line_start + at, line_start + at + label.len());
                Diagnostic::error("bad-number", at, format!("the label `{label}` is not a number"))
                    .help("each line is `label index:value index:value ...`")
            }),
        }
        let mut last = 0;
        for (at, word) in words {
            match entry(word, last) {
                Ok((index, value)) => {
                    entries.push((row, index, value));
                    last = index;
                }
                Err(message) => mistakes.add("bad-svmlight", || {
                    let at = Span::new(source, line_start + at, line_start + at + word.len());
                    Diagnostic::error("bad-svmlight", at, message)
                        .help("each line is `label index:value index:value ...` with ascending indices from 1")
                }),
            }
        }
        width = width.max(last as usize);
    }
    let rows = row_starts.len();
    if width > MOST_FEATURES || rows.saturating_mul(width) > MOST_CELLS {
        mistakes.add("file-too-large", || {
            let message = format!("as a dense table this file would have {rows} rows of {width} columns");
            Diagnostic::error("file-too-large", Span::new(source, 0, 0), message)
                .help("leave out features that are rarely used, or split the file")
        });
    }
    if !mistakes.is_empty() {
        return Err(mistakes.told());
    }
    let mut features = vec![vec![0.0; rows]; width];
    for (row, index, value) in entries {
        features[index as usize - 1][row as usize] = value;
    }
    let numbers = |name: &str, values| Column { name: name.into(), values: ColumnValues::Number(Arc::new(values)) };
    let mut columns = vec![numbers("label", labels)];
    columns.extend(features.into_iter().zip(1..).map(|(values, k)| numbers(&format!("x{k}"), values)));
    Ok(Table { source, format: Format::Svmlight, columns, rows, row_starts })
}

/// Where the value of a column stands in the row at `start`; the whole row if the entry is left out.
pub(super) fn cell_place(text: &str, start: usize, column: usize) -> (usize, usize) {
    let line = text[start..].lines().next().unwrap_or("");
    let mut end = 0;
    for (k, (at, word)) in words(line).enumerate() {
        end = at + word.len();
        let index = if k == 0 { Some(0) } else { word.split_once(':').and_then(|(index, _)| index.parse().ok()) };
        if index == Some(column) {
            let value = word.rfind(':').map_or(0, |colon| colon + 1);
            return (start + at + value, start + end);
        }
    }
    (start, start + end)
}

/// The words of a line before its comment, each with its place.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let content = line.split('#').next().unwrap_or("");
    let base = line.as_ptr() as usize;
    content.split_ascii_whitespace().map(move |word| (word.as_ptr() as usize - base, word))
}

/// Index and value of an entry behind index `last`.
fn entry(word: &str, last: u32) -> Result<(u32, f64), String> {
    let Some((index, value)) = word.split_once(':') else {
        return Err(format!("`{word}` is not `index:value`"));
    };
    let index: u32 = match index.parse() {
        Ok(0) => return Err("indices count from 1".to_string()),
        Ok(index) => index,
        Err(_) => return Err(format!("`{index}` is not an index")),
    };
    if index <= last {
        return Err(format!("index {index} stands behind index {last}"));
    }
    number(value).map(|value| (index, value)).ok_or_else(|| format!("`{value}` is not a number"))
}
