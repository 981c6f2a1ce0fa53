//! A problem written out as scalar columns and rows, for formats that know nothing else.
//!
//! Families are instantiated with numbers in place of parameters. A `let` is the node of its value wherever it is read,
//! so what was shared stays shared; with [`Sharing::Named`] nonlinear parts that are read more than once, and are not
//! small, become shared expressions, which also keeps deep recurrences from growing without end.

use super::minors;
use super::pairs::{self, Form};
use super::scalars::{Body, Column, Goal, Row, Scalars, Shared};
use super::sums::{Sums, merge};
use crate::diag::Span;
use crate::expr::eval;
use crate::expr::family::{MatrixStage, Source, StageId, Term};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::problem::squares::{span, span_of};
use crate::problem::values::{Bounds, Numbers, Scales, depends_on_variables};
use crate::problem::{Kind, Problem, Scaled, Variable};
use std::collections::HashMap;

/// Nodes that are read more than once are shared from this size on, counted in nodes; values of `let`s always.
const SMALLEST: u32 = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Every expression is written out wherever it stands; there are no shared expressions.
    None,
    Named,
}

/// The scalars, and the places of nodes in the model.
pub struct Unrolled {
    pub scalars: Scalars,
    places: HashMap<NodeId, Span>,
}

impl Unrolled {
    /// Where a node stands in the model; `around` if that is not known.
    pub fn place(&self, nodes: &[NodeId], around: Span) -> Span {
        nodes.iter().find_map(|id| self.places.get(id)).copied().unwrap_or(around)
    }
}

/// Writes a problem out. `start` has a value for each scalar variable; values that are not given and are the default are
/// left out. Rows that are dropped are left out, too.
pub fn unroll(problem: &Problem, start: &[f64], sharing: Sharing) -> Unrolled {
    let numbers = Numbers::of(problem);
    let bounds = Bounds::of(problem, &numbers);
    let mut stages = Stages::of(problem, &numbers);
    stages.write_out_all();
    let Stages { graph, rows, sums, mut places, .. } = stages;
    let named: Vec<NodeId> = sums.into_values().collect();
    let functions: Vec<&[NodeId]> = functions(problem, &rows);
    let shared = match sharing {
        Sharing::None => vec![],
        Sharing::Named => shared_nodes(&graph, &functions, &named),
    };
    let all_rows = problem.constraints.iter().flat_map(|c| rows[c.stage.0 as usize].iter()).collect::<Vec<_>>();
    let pairs = pairs::forms(problem, &bounds, &graph, |row| all_rows[row].clone());
    let starts = problem.row_starts();
    let mut columns = columns(problem, &bounds, start);
    columns.extend(pairs.named.iter().map(|&row| side(problem, &bounds, &starts, row as usize)));
    let mut writer = Rewriter::new(&graph, columns.len() as u32, &shared);
    let mut scalars = Scalars { columns, ..Scalars::default() };
    for &node in &shared {
        let body = writer.body(&[node], Some(node));
        let span = places.get(&node).copied().unwrap_or_default();
        scalars.shared.push(Shared { name: String::new(), body, span });
    }
    let mut functions = functions.into_iter();
    for objective in &problem.objectives {
        let body = writer.body(functions.next().unwrap_or_default(), None);
        let (name, sense, span) = (objective.label.clone(), objective.sense, objective.span);
        scalars.objectives.push(Goal { name, sense, body, span });
    }
    // Of each row of the problem, its number among those that are written.
    let mut written = vec![None; problem.row_count()];
    for (k, constraint) in problem.constraints.iter().enumerate().filter(|(_, c)| !c.dropped) {
        for r in 0..constraint.rows as usize {
            let summands = functions.next().unwrap_or_default();
            let at = starts[k] + r;
            let (mut lower, mut upper, mut complements) = (bounds.row_lower[at], bounds.row_upper[at], None);
            // A pair bears one name, which its row has.
            let label = match pairs.of_force.contains_key(&(at as u32)) {
                true => &problem.constraints[k - 1].label,
                false => &constraint.label,
            };
            let mut name = format!("{label}{}", constraint.axes.label(r));
            let mut body = Body::default();
            match pairs.of_bounded.get(&(at as u32)) {
                Some(Form::Column(_) | Form::Equation) => continue,
                Some(Form::Named(column)) => {
                    (lower, upper) = (0.0, 0.0);
                    name = scalars.columns[*column as usize].name.clone();
                    body.linear.push((*column, -1.0));
                }
                None => {}
            }
            if let Some(Form::Column(column) | Form::Named(column)) = pairs.of_force.get(&(at as u32)) {
                (lower, upper, complements) = (f64::NEG_INFINITY, f64::INFINITY, Some(*column));
            }
            let own = writer.body(summands, None);
            body = Body { linear: [body.linear, own.linear].concat(), ..own };
            written[at] = Some(scalars.rows.len() as u32);
            scalars.rows.push(Row { name, lower, upper, body, complements, span: constraint.span });
        }
    }
    scalars.scales = sizes(problem, &numbers, &written);
    let (graph, known) = writer.finish();
    scalars.graph = graph;
    places = places.into_iter().filter_map(|(id, span)| Some((*known.get(&id)?, span))).collect();
    Unrolled { scalars, places }
}

