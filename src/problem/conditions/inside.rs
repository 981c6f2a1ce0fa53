//! Conditions of blocks as rows of the blocks around them.
//!
//! An `optimality` block is conditions already. A `lower` block inside another one is written into it by its own: for
//! `min f(x, y, z)` over `z`, inside a problem in `y`, the outer one then decides `z` and the multipliers as well, with
//!
//! ```text
//! ∇f_z - J_z'y - z = 0,      rows and bounds of z, complementary to their multipliers
//! ```
//! as rows of its own. Where the inner problem is convex in `z` and has multipliers this is the same problem, and of several
//! answers of the inner one the best for the block around it counts. Equations leave rows that are no pairs: a convex block
//! stays convex if its inner problem has linear conditions. All that is new stands behind what was there, so that a
//! point of the problem as stated is the beginning of one of these.

use super::{add_variable, maker};
use crate::problem::index::{Axes, Set};
use crate::problem::{Block, BlockKind, Constraint, Problem, Supplied, SuppliedBy, Variable};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

impl Problem {
    /// Conditions of `optimality` blocks as rows of the level around them, which then decides their variables.
    pub fn with_conditions_as_rows(&self) -> Cow<'_, Problem> {
        if self.blocks.iter().all(|block| block.kind != BlockKind::Optimality) {
            return Cow::Borrowed(self);
        }
        let mut out = self.clone();
        while let Some(b) = out.blocks.iter().rposition(|block| block.kind == BlockKind::Optimality) {
            let block = out.without_block(b as u32);
            let Some(parent) = block.parent else {
                out.constraints.extend(block.constraints);
                continue;
            };
            out.blocks[parent as usize].variables.extend(block.variables);
            for constraint in block.constraints {
                match out.blocks[parent as usize].kind {
                    BlockKind::Optimality => out.blocks[parent as usize].constraints.push(constraint),
                    BlockKind::Lower(_) | BlockKind::Player => out.add_rows(parent, constraint),
                }
            }
        }
        Cow::Owned(out)
    }

    /// The last of the innermost blocks that stand inside another one.
    pub fn innermost(&self) -> Option<u32> {
        self.blocks.iter().rposition(|block| block.parent.is_some()).map(|b| b as u32)
    }

    /// An innermost block replaced by its conditions in the block around it. There are no `optimality` blocks.
    pub fn written_into_block_around(&self, block: u32) -> Problem {
        let mut out = maker::into_block_around(self, block);
        out.without_block(block);
        out
    }

    /// No block inside another one: the innermost ones are written into those around them first.
    pub fn with_blocks_beside_each_other(&self) -> Cow<'_, Problem> {
        let mut out = Cow::Borrowed(self);
        while let Some(block) = out.innermost() {
            out = Cow::Owned(out.written_into_block_around(block));
        }
        out
    }

    /// Whether another block stands inside one.
    pub fn holds_blocks(&self, block: u32) -> bool {
        self.blocks.iter().any(|inner| inner.parent == Some(block))
    }

    /// A point of this problem whose variables have the values of those of the same name at a point `x` of `other`, the
    /// first of a name those of the first; 0 where there is none.
    pub fn by_name(&self, other: &Problem, x: &[f64]) -> Vec<f64> {
        let mut known: HashMap<&str, VecDeque<&Variable>> = HashMap::new();
        other.variables.iter().for_each(|v| known.entry(&v.name).or_default().push_back(v));
        let mut point = vec![0.0; self.dimension as usize];
        for v in &self.variables {
            let Some(same) = known.get_mut(v.name.as_str()).and_then(VecDeque::pop_front) else { continue };
            if same.axes.len() == v.axes.len() {
                let (to, from, count) = (v.offset as usize, same.offset as usize, v.axes.len());
                point[to..to + count].copy_from_slice(&x[from..from + count]);
            }
        }
        point
    }

    /// Takes a block out of the list; those inside it stand in the one around it.
    fn without_block(&mut self, b: u32) -> Block {
        let block = self.blocks.remove(b as usize);
        for other in self.blocks.iter_mut().skip(b as usize) {
            other.parent = match other.parent {
                Some(p) if p == b => block.parent,
                Some(p) if p > b => Some(p - 1),
                p => p,
            };
        }
        block
    }

    /// Adds rows to a block, with the variable that their multipliers supply.
    pub(super) fn add_rows(&mut self, block: u32, constraint: Constraint) {
        let (name, axes) = (format!("{}.dual", constraint.label), constraint.axes.clone());
        let variable = add_variable(self, &name, axes, f64::NEG_INFINITY, f64::INFINITY);
        let block = &mut self.blocks[block as usize];
        block.supplied.push(Supplied { variable, by: SuppliedBy::Row(block.constraints.len() as u32) });
        block.constraints.push(constraint);
    }
}

impl Axes {
    /// These axes and one more, for rows that belong to the elements `of`, ascending.
    pub(super) fn with_rows(&self, of: &[u32]) -> Axes {
        let mut count = vec![0u32; self.len()];
        let places: Vec<(u32, u32)> = of
            .iter()
            .map(|&element| {
                count[element as usize] += 1;
                (element, count[element as usize] - 1)
            })
            .collect();
        let most = count.iter().copied().max().unwrap_or(0);
        let full = |element: u32| self.filter.as_ref().map_or(element, |kept| kept[element as usize]);
        let sets = self.sets.iter().cloned().chain([Set::range(1.0, 1.0, most as usize)]).collect();
        let all = self.filter.is_none() && count.iter().all(|c| *c == most);
        let filter = (!all).then(|| places.iter().map(|&(element, k)| full(element) * most + k).collect());
        Axes { sets, filter }
    }
}
