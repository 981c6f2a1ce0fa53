//! `:why NAME[i]`: a row or a variable at the last answer.

use super::{Line, pointed, usage};
use crate::ad::Evaluator;
use crate::answer::Answer;
use crate::answer::layout::{aligned, number, residual};
use crate::diag::Span;
use crate::problem::Problem;
use crate::problem::values::{Bounds, Numbers};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::expression::point;
use crate::repl::reply::Reply;
use crate::session::changes;

/// Variables of a row, and rows of a variable, that are listed.
const LISTED: usize = 12;
/// Rows of a family that are told of when none is named.
const ROWS: usize = 5;
/// Closer to a side than this, relative to it, a row binds.
const TOUCHING: f64 = 1e-6;

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    match line.rest.is_empty() {
        true => usage(conversation, line),
        false => explained(conversation, &line.rest, line.rest_at),
    }
}

/// What is known of a row or a variable that is named at `at`.
pub(in crate::repl) fn explained(conversation: &mut Conversation, name: &str, at: Span) -> Reply {
    if let Err(errors) = conversation.ready() {
        return Reply::refused(errors);
    }
    let last = conversation.last.as_ref().map(|last| (last.answer.clone(), last.stale));
    let ready = conversation.ready().expect("it was ready");
    let problem = &ready.prepared.problem;
    let here = last.as_ref().and_then(|(answer, stale)| Here::of(problem, answer, *stale));
    let mut out = match (changes::constraint(problem, name), changes::variable(problem, name)) {
        (Ok((k, row)), _) => match (ready.prepared.expand(name), &here) {
            (Err(errors), _) => return pointed(conversation, errors, at),
            (Ok(text), None) => text,
            (Ok(text), Some(_)) if row.is_none() && ready.prepared.problem.constraints[k].rows > 1 => {
                let problem = &ready.prepared.problem;
                text + &family(problem, here.as_ref().expect("it is there"), k)
            }
            (Ok(text), Some(here)) => text + &row_told(&ready.prepared.problem, here, k, row.unwrap_or(0)),
        },
        (Err(_), Ok((k, element))) => match &here {
            None => format!("{name}: a variable\n"),
            Some(here) => variable_told(problem, here, k, element.unwrap_or(0)),
        },
        (Err(of_row), Err(of_variable)) => {
            let family = name.split('[').next().unwrap_or(name);
            let refused = if changes::variable(problem, family).is_ok() { of_variable } else { of_row };
            let known = problem.objectives.iter().any(|o| o.label == name);
            return match ready.prepared.expand(name) {
                Ok(text) if known => Reply::said(text),
                Ok(_) | Err(_) => {
                    let said = crate::diag::Diagnostic::error("bad-change", at, refused.message);
                    super::wrong(
                        conversation,
                        match refused.help {
                            Some(help) => said.help(help),
                            None => said,
                        },
                    )
                }
            };
        }
    };
    match last {
        None => out += "no answer yet: `:solve` finds one\n",
        Some((_, true)) => out += "(at the answer of the model before it changed)\n",
        Some((_, false)) => {}
    }
    Reply::said(out)
}

/// The last answer as the problem sees it.
struct Here {
    x: Vec<f64>,
    /// `dual_sign` is in them: d(objective) / d(right side).
    duals: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    bodies: Vec<f64>,
    bounds: Bounds,
}

impl Here {
    fn of(problem: &Problem, answer: &Answer, stale: bool) -> Option<Here> {
        let at = point(problem, answer, stale)?;
        let mut bodies = vec![0.0; problem.row_count()];
        Evaluator::new(&crate::plan::known(problem)).constraints(&at.x, &mut bodies);
        let unknown = |count: usize| vec![f64::NAN; count];
        let (rows, lower, upper) = match at.multipliers {
            Some(m) => (m.rows, m.lower, m.upper),
            None => (unknown(problem.row_count()), unknown(at.x.len()), unknown(at.x.len())),
        };
        let signs = problem.constraints.iter().flat_map(|c| (0..c.rows).map(|_| c.dual_sign));
        let duals = rows.iter().zip(signs).map(|(y, sign)| sign * y).collect();
        Some(Here { x: at.x, duals, lower, upper, bodies, bounds: Bounds::of(problem, &Numbers::of(problem)) })
    }

