//! A proof that nothing is feasible: bounds that follow from one row each, until a row cannot hold.
//!
//! Rows of stages are quantities like variables: `z = Σ body(leaves)` bounds what it reads and is bounded by it, and
//! the sides of a constraint are bounds of its quantity. A chain is plain data: `problem::propagate` finds it, and the
//! judge goes through it on its own.

use crate::expr::family::StageId;

/// What has bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantity {
    Variable(u32),
    /// A row of a stage.
    Row(StageId, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    Lower,
    Upper,
}

/// `quantity >= value` or `quantity <= value`, because the row `from` holds and what was known before.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub quantity: Quantity,
    pub side: Side,
    pub value: f64,
    pub from: (StageId, u32),
    /// Which earlier steps it needs, ascending.
    pub uses: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    pub steps: Vec<Step>,
    /// The row that cannot hold.
    pub row: (StageId, u32),
    /// Which steps show it.
    pub uses: Vec<usize>,
    /// What the row's values are within, all steps taken, and what they must be within. Where these are not apart, the
    /// contradiction lies in what the row says of its parts.
    pub takes: (f64, f64),
    pub needs: (f64, f64),
    /// The bounds of variables and the sides of rows that it needs as they are stated, each once.
    pub declared: Vec<(Quantity, Side)>,
}
