//! A problem as a text `.nl` file, with its `.row` and `.col` files of names.
//!
//! Columns stand in the order that the format asks for: nonlinear in both objectives and constraints, in constraints
//! only, in objectives only, then linear; within a group real before integer, at the end binary before integer. Rows:
//! nonlinear ones first. The second number of the header's line of nonlinear variables is a position and not a count as
//! soon as some variable is nonlinear in objectives only. Source: SAND2005-7907P, "Writing .nl Files".

use super::nl_functions::{Form, form, rewritten};
use super::number;
use super::scalars::{Body, Column, Goal, Row, Scalars};
use super::sums::Sums;
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;
use crate::problem::{Kind, Scaled, Sense};
use std::fmt::Write;

/// The texts of the three files.
#[derive(Clone, Debug, PartialEq)]
pub struct Nl {
    pub nl: String,
    /// Names of rows, then of objectives.
    pub row: String,
    /// Names of columns.
    pub col: String,
}

/// A function that the format does not have, by number of the objective or row (`None`: of a shared expression).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Absent {
    pub place: Place,
    pub op: Op,
    /// In the graph of the scalars.
    pub node: NodeId,
}

/// Whose function it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Objective(usize),
    Row(usize),
    Shared(usize),
}

/// Functions that cannot be said, the first of each objective, row and shared expression.
pub fn absent(scalars: &Scalars) -> Vec<Absent> {
    let first = |place: Place, body: &Body| {
        let nodes = scalars.graph.reachable(body.nonlinear.as_slice());
        nodes.into_iter().find_map(|node| match scalars.graph.node(node) {
            Node::Call(op, _) if form(op) == Form::Absent => Some(Absent { place, op, node }),
            Node::Constant(_) | Node::Leaf(_) | Node::Call(..) => None,
        })
    };
    let shared = scalars.shared.iter().enumerate().filter_map(|(k, s)| first(Place::Shared(k), &s.body));
    let objectives = scalars.objectives.iter().enumerate().filter_map(|(k, o)| first(Place::Objective(k), &o.body));
    let rows = scalars.rows.iter().enumerate().filter_map(|(k, r)| first(Place::Row(k), &r.body));
    shared.chain(objectives).chain(rows).collect()
}

/// The files. All functions must be known to the format; see [`absent`].
pub fn nl(scalars: &Scalars) -> Nl {
    let (graph, copies) = rewritten(&scalars.graph);
    let writer = Writer::new(scalars, &graph, &copies);
    let mut nl = writer.header();
    writer.functions(&mut nl);
    writer.starts(&mut nl);
    writer.scaling_factors(&mut nl);
    writer.bounds(&mut nl);
    writer.coefficients(&mut nl);
    let lines = |names: &mut dyn Iterator<Item = &str>| names.fold(String::new(), |out, name| out + name + "\n");
    let rows = writer.rows.iter().map(|&r| &scalars.rows[r].name[..]);
    let objectives = scalars.objectives.iter().map(|o| &o.name[..]);
    let mut columns = writer.columns.iter().map(|&c| &scalars.columns[c].name[..]);
    Nl { nl, row: lines(&mut rows.chain(objectives)), col: lines(&mut columns) }
}

/// Where a leaf is nonlinear.
#[derive(Clone, Copy, Default, PartialEq)]
struct Uses {
    rows: bool,
    objectives: bool,
}

struct Writer<'s> {
    scalars: &'s Scalars,
    sums: Sums<'s>,
    copies: &'s [NodeId],
    /// Uses of columns and of shared expressions.
    uses: Vec<Uses>,
    /// In the order of the file.
    columns: Vec<usize>,
    rows: Vec<usize>,
    shared: Vec<usize>,
    /// By leaf, its number in the file.
    numbers: Vec<usize>,
    /// By row in the order of the file: all columns that it reads, with coefficients of the linear part.
    entries: Vec<Vec<(usize, f64)>>,
    objective_entries: Vec<Vec<(usize, f64)>>,
}

