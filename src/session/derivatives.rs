//! The engine against the referee: values, first and second derivatives at a point.
//!
//! Values of objective and rows are compared with the slow evaluator (`expr::eval`). Derivatives are compared along
//! directions: `J v` with a five-point difference of the referee's rows, `H v` (of a Lagrangian with fixed weights) with
//! a five-point difference of the engine's gradient. Directions are single variables where that is affordable, else
//! groups of variables that share no row. Each difference is taken with two steps; where the two disagree (a kink, the
//! edge of a domain) their distance is the error that is forgiven.

use crate::ad::Evaluator;
use crate::answer::layout::{aligned, residual, significant};
use crate::diag::{Diagnostic, Sources, Span};
use crate::expr::eval::{self, Inputs};
use crate::expr::family::StageId;
use crate::problem::Problem;
use serde::Serialize;

/// One comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    pub kind: Kind,
    /// `cost`, `balance[2]`; for second derivatives the variable of the row of the Hessian.
    pub name: String,
    /// The variable of the direction, where it is a single one.
    pub along: Option<String>,
    pub engine: f64,
    pub reference: f64,
    /// `|engine - reference|` over `max(1, |reference|)`, without what is forgiven.
    pub error: f64,
    #[serde(skip)]
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Value,
    First,
    Second,
}

/// Errors above this are wrong derivatives. Five-point differences are good to about 1e-10 of smooth functions.
pub const SUSPICIOUS: f64 = 1e-6;

/// Up to this many directions are tried.
const DIRECTIONS: usize = 200;

/// All comparisons at `x`, worst first.
pub fn compare(problem: &Problem, x: &[f64]) -> Vec<Compared> {
    let mut evaluator = Evaluator::new(problem);
    let labels = Labels::of(problem);
    let mut out = values(problem, &mut evaluator, &labels, x);
    let groups = groups(&mut evaluator);
    for group in &groups {
        first(problem, &mut evaluator, &labels, x, group, &mut out);
        second(problem, &mut evaluator, x, group, &mut out);
    }
    out.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    out
}

/// Lines of the table of [`text`].
const SHOWN: usize = 10;

/// The worst comparisons as a table, and whether all agree.
pub fn text(all: &[Compared], sources: &Sources) -> String {
    let mut table = vec![["", "engine", "reference", "error", "line"].map(str::to_string).to_vec()];
    for compared in all.iter().take(SHOWN) {
        let line = sources.line_column(compared.span.source, compared.span.start).0;
        table.push(vec![
            described(compared),
            significant(compared.engine, 12),
            significant(compared.reference, 12),
            residual(compared.error),
            line.to_string(),
        ]);
    }
    let verdict = match wrong(all) {
        0 => "they agree".to_string(),
        wrong => format!("{wrong} differ by more than {}", residual(SUSPICIOUS)),
    };
    format!("{}\n{} values and derivatives compared: {verdict}\n", aligned(&table).join("\n"), all.len())
}

/// What an oracle answers has no derivatives.
pub fn known_by_asking(what: &str, oracle: &str, at: Span) -> Diagnostic {
    let message = format!("`{what}` is known by asking `{oracle}`; it has no derivatives");
    Diagnostic::error("not-differentiable", at, message).help("derivatives are those of expressions that ask no oracle")
}

/// How many are wrong.
pub fn wrong(all: &[Compared]) -> usize {
    all.iter().filter(|c| c.error.is_nan() || c.error > SUSPICIOUS).count()
}

/// `d balance[2] / d x[1]`
fn described(compared: &Compared) -> String {
    let along = compared.along.as_deref().unwrap_or("(a group of variables)");
    match compared.kind {
        Kind::Value => compared.name.clone(),
        Kind::First => format!("d {} / d {along}", compared.name),
        Kind::Second => format!("d² L / d {} d {along}", compared.name),
    }
}

/// NaN is the worst error.
fn rank(compared: &Compared) -> f64 {
    if compared.error.is_nan() { f64::INFINITY } else { compared.error }
}

/// Name and place of the objective (first, if there is one) and of each row.
struct Labels {
    names: Vec<(String, Span)>,
    stages: Vec<StageId>,
}

