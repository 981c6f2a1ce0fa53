//! A body for a block of instances at once: values, slopes and second derivatives by its leaves.
//!
//! A [`Tape`] is a body in the order of evaluation. A [`Block`] runs it for `L` instances, each number being a row of `L`
//! lanes. Slopes are found backwards, `∂z/∂u = Σ over users v of u  ∂z/∂v ∂v/∂u`, and second derivatives by carrying a
//! direction through both passes (Griewank and Walther, "Evaluating Derivatives", 2008, 5.1): one pass per leaf that
//! varies. The partial derivatives of functions are those of [`super::partials`] and [`super::second`].

use super::partials::partials;
use super::second::{is_curved, second};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;

pub struct Tape {
    steps: Vec<Step>,
    /// Which steps depend on leaves that vary.
    varies: Vec<bool>,
    /// Which steps are used by branches of a `select` only: where their branch is not taken, their slopes do not count
    /// even if they are not numbers.
    conditional: Vec<bool>,
    /// The leaves that vary, ascending, and the steps at which they stand.
    pub leaves: Vec<(u32, usize)>,
}

#[derive(Clone, Copy)]
enum Step {
    Constant(f64),
    Leaf(u32),
    /// Operands are numbers of earlier steps; those beyond the arity repeat the first.
    Call(Op, [usize; 3]),
}

impl Tape {
    /// `varying` are the leaves by which is differentiated, ascending.
    pub fn new(graph: &Graph, body: NodeId, varying: &[u32]) -> Tape {
        let order = graph.reachable(&[body]);
        let place = |id: NodeId| order.binary_search(&id).unwrap_or_default();
        let mut tape = Tape { steps: vec![], varies: vec![], conditional: vec![true; order.len()], leaves: vec![] };
        for id in &order {
            let (step, varies) = match graph.node(*id) {
                Node::Constant(value) => (Step::Constant(value), false),
                Node::Leaf(k) => (Step::Leaf(k), varying.binary_search(&k).is_ok()),
                Node::Call(op, operands) => {
                    let operands = operands.map(place);
                    let step = Step::Call(op, operands);
                    (step, differentiable(op).iter().any(|k| tape.varies[operands[*k]]))
                }
            };
            if let (Step::Leaf(k), true) = (step, varies) {
                tape.leaves.push((k, tape.steps.len()));
            }
            tape.steps.push(step);
            tape.varies.push(varies);
        }
        tape.leaves.sort_unstable();
        tape.conditional[order.len() - 1] = false;
        for i in (0..order.len()).rev() {
            if let (Step::Call(op, operands), false) = (tape.steps[i], tape.conditional[i]) {
                let always = if op == Op::Select { &operands[..1] } else { &operands[..] };
                always.iter().for_each(|o| tape.conditional[*o] = false);
            }
        }
        tape
    }

    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// The function at a step and the steps of its operands, if it is one that varies.
    pub fn varying_call(&self, step: usize) -> Option<(Op, [usize; 3])> {
        match self.steps[step] {
            Step::Call(op, operands) if self.varies[step] => Some((op, operands)),
            Step::Call(..) | Step::Constant(_) | Step::Leaf(_) => None,
        }
    }

    pub fn leaf(&self, step: usize) -> Option<u32> {
        match self.steps[step] {
            Step::Leaf(k) => Some(k),
            Step::Call(..) | Step::Constant(_) => None,
        }
    }

    pub fn varies(&self, step: usize) -> bool {
        self.varies[step]
    }

    /// How often a step is used by others.
    pub fn uses(&self, step: usize) -> usize {
        let of = |user: &Step| match user {
            Step::Call(op, operands) => operands[..op.row().arity].iter().filter(|o| **o == step).count(),
            Step::Constant(_) | Step::Leaf(_) => 0,
        };
        self.steps.iter().map(of).sum()
    }
}

/// Partial derivatives of a step by its operands that are chosen, as at a kink.
pub type Chosen = (usize, [f64; 2]);

/// The operands by which a function has slopes.
fn differentiable(op: Op) -> &'static [usize] {
    match (op, op.row().arity) {
        (Op::Lt | Op::Le | Op::Eq | Op::Ne | Op::And | Op::Or | Op::Not, _) => &[],
        (Op::Sign | Op::Floor | Op::Ceil | Op::Round, _) => &[],
        (Op::Select, _) => &[1, 2],
        (Op::Polygamma, _) => &[1],
        (_, 1) => &[0],
        (_, _) => &[0, 1],
    }
}

