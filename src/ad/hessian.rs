//! The sparse Hessian of the Lagrangian, lower triangle.
//!
//! With adjoints `w` of all stages for `L = sigma f + weights' c`, every instance of every group contributes
//! `Σ_ab h_ab J_a' J_b`, where `h = ∂²(Σ_t w_t b_t)/∂leaf_a∂leaf_b` and `J_a` is the unit row of a variable or the row
//! of a stage's Jacobian. Pairs of variables are entries that kernels write where they belong; pairs with stages leave
//! `h_ab` in the arena for an outer product, which is one dense rank update where all rows have the same columns.

use super::action::{Action, Found, KeptSum, Outer, RankUpdate, Side, TWICE};
use super::condense::condense;
use super::engine::{Engine, Quantity};
use super::groups::GroupLeaf;
use super::jacobian::Jacobian;
use super::kernel::{Input, Sink, Space};
use super::matrix::{self, MatrixAction};
use super::patterns::{Entries, locate, uniform_columns};
use super::squares::{self, SquaresAction, Task};
use super::stale::Affected;
use super::touch::Touch;
use crate::expr::derive;
use crate::expr::family::{IndexMap, Source};
use crate::expr::graph::NodeId;
use crate::linalg::pattern::Pattern;
use std::sync::Arc;

#[derive(Debug)]
pub struct Hessian {
    pub pattern: Arc<Pattern>,
    /// Into the caller's slice; after values, adjoints and Jacobians of inner stages.
    pub actions: Vec<Action>,
}

/// One entry of a local Hessian: between leaves `a` and `b` of a group.
struct Pair {
    group: usize,
    a: GroupLeaf,
    b: GroupLeaf,
    same: bool,
    node: NodeId,
}

impl Hessian {
    /// Outer products of more than `most_listed` entries look their positions up each time.
    pub fn new(engine: &mut Engine, jacobian: &Jacobian, most_listed: usize) -> Hessian {
        let mut pairs = local_pairs(engine);
        // A stage that variables reach through conditions alone has no slopes.
        let sloped = |leaf: &GroupLeaf| match leaf.source {
            Source::Stage(z) => jacobian.rows_of(z, &leaf.map).pattern.entries() > 0,
            Source::Variables | Source::Param(_) | Source::After(_) => true,
        };
        pairs.retain(|pair| sloped(&pair.a) && sloped(&pair.b));
        let mut entries = Entries::new(engine.variables, engine.variables);
        for pair in &pairs {
            let instances = engine.functions.group(pair.group).instances;
            match uniform(pair, jacobian) {
                Some(columns) => columns.iter().enumerate().for_each(|(k, &row)| {
                    entries.extend_row(row as usize, &columns[..=k]);
                }),
                None => each_entry(pair, jacobian, instances, |_, row, column, _| entries.push(row, column)),
            }
        }
        let matrices = matrix::groups(engine);
        for &g in &matrices {
            matrix::add_curvature(engine, g, jacobian, &mut entries);
        }
        let squares = squares::groups(engine);
        for &g in &squares {
            squares::add_curvature(engine, g, &mut entries);
        }
        let pattern = Arc::new(entries.pattern());
        let mut touch = Touch::new(pattern.entries());
        let (mut kernels, mut products) = (vec![], vec![]);
        for of_group in pairs.chunk_by(|a, b| a.group == b.group) {
            let g = of_group[0].group;
            let instances = engine.functions.group(g).instances;
            let mut roots: Vec<(NodeId, Sink)> = vec![];
            let mut announced = vec![];
            let nodes: Vec<NodeId> = of_group.iter().map(|pair| pair.node).collect();
            touch.begin(&engine.functions.graph, &nodes);
            // Backwards, as in the sweeps.
            for pair in of_group.iter().rev() {
                let sink = if is_variable(&pair.a) && is_variable(&pair.b) {
                    let sink = entry_sink(pair, &pattern, instances);
                    if sink.twice.is_empty() {
                        announced.push((roots.len(), touch.announce(g, &sink.map, instances)));
                    } else {
                        announced.push((roots.len(), touch.announce_added(g, &sink.map, instances)));
                    }
                    sink
                } else {
                    let factor = engine.allocate(instances);
                    products.push(product(engine, pair, jacobian, &pattern, factor, most_listed));
                    Sink { space: Space::Arena, base: factor, map: IndexMap::IDENTITY, add: false, twice: vec![] }
                };
                roots.push((pair.node, sink));
            }
            for (k, number) in announced {
                roots[k].1.add = touch.adds(number);
            }
            let extra = weights(engine, g);
            kernels.extend(engine.kernel(g, roots, extra));
        }
        products.extend(matrices.iter().filter_map(|&g| matrix::curvature(engine, g, jacobian, &pattern)));
        products.extend(squares.iter().filter_map(|&g| squares::curvature(engine, g, &pattern)));
        for action in &products {
            match action {
                Action::Matrix(MatrixAction::Curvature(curvature)) => {
                    touch.announce_sum(curvature.positions.iter().map(|&at| at as usize));
                }
                Action::Outer(Outer { positions: Found::Listed(positions), .. }) => {
                    touch.announce_sum(positions.iter().map(|at| (at & !TWICE) as usize));
                }
                Action::Squares(SquaresAction { task: Task::Curvature { starts, .. }, .. }) => {
                    let rows = starts.iter().zip(1..).flat_map(|(start, length)| (*start as usize..).take(length));
                    touch.announce_sum(rows);
                }
                Action::RankUpdate(update) => touch.announce_sum(update.positions.iter().map(|&at| at as usize)),
                // `products` holds no other actions; searched ones may reach any entry.
                _ => touch.announce_sum(0..pattern.entries()),
            }
        }
        let mut actions: Vec<Action> = touch.prepare(Space::Out, 0).into_iter().collect();
        actions.extend(kernels);
        actions.extend(products);
        Hessian { pattern, actions }
    }

