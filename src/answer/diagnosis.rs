//! What went wrong, and where: found after (or instead of) a solve that did not end well.
//!
//! Each part is there only where it was asked for and found. Nothing here is a certificate: what is proved stands in
//! [`super::certificate`]; these parts say which rows, bounds and values are behind it.

use super::certificate::Place;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// Why nothing is feasible, bound by bound.
    pub chain: Option<Contradiction>,
    /// Which rows to relax so that something is.
    pub relaxation: Option<Relaxation>,
    /// Rows and bounds that exclude each other; only where asked for.
    pub subset: Option<Subset>,
    /// Along which variables the objective improves without end.
    pub ray: Option<Ray>,
    /// Which function was asked outside of its domain.
    pub not_finite: Option<NotFinite>,
    /// Who should have answered and did not.
    pub unanswered: Option<Unanswered>,
    /// Where a method got stuck.
    pub stalled: Option<Stalled>,
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

/// Rows that, relaxed together, leave a feasible point; the judge found it feasible. No fewer rows were found, which
/// proves that there are none only where it is a single one.
#[derive(Clone, Debug, PartialEq)]
pub struct Relaxation {
    pub rows: Vec<Relaxed>,
}

/// `row relation to` instead of `row relation from`.
#[derive(Clone, Debug, PartialEq)]
pub struct Relaxed {
    pub row: Place,
    pub relation: &'static str,
    pub from: f64,
    pub to: f64,
}

/// Rows and bounds that were proved to exclude each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Subset {
    pub members: Vec<Member>,
    /// Of every member it was shown by a point that the others are feasible without it.
    pub irreducible: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// A row, or the variable of a bound.
    pub place: Place,
    /// `>= 12`
    pub text: String,
    /// Without it the others are feasible: a point was found.
    pub needed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Ray {
    /// How far each variable goes per unit of the way, furthest first; the furthest goes 1.
    pub entries: Vec<(Place, f64)>,
    pub objective: String,
    /// How far, and the objective there.
    pub figures: Vec<(f64, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NotFinite {
    /// Function, operands, row and line.
    pub what: String,
    pub place: Place,
    /// The variables that the function reads, with their values.
    pub values: Vec<(String, f64)>,
    pub help: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Unanswered {
    /// The oracle.
    pub place: Place,
    pub help: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stalled {
    /// The rows that are furthest from holding.
    pub rows: Vec<Figure>,
    /// The variables whose slopes are furthest from being balanced by rows and bounds.
    pub variables: Vec<Figure>,
    pub help: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub place: Place,
    pub text: String,
    /// How many more there are; at the last that is listed.
    pub more: usize,
}

impl Diagnosis {
    pub fn is_empty(&self) -> bool {
        *self == Diagnosis::default()
    }
}
