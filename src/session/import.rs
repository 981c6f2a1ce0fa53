//! Problems that other systems wrote.

use super::errors::Errors;
use super::prepared::Prepared;
use crate::data::decode;
use crate::diag::{Diagnostic, Sources, Span};
use crate::host::Host;
use crate::interop::build::{Built, build};
use crate::interop::nl::header::Header;
use crate::interop::nl::lower::File;
use crate::interop::nl::{self, Choice, Labels, NlError};
use crate::interop::scalars::Scalars;
use std::rc::Rc;
use std::sync::Arc;

/// A problem of an `.nl` file and where its columns and rows stand.
pub struct Imported {
    pub prepared: Prepared,
    pub header: Header,
    /// The number of the objective that is kept, from 0.
    pub objective: Option<usize>,
    /// Position of each column in the vector of variables, and of each row among all rows.
    pub columns: Vec<u32>,
    pub rows: Vec<u32>,
}

/// What a file states, as scalar columns and rows.
pub struct Stated {
    pub scalars: Scalars,
    pub sources: Sources,
    pub header: Header,
    pub objective: Option<usize>,
    /// What was left aside.
    pub warnings: Vec<Diagnostic>,
}

/// Why a file cannot be used. With a header, an answer can still say so.
pub struct Refused {
    pub header: Option<Header>,
    pub errors: Errors,
}

/// Reads `path`, a file `.nl` or its stub, with the names that stand beside it.
pub fn nl(host: Rc<dyn Host>, path: &str, choice: Choice) -> Result<Imported, Box<Refused>> {
    let began = host.seconds();
    let Stated { scalars, sources, header, objective, warnings } = scalars(&*host, path, choice)?;
    let Built { problem, columns, rows } = build(scalars);
    let seconds = host.seconds() - began;
    let prepared = Prepared::new(problem, sources, warnings, host, seconds);
    Ok(Imported { prepared, header, objective, columns, rows })
}

/// Whether a file is one of these by its name.
pub fn is_nl(path: &str) -> bool {
    path.ends_with(".nl")
}

/// The same without building the problem.
pub fn scalars(host: &dyn Host, path: &str, choice: Choice) -> Result<Stated, Box<Refused>> {
    let stub = path.strip_suffix(".nl").unwrap_or(path);
    let file = format!("{stub}.nl");
    let mut sources = Sources::default();
    let bytes = host.read(&file).map_err(|reason| {
        let at = Span::new(sources.add(&file[..], ""), 0, 0);
        let message = format!("cannot read `{file}`: {reason}");
        let errors = Errors::one(Diagnostic::error("unreadable-file", at, message), &sources);
        Box::new(Refused { header: None, errors })
    })?;
    let names = |ending: &str| host.read(&format!("{stub}.{ending}")).ok().and_then(|bytes| decode(bytes).ok());
    let (columns, rows) = (names("col"), names("row"));
    let mut labels = Labels::of(columns.as_deref(), rows.as_deref());
    // Places are told in the text of the file; a binary one has none.
    let text: Arc<str> = match bytes.first() {
        Some(b'g') => std::str::from_utf8(&bytes).unwrap_or("").into(),
        Some(_) | None => "".into(),
    };
    let source = sources.add(&file[..], text.clone());
    let refused = |header: Option<Header>, error: NlError| Refused {
        header,
        errors: Errors::one(error.diagnostic(source, &text), &sources),
    };
    let read = nl::read(&bytes, &labels).map_err(|unreadable| refused(unreadable.header, unreadable.error))?;
    let warnings = fitting(&mut labels, &read, Span::new(source, 0, 0));
    let file = File { source, text: &text, labels: &labels };
    let scalars = nl::lower(&read, &file, choice).map_err(|error| refused(Some(read.header.clone()), error))?;
    let objective = choice.of(read.objectives.len());
    Ok(Stated { scalars, sources, header: read.header, objective, warnings })
}

/// Names count only if there is one for each variable, or for each constraint.
fn fitting(labels: &mut Labels, nl: &nl::Nl, at: Span) -> Vec<Diagnostic> {
    let mut warnings = vec![];
    let header = &nl.header;
    for (names, count, what) in [
        (&mut labels.columns, header.variables, "variables"),
        (&mut labels.rows, header.rows + header.logical_rows, "constraints"),
    ] {
        if !names.is_empty() && names.len() < count {
            let message = format!("there are {} names for {count} {what}, so they are not used", names.len());
            warnings.push(Diagnostic::warning("bad-nl", at, message));
            names.clear();
        }
    }
    warnings
}

impl Imported {
    /// What stands at the positions of the problem, in the order of the file.
    pub fn by_column(&self, values: &[f64]) -> Vec<f64> {
        self.columns.iter().map(|&at| values[at as usize]).collect()
    }

    pub fn by_row(&self, values: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|&at| values[at as usize]).collect()
    }
}