type Row<const L: usize> = [f64; L];

pub struct Block<'t, const L: usize> {
    tape: &'t Tape,
    values: Vec<Row<L>>,
    /// Of each step, the partial derivatives by its operands; not of those for which [`Partial`] has something shorter.
    first: Vec<[Row<L>; 2]>,
    /// The slope of the body by each step.
    slopes: Vec<Row<L>>,
    /// Of each curved step, by its operands.
    second: Vec<[Row<L>; 3]>,
    /// The slope of each step by the leaf in question, where it moves with it.
    tangents: Vec<Row<L>>,
    moves: Vec<bool>,
    /// The slope of `slopes` by the leaf in question, where it may not be 0.
    turns: Vec<Row<L>>,
    turning: Vec<bool>,
    chosen: &'t [Chosen],
}

/// The partial derivative of a step by an operand.
enum Partial<'b, const L: usize> {
    One,
    MinusOne,
    Row(&'b Row<L>),
    /// Where the condition holds, or does not, as the flag says; else 0.
    If(&'b Row<L>, bool),
}

impl<'t, const L: usize> Block<'t, L> {
    pub fn new(tape: &'t Tape) -> Block<'t, L> {
        let zero = [0.0; L];
        Block {
            tape,
            values: vec![zero; tape.len()],
            first: vec![],
            slopes: vec![],
            second: vec![],
            tangents: vec![],
            moves: vec![],
            turns: vec![],
            turning: vec![],
            chosen: &[],
        }
    }

    /// With chosen partial derivatives, ascending by step. `abs`, `min` and `max` then have the value of the mixture of
    /// their sides, whose slopes those are.
    pub fn choosing(tape: &'t Tape, chosen: &'t [Chosen]) -> Block<'t, L> {
        Block { chosen, ..Block::new(tape) }
    }

    fn chosen(&self, step: usize) -> Option<[f64; 2]> {
        let place = self.chosen.binary_search_by_key(&step, |(step, _)| *step).ok()?;
        Some(self.chosen[place].1)
    }

    /// The values of the body; `read` fills in what a leaf reads.
    pub fn evaluate(&mut self, mut read: impl FnMut(u32, &mut Row<L>)) -> &Row<L> {
        for (i, step) in self.tape.steps.iter().enumerate() {
            let chosen = if self.chosen.is_empty() { None } else { self.chosen(i) };
            let (before, rest) = self.values.split_at_mut(i);
            match *step {
                Step::Constant(value) => rest[0] = [value; L],
                Step::Leaf(k) => read(k, &mut rest[0]),
                Step::Call(Op::Abs | Op::Min | Op::Max, [a, b, _]) if chosen.is_some() => {
                    let [by_a, by_b] = chosen.unwrap_or_default();
                    (0..L).for_each(|l| rest[0][l] = by_a * before[a][l] + by_b * before[b][l]);
                }
                Step::Call(op, [a, b, c]) => apply(op, [&before[a], &before[b], &before[c]], &mut rest[0]),
            }
        }
        self.body(&self.values)
    }

    fn body<'r>(&self, rows: &'r [Row<L>]) -> &'r Row<L> {
        &rows[self.tape.len() - 1]
    }

    /// The slopes of the body by all steps, after [`Block::evaluate`].
    pub fn differentiate(&mut self) {
        let tape = self.tape;
        let last = tape.len() - 1;
        self.first.resize(tape.len(), [[0.0; L]; 2]);
        self.slopes.clear();
        self.slopes.resize(tape.len(), [0.0; L]);
        self.slopes[last] = [1.0; L];
        for i in (0..=last).rev().filter(|i| tape.varies[*i]) {
            let Step::Call(op, operands) = tape.steps[i] else { continue };
            if !matches!(op, Op::Add | Op::Sub | Op::Neg | Op::Mul | Op::Select) {
                match self.chosen(i) {
                    Some([by_a, by_b]) => self.first[i] = [[by_a; L], [by_b; L]],
                    None => first_partials(op, operands.map(|o| &self.values[o]), &mut self.first[i]),
                }
            }
            for k in differentiable(op).iter().filter(|k| tape.varies[operands[**k]]) {
                let partial = partial(&self.values, &self.first[i], op, operands, *k);
                let (before, rest) = self.slopes.split_at_mut(i);
                chain(&mut before[operands[*k]], &rest[0], &partial, tape.conditional[i]);
            }
        }
    }

    pub fn value(&self, step: usize) -> &Row<L> {
        &self.values[step]
    }

    /// The value of the body in the first lane.
    pub fn body_value(&self) -> f64 {
        self.values[self.tape.len() - 1][0]
    }

    /// The slope of the body by what stands at a step.
    pub fn slope(&self, step: usize) -> &Row<L> {
        &self.slopes[step]
    }

    /// Prepares second derivatives, after [`Block::differentiate`].
    pub fn bend(&mut self) {
        let tape = self.tape;
        self.second.resize(tape.len(), [[0.0; L]; 3]);
        self.tangents.resize(tape.len(), [0.0; L]);
        self.turns.resize(tape.len(), [0.0; L]);
        for i in (0..tape.len()).filter(|i| tape.varies[*i]) {
            let Step::Call(op, operands) = tape.steps[i] else { continue };
            if is_curved(op) && op != Op::Mul {
                second_partials(op, operands.map(|o| &self.values[o]), &mut self.second[i]);
            }
        }
    }

    /// The slopes of all slopes by the leaf at a step, after [`Block::bend`].
    pub fn turn(&mut self, leaf: usize) {
        let tape = self.tape;
        let last = tape.len() - 1;
        self.moves.clear();
        self.moves.resize(tape.len(), false);
        self.moves[leaf] = true;
        self.tangents[leaf] = [1.0; L];
        for i in leaf + 1..=last {
            let Step::Call(op, operands) = tape.steps[i] else { continue };
            let mut moves = false;
            for k in differentiable(op).iter().filter(|k| self.moves[operands[**k]]) {
                let partial = partial(&self.values, &self.first[i], op, operands, *k);
                let (before, rest) = self.tangents.split_at_mut(i);
                if !moves {
                    rest[0] = [0.0; L];
                }
                moves = true;
                chain(&mut rest[0], &before[operands[*k]], &partial, tape.conditional[i]);
            }
            self.moves[i] = moves;
        }
        self.turning.clear();
        self.turning.resize(tape.len(), false);
        for i in (0..=last).rev().filter(|i| tape.varies[*i]) {
            let Step::Call(op, operands) = tape.steps[i] else { continue };
            for k in differentiable(op).iter().filter(|k| tape.varies[operands[**k]]) {
                let to = operands[*k];
                let bends = differentiable(op).iter().filter(|l| is_curved(op) && self.moves[operands[**l]]);
                let bends = bends.filter(|l| op != Op::Mul || *l != k);
                if !self.turning[to] && (self.turning[i] || bends.clone().next().is_some()) {
                    self.turning[to] = true;
                    self.turns[to] = [0.0; L];
                }
                if self.turning[i] {
                    let partial = partial(&self.values, &self.first[i], op, operands, *k);
                    let (before, rest) = self.turns.split_at_mut(i);
                    chain(&mut before[to], &rest[0], &partial, tape.conditional[i]);
                }
                for l in bends {
                    let (sum, weight, tangent) = (&mut self.turns[to], &self.slopes[i], &self.tangents[operands[*l]]);
                    if op == Op::Mul {
                        bend(sum, weight, &[1.0; L], tangent, tape.conditional[i]);
                    } else {
                        bend(sum, weight, &self.second[i][k + l], tangent, tape.conditional[i]);
                    }
                }
            }
        }
    }

    /// The second derivative of the body by the leaf of the last [`Block::turn`] and the leaf at a step; `None` where it
    /// is 0 whatever the leaves are.
    pub fn turned(&self, step: usize) -> Option<&Row<L>> {
        self.turning[step].then(|| &self.turns[step])
    }
}

