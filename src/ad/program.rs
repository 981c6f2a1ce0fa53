//! Register programs: the roots of a graph as a list of instructions over numbered slots.
//!
//! A slot is a register, a permanent (a constant or a shared scalar, the same for all instances), an input that is read
//! in place, or an output that is written in place. Instructions stand in depth-first order of need, which keeps few
//! registers alive; a destination is never one of the sources, so that each instruction is one vectorisable loop.
//! Products with one use are fused into the sum that uses them; the sine and cosine of one argument are one
//! instruction.

use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;
use std::collections::{HashMap, HashSet};

/// What one instruction does with its operands `a`, `b`, `c` and constant `k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Reads input number `a` through its map.
    Load,
    /// The function itself.
    Call(Op),
    /// `a + k`
    AddConstant,
    /// `k - a`
    ConstantMinus,
    /// `k a`
    Scale,
    /// `k / a`
    ConstantOver,
    /// `a b + c`
    MultiplyAdd,
    /// `a b - c`
    MultiplySubtract,
    /// `c - a b`
    SubtractProduct,
    /// `k a + c`
    ScaleAdd,
    /// `sin a`, and `cos a` into slot `b`
    SineCosine,
    /// Adds `k a` to what is there.
    AddScaled,
    /// Adds `a b` to what is there.
    AddProduct,
}

impl Code {
    /// How long it takes, in additions.
    fn cost(self) -> usize {
        match self {
            Code::Load => 3,
            Code::SineCosine => 12,
            Code::ConstantOver | Code::Call(Op::Div | Op::Sqrt) => 4,
            Code::Call(Op::Add | Op::Sub | Op::Mul | Op::Neg | Op::Square | Op::Abs | Op::Min | Op::Max) => 1,
            Code::Call(_) => 10,
            Code::AddConstant
            | Code::ConstantMinus
            | Code::Scale
            | Code::MultiplyAdd
            | Code::MultiplySubtract
            | Code::SubtractProduct
            | Code::ScaleAdd
            | Code::AddScaled
            | Code::AddProduct => 1,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Instruction {
    pub code: Code,
    pub destination: u32,
    pub a: u32,
    pub b: u32,
    pub c: u32,
    pub k: f64,
}

impl Instruction {
    /// Takes an operand that is the same number for all instances as `k`: its slot, and the sign of `k`.
    fn take_number(&mut self, is_number: impl Fn(u32) -> bool) -> Option<(u32, f64)> {
        let (first, second) = (is_number(self.a), is_number(self.b));
        let (code, number, rest, sign) = match (self.code, first, second) {
            (Code::Call(Op::Add), true, _) => (Code::AddConstant, self.a, self.b, 1.0),
            (Code::Call(Op::Add), _, true) => (Code::AddConstant, self.b, self.a, 1.0),
            (Code::Call(Op::Sub), true, _) => (Code::ConstantMinus, self.a, self.b, 1.0),
            (Code::Call(Op::Sub), _, true) => (Code::AddConstant, self.b, self.a, -1.0),
            (Code::Call(Op::Mul), true, _) => (Code::Scale, self.a, self.b, 1.0),
            (Code::Call(Op::Mul), _, true) => (Code::Scale, self.b, self.a, 1.0),
            (Code::Call(Op::Div), true, _) => (Code::ConstantOver, self.a, self.b, 1.0),
            (Code::MultiplyAdd, true, _) => (Code::ScaleAdd, self.a, self.b, 1.0),
            (Code::MultiplyAdd, _, true) => (Code::ScaleAdd, self.b, self.a, 1.0),
            (Code::SubtractProduct, true, _) => (Code::ScaleAdd, self.a, self.b, -1.0),
            (Code::SubtractProduct, _, true) => (Code::ScaleAdd, self.b, self.a, -1.0),
            _ => return None,
        };
        let c = if code == Code::ScaleAdd { self.c } else { rest };
        *self = Instruction { code, a: rest, b: rest, c, ..*self };
        Some((number, sign))
    }
}

/// How a program gets at an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// The same number for all instances.
    Scalar,
    /// A contiguous run, read in place.
    Direct,
    /// Anything else: a `Load` into a register.
    Loaded,
}

/// Where a root goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// It is stored where it belongs, unless it is no result of an instruction that computes it for this root first.
    Stored,
    /// It is added to what is there, if it is a product that nothing else reads.
    Added,
    /// Somebody else carries it there.
    Carried,
}

/// The `k` of an instruction: `sign` times a permanent.
#[derive(Clone, Copy, Debug)]
pub struct Patch {
    pub instruction: u32,
    pub slot: u32,
    pub sign: f64,
}

#[derive(Clone, Copy, Debug)]
pub enum Permanent {
    Constant(f64),
    /// The scalar input of this number.
    Input(u32),
    /// What the prelude computes of others.
    Computed,
}

/// Slots are numbered registers first, then permanents, direct inputs and direct outputs.
#[derive(Debug)]
pub struct Program {
    /// What depends on permanents alone, into permanents: once where they change, not for each instance.
    pub prelude: Vec<Instruction>,
    pub instructions: Vec<Instruction>,
    /// Instructions that take a permanent as their constant.
    pub patches: Vec<Patch>,
    pub registers: usize,
    pub permanents: Vec<Permanent>,
    /// Which of the permanents are read as whole blocks.
    pub wide: Vec<bool>,
    /// Input numbers.
    pub direct_inputs: Vec<u32>,
    /// Root numbers.
    pub direct_outputs: Vec<u32>,
    /// The slot of each root.
    pub outputs: Vec<u32>,
    /// How long an instance takes, in additions.
    pub cost: usize,
}

impl Program {
    pub fn slots(&self) -> usize {
        self.first_output() + self.direct_outputs.len()
    }

