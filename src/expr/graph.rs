//! Hash-consed expression nodes.
//!
//! A node is a constant, a leaf (the k-th input of the family whose body it is) or an operator of the table
//! [`crate::expr::ops`] applied to nodes. Operands always have smaller ids than the node itself, so a walk in order
//! of ids is a topological walk.

use super::ops::Op;
use std::collections::HashMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node {
    Constant(f64),
    /// The k-th leaf of the family that owns the body.
    Leaf(u32),
    /// An operator and its operands; only the first `op.row().arity` entries count, the others repeat the first.
    Call(Op, [NodeId; 3]),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Constant(u64),
    Leaf(u32),
    Call(Op, [NodeId; 3]),
}

/// The arena. Equal nodes have equal ids; constants are compared by bits.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    ids: HashMap<Key, NodeId>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Constant(bits) => write!(f, "{}", f64::from_bits(*bits)),
            Key::Leaf(k) => write!(f, "leaf {k}"),
            Key::Call(op, args) => write!(f, "{op:?} {args:?}"),
        }
    }
}

impl Graph {
    pub fn node(&self, id: NodeId) -> Node {
        self.nodes[id.0 as usize]
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The operands of a node.
    pub fn operands(&self, id: NodeId) -> ([NodeId; 3], usize) {
        match self.node(id) {
            Node::Call(op, args) => (args, op.row().arity),
            Node::Constant(_) | Node::Leaf(_) => ([id; 3], 0),
        }
    }

    /// Adds a node as it is, without simplification; equal nodes are shared.
    pub fn intern(&mut self, node: Node) -> NodeId {
        let key = match node {
            Node::Constant(value) => Key::Constant(value.to_bits()),
            Node::Leaf(k) => Key::Leaf(k),
            Node::Call(op, args) => Key::Call(op, args),
        };
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(node);
        self.ids.insert(key, id);
        id
    }

    pub fn constant(&mut self, value: f64) -> NodeId {
        self.intern(Node::Constant(value))
    }

    /// The node of a leaf, if any body reads one of this number.
    pub fn known_leaf(&self, k: u32) -> Option<NodeId> {
        self.ids.get(&Key::Leaf(k)).copied()
    }

    pub fn leaf(&mut self, k: u32) -> NodeId {
        self.intern(Node::Leaf(k))
    }
}
