//! Data files as columns: bytes to tables, with the place of every cell.

use crate::diag::{SourceId, Span};
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
    /// An array of anything else.
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
