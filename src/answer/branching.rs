//! What a method hands back that went through the ways in which complementary pairs may hold: a tree whose leaves each come
//! with what shows that nothing in them is better. It is a witness like any other; the judge goes through all of it again.

use super::{Evaluations, Multipliers, Outcome, Stop};

/// Pairs are numbered as in [`crate::problem::Problem::pairs`]; ways stand in the order of
/// [`crate::problem::complementarity::ways`].
#[derive(Clone, Debug, PartialEq)]
pub enum Branches {
    /// One branch for each way in which the pair may hold.
    Split {
        pair: u32,
        into: Vec<Branches>,
    },
    Leaf(Leaf),
}

/// A branch that is left as it is: pairs that were not split keep their sides only.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    pub x: Vec<f64>,
    pub shown: Shown,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    Nothing,
    /// A bound on the objective, by these multipliers at `x`.
    Bound(Multipliers),
    /// That no point is feasible, by these weights of the rows.
    Empty(Vec<f64>),
}

impl Branches {
    pub fn leaves(&self) -> usize {
        match self {
            Branches::Split { into, .. } => into.iter().map(Branches::leaves).sum(),
            Branches::Leaf(_) => 1,
        }
    }

    /// The same tree with each leaf taken back through what was done to the problem.
    pub fn lifted(self, lift: &mut dyn FnMut(Outcome) -> Outcome) -> Branches {
        match self {
            Branches::Split { pair, into } => {
                Branches::Split { pair, into: into.into_iter().map(|b| b.lifted(lift)).collect() }
            }
            Branches::Leaf(leaf) => Branches::Leaf(leaf.lifted(lift)),
        }
    }
}

impl Leaf {
    fn lifted(self, lift: &mut dyn FnMut(Outcome) -> Outcome) -> Leaf {
        let (multipliers, stop) = match self.shown {
            Shown::Nothing => (None, Stop::Finished),
            Shown::Bound(multipliers) => (Some(multipliers), Stop::Converged),
            Shown::Empty(ray) => (None, Stop::Infeasible { ray: Some(ray) }),
        };
        let evaluations = Evaluations::default();
        let outcome = lift(Outcome { x: self.x, multipliers, stop, iterations: 0, evaluations, log: vec![] });
        let shown = match (outcome.stop, outcome.multipliers) {
            (Stop::Infeasible { ray: Some(ray) }, _) => Shown::Empty(ray),
            (_, Some(multipliers)) => Shown::Bound(multipliers),
            (_, None) => Shown::Nothing,
        };
        Leaf { x: outcome.x, shown }
    }
}
