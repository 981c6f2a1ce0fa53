//! An earlier answer (`--json`) as the point to start from.
//!
//! Values are matched by name and index, not by position, so an answer of a slightly different model still serves.

use super::changes;
use crate::answer::Multipliers;
use crate::data::{Value, ValueKind};
use crate::problem::Problem;
use crate::problem::index::Axes;
use std::collections::HashMap;

/// What an earlier answer gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Started {
    /// Scalar variables that got a value, of how many.
    pub found: usize,
    pub of: usize,
    /// Multipliers, if the answer had duals for every row and bound: for a warm start.
    pub multipliers: Option<Multipliers>,
    /// What the answer had behind its variables, by name.
    pub added: Vec<(String, Vec<f64>)>,
}

/// Takes starts (and multipliers) from an answer. Fails with a sentence if the text is no answer.
pub fn from_answer(problem: &mut Problem, answer: &Value) -> Result<Started, String> {
    let Some(values) = answer.field("values") else {
        return Err("this is no answer of Merit: it has no field `values`".to_string());
    };
    let mut started = Started { of: problem.dimension as usize, ..Started::default() };
    for k in 0..problem.variables.len() {
        let owner = &problem.variables[k];
        let supplied = || answer.field("supplied").and_then(|entries| entries.field(&owner.name));
        let Some(entry) = values.field(&owner.name).or_else(supplied) else { continue };
        let found = column(entry, &owner.axes);
        started.found += found.iter().flatten().count();
        changes::start(problem, k, found);
    }
    started.multipliers = multipliers(problem, answer);
    if let Some(ValueKind::Object(fields)) = answer.field("added").map(|added| &added.kind) {
        let known = |entry: &Value| entry.field("value").map(numbers)?.into_iter().collect::<Option<Vec<f64>>>();
        started.added = fields.iter().filter_map(|(name, entry)| Some((name.to_string(), known(entry)?))).collect();
    }
    Ok(started)
}

/// The multipliers of rows (turned back into derivatives with respect to bounds) and of bounds.
fn multipliers(problem: &Problem, answer: &Value) -> Option<Multipliers> {
    let duals = answer.field("duals")?;
    let mut out = Multipliers::default();
    for constraint in &problem.constraints {
        let column = column(duals.field(&constraint.label)?, &constraint.axes);
        out.rows.extend(column.into_iter().collect::<Option<Vec<f64>>>()?.iter().map(|y| constraint.dual_sign * y));
    }
    for (name, side) in [("lower_duals", &mut out.lower), ("upper_duals", &mut out.upper)] {
        let bounds = answer.field(name)?;
        for variable in &problem.variables {
            let column = column(bounds.field(&variable.name)?, &variable.axes);
            side.extend(column.into_iter().collect::<Option<Vec<f64>>>()?);
        }
    }
    Some(out)
}

/// The numbers of an `{"index": [...], "value": [...]}` by position of `axes`.
fn column(entry: &Value, axes: &Axes) -> Vec<Option<f64>> {
    let values = entry.field("value").map(numbers).unwrap_or_default();
    let labels = entry.field("index").map(labels).unwrap_or_default();
    let known: HashMap<String, Option<f64>> = labels.into_iter().zip(values).collect();
    (0..axes.len())
        .map(|p| {
            let label = if axes.is_scalar() { "[]".to_string() } else { axes.label(p) };
            known.get(&label).copied().flatten()
        })
        .collect()
}

/// The numbers of an array; those that are not finite are left out.
fn numbers(value: &Value) -> Vec<Option<f64>> {
    match &value.kind {
        ValueKind::Numbers { values, .. } => values.iter().map(|&v| v.is_finite().then_some(v)).collect(),
        ValueKind::List(items) => items
            .iter()
            .map(|item| match item.kind {
                ValueKind::Number(v) => Some(v),
                ValueKind::Null
                | ValueKind::Text(_)
                | ValueKind::Bool(_)
                | ValueKind::Numbers { .. }
                | ValueKind::List(_)
                | ValueKind::Object(_)
                | ValueKind::Table(_) => None,
            })
            .collect(),
        ValueKind::Null
        | ValueKind::Number(_)
        | ValueKind::Text(_)
        | ValueKind::Bool(_)
        | ValueKind::Object(_)
        | ValueKind::Table(_) => vec![],
    }
}

/// `[2,seattle]` for each entry of an array of arrays.
fn labels(value: &Value) -> Vec<String> {
    let bracketed = |parts: Vec<String>| format!("[{}]", parts.join(","));
    match &value.kind {
        ValueKind::Numbers { shape, values } => {
            let width = shape.get(1).copied().unwrap_or(1).max(1);
            values.chunks(width).map(|row| bracketed(row.iter().map(f64::to_string).collect())).collect()
        }
        ValueKind::List(rows) => rows
            .iter()
            .map(|row| match &row.kind {
                ValueKind::Numbers { values, .. } => bracketed(values.iter().map(f64::to_string).collect()),
                ValueKind::List(parts) => bracketed(parts.iter().map(part).collect()),
                _ => bracketed(vec![part(row)]),
            })
            .collect(),
        _ => vec![],
    }
}

fn part(value: &Value) -> String {
    match &value.kind {
        ValueKind::Number(v) => v.to_string(),
        ValueKind::Text(text) => text.to_string(),
        ValueKind::Bool(truth) => truth.to_string(),
        _ => String::new(),
    }
}