/// The sizes that the model states, of what is written.
fn sizes(problem: &Problem, numbers: &Numbers, written: &[Option<u32>]) -> Vec<(Scaled, f64)> {
    let Some(scales) = Scales::of(problem, numbers) else { return vec![] };
    let objective = scales.objective.map(|size| (Scaled::Objective(0), size));
    let variables = scales.variables.iter().zip(0..).filter_map(|(size, k)| Some((Scaled::Variable(k), (*size)?)));
    let rows = scales.rows.iter().zip(written).filter_map(|(size, row)| Some((Scaled::Row((*row)?), (*size)?)));
    objective.into_iter().chain(variables).chain(rows).collect()
}

/// A new column for the bounded expression of a pair.
fn side(problem: &Problem, bounds: &Bounds, starts: &[usize], row: usize) -> Column {
    let k = starts.partition_point(|first| *first <= row) - 1;
    let constraint = &problem.constraints[k];
    Column {
        name: format!("{}_side{}", constraint.label, constraint.axes.label(row - starts[k])),
        lower: bounds.row_lower[row],
        upper: bounds.row_upper[row],
        start: None,
        kind: Kind::Real,
        span: constraint.span,
    }
}

/// Summands of objectives and of rows that are not dropped, in order.
fn functions<'r>(problem: &Problem, rows: &'r [Vec<Vec<NodeId>>]) -> Vec<&'r [NodeId]> {
    let goals = problem.objectives.iter().map(|o| &rows[o.stage.0 as usize][0][..]);
    let kept = problem.constraints.iter().filter(|c| !c.dropped);
    let rows = kept.flat_map(|c| (0..c.rows as usize).map(|r| &rows[c.stage.0 as usize][r][..]));
    goals.chain(rows).collect()
}

fn columns(problem: &Problem, bounds: &Bounds, start: &[f64]) -> Vec<Column> {
    let scalar = |variable: &Variable, k: usize| {
        let at = variable.offset as usize + k;
        let (lower, upper) = (bounds.lower[at], bounds.upper[at]);
        let default = if lower <= upper { 0f64.clamp(lower, upper) } else { 0.0 };
        let given = variable.start.is_some() || start.get(at).is_some_and(|x| *x != default);
        Column {
            name: format!("{}{}", variable.name, variable.axes.label(k)),
            lower,
            upper,
            start: start.get(at).copied().filter(|_| given),
            kind: variable.kind,
            span: variable.span,
        }
    };
    problem.variables.iter().flat_map(|v| (0..v.axes.len()).map(move |k| scalar(v, k))).collect()
}

