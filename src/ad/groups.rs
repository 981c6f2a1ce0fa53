//! What an evaluator needs of a problem: its terms, fused into groups that are computed together.
//!
//! Terms of equally many instances that share a leaf become one group with one list of leaves, so that what their
//! bodies have in common is computed once. Groups stand in an order in which all that they read is computed before:
//! by depth of their stage (1 + the deepest stage it reads), then by level of the term.

use super::arrange::{self, Facts};
use super::runs::are_segments;
use super::squares;
use crate::expr::family::{IndexMap, Leaf, MatrixStage, ParamId, Source, Stage, StageId, Term};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;
use crate::problem::{Data, Problem};
use std::collections::HashMap;

/// Who asks for the values of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Does not depend on variables: once for each version of the parameters.
    Data,
    /// Read by other stages, or by several constraints.
    Inner,
    /// Read as the objective alone.
    Objective,
    /// Read as one constraint alone.
    Constraint,
}

/// Which of the two, objective and constraints, need something: bits of a mask.
pub const FOR_OBJECTIVE: u8 = 1;
pub const FOR_CONSTRAINTS: u8 = 2;

#[derive(Clone, Debug, PartialEq)]
pub struct GroupLeaf {
    pub source: Source,
    pub map: IndexMap,
    /// It depends on the variables.
    pub active: bool,
}

/// A body of a group: added into rows `target(p)` of `stage`.
#[derive(Clone, Debug)]
pub struct Part {
    pub stage: StageId,
    pub target: IndexMap,
    pub body: NodeId,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub role: Role,
    pub mask: u8,
    pub depth: u32,
    pub level: u32,
    pub instances: usize,
    pub leaves: Vec<GroupLeaf>,
    pub parts: Vec<Part>,
    /// It is a product with a dense matrix; then it has this one part alone.
    pub matrix: Option<Matrix>,
    /// It is a product with a sparse matrix; then it has this one part alone.
    pub sparse: Option<SparseTerm>,
    /// It is a sum of squares of a product with a dense matrix that only it reads, which is this one of those absorbed.
    pub squares: Option<usize>,
    /// It is a function of matrices; then its one leaf is the stage of their entries, and its one body 0.
    pub function: Option<MatrixStage>,
}

/// Rows `Σ_j coefficient[r, j] leaf[j]`, the coefficients being numbers, both running along `j`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix {
    /// A body of parameters alone.
    pub coefficient: NodeId,
    pub leaf: usize,
    pub width: usize,
    /// Where the leaf's part of its source begins, and the rows' part of the stage.
    pub first_column: usize,
    pub first_row: usize,
}

/// Rows `Σ coefficient[p] leaf[p]` over neighbouring instances, the coefficients being numbers and the leaf gathered.
#[derive(Clone, Copy, Debug)]
pub struct SparseTerm {
    /// A body of parameters alone.
    pub coefficient: NodeId,
    pub leaf: usize,
}

impl Group {
    /// It is linear, and its action knows the numbers.
    pub fn is_product(&self) -> bool {
        self.matrix.is_some() || self.sparse.is_some()
    }

    /// It has actions of its own, so that nothing is joined with it.
    fn is_alone(&self) -> bool {
        self.is_product() || self.squares.is_some()
    }

    pub fn active_leaves(&self) -> Vec<u32> {
        (0..self.leaves.len() as u32).filter(|&k| self.leaves[k as usize].active).collect()
    }

    pub fn reads_active_stages(&self) -> bool {
        self.leaves.iter().any(|leaf| leaf.active && matches!(leaf.source, Source::Stage(_)))
    }
}

/// What there is to evaluate.
#[derive(Debug)]
pub struct Functions {
    /// Bodies of all groups; leaf `k` is leaf `k` of the group.
    pub graph: Graph,
    pub groups: Vec<Group>,
    /// The groups once more, those that have leaves in common as one, whoever asks for their values: for sums over all
    /// of them. Numbered after `groups`.
    pub joint: Vec<Group>,
    /// Products that sums of squares know. Numbered after `joint`.
    absorbed: Vec<Group>,
    /// By stage; `None` where nobody needs it.
    pub roles: Vec<Option<Role>>,
    pub masks: Vec<u8>,
    pub rows: Vec<usize>,
    pub objective: Option<StageId>,
    /// Stage and first row of each constraint.
    pub constraints: Vec<(StageId, usize)>,
    pub params: Vec<ParamId>,
}

