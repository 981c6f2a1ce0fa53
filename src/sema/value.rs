//! What an expression means: numbers, truth values, texts, elements, sets, arrays, tables, in some context.

use super::context::{Ctx, compose};
use crate::diag::Span;
use crate::expr::family::{IndexMap, Source};
use crate::expr::graph::NodeId;
use crate::expr::ops::Op;
use crate::problem::index::{Axes, Element, Set};
use std::rc::Rc;
use std::sync::Arc;

/// A number for each instance of a context: a body over the context's leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Num {
    pub node: NodeId,
    /// It reads no variables.
    pub data: bool,
}

/// A value in a context. Sets, arrays and tables are the same for all instances.
#[derive(Clone, Debug)]
pub(super) enum Val {
    Num(Num),
    /// 1 or 0.
    Truth(Num),
    Text(Texts),
    Element(Elem),
    Tuple(Vec<Val>),
    Set(Set),
    SetFamily(Rc<SetFamily>),
    /// Sets that differ from instance to instance.
    Ragged(Rc<Vec<Set>>),
    Array(Array),
    Table(Rc<TableInfo>),
    Data(Rc<crate::data::Value>),
    Map(Rc<Vec<(Element, Num, Span)>>),
    Function(u32),
    Oracle(u32),
    Row(Rc<RowRef>),
    Block(Rc<BlockRef>),
}

