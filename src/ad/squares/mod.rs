//! Sums of squares of functions linear in the variables, with data that stay: kept as quadratics.
//!
//! `f(w) = Σ_p b_p(z_p)` with `z = A w` and `b_p` of second degree, `h_p = b_p''` all of one sign, has the slope
//! `A'r`, `r_p = b_p'(z_p)`, and `G = A' diag(h) A` as second derivatives. So around a reference `u`, with `d = w - u`,
//!
//! `f(w) = f(u) + g(u)'d + d'Gd / 2`,  `∇f(w) = g(u) + G d`:
//!
//! after one pass over the rows a point costs as much as a row for each variable.
//!
//! **What rounding does.** Let `a_j` be the columns of `√|h| A`, `ρ(w) = r / √|h|` the residuals, `s(w)` the sums of the
//! sizes that they are made of (`Σ_j |a_j| |w_j|` and those of the data), and `c ε` a bound for the relative errors of
//! sums over rows. Going over the rows, a value is off by `c ε |ρ(w)| |s(w)|` at most and component `j` of a slope by
//! `c ε |a_j| |s(w)|`. With `t = Σ_j |a_j| |d_j|`, what is kept is off by
//!
//! `c ε (|ρ(u)| |s(u)| + t |s(u)| + t²)`  and  `c ε |a_j| (|s(u)| + t)`,
//!
//! since entries of `G` are off by `c ε |a_i| |a_j|`. Now `|s(u)| <= |s(w)| + t`, `|ρ(u)| <= |ρ(w)| + t` and
//! `|ρ(w)| <= |s(w)|`. So where `t <= C |ρ(w)|` the bounds are at most `(1 + C)² + C (1 + C) + C²` and `1 + 2 C` times
//! those of a pass over the rows: no digits are lost that sums over rows are sure of. Where `t` is larger, values and
//! slopes go over the rows. `|ρ(w)|²` is itself a quadratic with the slope `2 g`; it is known as well as `f` is.
//!
//! `u` is the point where the sum is least, as well as `G` says. Then `|ρ(w)|² = |ρ(u)|² + |√|h| A d|²`: also next to a
//! perfect fit `t` is within a few times `|ρ(w)|` wherever the columns are not nearly dependent, and whether it is
//! depends on the point alone, not on the points before it.

mod action;

pub use action::{Squares, SquaresAction, Task};

use super::action::{Action, MatrixAt};
use super::engine::{Engine, Quantity};
use super::groups::{Group, GroupLeaf, Matrix, Role};
use super::kernel::{From, Kernel, Place, Sink, Space};
use super::patterns::{Entries, locate};
use super::stale::{Affected, Stale};
use crate::expr::derive;
use crate::expr::family::{IndexMap, Source};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;
use crate::linalg::pattern::Pattern;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// So many rows for each column, and so many numbers in all: else a pass costs as little.
const LEAST_RATIO: usize = 4;
const LEAST_NUMBERS: usize = 2048;
/// Second derivatives of more columns cost more than the passes that most methods make.
const WIDEST: usize = 512;

/// The product with a matrix that group `g` of `groups` is a sum of squares of, if nobody else reads that product.
pub fn product_of(groups: &[Group], graph: &Graph, roles: &[Option<Role>], rows: &[usize], g: usize) -> Option<usize> {
    let group = &groups[g];
    let [part] = group.parts.as_slice() else { return None };
    let [leaf] = group.active_leaves()[..] else { return None };
    let GroupLeaf { source: Source::Stage(z), map: IndexMap::IDENTITY, .. } = group.leaves[leaf as usize] else {
        return None;
    };
    let single = matches!(part.target, IndexMap::Affine { stride: 0, .. }) && group.function.is_none();
    if !single || group.role == Role::Data || roles[z.0 as usize] != Some(Role::Inner) {
        return None;
    }
    let reads = |other: &Group| other.leaves.iter().any(|leaf| leaf.source == Source::Stage(z));
    let of_stage = |other: &Group| other.parts.iter().any(|part| part.stage == z);
    let mut makers = (0..groups.len()).filter(|&k| of_stage(&groups[k]));
    let (maker, None) = (makers.next()?, makers.next()) else { return None };
    let Matrix { leaf: column, width, first_row, .. } = groups[maker].matrix?;
    let whole = first_row == 0 && groups[maker].instances == rows[z.0 as usize] * width;
    let pays = rows[z.0 as usize] >= LEAST_RATIO * width && groups[maker].instances >= LEAST_NUMBERS && width <= WIDEST;
    let of_variables = groups[maker].leaves[column].source == Source::Variables;
    let alone = groups.iter().filter(|other| reads(other)).count() == 1;
    if !(whole && pays && of_variables && alone && group.instances == rows[z.0 as usize]) {
        return None;
    }
    let active: Vec<bool> = group.leaves.iter().map(|leaf| leaf.active).collect();
    (degree(graph, part.body, &active) == Some(2)).then_some(maker)
}