/// Groups stay below this many parts and leaves, so that their programs keep to few registers.
const MOST_PARTS: usize = 32;
const MOST_LEAVES: usize = 64;

impl Functions {
    pub fn new(problem: &Problem) -> Functions {
        let stages = &problem.stages;
        let objective = problem.objectives.first().map(|o| o.stage);
        let mut constraints = vec![];
        let mut row = 0;
        for constraint in &problem.constraints {
            constraints.push((constraint.stage, row));
            row += constraint.rows as usize;
        }
        let mut masks = vec![0u8; stages.len()];
        let mut needed = vec![false; stages.len()];
        if let Some(id) = objective {
            masks[id.0 as usize] |= FOR_OBJECTIVE;
        }
        for (id, _) in &constraints {
            masks[id.0 as usize] |= FOR_CONSTRAINTS;
        }
        for id in data_stages(problem) {
            needed[id.0 as usize] = true;
        }
        let mut read = vec![false; stages.len()];
        for s in (0..stages.len()).rev() {
            needed[s] |= masks[s] != 0;
            if needed[s] {
                for z in stages_read(&stages[s]).filter(|&z| z != s) {
                    masks[z] |= masks[s];
                    needed[z] = true;
                    read[z] = true;
                }
            }
        }
        let mut active = vec![false; stages.len()];
        let mut depths = vec![0u32; stages.len()];
        for s in 0..stages.len() {
            let leaves = stages[s].terms.iter().filter(|t| t.family.instances > 0).flat_map(|t| &t.family.leaves);
            let of = stages[s].matrix.map(|matrix| Source::Stage(matrix.of));
            active[s] = leaves.map(|leaf| leaf.source).chain(of).any(|source| match source {
                Source::Variables => true,
                Source::Stage(z) => z.0 as usize != s && active[z.0 as usize],
                Source::Param(_) | Source::After(_) => false,
            });
            depths[s] = stages_read(&stages[s]).filter(|&z| z != s).map(|z| depths[z] + 1).max().unwrap_or(0);
        }
        let mut roles: Vec<Option<Role>> = (0..stages.len())
            .map(|s| {
                let id = StageId(s as u32);
                let uses = constraints.iter().filter(|(stage, _)| *stage == id).count();
                match (needed[s], active[s], read[s], objective == Some(id), uses) {
                    (false, ..) => None,
                    (true, false, ..) => Some(Role::Data),
                    // Its values stand in the arena, whoever reads them.
                    (true, true, ..) if stages[s].matrix.is_some() => Some(Role::Inner),
                    (true, true, false, true, 0) => Some(Role::Objective),
                    (true, true, false, false, 1) => Some(Role::Constraint),
                    (true, true, ..) => Some(Role::Inner),
                }
            })
            .collect();
        let arranged = arranged(problem, &active, roles.as_slice());
        let stages = arranged.as_deref().unwrap_or(stages);
        for stage in &stages[roles.len()..] {
            roles.push(Some(Role::Data));
            masks.push(0);
            active.push(false);
            depths.push(stages_read(stage).map(|z| depths[z] + 1).max().unwrap_or(0));
        }
        let mut functions = Functions {
            graph: Graph::default(),
            groups: vec![],
            joint: vec![],
            absorbed: vec![],
            roles,
            masks,
            rows: stages.iter().map(|s| s.rows as usize).collect(),
            objective,
            constraints,
            params: vec![],
        };
        functions.collect_groups(problem, stages, &active, &depths);
        functions.absorb_products();
        functions.join_groups();
        functions
    }

