//! Values of stages, objective and constraints.

use super::action::Action;
use super::engine::{Engine, Quantity};
use super::groups::{Part, Role};
use super::kernel::{Place, Sink, Space};
use super::matrix;
use super::sparse::SparseProduct;
use super::squares;
use super::touch::Touch;
use crate::expr::family::{Source, StageId};
use crate::expr::graph::NodeId;
use std::collections::BTreeMap;

/// What computes values once the variables are in the arena.
#[derive(Debug, Default)]
pub struct Values {
    /// Stages that others read, with the masks of who needs them.
    pub inner: Vec<(u8, Action)>,
    pub objective: Vec<Action>,
    /// Into the caller's slice of all rows.
    pub constraints: Vec<Action>,
}

impl Values {
    /// Also gives the engine the actions for stages without variables.
    pub fn new(engine: &mut Engine) -> Values {
        let mut touches = Destinations::new();
        for s in 0..engine.functions.rows.len() {
            let stage = StageId(s as u32);
            let Some(role) = engine.functions.roles[s] else { continue };
            let (space, base) = match role {
                Role::Constraint => (Space::Out, engine.functions.first_row(stage)),
                Role::Data | Role::Inner | Role::Objective => (Space::Arena, engine.place(Quantity::Value, stage)),
            };
            touches.insert(stage, (Touch::new(engine.functions.rows[s]), space, base));
        }
        let mut kernels: Vec<(Role, u8, Action)> = vec![];
        for wants_data in [true, false] {
            for g in 0..engine.functions.groups.len() {
                let group = &engine.functions.groups[g];
                let (role, mask, instances) = (group.role, group.mask, group.instances);
                if (role == Role::Data) != wants_data {
                    continue;
                }
                if let Some(action) = matrix::values(engine, g) {
                    // All rows are written.
                    if let Some((touch, ..)) = touches.get_mut(&engine.functions.groups[g].parts[0].stage) {
                        touch.announce_all();
                    }
                    kernels.push((role, mask, action));
                    continue;
                }
                let group = &engine.functions.groups[g];
                let roots = part_sinks(&mut touches, g, &group.parts, instances, |part| part.body);
                let whole = multiplied(engine, g, Quantity::Value, &roots)
                    .or_else(|| squares::value(engine, g, &roots.first()?.1));
                if let Some(action) = whole.or_else(|| engine.kernel(g, roots, vec![])) {
                    kernels.push((role, mask, action));
                }
            }
        }
        let mut preparations: Vec<(Role, u8, Action)> = vec![];
        for (stage, (touch, space, base)) in touches {
            let Some(role) = engine.functions.roles[stage.0 as usize] else { continue };
            let mask = engine.functions.masks[stage.0 as usize];
            preparations.extend(touch.prepare(space, base).map(|action| (role, mask, action)));
        }
        let mut values = Values::default();
        // Columns were made for kernels that read stages of data: those stages come first.
        let columns = std::mem::take(&mut engine.data);
        for (role, mask, action) in preparations.into_iter().chain(kernels) {
            match role {
                Role::Data => engine.data.push(action),
                Role::Inner => values.inner.push((mask, action)),
                Role::Objective => values.objective.push(action),
                Role::Constraint => values.constraints.push(action),
            }
        }
        engine.data.extend(columns);
        for (stage, row) in engine.functions.constraints.clone() {
            let length = engine.functions.rows[stage.0 as usize];
            match engine.functions.roles[stage.0 as usize] {
                Some(Role::Data | Role::Inner | Role::Objective) => {
                    let from = engine.place(Quantity::Value, stage);
                    values.constraints.push(Action::Copy { from, space: Space::Out, base: row, length });
                }
                Some(Role::Constraint) | None => {}
            }
        }
        values
    }
}

/// Rows of stages that are being written, with where they begin.
pub type Destinations = BTreeMap<StageId, (Touch, Space, usize)>;

/// Roots of group `g` with sinks: one for each part whose stage is among `destinations`.
pub fn part_sinks(
    destinations: &mut Destinations,
    g: usize,
    parts: &[Part],
    instances: usize,
    mut root: impl FnMut(&Part) -> NodeId,
) -> Vec<(NodeId, Sink)> {
    let mut announced = vec![];
    for part in parts {
        if let Some((touch, ..)) = destinations.get_mut(&part.stage) {
            announced.push((part, touch.announce(g, &part.target, instances)));
        }
    }
    let sinks = announced.into_iter().map(|(part, number)| {
        let (touch, space, base) = &destinations[&part.stage];
        let sink =
            Sink { space: *space, base: *base, map: part.target.clone(), add: touch.adds(number), twice: vec![] };
        (root(part), sink)
    });
    sinks.collect()
}

/// The product that computes the one part of group `g` from a quantity of its leaf (the values, or their tangents), if
/// the group is a product with a matrix and its stage is wanted.
pub fn multiplied(engine: &mut Engine, g: usize, quantity: Quantity, roots: &[(NodeId, Sink)]) -> Option<Action> {
    let (_, sink) = roots.first()?;
    let from = |engine: &mut Engine, leaf: usize| {
        let source = engine.functions.groups[g].leaves[leaf].source;
        match (quantity, source) {
            (Quantity::Value, _) => engine.source(source),
            (_, Source::Stage(z)) => Place::arena(engine.place(quantity, z)),
            (_, Source::Variables | Source::Param(_) | Source::After(_)) => engine.tangent_of(source),
        }
    };
    if let Some((leaf, matrix)) = engine.sparse(g) {
        let (vector, space, base) = (from(engine, leaf), sink.space, sink.base);
        return Some(Action::Sparse(SparseProduct { matrix, transposed: false, vector, space, base }));
    }
    let (matrix, at) = engine.matrix(g)?;
    let vector = from(engine, matrix.leaf).after(matrix.first_column);
    let base = sink.base + matrix.first_row;
    Some(Action::Multiply { matrix: at, vector, space: sink.space, base })
}