/// The degree of a polynomial in the active leaves; none if it is no such.
fn degree(graph: &Graph, body: NodeId, active: &[bool]) -> Option<u32> {
    let Node::Call(op, args) = graph.node(body) else {
        return Some(matches!(graph.node(body), Node::Leaf(k) if active[k as usize]) as u32);
    };
    let of = args[..op.row().arity].iter().map(|a| degree(graph, *a, active)).collect::<Option<Vec<u32>>>()?;
    match op {
        _ if of.iter().all(|degree| *degree == 0) => Some(0),
        Op::Add | Op::Sub => Some(of[0].max(of[1])),
        Op::Neg => Some(of[0]),
        Op::Mul => Some(of[0] + of[1]),
        Op::Square => Some(2 * of[0]),
        Op::Div if of[1] == 0 => Some(of[0]),
        _ => None,
    }
}

/// Where group `g` stands in the arena, if it is a sum of squares.
fn node(engine: &mut Engine, g: usize) -> Option<Squares> {
    let group = engine.functions.groups[g].clone();
    let product = engine.functions.absorbed(group.squares?);
    if let Some(known) = engine.squares.get(&g) {
        return Some(known.clone());
    }
    let (Matrix { first_column, .. }, matrix) = engine.matrix(product)?;
    let MatrixAt { width, rows, .. } = matrix;
    let leaf = group.active_leaves()[0];
    let Source::Stage(stage) = group.leaves[leaf as usize].source else { return None };
    let (body, graph) = (group.parts[0].body, &mut engine.functions.graph);
    let slope = derive::gradient(graph, body, &[leaf])[0]?;
    let curvature = derive::gradient(graph, slope, &[leaf])[0]?;
    let curvatures = engine.full_column(g, curvature);
    let products = engine.place(Quantity::Value, stage);
    let [sum, slopes, at, gram] = [1, rows, width, width * width].map(|length| engine.allocate(length));
    let [lengths, reference, slope_there] = [width; 3].map(|length| engine.allocate(length));
    let state = engine.allocate(action::STATE);
    let sink = |base: usize, map: IndexMap, add: bool| Sink { space: Space::Arena, base, map, add, twice: vec![] };
    let value = engine.kernel(g, vec![(body, sink(sum, IndexMap::scalar(0), true))], vec![])?;
    let slope = engine.kernel(g, vec![(slope, sink(slopes, IndexMap::IDENTITY, false))], vec![])?;
    let own = [products, sum, slopes].map(|at| engine.range_at(at));
    let read = |kernel: &Kernel| kernel.reads().filter(|place| place.from == From::Arena).collect::<Vec<Place>>();
    let (Action::Kernel(value), Action::Kernel(slope)) = (value, slope) else { unreachable!("kernels make kernels") };
    let read = [read(&value), read(&slope)].concat();
    let reads = read.iter().map(|place| engine.range_at(place.base)).filter(|range| !own.contains(range)).collect();
    let squares = Squares {
        matrix,
        first_column,
        curvatures,
        products,
        sum,
        slopes,
        at,
        gram,
        lengths,
        reference,
        slope_there,
        state,
        made_of: [matrix.values, curvatures].map(|at| engine.range_at(at)),
        reads,
        kernels: Arc::new((value, slope)),
    };
    squares.begin(&mut engine.arena);
    engine.squares.insert(g, squares.clone());
    Some(squares)
}