    fn collect_groups(&mut self, problem: &Problem, stages: &[Stage], active: &[bool], depths: &[u32]) {
        type Key = (Role, u8, u32, u32, usize);
        let mut open: HashMap<(Key, Option<Leaf>), usize> = HashMap::new();
        let mut params = std::collections::BTreeSet::new();
        for (s, stage) in stages.iter().enumerate() {
            let Some(role) = self.roles[s] else { continue };
            if let Some(function) = stage.matrix.filter(|_| stage.rows > 0) {
                let body = self.graph.constant(0.0);
                let of = function.of;
                let outputs = function.function.outputs(function.n as usize);
                self.groups.push(Group {
                    role,
                    mask: self.masks[s],
                    depth: depths[s],
                    level: 0,
                    instances: stage.rows as usize / outputs,
                    leaves: vec![GroupLeaf {
                        source: Source::Stage(of),
                        map: IndexMap::IDENTITY,
                        active: active[of.0 as usize],
                    }],
                    parts: vec![Part { stage: StageId(s as u32), target: IndexMap::IDENTITY, body }],
                    matrix: None,
                    sparse: None,
                    squares: None,
                    function: Some(function),
                });
            }
            for term in stage.terms.iter().filter(|term| term.family.instances > 0) {
                let instances = term.family.instances as usize;
                let key = (role, self.masks[s], depths[s], term.level, instances);
                let leaves: Vec<Leaf> = term.family.leaves.iter().map(|leaf| settled(leaf, instances)).collect();
                let shared = leaves.iter().filter(|leaf| !matches!(leaf.map, IndexMap::Affine { stride: 0, .. }));
                let mut links: Vec<(Key, Option<Leaf>)> = shared.map(|leaf| (key, Some(leaf.clone()))).collect();
                if instances == 1 {
                    links.push((key, None));
                }
                let target = settled_map(&term.target, instances);
                let actives: Vec<bool> = leaves.iter().map(|leaf| is_active(leaf, active)).collect();
                let matrix = matrix(&problem.graph, term.family.body, &leaves, &actives, &target, instances)
                    .filter(|matrix| leaves[matrix.leaf].source != Source::Stage(StageId(s as u32)));
                let sparse = sparse(&problem.graph, term.family.body, &leaves, &actives, &target, instances)
                    .filter(|sparse| leaves[sparse.leaf].source != Source::Stage(StageId(s as u32)));
                if matrix.is_some() || sparse.is_some() {
                    links.clear();
                }
                let room = |g: &usize| {
                    let group: &Group = &self.groups[*g];
                    group.parts.len() < MOST_PARTS && group.leaves.len() + leaves.len() <= MOST_LEAVES
                };
                let at = links.iter().find_map(|link| open.get(link)).copied().filter(room).unwrap_or_else(|| {
                    let (role, mask, depth, level, instances) = key;
                    self.groups.push(Group {
                        role,
                        mask,
                        depth,
                        level,
                        instances,
                        leaves: vec![],
                        parts: vec![],
                        matrix: None,
                        sparse: None,
                        squares: None,
                        function: None,
                    });
                    self.groups.len() - 1
                });
                for link in links {
                    open.insert(link, at);
                }
                let group = &mut self.groups[at];
                let mut numbers = vec![];
                for (leaf, active) in leaves.into_iter().zip(actives) {
                    if let Source::Param(id) = leaf.source {
                        params.insert(id);
                    }
                    let known = group.leaves.iter().position(|l| l.source == leaf.source && l.map == leaf.map);
                    numbers.push(known.unwrap_or_else(|| {
                        group.leaves.push(GroupLeaf { source: leaf.source, map: leaf.map, active });
                        group.leaves.len() - 1
                    }) as u32);
                }
                let body = copy_body(&problem.graph, term.family.body, &numbers, &mut self.graph);
                group.matrix = matrix.map(|matrix| {
                    let leaf = numbers[matrix.leaf] as usize;
                    let coefficient = copy_body(&problem.graph, matrix.coefficient, &numbers, &mut self.graph);
                    Matrix { leaf, coefficient, ..matrix }
                });
                group.sparse = sparse.map(|sparse| {
                    let leaf = numbers[sparse.leaf] as usize;
                    let coefficient = copy_body(&problem.graph, sparse.coefficient, &numbers, &mut self.graph);
                    SparseTerm { coefficient, leaf }
                });
                let stage = StageId(s as u32);
                match group.parts.iter_mut().find(|part| part.stage == stage && part.target == target) {
                    Some(part) => part.body = self.graph.add(part.body, body),
                    None => group.parts.push(Part { stage, target, body }),
                }
            }
        }
        for id in data_params(problem) {
            params.insert(id);
        }
        self.params = params.into_iter().collect();
        self.groups.sort_by_key(|group| (group.depth, group.level));
    }

