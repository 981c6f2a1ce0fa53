//! Answers on the disk: a line of JSON for each, written as soon as it is given.
//!
//! ```text
//! {"merit_journal": 1}
//! {"oracle": "cost", "declared": "oracle cost(x[1..2]) values via command(\"simulate\")"}
//! {"oracle": "cost", "about": [0.5, 1], "value": 3.25}
//! {"oracle": "taste", "about": [[0, 1], [1, 0]], "best": 2, "places": [1, 0]}
//! ```
//! Numbers are written so that they read back as the same numbers. A line that a killed run left unfinished is passed
//! over; any other that is no line of a journal is refused, and so is a file that does not begin as one: nothing is ever
//! added to it. What an oracle answered belongs to the declaration that stands last above it: answers to another declaration are
//! those of somebody else, so they stay where they are and are set aside, and so are those about another number of
//! arguments. A declaration that comes back finds its answers again.

use super::protocol::{number, number_of, numbers, numbers_of};
use crate::answer::Stop;
use crate::host::{Held, Host};
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
    /// From the first question on, nobody else adds to it.
    held: Option<Held>,
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
    /// What is missing of the first line.
    head: &'static str,
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
        let mut journal = Journal { host, path, names, pending: String::new(), held: None };
        let Some(path) = journal.path.clone() else { return Ok((journal, vec![])) };
        let past = Past::read(host, &path, problem)?;
        journal.pending += past.head;
        if past.torn || !past.head.is_empty() {
            journal.pending.push('\n');
        }
        for oracle in problem.oracles.iter().zip(past.declared).filter(|(_, known)| !known).map(|(oracle, _)| oracle) {
            journal.pending += &format!("{}\n", json!({"oracle": oracle.name, "declared": oracle.text}));
        }
        Ok((journal, past.entries))
    }

    /// Before the first question: whoever cannot write down answers asks nobody.
    pub fn begin(&mut self) -> Result<(), Stop> {
        let (Some(path), None) = (&self.path, &self.held) else { return Ok(()) };
        let held = self.host.hold(path).and_then(|held| {
            self.host.append(path, std::mem::take(&mut self.pending).as_bytes())?;
            Ok(held)
        });
        let unwritable =
            |why| Stop::Oracle(format!("the journal `{path}` cannot be written, so that nobody is asked: {why}"));
        self.held = Some(held.map_err(unwritable)?);
        Ok(())
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
        let line = format!("{}\n", line(&self.names[oracle]));
        self.host.append(path, line.as_bytes()).map_err(|why| {
            Stop::Oracle(format!(
                "the journal `{path}` cannot be written, so that the last answer would be lost: {why}"
            ))
        })
    }
}

