//! Tokens (logos), for the layout pass and for whoever colours a text.

use super::words;
use logos::Logos;

/// What a token is, for colouring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    Comment,
    /// A word that is a keyword where it stands.
    Keyword,
    Name,
    Number,
    Text,
    Operator,
    Bracket,
    Punctuation,
    /// A character, or a broken literal, that no model can hold.
    Unknown,
}

/// Bytes `start..end` of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

/// Every token of a text but white space, in order.
///
/// Whether a contextual keyword (`start`, `data`, ...) is one is decided by its neighbours on the line: after the
/// beginning of a statement for words that open one, after an operand for words that go on with a declaration.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut line = LineState::default();
    let mut lexer = Lexeme::lexer(text).spanned().peekable();
    while let Some((lexeme, span)) = lexer.next() {
        let word = &text[span.clone()];
        let kind = match lexeme {
            Ok(Lexeme::LineEnd) => {
                line = LineState::default();
                continue;
            }
            Ok(Lexeme::Blank) => continue,
            Ok(Lexeme::Name) => {
                let next = lexer.peek().filter(|(next, _)| !matches!(next, Ok(Lexeme::LineEnd)));
                let next_is_operand =
                    matches!(next, Some((Ok(Lexeme::Name | Lexeme::Number | Lexeme::Text | Lexeme::OpenBrace), _)));
                line.word(word, next_is_operand)
            }
            Ok(lexeme) => lexeme.kind(),
            Err(()) => TokenKind::Unknown,
        };
        line.advance(kind, word);
        found.push(Token { kind, start: span.start, end: span.end });
    }
    found
}

/// What the words of one line mean depends on what stands before them.
#[derive(Default)]
struct LineState {
    /// The keyword that opened the statement.
    opening: String,
    /// Nothing but labels and brackets of blocks stands before.
    inside: bool,
    after_operand: bool,
}

impl LineState {
    fn word(&self, word: &str, next_is_operand: bool) -> TokenKind {
        let opening = words::DECLARING.contains(&word)
            || matches!(word, "use" | "subject" | "solve" | "pessimistic" | "optimistic" | "generalized")
            // An attribute on a line of its own continues the declaration above.
            || matches!(word, "start" | "scale" | "default" | "key");
        let opens = !self.inside && next_is_operand && opening;
        let extends = words::continues_declaration(&self.opening, word) || words::is_contextual_infix(word);
        let goes_on = match self.opening.as_str() {
            "subject" => matches!(word, "to" | "generalized"),
            "solve" => word == "with",
            "minimize" | "maximize" => word == "over" && next_is_operand,
            _ => false,
        };
        let keyword = words::RESERVED.contains(&word)
            || word == "except" && next_is_operand
            || opens
            || goes_on
            || self.after_operand && extends;
        if keyword { TokenKind::Keyword } else { TokenKind::Name }
    }

    fn advance(&mut self, kind: TokenKind, word: &str) {
        if kind == TokenKind::Keyword && !self.inside {
            self.opening = word.to_string();
        }
        self.after_operand = match kind {
            TokenKind::Name | TokenKind::Number | TokenKind::Text => true,
            TokenKind::Keyword => matches!(word, "integer" | "binary" | "inf" | "true" | "false" | "ranks" | "values"),
            TokenKind::Bracket => matches!(word, ")" | "]" | "}"),
            TokenKind::Operator => word == "'",
            TokenKind::Comment => self.after_operand,
            TokenKind::Punctuation | TokenKind::Unknown => false,
        };
        self.inside = match word {
            "{" | "}" | ";" => false,
            _ => self.inside || kind != TokenKind::Comment,
        };
        if !self.inside {
            self.opening.clear();
        }
    }
}