    /// Group `g` of `groups`, then of `joint`, then of those absorbed.
    pub fn group(&self, g: usize) -> &Group {
        self.groups
            .iter()
            .chain(&self.joint)
            .chain(&self.absorbed)
            .nth(g)
            .expect("groups are numbered one after another")
    }

    /// The number of an absorbed group.
    pub fn absorbed(&self, k: usize) -> usize {
        self.groups.len() + self.joint.len() + k
    }

    /// Takes products out of the groups that only a sum of squares reads.
    fn absorb_products(&mut self) {
        let mut products = vec![];
        for g in 0..self.groups.len() {
            if let Some(product) = squares::product_of(&self.groups, &self.graph, &self.roles, &self.rows, g) {
                self.groups[g].squares = Some(products.len());
                products.push(product);
            }
        }
        for &product in &products {
            let group = self.groups[product].clone();
            self.roles[group.parts[0].stage.0 as usize] = None;
            self.absorbed.push(group);
        }
        let mut number = 0..;
        self.groups.retain(|_| !products.contains(&number.next().unwrap_or(usize::MAX)));
    }

    fn join_groups(&mut self) {
        let shared = |leaf: &&GroupLeaf| !matches!(leaf.map, IndexMap::Affine { stride: 0, .. });
        let mut joint: Vec<Group> = vec![];
        for group in self.groups.iter().filter(|group| group.role != Role::Data) {
            let fits = |other: &&mut Group| {
                let meets =
                    group.instances == 1 || group.leaves.iter().filter(shared).any(|leaf| other.leaves.contains(leaf));
                meets
                    && group.instances == other.instances
                    && !group.is_alone()
                    && !other.is_alone()
                    && group.parts.len() + other.parts.len() <= MOST_PARTS
                    && group.leaves.len() + other.leaves.len() <= MOST_LEAVES
            };
            let Some(into) = joint.iter_mut().find(fits) else {
                joint.push(Group { role: Role::Inner, ..group.clone() });
                continue;
            };
            let mut numbers = vec![];
            for leaf in &group.leaves {
                let known = into.leaves.iter().position(|other| other == leaf);
                numbers.push(known.unwrap_or_else(|| {
                    into.leaves.push(leaf.clone());
                    into.leaves.len() - 1
                }) as u32);
            }
            for part in &group.parts {
                let body = renumbered(&mut self.graph, part.body, &numbers);
                into.parts.push(Part { body, ..part.clone() });
            }
        }
        self.joint = joint;
    }

    /// The first row of the constraint that a stage of role `Constraint` is.
    pub fn first_row(&self, stage: StageId) -> usize {
        self.constraints.iter().find(|(id, _)| *id == stage).map_or(0, |(_, row)| *row)
    }

    /// Whether the stage reads itself.
    pub fn is_recurrence(&self, stage: StageId) -> bool {
        let own = |group: &&Group| group.parts.iter().any(|part| part.stage == stage);
        let reads = |group: &Group| group.leaves.iter().any(|leaf| leaf.source == Source::Stage(stage));
        self.groups.iter().filter(own).any(reads)
    }
}

