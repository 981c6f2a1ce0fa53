//! `.mps` files, free or fixed, with quadratic parts.
//!
//! Words stand apart by blanks; where that cannot be, as in fixed files whose names have blanks, by columns. Sections:
//! NAME, OBJSENSE, OBJNAME, ROWS, COLUMNS with integer markers, RHS, RANGES, BOUNDS, QUADOBJ, QSECTION, QMATRIX,
//! QCMATRIX. The objective is the first N row; other N rows are left aside. `½ x'Qx` is added to the objective by its
//! triangle (QUADOBJ, QSECTION) or whole matrix (QMATRIX), `x'Qx` to a row by its whole matrix (QCMATRIX).

use super::mistakes::{Mistakes, Word, bracketed, number};
use super::scalars::{Body, Column, Goal, Row, Scalars};
use crate::diag::{Diagnostic, SourceId};
use crate::expr::graph::NodeId;
use crate::problem::{Kind, Sense};
use std::collections::HashMap;

/// The problem of a file, or all that is wrong with it (the first 20 mistakes).
pub fn read(source: SourceId, text: &str) -> Result<Scalars, Vec<Diagnostic>> {
    let told = match Reader::new(source, text).read(&by_blanks) {
        Ok(scalars) => return Ok(scalars),
        Err(told) => told,
    };
    Reader::new(source, text).read(&by_columns).map_err(|_| told)
}

/// What a line of a section is split into.
type Splitter = dyn for<'t> Fn(&'t str, usize) -> Vec<Word<'t>>;

fn by_blanks(line: &str, at: usize) -> Vec<Word<'_>> {
    let mut words = vec![];
    let mut start = None;
    for (k, c) in line.char_indices().chain([(line.len(), ' ')]) {
        match (start, c.is_whitespace()) {
            (None, false) => start = Some(k),
            (Some(from), true) => {
                words.push(Word { text: &line[from..k], at: at + from });
                start = None;
            }
            (None, true) | (Some(_), false) => {}
        }
    }
    words
}

/// The fields of a fixed file: columns 2-3, 5-12, 15-22, 25-36, 40-47, 50-61.
fn by_columns(line: &str, at: usize) -> Vec<Word<'_>> {
    const FIELDS: [(usize, usize); 6] = [(1, 4), (4, 14), (14, 24), (24, 39), (39, 49), (49, 61)];
    let field = |&(from, to): &(usize, usize)| {
        let field = line.get(from..to.min(line.len()))?;
        let text = field.trim();
        let lead = field.len() - field.trim_start().len();
        (!text.is_empty()).then_some(Word { text, at: at + from + lead })
    };
    FIELDS.iter().filter_map(field).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Section {
    None,
    Sense,
    Objective,
    Rows,
    Columns,
    Rhs,
    Ranges,
    Bounds,
    /// `½ x'Qx` by its triangle.
    Triangle,
    /// `½ x'Qx`, whole.
    Matrix,
    /// `x'Qx` of a row, whole.
    RowMatrix(Option<usize>),
    /// One that is left aside after its mistake was told.
    Skipped,
    End,
}

#[derive(Clone, Copy, PartialEq)]
enum RowKind {
    Objective,
    /// An N row that is not the objective.
    Free,
    Less,
    Greater,
    Equal,
}

struct Reader<'t> {
    source: SourceId,
    text: &'t str,
    mistakes: Mistakes,
    scalars: Scalars,
    sense: Sense,
    objective: Option<&'t str>,
    rows: HashMap<&'t str, usize>,
    kinds: Vec<RowKind>,
    rhs: Vec<f64>,
    ranges: Vec<Option<f64>>,
    bodies: Vec<Body>,
    products: Vec<Vec<NodeId>>,
    columns: HashMap<&'t str, usize>,
    integers: bool,
    /// Columns whose upper or lower bound was stated.
    bounded: Vec<bool>,
    names: Vec<Word<'t>>,
}

