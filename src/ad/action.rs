//! The steps of an evaluation: kernels, and the few operations on arrays between them.

use super::engine::Engine;
use super::kernel::{Kernel, Memory, Place, Scratch, Space};
use super::matrix::MatrixAction;
use super::patterns::locate;
use super::sparse::SparseProduct;
use super::squares::SquaresAction;
use crate::expr::family::IndexMap;
use crate::linalg::pattern::Pattern;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub enum Action {
    Kernel(Kernel),
    Clear {
        space: Space,
        base: usize,
        length: usize,
    },
    /// From the arena.
    Copy {
        from: usize,
        space: Space,
        base: usize,
        length: usize,
    },
    /// Single entries `base + entries(k)`: 0, or what stands in the arena at `values + k`.
    SetSome {
        space: Space,
        base: usize,
        entries: IndexMap,
        count: usize,
        values: Option<usize>,
    },
    /// `arena[to + k] = arena[from + entries(k)]`
    Pack {
        from: usize,
        entries: IndexMap,
        count: usize,
        to: usize,
    },
    Chain(Chain),
    Outer(Outer),
    RankUpdate(RankUpdate),
    Matrix(MatrixAction),
    Sparse(SparseProduct),
    Squares(SquaresAction),
    /// `to[r] += Σ_j A[r, j] vector[j]`
    Multiply {
        matrix: MatrixAt,
        vector: Place,
        space: Space,
        base: usize,
    },
    /// `to[j] += Σ_r A[r, j] vector[r]`
    MultiplyTransposed {
        matrix: MatrixAt,
        vector: Place,
        space: Space,
        base: usize,
    },
}

/// A dense matrix in the arena, row after row.
#[derive(Clone, Copy, Debug)]
pub struct MatrixAt {
    pub values: usize,
    pub width: usize,
    pub rows: usize,
}

/// Rows of a stage's Jacobian: row `map(p)` for instance `p`.
#[derive(Clone, Debug)]
pub struct StageRows {
    pub pattern: Arc<Pattern>,
    /// Where the values stand in the arena.
    pub values: usize,
    pub map: IndexMap,
}

/// The chain rule for one leaf: `out[positions...] += factor[p] * (row map(p) of the leaf's Jacobian)`.
#[derive(Clone, Debug)]
pub struct Chain {
    pub instances: usize,
    /// Where the partial derivatives stand in the arena.
    pub factor: usize,
    pub rows: StageRows,
    pub space: Space,
    pub base: usize,
    pub positions: Positions,
}

/// Where the entries of one instance after the other go.
#[derive(Clone, Debug)]
pub enum Positions {
    /// To consecutive entries from here on, for each instance.
    Runs(Vec<u32>),
    /// One by one.
    Each(Vec<u32>),
}

/// One side of a product of Jacobian rows.
#[derive(Clone, Debug)]
pub enum Side {
    /// A variable: the unit row.
    Unit,
    Stage(StageRows),
}

/// This bit of a position says that the entry counts twice.
pub const TWICE: u32 = 1 << 31;

/// `out[positions...] += factor[p] * (row of left)' (row of right)`, entry by entry in row-major order.
///
/// Where `triangle`, both sides are the same and entries right of the diagonal are left out.
#[derive(Clone, Debug)]
pub struct Outer {
    pub instances: usize,
    pub factor: usize,
    pub left: Side,
    pub right: Side,
    pub triangle: bool,
    pub positions: Found,
}

/// Where the entries of outer products go.
#[derive(Clone, Debug)]
pub enum Found {
    /// One by one, [`TWICE`] included.
    Listed(Vec<u32>),
    /// Too many to list: looked up in this pattern each time. The maps are those of sides that are variables.
    Searched { pattern: Arc<Pattern>, left: IndexMap, right: IndexMap },
}

/// `out[positions] += Σ_p factor[p] a_p a_p'` with the rows `a_p` of a dense block, lower triangle in row-major order.
#[derive(Clone, Debug)]
pub struct RankUpdate {
    pub instances: usize,
    pub factor: usize,
    pub values: usize,
    pub width: usize,
    pub map: IndexMap,
    pub positions: Vec<u32>,
    /// Where the rows depend on parameters alone.
    pub kept: Option<KeptSum>,
}

