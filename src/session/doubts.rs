//! Doubts that do not stop a solve, for `merit check`: functions that may be asked outside of their domains, and
//! constructs that this version has no method for.

use crate::diag::{Diagnostic, Severity, Span};
use crate::expr::eval;
use crate::expr::family::StageId;
use crate::expr::graph::Node;
use crate::expr::interval::{Interval, domain_risks};
use crate::plan;
use crate::problem::Problem;
use crate::problem::ranges::Ranges;
use crate::problem::values::{Bounds, Numbers};

/// Warnings about a problem.
pub fn of(problem: &Problem) -> Vec<Diagnostic> {
    let mut out = refusals(problem);
    out.extend(domains(problem));
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
            let leaf = |leaf| ranges.leaf(problem, &numbers, &bounds, leaf, family.instances);
            let leaves: Vec<Interval> = family.leaves.iter().map(leaf).collect();
            for node in domain_risks(&problem.graph, family.body, &leaves) {
                let Node::Call(op, _) = problem.graph.node(node) else { continue };
                let (source, start, end) = term.origin;
                let at = Span { source: crate::diag::SourceId(source), start, end };
                let row = op.row();
                let message = format!("`{}` may be asked outside of its domain", row.name);
                let doubt = Diagnostic::warning("domain-risk", at, message)
                    .here(format!("it needs {}", row.domain.needs))
                    .help("bound the variables that it depends on, or start well inside of the domain");
                if !out.contains(&doubt) {
                    out.push(doubt);
                }
            }
        }
    }
    out
}
