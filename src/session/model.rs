//! A model file with what is given to it from outside.

use super::errors::Errors;
use super::prepared::Prepared;

use crate::data::{Table, decode};
use crate::diag::{Diagnostic, Sources, Span};
use crate::host::{Disk, Host, Memory};
use crate::sema::{self, Given, Inputs};
use crate::syntax::{self, ast};
use std::rc::Rc;
use std::sync::Arc;

/// A model that was read and has no errors of syntax.
#[derive(Clone)]
pub struct Model {
    pub sources: Sources,
    pub file: ast::File,
    pub inputs: Inputs,
    /// Doubts of the parser.
    pub warnings: Vec<Diagnostic>,
    host: Rc<dyn Host>,
    began: f64,
}

impl Model {
    /// Reads a model and its data from the disk.
    pub fn from_file(path: &str) -> Result<Model, Errors> {
        Model::from_host(Rc::new(Disk::new()), path)
    }

    /// A model without files: what it reads must be given by [`Model::with_param`] and [`Model::with_data`].
    // The sibling of `from_file`, without an import of `FromStr` at every caller.
    #[allow(clippy::should_implement_trait)]
    pub fn from_str(text: &str) -> Result<Model, Errors> {
        Model::parse(Rc::new(Memory::default()), "model.opt", text.to_string())
    }

    /// Reads a model from wherever `host` keeps its files.
    pub fn from_host(host: Rc<dyn Host>, path: &str) -> Result<Model, Errors> {
        let mut sources = Sources::default();
        let bytes = host.read(path).map_err(|reason| {
            let at = Span::new(sources.add(path, ""), 0, 0);
            let message = format!("cannot read `{path}`: {reason}");
            Errors::one(Diagnostic::error("unreadable-file", at, message), &sources)
        })?;
        match decode(bytes) {
            Ok(text) => Model::parse(host, path, text),
            Err(undecodable) => {
                let mut sources = Sources::default();
                let id = sources.add(path, undecodable.text.clone());
                Err(Errors::one(undecodable.diagnostic(id), &sources))
            }
        }
    }

    /// A model of statements that were read before; `inputs` says where they look for their files.
    pub fn from_statements(host: Rc<dyn Host>, sources: Sources, file: ast::File, inputs: Inputs) -> Model {
        let began = host.seconds();
        Model { sources, file, inputs, warnings: vec![], host, began }
    }

    fn parse(host: Rc<dyn Host>, path: &str, text: String) -> Result<Model, Errors> {
        let began = host.seconds();
        let mut sources = Sources::default();
        let text: Arc<str> = text.into();
        let id = sources.add(path, text.clone());
        let (file, diagnostics) = syntax::parse(id, &text);
        let warnings = Errors::unless_only_warnings(diagnostics, &sources)?;
        let inputs = Inputs { path: path.to_string(), ..Inputs::default() };
        Ok(Model { sources, file, inputs, warnings, host, began })
    }

    /// Gives a parameter or a set: a number, an array, a table, or text (an expression, a JSON value, `@file`).
    pub fn with_param(mut self, name: &str, value: impl IntoGiven) -> Model {
        self.inputs.params.push((name.to_string(), value.into_given()));
        self
    }

    /// Gives the table of a `data` declaration.
    pub fn with_data(self, name: &str, table: Table) -> Model {
        self.with_param(name, table)
    }

    /// Reads a `data` declaration from another file.
    pub fn with_data_file(mut self, name: &str, path: &str) -> Model {
        self.inputs.data.push((name.to_string(), path.to_string()));
        self
    }

    /// Checks names, sets, shapes and data, and builds the problem.
    pub fn build(&self) -> Result<Prepared, Errors> {
        let mut sources = self.sources.clone();
        let (problem, mut diagnostics) = sema::elaborate(&self.file, &mut sources, &*self.host, &self.inputs);
        diagnostics.splice(0..0, self.warnings.iter().cloned());
        let warnings = Errors::unless_only_warnings(diagnostics, &sources)?;
        let problem = problem.expect("a problem without errors is built");
        let read = self.host.seconds() - self.began;
        let prepared = Prepared::new(problem, sources, warnings, self.host.clone(), read);
        Ok(prepared.of_file(&self.inputs.path))
    }
}

/// What may be given for a parameter.
pub trait IntoGiven {
    fn into_given(self) -> Given;
}

impl IntoGiven for Given {
    fn into_given(self) -> Given {
        self
    }
}

impl IntoGiven for f64 {
    fn into_given(self) -> Given {
        Given::Number(self)
    }
}

impl IntoGiven for &str {
    fn into_given(self) -> Given {
        Given::Text(self.to_string())
    }
}

impl IntoGiven for Vec<f64> {
    fn into_given(self) -> Given {
        Given::Array { shape: vec![self.len()], values: self }
    }
}

impl IntoGiven for Table {
    fn into_given(self) -> Given {
        Given::Table(Arc::new(self))
    }
}