impl<'s> Writer<'s> {
    fn new(scalars: &'s Scalars, graph: &'s Graph, copies: &'s [NodeId]) -> Writer<'s> {
        let count = scalars.columns.len();
        let mut writer = Writer {
            scalars,
            sums: Sums::new(graph),
            copies,
            uses: vec![],
            columns: vec![],
            rows: vec![],
            shared: vec![],
            numbers: vec![0; count + scalars.shared.len()],
            entries: vec![],
            objective_entries: vec![],
        };
        let reads: Vec<Vec<u32>> = scalars.shared.iter().map(|s| writer.all_leaves(&s.body)).collect();
        writer.uses = writer.all_uses(&reads);
        writer.order();
        let rows = writer.rows.iter().map(|&r| writer.all_entries(&scalars.rows[r].body, &reads)).collect();
        let objectives = scalars.objectives.iter().map(|o| writer.all_entries(&o.body, &reads)).collect();
        (writer.entries, writer.objective_entries) = (rows, objectives);
        writer
    }

    /// Leaves that the nonlinear part of a body reads; shared expressions count as nonlinear wherever they stand.
    fn nonlinear_leaves(&self, body: &Body) -> Vec<u32> {
        let count = self.scalars.columns.len() as u32;
        let root: Vec<NodeId> = body.nonlinear.iter().map(|id| self.copies[id.0 as usize]).collect();
        let leaf = |id: NodeId| if let Node::Leaf(k) = self.sums.graph.node(id) { Some(k) } else { None };
        let nonlinear = self.sums.graph.reachable(&root).into_iter().filter_map(leaf);
        nonlinear.chain(body.linear.iter().map(|(k, _)| *k).filter(|k| *k >= count)).collect()
    }

    fn all_leaves(&self, body: &Body) -> Vec<u32> {
        self.nonlinear_leaves(body).into_iter().chain(body.linear.iter().map(|(k, _)| *k)).collect()
    }

    fn all_uses(&self, reads: &[Vec<u32>]) -> Vec<Uses> {
        let count = self.scalars.columns.len();
        let mut uses = vec![Uses::default(); count + reads.len()];
        for row in &self.scalars.rows {
            self.nonlinear_leaves(&row.body).into_iter().for_each(|k| uses[k as usize].rows = true);
        }
        for objective in &self.scalars.objectives {
            self.nonlinear_leaves(&objective.body).into_iter().for_each(|k| uses[k as usize].objectives = true);
        }
        // A shared expression reads only columns and what stands before it.
        for (k, leaves) in reads.iter().enumerate().rev() {
            let Uses { rows, objectives } = uses[count + k];
            for &leaf in leaves {
                uses[leaf as usize].rows |= rows;
                uses[leaf as usize].objectives |= objectives;
            }
        }
        uses
    }

    fn order(&mut self) {
        let scalars = self.scalars;
        let group = |uses: Uses| match (uses.rows, uses.objectives) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        let kind = |k: usize, group: u32| match (scalars.columns[k].kind, group) {
            (Kind::Real, _) => 0,
            (Kind::Binary, 3) => 1,
            (Kind::Integer | Kind::Binary, _) => 2,
        };
        let place = |k: usize| {
            let group = group(self.uses[k]);
            (group, kind(k, group))
        };
        self.columns = (0..scalars.columns.len()).collect();
        self.columns.sort_by_key(|&k| place(k));
        let (nonlinear, linear): (Vec<usize>, Vec<usize>) =
            (0..scalars.rows.len()).partition(|&r| self.is_nonlinear_row(&scalars.rows[r]));
        self.rows = nonlinear.into_iter().chain(linear).collect();
        let count = scalars.columns.len();
        self.shared = (0..scalars.shared.len()).collect();
        self.shared.sort_by_key(|&k| group(self.uses[count + k]));
        for (number, &k) in self.columns.iter().enumerate() {
            self.numbers[k] = number;
        }
        for (number, &k) in self.shared.iter().enumerate() {
            self.numbers[count + k] = count + number;
        }
    }

    fn is_nonlinear(&self, body: &Body) -> bool {
        body.nonlinear.is_some() || body.linear.iter().any(|(k, _)| *k as usize >= self.scalars.columns.len())
    }

    /// The constant of a pair has no side to move to: with one its row counts as nonlinear, for not all readers look at
    /// the bodies of linear rows.
    fn is_nonlinear_row(&self, row: &Row) -> bool {
        self.is_nonlinear(&row.body) || (row.complements.is_some() && row.body.constant != 0.0)
    }

    /// Columns by their numbers in the file; those that are read in nonlinear parts only have the coefficient 0.
    fn all_entries(&self, body: &Body, reads: &[Vec<u32>]) -> Vec<(usize, f64)> {
        let count = self.scalars.columns.len();
        let mut entries: std::collections::BTreeMap<usize, f64> = Default::default();
        let mut waiting = self.nonlinear_leaves(body);
        let mut seen = std::collections::HashSet::new();
        while let Some(leaf) = waiting.pop() {
            if !seen.insert(leaf) {
                continue;
            }
            match (leaf as usize).checked_sub(count) {
                Some(shared) => waiting.extend(&reads[shared]),
                None => drop(entries.insert(self.numbers[leaf as usize], 0.0)),
            }
        }
        for &(leaf, factor) in body.linear.iter().filter(|(k, _)| (*k as usize) < count) {
            *entries.entry(self.numbers[leaf as usize]).or_insert(0.0) += factor;
        }
        entries.into_iter().collect()
    }

    fn header(&self) -> String {
        let s = self.scalars;
        let count = |holds: &dyn Fn(usize) -> bool| (0..s.columns.len()).filter(|&k| holds(k)).count();
        let uses = |k: usize| (self.uses[k].rows, self.uses[k].objectives);
        let both = count(&|k| uses(k) == (true, true));
        let in_rows = both + count(&|k| uses(k) == (true, false));
        let only_objectives = count(&|k| uses(k) == (false, true));
        // A position, as soon as there is something to point at.
        let in_objectives = if only_objectives > 0 { in_rows + only_objectives } else { both };
        let real = |k: usize| s.columns[k].kind == Kind::Real;
        let is_linear = |k: usize| uses(k) == (false, false);
        let binary = count(&|k| is_linear(k) && s.columns[k].kind == Kind::Binary);
        let integer = count(&|k| is_linear(k) && s.columns[k].kind == Kind::Integer);
        let discrete = |wanted| count(&|k| !real(k) && uses(k) == wanted);
        let stated = s.rows.iter().filter(|r| r.complements.is_none());
        let row_kinds: Vec<usize> = stated.map(|r| bound_kind(r.lower, r.upper)).collect();
        let kinds = |wanted: usize| row_kinds.iter().filter(|kind| **kind == wanted).count();
        let nonlinear_rows = s.rows.iter().filter(|r| self.is_nonlinear_row(r)).count();
        // Of each pair, whether its row is linear, and the bounds of its column.
        let pairs: Vec<(bool, &Column)> = s
            .rows
            .iter()
            .filter_map(|r| Some((!self.is_nonlinear_row(r), &s.columns[r.complements? as usize])))
            .collect();
        let counted = |holds: &dyn Fn(bool, &Column) -> bool| pairs.iter().filter(|(l, c)| holds(*l, c)).count();
        let nonlinear_objectives = s.objectives.iter().filter(|o| self.is_nonlinear(&o.body)).count();
        let nonzeros = |entries: &[Vec<(usize, f64)>]| entries.iter().map(Vec::len).sum::<usize>();
        let longest = |names: &mut dyn Iterator<Item = &String>| names.map(|name| name.len()).max().unwrap_or(0);
        let shared = |wanted| (0..s.shared.len()).filter(|k| uses(s.columns.len() + k) == wanted).count();
        let mut out = String::from("g3 1 1 0\t# problem written by merit\n");
        let mut line = |numbers: &[usize], what: &str| {
            let words: Vec<String> = numbers.iter().map(usize::to_string).collect();
            out += &format!(" {}\t# {what}\n", words.join(" "));
        };
        line(
            &[s.columns.len(), s.rows.len(), s.objectives.len(), kinds(0), kinds(4)],
            "vars, constraints, objectives, ranges, eqns",
        );
        line(
            &[
                nonlinear_rows,
                nonlinear_objectives,
                counted(&|linear, _| linear),
                counted(&|linear, _| !linear),
                counted(&|_, c| bound_kind(c.lower, c.upper) == 0),
                counted(&|_, c| c.lower.is_finite() && c.lower != 0.0),
            ],
            "nonlinear constraints, objectives; complementarity: linear, nonlinear, double, nonzero lower bounds",
        );
        line(&[0, 0], "network constraints: nonlinear, linear");
        line(&[in_rows, in_objectives, both], "nonlinear vars in constraints, objectives, both");
        line(&[0, 0, 0, 1], "linear network variables; functions; arith, flags");
        line(
            &[binary, integer, discrete((true, true)), discrete((true, false)), discrete((false, true))],
            "discrete variables: binary, integer, nonlinear (b,c,o)",
        );
        line(&[nonzeros(&self.entries), nonzeros(&self.objective_entries)], "nonzeros in Jacobian, gradients");
        let mut rows = s.rows.iter().map(|r| &r.name).chain(s.objectives.iter().map(|o| &o.name));
        line(&[longest(&mut rows), longest(&mut s.columns.iter().map(|c| &c.name))], "max name lengths: rows, columns");
        let counts = [shared((true, true)), shared((true, false)), shared((false, true)), 0, 0];
        line(&counts, "common exprs: b,c,o,c1,o1");
        out
    }

    /// Shared expressions, then the bodies of rows and objectives.
    fn functions(&self, out: &mut String) {
        let count = self.scalars.columns.len();
        for (number, &k) in self.shared.iter().enumerate() {
            let body = &self.scalars.shared[k].body;
            let linear: Vec<_> = body.linear.iter().filter(|(leaf, _)| (*leaf as usize) < count).collect();
            let _ = writeln!(out, "V{} {} 0", count + number, linear.len());
            for (leaf, factor) in linear {
                let _ = writeln!(out, "{} {}", self.numbers[*leaf as usize], number::decimal(*factor));
            }
            self.body(body, body.constant, out);
        }
        for (number, &r) in self.rows.iter().enumerate() {
            let row = &self.scalars.rows[r];
            let _ = writeln!(out, "C{number}");
            // The constant of a linear row is taken off its bounds.
            self.body(&row.body, if self.is_nonlinear_row(row) { row.body.constant } else { 0.0 }, out);
        }
        for (number, Goal { sense, body, .. }) in self.scalars.objectives.iter().enumerate() {
            let _ = writeln!(out, "O{number} {}", (*sense == Sense::Maximize) as u8);
            self.body(body, body.constant, out);
        }
    }

    fn body(&self, body: &Body, constant: f64, out: &mut String) {
        let count = self.scalars.columns.len() as u32;
        let mut sum = Sum { constant, ..Sum::default() };
        sum.leaves.extend(body.linear.iter().filter(|(leaf, _)| *leaf >= count));
        if let Some(root) = body.nonlinear {
            let split = self.sums.split(std::iter::once((1.0, self.copies[root.0 as usize])), |_| false);
            sum.constant += split.constant;
            sum.leaves.extend(split.linear);
            sum.rest.extend(split.rest);
        }
        self.expression(Task::Sum(sum), out);
    }

    /// Writes in prefix order. `truth`: a condition is wanted, where comparisons may stand as they are.
    fn expression(&self, task: Task, out: &mut String) {
        let graph = self.sums.graph;
        let mut waiting = vec![task];
        while let Some(task) = waiting.pop() {
            match task {
                Task::Words(words) => *out += words,
                Task::Number(value) => {
                    let _ = writeln!(out, "n{}", number::decimal(value));
                }
                Task::Scaled(factor, inner) => {
                    match factor {
                        1.0 => {}
                        -1.0 => *out += "o16\n",
                        _ => {
                            let _ = writeln!(out, "o2\nn{}", number::decimal(factor));
                        }
                    }
                    waiting.push(*inner);
                }
                Task::Leaf(leaf) => {
                    let _ = writeln!(out, "v{}", self.numbers[leaf as usize]);
                }
                Task::Sum(sum) => {
                    let mut parts = sum.parts();
                    match parts.len() {
                        0 => *out += "n0\n",
                        1 => {}
                        2 => *out += "o0\n",
                        many => {
                            let _ = writeln!(out, "o54\n{many}");
                        }
                    }
                    parts.reverse();
                    waiting.extend(parts);
                }
                Task::Node(id, truth) => {
                    let is_truth = matches!(graph.node(id), Node::Call(op, _) if op.row().truth);
                    match (truth, is_truth) {
                        (true, false) => {
                            waiting.extend([Task::Number(0.0), Task::Node(id, false)]);
                            // A number as a condition: it holds unless it is 0.
                            *out += "o30\n";
                            continue;
                        }
                        (false, true) => {
                            waiting.extend([Task::Number(0.0), Task::Number(1.0), Task::Node(id, true)]);
                            *out += "o35\n";
                            continue;
                        }
                        (true, true) | (false, false) => {}
                    }
                    self.node(id, &mut waiting, out);
                }
            }
        }
    }

    fn node(&self, id: NodeId, waiting: &mut Vec<Task>, out: &mut String) {
        let (op, operands) = match self.sums.graph.node(id) {
            Node::Constant(value) => return waiting.push(Task::Number(value)),
            Node::Leaf(leaf) => return waiting.push(Task::Leaf(leaf)),
            Node::Call(op, operands) => (op, operands),
        };
        // Sums are written flat.
        if matches!(op, Op::Add | Op::Sub) {
            let split = self.sums.split(std::iter::once((1.0, id)), |_| false);
            let sum = Sum { constant: split.constant, leaves: split.linear, rest: split.rest };
            return waiting.push(Task::Sum(sum));
        }
        let arity = op.row().arity;
        match form(op) {
            Form::Operator(code) => {
                let _ = writeln!(out, "o{code}");
            }
            Form::List(code) => {
                let _ = writeln!(out, "o{code}\n{arity}");
            }
            Form::Square => {
                *out += "o5\n";
                waiting.push(Task::Words("n2\n"));
            }
            Form::Rewritten | Form::Absent => unreachable!("{op:?} was refused or rewritten before"),
        }
        let truth = |k: usize| matches!(op, Op::And | Op::Or | Op::Not) || (op == Op::Select && k == 0);
        waiting.extend((0..arity).rev().map(|k| Task::Node(operands[k], truth(k))));
    }

    fn starts(&self, out: &mut String) {
        let starts: Vec<(usize, f64)> = self
            .columns
            .iter()
            .enumerate()
            .filter_map(|(number, &k)| Some((number, self.scalars.columns[k].start?)))
            .collect();
        if starts.is_empty() {
            return;
        }
        let _ = writeln!(out, "x{}", starts.len());
        for (number, value) in starts {
            let _ = writeln!(out, "{number} {}", number::decimal(value));
        }
    }

    /// The suffix `scaling_factor`: what things are multiplied by, the inverse of a size.
    fn scaling_factors(&self, out: &mut String) {
        let rows = positions(&self.rows, self.scalars.rows.len());
        let (mut columns, mut of_rows, mut objectives) = (vec![], vec![], vec![]);
        for &(of, size) in &self.scalars.scales {
            match of {
                Scaled::Variable(k) => columns.push((self.numbers[k as usize], size)),
                Scaled::Row(k) => of_rows.push((rows[k as usize], size)),
                Scaled::Objective(k) => objectives.push((k as usize, size)),
            }
        }
        // 4: of real numbers; 0, 1, 2: of variables, rows, objectives.
        for (kind, mut sizes) in [(4, columns), (5, of_rows), (6, objectives)] {
            if sizes.is_empty() {
                continue;
            }
            sizes.sort_by_key(|(k, _)| *k);
            let _ = writeln!(out, "S{kind} {} scaling_factor", sizes.len());
            for (k, size) in sizes {
                let _ = writeln!(out, "{k} {}", number::decimal(size.recip()));
            }
        }
    }

    fn bounds(&self, out: &mut String) {
        if !self.rows.is_empty() {
            *out += "r\n";
        }
        for &r in &self.rows {
            let row = &self.scalars.rows[r];
            if let Some(column) = row.complements {
                let of = &self.scalars.columns[column as usize];
                let kinds = of.lower.is_finite() as u8 + 2 * of.upper.is_finite() as u8;
                let _ = writeln!(out, "5 {kinds} {}", self.numbers[column as usize] + 1);
                continue;
            }
            let constant = if self.is_nonlinear(&row.body) { 0.0 } else { row.body.constant };
            bound(row.lower - constant, row.upper - constant, out);
        }
        *out += "b\n";
        for &k in &self.columns {
            bound(self.scalars.columns[k].lower, self.scalars.columns[k].upper, out);
        }
    }

    fn coefficients(&self, out: &mut String) {
        let count = self.columns.len();
        let mut below = vec![0usize; count];
        self.entries.iter().flatten().for_each(|(k, _)| below[*k] += 1);
        if count > 0 {
            let _ = writeln!(out, "k{}", count - 1);
        }
        let mut sum = 0;
        for length in &below[..count.saturating_sub(1)] {
            sum += length;
            let _ = writeln!(out, "{sum}");
        }
        let segments = self.entries.iter().enumerate().map(|e| ('J', e));
        for (letter, (number, entries)) in segments.chain(self.objective_entries.iter().enumerate().map(|e| ('G', e))) {
            if entries.is_empty() {
                continue;
            }
            let _ = writeln!(out, "{letter}{number} {}", entries.len());
            for (column, factor) in entries {
                let _ = writeln!(out, "{column} {}", number::decimal(*factor));
            }
        }
    }
}

/// Where each of `count` things stands in an order of them.
fn positions(order: &[usize], count: usize) -> Vec<usize> {
    let mut positions = vec![0; count];
    order.iter().enumerate().for_each(|(place, &k)| positions[k] = place);
    positions
}

/// What is still to be written.
enum Task {
    Words(&'static str),
    Number(f64),
    Leaf(u32),
    Scaled(f64, Box<Task>),
    Sum(Sum),
    Node(NodeId, bool),
}

#[derive(Default)]
struct Sum {
    constant: f64,
    leaves: Vec<(u32, f64)>,
    rest: Vec<(f64, NodeId)>,
}

impl Sum {
    fn parts(self) -> Vec<Task> {
        let scaled = |factor: f64, task: Task| match factor {
            1.0 => task,
            _ => Task::Scaled(factor, Box::new(task)),
        };
        let leaves = self.leaves.into_iter().map(|(leaf, factor)| scaled(factor, Task::Leaf(leaf)));
        let rest = self.rest.into_iter().map(|(factor, id)| scaled(factor, Task::Node(id, false)));
        let constant = Some(self.constant).filter(|c| *c != 0.0).map(Task::Number);
        rest.chain(leaves).chain(constant).collect()
    }
}

fn bound_kind(lower: f64, upper: f64) -> usize {
    match (lower == f64::NEG_INFINITY, upper == f64::INFINITY) {
        (true, true) => 3,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) if lower == upper => 4,
        (false, false) => 0,
    }
}

fn bound(lower: f64, upper: f64, out: &mut String) {
    let kind = bound_kind(lower, upper);
    let (lower, upper) = (number::decimal(lower), number::decimal(upper));
    let _ = match kind {
        0 => writeln!(out, "0 {lower} {upper}"),
        1 => writeln!(out, "1 {upper}"),
        2 => writeln!(out, "2 {lower}"),
        3 => writeln!(out, "3"),
        _ => writeln!(out, "4 {lower}"),
    };
}

#[cfg(test)]
mod tests {
    use super::super::scalars::Shared;
    use super::*;
    use crate::diag::Span;