/// The stages in an order in which more is read along memory; none, if they are as well as they are.
fn arranged(problem: &Problem, active: &[bool], roles: &[Option<Role>]) -> Option<Vec<Stage>> {
    let stages = &problem.stages;
    let mut free: Vec<bool> = roles.iter().map(|role| *role == Some(Role::Inner)).collect();
    let inner = |role: &Option<Role>| matches!(role, Some(Role::Inner | Role::Objective));
    let inner: Vec<bool> = roles.iter().map(inner).collect();
    for (s, stage) in stages.iter().enumerate() {
        let own = stages_read(stage).any(|z| z == s);
        free[s] &= !own && stage.matrix.is_none();
        if let Some(matrix) = stage.matrix {
            free[matrix.of.0 as usize] = false;
        }
    }
    let stated = problem.constraints.iter().map(|c| c.stage).chain(problem.objectives.iter().map(|o| o.stage));
    stated.for_each(|id| free[id.0 as usize] = false);
    let data = |source: Source| match source {
        Source::Param(id) => Some(problem.param(id).values.len()),
        Source::Stage(z) if roles[z.0 as usize] == Some(Role::Data) => Some(problem.stage(z).rows as usize),
        Source::Stage(_) | Source::Variables | Source::After(_) => None,
    };
    let product = |term: &Term| {
        let instances = term.family.instances as usize;
        let leaves: Vec<Leaf> = term.family.leaves.iter().map(|leaf| settled(leaf, instances)).collect();
        let actives: Vec<bool> = leaves.iter().map(|leaf| is_active(leaf, active)).collect();
        let target = settled_map(&term.target, instances);
        matrix(&problem.graph, term.family.body, &leaves, &actives, &target, instances).is_some()
    };
    let facts = Facts { leaf: problem.graph.known_leaf(0)?, free: &free, inner: &inner, data: &data, whole: &product };
    arrange::arranged(stages, &facts)
}

fn is_active(leaf: &Leaf, active: &[bool]) -> bool {
    match leaf.source {
        Source::Variables => true,
        Source::Stage(z) => active[z.0 as usize],
        Source::Param(_) | Source::After(_) => false,
    }
}

/// Whether a term is a product with a dense matrix.
fn matrix(
    graph: &Graph,
    body: NodeId,
    leaves: &[Leaf],
    active: &[bool],
    target: &IndexMap,
    instances: usize,
) -> Option<Matrix> {
    let IndexMap::Repeat { start: first_row, stride: 1, length } = *target else { return None };
    let Node::Call(Op::Mul, [a, b, _]) = graph.node(body) else { return None };
    let vector = |id: NodeId| match graph.node(id) {
        Node::Leaf(k) if active[k as usize] => match leaves[k as usize].map {
            IndexMap::Tile { start, stride: 1, length: own } if own == length => Some((k as usize, start as usize)),
            IndexMap::Tile { .. } | IndexMap::Affine { .. } | IndexMap::Repeat { .. } | IndexMap::Gather(_) => None,
        },
        Node::Leaf(_) | Node::Constant(_) | Node::Call(..) => None,
    };
    let (coefficient, (leaf, first_column)) = match (vector(a), vector(b)) {
        (Some(vector), _) if is_data(graph, b, active) => (b, vector),
        (_, Some(vector)) if is_data(graph, a, active) => (a, vector),
        (Some(_) | None, _) => return None,
    };
    let whole = instances.is_multiple_of(length as usize);
    let width = length as usize;
    whole.then_some(Matrix { coefficient, leaf, width, first_column, first_row: first_row as usize })
}

/// Smaller products are as well fused with other terms.
const LEAST_ENTRIES: usize = 64;

/// Whether a term is a product with a sparse matrix.
fn sparse(
    graph: &Graph,
    body: NodeId,
    leaves: &[Leaf],
    active: &[bool],
    target: &IndexMap,
    instances: usize,
) -> Option<SparseTerm> {
    let segments = are_segments(target, instances) || matches!(target, IndexMap::Repeat { .. });
    if instances < LEAST_ENTRIES || !segments {
        return None;
    }
    let Node::Call(Op::Mul, [a, b, _]) = graph.node(body) else { return None };
    let vector = |id: NodeId| match graph.node(id) {
        Node::Leaf(k) => Some(k as usize).filter(|k| active[*k] && matches!(leaves[*k].map, IndexMap::Gather(_))),
        Node::Constant(_) | Node::Call(..) => None,
    };
    let (coefficient, leaf) = match (vector(a), vector(b)) {
        (Some(leaf), _) if is_data(graph, b, active) => (b, leaf),
        (_, Some(leaf)) if is_data(graph, a, active) => (a, leaf),
        (Some(_) | None, _) => return None,
    };
    Some(SparseTerm { coefficient, leaf })
}

