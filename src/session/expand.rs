//! One row, or an objective, with its numbers: what `merit show --expand` prints.
//!
//! Parameters and everything that does not depend on variables stand as numbers. A named expression that depends on
//! variables is written out up to a depth, below that it stands by its name.

use super::changes::{self, Refused};
use crate::answer::layout::significant;
use crate::diag::Sources;
use crate::expr::family::{MatrixStage, Source, StageId};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::print;
use crate::problem::index::Axes;
use crate::problem::values::{Numbers, depends_on_variables};
use crate::problem::{Block, Constraint, Objective, Problem, Sense};
use std::collections::HashMap;

/// Named expressions are written out this deep.
const DEPTH: usize = 4;
/// Summands of a row that are written.
const SUMMANDS: usize = 60;
/// A line is broken between summands beyond this.
const WIDTH: usize = 100;

/// The text of a row (`balance[2]`; `balance` for all rows of a family, the first few) or of an objective.
pub fn expand(problem: &Problem, sources: &Sources, name: &str) -> Result<String, Refused> {
    let problem = &*problem.with_all_rows();
    let writer = Writer::of(problem);
    if let Some((objective, instance)) = objective(problem, name) {
        let word = match objective.sense {
            Sense::Minimize => "minimize",
            Sense::Maximize => "maximize",
        };
        let line = sources.line_column(objective.span.source, objective.span.start).0;
        let body = writer.broken(writer.summands(objective.stage, instance, 0));
        return Ok(format!("{word} {name}  (line {line})\n{body}\n"));
    }
    let (k, row) = changes::row(problem, name)?;
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

/// The objective of a name, of whichever level, and the instance of its block: the first where none is named.
fn objective<'p>(problem: &'p Problem, name: &str) -> Option<(&'p Objective, usize)> {
    if let Some(objective) = problem.objectives.iter().find(|o| o.label == name) {
        return Some((objective, 0));
    }
    let of_block = |block: &'p Block| {
        let families: Vec<(&str, &Axes)> = block.objectives.iter().map(|o| (&o.label[..], &block.axes)).collect();
        let (k, instance) = changes::named(&families, name, "objective").ok()?;
        Some((&block.objectives[k], instance.unwrap_or(0)))
    };
    problem.blocks.iter().find_map(of_block)
}

/// Rows of a family that are written when none is named.
const ROWS: usize = 5;

/// A leaf in an expanded row.
enum Known {
    Number(f64),
    /// The text of a variable or of an expression, in parentheses where it needs them.
    Name(String),
}

impl Known {
    fn name(&self) -> &str {
        match self {
            Known::Number(_) => "",
            Known::Name(name) => name,
        }
    }
}

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

    /// The terms that are added into a row of a stage, simplified with the numbers in place.
    fn summands(&self, stage: StageId, row: usize, depth: usize) -> Vec<String> {
        let mut out = vec![];
        if let Some(matrix) = &self.problem.stage(stage).matrix {
            out.push(self.matrix(matrix, row, depth));
        }
        for term in &self.problem.stage(stage).terms {
            for p in (0..term.family.instances as usize).filter(|&p| term.target.at(p) == row) {
                let leaves = term.family.leaves.iter().map(|leaf| self.leaf(leaf.source, leaf.map.at(p), depth));
                let leaves: Vec<Known> = leaves.collect();
                let (graph, body) = self.with_numbers(term.family.body, &leaves);
                if graph.node(body) != Node::Constant(0.0) {
                    let names: Vec<&str> = leaves.iter().map(Known::name).collect();
                    out.push(print::text(&graph, body, &names));
                }
            }
        }
        out
    }

    /// As in `det([x, 1; 1, y])`, and `inv([x, 1; 1, y])[1, 2]` for an element.
    fn matrix(&self, matrix: &MatrixStage, row: usize, depth: usize) -> String {
        let n = matrix.n as usize;
        let outputs = matrix.function.outputs(n);
        let first = row / outputs * n * n;
        let entry = |k: usize| match self.leaf(Source::Stage(matrix.of), first + k, depth) {
            Known::Number(value) => significant(value, 10),
            Known::Name(name) => name,
        };
        let line = |i: usize| (0..n).map(|j| entry(i * n + j)).collect::<Vec<String>>().join(", ");
        let lines: Vec<String> = (0..n).map(line).collect();
        let call = format!("{}([{}])", matrix.function.name(), lines.join("; "));
        match outputs {
            1 => call,
            _ => format!("{call}[{}, {}]", row % outputs / n + 1, row % n + 1),
        }
    }

    /// A body with its numeric leaves replaced by their numbers.
    fn with_numbers(&self, body: NodeId, leaves: &[Known]) -> (Graph, NodeId) {
        let mut graph = Graph::default();
        let mut known: HashMap<NodeId, NodeId> = HashMap::new();
        for id in self.problem.graph.reachable(&[body]) {
            let new = match self.problem.graph.node(id) {
                Node::Constant(value) => graph.constant(value),
                Node::Leaf(k) => match leaves[k as usize] {
                    Known::Number(value) => graph.constant(value),
                    Known::Name(_) => graph.leaf(k),
                },
                Node::Call(op, operands) => {
                    let operands: Vec<NodeId> = operands[..op.row().arity].iter().map(|o| known[o]).collect();
                    graph.call(op, &operands)
                }
            };
            known.insert(id, new);
        }
        (graph, known[&body])
    }

    /// What a leaf reads.
    fn leaf(&self, source: Source, position: usize, depth: usize) -> Known {
        match source {
            Source::Variables => Known::Name(self.problem.variable_name(position)),
            Source::Param(id) => Known::Number(self.problem.param(id).values[position]),
            Source::After(_) => Known::Name("(known after the solve)".to_string()),
            Source::Stage(id) if !self.depends[id.0 as usize] => {
                match self.numbers.source(self.problem, source).get(position) {
                    Some(&value) => Known::Number(value),
                    None => Known::Name(self.inlined(id, position, depth)),
                }
            }
            Source::Stage(id) => Known::Name(self.inlined(id, position, depth)),
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