    fn columns(kinds: &[Kind]) -> Vec<Column> {
        let column = |(k, &kind): (usize, &Kind)| Column {
            name: format!("x{k}"),
            lower: 0.0,
            upper: if kind == Kind::Binary { 1.0 } else { f64::INFINITY },
            start: None,
            kind,
            span: Span::default(),
        };
        kinds.iter().enumerate().map(column).collect()
    }

    fn row(body: Body) -> Row {
        Row { name: "row".into(), lower: f64::NEG_INFINITY, upper: 1.0, body, complements: None, span: Span::default() }
    }

    fn goal(body: Body) -> Goal {
        Goal { name: "goal".into(), sense: Sense::Minimize, body, span: Span::default() }
    }

    /// The numbers of a header line.
    fn line(nl: &Nl, number: usize) -> String {
        let line = nl.nl.lines().nth(number - 1).unwrap_or_default();
        line.split('\t').next().unwrap_or_default().trim().to_string()
    }

    /// Columns 3 and 1 are nonlinear in objectives only, 4 in a row only, 2 in both, 0 and 5 are linear.
    #[test]
    fn columns_are_sorted_and_the_count_of_objectives_is_a_position() {
        let mut scalars = Scalars {
            columns: columns(&[Kind::Binary, Kind::Real, Kind::Real, Kind::Real, Kind::Real, Kind::Real]),
            ..Scalars::default()
        };
        let g = &mut scalars.graph;
        let [x1, x2, x3, x4] = [1, 2, 3, 4].map(|k| g.leaf(k));
        let (both, only_row) = (g.exp(x2), g.exp(x4));
        let in_row = g.add(both, only_row);
        let (one, two) = (g.exp(x1), g.square(x3));
        let in_goal = g.sum(&[both, one, two]);
        scalars.rows.push(row(Body { linear: vec![(0, 1.0), (5, 2.0)], ..Body::default() }));
        scalars.rows.push(row(Body { nonlinear: Some(in_row), ..Body::default() }));
        scalars.objectives.push(goal(Body { nonlinear: Some(in_goal), ..Body::default() }));
        let written = nl(&scalars);
        assert_eq!(written.col, "x2\nx4\nx1\nx3\nx5\nx0\n");
        assert_eq!(line(&written, 2), "6 2 1 0 0");
        assert_eq!(line(&written, 3), "1 1 0 0 0 0");
        assert_eq!(line(&written, 5), "2 4 1");
        assert_eq!(line(&written, 7), "1 0 0 0 0");
        assert_eq!(line(&written, 8), "4 3");
        // Nothing is nonlinear in objectives only: then it is a count.
        scalars.objectives[0].body.nonlinear = Some(both);
        assert_eq!(line(&nl(&scalars), 5), "2 1 1");
    }

