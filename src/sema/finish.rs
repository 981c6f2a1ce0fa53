//! The last step: what an aborted or repeated trace left behind is dropped.

use super::scope::Elaborator;
use crate::expr::family::{Source, StageId};
use crate::problem::Data;

impl Elaborator<'_> {
    pub(super) fn finish(&mut self) {
        self.name_values();
        let problem = &mut self.problem;
        let mut roots: Vec<StageId> = vec![];
        roots.extend(problem.objectives.iter().map(|o| o.stage));
        roots.extend(problem.constraints.iter().map(|c| c.stage));
        roots.extend(problem.shows.iter().map(|s| s.stage));
        roots.extend(problem.named.iter().map(|n| n.stage));
        for e in &problem.ensures {
            roots.push(e.stage);
            if let Some((a, _, b)) = &e.sides {
                roots.extend([*a, *b]);
            }
        }
        for_each_data(problem, &mut |data| {
            if let Data::Read(leaf) = data
                && let Source::Stage(id) = leaf.source
            {
                roots.push(id);
            }
        });
        let needed = crate::expr::eval::needed(&problem.stages, &roots);
        let mut next = 0;
        let numbers: Vec<u32> = needed
            .iter()
            .map(|&keep| {
                next += keep as u32;
                next.wrapping_sub(1)
            })
            .collect();
        let renumber = |id: &mut StageId| id.0 = numbers[id.0 as usize];
        let mut keep = needed.iter();
        problem.stages.retain(|_| *keep.next().expect("one flag for each stage"));
        for stage in &mut problem.stages {
            for leaf in stage.terms.iter_mut().flat_map(|t| &mut t.family.leaves) {
                if let Source::Stage(id) = &mut leaf.source {
                    renumber(id);
                }
            }
        }
        problem.objectives.iter_mut().for_each(|o| renumber(&mut o.stage));
        problem.constraints.iter_mut().for_each(|c| renumber(&mut c.stage));
        problem.shows.iter_mut().for_each(|s| renumber(&mut s.stage));
        problem.named.iter_mut().for_each(|n| renumber(&mut n.stage));
        for e in &mut problem.ensures {
            renumber(&mut e.stage);
            if let Some((a, _, b)) = &mut e.sides {
                renumber(a);
                renumber(b);
            }
        }
        for_each_data(problem, &mut |data| {
            if let Data::Read(leaf) = data
                && let Source::Stage(id) = &mut leaf.source
            {
                renumber(id);
            }
        });
    }
}

fn for_each_data(problem: &mut crate::problem::Problem, f: &mut dyn FnMut(&mut Data)) {
    for v in &mut problem.variables {
        f(&mut v.lower);
        f(&mut v.upper);
        if let Some(start) = &mut v.start {
            f(start);
        }
    }
    for c in &mut problem.constraints {
        f(&mut c.lower);
        f(&mut c.upper);
    }
}
