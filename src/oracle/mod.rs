//! Whom a problem asks: questions are looked up, put, answered and written down here, whoever answers.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `simulated` | an expression of the model that methods cannot look into |
//! | `hosted` | closures of an embedding program |
//! | `command`, `protocol` | programs on the other end of two pipes |
//! | `asking` | a person at a terminal |
//! | `journal` | answers on the disk, so that nothing is asked twice |
//!
//! A question is known by the oracle and its numbers. Each answer is written down before it is used,
//! and the journal is opened before the first question is put. The `n`-th time that
//! a run needs an answer to a question it takes the `n`-th that is known, and asks only where there are no more: so a run
//! that was killed repeats itself from the journal until it is where it was. With `cache` (the default) the first answers
//! serve for ever; without it each need is a new one, as oracles that are noisy may want, and so is the need of a method that
//! asks for fresh answers ([`Need::Fresh`]).

mod asking;
mod command;
pub mod hosted;
mod journal;
mod protocol;
mod simulated;

use crate::answer::Stop;
use crate::answer::result::Asked;
use crate::host::Host;
use crate::problem::Problem;
use crate::problem::oracles::{Answerer, Answers, Oracle};
use crate::solve::asked::{Need, Oracles};
use crate::solve::black_box::ranking::Ranking;
use hosted::Closures;
pub use journal::Aside;
use journal::Journal;
pub use simulated::hidden;
use std::collections::HashMap;
use std::ops::Range;

/// One way to get answers. An error ends the solve; answers that came before it are kept.
trait Channel {
    /// Hands on each answer with the number of its question as soon as it is there, in any order.
    fn values(&mut self, questions: &[&[f64]], each: &mut Each) -> Result<(), Stop>;
    /// The greatest first; at least the `best` greatest are told apart.
    fn ranking(&mut self, candidates: &[Vec<f64>], best: usize) -> Result<Ranking, Stop>;
    /// So many questions were answered by earlier runs.
    fn answered_before(&mut self, _questions: usize) {}
}

/// Takes the answer to a question.
type Each<'e> = dyn FnMut(usize, f64) -> Result<(), Stop> + 'e;

/// How to ask.
pub struct Settings<'a> {
    /// Answers to a question serve again.
    pub cache: bool,
    /// Answers that are averaged.
    pub repeats: usize,
    /// Questions that a command may have before it at a time: as many copies of it run.
    pub parallel: usize,
    /// Seconds that a command has for an answer.
    pub timeout: f64,
    /// Where answers are written down.
    pub journal: Option<String>,
    /// The folder of the model, in which commands run.
    pub folder: String,
    /// Whether the user, or the clock, wants an end.
    pub over: &'a dyn Fn() -> Option<Stop>,
}

/// Answers in a journal that do not serve the problem as its oracles are declared now.
pub fn set_aside(host: &dyn Host, path: &str, problem: &Problem) -> Vec<Aside> {
    journal::asides(host, path, problem)
}

/// All oracles of a problem, with what they have said.
pub struct Asker<'a> {
    desks: Vec<Desk<'a>>,
    journal: Journal<'a>,
    cache: bool,
    repeats: usize,
}

/// One oracle.
struct Desk<'a> {
    channel: Box<dyn Channel + 'a>,
    /// Answers cost something: they are looked up before they are asked for.
    remembers: bool,
    values: HashMap<Vec<u64>, Known<f64>>,
    rankings: HashMap<Vec<u64>, Known<Ranking>>,
    asked: Asked,
}

/// Answers to one question, and how many of them this run has used.
struct Known<T> {
    answers: Vec<T>,
    used: usize,
}

impl<T> Known<T> {
    /// Which answers serve next: the first ones again, or those behind all that were used.
    fn next(&mut self, again: bool, count: usize) -> Range<usize> {
        let first = if again { 0 } else { self.used };
        self.used = self.used.max(first + count);
        first..first + count
    }
}

impl<T> Default for Known<T> {
    fn default() -> Known<T> {
        Known { answers: vec![], used: 0 }
    }
}

