//! Memory and compilation shared by all quantities of an evaluator.
//!
//! The arena holds parameters and values of stages; adjoints, tangents, columns and Jacobians of stages are added when a
//! quantity that needs them is first asked for. What depends on parameters alone is computed by the
//! `data` actions, once for each version of the parameters.

use super::action::{Action, MatrixAt};
use super::groups::{Functions, Group, Matrix, Role, SparseTerm};
use super::kernel::{From, Input, Kernel, Place, Sink, Space, form, ways};
use super::program::{Form, Program, Way};
use super::runs::Runs;
use super::sparse::Sparse;
use super::squares::Squares;
use super::stale::Stale;
use crate::expr::family::{IndexMap, ParamId, Source, StageId};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;
use crate::problem::Problem;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

type ProgramKey = (Vec<NodeId>, Vec<Form>, Vec<Way>);

#[derive(Debug)]
pub struct Engine {
    pub functions: Functions,
    pub variables: usize,
    pub rows: usize,
    pub arena: Vec<f64>,
    /// In order: what depends on parameters alone.
    pub data: Vec<Action>,
    /// What of `data` must run before anything is evaluated.
    pub stale: Stale,
    /// Where the ranges of the arena begin, ascending.
    begins: Vec<usize>,
    params: HashMap<ParamId, (usize, usize)>,
    values: Vec<Option<usize>>,
    adjoints: Vec<Option<usize>>,
    tangents: Vec<Option<usize>>,
    adjoint_tangents: Vec<Option<usize>>,
    columns: HashMap<(usize, NodeId), Input>,
    full_columns: HashMap<(usize, NodeId), usize>,
    /// Where factorisations of stages that are functions of matrices stand.
    pub kept: HashMap<StageId, usize>,
    /// Sums of squares, by group.
    pub squares: BTreeMap<usize, Squares>,
    programs: HashMap<ProgramKey, Arc<Program>>,
}

/// A quantity that every stage may have, with a place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    Value,
    /// Derivative of the Lagrangian with respect to the value.
    Adjoint,
    /// Derivative of the value in the direction of a product.
    Tangent,
    /// Derivative of the adjoint in the direction of a product.
    AdjointTangent,
}

impl Engine {
    pub fn new(problem: &Problem) -> Engine {
        let functions = Functions::new(problem);
        let stages = functions.rows.len();
        let mut engine = Engine {
            variables: problem.dimension as usize,
            rows: problem.row_count(),
            arena: vec![],
            data: vec![],
            stale: Stale::Everything,
            begins: vec![],
            params: HashMap::new(),
            values: vec![None; stages],
            adjoints: vec![None; stages],
            tangents: vec![None; stages],
            adjoint_tangents: vec![None; stages],
            columns: HashMap::new(),
            full_columns: HashMap::new(),
            kept: HashMap::new(),
            squares: BTreeMap::new(),
            programs: HashMap::new(),
            functions,
        };
        for id in engine.functions.params.clone() {
            let values = &problem.param(id).values;
            let at = engine.allocate(values.len());
            engine.arena[at..at + values.len()].copy_from_slice(values);
            engine.params.insert(id, (at, values.len()));
        }
        engine
    }

    /// A new range of zeros in the arena, on a boundary of cache lines relative to its begin.
    pub fn allocate(&mut self, length: usize) -> usize {
        let at = self.arena.len().next_multiple_of(8);
        self.arena.resize(at + length, 0.0);
        self.begins.push(at);
        at
    }

    /// The number of ranges of the arena.
    pub fn ranges(&self) -> usize {
        self.begins.len()
    }

    /// The range that holds a place of the arena.
    pub fn range_at(&self, at: usize) -> usize {
        self.begins.partition_point(|begin| *begin <= at) - 1
    }

    /// Whether anything changed.
    pub fn set_param(&mut self, id: ParamId, values: &[f64]) -> bool {
        let Some(&(at, length)) = self.params.get(&id) else { return false };
        assert_eq!(length, values.len(), "a parameter keeps its length");
        let there = self.arena[at..at + length].iter();
        if there.zip(values).all(|(old, new)| old.to_bits() == new.to_bits()) {
            return false;
        }
        self.arena[at..at + length].copy_from_slice(values);
        let range = self.range_at(at);
        self.stale.note(range);
        true
    }

