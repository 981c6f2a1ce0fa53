//! Where to begin: given starts, else 0 within the bounds, moved inside the domains of the functions that use it.

mod in_turn;
mod matrices;

use super::rewrites::Lift;
use crate::diag::Span;
use crate::expr::eval::{self, Inputs};
use crate::expr::family::{MatrixStage, Source, Stage, StageId, Term};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::{Op, Range};
use crate::problem::epigraph;
use crate::problem::features::Fact;
use crate::problem::propagate::{self, Propagation};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Data, Problem};
use serde::Serialize;
use std::collections::HashMap;

/// A start of a problem and what was done to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Start {
    pub x: Vec<f64>,
    /// Which families of variables without a given start were moved off 0, and why.
    pub moved: Vec<Fact>,
    /// Given starts that lie outside of their bounds; methods begin at the nearest point inside.
    pub outside: Vec<Fact>,
}

/// Rounds of moving; each one repairs the first offender of each function, and few starts need more than two.
const ROUNDS: usize = 30;

/// The start of `problem` (without what rewrites added; see [`epigraph::complete`]).
pub fn of(problem: &Problem) -> Start {
    let problem = &*super::known(problem);
    let numbers = Numbers::of(problem);
    let bounds = Bounds::of(problem, &numbers);
    let mut start = Start::default();
    let mut free = vec![];
    for variable in &problem.variables {
        let count = variable.axes.len();
        let first = variable.offset as usize;
        match &variable.start {
            Some(data) => {
                let mut given = numbers.column(problem, data, count);
                // What is held begins where it is held, whatever the model says.
                for (k, value) in given.iter_mut().enumerate() {
                    if bounds.lower[first + k] == bounds.upper[first + k] {
                        *value = bounds.lower[first + k];
                    }
                }
                let outside = given
                    .iter()
                    .enumerate()
                    .position(|(k, v)| *v < bounds.lower[first + k] || *v > bounds.upper[first + k]);
                if let Some(k) = outside {
                    let name = problem.variable_name(first + k);
                    start
                        .outside
                        .push(Fact::at(format!("the start of `{name}` is outside of its bounds"), variable.span));
                }
                start.x.extend(given);
                free.extend(std::iter::repeat_n(false, count));
            }
            None => {
                start.x.extend((first..first + count).map(|k| inside(0.0, bounds.lower[k], bounds.upper[k])));
                free.extend(std::iter::repeat_n(true, count));
            }
        }
    }
    let before = start.x.clone();
    let guards = Guards::of(problem);
    if guards.is_none() {
        return start;
    }
    let mut reasons = repair(problem, &guards, &bounds, &free, &mut start.x);
    // A given start that lies where rows exclude it is no place to be loyal to.
    if !is_finite(problem, &guards, &start.x)
        && let Some(within) = implied(problem, &start.x)
    {
        start.moved.extend(kept_to_rows(problem, &start.x, &within));
        start.x = within;
        reasons.extend(repair(problem, &guards, &bounds, &free, &mut start.x));
    }
    start.moved.extend(moved(problem, &before, &start.x, &reasons));
    start
}

/// Effort of propagation that a start is worth.
const PROPAGATION: usize = 300_000;

/// What may have no value somewhere.
struct Guards {
    /// The stages behind the objective and the rows.
    needed: Vec<bool>,
    /// By stage and term, the nodes whose functions are not defined everywhere.
    nodes: Vec<Vec<Vec<NodeId>>>,
    matrices: Vec<MatrixStage>,
}

impl Guards {
    fn of(problem: &Problem) -> Guards {
        let rows = problem.constraints.iter().filter(|c| !c.dropped).map(|c| c.stage);
        let roots: Vec<StageId> = problem.objectives.iter().map(|o| o.stage).chain(rows).collect();
        let needed = eval::needed(&problem.stages, &roots);
        let of_stage = |(stage, needed): (&Stage, &bool)| {
            let of_term = |term| if *needed { guarded(&problem.graph, term) } else { vec![] };
            stage.terms.iter().map(of_term).collect()
        };
        let nodes = problem.stages.iter().zip(&needed).map(of_stage).collect();
        let matrices =
            problem.stages.iter().zip(&needed).filter_map(|(stage, needed)| stage.matrix.filter(|_| *needed));
        let matrices = matrices.filter(|matrix| !matrix.function.needs().is_empty()).collect();
        Guards { needed, nodes, matrices }
    }

    fn is_none(&self) -> bool {
        self.nodes.iter().flatten().all(Vec::is_empty) && self.matrices.is_empty()
    }
}

