//! Broken models: whatever is done to one construct of a valid model, the front end finds it.
//!
//! The criterion: of all the changes below to all the models of `examples`, at least 95 % of those that make a model
//! wrong are answered with *the right id* at *the right place* and at most one follow-on, and none with a panic.
//!
//! - A change is **still valid** if nothing at all is said of it and there is a problem: a sign dropped, a set replaced
//!   by one that fits as well. Such cases are not counted.
//! - **The right id** is one of those that the kind of the change lists; for dropped and doubled tokens, which may turn
//!   one construct into another, it is any id.
//! - **The right place** of a name misspelt where it is used is exactly that name. Elsewhere it is the statement (the
//!   row of a constraint, the head of a block) that was changed, the partner of a bracket that was changed, or a
//!   statement that uses a name which the changed one declares. In the changed statement any label counts, in the
//!   others only the primary one. For data it is the changed row of the file (any label), or a statement that uses
//!   the table or the column, or a name that such a statement declares.
//! - **Follow-ons** are all other diagnostics, errors and warnings alike; but `undefined-name` said at each use of one
//!   name is one mistake, not several.
//!
//! Each model takes at most [`MOST`] changes of each kind ([`MOST_OF_LARGE`] if it reads much data), evenly spread over
//! its text, so the test takes seconds. `MERIT_MUTATION_ALL=1` takes all changes to the texts, `MERIT_MUTATION_VERBOSE=1`
//! shows cases that went wrong, `MERIT_MUTATION_MODEL=name` tries one model alone.

mod common;

use common::{Checked, check, models, repository};
use merit::diag::{Diagnostic, SourceId};
use merit::host::Memory;
use merit::syntax::ast::{Expr, ExprKind, Row, Statement, StatementKind};
use merit::syntax::{Token, TokenKind, tokens};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Changes of one kind to one model.
const MOST: usize = 300;
/// The same for a model that reads more than [`LARGE`] bytes of data.
const MOST_OF_LARGE: usize = 40;
const LARGE: usize = 8000;
/// Rows of a csv file in which cells are changed, evenly spread.
const ROWS: usize = 12;

/// One kind of change, with the ids that count as right; none listed stands for any.
struct Kind {
    name: &'static str,
    ids: &'static [&'static str],
}

const MISSPELT_USE: usize = 0;
const MISSPELT_DECLARATION: usize = 1;
const MISSPELT_KEYWORD: usize = 2;
const MISSPELT_TEXT: usize = 3;
const DROPPED: usize = 4;
const DOUBLED: usize = 5;
const OTHER_SET: usize = 6;
const OTHER_SHAPE: usize = 7;
const OTHER_KEY: usize = 8;
const COLUMN: usize = 9;
const CELL: usize = 10;
const DATA_ROW: usize = 11;
const JSON: usize = 12;

const KINDS: &[Kind] = &[
    Kind {
        name: "name misspelt at a use",
        ids: &["undefined-name", "no-such-field", "unknown-method", "unknown-option"],
    },
    Kind { name: "name misspelt where declared", ids: &["undefined-name", "no-such-field"] },
    Kind {
        name: "keyword misspelt",
        ids: &["unexpected-token", "undefined-name", "not-a-generator", "unopened-bracket"],
    },
    Kind {
        name: "text misspelt",
        ids: &["index-outside", "missing-data", "surplus-key", "no-such-field", "unreadable-file", "undefined-name"],
    },
    Kind { name: "token dropped", ids: &[] },
    Kind { name: "token doubled", ids: &[] },
    Kind {
        name: "index set changed",
        ids: &[
            "shape-mismatch",
            "index-outside",
            "missing-data",
            "surplus-key",
            "no-such-field",
            "wrong-arity",
            "wrong-kind",
            "empty-set",
            "cycle",
            "bad-table",
            "impossible-row",
            "constant-row",
        ],
    },
    Kind {
        name: "shape changed",
        ids: &[
            "shape-mismatch",
            "wrong-arity",
            "wrong-kind",
            "missing-data",
            "surplus-key",
            "index-outside",
            "repeated-element",
            "vector-times-vector",
            "bad-table",
            "undefined-name",
            "unexpected-token",
        ],
    },
    Kind { name: "entry of a map changed", ids: &["missing-data", "surplus-key", "duplicate-key", "index-outside"] },
    Kind {
        name: "data: column renamed",
        ids: &["no-such-field", "undefined-name", "index-outside", "missing-data", "shape-mismatch"],
    },
    Kind {
        name: "data: cell changed",
        ids: &["bad-number", "empty-cell", "ragged-row", "index-outside", "missing-data", "surplus-key", "wrong-kind"],
    },
    Kind {
        name: "data: row doubled or dropped",
        ids: &["duplicate-key", "missing-data", "index-outside", "surplus-key"],
    },
    Kind {
        name: "data: JSON changed",
        ids: &[
            "bad-json",
            "bad-number",
            "mixed-column",
            "no-such-field",
            "missing-data",
            "index-outside",
            "empty-cell",
            "duplicate-field",
            "wrong-kind",
        ],
    },
];

