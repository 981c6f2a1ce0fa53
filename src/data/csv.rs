//! Comma-separated values: a header of names, then rows.
//!
//! Cells may be quoted (`"a, b"`, with `""` for a quote) and may then span lines. Blanks around a cell do not count,
//! lines without any cell are skipped. A column is numeric if every cell is a number, a truth value if every cell is
//! `true` or `false`, else text. Where most cells are numbers, the others are mistakes, unless all of them are quoted.
//!
//! Rows are read once; only columns that hold something else than numbers are read a second time.

use super::{Column, ColumnValues, Format, Interner, Mistakes, Table, number, too_large};
use crate::diag::{Diagnostic, SourceId, Span};
use std::borrow::Cow;
use std::sync::Arc;

/// Reads a table. Fails with all ragged rows, bad quotes, bad names and bad cells (the first few of each kind).
pub fn csv(source: SourceId, text: &str) -> Result<Table, Vec<Diagnostic>> {
    if let Some(large) = too_large(source, text) {
        return Err(vec![large]);
    }
    let mut mistakes = Mistakes::default();
    let (names, header) = header(source, text, &mut mistakes);
    if names.is_empty() {
        return Err(mistakes.told());
    }
    let mut numbers: Vec<Option<Vec<f64>>> = names.iter().map(|_| Some(vec![])).collect();
    let mut row_starts = vec![];
    let mut at = skip_empty_lines(text, header.next);
    while at < text.len() {
        let start = at;
        let (mut count, mut sound) = (0, true);
        let row = walk_row(text, start, |cell| {
            match cell {
                Ok(cell) => {
                    let column = numbers.get_mut(count);
                    if let Some(slot) = column
                        && let Some(values) = slot
                    {
                        match number(&text[cell.start..cell.end]) {
                            Some(value) => values.push(value),
                            None => *slot = None,
                        }
                    }
                }
                Err(quote) => {
                    sound = false;
                    mistakes.add("bad-quoting", || quote.diagnostic(source));
                }
            }
            count += 1;
        });
        if sound && count != names.len() {
            mistakes.add("ragged-row", || ragged(source, (start, row.end), count, header_place(&header), names.len()));
        }
        row_starts.push(start as u32);
        at = skip_empty_lines(text, row.next);
    }
    // The values of columns mean nothing where rows are not sound.
    if !mistakes.is_empty() {
        return Err(mistakes.told());
    }
    let values = second_reading(source, text, &names, numbers, &row_starts, &mut mistakes);
    let columns = names.into_iter().zip(values).map(|(name, values)| Column { name, values }).collect();
    let rows = row_starts.len();
    mistakes.unless(Table { source, format: Format::Csv, columns, rows, row_starts })
}

/// Where the contents of cell `column` of the row at `start` stand; the whole row if it has no such cell.
pub(super) fn cell_place(text: &str, start: usize, column: usize) -> (usize, usize) {
    let (mut k, mut place) = (0, None);
    let row = walk_row(text, start, |cell| {
        if let (true, Ok(cell)) = (k == column, cell) {
            place = Some((cell.start, cell.end));
        }
        k += 1;
    });
    place.unwrap_or((start, row.end))
}

/// Where the header begins.
pub(super) fn header_start(text: &str) -> usize {
    skip_empty_lines(text, 0)
}

/// The contents of a cell: without blanks around it and without its quotes.
#[derive(Clone, Copy)]
struct Cell {
    start: usize,
    end: usize,
    quoted: bool,
}

impl Cell {
    fn text(self, text: &str) -> Cow<'_, str> {
        let raw = &text[self.start..self.end];
        if self.quoted && raw.contains("\"\"") { Cow::Owned(raw.replace("\"\"", "\"")) } else { Cow::Borrowed(raw) }
    }
}

/// A quotation mark where none may stand.
enum BadQuote {
    /// The opening mark has no partner.
    Unclosed { at: usize },
    /// A mark inside a cell that does not begin with one.
    Inside { at: usize },
    /// Something between the closing mark and the next comma.
    After { at: usize },
}

impl BadQuote {
    fn diagnostic(&self, source: SourceId) -> Diagnostic {
        let (at, message, help) = match *self {
            BadQuote::Unclosed { at } => (
                at,
                "this quote is never closed",
                "close the cell with `\"`; inside a quoted cell write `\"\"` for a quote",
            ),
            BadQuote::Inside { at } => (
                at,
                "a quote inside a cell that is not quoted",
                "quote the whole cell and double the quote: `\"say \"\"yes\"\"\"`",
            ),
            BadQuote::After { at } => (
                at,
                "text after the closing quote of a cell",
                "put a comma after the quote, or double it if it belongs to the cell",
            ),
        };
        Diagnostic::error("bad-quoting", Span::new(source, at, at + 1), message).help(help)
    }
}

