//! Problems of `.mps`, `.lp` and `.nl` files: to be solved as they are, or as a model.

use super::errors::Errors;
use super::import;
use super::prepared::Prepared;
use crate::data::decode;
use crate::diag::{Diagnostic, SourceId, Sources, Span};
use crate::host::Host;
use crate::interop::nl::Choice;
use crate::interop::scalars::Scalars;
use crate::interop::{build, lp, mps, opt_write};
use std::rc::Rc;
use std::sync::Arc;

/// A reader of a format.
type Reader = fn(SourceId, &str) -> Result<Scalars, Vec<Diagnostic>>;

/// The formats by the ending of their files.
const READERS: &[(&str, Reader)] = &[("mps", mps::read), ("lp", lp::read)];

/// Whether the ending of a file is that of such a format.
pub fn is_flat(path: &str) -> bool {
    import::is_nl(path) || reader(path).is_some()
}

fn reader(path: &str) -> Option<Reader> {
    let ending = path.rsplit_once('.')?.1;
    READERS.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known)).map(|(_, reader)| *reader)
}

/// The problem of a file.
pub fn prepared(host: Rc<dyn Host>, path: &str) -> Result<Prepared, Errors> {
    if import::is_nl(path) {
        return import::nl(host, path, Choice::First).map_err(|refused| refused.errors).map(|mut imported| {
            imported.prepared.warnings.extend(imported.left);
            imported.prepared
        });
    }
    let began = host.seconds();
    let (scalars, sources, _) = scalars(&*host, path)?;
    let problem = build::build(scalars).problem;
    let seconds = host.seconds() - began;
    Ok(Prepared::new(problem, sources, vec![], host, seconds))
}

/// A problem of a file as a model, and what was left aside.
pub struct Written {
    pub text: String,
    pub warnings: Vec<Diagnostic>,
    pub sources: Sources,
}

/// The problem of a file as a model.
pub fn model(host: &dyn Host, path: &str) -> Result<Written, Errors> {
    let (scalars, sources, warnings) = scalars(host, path)?;
    if !scalars.unsupported.is_empty() {
        let told = scalars.unsupported.iter().map(|u| Diagnostic::error("cannot-import", u.span, &u.sentence));
        return Err(Errors { diagnostics: told.collect(), sources });
    }
    Ok(Written { text: opt_write::opt(&scalars, &title(&scalars, path)), warnings, sources })
}

/// What the model says of where it comes from.
pub fn title(scalars: &Scalars, path: &str) -> String {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    format!("{file}: {}, {}", plural(scalars.columns.len(), "variable"), plural(scalars.rows.len(), "row"))
}

fn scalars(host: &dyn Host, path: &str) -> Result<(Scalars, Sources, Vec<Diagnostic>), Errors> {
    if import::is_nl(path) {
        let stated = import::scalars(host, path, Choice::First).map_err(|refused| refused.errors)?;
        let warnings = stated.warnings.into_iter().chain(stated.left);
        return Ok((stated.scalars, stated.sources, warnings.collect()));
    }
    let mut sources = Sources::default();
    let refuse = |sources: Sources, id, message: String| {
        let at = Span::new(SourceId(0), 0, 0);
        Errors::one(Diagnostic::error(id, at, message), &sources)
    };
    let bytes = match host.read(path) {
        Ok(bytes) => bytes,
        Err(reason) => {
            sources.add(path, "");
            return Err(refuse(sources, "unreadable-file", format!("cannot read `{path}`: {reason}")));
        }
    };
    let text: Arc<str> = match decode(bytes) {
        Ok(text) => text.into(),
        Err(undecodable) => {
            let source = sources.add(path, undecodable.text.clone());
            return Err(Errors::one(undecodable.diagnostic(source), &sources));
        }
    };
    let source = sources.add(path, text.clone());
    let Some(read) = reader(path) else {
        return Err(refuse(sources, "unreadable-file", format!("`{path}` is no file .mps, .lp or .nl")));
    };
    match read(source, &text) {
        Ok(scalars) => Ok((scalars, sources, vec![])),
        Err(diagnostics) => Err(Errors { diagnostics, sources }),
    }
}
