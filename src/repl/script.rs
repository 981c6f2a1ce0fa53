//! The model of a conversation: statements in order, each with its text, replaced and taken out by name.
//!
//! Every line that is typed goes to the end of one source, so that places of diagnostics are lines of the conversation;
//! files that are loaded are sources of their own. Rows of `subject to { ... }` are kept one by one.

use super::changes::of_comment;
use crate::diag::{SourceId, Sources, Span};
use crate::session::changes::parted;
use crate::syntax::ast::{File, Row, Statement, StatementKind};
use crate::syntax::{self, TokenKind, tokens};

/// A statement that is part of the model.
#[derive(Clone)]
pub struct Kept {
    pub statement: Statement,
    /// As it was written, with the comments before it and at its end.
    pub text: String,
    /// What it declares: names, labels of rows, the label of an objective.
    pub names: Vec<String>,
    /// It is a row from between braces.
    pub braced: bool,
}

#[derive(Clone)]
pub struct Script {
    pub sources: Sources,
    pub kept: Vec<Kept>,
    /// What was typed so far: the source that grows.
    typed: SourceId,
    /// Comments behind the last statement of a file.
    ending: String,
}

/// An objective without a label, a saddle point, and `solve with` are replaced by their like.
const OBJECTIVE: &str = "the objective";
const DIRECTIVE: &str = "solve with";

impl Default for Script {
    fn default() -> Script {
        let mut sources = Sources::default();
        let typed = sources.add("conversation", "");
        Script { sources, kept: vec![], typed, ending: String::new() }
    }
}

impl Script {
    /// Without its statements; what was said keeps its lines.
    pub fn emptied(&self) -> Script {
        Script { kept: vec![], ending: String::new(), ..self.clone() }
    }

    /// Adds lines to what was typed; where they stand.
    pub fn typed(&mut self, text: &str) -> Span {
        let source = &mut self.sources.files[self.typed.0 as usize];
        let start = source.text.len();
        let end = start + text.trim_end_matches('\n').len();
        source.text = format!("{}{}\n", source.text, text.trim_end_matches('\n')).into();
        Span::new(self.typed, start, end)
    }

    /// A part of a source with blanks instead of all that stands before it, so that places need not be moved.
    pub fn blanked(&self, span: Span) -> String {
        let text = self.sources.text(span);
        let before = (span.start as usize).saturating_sub(1);
        let line_end = if span.start > 0 { "\n" } else { "" };
        format!("{}{line_end}{text}", " ".repeat(before))
    }

    /// The tree of the model.
    pub fn file(&self) -> File {
        File { statements: self.kept.iter().map(|kept| kept.statement.clone()).collect() }
    }

    /// Statements of a text at a place with the texts that belong to them.
    pub fn cut(&self, file: File, whole: Span) -> Vec<Kept> {
        let text = &self.sources.get(whole.source).text;
        let mut from = whole.start as usize;
        let mut all = vec![];
        for statement in file.statements {
            let end = with_comment(text, statement.span.end as usize);
            let own = own_text(&text[from..end]);
            match braced_rows(&statement) {
                Some(rows) => all.extend(cut_rows(text, from, &statement, rows)),
                None => all.push(Kept { names: names(&statement.kind), statement, text: own, braced: false }),
            }
            from = end;
        }
        all
    }

    /// Keeps the comments behind the last statement of a file, and returns the changes that stand there, with their places.
    pub(super) fn keep_ending(&mut self, file: &File, whole: Span) -> Vec<(Span, String, String)> {
        let text = self.sources.get(whole.source).text.clone();
        let from = file.statements.last().map_or(0, |last| with_comment(&text, last.span.end as usize));
        let (mut at, mut changes) = (from, vec![]);
        for line in text[from..].split_inclusive('\n') {
            match of_comment(line) {
                Some((verb, rest)) => {
                    let place = Span::new(whole.source, at, at + line.trim_end().len());
                    changes.push((place, verb.to_string(), rest.to_string()));
                }
                None => self.ending += line,
            }
            at += line.len();
        }
        let ending = self.ending.trim_start_matches([';', ' ', '\r', '\n']).trim_end();
        self.ending = if ending.trim().is_empty() { String::new() } else { format!("{ending}\n") };
        changes
    }

