//! The first ten lines. They are text in binary files too, and fields at the end of a line may be missing.

use super::error::NlError;

/// Counts of a problem, by the names that AMPL's papers give them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    pub binary: bool,
    /// Numbers that the answer must repeat.
    pub options: Vec<i64>,
    /// A tolerance that the answer must repeat; given if the third option is 3.
    pub vbtol: Option<f64>,
    pub variables: usize,
    pub rows: usize,
    pub objectives: usize,
    pub logical_rows: usize,
    /// Variables that are nonlinear in rows, in objectives, and in both. The second number is a position: variables
    /// that are nonlinear in objectives only stand up to there.
    pub nonlinear_in_rows: usize,
    pub nonlinear_in_objectives: usize,
    pub nonlinear_in_both: usize,
    pub linear_network: usize,
    pub functions: usize,
    /// Of a binary file: bytes stand in the order of big-endian machines.
    pub big_endian: bool,
    /// Linear binary and linear integer variables; integer ones that are nonlinear in both, in rows, in objectives.
    pub binary_variables: usize,
    pub integer_variables: usize,
    pub integer_in_both: usize,
    pub integer_in_rows: usize,
    pub integer_in_objectives: usize,
    /// Defined variables.
    pub defined: usize,
}

/// The value of the third option that says that a tolerance follows.
const HAS_VBTOL: i64 = 3;
const BIG_ENDIAN: i64 = 2;
/// No writer uses more than nine options.
const MOST_OPTIONS: usize = 9;

impl Header {
    /// The header and the number of its bytes.
    pub fn read(bytes: &[u8]) -> Result<(Header, usize), NlError> {
        let mut lines = Lines { bytes, at: 0 };
        let mut header = Header::default();
        header.first_line(&mut lines)?;
        let sizes = lines.numbers::<6>()?;
        [header.variables, header.rows, header.objectives] = [sizes[0], sizes[1], sizes[2]];
        header.logical_rows = sizes[5];
        lines.numbers::<6>()?;
        lines.numbers::<2>()?;
        [header.nonlinear_in_rows, header.nonlinear_in_objectives, header.nonlinear_in_both] = lines.numbers()?;
        let [network, functions, arithmetic, _flags] = lines.numbers()?;
        (header.linear_network, header.functions) = (network, functions);
        header.big_endian = arithmetic as i64 == BIG_ENDIAN;
        let [binary, integer, both, in_rows, in_objectives] = lines.numbers()?;
        (header.binary_variables, header.integer_variables) = (binary, integer);
        (header.integer_in_both, header.integer_in_rows, header.integer_in_objectives) = (both, in_rows, in_objectives);
        lines.numbers::<2>()?;
        lines.numbers::<2>()?;
        let at = lines.at;
        let defined: [usize; 5] = lines.numbers()?;
        header.defined = defined.iter().fold(0usize, |sum, n| sum.saturating_add(*n));
        // Every variable, row and objective has an entry further down: a header that counts more is not believed.
        let counted = [header.variables, header.rows, header.objectives, header.logical_rows, header.defined];
        if counted.iter().fold(0usize, |sum, n| sum.saturating_add(*n)) > bytes.len() {
            return Err(NlError::malformed(at, "the header counts more than the file has bytes"));
        }
        header.check(at)?;
        Ok((header, lines.at))
    }

    fn first_line(&mut self, lines: &mut Lines) -> Result<(), NlError> {
        let (at, line) = lines.next()?;
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or("");
        self.binary = match first.as_bytes().first() {
            Some(b'g') => false,
            Some(b'b') => true,
            Some(_) | None => {
                return Err(NlError::malformed(at, "this is no `.nl` file: its first letter is neither `g` nor `b`"));
            }
        };
        let count = match &first[1..] {
            "" => 0,
            digits => digits.parse().ok().filter(|n| *n <= MOST_OPTIONS).ok_or_else(|| {
                NlError::malformed(at, format!("the number of options must be at most {MOST_OPTIONS}, not `{digits}`"))
            })?,
        };
        for _ in 0..count {
            let word = words.next().unwrap_or("0");
            let option = word.parse().map_err(|_| NlError::malformed(at, format!("option `{word}` is no integer")))?;
            self.options.push(option);
        }
        if self.options.get(2) == Some(&HAS_VBTOL) {
            self.vbtol = words.next().and_then(|word| word.parse().ok());
        }
        Ok(())
    }

    /// The counts of kinds must fit the counts of variables.
    fn check(&self, at: usize) -> Result<(), NlError> {
        let nonlinear = self.nonlinear_in_rows.max(self.nonlinear_in_objectives);
        let linear_discrete = self.binary_variables.saturating_add(self.integer_variables);
        let in_rows_only = self.nonlinear_in_rows.checked_sub(self.nonlinear_in_both);
        let in_objectives_only = nonlinear - self.nonlinear_in_rows;
        let fits = nonlinear.saturating_add(linear_discrete) <= self.variables
            && self.nonlinear_in_both <= self.nonlinear_in_objectives
            && self.integer_in_both <= self.nonlinear_in_both
            && in_rows_only.is_some_and(|count| self.integer_in_rows <= count)
            && self.integer_in_objectives <= in_objectives_only;
        match fits {
            true => Ok(()),
            false => Err(NlError::malformed(at, "the header's counts of kinds of variables contradict each other")),
        }
    }
}

struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Lines<'_> {
    /// The next line without its comment, and where it begins.
    fn next(&mut self) -> Result<(usize, String), NlError> {
        let start = self.at;
        let rest = &self.bytes[start..];
        let Some(length) = rest.iter().position(|b| *b == b'\n') else {
            return Err(NlError::malformed(start, "the file ends within its header of ten lines"));
        };
        self.at = start + length + 1;
        let line = rest[..length].split(|b| *b == b'#').next().unwrap_or(&[]);
        match std::str::from_utf8(line) {
            Ok(line) => Ok((start, line.to_string())),
            Err(_) => Err(NlError::malformed(start, "a line of the header is not text")),
        }
    }

    /// The first `N` numbers of a line; 0 for those that are missing.
    fn numbers<const N: usize>(&mut self) -> Result<[usize; N], NlError> {
        let (at, line) = self.next()?;
        let mut numbers = [0; N];
        for (number, word) in numbers.iter_mut().zip(line.split_whitespace()) {
            *number = word
                .parse::<u32>()
                .map_err(|_| NlError::malformed(at, format!("`{word}` in the header is no count")))?
                as usize;
        }
        Ok(numbers)
    }
}
