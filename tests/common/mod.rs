//! What the tests of the front end share: text in, problem and diagnostics out.
#![allow(dead_code)] // each test binary uses its own part

pub mod nl;
pub mod problems;

use merit::Answer;
use merit::diag::{Diagnostic, Severity, Sources, render};
use merit::host::Host;
use merit::problem::Problem;
use merit::sema::{Inputs, elaborate};
use merit::session::{Model, Options};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// What became of a text.
pub struct Checked {
    pub problem: Option<Problem>,
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Sources,
}

impl Checked {
    pub fn ids(&self) -> Vec<&'static str> {
        self.diagnostics.iter().map(|d| d.id).collect()
    }

    pub fn errors(&self) -> Vec<&Diagnostic> {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect()
    }

    pub fn rendered(&self) -> String {
        render(&self.diagnostics, &self.sources, false)
    }

    /// Lines of the model (the first source) that a diagnostic points at, first to last of each label.
    pub fn lines(&self, diagnostic: &Diagnostic) -> Vec<usize> {
        let main = merit::diag::SourceId(0);
        let mut lines = vec![];
        for label in diagnostic.labels.iter().filter(|l| l.span.source == main) {
            let first = self.sources.line_column(main, label.span.start).0;
            let last = self.sources.line_column(main, label.span.end).0;
            lines.extend(first..=last);
        }
        lines
    }
}

/// Parses a text and, if that found no error, elaborates it.
pub fn check(path: &str, text: &str, host: &dyn Host) -> Checked {
    check_with(Inputs { path: path.to_string(), ..Inputs::default() }, text, host)
}

/// The same with other inputs; their path is that of the text.
pub fn check_with(inputs: Inputs, text: &str, host: &dyn Host) -> Checked {
    let mut sources = Sources::default();
    let source = sources.add(&inputs.path, text);
    let (file, mut diagnostics) = merit::syntax::parse(source, text);
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Checked { problem: None, diagnostics, sources };
    }
    let (problem, more) = elaborate(&file, &mut sources, host, &inputs);
    diagnostics.extend(more);
    Checked { problem, diagnostics, sources }
}

/// A model planned and solved with usual options; or what was said of it.
pub fn solve(text: &str) -> Result<Answer, String> {
    let options = Options::default();
    let model = Model::from_str(text).map_err(|e| e.to_string())?;
    let mut prepared = model.build().map_err(|e| e.to_string())?;
    let plan = prepared.plan(&options).map_err(|e| e.to_string())?;
    prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).map_err(|e| e.to_string())
}

/// A file or folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The `.opt` files of a folder: name without ending, and text; in order of names.
pub fn models(folder: &str) -> Vec<(String, String)> {
    let mut out = vec![];
    for entry in std::fs::read_dir(repository(folder)).expect("the folder is there") {
        let path = entry.expect("a readable entry").path();
        if path.extension().is_some_and(|e| e == "opt") {
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            out.push((name, std::fs::read_to_string(&path).expect("a model is text")));
        }
    }
    out.sort();
    out
}
