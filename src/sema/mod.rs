//! From the tree to the problem: names, index sets, shapes, data, and families traced once.
//!
//! Expressions are evaluated *by columns*: a [`context::Context`] stands for all instances of a family at once, a
//! number is one body for all of them ([`value::Num`]), and what decides sets, branches and positions is computed as
//! whole columns. So an index family stays one family, a join is one hash table, and no rows are unrolled.
//!
//! Declarations are resolved on demand, so their order does not matter; a cycle is reported with its chain.
//! A declaration that failed is *broken*: its users fail silently, so one mistake gives one message.

mod access;
mod additive;
mod aggregates;
mod arrays;
mod block_duals;
mod blocks;
mod builtins;
mod complementarity;
mod context;
mod data;
mod declare;
mod derivatives;
mod error;
mod expressions;
mod finish;
mod generators;
mod given_duals;
mod matrix_derivatives;
mod names;
mod objectives;
mod oracles;
mod params;
mod recurrence;
mod repeats;
mod rows;
mod scope;
mod sensitivities;
mod sets;
mod stack;
mod unmatched;
mod value;
mod variables;

pub use builtins::{Described, described};
pub use data::folder_of;

use crate::data::{Table, Value};
use crate::diag::{Diagnostic, Sources};
use crate::host::Host;
use crate::problem::Problem;
use crate::syntax::ast;
use std::sync::Arc;

/// What is given from outside the text of the model.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Path of the model file; paths in the model are relative to its folder.
    pub path: String,
    /// Values of `param` and `set` declarations by name.
    pub params: Vec<(String, Given)>,
    /// Files that stand in for the value of a `data` declaration: name and path (as the host understands it).
    pub data: Vec<(String, String)>,
    /// A JSON file whose fields fill every parameter, set and table they name.
    pub data_file: Option<String>,
    /// Families and sets with more elements than this are refused, instead of more than 50 million.
    pub most_elements: Option<usize>,
}

/// A value from outside.
#[derive(Clone, Debug)]
pub enum Given {
    Number(f64),
    /// Text from a command line: an expression of the language, a JSON value, or `@file`.
    Text(String),
    /// Last index fastest.
    Array {
        shape: Vec<usize>,
        values: Vec<f64>,
    },
    Table(Arc<Table>),
    Value(Value),
}

/// Elaborates a file. The problem is missing iff there is an error among the diagnostics.
pub fn elaborate(
    file: &ast::File,
    sources: &mut Sources,
    host: &dyn Host,
    inputs: &Inputs,
) -> (Option<Problem>, Vec<Diagnostic>) {
    stack::deep(host, |host| scope::Elaborator::new(sources, host, inputs).run(file))
}

#[cfg(test)]
mod tests;
