//! A problem as JSON: scalar variables, objectives and rows, every function of the language included.
//!
//! `docs/formats.md` describes it. Expressions are arrays, `["exp", ["x", 3]]`, and numbers stand for themselves; those
//! that are not finite are the texts `inf`, `-inf` and `nan`.

use crate::answer::json::listed;
use crate::expr::graph::{Graph, Node, NodeId};
use crate::interop::scalars::{Body, Scalars};
use crate::problem::{Kind, Sense};
use serde_json::{Value, json};
use std::collections::HashMap;

/// One object; each variable, objective and row on a line of its own.
pub fn render(scalars: &Scalars) -> String {
    let count = scalars.columns.len() as u32;
    let function = |body: &Body| function(&scalars.graph, body, count);
    let kind = |kind: Kind| match kind {
        Kind::Real => "real",
        Kind::Integer => "integer",
        Kind::Binary => "binary",
    };
    let variables = scalars.columns.iter().map(|c| {
        let (lower, upper, start) = (number(c.lower), number(c.upper), c.start.map(number));
        json!({"name": c.name, "lower": lower, "upper": upper, "start": start, "kind": kind(c.kind)})
    });
    let shared = scalars.shared.iter().map(|s| function(&s.body));
    let objectives = scalars.objectives.iter().map(|o| {
        let sense = if o.sense == Sense::Minimize { "minimize" } else { "maximize" };
        json!({"name": o.name, "sense": sense, "function": function(&o.body)})
    });
    let rows = scalars.rows.iter().map(|r| {
        let (lower, upper) = (number(r.lower), number(r.upper));
        let mut row = json!({"name": r.name, "lower": lower, "upper": upper, "function": function(&r.body)});
        if let Some(column) = r.complements {
            row["complements"] = column.into();
        }
        row
    });
    let fields = [
        ("variables", listed(variables)),
        ("shared", listed(shared)),
        ("objectives", listed(objectives)),
        ("rows", listed(rows)),
        ("version", Value::from(env!("CARGO_PKG_VERSION")).to_string()),
    ];
    let fields: Vec<String> = fields.iter().map(|(name, text)| format!("  \"{name}\": {text}")).collect();
    format!("{{\n{}\n}}\n", fields.join(",\n"))
}

/// `constant + Σ coefficient * leaf + nonlinear`
fn function(graph: &Graph, body: &Body, columns: u32) -> Value {
    let mut linear = vec![];
    let mut parts = vec![];
    for &(leaf, factor) in &body.linear {
        match leaf < columns {
            true => linear.push(json!([leaf, number(factor)])),
            false => parts.push(json!(["*", number(factor), reference(leaf, columns)])),
        }
    }
    parts.extend(body.nonlinear.map(|root| expression(graph, root, columns)));
    let nonlinear = parts.into_iter().reduce(|a, b| json!(["+", a, b]));
    json!({"constant": number(body.constant), "linear": linear, "nonlinear": nonlinear})
}

fn reference(leaf: u32, columns: u32) -> Value {
    if leaf < columns { json!(["x", leaf]) } else { json!(["shared", leaf - columns]) }
}

/// Operands are written before their users.
fn expression(graph: &Graph, root: NodeId, columns: u32) -> Value {
    let mut known: HashMap<NodeId, Value> = HashMap::new();
    for id in graph.reachable(&[root]) {
        let value = match graph.node(id) {
            Node::Constant(value) => number(value),
            Node::Leaf(leaf) => reference(leaf, columns),
            Node::Call(op, operands) => {
                let row = op.row();
                let operands = operands[..row.arity].iter().map(|id| known[id].clone());
                std::iter::once(Value::from(row.name)).chain(operands).collect()
            }
        };
        known.insert(id, value);
    }
    known.remove(&root).unwrap_or_default()
}

fn number(value: f64) -> Value {
    match value {
        _ if value.is_nan() => "nan".into(),
        f64::INFINITY => "inf".into(),
        f64::NEG_INFINITY => "-inf".into(),
        _ => (value + 0.0).into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::interop::export::Format;
    use crate::session::Model;

    #[test]
    fn a_problem_as_json_says_everything() {
        let text = "var x >= 1 start 2\nvar k integer in [0, 9]\nminimize f: lgamma(x) + 2 * k + 3\nsubject to a: x^2 * k <= 7";
        let model = Model::from_str(text).and_then(|model| model.build()).expect("a sound model");
        let files = model.export(Format::Json).expect("JSON says all functions");
        let expected = concat!(
            "{\n  \"variables\": [\n",
            "    {\"name\":\"x\",\"lower\":1.0,\"upper\":\"inf\",\"start\":2.0,\"kind\":\"real\"},\n",
            "    {\"name\":\"k\",\"lower\":0.0,\"upper\":9.0,\"start\":null,\"kind\":\"integer\"}\n  ],\n",
            "  \"shared\": [],\n  \"objectives\": [\n",
            "    {\"name\":\"f\",\"sense\":\"minimize\",\"function\":{\"constant\":3.0,\"linear\":[[1,2.0]],",
            "\"nonlinear\":[\"lgamma\",[\"x\",0]]}}\n  ],\n  \"rows\": [\n",
            "    {\"name\":\"a\",\"lower\":\"-inf\",\"upper\":7.0,\"function\":{\"constant\":0.0,\"linear\":[],",
            "\"nonlinear\":[\"*\",[\"square\",[\"x\",0]],[\"x\",1]]}}\n  ],\n",
            "  \"version\": \"0.1.0\"\n}\n",
        );
        let sorted = |text: &str| -> serde_json::Value { serde_json::from_str(text).expect("it is JSON") };
        assert_eq!(sorted(&files[0].1), sorted(expected));
    }
}