/// Where the answer may point. Lines count from 1; changes never add or remove a line of the model.
#[derive(Clone, Default)]
struct Place {
    /// Bytes of the changed text, if only they will do.
    exactly: Option<(usize, usize)>,
    /// Lines of the model where any label counts.
    own: BTreeSet<usize>,
    /// Lines of the model where the primary label counts.
    users: BTreeSet<usize>,
    /// Lines of the data file where any label counts.
    data: Option<(usize, usize)>,
}

struct Mutant {
    kind: usize,
    what: String,
    text: String,
    /// A file that differs: its name and what it holds.
    file: Option<(String, String)>,
    place: Place,
}

/// A statement, a row, or the head of a block.
struct Piece {
    start: usize,
    end: usize,
    lines: BTreeSet<usize>,
    declares: Vec<String>,
}

/// A model with what the changes need to know of it.
struct Model {
    text: String,
    tokens: Vec<Token>,
    pieces: Vec<Piece>,
    /// Byte where each declared name stands, binders and formals among them.
    declared: BTreeSet<usize>,
    /// For each token that is a bracket, its partner.
    partner: BTreeMap<usize, usize>,
}

fn line_of(text: &str, byte: usize) -> usize {
    text[..byte].matches('\n').count() + 1
}

impl Model {
    fn new(text: &str) -> Model {
        let (file, _) = merit::syntax::parse(SourceId(0), text);
        let tokens: Vec<Token> = tokens(text).into_iter().filter(|t| t.kind != TokenKind::Comment).collect();
        let mut model = Model {
            text: text.to_string(),
            tokens,
            pieces: vec![],
            declared: BTreeSet::new(),
            partner: BTreeMap::new(),
        };
        for statement in &file.statements {
            model.add_statement(statement);
        }
        let mut open = vec![];
        for k in 0..model.tokens.len() {
            match model.word(k) {
                "(" | "[" | "{" => open.push(k),
                ")" | "]" | "}" => {
                    let opener = open.pop().expect("brackets of a valid model are paired");
                    model.partner.insert(opener, k);
                    model.partner.insert(k, opener);
                }
                _ => {}
            }
        }
        model.find_binders();
        model
    }

    fn word(&self, k: usize) -> &str {
        &self.text[self.tokens[k].start..self.tokens[k].end]
    }

    fn add_piece(&mut self, start: usize, end: usize, declares: Vec<String>) {
        let lines = (line_of(&self.text, start)..=line_of(&self.text, end.max(start + 1) - 1)).collect();
        self.pieces.push(Piece { start, end, lines, declares });
    }

    fn add_row(&mut self, row: &Row) {
        let label = row.label.iter().map(|l| &l.name);
        self.declared.extend(label.clone().map(|n| n.span.start as usize));
        let declares = label.map(|n| n.name.clone()).collect();
        // The span of a row may begin after its label.
        let start = row.label.as_ref().map_or(row.span.start, |l| l.name.span.start.min(row.span.start));
        self.add_piece(start as usize, row.span.end as usize, declares);
    }