    /// Where a quantity of a stage begins in the arena.
    pub fn place(&mut self, quantity: Quantity, stage: StageId) -> usize {
        let s = stage.0 as usize;
        let known = match quantity {
            Quantity::Value => self.values[s],
            Quantity::Adjoint => self.adjoints[s],
            Quantity::Tangent => self.tangents[s],
            Quantity::AdjointTangent => self.adjoint_tangents[s],
        };
        if let Some(at) = known {
            return at;
        }
        let at = self.allocate(self.functions.rows[s]);
        let slot = match quantity {
            Quantity::Value => &mut self.values[s],
            Quantity::Adjoint => &mut self.adjoints[s],
            Quantity::Tangent => &mut self.tangents[s],
            Quantity::AdjointTangent => &mut self.adjoint_tangents[s],
        };
        *slot = Some(at);
        at
    }

    /// Where a quantity of a stage is read: the adjoint of a stage that is one constraint alone is its multipliers.
    pub fn reading(&mut self, quantity: Quantity, stage: StageId) -> Place {
        match (quantity, self.functions.roles[stage.0 as usize]) {
            (Quantity::Adjoint, Some(Role::Constraint)) => {
                Place { from: From::Weights, base: self.functions.first_row(stage) }
            }
            _ => Place::arena(self.place(quantity, stage)),
        }
    }

    /// Where a source begins. `After` never stands in what an evaluator needs.
    pub fn source(&mut self, source: Source) -> Place {
        match source {
            Source::Variables => Place { from: From::Point, base: 0 },
            Source::Param(_) | Source::Stage(_) | Source::After(_) => Place::arena(self.stored(source)),
        }
    }

    /// Where a source that is not the variables begins in the arena.
    pub fn stored(&mut self, source: Source) -> usize {
        match source {
            Source::Param(id) => self.params[&id].0,
            Source::Stage(id) => self.place(Quantity::Value, id),
            Source::Variables => unreachable!("variables are read where the caller has them"),
            Source::After(_) => unreachable!("quantities after the solve stand in `show` and `ensure` alone"),
        }
    }

    /// Where the tangent of a leaf's source begins.
    pub fn tangent_of(&mut self, source: Source) -> Place {
        match source {
            Source::Stage(id) => Place::arena(self.place(Quantity::Tangent, id)),
            Source::Variables | Source::Param(_) | Source::After(_) => Place { from: From::Direction, base: 0 },
        }
    }

    /// A kernel of group `g` that computes `roots` into their sinks, or none if there are none.
    ///
    /// Leaves of the roots are the leaves of the group, then `extra`, which depend on variables. Subexpressions of
    /// parameters alone become columns that `data` computes.
    pub fn kernel(&mut self, g: usize, roots: Vec<(NodeId, Sink)>, extra: Vec<Input>) -> Option<Action> {
        if roots.is_empty() {
            return None;
        }
        let instances = self.functions.group(g).instances;
        let (nodes, sinks): (Vec<NodeId>, Vec<Sink>) = roots.into_iter().unzip();
        let mut inputs = self.inputs(g);
        inputs.extend(extra);
        let nodes = match self.functions.group(g).role {
            Role::Data => nodes,
            Role::Inner | Role::Objective | Role::Constraint => self.hoist(g, &nodes, &mut inputs),
        };
        Some(self.compile(&nodes, inputs, sinks, instances))
    }

    /// A kernel whose roots depend on parameters alone; nothing is hoisted.
    pub fn data_kernel(&mut self, g: usize, roots: Vec<(NodeId, Sink)>) -> Option<Action> {
        if roots.is_empty() {
            return None;
        }
        let instances = self.functions.group(g).instances;
        let (nodes, sinks): (Vec<NodeId>, Vec<Sink>) = roots.into_iter().unzip();
        let inputs = self.inputs(g);
        Some(self.compile(&nodes, inputs, sinks, instances))
    }

    /// Where the matrix of group `g` stands in the arena, row after row, if the group is a product with one.
    pub fn matrix(&mut self, g: usize) -> Option<(Matrix, MatrixAt)> {
        let group = self.functions.group(g);
        let matrix = group.matrix?;
        let (width, rows) = (matrix.width, group.instances / matrix.width);
        let values = self.coefficients(g, matrix.coefficient);
        Some((matrix, MatrixAt { values, width, rows }))
    }

