//! Equations that determine one variable after the other, solved in that order before any method begins.
//!
//! A row `f(x) == b` of which all variables but one are known determines that one; what it determines may leave one
//! unknown in the next row. So a system that is triangular in some order of its rows and variables (a recurrence from a
//! known state, definitions that build on each other) is solved by scalar steps of Newton's method, with no order given
//! and at the cost of its entries. Rows that tie several unknowns together stay for the method, as does a row whose
//! step finds no value within the bounds: its variable keeps its start. Source: I. S. Duff, A. M. Erisman, J. K. Reid,
//! "Direct Methods for Sparse Matrices", 2nd ed., section 6.2 (searching for a triangular form).

use crate::expr::family::{Source, Term};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;
use crate::problem::complementarity::paired;
use crate::problem::values::{Bounds, Numbers, depends_on_variables};
use crate::problem::{Kind, Problem};
use std::collections::{HashMap, VecDeque};

/// Entries of rows beyond which no order is looked for.
const MOST: usize = 20_000_000;
/// Steps of Newton's method for one row, and halvings of one step.
const STEPS: usize = 60;
const HALVINGS: i32 = 30;
/// A row holds if a step of this part of the variable remains, or it is off by this part of its size.
const EXACT: f64 = 1e-14;

/// Moves `x` to what equations determine in turn. The variables that were moved by rows that read others too, in order.
pub fn solve(problem: &Problem, numbers: &Numbers, bounds: &Bounds, x: &mut [f64]) -> Vec<usize> {
    let rows = Rows::of(problem, bounds);
    let mut known: Vec<bool> = bounds.lower.iter().zip(&bounds.upper).map(|(l, u)| l == u).collect();
    x.iter_mut().zip(&bounds.lower).zip(&known).filter(|(_, known)| **known).for_each(|((x, l), _)| *x = *l);
    if !rows.some_row_has_one_unknown(problem, &known) {
        return vec![];
    }
    let Some(entries) = rows.entries(problem) else { return vec![] };
    let bodies = Bodies::of(problem, numbers);
    let real: Vec<bool> = problem.variables.iter().flat_map(|v| vec![v.kind == Kind::Real; v.axes.len()]).collect();
    let unknowns = |r: usize, known: &[bool]| entries.variables(r).iter().filter(|j| !known[**j as usize]).count();
    let mut left: Vec<u32> = (0..rows.right.len()).map(|r| unknowns(r, &known) as u32).collect();
    let readers = entries.readers(x.len());
    let mut queue: VecDeque<usize> = (0..left.len()).filter(|r| left[*r] == 1).collect();
    let mut moved = vec![];
    while let Some(r) = queue.pop_front() {
        let Some(j) = entries.variables(r).iter().map(|j| *j as usize).find(|j| !known[*j]) else { continue };
        let row = Row { bodies: &bodies, parts: entries.parts(r), right: rows.right[r] };
        let Some(value) = Some(()).filter(|_| real[j]).and_then(|_| row.root(x, j, bounds.lower[j], bounds.upper[j]))
        else {
            continue;
        };
        if entries.variables(r).len() > 1 && value != x[j] {
            moved.push(j);
        }
        x[j] = value;
        known[j] = true;
        for &reader in readers.at(j) {
            left[reader as usize] -= 1;
            if left[reader as usize] == 1 {
                queue.push_back(reader as usize);
            }
        }
    }
    moved
}

/// The equations that read nothing but variables and numbers.
struct Rows {
    right: Vec<f64>,
    /// By stage and row, the number of the equation.
    numbers: HashMap<usize, Vec<u32>>,
}

const NONE: u32 = u32::MAX;

impl Rows {
    fn of(problem: &Problem, bounds: &Bounds) -> Rows {
        let depends = depends_on_variables(problem);
        let paired = paired(problem);
        let starts = problem.row_starts();
        let mut rows = Rows { right: vec![], numbers: HashMap::new() };
        for (constraint, first) in problem.constraints.iter().zip(starts).filter(|(c, _)| !c.dropped) {
            let stage = problem.stage(constraint.stage);
            let direct = stage.sources().all(|source| match source {
                Source::Stage(id) => !depends[id.0 as usize],
                Source::Variables | Source::Param(_) => true,
                Source::After(_) => false,
            });
            if !direct || stage.matrix.is_some() {
                continue;
            }
            let of_stage = rows.numbers.entry(constraint.stage.0 as usize);
            let of_stage = of_stage.or_insert_with(|| vec![NONE; constraint.rows as usize]);
            for (r, number) in of_stage.iter_mut().enumerate() {
                let (lower, upper) = (bounds.row_lower[first + r], bounds.row_upper[first + r]);
                if lower == upper && !paired[first + r] && *number == NONE {
                    *number = rows.right.len() as u32;
                    rows.right.push(lower);
                }
            }
        }
        rows
    }

