//! Contexts: all instances of a family at once.
//!
//! The root context has one instance. A generator makes a child whose instances are pairs of (instance of the parent,
//! element); a branch on data makes a child with some of the parent's instances. A number traced in a context reads
//! the outside through the context's leaves.

use crate::expr::family::{IndexMap, Leaf};
use crate::expr::graph::{Graph, Node, NodeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

pub(super) type Ctx = Rc<Context>;

#[derive(Debug)]
pub(super) struct Context {
    pub id: u32,
    pub size: usize,
    /// How many generators enclose it; a branch does not count.
    pub level: u32,
    /// The context it was made from, and the parent's instance for each of its own.
    pub parent: Option<(Ctx, IndexMap)>,
    leaves: RefCell<Leaves>,
}

#[derive(Debug, Default)]
struct Leaves {
    list: Vec<Leaf>,
    numbers: HashMap<Leaf, u32>,
}

impl Context {
    pub fn new(id: u32, size: usize, level: u32, parent: Option<(Ctx, IndexMap)>) -> Ctx {
        Rc::new(Context { id, size, level, parent, leaves: RefCell::default() })
    }

    /// The node that reads `leaf` in this context.
    pub fn leaf(&self, graph: &mut Graph, leaf: Leaf) -> NodeId {
        let mut leaves = self.leaves.borrow_mut();
        let next = leaves.list.len() as u32;
        let k = *leaves.numbers.entry(leaf.clone()).or_insert(next);
        if k == next {
            leaves.list.push(leaf);
        }
        graph.leaf(k)
    }

    pub fn get_leaf(&self, k: u32) -> Leaf {
        self.leaves.borrow().list[k as usize].clone()
    }

    /// From instances of `self` to instances of `ancestor`.
    pub fn path_to(&self, ancestor: &Context) -> IndexMap {
        let mut map = IndexMap::IDENTITY;
        let mut here = self;
        while here.id != ancestor.id {
            let (parent, step) = here.parent.as_ref().expect("lifted from a context that is not an ancestor");
            map = compose(step, &map, self.size);
            here = parent;
        }
        map
    }

    /// Whether `self` is `other` or below it.
    pub fn is_within(&self, other: &Context) -> bool {
        let mut here = self;
        loop {
            if here.id == other.id {
                return true;
            }
            match &here.parent {
                Some((parent, _)) => here = parent,
                None => return false,
            }
        }
    }

    /// The nearest context, from here upwards, that lies under at most `level` generators.
    pub fn at_level(self: &Rc<Context>, level: u32) -> Ctx {
        let mut here = self.clone();
        while here.level > level {
            let Some((parent, _)) = &here.parent else { break };
            here = parent.clone();
        }
        here
    }
}

/// `p ↦ outer(inner(p))` for `count` instances.
pub(super) fn compose(outer: &IndexMap, inner: &IndexMap, count: usize) -> IndexMap {
    if count == 0 {
        return IndexMap::IDENTITY;
    }
    match (outer, inner) {
        (_, IndexMap::Affine { start: 0, stride: 1 }) => outer.clone(),
        (_, IndexMap::Affine { start, stride: 0 }) => IndexMap::scalar(outer.at(*start as usize)),
        (IndexMap::Affine { start, stride: 0 }, _) => IndexMap::Affine { start: *start, stride: 0 },
        (IndexMap::Affine { start: s, stride: t }, IndexMap::Affine { start, stride }) => {
            IndexMap::Affine { start: s + t * start, stride: t * stride }
        }
        (IndexMap::Affine { start: s, stride: t }, IndexMap::Tile { start, stride, length }) => {
            IndexMap::Tile { start: s + t * start, stride: t * stride, length: *length }
        }
        (IndexMap::Affine { start: s, stride: t }, IndexMap::Repeat { start, stride, length }) => {
            IndexMap::Repeat { start: s + t * start, stride: t * stride, length: *length }
        }
        _ => IndexMap::from_positions((0..count).map(|p| outer.at(inner.at(p)) as u32).collect()),
    }
}

/// The node with every leaf replaced.
pub(super) fn substitute(
    graph: &mut Graph,
    node: NodeId,
    replace: &mut dyn FnMut(&mut Graph, u32) -> NodeId,
) -> NodeId {
    let mut done: HashMap<NodeId, NodeId> = HashMap::new();
    for id in reachable(graph, node) {
        let new = match graph.node(id) {
            Node::Constant(_) => id,
            Node::Leaf(k) => replace(graph, k),
            Node::Call(op, operands) => graph.intern(Node::Call(op, operands.map(|o| done[&o]))),
        };
        done.insert(id, new);
    }
    done[&node]
}

/// The nodes under `node`, operands before users.
pub(super) fn reachable(graph: &Graph, node: NodeId) -> Vec<NodeId> {
    let mut seen = std::collections::HashSet::new();
    let mut stack = vec![node];
    while let Some(id) = stack.pop() {
        if seen.insert(id) {
            let (operands, arity) = graph.operands(id);
            stack.extend(&operands[..arity]);
        }
    }
    let mut all: Vec<NodeId> = seen.into_iter().collect();
    all.sort();
    all
}
