//! The segments after the header, in whatever order they stand.

use super::error::NlError;
use super::expressions::{Expression, Token};
use super::header::Header;
use super::labels::Labels;
use super::tokens::Tokens;
use crate::problem::Sense;

/// A file as it stands.
#[derive(Clone, Debug, Default)]
pub struct Nl {
    pub header: Header,
    /// Tokens of all expressions.
    pub tokens: Vec<Token>,
    pub variables: Vec<Bounds>,
    pub rows: Vec<Row>,
    pub objectives: Vec<Objective>,
    /// In the order of the file: each reads only those before it.
    pub defined: Vec<Defined>,
    /// Starting point and multipliers, as far as given.
    pub start: Vec<(u32, f64)>,
    pub dual_start: Vec<(u32, f64)>,
    pub suffixes: Vec<Suffix>,
}

/// Infinite where there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub lower: f64,
    pub upper: f64,
    /// Where they stand in the file.
    pub at: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Row {
    pub body: Option<Expression>,
    pub linear: Vec<(u32, f64)>,
    pub bounds: Option<Bounds>,
    /// The variable that the row complements.
    pub complements: Option<u32>,
    pub at: usize,
}

#[derive(Clone, Debug)]
pub struct Objective {
    pub sense: Sense,
    pub body: Option<Expression>,
    pub linear: Vec<(u32, f64)>,
    pub at: usize,
}

#[derive(Clone, Debug)]
pub struct Defined {
    /// Counted from the number of variables.
    pub index: u32,
    pub linear: Vec<(u32, f64)>,
    pub body: Expression,
    pub at: usize,
}

/// Values of one suffix; all others are 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Suffix {
    pub name: String,
    pub on: SuffixOn,
    pub values: Vec<(u32, f64)>,
    pub at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuffixOn {
    Variables,
    Rows,
    Objectives,
    Problem,
}

/// Why a file could not be read; after the header it comes with the header, so that an answer can still be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    pub header: Option<Header>,
    pub error: NlError,
}

/// Reads a file; `labels` are for messages.
pub fn read(bytes: &[u8], labels: &Labels) -> Result<Nl, Box<Unreadable>> {
    let (header, at) = Header::read(bytes).map_err(|error| Box::new(Unreadable { header: None, error }))?;
    let mut body = Body::new(header, bytes, at, labels);
    match body.segments() {
        Ok(()) => Ok(body.nl),
        Err(error) => Err(Box::new(Unreadable { header: Some(body.nl.header), error })),
    }
}

struct Body<'a> {
    tokens: Tokens<'a>,
    labels: &'a Labels,
    nl: Nl,
    /// Which bodies and lists were read.
    bounds_read: bool,
    sides_read: bool,
    defined_read: Vec<bool>,
    objectives_read: Vec<bool>,
}

