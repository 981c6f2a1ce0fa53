//! What the user is told: one pure function of why the method stopped and what the judge found.

use super::Stop;
use super::certificate::{Certificate, Kind, Proved};
use serde::Serialize;

/// How a solve ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub enum Status {
    Solved,
    LocallySolved,
    BestFound,
    Infeasible,
    Unbounded,
    LocallyInfeasible,
    Limit,
    Interrupted,
    Failed,
}

/// Words, exit code and meaning of a status.
pub struct StatusRow {
    pub status: Status,
    pub words: &'static str,
    pub exit_code: i32,
    pub when: &'static str,
}

#[rustfmt::skip]
pub const STATUSES: [StatusRow; 9] = [
    StatusRow { status: Status::Solved, words: "solved", exit_code: 0, when: "the certificate holds and global optimality is proved" },
    StatusRow { status: Status::LocallySolved, words: "locally solved", exit_code: 0, when: "the certificate holds; nothing global is proved" },
    StatusRow { status: Status::BestFound, words: "best found", exit_code: 0, when: "a method that claims no optimality ended by its own rule or its budget, at a feasible point" },
    StatusRow { status: Status::Infeasible, words: "infeasible", exit_code: 3, when: "it is proved that no point is feasible" },
    StatusRow { status: Status::Unbounded, words: "unbounded", exit_code: 3, when: "it is proved that the objective improves without end along a ray" },
    StatusRow { status: Status::LocallyInfeasible, words: "locally infeasible", exit_code: 3, when: "the violation of the rows cannot be lowered near the point" },
    StatusRow { status: Status::Limit, words: "limit", exit_code: 3, when: "a limit on iterations or time ended the method" },
    StatusRow { status: Status::Interrupted, words: "interrupted", exit_code: 3, when: "it was asked to stop" },
    StatusRow { status: Status::Failed, words: "failed", exit_code: 3, when: "the method failed, or the certificate does not hold" },
];

impl Status {
    pub fn row(self) -> &'static StatusRow {
        &STATUSES[self as usize]
    }

    pub fn words(self) -> &'static str {
        self.row().words
    }

    /// 0 for a point that may be used, 3 otherwise.
    pub fn exit_code(self) -> i32 {
        self.row().exit_code
    }
}

impl From<Status> for &'static str {
    fn from(status: Status) -> &'static str {
        status.words()
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.words())
    }
}

/// The only place that says "solved". A method that found no acceptable step, or said that it failed, is still
/// believed if its point stands the judgement, and what the judge proved of the whole problem counts whatever the method
/// believed; a limit or an interrupt stays what it is.
pub fn status(stop: &Stop, certificate: &Certificate) -> Status {
    match stop {
        Stop::IterationLimit | Stop::TimeLimit => Status::Limit,
        Stop::Interrupted => Status::Interrupted,
        Stop::Oracle(_) => Status::Failed,
        Stop::Converged
        | Stop::Finished
        | Stop::Branched(_)
        | Stop::Budget
        | Stop::NoProgress(_)
        | Stop::NotFinite(_)
        | Stop::Failed(_)
        | Stop::Infeasible { .. }
        | Stop::Unbounded { .. } => match (certificate.holds(), certificate.kind) {
            (true, Kind::Infeasible | Kind::Unbounded) => of_ending(&certificate.proved),
            _ => of_point(certificate),
        },
    }
}

fn of_point(certificate: &Certificate) -> Status {
    if !certificate.holds() {
        return Status::Failed;
    }
    match (certificate.kind, &certificate.proved) {
        (Kind::Infeasible | Kind::Unbounded, _) => Status::Failed,
        (_, Proved::Optimal { .. } | Proved::Satisfied) => Status::Solved,
        (Kind::Candidate | Kind::BlackBox | Kind::Discrete, _) => Status::BestFound,
        (Kind::Nlp | Kind::Convex | Kind::System | Kind::Bilevel, _) => Status::LocallySolved,
    }
}

fn of_ending(proved: &Proved) -> Status {
    match proved {
        Proved::Infeasible { .. } => Status::Infeasible,
        Proved::StationaryInfeasibility { .. } => Status::LocallyInfeasible,
        Proved::Unbounded { .. } => Status::Unbounded,
        Proved::Nothing | Proved::Optimal { .. } | Proved::Satisfied => Status::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::certificate::{Residual, SecondOrder, Witness};
    use super::*;

    fn certificate(kind: Kind, residual: f64, proved: Proved) -> Certificate {
        let residuals =
            vec![Residual { name: "primal", value: residual, unscaled: residual, tolerance: 1e-6, place: None }];
        Certificate::judged(kind, 1e-6, residuals, SecondOrder::NotAsked, proved, Witness::None, vec![])
    }

    #[test]
    fn rows_stand_in_the_order_of_the_enum() {
        for (k, row) in STATUSES.iter().enumerate() {
            assert_eq!(row.status as usize, k);
        }
    }

    #[test]
    fn a_status_follows_from_stop_and_certificate() {
        let optimal = || Proved::Optimal { because: String::new(), bound: None };
        let infeasible = || Proved::Infeasible { because: String::new() };
        let unbounded = || Proved::Unbounded { because: String::new() };
        let ray = || Stop::Infeasible { ray: None };
        let cases = [
            (Stop::Converged, certificate(Kind::Convex, 0.0, optimal()), Status::Solved),
            (Stop::Converged, certificate(Kind::System, 0.0, Proved::Satisfied), Status::Solved),
            (Stop::Converged, certificate(Kind::Nlp, 0.0, Proved::Nothing), Status::LocallySolved),
            (Stop::NoProgress(String::new()), certificate(Kind::Nlp, 0.0, Proved::Nothing), Status::LocallySolved),
            (Stop::Converged, certificate(Kind::Nlp, 1e-5, optimal()), Status::Failed),
            (Stop::Converged, certificate(Kind::Nlp, f64::NAN, Proved::Nothing), Status::Failed),
            (Stop::Finished, certificate(Kind::Candidate, 0.0, Proved::Nothing), Status::BestFound),
            (Stop::Finished, certificate(Kind::Candidate, 1.0, Proved::Nothing), Status::Failed),
            (Stop::TimeLimit, certificate(Kind::Convex, 0.0, optimal()), Status::Limit),
            (Stop::Interrupted, certificate(Kind::Convex, 0.0, optimal()), Status::Interrupted),
            (ray(), certificate(Kind::Infeasible, 0.0, infeasible()), Status::Infeasible),
            (ray(), certificate(Kind::Infeasible, 0.0, Proved::Nothing), Status::Failed),
            (Stop::Converged, certificate(Kind::Infeasible, 0.0, infeasible()), Status::Infeasible),
            (Stop::Converged, certificate(Kind::Unbounded, 0.0, unbounded()), Status::Unbounded),
            (
                ray(),
                certificate(Kind::Infeasible, 0.0, Proved::StationaryInfeasibility { rows: vec![] }),
                Status::LocallyInfeasible,
            ),
            (Stop::Unbounded { ray: None }, certificate(Kind::Unbounded, 0.0, unbounded()), Status::Unbounded),
        ];
        for (stop, certificate, expected) in cases {
            assert_eq!(status(&stop, &certificate), expected, "{stop:?} with {certificate:?}");
        }
    }
}