    /// Stage, term, instance and number of each instance that is added into an equation.
    fn each_instance(&self, problem: &Problem, see: &mut dyn FnMut(usize, usize, usize, u32)) {
        let mut stages: Vec<_> = self.numbers.iter().collect();
        stages.sort_unstable_by_key(|(stage, _)| **stage);
        for (&stage, numbers) in stages {
            for (t, term) in problem.stages[stage].terms.iter().enumerate() {
                for p in 0..term.family.instances as usize {
                    let number = numbers[term.target.at(p)];
                    if number != NONE {
                        see(stage, t, p, number);
                    }
                }
            }
        }
    }

    /// A look that costs little: most systems have no such row.
    fn some_row_has_one_unknown(&self, problem: &Problem, known: &[bool]) -> bool {
        /// Two different variables were seen.
        const SEVERAL: u32 = u32::MAX - 1;
        let mut only = vec![NONE; self.right.len()];
        self.each_instance(problem, &mut |stage, t, p, number| {
            for j in read(&problem.stages[stage].terms[t], p).filter(|j| !known[*j as usize]) {
                let seen = &mut only[number as usize];
                *seen = if *seen == NONE || *seen == j { j } else { SEVERAL };
            }
        });
        only.iter().any(|seen| *seen < SEVERAL)
    }

    /// Nothing if there are too many.
    fn entries(&self, problem: &Problem) -> Option<Entries> {
        let mut parts = vec![];
        let mut variables = vec![];
        let mut too_many = false;
        self.each_instance(problem, &mut |stage, t, p, number| {
            too_many |= variables.len() > MOST;
            if !too_many {
                parts.push((number, Part { stage: stage as u32, term: t as u32, instance: p as u32 }));
                variables.extend(read(&problem.stages[stage].terms[t], p).map(|j| (number, j)));
            }
        });
        if too_many {
            return None;
        }
        variables.sort_unstable();
        variables.dedup();
        parts.sort_by_key(|(number, _)| *number);
        let count = self.right.len();
        Some(Entries { parts: Lists::of(count, &parts), variables: Lists::of(count, &variables) })
    }
}

/// The variables that an instance reads.
fn read(term: &Term, p: usize) -> impl Iterator<Item = u32> + '_ {
    let variables = term.family.leaves.iter().filter(|leaf| leaf.source == Source::Variables);
    variables.map(move |leaf| leaf.map.at(p) as u32)
}

#[derive(Clone, Copy)]
struct Part {
    stage: u32,
    term: u32,
    instance: u32,
}

struct Entries {
    parts: Lists<Part>,
    variables: Lists<u32>,
}

impl Entries {
    fn parts(&self, r: usize) -> &[Part] {
        self.parts.at(r)
    }

    fn variables(&self, r: usize) -> &[u32] {
        self.variables.at(r)
    }

    /// Of each of `n` variables, the rows that read it.
    fn readers(&self, n: usize) -> Lists<u32> {
        let rows = self.variables.starts.len() - 1;
        let pairs = (0..rows).flat_map(|r| self.variables(r).iter().map(move |j| (*j, r as u32)));
        let mut pairs: Vec<(u32, u32)> = pairs.collect();
        pairs.sort_unstable();
        Lists::of(n, &pairs)
    }
}

/// A list for each number.
struct Lists<T> {
    starts: Vec<usize>,
    items: Vec<T>,
}

impl<T: Copy> Lists<T> {
    /// From pairs that ascend by number.
    fn of(count: usize, pairs: &[(u32, T)]) -> Lists<T> {
        let mut starts = vec![0; count + 1];
        pairs.iter().for_each(|(number, _)| starts[*number as usize + 1] += 1);
        (0..count).for_each(|k| starts[k + 1] += starts[k]);
        Lists { starts, items: pairs.iter().map(|(_, item)| *item).collect() }
    }

    fn at(&self, k: usize) -> &[T] {
        &self.items[self.starts[k]..self.starts[k + 1]]
    }
}

