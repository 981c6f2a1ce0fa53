//! Bytes of a file to text: UTF-8, with or without a byte order mark.

use crate::diag::{Diagnostic, SourceId, Span};

/// Bytes that are not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecodable {
    /// The text with `U+FFFD` where bytes could not be read: what to show as the source.
    pub text: String,
    /// Where the first replacement stands in `text`.
    pub at: usize,
    /// The file begins like UTF-16.
    pub utf16: bool,
}

impl Undecodable {
    /// What is wrong, for a source that holds `self.text`.
    pub fn diagnostic(&self, source: SourceId) -> Diagnostic {
        let at = Span::new(source, self.at, self.at + char::REPLACEMENT_CHARACTER.len_utf8());
        let looks = if self.utf16 { "it looks like UTF-16; " } else { "" };
        Diagnostic::error("not-utf8", at, "the file is not UTF-8 text")
            .here("the first bytes that are not UTF-8")
            .help(format!("{looks}save the file as UTF-8"))
    }
}

/// The text of a file, without its byte order mark.
pub fn decode(bytes: Vec<u8>) -> Result<String, Undecodable> {
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            if text.starts_with('\u{feff}') {
                text.drain(..'\u{feff}'.len_utf8());
            }
            Ok(text)
        }
        Err(error) => {
            // What stands before the first bad byte is valid, so the first replacement is where it ends.
            let at = error.utf8_error().valid_up_to();
            Err(Undecodable { text: String::from_utf8_lossy(error.as_bytes()).into_owned(), at, utf16 })
        }
    }
}
