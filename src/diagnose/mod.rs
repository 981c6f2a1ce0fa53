//! What went wrong, and where: from a problem and an outcome that is no answer to names, lines and numbers.
//!
//! | file | what it finds |
//! | --- | --- |
//! | `chain` | bounds that follow from rows until one cannot hold |
//! | `elastic` | the few rows to relax, and by how much |
//! | `subset` | rows and bounds that exclude each other, none of them idle |
//! | `ray` | the variables along which the objective improves without end |
//! | `finite` | functions outside of their domains, and the bounds that would keep them inside |
//! | `stalled` | the rows and variables that a method could not satisfy |
//! | `inner` | small problems of our own, solved by the methods that there are |
//! | `places`, `point` | names and places; values at a point |

pub mod chain;
mod elastic;
pub mod finite;
mod inner;
mod places;
mod point;
mod ray;
mod stalled;
mod subset;

pub use inner::Limits;

use crate::answer::diagnosis::{Diagnosis, Stalled};
use crate::answer::{Outcome, Status, Stop};
use crate::diag::Sources;
use crate::problem::Problem;

/// What is known of a solve.
pub struct Ended<'a> {
    pub problem: &'a Problem,
    pub sources: &'a Sources,
    pub outcome: &'a Outcome,
    pub status: Status,
    /// Where the method began.
    pub start: &'a [f64],
}

/// What went wrong: nothing where nothing did. `subset` asks for an irreducible infeasible subset, too.
pub fn of(ended: &Ended, subset: bool, limits: &Limits) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    let Ended { problem, outcome, .. } = *ended;
    let x = &outcome.x;
    match ended.status {
        Status::Solved | Status::LocallySolved | Status::BestFound | Status::Interrupted => {}
        Status::Infeasible | Status::LocallyInfeasible => {
            diagnosis.relaxation = elastic::relaxation(problem, x, limits);
            if subset {
                diagnosis.subset = subset::find(problem, x, limits);
            }
        }
        Status::Unbounded => diagnosis.ray = ray::find(problem, way_out(outcome), x, ended.start),
        Status::Limit | Status::Failed => {
            if let Stop::Unbounded { .. } = outcome.stop {
                diagnosis.ray = ray::find(problem, way_out(outcome), x, ended.start);
            }
            if let Stop::NotFinite(_) = outcome.stop {
                diagnosis.not_finite = finite::find(problem, ended.sources, x);
            }
            if diagnosis.not_finite.is_none() && diagnosis.ray.is_none() {
                let stalled = stalled::find(problem, outcome, limits.judge.tolerance);
                let nothing = Stalled { rows: vec![], variables: vec![], help: vec![] };
                diagnosis.stalled = Some(stalled).filter(|stalled| *stalled != nothing);
            }
        }
    }
    diagnosis
}

/// The ray of a method that found the objective to be unbounded.
fn way_out(outcome: &Outcome) -> Option<&[f64]> {
    match &outcome.stop {
        Stop::Unbounded { ray } => ray.as_deref(),
        _ => None,
    }
}