/// A step of a body whose operands are earlier steps.
enum Step {
    Number(f64),
    Leaf(u32),
    Call(Op, [usize; 3]),
}

/// The bodies of all rows as lists of steps, and the numbers that they read.
struct Bodies<'p> {
    problem: &'p Problem,
    numbers: &'p Numbers,
    steps: HashMap<NodeId, Vec<Step>>,
}

impl<'p> Bodies<'p> {
    fn of(problem: &'p Problem, numbers: &'p Numbers) -> Bodies<'p> {
        let mut steps = HashMap::new();
        for term in problem.constraints.iter().flat_map(|c| &problem.stage(c.stage).terms) {
            steps.entry(term.family.body).or_insert_with(|| listed(&problem.graph, term.family.body));
        }
        Bodies { problem, numbers, steps }
    }

    /// The value of an instance of a term. Branches that are not taken have values too, which nobody reads.
    fn value(&self, part: Part, x: &[f64], values: &mut Vec<f64>) -> f64 {
        let family = &self.problem.stages[part.stage as usize].terms[part.term as usize].family;
        values.clear();
        for step in &self.steps[&family.body] {
            let value = match step {
                Step::Number(value) => *value,
                Step::Leaf(k) => {
                    let leaf = &family.leaves[*k as usize];
                    let at = leaf.map.at(part.instance as usize);
                    match leaf.source {
                        Source::Variables => x[at],
                        source => self.numbers.source(self.problem, source).get(at).copied().unwrap_or(f64::NAN),
                    }
                }
                Step::Call(Op::Select, [condition, yes, no]) => {
                    values[if values[*condition] != 0.0 { *yes } else { *no }]
                }
                Step::Call(op, operands) => (op.row().value)(operands.map(|k| values[k])),
            };
            values.push(value);
        }
        values.last().copied().unwrap_or(0.0)
    }
}

/// Operands that a function does not take are its first step, whose value is never looked at.
fn listed(graph: &Graph, body: NodeId) -> Vec<Step> {
    let mut places: HashMap<NodeId, usize> = HashMap::new();
    let mut steps = vec![];
    for id in graph.reachable(&[body]) {
        steps.push(match graph.node(id) {
            Node::Constant(value) => Step::Number(value),
            Node::Leaf(k) => Step::Leaf(k),
            Node::Call(op, operands) => {
                let arity = op.row().arity;
                Step::Call(op, std::array::from_fn(|k| if k < arity { places[&operands[k]] } else { 0 }))
            }
        });
        places.insert(id, steps.len() - 1);
    }
    steps
}

/// An equation in one unknown.
struct Row<'a> {
    bodies: &'a Bodies<'a>,
    parts: &'a [Part],
    right: f64,
}

impl Row<'_> {
    /// The root that Newton's method finds from `x[j]` within the bounds; nothing if it finds none there.
    fn root(&self, x: &mut [f64], j: usize, lower: f64, upper: f64) -> Option<f64> {
        let start = x[j];
        let found = self.search(x, j, start.max(lower).min(upper), lower, upper);
        x[j] = start;
        found
    }

    fn search(&self, x: &mut [f64], j: usize, from: f64, lower: f64, upper: f64) -> Option<f64> {
        let mut values = vec![];
        let mut off = |v: f64| {
            x[j] = v;
            let sum: f64 = self.parts.iter().map(|part| self.bodies.value(*part, x, &mut values)).sum();
            sum - self.right
        };
        let mut here = from;
        let mut miss = off(here);
        for _ in 0..STEPS {
            if miss == 0.0 {
                return Some(here);
            }
            let nudge = 1e-6 * here.abs().max(1.0);
            let slope = (off(here + nudge) - off(here - nudge)) / (2.0 * nudge);
            let step = -miss / slope;
            if !step.is_finite() {
                return None;
            }
            // As near as numbers of this size come.
            let end = step.abs() <= EXACT * here.abs() || miss.abs() <= EXACT * self.right.abs().max(slope.abs());
            let mut part = 1.0;
            let (next, left) = loop {
                let next = (here + part * step).max(lower).min(upper);
                let left = off(next);
                if left.abs() < miss.abs() {
                    break (next, left);
                }
                part *= 0.5;
                if end || part < 0.5f64.powi(HALVINGS) {
                    return end.then_some(here);
                }
            };
            if end {
                return Some(next);
            }
            (here, miss) = (next, left);
        }
        None
    }
}