/// The last sum of a [`RankUpdate`] in the arena: as long as factors and rows are the same, it is not made again.
///
/// So the second derivatives of squares of linear functions are summed up once, whatever the point.
#[derive(Clone, Copy, Debug)]
pub struct KeptSum {
    factors: usize,
    sums: usize,
}

impl KeptSum {
    pub fn new(engine: &mut Engine, instances: usize, entries: usize) -> KeptSum {
        let kept = KeptSum { factors: engine.allocate(instances), sums: engine.allocate(entries) };
        kept.forget(&mut engine.arena);
        kept
    }

    /// A factor that is no number equals none.
    pub fn forget(&self, arena: &mut [f64]) {
        arena[self.factors] = f64::NAN;
    }
}

pub fn run(actions: &[Action], memory: &mut Memory, scratch: &mut Scratch) {
    for action in actions {
        action.run(memory, scratch);
    }
}

impl Action {
    pub fn run(&self, memory: &mut Memory, scratch: &mut Scratch) {
        match self {
            Action::Kernel(kernel) => kernel.run(memory, scratch),
            Action::Clear { space, base, length } => memory.space(*space)[*base..base + length].fill(0.0),
            Action::Copy { from, space, base, length } => match space {
                Space::Arena => memory.arena.copy_within(*from..from + length, *base),
                Space::Out => memory.out[*base..base + length].copy_from_slice(&memory.arena[*from..from + length]),
            },
            Action::SetSome { space: Space::Out, base, entries, count, values } => {
                let values = values.map(|from| &memory.arena[from..from + count]);
                set_some(&mut memory.out[*base..], entries, *count, values);
            }
            Action::SetSome { space: Space::Arena, base, entries, count, values } => {
                for k in 0..*count {
                    memory.arena[base + entries.at(k)] = values.map_or(0.0, |from| memory.arena[from + k]);
                }
            }
            Action::Pack { from, entries, count, to } => {
                (0..*count).for_each(|k| memory.arena[to + k] = memory.arena[from + entries.at(k)]);
            }
            Action::Chain(chain) => chain.run(memory.arena, memory.out),
            Action::Matrix(matrix) => matrix.run(memory.arena, memory.out),
            Action::Sparse(product) => product.run(memory, scratch),
            Action::Squares(squares) => squares.run(memory, scratch),
            Action::Outer(outer) => outer.run(memory.arena, memory.out),
            Action::RankUpdate(update) => update.run(memory.arena, memory.out, scratch),
            Action::Multiply { matrix, vector, space, base } => {
                let sums = scratch.numbers(matrix.rows);
                super::dense::multiply(matrix.of(memory), memory.read(*vector, matrix.width), sums);
                add_to(&mut memory.space(*space)[*base..], sums);
            }
            Action::MultiplyTransposed { matrix, vector, space, base } => {
                let sums = scratch.numbers(matrix.width);
                super::dense::multiply_transposed(matrix.of(memory), memory.read(*vector, matrix.rows), sums);
                add_to(&mut memory.space(*space)[*base..], sums);
            }
        }
    }
}

impl MatrixAt {
    fn of<'a>(&self, memory: &'a Memory) -> &'a [f64] {
        memory.read(Place::arena(self.values), self.rows * self.width)
    }
}

/// Sets entries of `out` to `values`, or to 0.
fn set_some(out: &mut [f64], entries: &IndexMap, count: usize, values: Option<&[f64]>) {
    match (entries, values) {
        (IndexMap::Affine { start, stride }, Some(values)) if *stride > 0 => {
            let places = out[*start as usize..].iter_mut().step_by(*stride as usize);
            places.zip(values).for_each(|(place, value)| *place = *value);
        }
        (IndexMap::Gather(positions), Some(values)) => {
            positions.iter().zip(values).for_each(|(&at, value)| out[at as usize] = *value);
        }
        (_, Some(values)) => values.iter().enumerate().for_each(|(k, value)| out[entries.at(k)] = *value),
        (_, None) => (0..count).for_each(|k| out[entries.at(k)] = 0.0),
    }
}

fn add_to(to: &mut [f64], values: &[f64]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += value);
}

