//! What went wrong, and where: found after (or instead of) a solve that did not end well.
//!
//! Each part is there only where it was asked for and found. Nothing here is a certificate: what is proved stands in
//! [`super::certificate`]; these parts say which rows, bounds and values are behind it.

use super::certificate::Place;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// Why nothing is feasible, bound by bound.
    pub chain: Option<Contradiction>,
}

/// Bounds that follow from one row each, until a row cannot hold. The judge went through it.
#[derive(Clone, Debug, PartialEq)]
pub struct Contradiction {
    pub steps: Vec<Tightening>,
    /// The row that cannot hold.
    pub row: Place,
    /// The numbers of the steps, from 1, that show it.
    pub uses: Vec<usize>,
    /// What its values are within, and what they must be within.
    pub takes: (f64, f64),
    pub needs: (f64, f64),
}

/// `what relation value`, from one row and what was known before.
#[derive(Clone, Debug, PartialEq)]
pub struct Tightening {
    /// A variable, a row or a named expression.
    pub what: Place,
    /// `>=` or `<=`
    pub relation: &'static str,
    pub value: f64,
    pub from: Place,
    /// The numbers of earlier steps, from 1.
    pub uses: Vec<usize>,
}

impl Diagnosis {
    pub fn is_empty(&self) -> bool {
        *self == Diagnosis::default()
    }
}
