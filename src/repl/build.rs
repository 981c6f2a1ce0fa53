//! The model of a conversation as a problem: built when it is needed, and kept while numbers alone change.
//!
//! A statement that names what is not declared yet *waits*: the rest is built without it and without what depends on
//! it, so that expressions are answered all the same. A new number of a parameter goes into the problem that is there,
//! if nothing was decided by the old one; plan and analyses of matrices are kept.

use super::script::{Kept, Script};
use crate::answer::{Answer, json};
use crate::diag::{Diagnostic, Severity, Sources};
use crate::host::Host;
use crate::plan::Plan;
use crate::sema::Inputs;
use crate::session::{Errors, Model, Options, Prepared};
use crate::syntax::ast::{Check, Expr, ExprKind, RelOp, Statement, StatementKind};
use crate::syntax::print;
use std::rc::Rc;

/// What was done so far, for those who want to know what a change costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub elaborations: usize,
    pub plans: usize,
    pub solves: usize,
    /// Analyses of sparse matrices that solves have made.
    pub analyses: usize,
}

/// A problem with the plan of its last solve.
pub struct Ready {
    pub prepared: Prepared,
    pub plan: Option<(Options, Plan)>,
}

impl Ready {
    /// Starts from an earlier answer: its point and multipliers where the problem is the same but for numbers, else what
    /// has the same name and index.
    pub fn warm(&mut self, answer: &Answer, sources: &Sources) {
        let problem = &self.prepared.problem;
        let rows: usize = answer.multipliers.as_ref().map_or(problem.row_count(), |m| m.rows.len());
        let same = answer.x.len() == problem.dimension as usize
            && rows == problem.row_count()
            && answer.variables.iter().zip(&problem.variables).all(|(e, v)| e.name == v.name && e.axes == v.axes);
        if same {
            self.prepared.start_from(answer);
            return;
        }
        // An answer that does not fit is no reason not to solve.
        let _ = self.prepared.start_from_text("the last answer", &json::render(answer, sources));
    }
}

/// What became of the statements.
pub enum Built {
    Ready(Box<Ready>),
    /// Errors of the statements; those of `waiting` only want a name or a value that is not given yet.
    Incomplete {
        errors: Errors,
        faults: Vec<Fault>,
    },
}

/// A statement that is wrong or waits.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its number; `None` if the place lies in no statement.
    pub statement: Option<usize>,
    /// The name that it waits for, `None` if it is wrong.
    pub waits_for: Option<String>,
    pub diagnostic: Diagnostic,
}

/// Builds the statements.
pub fn build(script: &Script, host: &Rc<dyn Host>, inputs: &Inputs, counts: &mut Counts) -> Built {
    counts.elaborations += 1;
    let model = Model::from_statements(host.clone(), script.sources.clone(), script.file(), inputs.clone());
    match model.build() {
        Ok(prepared) => Built::Ready(Box::new(Ready { prepared, plan: None })),
        Err(errors) => {
            let wrong = errors.diagnostics.iter().filter(|d| d.severity == Severity::Error);
            let faults = wrong.map(|d| fault(script, &errors, d)).collect();
            Built::Incomplete { errors, faults }
        }
    }
}

fn fault(script: &Script, errors: &Errors, diagnostic: &Diagnostic) -> Fault {
    let holds = |kept: &Kept| {
        diagnostic.labels.iter().position(|label| {
            let (own, at) = (kept.statement.span, label.span);
            own.source == at.source && own.start <= at.start && at.end <= own.end
        })
    };
    // The statement of the first label that lies in one.
    let nearest = script.kept.iter().enumerate().filter_map(|(k, kept)| Some((holds(kept)?, k))).min();
    let text = errors.sources.text(diagnostic.primary());
    let missing = diagnostic.id == "undefined-name" && diagnostic.message == format!("nothing is called `{text}`");
    let valueless = diagnostic.id == "missing-data" && script.declaring(text).is_some();
    Fault {
        statement: nearest.map(|(_, k)| k),
        waits_for: match (missing, valueless) {
            (true, _) => Some(format!("`{text}`")),
            (_, true) => Some(format!("its value (`:param {text} = ...`)")),
            (false, false) => None,
        },
        diagnostic: diagnostic.clone(),
    }
}

