//! Answers on the disk: a line of JSON for each, written as soon as it is given.
//!
//! ```text
//! {"merit_journal": 1}
//! {"oracle": "cost", "declared": "oracle cost(x[1..2]) values via command(\"simulate\")"}
//! {"oracle": "cost", "about": [0.5, 1], "value": 3.25}
//! {"oracle": "taste", "about": [[0, 1], [1, 0]], "best": 2, "places": [1, 0]}
//! ```
//! Numbers are written so that they read back as the same numbers. A line that a killed run left unfinished is passed
//! over. What an oracle answered belongs to the declaration that stands last above it: answers to another declaration are
//! those of somebody else, so they stay where they are and are set aside, and so are those about another number of
//! arguments. A declaration that comes back finds its answers again.

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

/// Answers of an oracle that stand in a journal and do not serve, as they were given to another declaration of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    pub oracle: usize,
    pub answers: usize,
    /// The declaration of the last of them; `None`: the one of the model, about another number of arguments.
    pub declared: Option<String>,
}

/// What stands in a journal.
struct Past {
    entries: Vec<Entry>,
    asides: Vec<Option<Aside>>,
    /// By oracle, whether the next answer would belong to the declaration of the model.
    declared: Vec<bool>,
    empty: bool,
    /// The last line was left unfinished.
    torn: bool,
}

/// What a journal holds that does not serve; nothing of one that cannot be read.
pub(super) fn asides(host: &dyn Host, path: &str, problem: &Problem) -> Vec<Aside> {
    let past = Past::read(host, path, problem);
    past.map_or(vec![], |past| past.asides.into_iter().flatten().collect())
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
        let past = Past::read(host, &path, problem)?;
        if past.torn {
            journal.pending.push('\n');
        }
        if past.empty {
            journal.pending += &format!("{HEAD}\n");
        }
        for oracle in problem.oracles.iter().zip(past.declared).filter(|(_, known)| !known).map(|(oracle, _)| oracle) {
            journal.pending += &format!("{}\n", json!({"oracle": oracle.name, "declared": oracle.text}));
        }
        Ok((journal, past.entries))
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

impl Past {
    fn read(host: &dyn Host, path: &str, problem: &Problem) -> Result<Past, String> {
        let old = match host.read(path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| format!("the journal `{path}` is not a text"))?,
            // A journal that is not there yet begins with the first answer.
            Err(_) => String::new(),
        };
        let count = problem.oracles.len();
        let torn = !old.is_empty() && !old.ends_with('\n');
        let mut past = Past {
            entries: vec![],
            asides: vec![None; count],
            declared: vec![false; count],
            empty: old.is_empty(),
            torn,
        };
        // By oracle, the declaration of somebody else that stands last.
        let mut others: Vec<Option<String>> = vec![None; count];
        for (number, line) in old.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || !line.ends_with('}') {
                continue;
            }
            let wrong = |why: &str| format!("line {} of the journal `{path}` {why}", number + 1);
            past.line(problem, line, &mut others).map_err(wrong)?;
        }
        Ok(past)
    }

    /// A line of an earlier run.
    fn line(&mut self, problem: &Problem, line: &str, others: &mut [Option<String>]) -> Result<(), &'static str> {
        let line: Value = serde_json::from_str(line).map_err(|_| "is not JSON")?;
        if line.get("merit_journal").is_some() {
            return Ok(());
        }
        let name = line.get("oracle").and_then(Value::as_str).ok_or("names no oracle")?;
        // An oracle that the model has no more asks for nothing.
        let Some(oracle) = problem.oracles.iter().position(|o| o.name == name) else { return Ok(()) };
        if let Some(declaration) = line.get("declared").and_then(Value::as_str) {
            self.declared[oracle] = declaration == problem.oracles[oracle].text;
            others[oracle] = (!self.declared[oracle]).then(|| declaration.to_string());
            return Ok(());
        }
        let about = line.get("about").ok_or("does not say what it is about")?;
        match (&others[oracle], entry(&line, about, oracle, problem.oracles[oracle].width())?) {
            (None, Some(entry)) => self.entries.push(entry),
            (other, _) => {
                let answers = self.asides[oracle].as_ref().map_or(0, |aside| aside.answers) + 1;
                self.asides[oracle] = Some(Aside { oracle, answers, declared: other.clone() });
            }
        }
        Ok(())
    }
}

/// The answer of a line; `None` if its questions have not `width` numbers each.
fn entry(line: &Value, about: &Value, oracle: usize, width: usize) -> Result<Option<Entry>, &'static str> {
    if let Some(answer) = line.get("value") {
        let value = number_of(answer).ok_or("has no number for an answer")?;
        return Ok(numbers_of(about, width).map(|about| Entry::Value { oracle, about, value }));
    }
    let rows = about.as_array().ok_or("is about something else")?;
    let whole = |v: &Value| v.as_u64().map(|p| p as usize);
    let places = line.get("places").and_then(Value::as_array);
    let places = places.and_then(|p| p.iter().map(whole).collect::<Option<Vec<usize>>>());
    let places = places.filter(|p| p.len() == rows.len()).ok_or("has no ranking for an answer")?;
    let best = line.get("best").and_then(whole).ok_or("does not say how many it tells apart")?;
    let about: Option<Vec<Vec<f64>>> = rows.iter().map(|row| numbers_of(row, width)).collect();
    Ok(about.map(|about| Entry::Ranking { oracle, about, best, ranking: Ranking { places } }))
}
