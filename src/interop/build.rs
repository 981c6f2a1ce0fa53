//! Scalar columns and rows as a [`Problem`]: arrays by their names, families by their expressions.

use super::families::{Families, column};
use super::names::{self, Named};
use super::scalars::{Body, Column, Row, Scalars, Shared};
use crate::diag::Span;
use crate::expr::family::{IndexMap, Leaf, Source, Stage, StageId};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::problem::complementarity::implied_sides;
use crate::problem::{Constraint, Data, Kind, Objective, Problem, Scale, Scaled, Variable};

/// A problem and where the columns and rows that it was made of stand in it.
#[derive(Clone, Debug)]
pub struct Built {
    pub problem: Problem,
    /// Position of each column in the vector of variables.
    pub columns: Vec<u32>,
    /// Number of each row among the rows of all constraints.
    pub rows: Vec<u32>,
    /// Of each column that a row complements: its position, and the number of the row that bounds it in the pair.
    pub complemented: Vec<(u32, u32)>,
}

/// Builds the problem. All leaves of the graph must be columns or shared expressions.
pub fn build(scalars: Scalars) -> Built {
    let Scalars { graph, columns, shared, objectives, rows, scales, unsupported } = scalars;
    let mut problem = Problem { unsupported, ..Problem::default() };
    let places = variables(&columns, &mut problem);
    let mut at: Vec<(Source, u32)> = places.iter().map(|&position| (Source::Variables, position)).collect();
    // Replaced level by level, before anything reads them.
    at.extend(shared.iter().map(|_| (Source::Stage(StageId(0)), 0)));
    let mut families = Families::new(&graph, at);
    shared_stages(&graph, &shared, columns.len(), &mut families, &mut problem);
    for goal in &objectives {
        let label = if goal.name.is_empty() { "objective".to_string() } else { goal.name.clone() };
        let stage = stage(&label, &[&goal.body], |_| goal.span, &mut families, &mut problem);
        problem.objectives.push(Objective { label, sense: goal.sense, stage, span: goal.span });
    }
    let (rows, complements) = constraints(&rows, &columns, &mut families, &mut problem);
    sizes(&scales, &places, &rows, &mut problem);
    let complemented = complements.into_iter().map(|(column, row)| (places[column as usize], row)).collect();
    Built { problem, columns: places, rows, complemented }
}

fn variables(columns: &[Column], problem: &mut Problem) -> Vec<u32> {
    let names: Vec<&str> = columns.iter().map(|c| &c.name[..]).collect();
    let unnamed = |k: usize| match columns[k].kind {
        Kind::Real => "x",
        Kind::Integer => "i",
        Kind::Binary => "b",
    };
    let alike = |members: &[u32]| {
        let of = |k: u32| (columns[k as usize].kind, columns[k as usize].start.is_some());
        members.iter().all(|&k| of(k) == of(members[0]))
    };
    let mut places = vec![0; columns.len()];
    for Named { name, axes, members } in names::families(&names, unnamed, alike) {
        let offset = problem.dimension;
        for (&k, position) in members.iter().zip(offset..) {
            places[k as usize] = position;
        }
        let first = &columns[members[0] as usize];
        let start = members.iter().map(|&k| columns[k as usize].start).collect::<Option<Vec<f64>>>();
        let lower = data(members.iter().map(|&k| columns[k as usize].lower).collect(), problem);
        let upper = data(members.iter().map(|&k| columns[k as usize].upper).collect(), problem);
        let start = start.map(|values| data(values, problem));
        problem.dimension += members.len() as u32;
        let (kind, span) = (first.kind, first.span);
        problem.variables.push(Variable { name, axes, offset, lower, upper, start, kind, domain: None, span });
    }
    places
}

/// Typical sizes, family by family; members without one have 1.
fn sizes(scales: &[(Scaled, f64)], columns: &[u32], rows: &[u32], problem: &mut Problem) {
    let mut of_columns = vec![None; columns.len()];
    let mut of_rows = vec![None; problem.row_count()];
    for (of, size) in scales {
        match of {
            Scaled::Variable(k) => of_columns[columns[*k as usize] as usize] = Some(*size),
            // Logical constraints have numbers behind those of rows.
            Scaled::Row(k) => {
                if let Some(place) = rows.get(*k as usize) {
                    of_rows[*place as usize] = Some(*size);
                }
            }
            Scaled::Objective(_) => problem.scales.push(Scale { of: *of, values: Data::Constant(*size) }),
        }
    }
    let variables = problem.variables.iter().map(|v| (v.offset as usize, v.axes.len())).collect::<Vec<_>>();
    let starts = problem.row_starts();
    let constraints =
        problem.constraints.iter().zip(starts).map(|(c, start)| (start, c.rows as usize)).collect::<Vec<_>>();
    let families = variables.into_iter().enumerate().map(|(k, place)| (Scaled::Variable(k as u32), place, &of_columns));
    let families = families
        .chain(constraints.into_iter().enumerate().map(|(k, place)| (Scaled::Row(k as u32), place, &of_rows)))
        .collect::<Vec<_>>();
    for (of, (start, count), sizes) in families {
        let own = &sizes[start..start + count];
        if own.iter().any(Option::is_some) {
            let values = data(own.iter().map(|size| size.unwrap_or(1.0)).collect(), problem);
            problem.scales.push(Scale { of, values });
        }
    }
}

