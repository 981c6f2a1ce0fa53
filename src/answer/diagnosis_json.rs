//! The parts of a [`Diagnosis`] as JSON.

use super::certificate::Place;
use super::diagnosis::{Contradiction, Diagnosis, Figure, NotFinite, Ray, Relaxation, Stalled, Subset, Unanswered};
use super::json::number;
use crate::diag::Sources;
use serde_json::{Map, Value, json};

impl Diagnosis {
    /// An object with a key for each part that there is; null if there is none.
    pub fn value(&self, sources: &Sources) -> Value {
        let parts = [
            ("chain", self.chain.as_ref().map(|part| chain(part, sources))),
            ("relaxation", self.relaxation.as_ref().map(|part| relaxation(part, sources))),
            ("subset", self.subset.as_ref().map(|part| subset(part, sources))),
            ("ray", self.ray.as_ref().map(|part| ray(part, sources))),
            ("not_finite", self.not_finite.as_ref().map(|part| not_finite(part, sources))),
            ("unanswered", self.unanswered.as_ref().map(|part| unanswered(part, sources))),
            ("stalled", self.stalled.as_ref().map(|part| stalled(part, sources))),
        ];
        let there = parts.into_iter().filter_map(|(key, part)| Some((key.to_string(), part?)));
        let out: Map<String, Value> = there.collect();
        if out.is_empty() { Value::Null } else { out.into() }
    }
}

fn unanswered(part: &Unanswered, sources: &Sources) -> Value {
    json!({"oracle": part.place.label, "line": line(&part.place, sources), "help": part.help})
}

pub(super) fn line(place: &Place, sources: &Sources) -> usize {
    match (place.span.source.0 as usize) < sources.files.len() {
        true => sources.line_column(place.span.source, place.span.start).0,
        false => 0,
    }
}

fn chain(chain: &Contradiction, sources: &Sources) -> Value {
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

fn relaxation(relaxation: &Relaxation, sources: &Sources) -> Value {
    let row = |relaxed: &super::diagnosis::Relaxed| {
        json!({
            "row": relaxed.row.label,
            "line": line(&relaxed.row, sources),
            "relation": relaxed.relation,
            "from": number(relaxed.from),
            "to": number(relaxed.to),
        })
    };
    json!({"rows": relaxation.rows.iter().map(row).collect::<Vec<_>>()})
}

fn subset(subset: &Subset, sources: &Sources) -> Value {
    let member = |member: &super::diagnosis::Member| {
        json!({
            "name": member.place.label,
            "line": line(&member.place, sources),
            "text": member.text,
            "needed": member.needed,
        })
    };
    json!({"irreducible": subset.irreducible, "members": subset.members.iter().map(member).collect::<Vec<_>>()})
}

fn ray(ray: &Ray, sources: &Sources) -> Value {
    let entry = |(place, step): &(Place, f64)| json!({"variable": place.label, "line": line(place, sources), "step": number(*step)});
    let figure = |(way, value): &(f64, f64)| json!([number(*way), number(*value)]);
    json!({
        "entries": ray.entries.iter().map(entry).collect::<Vec<_>>(),
        "objective": ray.objective,
        "figures": ray.figures.iter().map(figure).collect::<Vec<_>>(),
    })
}

fn not_finite(found: &NotFinite, sources: &Sources) -> Value {
    let values = found.values.iter().map(|(name, value)| (name.clone(), number(*value)));
    json!({
        "what": found.what,
        "line": line(&found.place, sources),
        "values": values.collect::<Map<_, _>>(),
        "help": found.help,
    })
}

fn stalled(stalled: &Stalled, sources: &Sources) -> Value {
    let figure = |f: &Figure| json!({"name": f.place.label, "line": line(&f.place, sources), "text": f.text});
    let all = |figures: &[Figure]| figures.iter().map(figure).collect::<Vec<_>>();
    json!({"rows": all(&stalled.rows), "variables": all(&stalled.variables), "help": stalled.help})
}