impl Past {
    fn read(host: &dyn Host, path: &str, problem: &Problem) -> Result<Past, String> {
        let old = match host.read(path) {
            // A line may be torn within a letter.
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(why) if host.exists(path) => return Err(format!("the journal `{path}` cannot be read: {why}")),
            // A journal that is not there yet begins with the first question.
            Err(_) => String::new(),
        };
        let head = head(&old).map_err(|why| format!("`{path}` {why}"))?;
        let count = problem.oracles.len();
        let torn = head.is_empty() && !old.ends_with('\n');
        let mut past = Past { entries: vec![], asides: vec![None; count], declared: vec![false; count], head, torn };
        // By oracle, the declaration of somebody else that stands last.
        let mut others: Vec<Option<String>> = vec![None; count];
        let lines = old.lines().map(str::trim).enumerate().skip(usize::from(!old.is_empty()));
        for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let wrong = |why: &str| format!("line {} of the journal `{path}` {why}", number + 1);
            past.line(problem, line, &mut others).map_err(wrong)?;
        }
        Ok(past)
    }

    /// A line of an earlier run.
    fn line(&mut self, problem: &Problem, line: &str, others: &mut [Option<String>]) -> Result<(), &'static str> {
        let line: Value = match serde_json::from_str(line) {
            Ok(line) => line,
            // Torn by the end of a run; those that came later went on below.
            Err(error) if error.is_eof() && line.starts_with('{') => return Ok(()),
            Err(_) => return Err("is neither JSON nor the beginning of it"),
        };
        // Of journals that were put together.
        if line.get("merit_journal").is_some_and(|version| *version == 1) {
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

/// What must be added to the first line of a journal to complete it: all of it where there is nothing yet, something where
/// a run ended within it.
fn head(old: &str) -> Result<&'static str, String> {
    if let Some(missing) = HEAD.strip_prefix(old) {
        return Ok(missing);
    }
    let first: Option<Value> = old.lines().next().and_then(|line| serde_json::from_str(line).ok());
    match first.as_ref().and_then(|first| first.get("merit_journal")) {
        Some(version) if *version == 1 => Ok(""),
        Some(version) => Err(format!("is a journal of version {version}, and this program reads and writes version 1")),
        None => Err(format!("is no journal, which begins with `{HEAD}`: nothing is read from it or added to it")),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Memory;
    use crate::session::Model;

    const WHOLE: &str = r#"{"merit_journal":1}
{"declared":"D","oracle":"cost"}
{"about":[0.5,"-inf"],"oracle":"cost","value":-3.25e-7}
"#;

    /// Opens a journal and puts a first question: what was known, and what the file holds then.
    fn begun(text: &str) -> Result<(usize, String), String> {
        let model = "var x\noracle cost(y, z) values by y + z\nminimize cost(x, 1)";
        let prepared = Model::from_str(model).and_then(|m| m.build()).unwrap();
        let host = Memory::default();
        let text = text.replace("\"D\"", &json!(prepared.problem.oracles[0].text).to_string());
        host.files.borrow_mut().insert("j".into(), text.into());
        let (mut journal, entries) = Journal::open(&host, Some("j".into()), &prepared.problem)?;
        journal.begin().map_err(|stop| format!("{stop:?}"))?;
        let file = String::from_utf8(host.files.borrow()["j"].clone()).unwrap();
        Ok((entries.len(), file))
    }

    #[test]
    fn wherever_a_run_ended_the_next_one_goes_on() {
        let last = WHOLE.lines().last().unwrap();
        for cut in 0..=WHOLE.len() {
            let (known, file) = begun(&WHOLE[..cut]).unwrap_or_else(|e| panic!("{cut}: {e}"));
            assert_eq!(known, usize::from(cut + 1 >= WHOLE.len()), "{cut}");
            assert!(file.starts_with(&format!("{HEAD}\n")) && file.ends_with('\n'), "{cut}: {file}");
            // What it leaves is a journal again, to which answers can be added.
            let (known, again) = begun(&format!("{file}{last}\n")).unwrap_or_else(|e| panic!("{cut}: {e}"));
            assert!(known > 0 && again == format!("{file}{last}\n"), "{cut}: {again}");
        }
    }

    #[test]
    fn what_is_no_journal_is_refused_in_words() {
        let model = "var x in [0, 1]\nminimize x\n";
        let garbage = WHOLE.replacen('\n', "\nhello {}\n", 1);
        let cut = WHOLE.replacen('\n', "\n[1, 2\n", 1);
        for (text, why) in [
            (model, "`j` is no journal"),
            ("{\"oracle\":\"cost\"}\n", "`j` is no journal"),
            ("\n", "`j` is no journal"),
            ("\u{0}\u{1}", "`j` is no journal"),
            ("{\"merit_journal\":99}\n", "`j` is a journal of version 99"),
            (&garbage, "line 2 of the journal `j` is neither JSON"),
            (&cut, "line 2 of the journal `j` is neither JSON"),
        ] {
            let said = begun(text).expect_err(text);
            assert!(said.contains(why), "{text}: {said}");
        }
        assert!(begun(&format!("{WHOLE}{WHOLE}")).is_ok_and(|(known, _)| known == 2), "two put together");
    }
}
