//! Rows beside an oracle: candidates that keep them come first, and nobody is asked about the others.
//!
//! Rows read variables only, so that they are evaluated here. Of two candidates the one that keeps all rows is better; of
//! two that keep them the one that is better by what is asked; of two that do not the one whose sides are violated less
//! in sum. No weight of a penalty is to be chosen, and the order is all that a method of ranks sees. Source: Deb, Comput.
//! Methods Appl. Mech. Engrg. 186 (2000).

use super::asked::Free;
use super::black_box::ranking::Ranking;
use super::black_box::search::Rank;
use crate::ad::Evaluator;
use crate::answer::Stop;
use crate::problem::Problem;
use crate::problem::values::{Bounds, Numbers};

/// The rows of a problem as functions of its variables.
pub struct Rows<'a> {
    free: &'a Free,
    evaluator: Evaluator,
    lower: Vec<f64>,
    upper: Vec<f64>,
    values: Vec<f64>,
}

impl<'a> Rows<'a> {
    /// `None` where there are none.
    pub fn of(problem: &Problem, free: &'a Free) -> Option<Rows<'a>> {
        let mut alone = problem.clone();
        alone.objectives.clear();
        alone.constraints.retain(|row| !row.dropped);
        if alone.constraints.is_empty() {
            return None;
        }
        let bounds = Bounds::of(&alone, &Numbers::of(&alone));
        let evaluator = Evaluator::new(&alone);
        let values = vec![0.0; evaluator.rows()];
        Some(Rows { free, evaluator, lower: bounds.row_lower, upper: bounds.row_upper, values })
    }

    /// By how much the sides of all rows are violated in sum, at the point that would be asked about; 0 where all hold.
    pub fn violation(&mut self, x: &[f64]) -> f64 {
        let x = self.free.lift(&self.free.space.settle(x));
        self.evaluator.constraints(&x, &mut self.values);
        let sides = self.lower.iter().zip(&self.upper);
        let of = |(value, (lower, upper)): (&f64, (&f64, &f64))| match value.is_nan() {
            true => f64::INFINITY,
            false => (lower - value).max(value - upper).max(0.0),
        };
        self.values.iter().zip(sides).map(of).sum()
    }
}

/// Orders of candidates that keep rows before others.
pub struct Keeping<'a, 'q> {
    rows: Rows<'a>,
    asked: &'q mut dyn Rank,
    /// The winner of the last order in which somebody kept all rows.
    pub winner: Option<Vec<f64>>,
}

impl<'a, 'q> Keeping<'a, 'q> {
    pub fn new(rows: Rows<'a>, asked: &'q mut dyn Rank) -> Keeping<'a, 'q> {
        Keeping { rows, asked, winner: None }
    }

    /// The candidate that a method holds to be best, or where that breaks a row the last winner that does not.
    pub fn kept(&mut self, x: Vec<f64>) -> Vec<f64> {
        match self.rows.violation(&x) > 0.0 {
            true => self.winner.take().unwrap_or(x),
            false => x,
        }
    }

    /// Those that keep all rows as `order` says, then the others by their violation.
    fn ordered(
        &mut self,
        candidates: &[Vec<f64>],
        order: impl FnOnce(&mut dyn Rank, &[Vec<f64>]) -> Result<Ranking, Stop>,
    ) -> Result<Ranking, Stop> {
        let violations: Vec<f64> = candidates.iter().map(|x| self.rows.violation(x)).collect();
        let keep: Vec<usize> = (0..candidates.len()).filter(|&c| violations[c] == 0.0).collect();
        let mut ranking = Ranking::of_values(&violations, candidates.len());
        if keep.is_empty() {
            return Ok(ranking);
        }
        let points: Vec<Vec<f64>> = keep.iter().map(|&c| candidates[c].clone()).collect();
        let among = order(&mut *self.asked, &points)?;
        self.winner = Some(points[among.winner()].clone());
        // Violations are 0 for all that keep rows: these share the first place, and are told apart here.
        keep.iter().zip(&among.places).for_each(|(&c, place)| ranking.places[c] = *place);
        Ok(ranking)
    }
}

impl Rank for Keeping<'_, '_> {
    fn rank(&mut self, candidates: &[Vec<f64>], best: usize) -> Result<Ranking, Stop> {
        self.ordered(candidates, |asked, points| asked.rank(points, best.min(points.len())))
    }

    fn prove(&mut self, candidates: &[Vec<f64>], trials: usize) -> Result<Ranking, Stop> {
        self.ordered(candidates, |asked, points| asked.prove(points, trials))
    }

    fn doubt(&mut self) {
        self.asked.doubt();
    }

    fn behaviours(&mut self, candidates: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Stop> {
        self.asked.behaviours(candidates)
    }
}
