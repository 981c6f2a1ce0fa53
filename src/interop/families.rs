//! Equal parts of many rows become one family.
//!
//! The body of each row is split at its sums. Each part is brought into a form in which leaves and constants are
//! numbered in order of their first use; parts with the same form are instances of one family. A constant that is the
//! same in all of them stays a constant, any other becomes a column of numbers. What decides the shape of a function
//! (the exponent of a power, the sign of a factor) belongs to the form, so that a family is convex if its parts are.

use super::scalars::Body;
use crate::diag::Span;
use crate::expr::family::{Family, IndexMap, Leaf, ParamId, Source, Term};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::{ALL, Op};
use crate::problem::index::{Axes, Set};
use crate::problem::{Param, Problem};
use std::collections::{BTreeMap, HashMap};

/// Makes the terms of stages from bodies over scalar leaves.
pub struct Families<'a> {
    graph: &'a Graph,
    /// Where each leaf stands in the problem.
    places: Vec<(Source, u32)>,
    /// A number for the form of each node, to order operands that may be exchanged.
    shapes: Vec<u64>,
    /// By node: the walk that saw it last, and its number in that walk.
    seen: Vec<(u32, u32)>,
    walk: u32,
}

/// Parts with one form.
struct Group {
    rows: Vec<u32>,
    /// By number of the leaf, one position per part; empty where the source is of no interest.
    leaves: Vec<(Source, Vec<u32>)>,
    /// By number of the constant, one value per part. The first is the factor in front.
    constants: Vec<Vec<f64>>,
}

/// One token of a form. Operands are numbers of earlier tokens that are values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Token {
    Leaf(Source),
    /// A constant that may differ between parts, with its sign.
    Constant(i8),
    /// A constant that may not.
    Exactly(u64),
    Call(Op, [u32; 3]),
}

struct Form {
    tokens: Vec<Token>,
    leaves: Vec<u32>,
    constants: Vec<f64>,
}

