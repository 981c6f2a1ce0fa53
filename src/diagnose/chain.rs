//! A contradiction between bounds that follow from rows, in words.

use super::places;
use crate::answer::Certificate;
use crate::answer::diagnosis::{Contradiction, Tightening};
use crate::certify::{JudgeOptions, judge_chain};
use crate::problem::Problem;
use crate::problem::chain::{Chain, Side, Step};
use crate::problem::propagate::{Propagation, effort};

/// A contradiction, if bounds lead to one, with the certificate of the judge. Problems that would take more than `most`
/// evaluations are not tried.
pub fn find(problem: &Problem, x: &[f64], judge: &JudgeOptions, most: usize) -> Option<(Contradiction, Certificate)> {
    if effort(problem) > most {
        return None;
    }
    let mut propagation = Propagation::new(problem);
    if propagation.run() {
        return None;
    }
    let chain = propagation.chain()?;
    let certificate = judge_chain(problem, x, &chain, judge)?;
    Some((in_words(problem, &chain), certificate))
}

fn in_words(problem: &Problem, chain: &Chain) -> Contradiction {
    let from_one = |uses: &[usize]| uses.iter().map(|k| k + 1).collect();
    let step = |step: &Step| Tightening {
        what: places::quantity(problem, step.quantity),
        relation: if step.side == Side::Lower { ">=" } else { "<=" },
        value: step.value,
        from: places::row_of_stage(problem, step.from.0, step.from.1),
        uses: from_one(&step.uses),
    };
    Contradiction {
        steps: chain.steps.iter().map(step).collect(),
        row: places::row_of_stage(problem, chain.row.0, chain.row.1),
        uses: from_one(&chain.uses),
        takes: chain.takes,
        needs: chain.needs,
    }
}