fn partial<'b, const L: usize>(
    values: &'b [Row<L>],
    first: &'b [Row<L>; 2],
    op: Op,
    operands: [usize; 3],
    k: usize,
) -> Partial<'b, L> {
    match (op, k) {
        (Op::Add, _) | (Op::Sub, 0) => Partial::One,
        (Op::Sub | Op::Neg, _) => Partial::MinusOne,
        (Op::Mul, _) => Partial::Row(&values[operands[1 - k]]),
        (Op::Select, _) => Partial::If(&values[operands[0]], k == 1),
        (_, _) => Partial::Row(&first[k]),
    }
}

/// `to += from ∂`, lane by lane. Where nothing comes from a branch that may not be taken, nothing is added.
#[inline]
fn chain<const L: usize>(to: &mut Row<L>, from: &Row<L>, partial: &Partial<L>, conditional: bool) {
    match partial {
        Partial::One => (0..L).for_each(|l| to[l] += from[l]),
        Partial::MinusOne => (0..L).for_each(|l| to[l] -= from[l]),
        Partial::Row(row) if conditional => {
            (0..L).for_each(|l| to[l] += if from[l] == 0.0 { 0.0 } else { from[l] * row[l] });
        }
        Partial::Row(row) => (0..L).for_each(|l| to[l] += from[l] * row[l]),
        Partial::If(condition, holds) => {
            (0..L).for_each(|l| to[l] += if (condition[l] != 0.0) == *holds { from[l] } else { 0.0 });
        }
    }
}

