//! Tokens with their place on the line, the first version of the mask, and what is wrong with a token alone.

use super::error::SyntaxError;
use super::token::Lexeme;
use crate::diag::{SourceId, Span};
use logos::Logos;

/// One token as the layout pass needs it.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    pub(super) lexeme: Lexeme,
    pub start: usize,
    pub end: usize,
    pub first_of_line: bool,
    /// Characters before it on its line.
    pub column: usize,
    /// Bytes before it on its line.
    pub offset: usize,
    /// Something was reported of it.
    pub broken: bool,
}

pub struct Lexed {
    pub tokens: Vec<Placed>,
    pub mask: Vec<u8>,
    pub errors: Vec<SyntaxError>,
}

pub fn lex(source: SourceId, text: &str) -> Lexed {
    let mut lexed =
        Lexed { tokens: Vec::with_capacity(text.len() / 3), mask: text.as_bytes().to_vec(), errors: Vec::new() };
    let mut line = LineStart { first_of_line: true, start: 0, wide: 0 };
    let mut lexer = Lexeme::lexer(text);
    while let Some(result) = lexer.next() {
        let span = lexer.span();
        match result {
            Ok(Lexeme::LineEnd) => {
                lexed.mask[span.start] = b' ';
                line = LineStart { first_of_line: true, start: span.end, wide: 0 };
            }
            Ok(Lexeme::Comment | Lexeme::Blank) => {
                line.wide += continuation_bytes(&text[span.clone()]);
                lexed.mask[span].fill(b' ');
            }
            Ok(lexeme) => {
                let word = &text[span.clone()];
                let broken = lexeme == Lexeme::OpenText;
                if broken {
                    lexed.errors.push(SyntaxError::UnclosedText { at: Span::new(source, span.start, span.end) });
                }
                if let Some(ascii) = ascii_sign(word) {
                    lexed.mask[span.clone()].fill(b' ');
                    lexed.mask[span.start] = ascii;
                }
                lexed.push(&mut line, lexeme, span, word, broken);
            }
            Err(()) => {
                let word = &text[span.clone()];
                lexed.unknown(source, span.clone(), word);
                lexed.push(&mut line, Lexeme::Factor, span, word, true);
            }
        }
    }
    lexed.check_numbers(source, text);
    lexed
}

struct LineStart {
    first_of_line: bool,
    /// The byte where the line begins.
    start: usize,
    /// Bytes on the line so far that continue a character: columns count characters.
    wide: usize,
}

fn continuation_bytes(word: &str) -> usize {
    word.len() - word.chars().count()
}

/// The ASCII reading of a typographic sign.
fn ascii_sign(word: &str) -> Option<u8> {
    match word {
        "−" => Some(b'-'),
        "·" | "×" => Some(b'*'),
        _ => None,
    }
}

impl Lexed {
    fn push(&mut self, line: &mut LineStart, lexeme: Lexeme, span: std::ops::Range<usize>, word: &str, broken: bool) {
        let offset = span.start - line.start;
        let column = offset - line.wide;
        let first_of_line = line.first_of_line;
        self.tokens.push(Placed { lexeme, start: span.start, end: span.end, first_of_line, column, offset, broken });
        line.first_of_line = false;
        line.wide += continuation_bytes(word);
    }

    /// Reports a character that no model holds; a run of them is one report.
    fn unknown(&mut self, source: SourceId, span: std::ops::Range<usize>, word: &str) {
        if let (Some(SyntaxError::UnexpectedCharacter { at, text }), Some(token)) =
            (self.errors.last_mut(), self.tokens.last())
            && token.broken
            && at.end as usize == span.start
        {
            at.end = span.end as u32;
            text.push_str(word);
            return;
        }
        let at = Span::new(source, span.start, span.end);
        self.errors.push(SyntaxError::UnexpectedCharacter { at, text: word.to_string() });
    }

    /// Numbers that touch what may not touch them: `1.`, `.5`, `2x`, `3'`.
    fn check_numbers(&mut self, source: SourceId, text: &str) {
        for i in 0..self.tokens.len() {
            if self.tokens[i].lexeme != Lexeme::Number {
                continue;
            }
            let number = self.tokens[i];
            let follows = self.tokens.get(i + 1).filter(|next| next.start == number.end).map(|next| next.lexeme);
            let leads = i > 0
                && self.tokens[i - 1].lexeme == Lexeme::Dot
                && self.tokens[i - 1].end == number.start
                && !self.is_field(i - 1);
            let (from, to) = match follows {
                Some(Lexeme::Name | Lexeme::Dot | Lexeme::Quote) => (i, i + 1),
                _ if leads => (i - 1, i),
                _ => continue,
            };
            let at = Span::new(source, self.tokens[from].start, self.tokens[to].end);
            let written = &text[at.start as usize..at.end as usize];
            let error = match follows {
                Some(Lexeme::Name) => {
                    let split = number.end - number.start;
                    SyntaxError::NumberBesideName {
                        at,
                        number: written[..split].to_string(),
                        name: written[split..].to_string(),
                    }
                }
                Some(Lexeme::Quote) => SyntaxError::TransposedNumber { at },
                _ => SyntaxError::NumberWithoutDigit { at, text: written.to_string() },
            };
            self.tokens[i].broken = true;
            self.errors.push(error);
        }
    }

    /// Whether the dot at `i` touches an operand before it.
    fn is_field(&self, i: usize) -> bool {
        i > 0
            && self.tokens[i - 1].end == self.tokens[i].start
            && matches!(
                self.tokens[i - 1].lexeme,
                Lexeme::Name | Lexeme::CloseParen | Lexeme::CloseBracket | Lexeme::Quote | Lexeme::Number
            )
    }
}
