//! Stages that are functions of square matrices: what they add to values, sweeps, Jacobian and Hessian.
//!
//! Such a stage is a group of its own, with one leaf, the stage of the entries, and a body that is 0, so that whatever
//! looks at bodies finds nothing. Values leave a factorisation in the arena; the other actions read it.

mod action;
mod derivatives;

pub use action::{MatrixAction, MatrixCurvature, MatrixRows, Node};

use super::action::{Action, StageRows};
use super::engine::{Engine, Quantity};
use super::groups::Role;
use super::jacobian::Jacobian;
use super::patterns::{Entries, locate};
use crate::expr::family::{IndexMap, MatrixStage, StageId};
use crate::linalg::pattern::Pattern;

/// Where group `g` stands in the arena, if it is a function of matrices.
fn node(engine: &mut Engine, g: usize) -> Option<(MatrixStage, StageId, Node)> {
    let group = &engine.functions.groups[g];
    let matrix = group.function?;
    let (stage, instances, n) = (group.parts[0].stage, group.instances, matrix.n as usize);
    let entries = engine.place(Quantity::Value, matrix.of);
    let values = engine.place(Quantity::Value, stage);
    let kept = match engine.kept.get(&stage) {
        Some(&at) => at,
        None => {
            let at = engine.allocate(instances * derivatives::kept_length(matrix.function, n));
            engine.kept.insert(stage, at);
            at
        }
    };
    Some((matrix, stage, Node { function: matrix.function, n, instances, entries, values, kept }))
}

/// The groups that are functions of matrices and depend on variables.
pub fn groups(engine: &Engine) -> Vec<usize> {
    let groups = engine.functions.groups.iter().enumerate();
    groups.filter(|(_, group)| group.function.is_some() && group.role == Role::Inner).map(|(g, _)| g).collect()
}

pub fn values(engine: &mut Engine, g: usize) -> Option<Action> {
    let (_, _, node) = node(engine, g)?;
    Some(Action::Matrix(MatrixAction::Values(node)))
}

/// Adds to the adjoints of the entries.
pub fn adjoints(engine: &mut Engine, g: usize) -> Option<Action> {
    let (matrix, stage, node) = node(engine, g)?;
    let weights = engine.place(Quantity::Adjoint, stage);
    let to = engine.place(Quantity::Adjoint, matrix.of);
    Some(Action::Matrix(MatrixAction::Adjoints { node, weights, to }))
}

pub fn tangents(engine: &mut Engine, g: usize) -> Option<Action> {
    let (matrix, stage, node) = node(engine, g)?;
    let from = engine.place(Quantity::Tangent, matrix.of);
    let to = engine.place(Quantity::Tangent, stage);
    Some(Action::Matrix(MatrixAction::Tangents { node, from, to }))
}

/// Adds to the changes of the adjoints of the entries.
pub fn adjoint_tangents(engine: &mut Engine, g: usize) -> Option<Action> {
    let (matrix, stage, node) = node(engine, g)?;
    let weights = engine.place(Quantity::Adjoint, stage);
    let changes = engine.place(Quantity::AdjointTangent, stage);
    let direction = engine.place(Quantity::Tangent, matrix.of);
    let to = engine.place(Quantity::AdjointTangent, matrix.of);
    Some(Action::Matrix(MatrixAction::AdjointTangents { node, weights, changes, direction, to }))
}

/// The variables that matrix `p` depends on, ascending, given the pattern of its entries.
fn columns_of(entries: &Pattern, n: usize, p: usize) -> Vec<u32> {
    let mut columns: Vec<u32> =
        (p * n * n..(p + 1) * n * n).flat_map(|e| entries.columns[entries.row(e)].iter().copied()).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// The pattern of the Jacobian of group `g`, given that of its entries: each value depends on all entries.
pub fn add_rows(engine: &Engine, g: usize, entries: &Pattern, rows: &mut Entries) {
    let group = &engine.functions.groups[g];
    let Some(matrix) = group.function else { return };
    let n = matrix.n as usize;
    let outputs = matrix.function.outputs(n);
    for p in 0..group.instances {
        let columns = columns_of(entries, n, p);
        (0..outputs).for_each(|k| rows.extend_row(p * outputs + k, &columns));
    }
}

/// The Jacobian of group `g`, whose entries begin at `to` in the arena, from that of the entries.
pub fn rows(engine: &mut Engine, g: usize, entries: StageRows, own: &Pattern, to: usize) -> Option<Action> {
    let (matrix, _, node) = node(engine, g)?;
    let outputs = matrix.function.outputs(node.n);
    let mut slots = vec![];
    for p in 0..node.instances {
        // All values of one matrix have the same columns.
        let first = own.row(p * outputs);
        for e in p * node.n * node.n..(p + 1) * node.n * node.n {
            let columns = &entries.pattern.columns[entries.pattern.row(e)];
            slots.extend(columns.iter().map(|&column| (locate(own, p * outputs, column) - first.start) as u32));
        }
    }
    let starts = own.starts.iter().map(|start| to + start).collect();
    Some(Action::Matrix(MatrixAction::Rows(MatrixRows { node, entries, slots, starts })))
}

/// Pairs of variables that the second derivatives of group `g` reach, as rows of a lower triangle.
pub fn add_curvature(engine: &Engine, g: usize, jacobian: &Jacobian, to: &mut Entries) {
    let group = &engine.functions.groups[g];
    let Some(matrix) = group.function else { return };
    let entries = jacobian.rows_of(matrix.of, &IndexMap::IDENTITY);
    for p in 0..group.instances {
        let columns = columns_of(&entries.pattern, matrix.n as usize, p);
        columns.iter().enumerate().for_each(|(k, &row)| to.extend_row(row as usize, &columns[..=k]));
    }
}

/// Adds the second derivatives of group `g` into the caller's slice.
pub fn curvature(engine: &mut Engine, g: usize, jacobian: &Jacobian, pattern: &Pattern) -> Option<Action> {
    let (matrix, stage, node) = node(engine, g)?;
    let weights = engine.place(Quantity::Adjoint, stage);
    let entries = jacobian.rows_of(matrix.of, &IndexMap::IDENTITY);
    let square = node.n * node.n;
    let (mut columns, mut positions) = (vec![], vec![]);
    for p in 0..node.instances {
        let own = columns_of(&entries.pattern, node.n, p);
        let mut lists: Vec<Vec<(u32, u32)>> = vec![vec![]; own.len()];
        for e in 0..square {
            for at in entries.pattern.row(p * square + e) {
                let k = own.partition_point(|column| *column < entries.pattern.columns[at]);
                lists[k].push((e as u32, at as u32));
            }
        }
        for (k, &row) in own.iter().enumerate() {
            positions.extend(own[..=k].iter().map(|&column| locate(pattern, row as usize, column) as u32));
        }
        columns.push(lists);
    }
    let values = entries.values;
    Some(Action::Matrix(MatrixAction::Curvature(MatrixCurvature { node, weights, values, columns, positions })))
}
