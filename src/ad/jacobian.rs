//! Sparse total Jacobians: of the constraints, and of the stages that they and the objective read.
//!
//! Row `r` of stage `s` collects, over its instances `p` with `target(p) = r` and over the leaves of the body,
//! `∂body/∂leaf` times a unit row where the leaf is a variable, times row `map(p)` of the Jacobian of `z` where it is
//! stage `z`. What depends on parameters alone stands in templates that the data actions fill; the rest is added on top
//! of a copy of them.

use super::action::{Action, Chain, Positions, StageRows};
use super::engine::Engine;
use super::groups::Role;
use super::kernel::{Sink, Space};
use super::patterns::{Entries, locate};
use super::touch::Touch;
use crate::expr::derive;
use crate::expr::family::{IndexMap, Source, StageId};
use crate::expr::graph::NodeId;
use crate::linalg::pattern::Pattern;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug)]
pub struct Jacobian {
    pub pattern: Arc<Pattern>,
    /// Stages that others read, with the masks of who needs them.
    pub inner: Vec<(u8, Action)>,
    /// Into the caller's slice; after `inner`.
    pub constraints: Vec<Action>,
    stages: BTreeMap<StageId, StageJacobian>,
}

#[derive(Debug)]
struct StageJacobian {
    pattern: Arc<Pattern>,
    /// All of it depends on parameters alone.
    constant: bool,
    space: Space,
    /// Where the values begin: in the arena, or for a constraint in the caller's slice.
    base: usize,
    /// Where constant parts stand in the arena, if there are any.
    template: Option<usize>,
    touch: Touch,
}

/// The partial derivative of a part with respect to a leaf.
struct Partial {
    group: usize,
    part: usize,
    leaf: usize,
    node: NodeId,
    /// It depends on parameters alone.
    data: bool,
}

impl Jacobian {
    /// The total Jacobian of a stage that others read, row `map(p)` for instance `p`.
    pub fn rows_of(&self, stage: StageId, map: &IndexMap) -> StageRows {
        let jacobian = &self.stages[&stage];
        StageRows { pattern: jacobian.pattern.clone(), values: jacobian.base, map: map.clone() }
    }

    pub fn new(engine: &mut Engine) -> Jacobian {
        let partials = all_partials(engine);
        let patterns = stage_patterns(engine, &partials);
        let constant = constant_stages(engine, &partials);
        let pattern = Arc::new(stacked(engine, &patterns));
        let mut stages = BTreeMap::new();
        for (stage, stage_pattern) in patterns {
            let role = engine.functions.roles[stage.0 as usize];
            let (space, base) = match role {
                Some(Role::Constraint) => (Space::Out, pattern.starts[super::values::first_row(engine, stage)]),
                Some(Role::Data | Role::Inner | Role::Objective) | None => {
                    (Space::Arena, engine.allocate(stage_pattern.entries()))
                }
            };
            let touch = Touch::new(stage_pattern.entries());
            let constant = constant[&stage];
            let template = (constant && space == Space::Arena).then_some(base);
            stages.insert(stage, StageJacobian { pattern: stage_pattern, constant, space, base, template, touch });
        }
        let mut builder = Builder { engine, stages, data: vec![], kernels: vec![], chains: vec![] };
        builder.kernels(&partials);
        builder.finish(pattern)
    }
}

/// Partial derivatives of all parts that are not the objective alone, with respect to active leaves.
fn all_partials(engine: &mut Engine) -> Vec<Partial> {
    let mut partials = vec![];
    for g in 0..engine.functions.groups.len() {
        let group = engine.functions.groups[g].clone();
        match group.role {
            Role::Data | Role::Objective => continue,
            Role::Inner | Role::Constraint => {}
        }
        let leaves = group.active_leaves();
        let from = partials.len();
        for (t, part) in group.parts.iter().enumerate() {
            let slopes = derive::gradient(&mut engine.functions.graph, part.body, &leaves);
            for (&leaf, slope) in leaves.iter().zip(slopes) {
                if let Some(node) = slope {
                    partials.push(Partial { group: g, part: t, leaf: leaf as usize, node, data: false });
                }
            }
        }
        let roots: Vec<NodeId> = partials[from..].iter().map(|partial| partial.node).collect();
        let is_data = engine.data_nodes(g, &roots);
        partials[from..].iter_mut().for_each(|partial| partial.data = is_data[&partial.node]);
    }
    partials
}