/// What logos sees.
#[derive(Logos, Clone, Copy, PartialEq, Eq, Debug)]
#[logos(skip r" +")]
pub(super) enum Lexeme {
    #[token("\n")]
    LineEnd,
    #[regex(r"[\t\r\u{A0}\u{FEFF}]+")]
    Blank,
    #[regex(r"#[^\n]*", allow_greedy = true)]
    Comment,
    // The middle dot is a letter to Unicode and a product to us.
    #[regex(r"[\p{XID_Start}_][\p{XID_Continue}--\u{B7}]*")]
    #[token("∇")]
    #[token("∞")]
    Name,
    #[regex(r"[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9]+)?")]
    Number,
    #[regex(r#""([^"\\\n]|\\[^\n])*""#)]
    Text,
    #[regex(r#""([^"\\\n]|\\[^\n])*"#)]
    OpenText,
    #[token("(")]
    OpenParen,
    #[token(")")]
    CloseParen,
    #[token("[")]
    OpenBracket,
    #[token("]")]
    CloseBracket,
    #[token("{")]
    OpenBrace,
    #[token("}")]
    CloseBrace,
    #[token(",")]
    Comma,
    #[token(":")]
    Colon,
    #[token(";")]
    Semicolon,
    #[token("+")]
    #[token("-")]
    #[token("−")]
    Sign,
    #[token("*")]
    #[token("·")]
    #[token("×")]
    #[token("/")]
    #[token("^")]
    #[token(".*")]
    #[token("./")]
    #[token(".^")]
    Factor,
    #[token("==")]
    #[token("<=")]
    #[token(">=")]
    #[token("!=")]
    #[token("<")]
    #[token(">")]
    #[token("=")]
    #[token("≤")]
    #[token("≥")]
    #[token("≠")]
    #[token("∈")]
    #[token("∉")]
    #[token("⊥")]
    #[token("~")]
    Relation,
    #[token("..")]
    Range,
    #[token(".")]
    Dot,
    #[token("'")]
    Quote,
}

impl Lexeme {
    pub(super) fn opens(self) -> bool {
        matches!(self, Lexeme::OpenParen | Lexeme::OpenBracket | Lexeme::OpenBrace)
    }

    pub(super) fn closes(self) -> bool {
        matches!(self, Lexeme::CloseParen | Lexeme::CloseBracket | Lexeme::CloseBrace)
    }

    fn kind(self) -> TokenKind {
        match self {
            Lexeme::Comment => TokenKind::Comment,
            Lexeme::Name => TokenKind::Name,
            Lexeme::Number => TokenKind::Number,
            Lexeme::Text => TokenKind::Text,
            Lexeme::OpenText => TokenKind::Unknown,
            Lexeme::OpenParen
            | Lexeme::CloseParen
            | Lexeme::OpenBracket
            | Lexeme::CloseBracket
            | Lexeme::OpenBrace
            | Lexeme::CloseBrace => TokenKind::Bracket,
            Lexeme::Comma | Lexeme::Colon | Lexeme::Semicolon | Lexeme::LineEnd | Lexeme::Blank => {
                TokenKind::Punctuation
            }
            Lexeme::Sign | Lexeme::Factor | Lexeme::Relation | Lexeme::Range | Lexeme::Dot | Lexeme::Quote => {
                TokenKind::Operator
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds of a text as one letter each: Keyword, Name, number `1`, Text, Operator, Bracket, Punctuation,
    /// comment `#`, unknown `?`.
    fn kinds(text: &str) -> String {
        let letter = |token: Token| match token.kind {
            TokenKind::Comment => '#',
            TokenKind::Keyword => 'K',
            TokenKind::Name => 'N',
            TokenKind::Number => '1',
            TokenKind::Text => 'T',
            TokenKind::Operator => 'O',
            TokenKind::Bracket => 'B',
            TokenKind::Punctuation => 'P',
            TokenKind::Unknown => '?',
        };
        tokens(text).into_iter().map(letter).collect()
    }

    #[test]
    fn words_are_keywords_where_they_act_as_such() {
        let rows = [
            ("var x >= 0 start 1 # why", "KNO1K1#"),
            ("let start = data + lower", "KNONON"),
            ("subject to cap: x <= 1", "KKNPNO1"),
            ("minimize over x maximize over y: f", "KKNKKNPN"),
            ("lower fit { var w; minimize w }", "KNBKNPKNB"),
            ("let s = A union B", "KNONKN"),
            ("let s = union(A)", "KNONBNB"),
            ("oracle f(x) ranks via host", "KNBNBKKN"),
            ("let t = \"a # b\" ∑", "KNOT?"),
            ("if a then b else not c", "KNKNKKN"),
        ];
        for (text, expected) in rows {
            assert_eq!(kinds(text), expected, "{text}");
        }
    }

    #[test]
    fn tokens_and_white_space_are_the_whole_text() {
        let text = "let é = 1.5 * x'  # ü\n\tshow \"open";
        let mut last = 0;
        for token in tokens(text) {
            assert!(text[last..token.start].trim().is_empty());
            last = token.end;
        }
        assert_eq!(last, text.len());
    }
}
