//! `by EXPR`: an expression of the model answers. Only this file evaluates it.

use super::{Channel, Each};
use crate::ad::Evaluator;
use crate::answer::Stop;
use crate::problem::{Problem, oracles};
use crate::solve::black_box::ranking::Ranking;

/// What the expression behind an objective that is a ranking is at a point; `None` where somebody else ranks.
pub fn hidden(problem: &Problem, x: &[f64]) -> Option<f64> {
    let call = oracles::ranked(problem).ok()??.call;
    let alone = oracles::simulated(problem, problem.calls[call as usize].oracle as usize)?;
    let mut asker = Evaluator::new(&oracles::questions(problem, &[call]));
    let mut question = vec![0.0; asker.rows()];
    asker.constraints(x, &mut question);
    Some(Evaluator::new(&alone).objective(&question))
}

pub(super) struct Simulated {
    judge: Evaluator,
}

impl Simulated {
    pub fn new(problem: &Problem, oracle: usize) -> Simulated {
        let alone = oracles::simulated(problem, oracle).expect("the caller saw that it is simulated");
        Simulated { judge: Evaluator::new(&alone) }
    }
}

impl Channel for Simulated {
    fn values(&mut self, questions: &[&[f64]], each: &mut Each) -> Result<(), Stop> {
        questions.iter().enumerate().try_for_each(|(k, q)| each(k, self.judge.objective(q)))
    }

    fn ranking(&mut self, candidates: &[Vec<f64>], best: usize) -> Result<Ranking, Stop> {
        let worse: Vec<f64> = candidates.iter().map(|q| -self.judge.objective(q)).collect();
        Ok(Ranking::of_values(&worse, best))
    }
}
