//! Derivatives of an answer, and what was checked of them.

use super::json::{entry_value, number as json_number};
use super::layout::{array, residual, significant};
use super::result::Entry;
use serde_json::{Value, json};

/// `sensitivity w to ridge`: the derivative of each element of the first by each of the second.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    /// `w to ridge`, and the values: NaN where there is no derivative.
    pub entry: Entry,
    /// A statement of the model, or a value in `show` or `ensure`.
    pub stated: bool,
    /// Where some elements have no derivative: the derivatives for steps to the right and to the left.
    pub one_sided: Option<OneSided>,
    /// `None` if nothing was computed; the notes say why.
    pub checks: Option<Checks>,
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OneSided {
    pub right: Vec<f64>,
    pub left: Vec<f64>,
}

/// What was checked of a sensitivity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    /// Of the linear systems, relative to their right sides; the worst.
    pub residual: f64,
    /// Of their matrix, estimated from below.
    pub condition: f64,
    pub systems: Systems,
    /// The least over all inequalities of the larger of slack and multiplier, scaled: how far the set of active ones is
    /// from changing. Infinite if there are none.
    pub margin: f64,
    pub resolved: Option<Resolved>,
}

/// How the linear systems were solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Systems {
    /// Their matrix was formed and factored.
    #[default]
    Factored,
    /// It was only multiplied: by which method, how many systems were solved, and with how many products.
    Products { method: &'static str, solves: usize, products: usize },
}

/// The problem solved again at parameters moved a little to both sides along one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resolved {
    /// Of the step, relative to the parameters.
    pub step: f64,
    /// The largest difference between the quotient and the derivative, relative to `max(1, derivative)`.
    pub error: f64,
}

impl Checks {
    pub const RESIDUAL: f64 = 1e-8;
    pub const ERROR: f64 = 1e-4;

    /// The systems were solved, and the problem solved again agrees.
    pub fn holds(&self) -> bool {
        self.residual <= Checks::RESIDUAL && self.resolved.is_none_or(|r| r.error <= Checks::ERROR)
    }
}

impl Sensitivity {
    /// The derivatives exist and what was checked holds.
    pub fn holds(&self) -> bool {
        self.checks.as_ref().is_some_and(Checks::holds) && self.entry.values.iter().all(|v| v.is_finite())
    }

    /// The lines of the text view.
    pub fn lines(&self) -> Vec<String> {
        let name = format!("sensitivity {}", self.entry.name);
        let mut out = vec![];
        let mut put = |title: String, values: &[f64]| match &array(&self.entry.axes, values)[..] {
            [line] => out.push(format!("{title} = {line}")),
            lines => {
                out.push(format!("{title}:"));
                out.extend(lines.iter().map(|line| format!("  {line}")));
            }
        };
        match (&self.one_sided, &self.checks) {
            (_, None) => out.push(format!("{name}: not computed")),
            (None, Some(_)) => put(name, &self.entry.values),
            (Some(sides), Some(_)) => {
                put(format!("{name}, to the right"), &sides.right);
                put(format!("{name}, to the left"), &sides.left);
            }
        }
        if let Some(checks) = &self.checks {
            out.push(format!("  {}", checks.line(self.holds())));
        }
        out.extend(self.notes.iter().map(|note| format!("  {note}")));
        out
    }

    pub(super) fn json(&self) -> Value {
        let mut out = entry_value(&self.entry);
        let numbers = |values: &[f64]| values.iter().map(|v| json_number(*v)).collect::<Vec<_>>();
        if let Some(sides) = &self.one_sided {
            out["right"] = numbers(&sides.right).into();
            out["left"] = numbers(&sides.left).into();
        }
        out["certificate"] = match &self.checks {
            None => Value::Null,
            Some(checks) => json!({
                "holds": self.holds(),
                "residual": json_number(checks.residual),
                "condition": json_number(checks.condition),
                "systems": checks.systems.json(),
                "margin": json_number(checks.margin),
                "resolved": checks.resolved.map(|r| json!({"step": json_number(r.step), "error": json_number(r.error)})),
            }),
        };
        out["notes"] = self.notes.clone().into();
        out
    }
}

impl Checks {
    fn line(&self, holds: bool) -> String {
        let verdict = if holds { "holds" } else { "does not hold" };
        let condition = match (self.condition.is_finite(), self.systems) {
            (false, _) => "singular".to_string(),
            (true, Systems::Factored) => format!("condition {}", significant(self.condition, 2)),
            (true, Systems::Products { .. }) => {
                format!("condition at least {} as products show", significant(self.condition, 2))
            }
        };
        let margin = match self.margin.is_finite() {
            true => format!(", strict complementarity {}", residual(self.margin)),
            false => String::new(),
        };
        let resolved = match &self.resolved {
            Some(r) => {
                format!(", solved again at a distance of {}: differs by {}", residual(r.step), residual(r.error))
            }
            None => String::new(),
        };
        let systems = match self.systems {
            Systems::Factored => String::new(),
            Systems::Products { method, solves, products } => {
                format!("; no Hessian formed, {solves} systems solved by {method} with {products} products")
            }
        };
        format!("{verdict}: residual {}, {condition}{margin}{resolved}{systems}", residual(self.residual))
    }
}

impl Systems {
    fn json(self) -> Value {
        match self {
            Systems::Factored => json!({"method": "direct"}),
            Systems::Products { method, solves, products } => {
                json!({"method": method, "solves": solves, "products": products})
            }
        }
    }
}
