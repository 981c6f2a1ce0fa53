//! Expressions: what they are, what they are worth, and how they bend.

use super::build::{self, Built};
use super::commands::{param, why};
use super::conversation::Conversation;
use super::reply::Reply;
use crate::answer::layout::{array, number};
use crate::answer::result::Entry;
use crate::answer::{Answer, Multipliers};
use crate::diag::Span;
use crate::expr::ops::Curvature;
use crate::problem::index::Axes;
use crate::problem::{Kind, Problem, Sense};
use crate::session::changes::parted;
use crate::session::shown::{Point, Reads, Shown};
use crate::session::{Errors, Model, Prepared};
use crate::syntax::ast::{Expr, ExprKind, Ident, IndexItem, IndexSpec, RelOp, Statement, StatementKind};
use crate::syntax::print;

/// Elements of a set that are listed.
const LISTED: usize = 12;

/// The reply to an expression that was typed at `at`.
pub(super) fn answer(conversation: &mut Conversation, expr: &Expr, at: Span) -> Reply {
    if let Some((name, value)) = given(conversation, expr) {
        return param::give(conversation, &name, &value, at);
    }
    if let Some(row) = row_label(conversation, expr) {
        return why::explained(conversation, &row, at);
    }
    match evaluated(conversation, expr) {
        Ok((shown, old)) => Reply::said(described(conversation, &print::expression(expr), &shown, old)),
        Err(errors) => match elements(conversation, expr).or_else(|| stated(conversation, expr)) {
            Some(said) => Reply::said(said),
            None => Reply::refused(errors),
        },
    }
}

/// `a = 5` of a parameter gives it a value, as `:param` does; a comparison is written `a == 5`.
fn given(conversation: &Conversation, expr: &Expr) -> Option<(String, String)> {
    let ExprKind::Relation(first, rest) = &expr.kind else { return None };
    let (ExprKind::Name(name), [(RelOp::Assign, value)]) = (&first.kind, &rest[..]) else { return None };
    let kept = &conversation.script.kept[conversation.script.declaring(name)?];
    let is_param = matches!(kept.statement.kind, StatementKind::Param { .. });
    is_param.then(|| (name.clone(), conversation.script.sources.text(value.span).to_string()))
}

/// What is known of an expression, its value at the last answer included; whether that answer is of an earlier model.
pub(super) fn evaluated(conversation: &mut Conversation, expr: &Expr) -> Result<(Shown, bool), Errors> {
    let show = Statement { kind: StatementKind::Show { values: vec![expr.clone()] }, span: expr.span };
    let prepared = with(conversation, show)?;
    let point = conversation.last.as_ref().and_then(|last| point(&prepared.problem, &last.answer, last.stale));
    let shown = prepared.shown(point.as_ref()).expect("a show was added");
    let old = conversation.last.as_ref().is_some_and(|last| last.stale) && shown.reads != Reads::Data;
    Ok((shown, old))
}

/// The problem of the statements that are sound, with one more.
pub(super) fn with(conversation: &mut Conversation, more: Statement) -> Result<Prepared, Errors> {
    let script = match conversation.built() {
        Built::Ready(_) => conversation.script.clone(),
        Built::Incomplete { faults, .. } => {
            let faults = faults.clone();
            build::sound(&conversation.script, &faults)
        }
    };
    let mut file = script.file();
    file.statements.push(more);
    conversation.counts.elaborations += 1;
    Model::from_statements(conversation.host.clone(), script.sources, file, conversation.inputs.clone()).build()
}

/// The point of an answer in the order of a problem's variables, if it has all of them; multipliers of this very model.
pub(super) fn point(problem: &Problem, answer: &Answer, stale: bool) -> Option<Point> {
    let mut x = Vec::with_capacity(problem.dimension as usize);
    if !stale && answer.x.len() == problem.dimension as usize {
        return Some(Point { x: answer.x.clone(), multipliers: answer.multipliers.clone() });
    }
    for (k, variable) in problem.variables.iter().enumerate() {
        let known = |entries: &'_ [Entry], name: &str| {
            entries.iter().find(|e| e.name == name && e.axes == variable.axes).map(|e| e.values.clone())
        };
        let supplied = problem.blocks.iter().any(|block| block.supplied.iter().any(|s| s.variable as usize == k));
        x.extend(match (known(&answer.variables, &variable.name), supplied) {
            (Some(values), _) => values,
            // Multipliers of blocks: those of rows are known by the names of the rows.
            (None, true) => known(&answer.duals, variable.name.trim_end_matches(".dual"))
                .unwrap_or_else(|| vec![f64::NAN; variable.axes.len()]),
            (None, false) => return None,
        });
    }
    let unknown = |count: usize| vec![f64::NAN; count];
    let (n, m) = (x.len(), problem.row_count());
    let multipliers = Multipliers { rows: unknown(m), lower: unknown(n), upper: unknown(n) };
    Some(Point { x, multipliers: Some(multipliers) })
}

/// `volume`, `balance[2]` and `buyer["north"].room` alone are rows, which have no value but much to be told of.
fn row_label(conversation: &mut Conversation, expr: &Expr) -> Option<String> {
    let mut base = expr;
    while let ExprKind::Subscript { base: inner, .. } | ExprKind::Field(inner, _) = &base.kind {
        base = inner;
    }
    let ExprKind::Name(_) = &base.kind else { return None };
    let text = print::expression(expr);
    let (name, _) = parted(&text);
    let Built::Ready(ready) = conversation.built() else { return None };
    let is_row = ready.prepared.problem.all_constraints().any(|c| c.label == name);
    is_row.then_some(text)
}