impl<'t> Reader<'t> {
    fn new(source: SourceId, text: &'t str) -> Reader<'t> {
        Reader {
            source,
            text,
            mistakes: Mistakes::new(source, "bad-mps"),
            scalars: Scalars::default(),
            sense: Sense::Minimize,
            objective: None,
            rows: HashMap::new(),
            kinds: vec![],
            rhs: vec![],
            ranges: vec![],
            bodies: vec![],
            products: vec![],
            columns: HashMap::new(),
            integers: false,
            bounded: vec![],
            names: vec![],
        }
    }

    fn read(mut self, split: &Splitter) -> Result<Scalars, Vec<Diagnostic>> {
        let mut section = Section::None;
        let mut at = 0;
        for line in self.text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let bare = line.trim_end();
            if bare.is_empty() || bare.starts_with('*') {
                continue;
            }
            if section == Section::End {
                break;
            }
            if bare.starts_with(|c: char| !c.is_whitespace()) {
                section = self.header(&by_blanks(bare, start), section);
                continue;
            }
            let words = split(bare, start);
            if words.first().is_some_and(|word| !word.text.is_empty()) {
                self.line(section, &words);
            }
        }
        let end = Word { text: "", at: self.text.len() };
        if self.kinds.is_empty() {
            self.mistakes.add(end, "this is no .mps file: it has no section ROWS with rows in it");
        } else if section != Section::End {
            self.mistakes.add(end, "the file ends without ENDATA");
        }
        self.finish()
    }

