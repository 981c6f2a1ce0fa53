//! Sparse total Jacobians: of the constraints, and of the stages that they and the objective read.
//!
//! Row `r` of stage `s` collects, over its instances `p` with `target(p) = r` and over the leaves of the body,
//! `∂body/∂leaf` times a unit row where the leaf is a variable, times row `map(p)` of the Jacobian of `z` where it is
//! stage `z`. What depends on parameters alone stands in templates that the data actions fill; the rest is added on top
//! of a copy of them.

use super::action::{Action, Chain, Positions, StageRows};
use super::condense::condense;
use super::engine::Engine;
use super::groups::Role;
use super::kernel::{Sink, Space};
use super::matrix;
use super::patterns::locate;
use super::squares;
use super::stage_patterns::{dense_products, stacked, stage_patterns};
use super::stale::Stale;
use super::touch::Touch;
use crate::expr::derive;
use crate::expr::family::{IndexMap, Source, StageId};
use crate::expr::graph::NodeId;
use crate::linalg::pattern::Pattern;
use std::collections::{BTreeMap, BTreeSet};
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
    /// The template is the matrix that the stage is a product with.
    product: bool,
    touch: Touch,
}

/// The partial derivative of a part with respect to a leaf.
pub struct Partial {
    pub group: usize,
    pub part: usize,
    pub leaf: usize,
    node: NodeId,
    /// It depends on parameters alone, and so do all others of its part.
    data: bool,
}

impl Jacobian {
    /// The total Jacobian of a stage that others read, row `map(p)` for instance `p`.
    pub fn rows_of(&self, stage: StageId, map: &IndexMap) -> StageRows {
        let jacobian = &self.stages[&stage];
        StageRows { pattern: jacobian.pattern.clone(), values: jacobian.base, map: map.clone() }
    }

    /// Whether the total Jacobian of a stage that others read depends on parameters alone.
    pub fn is_constant(&self, stage: StageId) -> bool {
        self.stages[&stage].constant
    }

    pub fn new(engine: &mut Engine) -> Jacobian {
        let partials = all_partials(engine);
        let patterns = stage_patterns(engine, &partials);
        let constant = constant_stages(engine, &partials);
        let products = dense_products(engine);
        let pattern = Arc::new(stacked(engine, &patterns));
        let mut stages = BTreeMap::new();
        for (stage, stage_pattern) in patterns {
            let role = engine.functions.roles[stage.0 as usize];
            let matrix = products.get(&stage).and_then(|&g| engine.matrix(g)).map(|(_, matrix)| matrix.values);
            let (space, base) = match (role, matrix) {
                (Some(Role::Constraint), _) => (Space::Out, pattern.starts[engine.functions.first_row(stage)]),
                (_, Some(values)) => (Space::Arena, values),
                (_, None) => (Space::Arena, engine.allocate(stage_pattern.entries())),
            };
            let touch = Touch::new(stage_pattern.entries());
            let constant = constant[&stage];
            let template = matrix.or((constant && space == Space::Arena).then_some(base));
            let product = matrix.is_some();
            let pattern = stage_pattern;
            stages.insert(stage, StageJacobian { pattern, constant, space, base, template, product, touch });
        }
        let mut builder =
            Builder { engine, stages, data: vec![], kernels: vec![], chains: vec![], factors: BTreeMap::new() };
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
        if group.function.is_some() || group.squares.is_some() {
            // It stands for the slopes, which no node says.
            let node = engine.functions.graph.constant(1.0);
            partials.push(Partial { group: g, part: 0, leaf: 0, node, data: false });
            continue;
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
        // All parts together, for what they have in common.
        let nodes: Vec<NodeId> = partials[from..].iter().map(|partial| partial.node).collect();
        let condensed = condense(&mut engine.functions.graph, &nodes);
        partials[from..].iter_mut().zip(condensed).for_each(|(partial, node)| partial.node = node);
        partials.retain(|partial| engine.functions.graph.value_of(partial.node) != Some(0.0));
        let roots: Vec<NodeId> = partials[from..].iter().map(|partial| partial.node).collect();
        let is_data = engine.data_nodes(g, &roots);
        partials[from..].iter_mut().for_each(|partial| partial.data = is_data[&partial.node]);
        // Numbers beside entries that vary are written with them, while their cache lines are at hand.
        let varying: BTreeSet<usize> = partials[from..].iter().filter(|p| !p.data).map(|p| p.part).collect();
        for partial in &mut partials[from..] {
            let of_variable = group.leaves[partial.leaf].source == Source::Variables;
            partial.data &= !(of_variable && varying.contains(&partial.part));
        }
    }
    partials
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
            // It varies.
            _ if group.squares.is_some() => false,
            Source::Stage(z) => constant[&z],
            Source::Variables | Source::Param(_) | Source::After(_) => true,
        };
        if !(partial.data && inner) {
            constant.insert(group.parts[partial.part].stage, false);
        }
    }
    constant
}

