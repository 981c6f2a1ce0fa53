//! The parts of a [`Diagnosis`] as lines of text: a line for each finding and, indented, what it consists of.

use super::certificate::Place;
use super::diagnosis::{Contradiction, Diagnosis, Figure, NotFinite, Ray, Relaxation, Stalled, Subset, Unanswered};
use super::diagnosis_json::line;
use super::layout::number as short;
use crate::diag::Sources;

/// Of a long list the first and the last few are written.
const HEAD: usize = 8;
const TAIL: usize = 4;

impl Diagnosis {
    /// As a person reads it.
    pub fn lines(&self, sources: &Sources) -> Vec<String> {
        let parts = [
            self.not_finite.as_ref().map(not_finite),
            self.chain.as_ref().map(|part| chain(part, sources)),
            self.relaxation.as_ref().map(|part| relaxation(part, sources)),
            self.subset.as_ref().map(|part| subset(part, sources)),
            self.ray.as_ref().map(|part| ray(part, sources)),
            self.unanswered.as_ref().map(|part| unanswered(part, sources)),
            self.stalled.as_ref().map(|part| stalled(part, sources)),
        ];
        parts.into_iter().flatten().flatten().collect()
    }
}

fn unanswered(part: &Unanswered, sources: &Sources) -> Vec<String> {
    vec![format!("oracle {} gave no answer", placed(&part.place, sources)), format!("  help: {}", part.help)]
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

/// Two columns, indented; of a long list its ends and how many are between.
fn columns(rows: Vec<(String, String)>, what: &str) -> Vec<String> {
    let count = rows.len();
    let long = count > HEAD + TAIL + 1;
    let is_shown = |k: usize| !long || k < HEAD || k >= count - TAIL;
    let width = (0..count).filter(|k| is_shown(*k)).map(|k| rows[k].0.chars().count()).max().unwrap_or(0);
    let mut out = vec![];
    for (k, (left, right)) in rows.into_iter().enumerate() {
        if is_shown(k) {
            out.push(format!("  {left:<width$}  {right}").trim_end().to_string());
        } else if k == HEAD {
            out.push(format!("  ... ({} {what} more)", count - HEAD - TAIL));
        }
    }
    out
}

fn chain(chain: &Contradiction, sources: &Sources) -> Vec<String> {
    let mut out = vec![match chain.steps.is_empty() {
        true => "why: a row cannot hold within the bounds".to_string(),
        false => "why: bounds follow from rows, until one cannot hold".to_string(),
    }];
    let step = |(k, step): (usize, &super::diagnosis::Tightening)| {
        let by = match step.from.label == step.what.label {
            true => format!("its definition (line {})", line(&step.from, sources)),
            false => placed(&step.from, sources),
        };
        let claim = format!("{}. {} {} {}", k + 1, step.what.label, step.relation, short(step.value));
        (claim, format!("by {by}{}", with(&step.uses)))
    };
    out.extend(columns(chain.steps.iter().enumerate().map(step).collect(), "steps"));
    let range = |(lo, hi): (f64, f64), exact: &str| match (lo.is_finite(), hi.is_finite()) {
        (true, true) if lo == hi => format!("{exact}{}", short(lo)),
        (true, true) => format!("in [{}, {}]", short(lo), short(hi)),
        (true, false) => format!(">= {}", short(lo)),
        (false, true) => format!("<= {}", short(hi)),
        (false, false) => "any number".to_string(),
    };
    let (takes, needs) = (range(chain.takes, ""), range(chain.needs, "== "));
    let apart = chain.takes.0 > chain.needs.1 || chain.takes.1 < chain.needs.0;
    out.push(match apart {
        true => format!("  {} must be {needs}, but is {takes}{}", placed(&chain.row, sources), with(&chain.uses)),
        false => format!("  {} cannot hold{}", placed(&chain.row, sources), with(&chain.uses)),
    });
    out
}

fn relaxation(relaxation: &Relaxation, sources: &Sources) -> Vec<String> {
    let mut out = vec![match relaxation.rows.len() {
        1 => "to make it feasible, relax one row:".to_string(),
        several => format!("to make it feasible, relax {several} rows together (no fewer were found):"),
    }];
    let row = |r: &super::diagnosis::Relaxed| {
        let by = (r.to - r.from).abs();
        let words = format!("{} {} instead of {}, by {}", r.relation, short(r.to), short(r.from), short(by));
        (placed(&r.row, sources), words)
    };
    out.extend(columns(relaxation.rows.iter().map(row).collect(), "rows"));
    out
}

fn subset(subset: &Subset, sources: &Sources) -> Vec<String> {
    let mut out = vec![match subset.irreducible {
        true => "irreducible infeasible subset: without any one of these, the others can be met".to_string(),
        false => "infeasible subset, not shown to be irreducible:".to_string(),
    }];
    let member = |m: &super::diagnosis::Member| {
        let doubt = if m.needed || subset.irreducible { "" } else { "  (not shown to be needed)" };
        (placed(&m.place, sources), format!("{}{doubt}", m.text))
    };
    out.extend(columns(subset.members.iter().map(member).collect(), "members"));
    out
}

fn ray(ray: &Ray, sources: &Sources) -> Vec<String> {
    let mut out = vec![format!("why: `{}` goes on improving along", ray.objective)];
    let entry = |(place, step): &(Place, f64)| {
        let sign = if *step > 0.0 { "+" } else { "" };
        (placed(place, sources), format!("{sign}{} per unit", short(*step)))
    };
    out.extend(columns(ray.entries.iter().map(entry).collect(), "variables"));
    let ways: Vec<String> = ray.figures.iter().map(|(way, _)| short(*way)).collect();
    let values: Vec<String> = ray.figures.iter().map(|(_, value)| short(*value)).collect();
    out.push(format!("  {} = {} after {} units", ray.objective, values.join(", "), ways.join(", ")));
    out.push("  help: bound one of these variables, or add a row that does".to_string());
    out
}

fn not_finite(found: &NotFinite) -> Vec<String> {
    let mut out = vec![format!("why: {}", found.what)];
    let mut values: Vec<String> =
        found.values.iter().take(HEAD).map(|(name, value)| format!("{name} = {}", short(*value))).collect();
    if found.values.len() > HEAD {
        values.push(format!("and {} more", found.values.len() - HEAD));
    }
    if !values.is_empty() {
        out.push(format!("  there {}", values.join(", ")));
    }
    out.extend(found.help.iter().map(|help| format!("  help: {help}")));
    out
}

fn stalled(stalled: &Stalled, sources: &Sources) -> Vec<String> {
    let mut out = vec![];
    let mut list = |heading: &str, figures: &[Figure]| {
        if figures.is_empty() {
            return;
        }
        out.push(heading.to_string());
        out.extend(columns(figures.iter().map(|f| (placed(&f.place, sources), f.text.clone())).collect(), ""));
        let more: usize = figures.iter().map(|f| f.more).sum();
        if more > 0 {
            out.push(format!("  ... ({more} more)"));
        }
    };
    list("furthest from holding:", &stalled.rows);
    list("furthest from balance:", &stalled.variables);
    let heading = out.is_empty() && !stalled.help.is_empty();
    if heading {
        out.push("what may help:".to_string());
    }
    out.extend(stalled.help.iter().map(|help| format!("  help: {help}")));
    out
}