impl<'a> Asker<'a> {
    /// Fails in words where the journal cannot be read or belongs to other oracles.
    pub fn new(
        problem: &Problem,
        host: &'a dyn Host,
        closures: &'a mut Closures,
        settings: Settings<'a>,
    ) -> Result<Asker<'a>, String> {
        let mut desks = vec![];
        let outside =
            command::Outside { host, folder: settings.folder.clone(), timeout: settings.timeout, over: settings.over };
        let mut closures = closures.by_name();
        for (k, oracle) in problem.oracles.iter().enumerate() {
            let channel: Box<dyn Channel + 'a> = match &oracle.source {
                Answerer::Simulated(_) => Box::new(simulated::Simulated::new(problem, k)),
                Answerer::Command(line) => {
                    Box::new(command::Command::new(oracle, line, settings.parallel, outside.clone()))
                }
                Answerer::Host => Box::new(hosted::Hosted::new(oracle, closures.remove(&oracle.name))),
                Answerer::Asking => Box::new(asking::Asking::new(oracle, host)),
            };
            let simulated = matches!(oracle.source, Answerer::Simulated(_));
            desks.push(Desk {
                channel,
                remembers: !simulated || settings.journal.is_some(),
                values: HashMap::new(),
                rankings: HashMap::new(),
                asked: Asked {
                    oracle: oracle.name.clone(),
                    ranks: oracle.answers == Answers::Ranks,
                    questions: 0,
                    candidates: 0,
                    known: 0,
                },
            });
        }
        let (journal, entries) = Journal::open(host, settings.journal, problem)?;
        for entry in entries {
            match entry {
                journal::Entry::Value { oracle, about, value } => {
                    desks[oracle].values.entry(bits(&[&about], 0)).or_default().answers.push(value);
                }
                journal::Entry::Ranking { oracle, about, best, ranking } => {
                    let about: Vec<&[f64]> = about.iter().map(Vec::as_slice).collect();
                    desks[oracle].rankings.entry(bits(&about, best)).or_default().answers.push(ranking);
                }
            }
        }
        for desk in &mut desks {
            let values: usize = desk.values.values().map(|known| known.answers.len()).sum();
            let rankings: usize = desk.rankings.values().map(|known| known.answers.len()).sum();
            desk.channel.answered_before(values + rankings);
        }
        Ok(Asker { desks, journal, cache: settings.cache, repeats: settings.repeats.max(1) })
    }

    /// What was answered, by oracle; those that said nothing are left out. Questions without an answer do not count: of
    /// a batch, nobody knows which of them were looked at.
    pub fn counts(&self) -> Vec<Asked> {
        let asked = self.desks.iter().map(|desk| &desk.asked).filter(|a| a.questions + a.known > 0);
        asked.cloned().collect()
    }

    /// Whether anything is known of what an oracle says.
    pub fn has_said(&self, oracle: usize) -> bool {
        let desk = &self.desks[oracle];
        let known = desk.values.values().any(|k| !k.answers.is_empty());
        known || desk.rankings.values().any(|k| !k.answers.is_empty()) || desk.asked.questions > 0
    }

    /// Whether the first answers to a question serve again.
    fn serves(&self, need: Need) -> bool {
        self.cache && need == Need::Usual
    }

    /// What is known of a question, the mean of several answers; nothing is asked. What a simulated judge would say is
    /// always known.
    pub fn recall(&mut self, oracle: usize, question: &[f64]) -> Option<f64> {
        let desk = &mut self.desks[oracle];
        if !desk.remembers {
            let mut said = None;
            let told = desk.channel.values(&[question], &mut |_, value| {
                said = Some(value);
                Ok(())
            });
            return told.ok().and(said);
        }
        let known = desk.values.get(&bits(&[question], 0))?;
        // What others asked for is not what this run has seen.
        let seen = if known.used > 0 { known.used } else { known.answers.len() };
        let answers = &known.answers[..seen.min(known.answers.len())];
        (!answers.is_empty()).then(|| mean(answers))
    }
}

