//! Where second derivatives are: which variables have any, and whether the Hessian of the Lagrangian is too large to be
//! written down. Decided by the places that bodies read, without any derivative of a stage being compiled.

use super::Problem;
use super::values::depends_on_variables;
use crate::expr::derive;
use crate::expr::eval;
use crate::expr::family::{Source, StageId, Term};
use crate::expr::graph::Graph;

/// Variables in which the objective and all rows together are not linear; no others have second derivatives.
pub fn curved_variables(problem: &Problem) -> Vec<bool> {
    Bends::of(problem).variables
}

/// Whether the lower triangle of the Hessian has more than `most` entries, as far as that is found out with little work:
/// `false` also where counting would take long.
pub fn hessian_exceeds(problem: &Problem, most: usize) -> bool {
    let bends = Bends::of(problem);
    let curved = bends.variables.iter().filter(|curved| **curved).count();
    if curved * (curved + 1) / 2 <= most || bends.bound(problem) <= most as f64 {
        return false;
    }
    bends.supports(problem).is_none_or(|supports| bends.counts_beyond(problem, &supports, most))
}

/// Entries of all supports together: more than this is a Jacobian of named expressions that is itself too large.
const MOST_SUPPORTED: usize = 20_000_000;
/// Places that are looked at for each entry that is allowed, and in any case.
const LOOKS: usize = 20;
const LEAST_LOOKS: usize = 1_000_000;

/// How the bodies of one term read their leaves.
struct Reads {
    stage: usize,
    term: usize,
    /// Leaves that vary, and pairs of them with a second derivative.
    leaves: Vec<usize>,
    pairs: Vec<(usize, usize)>,
}

/// What is read in a way that is not linear.
struct Bends {
    /// In the order of stages, and of levels.
    reads: Vec<Reads>,
    variables: Vec<bool>,
    /// Rows of stages.
    rows: Vec<Vec<bool>>,
}

impl Bends {
    fn of(problem: &Problem) -> Bends {
        let reads = reads(problem);
        let mut bends = Bends {
            reads: vec![],
            variables: vec![false; problem.dimension as usize],
            rows: problem.stages.iter().map(|stage| vec![false; stage.rows as usize]).collect(),
        };
        // Backwards: who reads a row is seen before what the row reads.
        for read in reads.iter().rev() {
            let term = read.of(problem);
            let bent: Vec<bool> =
                read.leaves.iter().map(|leaf| read.pairs.iter().any(|(a, b)| a == leaf || b == leaf)).collect();
            for p in 0..term.family.instances as usize {
                let whole = bends.rows[read.stage][term.target.at(p)];
                for (leaf, _) in read.leaves.iter().zip(&bent).filter(|(_, bent)| whole || **bent) {
                    let leaf = &term.family.leaves[*leaf];
                    match leaf.source {
                        Source::Variables => bends.variables[leaf.map.at(p)] = true,
                        Source::Stage(z) => bends.rows[z.0 as usize][leaf.map.at(p)] = true,
                        Source::Param(_) | Source::After(_) => {}
                    }
                }
            }
        }
        bends.reads = reads;
        bends
    }

    /// How many entries there are if no two instances share any.
    fn bound(&self, problem: &Problem) -> f64 {
        let most = problem.dimension as f64;
        let mut counts: Vec<Vec<f64>> = problem.stages.iter().map(|stage| vec![0.0; stage.rows as usize]).collect();
        let mut total = 0.0;
        for read in &self.reads {
            let term = read.of(problem);
            for p in 0..term.family.instances as usize {
                let size = |leaf: usize| {
                    let leaf = &term.family.leaves[leaf];
                    match leaf.source {
                        Source::Stage(z) => counts[z.0 as usize][leaf.map.at(p)],
                        Source::Variables | Source::Param(_) | Source::After(_) => 1.0,
                    }
                };
                for (a, b) in &read.pairs {
                    total += if a == b { 0.5 * size(*a) * (size(*a) + 1.0) } else { size(*a) * size(*b) };
                }
                let sum: f64 = read.leaves.iter().map(|leaf| size(*leaf)).sum();
                let slot = &mut counts[read.stage][term.target.at(p)];
                *slot = (*slot + sum).min(most);
            }
        }
        total
    }