/// `to += weight curvature tangent`, lane by lane.
#[inline]
fn bend<const L: usize>(to: &mut Row<L>, weight: &Row<L>, curvature: &Row<L>, tangent: &Row<L>, conditional: bool) {
    if conditional {
        let part = |l: usize| weight[l] * curvature[l] * tangent[l];
        (0..L).for_each(|l| to[l] += if weight[l] == 0.0 || tangent[l] == 0.0 { 0.0 } else { part(l) });
        return;
    }
    (0..L).for_each(|l| to[l] += weight[l] * curvature[l] * tangent[l]);
}

fn apply<const L: usize>(op: Op, [a, b, c]: [&Row<L>; 3], to: &mut Row<L>) {
    match op {
        Op::Add => (0..L).for_each(|l| to[l] = a[l] + b[l]),
        Op::Sub => (0..L).for_each(|l| to[l] = a[l] - b[l]),
        Op::Mul => (0..L).for_each(|l| to[l] = a[l] * b[l]),
        Op::Div => (0..L).for_each(|l| to[l] = a[l] / b[l]),
        Op::Neg => (0..L).for_each(|l| to[l] = -a[l]),
        Op::Square => (0..L).for_each(|l| to[l] = a[l] * a[l]),
        _ => {
            let value = op.row().value;
            (0..L).for_each(|l| to[l] = value([a[l], b[l], c[l]]));
        }
    }
}

fn first_partials<const L: usize>(op: Op, operands: [&Row<L>; 3], to: &mut [Row<L>; 2]) {
    // Loops of their own for what is frequent: the compiler puts in the formula of the one function.
    match op {
        Op::Div => each(operands, to, |at| partials(Op::Div, at)),
        Op::Square => each(operands, to, |at| partials(Op::Square, at)),
        Op::Sqrt => each(operands, to, |at| partials(Op::Sqrt, at)),
        Op::Log => each(operands, to, |at| partials(Op::Log, at)),
        _ => each(operands, to, |at| partials(op, at)),
    }
}

#[inline(always)]
fn each<const L: usize>([a, b, c]: [&Row<L>; 3], [by_a, by_b]: &mut [Row<L>; 2], of: impl Fn([f64; 3]) -> [f64; 3]) {
    for l in 0..L {
        [by_a[l], by_b[l], _] = of([a[l], b[l], c[l]]);
    }
}

