//! Blocks inside other blocks: what is known of them, and the problem in which they are conditions of those around.
//!
//! From the innermost outwards. A block whose conditions say what it answers (it is convex in what it decides, smooth, and
//! multipliers exist) is written into the one around it; any other is refused, with the place.

use super::nest::inner_method;
use crate::diag::Diagnostic;
use crate::problem::features::Fact;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Block, Problem};
use crate::solve::bilevel::facts::{BlockFacts, of_block};

/// What is planned of blocks inside blocks.
#[derive(Clone, Debug)]
pub struct Inside {
    /// All levels as they are stated, with `optimality` blocks as rows.
    pub stated: Problem,
    /// Each with its number in `stated`, in the order in which they were written into those around them.
    pub blocks: Vec<InnerBlock>,
}

#[derive(Clone, Debug)]
pub struct InnerBlock {
    pub block: u32,
    pub facts: BlockFacts,
    /// How an instance is solved by itself: a row of [`crate::solve::METHODS`].
    pub method: &'static str,
}

/// The problem with its blocks beside each other; nothing if they are so already. `start` is a point of all variables.
pub(super) fn written(problem: &Problem, start: &[f64]) -> Result<Option<(Problem, Inside)>, Vec<Diagnostic>> {
    let mut out = problem.clone();
    let mut blocks = vec![];
    while let Some(b) = out.innermost() {
        let bounds = Bounds::of(&out, &Numbers::of(&out));
        let mut point = start.to_vec();
        point.resize(out.dimension as usize, 0.0);
        let facts = of_block(&out, b, &bounds, &point);
        answers_by_conditions(&out, b, &facts).map_err(|refused| vec![refused])?;
        let named = |block: &Block| block.name == facts.name;
        let block = problem.blocks.iter().position(named).expect("it is one of the blocks stated") as u32;
        let method = inner_method(&facts);
        blocks.push(InnerBlock { block, facts, method });
        out = out.written_into_block_around(b);
    }
    let inside = Inside { stated: problem.clone(), blocks };
    Ok((!inside.blocks.is_empty()).then_some((out, inside)))
}

/// Whether the conditions of a block say what it answers.
fn answers_by_conditions(problem: &Problem, b: u32, facts: &BlockFacts) -> Result<(), Diagnostic> {
    let block = &problem.blocks[b as usize];
    let around = &problem.blocks[block.parent.expect("it stands inside another") as usize];
    let refused = |why: &Fact, help: &str| {
        let message = format!(
            "`lower {}` stands inside `lower {}`, and its conditions do not say what it answers: {}",
            block.name, around.name, why.sentence
        );
        let refused = Diagnostic::error("unsupported-construct", block.span, message).help(help);
        match why.span {
            Some(span) if span != block.span => refused.label(span, "here"),
            Some(_) | None => refused,
        }
    };
    if let Some(pairs) = &facts.pairs {
        let help = "a block that holds one with rows or bounds may itself only stand in the outermost level";
        return Err(refused(pairs, help));
    }
    if let Some(kink) = facts.kinks.first() {
        return Err(refused(kink, "a block inside another must be smooth: write the kink as rows and a variable"));
    }
    if let Err(why) = &facts.convex {
        return Err(refused(why, "a block inside another must be shown to be convex in what it decides"));
    }
    if facts.rows > 0 && !facts.linear_rows {
        let why = Fact::new("no constraint qualification is shown of its rows: multipliers may not exist");
        return Err(refused(&why, "rows of a block inside another must be linear in what it decides"));
    }
    Ok(())
}

impl Inside {
    /// The numbers of the parameters of another problem of the same statements; true if some are new.
    pub fn take_numbers(&mut self, problem: &Problem) -> bool {
        let mut changed = false;
        for (planned, now) in self.stated.params.iter_mut().zip(&problem.params) {
            if planned.name == now.name && planned.values.len() == now.values.len() && planned.values != now.values {
                planned.values = now.values.clone();
                changed = true;
            }
        }
        changed
    }

    pub fn of(&self, block: u32) -> Option<&InnerBlock> {
        self.blocks.iter().find(|inner| inner.block == block)
    }

    /// How many levels stand inside each other, the outermost one counted.
    pub fn levels(&self) -> usize {
        let blocks = &self.stated.blocks;
        let around = |b: &usize| blocks[*b].parent.map(|p| p as usize);
        let depth = |b: usize| std::iter::successors(Some(b), around).count();
        1 + (0..blocks.len()).map(depth).max().unwrap_or(0)
    }

    /// The number in `stated` of a block of the problem with its blocks beside each other.
    pub fn stated_number(&self, beside: u32) -> u32 {
        let blocks = (0u32..).zip(&self.stated.blocks);
        let mut outer = blocks.filter(|(_, block)| block.parent.is_none());
        outer.nth(beside as usize).expect("only blocks inside others were taken out").0
    }

    /// The number among the blocks that stand beside each other of one that stands in none.
    pub fn beside(&self, block: u32) -> Option<usize> {
        let blocks = &self.stated.blocks;
        let outer = |b: u32| blocks[b as usize].parent.is_none();
        outer(block).then(|| (0..block).filter(|b| outer(*b)).count())
    }
}
