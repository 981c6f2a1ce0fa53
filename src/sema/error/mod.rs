//! What can be wrong with the meaning of a model: one function for each mistake, with its sentence.

mod data;
mod derivatives;
mod duals;
mod names;
mod rows;
mod sets;
mod shapes;

pub(super) use data::*;
pub(super) use derivatives::*;
pub(super) use duals::*;
pub(super) use names::*;
pub(super) use rows::*;
pub(super) use sets::*;
pub(super) use shapes::*;

use super::value::Array;
use crate::diag::{Diagnostic, Span};

/// An array and where it stands.
type Sided<'a> = (&'a Array, Span);

fn near_help(near: &[String]) -> Option<String> {
    let quoted: Vec<String> = near.iter().take(3).map(|n| format!("`{n}`")).collect();
    (!quoted.is_empty()).then(|| format!("did you mean {}?", quoted.join(" or ")))
}

fn with_near(d: Diagnostic, near: &[String], otherwise: &str) -> Diagnostic {
    match near_help(near) {
        Some(text) => d.help(text),
        None if otherwise.is_empty() => d,
        None => d.help(otherwise),
    }
}

fn listed(items: &[String], most: usize) -> String {
    let mut text = items.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > most {
        text += &format!(" and {} more", items.len() - most);
    }
    text
}