/// Nonlinear nodes that more than one node or function reads, operands before users.
fn shared_nodes(graph: &Graph, functions: &[&[NodeId]], named: &[NodeId]) -> Vec<NodeId> {
    let mut reads = vec![0u32; graph.len()];
    let roots: Vec<NodeId> = functions.iter().flat_map(|summands| summands.iter().copied()).collect();
    roots.iter().for_each(|id| reads[id.0 as usize] += 1);
    let order = graph.reachable(&roots);
    for &id in &order {
        let (operands, arity) = graph.operands(id);
        operands[..arity].iter().for_each(|id| reads[id.0 as usize] += 1);
    }
    let named: std::collections::HashSet<NodeId> = named.iter().copied().collect();
    let mut sizes = vec![1u32; graph.len()];
    let mut shared = vec![];
    for &id in &order {
        let (operands, arity) = graph.operands(id);
        let size = operands[..arity].iter().fold(1u32, |sum, id| sum.saturating_add(sizes[id.0 as usize]));
        let at = id.0 as usize;
        sizes[at] = size;
        if reads[at] > 1 && (size >= SMALLEST || (named.contains(&id) && size > 3)) {
            shared.push(id);
            sizes[at] = 1;
        }
    }
    // What is affine is written out where it adds to a row, so only the uses inside of functions count.
    let sums = Sums::new(graph);
    let kept: std::collections::HashSet<NodeId> = shared.iter().copied().collect();
    let mut used = std::collections::HashSet::new();
    let split = |id: NodeId, this: Option<NodeId>| {
        sums.split(std::iter::once((1.0, id)), |id| kept.contains(&id) && Some(id) != this && !sums.is_affine(id)).rest
    };
    let mut waiting: Vec<NodeId> = roots.iter().flat_map(|&id| split(id, None)).map(|(_, id)| id).collect();
    let mut seen = std::collections::HashSet::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        if kept.contains(&id) {
            used.insert(id);
            let parts = split(id, Some(id));
            waiting.extend(parts.iter().map(|(_, part)| *part).filter(|part| *part != id));
            if parts.iter().all(|(_, part)| *part != id) {
                continue;
            }
        }
        let (operands, arity) = graph.operands(id);
        waiting.extend(&operands[..arity]);
    }
    shared.retain(|id| used.contains(id));
    shared
}

/// Copies functions into a new graph, shared nodes becoming leaves.
struct Rewriter<'g> {
    sums: Sums<'g>,
    graph: Graph,
    /// By old node, its new one.
    known: HashMap<NodeId, NodeId>,
    shared: HashMap<NodeId, u32>,
}

impl<'g> Rewriter<'g> {
    fn new(old: &'g Graph, columns: u32, shared: &[NodeId]) -> Rewriter<'g> {
        let shared = shared.iter().copied().zip(columns..).collect();
        Rewriter { sums: Sums::new(old), graph: Graph::default(), known: HashMap::new(), shared }
    }

    /// A sum of old nodes; `this` is written out although it is shared.
    fn body(&mut self, summands: &[NodeId], this: Option<NodeId>) -> Body {
        let kept = |id: NodeId| Some(id) != this && self.shared.contains_key(&id) && !self.sums.is_affine(id);
        let split = self.sums.split(summands.iter().map(|&id| (1.0, id)), kept);
        let mut body = Body { constant: split.constant, linear: split.linear, nonlinear: None };
        let mut parts = vec![];
        for (factor, id) in split.rest {
            match self.shared.get(&id).filter(|_| Some(id) != this) {
                Some(&leaf) => body.linear.push((leaf, factor)),
                None => {
                    let part = self.copied(id);
                    parts.push(self.graph.scale(factor, part));
                }
            }
        }
        merge(&mut body.linear);
        body.linear.retain(|(_, factor)| *factor != 0.0);
        body.nonlinear = (!parts.is_empty()).then(|| self.graph.sum(&parts));
        body
    }

    /// The copy of a node, which is written out itself even if it is shared.
    fn copied(&mut self, root: NodeId) -> NodeId {
        let mut waiting = vec![root];
        while let Some(&id) = waiting.last() {
            if self.known.contains_key(&id) {
                waiting.pop();
                continue;
            }
            let shared = self.shared.get(&id).filter(|_| id != root);
            let new = match (shared, self.sums.graph.node(id)) {
                (Some(&leaf), _) | (None, Node::Leaf(leaf)) => self.graph.leaf(leaf),
                (None, Node::Constant(value)) => self.graph.constant(value),
                (None, Node::Call(op, operands)) => {
                    let operands = &operands[..op.row().arity];
                    let missing: Vec<NodeId> =
                        operands.iter().copied().filter(|id| !self.known.contains_key(id)).collect();
                    if !missing.is_empty() {
                        waiting.extend(missing);
                        continue;
                    }
                    let operands: Vec<NodeId> = operands.iter().map(|id| self.known[id]).collect();
                    self.graph.call(op, &operands)
                }
            };
            self.known.insert(id, new);
            waiting.pop();
        }
        match self.shared.contains_key(&root) {
            true => self.known.remove(&root).expect("it was just copied"),
            false => self.known[&root],
        }
    }

    fn finish(self) -> (Graph, HashMap<NodeId, NodeId>) {
        (self.graph, self.known)
    }
}

/// The rows of all stages that objectives and rows need, written out in order.
struct Stages<'p> {
    problem: &'p Problem,
    numbers: &'p Numbers,
    depends: Vec<bool>,
    graph: Graph,
    /// By stage and row, the summands.
    rows: Vec<Vec<Vec<NodeId>>>,
    /// The sums of rows that were read.
    sums: HashMap<(StageId, usize), NodeId>,
    places: HashMap<NodeId, Span>,
}