    /// Forgets squares of rows that have other numbers now.
    pub fn forget(&self, engine: &mut Engine, affected: &Affected) {
        for action in &self.actions {
            if let Action::RankUpdate(RankUpdate { values, kept: Some(kept), .. }) = action
                && affected.ranges[engine.range_at(*values)]
            {
                kept.forget(&mut engine.arena);
            }
        }
    }
}

fn is_variable(leaf: &GroupLeaf) -> bool {
    leaf.source == Source::Variables
}

/// Adjoints of the parts of a group, as inputs after its leaves.
fn weights(engine: &mut Engine, g: usize) -> Vec<Input> {
    let parts: Vec<_> = engine.functions.group(g).parts.iter().map(|part| (part.stage, part.target.clone())).collect();
    parts.into_iter().map(|(stage, map)| Input { place: engine.reading(Quantity::Adjoint, stage), map }).collect()
}

/// Second derivatives of the weighted bodies of all groups that depend on variables, those with common leaves together.
fn local_pairs(engine: &mut Engine) -> Vec<Pair> {
    let mut pairs = vec![];
    let first = engine.functions.groups.len();
    for g in first..first + engine.functions.joint.len() {
        let group = engine.functions.group(g).clone();
        if group.squares.is_some() {
            continue;
        }
        let graph = &mut engine.functions.graph;
        let leaves = group.active_leaves();
        let mut products = vec![];
        for (t, part) in group.parts.iter().enumerate() {
            let weight = graph.leaf((group.leaves.len() + t) as u32);
            products.push(graph.mul(weight, part.body));
        }
        let lagrangian = graph.sum(&products);
        let entries = derive::hessian(graph, lagrangian, &leaves);
        let nodes: Vec<NodeId> = entries.iter().map(|entry| entry.2).collect();
        for ((i, j, _), node) in entries.into_iter().zip(condense(graph, &nodes)) {
            let leaf = |k: usize| group.leaves[leaves[k] as usize].clone();
            if graph.value_of(node) != Some(0.0) {
                pairs.push(Pair { group: g, a: leaf(i), b: leaf(j), same: i == j, node });
            }
        }
    }
    pairs
}

/// The columns of a stage whose rows all have the same ones, where it is paired with itself.
fn uniform(pair: &Pair, jacobian: &Jacobian) -> Option<Vec<u32>> {
    let (true, Source::Stage(z)) = (pair.same, pair.a.source) else { return None };
    let rows = jacobian.rows_of(z, &pair.a.map);
    uniform_columns(&rows.pattern).map(<[u32]>::to_vec)
}