/// The pattern of every stage that is not the objective alone. Groups stand in an order in which rows that are read
/// are complete.
fn stage_patterns(engine: &Engine, partials: &[Partial]) -> BTreeMap<StageId, Arc<Pattern>> {
    let functions = &engine.functions;
    let mut entries: BTreeMap<StageId, Entries> = BTreeMap::new();
    for (s, role) in functions.roles.iter().enumerate() {
        match role {
            Some(Role::Inner | Role::Constraint) => {
                entries.insert(StageId(s as u32), Entries::new(functions.rows[s], engine.variables));
            }
            Some(Role::Data | Role::Objective) | None => {}
        }
    }
    let mut finished: BTreeMap<StageId, Arc<Pattern>> = BTreeMap::new();
    for partial in partials {
        let group = &functions.groups[partial.group];
        let (part, leaf) = (&group.parts[partial.part], &group.leaves[partial.leaf]);
        match leaf.source {
            Source::Stage(z) if z == part.stage => {
                for p in 0..group.instances {
                    let rows = entries.get_mut(&z).expect("a recurrence reads rows of its own");
                    let columns = rows.row(leaf.map.at(p));
                    rows.extend_row(part.target.at(p), &columns);
                }
            }
            Source::Stage(z) => {
                let inner = finished.entry(z).or_insert_with(|| {
                    Arc::new(entries.remove(&z).expect("stages are complete before they are read").pattern())
                });
                if let Some(rows) = entries.get_mut(&part.stage) {
                    for p in 0..group.instances {
                        rows.extend_row(part.target.at(p), &inner.columns[inner.row(leaf.map.at(p))]);
                    }
                }
            }
            Source::Variables | Source::Param(_) | Source::After(_) => {
                if let Some(rows) = entries.get_mut(&part.stage) {
                    for p in 0..group.instances {
                        rows.push(part.target.at(p), leaf.map.at(p) as u32);
                    }
                }
            }
        }
    }
    finished.extend(entries.into_iter().map(|(stage, entries)| (stage, Arc::new(entries.pattern()))));
    finished
}

/// Stages whose Jacobian depends on parameters alone.
fn constant_stages(engine: &Engine, partials: &[Partial]) -> BTreeMap<StageId, bool> {
    let mut constant: BTreeMap<StageId, bool> = BTreeMap::new();
    for (s, role) in engine.functions.roles.iter().enumerate() {
        if role.is_some() {
            constant.insert(StageId(s as u32), true);
        }
    }
    for partial in partials {
        let group = &engine.functions.groups[partial.group];
        let inner = match group.leaves[partial.leaf].source {
            Source::Stage(z) => constant[&z],
            Source::Variables | Source::Param(_) | Source::After(_) => true,
        };
        if !(partial.data && inner) {
            constant.insert(group.parts[partial.part].stage, false);
        }
    }
    constant
}

/// The patterns of all constraints, one below the other.
fn stacked(engine: &Engine, patterns: &BTreeMap<StageId, Arc<Pattern>>) -> Pattern {
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

struct Builder<'a> {
    engine: &'a mut Engine,
    stages: BTreeMap<StageId, StageJacobian>,
    /// Templates; then kernels and chains of constants.
    data: Vec<Action>,
    kernels: Vec<(Role, u8, Action)>,
    chains: Vec<(Role, u8, Action)>,
}

