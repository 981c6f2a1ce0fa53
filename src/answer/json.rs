//! The answer as JSON: `docs/answer.schema.json` describes it.
//!
//! Keys stand in a fixed order, numbers read back as the same numbers, and those that are not finite are the texts
//! `inf`, `-inf` and `nan`.

use super::certificate::{Certificate, Proved, Residual, SecondOrder};
use super::result::{Answer, Asked, Entry};
use super::stopped;
use crate::diag::Sources;
use crate::problem::index::Element;
use serde_json::{Map, Value, json};

/// One object, on lines of its own per key, with a line end.
pub fn render(answer: &Answer, sources: &Sources) -> String {
    let fields = fields(answer, sources);
    let mut out = String::from("{\n");
    for (k, (key, value)) in fields.iter().enumerate() {
        let comma = if k + 1 < fields.len() { "," } else { "" };
        out += &format!("  {}: {value}{comma}\n", Value::from(*key));
    }
    out + "}\n"
}

/// The object as a value.
pub fn value(answer: &Answer, sources: &Sources) -> Value {
    fields(answer, sources).into_iter().map(|(key, value)| (key.to_string(), value)).collect::<Map<_, _>>().into()
}

fn fields(answer: &Answer, sources: &Sources) -> Vec<(&'static str, Value)> {
    let objectives = answer.objectives.iter().map(|o| (o.name.clone(), number(o.value)));
    let (counts, time) = (&answer.counts, &answer.time);
    let ensures = answer.ensures.iter().map(|e| json!({"line": e.line, "text": e.text, "holds": e.holds}));
    let sensitivities = answer.sensitivities.iter().map(|s| (s.entry.name.clone(), s.json()));
    let mut fields = vec![("status", answer.status.words().into())];
    if let Some(reason) = stopped(&answer.stop) {
        fields.push(("stopped", reason.into()));
    }
    fields.extend([
        ("objective", answer.objective().map_or(Value::Null, number)),
        ("objectives", objectives.collect::<Map<_, _>>().into()),
        ("values", entries(&answer.variables)),
        ("named", entries(&answer.named)),
        ("duals", entries(&answer.duals)),
        ("lower_duals", entries(&answer.lower_duals)),
        ("upper_duals", entries(&answer.upper_duals)),
        ("reduced_costs", entries(&answer.reduced_costs)),
        ("slacks", entries(&answer.slacks)),
        ("supplied", entries(&answer.supplied)),
        ("added", entries(&answer.added)),
        ("certificate", certificate(&answer.certificate, sources)),
        ("diagnosis", answer.diagnosis.value(sources)),
        (
            "plan",
            json!({
                "class": answer.plan.class,
                "method": answer.plan.method,
                "because": answer.plan.because,
                "rewrites": answer.plan.rewrites,
                "options": answer.plan.options,
                "unused_options": answer.plan.unused_options,
                "starts": answer.plan.starts,
            }),
        ),
        ("ensure", ensures.collect()),
        ("show", entries(&answer.shows)),
        ("sensitivities", sensitivities.collect::<Map<_, _>>().into()),
        (
            "counts",
            json!({
                "variables": counts.variables,
                "constraints": counts.constraints,
                "iterations": counts.iterations,
                "starts": counts.starts,
                "evaluations": counts.evaluations,
                "oracles": counts.oracles.iter().map(asked).collect::<Map<_, _>>(),
            }),
        ),
        ("time", json!({"read": time.read, "plan": time.plan, "solve": time.solve, "certify": time.certify})),
        ("seed", answer.seed.into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
    ]);
    fields
}

fn asked(asked: &Asked) -> (String, Value) {
    let Asked { oracle, ranks: _, questions, candidates, known } = asked;
    (oracle.clone(), json!({"questions": questions, "candidates": candidates, "known": known}))
}

/// An array with a line for each item, to stand under a key of an object whose keys are indented by two.
pub fn listed(items: impl Iterator<Item = Value>) -> String {
    let lines: Vec<String> = items.map(|item| format!("    {item}")).collect();
    if lines.is_empty() { "[]".to_string() } else { format!("[\n{}\n  ]", lines.join(",\n")) }
}

pub fn number(value: f64) -> Value {
    match value {
        _ if value.is_nan() => "nan".into(),
        f64::INFINITY => "inf".into(),
        f64::NEG_INFINITY => "-inf".into(),
        // `-0.0` is a zero.
        _ => (value + 0.0).into(),
    }
}

fn entries(entries: &[Entry]) -> Value {
    let mut out = Map::new();
    for entry in entries {
        out.insert(entry.name.clone(), entry_value(entry));
    }
    out.into()
}

/// Index and values of an array.
pub(super) fn entry_value(entry: &Entry) -> Value {
    let index: Vec<Value> = (0..entry.values.len()).map(|p| index(entry, p)).collect();
    let values: Vec<Value> = entry.values.iter().map(|&v| number(v)).collect();
    json!({"index": index, "value": values})
}

/// The index values of an element; tuples are flat.
fn index(entry: &Entry, position: usize) -> Value {
    let mut out = vec![];
    for element in entry.axes.element(position) {
        match element {
            Element::Tuple(parts) => out.extend(parts.iter().map(part)),
            Element::Number(_) | Element::Text(_) => out.push(part(&element)),
        }
    }
    out.into()
}

/// Whole numbers are written without a decimal point.
fn part(element: &Element) -> Value {
    match element {
        Element::Number(v) if v.fract() == 0.0 && v.abs() < 1e15 => (*v as i64).into(),
        Element::Number(v) => number(*v),
        Element::Text(text) => (&**text).into(),
        Element::Tuple(_) => element.to_string().into(),
    }
}

fn certificate(certificate: &Certificate, sources: &Sources) -> Value {
    json!({
        "kind": certificate.kind,
        "holds": certificate.holds(),
        "tolerance": number(certificate.tolerance),
        "residuals": certificate.residuals.iter().map(|r| residual(r, sources)).collect::<Vec<_>>(),
        "second_order": second_order(&certificate.second_order),
        "proved": proved(&certificate.proved),
        "multipliers": certificate.multipliers,
        "notes": certificate.notes,
    })
}

fn residual(residual: &Residual, sources: &Sources) -> Value {
    let mut out = json!({
        "name": residual.name,
        "value": number(residual.value),
        "unscaled": number(residual.unscaled),
        "tolerance": number(residual.tolerance),
    });
    if let Some(place) = &residual.place {
        let line = sources.line_column(place.span.source, place.span.start).0;
        out["worst"] = json!({"label": place.label, "line": line});
    }
    out
}

fn second_order(found: &SecondOrder) -> Value {
    match found {
        SecondOrder::Shown => json!({"result": "shown"}),
        SecondOrder::NotShown(reason) => json!({"result": "not shown", "because": reason}),
        SecondOrder::Refuted { curvature } => json!({"result": "refuted", "curvature": number(*curvature)}),
        SecondOrder::NotAsked => json!({"result": "not asked"}),
    }
}

fn proved(proved: &Proved) -> Value {
    match proved {
        Proved::Nothing => json!({"what": "nothing"}),
        Proved::Optimal { because, bound } => {
            json!({"what": "optimal", "because": because, "bound": bound.map(number)})
        }
        Proved::Satisfied => json!({"what": "satisfied"}),
        Proved::Infeasible { because } => json!({"what": "infeasible", "because": because}),
        Proved::StationaryInfeasibility { rows } => {
            let rows: Vec<&str> = rows.iter().map(|place| &place.label[..]).collect();
            json!({"what": "stationary infeasibility", "rows": rows})
        }
        Proved::Unbounded { because } => json!({"what": "unbounded", "because": because}),
    }
}