/// Calls `visit(instance, row, column, twice)` for all entries of the lower triangle that a pair contributes to, in the
/// order in which [`Outer`] makes them.
fn each_entry(pair: &Pair, jacobian: &Jacobian, instances: usize, mut visit: impl FnMut(usize, usize, u32, bool)) {
    let side = |leaf: &GroupLeaf| match leaf.source {
        Source::Stage(z) => Some(jacobian.rows_of(z, &leaf.map)),
        Source::Variables | Source::Param(_) | Source::After(_) => None,
    };
    let (left, right) = (side(&pair.a), side(&pair.b));
    for p in 0..instances {
        let (unit_a, unit_b);
        let columns_a = match &left {
            Some(rows) => &rows.pattern.columns[rows.pattern.row(rows.map.at(p))],
            None => {
                unit_a = [pair.a.map.at(p) as u32];
                &unit_a[..]
            }
        };
        let columns_b = match &right {
            Some(rows) => &rows.pattern.columns[rows.pattern.row(rows.map.at(p))],
            None => {
                unit_b = [pair.b.map.at(p) as u32];
                &unit_b[..]
            }
        };
        for (k, &a) in columns_a.iter().enumerate() {
            let end = if pair.same { k + 1 } else { columns_b.len() };
            for &b in &columns_b[..end] {
                visit(p, a.max(b) as usize, a.min(b), !pair.same && a == b);
            }
        }
    }
}

/// Both leaves are variables: the entry of each instance.
fn entry_sink(pair: &Pair, pattern: &Pattern, instances: usize) -> Sink {
    let mut positions = Vec::with_capacity(instances);
    let mut twice = vec![];
    for p in 0..instances {
        let (a, b) = (pair.a.map.at(p), pair.b.map.at(p));
        positions.push(locate(pattern, a.max(b), a.min(b) as u32) as u32);
        if !pair.same && a == b {
            twice.push(p as u32);
        }
    }
    let map = IndexMap::from_positions(positions);
    Sink { space: Space::Out, base: 0, map, add: true, twice }
}

/// A pair with a stage: what carries its factors, which stand in the arena, into the Hessian.
fn product(
    engine: &mut Engine,
    pair: &Pair,
    jacobian: &Jacobian,
    pattern: &Arc<Pattern>,
    factor: usize,
    most_listed: usize,
) -> Action {
    let instances = engine.functions.group(pair.group).instances;
    if let (Some(columns), Source::Stage(z)) = (uniform(pair, jacobian), pair.a.source) {
        let rows = jacobian.rows_of(z, &pair.a.map);
        let mut positions = vec![];
        for (k, &row) in columns.iter().enumerate() {
            positions.extend(columns[..=k].iter().map(|&column| locate(pattern, row as usize, column) as u32));
        }
        let width = columns.len();
        let kept = jacobian.is_constant(z).then(|| KeptSum::new(engine, instances, positions.len()));
        return Action::RankUpdate(RankUpdate {
            kept,
            instances,
            factor,
            values: rows.values,
            width,
            map: rows.map,
            positions,
        });
    }
    let side = |leaf: &GroupLeaf| match leaf.source {
        Source::Stage(z) => Side::Stage(jacobian.rows_of(z, &leaf.map)),
        Source::Variables | Source::Param(_) | Source::After(_) => Side::Unit,
    };
    let (left, right) = (side(&pair.a), side(&pair.b));
    let mut count = 0usize;
    each_entry(pair, jacobian, instances, |_, _, _, _| count += 1);
    let positions = if count <= most_listed {
        let mut listed = Vec::with_capacity(count);
        each_entry(pair, jacobian, instances, |_, row, column, twice| {
            listed.push(locate(pattern, row, column) as u32 | if twice { TWICE } else { 0 });
        });
        Found::Listed(listed)
    } else {
        Found::Searched { pattern: pattern.clone(), left: pair.a.map.clone(), right: pair.b.map.clone() }
    };
    Action::Outer(Outer { instances, factor, left, right, triangle: pair.same, positions })
}