impl<'p> Stages<'p> {
    fn of(problem: &'p Problem, numbers: &'p Numbers) -> Stages<'p> {
        let rows = problem.stages.iter().map(|stage| vec![vec![]; stage.rows as usize]).collect();
        let depends = depends_on_variables(problem);
        let (graph, sums, places) = Default::default();
        Stages { problem, numbers, depends, graph, rows, sums, places }
    }

    fn write_out_all(&mut self) {
        let goals = self.problem.objectives.iter().map(|o| o.stage);
        let kept = self.problem.constraints.iter().filter(|c| !c.dropped).map(|c| c.stage);
        let roots: Vec<StageId> = goals.chain(kept).collect();
        let needed = eval::needed(&self.problem.stages, &roots);
        for (k, stage) in self.problem.stages.iter().enumerate().filter(|(k, _)| needed[*k]) {
            if let Some(matrix) = &stage.matrix {
                self.write_out_matrix(k, matrix);
            }
            let mut terms: Vec<&Term> = stage.terms.iter().collect();
            terms.sort_by_key(|term| term.level);
            terms.into_iter().for_each(|term| self.write_out(k, term));
        }
    }

    /// Formulas of small matrices; larger ones are refused before.
    fn write_out_matrix(&mut self, stage: usize, matrix: &MatrixStage) {
        let n = matrix.n as usize;
        let outputs = matrix.function.outputs(n);
        for p in 0..self.problem.stages[stage].rows as usize / outputs.max(1) {
            let read = |k: usize| self.read(Source::Stage(matrix.of), p * n * n + k);
            let entries: Vec<NodeId> = (0..n * n).map(read).collect();
            let values = minors::formulas(&mut self.graph, matrix.function, &entries, n);
            for (k, node) in values.into_iter().enumerate() {
                self.places.entry(node).or_insert(span(matrix.origin));
                self.rows[stage][p * outputs + k].push(node);
            }
        }
    }

    /// Adds the instances of a term to the rows of its stage.
    fn write_out(&mut self, stage: usize, term: &Term) {
        let family = &term.family;
        let order = self.problem.graph.reachable(&[family.body]);
        let mut known: HashMap<NodeId, NodeId> = HashMap::new();
        for p in 0..family.instances as usize {
            for &id in &order {
                let new = match self.problem.graph.node(id) {
                    Node::Constant(value) => self.graph.constant(value),
                    Node::Leaf(k) => {
                        let leaf = &family.leaves[k as usize];
                        self.read(leaf.source, leaf.map.at(p))
                    }
                    Node::Call(op, operands) => {
                        let operands: Vec<NodeId> = operands[..op.row().arity].iter().map(|o| known[o]).collect();
                        self.graph.call(op, &operands)
                    }
                };
                known.insert(id, new);
            }
            let node = known[&family.body];
            if self.graph.value_of(node) != Some(0.0) {
                self.places.entry(node).or_insert(span_of(term));
                self.rows[stage][term.target.at(p)].push(node);
            }
        }
    }

    fn read(&mut self, source: Source, position: usize) -> NodeId {
        match source {
            Source::Variables => self.graph.leaf(position as u32),
            Source::Stage(id) if self.depends[id.0 as usize] => self.sum(id, position),
            Source::Param(_) | Source::Stage(_) => {
                let value = self.numbers.source(self.problem, source).get(position).copied();
                self.graph.constant(value.unwrap_or(f64::NAN))
            }
            // Only what is shown after a solve reads these.
            Source::After(_) => self.graph.constant(f64::NAN),
        }
    }

    /// The value of a row of an earlier stage.
    fn sum(&mut self, id: StageId, row: usize) -> NodeId {
        if let Some(&node) = self.sums.get(&(id, row)) {
            return node;
        }
        let node = self.graph.sum(&self.rows[id.0 as usize][row]);
        self.sums.insert((id, row), node);
        node
    }
}
