//! Scalar rows become families: what reads other variables and other numbers but computes the same is one family.
//!
//! Readers of formats that know no index sets meet a model row by row. [`families_from_equal_bodies`] gives such rows
//! their families back. Rows of a shape that many rows have stay whole, so that what their parts share is computed
//! once; all others fall into the addends of their sum, and addends of one shape are one family over all the rows that
//! they stand in. So balances of unequal length, and objectives of a million terms, become a handful of families.
//!
//! The shape of a body is its postfix text with variables numbered by first appearance and numbers left open, except
//! for exponents, which decide what is computed. A number that is the same in all bodies of a shape is a constant of
//! the family; one that differs becomes a column of data.

use super::family::{Family, IndexMap, Leaf, ParamId, Source, Term};
use super::graph::{Graph, NodeId};
use super::ops::Op;
use std::collections::HashMap;
use std::ops::Range;

/// One sign of a body in postfix notation: operands stand before what takes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token {
    Constant(f64),
    /// `source[position]`
    Leaf(Source, u32),
    Call(Op),
}

/// Scalar bodies in postfix notation, one after the other, each added to a row.
#[derive(Clone, Debug, Default)]
pub struct Bodies {
    tokens: Vec<Token>,
    /// The row of each body and where its tokens end.
    ends: Vec<(u32, usize)>,
}

impl Bodies {
    /// Adds a sign to the body that is being written.
    pub fn push(&mut self, token: Token) {
        self.tokens.push(token);
    }

    /// The signs since the last body are a body, to be added to row `row`.
    ///
    /// Panics if they are not one whole body: readers check what they read, so this would be our bug.
    pub fn end_body(&mut self, row: u32) {
        let begin = self.ends.last().map_or(0, |&(_, end)| end);
        let height = self.tokens[begin..].iter().try_fold(0usize, |height, token| match token {
            Token::Constant(_) | Token::Leaf(..) => Some(height + 1),
            Token::Call(op) => (height + 1).checked_sub(op.row().arity).filter(|&height| height > 0),
        });
        assert_eq!(height, Some(1), "a body is one expression");
        self.ends.push((row, self.tokens.len()));
    }
}

/// Terms whose sum is the sum of all bodies, row by row. `column` keeps numbers and says where.
///
/// Rows keep their order within a term. Linear in the number of tokens. Origins of the terms are left 0.
pub fn families_from_equal_bodies(
    graph: &mut Graph,
    bodies: &Bodies,
    column: &mut dyn FnMut(Vec<f64>) -> ParamId,
) -> Vec<Term> {
    let begins = subtree_begins(&bodies.tokens);
    let mut reader = Reader { tokens: &bodies.tokens, begins: &begins, shapes: HashMap::new(), groups: vec![] };
    let mut of_body = Vec::with_capacity(bodies.ends.len());
    let mut counts: Vec<u32> = vec![];
    for piece in whole(bodies) {
        let shape = reader.shape(&piece);
        counts.resize(reader.groups.len(), 0);
        counts[shape] += 1;
        of_body.push(shape);
    }
    for (piece, shape) in whole(bodies).zip(of_body) {
        if counts[shape] as usize >= KEPT_WHOLE {
            reader.enter(shape, piece);
            continue;
        }
        for addend in reader.addends(piece) {
            let shape = reader.shape(&addend);
            reader.enter(shape, addend);
        }
    }
    let groups = std::mem::take(&mut reader.groups);
    groups.into_iter().filter(|pieces| !pieces.is_empty()).map(|pieces| reader.family(graph, &pieces, column)).collect()
}

/// Fewer rows of one shape than this are split. 8: from there on the engine runs a family in blocks.
const KEPT_WHOLE: usize = 8;

/// A part of a body that stands for itself: `factor` times the tokens of a range, added to a row.
#[derive(Clone, Debug)]
struct Piece {
    row: u32,
    factor: f64,
    range: Range<usize>,
}

fn whole(bodies: &Bodies) -> impl Iterator<Item = Piece> + '_ {
    let mut begin = 0;
    bodies.ends.iter().map(move |&(row, end)| {
        let range = begin..end;
        begin = end;
        Piece { row, factor: 1.0, range }
    })
}