    fn add_statement(&mut self, statement: &Statement) {
        use StatementKind as S;
        let (start, end) = (statement.span.start as usize, statement.span.end as usize);
        let mut names = vec![];
        let mut inner = None;
        match &statement.kind {
            S::Param { name, .. } | S::Data { name, .. } | S::Set { name, .. } | S::Var { name, .. } => {
                names.push(name)
            }
            S::Let { name, .. } => names.push(name),
            S::Def { name, formals, .. } | S::Oracle { name, formals, .. } | S::External { name, formals, .. } => {
                names.push(name);
                self.declared.extend(formals.iter().map(|f| f.name.span.start as usize));
            }
            S::Objective { label, .. } => names.extend(label.iter().map(|l| &l.name)),
            S::SubjectTo { rows, .. } => {
                for row in rows {
                    self.add_row(row);
                }
                inner = rows.first().map(|r| r.span.start);
            }
            S::Block { name, body, .. } => {
                names.push(name);
                for statement in body {
                    self.add_statement(statement);
                }
                inner = body.first().map(|s| s.span.start);
            }
            S::Use { .. } | S::Saddle { .. } | S::Show { .. } | S::Sensitivity { .. } | S::Ensure { .. } => {}
            S::Solve { .. } | S::Choice(_) => {}
        }
        self.declared.extend(names.iter().map(|n| n.span.start as usize));
        let declares = names.iter().map(|n| n.name.clone()).collect();
        match inner {
            // The head, and the line on which what is inside begins.
            Some(first) => self.add_piece(start, first as usize + 1, declares),
            None => self.add_piece(start, end, declares),
        }
    }

    /// Names before `in` inside brackets: `i in I`, `(i, j) in S`.
    fn find_binders(&mut self) {
        for k in 1..self.tokens.len() {
            if !matches!(self.word(k), "in" | "∈" | "~") || self.depth(k) == 0 {
                continue;
            }
            let first = match self.partner.get(&(k - 1)) {
                Some(opener) if self.word(k - 1) == ")" => *opener,
                _ => k - 1,
            };
            let opens = first > 0 && matches!(self.word(first - 1), "(" | "[" | "{" | ",");
            if opens {
                for n in (first..k).filter(|n| self.tokens[*n].kind == TokenKind::Name) {
                    self.declared.insert(self.tokens[n].start);
                }
            }
        }
    }

    /// How many round and square brackets and braces are open before a token.
    fn depth(&self, k: usize) -> usize {
        self.partner.iter().filter(|(o, c)| o < c && **o < k && k < **c).count()
    }

    /// The innermost statement, row or head that holds a byte.
    fn piece(&self, byte: usize) -> Option<&Piece> {
        self.pieces.iter().filter(|p| p.start <= byte && byte < p.end).min_by_key(|p| p.end - p.start)
    }

    /// Lines of the statements that use one of the names.
    fn users(&self, names: &[String]) -> BTreeSet<usize> {
        let mut lines = BTreeSet::new();
        for k in 0..self.tokens.len() {
            if names.iter().any(|n| n == self.word(k)) {
                match self.piece(self.tokens[k].start) {
                    Some(piece) => lines.extend(&piece.lines),
                    None => drop(lines.insert(line_of(&self.text, self.tokens[k].start))),
                }
            }
        }
        lines
    }

    /// Where the answer to a change at a byte may point.
    fn place(&self, byte: usize) -> Place {
        let mut place = Place::default();
        place.own.insert(line_of(&self.text, byte));
        if let Some(piece) = self.piece(byte) {
            place.own.extend(&piece.lines);
            place.users = self.users(&piece.declares);
        }
        place
    }

    fn replaced(&self, start: usize, end: usize, with: &str) -> String {
        format!("{}{with}{}", &self.text[..start], &self.text[end..])
    }

    fn mutant(&self, kind: usize, start: usize, end: usize, with: &str) -> Mutant {
        let what = format!("line {}: `{}` → `{with}`", line_of(&self.text, start), &self.text[start..end]);
        Mutant { kind, what, text: self.replaced(start, end, with), file: None, place: self.place(start) }
    }

