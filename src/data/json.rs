//! JSON (RFC 8259) to values with places.
//!
//! An array of numbers, or of equally long arrays of numbers, is one block of numbers; the texts `"inf"` and `"-inf"`
//! count as numbers there and in columns. An array of objects with the same fields and plain cells is a table; its
//! columns stand in the order of its first object. The scanner is our own since places of single values are needed and
//! a tree of a general parser has none.

use super::{Column, ColumnValues, Format, Interner, Mistakes, Table, Value, ValueKind, too_large};
use crate::diag::{Diagnostic, SourceId, Span};
use std::borrow::Cow;
use std::sync::Arc;

/// Nesting beyond this is refused, so that reading cannot exhaust the stack.
const DEEPEST: usize = 128;

/// Reads a text. Fails with the first error of syntax, or with all ragged arrays and bad cells (the first few).
pub fn json(source: SourceId, text: &str) -> Result<Value, Vec<Diagnostic>> {
    if let Some(large) = too_large(source, text) {
        return Err(vec![large]);
    }
    let mut reader = Reader {
        scanner: Scanner { source, text, at: 0 },
        keys: Interner::default(),
        mistakes: Mistakes::default(),
        depth: 0,
    };
    let value = reader.value().and_then(|value| {
        reader.scanner.skip_blanks();
        match reader.scanner.peek() {
            None => Ok(value),
            Some(_) => {
                Err(reader.scanner.bad_here("there is text after the end of the value", "a file holds one value"))
            }
        }
    });
    match value {
        Ok(value) => reader.mistakes.unless(value),
        Err(bad) => {
            let mut all = reader.mistakes.told();
            all.push(*bad);
            Err(all)
        }
    }
}

/// Where the value of `field` stands in the object at `start`; the opening brace if it has no such field.
pub(super) fn cell_place(text: &str, start: usize, field: &str) -> (usize, usize) {
    field_place(text, start, field).map_or((start, start + 1), |(_, value)| value)
}

/// Where the name of `field` stands in the object at `start`; the opening brace if it has no such field.
pub(super) fn key_place(text: &str, start: usize, field: &str) -> (usize, usize) {
    field_place(text, start, field).map_or((start, start + 1), |(key, _)| key)
}

type Place = (usize, usize);

fn field_place(text: &str, start: usize, field: &str) -> Option<(Place, Place)> {
    let mut scanner = Scanner { source: SourceId::default(), text, at: start };
    scanner.expect(b'{', "").ok()?;
    loop {
        scanner.skip_blanks();
        let key_start = scanner.at;
        let key = scanner.string().ok()?;
        let key_end = scanner.at;
        scanner.expect(b':', "").ok()?;
        scanner.skip_blanks();
        let value_start = scanner.at;
        scanner.scalar().ok()?;
        if key == field {
            return Some(((key_start, key_end), (value_start, scanner.at)));
        }
        scanner.expect(b',', "").ok()?;
    }
}

/// Errors are boxed: they are rare and large.
type Scan<T> = Result<T, Box<Diagnostic>>;