/// Numbers of the members of a family.
fn data(values: Vec<f64>, problem: &mut Problem) -> Data {
    match values.iter().all(|v| *v == values[0]) {
        true => Data::Constant(values[0]),
        false => Data::Read(Leaf { source: Source::Param(column(values, problem)), map: IndexMap::IDENTITY }),
    }
}

/// One stage for all shared expressions that read columns only, one for those that read these, and so on.
fn shared_stages(graph: &Graph, shared: &[Shared], columns: usize, families: &mut Families, problem: &mut Problem) {
    let mut levels: Vec<usize> = vec![];
    let mut by_level: Vec<Vec<usize>> = vec![];
    for (k, one) in shared.iter().enumerate() {
        let above = reads(graph, &one.body, columns).into_iter().map(|read| levels[read] + 1);
        let level = above.max().unwrap_or(0);
        levels.push(level);
        if by_level.len() == level {
            by_level.push(vec![]);
        }
        by_level[level].push(k);
    }
    for (level, members) in by_level.iter().enumerate() {
        let bodies: Vec<&Body> = members.iter().map(|&k| &shared[k].body).collect();
        let name = match members.as_slice() {
            [one] => shared[*one].name.clone(),
            _ => format!("defined@{}", level + 1),
        };
        let stage = stage(&name, &bodies, |p| shared[members[p]].span, families, problem);
        for (row, &k) in members.iter().enumerate() {
            families.place(columns + k, Source::Stage(stage), row as u32);
        }
    }
}

/// The shared expressions that a body reads.
fn reads(graph: &Graph, body: &Body, columns: usize) -> Vec<usize> {
    let nodes = body.nonlinear.map(|root| graph.reachable(&[root])).unwrap_or_default();
    let leaf = |id: &NodeId| if let Node::Leaf(k) = graph.node(*id) { Some(k) } else { None };
    let leaves = nodes.iter().filter_map(leaf).chain(body.linear.iter().map(|(leaf, _)| *leaf));
    leaves.filter_map(|leaf| (leaf as usize).checked_sub(columns)).collect()
}

/// Families of rows; a family of pairs becomes two constraints, the complemented columns with their bounds first. The
/// numbers of the rows, and of each complemented column the row that bounds it.
fn constraints(
    rows: &[Row],
    columns: &[Column],
    families: &mut Families,
    problem: &mut Problem,
) -> (Vec<u32>, Vec<(u32, u32)>) {
    let names: Vec<&str> = rows.iter().map(|r| &r.name[..]).collect();
    // Rows of one constraint are convex or not together; linear ones always are.
    let alike = |members: &[u32]| {
        let row = |k: u32| &rows[k as usize];
        let pair = |k: u32| row(k).complements.is_some();
        members.iter().all(|&k| row(k).is_linear() && pair(k) == pair(members[0]))
            || members.iter().all(|&k| row(k).sides() == row(members[0]).sides())
    };
    let mut places = vec![0; rows.len()];
    let mut complements = vec![];
    let mut before = 0;
    for Named { name: label, axes, members } in names::families(&names, |k| rows[k].sides(), alike) {
        let count = members.len() as u32;
        let span = rows[members[0] as usize].span;
        let mut family = |label: String, bodies: &[&Body], sides: Vec<(f64, f64)>| {
            let stage = stage(&label, bodies, |p| rows[members[p] as usize].span, families, problem);
            let (lower, upper) = sides.into_iter().unzip();
            let sides = (data(lower, problem), data(upper, problem));
            Constraint { labelled: true, ..Constraint::new(label, axes.clone(), count, stage, sides, span) }
        };
        let bodies: Vec<&Body> = members.iter().map(|&k| &rows[k as usize].body).collect();
        let complemented = members.iter().filter_map(|&k| rows[k as usize].complements).collect::<Vec<u32>>();
        let (bounded, own) = match complemented.is_empty() {
            true => {
                let own = |&k: &u32| (rows[k as usize].lower, rows[k as usize].upper);
                (None, family(label, &bodies, members.iter().map(own).collect()))
            }
            false => {
                let column = |&k: &u32| Body { linear: vec![(k, 1.0)], ..Body::default() };
                let read: Vec<Body> = complemented.iter().map(column).collect();
                let bounds = complemented.iter().map(|&k| (columns[k as usize].lower, columns[k as usize].upper));
                let bounds: Vec<(f64, f64)> = bounds.collect();
                let implied = bounds.iter().map(|&(lower, upper)| implied_sides(lower, upper)).collect();
                let force = family(format!("{label} perp"), &bodies, implied);
                let bounded = family(label, &read.iter().collect::<Vec<&Body>>(), bounds);
                (Some(bounded), Constraint { labelled: false, complements: true, ..force })
            }
        };
        if let Some(bounded) = bounded {
            problem.constraints.push(bounded);
            complements.extend(complemented.iter().copied().zip(before..));
            before += count;
        }
        for (&k, place) in members.iter().zip(before..) {
            places[k as usize] = place;
        }
        problem.constraints.push(own);
        before += count;
    }
    (places, complements)
}

fn stage(
    name: &str,
    bodies: &[&Body],
    span: impl Fn(usize) -> Span,
    families: &mut Families,
    problem: &mut Problem,
) -> StageId {
    let terms = families.terms(bodies, span, problem);
    problem.stages.push(Stage::sum(name, bodies.len() as u32, terms));
    StageId(problem.stages.len() as u32 - 1)
}