/// For each token the place where the subexpression that it ends begins.
fn subtree_begins(tokens: &[Token]) -> Vec<u32> {
    let mut begins: Vec<u32> = Vec::with_capacity(tokens.len());
    let mut open: Vec<u32> = vec![];
    for (at, token) in tokens.iter().enumerate() {
        let begin = match token {
            Token::Constant(_) | Token::Leaf(..) => at as u32,
            Token::Call(op) => {
                let first = open.len() - op.row().arity;
                let begin = open[first];
                open.truncate(first);
                begin
            }
        };
        begins.push(begin);
        open.push(begin);
    }
    begins
}

/// A sign of a shape. Positions of leaves are numbered by first appearance.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Sign {
    Open,
    /// The bits of an exponent.
    Exponent(u64),
    Leaf(Source, u32),
    Call(Op),
}

struct Reader<'a> {
    tokens: &'a [Token],
    begins: &'a [u32],
    shapes: HashMap<Box<[Sign]>, usize>,
    /// By shape: its pieces.
    groups: Vec<Vec<Piece>>,
}

impl Reader<'_> {
    /// The number of a piece's shape.
    fn shape(&mut self, piece: &Piece) -> usize {
        let mut locals = Locals::default();
        let mut signs = Vec::with_capacity(piece.range.len());
        for at in piece.range.clone() {
            signs.push(match self.tokens[at] {
                Token::Constant(value) if self.is_exponent(at, piece) => Sign::Exponent(value.to_bits()),
                Token::Constant(_) => Sign::Open,
                Token::Leaf(source, position) => Sign::Leaf(source, locals.number(source, position)),
                Token::Call(op) => Sign::Call(op),
            });
        }
        if let Some(&shape) = self.shapes.get(&signs[..]) {
            return shape;
        }
        self.groups.push(vec![]);
        self.shapes.insert(signs.into(), self.groups.len() - 1);
        self.groups.len() - 1
    }

    fn enter(&mut self, shape: usize, piece: Piece) {
        self.groups[shape].push(piece);
    }

    /// Whether the number at `at` is what something is raised to: then it stands right before the call.
    fn is_exponent(&self, at: usize, piece: &Piece) -> bool {
        at + 1 < piece.range.end && self.tokens[at + 1] == Token::Call(Op::Pow)
    }

    /// The addends of a piece, in order.
    fn addends(&self, piece: Piece) -> Vec<Piece> {
        let mut found = vec![];
        let mut waiting = vec![piece];
        while let Some(Piece { row, factor, range }) = waiting.pop() {
            let part = |factor: f64, range: Range<usize>| Piece { row, factor, range };
            let right = |end: usize| self.begins[end - 1] as usize..end;
            let last = range.end - 1;
            match self.tokens[last] {
                Token::Call(op @ (Op::Add | Op::Sub)) => {
                    let second = right(last);
                    let first = right(second.start);
                    waiting.push(part(if op == Op::Add { factor } else { -factor }, second));
                    waiting.push(part(factor, first));
                }
                Token::Call(Op::Neg) => waiting.push(part(-factor, right(last))),
                Token::Call(Op::Mul) => {
                    let second = right(last);
                    let first = right(second.start);
                    match (self.number(&first), self.number(&second)) {
                        (Some(k), None) => waiting.push(part(k * factor, second)),
                        (None, Some(k)) => waiting.push(part(k * factor, first)),
                        (None, None) | (Some(_), Some(_)) => found.push(part(factor, range)),
                    }
                }
                Token::Call(_) | Token::Constant(_) | Token::Leaf(..) => found.push(part(factor, range)),
            }
        }
        found
    }

    fn number(&self, range: &Range<usize>) -> Option<f64> {
        match self.tokens[range.start] {
            Token::Constant(value) if range.len() == 1 => Some(value),
            Token::Constant(_) | Token::Leaf(..) | Token::Call(_) => None,
        }
    }

    /// The term of pieces of one shape.
    fn family(&self, graph: &mut Graph, pieces: &[Piece], column: &mut dyn FnMut(Vec<f64>) -> ParamId) -> Term {
        let mut leaves = Leaves { leaves: vec![], of_local: vec![], columns: vec![], column };
        let mut locals = Locals::default();
        let mut stack: Vec<NodeId> = vec![];
        let first = &pieces[0];
        for offset in 0..first.range.len() {
            let node = match self.tokens[first.range.start + offset] {
                Token::Constant(_) => {
                    let number = |piece: &Piece| match self.tokens[piece.range.start + offset] {
                        Token::Constant(value) => value,
                        Token::Leaf(..) | Token::Call(_) => unreachable!("pieces of one shape"),
                    };
                    leaves.number(graph, pieces.iter().map(number).collect())
                }
                Token::Leaf(source, position) => {
                    let at = |piece: &Piece| match self.tokens[piece.range.start + offset] {
                        Token::Leaf(_, position) => position,
                        Token::Constant(_) | Token::Call(_) => unreachable!("pieces of one shape"),
                    };
                    let local = locals.number(source, position);
                    leaves.local(graph, local, || (source, pieces.iter().map(at).collect()))
                }
                Token::Call(op) => {
                    let operands = stack.split_off(stack.len() - op.row().arity);
                    graph.call(op, &operands)
                }
            };
            stack.push(node);
        }
        let body = stack.pop().expect("a body is one expression");
        let factor = leaves.number(graph, pieces.iter().map(|piece| piece.factor).collect());
        let body = graph.mul(factor, body);
        let target = IndexMap::from_positions(pieces.iter().map(|piece| piece.row).collect());
        let family = Family { instances: pieces.len() as u32, leaves: leaves.leaves, body };
        Term { family, target, level: 0, origin: (0, 0, 0) }
    }
}

