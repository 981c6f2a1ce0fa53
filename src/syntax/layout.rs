//! Where statements end: one walk over the tokens, which tracks brackets and line ends.
//!
//! The result is a tree of [`Piece`]s (a block holds pieces) and a *mask* of the same length as the text: comments,
//! tabs, carriage returns, non-breaking spaces and joined line ends are spaces in it, line ends that separate rows of
//! an array literal are `;`, and the typographic signs `−`, `·`, `×` are ASCII. The grammar reads the mask, so its
//! positions are positions of the text and no rule of it knows about lines.
//!
//! Recovery: brackets are matched strictly within one statement. Where that fails, only that statement is scanned
//! again, cut at the first line that is not deeper than its start, and marked damaged, so that it is not parsed.

use super::depth::{self, Depth};
use super::error::{Lint, SyntaxError};
use super::lex::{Lexed, Placed, lex};
use super::token::Lexeme;
use super::words;
use crate::diag::{SourceId, Span};
use std::collections::BTreeSet;

/// Blocks inside blocks; each level of them recurses.
const BLOCK_LIMIT: u32 = 50;

/// What may stand where a piece stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// The file, or the body of `lower` or `player`: statements.
    Statements,
    /// `subject to { ... }`: rows.
    Rows,
    /// The body of `optimality`: statements and bare rows.
    Conditions,
    /// `solve with m { ... }`: options.
    Options,
}

/// One statement, row or option line: bytes `start..end` of the mask, without the body of a block.
#[derive(Debug)]
pub struct Piece {
    pub context: Context,
    pub start: usize,
    pub end: usize,
    /// What stands between the braces of a block, and where the closing brace ends.
    pub body: Option<Body>,
    /// Something was reported of it already: not to be parsed.
    pub damaged: bool,
    /// A line inside its brackets is not deeper than its start: a bracket may be missing.
    pub undented: bool,
    /// Deepest nesting (see [`Depth`]).
    pub depth: u32,
}

#[derive(Debug)]
pub struct Body {
    pub context: Context,
    pub pieces: Vec<Piece>,
    pub end: usize,
}

/// The layout of a text.
pub struct Layout {
    pub pieces: Vec<Piece>,
    pub mask: String,
    pub errors: Vec<SyntaxError>,
    pub lints: Vec<Lint>,
}

/// Lays out a text. The statements that start at bytes in `distrusted` are cut by indentation at once: a first parse
/// showed that a bracket of theirs is probably missing.
pub fn layout(source: SourceId, text: &str, distrusted: &BTreeSet<usize>) -> Layout {
    let lexed = lex(source, text);
    let mut walk = Walk::new(source, text, &lexed, distrusted);
    let mut pieces = walk.block(Context::Statements, None, 0);
    if walk.block_left_open {
        // Once more from the start; now a block closes where a statement opens left of its body.
        walk = Walk::new(source, text, &lexed, distrusted);
        walk.close_by_indentation = true;
        pieces = walk.block(Context::Statements, None, 0);
    }
    let Walk { mask, errors, lints, .. } = walk;
    let mut all = lexed.errors.clone();
    all.extend(errors);
    Layout { pieces, mask: mask_text(mask), errors: all, lints }
}

fn mask_text(mask: Vec<u8>) -> String {
    // Whole characters are replaced by ASCII only, so this cannot fail.
    String::from_utf8(mask).unwrap_or_else(|wrong| String::from_utf8_lossy(wrong.as_bytes()).into_owned())
}

/// What an open bracket is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Paren,
    Subscript,
    Array,
    Brace,
}

#[derive(Clone, Copy)]
struct Open {
    bracket: Bracket,
    token: usize,
}

struct Walk<'a> {
    source: SourceId,
    text: &'a str,
    tokens: &'a [Placed],
    distrusted: &'a BTreeSet<usize>,
    mask: Vec<u8>,
    errors: Vec<SyntaxError>,
    lints: Vec<Lint>,
    at: usize,
    close_by_indentation: bool,
    block_left_open: bool,
    /// Blocks nest too deeply: the rest of the text is not read.
    gave_up: bool,
}