/// ``` = 3.25   (a number, convex in x) ```
fn described(conversation: &Conversation, text: &str, shown: &Shown, old: bool) -> String {
    let shape = shape(&shown.axes);
    let of = match shown.reads {
        Reads::Data => "of data alone".to_string(),
        Reads::Variables => format!("{} in {}", curvature(shown), shown.variables.join(", ")),
        Reads::Answer => "known after a solve".to_string(),
        Reads::Solve => "computed by a solve alone".to_string(),
    };
    let age = if old { ", at the answer of the model before it changed" } else { "" };
    let Some(values) = &shown.values else {
        let why = match (shown.reads, &conversation.last) {
            (Reads::Solve, _) => "`show` it and solve, or ask `:sens`",
            (_, None) => "no value yet: `:solve` finds one",
            (_, Some(_)) => "the last answer does not have all of its variables: `:solve` again",
        };
        return format!("{text}: {shape}, {of}; {why}");
    };
    let lines = match values.iter().all(|v| v.is_nan()) && shown.reads == Reads::Answer {
        true => return format!("{text}: {shape}, {of}; not known of the model as it is now: `:solve` again"),
        false => array(&shown.axes, values),
    };
    match &lines[..] {
        [line] => format!("{line}\n  ({shape}, {of}{age})"),
        lines => format!("{}\n  ({shape}, {of}{age})", lines.join("\n")),
    }
}

/// `affine`, `convex, of degree 2`, ...
pub(super) fn curvature(shown: &Shown) -> String {
    let word = words(shown.curvature);
    match shown.degree {
        Some(degree) if degree > 1 => format!("{word}, of degree {degree}"),
        Some(_) | None => word.to_string(),
    }
}

fn words(curvature: Curvature) -> &'static str {
    match curvature {
        Curvature::Constant => "constant",
        Curvature::Affine => "affine",
        Curvature::Convex => "convex",
        Curvature::Concave => "concave",
        Curvature::Unknown => "neither convex nor concave as far as is known",
    }
}

/// `a number`, `4 numbers`, `3 × 4 numbers`
pub(super) fn shape(axes: &Axes) -> String {
    if axes.is_scalar() {
        return "a number".to_string();
    }
    let sizes: Vec<String> = match axes.filter {
        Some(_) => vec![axes.len().to_string()],
        None => axes.sets.iter().map(|set| set.len().to_string()).collect(),
    };
    format!("{} numbers", sizes.join(" × "))
}

/// The statement of a name that has no value: of a block, an oracle, a function.
fn stated(conversation: &Conversation, expr: &Expr) -> Option<String> {
    let ExprKind::Name(name) = &expr.kind else { return None };
    let (statement, text) = conversation.script.found(name)?;
    let valueless = matches!(
        statement.kind,
        StatementKind::Block { .. }
            | StatementKind::Oracle { .. }
            | StatementKind::External { .. }
            | StatementKind::Def { .. }
    );
    valueless.then_some(text)
}

/// The elements of a set or of a table's key: those that an array over it has.
fn elements(conversation: &mut Conversation, expr: &Expr) -> Option<String> {
    let name = Ident { name: "(its elements)".to_string(), span: expr.span };
    let index = IndexSpec { items: vec![IndexItem::Domain(expr.clone())], condition: None, span: expr.span };
    let one = Expr { kind: ExprKind::Number(1.0), span: expr.span };
    let kind = StatementKind::Param {
        name: name.clone(),
        index: Some(index),
        checks: vec![],
        value: Some(one),
        default: None,
    };
    let prepared = with(conversation, Statement { kind, span: expr.span }).ok()?;
    let axes = &prepared.problem.params.iter().find(|param| param.name == name.name)?.axes;
    let count = axes.len();
    let label = |p: usize| axes.label(p).trim_start_matches('[').trim_end_matches(']').to_string();
    let mut listed: Vec<String> = (0..count.min(LISTED)).map(label).collect();
    if count > LISTED {
        listed.push("...".to_string());
        listed.push(label(count - 1));
    }
    let plural = if count == 1 { "" } else { "s" };
    Some(format!("{{{}}}\n  (a set of {count} element{plural})", listed.join(", ")))
}

/// A line for each new name that the problem knows.
pub(super) fn declared(prepared: &Prepared, names: &[&String]) -> Vec<String> {
    names.iter().filter_map(|name| line(prepared, name)).collect()
}

fn line(prepared: &Prepared, name: &str) -> Option<String> {
    let problem = &prepared.problem;
    if let Some(variable) = problem.variables.iter().find(|v| v.name == name) {
        let kind = match variable.kind {
            Kind::Real => "variable",
            Kind::Integer => "integer variable",
            Kind::Binary => "binary variable",
        };
        let count = variable.axes.len();
        return Some(if count == 1 { format!("{name}: {kind}") } else { format!("{name}: {count} {kind}s") });
    }
    if let Some(objective) = problem.objectives.iter().find(|o| o.label == name || name.contains(' ')) {
        let verb = match objective.sense {
            Sense::Minimize => "to minimize",
            Sense::Maximize => "to maximize",
        };
        let more = problem.objectives.len();
        let more = if more > 1 { format!(" (there are {more} objectives now)") } else { String::new() };
        return Some(format!("{}: {verb}{more}", objective.label));
    }
    if let Some(row) = problem.constraints.iter().find(|c| c.label == name) {
        let plural = if row.rows == 1 { "" } else { "s" };
        return Some(format!("{name}: {} row{plural}", row.rows));
    }
    if let Some(param) = problem.params.iter().find(|p| p.name == name) {
        return Some(match (param.axes.is_scalar(), &param.values[..]) {
            (true, [value]) => format!("{name} = {}", number(*value)),
            _ => format!("{name}: {}", shape(&param.axes)),
        });
    }
    let named = problem.named.iter().find(|n| n.name == name)?;
    Some(format!("{name}: {}", shape(&named.axes)))
}