    /// Ways to misspell a word that give no word of the model.
    fn misspellings(&self, word: &str) -> Vec<String> {
        let letters: Vec<char> = word.chars().collect();
        let mut out = vec![format!("{word}q")];
        if letters.len() >= 4 {
            let mut swapped = letters.clone();
            swapped.swap(1, 2);
            out.push(swapped.iter().collect());
            out.push(letters[..letters.len() - 1].iter().collect());
        }
        out.retain(|w| w != word && !self.text.contains(w.as_str()) && merit_has_no(w));
        if out.is_empty() { vec![format!("{word}qx")] } else { out }
    }

    fn misspelt(&self, out: &mut Vec<Mutant>) {
        for token in &self.tokens {
            let word = &self.text[token.start..token.end];
            let kind = match token.kind {
                TokenKind::Name if self.declared.contains(&token.start) => MISSPELT_DECLARATION,
                TokenKind::Name => MISSPELT_USE,
                TokenKind::Keyword => MISSPELT_KEYWORD,
                TokenKind::Text => {
                    let with = format!("{}q\"", &word[..word.len() - 1]);
                    out.push(self.mutant(MISSPELT_TEXT, token.start, token.end, &with));
                    continue;
                }
                TokenKind::Comment | TokenKind::Number | TokenKind::Operator | TokenKind::Bracket => continue,
                TokenKind::Punctuation | TokenKind::Unknown => continue,
            };
            for with in self.misspellings(word) {
                let mut mutant = self.mutant(kind, token.start, token.end, &with);
                if kind == MISSPELT_USE {
                    mutant.place = Place { exactly: Some((token.start, token.start + with.len())), ..Place::default() };
                }
                if kind == MISSPELT_DECLARATION {
                    mutant.place.users.extend(self.users(&[word.to_string()]));
                }
                out.push(mutant);
            }
        }
    }

    fn dropped_and_doubled(&self, out: &mut Vec<Mutant>) {
        for (k, token) in self.tokens.iter().enumerate() {
            let word = &self.text[token.start..token.end];
            let mut both = [
                self.mutant(DROPPED, token.start, token.end, ""),
                self.mutant(DOUBLED, token.start, token.end, &format!("{word} {word}")),
            ];
            for mutant in &mut both {
                if let Some(partner) = self.partner.get(&k) {
                    mutant.place.own.insert(line_of(&self.text, self.tokens[*partner].start));
                }
                // Without its name, or with two, a declaration leaves its users alone.
                if self.declared.contains(&token.start) {
                    mutant.place.users.extend(self.users(&[word.to_string()]));
                }
            }
            out.extend(both);
        }
    }

    /// Ranges one longer at either end, and other sets of the model, where a generator draws from one.
    fn other_sets(&self, out: &mut Vec<Mutant>) {
        let sets: Vec<&str> = (1..self.tokens.len())
            .filter(|k| matches!(self.word(k - 1), "set" | "data") && self.declared.contains(&self.tokens[*k].start))
            .map(|k| self.word(k))
            .collect();
        for k in 1..self.tokens.len().saturating_sub(1) {
            let token = &self.tokens[k];
            if self.word(k) == ".." && self.depth(k) > 0 {
                let before = &self.tokens[k - 1];
                if before.kind == TokenKind::Number {
                    let low: f64 = self.word(k - 1).parse().unwrap_or(0.0);
                    out.push(self.mutant(OTHER_SET, before.start, before.end, &format!("{}", low + 1.0)));
                    out.push(self.mutant(OTHER_SET, before.start, before.end, &format!("{}", low - 1.0)));
                }
                let after = &self.tokens[k + 1];
                if matches!(after.kind, TokenKind::Number | TokenKind::Name) {
                    let high = self.word(k + 1).to_string();
                    out.push(self.mutant(OTHER_SET, after.start, after.end, &format!("{high}+1")));
                    out.push(self.mutant(OTHER_SET, after.start, after.end, &format!("{high}-1")));
                }
            }
            // `case.bus` is a field and a file.
            let dotted = self.word(k - 1) == "." || self.word(k + 1) == ".";
            if !dotted
                && token.kind == TokenKind::Name
                && sets.contains(&self.word(k))
                && !self.declared.contains(&token.start)
            {
                for other in sets.iter().chain(&["1..2"]).filter(|s| **s != self.word(k)) {
                    out.push(self.mutant(OTHER_SET, token.start, token.end, other));
                }
            }
        }
    }