    pub fn first_permanent(&self) -> usize {
        self.registers
    }

    pub fn first_input(&self) -> usize {
        self.registers + self.permanents.len()
    }

    pub fn first_output(&self) -> usize {
        self.first_input() + self.direct_inputs.len()
    }

    /// Numbers of the inputs that are read.
    pub fn inputs(&self) -> impl Iterator<Item = u32> + '_ {
        let shared = self.permanents.iter().filter_map(|permanent| match permanent {
            Permanent::Input(k) => Some(*k),
            Permanent::Constant(_) | Permanent::Computed => None,
        });
        let loaded = self.instructions.iter().filter(|i| i.code == Code::Load).map(|i| i.a);
        self.direct_inputs.iter().copied().chain(shared).chain(loaded)
    }

    /// Compiles `roots`; leaf `k` is input `k` of form `forms[k]`. Root `j` goes where it belongs by `ways[j]`.
    pub fn compile(graph: &Graph, roots: &[NodeId], forms: &[Form], ways: &[Way]) -> Program {
        let mut emitter = Emitter::new(graph, roots, forms);
        for &root in roots {
            emitter.emit(root);
        }
        emitter.allocate(roots, ways)
    }
}

/// A value that instructions produce or read, before slots have numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Register(u32),
    Permanent(u32),
    Input(u32),
    Output(u32),
}

/// An instruction over nodes.
struct Draft {
    code: Code,
    result: NodeId,
    second: Option<NodeId>,
    operands: [Option<NodeId>; 3],
    k: f64,
    input: u32,
}

struct Emitter<'a> {
    graph: &'a Graph,
    forms: &'a [Form],
    uses: HashMap<NodeId, u32>,
    /// Both halves, where the sine and the cosine of one node are wanted.
    pairs: HashMap<NodeId, (Option<NodeId>, Option<NodeId>)>,
    done: HashMap<NodeId, bool>,
    prelude: Vec<Draft>,
    drafts: Vec<Draft>,
    places: HashMap<NodeId, Place>,
    permanents: Vec<Permanent>,
    direct_inputs: Vec<u32>,
}

