//! Problems inside problems: `lower`, `optimality` and `player` blocks.
//!
//! All variables of all levels stand in the one vector, and all functions in the one list of stages, so a function of the
//! outer level may read what an inner one decides and the other way round. What makes a level is who decides: a block
//! lists its variables, and has objectives and rows of its own. [`super::level`] cuts one out as a problem by itself.
//!
//! Invariants: a parent stands before its blocks; the index sets of a block begin with those of its parent, and the axes
//! of everything that a block owns begin with those of the block; an objective has one row for each instance.

use super::index::Axes;
use super::{Constraint, Objective, Problem};
use crate::diag::Span;
use crate::expr::eval::needed;
use crate::expr::family::{Source, StageId};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// `fit`, or `outer.inner`.
    pub name: String,
    pub kind: BlockKind,
    /// The block around it, by its number; `None`: the outermost level.
    pub parent: Option<u32>,
    /// One instance for each element.
    pub axes: Axes,
    /// What it decides, as numbers of `Problem::variables`.
    pub variables: Vec<u32>,
    /// Variables that its multipliers supply. Nobody decides them.
    pub supplied: Vec<Supplied>,
    pub objectives: Vec<Objective>,
    pub constraints: Vec<Constraint>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// An optimisation problem in what the block decides, all else given.
    Lower(Choice),
    /// Conditions that define what the block decides.
    Optimality,
    /// One of several that decide at the same time.
    Player,
}

/// Which answer of an inner problem counts where it has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The best for the outer level.
    Optimistic,
    /// The worst for the outer level.
    Pessimistic,
}

/// A variable (by its number) whose value is a multiplier, in the sign of `answer`: a derivative of the block's objective
/// as stated, for rows with ε added to the right side as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supplied {
    pub variable: u32,
    pub by: SuppliedBy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuppliedBy {
    /// A constraint of the block.
    Row(u32),
    /// The bounds of a variable that the block decides.
    Lower(u32),
    Upper(u32),
    ReducedCost(u32),
}

impl BlockKind {
    /// The word that begins such a block.
    pub fn word(self) -> &'static str {
        match self {
            BlockKind::Lower(_) => "lower",
            BlockKind::Optimality => "optimality",
            BlockKind::Player => "player",
        }
    }
}

impl Problem {
    /// The rows of all levels.
    pub fn all_constraints(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints.iter().chain(self.blocks.iter().flat_map(|block| &block.constraints))
    }

