//! A problem of scalar columns and rows, as `.nl`, `.mps` and `.lp` files state it.
//!
//! ```text
//! minimize   body          column.lower <= x <= column.upper
//! subject to row.lower <= body <= row.upper
//! ```
//! Expressions live in one graph: `Leaf(k)` is column k, and from `columns.len()` on the shared expression
//! `k - columns.len()`. A shared expression reads columns and shared expressions that stand before it.

use crate::diag::Span;
use crate::expr::graph::{Graph, NodeId};
use crate::problem::{Kind, Scaled, Sense, Unsupported};

#[derive(Clone, Debug, Default)]
pub struct Scalars {
    pub graph: Graph,
    pub columns: Vec<Column>,
    pub shared: Vec<Shared>,
    pub objectives: Vec<Goal>,
    pub rows: Vec<Row>,
    /// Typical sizes of columns, rows and objectives, by their numbers.
    pub scales: Vec<(Scaled, f64)>,
    /// What was read but cannot be solved yet.
    pub unsupported: Vec<Unsupported>,
}

/// A variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// `x[2,seattle]`; empty if the file gives no names.
    pub name: String,
    pub lower: f64,
    pub upper: f64,
    pub start: Option<f64>,
    pub kind: Kind,
    pub span: Span,
}

/// `constant + Σ coefficient * leaf + nonlinear`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    pub constant: f64,
    /// Leaves (columns or shared expressions) with their coefficients; a leaf may stand twice.
    pub linear: Vec<(u32, f64)>,
    pub nonlinear: Option<NodeId>,
}

/// An expression that several rows read.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    pub name: String,
    pub body: Body,
    pub span: Span,
}

/// An objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    pub name: String,
    pub sense: Sense,
    pub body: Body,
    pub span: Span,
}

/// A constraint, or a complementary pair. Infinite sides do not bind; a lower side may lie above the upper one.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub name: String,
    pub lower: f64,
    pub upper: f64,
    pub body: Body,
    /// The column that the row complements: `column perp body`, with the bounds of the column as its sides. The row's own
    /// sides say nothing then.
    pub complements: Option<u32>,
    pub span: Span,
}

impl Row {
    pub fn is_linear(&self) -> bool {
        self.body.nonlinear.is_none()
    }

    /// Which sides bind, as words that also name rows without a name of their own.
    pub fn sides(&self) -> &'static str {
        if self.complements.is_some() {
            return "pair";
        }
        match (self.lower == f64::NEG_INFINITY, self.upper == f64::INFINITY) {
            (true, true) => "free",
            (true, false) => "at_most",
            (false, true) => "at_least",
            (false, false) if self.lower == self.upper => "equal",
            (false, false) => "between",
        }
    }
}
