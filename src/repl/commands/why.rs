//! `:why NAME[i]`: a row or a variable at the last answer.

use super::{Line, usage, wrong};
use crate::answer::Answer;
use crate::answer::layout::{aligned, number};
use crate::diag::{Diagnostic, Span};
use crate::problem::Problem;
use crate::problem::oracles::asked;
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::here::{Here, TOUCHING};
use crate::repl::reply::Reply;
use crate::repl::unique;
use crate::session::changes::{self, Refused};

/// Variables of a row, and rows of a variable, that are listed.
const LISTED: usize = 12;
/// Rows of a family that are told of when none is named.
const ROWS: usize = 5;

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
    let expanded = ready.prepared.expand(name).ok();
    let mut out = match told(&ready.prepared.problem, last.as_ref(), name, expanded.as_deref()) {
        Ok(out) => out,
        Err(refused) => {
            let said = Diagnostic::error("bad-change", at, refused.message);
            return match (expanded, refused.help) {
                // An objective.
                (Some(text), _) => Reply::said(text),
                (None, Some(help)) => wrong(conversation, said.help(help)),
                (None, None) => wrong(conversation, said),
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

/// A row or a variable of any level, at an answer if there is one. `expanded` is the row with its numbers.
fn told(
    problem: &Problem,
    last: Option<&(Answer, bool)>,
    name: &str,
    expanded: Option<&str>,
) -> Result<String, Refused> {
    let here = last.and_then(|(answer, stale)| Here::of(problem, answer, *stale));
    let all = problem.with_all_rows();
    match (changes::row(&all, name), changes::variable(problem, name)) {
        (Ok((k, row)), _) => {
            let text = expanded.unwrap_or_default();
            Ok(match &here {
                None => text.to_string(),
                Some(here) if row.is_none() && all.constraints[k].rows > 1 => format!("{text}{}", family(here, k)),
                Some(here) => format!("{text}{}", row_told(here, k, row.unwrap_or(0))),
            })
        }
        (Err(_), Ok((k, element))) => Ok(match &here {
            None => format!("{name}: a variable\n"),
            Some(here) if element.is_none() && problem.variables[k].axes.len() > 1 => variables_told(here, k),
            Some(here) => variable_told(here, k, element.unwrap_or(0)),
        }),
        (Err(of_row), Err(of_variable)) => {
            let (family, _) = changes::parted(name);
            Err(if changes::variable(problem, &family).is_ok() { of_variable } else { of_row })
        }
    }
}

fn family(here: &Here, k: usize) -> String {
    let constraint = &here.problem.constraints[k];
    let first = here.problem.row_starts()[k];
    let mut order: Vec<usize> = (0..constraint.rows as usize).collect();
    let weight = |r: &usize| {
        let dual = here.duals[first + r].abs();
        if dual.is_nan() { 0.0 } else { dual }
    };
    let slack = |r: &usize| here.slack(first + r);
    order.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(slack(a).total_cmp(&slack(b))));
    let pulls = order.first().is_some_and(|r| weight(r) > 0.0);
    let mut out = format!("those with the {}:\n", if pulls { "largest duals" } else { "least slack" });
    for r in order.into_iter().take(ROWS) {
        out += &format!("  {}{}: {}\n", constraint.label, constraint.axes.label(r), here.standing(first + r));
    }
    out
}

fn row_told(here: &Here, k: usize, row: usize) -> String {
    let problem = &*here.problem;
    let r = problem.row_starts()[k] + row;
    let mut out = format!("{}\n", here.standing(r));
    let dual = here.duals[r];
    let block = here.block_of_row(k).map(|b| &problem.blocks[b]);
    let objective = block.map_or(&problem.objectives, |block| &block.objectives).first();
    let doubt = if dual.is_finite() && here.binds(r) { unique::doubt(here, k, row) } else { None };
    if let Some(doubt) = doubt {
        out +=
            &format!("multipliers are not unique here: {doubt}; its effect on the objective is not told by its dual\n");
    } else if let Some(objective) = objective
        && dual.is_finite()
        && dual != 0.0
    {
        let held = if block.is_some() { ", with what other levels decide held" } else { "" };
        let label = &objective.label;
        out += &format!("one more on its right side changes `{label}` by about {}{held}\n", number(dual));
    }
    let mut parts = here.slopes(r);
    parts.retain(|(slope, _)| *slope != 0.0);
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

/// The elements of a family, those at a bound first.
fn variables_told(here: &Here, k: usize) -> String {
    let variable = &here.problem.variables[k];
    let first = variable.offset as usize;
    let mut order: Vec<usize> = (first..first + variable.axes.len()).collect();
    order.sort_by_key(|&j| here.at_bound(j).is_empty());
    let row = |j: &usize| vec![here.problem.variable_name(*j), number(here.x[*j]), here.at_bound(*j).to_string()];
    let table: Vec<Vec<String>> = order.iter().take(LISTED).map(row).collect();
    let mut out = aligned(&table).join("\n") + "\n";
    if order.len() > LISTED {
        let last = variable.axes.label(variable.axes.len() - 1);
        out +=
            &format!("... and {} more; name one to see what holds it: {}{last}\n", order.len() - LISTED, variable.name);
    }
    out
}

/// The first-order condition of a variable in the level that decides it: the slope of the objective against what rows
/// and bounds pull.
fn variable_told(here: &Here, k: usize, element: usize) -> String {
    let problem = &*here.problem;
    let variable = &problem.variables[k];
    let j = variable.offset as usize + element;
    let (low, high) = (here.bounds.lower[j], here.bounds.upper[j]);
    let place = match here.at_bound(j) {
        "" => "between its bounds",
        place => place,
    };
    let name = problem.variable_name(j);
    let mut out = format!("{name} = {} in [{}, {}]: {place}\n", number(here.x[j]), number(low), number(high));
    let owner = problem.owners()[j].map(|b| b as usize);
    let block = owner.map(|b| &problem.blocks[b]);
    if let Some(block) = block {
        if block.supplied.iter().any(|s| s.variable as usize == k) {
            return out + &format!("a multiplier of `{}`, which the level around it may read\n", block.name);
        }
        if block.objectives.is_empty() {
            return out + &format!("it follows from the conditions of `{}`\n", block.name);
        }
        out += &format!("decided by `{}`, with what other levels decide held:\n", block.name);
    } else if !problem.blocks.is_empty() {
        out += "with what followers decide held:\n";
    }
    if let (None, Some(call)) = (block, asked(problem).first()) {
        let oracle = &problem.oracle_of(*call).name;
        return out + &format!("the objective is known by asking `{oracle}`: it has no slope\n");
    }
    let instance = block.map_or(0, |block| variable.axes.instances(&block.axes)[element] as usize);
    let gradient = here.gradient(owner.map(|b| (b, instance)))[j];
    let starts = problem.row_starts();
    let mut pulls: Vec<(f64, String)> = vec![];
    let columns = here.columns(j);
    for f in here.families_of(owner) {
        let family = &problem.constraints[f];
        for (slope, r) in columns.iter().filter(|(_, r)| (starts[f]..starts[f + 1]).contains(r)) {
            pulls.push((family.dual_sign * here.duals[*r] * slope, problem.row_name(*r)));
        }
    }
    if block.is_none() {
        pulls.push((here.lower[j], "its lower bound".to_string()));
        pulls.push((here.upper[j], "its upper bound".to_string()));
    } else if !here.at_bound(j).is_empty() {
        // Multipliers of bounds are known where the model reads them; what rows leave over is theirs.
        let left = gradient - pulls.iter().map(|(pull, _)| pull).sum::<f64>();
        pulls.push((left, "its bounds".to_string()));
    }
    pulls.retain(|(pull, _)| pull.abs() > TOUCHING);
    pulls.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let mut table = vec![vec!["slope of the objective".to_string(), number(gradient)]];
    table.extend(pulls.iter().take(LISTED).map(|(pull, name)| vec![format!("held by {name}"), number(*pull)]));
    out += &(aligned(&table).join("\n") + "\n");
    out
}
