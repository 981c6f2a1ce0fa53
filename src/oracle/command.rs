//! `via command("...")`: a program is asked, a line of JSON for a line of JSON.
//!
//! It is started when the first question comes, in the folder of the model, and lives until the solve ends. One that
//! dies, or lets an answer wait for longer than `timeout`, is started again and asked again, twice for a question; an
//! answer that is nonsense, or says that there is none, ends the solve at once, as it would be the same the next time. `parallel` copies share the
//! questions of a batch. What they answer does not depend on who is faster.

use super::protocol::{NoAnswer, rank_request, rank_response, value_request, value_response};
use super::{Channel, Each};
use crate::answer::Stop;
use crate::host::{Child, Host, Received};
use crate::problem::oracles::Oracle;
use crate::solve::black_box::ranking::Ranking;
use std::collections::VecDeque;

/// How often a question may kill or silence the program before the solve ends, less one.
const MOST_RESTARTS: usize = 2;
/// Seconds after which an interrupt is noticed.
const SLICE: f64 = 0.05;

/// What a program runs in.
#[derive(Clone)]
pub(super) struct Outside<'a> {
    pub host: &'a dyn Host,
    pub folder: String,
    pub timeout: f64,
    pub over: &'a dyn Fn() -> Option<Stop>,
}

pub(super) struct Command<'a> {
    name: String,
    line: String,
    copies: Vec<Copy>,
    next_id: u64,
    outside: Outside<'a>,
}

/// One running program, and the question that it has before it.
#[derive(Default)]
struct Copy {
    child: Option<Box<dyn Child>>,
    busy: Option<Busy>,
}

struct Busy {
    question: usize,
    id: u64,
    deadline: f64,
}

/// What to do with a line that comes back after a question.
type Take<'t> = dyn FnMut(usize, u64, &str) -> Result<Result<(), NoAnswer>, Stop> + 't;

impl<'a> Command<'a> {
    pub fn new(oracle: &Oracle, line: &str, parallel: usize, outside: Outside<'a>) -> Command<'a> {
        let copies = (0..parallel.max(1)).map(|_| Copy::default()).collect();
        Command { name: oracle.name.clone(), line: line.to_string(), copies, next_id: 1, outside }
    }

    fn stop(&self, why: &str) -> Stop {
        Stop::Oracle(format!("oracle `{}`: the command `{}` {why}", self.name, self.line))
    }

    /// Puts all requests, each to the next copy that is free, and hands on what comes back.
    fn exchange(&mut self, count: usize, request: &dyn Fn(usize, u64) -> String, take: &mut Take) -> Result<(), Stop> {
        let done = self.exchanged(count, request, take);
        if done.is_err() {
            // Copies that still think about something would answer the wrong question later.
            self.copies.iter_mut().for_each(|copy| *copy = Copy::default());
        }
        done
    }

    fn exchanged(&mut self, count: usize, request: &dyn Fn(usize, u64) -> String, take: &mut Take) -> Result<(), Stop> {
        let mut waiting: VecDeque<usize> = (0..count).collect();
        let mut failures = vec![0; count];
        let mut answered = 0;
        while answered < count {
            if let Some(stop) = (self.outside.over)() {
                return Err(stop);
            }
            for k in 0..self.copies.len() {
                if self.copies[k].busy.is_none()
                    && let Some(question) = waiting.pop_front()
                {
                    self.put(k, question, request)?;
                }
            }
            let busy = self.copies.iter().filter(|copy| copy.busy.is_some()).count().max(1);
            for k in 0..self.copies.len() {
                let Copy { child: Some(child), busy: Some(Busy { question, id, deadline }) } = &mut self.copies[k]
                else {
                    continue;
                };
                let (question, id) = (*question, *id);
                let left = *deadline - self.outside.host.seconds();
                let failed = match child.receive(SLICE.min(left.max(0.0)) / busy as f64) {
                    Received::Line(line) => {
                        self.copies[k].busy = None;
                        match take(question, id, &line)? {
                            Ok(()) => {}
                            Err(NoAnswer::Refused(why)) => return Err(self.stop(&format!("says: {why}"))),
                            Err(NoAnswer::Nonsense(why)) => {
                                return Err(self.stop(&format!("answered nonsense: {why}: {}", shortened(&line))));
                            }
                        }
                        answered += 1;
                        continue;
                    }
                    Received::Nothing if left > 0.0 => continue,
                    Received::Nothing => format!("gave no answer within {} s", self.outside.timeout),
                    Received::Ended(how) => format!("died: {how}"),
                };
                self.copies[k] = Copy::default();
                failures[question] += 1;
                if failures[question] > MOST_RESTARTS {
                    return Err(self.stop(&format!("{failed}, {} times at the same question", failures[question])));
                }
                waiting.push_front(question);
            }
        }
        Ok(())
    }

    fn put(&mut self, k: usize, question: usize, request: &dyn Fn(usize, u64) -> String) -> Result<(), Stop> {
        if self.copies[k].child.is_none() {
            let words = words(&self.line).map_err(|why| self.stop(&why))?;
            let child = self.outside.host.start(&words, &self.outside.folder);
            self.copies[k].child = Some(child.map_err(|why| self.stop(&format!("cannot be started: {why}")))?);
        }
        let id = self.next_id;
        self.next_id += 1;
        let deadline = self.outside.host.seconds() + self.outside.timeout;
        let copy = &mut self.copies[k];
        copy.busy = Some(Busy { question, id, deadline });
        if let Some(child) = &mut copy.child {
            // If nobody is there any more, `receive` says so.
            let _ = child.send(&request(question, id));
        }
        Ok(())
    }
}

impl Channel for Command<'_> {
    fn values(&mut self, questions: &[&[f64]], each: &mut Each) -> Result<(), Stop> {
        let name = self.name.clone();
        let request = |k: usize, id: u64| value_request(id, &name, questions[k]);
        self.exchange(questions.len(), &request, &mut |k, id, line| match value_response(id, line) {
            Ok(value) => each(k, value).map(Ok),
            Err(why) => Ok(Err(why)),
        })
    }

    fn ranking(&mut self, candidates: &[Vec<f64>], best: usize) -> Result<Ranking, Stop> {
        let name = self.name.clone();
        let request = |_: usize, id: u64| rank_request(id, &name, candidates, best);
        let mut found = None;
        self.exchange(1, &request, &mut |_, id, line| {
            Ok(rank_response(id, line, candidates.len()).map(|groups| {
                found = Some(Ranking::of_groups(candidates.len(), &groups));
            }))
        })?;
        found.ok_or_else(|| self.stop("gave no answer"))
    }
}

/// The first part of a line that is too long to show.
fn shortened(line: &str) -> String {
    let mut short: String = line.chars().take(120).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    if short.is_empty() { "an empty line".to_string() } else { format!("`{short}`") }
}

/// A command line as words: quotes of either kind group, and nothing else is special, since no shell reads it.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (vec![], None::<String>, None);
    for c in line.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match (quote, words.is_empty()) {
        (Some(q), _) => Err(format!("has a quote {q} that is not closed")),
        (None, true) => Err("is empty".to_string()),
        (None, false) => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_they_look() {
        assert_eq!(words("python3 judge.py  --fast").unwrap(), ["python3", "judge.py", "--fast"]);
        assert_eq!(words("sh -c 'read x; echo \"$x\"' ''").unwrap(), ["sh", "-c", "read x; echo \"$x\"", ""]);
        assert!(words("a 'b").unwrap_err().contains("not closed"));
        assert!(words("  ").is_err());
    }
}
