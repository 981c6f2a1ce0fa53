//! What was checked about a point on the original problem, and what was proved.
//!
//! Only the room `certify` makes certificates: whether one holds follows from its parts and cannot be set. The
//! constructor is visible in the crate for that room alone, which a test enforces.

use crate::diag::Span;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Certificate {
    pub kind: Kind,
    holds: bool,
    /// What the residuals were asked to meet.
    pub tolerance: f64,
    pub residuals: Vec<Residual>,
    pub second_order: SecondOrder,
    pub proved: Proved,
    /// Of a problem with complementary pairs: what its point was shown to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stationarity: Option<Stationarity>,
    /// Where the multipliers come from.
    pub multipliers: Witness,
    /// Sentences for the user: what was not proved and why, which witnesses were used.
    pub notes: Vec<String>,
}

/// Which conditions were asked of the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// First-order conditions of a nonlinear program, second-order ones where affordable.
    Nlp,
    /// The same, the problem being convex, and a gap to a lower bound.
    Convex,
    /// Of a problem that contains problems: feasibility, that followers' parts are their answers, the hypergradient.
    Bilevel,
    /// A point that meets the conditions of a problem without an objective.
    System,
    /// Feasibility of the best candidate; no optimality is claimed.
    Candidate,
    /// The same of a problem whose objective is only known by asking.
    #[serde(rename = "black box")]
    BlackBox,
    /// Feasibility and integrality; no optimality is claimed.
    Discrete,
    /// No feasible point, or none near.
    Infeasible,
    /// An objective without end.
    Unbounded,
}

/// One figure that must not exceed its tolerance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Residual {
    pub name: &'static str,
    /// Scaled, as it is compared.
    pub value: f64,
    pub unscaled: f64,
    pub tolerance: f64,
    /// Where it is worst.
    pub place: Option<Place>,
}

/// A row or a variable of the model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// `balance[seattle]`, `x[3]`
    pub label: String,
    pub span: Span,
}

/// Whether the Hessian of the Lagrangian is definite on the critical cone.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondOrder {
    /// Positive definite (for a minimum) along every direction that first order leaves open.
    Shown,
    /// Why not.
    NotShown(String),
    /// There is a direction along which the objective improves: the curvature along it, of the objective as stated.
    Refuted { curvature: f64 },
    /// It says nothing for this kind of problem.
    NotAsked,
}

/// What holds for the whole problem, not only near the point.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proved {
    Nothing,
    /// No feasible point is better by more than the gap; `bound` is on the objective as stated.
    Optimal {
        because: String,
        bound: Option<f64>,
    },
    /// All conditions of a problem without an objective are met.
    Satisfied,
    Infeasible {
        because: String,
    },
    /// Not a proof: the point is stationary for the violation of these rows.
    StationaryInfeasibility {
        rows: Vec<Place>,
    },
    Unbounded {
        because: String,
    },
}

/// Kinds of stationary points of problems with complementary pairs, from the weakest; `certify::complementarity` defines
/// them. Only `B` and `Strong` are necessary conditions of a minimum that leave no direction of descent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stationarity {
    None,
    Weak,
    C,
    M,
    B,
    Strong,
}

impl Stationarity {
    /// As the end of "the point is ...".
    pub fn words(self) -> &'static str {
        match self {
            Stationarity::None => "not shown to be stationary",
            Stationarity::Weak => "weakly stationary",
            Stationarity::C => "C-stationary",
            Stationarity::M => "M-stationary",
            Stationarity::B => "B-stationary",
            Stationarity::Strong => "strongly stationary",
        }
    }
}

/// Where the multipliers that were checked come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// No multipliers were needed.
    None,
    /// The method handed them back.
    Method,
    /// The judge fitted them to the rows that are nearly active.
    Fitted,
}

impl Certificate {
    /// For the room `certify` only. It holds if all residuals are within their tolerances (a NaN is not) and nothing
    /// was refuted; a certificate of infeasibility or of an unbounded objective also needs its proof.
    pub(crate) fn judged(
        kind: Kind,
        tolerance: f64,
        residuals: Vec<Residual>,
        second_order: SecondOrder,
        proved: Proved,
        multipliers: Witness,
        notes: Vec<String>,
    ) -> Certificate {
        let within = residuals.iter().all(|r| r.value <= r.tolerance);
        let refuted = matches!(second_order, SecondOrder::Refuted { .. });
        let ended = matches!(kind, Kind::Infeasible | Kind::Unbounded);
        let holds = within && !refuted && !(ended && proved == Proved::Nothing);
        Certificate { kind, holds, tolerance, residuals, second_order, proved, stationarity: None, multipliers, notes }
    }

    /// For the room `certify` only: what a point of a problem with complementary pairs is. What is less than B-stationary
    /// may have a direction of descent, and does not hold.
    pub(crate) fn with_stationarity(mut self, class: Stationarity) -> Certificate {
        self.holds &= class >= Stationarity::B;
        self.notes.insert(0, format!("the point is {}", class.words()));
        self.stationarity = Some(class);
        self
    }

    pub fn holds(&self) -> bool {
        self.holds
    }

    /// The residuals that are beyond their tolerance.
    pub fn broken(&self) -> impl Iterator<Item = &Residual> {
        self.residuals.iter().filter(|r| r.value > r.tolerance || r.value.is_nan())
    }
}
