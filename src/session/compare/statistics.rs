//! Medians and spreads over the runs of a method.

use super::Run;
use std::collections::BTreeMap;

/// Least, median and most of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    /// Of numbers that are not NaN; `None` of none. The median of an even count is the mean of the two in the middle.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.filter(|v| !v.is_nan()).collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let (below, above) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        let median = if below == above { below } else { 0.5 * below + 0.5 * above };
        Some(Spread { least, median, most })
    }
}

/// The runs of one method.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub method: String,
    pub runs: usize,
    /// How many of them have a certificate that holds.
    pub certified: usize,
    /// How they ended, in words, and how many.
    pub ended: Vec<(&'static str, usize)>,
    pub objective: Option<Spread>,
    pub iterations: Option<Spread>,
    /// By kind, in the order of the answer, without kinds that no run evaluated.
    pub evaluations: Vec<(String, Spread)>,
    pub seconds: Option<Spread>,
    /// Of the hidden expression of a judge that ranks.
    pub hidden: Option<Spread>,
}

impl Summary {
    pub(super) fn of(runs: &[Run]) -> Summary {
        let spread = |of: fn(&Run) -> f64| Spread::of(runs.iter().map(of));
        let mut ended: Vec<(&'static str, usize)> = vec![];
        let mut kinds: BTreeMap<usize, (String, Vec<f64>)> = BTreeMap::new();
        for run in runs {
            match ended.iter_mut().find(|(words, _)| *words == run.status.words()) {
                Some((_, count)) => *count += 1,
                None => ended.push((run.status.words(), 1)),
            }
            for (k, (kind, count)) in counts(run).into_iter().enumerate() {
                kinds.entry(k).or_insert_with(|| (kind, vec![])).1.push(count);
            }
        }
        Summary {
            method: runs[0].method.clone(),
            runs: runs.len(),
            certified: runs.iter().filter(|run| run.holds).count(),
            ended,
            objective: spread(|run| run.objective.unwrap_or(f64::NAN)),
            iterations: spread(|run| run.iterations as f64),
            evaluations: kinds
                .into_values()
                .filter_map(|(kind, counts)| Some((kind, Spread::of(counts.into_iter())?)))
                .filter(|(_, spread)| spread.most > 0.0)
                .collect(),
            seconds: spread(|run| run.seconds),
            hidden: spread(|run| run.hidden.unwrap_or(f64::NAN)),
        }
    }
}

/// The kinds of evaluations by name, as the answer has them, and what was needed of oracles.
fn counts(run: &Run) -> Vec<(String, f64)> {
    let mut counts = match serde_json::to_value(&run.evaluations) {
        Ok(serde_json::Value::Object(kinds)) => {
            kinds.into_iter().map(|(kind, count)| (kind, count.as_f64().unwrap_or(0.0))).collect()
        }
        _ => vec![],
    };
    counts.push(("candidates".to_string(), run.candidates as f64));
    counts
}
