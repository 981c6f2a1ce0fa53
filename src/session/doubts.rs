//! Doubts that do not stop a solve, for `merit check`: functions that may be asked outside of their domains, and
//! constructs that this version has no method for.

use crate::answer::layout::number;
use crate::diag::{Diagnostic, Severity};
use crate::diagnose::finite;
use crate::expr::eval;
use crate::expr::family::StageId;
use crate::expr::graph::Node;
use crate::expr::interval::{Interval, domain_risks, enclosures};
use crate::expr::print;
use crate::plan;
use crate::problem::Problem;
use crate::problem::ranges::Ranges;
use crate::problem::squares::span_of;
use crate::problem::values::{Bounds, Numbers};
use crate::solve::trouble;

/// Warnings about a problem.
pub fn of(problem: &Problem) -> Vec<Diagnostic> {
    let mut out = refusals(problem);
    out.extend(domains(problem));
    out.extend(start(problem));
    out
}

/// What the planner would refuse. The model is right all the same, so these are warnings.
fn refusals(problem: &Problem) -> Vec<Diagnostic> {
    let refused = plan::plan(problem, &plan::Request::default()).err().unwrap_or_default();
    refused.into_iter().map(|d| Diagnostic { severity: Severity::Warning, ..d }).collect()
}

/// One warning for each term and function whose argument may leave the domain within the bounds of the variables.
fn domains(problem: &Problem) -> Vec<Diagnostic> {
    let numbers = Numbers::of(problem);
    let bounds = Bounds::of(problem, &numbers);
    let ranges = Ranges::of(problem, &numbers, &bounds);
    let rows = problem.constraints.iter().map(|c| c.stage);
    let roots: Vec<StageId> = problem.objectives.iter().map(|o| o.stage).chain(rows).collect();
    let needed = eval::needed(&problem.stages, &roots);
    let mut out: Vec<Diagnostic> = vec![];
    for (stage, _) in problem.stages.iter().zip(needed).filter(|(_, needed)| *needed) {
        for term in &stage.terms {
            let family = &term.family;
            let of_all = |leaf| ranges.leaf(problem, &numbers, &bounds, leaf, family.instances);
            let hull: Vec<Interval> = family.leaves.iter().map(of_all).collect();
            for node in domain_risks(&problem.graph, family.body, &hull) {
                let Node::Call(op, operands) = problem.graph.node(node) else { continue };
                // The hull over all instances is coarse: which of them are at risk by themselves?
                let of_one = |p: usize| -> Vec<Interval> {
                    family.leaves.iter().map(|leaf| ranges.leaf_at(problem, &numbers, &bounds, leaf, p)).collect()
                };
                let at_risk = |p: &usize| domain_risks(&problem.graph, family.body, &of_one(*p)).contains(&node);
                let instances = family.instances as usize;
                let first = if instances <= LOOKED_AT { (0..instances).find(at_risk) } else { Some(0) };
                let Some(first) = first else { continue };
                let at = span_of(term);
                let row = op.row();
                let found = enclosures(&problem.graph, family.body, &of_one(first));
                let intervals: [Interval; 3] =
                    std::array::from_fn(|k| found[&operands[if k < row.arity { k } else { 0 }]]);
                let names = finite::leaf_names(problem, term, Some(first));
                let text = |k: usize| print::text(&problem.graph, operands[k], &names);
                let message = format!("`{}` may be asked outside of its domain", row.name);
                let mut doubt = Diagnostic::warning("domain-risk", at, message);
                doubt = match finite::demand_within(op, intervals) {
                    Some((k, demand)) => {
                        let reach = format!("from {} to {}", number(intervals[k].lo), number(intervals[k].hi));
                        let variable = finite::is_variable(problem, term, operands[k]);
                        doubt
                            .here(format!("it needs {}, and `{}` goes {reach}", row.domain.needs, text(k)))
                            .help(finite::advice(&text(k), variable, demand))
                    }
                    None => doubt
                        .here(format!("it needs {}", row.domain.needs))
                        .help("bound the variables that it depends on, or start well inside of the domain"),
                };
                if !out.contains(&doubt) {
                    out.push(doubt);
                }
            }
        }
    }
    out
}

/// Instances of a family beyond this are not asked one by one.
const LOOKED_AT: usize = 20_000;

/// A start at which a function has no value: methods cannot begin there. What an oracle or a problem inside the problem
/// would say is not known, so that a model which has one is not asked.
fn start(problem: &Problem) -> Option<Diagnostic> {
    if !problem.unsupported.is_empty() {
        return None;
    }
    let problem = &*plan::known(problem);
    let start = plan::start::of(problem).x;
    if let Some(undefined) = trouble::undefined_matrix(problem, &start) {
        let function = undefined.matrix.function;
        let message = format!("at the start, `{}` of a matrix is not defined", function.name());
        let doubt = Diagnostic::warning("start-not-finite", undefined.span(), message);
        return Some(doubt.here(format!("it needs {}", function.needs())).help(finite::START_INSIDE));
    }
    let trouble = trouble::find(problem, &start).filter(|trouble| !trouble.of_slope())?;
    let message = format!("at the start, {}", trouble.found);
    let doubt = Diagnostic::warning("start-not-finite", trouble.span(problem), message);
    let doubt = doubt.here(format!("in {}", trouble.name(problem)));
    Some(match finite::help_at(problem, &trouble) {
        Some(help) => doubt.help(format!("start elsewhere, or {help}")),
        None => doubt.help("start elsewhere"),
    })
}
