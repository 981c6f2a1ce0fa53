//! Numbers, names and letters of the two spellings: words between blanks, or bytes.

use super::error::NlError;

/// What is left of a file.
pub struct Tokens<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub binary: bool,
    pub big_endian: bool,
}

impl<'a> Tokens<'a> {
    /// The next letter that is no blank and no comment, without taking it; in a binary file the next byte.
    pub fn peek(&mut self) -> Option<u8> {
        self.skip();
        self.bytes.get(self.at).copied()
    }

    /// The letter that begins a segment, a bound or a token of an expression.
    pub fn letter(&mut self) -> Result<u8, NlError> {
        let letter = self.peek().ok_or_else(|| self.ended())?;
        self.at += 1;
        Ok(letter)
    }

    pub fn integer(&mut self) -> Result<i64, NlError> {
        if self.binary {
            return Ok(self.take().map(i32::from_le_bytes)? as i64);
        }
        let (at, word) = self.word()?;
        word.parse().map_err(|_| NlError::malformed(at, format!("an integer is expected, not `{word}`")))
    }

    /// An integer that is not negative.
    pub fn count(&mut self) -> Result<usize, NlError> {
        let at = self.at;
        let count = self.integer()?;
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= u32::MAX as usize)
            .ok_or_else(|| NlError::malformed(at, format!("a count is expected, not {count}")))
    }

    /// A number below `limit`.
    pub fn index(&mut self, limit: usize, what: &str) -> Result<usize, NlError> {
        let at = self.at;
        let index = self.integer()?;
        match usize::try_from(index) {
            Ok(index) if index < limit => Ok(index),
            Ok(_) | Err(_) => {
                Err(NlError::malformed(at, format!("there is no {what} {index}: the header counts {limit}")))
            }
        }
    }

    /// A count of entries that follow, each of which takes a byte at least.
    pub fn entries(&mut self) -> Result<usize, NlError> {
        let at = self.at;
        let count = self.count()?;
        match count <= self.bytes.len() - self.at {
            true => Ok(count),
            false => Err(NlError::malformed(at, format!("{count} entries do not fit into the rest of the file"))),
        }
    }

    pub fn real(&mut self) -> Result<f64, NlError> {
        let at = self.at;
        let (at, value) = match self.binary {
            true => (at, self.take().map(f64::from_le_bytes)?),
            false => {
                let (at, word) = self.word()?;
                let value =
                    word.parse().map_err(|_| NlError::malformed(at, format!("a number is expected, not `{word}`")))?;
                (at, value)
            }
        };
        if value.is_nan() { Err(NlError::malformed(at, "a number is not a number (NaN)")) } else { Ok(value) }
    }

    /// A short integer of a binary file.
    pub fn short(&mut self) -> Result<i64, NlError> {
        match self.binary {
            true => Ok(self.take().map(i16::from_le_bytes)? as i64),
            false => self.integer(),
        }
    }

    pub fn name(&mut self) -> Result<String, NlError> {
        if !self.binary {
            return Ok(self.word()?.1.to_string());
        }
        let length = self.entries()?;
        let bytes = &self.bytes[self.at..self.at + length];
        self.at += length;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    pub fn ended(&self) -> NlError {
        NlError::malformed(self.bytes.len(), "the file ends too early")
    }

    /// The next word of a text file and where it stands.
    fn word(&mut self) -> Result<(usize, &'a str), NlError> {
        self.skip();
        let start = self.at;
        let rest = &self.bytes[start..];
        let length = rest.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.ended());
        }
        self.at += length;
        let word = std::str::from_utf8(&rest[..length]);
        word.map(|word| (start, word)).map_err(|_| NlError::malformed(start, "a word is not UTF-8"))
    }

    fn skip(&mut self) {
        if self.binary {
            return;
        }
        while let Some(&b) = self.bytes.get(self.at) {
            match b {
                b'#' => {
                    let rest = &self.bytes[self.at..];
                    self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                }
                b if b.is_ascii_whitespace() => self.at += 1,
                _ => return,
            }
        }
    }

    /// Bytes of a number in little-endian order.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], NlError> {
        let bytes = self.bytes.get(self.at..self.at + N).ok_or_else(|| self.ended())?;
        self.at += N;
        let mut bytes: [u8; N] = bytes.try_into().expect("as many as were taken");
        if self.big_endian {
            bytes.reverse();
        }
        Ok(bytes)
    }
}