    /// The matrix of group `g`, if the group is a product with a sparse one, and the number of its leaf.
    pub fn sparse(&mut self, g: usize) -> Option<(usize, Sparse)> {
        let SparseTerm { coefficient, leaf } = self.functions.group(g).sparse?;
        let values = self.coefficients(g, coefficient);
        let group = self.functions.group(g);
        let columns = (0..group.instances).map(|p| group.leaves[leaf].map.at(p) as u32).collect();
        let target = &group.parts[0].target;
        Some((leaf, Sparse::new(values, columns, (0..group.instances).map(|p| target.at(p)))))
    }

    /// Where the numbers of a product stand, instance after instance.
    fn coefficients(&mut self, g: usize, coefficient: NodeId) -> usize {
        let group = self.functions.group(g);
        let leaf = match self.functions.graph.node(coefficient) {
            Node::Leaf(k) => Some(group.leaves[k as usize].clone()),
            Node::Constant(_) | Node::Call(..) => None,
        };
        let in_place = leaf.and_then(|leaf| match leaf.map {
            IndexMap::Affine { start, stride: 1 } => Some((leaf.source, start as usize)),
            IndexMap::Affine { .. } | IndexMap::Tile { .. } | IndexMap::Repeat { .. } | IndexMap::Gather(_) => None,
        });
        match in_place {
            Some((source, start)) => self.stored(source) + start,
            None => self.full_column(g, coefficient),
        }
    }

    fn inputs(&mut self, g: usize) -> Vec<Input> {
        let leaves: Vec<(Source, IndexMap)> =
            self.functions.group(g).leaves.iter().map(|leaf| (leaf.source, leaf.map.clone())).collect();
        leaves.into_iter().map(|(source, map)| Input { place: self.source(source), map }).collect()
    }

    fn compile(&mut self, nodes: &[NodeId], inputs: Vec<Input>, sinks: Vec<Sink>, instances: usize) -> Action {
        let graph = &self.functions.graph;
        let mut used = vec![false; inputs.len()];
        graph.reachable(nodes).into_iter().filter_map(|id| leaf_of(graph, id)).for_each(|k| used[k as usize] = true);
        used.resize(inputs.len() + sinks.len(), true);
        let maps: Vec<&IndexMap> = inputs.iter().map(|i| &i.map).chain(sinks.iter().map(|s| &s.map)).collect();
        let runs = Runs::new(&maps, &used, instances);
        let (of_inputs, of_sinks) = runs.steps.split_at(inputs.len());
        let forms: Vec<Form> = of_inputs.iter().map(|step| form(*step, instances)).collect();
        let ways = ways(&sinks, of_sinks, instances);
        let key = (nodes.to_vec(), forms, ways);
        let program = self
            .programs
            .entry(key)
            .or_insert_with_key(|(nodes, forms, ways)| Arc::new(Program::compile(graph, nodes, forms, ways)));
        Action::Kernel(Kernel::new(program.clone(), inputs, sinks, instances, runs))
    }

    /// Which nodes reachable from `roots` depend on data leaves of group `g` alone.
    pub fn data_nodes(&self, g: usize, roots: &[NodeId]) -> HashMap<NodeId, bool> {
        data_nodes(&self.functions.graph, self.functions.group(g), roots)
    }

    /// Replaces maximal subexpressions of data by new inputs that read columns.
    fn hoist(&mut self, g: usize, roots: &[NodeId], inputs: &mut Vec<Input>) -> Vec<NodeId> {
        let group = self.functions.group(g);
        let graph = &self.functions.graph;
        let is_data = data_nodes(graph, group, roots);
        let order = graph.reachable(roots);
        let mut candidates = std::collections::BTreeSet::new();
        let mut consider = |id: NodeId| {
            if is_data[&id] && matches!(graph.node(id), Node::Call(..)) && worth_a_column(graph, group, id) {
                candidates.insert(id);
            }
        };
        roots.iter().for_each(|&root| consider(root));
        for &id in order.iter().filter(|id| !is_data[id]) {
            let (operands, arity) = graph.operands(id);
            operands[..arity].iter().for_each(|&operand| consider(operand));
        }
        if candidates.is_empty() {
            return roots.to_vec();
        }
        let mut replaced = HashMap::new();
        for id in candidates {
            let input = self.column(g, id);
            let leaf = self.functions.graph.leaf(inputs.len() as u32);
            inputs.push(input);
            replaced.insert(id, leaf);
        }
        substitute(&mut self.functions.graph, roots, replaced)
    }