impl<'a> Walk<'a> {
    fn new(source: SourceId, text: &'a str, lexed: &'a Lexed, distrusted: &'a BTreeSet<usize>) -> Walk<'a> {
        Walk {
            source,
            text,
            tokens: &lexed.tokens,
            distrusted,
            mask: lexed.mask.clone(),
            errors: Vec::new(),
            lints: Vec::new(),
            at: 0,
            close_by_indentation: false,
            block_left_open: false,
            gave_up: false,
        }
    }

    fn word(&self, i: usize) -> &'a str {
        self.tokens.get(i).map_or("", |token| &self.text[token.start..token.end])
    }

    fn lexeme(&self, i: usize) -> Option<Lexeme> {
        self.tokens.get(i).map(|token| token.lexeme)
    }

    fn span(&self, i: usize) -> Span {
        let token = &self.tokens[i];
        Span::new(self.source, token.start, token.end)
    }

    /// Whether the token before `i` is right beside it.
    fn touches(&self, i: usize) -> bool {
        i > 0 && self.tokens[i - 1].end == self.tokens[i].start
    }

    /// The pieces up to the `}` that closes the block whose `{` is the token `open` and whose header starts at column
    /// `.1`, or to the end of the text.
    fn block(&mut self, context: Context, open: Option<(usize, usize)>, nesting: u32) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while let Some(token) = self.tokens.get(self.at) {
            match token.lexeme {
                Lexeme::CloseBrace => {
                    self.at += 1;
                    if open.is_some() {
                        return pieces;
                    }
                    if !self.close_by_indentation {
                        self.errors.push(SyntaxError::UnexpectedCloser { at: self.span(self.at - 1) });
                    }
                }
                Lexeme::Semicolon => self.at += 1,
                _ => {
                    if let Some((brace, column)) = open
                        && self.close_by_indentation
                        && token.first_of_line
                        && token.column <= column
                        && self.opens_statement(self.at)
                    {
                        self.errors.push(SyntaxError::UnclosedBracket { open: self.span(brace), met: None });
                        return pieces;
                    }
                    let piece = self.piece(context, nesting);
                    pieces.push(piece);
                }
            }
        }
        if let Some((brace, _)) = open
            && !self.gave_up
        {
            self.block_left_open = true;
            if self.close_by_indentation {
                self.errors.push(SyntaxError::UnclosedBracket { open: self.span(brace), met: None });
            }
        }
        pieces
    }

    fn piece(&mut self, context: Context, nesting: u32) -> Piece {
        let first = self.at;
        let reported = self.errors.len();
        if !self.distrusted.contains(&self.tokens[first].start) {
            match self.scan(context, nesting, false) {
                Ok(piece) => return piece,
                Err(_) if nesting >= BLOCK_LIMIT => {}
                Err(error) => {
                    self.at = first;
                    self.errors.truncate(reported);
                    let piece = self.cut(context, nesting);
                    if self.errors.len() == reported {
                        self.errors.push(error);
                    }
                    return piece;
                }
            }
        }
        self.cut(context, nesting)
    }

    /// A damaged statement, ended by indentation.
    fn cut(&mut self, context: Context, nesting: u32) -> Piece {
        match self.scan(context, nesting, true) {
            Ok(piece) => Piece { damaged: true, ..piece },
            Err(_) => unreachable!("bug in layout: a scan that recovers does not fail"),
        }
    }

    /// Whether a token can only open a statement, whatever bracket is open around it.
    fn opens_statement(&self, i: usize) -> bool {
        let next = self.lexeme(i + 1);
        match self.word(i) {
            "minimize" | "maximize" | "ensure" | "show" => next != Some(Lexeme::Colon),
            "use" => matches!(next, Some(Lexeme::Name | Lexeme::Text)) && !words::is_infix(self.word(i + 1)),
            "subject" => self.word(i + 1) == "to",
            "solve" => self.word(i + 1) == "with",
            word if words::DECLARING.contains(&word) => {
                next == Some(Lexeme::Name)
                    && !words::is_infix(self.word(i + 1))
                    && !words::is_contextual_infix(self.word(i + 1))
            }
            _ => false,
        }
    }

    /// What the braces of a block hold, if the statement at `i` is the header of one.
    fn header(&self, i: usize) -> Option<Context> {
        let chosen = matches!(self.word(i), "pessimistic" | "optimistic" | "generalized");
        let keyword = if chosen { i + 1 } else { i };
        match self.word(keyword) {
            "lower" | "player" if self.lexeme(keyword + 1) == Some(Lexeme::Name) => Some(Context::Statements),
            "optimality" if self.lexeme(keyword + 1) == Some(Lexeme::Name) => Some(Context::Conditions),
            "subject" if self.word(i + 1) == "to" => {
                let brace = if self.word(i + 2) == "generalized" { i + 3 } else { i + 2 };
                (self.lexeme(brace) == Some(Lexeme::OpenBrace)).then_some(Context::Rows)
            }
            "solve" if self.word(i + 1) == "with" => Some(Context::Options),
            _ => None,
        }
    }

    /// Whether the statement that starts at `first` goes on after the token `i`, whatever follows.
    fn ends_open(&self, first: usize, i: usize) -> bool {
        match self.tokens[i].lexeme {
            Lexeme::Factor
            | Lexeme::Relation
            | Lexeme::Sign
            | Lexeme::Comma
            | Lexeme::Colon
            | Lexeme::Range
            | Lexeme::Dot => true,
            Lexeme::Name => {
                let word = self.word(i);
                words::wants_operand(word)
                    || i > first
                        && (words::is_contextual_infix(word) && self.ends_operand(i - 1)
                            || word == "to" && self.word(i - 1) == "subject"
                            || matches!(word, "start" | "default" | "key" | "via" | "by" | "to")
                                && words::continues_declaration(self.word(first), word)
                                && self.ends_operand(i - 1)
                                && i > first + 1)
            }
            _ => false,
        }
    }

    /// Whether a line that starts with the token `i` belongs to the statement above, which started at `first`.
    fn starts_joined(&self, first: usize, i: usize) -> bool {
        let token = &self.tokens[i];
        match token.lexeme {
            Lexeme::Factor | Lexeme::Relation => !token.broken,
            Lexeme::OpenBrace | Lexeme::Range | Lexeme::Quote | Lexeme::Comma | Lexeme::Colon | Lexeme::Dot => true,
            Lexeme::CloseParen | Lexeme::CloseBracket => true,
            Lexeme::Name => {
                let word = self.word(i);
                words::is_infix(word)
                    || word == "not" && matches!(self.word(i + 1), "in" | "∈")
                    || words::is_contextual_infix(word) && self.starts_operand(i + 1)
                    || token.column > self.tokens[first].column
                        && words::continues_declaration(self.word(first), word)
                        && !matches!(self.lexeme(i + 1), Some(Lexeme::Colon))
            }
            _ => false,
        }
    }

    fn ends_operand(&self, i: usize) -> bool {
        match self.tokens[i].lexeme {
            Lexeme::Number | Lexeme::Text | Lexeme::Quote => true,
            Lexeme::CloseParen | Lexeme::CloseBracket | Lexeme::CloseBrace => true,
            Lexeme::Name => !words::wants_operand(self.word(i)),
            _ => false,
        }
    }

    /// Whether the token `i` begins an operand and cannot be the tail of the word before it.
    fn starts_operand(&self, i: usize) -> bool {
        match self.lexeme(i) {
            Some(Lexeme::Number | Lexeme::Text | Lexeme::OpenBrace) => true,
            Some(Lexeme::Name) => !words::is_infix(self.word(i)) && !words::is_contextual_infix(self.word(i)),
            Some(Lexeme::OpenParen | Lexeme::OpenBracket) => !self.touches(i),
            _ => false,
        }
    }

    /// Scans one statement from `self.at` to its end. With `recover`, never fails: it ends at the first line that is
    /// not deeper than its start and reports what is wrong itself.
    fn scan(&mut self, context: Context, nesting: u32, recover: bool) -> Result<Piece, SyntaxError> {
        let first = self.at;
        let start = &self.tokens[first];
        let head = self.header(first);
        let mut piece = Piece {
            context,
            start: start.start,
            end: start.start,
            body: None,
            damaged: false,
            undented: false,
            depth: 0,
        };
        let mut depth = Depth::new();
        let mut open: Vec<Open> = Vec::new();
        let mut has_relation = false;
        let mut i = first;
        while i < self.tokens.len() {
            let token = &self.tokens[i];
            if i > first && token.first_of_line {
                match open.last() {
                    None => {
                        if !self.joins(first, i, has_relation)? {
                            break;
                        }
                    }
                    Some(inner) => {
                        let closes = token.lexeme.closes();
                        if !closes && token.column <= start.column {
                            if recover {
                                break;
                            }
                            piece.undented = true;
                        }
                        if self.opens_statement(i) {
                            if recover {
                                break;
                            }
                            return Err(SyntaxError::UnclosedBracket { open: self.span(inner.token), met: None });
                        }
                        if inner.bracket == Bracket::Array && !closes && self.separates_rows(first, i) {
                            self.separate_rows(i);
                        }
                    }
                }
            }
            match token.lexeme {
                Lexeme::OpenBrace if open.is_empty() && head.is_some() => {
                    let inner = head.unwrap_or(Context::Statements);
                    if nesting >= BLOCK_LIMIT {
                        self.errors.push(SyntaxError::TooDeep { at: self.span(i) });
                        self.gave_up = true;
                        self.at = self.tokens.len();
                        return Ok(Piece { damaged: true, ..piece });
                    }
                    self.at = i + 1;
                    let pieces = self.block(inner, Some((i, start.column)), nesting + 1);
                    let end = self.tokens[self.at - 1].end;
                    piece.body = Some(Body { context: inner, pieces, end });
                    piece.depth = depth.deepest;
                    return Ok(piece);
                }
                lexeme if lexeme.opens() => {
                    let bracket = self.bracket(first, i);
                    if bracket == Bracket::Subscript || lexeme == Lexeme::OpenParen && self.touches(i) {
                        depth.chain();
                    }
                    depth.open();
                    open.push(Open { bracket, token: i });
                }
                lexeme if lexeme.closes() => {
                    match open.pop() {
                        None if lexeme == Lexeme::CloseBrace => break,
                        None => {
                            if !recover {
                                self.errors.push(SyntaxError::UnexpectedCloser { at: self.span(i) });
                            }
                            piece.damaged = true;
                        }
                        Some(Open { bracket, token: opener }) if !closes(bracket, lexeme) => {
                            if !recover {
                                let met = Some(self.span(i));
                                return Err(SyntaxError::UnclosedBracket { open: self.span(opener), met });
                            }
                            if lexeme == Lexeme::CloseBrace && !open.iter().any(|o| o.bracket == Bracket::Brace) {
                                open.push(Open { bracket, token: opener });
                                break;
                            }
                            piece.damaged = true;
                        }
                        Some(_) => {}
                    }
                    depth.close();
                }
                Lexeme::Semicolon => match open.last() {
                    None => {
                        self.at = i + 1;
                        piece.depth = depth.deepest;
                        return Ok(self.checked(piece, first, i - 1));
                    }
                    Some(Open { bracket: Bracket::Array, .. }) => depth.comma(),
                    Some(_) if recover => break,
                    Some(inner) => {
                        let met = Some(self.span(i));
                        return Err(SyntaxError::UnclosedBracket { open: self.span(inner.token), met });
                    }
                },
                Lexeme::Comma | Lexeme::Colon => depth.comma(),
                Lexeme::Relation => {
                    has_relation |= open.is_empty();
                    depth.flat();
                }
                Lexeme::Sign if i > first && self.ends_operand(i - 1) => {
                    if open.last().is_some_and(|o| o.bracket == Bracket::Array) {
                        self.lint_sign_in_array(i);
                    }
                    depth.flat();
                }
                Lexeme::Range => depth.flat(),
                Lexeme::Sign | Lexeme::Factor | Lexeme::Quote | Lexeme::Dot => depth.chain(),
                Lexeme::Name => match self.word(i) {
                    "if" | "not" => depth.hold(),
                    "union" | "inter" | "minus" | "cross" => depth.chain(),
                    "and" | "or" | "perp" => depth.flat(),
                    _ => {}
                },
                _ => {}
            }
            piece.damaged |= token.broken;
            piece.end = token.end;
            i += 1;
        }
        if let Some(inner) = open.last() {
            let error = SyntaxError::UnclosedBracket { open: self.span(inner.token), met: None };
            if !recover {
                return Err(error);
            }
            self.errors.push(error);
        }
        self.at = i;
        piece.depth = depth.deepest;
        Ok(self.checked(piece, first, i - 1))
    }

    /// Reports a statement that nests too deeply.
    fn checked(&mut self, mut piece: Piece, first: usize, last: usize) -> Piece {
        if piece.depth > depth::LIMIT && !piece.damaged {
            self.errors.push(SyntaxError::TooDeep { at: self.span(first).to(self.span(last)) });
            piece.damaged = true;
        }
        piece
    }

    /// Whether the line that starts with the token `i`, outside all brackets, continues the statement from `first`.
    fn joins(&mut self, first: usize, i: usize, has_relation: bool) -> Result<bool, SyntaxError> {
        if self.ends_open(first, i - 1) || self.starts_joined(first, i) {
            return Ok(true);
        }
        if self.tokens[i].lexeme != Lexeme::Sign || !self.is_deeper(first, i) {
            return Ok(false);
        }
        if has_relation && let Some(relation) = self.relation_on_line(i) {
            self.lints.push(Lint::JoinedRelation { sign: self.span(i), relation: self.span(relation) });
        }
        Ok(true)
    }

    /// Whether the token `i` of a later line stands right of the column of `first`. Where tabs and spaces mix so that
    /// the answer depends on the width of a tab, that is reported.
    fn is_deeper(&mut self, first: usize, i: usize) -> bool {
        let (above, below) = (self.indentation(first), self.indentation(i));
        if !above.starts_with(below) && !below.starts_with(above) {
            let at = self.span(i);
            if !self
                .errors
                .iter()
                .any(|error| matches!(error, SyntaxError::MixedIndentation { at: seen } if *seen == at))
            {
                self.errors.push(SyntaxError::MixedIndentation { at });
            }
        }
        self.tokens[i].column > self.tokens[first].column
    }

    /// The white space that leads the line of the token `i`.
    fn indentation(&self, i: usize) -> &'a str {
        let token = &self.tokens[i];
        let line = &self.text[token.start - token.offset..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// A relation outside brackets on the line of the token `i`.
    fn relation_on_line(&self, i: usize) -> Option<usize> {
        let mut depth = 0;
        for j in i..self.tokens.len() {
            let token = &self.tokens[j];
            if j > i && token.first_of_line {
                return None;
            }
            match token.lexeme {
                Lexeme::Relation if depth == 0 => return Some(j),
                lexeme if lexeme.opens() => depth += 1,
                lexeme if lexeme.closes() => depth -= 1,
                _ => {}
            }
        }
        None
    }

    fn bracket(&self, first: usize, i: usize) -> Bracket {
        match self.tokens[i].lexeme {
            Lexeme::OpenParen => Bracket::Paren,
            Lexeme::OpenBrace => Bracket::Brace,
            _ if i > first && self.touches(i) && self.subscriptable(i - 1) => Bracket::Subscript,
            _ => Bracket::Array,
        }
    }

    fn subscriptable(&self, i: usize) -> bool {
        match self.tokens[i].lexeme {
            Lexeme::CloseParen | Lexeme::CloseBracket | Lexeme::Quote => true,
            Lexeme::Name => !words::precedes_literal(self.word(i)),
            _ => false,
        }
    }

    /// Whether the line end before the token `i` separates two rows of an array literal.
    fn separates_rows(&self, first: usize, i: usize) -> bool {
        let before = self.tokens[i - 1].lexeme;
        !matches!(before, Lexeme::OpenBracket | Lexeme::Semicolon)
            && !matches!(self.tokens[i].lexeme, Lexeme::Semicolon)
            && !self.ends_open(first, i - 1)
            && !(self.starts_joined(first, i) && self.tokens[i].lexeme != Lexeme::OpenBrace)
    }

    fn separate_rows(&mut self, i: usize) {
        let from = self.tokens[i - 1].end;
        if let Some(line_end) = self.text[from..].find('\n') {
            self.mask[from + line_end] = b';';
        }
    }

    /// `[1 -1]` is `[0]`: a sign with a space before and none after, between operands of an array literal.
    fn lint_sign_in_array(&mut self, i: usize) {
        let next_touches = self.tokens.get(i + 1).is_some_and(|next| next.start == self.tokens[i].end);
        if !self.touches(i) && next_touches && !self.tokens[i].first_of_line {
            self.lints.push(Lint::SignInArray { sign: self.span(i) });
        }
    }
}

fn closes(bracket: Bracket, lexeme: Lexeme) -> bool {
    match bracket {
        Bracket::Paren => lexeme == Lexeme::CloseParen,
        Bracket::Subscript | Bracket::Array => lexeme == Lexeme::CloseBracket,
        Bracket::Brace => lexeme == Lexeme::CloseBrace,
    }
}
