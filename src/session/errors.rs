//! What is told when a model cannot be used.

use crate::diag::{Diagnostic, Severity, Sources, render};

/// Diagnostics, at least one of them an error, with the texts that they point into.
#[derive(Clone, Debug)]
pub struct Errors {
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Sources,
}

impl Errors {
    /// `Err` with all diagnostics if one of them is an error, else the diagnostics, which are warnings.
    pub fn unless_only_warnings(diagnostics: Vec<Diagnostic>, sources: &Sources) -> Result<Vec<Diagnostic>, Errors> {
        if diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Err(Errors { diagnostics, sources: sources.clone() });
        }
        Ok(diagnostics)
    }

    pub fn one(diagnostic: Diagnostic, sources: &Sources) -> Errors {
        Errors { diagnostics: vec![diagnostic], sources: sources.clone() }
    }
}

impl std::fmt::Display for Errors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&render::render(&self.diagnostics, &self.sources, false))
    }
}

impl std::error::Error for Errors {}

/// A panic inside: a broken invariant of ours, never a mistake of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bug(pub String);

impl std::fmt::Display for Bug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "this is a bug of Merit, not of your model: {}", self.0)
    }
}

impl std::error::Error for Bug {}

/// Runs `work`; a panic inside becomes a [`Bug`]. Values that `work` was changing must not be used after that.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Bug> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(|s| s.to_string());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Bug(text.unwrap_or_else(|| "it stopped without a message".to_string()))
    })
}
