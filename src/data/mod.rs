//! Data files as columns: bytes to tables, with the place of every cell.
//!
//! Each format is one file with one function from text to values: [`csv`], [`json`], [`svmlight`]. What is wrong is
//! told with the line and column of the data file. Places of single cells are not stored: a table knows where its rows
//! start, and [`Table::cell_span`] reads the row again when a message needs the place.

mod csv;
mod decode;
mod intern;
mod json;
mod svmlight;
#[cfg(test)]
mod tests;

pub use self::csv::csv;
pub use self::decode::{Undecodable, decode};
pub use self::json::json;
pub use self::svmlight::svmlight;

use crate::diag::{Diagnostic, SourceId, Span};
use intern::Interner;
use std::sync::Arc;

/// A value read from a file, with its place.
#[derive(Clone, Debug)]
pub struct Value {
    pub kind: ValueKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ValueKind {
    Null,
    Number(f64),
    Text(Arc<str>),
    Bool(bool),
    /// A rectangular array of numbers, last index fastest.
    Numbers {
        shape: Vec<usize>,
        values: Arc<Vec<f64>>,
    },
    /// An array of anything else, and every array without elements.
    List(Vec<Value>),
    Object(Vec<(Arc<str>, Value)>),
    /// A csv or svmlight file, or an array of JSON objects with the same fields.
    Table(Arc<Table>),
}

/// Rows of named, typed columns.
#[derive(Clone, Debug)]
pub struct Table {
    pub source: SourceId,
    pub format: Format,
    pub columns: Vec<Column>,
    pub rows: usize,
    /// Byte where each row starts in the source.
    pub row_starts: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Json,
    Svmlight,
    /// Given by an embedding program; cells have no place.
    Memory,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: Arc<str>,
    pub values: ColumnValues,
}

#[derive(Clone, Debug)]
pub enum ColumnValues {
    Number(Arc<Vec<f64>>),
    Text(Arc<Vec<Arc<str>>>),
    Bool(Arc<Vec<bool>>),
}

impl Value {
    /// The field of an object.
    pub fn field(&self, name: &str) -> Option<&Value> {
        match &self.kind {
            ValueKind::Object(fields) => fields.iter().find(|(n, _)| &**n == name).map(|(_, value)| value),
            ValueKind::Null
            | ValueKind::Number(_)
            | ValueKind::Text(_)
            | ValueKind::Bool(_)
            | ValueKind::Numbers { .. }
            | ValueKind::List(_)
            | ValueKind::Table(_) => None,
        }
    }
}

impl ColumnValues {
    pub fn len(&self) -> usize {
        match self {
            ColumnValues::Number(values) => values.len(),
            ColumnValues::Text(values) => values.len(),
            ColumnValues::Bool(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Table {
    /// A table of an embedding program. Fails if names repeat or are empty, or lengths differ.
    pub fn from_columns(columns: Vec<Column>) -> Result<Table, String> {
        let rows = columns.first().map_or(0, |column| column.values.len());
        for (k, column) in columns.iter().enumerate() {
            if column.name.is_empty() {
                return Err(format!("column {} has no name", k + 1));
            }
            if columns[..k].iter().any(|earlier| earlier.name == column.name) {
                return Err(format!("two columns are called `{}`", column.name));
            }
            if column.values.len() != rows {
                let (first, here) = (&columns[0].name, column.values.len());
                return Err(format!("column `{}` has {here} rows, but `{first}` has {rows}", column.name));
            }
        }
        Ok(Table { source: SourceId::default(), format: Format::Memory, columns, rows, row_starts: vec![] })
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| &*column.name == name)
    }

    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| &*column.name == name)
    }

    /// The first row of a column of texts that holds no number, and whether other rows do, quoted or not.
    pub fn first_text(&self, column: usize) -> Option<(usize, bool)> {
        match &self.columns.get(column)?.values {
            ColumnValues::Text(texts) => {
                let row = texts.iter().position(|text| number(text).is_none())?;
                Some((row, texts.iter().any(|text| number(text).is_some())))
            }
            ColumnValues::Number(_) | ColumnValues::Bool(_) => None,
        }
    }

    /// The place of a cell; `text` is the text of the table's source. An entry that an svmlight row leaves out (a zero)
    /// has the place of its row. In a table without a file the span is empty.
    pub fn cell_span(&self, text: &str, row: usize, column: usize) -> Span {
        let Some(&start) = self.row_starts.get(row) else { return Span::new(self.source, 0, 0) };
        let (start, name) = (start as usize, self.columns.get(column).map_or("", |column| &column.name));
        let (start, end) = match self.format {
            Format::Csv => csv::cell_place(text, start, column),
            Format::Json => json::cell_place(text, start, name),
            Format::Svmlight => svmlight::cell_place(text, start, column),
            Format::Memory => (0, 0),
        };
        Span::new(self.source, start, end)
    }

    /// The place of a column's name: its cell of the header, its first field (JSON), or the start of the file.
    pub fn header_span(&self, text: &str, column: usize) -> Span {
        let (start, end) = match self.format {
            Format::Csv => csv::cell_place(text, csv::header_start(text), column),
            Format::Json => match (self.row_starts.first(), self.columns.get(column)) {
                (Some(&start), Some(column)) => json::key_place(text, start as usize, &column.name),
                (None, _) | (_, None) => (0, 0),
            },
            Format::Svmlight | Format::Memory => (0, 0),
        };
        Span::new(self.source, start, end)
    }
}

/// The number that a cell spells: what `f64` reads, and `inf`, `-inf`. Neither `nan` nor a number too large for f64.
fn number(cell: &str) -> Option<f64> {
    let value: f64 = cell.parse().ok()?;
    let spelled_infinite =
        value.is_infinite() && cell.bytes().any(|b| b.is_ascii_alphabetic() && !matches!(b, b'e' | b'E'));
    (value.is_finite() || spelled_infinite).then_some(value)
}

/// Mistakes of one kind that are listed one by one; what comes after is only counted.
const LISTED: usize = 5;

/// Diagnostics of a file, at most [`LISTED`] of each kind.
#[derive(Default)]
struct Mistakes {
    listed: Vec<Diagnostic>,
    counts: Vec<(&'static str, usize)>,
}

impl Mistakes {
    fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Adds what `make` builds, unless enough of its kind are listed.
    fn add(&mut self, id: &'static str, make: impl FnOnce() -> Diagnostic) {
        let k = self.counts.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            self.counts.push((id, 0));
            self.counts.len() - 1
        });
        self.counts[k].1 += 1;
        if self.counts[k].1 <= LISTED {
            self.listed.push(make());
        }
    }

    /// `value` if nothing is wrong.
    fn unless<T>(self, value: T) -> Result<T, Vec<Diagnostic>> {
        if self.is_empty() { Ok(value) } else { Err(self.told()) }
    }

    /// The mistakes; the last one listed of a kind tells how many more there are.
    fn told(mut self) -> Vec<Diagnostic> {
        for (id, count) in self.counts {
            if count > LISTED
                && let Some(last) = self.listed.iter_mut().rev().find(|d| d.id == id)
            {
                let more = format!("there are {} more of this kind in the file", count - LISTED);
                last.help = Some(match last.help.take() {
                    Some(help) => format!("{help}; {more}"),
                    None => more,
                });
            }
        }
        self.listed
    }
}

/// Spans count bytes in 32 bits.
fn too_large(source: SourceId, text: &str) -> Option<Diagnostic> {
    (text.len() > u32::MAX as usize).then(|| {
        Diagnostic::error("file-too-large", Span::new(source, 0, 0), "the file is larger than 4 GiB")
            .help("split it, or give the data as columns from an embedding program")
    })
}