    /// The column that holds a node of data for all instances of group `g`.
    fn column(&mut self, g: usize, id: NodeId) -> Input {
        if let Some(input) = self.columns.get(&(g, id)) {
            return input.clone();
        }
        let group = self.functions.group(g);
        let scalar = leaves_of(&self.functions.graph, id)
            .iter()
            .all(|&k| matches!(group.leaves[k as usize].map, IndexMap::Affine { stride: 0, .. }));
        let instances = if scalar { 1 } else { group.instances };
        let base = self.fill_column(g, id, instances);
        let map = if scalar { IndexMap::scalar(0) } else { IndexMap::IDENTITY };
        let input = Input { place: Place::arena(base), map };
        self.columns.insert((g, id), input.clone());
        input
    }

    /// As [`Engine::column`], but never a shared scalar.
    pub fn full_column(&mut self, g: usize, id: NodeId) -> usize {
        if let Some(&base) = self.full_columns.get(&(g, id)) {
            return base;
        }
        let base = self.fill_column(g, id, self.functions.group(g).instances);
        self.full_columns.insert((g, id), base);
        base
    }

    /// A new range of the arena that the data actions fill with the values of a node.
    fn fill_column(&mut self, g: usize, id: NodeId, instances: usize) -> usize {
        let base = self.allocate(instances);
        let inputs = self.inputs(g);
        let sink = Sink { space: Space::Arena, base, map: IndexMap::IDENTITY, add: false, twice: vec![] };
        let action = self.compile(&[id], inputs, vec![sink], instances);
        self.data.push(action);
        self.stale = Stale::Everything;
        base
    }
}

fn data_nodes(graph: &Graph, group: &Group, roots: &[NodeId]) -> HashMap<NodeId, bool> {
    let mut is_data: HashMap<NodeId, bool> = HashMap::new();
    for id in graph.reachable(roots) {
        let data = match graph.node(id) {
            Node::Constant(_) => true,
            Node::Leaf(k) => group.leaves.get(k as usize).is_some_and(|leaf| !leaf.active),
            Node::Call(op, args) => args[..op.row().arity].iter().all(|a| is_data[a]),
        };
        is_data.insert(id, data);
    }
    is_data
}

fn leaves_of(graph: &Graph, id: NodeId) -> Vec<u32> {
    graph.reachable(&[id]).into_iter().filter_map(|id| leaf_of(graph, id)).collect()
}

fn leaf_of(graph: &Graph, id: NodeId) -> Option<u32> {
    match graph.node(id) {
        Node::Leaf(k) => Some(k),
        Node::Constant(_) | Node::Call(..) => None,
    }
}

/// Reading a column costs about what one addition costs; a shared scalar is free.
fn worth_a_column(graph: &Graph, group: &Group, id: NodeId) -> bool {
    let nodes = graph.reachable(&[id]);
    let mut operations = 0;
    let mut scalar = true;
    for &node in &nodes {
        match graph.node(node) {
            Node::Constant(_) => {}
            Node::Leaf(k) => scalar &= matches!(group.leaves[k as usize].map, IndexMap::Affine { stride: 0, .. }),
            Node::Call(Op::Add | Op::Sub | Op::Mul | Op::Neg | Op::Square, _) => operations += 1,
            Node::Call(..) => operations += 4,
        }
    }
    scalar || operations >= 2
}

/// `roots` with some nodes replaced by others.
fn substitute(graph: &mut Graph, roots: &[NodeId], mut known: HashMap<NodeId, NodeId>) -> Vec<NodeId> {
    for id in graph.reachable(roots) {
        if known.contains_key(&id) {
            continue;
        }
        let new = match graph.node(id) {
            Node::Constant(_) | Node::Leaf(_) => id,
            Node::Call(op, args) => {
                let operands: Vec<NodeId> = args[..op.row().arity].iter().map(|a| known[a]).collect();
                if operands == args[..op.row().arity] { id } else { graph.call(op, &operands) }
            }
        };
        known.insert(id, new);
    }
    roots.iter().map(|root| known[root]).collect()
}
