//! Joins that find nothing: a wrong column, mostly, or numbers where the other side has texts.

use super::error;
use super::generators::Keys;
use super::scope::Elaborator;
use super::value::TableInfo;
use crate::data::ColumnValues;
use crate::problem::index::Element;
use crate::syntax::ast::Expr;
use std::collections::HashSet;

/// Values of a side that are shown.
const SHOWN: usize = 3;

impl Elaborator<'_> {
    /// Warns that no row of a table goes with anything; `keys` are the sides of its conditions (of the table, of the
    /// others), `new` and `old` their values.
    pub(super) fn tell_unmatched(&mut self, table: &TableInfo, keys: &[(&Expr, &Expr)], new: &[Keys], old: &[Keys]) {
        let values: Vec<(Vec<Element>, Vec<Element>)> =
            new.iter().zip(old).map(|(new, old)| (distinct(new), distinct(old))).collect();
        let alone = values.iter().position(|(new, old)| !meet(new, old));
        let (own, other) = keys[alone.unwrap_or(0)];
        let text = |e: &Expr| self.sources.text(e.span).to_string();
        let at = if own.span.start < other.span.start { own.span.to(other.span) } else { other.span.to(own.span) };
        let help = match alone {
            None => "each condition holds for some row, all of them together for none".to_string(),
            Some(k) => {
                let (new, old) = &values[k];
                let better = table.table.columns.iter().find(|column| meet(&cells(&column.values), old));
                let better =
                    better.map_or(String::new(), |column| format!("; column `{}` has such values", column.name));
                let (other, values) = (text(other), listed(old));
                let other = if other == values { format!("never {values}") } else { format!("`{other}` is {values}") };
                format!("`{}` is {}, {other}{better}", text(own), listed(new))
            }
        };
        self.report(error::unmatched(&table.name, at, help));
    }
}

fn distinct(keys: &Keys) -> Vec<Element> {
    let all: Vec<Element> = match keys {
        Keys::Numbers(values) => values.iter().map(|&v| Element::Number(v)).collect(),
        Keys::Elements(elements) => elements.clone(),
    };
    let mut seen = HashSet::new();
    all.into_iter().filter(|element| seen.insert(element.clone())).collect()
}

fn cells(values: &ColumnValues) -> Vec<Element> {
    match values {
        ColumnValues::Number(v) => v.iter().map(|&v| Element::Number(v)).collect(),
        ColumnValues::Text(v) => v.iter().map(|v| Element::Text(v.clone())).collect(),
        ColumnValues::Bool(v) => v.iter().map(|&v| Element::Number(v as u8 as f64)).collect(),
    }
}

fn meet(a: &[Element], b: &[Element]) -> bool {
    let b: HashSet<&Element> = b.iter().collect();
    a.iter().any(|element| b.contains(element))
}

/// `1, 2, 3, ...`
fn listed(elements: &[Element]) -> String {
    let mut shown: Vec<String> = elements.iter().take(SHOWN).map(quoted).collect();
    if elements.len() > SHOWN {
        shown.push("...".to_string());
    }
    shown.join(", ")
}

fn quoted(element: &Element) -> String {
    match element {
        Element::Text(text) => format!("\"{text}\""),
        Element::Number(_) | Element::Tuple(_) => element.to_string(),
    }
}