/// Where a row ends, and where the next one begins.
struct Row {
    start: usize,
    end: usize,
    next: usize,
}

/// Calls `each` for the cells of the row that begins at `start`. After a bad quote the rest of the line is skipped.
fn walk_row(text: &str, start: usize, mut each: impl FnMut(Result<Cell, BadQuote>)) -> Row {
    let bytes = text.as_bytes();
    let mut at = start;
    loop {
        while at < bytes.len() && matches!(bytes[at], b' ' | b'\t') {
            at += 1;
        }
        let cell = if bytes.get(at) == Some(&b'"') { quoted_cell(bytes, &mut at) } else { plain_cell(bytes, &mut at) };
        let bad = cell.is_err();
        each(cell);
        if !bad && bytes.get(at) == Some(&b',') {
            at += 1;
            continue;
        }
        let line_end = bytes[at..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |k| at + k);
        let end = if line_end > start && bytes[line_end - 1] == b'\r' { line_end - 1 } else { line_end };
        return Row { start, end, next: (line_end + 1).min(bytes.len()) };
    }
}

/// Reads from the first byte of a cell that is not quoted to the comma, line end or end of text behind it.
fn plain_cell(bytes: &[u8], at: &mut usize) -> Result<Cell, BadQuote> {
    let start = *at;
    while *at < bytes.len() && !matches!(bytes[*at], b',' | b'\n') {
        if bytes[*at] == b'"' {
            return Err(BadQuote::Inside { at: *at });
        }
        *at += 1;
    }
    let mut end = *at;
    while end > start && matches!(bytes[end - 1], b' ' | b'\t' | b'\r') {
        end -= 1;
    }
    Ok(Cell { start, end, quoted: false })
}

/// Reads from the opening quote to the comma, line end or end of text behind the closing one.
fn quoted_cell(bytes: &[u8], at: &mut usize) -> Result<Cell, BadQuote> {
    let open = *at;
    *at += 1;
    loop {
        match bytes.get(*at) {
            None => return Err(BadQuote::Unclosed { at: open }),
            Some(b'"') if bytes.get(*at + 1) == Some(&b'"') => *at += 2,
            Some(b'"') => break,
            Some(_) => *at += 1,
        }
    }
    let cell = Cell { start: open + 1, end: *at, quoted: true };
    *at += 1;
    while *at < bytes.len() && matches!(bytes[*at], b' ' | b'\t' | b'\r') {
        *at += 1;
    }
    match bytes.get(*at) {
        None | Some(b',' | b'\n') => Ok(cell),
        Some(_) => Err(BadQuote::After { at: *at }),
    }
}

/// The start of the first line at or after `at` that holds more than blanks.
fn skip_empty_lines(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut line = at;
    while at < bytes.len() && matches!(bytes[at], b' ' | b'\t' | b'\r' | b'\n') {
        at += 1;
        if bytes[at - 1] == b'\n' {
            line = at;
        }
    }
    if at == bytes.len() { at } else { line }
}

/// The names of the columns, or none and a mistake.
fn header(source: SourceId, text: &str, mistakes: &mut Mistakes) -> (Vec<Arc<str>>, Row) {
    let start = header_start(text);
    let mut names: Vec<Arc<str>> = vec![];
    let mut cells: Vec<Cell> = vec![];
    let mut bad_quote = None;
    let row = walk_row(text, start, |cell| match cell {
        Ok(cell) => {
            names.push((&*cell.text(text)).into());
            cells.push(cell);
        }
        Err(quote) => bad_quote = Some(quote),
    });
    let whole = Span::new(source, row.start, row.end);
    if let Some(quote) = bad_quote {
        mistakes.add("bad-quoting", || quote.diagnostic(source));
        return (vec![], row);
    }
    if start == text.len() {
        mistakes.add("empty-file", || {
            Diagnostic::error("empty-file", whole, "the file is empty")
                .help("the first line must hold the names of the columns, separated by commas")
        });
        return (vec![], row);
    }
    if let [only] = cells[..]
        && !only.quoted
        && let Some(other) = text[only.start..only.end].chars().find(|c| matches!(c, ';' | '\t' | '|'))
    {
        mistakes.add("bad-separator", || {
            Diagnostic::error("bad-separator", whole, format!("the header has no comma, but {other:?}"))
                .help("separate columns by commas")
        });
        return (vec![], row);
    }
    for (k, cell) in cells.iter().enumerate() {
        let here = Span::new(source, cell.start, cell.end);
        if names[k].is_empty() {
            mistakes.add("empty-column-name", || {
                Diagnostic::error("empty-column-name", here, format!("column {} has no name", k + 1))
                    .help("every column needs a name in the first line")
            });
        } else if let Some(first) = names[..k].iter().position(|name| *name == names[k]) {
            let there = Span::new(source, cells[first].start, cells[first].end);
            mistakes.add("duplicate-column", || {
                let message = format!("two columns are called `{}`", names[k]);
                Diagnostic::error("duplicate-column", here, message).label(there, "the first one")
            });
        }
    }
    (names, row)
}

