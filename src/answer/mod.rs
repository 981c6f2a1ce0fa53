//! What comes back: a method's [`Outcome`], the judge's [`Certificate`], and the [`Answer`] that is shown.
//!
//! Sign convention, everywhere, for the objective as stated (`minimize` or `maximize`): multipliers are derivatives of
//! the objective with respect to bounds, `y = d f* / d(row bound)` and `z = d f* / d(variable bound)`, so that a
//! stationary point has `∇f(x) - J(x)' y - z = 0`. When minimising, `y >= 0` at a lower bound and `y <= 0` at an upper
//! one; when maximising the signs are the other way round.

pub mod branching;
pub mod certificate;
pub mod diagnosis;
mod diagnosis_json;
mod diagnosis_text;
pub mod json;
pub mod layout;
pub mod plot;
pub mod result;
pub mod sensitivity;
pub mod status;
pub mod text;

pub use certificate::Certificate;
pub use result::Answer;
pub use status::Status;

use serde::Serialize;

/// What a method hands back: a point, its multipliers and why it stopped. It claims nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub x: Vec<f64>,
    /// `None` for methods that have no multipliers.
    pub multipliers: Option<Multipliers>,
    pub stop: Stop,
    pub iterations: usize,
    pub evaluations: Evaluations,
    /// A line per iteration, where asked for.
    pub log: Vec<LogLine>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Multipliers {
    /// One for each row.
    pub rows: Vec<f64>,
    /// `z = lower + upper`, one for each variable; when minimising `lower >= 0 >= upper`.
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
}

/// Why a method stopped.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// Its own test for a solution was met.
    Converged,
    /// Its own rule ended it (methods that claim no optimality).
    Finished,
    /// The ways in which pairs may hold were gone through, as far as was allowed; what shows that none is better.
    Branched(Box<branching::Branches>),
    /// As many candidates were asked about as were allowed (methods that claim no optimality).
    Budget,
    IterationLimit,
    TimeLimit,
    Interrupted,
    /// No acceptable step is left.
    NoProgress(String),
    /// It believes that no feasible point is near; `x` minimises the infeasibility, `ray` holds Farkas-like row weights.
    Infeasible {
        ray: Option<Vec<f64>>,
    },
    /// The objective falls without end along `ray` (in variables).
    Unbounded {
        ray: Option<Vec<f64>>,
    },
    /// A function was not finite: what and where.
    NotFinite(String),
    /// Who should have answered did not: why.
    Oracle(String),
    Failed(String),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Evaluations {
    pub objective: usize,
    pub gradient: usize,
    pub constraints: usize,
    pub jacobian: usize,
    pub hessian: usize,
    pub product: usize,
    /// Questions to oracles that the method needed answers to, whether they were put or known: those count the answers.
    #[serde(skip)]
    pub asked: usize,
}

impl Evaluations {
    pub fn add(&mut self, other: &Evaluations) {
        self.objective += other.objective;
        self.gradient += other.gradient;
        self.constraints += other.constraints;
        self.jacobian += other.jacobian;
        self.hessian += other.hessian;
        self.product += other.product;
        self.asked += other.asked;
    }
}

/// One line of `--log`; fields that a method does not have are NaN.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LogLine {
    pub iteration: usize,
    /// True inside a feasibility restoration, whose problem is not the user's: the objective is then NaN.
    pub restoration: bool,
    pub objective: f64,
    pub primal: f64,
    pub dual: f64,
    pub barrier: f64,
    /// The length of the last step; in methods with step fractions that of the direction, before it was shortened.
    pub step: f64,
    pub regularisation: f64,
    /// The fractions of the step that were taken, in the multipliers of bounds and in the variables.
    pub alpha_dual: f64,
    pub alpha_primal: f64,
    pub trials: usize,
    /// Values of functions and derivatives so far, all kinds together, and seconds since the method began. The monitor
    /// fills them in.
    pub evaluations: usize,
    pub seconds: f64,
}

/// Why a method stopped, in words; nothing where it met its own test.
pub fn stopped(stop: &Stop) -> Option<String> {
    match stop {
        Stop::Converged | Stop::Finished | Stop::Branched(_) => None,
        Stop::Budget => Some("the budget of questions is spent".to_string()),
        Stop::Oracle(why) => Some(why.clone()),
        Stop::IterationLimit => Some("the limit on iterations was reached".to_string()),
        Stop::TimeLimit => Some("the time limit was reached".to_string()),
        Stop::Interrupted => Some("it was asked to stop".to_string()),
        Stop::NoProgress(why) => Some(format!("no acceptable step was left: {why}")),
        Stop::Infeasible { .. } => Some("no feasible point near was found".to_string()),
        Stop::Unbounded { .. } => Some("the method found the objective to improve without end".to_string()),
        Stop::NotFinite(what) => Some(format!("a value was not finite: {what}")),
        Stop::Failed(why) => Some(format!("the method failed: {why}")),
    }
}