impl Labels {
    fn of(problem: &Problem) -> Labels {
        let mut names = vec![];
        let mut stages = vec![];
        if let Some(objective) = problem.objectives.first() {
            names.push((objective.label.clone(), objective.span));
            stages.push(objective.stage);
        }
        for constraint in &problem.constraints {
            let name = |r| format!("{}{}", constraint.label, constraint.axes.label(r));
            names.extend((0..constraint.rows as usize).map(|r| (name(r), constraint.span)));
            stages.push(constraint.stage);
        }
        Labels { names, stages }
    }
}

/// Objective and rows by the referee.
fn referee(problem: &Problem, labels: &Labels, x: &[f64]) -> Vec<f64> {
    let needed = eval::needed(&problem.stages, &labels.stages);
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let inputs = Inputs { variables: x, params, after: &[] };
    let stages = eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
    labels.stages.iter().flat_map(|id| stages[id.0 as usize].iter().copied()).collect()
}

/// Objective (if there is one) and rows by the engine.
fn engine(problem: &Problem, evaluator: &mut Evaluator, x: &[f64]) -> Vec<f64> {
    let mut rows = vec![0.0; evaluator.rows()];
    evaluator.constraints(x, &mut rows);
    if !problem.objectives.is_empty() {
        rows.insert(0, evaluator.objective(x));
    }
    rows
}

fn values(problem: &Problem, evaluator: &mut Evaluator, labels: &Labels, x: &[f64]) -> Vec<Compared> {
    let (fast, slow) = (engine(problem, evaluator, x), referee(problem, labels, x));
    let pairs = labels.names.iter().zip(fast.iter().zip(&slow));
    pairs
        .map(|((name, span), (&engine, &reference))| Compared {
            kind: Kind::Value,
            name: name.clone(),
            along: None,
            engine,
            reference,
            error: distance(engine, reference, 0.0),
            span: *span,
        })
        .collect()
}

/// Both not finite in the same way count as equal.
fn distance(engine: f64, reference: f64, forgiven: f64) -> f64 {
    if engine == reference || (engine.is_nan() && reference.is_nan()) {
        return 0.0;
    }
    ((engine - reference).abs() - forgiven).max(0.0) / reference.abs().max(1.0)
}

/// Variables that are moved together. In a group no two share a row, as far as the number of groups allows.
fn groups(evaluator: &mut Evaluator) -> Vec<Vec<usize>> {
    let n = evaluator.variables();
    if n <= DIRECTIONS {
        return (0..n).map(|j| vec![j]).collect();
    }
    let pattern = evaluator.jacobian_pattern().clone();
    let mut rows_of: Vec<Vec<usize>> = vec![vec![]; n];
    for r in 0..pattern.rows {
        for &j in &pattern.columns[pattern.row(r)] {
            rows_of[j as usize].push(r);
        }
    }
    // Greedy colouring; `taken[r]` lists the groups that already hold a variable of row `r`.
    let mut taken: Vec<Vec<usize>> = vec![vec![]; pattern.rows];
    let mut groups: Vec<Vec<usize>> = vec![];
    for (j, rows) in rows_of.iter().enumerate() {
        let free = (0..groups.len()).find(|g| rows.iter().all(|&r| !taken[r].contains(g)));
        let group = match free {
            Some(g) => g,
            None if groups.len() < DIRECTIONS => {
                groups.push(vec![]);
                groups.len() - 1
            }
            None => j % DIRECTIONS,
        };
        groups[group].push(j);
        for &r in rows {
            taken[r].push(group);
        }
    }
    groups
}

/// A derivative along a direction by differences, and how far two steps disagree.
fn difference(mut f: impl FnMut(f64) -> Vec<f64>) -> Vec<(f64, f64)> {
    let mut at = |h: f64| -> Vec<f64> {
        let [a, b, c, d] = [f(h), f(-h), f(2.0 * h), f(-2.0 * h)];
        (0..a.len()).map(|k| (8.0 * (a[k] - b[k]) - (c[k] - d[k])) / (12.0 * h)).collect()
    };
    let (mut coarse, mut fine) = (at(2e-3), at(1e-3));
    if coarse.iter().chain(&fine).any(|v| !v.is_finite()) {
        (coarse, fine) = (at(2e-6), at(1e-6));
    }
    coarse.iter().zip(&fine).map(|(a, b)| (*b, 2.0 * (a - b).abs())).collect()
}