impl Builder<'_> {
    /// One kernel of each group for what varies and one for what is constant, and a chain for each leaf that is a
    /// stage.
    fn kernels(&mut self, partials: &[Partial]) {
        let mut constant_chains = vec![];
        for of_group in partials.chunk_by(|a, b| a.group == b.group) {
            let g = of_group[0].group;
            let group = self.engine.functions.groups[g].clone();
            let (mut varying, mut fixed) = (vec![], vec![]);
            for partial in of_group {
                let (part, leaf) = (&group.parts[partial.part], &group.leaves[partial.leaf]);
                let Source::Stage(z) = leaf.source else {
                    let positions = self.positions(part.stage, &part.target, &leaf.map, group.instances);
                    let sink = self.sink(part.stage, positions, group.instances, partial.data);
                    if partial.data { &mut fixed } else { &mut varying }.push((partial.node, sink));
                    continue;
                };
                let factor = self.engine.allocate(group.instances);
                let sink =
                    Sink { space: Space::Arena, base: factor, map: IndexMap::IDENTITY, add: false, twice: vec![] };
                if partial.data { &mut fixed } else { &mut varying }.push((partial.node, sink));
                let constant =
                    partial.data && self.stages[&z].constant && (z != part.stage || self.stages[&z].constant);
                let chain = self.chain(part.stage, &part.target, z, &leaf.map, group.instances, factor, constant);
                if constant {
                    constant_chains.push(chain);
                } else {
                    self.chains.push((group.role, group.mask, chain));
                }
            }
            if let Some(kernel) = self.engine.kernel(g, varying, vec![]) {
                self.kernels.push((group.role, group.mask, kernel));
            }
            self.data.extend(self.engine.data_kernel(g, fixed));
        }
        self.data.append(&mut constant_chains);
    }

    fn positions(&self, stage: StageId, target: &IndexMap, columns: &IndexMap, instances: usize) -> IndexMap {
        let pattern = &self.stages[&stage].pattern;
        let at = |p: usize| locate(pattern, target.at(p), columns.at(p) as u32) as u32;
        IndexMap::from_positions((0..instances).map(at).collect())
    }

    /// Where constant parts of a stage's Jacobian are collected.
    fn template(&mut self, stage: StageId) -> usize {
        let jacobian = self.stages.get_mut(&stage).expect("every stage with a part has a Jacobian");
        match jacobian.template {
            Some(at) => at,
            None => {
                let at = self.engine.allocate(jacobian.pattern.entries());
                jacobian.template = Some(at);
                at
            }
        }
    }

    fn sink(&mut self, stage: StageId, map: IndexMap, instances: usize, data: bool) -> Sink {
        if data {
            let base = self.template(stage);
            return Sink { space: Space::Arena, base, map, add: true, twice: vec![] };
        }
        let jacobian = self.stages.get_mut(&stage).expect("every stage with a part has a Jacobian");
        let add = jacobian.touch.contribute(&map, instances);
        Sink { space: jacobian.space, base: jacobian.base, map, add, twice: vec![] }
    }

    #[allow(clippy::too_many_arguments)]
    fn chain(
        &mut self,
        stage: StageId,
        target: &IndexMap,
        z: StageId,
        map: &IndexMap,
        instances: usize,
        factor: usize,
        constant: bool,
    ) -> Action {
        let (pattern, inner) = (self.stages[&stage].pattern.clone(), self.stages[&z].pattern.clone());
        let mut each = vec![];
        let (mut runs, mut all_runs) = (vec![], true);
        for p in 0..instances {
            let from = each.len();
            let row = target.at(p);
            let columns = &inner.columns[inner.row(map.at(p))];
            each.extend(columns.iter().map(|&column| locate(&pattern, row, column) as u32));
            runs.push(each.get(from).copied().unwrap_or(0));
            all_runs &= each[from..].windows(2).all(|pair| pair[1] == pair[0] + 1);
        }
        let (space, base) = if constant {
            (Space::Arena, self.template(stage))
        } else {
            let jacobian = self.stages.get_mut(&stage).expect("every stage with a part has a Jacobian");
            (jacobian.space, jacobian.base)
        };
        let rows = StageRows { pattern: inner, values: self.stages[&z].base, map: map.clone() };
        let positions = if all_runs { Positions::Runs(runs) } else { Positions::Each(each) };
        Action::Chain(Chain { instances, factor, rows, space, base, positions })
    }

    fn finish(mut self, pattern: Arc<Pattern>) -> Jacobian {
        let mut jacobian = Jacobian { pattern, inner: vec![], constraints: vec![], stages: BTreeMap::new() };
        let mut data = vec![];
        let mut stages = BTreeMap::new();
        for (stage, mut own) in self.stages {
            let length = own.pattern.entries();
            data.extend(own.template.map(|base| Action::Clear { space: Space::Arena, base, length }));
            let role = self.engine.functions.roles[stage.0 as usize];
            let mask = self.engine.functions.masks[stage.0 as usize];
            let touch = std::mem::replace(&mut own.touch, Touch::new(0));
            // A constant Jacobian in the arena is its own template.
            if own.template != Some(own.base) || own.space == Space::Out {
                let preparation = touch.prepare(own.space, own.base, own.template);
                match role {
                    Some(Role::Constraint) => jacobian.constraints.extend(preparation),
                    Some(Role::Data | Role::Inner | Role::Objective) | None => {
                        jacobian.inner.extend(preparation.map(|action| (mask, action)));
                    }
                }
            }
            stages.insert(stage, own);
        }
        data.append(&mut self.data);
        self.engine.data.append(&mut data);
        self.engine.data_stale = true;
        for (role, mask, action) in self.kernels.into_iter().chain(self.chains) {
            match role {
                Role::Constraint => jacobian.constraints.push(action),
                Role::Data | Role::Inner | Role::Objective => jacobian.inner.push((mask, action)),
            }
        }
        for (stage, row) in self.engine.functions.constraints.clone() {
            let role = self.engine.functions.roles[stage.0 as usize];
            if let (Some(Role::Inner), Some(own)) = (role, stages.get(&stage)) {
                let (base, length) = (jacobian.pattern.starts[row], own.pattern.entries());
                jacobian.constraints.push(Action::Copy { from: own.base, space: Space::Out, base, length });
            }
        }
        jacobian.stages = stages;
        jacobian
    }
}
