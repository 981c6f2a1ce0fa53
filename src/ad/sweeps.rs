//! Sweeps over the groups: adjoints backwards, tangents forwards, and both for products with the Hessian.
//!
//! With `L = sigma f + weights' c` and `w_s` the adjoint of a stage (`∂L/∂z_s`), a group with bodies `b_t` adds
//! `w_t ∂b_t/∂leaf` to the adjoint of each leaf. In a direction `v` with tangents `ż = ∂z v`, the adjoint changes by
//! `∂/∂leaf Σ_t (w_t Σ_k ∂b_t/∂leaf_k ż_k + ẇ_t b_t)`.

use super::action::Action;
use super::condense::condense;
use super::engine::{Engine, Quantity};
use super::groups::{FOR_CONSTRAINTS, FOR_OBJECTIVE, Role};
use super::kernel::{Input, Sink, Space};
use super::matrix;
use super::sparse::SparseProduct;
use super::squares;
use super::touch::Touch;
use super::values::{Destinations, multiplied, part_sinks};
use crate::expr::derive;
use crate::expr::family::{IndexMap, Source, StageId};
use crate::expr::graph::{Graph, NodeId};

/// What a backward sweep ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Adjoints of stages alone.
    Stages,
    /// Also derivatives with respect to variables, into the caller's slice.
    Variables,
}

/// `∇f` into the caller's slice; adjoints of inner stages must be cleared before.
pub fn gradient(engine: &mut Engine) -> Vec<Action> {
    backward(engine, FOR_OBJECTIVE, Until::Variables, true)
}

/// `J' y` into the caller's slice; adjoints must be seeded before.
pub fn jacobian_transposed_product(engine: &mut Engine) -> Vec<Action> {
    backward(engine, FOR_CONSTRAINTS, Until::Variables, false)
}

/// Adjoints of inner stages for the whole Lagrangian; adjoints must be seeded before.
pub fn inner_adjoints(engine: &mut Engine) -> Vec<Action> {
    backward(engine, FOR_OBJECTIVE | FOR_CONSTRAINTS, Until::Stages, false)
}

/// The groups that depend on variables and that somebody in `mask` needs.
fn wanted(engine: &Engine, mask: u8) -> Vec<usize> {
    let groups = &engine.functions.groups;
    (0..groups.len()).filter(|&g| groups[g].role != Role::Data && groups[g].mask & mask != 0).collect()
}

/// Inputs that read a quantity of each part's stage in place of the part.
fn of_parts(engine: &mut Engine, g: usize, quantity: Quantity) -> Vec<Input> {
    let parts: Vec<(StageId, IndexMap)> =
        engine.functions.groups[g].parts.iter().map(|part| (part.stage, part.target.clone())).collect();
    parts.into_iter().map(|(stage, map)| Input { place: engine.reading(quantity, stage), map }).collect()
}

/// `Σ_t w_t b_t` with `w_t` the leaf number `first + t`.
fn weighted_bodies(engine: &mut Engine, g: usize, first: usize, only: impl Fn(Role) -> bool) -> NodeId {
    let functions = &mut engine.functions;
    let mut products = vec![];
    for (t, part) in functions.groups[g].parts.iter().enumerate() {
        if functions.roles[part.stage.0 as usize].is_some_and(&only) {
            let weight = functions.graph.leaf((first + t) as u32);
            products.push(functions.graph.mul(weight, part.body));
        }
    }
    functions.graph.sum(&products)
}

/// Roots with sinks: the derivatives of `body` with respect to active leaves, added to what the leaves read.
fn scattered(
    engine: &mut Engine,
    g: usize,
    body: NodeId,
    quantity: Quantity,
    until: Until,
    touch: &mut Touch,
) -> Vec<(NodeId, Sink)> {
    let group = &engine.functions.groups[g];
    let instances = group.instances;
    let mut leaves = group.active_leaves();
    leaves.retain(|&k| until == Until::Variables || group.leaves[k as usize].source != Source::Variables);
    let slopes = slopes(&mut engine.functions.graph, body, &leaves);
    let mut roots = vec![];
    let mut announced = vec![];
    let nodes: Vec<NodeId> = slopes.iter().flatten().copied().collect();
    touch.begin(&engine.functions.graph, &nodes);
    // Backwards: in a chain, the leaf of the next variable then stores and that of this one adds to it later.
    for (k, slope) in leaves.into_iter().zip(slopes).rev() {
        let Some(slope) = slope else { continue };
        let leaf = engine.functions.groups[g].leaves[k as usize].clone();
        let sink = match leaf.source {
            Source::Stage(id) => {
                let base = engine.place(quantity, id);
                Sink { space: Space::Arena, base, map: leaf.map, add: true, twice: vec![] }
            }
            Source::Variables | Source::Param(_) | Source::After(_) => {
                announced.push((roots.len(), touch.announce(g, &leaf.map, instances)));
                Sink { space: Space::Out, base: 0, map: leaf.map, add: true, twice: vec![] }
            }
        };
        roots.push((slope, sink));
    }
    for (k, number) in announced {
        roots[k].1.add = touch.adds(number);
    }
    roots
}