    /// The parts between the commas of a bracket: bytes of each.
    fn parts(&self, opener: usize) -> Vec<(usize, usize)> {
        let closer = self.partner[&opener];
        let mut parts = vec![];
        let mut start = self.tokens[opener].end;
        let mut k = opener + 1;
        while k < closer {
            if let Some(end) = self.partner.get(&k) {
                k = *end;
            } else if self.word(k) == "," {
                parts.push((start, self.tokens[k].start));
                start = self.tokens[k].end;
            }
            k += 1;
        }
        parts.push((start, self.tokens[closer].start));
        parts
    }

    /// Subscripts, arguments, elements and entries: one less, one more.
    fn other_shapes(&self, out: &mut Vec<Mutant>) {
        for (&opener, &closer) in self.partner.iter().filter(|(o, c)| o < c) {
            let (open, close) = (&self.tokens[opener], &self.tokens[closer]);
            let touches = opener > 0
                && self.tokens[opener - 1].end == open.start
                && (self.tokens[opener - 1].kind == TokenKind::Name || matches!(self.word(opener - 1), "]" | ")"));
            let parts = self.parts(opener);
            let inside = &self.text[open.end..close.start];
            let holds = |word: &str| (opener + 1..closer).any(|k| self.word(k) == word);
            let is_map = self.word(opener) == "{" && inside.trim_start().starts_with('"') && holds(":");
            let is_set = self.word(opener) == "{" && !holds(":") && !holds("in") && !holds("==") && !holds("=");
            let kind = if is_map { OTHER_KEY } else { OTHER_SHAPE };
            let plain_call = self.word(opener) == "(" && touches && !holds(":");
            let square = self.word(opener) == "[";
            if inside.trim().is_empty() || !(is_map || is_set || plain_call || square) {
                continue;
            }
            let (last_start, last_end) = *parts.last().expect("a bracket has a part");
            let last = self.text[last_start..last_end].trim().to_string();
            if parts.len() > 1 {
                // With the comma before it.
                out.push(self.mutant(kind, last_start - 1, last_end, ""));
                let (first_start, first_end) = parts[0];
                out.push(self.mutant(kind, first_start, first_end + 1, ""));
            } else if square && touches {
                out.push(self.mutant(kind, open.start, close.end, ""));
            }
            let more = match (is_map, is_set) {
                (true, _) => ", \"surplus\": 1".to_string(),
                (_, true) => ", \"another\"".to_string(),
                _ => ", 1".to_string(),
            };
            out.push(self.mutant(kind, close.start, close.start, &more));
            if is_map {
                out.push(self.mutant(kind, close.start, close.start, &format!(", {last}")));
            }
            if square && touches {
                out.push(self.mutant(kind, close.end, close.end, "'"));
            }
        }
    }

    /// Files that the model reads: the statement, the name of the table and the path.
    fn files(&self) -> Vec<(usize, String, String)> {
        let (file, _) = merit::syntax::parse(SourceId(0), &self.text);
        let mut out = vec![];
        for statement in &file.statements {
            if let StatementKind::Data {
                name, value: Some(Expr { kind: ExprKind::Call { arguments, .. }, .. }), ..
            } = &statement.kind
                && let Some(merit::syntax::ast::Argument::Value(Expr { kind: ExprKind::Text(path), .. })) =
                    arguments.first()
            {
                out.push((statement.span.start as usize, name.name.clone(), format!("examples/{path}")));
            }
        }
        out
    }

    /// A change to a file: right places are some lines of it, and where the model speaks of one of `names`.
    fn in_file(
        &self,
        kind: usize,
        at: usize,
        what: String,
        file: (String, String),
        lines: (usize, usize),
        names: &[String],
    ) -> Mutant {
        let mut place = self.place(at);
        let direct = self.users(names);
        // `does[shift]`: who reads `does` reads the elements of `shift`.
        let over = self.pieces.iter().filter(|p| p.lines.iter().all(|l| direct.contains(l)));
        let over: Vec<String> = over.flat_map(|p| p.declares.clone()).collect();
        place.users.extend(self.users(&over));
        place.users.extend(direct);
        place.data = Some(lines);
        Mutant { kind, what: format!("{}: {what}", file.0), text: self.text.clone(), file: Some(file), place }
    }

