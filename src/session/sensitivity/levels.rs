//! Sensitivities where problems stand inside the problem: each is one of a problem of one level.

use crate::answer::{Multipliers, Outcome, Stop};
use crate::expr::eval::needed;
use crate::expr::family::{Source, StageId};
use crate::problem::{Place, Problem, Sensitivity, SuppliedBy};

/// The problem of one level, its answer and the question in its numbers; or why there is none.
///
/// Conditions of `optimality` blocks become rows. The answer of a follower by a variable of the level around it is the
/// answer of the follower's own problem by a parameter.
pub(super) fn of_one_level(
    problem: &Problem,
    outcome: &Outcome,
    asked: &Sensitivity,
) -> Result<(Problem, Outcome, Sensitivity), &'static str> {
    let flat = problem.with_conditions_as_rows();
    if flat.blocks.is_empty() {
        return Ok((flat.into_owned(), outcome.clone(), asked.clone()));
    }
    if !super::read_after(problem, asked).is_empty() {
        return Err("what is known after the solve is not among the numbers of a level");
    }
    let owners = flat.owners();
    let by = asked.to.offset..asked.to.offset + asked.to.count;
    if asked.to.source != Source::Variables || by.clone().any(|k| owners[k as usize].is_some()) {
        return Err(
            "how the answer of all levels moves is not computed: ask for a follower's answer by what the level \
                    around it decides",
        );
    }
    let mut blocks: Vec<u32> = read(&flat, asked.of).iter().filter_map(|k| owners[*k as usize]).collect();
    blocks.sort_unstable();
    blocks.dedup();
    let [block] = blocks[..] else {
        return Err("it depends on several followers, or on none, and what they do together is not differentiated");
    };
    if flat.blocks[block as usize].axes.len() != 1 {
        return Err("it depends on several instances of a block, and what they do together is not differentiated");
    }
    if flat.holds_blocks(block) {
        return Err("it holds other blocks, and what they do together is not differentiated");
    }
    let (level, kept) = flat.level_keeping(block, 0, &outcome.x, &[asked.of], by.clone());
    // What other followers do moves too.
    if level.reads.iter().any(|k| owners[*k as usize].is_some()) {
        return Err("it depends on several followers, and what they do together is not differentiated");
    }
    let first = level.reads.binary_search(&by.start).map_err(|_| "the variable stands nowhere")?;
    let to = Place { source: Source::Param(level.outside), offset: first as u32, count: asked.to.count };
    let multipliers = multipliers(&flat, block, &level.rows, &outcome.x, level.own.len());
    let own = Outcome {
        x: level.part(&outcome.x),
        multipliers: Some(multipliers),
        stop: Stop::Converged,
        iterations: 0,
        evaluations: Default::default(),
        log: vec![],
    };
    Ok((level.problem, own, Sensitivity { of: kept[0], to, ..asked.clone() }))
}

/// Positions of variables that a stage reads, itself or through others.
fn read(problem: &Problem, stage: StageId) -> Vec<u32> {
    let stages = problem.stages.iter().zip(needed(&problem.stages, &[stage])).filter(|(_, needed)| *needed);
    let families = stages.flat_map(|(stage, _)| &stage.terms).map(|term| &term.family);
    let mut found = vec![];
    for family in families {
        for leaf in family.leaves.iter().filter(|leaf| leaf.source == Source::Variables) {
            found.extend((0..family.instances as usize).map(|p| leaf.map.at(p) as u32));
        }
    }
    found
}

/// Those of the rows, as the point supplies them. Those of the bounds follow when the point is polished.
fn multipliers(problem: &Problem, block: u32, rows: &[(u32, u32)], x: &[f64], count: usize) -> Multipliers {
    let block = &problem.blocks[block as usize];
    let dual = |&(k, r): &(u32, u32)| {
        let supplied = block.supplied.iter().find(|s| s.by == SuppliedBy::Row(k));
        let offset = supplied.map(|s| problem.variables[s.variable as usize].offset);
        offset.map_or(0.0, |offset| block.constraints[k as usize].dual_sign * x[(offset + r) as usize])
    };
    Multipliers { rows: rows.iter().map(dual).collect(), lower: vec![0.0; count], upper: vec![0.0; count] }
}
