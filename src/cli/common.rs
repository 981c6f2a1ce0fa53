//! What the commands share: reading a model with its inputs, and telling what is wrong.

use super::arguments::{Changes, How, Inputs};
use super::terminal::colour;
use super::{WRONG_MODEL, WRONG_USAGE};
use crate::diag::{Diagnostic, Severity, Sources, render};
use crate::host::Disk;
use crate::session::errors::Errors;
use crate::session::flat;
use crate::session::{Model, Options, Prepared};
use crate::solve::options::Value;
use std::io::Write;
use std::rc::Rc;

/// Reads and checks a model; what is wrong or doubtful is told.
pub fn prepared(host: Rc<Disk>, file: &str, inputs: Inputs) -> Result<Prepared, i32> {
    if flat::is_flat(file) {
        if !inputs.params.is_empty() || !inputs.data.is_empty() || inputs.data_file.is_some() {
            eprintln!("`{file}` holds all of its numbers: there is no parameter to give");
            return Err(WRONG_USAGE);
        }
        let prepared = flat::prepared(host, file).map_err(|errors| tell(&errors))?;
        tell_all(&prepared.warnings, &prepared.sources);
        return Ok(prepared);
    }
    let prepared = model(host, file, inputs).and_then(|model| model.build()).map_err(|errors| tell(&errors))?;
    tell_all(&prepared.warnings, &prepared.sources);
    Ok(prepared)
}

/// Reads a model.
pub fn model(host: Rc<Disk>, file: &str, inputs: Inputs) -> Result<Model, Errors> {
    let mut model = Model::from_host(host, file)?;
    for (name, value) in &inputs.params {
        model = model.with_param(name, &value[..]);
    }
    for (name, path) in &inputs.data {
        model = model.with_data_file(name, path);
    }
    model.inputs.data_file = inputs.data_file;
    Ok(model)
}

/// Makes the changes of the command line.
pub fn change(prepared: &mut Prepared, changes: &Changes) -> Result<(), i32> {
    made(prepared, changes).map_err(|errors| tell(&errors))
}

fn made(prepared: &mut Prepared, changes: &Changes) -> Result<(), Errors> {
    for (name, value) in &changes.fix {
        prepared.fix_text(name, value)?;
    }
    for row in &changes.drop {
        prepared.drop(row)?;
    }
    for row in &changes.restore {
        prepared.restore(row)?;
    }
    Ok(())
}

pub fn options(how: How, keep_log: bool, infeasible_subset: bool) -> Options {
    Options {
        method: how.method,
        options: how.options.into_iter().map(|(name, text)| (name, Value::of_text(&text))).collect(),
        seed: how.seed,
        starts: how.starts.map(|n| n as usize),
        threads: how.threads.map(|n| n as usize),
        time_limit: how.time_limit,
        tolerance: how.tol,
        keep_log,
        infeasible_subset,
        journal: how.journal,
    }
}

/// Tells what is wrong; the exit code that follows from it.
pub fn tell(errors: &Errors) -> i32 {
    tell_all(&errors.diagnostics, &errors.sources);
    let of_usage = |d: &Diagnostic| d.id == "unreadable-file" || errors.sources.get(d.primary().source).command_line;
    if errors.diagnostics.iter().filter(|d| d.severity == Severity::Error).all(of_usage) {
        return WRONG_USAGE;
    }
    WRONG_MODEL
}

pub fn tell_all(diagnostics: &[Diagnostic], sources: &Sources) {
    if !diagnostics.is_empty() {
        let text = render::render(diagnostics, sources, colour(&std::io::stderr()));
        // Nobody is left to be told that standard error is closed.
        let _ = write!(std::io::stderr(), "{text}");
    }
}

/// Results on standard output. A reader that went away (`| head`) has what it wanted.
pub fn print(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

/// `2 errors and 1 warning`
pub fn counted(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    match (errors, diagnostics.len() - errors) {
        (0, 0) => "no errors".to_string(),
        (errors, 0) => plural(errors, "error"),
        (0, warnings) => plural(warnings, "warning"),
        (errors, warnings) => format!("{} and {}", plural(errors, "error"), plural(warnings, "warning")),
    }
}