    #[test]
    fn shared_expressions_are_written_once_and_count_for_who_reads_them() {
        let mut scalars = Scalars { columns: columns(&[Kind::Real, Kind::Real]), ..Scalars::default() };
        let g = &mut scalars.graph;
        let (x, shared) = (g.leaf(0), g.leaf(2));
        let (inner, outer) = (g.exp(x), g.call(Op::Sin, &[shared]));
        let body = Body { constant: 3.0, linear: vec![(1, 2.0)], nonlinear: Some(inner) };
        scalars.shared.push(Shared { name: String::new(), body, span: Span::default() });
        scalars.rows.push(row(Body { nonlinear: Some(outer), ..Body::default() }));
        scalars.rows.push(row(Body { linear: vec![(2, -1.0)], ..Body::default() }));
        let written = nl(&scalars);
        assert_eq!(line(&written, 10), "0 1 0 0 0");
        assert_eq!(line(&written, 5), "2 0 0");
        assert!(written.nl.contains("V2 1 0\n1 2\no0\no44\nv0\nn3\nC0\no41\nv2\nC1\no16\nv2\n"), "{}", written.nl);
        assert!(written.nl.contains("J0 2\n0 0\n1 0\nJ1 2\n0 0\n1 0\n"), "{}", written.nl);
    }

    #[test]
    fn constants_of_linear_rows_move_to_their_bounds_and_truth_becomes_numbers() {
        let mut scalars = Scalars { columns: columns(&[Kind::Real]), ..Scalars::default() };
        let g = &mut scalars.graph;
        let (x, one) = (g.leaf(0), g.constant(1.0));
        let above = g.call(Op::Lt, &[one, x]);
        let choice = g.select(x, above, one);
        scalars.rows.push(row(Body { constant: 0.25, linear: vec![(0, 2.0)], nonlinear: None }));
        scalars.objectives.push(goal(Body { nonlinear: Some(choice), ..Body::default() }));
        let written = nl(&scalars);
        assert!(
            written.nl.contains("C0\nn0\nO0 0\no35\no30\nv0\nn0\no35\no22\nn1\nv0\nn1\nn0\nn1\n"),
            "{}",
            written.nl
        );
        assert!(written.nl.contains("r\n1 0.75\n"), "{}", written.nl);
    }
}