impl<'a> Families<'a> {
    pub fn new(graph: &'a Graph, places: Vec<(Source, u32)>) -> Families<'a> {
        let shapes = shapes(graph, &places);
        Families { graph, places, shapes, seen: vec![(0, 0); graph.len()], walk: 0 }
    }

    /// Where a leaf that was not known before stands.
    pub fn place(&mut self, leaf: usize, source: Source, position: u32) {
        self.places[leaf] = (source, position);
    }

    /// The terms of a stage whose row `r` is `bodies[r]`.
    pub fn terms(&mut self, bodies: &[&Body], span: impl Fn(usize) -> Span, problem: &mut Problem) -> Vec<Term> {
        let mut constants = vec![0.0; bodies.len()];
        let mut linear: Vec<(u32, u32, f64)> = vec![];
        let mut groups: Vec<(Vec<Token>, Group)> = vec![];
        let mut by_form: HashMap<Vec<Token>, usize> = HashMap::new();
        for (row, body) in bodies.iter().enumerate() {
            let split = split(self.graph, body);
            constants[row] = split.constant;
            linear.extend(split.linear.into_iter().map(|(leaf, factor)| (row as u32, leaf, factor)));
            for (node, factor) in split.parts {
                let form = self.form(node, factor);
                let at = *by_form.entry(form.tokens).or_insert_with_key(|tokens| {
                    groups.push((tokens.clone(), Group::like(tokens)));
                    groups.len() - 1
                });
                groups[at].1.push(row as u32, &form.leaves, &form.constants, &self.places);
            }
        }
        let mut terms = vec![];
        if constants.iter().any(|c| *c != 0.0) {
            let rows = (0..bodies.len() as u32).collect();
            terms.push(finished(
                &[Token::Constant(0)],
                Group { rows, leaves: vec![], constants: vec![constants] },
                &span,
                problem,
            ));
        }
        // One term per kind of source: all linear parts of all rows.
        let mut by_source: BTreeMap<Source, Group> = BTreeMap::new();
        for (row, leaf, factor) in linear {
            let (source, position) = self.places[leaf as usize];
            let group = by_source.entry(source).or_insert_with(|| Group::like(&[Token::Leaf(source)]));
            group.rows.push(row);
            group.leaves[0].1.push(position);
            group.constants[0].push(factor);
        }
        let of_linear = by_source.into_iter().map(|(source, group)| (vec![Token::Leaf(source)], group));
        terms.extend(of_linear.chain(groups).map(|(tokens, group)| finished(&tokens, group, &span, problem)));
        terms
    }

    /// The form of `factor * node`.
    fn form(&mut self, root: NodeId, factor: f64) -> Form {
        self.walk += 1;
        let mut form = Form { tokens: vec![Token::Constant(sign(factor))], leaves: vec![], constants: vec![factor] };
        // Operands before users; a node is entered once to push its operands and once to be listed.
        let mut stack: Vec<(NodeId, bool, bool)> = vec![(root, false, false)];
        let mut numbers: Vec<u32> = vec![];
        while let Some((id, exactly, ready)) = stack.pop() {
            let at = id.0 as usize;
            match self.graph.node(id) {
                Node::Constant(value) => {
                    // Each use counts for itself: `2 x + 2 y` is like `2 x + 3 y`.
                    numbers.push(form.tokens.len() as u32);
                    if exactly {
                        form.tokens.push(Token::Exactly(value.to_bits()));
                    } else {
                        form.tokens.push(Token::Constant(sign(value)));
                        form.constants.push(value);
                    }
                }
                _ if self.seen[at].0 == self.walk => numbers.push(self.seen[at].1),
                Node::Leaf(leaf) => {
                    self.seen[at] = (self.walk, form.tokens.len() as u32);
                    numbers.push(form.tokens.len() as u32);
                    form.tokens.push(Token::Leaf(self.places[leaf as usize].0));
                    form.leaves.push(leaf);
                }
                Node::Call(op, operands) => {
                    let arity = op.row().arity;
                    if !ready {
                        stack.push((id, false, true));
                        for k in self.order(op, operands).into_iter().take(arity).rev() {
                            let decides = (op == Op::Pow && k == 1) || op.row().discrete.contains(&k);
                            stack.push((operands[k], decides, false));
                        }
                        continue;
                    }
                    let from = numbers.len() - arity;
                    let mut given = [0; 3];
                    given[..arity].copy_from_slice(&numbers[from..]);
                    numbers.truncate(from);
                    self.seen[at] = (self.walk, form.tokens.len() as u32);
                    numbers.push(form.tokens.len() as u32);
                    form.tokens.push(Token::Call(op, given));
                }
            }
        }
        form
    }

    /// The order in which operands are walked: by form where they may be exchanged.
    fn order(&self, op: Op, operands: [NodeId; 3]) -> [usize; 3] {
        let shape = |k: usize| self.shapes[operands[k].0 as usize];
        if op.row().commutative && shape(1) < shape(0) { [1, 0, 2] } else { [0, 1, 2] }
    }
}

impl Group {
    fn like(tokens: &[Token]) -> Group {
        let source = |token: &Token| if let Token::Leaf(source) = token { Some((*source, vec![])) } else { None };
        let constants = tokens.iter().filter(|token| matches!(token, Token::Constant(_))).count().max(1);
        Group { rows: vec![], leaves: tokens.iter().filter_map(source).collect(), constants: vec![vec![]; constants] }
    }