/// The statements without those at fault and without all that depends on them.
pub fn sound(script: &Script, faults: &[Fault]) -> Script {
    let mut out: Vec<usize> = faults.iter().filter_map(|fault| fault.statement).collect();
    let mut next = 0;
    while next < out.len() {
        for user in script.mentioning(&script.kept[out[next]].names) {
            if !out.contains(&user) {
                out.push(user);
            }
        }
        next += 1;
    }
    let mut rest = script.clone();
    let mut number = 0;
    rest.kept.retain(|_| {
        number += 1;
        !out.contains(&(number - 1))
    });
    rest
}

/// The new numbers of a parameter, if `new` differs from `old` in nothing else and keeps what is promised of them.
pub fn new_numbers(script: &Script, old: &Statement, new: &Statement) -> Option<(String, Vec<f64>)> {
    let StatementKind::Param { name, index, checks, value: Some(value), .. } = &new.kind else { return None };
    let StatementKind::Param { value: Some(before), .. } = &old.kind else { return None };
    if print::statement(&without_value(old)) != print::statement(&without_value(new)) {
        return None;
    }
    let ((shape, numbers), (earlier, _)) = (literal(value)?, literal(before)?);
    let conditional = index.as_ref().is_some_and(|index| index.condition.is_some());
    // What another parameter promises may be about this one.
    let promised_to = |kept: &Kept| match &kept.statement.kind {
        StatementKind::Param { name: other, checks, .. } if other.name != name.name => checks.iter().any(names_others),
        _ => false,
    };
    let kept = checks.iter().all(|check| numbers.iter().all(|&v| keeps(check, v) == Some(true)));
    if shape != earlier || conditional || !kept || script.kept.iter().any(promised_to) {
        return None;
    }
    Some((name.name.clone(), numbers))
}

fn names_others(check: &Check) -> bool {
    keeps(check, 0.0).is_none()
}

/// Whether a number is as promised; `None` if that is not for literals alone to say.
fn keeps(check: &Check, value: f64) -> Option<bool> {
    match check {
        Check::Integer(_) => Some(value.fract() == 0.0),
        Check::Binary(_) => Some(value == 0.0 || value == 1.0),
        Check::Relation(op, e) => {
            let bound = number(e)?;
            match op {
                RelOp::Le => Some(value <= bound),
                RelOp::Ge => Some(value >= bound),
                RelOp::Lt => Some(value < bound),
                RelOp::Gt => Some(value > bound),
                RelOp::Ne => Some(value != bound),
                RelOp::Eq | RelOp::Assign => Some(value == bound),
                RelOp::In | RelOp::NotIn | RelOp::Distributed => None,
            }
        }
        Check::In(e) => match &e.kind {
            ExprKind::Array(rows) if rows.len() == 1 && rows[0].len() == 2 => {
                Some(number(&rows[0][0])? <= value && value <= number(&rows[0][1])?)
            }
            _ => None,
        },
    }
}

fn without_value(statement: &Statement) -> Statement {
    let mut bare = statement.clone();
    if let StatementKind::Param { value, .. } = &mut bare.kind {
        *value = None;
    }
    bare
}

/// The lengths of the rows (none for a number) and the numbers of a literal.
fn literal(e: &Expr) -> Option<(Vec<usize>, Vec<f64>)> {
    match &e.kind {
        ExprKind::Array(rows) => {
            let numbers = rows.iter().flatten().map(number).collect::<Option<Vec<f64>>>()?;
            Some((rows.iter().map(Vec::len).collect(), numbers))
        }
        _ => Some((vec![], vec![number(e)?])),
    }
}

fn number(e: &Expr) -> Option<f64> {
    match &e.kind {
        ExprKind::Number(v) => Some(*v),
        ExprKind::Infinity => Some(f64::INFINITY),
        ExprKind::Negate(inner) => number(inner).map(|v| -v),
        _ => None,
    }
}
