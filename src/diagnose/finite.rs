//! A value that is not finite: which bound would keep the function in its domain.

use crate::answer::certificate::Place;
use crate::answer::diagnosis::NotFinite;
use crate::answer::layout::number as short;
use crate::diag::Sources;
use crate::expr::family::{Source, Term};
use crate::expr::graph::{Node, NodeId};
use crate::expr::interval::Interval;
use crate::expr::ops::Op;
use crate::expr::print;
use crate::problem::Problem;
use crate::solve::trouble::{self, Trouble};

/// Bounds of single variables keep no matrix in the domain of its function.
pub const START_INSIDE: &str = "give the variables a `start` at which it is defined";

/// What was not finite at a point, in words, and what to write instead.
pub fn find(problem: &Problem, sources: &Sources, x: &[f64]) -> Option<NotFinite> {
    if let Some(undefined) = trouble::undefined_matrix(problem, x) {
        return Some(NotFinite {
            what: undefined.sentence(sources),
            place: Place { label: undefined.matrix.function.name().to_string(), span: undefined.span() },
            values: vec![],
            help: Some(START_INSIDE.to_string()),
        });
    }
    let trouble = trouble::find(problem, x)?;
    let place = Place { label: trouble.name(problem), span: trouble.span(problem) };
    Some(NotFinite {
        what: trouble.sentence(problem, sources),
        place,
        values: values(problem, &trouble, x),
        help: help_at(problem, &trouble),
    })
}

/// The variables that the function reads directly, with their values.
fn values(problem: &Problem, trouble: &Trouble, x: &[f64]) -> Vec<(String, f64)> {
    let term = trouble.term(problem);
    let mut found: Vec<(String, f64)> = vec![];
    for id in trouble.graph(problem).reachable(&[trouble.found.node]) {
        let Node::Leaf(k) = trouble.graph(problem).node(id) else { continue };
        let leaf = &term.family.leaves[k as usize];
        if leaf.source == Source::Variables {
            let at = leaf.map.at(trouble.instance);
            let value = (problem.variable_name(at), x[at]);
            if !found.contains(&value) {
                found.push(value);
            }
        }
    }
    found
}

/// What to write so that the function stays in its domain.
pub fn help_at(problem: &Problem, trouble: &Trouble) -> Option<String> {
    let term = trouble.term(problem);
    let Node::Call(op, operands) = trouble.graph(problem).node(trouble.found.node) else { return None };
    let given: [f64; 3] = std::array::from_fn(|k| trouble.found.operands.get(k).copied().unwrap_or(0.0));
    let names = leaf_names(problem, term, Some(trouble.instance));
    let text = |k: usize| print::text(trouble.graph(problem), operands[k], &names);
    let direct = |k: usize| {
        matches!(trouble.graph(problem).node(operands[k]), Node::Leaf(l)
        if term.family.leaves[l as usize].source == Source::Variables)
    };
    demand(op, given).map(|(k, demand)| advice(&text(k), direct(k), demand))
}

/// What an operand must be to be in the domain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Demand {
    AtLeast(f64),
    AtMost(f64),
    Between(f64, f64),
    NotZero,
}

/// Which operand is outside or on the border of the domain, and what it must be instead.
pub fn demand(op: Op, given: [f64; 3]) -> Option<(usize, Demand)> {
    let row = op.row();
    for (k, value) in given.into_iter().enumerate().take(row.arity) {
        let range = row.domain.operands[k];
        if !range.holds(value) {
            return Some((k, of_range(range)));
        }
    }
    match op {
        Op::Div | Op::Mod if given[1] == 0.0 => Some((1, Demand::NotZero)),
        Op::Pow if given[0] <= 0.0 => Some((0, Demand::AtLeast(CLOSE))),
        Op::Sqrt if given[0] == 0.0 => Some((0, Demand::AtLeast(CLOSE))),
        _ => None,
    }
}

/// The same for operands that lie in intervals.
pub fn demand_within(op: Op, given: [Interval; 3]) -> Option<(usize, Demand)> {
    let row = op.row();
    for (k, interval) in given.into_iter().enumerate().take(row.arity) {
        let range = row.domain.operands[k];
        if !range.holds(interval.lo) || !range.holds(interval.hi) {
            return Some((k, of_range(range)));
        }
    }
    match op {
        Op::Div | Op::Mod if given[1].contains(0.0) => Some((1, Demand::NotZero)),
        Op::Pow if given[0].lo <= 0.0 => Some((0, Demand::AtLeast(CLOSE))),
        _ => None,
    }
}

/// A bound instead of an open end.
const CLOSE: f64 = 1e-9;

pub fn of_range(range: crate::expr::ops::Range) -> Demand {
    let lo = if range.lo_open { range.lo + CLOSE } else { range.lo };
    let hi = if range.hi_open { range.hi - CLOSE } else { range.hi };
    match (lo.is_finite(), hi.is_finite()) {
        (true, true) => Demand::Between(lo, hi),
        (false, true) => Demand::AtMost(hi),
        (true, false) | (false, false) => Demand::AtLeast(lo),
    }
}

/// What to write in the model: a bound of a variable, or a row for anything else.
pub fn advice(text: &str, is_variable: bool, demand: Demand) -> String {
    let needs = match demand {
        Demand::AtLeast(v) => format!(">= {}", short(v)),
        Demand::AtMost(v) => format!("<= {}", short(v)),
        Demand::Between(lo, hi) => format!("in [{}, {}]", short(lo), short(hi)),
        Demand::NotZero if is_variable => {
            return format!("keep it away from 0, as by `var {} >= {}`", declared(text), short(CLOSE));
        }
        Demand::NotZero => return format!("bound what it reads so that `{text}` keeps away from 0"),
    };
    match is_variable {
        true => format!("bound it: `var {} {needs}`", declared(text)),
        false => format!("bound what it reads so that `{text} {needs}`"),
    }
}

/// A variable as its declaration begins: `x`, or `x[...]` for an element.
fn declared(text: &str) -> String {
    match text.split_once('[') {
        Some((name, _)) => format!("{name}[...]"),
        None => text.to_string(),
    }
}

/// Names of what leaves read: of one instance, or of the family.
pub fn leaf_names(problem: &Problem, term: &Term, instance: Option<usize>) -> Vec<String> {
    let name = |leaf: &crate::expr::family::Leaf| {
        let at = leaf.map.at(instance.unwrap_or(0));
        match leaf.source {
            Source::Variables => problem.variable_name(at),
            Source::Param(id) => {
                let param = problem.param(id);
                match param.name.is_empty() {
                    true => short(param.values.get(at).copied().unwrap_or(f64::NAN)),
                    false => format!("{}{}", param.name, param.axes.label(at)),
                }
            }
            Source::Stage(id) => super::places::row_of_stage(problem, id, at as u32).label,
            Source::After(_) => "...".to_string(),
        }
    };
    term.family.leaves.iter().map(name).collect()
}

/// Whether a node is a variable itself.
pub fn is_variable(problem: &Problem, term: &Term, node: NodeId) -> bool {
    matches!(problem.graph.node(node), Node::Leaf(l) if term.family.leaves[l as usize].source == Source::Variables)
}
