//! Which instance of a block the rows of stages belong to: that whose variables they read.

use super::Problem;
use crate::expr::family::{Family, Leaf, Source};

/// Which instance of a block a row belongs to: that whose variables it reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Owner {
    Nobody,
    Instance(u32),
    Several,
}

impl Owner {
    pub fn and(self, other: Owner) -> Owner {
        match (self, other) {
            (Owner::Nobody, o) | (o, Owner::Nobody) => o,
            (a, b) if a == b => a,
            _ => Owner::Several,
        }
    }
}

/// Which instance each row of each stage belongs to, and last, each variable.
pub fn owners(whole: &Problem, b: u32) -> Vec<Vec<Owner>> {
    let here = &whole.blocks[b as usize];
    let mut of_variables = vec![Owner::Nobody; whole.dimension as usize];
    for &v in &here.variables {
        let v = &whole.variables[v as usize];
        for (p, instance) in v.axes.instances(&here.axes).into_iter().enumerate() {
            of_variables[v.offset as usize + p] = Owner::Instance(instance);
        }
    }
    let mut all: Vec<Vec<Owner>> = vec![];
    for stage in &whole.stages {
        let mut rows = vec![Owner::Nobody; stage.rows as usize];
        if let Some(matrix) = &stage.matrix {
            let read = all[matrix.of.0 as usize].iter().fold(Owner::Nobody, |a, b| a.and(*b));
            rows.fill(read);
        }
        for term in &stage.terms {
            for p in 0..term.family.instances as usize {
                let row = term.target.at(p);
                rows[row] = rows[row].and(owner_of(&term.family, p, &of_variables, &all));
            }
        }
        all.push(rows);
    }
    all.push(of_variables);
    all
}

/// Whose variables an instance of a family reads.
pub fn owner_of(family: &Family, p: usize, of_variables: &[Owner], of_stages: &[Vec<Owner>]) -> Owner {
    let read = |leaf: &Leaf| match leaf.source {
        Source::Variables => of_variables[leaf.map.at(p)],
        // A stage that reads itself is not known yet: what else its rows read decides.
        Source::Stage(id) => of_stages.get(id.0 as usize).map_or(Owner::Nobody, |rows| rows[leaf.map.at(p)]),
        Source::Param(_) | Source::After(_) => Owner::Nobody,
    };
    family.leaves.iter().map(read).fold(Owner::Nobody, Owner::and)
}
