//! Which lines belong together, and what a bracket is: questions about neighbouring tokens, without side effects.

use super::layout::{Bracket, Context, Walk};
use super::token::Lexeme;
use super::words;

impl<'a> Walk<'a> {
    /// Whether a token can only open a statement, whatever bracket is open around it.
    pub(super) fn opens_statement(&self, i: usize) -> bool {
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
    pub(super) fn header(&self, i: usize) -> Option<Context> {
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
            word if self.heads_unknown_block(i) => {
                Some(if word == "subject" || self.word(i + 1) == "to" { Context::Rows } else { Context::Conditions })
            }
            _ => None,
        }
    }

    /// Whether the line of `i` is like `lowr follower[k in 1..m] {`: one or two words that open no statement or lack the
    /// other, perhaps an index, and a brace at the end. It is no statement, but its braces still hold statements.
    fn heads_unknown_block(&self, i: usize) -> bool {
        let word = self.word(i);
        let lacks_name = matches!(word, "lower" | "player" | "optimality");
        let starts = self.lexeme(i) == Some(Lexeme::Name) && self.tokens[i].first_of_line;
        if !starts || !lacks_name && (words::DECLARING.contains(&word) || words::RESERVED.contains(&word)) {
            return false;
        }
        let mut k = i + 1;
        if !lacks_name && self.lexeme(k) == Some(Lexeme::Name) {
            let next = self.word(k);
            if words::RESERVED.contains(&next) || words::is_contextual_infix(next) {
                return false;
            }
            k += 1;
        }
        if self.lexeme(k) == Some(Lexeme::OpenBracket) {
            k = self.after_closer(k);
        }
        let on_line = (i + 1..=k).all(|k| self.tokens.get(k).is_some_and(|token| !token.first_of_line));
        let last = self.tokens.get(k + 1).is_none_or(|token| token.first_of_line);
        on_line && last && self.lexeme(k) == Some(Lexeme::OpenBrace)
    }

    /// The token after the one that closes the bracket `i`.
    fn after_closer(&self, i: usize) -> usize {
        let mut depth = 0usize;
        for (k, token) in self.tokens.iter().enumerate().skip(i) {
            if token.lexeme.opens() {
                depth += 1;
            } else if token.lexeme.closes() {
                depth -= 1;
                if depth == 0 {
                    return k + 1;
                }
            }
        }
        self.tokens.len()
    }

    /// Whether the statement that starts at `first` goes on after the token `i`, whatever follows.
    pub(super) fn ends_open(&self, first: usize, i: usize) -> bool {
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
                            || matches!(word, "start" | "scale" | "default" | "key" | "via" | "by" | "to")
                                && words::continues_declaration(self.word(first), word)
                                && self.ends_operand(i - 1)
                                && i > first + 1)
            }
            _ => false,
        }
    }

    /// Whether a line that starts with the token `i` belongs to the statement above, which started at `first`.
    pub(super) fn starts_joined(&self, first: usize, i: usize) -> bool {
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

    pub(super) fn ends_operand(&self, i: usize) -> bool {
        match self.tokens[i].lexeme {
            Lexeme::Number | Lexeme::Text | Lexeme::Quote => true,
            Lexeme::CloseParen | Lexeme::CloseBracket | Lexeme::CloseBrace => true,
            Lexeme::Name => !words::wants_operand(self.word(i)),
            _ => false,
        }
    }

    /// Whether the token `i` begins an operand and cannot be the tail of the word before it.
    pub(super) fn starts_operand(&self, i: usize) -> bool {
        match self.lexeme(i) {
            Some(Lexeme::Number | Lexeme::Text | Lexeme::OpenBrace) => true,
            Some(Lexeme::Name) => !words::is_infix(self.word(i)) && !words::is_contextual_infix(self.word(i)),
            Some(Lexeme::OpenParen | Lexeme::OpenBracket) => !self.touches(i),
            _ => false,
        }
    }

    /// Whether `NAME:` starts at the token `i`, and the token before it is an operator or comma.
    pub(super) fn is_label_after_operator(&self, i: usize) -> bool {
        let operator = matches!(
            self.tokens[i - 1].lexeme,
            Lexeme::Relation | Lexeme::Factor | Lexeme::Sign | Lexeme::Comma | Lexeme::Range | Lexeme::Dot
        );
        let after = match self.lexeme(i + 1) {
            Some(Lexeme::OpenBracket) if operator => self.after_closer(i + 1),
            _ => i + 1,
        };
        operator && self.tokens[i].lexeme == Lexeme::Name && self.lexeme(after) == Some(Lexeme::Colon)
    }

    /// The white space that leads the line of the token `i`.
    pub(super) fn indentation(&self, i: usize) -> &'a str {
        let token = &self.tokens[i];
        let line = &self.text[token.start - token.offset..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// A relation outside brackets on the line of the token `i`.
    pub(super) fn relation_on_line(&self, i: usize) -> Option<usize> {
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

    pub(super) fn bracket(&self, first: usize, i: usize) -> Bracket {
        match self.tokens[i].lexeme {
            Lexeme::OpenParen => Bracket::Paren,
            Lexeme::OpenBrace => Bracket::Brace,
            _ if i > first && self.touches(i) && self.subscriptable(i - 1) => Bracket::Subscript,
            _ => Bracket::Array,
        }
    }

    pub(super) fn subscriptable(&self, i: usize) -> bool {
        match self.tokens[i].lexeme {
            Lexeme::CloseParen | Lexeme::CloseBracket | Lexeme::Quote => true,
            Lexeme::Name => !words::precedes_literal(self.word(i)),
            _ => false,
        }
    }

    /// Whether the line end before the token `i` separates two rows of an array literal.
    pub(super) fn separates_rows(&self, first: usize, i: usize) -> bool {
        let (before, here) = (self.tokens[i - 1].lexeme, self.tokens[i].lexeme);
        let beside_separator = matches!(before, Lexeme::OpenBracket | Lexeme::Semicolon) || here == Lexeme::Semicolon;
        // A brace at the start of a line continues a statement, but is a cell of an array.
        let joined = self.ends_open(first, i - 1) || here != Lexeme::OpenBrace && self.starts_joined(first, i);
        !beside_separator && !joined
    }
}