struct Builder<'a> {
    engine: &'a mut Engine,
    stages: BTreeMap<StageId, StageJacobian>,
    /// Templates; then kernels and chains of constants.
    data: Vec<Action>,
    kernels: Vec<(Role, u8, Action)>,
    chains: Vec<(Role, u8, Action)>,
    /// Where the partial derivatives with respect to stages stand, by group, part and leaf.
    factors: BTreeMap<(usize, usize, usize), usize>,
}

impl Builder<'_> {
    /// One kernel of each group for what varies and one for what is constant, and a chain for each leaf that is a
    /// stage.
    fn kernels(&mut self, partials: &[Partial]) {
        // Constants first: what varies is added to them, so they count as touched.
        let mut chains = vec![];
        for of_group in partials.chunk_by(|a, b| a.group == b.group) {
            let group = &self.engine.functions.groups[of_group[0].group];
            let product = self.stages.get(&group.parts[0].stage).is_some_and(|own| own.product);
            if group.function.is_some() || group.squares.is_some() || product {
                continue;
            }
            let fixed = self.roots(of_group, true, &mut chains);
            self.data.extend(self.engine.data_kernel(of_group[0].group, fixed));
        }
        self.data.extend(chains.drain(..).map(|(_, action)| action));
        for of_group in partials.chunk_by(|a, b| a.group == b.group) {
            let g = of_group[0].group;
            if let Some(action) = self.matrix(g).or_else(|| self.squares(g)) {
                chains.push((g, action));
                continue;
            }
            let varying = self.roots(of_group, false, &mut chains);
            if let Some(kernel) = self.engine.kernel(g, varying, vec![]) {
                let group = &self.engine.functions.groups[g];
                self.kernels.push((group.role, group.mask, kernel));
            }
        }
        for (g, chain) in chains {
            let group = &self.engine.functions.groups[g];
            self.chains.push((group.role, group.mask, chain));
        }
    }

    /// The Jacobian of a group that is a function of matrices.
    fn matrix(&mut self, g: usize) -> Option<Action> {
        let group = &self.engine.functions.groups[g];
        let (of, stage) = (group.function?.of, group.parts[0].stage);
        let inner = &self.stages[&of];
        let entries = StageRows { pattern: inner.pattern.clone(), values: inner.base, map: IndexMap::IDENTITY };
        let own = self.jacobian(stage);
        own.touch.announce_all();
        let (pattern, base) = (own.pattern.clone(), own.base);
        matrix::rows(self.engine, g, entries, &pattern, base)
    }

    /// The row of a group that is a sum of squares.
    fn squares(&mut self, g: usize) -> Option<Action> {
        let columns = squares::columns(self.engine, g)?;
        let part = self.engine.functions.groups[g].parts[0].clone();
        let own = self.jacobian(part.stage);
        let first = locate(&own.pattern, part.target.at(0), columns.start as u32);
        own.touch.announce_sum(first..first + columns.len());
        let (space, base) = (own.space, own.base + first);
        squares::row(self.engine, g, space, base)
    }

    /// The partial derivatives of a group that are data, or those that are not, with their sinks; and the chains that
    /// depend on parameters alone, or those that do not.
    fn roots(&mut self, of_group: &[Partial], data: bool, chains: &mut Vec<(usize, Action)>) -> Vec<(NodeId, Sink)> {
        let mut roots = vec![];
        let mut announced = vec![];
        let group = self.engine.functions.groups[of_group[0].group].clone();
        for partial in of_group {
            let (part, leaf) = (&group.parts[partial.part], &group.leaves[partial.leaf]);
            let Source::Stage(z) = leaf.source else {
                if partial.data == data {
                    let positions = self.positions(part.stage, &part.target, &leaf.map, group.instances);
                    if !data {
                        let touch = &mut self.jacobian(part.stage).touch;
                        announced.push((
                            roots.len(),
                            part.stage,
                            touch.announce(partial.group, &positions, group.instances),
                        ));
                    }
                    roots.push((partial.node, self.sink(part.stage, positions, group.instances, data)));
                }
                continue;
            };
            let factor = *self
                .factors
                .entry((partial.group, partial.part, partial.leaf))
                .or_insert_with(|| self.engine.allocate(group.instances));
            if partial.data == data {
                let map = IndexMap::IDENTITY;
                roots.push((partial.node, Sink { space: Space::Arena, base: factor, map, add: false, twice: vec![] }));
            }
            let constant = partial.data && self.stages[&z].constant;
            if constant == data {
                let chain = self.chain(part.stage, &part.target, z, &leaf.map, group.instances, factor, constant);
                chains.push((partial.group, chain));
            }
        }
        for (k, stage, number) in announced {
            roots[k].1.add = self.jacobian(stage).touch.adds(number);
        }
        roots
    }

    fn jacobian(&mut self, stage: StageId) -> &mut StageJacobian {
        self.stages.get_mut(&stage).expect("every stage with a part has a Jacobian")
    }

    fn positions(&self, stage: StageId, target: &IndexMap, columns: &IndexMap, instances: usize) -> IndexMap {
        let pattern = &self.stages[&stage].pattern;
        let at = |p: usize| locate(pattern, target.at(p), columns.at(p) as u32) as u32;
        IndexMap::from_positions((0..instances).map(at).collect())
    }

    /// Where constant parts of a stage's Jacobian are collected.
    fn template(&mut self, stage: StageId) -> usize {
        if let Some(at) = self.stages[&stage].template {
            return at;
        }
        let at = self.engine.allocate(self.stages[&stage].pattern.entries());
        self.jacobian(stage).template = Some(at);
        at
    }

    fn sink(&mut self, stage: StageId, map: IndexMap, instances: usize, data: bool) -> Sink {
        if data {
            let base = self.template(stage);
            let jacobian = self.jacobian(stage);
            jacobian.touch.announce_sum((0..instances).map(|p| map.at(p)));
            return Sink { space: Space::Arena, base, map, add: true, twice: vec![] };
        }
        let jacobian = self.jacobian(stage);
        Sink { space: jacobian.space, base: jacobian.base, map, add: true, twice: vec![] }
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
            let jacobian = self.jacobian(stage);
            (jacobian.space, jacobian.base)
        };
        let rows = StageRows { pattern: inner, values: self.stages[&z].base, map: map.clone() };
        let jacobian = self.jacobian(stage);
        jacobian.touch.announce_sum(each.iter().map(|&at| at as usize));
        let positions = if all_runs { Positions::Runs(runs) } else { Positions::Each(each) };
        Action::Chain(Chain { instances, factor, rows, space, base, positions })
    }

    fn finish(mut self, pattern: Arc<Pattern>) -> Jacobian {
        let mut jacobian = Jacobian { pattern, inner: vec![], constraints: vec![], stages: BTreeMap::new() };
        let mut data = vec![];
        let mut packs = vec![];
        let mut stages = BTreeMap::new();
        for (stage, mut own) in self.stages {
            let length = own.pattern.entries();
            let template = own.template.filter(|_| !own.product);
            data.extend(template.map(|base| Action::Clear { space: Space::Arena, base, length }));
            let role = self.engine.functions.roles[stage.0 as usize];
            let mask = self.engine.functions.masks[stage.0 as usize];
            let touch = std::mem::replace(&mut own.touch, Touch::new(0));
            // A constant Jacobian in the arena is its own template.
            if own.template != Some(own.base) || own.space == Space::Out {
                let engine = &mut *self.engine;
                let preparation = touch.prepare_from(own.space, own.base, own.template, |entries, count| {
                    let to = engine.allocate(count);
                    let from = own.template.expect("only what has a template is packed");
                    packs.push(Action::Pack { from, entries: entries.clone(), count, to });
                    to
                });
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
        data.append(&mut packs);
        self.engine.data.append(&mut data);
        self.engine.stale = Stale::Everything;
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
