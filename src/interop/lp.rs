//! `.lp` files as CPLEX describes them: objective, rows, bounds, generals, binaries; quadratic parts in brackets.
//!
//! A file is words; lines matter for section names only. `[ ... ] / 2` adds half of its quadratic form (objective),
//! `[ ... ]` the whole (rows). Names may carry subscripts, as in `x[1,2]` or `x(1,2)`.

use super::mistakes::{Mistakes, Word, bracketed, number};
use super::scalars::{Body, Column, Goal, Row, Scalars};
use crate::diag::{Diagnostic, SourceId};
use crate::expr::graph::NodeId;
use crate::problem::{Kind, Sense};
use std::collections::{HashMap, HashSet};

/// The problem of a file, or all that is wrong with it (the first 20 mistakes).
pub fn read(source: SourceId, text: &str) -> Result<Scalars, Vec<Diagnostic>> {
    let words = words(text);
    let mut reader = Reader {
        source,
        words: &words,
        at: 0,
        end: Word { text: "", at: text.len() },
        mistakes: Mistakes::new(source, "bad-lp"),
        scalars: Scalars::default(),
        columns: HashMap::new(),
        rows: HashSet::new(),
        last: None,
    };
    reader.file();
    reader.mistakes.unless(reader.scalars)
}

/// A word, and whether it is the first of its line.
#[derive(Clone, Copy)]
struct Token<'t> {
    word: Word<'t>,
    leads: bool,
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || "!\"#$%&(),.;?@_'`{}|~".contains(c)
}

/// Numbers, names and signs; comments run from `\` to the end of the line.
fn words(text: &str) -> Vec<Token<'_>> {
    let mut out = vec![];
    let mut leads = true;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = match c {
            '\n' => {
                leads = true;
                at += 1;
                continue;
            }
            '\\' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            _ if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '<' | '>' | '=' => {
                if rest[1..].starts_with(['<', '>', '=']) {
                    2
                } else {
                    1
                }
            }
            _ if c.is_ascii_digit() || c == '.' => number_length(rest),
            _ if in_name(c) => name_length(rest),
            _ => c.len_utf8(),
        };
        out.push(Token { word: Word { text: &rest[..length], at }, leads });
        leads = false;
        at += length;
    }
    out
}

/// Digits, a point, and an exponent if there is one.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let mantissa = digits(0);
    if !matches!(bytes.get(mantissa), Some(b'e' | b'E')) {
        return mantissa;
    }
    let sign = matches!(bytes.get(mantissa + 1), Some(b'+' | b'-')) as usize;
    let from = mantissa + 1 + sign;
    match bytes.get(from..).is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit)) {
        true => from + digits(from),
        false => mantissa,
    }
}

/// Subscripts in brackets belong to a name that they touch.
fn name_length(text: &str) -> usize {
    let mut length = text.find(|c: char| !in_name(c)).unwrap_or(text.len());
    while text[length..].starts_with('[') {
        let inner = &text[length..];
        let Some(close) = inner.find(|c: char| c == ']' || c.is_whitespace()).filter(|&k| inner[k..].starts_with(']'))
        else {
            break;
        };
        length += close + 1;
        length += text[length..].find(|c: char| !in_name(c)).unwrap_or(text.len() - length);
    }
    length
}

#[derive(Clone, Copy, PartialEq)]
enum Section {
    Objective(Sense),
    Rows,
    Bounds,
    Generals,
    Binaries,
    Unsupported,
    End,
}

struct Reader<'t, 'w> {
    source: SourceId,
    words: &'w [Token<'t>],
    at: usize,
    end: Word<'t>,
    mistakes: Mistakes,
    scalars: Scalars,
    columns: HashMap<&'t str, usize>,
    rows: HashSet<&'t str>,
    /// The label of the row before.
    last: Option<Word<'t>>,
}

