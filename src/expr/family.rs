//! Families and stages: how bodies meet variables, parameters and each other.
//!
//! ```text
//! stage z,  z[r] = Σ over terms  Σ over instances p with target(p) = r  of  body(leaf_0[p], leaf_1[p], ...)
//! ```
//! where `leaf_k[p] = source_k[map_k(p)]` and a source is the vector of variables, a parameter buffer, or an earlier
//! stage. Stages are in topological order. A stage may read itself in a term of a higher `level`: such recurrences
//! are evaluated level by level. A row that no instance targets is 0. A stage may also be a function of square matrices
//! whose entries are the rows of an earlier stage ([`MatrixStage`]).

use super::graph::NodeId;
use super::matrix::MatrixFunction;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StageId(pub u32);

/// Where a leaf reads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The vector of all variables.
    Variables,
    /// A buffer of numbers: a parameter, a column of a table, the values of an index.
    Param(ParamId),
    /// The output of an earlier stage (or of this one, at a lower level).
    Stage(StageId),
    /// Quantities that exist after the solve (duals, slacks, ...): `Problem::after_solve[k]`. Only read by the stages
    /// of `show` and `ensure`.
    After(u32),
}

/// From instance number `p` to a position. All arithmetic is exact; negative strides are allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IndexMap {
    /// `start + stride * p`; stride 0 is one shared scalar.
    Affine {
        start: i64,
        stride: i64,
    },
    /// `start + stride * (p % length)`
    Tile {
        start: i64,
        stride: i64,
        length: u32,
    },
    /// `start + stride * (p / length)`
    Repeat {
        start: i64,
        stride: i64,
        length: u32,
    },
    Gather(Arc<[u32]>),
}

impl IndexMap {
    pub const IDENTITY: IndexMap = IndexMap::Affine { start: 0, stride: 1 };

    pub fn scalar(position: usize) -> IndexMap {
        IndexMap::Affine { start: position as i64, stride: 0 }
    }

    /// The position that instance `p` reads or writes.
    pub fn at(&self, p: usize) -> usize {
        match self {
            IndexMap::Affine { start, stride } => (start + stride * p as i64) as usize,
            IndexMap::Tile { start, stride, length } => (start + stride * (p as i64 % *length as i64)) as usize,
            IndexMap::Repeat { start, stride, length } => (start + stride * (p as i64 / *length as i64)) as usize,
            IndexMap::Gather(positions) => positions[p] as usize,
        }
    }

    /// Which of the first `instances` instances read or write a position, in order; without looking at each, unless the
    /// positions are gathered.
    pub fn instances_at(&self, position: usize, instances: usize) -> Vec<usize> {
        // `q` with `start + stride q = position`
        let quotient = |start: i64, stride: i64| {
            let offset = position as i64 - start;
            let exact = stride != 0 && offset % stride == 0 && offset / stride >= 0;
            exact.then(|| (offset / stride) as usize)
        };
        match *self {
            IndexMap::Affine { start, stride } if stride != 0 => {
                quotient(start, stride).filter(|p| *p < instances).into_iter().collect()
            }
            IndexMap::Tile { start, stride, length } if stride != 0 => match quotient(start, stride) {
                Some(q) if q < length as usize => (q..instances).step_by(length as usize).collect(),
                _ => vec![],
            },
            IndexMap::Repeat { start, stride, length } if stride != 0 => match quotient(start, stride) {
                Some(q) => (q * length as usize..((q + 1) * length as usize).min(instances)).collect(),
                None => vec![],
            },
            _ => (0..instances).filter(|p| self.at(*p) == position).collect(),
        }
    }

    /// Which of the first `instances` instances read or write a position that is wanted, in order; of instances that
    /// repeat a position only the first is looked at.
    pub fn instances_within(&self, wanted: &[bool], instances: u32) -> Vec<u32> {
        match *self {
            IndexMap::Affine { stride: 0, .. } if instances > 0 && !wanted[self.at(0)] => vec![],
            IndexMap::Affine { stride: 0, .. } => (0..instances).collect(),
            IndexMap::Repeat { start, stride, length } => {
                let is_wanted = |q: &u32| wanted[(start + stride * *q as i64) as usize];
                let repeated = (0..instances.div_ceil(length)).filter(is_wanted);
                repeated.flat_map(|q| q * length..(q * length).saturating_add(length).min(instances)).collect()
            }
            IndexMap::Affine { .. } | IndexMap::Tile { .. } | IndexMap::Gather(_) => {
                (0..instances).filter(|p| wanted[self.at(*p as usize)]).collect()
            }
        }
    }