    /// `at its lower bound`, or nothing.
    fn at_bound(&self, j: usize) -> &'static str {
        let touches = |bound: f64| bound.is_finite() && (self.x[j] - bound).abs() <= TOUCHING * bound.abs().max(1.0);
        match (touches(self.bounds.lower[j]), touches(self.bounds.upper[j])) {
            (true, true) => "fixed",
            (true, false) => "at its lower bound",
            (false, true) => "at its upper bound",
            (false, false) => "",
        }
    }

    /// How a row stands to its sides.
    fn standing(&self, r: usize) -> String {
        let (body, low, high) = (self.bodies[r], self.bounds.row_lower[r], self.bounds.row_upper[r]);
        let slack = (body - low).min(high - body);
        let dual = self.duals[r];
        let dual = if dual.is_nan() { String::new() } else { format!(", dual {}", number(dual)) };
        let scale = if body - low < high - body { low } else { high }.abs().max(1.0);
        let touching = slack.abs() <= TOUCHING * scale;
        let verdict = match touching {
            true if low == high => "an equation that holds".to_string(),
            true => "binding".to_string(),
            false if slack < 0.0 => format!("violated by {}", residual(-slack)),
            false if slack.is_infinite() => "free".to_string(),
            false => format!("not binding, slack {}", number(slack)),
        };
        format!("value {}: {verdict}{dual}", number(body))
    }
}

fn family(problem: &Problem, here: &Here, k: usize) -> String {
    let constraint = &problem.constraints[k];
    let first = problem.row_starts()[k];
    let mut order: Vec<usize> = (0..constraint.rows as usize).collect();
    let weight = |r: &usize| {
        let dual = here.duals[first + r].abs();
        if dual.is_nan() { 0.0 } else { dual }
    };
    order.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    let mut out = String::from("those with the largest duals:\n");
    for r in order.into_iter().take(ROWS) {
        out += &format!("  {}{}: {}\n", constraint.label, constraint.axes.label(r), here.standing(first + r));
    }
    out
}

fn row_told(problem: &Problem, here: &Here, k: usize, row: usize) -> String {
    let r = problem.row_starts()[k] + row;
    let mut out = format!("{}\n", here.standing(r));
    let dual = here.duals[r];
    if dual.is_finite() && dual != 0.0 && !problem.objectives.is_empty() {
        let objective = &problem.objectives[0].label;
        out += &format!("one more on its right side changes `{objective}` by about {}\n", number(dual));
    }
    let mut evaluator = Evaluator::new(&crate::plan::known(problem));
    let pattern = evaluator.jacobian_pattern().clone();
    let mut slopes = vec![0.0; pattern.entries()];
    evaluator.jacobian(&here.x, &mut slopes);
    let mut parts: Vec<(f64, usize)> = pattern.row(r).map(|e| (slopes[e], pattern.columns[e] as usize)).collect();
    parts.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let mut table = vec![["", "value", "slope of the row", ""].map(str::to_string).to_vec()];
    for (slope, j) in parts.iter().take(LISTED) {
        let bound = here.at_bound(*j);
        table.push(vec![problem.variable_name(*j), number(here.x[*j]), number(*slope), bound.to_string()]);
    }
    out += &(aligned(&table).join("\n") + "\n");
    if parts.len() > LISTED {
        out += &format!("... and {} more\n", parts.len() - LISTED);
    }
    out
}

/// The first-order condition of a variable: the objective's slope against what rows and bounds pull.
fn variable_told(problem: &Problem, here: &Here, k: usize, element: usize) -> String {
    let j = problem.variables[k].offset as usize + element;
    let (low, high) = (here.bounds.lower[j], here.bounds.upper[j]);
    let place = match here.at_bound(j) {
        "" => "between its bounds",
        place => place,
    };
    let name = problem.variable_name(j);
    let mut out = format!("{name} = {} in [{}, {}]: {place}\n", number(here.x[j]), number(low), number(high));
    let mut evaluator = Evaluator::new(&crate::plan::known(problem));
    let mut gradient = vec![0.0; here.x.len()];
    evaluator.gradient(&here.x, &mut gradient);
    let pattern = evaluator.jacobian_pattern().clone();
    let mut slopes = vec![0.0; pattern.entries()];
    evaluator.jacobian(&here.x, &mut slopes);
    let signs = problem.constraints.iter().flat_map(|c| (0..c.rows).map(|_| c.dual_sign));
    let mut pulls: Vec<(f64, String)> = vec![];
    for (r, sign) in signs.enumerate() {
        for e in pattern.row(r).filter(|&e| pattern.columns[e] as usize == j) {
            pulls.push((sign * here.duals[r] * slopes[e], problem.row_name(r)));
        }
    }
    pulls.push((here.lower[j], "its lower bound".to_string()));
    pulls.push((here.upper[j], "its upper bound".to_string()));
    pulls.retain(|(pull, _)| pull.abs() > TOUCHING);
    pulls.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let mut table = vec![vec!["slope of the objective".to_string(), number(gradient[j])]];
    table.extend(pulls.iter().take(LISTED).map(|(pull, name)| vec![format!("held by {name}"), number(*pull)]));
    out += &(aligned(&table).join("\n") + "\n");
    out
}