/// Forgets what is made of numbers that are new. Where all of them were computed anew, because something was compiled, they
/// need not have changed, and nothing says that they will again.
pub fn forget(engine: &mut Engine, affected: &Affected, stale: &Stale) {
    let changed = *stale != Stale::Everything;
    for squares in engine.squares.values() {
        squares.forget(&mut engine.arena, affected, changed);
    }
}

/// The groups that are sums of squares.
pub fn groups(engine: &Engine) -> Vec<usize> {
    (0..engine.functions.groups.len()).filter(|&g| engine.functions.groups[g].squares.is_some()).collect()
}

fn action(squares: Squares, task: Task) -> Action {
    Action::Squares(SquaresAction { squares, task })
}

/// The adjoint, or another quantity, of the row that group `g` adds to.
fn of_row(engine: &mut Engine, g: usize, quantity: Quantity) -> Place {
    let part = engine.functions.groups[g].parts[0].clone();
    engine.reading(quantity, part.stage).after(part.target.at(0))
}

/// Adds the value to its row, whose stage begins at `base`.
pub fn value(engine: &mut Engine, g: usize, sink: &Sink) -> Option<Action> {
    let squares = node(engine, g)?;
    Some(action(squares, Task::Value { space: sink.space, at: sink.base + sink.map.at(0) }))
}

/// The columns of the variables that group `g` reads.
pub fn columns(engine: &mut Engine, g: usize) -> Option<std::ops::Range<usize>> {
    let squares = node(engine, g)?;
    Some(squares.first_column..squares.first_column + squares.matrix.width)
}

/// Adds the slope times the row's adjoint to the slopes in all variables.
pub fn adjoint(engine: &mut Engine, g: usize) -> Option<Action> {
    let squares = node(engine, g)?;
    let weight = Some(of_row(engine, g, Quantity::Adjoint));
    let base = squares.first_column;
    Some(action(squares, Task::Slope { weight, space: Space::Out, base }))
}

/// Adds the slope to a row of a Jacobian, whose columns of these variables begin at `base`.
pub fn row(engine: &mut Engine, g: usize, space: Space, base: usize) -> Option<Action> {
    let squares = node(engine, g)?;
    Some(action(squares, Task::Slope { weight: None, space, base }))
}

/// Adds the slope along the direction of a product to its row.
pub fn tangent(engine: &mut Engine, g: usize, sink: &Sink) -> Option<Action> {
    let squares = node(engine, g)?;
    Some(action(squares, Task::Tangent { space: sink.space, at: sink.base + sink.map.at(0) }))
}

/// Adds the change of the slopes along the direction of a product, and by the change of the row's adjoint.
pub fn adjoint_tangent(engine: &mut Engine, g: usize) -> Option<Action> {
    let squares = node(engine, g)?;
    let weight = of_row(engine, g, Quantity::Adjoint);
    let stage = engine.functions.groups[g].parts[0].stage;
    // The weight of a row or objective does not change.
    let inner = engine.functions.roles[stage.0 as usize] == Some(Role::Inner);
    let change = inner.then(|| of_row(engine, g, Quantity::AdjointTangent));
    Some(action(squares, Task::Change { weight, change }))
}

/// Pairs of variables that have second derivatives, as rows of a lower triangle.
pub fn add_curvature(engine: &mut Engine, g: usize, to: &mut Entries) {
    let Some(columns) = columns(engine, g) else { return };
    let columns: Vec<u32> = columns.map(|column| column as u32).collect();
    columns.iter().enumerate().for_each(|(k, &row)| to.extend_row(row as usize, &columns[..=k]));
}

/// Adds the second derivatives into the caller's slice.
pub fn curvature(engine: &mut Engine, g: usize, pattern: &Pattern) -> Option<Action> {
    let squares = node(engine, g)?;
    let weight = of_row(engine, g, Quantity::Adjoint);
    let first = squares.first_column;
    // All columns up to the diagonal are there, so that they stand side by side.
    let starts = (first..first + squares.matrix.width).map(|row| locate(pattern, row, first as u32) as u32).collect();
    Some(action(squares, Task::Curvature { weight, starts }))
}
