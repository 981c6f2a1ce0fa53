//! Problems that other systems wrote.

use super::errors::Errors;
use super::prepared::Prepared;
use crate::answer::Multipliers;
use crate::data::decode;
use crate::diag::{Diagnostic, Sources, Span};
use crate::host::Host;
use crate::interop::build::{Built, build};
use crate::interop::nl::header::Header;
use crate::interop::nl::lower::File;
use crate::interop::nl::segments::SuffixOn;
use crate::interop::nl::{self, Choice, Labels, NlError};
use crate::interop::scalars::Scalars;
use crate::plan::{Warm, start};
use crate::problem::Sense;
use crate::problem::values::{Bounds, Numbers};
use std::rc::Rc;
use std::sync::Arc;

/// A problem of an `.nl` file and where its columns and rows stand.
pub struct Imported {
    pub prepared: Prepared,
    pub header: Header,
    /// The number of the objective that is kept, from 0.
    pub objective: Option<usize>,
    pub left: Option<Diagnostic>,
    /// Position of each column in the vector of variables, and of each row among all rows.
    pub columns: Vec<u32>,
    pub rows: Vec<u32>,
    complemented: Vec<(u32, u32)>,
}

/// What a file states, as scalar columns and rows.
pub struct Stated {
    pub scalars: Scalars,
    pub sources: Sources,
    pub header: Header,
    pub objective: Option<usize>,
    pub duals: Duals,
    /// Says that there are more objectives than the one that is kept.
    pub left: Option<Diagnostic>,
    /// What was left aside.
    pub warnings: Vec<Diagnostic>,
}

/// Multipliers to start from, by the numbers of rows and columns in the file; empty lists where none are given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Duals {
    /// Segment `d`.
    pub rows: Vec<(u32, f64)>,
    /// The suffixes `ipopt_zL_in` and `ipopt_zU_in`.
    pub lower: Vec<(u32, f64)>,
    pub upper: Vec<(u32, f64)>,
}

/// Why a file cannot be used. With a header, an answer can still say so.
pub struct Refused {
    pub header: Option<Header>,
    pub errors: Errors,
}

/// Reads `path`, a file `.nl` or its stub, with the names that stand beside it.
pub fn nl(host: Rc<dyn Host>, path: &str, choice: Choice) -> Result<Imported, Box<Refused>> {
    let began = host.seconds();
    let Stated { scalars, sources, header, objective, duals, left, warnings } = scalars(&*host, path, choice)?;
    let Built { problem, columns, rows, complemented } = build(scalars);
    let seconds = host.seconds() - began;
    let mut prepared = Prepared::new(problem, sources, warnings, host, seconds);
    if let Some(warm) = warm(&prepared, &duals, &columns, &rows) {
        prepared.start_warm(warm);
    }
    Ok(Imported { prepared, header, objective, left, columns, rows, complemented })
}

/// The start with the multipliers of the file; `None` if it gives none, or only zeros, which say nothing.
///
/// Those of bounds, where no suffix gives them, balance the gradient: `z = ∇f - J'y`, split by sign among the bounds that
/// there are. Those of complemented columns stay with the bounds, as they do in answers.
fn warm(prepared: &Prepared, duals: &Duals, columns: &[u32], rows: &[u32]) -> Option<Warm> {
    let problem = &prepared.problem;
    // Blocks of pairs have no multipliers of their own to start from.
    if duals.rows.iter().all(|(_, y)| *y == 0.0) || problem.complementarities().next().is_some() {
        return None;
    }
    let n = problem.dimension as usize;
    let x = start::of(problem).x;
    let mut y = vec![0.0; problem.row_count()];
    duals.rows.iter().for_each(|(k, value)| y[rows[*k as usize] as usize] = *value);
    let (mut lower, mut upper) = (vec![0.0; n], vec![0.0; n]);
    if duals.lower.is_empty() && duals.upper.is_empty() {
        let mut evaluator = prepared.evaluator();
        let (mut gradient, mut pull) = (vec![0.0; n], vec![0.0; n]);
        evaluator.gradient(&x, &mut gradient);
        evaluator.jacobian_transposed_product(&x, &y, &mut pull);
        let bounds = Bounds::of(problem, &Numbers::of(problem));
        let maximise = problem.objectives.first().is_some_and(|o| o.sense == Sense::Maximize);
        for k in 0..n {
            let z = gradient[k] - pull[k];
            let (side, bound) = match (z >= 0.0) != maximise {
                true => (&mut lower, bounds.lower[k]),
                false => (&mut upper, bounds.upper[k]),
            };
            if bound.is_finite() && z.is_finite() {
                side[k] = z;
            }
        }
    }
    for (given, side) in [(&duals.lower, &mut lower), (&duals.upper, &mut upper)] {
        given.iter().for_each(|(k, value)| side[columns[*k as usize] as usize] = *value);
    }
    Some(Warm { x, multipliers: Some(Multipliers { rows: y, lower, upper }), added: vec![] })
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
    let left = left_objectives(read.objectives.len(), &scalars);
    let suffix = |name: &str| {
        let of = read.suffixes.iter().filter(|suffix| suffix.name == name && suffix.on == SuffixOn::Variables);
        of.flat_map(|suffix| suffix.values.iter().copied()).collect()
    };
    let duals = Duals { rows: read.dual_start.clone(), lower: suffix("ipopt_zL_in"), upper: suffix("ipopt_zU_in") };
    Ok(Stated { scalars, sources, header: read.header, objective, duals, left, warnings })
}

/// Says that a file has more objectives than the one that is taken.
fn left_objectives(count: usize, scalars: &Scalars) -> Option<Diagnostic> {
    let taken = scalars.objectives.first().filter(|_| count > 1)?;
    let name = if taken.name.is_empty() { "the first".to_string() } else { format!("`{}`", taken.name) };
    let message = format!("the file has {count} objectives: {name} is taken, the others are left out");
    let told = Diagnostic::warning("bad-nl", taken.span, message);
    Some(told.help("`merit STUB -AMPL objno=2` solves for the second"))
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

    /// The multipliers of lower and of upper bounds in the order of the file. The side that a pair keeps is a bound there.
    pub fn bounds(&self, multipliers: &Multipliers) -> [Vec<f64>; 2] {
        let (mut lower, mut upper) = (multipliers.lower.clone(), multipliers.upper.clone());
        let maximise = self.prepared.problem.objectives.first().is_some_and(|o| o.sense == Sense::Maximize);
        for &(column, row) in &self.complemented {
            let pull = multipliers.rows[row as usize];
            let side = if (pull >= 0.0) != maximise { &mut lower } else { &mut upper };
            side[column as usize] += pull;
        }
        [self.by_column(&lower), self.by_column(&upper)]
    }

    pub fn by_row(&self, values: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|&at| values[at as usize]).collect()
    }
}