/// A line that a command is asked with, for someone who tries it by hand.
pub fn request(oracle: &Oracle) -> String {
    let origin = vec![0.0; oracle.width()];
    match oracle.answers {
        Answers::Values => protocol::value_request(1, &oracle.name, &origin),
        Answers::Ranks => protocol::rank_request(1, &oracle.name, &[origin.clone(), vec![1.0; origin.len()]], 1),
    }
}

impl Oracles for Asker<'_> {
    fn values(&mut self, oracle: usize, questions: &[Vec<f64>], need: Need, out: &mut [f64]) -> Result<(), Stop> {
        let serves = self.serves(need);
        let count = match need {
            Need::Usual => self.repeats,
            Need::Fresh(count) => count,
        };
        let (desk, journal) = (&mut self.desks[oracle], &mut self.journal);
        let counts = &mut desk.asked;
        let mut count_one = || {
            counts.questions += 1;
            counts.candidates += 1;
        };
        if !desk.remembers {
            let all: Vec<&[f64]> = questions.iter().map(Vec::as_slice).collect();
            return desk.channel.values(&all, &mut |k, value| {
                count_one();
                out[k] = value;
                Ok(())
            });
        }
        // Which answers each question needs, and those that nobody has given yet.
        let keys: Vec<Vec<u64>> = questions.iter().map(|q| bits(&[q], 0)).collect();
        let mut needed = vec![];
        let mut missing: Vec<usize> = vec![];
        let mut promised: HashMap<&[u64], usize> = HashMap::new();
        let mut known_before = 0;
        for (k, key) in keys.iter().enumerate() {
            let known = desk.values.entry(key.clone()).or_default();
            let range = known.next(serves, count);
            let there = known.answers.len() + promised.get(key.as_slice()).copied().unwrap_or(0);
            let short = range.end.saturating_sub(there);
            known_before += usize::from(short == 0);
            missing.extend(std::iter::repeat_n(k, short));
            *promised.entry(key).or_default() += short;
            needed.push(range);
        }
        let asked: Vec<&[f64]> = missing.iter().map(|&k| questions[k].as_slice()).collect();
        let values = &mut desk.values;
        let mut ended = Ok(());
        if !asked.is_empty() {
            journal.begin()?;
            ended = desk.channel.values(&asked, &mut |k, value| {
                count_one();
                journal.value(oracle, asked[k], value)?;
                values.entry(keys[missing[k]].clone()).or_default().answers.push(value);
                Ok(())
            });
        }
        desk.asked.known += known_before;
        for ((key, range), out) in keys.iter().zip(needed).zip(out) {
            *out = desk.values[key].answers.get(range).map_or(f64::NAN, mean);
        }
        ended
    }

    fn ranking(&mut self, oracle: usize, candidates: &[Vec<f64>], best: usize, need: Need) -> Result<Ranking, Stop> {
        let serves = self.serves(need);
        let desk = &mut self.desks[oracle];
        let best = best.min(candidates.len());
        if desk.remembers {
            let about: Vec<&[f64]> = candidates.iter().map(Vec::as_slice).collect();
            let known = desk.rankings.entry(bits(&about, best)).or_default();
            let next = known.next(serves, 1);
            if let Some(ranking) = known.answers.get(next.start) {
                desk.asked.known += 1;
                return Ok(ranking.clone());
            }
            self.journal.begin()?;
            let ranking = desk.channel.ranking(candidates, best)?;
            desk.asked.questions += 1;
            desk.asked.candidates += candidates.len();
            self.journal.ranking(oracle, candidates, best, &ranking)?;
            known.answers.push(ranking.clone());
            return Ok(ranking);
        }
        desk.asked.questions += 1;
        desk.asked.candidates += candidates.len();
        desk.channel.ranking(candidates, best)
    }
}

/// Numbers as a key: those that are equal have equal bits.
fn bits(about: &[&[f64]], best: usize) -> Vec<u64> {
    let numbers = about.iter().flat_map(|q| q.iter()).map(|v| (v + 0.0).to_bits());
    std::iter::once(best as u64).chain(numbers).collect()
}

fn mean(answers: &[f64]) -> f64 {
    answers.iter().sum::<f64>() / answers.len() as f64
}