    fn csv_changes(&self, at: usize, table: &str, path: &str, text: &str, out: &mut Vec<Mutant>) {
        let rows: Vec<Vec<&str>> = text.lines().map(|l| l.split(',').collect()).collect();
        let join = |rows: &[Vec<&str>]| rows.iter().map(|r| r.join(",") + "\n").collect::<String>();
        let file = |rows: &[Vec<&str>]| (path.to_string(), join(rows));
        for (c, &column) in rows[0].iter().enumerate() {
            let renamed = format!("{column}q");
            let mut changed = rows.clone();
            changed[0][c] = &renamed;
            let names = [table.to_string(), column.to_string()];
            out.push(self.in_file(COLUMN, at, format!("column {column} renamed"), file(&changed), (1, 1), &names));
        }
        let names = [table.to_string()];
        for r in (1..rows.len()).step_by(rows.len().div_ceil(ROWS)) {
            for c in 0..rows[r].len() {
                let mut changed = rows.clone();
                changed[r][c] = "";
                let what = format!("cell {c} of line {} emptied", r + 1);
                out.push(self.in_file(CELL, at, what, file(&changed), (r + 1, r + 1), &names));
                changed[r][c] = "none";
                let what = format!("cell {c} of line {} is `none`", r + 1);
                out.push(self.in_file(CELL, at, what, file(&changed), (r + 1, r + 1), &names));
                changed[r].remove(c);
                let what = format!("cell {c} of line {} dropped", r + 1);
                out.push(self.in_file(CELL, at, what, file(&changed), (r + 1, r + 1), &names));
            }
            let mut changed = rows.clone();
            changed.insert(r, rows[r].clone());
            let what = format!("line {} doubled", r + 1);
            out.push(self.in_file(DATA_ROW, at, what, file(&changed), (r + 1, r + 2), &names));
            let mut changed = rows.clone();
            changed.remove(r);
            let what = format!("line {} dropped", r + 1);
            out.push(self.in_file(DATA_ROW, at, what, file(&changed), (1, rows.len()), &names));
        }
    }

    /// A word or number of the file dropped, renamed or made a text; a sign of punctuation dropped or doubled.
    fn json_changes(&self, at: usize, table: &str, path: &str, text: &str, out: &mut Vec<Mutant>) {
        let mut k = 0;
        let bytes = text.as_bytes();
        while k < bytes.len() {
            let start = k;
            let mut with = vec![];
            let mut names = vec![table.to_string()];
            match bytes[k] {
                b'"' => {
                    k += 1 + text[k + 1..].find('"').map_or(0, |n| n + 1);
                    let word = text[start + 1..k].to_string();
                    with.push(format!("\"{word}q\""));
                    names.push(word);
                }
                b'-' | b'0'..=b'9' => {
                    while k + 1 < bytes.len() && matches!(bytes[k + 1], b'0'..=b'9' | b'.' | b'-' | b'e' | b'E' | b'+')
                    {
                        k += 1;
                    }
                    with.extend(["\"none\"".to_string(), "null".to_string(), String::new()]);
                }
                b',' | b':' | b'[' | b']' | b'{' | b'}' => {
                    with.extend([String::new(), text[k..=k].repeat(2)]);
                }
                _ => {}
            }
            k += 1;
            let line = line_of(text, start);
            for with in with {
                let changed = format!("{}{with}{}", &text[..start], &text[k..]);
                let what = format!("line {line} `{}` → `{with}`", &text[start..k]);
                // A bracket or a comma is missed where the next value begins.
                out.push(self.in_file(JSON, at, what, (path.to_string(), changed), (line, line + 1), &names));
            }
        }
    }

