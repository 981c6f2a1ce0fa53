//! `via host`: closures that an embedding program registers.

use super::{Channel, Each};
use crate::answer::Stop;
use crate::problem::oracles::Oracle;
use crate::solve::black_box::ranking::Ranking;
use std::collections::HashMap;

/// From questions to numbers; in words what went wrong.
pub type ValuesOf = Box<dyn FnMut(&[Vec<f64>]) -> Result<Vec<f64>, String>>;
/// From candidates to groups of their numbers (from 0), the best first, tied within a group; whoever is left out is last.
pub type RankingOf = Box<dyn FnMut(&[Vec<f64>]) -> Result<Vec<Vec<usize>>, String>>;

pub enum Closure {
    Values(ValuesOf),
    Ranks(RankingOf),
}

/// By the name of the oracle.
#[derive(Default)]
pub struct Closures(Vec<(String, Closure)>);

impl Closures {
    pub fn set(&mut self, name: &str, closure: Closure) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_string(), closure));
    }

    pub(super) fn by_name(&mut self) -> HashMap<String, &mut Closure> {
        self.0.iter_mut().map(|(name, closure)| (name.clone(), closure)).collect()
    }
}

pub(super) struct Hosted<'a> {
    name: String,
    closure: Option<&'a mut Closure>,
}

impl<'a> Hosted<'a> {
    pub fn new(oracle: &Oracle, closure: Option<&'a mut Closure>) -> Hosted<'a> {
        Hosted { name: oracle.name.clone(), closure }
    }

    fn stop(&self, why: &str) -> Stop {
        Stop::Oracle(format!("oracle `{}`: {why}", self.name))
    }
}

const NOBODY: &str = "the program that embeds the model has not registered a closure of this kind for it";

impl Channel for Hosted<'_> {
    fn values(&mut self, questions: &[&[f64]], each: &mut Each) -> Result<(), Stop> {
        let Some(Closure::Values(closure)) = &mut self.closure else { return Err(self.stop(NOBODY)) };
        let asked: Vec<Vec<f64>> = questions.iter().map(|q| q.to_vec()).collect();
        let answers = match closure(&asked) {
            Ok(answers) => answers,
            Err(why) => return Err(self.stop(&why)),
        };
        if answers.len() != questions.len() {
            return Err(self.stop(&format!("{} answers to {} questions", answers.len(), questions.len())));
        }
        answers.into_iter().enumerate().try_for_each(|(k, value)| each(k, value))
    }

    fn ranking(&mut self, candidates: &[Vec<f64>], _best: usize) -> Result<Ranking, Stop> {
        let Some(Closure::Ranks(closure)) = &mut self.closure else { return Err(self.stop(NOBODY)) };
        let groups = match closure(candidates) {
            Ok(groups) => groups,
            Err(why) => return Err(self.stop(&why)),
        };
        match super::protocol::valid_groups(&groups, candidates.len()) {
            Ok(()) => Ok(Ranking::of_groups(candidates.len(), &groups)),
            Err(why) => Err(self.stop(&why)),
        }
    }
}