/// Numbers of places that a body reads, by first appearance.
#[derive(Default)]
struct Locals {
    list: Vec<(Source, u32)>,
    /// Used when the list is long.
    numbers: HashMap<(Source, u32), u32>,
}

impl Locals {
    fn number(&mut self, source: Source, position: u32) -> u32 {
        let place = (source, position);
        // 32: a short list is searched faster than a table.
        if self.list.len() < 32 {
            if let Some(known) = self.list.iter().position(|&other| other == place) {
                return known as u32;
            }
        } else {
            if self.numbers.is_empty() {
                self.numbers = self.list.iter().copied().zip(0..).collect();
            }
            if let Some(&known) = self.numbers.get(&place) {
                return known;
            }
            self.numbers.insert(place, self.list.len() as u32);
        }
        self.list.push(place);
        self.list.len() as u32 - 1
    }
}

/// The leaves of a family while its body is made.
struct Leaves<'a> {
    leaves: Vec<Leaf>,
    /// The leaf of each local.
    of_local: Vec<u32>,
    /// Numbers that are columns already, by their bits, and their leaves.
    columns: Vec<(Vec<u64>, u32)>,
    column: &'a mut dyn FnMut(Vec<f64>) -> ParamId,
}

impl Leaves<'_> {
    fn push(&mut self, source: Source, map: IndexMap) -> u32 {
        self.leaves.push(Leaf { source, map });
        self.leaves.len() as u32 - 1
    }

    /// What is read as local number `local`; `read` says where, if it is new.
    fn local(&mut self, graph: &mut Graph, local: u32, read: impl FnOnce() -> (Source, Vec<u32>)) -> NodeId {
        if local as usize == self.of_local.len() {
            let (source, positions) = read();
            let leaf = self.push(source, IndexMap::from_positions(positions));
            self.of_local.push(leaf);
        }
        graph.leaf(self.of_local[local as usize])
    }

    /// A number of every piece: a constant if it is the same for all.
    fn number(&mut self, graph: &mut Graph, values: Vec<f64>) -> NodeId {
        let bits: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
        if bits.iter().all(|&other| other == bits[0]) {
            return graph.constant(values[0]);
        }
        let known = self.columns.iter().find(|(other, _)| *other == bits).map(|&(_, leaf)| leaf);
        let leaf = known.unwrap_or_else(|| {
            let id = (self.column)(values);
            let leaf = self.push(Source::Param(id), IndexMap::IDENTITY);
            self.columns.push((bits, leaf));
            leaf
        });
        graph.leaf(leaf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::eval::{self, Inputs};
    use crate::expr::family::{Stage, StageId};

    /// Bodies written as `x3 2 ^ x1 *`: variables, numbers, functions by name.
    fn bodies(rows: &[(u32, &str)]) -> Bodies {
        let mut bodies = Bodies::default();
        for (row, text) in rows {
            for word in text.split(' ') {
                bodies.push(match word {
                    "^" => Token::Call(Op::Pow),
                    _ if word.starts_with('x') => Token::Leaf(Source::Variables, word[1..].parse().unwrap()),
                    _ => match word.parse() {
                        Ok(value) => Token::Constant(value),
                        Err(_) => Token::Call(crate::expr::ops::by_name(word).unwrap()),
                    },
                });
            }
            bodies.end_body(*row);
        }
        bodies
    }

    /// Rows by the definition: token by token.
    fn directly(bodies: &Bodies, rows: usize, x: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; rows];
        for piece in whole(bodies) {
            let mut stack = vec![];
            for token in &bodies.tokens[piece.range] {
                let value = match *token {
                    Token::Constant(value) => value,
                    Token::Leaf(_, position) => x[position as usize],
                    Token::Call(op) => {
                        let mut operands = [0.0; 3];
                        for k in (0..op.row().arity).rev() {
                            operands[k] = stack.pop().unwrap();
                        }
                        (op.row().value)(operands)
                    }
                };
                stack.push(value);
            }
            sums[piece.row as usize] += stack[0];
        }
        sums
    }

    /// The instances of the terms that the bodies become, in order, after a comparison of all values.
    fn instances(rows: usize, bodies: &Bodies) -> Vec<u32> {
        let mut graph = Graph::default();
        let mut columns: Vec<Vec<f64>> = vec![];
        let terms = families_from_equal_bodies(&mut graph, bodies, &mut |values| {
            columns.push(values);
            ParamId(columns.len() as u32 - 1)
        });
        let found: Vec<u32> = terms.iter().map(|term| term.family.instances).collect();
        let x: Vec<f64> = (0..200).map(|k| 0.3 + 0.01 * k as f64).collect();
        let stages = [Stage { name: String::new(), rows: rows as u32, terms }];
        let needed = eval::needed(&stages, &[StageId(0)]);
        let params = columns.iter().map(Vec::as_slice).collect();
        let inputs = Inputs { variables: &x, params, after: &[] };
        let values = eval::stages(&graph, &stages, &needed, &inputs);
        for (r, (got, want)) in values[0].iter().zip(directly(bodies, rows, &x)).enumerate() {
            assert!((got - want).abs() <= 1e-13 * (1.0 + want.abs()), "row {r}: {got} instead of {want}");
        }
        found
    }

    #[test]
    fn rows_of_one_shape_become_one_family_that_keeps_what_its_parts_share() {
        let rows: Vec<(u32, String)> =
            (0..50).map(|i| (i, format!("x{i} x{} - sin {i} * x{i} 3 ^ +", i + 1))).collect();
        let rows: Vec<(u32, &str)> = rows.iter().map(|(row, text)| (*row, text.as_str())).collect();
        assert_eq!(instances(50, &bodies(&rows)), [50]);
    }

    #[test]
    fn an_objective_falls_into_families_of_its_addends() {
        let mut text = String::from("0");
        for i in 0..100 {
            text += &format!(" {i} x{i} x{} * * + x{i} exp -", i + 1);
        }
        // 0, the products, the exponentials.
        assert_eq!(instances(1, &bodies(&[(0, &text)])), [1, 100, 100]);
    }

    #[test]
    fn balances_of_unequal_length_share_the_families_of_their_addends() {
        let rows = [(0, "x0 x1 +"), (1, "x2 2 x3 * x4 + -"), (2, "x5 neg x6 x7 * +"), (3, "x8 x9 * 4 *")];
        assert_eq!(instances(4, &bodies(&rows)), [6, 2]);
    }

    #[test]
    fn exponents_and_repeated_variables_are_part_of_the_shape() {
        let rows = [(0, "x0 2 ^"), (1, "x1 3 ^"), (2, "x2 x2 *"), (3, "x2 x3 *"), (4, "x4 2 ^")];
        assert_eq!(instances(5, &bodies(&rows)), [2, 1, 1, 1]);
    }

    #[test]
    fn a_sum_of_a_hundred_thousand_addends_is_no_deeper_than_one() {
        let mut text = String::from("x0");
        (1..100_000).for_each(|k| text += &format!(" x{} +", k % 200));
        assert_eq!(instances(1, &bodies(&[(0, &text)])), [100_000]);
    }

    #[test]
    #[should_panic(expected = "a body is one expression")]
    fn half_a_body_is_refused() {
        bodies(&[(0, "x0 +")]);
    }
}