impl<'a> Body<'a> {
    fn new(header: Header, bytes: &'a [u8], at: usize, labels: &'a Labels) -> Body<'a> {
        let tokens = Tokens { bytes, at, binary: header.binary, big_endian: header.big_endian };
        let free = Bounds { lower: f64::NEG_INFINITY, upper: f64::INFINITY, at };
        let objective = Objective { sense: Sense::Minimize, body: None, linear: vec![], at };
        let nl = Nl {
            variables: vec![free; header.variables],
            rows: vec![Row { at, ..Row::default() }; header.rows],
            objectives: vec![objective; header.objectives],
            header,
            ..Nl::default()
        };
        let (defined_read, objectives_read) = (vec![false; nl.header.defined], vec![false; nl.header.objectives]);
        Body { tokens, labels, nl, bounds_read: false, sides_read: false, defined_read, objectives_read }
    }

    fn segments(&mut self) -> Result<(), NlError> {
        while self.tokens.peek().is_some() {
            let at = self.tokens.at;
            match self.tokens.letter()? {
                b'F' => self.function(at)?,
                b'L' => {
                    let row = self.tokens.count()?;
                    let sentence = format!("logical constraint {} cannot be solved by any method here", row + 1);
                    return Err(NlError::unsupported(at, sentence));
                }
                b'S' => self.suffix(at)?,
                b'V' => self.defined(at)?,
                b'C' => self.row_body(at)?,
                b'O' => self.objective(at)?,
                b'd' => self.nl.dual_start = self.sparse(self.nl.header.rows, "constraint")?,
                b'x' => self.nl.start = self.sparse(self.nl.header.variables, "variable")?,
                b'r' => self.sides(at)?,
                b'b' => self.bounds(at)?,
                b'k' | b'K' => {
                    // Column counts help those who allocate columns first.
                    for _ in 0..self.tokens.entries()? {
                        self.tokens.integer()?;
                    }
                }
                b'J' => {
                    let row = self.tokens.index(self.nl.header.rows, "constraint")?;
                    if !self.nl.rows[row].linear.is_empty() {
                        return Err(twice(at, &format!("the linear part of constraint {}", row + 1)));
                    }
                    self.nl.rows[row].linear = self.sparse(self.nl.header.variables, "variable")?;
                }
                b'G' => {
                    let k = self.tokens.index(self.nl.header.objectives, "objective")?;
                    if !self.nl.objectives[k].linear.is_empty() {
                        return Err(twice(at, &format!("the linear part of objective {}", k + 1)));
                    }
                    self.nl.objectives[k].linear = self.sparse(self.nl.header.variables, "variable")?;
                }
                other => {
                    let message = format!("no segment begins with `{}`", other.escape_ascii());
                    return Err(NlError::malformed(at, message));
                }
            }
        }
        let missing = |what: &str| NlError::malformed(self.tokens.bytes.len(), format!("the file has no {what}"));
        if !self.bounds_read && self.nl.header.variables > 0 {
            return Err(missing("bounds of variables (segment `b`)"));
        }
        if !self.sides_read && self.nl.header.rows > 0 {
            return Err(missing("bounds of constraints (segment `r`)"));
        }
        Ok(())
    }

    fn function(&mut self, at: usize) -> Result<(), NlError> {
        self.tokens.count()?;
        self.tokens.integer()?;
        self.tokens.integer()?;
        let name = self.tokens.name()?;
        Err(NlError::unsupported(at, format!("the imported function `{name}` cannot be evaluated here")))
    }

    fn suffix(&mut self, at: usize) -> Result<(), NlError> {
        let kind = self.tokens.count()?;
        let count = self.tokens.entries()?;
        let name = self.tokens.name()?;
        let header = &self.nl.header;
        let (on, limit, what) = match kind & 3 {
            0 => (SuffixOn::Variables, header.variables, "variable"),
            1 => (SuffixOn::Rows, header.rows + header.logical_rows, "constraint"),
            2 => (SuffixOn::Objectives, header.objectives, "objective"),
            _ => (SuffixOn::Problem, 1, "problem"),
        };
        let real = kind & 4 != 0;
        let mut values = vec![];
        for _ in 0..count {
            let index = self.tokens.index(limit, what)?;
            let value = if real { self.tokens.real()? } else { self.tokens.integer()? as f64 };
            values.push((index as u32, value));
        }
        self.nl.suffixes.push(Suffix { name, on, values, at });
        Ok(())
    }

    fn defined(&mut self, at: usize) -> Result<(), NlError> {
        let first = self.nl.header.variables;
        let index = self.tokens.index(first + self.nl.header.defined, "variable or defined variable")?;
        let count = self.tokens.entries()?;
        self.tokens.integer()?;
        let Some(k) = index.checked_sub(first) else {
            return Err(NlError::malformed(at, format!("variable {} is no defined variable", index + 1)));
        };
        if std::mem::replace(&mut self.defined_read[k], true) {
            return Err(twice(at, &format!("defined variable {}", k + 1)));
        }
        let linear = self.entries(count, first + self.nl.header.defined, "variable or defined variable")?;
        let body = self.expression(&|_| format!("defined variable {}", k + 1))?;
        self.nl.defined.push(Defined { index: k as u32, linear, body, at });
        Ok(())
    }

    fn row_body(&mut self, at: usize) -> Result<(), NlError> {
        let row = self.tokens.index(self.nl.header.rows, "constraint")?;
        if self.nl.rows[row].body.is_some() {
            return Err(twice(at, &format!("constraint {}", row + 1)));
        }
        self.nl.rows[row].at = at;
        self.nl.rows[row].body = Some(self.expression(&|labels| labels.constraint(row))?);
        Ok(())
    }

    fn objective(&mut self, at: usize) -> Result<(), NlError> {
        let k = self.tokens.index(self.nl.header.objectives, "objective")?;
        let sense = match self.tokens.integer()? {
            0 => Sense::Minimize,
            1 => Sense::Maximize,
            other => return Err(NlError::malformed(at, format!("{other} is no sense: 0 minimises and 1 maximises"))),
        };
        if std::mem::replace(&mut self.objectives_read[k], true) {
            return Err(twice(at, &format!("objective {}", k + 1)));
        }
        let body = self.expression(&|_| format!("objective {}", k + 1))?;
        let objective = &mut self.nl.objectives[k];
        (objective.sense, objective.body, objective.at) = (sense, Some(body), at);
        Ok(())
    }

    fn expression(&mut self, place: &dyn Fn(&Labels) -> String) -> Result<Expression, NlError> {
        let references = self.nl.header.variables + self.nl.header.defined;
        let labels = self.labels;
        self.tokens.expression(&mut self.nl.tokens, references, &|| place(labels))
    }

    fn sides(&mut self, at: usize) -> Result<(), NlError> {
        if std::mem::replace(&mut self.sides_read, true) {
            return Err(twice(at, "the list of bounds of constraints"));
        }
        for k in 0..self.nl.header.rows {
            let at = self.tokens.at;
            let kind = self.tokens.letter()?;
            if kind == b'5' {
                // 1, 2, 3: which bounds of the variable are finite, which its own bounds tell.
                self.tokens.integer()?;
                let variable = self.tokens.count()?;
                if variable == 0 || variable > self.nl.header.variables {
                    return Err(NlError::malformed(at, format!("constraint {} complements no variable", k + 1)));
                }
                self.nl.rows[k].complements = Some(variable as u32 - 1);
                continue;
            }
            self.nl.rows[k].bounds = Some(self.interval(kind)?);
        }
        Ok(())
    }

    fn bounds(&mut self, at: usize) -> Result<(), NlError> {
        if std::mem::replace(&mut self.bounds_read, true) {
            return Err(twice(at, "the list of bounds of variables"));
        }
        for k in 0..self.nl.header.variables {
            let kind = self.tokens.letter()?;
            self.nl.variables[k] = self.interval(kind)?;
        }
        Ok(())
    }

    fn interval(&mut self, kind: u8) -> Result<Bounds, NlError> {
        let at = self.tokens.at - 1;
        let (mut lower, mut upper) = (f64::NEG_INFINITY, f64::INFINITY);
        match kind {
            b'0' => (lower, upper) = (self.tokens.real()?, self.tokens.real()?),
            b'1' => upper = self.tokens.real()?,
            b'2' => lower = self.tokens.real()?,
            b'3' => {}
            b'4' => {
                lower = self.tokens.real()?;
                upper = lower;
            }
            other => {
                return Err(NlError::malformed(at, format!("`{}` is no kind of bounds", other.escape_ascii())));
            }
        }
        Ok(Bounds { lower, upper, at })
    }

    fn sparse(&mut self, limit: usize, what: &str) -> Result<Vec<(u32, f64)>, NlError> {
        let count = self.tokens.entries()?;
        self.entries(count, limit, what)
    }

    fn entries(&mut self, count: usize, limit: usize, what: &str) -> Result<Vec<(u32, f64)>, NlError> {
        let mut entries = vec![];
        for _ in 0..count {
            let index = self.tokens.index(limit, what)? as u32;
            entries.push((index, self.tokens.real()?));
        }
        Ok(entries)
    }
}

fn twice(at: usize, what: &str) -> NlError {
    NlError::malformed(at, format!("{what} stands twice"))
}