impl<'t> Reader<'t, '_> {
    fn peek(&self, ahead: usize) -> Word<'t> {
        self.words.get(self.at + ahead).map_or(self.end, |token| token.word)
    }

    fn next(&mut self) -> Word<'t> {
        let word = self.peek(0);
        self.at += 1;
        word
    }

    /// The section that begins here, and how many words its name has.
    fn section(&self) -> Option<(Section, usize)> {
        let token = self.words.get(self.at)?;
        // `free` and others may name variables: only the first word of a line, not followed by a colon.
        if !token.leads || self.peek(1).text == ":" {
            return None;
        }
        let word = token.word.text.to_ascii_lowercase();
        let second = self.peek(1);
        Some(match word.as_str() {
            "minimize" | "minimise" | "minimum" | "min" => (Section::Objective(Sense::Minimize), 1),
            "maximize" | "maximise" | "maximum" | "max" => (Section::Objective(Sense::Maximize), 1),
            "subject" if second.is("to") => (Section::Rows, 2),
            "such" if second.is("that") => (Section::Rows, 2),
            "st" | "s.t." | "st." => (Section::Rows, 1),
            "bounds" | "bound" => (Section::Bounds, 1),
            "generals" | "general" | "gen" | "integers" | "integer" | "int" => (Section::Generals, 1),
            "binaries" | "binary" | "bin" => (Section::Binaries, 1),
            "semi" if second.text == "-" => (Section::Unsupported, 3),
            "semis" | "sos" | "sos1" | "sos2" | "pwlobj" => (Section::Unsupported, 1),
            "general-constraints" => (Section::Unsupported, 1),
            "end" => (Section::End, 1),
            _ => return None,
        })
    }

    fn file(&mut self) {
        let mut current = None;
        while self.at < self.words.len() {
            if let Some((section, length)) = self.section() {
                let name = self.peek(0);
                self.at += length;
                match section {
                    Section::Objective(sense) => self.objective(name, sense),
                    Section::Unsupported => {
                        let message = format!("the section `{}` states what no problem of Merit says", name.text);
                        self.mistakes.unsupported(name, message);
                    }
                    Section::End => return,
                    Section::Rows | Section::Bounds | Section::Generals | Section::Binaries => {}
                }
                current = Some(section);
                continue;
            }
            let before = self.at;
            let sound = match current {
                Some(Section::Rows) => self.row(),
                Some(Section::Bounds) => self.bound(),
                Some(Section::Generals) => self.discrete(Kind::Integer),
                Some(Section::Binaries) => self.discrete(Kind::Binary),
                Some(Section::Unsupported) => {
                    self.at += 1;
                    Some(())
                }
                Some(Section::Objective(_) | Section::End) | None => {
                    let word = self.next();
                    self.mistakes.add(word, "this stands in no section: a file begins with `minimize` or `maximize`");
                    None
                }
            };
            if sound.is_none() {
                // On with the next line.
                self.at = self.at.max(before + 1);
                while self.words.get(self.at).is_some_and(|token| !token.leads) {
                    self.at += 1;
                }
            }
        }
        match current {
            None => self.mistakes.add(self.end, "this is no .lp file: it has no objective"),
            Some(_) => self.mistakes.add(self.end, "the file ends without `end`"),
        }
    }

    fn objective(&mut self, word: Word<'t>, sense: Sense) {
        if !self.scalars.objectives.is_empty() || !self.scalars.rows.is_empty() {
            return self.mistakes.add(word, "there is one objective, and it stands first");
        }
        let name = self.label().map_or_else(|| "obj".to_string(), |label| bracketed(label.text));
        let Some(body) = self.expression(false) else { return };
        // The format cannot leave an objective out, but nothing in it is none.
        if body != Body::default() {
            self.scalars.objectives.push(Goal { name, sense, body, span: word.span(self.source) });
        }
    }

    /// `name:`
    fn label(&mut self) -> Option<Word<'t>> {
        if self.peek(1).text != ":" || !is_name(self.peek(0)) {
            return None;
        }
        let label = self.next();
        self.at += 1;
        Some(label)
    }

    fn row(&mut self) -> Option<()> {
        let first = self.peek(0);
        let label = self.label();
        if let Some(label) = label
            && !self.rows.insert(label.text)
        {
            self.mistakes.add(label, format!("the row `{}` is there already", label.text));
        }
        let left = self.left_side();
        let mut body = self.expression(false)?;
        let relation = self.relation()?;
        let right = self.expression(true)?;
        let (mut lower, mut upper) = (f64::NEG_INFINITY, f64::INFINITY);
        let constant = right.constant - body.constant;
        body.constant = 0.0;
        body.linear.extend(right.linear.iter().map(|&(k, c)| (k, -c)));
        if right.nonlinear.is_some() {
            self.mistakes.add(first, "a quadratic part must stand on the left side");
        }
        for (relation, value) in
            left.map(|(value, relation)| (relation.reversed(), value)).into_iter().chain([(relation, constant)])
        {
            match relation {
                Relation::Less => upper = upper.min(value),
                Relation::Greater => lower = lower.max(value),
                Relation::Equal => (lower, upper) = (value, value),
            }
        }
        if self.is_other_side(label, &body, lower, upper) {
            return Some(());
        }
        self.last = label;
        let named = label.unwrap_or(first);
        let name = label.map_or_else(String::new, |label| bracketed(label.text));
        self.scalars.rows.push(Row { name, lower, upper, body, complements: None, span: named.span(self.source) });
        Some(())
    }

    /// `NAME_up` after `NAME` with the same function is its upper side, as our own files have it.
    fn is_other_side(&mut self, label: Option<Word<'t>>, body: &Body, lower: f64, upper: f64) -> bool {
        let base = label.and_then(|label| label.text.strip_suffix("_up"));
        let (Some(base), Some(last), Some(row)) = (base, self.last, self.scalars.rows.last_mut()) else { return false };
        let is = base == last.text && row.upper == f64::INFINITY && lower == f64::NEG_INFINITY && row.body == *body;
        if is {
            row.upper = upper;
        }
        is
    }

    /// `number <=` in front of a row or a bound.
    fn left_side(&mut self) -> Option<(f64, Relation)> {
        let sign = matches!(self.peek(0).text, "+" | "-") as usize;
        let value = number(&format!("{}{}", if sign == 1 { self.peek(0).text } else { "" }, self.peek(sign).text))?;
        let relation = Relation::of(self.peek(sign + 1).text)?;
        self.at += sign + 2;
        Some((value, relation))
    }

    fn relation(&mut self) -> Option<Relation> {
        let word = self.peek(0);
        let found = Relation::of(word.text);
        match found {
            Some(_) => self.at += 1,
            None => self.mistakes.add(word, "`<=`, `>=` or `=` is needed here"),
        }
        found
    }

    /// A sum of constants, variables with coefficients, and quadratic parts in brackets. `one_line`: what stands on a
    /// later line does not belong to it, as on the right side of a row.
    fn expression(&mut self, one_line: bool) -> Option<Body> {
        let mut body = Body::default();
        let mut parts: Vec<NodeId> = vec![];
        let mut first = true;
        loop {
            let over =
                self.at >= self.words.len() || self.section().is_some() || Relation::of(self.peek(0).text).is_some();
            // Without a sign, something new begins.
            let signed = matches!(self.peek(0).text, "+" | "-");
            if over || (!first && (!signed || (one_line && self.words[self.at].leads))) {
                body.nonlinear = (!parts.is_empty()).then(|| self.scalars.graph.sum(&parts));
                return Some(body);
            }
            first = false;
            let mut sign = 1.0;
            while matches!(self.peek(0).text, "+" | "-") {
                sign *= if self.next().text == "-" { -1.0 } else { 1.0 };
            }
            if self.peek(0).text == "[" {
                parts.push(self.quadratic(sign)?);
                continue;
            }
            let factor = self.factor();
            let new_line = self.words.get(self.at).is_none_or(|token| token.leads);
            let variable = is_name(self.peek(0)) && self.peek(1).text != ":" && self.section().is_none();
            match factor {
                _ if variable && !(factor.is_some() && one_line && new_line) => {
                    let column = self.column();
                    body.linear.push((column, sign * factor.unwrap_or(1.0)));
                }
                Some(value) => body.constant += sign * value,
                None => {
                    let word = self.peek(0);
                    self.mistakes.add(word, format!("a number or a name is needed here, not `{}`", word.text));
                    return None;
                }
            }
        }
    }

    /// A number in front of a variable, if there is one.
    fn factor(&mut self) -> Option<f64> {
        let value = number(self.peek(0).text)?;
        self.at += 1;
        Some(value)
    }

    /// `[ x^2 + 2 x * y ] / 2`
    fn quadratic(&mut self, sign: f64) -> Option<NodeId> {
        let open = self.next();
        let mut parts = vec![];
        loop {
            let mut factor = 1.0;
            while matches!(self.peek(0).text, "+" | "-") {
                factor *= if self.next().text == "-" { -1.0 } else { 1.0 };
            }
            if self.peek(0).text == "]" {
                self.at += 1;
                break;
            }
            if let Some(value) = self.factor() {
                factor *= value;
            }
            let word = self.peek(0);
            if !is_name(word) {
                let message = if self.at >= self.words.len() {
                    "this bracket is never closed"
                } else {
                    "a product of two variables is needed here"
                };
                self.mistakes.add(if self.at >= self.words.len() { open } else { word }, message);
                return None;
            }
            let a = self.column();
            let b = match (self.peek(0).text, self.peek(1).text) {
                ("^", "2") => {
                    self.at += 2;
                    a
                }
                ("*", _) if is_name(self.peek(1)) => {
                    self.at += 1;
                    self.column()
                }
                _ => {
                    let word = self.peek(0);
                    self.mistakes.add(word, "only squares `x ^ 2` and products `x * y` may stand in brackets");
                    return None;
                }
            };
            let graph = &mut self.scalars.graph;
            let (x, y) = (graph.leaf(a), graph.leaf(b));
            let product = graph.mul(x, y);
            parts.push(graph.scale(factor, product));
        }
        let half = self.peek(0).text == "/" && self.peek(1).text == "2";
        if half {
            self.at += 2;
        }
        let sum = self.scalars.graph.sum(&parts);
        Some(self.scalars.graph.scale(if half { 0.5 * sign } else { sign }, sum))
    }

    fn column(&mut self) -> u32 {
        let word = self.next();
        let next = self.scalars.columns.len();
        let column = *self.columns.entry(word.text).or_insert(next);
        if column == next {
            let (name, span) = (bracketed(word.text), word.span(self.source));
            let upper = f64::INFINITY;
            self.scalars.columns.push(Column { name, lower: 0.0, upper, start: None, kind: Kind::Real, span });
        }
        column as u32
    }

    /// `x free`, `x <= 3`, `0 <= x <= 3`
    fn bound(&mut self) -> Option<()> {
        let left = self.left_side();
        let word = self.peek(0);
        if !is_name(word) {
            self.mistakes.add(word, "a bound needs the name of a variable");
            return None;
        }
        if !self.columns.contains_key(word.text) {
            self.mistakes.add(word, format!("`{}` stands neither in the objective nor in a row", word.text));
            return None;
        }
        let index = self.column() as usize;
        if self.peek_is_free() {
            self.at += 1;
            let column = &mut self.scalars.columns[index];
            (column.lower, column.upper) = (f64::NEG_INFINITY, f64::INFINITY);
            return Some(());
        }
        let mut told = vec![];
        told.extend(left.map(|(value, relation)| (relation.reversed(), value)));
        if let Some(relation) = Relation::of(self.words.get(self.at).map_or("", |token| token.word.text)) {
            self.at += 1;
            let sign = matches!(self.peek(0).text, "+" | "-") as usize;
            let text = format!("{}{}", if sign == 1 { self.peek(0).text } else { "" }, self.peek(sign).text);
            let Some(value) = number(&text) else {
                let word = self.peek(sign);
                self.mistakes.add(word, "a bound must be a number");
                return None;
            };
            self.at += sign + 1;
            told.push((relation, value));
        }
        if told.is_empty() {
            let word = self.peek(0);
            self.mistakes.add(word, "`<=`, `>=`, `=` or `free` is needed here");
            return None;
        }
        let column = &mut self.scalars.columns[index];
        for (relation, value) in told {
            match relation {
                Relation::Less => column.upper = value,
                Relation::Greater => column.lower = value,
                Relation::Equal => (column.lower, column.upper) = (value, value),
            }
        }
        // Only a negative upper bound frees the other side.
        if column.upper < 0.0 && column.lower == 0.0 {
            column.lower = f64::NEG_INFINITY;
        }
        Some(())
    }

    fn peek_is_free(&self) -> bool {
        self.words.get(self.at).is_some_and(|token| token.word.is("free") && !token.leads)
    }

    fn discrete(&mut self, kind: Kind) -> Option<()> {
        let word = self.peek(0);
        match self.columns.get(word.text) {
            Some(&column) => {
                self.at += 1;
                let column = &mut self.scalars.columns[column];
                column.kind = kind;
                if kind == Kind::Binary {
                    (column.lower, column.upper) = (0.0, 1.0);
                }
            }
            None => {
                self.at += 1;
                self.mistakes.add(word, format!("`{}` stands neither in the objective nor in a row", word.text));
            }
        }
        Some(())
    }
}

fn is_name(word: Word) -> bool {
    word.text.starts_with(|c: char| in_name(c) && !c.is_ascii_digit() && c != '.') && number(word.text).is_none()
}

#[derive(Clone, Copy, PartialEq)]
enum Relation {
    Less,
    Greater,
    Equal,
}

impl Relation {
    fn of(text: &str) -> Option<Relation> {
        match text {
            "<" | "<=" | "=<" => Some(Relation::Less),
            ">" | ">=" | "=>" => Some(Relation::Greater),
            "=" | "==" => Some(Relation::Equal),
            _ => None,
        }
    }

    fn reversed(self) -> Relation {
        match self {
            Relation::Less => Relation::Greater,
            Relation::Greater => Relation::Less,
            Relation::Equal => Relation::Equal,
        }
    }
}