/// Whether the objective and all rows have values.
fn is_finite(problem: &Problem, guards: &Guards, x: &[f64]) -> bool {
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let inputs = Inputs { variables: x, params, after: &[] };
    let values = eval::stages(&problem.graph, &problem.stages, &guards.needed, &inputs);
    values.iter().flatten().all(|v| v.is_finite())
}

/// The nearest point to `x` that is a little inside of what the intervals of rows allow; nothing if that is `x` itself, or
/// rows contradict each other.
fn implied(problem: &Problem, x: &[f64]) -> Option<Vec<f64>> {
    if propagate::effort(problem) > PROPAGATION {
        return None;
    }
    let mut propagation = Propagation::new(problem);
    if !propagation.run() {
        return None;
    }
    let allowed = propagation.variables().iter().zip(x);
    let within = allowed.map(|(can, &x)| if x < can.lo || x > can.hi { strictly_inside(x, can.lo, can.hi) } else { x });
    Some(within.collect::<Vec<f64>>()).filter(|within| within != x)
}

/// One sentence for each family of variables that rows moved.
fn kept_to_rows(problem: &Problem, before: &[f64], after: &[f64]) -> Vec<Fact> {
    let of_family = |variable: &crate::problem::Variable| {
        let first = variable.offset as usize;
        let at = (first..first + variable.axes.len()).find(|k| before[*k] != after[*k])?;
        let (name, value) = (problem.variable_name(at), short(after[at]));
        Some(Fact::at(format!("`{name}` begins at {value}: rows exclude {}", short(before[at])), variable.span))
    };
    problem.variables.iter().filter_map(of_family).collect()
}

impl Start {
    /// With what equations determine in turn; see [`in_turn`].
    pub(super) fn solved_in_turn(mut self, problem: &Problem) -> Start {
        if !problem.blocks.is_empty() {
            return self;
        }
        let numbers = Numbers::of(problem);
        let moved = in_turn::solve(problem, &numbers, &Bounds::of(problem, &numbers), &mut self.x);
        if let Some(&first) = moved.first() {
            let name = problem.variable_name(first);
            let sentence = match moved.len() - 1 {
                0 => format!("`{name}` begins at {}, as an equation says", short(self.x[first])),
                1 => format!("`{name}` and another variable begin at what equations give, one after the other"),
                n => format!("`{name}` and {n} other variables begin at what equations give, one after the other"),
            };
            let owner = problem.variables.iter().find(|v| v.offset as usize + v.axes.len() > first);
            self.moved.push(Fact { span: owner.map(|v| v.span), sentence });
        }
        self
    }

    /// With the variables that rewrites added.
    pub(super) fn extended(mut self, shown: &Problem, lifts: &[Lift]) -> Start {
        let given = self.x.len();
        self.x.resize(shown.dimension as usize, 0.0);
        for added in shown.variables.iter().filter(|v| v.offset as usize >= given) {
            if let Some(Data::Constant(value)) = added.start {
                self.x[added.offset as usize..][..added.axes.len()].fill(value);
            }
        }
        for lift in lifts {
            epigraph::complete(shown, &lift.tops, &mut self.x);
        }
        self
    }
}

/// The nearest number within bounds; `value` itself where the bounds are no interval.
fn inside(value: f64, lower: f64, upper: f64) -> f64 {
    if lower <= upper { value.clamp(lower, upper) } else { value }
}

/// Moves free variables until no function sits on or outside of the border of its domain, as far as possible.
/// Returns, for each position that moved, which function asked for it and where that stands.
fn repair(problem: &Problem, guards: &Guards, bounds: &Bounds, free: &[bool], x: &mut [f64]) -> HashMap<usize, Reason> {
    let mut reasons = HashMap::new();
    let Guards { needed, nodes: guarded, matrices } = guards;
    let params: Vec<&[f64]> = problem.params.iter().map(|param| param.values.as_slice()).collect();
    for _ in 0..ROUNDS {
        let values = eval::stages(
            &problem.graph,
            &problem.stages,
            needed,
            &Inputs { variables: x, params: params.clone(), after: &[] },
        );
        let mut changed = false;
        for (k, stage) in problem.stages.iter().enumerate().filter(|(k, _)| needed[*k]) {
            for (t, term) in stage.terms.iter().enumerate().filter(|(t, _)| !guarded[k][*t].is_empty()) {
                let here = Here { problem, bounds, free, params: &params, values: &values, term };
                changed |= here.repair(&guarded[k][t], x, &mut reasons);
            }
        }
        for matrix in matrices {
            let around = matrices::Around { problem, bounds, free, params: &params };
            changed |= around.repair(matrix, &values[matrix.of.0 as usize], x, &mut reasons);
        }
        if !changed {
            break;
        }
    }
    reasons
}