    /// The variables of each row that is not read linearly, ascending; `None` if they are too many.
    fn supports(&self, problem: &Problem) -> Option<Vec<Vec<Vec<u32>>>> {
        let mut supports: Vec<Vec<Vec<u32>>> =
            problem.stages.iter().map(|stage| vec![vec![]; stage.rows as usize]).collect();
        let mut total = 0;
        for read in &self.reads {
            let term = read.of(problem);
            for p in (0..term.family.instances as usize).filter(|p| self.rows[read.stage][term.target.at(*p)]) {
                let row = term.target.at(p);
                let mut own = std::mem::take(&mut supports[read.stage][row]);
                total -= own.len();
                for leaf in &read.leaves {
                    own.extend_from_slice(&variables_of(term, *leaf, p, &supports));
                }
                own.sort_unstable();
                own.dedup();
                total += own.len();
                supports[read.stage][row] = own;
                if total > MOST_SUPPORTED {
                    return None;
                }
            }
        }
        Some(supports)
    }

    /// Whether there are more than `most` entries; the last instances, which of recurrences are the largest, come first.
    fn counts_beyond(&self, problem: &Problem, supports: &[Vec<Vec<u32>>], most: usize) -> bool {
        let mut entries: Vec<u64> = vec![];
        let mut looks = 0;
        for read in self.reads.iter().rev() {
            let term = read.of(problem);
            for p in (0..term.family.instances as usize).rev() {
                for (a, b) in &read.pairs {
                    let (left, right) = (variables_of(term, *a, p, supports), variables_of(term, *b, p, supports));
                    let distinct = if a == b { left.len() * (left.len() + 1) / 2 } else { left.len().max(right.len()) };
                    if distinct > most {
                        return true;
                    }
                    for i in &left {
                        for j in &right {
                            entries.push(((*i.max(j) as u64) << 32) | *i.min(j) as u64);
                        }
                    }
                    looks += left.len() * right.len();
                    if entries.len() > 2 * most {
                        entries.sort_unstable();
                        entries.dedup();
                        if entries.len() > most {
                            return true;
                        }
                    }
                    if looks > LEAST_LOOKS.max(LOOKS * most) {
                        return false;
                    }
                }
            }
        }
        entries.sort_unstable();
        entries.dedup();
        entries.len() > most
    }
}

impl Reads {
    fn of<'a>(&self, problem: &'a Problem) -> &'a Term {
        &problem.stages[self.stage].terms[self.term]
    }
}

fn variables_of(term: &Term, leaf: usize, p: usize, supports: &[Vec<Vec<u32>>]) -> Vec<u32> {
    let leaf = &term.family.leaves[leaf];
    match leaf.source {
        Source::Variables => vec![leaf.map.at(p) as u32],
        Source::Stage(z) => supports[z.0 as usize][leaf.map.at(p)].clone(),
        Source::Param(_) | Source::After(_) => vec![],
    }
}

/// The terms that the first objective and the rows need.
fn reads(problem: &Problem) -> Vec<Reads> {
    let objective = problem.objectives.first().map(|o| o.stage);
    let roots: Vec<StageId> = objective.into_iter().chain(problem.constraints.iter().map(|c| c.stage)).collect();
    let needed = eval::needed(&problem.stages, &roots);
    let varies = depends_on_variables(problem);
    let mut graph: Graph = problem.graph.clone();
    let mut found = vec![];
    for (s, stage) in problem.stages.iter().enumerate().filter(|(s, _)| needed[*s]) {
        let mut terms: Vec<usize> = (0..stage.terms.len()).collect();
        terms.sort_by_key(|t| stage.terms[*t].level);
        for t in terms {
            let family = &stage.terms[t].family;
            let leaves: Vec<u32> = (0..family.leaves.len() as u32)
                .filter(|k| match family.leaves[*k as usize].source {
                    Source::Variables => true,
                    Source::Stage(z) => varies[z.0 as usize],
                    Source::Param(_) | Source::After(_) => false,
                })
                .collect();
            let second = derive::hessian(&mut graph, family.body, &leaves);
            let slopes = derive::gradient(&mut graph, family.body, &leaves);
            let pairs = second.iter().map(|(i, j, _)| (leaves[*i] as usize, leaves[*j] as usize)).collect();
            let leaves = leaves.iter().zip(slopes).filter(|(_, slope)| slope.is_some()).map(|(k, _)| *k as usize);
            found.push(Reads { stage: s, term: t, leaves: leaves.collect(), pairs });
        }
    }
    found
}