    fn mutants(&self, files: &BTreeMap<String, Vec<u8>>) -> Vec<Mutant> {
        let mut out = vec![];
        self.misspelt(&mut out);
        self.dropped_and_doubled(&mut out);
        self.other_sets(&mut out);
        self.other_shapes(&mut out);
        for (at, table, path) in self.files() {
            let text = String::from_utf8_lossy(&files[&path]).into_owned();
            if path.ends_with(".csv") {
                self.csv_changes(at, &table, &path, &text, &mut out);
            } else if path.ends_with(".json") {
                self.json_changes(at, &table, &path, &text, &mut out);
            }
        }
        out
    }
}

/// Whether a misspelling hits a function or a keyword by chance.
fn merit_has_no(word: &str) -> bool {
    let (file, _) = merit::syntax::parse(SourceId(0), &format!("ensure {word} == 1"));
    let is_name = file.statements.len() == 1;
    is_name && !merit::sema::described().any(|d| d.name == word)
}

#[derive(Default, Clone)]
struct Tally {
    valid: usize,
    right: usize,
    wrong: usize,
}

/// What the answer to a change is worth; `None` if the change left a valid model.
fn is_right(mutant: &Mutant, checked: &Checked) -> Option<bool> {
    if checked.diagnostics.is_empty() && checked.problem.is_some() {
        return None;
    }
    let ids = KINDS[mutant.kind].ids;
    let groups: BTreeSet<String> = checked
        .diagnostics
        .iter()
        .enumerate()
        .map(|(k, d)| if d.id == "undefined-name" { d.message.clone() } else { k.to_string() })
        .collect();
    let found =
        checked.diagnostics.iter().any(|d| (ids.is_empty() || ids.contains(&d.id)) && at_place(mutant, checked, d));
    Some(found && groups.len() <= 2)
}

fn at_place(mutant: &Mutant, checked: &Checked, d: &Diagnostic) -> bool {
    let main = SourceId(0);
    let place = &mutant.place;
    let lines = |at: merit::diag::Span| {
        let first = checked.sources.line_column(at.source, at.start).0;
        let last = checked.sources.line_column(at.source, at.end.max(at.start + 1) - 1).0;
        first..=last
    };
    if let Some((start, end)) = place.exactly {
        let at = d.primary();
        return at.source == main && (at.start as usize, at.end as usize) == (start, end);
    }
    // A label over half the model points nowhere: its first line is what the reader sees.
    let own = d.labels.iter().any(|l| l.span.source == main && place.own.contains(lines(l.span).start()));
    let used = d.primary().source == main && place.users.contains(lines(d.primary()).start());
    let in_data = place.data.is_some_and(|(first, last)| {
        d.labels.iter().any(|l| l.span.source != main && (first..=last).contains(lines(l.span).start()))
    });
    own || used || in_data
}

/// The files that the examples read.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    for (_, text) in models("examples") {
        for (_, _, path) in Model::new(&text).files() {
            let bytes = std::fs::read(repository(&path)).unwrap_or_else(|e| panic!("{path}: {e}"));
            out.insert(path, bytes);
        }
    }
    out
}

/// Every `step`-th change of a kind, so that a model gets at most `most` of it.
fn spread(mutants: Vec<Mutant>, most: usize) -> Vec<Mutant> {
    let mut counts = vec![0usize; KINDS.len()];
    for mutant in &mutants {
        counts[mutant.kind] += 1;
    }
    let mut seen = vec![0usize; KINDS.len()];
    let mut keep = |m: &Mutant| {
        let (k, n) = (seen[m.kind], counts[m.kind]);
        seen[m.kind] += 1;
        n <= most || k * most / n != (k + 1) * most / n
    };
    mutants.into_iter().filter(|m| keep(m)).collect()
}

struct Report {
    tallies: Vec<Tally>,
    wrong: Vec<String>,
    panics: Vec<String>,
}