/// A position in the text, and the tokens of JSON.
struct Scanner<'t> {
    source: SourceId,
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Goes over blanks and then over `byte`.
    fn expect(&mut self, byte: u8, instead: &str) -> Scan<()> {
        self.skip_blanks();
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.bad_here(instead, ""))
    }

    /// An error at the current character; at the end of the text it says so.
    fn bad_here(&self, message: &str, help: &str) -> Box<Diagnostic> {
        let width = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        let here = if width == 0 { "the file ends here" } else { "" };
        self.bad(self.at, self.at + width, message, help, here)
    }

    fn bad(&self, start: usize, end: usize, message: &str, help: &str, here: &str) -> Box<Diagnostic> {
        let at = Span::new(self.source, start, end);
        let diagnostic = Diagnostic::error("bad-json", at, message).here(here);
        Box::new(if help.is_empty() { diagnostic } else { diagnostic.help(help) })
    }

    /// A number, text, truth value or null at the current place.
    fn scalar(&mut self) -> Scan<ValueKind> {
        match self.peek() {
            Some(b'"') => Ok(ValueKind::Text((&*self.string()?).into())),
            Some(b'-' | b'0'..=b'9') => Ok(ValueKind::Number(self.number()?)),
            Some(_) | None => self.word(),
        }
    }

    fn word(&mut self) -> Scan<ValueKind> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &rest[..length];
        let kind = match word {
            "null" => ValueKind::Null,
            "true" => ValueKind::Bool(true),
            "false" => ValueKind::Bool(false),
            "" => return Err(self.bad_here("a value is expected", "")),
            _ => {
                let help = match word.to_ascii_lowercase().as_str() {
                    "nan" | "na" => "JSON has no such value, and Merit does not guess missing ones",
                    "inf" | "infinity" => "write `\"inf\"` with quotes",
                    "true" | "false" | "none" | "null" => "JSON spells `true`, `false` and `null`",
                    _ => "text needs double quotes",
                };
                let message = format!("`{word}` is not a JSON value");
                return Err(self.bad(self.at, self.at + length, &message, help, ""));
            }
        };
        self.at += length;
        Ok(kind)
    }

    /// `-? digits (. digits)? ([eE] [+-]? digits)?` without leading zeros.
    fn number(&mut self) -> Scan<f64> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.digits();
        let leading_zero = whole > 1 && self.text.as_bytes()[self.at - whole] == b'0';
        let mut sound = whole > 0 && !leading_zero;
        if self.peek() == Some(b'.') {
            self.at += 1;
            sound &= self.digits() > 0;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            sound &= self.digits() > 0;
        }
        let spelled = &self.text[start..self.at];
        if spelled == "-" && self.text[self.at..].starts_with(['i', 'I']) {
            return Err(self.bad(start, self.at, "this is not a number", "write `\"-inf\"` with quotes", ""));
        }
        match spelled.parse::<f64>() {
            Ok(value) if sound && value.is_finite() => Ok(value),
            Ok(value) if sound && !value.is_finite() => {
                let help = "the largest number is about 1.8e308; for infinity write `\"inf\"`";
                Err(self.bad(start, self.at, &format!("`{spelled}` is too large"), help, ""))
            }
            Ok(_) | Err(_) => {
                let help = "JSON numbers look like `-12`, `0.5` or `1e-3`";
                Err(self.bad(start, self.at, &format!("`{spelled}` is not a JSON number"), help, ""))
            }
        }
    }

    /// Goes over digits; their number.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    /// A text at its opening quote.
    fn string(&mut self) -> Scan<Cow<'t, str>> {
        let open = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.bad_here("a field name in double quotes is expected", ""));
        }
        self.at += 1;
        let mut out: Option<String> = None;
        let mut chunk = self.at;
        loop {
            match self.peek() {
                None => return Err(self.bad(open, open + 1, "this quote is never closed", "", "opened here")),
                Some(b'"') => {
                    let last = &self.text[chunk..self.at];
                    self.at += 1;
                    return Ok(match out {
                        None => Cow::Borrowed(last),
                        Some(start) => Cow::Owned(start + last),
                    });
                }
                Some(b'\\') => {
                    let so_far = out.get_or_insert_default();
                    so_far.push_str(&self.text[chunk..self.at]);
                    let escaped = self.escape()?;
                    so_far.push(escaped);
                    chunk = self.at;
                }
                Some(byte) if byte < 0x20 => {
                    let help = "close the text on the same line; a line break inside it is written `\\n`";
                    return Err(self.bad(
                        open,
                        self.at,
                        "a text must not hold line breaks or control characters",
                        help,
                        "",
                    ));
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// The character of an escape that begins here.
    fn escape(&mut self) -> Scan<char> {
        let start = self.at;
        self.at += 1;
        let Some(letter) = self.peek() else {
            return Err(self.bad_here("this text never ends", ""));
        };
        self.at += 1;
        let plain = match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(start),
            _ => {
                let width = self.text[self.at - 1..].chars().next().map_or(1, char::len_utf8);
                let help = "a backslash itself is written `\\\\`";
                return Err(self.bad(start, self.at - 1 + width, "unknown escape in a text", help, ""));
            }
        };
        Ok(plain)
    }

    /// Behind `\u`: four hexadecimal digits, or two such escapes that form a surrogate pair.
    fn unicode_escape(&mut self, start: usize) -> Scan<char> {
        let first = self.hexadecimal();
        let code = match first {
            Some(high @ 0xd800..=0xdbff) if self.text[self.at..].starts_with("\\u") => {
                self.at += 2;
                let low = self.hexadecimal().filter(|low| (0xdc00..=0xdfff).contains(low));
                low.map(|low| 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
            }
            Some(code) => Some(code),
            None => None,
        };
        let at = self.at;
        code.and_then(char::from_u32).ok_or_else(|| self.bad(start, at, "not a Unicode escape", "write `\\u00e9`", ""))
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

/// Builds values; syntax errors end it, others are collected.
struct Reader<'t> {
    scanner: Scanner<'t>,
    keys: Interner<'t>,
    mistakes: Mistakes,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Scan<Value> {
        self.scanner.skip_blanks();
        let start = self.scanner.at;
        let opening = self.scanner.peek();
        if !matches!(opening, Some(b'[' | b'{')) {
            let kind = self.scanner.scalar()?;
            return Ok(Value { kind, span: Span::new(self.scanner.source, start, self.scanner.at) });
        }
        if self.depth == DEEPEST {
            return Err(self.scanner.bad_here(&format!("nested more than {DEEPEST} deep"), ""));
        }
        self.scanner.at += 1;
        self.depth += 1;
        let built = if opening == Some(b'[') { self.array(start) } else { self.object(start) };
        self.depth -= 1;
        built
    }

    /// Behind `[`.
    fn array(&mut self, start: usize) -> Scan<Value> {
        let mut elements = vec![];
        self.scanner.skip_blanks();
        if self.scanner.peek() == Some(b']') {
            self.scanner.at += 1;
        } else {
            loop {
                elements.push(self.value()?);
                if self.closes(b']', start, "array")? {
                    break;
                }
            }
        }
        let span = Span::new(self.scanner.source, start, self.scanner.at);
        Ok(Value { kind: self.gather(elements), span })
    }

    /// Behind `{`.
    fn object(&mut self, start: usize) -> Scan<Value> {
        let mut fields: Vec<(Arc<str>, Value)> = vec![];
        self.scanner.skip_blanks();
        if self.scanner.peek() == Some(b'}') {
            self.scanner.at += 1;
        } else {
            loop {
                self.scanner.skip_blanks();
                let key_start = self.scanner.at;
                let key = self.scanner.string()?;
                let key = self.keys.get(key);
                let key_end = self.scanner.at;
                self.scanner.expect(b':', "a `:` is expected after the name of a field")?;
                let value = self.value()?;
                if let Some((_, first)) = fields.iter().find(|(known, _)| *known == key) {
                    let at = Span::new(self.scanner.source, key_start, key_end);
                    let message = format!("field `{key}` appears twice in one object");
                    let twice = Diagnostic::error("duplicate-field", at, message).label(first.span, "its first value");
                    self.mistakes.add("duplicate-field", || twice);
                }
                fields.push((key, value));
                if self.closes(b'}', start, "object")? {
                    break;
                }
            }
        }
        let span = Span::new(self.scanner.source, start, self.scanner.at);
        Ok(Value { kind: ValueKind::Object(fields), span })
    }

    /// After an element: true at the closing bracket, false after a comma.
    fn closes(&mut self, closer: u8, open: usize, what: &str) -> Scan<bool> {
        self.scanner.skip_blanks();
        match self.scanner.peek() {
            Some(byte) if byte == closer => {
                self.scanner.at += 1;
                Ok(true)
            }
            Some(b',') => {
                let comma = self.scanner.at;
                self.scanner.at += 1;
                self.scanner.skip_blanks();
                if self.scanner.peek() == Some(closer) {
                    let help = "remove the comma before the closing bracket";
                    return Err(self.scanner.bad(comma, comma + 1, "a value is expected after this comma", help, ""));
                }
                Ok(false)
            }
            Some(_) | None => {
                let message = format!("a `,` or `{}` is expected", closer as char);
                let at = Span::new(self.scanner.source, open, open + 1);
                Err(Box::new(self.scanner.bad_here(&message, "").label(at, format!("the {what} that begins here"))))
            }
        }
    }

    /// Numbers, a table, or a list as it is.
    fn gather(&mut self, elements: Vec<Value>) -> ValueKind {
        match elements.first().map(|first| &first.kind) {
            Some(ValueKind::Number(_) | ValueKind::Text(_)) if !all_text(&elements) => self.numbers(elements),
            Some(ValueKind::Numbers { .. }) => self.block(elements),
            Some(ValueKind::Object(_)) => self.table(elements),
            Some(
                ValueKind::Number(_)
                | ValueKind::Null
                | ValueKind::Text(_)
                | ValueKind::Bool(_)
                | ValueKind::List(_)
                | ValueKind::Table(_),
            )
            | None => ValueKind::List(elements),
        }
    }

    /// A vector, if every element is a number or spells an infinity.
    fn numbers(&mut self, elements: Vec<Value>) -> ValueKind {
        match elements.iter().map(|element| numeric(&element.kind)).collect::<Option<Vec<f64>>>() {
            Some(values) => ValueKind::Numbers { shape: vec![values.len()], values: Arc::new(values) },
            None => ValueKind::List(elements),
        }
    }

    /// One block from blocks of the same shape. An array of arrays of numbers whose lengths differ is a mistake.
    fn block(&mut self, elements: Vec<Value>) -> ValueKind {
        let mut first: Option<(Vec<usize>, Span)> = None;
        let mut all = vec![];
        for element in &elements {
            let ValueKind::Numbers { shape, values } = &element.kind else { return ValueKind::List(elements) };
            match &first {
                Some((expected, there)) if expected != shape => {
                    let message = format!("this row has {}, but the first one has {}", sizes(shape), sizes(expected));
                    let ragged = Diagnostic::error("ragged-array", element.span, message)
                        .label(*there, "the first row")
                        .help("all rows of an array of numbers are equally long");
                    self.mistakes.add("ragged-array", || ragged);
                }
                Some(_) => {}
                None => first = Some((shape.clone(), element.span)),
            }
            all.extend_from_slice(values);
        }
        let mut shape = vec![elements.len()];
        shape.extend(first.map(|(inner, _)| inner).unwrap_or_default());
        ValueKind::Numbers { shape, values: Arc::new(all) }
    }

    /// A table, if all are objects with the same fields (in any order) and no cell is an array or an object.
    fn table(&mut self, elements: Vec<Value>) -> ValueKind {
        let Some(rows) = rows_of(&elements) else { return ValueKind::List(elements) };
        let names: Vec<Arc<str>> = rows[0].iter().map(|(name, _)| name.clone()).collect();
        let mut columns = vec![];
        for (k, name) in names.iter().enumerate() {
            let cells: Vec<&Value> = rows.iter().filter_map(|row| cell_of(row, name, k)).collect();
            let values = column(name, &cells, &mut self.mistakes);
            columns.push(Column { name: name.clone(), values });
        }
        let row_starts = elements.iter().map(|element| element.span.start).collect();
        let source = self.scanner.source;
        ValueKind::Table(Arc::new(Table { source, format: Format::Json, columns, rows: elements.len(), row_starts }))
    }
}

fn all_text(elements: &[Value]) -> bool {
    elements.iter().all(|element| matches!(element.kind, ValueKind::Text(_)))
}

/// The number of a value; `"inf"` and `"-inf"` are numbers too.
fn numeric(kind: &ValueKind) -> Option<f64> {
    match kind {
        ValueKind::Number(value) => Some(*value),
        ValueKind::Text(text) if &**text == "inf" => Some(f64::INFINITY),
        ValueKind::Text(text) if &**text == "-inf" => Some(f64::NEG_INFINITY),
        ValueKind::Text(_)
        | ValueKind::Null
        | ValueKind::Bool(_)
        | ValueKind::Numbers { .. }
        | ValueKind::List(_)
        | ValueKind::Object(_)
        | ValueKind::Table(_) => None,
    }
}

/// `3 numbers`, or `2×3 numbers`.
fn sizes(shape: &[usize]) -> String {
    let parts: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("{} number{}", parts.join("×"), if shape == [1] { "" } else { "s" })
}

type Fields = [(Arc<str>, Value)];

/// The objects, if they may form a table.
fn rows_of(elements: &[Value]) -> Option<Vec<&Fields>> {
    let rows = elements
        .iter()
        .map(|element| match &element.kind {
            ValueKind::Object(fields) => Some(&fields[..]),
            ValueKind::Null
            | ValueKind::Number(_)
            | ValueKind::Text(_)
            | ValueKind::Bool(_)
            | ValueKind::Numbers { .. }
            | ValueKind::List(_)
            | ValueKind::Table(_) => None,
        })
        .collect::<Option<Vec<&Fields>>>()?;
    let first = rows.first().filter(|row| !row.is_empty())?;
    let same = |row: &&Fields| {
        row.len() == first.len() && first.iter().enumerate().all(|(k, (name, _))| cell_of(row, name, k).is_some())
    };
    let plain = |row: &&Fields| {
        row.iter().all(|(_, cell)| {
            matches!(cell.kind, ValueKind::Null | ValueKind::Number(_) | ValueKind::Text(_) | ValueKind::Bool(_))
        })
    };
    (rows.iter().all(same) && rows.iter().all(plain)).then_some(rows)
}

/// The field `name` of a row, which most often stands at `position`.
fn cell_of<'v>(row: &'v Fields, name: &str, position: usize) -> Option<&'v Value> {
    match row.get(position) {
        Some((here, value)) if &**here == name => Some(value),
        Some(_) | None => row.iter().find(|(here, _)| &**here == name).map(|(_, value)| value),
    }
}

/// The values of a column. Null, and kinds that do not fit together, are mistakes.
fn column(name: &str, cells: &[&Value], mistakes: &mut Mistakes) -> ColumnValues {
    for cell in cells.iter().filter(|cell| matches!(cell.kind, ValueKind::Null)) {
        mistakes.add("empty-cell", || {
            Diagnostic::error("empty-cell", cell.span, format!("a cell of column `{name}` is null"))
                .help("fill it in or remove the row; Merit does not guess missing values")
        });
    }
    if let Some(values) = cells.iter().map(|cell| numeric(&cell.kind)).collect::<Option<Vec<f64>>>()
        && cells.iter().any(|cell| matches!(cell.kind, ValueKind::Number(_)))
    {
        return ColumnValues::Number(Arc::new(values));
    }
    let mut texts: Vec<Arc<str>> = vec![];
    let mut truths = vec![];
    let mut numbers = 0;
    for cell in cells {
        match &cell.kind {
            ValueKind::Text(text) => texts.push(text.clone()),
            ValueKind::Bool(truth) => truths.push(*truth),
            ValueKind::Number(_) => numbers += 1,
            ValueKind::Null
            | ValueKind::Numbers { .. }
            | ValueKind::List(_)
            | ValueKind::Object(_)
            | ValueKind::Table(_) => {}
        }
    }
    let most = texts.len().max(truths.len()).max(numbers);
    let nulls = cells.iter().filter(|cell| matches!(cell.kind, ValueKind::Null)).count();
    if most + nulls < cells.len() {
        mixed(name, cells, if numbers == most { "number" } else { "" }, mistakes);
    }
    if texts.len() == most { ColumnValues::Text(Arc::new(texts)) } else { ColumnValues::Bool(Arc::new(truths)) }
}

/// Tells which cells of a column are of another kind than `expected` (`number`, or the kind of the first cell).
fn mixed(name: &str, cells: &[&Value], expected: &str, mistakes: &mut Mistakes) {
    let kinds: Vec<&str> = cells.iter().map(|cell| kind_of(cell)).collect();
    let expected = if expected.is_empty() { kinds[0] } else { expected };
    let Some(model) = kinds.iter().position(|kind| *kind == expected) else { return };
    for (cell, kind) in cells.iter().zip(&kinds) {
        if *kind == expected || *kind == "null" {
            continue;
        }
        let id = if expected == "number" { "bad-number" } else { "mixed-column" };
        mistakes.add(id, || {
            let message = format!("this cell of column `{name}` is a {kind}, but others are {expected}s");
            Diagnostic::error(id, cell.span, message).label(cells[model].span, format!("this one is a {expected}"))
        });
    }
}

fn kind_of(value: &Value) -> &'static str {
    match &value.kind {
        ValueKind::Null => "null",
        ValueKind::Number(_) => "number",
        ValueKind::Text(_) => "text",
        ValueKind::Bool(_) => "truth value",
        ValueKind::Numbers { .. } | ValueKind::List(_) => "array",
        ValueKind::Object(_) => "object",
        ValueKind::Table(_) => "table",
    }
}
