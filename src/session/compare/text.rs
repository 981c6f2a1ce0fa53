//! The comparison as a table.

use super::{Comparison, Spread, Summary};
use crate::answer::layout::{aligned, significant};

impl Comparison {
    /// A line for each method, then what hidden expressions of judges are, what each evaluated, then the methods that object.
    pub fn text(&self) -> String {
        let header =
            ["method", "holds", "ended", "objective", "least", "most", "iterations", "seconds", "least", "most"];
        let mut table = vec![header.map(str::to_string).to_vec()];
        let summaries = self.summaries();
        table.extend(summaries.iter().map(row));
        let mut out = String::new();
        if !summaries.is_empty() {
            out += &(aligned(&table).join("\n") + "\n");
            out += &self.of_ranks(&summaries);
            out += "\nevaluations (medians)\n";
            let width = summaries.iter().map(|s| s.method.len()).max().unwrap_or(0);
            for s in &summaries {
                let kinds = s.evaluations.iter().map(|(kind, spread)| format!("{kind} {}", whole(spread.median)));
                out += &format!("  {:width$}  {}\n", s.method, kinds.collect::<Vec<_>>().join(", "));
            }
        }
        if !self.refused.is_empty() {
            out += if out.is_empty() { "cannot serve it\n" } else { "\ncannot serve it\n" };
            for refusal in &self.refused {
                out += &format!("  {}: {}\n", refusal.method, refusal.reason);
            }
        }
        out
    }

    /// Why there is no objective where candidates are ranked, and what methods could not see.
    fn of_ranks(&self, summaries: &[Summary]) -> String {
        if !self.ranked {
            return String::new();
        }
        let mut out = "\nThe candidates are ranked and have no value, so that no objective is shown.\n".to_string();
        let known = summaries.iter().filter_map(|s| Some((s, s.hidden?)));
        let mut table =
            vec![["what the judge hides, at the answer", "median", "least", "most"].map(str::to_string).to_vec()];
        table.extend(known.map(|(s, spread)| {
            let numbers = [spread.median, spread.least, spread.most].map(|value| significant(value, 10));
            std::iter::once(format!("  {}", s.method)).chain(numbers).collect()
        }));
        if table.len() > 1 {
            out += &(aligned(&table).join("\n") + "\n");
        }
        out
    }
}

fn row(s: &Summary) -> Vec<String> {
    let ended = s.ended.iter().map(|(words, count)| match s.ended.len() {
        1 => words.to_string(),
        _ => format!("{words} {count}"),
    });
    let of = |spread: Option<Spread>, part: fn(&Spread) -> f64, text: fn(f64) -> String| {
        spread.map_or("-".to_string(), |spread| text(part(&spread)))
    };
    let number = |value: f64| significant(value, 10);
    let seconds = |value: f64| significant(value, 3);
    vec![
        s.method.clone(),
        format!("{}/{}", s.certified, s.runs),
        ended.collect::<Vec<_>>().join(", "),
        of(s.objective, |s| s.median, number),
        of(s.objective, |s| s.least, number),
        of(s.objective, |s| s.most, number),
        of(s.iterations, |s| s.median, whole),
        of(s.seconds, |s| s.median, seconds),
        of(s.seconds, |s| s.least, seconds),
        of(s.seconds, |s| s.most, seconds),
    ]
}

/// A count, or half of one between two.
fn whole(value: f64) -> String {
    if value == value.floor() { format!("{value:.0}") } else { format!("{value:.1}") }
}