/// Which function asked for a variable to be moved, what it needs, and where it stands.
struct Reason {
    function: &'static str,
    needs: &'static str,
    span: Span,
}

/// The nodes of a body whose functions are not defined everywhere.
fn guarded(graph: &Graph, term: &Term) -> Vec<NodeId> {
    let restricted = |id: &NodeId| match graph.node(*id) {
        Node::Call(Op::Div | Op::Pow | Op::Atan2, _) => true,
        Node::Call(op, _) => op.row().domain.operands[..op.row().arity].iter().any(|range| *range != Range::REALS),
        Node::Constant(_) | Node::Leaf(_) => false,
    };
    graph.reachable(&[term.family.body]).into_iter().filter(restricted).collect()
}

/// A term at a point.
struct Here<'a> {
    problem: &'a Problem,
    bounds: &'a Bounds,
    free: &'a [bool],
    params: &'a [&'a [f64]],
    values: &'a [Vec<f64>],
    term: &'a Term,
}

impl Here<'_> {
    fn repair(&self, guarded: &[NodeId], x: &mut [f64], reasons: &mut HashMap<usize, Reason>) -> bool {
        let mut changed = false;
        for p in 0..self.term.family.instances as usize {
            let leaves: Vec<f64> = self.term.family.leaves.iter().map(|leaf| self.read(leaf, p, x)).collect();
            let graph = &self.problem.graph;
            let operands_of = |id: &NodeId| {
                let (operands, arity) = graph.operands(*id);
                operands.into_iter().take(arity)
            };
            let roots: Vec<NodeId> = guarded.iter().flat_map(operands_of).collect();
            let values = eval::bodies(&eval::Plain, graph, &roots, &leaves);
            for id in guarded {
                let Node::Call(op, operands) = self.problem.graph.node(*id) else { continue };
                let at = |k: usize| values[&operands[k]];
                let arity = op.row().arity;
                let given: [f64; 3] = std::array::from_fn(|k| if k < arity { at(k) } else { 0.0 });
                let Some((k, target)) = offence(op, given) else { continue };
                changed |= self.towards(operands[k], given[k], target, &leaves, p, x, (op, reasons));
            }
        }
        changed
    }

    fn read(&self, leaf: &crate::expr::family::Leaf, p: usize, x: &[f64]) -> f64 {
        let at = leaf.map.at(p);
        match leaf.source {
            Source::Variables => x[at],
            Source::Param(id) => self.params[id.0 as usize][at],
            Source::Stage(id) => self.values[id.0 as usize][at],
            Source::After(_) => f64::NAN,
        }
    }

    /// One step of Newton's method on `operand = target` over the free variables that it reads, within their bounds;
    /// where it does not depend on them to first order, they are moved a little apart.
    #[allow(clippy::too_many_arguments)]
    fn towards(
        &self,
        operand: NodeId,
        value: f64,
        target: f64,
        leaves: &[f64],
        p: usize,
        x: &mut [f64],
        (op, reasons): (Op, &mut HashMap<usize, Reason>),
    ) -> bool {
        let graph = &self.problem.graph;
        let mut slopes: Vec<(usize, f64)> = vec![];
        for id in graph.reachable(&[operand]) {
            let Node::Leaf(k) = graph.node(id) else { continue };
            let mut nudged = leaves.to_vec();
            let step = 1e-6 * leaves[k as usize].abs().max(1.0);
            nudged[k as usize] += step;
            let slope = (eval::body(&eval::Plain, graph, operand, &nudged) - value) / step;
            let leaf = &self.term.family.leaves[k as usize];
            for position in self.variables_of(leaf.source, leaf.map.at(p), 0) {
                slopes.push((position, slope));
            }
        }
        slopes.retain(|(position, _)| {
            self.free[*position] && self.bounds.lower[*position] < self.bounds.upper[*position]
        });
        let square: f64 = slopes.iter().map(|(_, s)| s * s).filter(|s| s.is_finite()).sum();
        let mut changed = false;
        for (k, (position, slope)) in slopes.iter().enumerate() {
            let step = match square > 1e-12 && slope.is_finite() && value.is_finite() {
                true => slope * (target - value) / square,
                // Distinct steps, so that differences of variables do not stay 0.
                false => 0.1 * (1.0 + k as f64 / slopes.len() as f64),
            };
            let to = strictly_inside(x[*position] + step, self.bounds.lower[*position], self.bounds.upper[*position]);
            if to != x[*position] {
                x[*position] = to;
                let (row, span) = (op.row(), crate::problem::squares::span_of(self.term));
                reasons.insert(*position, Reason { function: row.name, needs: row.domain.needs, span });
                changed = true;
            }
        }
        changed
    }

    /// The variables behind a row of a source.
    fn variables_of(&self, source: Source, row: usize, depth: usize) -> Vec<usize> {
        variables_of(self.problem, source, row, depth)
    }
}