fn header_place(header: &Row) -> (usize, usize) {
    (header.start, header.end)
}

fn ragged(
    source: SourceId,
    (start, end): (usize, usize),
    cells: usize,
    (header_start, header_end): (usize, usize),
    columns: usize,
) -> Diagnostic {
    let plural = if cells == 1 { "" } else { "s" };
    let message = format!("this row has {cells} cell{plural}, but the header names {columns} columns");
    Diagnostic::error("ragged-row", Span::new(source, start, end), message)
        .label(Span::new(source, header_start, header_end), "the header")
        .help("add or remove cells; a comma inside a cell needs quotes around the cell")
}

/// The values of all columns: those in `numbers` as they are, the others read again from the text.
fn second_reading(
    source: SourceId,
    text: &str,
    names: &[Arc<str>],
    numbers: Vec<Option<Vec<f64>>>,
    row_starts: &[u32],
    mistakes: &mut Mistakes,
) -> Vec<ColumnValues> {
    let mut cells: Vec<Option<Vec<Cell>>> = numbers.iter().map(|column| column.is_none().then(Vec::new)).collect();
    if cells.iter().any(Option::is_some) {
        for &start in row_starts {
            let mut k = 0;
            walk_row(text, start as usize, |cell| {
                if let (Some(Some(column)), Ok(cell)) = (cells.get_mut(k), cell) {
                    column.push(cell);
                }
                k += 1;
            });
        }
    }
    let mut out = vec![];
    for ((numbers, cells), name) in numbers.into_iter().zip(cells).zip(names) {
        out.push(match (numbers, cells) {
            (Some(values), _) => ColumnValues::Number(Arc::new(values)),
            (None, cells) => typed(source, text, name, &cells.unwrap_or_default(), mistakes),
        });
    }
    out
}

/// The values of a column that does not hold only numbers.
fn typed(source: SourceId, text: &str, name: &str, cells: &[Cell], mistakes: &mut Mistakes) -> ColumnValues {
    let is_number = |cell: &Cell| number(&text[cell.start..cell.end]).is_some();
    let truth = |cell: &Cell| match &text[cell.start..cell.end] {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    };
    let is_empty = |cell: &Cell| cell.start == cell.end && !cell.quoted;
    let numbers = cells.iter().filter(|cell| is_number(cell)).count();
    let truths: Vec<bool> = cells.iter().filter_map(truth).collect();
    if truths.len() == cells.len() {
        return ColumnValues::Bool(Arc::new(truths));
    }
    let others_quoted = cells.iter().all(|cell| cell.quoted || is_number(cell));
    let mostly_numbers = 2 * numbers > cells.len() && !others_quoted;
    let mostly_truths =
        2 * truths.len() > cells.len() && cells.iter().all(|cell| truth(cell).is_some() || is_empty(cell));
    if mostly_numbers || mostly_truths {
        let expected = if mostly_numbers { "number" } else { "truth value" };
        for cell in cells.iter().filter(|cell| if mostly_numbers { !is_number(cell) } else { is_empty(cell) }) {
            bad_cell(source, text, name, *cell, expected, mistakes);
        }
        return ColumnValues::Number(Arc::default());
    }
    let mut interner = Interner::default();
    ColumnValues::Text(Arc::new(cells.iter().map(|cell| interner.get(cell.text(text))).collect()))
}

fn bad_cell(source: SourceId, text: &str, name: &str, cell: Cell, expected: &str, mistakes: &mut Mistakes) {
    let at = Span::new(source, cell.start, cell.end);
    if cell.start == cell.end {
        mistakes.add("empty-cell", || {
            Diagnostic::error("empty-cell", at, format!("a cell of column `{name}` is empty"))
                .here(format!("a {expected} is missing here"))
                .help("fill it in or remove the row; Merit does not guess missing values")
        });
        return;
    }
    mistakes.add("bad-number", || {
        let shown: String = text[cell.start..cell.end].chars().take(40).collect();
        Diagnostic::error("bad-number", at, format!("`{shown}` is not a number, but column `{name}` holds numbers"))
            .help("write a number, `inf` or `-inf`; if the column is meant as text, put these cells in quotes")
    });
}
