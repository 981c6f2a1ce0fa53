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

/// Whether the last statement of a text goes on on the next line, whatever that holds: a bracket or a block is open, or
/// the last token wants something after it.
pub fn unfinished(text: &str) -> bool {
    let (lexed, none) = (lex(SourceId::default(), text), BTreeSet::new());
    let mut walk = Walk::new(SourceId::default(), text, &lexed, &none);
    walk.block(Context::Statements, None, 0);
    walk.goes_on || walk.block_left_open
}

/// Whether the first statement of `line` belongs to the last one of the text before it.
pub fn joined(text: &str, line: &str) -> bool {
    let both = format!("{text}\n{line}");
    let pieces = layout(SourceId::default(), &both, &BTreeSet::new()).pieces;
    let begins = |piece: &Piece| piece.start > text.len() && both[text.len()..piece.start].trim().is_empty();
    !pieces.iter().any(begins)
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
pub(super) enum Bracket {
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

/// The state of the walk.
pub(super) struct Walk<'a> {
    source: SourceId,
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Placed],
    distrusted: &'a BTreeSet<usize>,
    mask: Vec<u8>,
    errors: Vec<SyntaxError>,
    lints: Vec<Lint>,
    at: usize,
    close_by_indentation: bool,
    block_left_open: bool,
    /// The text ends inside brackets, or where an operand must follow.
    goes_on: bool,
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
            goes_on: false,
            gave_up: false,
        }
    }

    pub(super) fn word(&self, i: usize) -> &'a str {
        self.tokens.get(i).map_or("", |token| &self.text[token.start..token.end])
    }

    pub(super) fn lexeme(&self, i: usize) -> Option<Lexeme> {
        self.tokens.get(i).map(|token| token.lexeme)
    }

    fn span(&self, i: usize) -> Span {
        let token = &self.tokens[i];
        Span::new(self.source, token.start, token.end)
    }

    fn unclosed(&self, opener: usize, met: Option<Span>) -> SyntaxError {
        let closer = match self.tokens[opener].lexeme {
            Lexeme::OpenParen => ')',
            Lexeme::OpenBracket => ']',
            _ => '}',
        };
        SyntaxError::UnclosedBracket { open: self.span(opener), closer, met }
    }

    /// Whether the token before `i` is right beside it.
    pub(super) fn touches(&self, i: usize) -> bool {
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
                        self.errors.push(self.unclosed(brace, None));
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
                self.errors.push(self.unclosed(brace, None));
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
                Err(error) => {
                    self.at = first;
                    self.errors.truncate(reported);
                    let piece = self.cut(context, nesting);
                    if self.tokens[first..self.at].iter().any(|token| token.lexeme == Lexeme::OpenText) {
                        // The string that is never closed, already reported, has swallowed the closer.
                        self.errors.truncate(reported);
                    } else if self.errors.len() == reported {
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
                        if !self.joins(first, i, has_relation) {
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
                            return Err(self.unclosed(inner.token, None));
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
                                return Err(self.unclosed(opener, met));
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
                        return Err(self.unclosed(inner.token, met));
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
        self.goes_on |= i == self.tokens.len() && (!open.is_empty() || self.ends_open(first, i - 1));
        if let Some(inner) = open.last() {
            let error = self.unclosed(inner.token, None);
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
    fn joins(&mut self, first: usize, i: usize, has_relation: bool) -> bool {
        if self.starts_joined(first, i) {
            return true;
        }
        if self.ends_open(first, i - 1) {
            // `r: x <=` above `s: y <= 1`: the line above lacks its end, and the next is not to suffer for it.
            return !self.opens_statement(i) && !self.is_label_after_operator(i);
        }
        if self.tokens[i].lexeme != Lexeme::Sign || !self.is_deeper(first, i) {
            return false;
        }
        if has_relation && let Some(relation) = self.relation_on_line(i) {
            self.lints.push(Lint::JoinedRelation { sign: self.span(i), relation: self.span(relation) });
        }
        true
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