impl<'a> Emitter<'a> {
    fn new(graph: &'a Graph, roots: &[NodeId], forms: &'a [Form]) -> Emitter<'a> {
        let mut uses: HashMap<NodeId, u32> = HashMap::new();
        let mut pairs: HashMap<NodeId, (Option<NodeId>, Option<NodeId>)> = HashMap::new();
        let mut stack: Vec<NodeId> = vec![];
        for &root in roots {
            if uses.insert(root, 2).is_none() {
                stack.push(root);
            }
        }
        while let Some(id) = stack.pop() {
            let (operands, arity) = graph.operands(id);
            for &operand in &operands[..arity] {
                let count = uses.entry(operand).or_insert(0);
                *count += 1;
                if *count == 1 {
                    stack.push(operand);
                }
            }
            match graph.node(id) {
                Node::Call(Op::Sin, args) => pairs.entry(args[0]).or_default().0 = Some(id),
                Node::Call(Op::Cos, args) => pairs.entry(args[0]).or_default().1 = Some(id),
                Node::Call(..) | Node::Constant(_) | Node::Leaf(_) => {}
            }
        }
        Emitter {
            graph,
            forms,
            uses,
            pairs,
            done: HashMap::new(),
            prelude: vec![],
            drafts: vec![],
            places: HashMap::new(),
            permanents: vec![],
            direct_inputs: vec![],
        }
    }

    fn constant(&self, id: NodeId) -> Option<f64> {
        match self.graph.node(id) {
            Node::Constant(value) => Some(value),
            Node::Leaf(_) | Node::Call(..) => None,
        }
    }

    /// The factors of a product that nothing else uses.
    fn lone_product(&self, id: NodeId) -> Option<(NodeId, NodeId)> {
        if self.uses.get(&id) != Some(&1) || self.done.contains_key(&id) {
            return None;
        }
        match self.graph.node(id) {
            Node::Call(Op::Mul, [a, b, _]) => Some((a, b)),
            Node::Call(Op::Square, [a, ..]) => Some((a, a)),
            Node::Call(..) | Node::Constant(_) | Node::Leaf(_) => None,
        }
    }

    /// Emits what `root` needs and is not there yet, operands first.
    fn emit(&mut self, root: NodeId) {
        let mut stack = vec![(root, false)];
        while let Some((id, ready)) = stack.pop() {
            if self.done.get(&id) == Some(&true) {
                continue;
            }
            let draft = self.draft(id);
            if ready || draft.operands.iter().all(Option::is_none) {
                self.finish(draft);
                continue;
            }
            stack.push((id, true));
            for operand in draft.operands.iter().rev().flatten() {
                if self.done.get(operand) != Some(&true) {
                    stack.push((*operand, false));
                }
            }
        }
    }

    fn finish(&mut self, draft: Draft) {
        let id = draft.result;
        self.done.insert(id, true);
        match self.graph.node(id) {
            Node::Constant(value) => self.make_permanent(id, Permanent::Constant(value)),
            Node::Leaf(k) => match self.forms[k as usize] {
                Form::Scalar => self.make_permanent(id, Permanent::Input(k)),
                Form::Direct => {
                    self.places.insert(id, Place::Input(self.direct_inputs.len() as u32));
                    self.direct_inputs.push(k);
                }
                Form::Loaded => self.drafts.push(draft),
            },
            Node::Call(..) => {
                self.done.extend(draft.second.map(|second| (second, true)));
                let permanent = |id: &NodeId| matches!(self.places.get(id), Some(Place::Permanent(_)));
                if draft.operands.iter().flatten().all(permanent) {
                    self.make_permanent(id, Permanent::Computed);
                    if let Some(second) = draft.second {
                        self.make_permanent(second, Permanent::Computed);
                    }
                    self.prelude.push(draft);
                } else {
                    self.drafts.push(draft);
                }
            }
        }
    }

    fn make_permanent(&mut self, id: NodeId, permanent: Permanent) {
        self.places.insert(id, Place::Permanent(self.permanents.len() as u32));
        self.permanents.push(permanent);
    }

    /// The instruction that computes a node. The same answer before and after its operands are emitted.
    fn draft(&self, id: NodeId) -> Draft {
        let plain = |code, operands, k| Draft { code, result: id, second: None, operands, k, input: 0 };
        let (op, [a, b, c]) = match self.graph.node(id) {
            Node::Constant(value) => return plain(Code::AddConstant, [None; 3], value),
            Node::Leaf(k) => return Draft { input: k, ..plain(Code::Load, [None; 3], 0.0) },
            Node::Call(op, args) => (op, args),
        };
        match op {
            Op::Add => {
                for (product, rest) in [(a, b), (b, a)] {
                    if let Some((p, q)) = self.lone_product(product) {
                        return match self.constant(p) {
                            Some(k) => plain(Code::ScaleAdd, [Some(q), None, Some(rest)], k),
                            None => plain(Code::MultiplyAdd, [Some(p), Some(q), Some(rest)], 0.0),
                        };
                    }
                }
                match (self.constant(a), self.constant(b)) {
                    (Some(k), _) => plain(Code::AddConstant, [Some(b), None, None], k),
                    (_, Some(k)) => plain(Code::AddConstant, [Some(a), None, None], k),
                    (None, None) => plain(Code::Call(op), [Some(a), Some(b), None], 0.0),
                }
            }
            Op::Sub => {
                if let Some((p, q)) = self.lone_product(a) {
                    return plain(Code::MultiplySubtract, [Some(p), Some(q), Some(b)], 0.0);
                }
                if let Some((p, q)) = self.lone_product(b) {
                    return match self.constant(p) {
                        Some(k) => plain(Code::ScaleAdd, [Some(q), None, Some(a)], -k),
                        None => plain(Code::SubtractProduct, [Some(p), Some(q), Some(a)], 0.0),
                    };
                }
                match (self.constant(a), self.constant(b)) {
                    (Some(k), _) => plain(Code::ConstantMinus, [Some(b), None, None], k),
                    (_, Some(k)) => plain(Code::AddConstant, [Some(a), None, None], -k),
                    (None, None) => plain(Code::Call(op), [Some(a), Some(b), None], 0.0),
                }
            }
            Op::Mul => match (self.constant(a), self.constant(b)) {
                (Some(k), _) => plain(Code::Scale, [Some(b), None, None], k),
                (_, Some(k)) => plain(Code::Scale, [Some(a), None, None], k),
                (None, None) => plain(Code::Call(op), [Some(a), Some(b), None], 0.0),
            },
            Op::Div => match self.constant(a) {
                Some(k) => plain(Code::ConstantOver, [Some(b), None, None], k),
                None => plain(Code::Call(op), [Some(a), Some(b), None], 0.0),
            },
            Op::Sin | Op::Cos => match self.pairs.get(&a) {
                Some(&(Some(sine), Some(cosine))) => {
                    Draft { result: sine, second: Some(cosine), ..plain(Code::SineCosine, [Some(a), None, None], 0.0) }
                }
                Some(_) | None => plain(Code::Call(op), [Some(a), None, None], 0.0),
            },
            _ => {
                let arity = op.row().arity;
                plain(Code::Call(op), [Some(a), (arity > 1).then_some(b), (arity > 2).then_some(c)], 0.0)
            }
        }
    }

    /// Gives places to all values by a linear scan, and numbers to all places.
    fn allocate(mut self, roots: &[NodeId], ways: &[Way]) -> Program {
        let mut direct_outputs = vec![];
        let computing = self.drafts.iter().filter(|draft| draft.code != Code::Load);
        let computed: HashSet<NodeId> =
            computing.flat_map(|draft| [Some(draft.result), draft.second]).flatten().collect();
        // Products that are read by nobody.
        let mut added: HashSet<NodeId> = computed.clone();
        added.retain(|id| matches!(self.graph.node(*id), Node::Call(Op::Mul | Op::Square, _)));
        self.drafts.iter().flat_map(|draft| draft.operands.iter().flatten()).for_each(|id| _ = added.remove(id));
        let mut adds: HashSet<NodeId> = HashSet::new();
        for (j, root) in roots.iter().enumerate() {
            // A root that is wanted twice would be read for its second sink after others have added to the first.
            let once = roots.iter().filter(|other| *other == root).count() == 1;
            let direct = match ways[j] {
                Way::Stored => computed.contains(root),
                Way::Added => added.contains(root),
                Way::Carried => false,
            };
            if direct && once && !self.places.contains_key(root) {
                adds.extend((ways[j] == Way::Added).then_some(*root));
                self.places.insert(*root, Place::Output(direct_outputs.len() as u32));
                direct_outputs.push(j as u32);
            }
        }
        let mut last_use: HashMap<NodeId, usize> = HashMap::new();
        for (t, draft) in self.drafts.iter().enumerate() {
            for operand in draft.operands.iter().flatten() {
                last_use.insert(*operand, t);
            }
        }
        for root in roots {
            last_use.insert(*root, usize::MAX);
        }
        let mut free: Vec<u32> = vec![];
        let mut registers = 0;
        let drafts = std::mem::take(&mut self.drafts);
        for (t, draft) in drafts.iter().enumerate() {
            for result in [Some(draft.result), draft.second].into_iter().flatten() {
                self.places.entry(result).or_insert_with(|| {
                    Place::Register(free.pop().unwrap_or_else(|| {
                        registers += 1;
                        registers - 1
                    }))
                });
            }
            let mut ended: Vec<NodeId> =
                draft.operands.iter().flatten().copied().filter(|id| last_use[id] == t).collect();
            ended.sort_unstable();
            ended.dedup();
            for id in ended {
                if let Place::Register(r) = self.places[&id] {
                    free.push(r);
                }
            }
        }
        let permanents_at = registers;
        let inputs_at = permanents_at + self.permanents.len() as u32;
        let outputs_at = inputs_at + self.direct_inputs.len() as u32;
        let slot = |id: NodeId| match self.places[&id] {
            Place::Register(r) => r,
            Place::Permanent(k) => permanents_at + k,
            Place::Input(k) => inputs_at + k,
            Place::Output(k) => outputs_at + k,
        };
        let instruction = |draft: &Draft| {
            let destination = slot(draft.result);
            let a = draft.operands[0].map_or(draft.input, slot);
            let mut b = draft.operands[1].map_or(a, slot);
            if let Some(second) = draft.second {
                b = slot(second);
            }
            let c = draft.operands[2].map_or(a, slot);
            Instruction { code: draft.code, destination, a, b, c, k: draft.k }
        };
        let prelude = self.prelude.iter().map(instruction).collect();
        let mut patches = vec![];
        let is_number = |slot: u32| {
            let permanent = slot.checked_sub(permanents_at).and_then(|k| self.permanents.get(k as usize));
            permanent.is_some_and(|permanent| !matches!(permanent, Permanent::Constant(_)))
        };
        let mut instructions: Vec<Instruction> = drafts.iter().map(instruction).collect();
        for ((t, draft), i) in (0u32..).zip(&drafts).zip(&mut instructions) {
            if let Some((slot, sign)) = i.take_number(is_number) {
                patches.push(Patch { instruction: t, slot, sign });
            }
            if adds.contains(&draft.result) {
                i.code = if i.code == Code::Scale { Code::AddScaled } else { Code::AddProduct };
            }
        }
        let outputs: Vec<u32> = roots.iter().map(|&root| slot(root)).collect();
        let read = instructions.iter().filter(|i| i.code != Code::Load).flat_map(|i| [i.a, i.b, i.c]);
        let mut wide = vec![false; self.permanents.len()];
        for slot in read.chain(outputs.iter().copied()) {
            let wide = slot.checked_sub(permanents_at).and_then(|k| wide.get_mut(k as usize));
            wide.into_iter().for_each(|wide| *wide = true);
        }
        let cost = drafts.iter().map(|draft| draft.code.cost()).sum();
        let (permanents, direct_inputs) = (self.permanents.clone(), self.direct_inputs.clone());
        Program {
            prelude,
            instructions,
            patches,
            wide,
            registers: registers as usize,
            permanents,
            direct_inputs,
            direct_outputs,
            outputs,
            cost,
        }
    }
}
