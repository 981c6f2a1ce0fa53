//! The comparison as JSON: `docs/compare.md` lists the keys.

use super::{Comparison, Run, Spread, Summary};
use crate::answer::json::{listed, number};
use serde_json::{Map, Value, json};

impl Comparison {
    /// One object with a line end. Times stand under `time` alone: all else is the same for the same seeds.
    pub fn json(&self) -> String {
        let refused = self.refused.iter().map(|r| json!({"method": r.method, "reason": r.reason}));
        let fields = [
            ("best", self.best().map_or(Value::Null, number).to_string()),
            ("methods", listed(self.summaries().iter().map(summary))),
            ("runs", listed(self.runs.iter().map(run))),
            ("refused", listed(refused)),
            ("version", Value::from(env!("CARGO_PKG_VERSION")).to_string()),
        ];
        let fields: Vec<String> = fields.iter().map(|(name, text)| format!("  \"{name}\": {text}")).collect();
        format!("{{\n{}\n}}\n", fields.join(",\n"))
    }
}

fn spread(spread: Option<Spread>) -> Value {
    spread
        .map_or(Value::Null, |s| json!({"least": number(s.least), "median": number(s.median), "most": number(s.most)}))
}

fn summary(s: &Summary) -> Value {
    let ended: Map<String, Value> = s.ended.iter().map(|(words, count)| (words.to_string(), (*count).into())).collect();
    let evaluations: Map<String, Value> =
        s.evaluations.iter().map(|(kind, s)| (kind.clone(), spread(Some(*s)))).collect();
    json!({
        "method": s.method,
        "runs": s.runs,
        "certified": s.certified,
        "ended": ended,
        "objective": spread(s.objective),
        "hidden": spread(s.hidden),
        "iterations": spread(s.iterations),
        "evaluations": evaluations,
        "time": {"solve": spread(s.seconds)},
    })
}

fn run(run: &Run) -> Value {
    let progress = run
        .progress
        .iter()
        .map(|line| json!([line.iteration, line.evaluations, number(line.objective), number(line.primal)]));
    let seconds = run.progress.iter().map(|line| number(line.seconds));
    json!({
        "method": run.method,
        "seed": run.seed,
        "status": run.status.words(),
        "holds": run.holds,
        "objective": run.objective.map_or(Value::Null, number),
        "hidden": run.hidden.map_or(Value::Null, number),
        "iterations": run.iterations,
        "evaluations": run.evaluations,
        "candidates": run.candidates,
        "progress": progress.collect::<Vec<_>>(),
        "time": {"solve": run.seconds, "certify": run.certifying, "progress": seconds.collect::<Vec<_>>()},
    })
}
