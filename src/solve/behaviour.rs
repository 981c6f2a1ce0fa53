//! What a candidate does, as a search for novelty sees it: the numbers of a `let` of the model, which reads variables and
//! what oracles of values answer.

use super::asked::{Free, Need, Oracles, Questions};
use super::monitor::Meter;
use crate::ad::Evaluator;
use crate::answer::Stop;
use crate::diag::Span;
use crate::problem::index::Axes;
use crate::problem::{Constraint, Data, Problem, oracles};

pub struct Behaviour<'a> {
    free: &'a Free,
    questions: Questions,
    evaluator: Evaluator,
    meter: Meter,
}

impl<'a> Behaviour<'a> {
    /// Of the `let` with this name, if there is one.
    pub fn of(problem: &Problem, name: &str, free: &'a Free, meter: &Meter) -> Option<Behaviour<'a>> {
        let named = problem.named.iter().find(|named| named.name == name)?;
        let calls = oracles::calls_of(problem, &[named.stage]);
        let rows = problem.stage(named.stage).rows;
        let sides = (Data::Constant(f64::NEG_INFINITY), Data::Constant(f64::INFINITY));
        let row = Constraint::new(named.name.clone(), Axes::scalar(), rows, named.stage, sides, Span::default());
        let mut described = oracles::composed(problem, &calls);
        described.objectives = vec![];
        described.constraints = vec![row];
        let (questions, evaluator) = (Questions::of(problem, &calls), Evaluator::new(&described));
        Some(Behaviour { free, questions, evaluator, meter: meter.clone() })
    }

    /// The behaviour of each settled point; what oracles answered before is known to whoever remembers it.
    pub fn at(&mut self, points: &[Vec<f64>], oracles: &mut dyn Oracles) -> Result<Vec<Vec<f64>>, Stop> {
        let mut inputs: Vec<Vec<f64>> = points.iter().map(|x| self.free.lift(x)).collect();
        self.questions.answer(&mut inputs, oracles, Need::Usual, &self.meter)?;
        let mut behaviour = vec![0.0; self.evaluator.rows()];
        let each = inputs.iter().map(|x| {
            self.evaluator.constraints(x, &mut behaviour);
            behaviour.clone()
        });
        Ok(each.collect())
    }
}