fn backward(engine: &mut Engine, mask: u8, until: Until, only_objective: bool) -> Vec<Action> {
    let mut touch = Touch::new(engine.variables);
    let mut kernels = vec![];
    for g in wanted(engine, mask).into_iter().rev() {
        if until == Until::Stages && !engine.functions.groups[g].reads_active_stages() {
            continue;
        }
        if let Some(columns) = squares::columns(engine, g) {
            if until == Until::Variables {
                touch.announce_sum(columns);
                kernels.extend(squares::adjoint(engine, g));
            }
            continue;
        }
        let whole = transposed(engine, g, Quantity::Adjoint, until, &mut touch).or_else(|| matrix::adjoints(engine, g));
        if let Some(action) = whole {
            kernels.push(action);
            continue;
        }
        let group = &engine.functions.groups[g];
        let (role, first) = (group.role, group.leaves.len());
        // Groups that only serve the other of objective and constraints have no adjoint here.
        let body = if only_objective && role == Role::Objective {
            let bodies: Vec<NodeId> = group.parts.iter().map(|part| part.body).collect();
            engine.functions.graph.sum(&bodies)
        } else {
            weighted_bodies(engine, g, first, |_| true)
        };
        let extra = of_parts(engine, g, Quantity::Adjoint);
        let roots = scattered(engine, g, body, Quantity::Adjoint, until, &mut touch);
        kernels.extend(engine.kernel(g, roots, extra));
    }
    if until == Until::Stages {
        return kernels;
    }
    touch.prepare(Space::Out, 0).into_iter().chain(kernels).collect()
}

/// The product that takes a quantity of the stage of group `g` back to its leaf, if the group is a product with a
/// matrix.
fn transposed(engine: &mut Engine, g: usize, quantity: Quantity, until: Until, touch: &mut Touch) -> Option<Action> {
    if !engine.functions.groups[g].is_product() {
        return None;
    }
    let stage = engine.functions.groups[g].parts[0].stage;
    let from = engine.reading(quantity, stage);
    let to = |engine: &mut Engine, leaf: usize| match engine.functions.groups[g].leaves[leaf].source {
        Source::Stage(z) => Some((Space::Arena, engine.place(quantity, z))),
        Source::Variables | Source::Param(_) | Source::After(_) => {
            (until == Until::Variables).then_some((Space::Out, 0))
        }
    };
    if let Some((leaf, matrix)) = engine.sparse(g) {
        let (space, base) = to(engine, leaf)?;
        if space == Space::Out {
            touch.announce_sum(matrix.columns.iter().map(|column| *column as usize));
        }
        return Some(Action::Sparse(SparseProduct { matrix, transposed: true, vector: from, space, base }));
    }
    let (matrix, at) = engine.matrix(g)?;
    let (space, base) = to(engine, matrix.leaf)?;
    if space == Space::Out {
        touch.announce_sum(matrix.first_column..matrix.first_column + matrix.width);
    }
    let (vector, base) = (from.after(matrix.first_row), base + matrix.first_column);
    Some(Action::MultiplyTransposed { matrix: at, vector, space, base })
}

/// Tangents of inner stages in the arena and, where `rows`, of constraints into the caller's slice.
pub fn tangents(engine: &mut Engine, mask: u8, rows: bool) -> Vec<Action> {
    let mut touches = Destinations::new();
    for s in 0..engine.functions.rows.len() {
        let stage = StageId(s as u32);
        let (space, base) = match engine.functions.roles[s] {
            Some(Role::Inner) if engine.functions.masks[s] & mask != 0 => {
                (Space::Arena, engine.place(Quantity::Tangent, stage))
            }
            Some(Role::Constraint) if rows => (Space::Out, engine.functions.first_row(stage)),
            Some(Role::Data | Role::Inner | Role::Objective | Role::Constraint) | None => continue,
        };
        touches.insert(stage, (Touch::new(engine.functions.rows[s]), space, base));
    }
    let mut kernels = vec![];
    for g in wanted(engine, mask) {
        if let Some(action) = matrix::tangents(engine, g) {
            if let Some((touch, ..)) = touches.get_mut(&engine.functions.groups[g].parts[0].stage) {
                touch.announce_all();
            }
            kernels.push(action);
            continue;
        }
        let group = engine.functions.groups[g].clone();
        let leaves = group.active_leaves();
        let roots = part_sinks(&mut touches, g, &group.parts, group.instances, |part| {
            directional(engine, part.body, &leaves, group.leaves.len())
        });
        let whole =
            multiplied(engine, g, Quantity::Tangent, &roots).or_else(|| squares::tangent(engine, g, &roots.first()?.1));
        let extra = directions(engine, g, &leaves);
        kernels.extend(whole.or_else(|| engine.kernel(g, roots, extra)));
    }
    let mut actions: Vec<Action> =
        touches.into_values().filter_map(|(touch, space, base)| touch.prepare(space, base)).collect();
    actions.extend(kernels);
    if rows {
        for (stage, row) in engine.functions.constraints.clone() {
            let length = engine.functions.rows[stage.0 as usize];
            match engine.functions.roles[stage.0 as usize] {
                Some(Role::Inner) => {
                    let from = engine.place(Quantity::Tangent, stage);
                    actions.push(Action::Copy { from, space: Space::Out, base: row, length });
                }
                Some(Role::Data) => actions.push(Action::Clear { space: Space::Out, base: row, length }),
                Some(Role::Objective | Role::Constraint) | None => {}
            }
        }
    }
    actions
}