    fn push(&mut self, row: u32, leaves: &[u32], constants: &[f64], places: &[(Source, u32)]) {
        self.rows.push(row);
        for (column, leaf) in self.leaves.iter_mut().zip(leaves) {
            column.1.push(places[*leaf as usize].1);
        }
        for (column, value) in self.constants.iter_mut().zip(constants) {
            column.push(*value);
        }
    }
}

/// The term of a group. `tokens` begins with the factor, or is a single leaf or constant with the factor in front.
fn finished(tokens: &[Token], group: Group, span: &impl Fn(usize) -> Span, problem: &mut Problem) -> Term {
    let instances = group.rows.len() as u32;
    let mut leaves: Vec<Leaf> = vec![];
    let mut read = |source: Source, map: IndexMap, graph: &mut Graph| {
        leaves.push(Leaf { source, map });
        graph.leaf(leaves.len() as u32 - 1)
    };
    let mut of_leaves = group.leaves.into_iter();
    let mut of_constants = group.constants.into_iter();
    let mut constant = |problem: &mut Problem, read: &mut dyn FnMut(Source, IndexMap, &mut Graph) -> NodeId| {
        let values = of_constants.next().expect("a column for each constant");
        let first = values[0];
        if values.iter().all(|v| v.to_bits() == first.to_bits()) {
            return problem.graph.constant(first);
        }
        let id = column(values, problem);
        read(Source::Param(id), IndexMap::IDENTITY, &mut problem.graph)
    };
    let factor = constant(problem, &mut read);
    let mut values: Vec<NodeId> = vec![];
    for (k, token) in tokens.iter().enumerate() {
        let value = match *token {
            Token::Constant(_) if k == 0 => factor,
            Token::Constant(_) => constant(problem, &mut read),
            Token::Exactly(bits) => problem.graph.constant(f64::from_bits(bits)),
            Token::Leaf(_) => {
                let (source, positions) = of_leaves.next().expect("a column for each leaf");
                read(source, IndexMap::from_positions(positions), &mut problem.graph)
            }
            Token::Call(op, operands) => {
                let operands: Vec<NodeId> = operands[..op.row().arity].iter().map(|&o| values[o as usize]).collect();
                problem.graph.call(op, &operands)
            }
        };
        values.push(value);
    }
    let last = *values.last().expect("a form is not empty");
    let body = match tokens {
        [Token::Constant(_)] => factor,
        _ => problem.graph.mul(factor, last),
    };
    let at = span(group.rows[0] as usize);
    let origin = (at.source.0, at.start, at.end);
    let target = IndexMap::from_positions(group.rows);
    Term { family: Family { instances, leaves, body }, target, level: 0, origin }
}

/// A nameless column of numbers.
pub fn column(values: Vec<f64>, problem: &mut Problem) -> ParamId {
    let axes = Axes::product(vec![Set::range(1.0, 1.0, values.len())]);
    let span = Span::default();
    problem.params.push(Param { name: String::new(), axes, values: values.into(), structural: false, span });
    ParamId(problem.params.len() as u32 - 1)
}

fn sign(value: f64) -> i8 {
    (value > 0.0) as i8 - (value < 0.0) as i8
}

/// A body as a sum.
struct Split {
    constant: f64,
    /// By leaf, without zeros.
    linear: Vec<(u32, f64)>,
    parts: Vec<(NodeId, f64)>,
}

/// Splits a body at its sums; equal parts are added up. Each node is visited once, users before operands.
fn split(graph: &Graph, body: &Body) -> Split {
    let mut out = Split { constant: body.constant, linear: body.linear.clone(), parts: vec![] };
    let mut waiting: BTreeMap<NodeId, f64> = body.nonlinear.iter().map(|&root| (root, 1.0)).collect();
    while let Some((id, factor)) = waiting.pop_last() {
        let mut add = |id: NodeId, factor: f64| *waiting.entry(id).or_insert(0.0) += factor;
        let Node::Call(op, [a, b, _]) = graph.node(id) else {
            match graph.node(id) {
                Node::Constant(value) => out.constant += factor * value,
                Node::Leaf(leaf) => out.linear.push((leaf, factor)),
                Node::Call(..) => {}
            }
            continue;
        };
        // A factor that is not finite, or the inverse of one that is not exact, stays where it is.
        let scaled = |c: f64| Some(factor * c).filter(|f| f.is_finite() && *f != 0.0);
        match (op, graph.value_of(a), graph.value_of(b)) {
            (Op::Add, ..) => {
                add(a, factor);
                add(b, factor);
            }
            (Op::Sub, ..) => {
                add(a, factor);
                add(b, -factor);
            }
            (Op::Neg, ..) => add(a, -factor),
            (Op::Mul, Some(c), _) if scaled(c).is_some() => add(b, factor * c),
            (Op::Mul, _, Some(c)) if scaled(c).is_some() => add(a, factor * c),
            _ => out.parts.push((id, factor)),
        }
    }
    out.parts.reverse();
    out.parts.retain(|(_, factor)| *factor != 0.0);
    // Stable: what was added up comes in the order in which it was written.
    out.linear.sort_by_key(|(leaf, _)| *leaf);
    out.linear.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        kept.1 += if same { next.1 } else { 0.0 };
        same
    });
    out.linear.retain(|(_, factor)| *factor != 0.0);
    out
}

/// A number for each node that depends on its form only. Nodes with the same number are walked in order of age; at
/// worst equal parts are not recognised as such.
fn shapes(graph: &Graph, places: &[(Source, u32)]) -> Vec<u64> {
    let mut shapes: Vec<u64> = vec![];
    for k in 0..graph.len() as u32 {
        let shape = match graph.node(NodeId(k)) {
            Node::Constant(value) => mixed(1, sign(value) as u64),
            Node::Leaf(leaf) => match places.get(leaf as usize) {
                Some((Source::Stage(_), _)) => 3,
                Some(_) | None => 2,
            },
            Node::Call(op, operands) => {
                let mut parts: Vec<u64> = operands[..op.row().arity].iter().map(|id| shapes[id.0 as usize]).collect();
                if op.row().commutative {
                    parts.sort_unstable();
                }
                parts.into_iter().fold(mixed(4, ALL.iter().position(|o| *o == op).unwrap_or(0) as u64), mixed)
            }
        };
        shapes.push(shape);
    }
    shapes
}

/// One step of the FNV hash over words, with a shift so that high bits count.
fn mixed(hash: u64, word: u64) -> u64 {
    let next = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    next ^ (next >> 29)
}
