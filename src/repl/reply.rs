//! What is said to an input.

use crate::diag::{Diagnostic, Severity, Sources};
use crate::session::{Bug, Errors};

/// Results, and what is wrong or doubtful.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Lines for standard output.
    pub text: String,
    /// Diagnostics with the texts that they point into.
    pub told: Vec<Errors>,
    /// A statement or command was not carried out.
    pub failed: bool,
    /// Of a solve: 0 if its answer holds, else as `merit solve` ends.
    pub ended: Option<i32>,
    /// The conversation is over.
    pub leave: bool,
}

impl Reply {
    pub fn said(text: impl Into<String>) -> Reply {
        let mut reply = Reply::default();
        reply.say(text);
        reply
    }

    pub fn refused(errors: Errors) -> Reply {
        let failed = errors.diagnostics.iter().any(|d| d.severity == Severity::Error);
        Reply { told: vec![errors], failed, ..Reply::default() }
    }

    pub fn wrong(diagnostic: Diagnostic, sources: &Sources) -> Reply {
        Reply::refused(Errors::one(diagnostic, sources))
    }

    /// A panic of ours: the conversation goes on with what it had.
    pub fn bug(bug: &Bug) -> Reply {
        Reply { failed: true, ..Reply::said(bug.to_string()) }
    }

    /// Adds lines; the last is ended.
    pub fn say(&mut self, text: impl Into<String>) {
        self.text += &text.into();
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    pub fn tell(&mut self, diagnostics: Vec<Diagnostic>, sources: &Sources) {
        if !diagnostics.is_empty() {
            self.told.push(Errors { diagnostics, sources: sources.clone() });
        }
    }

    /// Adds what another says.
    pub fn and(&mut self, other: Reply) {
        self.text += &other.text;
        self.told.extend(other.told);
        self.failed |= other.failed;
        self.ended = other.ended.or(self.ended);
        self.leave |= other.leave;
    }
}
