//! Answers on the disk: a line of JSON for each, written as soon as it is given.
//!
//! ```text
//! {"merit_journal": 1}
//! {"oracle": "cost", "declared": "oracle cost(x[1..2]) values via command(\"simulate\")"}
//! {"oracle": "cost", "about": [0.5, 1], "value": 3.25}
//! {"oracle": "taste", "about": [[0, 1], [1, 0]], "best": 2, "places": [1, 0]}
//! ```
//! Numbers are written so that they read back as the same numbers. A line that a killed run left unfinished is passed
//! over. A journal of oracles that are declared otherwise is refused: its answers are those of somebody else.

use super::protocol::{number, number_of, numbers, numbers_of};
use crate::answer::Stop;
use crate::host::Host;
use crate::problem::Problem;
use crate::solve::black_box::ranking::Ranking;
use serde_json::{Value, json};

pub(super) struct Journal<'a> {
    host: &'a dyn Host,
    /// Nothing is written down without one.
    path: Option<String>,
    names: Vec<String>,
    /// What must stand before the next line.
    pending: String,
}

/// An answer that was written down.
pub(super) enum Entry {
    Value { oracle: usize, about: Vec<f64>, value: f64 },
    Ranking { oracle: usize, about: Vec<Vec<f64>>, best: usize, ranking: Ranking },
}

const HEAD: &str = "{\"merit_journal\":1}";

impl<'a> Journal<'a> {
    /// Reads what is there, and is ready to add to it.
    pub fn open(
        host: &'a dyn Host,
        path: Option<String>,
        problem: &Problem,
    ) -> Result<(Journal<'a>, Vec<Entry>), String> {
        let names: Vec<String> = problem.oracles.iter().map(|o| o.name.clone()).collect();
        let mut journal = Journal { host, path, names, pending: String::new() };
        let Some(path) = journal.path.clone() else { return Ok((journal, vec![])) };
        let old = match host.read(&path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| format!("the journal `{path}` is not a text"))?,
            // A journal that is not there yet begins with the first answer.
            Err(_) => String::new(),
        };
        let mut declared = vec![false; journal.names.len()];
        let mut entries = vec![];
        for (number, line) in old.lines().enumerate() {
            let line = line.trim();
            let torn = !line.ends_with('}');
            if line.is_empty() || torn {
                continue;
            }
            let wrong = |why: &str| format!("line {} of the journal `{path}` {why}", number + 1);
            entries.extend(journal.entry(problem, line, &mut declared).map_err(|why| wrong(&why))?);
        }
        if !old.is_empty() && !old.ends_with('\n') {
            journal.pending.push('\n');
        }
        if old.is_empty() {
            journal.pending += &format!("{HEAD}\n");
        }
        for oracle in problem.oracles.iter().zip(declared).filter(|(_, known)| !known).map(|(oracle, _)| oracle) {
            journal.pending += &format!("{}\n", json!({"oracle": oracle.name, "declared": oracle.text}));
        }
        Ok((journal, entries))
    }

    /// A line of an earlier run.
    fn entry(&self, problem: &Problem, line: &str, declared: &mut [bool]) -> Result<Option<Entry>, String> {
        let line: Value = serde_json::from_str(line).map_err(|_| "is not JSON".to_string())?;
        if line.get("merit_journal").is_some() {
            return Ok(None);
        }
        let name = line.get("oracle").and_then(Value::as_str).ok_or("names no oracle")?;
        let known = self.names.iter().position(|known| known == name);
        let oracle = known.ok_or_else(|| format!("is about `{name}`, which the model does not have"))?;
        if let Some(declaration) = line.get("declared").and_then(Value::as_str) {
            declared[oracle] = true;
            return match declaration == problem.oracles[oracle].text {
                true => Ok(None),
                false => Err(format!("was written by another oracle: `{declaration}`")),
            };
        }
        let width = problem.oracles[oracle].width();
        let about = line.get("about").ok_or("does not say what it is about")?;
        if let Some(answer) = line.get("value") {
            let about = numbers_of(about, width).ok_or("is about something else")?;
            let value = number_of(answer).ok_or("has no number for an answer")?;
            return Ok(Some(Entry::Value { oracle, about, value }));
        }
        let about: Option<Vec<Vec<f64>>> =
            about.as_array().map(|rows| rows.iter().map(|row| numbers_of(row, width)).collect()).unwrap_or(None);
        let about = about.ok_or("is about something else")?;
        let whole = |v: &Value| v.as_u64().map(|p| p as usize);
        let places = line
            .get("places")
            .and_then(Value::as_array)
            .and_then(|p| p.iter().map(whole).collect::<Option<Vec<usize>>>());
        let places = places.filter(|p| p.len() == about.len()).ok_or("has no ranking for an answer")?;
        let best = line.get("best").and_then(whole).ok_or("does not say how many it tells apart")?;
        Ok(Some(Entry::Ranking { oracle, about, best, ranking: Ranking { places } }))
    }

    pub fn value(&mut self, oracle: usize, about: &[f64], value: f64) -> Result<(), Stop> {
        self.write(|name| json!({"oracle": name, "about": numbers(about), "value": number(value)}), oracle)
    }

    pub fn ranking(&mut self, oracle: usize, about: &[Vec<f64>], best: usize, ranking: &Ranking) -> Result<(), Stop> {
        let about: Value = about.iter().map(|q| numbers(q)).collect();
        self.write(|name| json!({"oracle": name, "about": about, "best": best, "places": ranking.places}), oracle)
    }

    fn write(&mut self, line: impl FnOnce(&str) -> Value, oracle: usize) -> Result<(), Stop> {
        let Some(path) = &self.path else { return Ok(()) };
        let lines = format!("{}{}\n", std::mem::take(&mut self.pending), line(&self.names[oracle]));
        self.host.append(path, lines.as_bytes()).map_err(|why| {
            Stop::Oracle(format!(
                "the journal `{path}` cannot be written, so that the last answer would be lost: {why}"
            ))
        })
    }
}