impl Chain {
    fn run(&self, arena: &mut [f64], out: &mut [f64]) {
        let mut next = 0;
        for p in 0..self.instances {
            let factor = arena[self.factor + p];
            let row = self.rows.pattern.row(self.rows.map.at(p));
            for (k, e) in row.clone().enumerate() {
                let at = match &self.positions {
                    Positions::Runs(starts) => starts[p] as usize + k,
                    Positions::Each(each) => each[next + k] as usize,
                };
                let value = factor * arena[self.rows.values + e];
                match self.space {
                    Space::Arena => arena[self.base + at] += value,
                    Space::Out => out[self.base + at] += value,
                }
            }
            next += row.len();
        }
    }
}

impl Outer {
    fn run(&self, arena: &[f64], out: &mut [f64]) {
        match &self.positions {
            Found::Listed(positions) => self.run_listed(positions, arena, out),
            Found::Searched { pattern, left, right } => self.run_searched(pattern, (left, right), arena, out),
        }
    }

    fn run_listed(&self, positions: &[u32], arena: &[f64], out: &mut [f64]) {
        let mut positions = positions.iter();
        for p in 0..self.instances {
            let factor = arena[self.factor + p];
            let right = self.right.values(arena, p);
            for (k, a) in self.left.values(arena, p).iter().enumerate() {
                let end = if self.triangle { k + 1 } else { right.len() };
                for (b, &at) in right[..end].iter().zip(&mut positions) {
                    let times = if at & TWICE != 0 { 2.0 } else { 1.0 };
                    out[(at & !TWICE) as usize] += times * factor * a * b;
                }
            }
        }
    }

    fn run_searched(&self, pattern: &Pattern, units: (&IndexMap, &IndexMap), arena: &[f64], out: &mut [f64]) {
        for p in 0..self.instances {
            let factor = arena[self.factor + p];
            let units = ([units.0.at(p) as u32], [units.1.at(p) as u32]);
            let (rows, columns) = (self.left.columns(&units.0, p), self.right.columns(&units.1, p));
            let (left, right) = (self.left.values(arena, p), self.right.values(arena, p));
            for (k, (a, &i)) in left.iter().zip(rows).enumerate() {
                let end = if self.triangle { k + 1 } else { right.len() };
                for (b, &j) in right[..end].iter().zip(columns) {
                    let times = if !self.triangle && i == j { 2.0 } else { 1.0 };
                    out[locate(pattern, i.max(j) as usize, i.min(j))] += times * factor * a * b;
                }
            }
        }
    }
}

impl Side {
    /// The columns of the row of instance `p`; `unit` is that of a variable.
    fn columns<'a>(&'a self, unit: &'a [u32], p: usize) -> &'a [u32] {
        match self {
            Side::Unit => unit,
            Side::Stage(rows) => &rows.pattern.columns[rows.pattern.row(rows.map.at(p))],
        }
    }

    fn values<'a>(&self, arena: &'a [f64], p: usize) -> &'a [f64] {
        match self {
            Side::Unit => &[1.0],
            Side::Stage(rows) => {
                let row = rows.pattern.row(rows.map.at(p));
                &arena[rows.values + row.start..rows.values + row.end]
            }
        }
    }
}

impl RankUpdate {
    fn run(&self, arena: &mut [f64], out: &mut [f64], scratch: &mut Scratch) {
        let factors = self.factor..self.factor + self.instances;
        let Some(kept) = self.kept else {
            return self.sum(arena, scratch, |k, sum| out[self.positions[k] as usize] += sum);
        };
        if arena[factors.clone()] != arena[kept.factors..kept.factors + self.instances] {
            let mut sums = vec![0.0; self.positions.len()];
            self.sum(arena, scratch, |k, sum| sums[k] = sum);
            arena[kept.sums..kept.sums + sums.len()].copy_from_slice(&sums);
            arena.copy_within(factors, kept.factors);
        }
        let sums = &arena[kept.sums..];
        self.positions.iter().zip(sums).for_each(|(&at, sum)| out[at as usize] += sum);
    }

    /// Calls `add` with each entry of the lower triangle, in row-major order.
    fn sum(&self, arena: &[f64], scratch: &mut Scratch, mut add: impl FnMut(usize, f64)) {
        let (total, length) = super::dense::rank_update(self, arena, scratch);
        let lower = (0..self.width).flat_map(|i| (0..=i).map(move |j| i * length + j));
        lower.enumerate().for_each(|(k, from)| add(k, total[from]));
    }
}