/// The point moved by `t` along a group, each variable by its own scale.
fn moved(x: &[f64], group: &[usize], t: f64) -> Vec<f64> {
    let mut out = x.to_vec();
    for &j in group {
        out[j] += t * x[j].abs().max(1.0);
    }
    out
}

fn first(
    problem: &Problem,
    evaluator: &mut Evaluator,
    labels: &Labels,
    x: &[f64],
    group: &[usize],
    out: &mut Vec<Compared>,
) {
    let direction = direction(x, group);
    let step = unit(&direction, group);
    let mut along = vec![0.0; evaluator.rows()];
    evaluator.jacobian_product(x, &direction, &mut along);
    if !problem.objectives.is_empty() {
        let mut gradient = vec![0.0; x.len()];
        evaluator.gradient(x, &mut gradient);
        along.insert(0, gradient.iter().zip(&direction).filter(|(_, v)| **v != 0.0).map(|(g, v)| g * v).sum());
    }
    let reference = difference(|t| referee(problem, labels, &moved(x, group, t)));
    for (((name, span), engine), (reference, forgiven)) in labels.names.iter().zip(along).zip(reference) {
        if engine == 0.0 && reference == 0.0 {
            continue;
        }
        out.push(Compared {
            kind: Kind::First,
            name: name.clone(),
            along: single(problem, group),
            engine: engine / step,
            reference: reference / step,
            error: distance(engine, reference, forgiven),
            span: *span,
        });
    }
}

fn second(problem: &Problem, evaluator: &mut Evaluator, x: &[f64], group: &[usize], out: &mut Vec<Compared>) {
    // Any fixed weights will do; these are of size 1, differ from row to row and cancel nothing.
    let weights: Vec<f64> = (0..evaluator.rows()).map(|r| 1.0 + (r * 7919 % 101) as f64 / 101.0).collect();
    let mut along = vec![0.0; x.len()];
    let direction = direction(x, group);
    let step = unit(&direction, group);
    evaluator.hessian_product(x, 1.0, &weights, &direction, &mut along);
    let reference = difference(|t| lagrangian_gradient(evaluator, &moved(x, group, t), &weights));
    for (j, (engine, (reference, forgiven))) in along.into_iter().zip(reference).enumerate() {
        if engine == 0.0 && reference == 0.0 {
            continue;
        }
        out.push(Compared {
            kind: Kind::Second,
            name: problem.variable_name(j),
            along: single(problem, group),
            engine: engine / step,
            reference: reference / step,
            error: distance(engine, reference, forgiven),
            span: owner_span(problem, j),
        });
    }
}

/// `∇f + J' weights`.
fn lagrangian_gradient(evaluator: &mut Evaluator, x: &[f64], weights: &[f64]) -> Vec<f64> {
    let (mut out, mut rows) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    evaluator.gradient(x, &mut out);
    evaluator.jacobian_transposed_product(x, weights, &mut rows);
    out.iter_mut().zip(rows).for_each(|(g, r)| *g += r);
    out
}

fn direction(x: &[f64], group: &[usize]) -> Vec<f64> {
    let mut out = vec![0.0; x.len()];
    for &j in group {
        out[j] = x[j].abs().max(1.0);
    }
    out
}

/// What derivatives along a direction are divided by: its length, where it is that of one variable.
fn unit(direction: &[f64], group: &[usize]) -> f64 {
    match group {
        [only] => direction[*only],
        _ => 1.0,
    }
}

fn single(problem: &Problem, group: &[usize]) -> Option<String> {
    match group {
        [only] => Some(problem.variable_name(*only)),
        _ => None,
    }
}

fn owner_span(problem: &Problem, position: usize) -> Span {
    let owner = problem.variables.iter().find(|v| {
        let first = v.offset as usize;
        (first..first + v.axes.len()).contains(&position)
    });
    owner.map(|v| v.span).unwrap_or_default()
}
