//! The parts of a [`Diagnosis`] as lines of text and as JSON.

use super::certificate::Place;
use super::diagnosis::{Contradiction, Diagnosis};
use super::json::number;
use super::layout::number as short;
use crate::diag::Sources;
use serde_json::{Map, Value, json};

/// Steps of a chain that are written: the first and the last few.
const HEAD: usize = 8;
const TAIL: usize = 4;

impl Diagnosis {
    /// As a person reads it: a line for each finding and, indented, what it consists of.
    pub fn lines(&self, sources: &Sources) -> Vec<String> {
        let mut out = vec![];
        if let Some(chain) = &self.chain {
            out.extend(contradiction(chain, sources));
        }
        out
    }

    /// An object with a key for each part that there is; null if there is none.
    pub fn value(&self, sources: &Sources) -> Value {
        let mut out = Map::new();
        if let Some(chain) = &self.chain {
            out.insert("chain".to_string(), contradiction_value(chain, sources));
        }
        if out.is_empty() { Value::Null } else { out.into() }
    }
}

fn line(place: &Place, sources: &Sources) -> usize {
    sources.line_column(place.span.source, place.span.start).0
}

/// `balance[2] (line 7)`
fn placed(place: &Place, sources: &Sources) -> String {
    format!("{} (line {})", place.label, line(place, sources))
}

/// `, with 1 and 3`
fn with(uses: &[usize]) -> String {
    match uses {
        [] => String::new(),
        [one] => format!(", with {one}"),
        [first @ .., last] if uses.len() <= 6 => {
            let first: Vec<String> = first.iter().map(usize::to_string).collect();
            format!(", with {} and {last}", first.join(", "))
        }
        many => format!(", with {} of the above", many.len()),
    }
}

fn contradiction(chain: &Contradiction, sources: &Sources) -> Vec<String> {
    let count = chain.steps.len();
    let mut out = vec![match count {
        0 => "why: a row cannot hold within the bounds".to_string(),
        _ => "why: bounds follow from rows, until one cannot hold".to_string(),
    }];
    let shown: Vec<usize> = match count > HEAD + TAIL + 1 {
        true => (0..HEAD).chain(count - TAIL..count).collect(),
        false => (0..count).collect(),
    };
    let claim = |k: usize| {
        let step = &chain.steps[k];
        format!("{}. {} {} {}", k + 1, step.what.label, step.relation, short(step.value))
    };
    let width = shown.iter().map(|k| claim(*k).chars().count()).max().unwrap_or(0);
    let mut last = None;
    for k in shown {
        if last.is_some_and(|last| last + 1 < k) {
            out.push(format!("  ... ({} steps more)", count - HEAD - TAIL));
        }
        last = Some(k);
        let step = &chain.steps[k];
        let by = match step.from.label == step.what.label {
            true => format!("its definition (line {})", line(&step.from, sources)),
            false => placed(&step.from, sources),
        };
        out.push(format!("  {:<width$}  by {by}{}", claim(k), with(&step.uses)));
    }
    let range = |(lo, hi): (f64, f64), exact: &str| match (lo.is_finite(), hi.is_finite()) {
        (true, true) if lo == hi => format!("{exact}{}", short(lo)),
        (true, true) => format!("in [{}, {}]", short(lo), short(hi)),
        (true, false) => format!(">= {}", short(lo)),
        (false, true) => format!("<= {}", short(hi)),
        (false, false) => "any number".to_string(),
    };
    let (takes, needs) = (range(chain.takes, ""), range(chain.needs, "== "));
    let apart = chain.takes.0 > chain.needs.1 || chain.takes.1 < chain.needs.0;
    let end = match apart {
        true => format!("  {} must be {needs}, but is {takes}{}", placed(&chain.row, sources), with(&chain.uses)),
        false => format!("  {} cannot hold{}", placed(&chain.row, sources), with(&chain.uses)),
    };
    out.push(end);
    out
}

fn contradiction_value(chain: &Contradiction, sources: &Sources) -> Value {
    let step = |step: &super::diagnosis::Tightening| {
        json!({
            "what": step.what.label,
            "relation": step.relation,
            "value": number(step.value),
            "row": step.from.label,
            "line": line(&step.from, sources),
            "uses": step.uses,
        })
    };
    json!({
        "steps": chain.steps.iter().map(step).collect::<Vec<_>>(),
        "row": chain.row.label,
        "line": line(&chain.row, sources),
        "uses": chain.uses,
        "takes": [number(chain.takes.0), number(chain.takes.1)],
        "needs": [number(chain.needs.0), number(chain.needs.1)],
    })
}