fn try_models(some: &[(String, String)], files: &BTreeMap<String, Vec<u8>>, all: bool) -> Report {
    let mut report = Report { tallies: vec![Tally::default(); KINDS.len()], wrong: vec![], panics: vec![] };
    let host = Memory::default();
    host.files.borrow_mut().extend(files.iter().map(|(k, v)| (k.clone(), v.clone())));
    for (name, text) in some {
        let path = format!("examples/{name}.opt");
        let valid = check(&path, text, &host);
        assert!(valid.problem.is_some() && valid.diagnostics.is_empty(), "{name} is not valid:\n{}", valid.rendered());
        let model = Model::new(text);
        let read: usize = model.files().iter().map(|(_, _, path)| files[path].len()).sum();
        let most = if read > LARGE { MOST_OF_LARGE } else { MOST };
        for mutant in spread(model.mutants(files), if all { usize::MAX } else { most }) {
            if let Some((file, changed)) = &mutant.file {
                host.files.borrow_mut().insert(file.clone(), changed.clone().into_bytes());
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| check(&path, &mutant.text, &host)));
            if let Some((file, _)) = &mutant.file {
                host.files.borrow_mut().insert(file.clone(), files[file].clone());
            }
            let what = format!("{}: {name}, {}", KINDS[mutant.kind].name, mutant.what);
            let tally = &mut report.tallies[mutant.kind];
            match outcome.as_ref().map(|checked| is_right(&mutant, checked)) {
                Err(_) => report.panics.push(what),
                Ok(None) => tally.valid += 1,
                Ok(Some(true)) => tally.right += 1,
                Ok(Some(false)) => {
                    tally.wrong += 1;
                    let said = outcome.as_ref().map(Checked::rendered).unwrap_or_default();
                    report.wrong.push(format!("{what}\n{said}"));
                }
            }
        }
    }
    report
}

#[test]
fn what_is_broken_is_found() {
    let all = std::env::var_os("MERIT_MUTATION_ALL").is_some();
    let files = files();
    let only = std::env::var("MERIT_MUTATION_MODEL").unwrap_or_default();
    let mut list = models("examples");
    assert!(list.len() >= 30, "only {} examples", list.len());
    list.retain(|(name, _)| only.is_empty() || *name == only);
    // Two threads, each with every other model.
    let halves: Vec<Vec<(String, String)>> =
        (0..2).map(|h| list.iter().skip(h).step_by(2).cloned().collect()).collect();
    let reports: Vec<Report> = std::thread::scope(|scope| {
        let running: Vec<_> = halves.iter().map(|half| scope.spawn(|| try_models(half, &files, all))).collect();
        running.into_iter().map(|r| r.join().expect("the thread of a half ends well")).collect()
    });
    let (mut counted, mut right) = (0, 0);
    eprintln!("{:32} {:>6} {:>11} {:>6} {:>6} {:>7}", "kind", "cases", "still valid", "right", "wrong", "share");
    for (k, kind) in KINDS.iter().enumerate() {
        let sum = |f: fn(&Tally) -> usize| reports.iter().map(|r| f(&r.tallies[k])).sum::<usize>();
        let (v, r, w) = (sum(|t| t.valid), sum(|t| t.right), sum(|t| t.wrong));
        let share = 100.0 * r as f64 / (r + w).max(1) as f64;
        eprintln!("{:32} {:>6} {v:>11} {r:>6} {w:>6} {share:>6.1}%", kind.name, v + r + w);
        counted += r + w;
        right += r;
    }
    let share = right as f64 / counted as f64;
    eprintln!(
        "{:32} {:>6} {:>11} {right:>6} {:>6} {:>6.1}%",
        "all that are wrong",
        counted,
        "",
        counted - right,
        100.0 * share
    );
    let wrong: Vec<&String> = reports.iter().flat_map(|r| &r.wrong).collect();
    if std::env::var_os("MERIT_MUTATION_VERBOSE").is_some() {
        let step = if std::env::var_os("EACH").is_some() { 1 } else { wrong.len().div_ceil(40).max(1) };
        for case in wrong.iter().step_by(step) {
            eprintln!("--- {case}");
        }
    }
    let panics: Vec<&String> = reports.iter().flat_map(|r| &r.panics).collect();
    assert!(panics.is_empty(), "{} panics:\n{panics:#?}", panics.len());
    assert!(share >= 0.95, "only {:.1} % are found; MERIT_MUTATION_VERBOSE=1 lists what is not", 100.0 * share);
}