    /// Puts a statement where those stand that it replaces, else at the end; hands back what it replaces.
    pub fn put(&mut self, new: Kept) -> Vec<Kept> {
        let replaces = |old: &Kept| match new.names.is_empty() {
            true => old.names.is_empty() && same_words(&old.text, &new.text),
            false => old.names.iter().any(|name| new.names.contains(name)),
        };
        let at = self.kept.iter().position(replaces);
        let (replaced, mut kept): (Vec<Kept>, Vec<Kept>) = self.kept.drain(..).partition(replaces);
        kept.insert(at.unwrap_or(kept.len()), new);
        self.kept = kept;
        replaced
    }

    /// The statement that declares a name.
    pub fn declaring(&self, name: &str) -> Option<usize> {
        self.kept.iter().position(|kept| kept.names.iter().any(|n| n == name))
    }

    /// The statement of a name, or of what a block declares (`buyer.room`), with its text; an index does not matter.
    pub fn found(&self, name: &str) -> Option<(Statement, String)> {
        let (name, _) = parted(name);
        if let Some(k) = self.declaring(&name) {
            return Some((self.kept[k].statement.clone(), self.kept[k].text.clone()));
        }
        let (block, rest) = name.split_once('.')?;
        let member = member(&self.kept[self.declaring(block)?].statement, rest)?;
        let text = self.sources.text(member.span).to_string();
        Some((member, text))
    }

    /// The names of all that blocks declare, without those of the blocks.
    pub fn members(&self) -> Vec<String> {
        let mut out = vec![];
        self.kept.iter().for_each(|kept| members(&kept.statement, &mut out));
        out
    }

    /// The statements that mention one of these names.
    pub fn mentioning(&self, names: &[String]) -> Vec<usize> {
        let mentions = |kept: &Kept| mentioned(&kept.text).any(|name| names.iter().any(|n| n == name));
        let own = |kept: &Kept| kept.names.iter().any(|name| names.contains(name));
        (0..self.kept.len()).filter(|&k| mentions(&self.kept[k]) && !own(&self.kept[k])).collect()
    }

    /// How a statement is called in replies.
    pub fn label(&self, k: usize) -> String {
        let kept = &self.kept[k];
        match kept.names.first() {
            Some(name) => format!("`{name}`"),
            None => {
                let own = kept.text.lines().rfind(|line| !line.trim_start().starts_with('#')).unwrap_or("");
                let words: Vec<&str> = own.split_whitespace().collect();
                format!("`{}`", words.join(" "))
            }
        }
    }

    /// The line on which a statement begins.
    pub fn line(&self, kept: &Kept) -> usize {
        self.sources.line_column(kept.statement.span.source, kept.statement.span.start).0
    }

    /// The text of the model as a file.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for group in self.kept.chunk_by(|a, b| a.braced && b.braced && generalized(a) == generalized(b)) {
            let braced = group[0].braced;
            if braced {
                out += if generalized(&group[0]) { "subject to generalized {\n" } else { "subject to {\n" };
            }
            for kept in group {
                out += &kept.text;
                out.push('\n');
            }
            if braced {
                out += "}\n";
            }
        }
        out += &self.ending;
        let mut sources = Sources::default();
        let source = sources.add("saved", out.clone());
        // Comments in odd places may part what belongs together: then the printer writes the tree.
        match syntax::parse(source, &out) {
            (file, told) if told.is_empty() && syntax::print::file(&file) == syntax::print::file(&self.grouped()) => {
                out
            }
            _ => syntax::print::file(&self.file()),
        }
    }

    /// The tree with neighbouring rows together again.
    fn grouped(&self) -> File {
        let mut statements: Vec<(Statement, bool)> = vec![];
        for kept in &self.kept {
            let new = kept.statement.clone();
            if let (StatementKind::SubjectTo { rows, generalized, .. }, true) = (&new.kind, kept.braced)
                && let Some((last, true)) = statements.last_mut()
                && let StatementKind::SubjectTo { rows: earlier, generalized: same, .. } = &mut last.kind
                && same == generalized
            {
                earlier.extend(rows.iter().cloned());
            } else {
                statements.push((new, kept.braced));
            }
        }
        File { statements: statements.into_iter().map(|(statement, _)| statement).collect() }
    }
}

fn generalized(kept: &Kept) -> bool {
    matches!(kept.statement.kind, StatementKind::SubjectTo { generalized: true, .. })
}