/// Whether a body depends on no active leaf.
fn is_data(graph: &Graph, id: NodeId, active: &[bool]) -> bool {
    let varies = |node: NodeId| matches!(graph.node(node), Node::Leaf(k) if active[k as usize]);
    !graph.reachable(&[id]).into_iter().any(varies)
}

fn stages_read(stage: &Stage) -> impl Iterator<Item = usize> + '_ {
    stage.sources().filter_map(|source| match source {
        Source::Stage(z) => Some(z.0 as usize),
        Source::Variables | Source::Param(_) | Source::After(_) => None,
    })
}

fn all_data(problem: &Problem) -> impl Iterator<Item = &Data> {
    let of_variables = problem.variables.iter().flat_map(|v| [Some(&v.lower), Some(&v.upper), v.start.as_ref()]);
    let of_rows = problem.constraints.iter().flat_map(|c| [Some(&c.lower), Some(&c.upper)]);
    of_variables.flatten().chain(of_rows.flatten())
}

/// Stages that bounds and starts read.
fn data_stages(problem: &Problem) -> impl Iterator<Item = StageId> {
    all_data(problem).filter_map(|data| match data {
        Data::Read(Leaf { source: Source::Stage(id), .. }) => Some(*id),
        Data::Read(_) | Data::Constant(_) => None,
    })
}

fn data_params(problem: &Problem) -> impl Iterator<Item = ParamId> {
    all_data(problem).filter_map(|data| match data {
        Data::Read(Leaf { source: Source::Param(id), .. }) => Some(*id),
        Data::Read(_) | Data::Constant(_) => None,
    })
}

/// A map in its simplest form for this many instances.
fn settled_map(map: &IndexMap, instances: usize) -> IndexMap {
    match map {
        _ if instances == 1 => IndexMap::scalar(map.at(0)),
        IndexMap::Tile { start, stride, length } if *length as usize >= instances => {
            IndexMap::Affine { start: *start, stride: *stride }
        }
        IndexMap::Tile { start, length: 1, .. } => IndexMap::Affine { start: *start, stride: 0 },
        IndexMap::Repeat { start, stride, length: 1 } => IndexMap::Affine { start: *start, stride: *stride },
        IndexMap::Repeat { start, length, .. } if *length as usize >= instances => {
            IndexMap::Affine { start: *start, stride: 0 }
        }
        IndexMap::Tile { start, stride: 0, .. } | IndexMap::Repeat { start, stride: 0, .. } => {
            IndexMap::Affine { start: *start, stride: 0 }
        }
        IndexMap::Affine { .. } | IndexMap::Tile { .. } | IndexMap::Repeat { .. } | IndexMap::Gather(_) => map.clone(),
    }
}

fn settled(leaf: &Leaf, instances: usize) -> Leaf {
    Leaf { source: leaf.source, map: settled_map(&leaf.map, instances) }
}

/// The same body with leaf `k` as leaf `numbers[k]`.
fn renumbered(graph: &mut Graph, body: NodeId, numbers: &[u32]) -> NodeId {
    let mut copies: HashMap<NodeId, NodeId> = HashMap::new();
    for id in graph.reachable(&[body]) {
        let copy = match graph.node(id) {
            Node::Constant(_) => id,
            Node::Leaf(k) => graph.leaf(numbers[k as usize]),
            Node::Call(op, args) => {
                graph.call(op, &args[..op.row().arity].iter().map(|a| copies[a]).collect::<Vec<_>>())
            }
        };
        copies.insert(id, copy);
    }
    copies[&body]
}

/// The same body in another graph, leaf `k` becoming leaf `numbers[k]`.
fn copy_body(from: &Graph, body: NodeId, numbers: &[u32], to: &mut Graph) -> NodeId {
    let mut copies: HashMap<NodeId, NodeId> = HashMap::new();
    for id in from.reachable(&[body]) {
        let copy = match from.node(id) {
            Node::Constant(value) => to.constant(value),
            Node::Leaf(k) => to.leaf(numbers[k as usize]),
            Node::Call(op, args) => to.call(op, &args[..op.row().arity].iter().map(|a| copies[a]).collect::<Vec<_>>()),
        };
        copies.insert(id, copy);
    }
    copies[&body]
}