/// `Σ_k ∂body/∂leaf_k v_k` with `v_k` the leaf number `first + (place of k among leaves)`.
fn directional(engine: &mut Engine, body: NodeId, leaves: &[u32], first: usize) -> NodeId {
    let graph = &mut engine.functions.graph;
    let slopes = slopes(graph, body, leaves);
    let mut products = vec![];
    for (k, slope) in slopes.into_iter().enumerate() {
        if let Some(slope) = slope {
            let direction = graph.leaf((first + k) as u32);
            products.push(graph.mul(slope, direction));
        }
    }
    graph.sum(&products)
}

/// `∂body/∂leaf` for all leaves; none where it is 0.
pub fn slopes(graph: &mut Graph, body: NodeId, leaves: &[u32]) -> Vec<Option<NodeId>> {
    let slopes = derive::gradient(graph, body, leaves);
    let nodes: Vec<NodeId> = slopes.iter().flatten().copied().collect();
    let mut condensed = condense(graph, &nodes).into_iter();
    slopes
        .into_iter()
        .map(|slope| slope.and_then(|_| condensed.next()).filter(|&node| graph.value_of(node) != Some(0.0)))
        .collect()
}

/// The tangents of active leaves as inputs.
fn directions(engine: &mut Engine, g: usize, leaves: &[u32]) -> Vec<Input> {
    let active: Vec<_> = leaves.iter().map(|&k| engine.functions.groups[g].leaves[k as usize].clone()).collect();
    active.into_iter().map(|leaf| Input { place: engine.tangent_of(leaf.source), map: leaf.map }).collect()
}

/// `(∇²L) v` into the caller's slice. Before: values, seeded adjoints with [`inner_adjoints`], [`tangents`] of inner
/// stages, and cleared adjoint tangents of inner stages.
pub fn hessian_product(engine: &mut Engine) -> Vec<Action> {
    let mut touch = Touch::new(engine.variables);
    let mut kernels = vec![];
    for g in wanted(engine, FOR_OBJECTIVE | FOR_CONSTRAINTS).into_iter().rev() {
        if engine.functions.groups[g].is_product() {
            // Linear: only the change of its own adjoint goes back. That of a row or objective does not change.
            let stage = engine.functions.groups[g].parts[0].stage;
            if engine.functions.roles[stage.0 as usize] == Some(Role::Inner) {
                kernels.extend(transposed(engine, g, Quantity::AdjointTangent, Until::Variables, &mut touch));
            }
            continue;
        }
        if let Some(columns) = squares::columns(engine, g) {
            touch.announce_sum(columns);
            kernels.extend(squares::adjoint_tangent(engine, g));
            continue;
        }
        if let Some(action) = matrix::adjoint_tangents(engine, g) {
            kernels.push(action);
            continue;
        }
        let group = &engine.functions.groups[g];
        let (first, parts) = (group.leaves.len(), group.parts.len());
        let leaves = group.active_leaves();
        let lagrangian = weighted_bodies(engine, g, first, |_| true);
        let along = directional(engine, lagrangian, &leaves, first + 2 * parts);
        let change = weighted_bodies(engine, g, first + parts, |role| role == Role::Inner);
        let body = engine.functions.graph.add(along, change);
        let mut extra = of_parts(engine, g, Quantity::Adjoint);
        extra.extend(of_parts(engine, g, Quantity::AdjointTangent));
        extra.extend(directions(engine, g, &leaves));
        let roots = scattered(engine, g, body, Quantity::AdjointTangent, Until::Variables, &mut touch);
        kernels.extend(engine.kernel(g, roots, extra));
    }
    touch.prepare(Space::Out, 0).into_iter().chain(kernels).collect()
}
