//! The last step: what an aborted or repeated trace left behind is dropped, and stages come after those they read.

use super::scope::Elaborator;
use crate::expr::eval::needed;
use crate::expr::family::{Source, Stage, StageId};
use crate::problem::squares::span_of;
use crate::problem::{AfterSolve, Problem, Unsupported};

impl Elaborator<'_> {
    pub(super) fn finish(&mut self) {
        self.name_values();
        self.check_oracles();
        let problem = &mut self.problem;
        if problem.unsupported.is_empty() {
            problem.unsupported.extend(own_answer(problem));
            problem.unsupported.extend(own_multiplier(problem));
        }
        let mut roots: Vec<StageId> = vec![];
        problem.for_each_stage(&mut |id| roots.push(*id));
        let order = in_order(&problem.stages, &roots);
        let mut numbers = vec![u32::MAX; problem.stages.len()];
        for (next, &old) in order.iter().enumerate() {
            numbers[old as usize] = next as u32;
        }
        let renumber = |id: &mut StageId| id.0 = numbers[id.0 as usize];
        let mut kept: Vec<Option<Stage>> = std::mem::take(&mut problem.stages).into_iter().map(Some).collect();
        problem.stages = order.iter().map(|&old| kept[old as usize].take().expect("each stage stands once")).collect();
        for stage in &mut problem.stages {
            for leaf in stage.terms.iter_mut().flat_map(|t| &mut t.family.leaves) {
                if let Source::Stage(id) = &mut leaf.source {
                    renumber(id);
                }
            }
            if let Some(matrix) = &mut stage.matrix {
                renumber(&mut matrix.of);
            }
        }
        problem.for_each_stage(&mut |id| renumber(id));
        self.check_duals();
    }
}

/// Where an objective or a row reads a dual, a slack or a reduced cost: the problem would depend on its own answer.
fn own_answer(problem: &Problem) -> Option<Unsupported> {
    let rows = problem.all_constraints().map(|c| c.stage);
    let roots: Vec<StageId> = problem.all_objectives().map(|o| o.stage).chain(rows).collect();
    let read = needed(&problem.stages, &roots);
    let stages = problem.stages.iter().zip(read).filter(|(_, read)| *read).map(|(stage, _)| stage);
    stages.flat_map(|stage| &stage.terms).find_map(|term| {
        let known_after = term.family.leaves.iter().find_map(|leaf| match leaf.source {
            Source::After(k) => match problem.after_solve[k as usize] {
                AfterSolve::Answer(_) | AfterSolve::Argument(_) => None,
                after => Some(after),
            },
            _ => None,
        })?;
        let sentence = |what: &str| {
            format!("`{what}` is known after the solve, and no method of this build solves what depends on it")
        };
        let (owner, field) = match known_after {
            AfterSolve::Dual(row) => (&problem.constraints[row as usize].label, "dual"),
            AfterSolve::Slack(row) => (&problem.constraints[row as usize].label, "slack"),
            AfterSolve::LowerDual(variable) => (&problem.variables[variable as usize].name, "lower_dual"),
            AfterSolve::UpperDual(variable) => (&problem.variables[variable as usize].name, "upper_dual"),
            AfterSolve::ReducedCost(variable) => (&problem.variables[variable as usize].name, "reduced_cost"),
            AfterSolve::BlockSlack(block, row) => {
                (&problem.blocks[block as usize].constraints[row as usize].label, "slack")
            }
            AfterSolve::Sensitivity(k) => {
                let sentence = sentence(&format!("sensitivity {}", problem.sensitivities[k as usize].text));
                return Some(Unsupported { construct: "sensitivity", sentence, span: span_of(term) });
            }
            AfterSolve::Answer(_) | AfterSolve::Argument(_) | AfterSolve::Unsupported => return None,
        };
        let sentence = sentence(&format!("{owner}.{field}"));
        Some(Unsupported { construct: "dual", sentence, span: span_of(term) })
    })
}

/// Where a block reads a multiplier of its own.
fn own_multiplier(problem: &Problem) -> Option<Unsupported> {
    problem.blocks.iter().find_map(|block| {
        let rows = block.constraints.iter().map(|c| c.stage);
        let roots: Vec<StageId> = block.objectives.iter().map(|o| o.stage).chain(rows).collect();
        let read = needed(&problem.stages, &roots);
        let stages = problem.stages.iter().zip(read).filter(|(_, read)| *read).map(|(stage, _)| stage);
        stages.flat_map(|stage| &stage.terms).find_map(|term| {
            let own = block.supplied.iter().map(|s| &problem.variables[s.variable as usize]).find(|v| {
                let mine = v.offset as usize..v.offset as usize + v.axes.len();
                let leaves = term.family.leaves.iter().filter(|leaf| leaf.source == Source::Variables);
                let mut read = leaves.flat_map(|leaf| (0..term.family.instances as usize).map(|p| leaf.map.at(p)));
                read.any(|k| mine.contains(&k))
            })?;
            let (name, word) = (&own.name, block.kind.word());
            let sentence = format!("`{name}` is known once `{word} {}` is solved, which reads it", block.name);
            Some(Unsupported { construct: "dual", sentence, span: span_of(term) })
        })
    })
}

/// The stages that the roots need, each after all that it reads (but itself).
fn in_order(stages: &[Stage], roots: &[StageId]) -> Vec<u32> {
    let mut order = vec![];
    // 0: not seen, 1: its readings are on the stack, 2: listed.
    let mut state = vec![0u8; stages.len()];
    let mut stack: Vec<u32> = roots.iter().rev().map(|r| r.0).collect();
    while let Some(&top) = stack.last() {
        let here = &mut state[top as usize];
        if *here != 0 {
            stack.pop();
            if *here == 1 {
                *here = 2;
                order.push(top);
            }
            continue;
        }
        *here = 1;
        for source in stages[top as usize].sources() {
            if let Source::Stage(read) = source
                && state[read.0 as usize] == 0
            {
                stack.push(read.0);
            }
        }
    }
    order
}