    fn header(&mut self, words: &[Word<'t>], before: Section) -> Section {
        let word = words[0];
        let argument = words.get(1).copied();
        match word.text.to_ascii_uppercase().as_str() {
            "NAME" => Section::None,
            "OBJSENSE" => {
                if let Some(argument) = argument {
                    self.set_sense(argument);
                }
                Section::Sense
            }
            "OBJNAME" => Section::Objective,
            "ROWS" => Section::Rows,
            "COLUMNS" => Section::Columns,
            "RHS" => Section::Rhs,
            "RANGES" => Section::Ranges,
            "BOUNDS" => Section::Bounds,
            "QUADOBJ" | "QSECTION" => Section::Triangle,
            "QMATRIX" => Section::Matrix,
            "QCMATRIX" => {
                let row = argument.and_then(|name| self.row(name));
                if argument.is_none() {
                    self.mistakes.add(word, "QCMATRIX needs the name of a row");
                }
                Section::RowMatrix(row)
            }
            "ENDATA" => Section::End,
            // A sense on a line that is not indented.
            "MAX" | "MIN" | "MAXIMIZE" | "MINIMIZE" if before == Section::Sense => {
                self.set_sense(word);
                Section::Sense
            }
            "SOS" | "SOS1" | "SOS2" | "INDICATORS" | "CSECTION" | "PWLOBJ" | "GENCONS" | "SETS" => {
                self.mistakes
                    .unsupported(word, format!("the section {} states what no problem of Merit says", word.text));
                Section::Skipped
            }
            _ => {
                self.mistakes.add(word, format!("`{}` is no section of an .mps file", word.text));
                Section::Skipped
            }
        }
    }

    fn line(&mut self, section: Section, words: &[Word<'t>]) {
        match section {
            Section::Sense => self.set_sense(words[0]),
            Section::Objective => self.objective = Some(words[0].text),
            Section::Rows => self.new_row(words),
            Section::Columns => self.entries(words),
            Section::Rhs | Section::Ranges => self.sides(section, words),
            Section::Bounds => self.bound(words),
            Section::Triangle | Section::Matrix | Section::RowMatrix(_) => self.product(section, words),
            Section::None => self.mistakes.add(words[0], "this line stands in no section"),
            Section::Skipped | Section::End => {}
        }
    }

    fn set_sense(&mut self, word: Word<'t>) {
        match word.text.to_ascii_uppercase().as_str() {
            "MAX" | "MAXIMIZE" | "MAXIMISE" => self.sense = Sense::Maximize,
            "MIN" | "MINIMIZE" | "MINIMISE" => self.sense = Sense::Minimize,
            _ => self.mistakes.add(word, "a sense is MIN or MAX"),
        }
    }

    fn new_row(&mut self, words: &[Word<'t>]) {
        let &[kind, name, ..] = words else {
            return self.mistakes.add(words[0], "a row needs a kind (N, L, G, E) and a name");
        };
        let chosen = match self.objective {
            Some(wanted) => name.text == wanted,
            None => !self.kinds.contains(&RowKind::Objective),
        };
        let kind = match kind.text.to_ascii_uppercase().as_str() {
            "N" if chosen => RowKind::Objective,
            "N" => RowKind::Free,
            "L" => RowKind::Less,
            "G" => RowKind::Greater,
            "E" => RowKind::Equal,
            _ => return self.mistakes.add(kind, format!("`{}` is no kind of row: write N, L, G or E", kind.text)),
        };
        if self.rows.insert(name.text, self.kinds.len()).is_some() {
            self.mistakes.add(name, format!("the row `{}` is there already", name.text));
        }
        self.kinds.push(kind);
        self.rhs.push(0.0);
        self.ranges.push(None);
        self.bodies.push(Body::default());
        self.products.push(vec![]);
        self.names.push(name);
    }

    fn row(&mut self, name: Word<'t>) -> Option<usize> {
        let found = self.rows.get(name.text).copied();
        if found.is_none() {
            self.mistakes.add(name, format!("there is no row `{}`", name.text));
        }
        found
    }

    fn column(&mut self, name: Word<'t>) -> Option<usize> {
        let found = self.columns.get(name.text).copied();
        if found.is_none() {
            self.mistakes.add(name, format!("there is no column `{}`", name.text));
        }
        found
    }

    fn number(&mut self, word: Word<'t>) -> Option<f64> {
        let value = number(word.text);
        if value.is_none() {
            self.mistakes.add(word, format!("`{}` is not a number", word.text));
        }
        value
    }

    fn finite(&mut self, word: Word<'t>) -> Option<f64> {
        let value = self.number(word)?;
        if !value.is_finite() {
            self.mistakes.add(word, "a coefficient must be finite");
        }
        Some(value).filter(|v| v.is_finite())
    }

    fn entries(&mut self, words: &[Word<'t>]) {
        let marker = |word: &Word| word.text.trim_matches('\'').eq_ignore_ascii_case("MARKER");
        if words.len() >= 3 && marker(&words[1]) {
            let last = words[words.len() - 1];
            match last.text.trim_matches('\'').to_ascii_uppercase().as_str() {
                "INTORG" => self.integers = true,
                "INTEND" => self.integers = false,
                _ => self
                    .mistakes
                    .unsupported(last, format!("the marker {} states what no problem of Merit says", last.text)),
            }
            return;
        }
        let name = words[0];
        if !matches!(words.len(), 3 | 5) {
            return self.mistakes.add(name, "a column needs its name and one or two pairs of a row and a number");
        }
        let column = match self.columns.get(name.text) {
            Some(&column) => column,
            None => self.new_column(name),
        };
        for pair in words[1..].chunks(2) {
            if let (Some(row), Some(value)) = (self.row(pair[0]), self.finite(pair[1])) {
                self.bodies[row].linear.push((column as u32, value));
            }
        }
    }

    fn new_column(&mut self, name: Word<'t>) -> usize {
        let column = self.scalars.columns.len();
        self.columns.insert(name.text, column);
        // Integers are between 0 and 1 unless bounds are stated.
        let (kind, upper) = if self.integers { (Kind::Integer, 1.0) } else { (Kind::Real, f64::INFINITY) };
        let (name, span) = (bracketed(name.text), name.span(self.source));
        self.scalars.columns.push(Column { name, lower: 0.0, upper, start: None, kind, span });
        self.bounded.push(false);
        column
    }

    /// Right sides or ranges: pairs of a row and a number, with or without the name of the set before them.
    fn sides(&mut self, section: Section, words: &[Word<'t>]) {
        let pairs = if words.len() % 2 == 1 { &words[1..] } else { words };
        if pairs.is_empty() || pairs.len() > 4 {
            return self.mistakes.add(words[0], "one or two pairs of a row and a number are needed");
        }
        for pair in pairs.chunks(2) {
            let (Some(row), Some(value)) = (self.row(pair[0]), self.finite(pair[1])) else { continue };
            match section {
                Section::Rhs => self.rhs[row] = value,
                _ => self.ranges[row] = Some(value),
            }
        }
    }

    fn bound(&mut self, words: &[Word<'t>]) {
        let kind = words[0].text.to_ascii_uppercase();
        let needs_value = match kind.as_str() {
            "UP" | "LO" | "FX" | "UI" | "LI" => true,
            "FR" | "MI" | "PL" | "BV" => false,
            "SC" | "SI" | "SN" => {
                return self
                    .mistakes
                    .unsupported(words[0], "semicontinuous variables are what no problem of Merit says");
            }
            _ => {
                let message = format!("`{kind}` is no kind of bound: write UP, LO, FX, FR, MI, PL, BV, UI or LI");
                return self.mistakes.add(words[0], message);
            }
        };
        let rest = &words[1..];
        let (name, value) = match (needs_value, rest) {
            (true, [_, name, value] | [name, value]) => (*name, Some(*value)),
            (false, [_, name, _] | [_, name] | [name]) => (*name, None),
            _ => {
                return self
                    .mistakes
                    .add(words[0], "a bound needs its kind, the name of the set, a column and a number");
            }
        };
        let Some(column) = self.column(name) else { return };
        let value = match value {
            Some(word) => match self.number(word) {
                Some(value) => value,
                None => return,
            },
            None => 0.0,
        };
        let first = !std::mem::replace(&mut self.bounded[column], true);
        let column = &mut self.scalars.columns[column];
        if first && column.kind == Kind::Integer {
            column.upper = f64::INFINITY;
        }
        match kind.as_str() {
            "UP" | "UI" => {
                column.upper = value;
                // Only a negative upper bound frees the other side.
                if value < 0.0 && column.lower == 0.0 {
                    column.lower = f64::NEG_INFINITY;
                }
            }
            "LO" | "LI" => column.lower = value,
            "FX" => (column.lower, column.upper) = (value, value),
            "FR" => (column.lower, column.upper) = (f64::NEG_INFINITY, f64::INFINITY),
            "MI" => column.lower = f64::NEG_INFINITY,
            "PL" => column.upper = f64::INFINITY,
            _ => (column.lower, column.upper) = (0.0, 1.0),
        }
        match kind.as_str() {
            "BV" => column.kind = Kind::Binary,
            "UI" | "LI" => column.kind = Kind::Integer,
            _ => {}
        }
    }

    fn product(&mut self, section: Section, words: &[Word<'t>]) {
        let &[a, b, value] = words else {
            return self.mistakes.add(words[0], "an entry of a matrix is two columns and a number");
        };
        let (Some(i), Some(j), Some(value)) = (self.column(a), self.column(b), self.finite(value)) else { return };
        let (row, factor) = match section {
            Section::RowMatrix(row) => (row, value),
            Section::Triangle if i != j => (self.kinds.iter().position(|k| *k == RowKind::Objective), value),
            _ => (self.kinds.iter().position(|k| *k == RowKind::Objective), value / 2.0),
        };
        let Some(row) = row else { return };
        let graph = &mut self.scalars.graph;
        let (x, y) = (graph.leaf(i as u32), graph.leaf(j as u32));
        let product = graph.mul(x, y);
        let part = graph.scale(factor, product);
        self.products[row].push(part);
    }

    fn finish(mut self) -> Result<Scalars, Vec<Diagnostic>> {
        for k in 0..self.kinds.len() {
            let mut body = std::mem::take(&mut self.bodies[k]);
            if !self.products[k].is_empty() {
                body.nonlinear = Some(self.scalars.graph.sum(&self.products[k]));
            }
            let (name, span) = (bracketed(self.names[k].text), self.names[k].span(self.source));
            let (rhs, range) = (self.rhs[k], self.ranges[k]);
            let (lower, upper) = match self.kinds[k] {
                RowKind::Free => continue,
                RowKind::Objective => {
                    body.constant = 0.0 - rhs;
                    // The format cannot leave an objective out, but nothing in it is none.
                    if body == Body::default() {
                        continue;
                    }
                    self.scalars.objectives.push(Goal { name, sense: self.sense, body, span });
                    continue;
                }
                RowKind::Less => (range.map_or(f64::NEG_INFINITY, |r| rhs - r.abs()), rhs),
                RowKind::Greater => (rhs, range.map_or(f64::INFINITY, |r| rhs + r.abs())),
                RowKind::Equal => match range {
                    None => (rhs, rhs),
                    Some(r) => (rhs.min(rhs + r), rhs.max(rhs + r)),
                },
            };
            self.scalars.rows.push(Row { name, lower, upper, body, complements: None, span });
        }
        self.mistakes.unless(self.scalars)
    }
}
