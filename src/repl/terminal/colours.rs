//! The tokens of the language in colours.

use crate::syntax::{TokenKind, tokens};

/// The text with colours; nothing else of it changes.
pub(super) fn painted(text: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    for token in tokens(text) {
        out += &text[at..token.start];
        let word = &text[token.start..token.end];
        match code(token.kind) {
            Some(code) => out += &format!("\x1b[{code}m{word}\x1b[0m"),
            None => out += word,
        }
        at = token.end;
    }
    out + &text[at..]
}

fn code(kind: TokenKind) -> Option<&'static str> {
    match kind {
        TokenKind::Comment => Some("2"),
        TokenKind::Keyword => Some("1;34"),
        TokenKind::Number => Some("36"),
        TokenKind::Text => Some("32"),
        TokenKind::Unknown => Some("31"),
        TokenKind::Name | TokenKind::Operator | TokenKind::Bracket | TokenKind::Punctuation => None,
    }
}

#[cfg(test)]
mod tests {
    use super::painted;

    #[test]
    fn without_the_colours_it_is_the_text() {
        for text in ["var x[1..4] in [1, 5] # a comment", "  show \"a\"  ", "let é = 2", "a ?? b", ""] {
            let mut plain = painted(text);
            while let Some(start) = plain.find('\x1b') {
                let end = start + plain[start..].find('m').unwrap();
                plain.replace_range(start..=end, "");
            }
            assert_eq!(plain, text);
        }
    }
}