/// The rows of `subject to { ... }`.
fn braced_rows(statement: &Statement) -> Option<Vec<Row>> {
    match &statement.kind {
        StatementKind::SubjectTo { rows, .. } => {
            // Without braces the statement ends where its row does.
            let braced = rows.last().is_none_or(|row| row.span.end < statement.span.end);
            braced.then(|| rows.clone())
        }
        _ => None,
    }
}

fn cut_rows(text: &str, before: usize, statement: &Statement, rows: Vec<Row>) -> Vec<Kept> {
    let StatementKind::SubjectTo { generalized, bare, .. } = statement.kind else { return vec![] };
    let start = statement.span.start as usize;
    let open = text[start..].find('{').map_or(start, |k| start + k + 1);
    let comments = own_text(&text[before..start]);
    let mut from = open;
    let mut all = vec![];
    let (brace, count) = (statement.span.end as usize - 1, rows.len());
    for (k, row) in rows.into_iter().enumerate() {
        // What stands between the last row and the brace belongs to that row.
        let end = if k + 1 < count { with_comment(text, row.span.end as usize).min(brace) } else { brace };
        let mut own = own_text(&text[from..end]);
        if all.is_empty() && !comments.trim().is_empty() {
            own = format!("{comments}\n{own}");
        }
        from = end;
        let kind = StatementKind::SubjectTo { generalized, bare, rows: vec![row.clone()] };
        let statement = Statement { kind, span: row.span };
        all.push(Kept { names: names(&statement.kind), statement, text: own, braced: true });
    }
    all
}

/// The end of a statement, moved past a comment that closes its line, or a semicolon.
fn with_comment(text: &str, end: usize) -> usize {
    let rest = &text[end..];
    let line = rest.split('\n').next().unwrap_or("");
    let blank = line.trim_start();
    match blank.chars().next() {
        None | Some('#') => end + line.len(),
        Some(';') => end + line.len() - blank.len() + 1,
        Some(_) => end,
    }
}

/// Without empty lines at its ends and without the semicolon that parted it from the next.
fn own_text(text: &str) -> String {
    let text = text.trim_end().trim_end_matches(';').trim_end();
    let lines = text.lines().skip_while(|line| line.trim().is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn same_words(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}

/// The names in a text; what follows a dot is a field.
fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    let all = tokens(text);
    let after_dot = |k: usize| k > 0 && &text[all[k - 1].start..all[k - 1].end] == ".";
    let named = |k: &usize| matches!(all[*k].kind, TokenKind::Name | TokenKind::Keyword) && !after_dot(*k);
    let found: Vec<&str> = (0..all.len()).filter(named).map(|k| &text[all[k].start..all[k].end]).collect();
    found.into_iter()
}

/// What a block declares by this name: a statement, or one of its rows.
fn member(block: &Statement, path: &str) -> Option<Statement> {
    let StatementKind::Block { body, .. } = &block.kind else { return None };
    body.iter().find_map(|inner| match &inner.kind {
        StatementKind::SubjectTo { generalized, bare, rows } => {
            let row = rows.iter().find(|row| row.label.as_ref().is_some_and(|label| label.name.name == path))?;
            let kind = StatementKind::SubjectTo { generalized: *generalized, bare: *bare, rows: vec![row.clone()] };
            Some(Statement { kind, span: row.span })
        }
        kind if names(kind).iter().any(|name| name == path) => Some(inner.clone()),
        _ => {
            let (name, rest) = path.split_once('.')?;
            inner.kind.name().filter(|own| own.name == name).and_then(|_| member(inner, rest))
        }
    })
}

fn members(block: &Statement, out: &mut Vec<String>) {
    let StatementKind::Block { body, .. } = &block.kind else { return };
    for inner in body {
        out.extend(names(&inner.kind).into_iter().filter(|name| !name.contains(' ')));
        members(inner, out);
    }
}

/// What a statement declares.
fn names(kind: &StatementKind) -> Vec<String> {
    match kind {
        StatementKind::Objective { label, .. } => {
            vec![label.as_ref().map_or(OBJECTIVE.to_string(), |label| label.name.name.clone())]
        }
        StatementKind::Saddle { .. } => vec![OBJECTIVE.to_string()],
        StatementKind::SubjectTo { rows, .. } => {
            rows.iter().filter_map(|row| row.label.as_ref()).map(|label| label.name.name.clone()).collect()
        }
        StatementKind::Solve { .. } => vec![DIRECTIVE.to_string()],
        other => other.name().map(|name| name.name.clone()).into_iter().collect(),
    }
}
