//! One row, or an objective, with its numbers: what `merit show --expand` prints.
//!
//! Parameters and everything that does not depend on variables stand as numbers. A named expression that depends on
//! variables is written out up to a depth, below that it stands by its name.

use super::changes::{self, Refused};
use crate::answer::layout::significant;
use crate::diag::Sources;
use crate::expr::family::{Source, StageId};
use crate::expr::print;
use crate::problem::values::{Numbers, depends_on_variables};
use crate::problem::{Constraint, Problem, Sense};

/// Named expressions are written out this deep.
const DEPTH: usize = 4;
/// Summands of a row that are written.
const SUMMANDS: usize = 60;
/// A line is broken between summands beyond this.
const WIDTH: usize = 100;

/// The text of a row (`balance[2]`; `balance` for all rows of a family, the first few) or of an objective.
pub fn expand(problem: &Problem, sources: &Sources, name: &str) -> Result<String, Refused> {
    let writer = Writer::of(problem);
    if let Some(objective) = problem.objectives.iter().find(|o| o.label == name) {
        let word = match objective.sense {
            Sense::Minimize => "minimize",
            Sense::Maximize => "maximize",
        };
        let line = sources.line_column(objective.span.source, objective.span.start).0;
        let body = writer.broken(writer.summands(objective.stage, 0, 0));
        return Ok(format!("{word} {name}  (line {line})\n{body}\n"));
    }
    let (k, row) = changes::constraint(problem, name)?;
    let constraint = &problem.constraints[k];
    let line = sources.line_column(constraint.span.source, constraint.span.start).0;
    let rows: Vec<usize> = row.map_or_else(|| (0..constraint.rows as usize).collect(), |row| vec![row]);
    let mut out = String::new();
    for &r in rows.iter().take(ROWS) {
        let label = constraint.axes.label(r);
        out += &format!("{}{label}  (line {line})\n{}\n", constraint.label, writer.row(constraint, r));
    }
    if rows.len() > ROWS {
        out += &format!("... ({} rows; name one to see it, such as {}{})\n", rows.len(), constraint.label, {
            constraint.axes.label(rows.len() - 1)
        });
    }
    Ok(out)
}

/// Rows of a family that are written when none is named.
const ROWS: usize = 5;

struct Writer<'p> {
    problem: &'p Problem,
    numbers: Numbers,
    depends: Vec<bool>,
}

impl Writer<'_> {
    fn of(problem: &Problem) -> Writer<'_> {
        Writer { problem, numbers: Numbers::of(problem), depends: depends_on_variables(problem) }
    }

    /// The body and its sides.
    fn row(&self, constraint: &Constraint, r: usize) -> String {
        let rows = constraint.rows as usize;
        let lower = self.numbers.column(self.problem, &constraint.lower, rows)[r];
        let upper = self.numbers.column(self.problem, &constraint.upper, rows)[r];
        let body = self.broken(self.summands(constraint.stage, r, 0));
        let number = |v| significant(v, 10);
        let sides = match (lower.is_finite(), upper.is_finite()) {
            (true, true) if lower == upper => format!("== {}", number(lower)),
            (true, true) => format!("in [{}, {}]", number(lower), number(upper)),
            (true, false) => format!(">= {}", number(lower)),
            (false, true) => format!("<= {}", number(upper)),
            (false, false) => "is free".to_string(),
        };
        let dropped = if constraint.dropped { "  (left out)" } else { "" };
        format!("{body}\n  {sides}{dropped}")
    }

    /// The terms that are added into a row of a stage.
    fn summands(&self, stage: StageId, row: usize, depth: usize) -> Vec<String> {
        let mut out = vec![];
        for term in &self.problem.stage(stage).terms {
            for p in (0..term.family.instances as usize).filter(|&p| term.target.at(p) == row) {
                let leaves = term.family.leaves.iter().map(|leaf| self.leaf(leaf.source, leaf.map.at(p), depth));
                let names: Vec<String> = leaves.collect();
                out.push(print::text(&self.problem.graph, term.family.body, &names));
            }
        }
        out
    }

    /// The text of what a leaf reads; more than a name or a plain number stands in parentheses.
    fn leaf(&self, source: Source, position: usize, depth: usize) -> String {
        let number = |v: f64| if v < 0.0 { format!("({})", significant(v, 10)) } else { significant(v, 10) };
        match source {
            Source::Variables => self.problem.variable_name(position),
            Source::Param(id) => number(self.problem.param(id).values[position]),
            Source::After(_) => "(known after the solve)".to_string(),
            Source::Stage(id) if !self.depends[id.0 as usize] => {
                let known = self.numbers.source(self.problem, source).get(position);
                known.map_or_else(|| self.inlined(id, position, depth), |&v| number(v))
            }
            Source::Stage(id) => self.inlined(id, position, depth),
        }
    }

    fn inlined(&self, id: StageId, position: usize, depth: usize) -> String {
        let summands = if depth < DEPTH { self.summands(id, position, depth + 1) } else { vec![] };
        if depth == DEPTH || summands.len() > SUMMANDS {
            return format!("{}[{}]", self.problem.stage(id).name, position + 1);
        }
        match &summands[..] {
            [] => "0".to_string(),
            [only] if only.chars().all(|c| c.is_alphanumeric() || "_.[],".contains(c)) => only.clone(),
            _ => format!("({})", joined(&summands)),
        }
    }

    /// Summands on indented lines.
    fn broken(&self, mut summands: Vec<String>) -> String {
        if summands.is_empty() {
            return "  0".to_string();
        }
        let count = summands.len();
        if count > SUMMANDS {
            summands.truncate(SUMMANDS);
            summands.push(format!("... ({count} terms)"));
        }
        let mut out = String::from("  ");
        let mut width = 0;
        for (k, summand) in summands.iter().enumerate() {
            let piece = if k == 0 { summand.clone() } else { signed(summand) };
            if k > 0 && width + piece.len() > WIDTH {
                out += "\n   ";
                width = 0;
            }
            width += piece.len();
            out += &piece;
        }
        out
    }
}

fn joined(summands: &[String]) -> String {
    let rest: String = summands[1..].iter().map(|summand| signed(summand)).collect();
    summands[0].clone() + &rest
}

/// ` + a`, or ` - a` for a summand that begins with a minus.
fn signed(summand: &str) -> String {
    match summand.strip_prefix('-') {
        Some(positive) => format!(" - {positive}"),
        None => format!(" + {summand}"),
    }
}