/// The variables behind a row of a source. Chains of stages are followed for a few links.
fn variables_of(problem: &Problem, source: Source, row: usize, depth: usize) -> Vec<usize> {
    match source {
        Source::Variables => vec![row],
        Source::Param(_) | Source::After(_) => vec![],
        Source::Stage(_) if depth > 4 => vec![],
        Source::Stage(id) => {
            let mut found = vec![];
            if let Some(matrix) = &problem.stage(id).matrix {
                let square = (matrix.n * matrix.n) as usize;
                let first = row / matrix.function.outputs(matrix.n as usize) * square;
                for entry in first..first + square {
                    found.extend(variables_of(problem, Source::Stage(matrix.of), entry, depth + 1));
                }
            }
            for term in &problem.stage(id).terms {
                for p in term.target.instances_at(row, term.family.instances as usize) {
                    for leaf in &term.family.leaves {
                        found.extend(variables_of(problem, leaf.source, leaf.map.at(p), depth + 1));
                    }
                }
            }
            found.sort_unstable();
            found.dedup();
            found
        }
    }
}

/// The operand that lies on or outside of the border of what its function allows, and where it could lie instead.
fn offence(op: Op, given: [f64; 3]) -> Option<(usize, f64)> {
    let row = op.row();
    for (k, (value, range)) in given.into_iter().zip(row.domain.operands).take(row.arity).enumerate() {
        // Where an end is closed the value exists, but slopes may be infinite: it is left as well.
        if value > range.lo && value < range.hi {
            continue;
        }
        if range != Range::REALS && !value.is_nan() {
            return Some((k, middle(range)));
        }
    }
    match op {
        Op::Div if given[1] == 0.0 => Some((1, 1.0)),
        Op::Pow if given[0] <= 0.0 && (given[1].fract() != 0.0 || (given[0] == 0.0 && given[1] < 1.0)) => {
            Some((0, 1.0))
        }
        Op::Atan2 if given[0] == 0.0 && given[1] == 0.0 => Some((1, 1.0)),
        _ if !row.defined_at(given) && given[..row.arity].iter().all(|v| v.is_finite()) => Some((row.arity - 1, 1.0)),
        _ => None,
    }
}

/// A number well inside a range.
fn middle(range: Range) -> f64 {
    match (range.lo.is_finite(), range.hi.is_finite()) {
        (true, true) => 0.5 * (range.lo + range.hi),
        (true, false) => range.lo + 1.0,
        (false, true) => range.hi - 1.0,
        (false, false) => 0.0,
    }
}

/// The nearest number that is a little inside of bounds that form an interval.
fn strictly_inside(value: f64, lower: f64, upper: f64) -> f64 {
    let margin = (0.01 * (upper - lower)).min(1e-2 * lower.abs().max(upper.abs()).max(1.0));
    let margin = if margin.is_finite() { margin } else { 1e-2 };
    inside(value, lower + margin, upper - margin)
}

/// One sentence for each family of variables of which elements moved.
fn moved(problem: &Problem, before: &[f64], after: &[f64], reasons: &HashMap<usize, Reason>) -> Vec<Fact> {
    let mut facts = vec![];
    for variable in &problem.variables {
        let first = variable.offset as usize;
        let positions: Vec<usize> = (first..first + variable.axes.len()).filter(|k| before[*k] != after[*k]).collect();
        let Some(Reason { function, needs, span }) = positions.first().and_then(|k| reasons.get(k)) else { continue };
        let why = if needs.is_empty() { String::new() } else { format!(", which needs {needs}") };
        let what = match positions.as_slice() {
            [one] => format!("`{}` begins at {}", problem.variable_name(*one), short(after[*one])),
            many => format!(
                "{} elements of `{}` begin off 0, the first at {}",
                many.len(),
                variable.name,
                short(after[many[0]])
            ),
        };
        facts.push(Fact::at(format!("{what}, for `{function}`{why}"), *span));
    }
    facts
}

fn short(value: f64) -> String {
    format!("{}", (value * 1e6).round() / 1e6)
}