fn second_partials<const L: usize>(op: Op, [a, b, c]: [&Row<L>; 3], [aa, ab, bb]: &mut [Row<L>; 3]) {
    if op == Op::Square {
        aa.fill(2.0);
        return;
    }
    for l in 0..L {
        [aa[l], ab[l], bb[l]] = second(op, [a[l], b[l], c[l]]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::dual_tests;
    use super::*;
    use crate::expr::ops::ALL;

    fn dual(graph: &Graph, body: NodeId, at: &[f64]) -> (f64, Vec<f64>) {
        let found = dual_tests::at(graph, body, at);
        (found.value, found.slopes)
    }

    /// Values and slopes against the scalar dual numbers, second derivatives against differences of theirs.
    fn compare<const L: usize>(graph: &Graph, body: NodeId, points: &[Vec<f64>], steps: bool, name: &str) {
        let n = points[0].len();
        let varying: Vec<u32> = (0..n as u32).collect();
        let tape = Tape::new(graph, body, &varying);
        for points in points.chunks(L) {
            let mut block: Block<L> = Block::new(&tape);
            let lane = |l: usize| &points[l.min(points.len() - 1)];
            let values = *block.evaluate(|k, row| (0..L).for_each(|l| row[l] = lane(l)[k as usize]));
            block.differentiate();
            block.bend();
            let close = |a: f64, b: f64, size: f64| a == b || (a - b).abs() <= size || (a.is_nan() && b.is_nan());
            for (l, at) in points.iter().enumerate() {
                let (value, slopes) = dual(graph, body, at);
                assert!(value.to_bits() == values[l].to_bits() || value.is_nan(), "{name} at {at:?}");
                for (k, step) in &tape.leaves {
                    let (found, expected) = (block.slope(*step)[l], slopes[*k as usize]);
                    assert!(close(found, expected, 1e-14 * expected.abs()), "{name} {k} at {at:?}: {found} {expected}");
                }
            }
            for (k, step) in tape.leaves.iter().filter(|_| steps) {
                block.turn(*step);
                for (l, at) in points.iter().enumerate() {
                    let h = 1e-5 * at[*k as usize].abs().max(0.1);
                    let moved = |t: f64| {
                        let mut at = at.clone();
                        at[*k as usize] += t;
                        dual(graph, body, &at).1
                    };
                    let (up, down) = (moved(h), moved(-h));
                    for (j, other) in &tape.leaves {
                        let expected = (up[*j as usize] - down[*j as usize]) / (2.0 * h);
                        let found = block.turned(*other).map_or(0.0, |row| row[l]);
                        let size = 1e-6 * (1.0 + expected.abs());
                        assert!(close(found, expected, size), "{name} {k} {j} at {at:?}: {found} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn blocks_equal_scalar_dual_numbers_on_every_function_of_the_table() {
        for op in ALL {
            let row = op.row();
            if row.samples.is_empty() {
                continue;
            }
            let mut g = Graph::default();
            let leaves: Vec<NodeId> = (0..row.arity as u32).map(|k| g.leaf(k)).collect();
            let operands: [NodeId; 3] = std::array::from_fn(|k| leaves[if k < row.arity { k } else { 0 }]);
            let call = g.intern(Node::Call(*op, operands));
            // The function by itself, and inside and outside of others.
            let shared = g.intern(Node::Call(Op::Mul, [call, leaves[0], call]));
            let sine = g.intern(Node::Call(Op::Sin, [shared; 3]));
            let points: Vec<Vec<f64>> = row.samples.iter().map(|at| at[..row.arity].to_vec()).collect();
            let differences = row.discrete.is_empty();
            for body in [call, shared] {
                compare::<1>(&g, body, &points, differences, row.name);
                compare::<8>(&g, body, &points, differences, row.name);
            }
            compare::<4>(&g, sine, &points, false, row.name);
        }
    }

    #[test]
    fn branches_that_are_not_taken_do_not_count() {
        // if x > 0 then x log(x) y else y^3 sqrt(-x)
        let mut g = Graph::default();
        let (x, y, zero) = (g.leaf(0), g.leaf(1), g.constant(0.0));
        let positive = g.call(Op::Lt, &[zero, x]);
        let log = g.log(x);
        let (a, three, minus) = (g.mul(x, log), g.constant(3.0), g.neg(x));
        let (a, root, power) = (g.mul(a, y), g.call(Op::Sqrt, &[minus]), g.call(Op::Pow, &[y, three]));
        let b = g.mul(power, root);
        let body = g.select(positive, a, b);
        let points = vec![vec![0.5, 2.0], vec![-0.5, 1.5], vec![2.0, -1.0], vec![-3.0, 0.25]];
        compare::<4>(&g, body, &points, true, "select");
        compare::<1>(&g, body, &points, true, "select");
    }
}