    /// The same positions, `by` further on.
    pub fn shifted(&self, by: u32) -> IndexMap {
        let on = |start: &i64| start + by as i64;
        match self {
            IndexMap::Affine { start, stride } => IndexMap::Affine { start: on(start), stride: *stride },
            IndexMap::Tile { start, stride, length } => {
                IndexMap::Tile { start: on(start), stride: *stride, length: *length }
            }
            IndexMap::Repeat { start, stride, length } => {
                IndexMap::Repeat { start: on(start), stride: *stride, length: *length }
            }
            IndexMap::Gather(positions) => IndexMap::Gather(positions.iter().map(|at| at + by).collect()),
        }
    }

    /// The tightest form for a list of positions: affine, tiled or repeated where the list is so, else gathered.
    pub fn from_positions(positions: Vec<u32>) -> IndexMap {
        let Some(&first) = positions.first() else { return IndexMap::IDENTITY };
        let first = first as i64;
        let step = |k: usize| positions[k] as i64 - positions[k - 1] as i64;
        if positions.len() == 1 {
            return IndexMap::Affine { start: first, stride: 0 };
        }
        let stride = step(1);
        let run = (1..positions.len()).position(|k| step(k) != stride).map_or(positions.len(), |k| k + 1);
        if run == positions.len() {
            return IndexMap::Affine { start: first, stride };
        }
        let fits = |map: &IndexMap| positions.iter().enumerate().all(|(p, &at)| map.at(p) == at as usize);
        if stride == 0 {
            let map = IndexMap::Repeat { start: first, stride: step(run), length: run as u32 };
            if fits(&map) {
                return map;
            }
        }
        let map = IndexMap::Tile { start: first, stride, length: run as u32 };
        if fits(&map) {
            return map;
        }
        IndexMap::Gather(positions.into())
    }
}

/// One input of a family.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    pub source: Source,
    pub map: IndexMap,
}

/// A body with its instances: `Node::Leaf(k)` in the body reads `leaves[k]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    pub instances: u32,
    pub leaves: Vec<Leaf>,
    pub body: NodeId,
}

/// A family added into rows of its stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub family: Family,
    /// From instance to row of the stage.
    pub target: IndexMap,
    /// Terms run in order of levels; 0 unless the stage reads itself.
    pub level: u32,
    /// Byte range in the model that the body was read from, as `diag::Span` parts (source, start, end).
    pub origin: (u32, u32, u32),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// What it computes, for messages: the name of a `let`, the label of a row, or the text of an aggregate.
    pub name: String,
    pub rows: u32,
    pub terms: Vec<Term>,
    /// Instead of a sum of terms, which are none then: a function of square matrices.
    pub matrix: Option<MatrixStage>,
}

/// For each matrix `p`, whose entries are rows `n² p .. n² (p + 1)` of an earlier stage, row by row, what the function
/// gives of it stands in as many consecutive rows as the function has values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatrixStage {
    pub function: MatrixFunction,
    pub n: u32,
    pub of: StageId,
    /// As [`Term::origin`].
    pub origin: (u32, u32, u32),
}

impl MatrixStage {
    /// How many values the function has of each matrix.
    pub fn outputs(&self) -> u32 {
        self.function.outputs(self.n as usize) as u32
    }
}

impl Stage {
    pub fn sum(name: impl Into<String>, rows: u32, terms: Vec<Term>) -> Stage {
        Stage { name: name.into(), rows, terms, matrix: None }
    }

    /// Everything that it reads, as often as it is read.
    pub fn sources(&self) -> impl Iterator<Item = Source> + '_ {
        let of_terms = self.terms.iter().flat_map(|term| &term.family.leaves).map(|leaf| leaf.source);
        of_terms.chain(self.matrix.map(|matrix| Source::Stage(matrix.of)))
    }
}
