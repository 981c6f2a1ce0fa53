//! Which variables the rows of stages depend on.

use super::engine::Engine;
use super::groups::Role;
use super::jacobian::Partial;
use super::matrix;
use super::patterns::Entries;
use super::squares;
use crate::expr::family::{Source, StageId};
use crate::linalg::pattern::Pattern;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The pattern of every stage that is not the objective alone. Groups stand in an order in which rows that are read
/// are complete.
pub fn stage_patterns(engine: &mut Engine, partials: &[Partial]) -> BTreeMap<StageId, Arc<Pattern>> {
    let squares = columns_of_squares(engine);
    let products = dense_products(engine);
    let functions = &engine.functions;
    let mut entries: BTreeMap<StageId, Entries> = BTreeMap::new();
    // Rows so far, ascending, of stages that read themselves.
    let mut recurrences: BTreeMap<StageId, Vec<Vec<u32>>> = BTreeMap::new();
    for (s, role) in functions.roles.iter().enumerate() {
        let stage = StageId(s as u32);
        match role {
            Some(Role::Inner | Role::Constraint) => {
                entries.insert(stage, Entries::new(functions.rows[s], engine.variables));
                if functions.is_recurrence(stage) {
                    recurrences.insert(stage, vec![vec![]; functions.rows[s]]);
                }
            }
            Some(Role::Data | Role::Objective) | None => {}
        }
    }
    let mut finished: BTreeMap<StageId, Arc<Pattern>> = BTreeMap::new();
    for (stage, g) in products {
        entries.remove(&stage);
        finished.insert(stage, Arc::new(dense_pattern(engine, g)));
    }
    for partial in partials {
        let group = &functions.groups[partial.group];
        if let Some(columns) = squares.get(&partial.group) {
            let part = &group.parts[0];
            if let Some(rows) = entries.get_mut(&part.stage) {
                rows.extend_row(part.target.at(0), columns);
            }
            continue;
        }
        let (part, leaf) = (&group.parts[partial.part], &group.leaves[partial.leaf]);
        let inner = match leaf.source {
            Source::Stage(z) if z != part.stage => Some(&*finished.entry(z).or_insert_with(|| {
                let rows = entries.remove(&z).expect("stages are complete before they are read");
                Arc::new(complete(rows, recurrences.remove(&z)).pattern())
            })),
            Source::Stage(_) | Source::Variables | Source::Param(_) | Source::After(_) => None,
        };
        let mut own = recurrences.get_mut(&part.stage);
        let Some(rows) = entries.get_mut(&part.stage) else { continue };
        if let (Some(_), Some(inner)) = (group.function, inner) {
            matrix::add_rows(engine, partial.group, inner, rows);
            continue;
        }
        for p in 0..group.instances {
            let (row, at) = (part.target.at(p), leaf.map.at(p));
            match (&mut own, inner, leaf.source) {
                (None, Some(inner), _) => rows.extend_row(row, &inner.columns[inner.row(at)]),
                (None, None, _) => rows.push(row, at as u32),
                (Some(own), Some(inner), _) => merge(&mut own[row], &inner.columns[inner.row(at)]),
                (Some(own), None, Source::Stage(_)) => {
                    let columns = std::mem::take(&mut own[at]);
                    merge(&mut own[row], &columns);
                    own[at] = columns;
                }
                (Some(own), None, _) => merge(&mut own[row], &[at as u32]),
            }
        }
    }
    for (stage, rows) in entries {
        finished.insert(stage, Arc::new(complete(rows, recurrences.remove(&stage)).pattern()));
    }
    finished
}

/// Stages that are products of variables with one dense matrix of data and nothing else, with their groups: the matrix is
/// the Jacobian.
pub fn dense_products(engine: &Engine) -> BTreeMap<StageId, usize> {
    let functions = &engine.functions;
    let mut products = BTreeMap::new();
    for (g, group) in functions.groups.iter().enumerate() {
        let Some(matrix) = group.matrix.filter(|_| group.role != Role::Data) else { continue };
        let stage = group.parts[0].stage;
        let rows = functions.rows[stage.0 as usize];
        let alone = functions.groups.iter().filter(|other| other.parts.iter().any(|p| p.stage == stage)).count() == 1;
        let whole = matrix.first_row == 0 && group.instances == rows * matrix.width;
        if alone && whole && group.leaves[matrix.leaf].source == Source::Variables {
            products.insert(stage, g);
        }
    }
    products
}

/// All rows have the columns that the product reads.
fn dense_pattern(engine: &Engine, g: usize) -> Pattern {
    let group = &engine.functions.groups[g];
    let Some(matrix) = group.matrix else { unreachable!("the group is a product") };
    let rows = group.instances / matrix.width;
    let columns = matrix.first_column as u32..(matrix.first_column + matrix.width) as u32;
    Pattern {
        rows,
        columns_count: engine.variables,
        starts: (0..=rows).map(|r| r * matrix.width).collect(),
        columns: (0..rows).flat_map(|_| columns.clone()).collect(),
    }
}

/// The variables that sums of squares read, by group.
fn columns_of_squares(engine: &mut Engine) -> BTreeMap<usize, Vec<u32>> {
    let groups = squares::groups(engine).into_iter();
    let columns = |g: usize| Some((g, squares::columns(engine, g)?.map(|column| column as u32).collect()));
    groups.filter_map(columns).collect()
}

fn complete(mut entries: Entries, rows: Option<Vec<Vec<u32>>>) -> Entries {
    for (row, columns) in rows.into_iter().flatten().enumerate() {
        entries.extend_row(row, &columns);
    }
    entries
}

/// Adds columns to an ascending list.
fn merge(into: &mut Vec<u32>, columns: &[u32]) {
    into.extend_from_slice(columns);
    into.sort_unstable();
    into.dedup();
}

/// The patterns of all constraints, one below the other.
pub fn stacked(engine: &Engine, patterns: &BTreeMap<StageId, Arc<Pattern>>) -> Pattern {
    let mut all = Pattern { rows: engine.rows, columns_count: engine.variables, starts: vec![0], columns: vec![] };
    for (stage, row) in &engine.functions.constraints {
        debug_assert_eq!(all.starts.len(), row + 1);
        match patterns.get(stage) {
            Some(pattern) => {
                let from = all.columns.len();
                all.starts.extend(pattern.starts[1..].iter().map(|start| from + start));
                all.columns.extend_from_slice(&pattern.columns);
            }
            None => {
                let rows = engine.functions.rows[stage.0 as usize];
                all.starts.resize(all.starts.len() + rows, all.columns.len());
            }
        }
    }
    all
}