    /// The same with the rows of all blocks behind the rows of the outermost level, for questions about a row, whichever
    /// level states it.
    pub fn with_all_rows(&self) -> Cow<'_, Problem> {
        if self.blocks.iter().all(|block| block.constraints.is_empty()) {
            return Cow::Borrowed(self);
        }
        let mut all = self.clone();
        all.constraints.extend(self.blocks.iter().flat_map(|block| block.constraints.iter().cloned()));
        Cow::Owned(all)
    }

    /// The objectives of all levels.
    pub fn all_objectives(&self) -> impl Iterator<Item = &Objective> {
        self.objectives.iter().chain(self.blocks.iter().flat_map(|block| &block.objectives))
    }

    /// Whether `block` is `around` or inside it.
    pub fn is_within(&self, block: u32, around: u32) -> bool {
        let mut here = Some(block);
        while let Some(b) = here {
            if b == around {
                return true;
            }
            here = self.blocks[b as usize].parent;
        }
        false
    }

    /// What may be left to choose although a block has one answer to everything that the others decide.
    pub fn choice_left(&self, block: u32) -> Option<&'static str> {
        let mut multipliers = vec![false; self.dimension as usize];
        for s in &self.blocks[block as usize].supplied {
            let v = &self.variables[s.variable as usize];
            multipliers[v.offset as usize..v.offset as usize + v.axes.len()].fill(true);
        }
        let rows = self.all_constraints().filter(|c| !c.dropped).map(|c| c.stage);
        let all: Vec<StageId> = self.all_objectives().map(|o| o.stage).chain(rows).collect();
        if self.positions_read(&all).any(|k| multipliers[k]) {
            return Some("its multipliers are read, and that they are the only ones is not shown");
        }
        let owners = self.owners();
        let instances = self.blocks[block as usize].axes.len() as u32;
        let zero = vec![0.0; self.dimension as usize];
        let own = |k: u32| self.level(block, k, &zero).reads.iter().any(|&p| owners[p as usize] == Some(block));
        let circle = self.answers_read(block, &owners).iter().any(|&other| {
            let (mut seen, mut waiting) = (vec![false; self.blocks.len()], vec![other]);
            while let Some(b) = waiting.pop() {
                if !std::mem::replace(&mut seen[b as usize], true) {
                    waiting.extend(self.answers_read(b, &owners));
                }
            }
            seen[block as usize]
        });
        let waits = circle || (instances > 1 && (0..instances).any(own));
        waits.then_some("it and others read each other, and that they have one answer together is not shown")
    }

    /// The other blocks of which this one reads what they decide.
    fn answers_read(&self, block: u32, owners: &[Option<u32>]) -> Vec<u32> {
        let here = &self.blocks[block as usize];
        let rows = here.constraints.iter().map(|c| c.stage);
        let roots: Vec<StageId> = here.objectives.iter().map(|o| o.stage).chain(rows).collect();
        let mut others: Vec<u32> =
            self.positions_read(&roots).filter_map(|k| owners[k]).filter(|b| *b != block).collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    /// Positions of the variables that stages read, some of them more than once.
    fn positions_read(&self, roots: &[StageId]) -> impl Iterator<Item = usize> + '_ {
        let stages = self.stages.iter().zip(needed(&self.stages, roots)).filter(|(_, needed)| *needed);
        let families = stages.flat_map(|(stage, _)| &stage.terms).map(|term| &term.family);
        families.flat_map(|family| {
            let leaves = family.leaves.iter().filter(|leaf| leaf.source == Source::Variables);
            leaves.flat_map(|leaf| (0..family.instances as usize).map(|p| leaf.map.at(p)))
        })
    }

    /// Variables from position `dimension` on, which rewrites added behind what was stated: names, of which each occurs once,
    /// axes and places.
    pub fn variables_behind(&self, dimension: u32) -> Vec<(String, Axes, Range<usize>)> {
        let mut met: HashMap<&str, usize> = HashMap::new();
        let mut found = vec![];
        for v in self.variables.iter().filter(|v| v.offset >= dimension) {
            let count = met.entry(&v.name).and_modify(|count| *count += 1).or_insert(1);
            let name = if *count == 1 { v.name.clone() } else { format!("{} ({count})", v.name) };
            let first = v.offset as usize;
            found.push((name, v.axes.clone(), first..first + v.axes.len()));
        }
        found
    }

    /// For each scalar variable the block that decides or supplies it; `None`: the outermost level.
    pub fn owners(&self) -> Vec<Option<u32>> {
        let mut owners = vec![None; self.dimension as usize];
        for (b, block) in self.blocks.iter().enumerate() {
            let supplied = block.supplied.iter().map(|s| s.variable);
            for v in block.variables.iter().copied().chain(supplied) {
                let variable = &self.variables[v as usize];
                let first = variable.offset as usize;
                owners[first..first + variable.axes.len()].fill(Some(b as u32));
            }
        }
        owners
    }
}

impl Axes {
    /// For each element, which element of `prefix` its first index values are; the sets begin with those of `prefix`.
    pub fn instances(&self, prefix: &Axes) -> Vec<u32> {
        let tail: usize = self.sets[prefix.sets.len()..].iter().map(super::index::Set::len).product();
        let full = |p: usize| self.filter.as_ref().map_or(p, |kept| kept[p] as usize) / tail.max(1);
        let place = |flat: usize| match &prefix.filter {
            None => flat as u32,
            Some(kept) => {
                kept.binary_search(&(flat as u32)).expect("what a block owns exists where the block does") as u32
            }
        };
        (0..self.len()).map(|p| place(full(p))).collect()
    }

    /// The full product of these axes and sets after them.
    pub fn extended(&self, sets: &[super::index::Set]) -> Axes {
        let size: usize = sets.iter().map(super::index::Set::len).product();
        let size = size as u32;
        let filter = self.filter.as_ref().map(|kept| {
            let all = kept.iter().flat_map(|p| (0..size).map(move |k| p * size + k));
            all.collect()
        });
        Axes { sets: self.sets.iter().chain(sets).cloned().collect(), filter }
    }

    /// The shape that is left of elements `kept`, all of one instance of the first `count` sets.
    pub fn tail(&self, count: usize, kept: &[u32]) -> Axes {
        let sets = self.sets[count..].to_vec();
        let size: usize = sets.iter().map(super::index::Set::len).product();
        if size == kept.len() {
            return Axes { sets, filter: None };
        }
        let full = |p: u32| self.filter.as_ref().map_or(p, |all| all[p as usize]);
        Axes { filter: Some(kept.iter().map(|&p| full(p) % size as u32).collect()), sets }
    }
}