impl Val {
    /// For messages: what it is, with an article.
    pub fn describe(&self) -> String {
        match self {
            Val::Num(_) => "a number".into(),
            Val::Truth(_) => "a truth value".into(),
            Val::Text(_) => "a text".into(),
            Val::Element(e) if e.table.is_some() => "a row of a table".into(),
            Val::Element(_) => "an element of a set".into(),
            Val::Tuple(parts) => format!("a tuple of {}", parts.len()),
            Val::Set(_) | Val::Ragged(_) => "a set".into(),
            Val::SetFamily(_) => "a family of sets".into(),
            Val::Array(a) => format!("an array {}", a.shape()),
            Val::Table(_) => "a table".into(),
            Val::Data(_) => "a data object".into(),
            Val::Map(_) => "a map".into(),
            Val::Function(_) => "a function".into(),
            Val::Oracle(_) => "an oracle".into(),
            Val::Row(_) => "a constraint".into(),
            Val::Block(_) => "a block".into(),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Texts {
    pub values: Arc<Vec<Arc<str>>>,
    pub map: IndexMap,
    /// The table and the number of the column that they come from.
    pub column: Option<(Rc<TableInfo>, usize)>,
}

/// An element of a set for each instance.
#[derive(Clone, Debug)]
pub(super) struct Elem {
    pub set: Set,
    pub at: IndexMap,
    /// The table whose rows are named by the set.
    pub table: Option<Rc<TableInfo>>,
}

/// `set NEAR[v in NODES] = ...`: a set for each element of the axes.
#[derive(Debug)]
pub(super) struct SetFamily {
    pub axes: Axes,
    pub sets: Vec<Set>,
}

/// A table of the model.
#[derive(Debug)]
pub(super) struct TableInfo {
    pub name: String,
    pub table: Arc<crate::data::Table>,
    /// Elements that name the rows: key values, or 1..rows.
    pub rows: Set,
    /// The buffer of each column: numbers and truth values; `None` for texts.
    pub buffers: Vec<Option<Source>>,
    pub span: Span,
}

/// A use of a block, with the positions of its own index.
#[derive(Debug)]
pub(super) struct BlockRef {
    pub block: u32,
    pub index: Vec<IndexMap>,
    pub ctx: Ctx,
}

/// A use of a constraint.
#[derive(Debug)]
pub(super) struct RowRef {
    /// The block whose constraint it is, with the positions of the block's index where they are given.
    pub block: Option<BlockRef>,
    /// Among the constraints of the problem or of the block.
    pub row: u32,
}

/// An array whose elements are made when asked for. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Array(pub Rc<ArrayInfo>);

#[derive(Debug)]
pub(super) struct ArrayInfo {
    pub sets: Vec<Set>,
    /// A vector that was transposed.
    pub row: bool,
    pub kind: ArrayKind,
    /// The context that its scalar parts live in.
    pub ctx: Ctx,
    /// Where its shape comes from, for messages.
    pub origin: Span,
}

#[derive(Debug)]
pub(super) enum ArrayKind {
    /// `source[offset + flat position]`; `filter` lists the positions of the product that exist.
    Buffer {
        source: Source,
        offset: usize,
        filter: Option<Arc<[u32]>>,
        data: bool,
    },
    /// An indexed declaration whose body is traced where it is used.
    Inline {
        declaration: u32,
    },
    Unary(Op, Array),
    Binary(Op, Operand, Operand),
    /// Matrix product; the inner axis is summed.
    Product(Array, Array),
    Transpose(Array),
    Outer(Array, Array),
    Kron(Array, Array),
    /// A vector as a diagonal matrix.
    Diag(Array),
    /// The diagonal of a matrix.
    Diagonal(Array),
    Cumsum(Array),
    Slice {
        base: Array,
        parts: Vec<Part>,
    },
    /// The same elements under other sets of the same sizes.
    Relabelled(Array),
    /// Numbers of `ctx`, last index fastest.
    Elements(Vec<Num>),
    /// An `if` on a condition that depends on variables, or on arrays of conditions.
    Select(Operand, Operand, Operand),
}

#[derive(Clone, Debug)]
pub(super) enum Operand {
    Scalar(Num),
    Array(Array),
}

/// What becomes of an axis of a sliced array.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// One element, for each instance of the array's context.
    Fixed(IndexMap),
    /// The axis stays, with these positions of the base's axis.
    Kept(Set, IndexMap),
}

impl Array {
    pub fn new(sets: Vec<Set>, kind: ArrayKind, ctx: &Ctx, origin: Span) -> Array {
        Array(Rc::new(ArrayInfo { sets, row: false, kind, ctx: ctx.clone(), origin }))
    }

    /// The number of elements of the full product.
    pub fn len(&self) -> usize {
        self.0.sets.iter().map(Set::len).product()
    }

    /// `3×4`, `4`, `4 (row)`.
    pub fn shape(&self) -> String {
        let sizes: Vec<String> = self.0.sets.iter().map(|s| s.len().to_string()).collect();
        let text = sizes.join("×");
        if self.0.row { format!("{text} (a row)") } else { text }
    }

    /// `3×4 over 1..3, PLANTS`
    pub fn describe(&self) -> String {
        let names: Vec<String> = self.0.sets.iter().map(set_text).collect();
        format!("{} over {}", self.shape(), names.join(", "))
    }
}

/// A short name of a set for messages.
pub(super) fn set_text(set: &Set) -> String {
    if !set.name().is_empty() {
        return set.name().to_string();
    }
    if let Some((start, step)) = set.as_range() {
        let last = start + step * (set.len() as f64 - 1.0);
        return if step == 1.0 { format!("{start}..{last}") } else { format!("{start}..{last} by {step}") };
    }
    let mut some: Vec<String> = set.iter().take(3).map(|e| e.to_string()).collect();
    if set.len() > 3 {
        some.push("...".into());
    }
    format!("{{{}}}", some.join(", "))
}

impl Elem {
    pub fn through(&self, map: &IndexMap, count: usize) -> Elem {
        Elem { set: self.set.clone(), at: compose(&self.at, map, count), table: self.table.clone() }
    }
}

impl Texts {
    pub fn one(text: &str) -> Texts {
        Texts::of(Arc::new(vec![text.into()]), IndexMap::scalar(0))
    }

    /// Texts that come from no column.
    pub fn of(values: Arc<Vec<Arc<str>>>, map: IndexMap) -> Texts {
        Texts { values, map, column: None }
    }

    pub fn through(&self, map: &IndexMap, count: usize) -> Texts {
        let map = compose(&self.map, map, count);
        Texts { values: self.values.clone(), map, column: self.column.clone() }
    }
}
