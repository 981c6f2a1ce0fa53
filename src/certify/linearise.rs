//! Values and slopes of all functions of a problem at a point, in blocks of instances ([`super::lanes`]).
//!
//! Each instance of each term is differentiated by its own leaves once; gradients then flow backwards through the
//! stages (last stage first, and within a stage that reads itself, last level first). The cost is linear in the
//! number of instances times the leaves of their bodies.

use super::gradients::{Added, Entries, found_of};
use super::lanes::{Block, Tape};
use super::matrix::MatrixSlopes;
use super::rows::Rows;
use crate::expr::eval;
use crate::expr::family::{IndexMap, Leaf, MatrixStage, Source, Stage, StageId, Term};
use crate::problem::Problem;
use crate::problem::values::depends_on_variables;
use crate::threads;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Instances are evaluated in blocks of this many, if there are more than a few and the body is not long.
pub(super) const LANES: usize = 64;
const FEW: usize = 8;
const LONG: usize = 2000;
/// Threads share instances in parts of this many; what is found does not depend on it.
pub(super) const PART: usize = 64 * LANES;

pub struct Linearised<'a> {
    pub problem: &'a Problem,
    /// By stage, where needed.
    pub values: Vec<Vec<f64>>,
    /// Which of the stages were asked for, themselves or through others.
    pub(super) needed: Vec<bool>,
    /// By stage, then by term.
    pub(super) slopes: Vec<Vec<Slopes>>,
    /// By stage that is a function of matrices and depends on variables: for each matrix.
    pub(super) matrices: Vec<Vec<MatrixSlopes>>,
    /// Which of the stages depend on variables.
    depends: Vec<bool>,
    x: Vec<f64>,
    /// What [`Linearised::rows`] said, by what it was asked.
    said: Mutex<Vec<Said>>,
}

/// The stages and the budget, and the gradients of their rows.
type Said = ((Vec<StageId>, usize), Option<Arc<BTreeMap<StageId, Rows>>>);

/// For each leaf that depends on variables: the partial derivative of the body for each instance.
pub(super) type Slopes = Vec<(u32, Vec<f64>)>;

/// Is told the second derivatives of a range of instances by two leaves.
type Bends<'b> = dyn FnMut(Range<usize>, u32, u32, &[f64]) + 'b;

impl<'a> Linearised<'a> {
    /// At the point `x`, for the stages `roots` and what they read.
    pub fn at(problem: &'a Problem, roots: &[StageId], x: &[f64]) -> Linearised<'a> {
        let count = problem.stages.len();
        let mut here = Linearised {
            problem,
            values: vec![vec![]; count],
            needed: eval::needed(&problem.stages, roots),
            slopes: vec![vec![]; count],
            matrices: vec![vec![]; count],
            depends: depends_on_variables(problem),
            x: x.to_vec(),
            said: Mutex::default(),
        };
        for (k, stage) in problem.stages.iter().enumerate() {
            if !here.needed[k] {
                continue;
            }
            if let Some(matrix) = &stage.matrix {
                here.run_matrix(k, matrix);
                continue;
            }
            here.values[k] = vec![0.0; stage.rows as usize];
            here.slopes[k] = vec![vec![]; stage.terms.len()];
            for t in forwards(stage) {
                here.run(k, t);
            }
        }
        here
    }

    fn run_matrix(&mut self, k: usize, matrix: &MatrixStage) {
        let entries = &self.values[matrix.of.0 as usize];
        if self.depends[k] {
            let matrices = entries.chunks_exact((matrix.n * matrix.n) as usize);
            self.matrices[k] = matrices.map(|a| MatrixSlopes::at(matrix, a)).collect();
        }
        self.values[k] = eval::matrix_values(matrix, entries);
    }

    /// The slopes of the rows of a stage that is a function of matrices by the rows of the stage of their entries.
    fn matrix_links(&self, k: usize) -> impl Iterator<Item = MatrixLink> + '_ {
        let matrix = self.problem.stages[k].matrix;
        self.matrices[k].iter().enumerate().zip(std::iter::repeat(matrix)).flat_map(|((p, slopes), matrix)| {
            let (of, square) = matrix.map_or((0, 0), |matrix| (matrix.of.0 as usize, (matrix.n * matrix.n) as usize));
            let outputs = slopes.outputs();
            (0..outputs).flat_map(move |z| {
                (0..square).map(move |e| {
                    let (row, entry) = (p * outputs + z, p * square + e);
                    MatrixLink { row, of, entry, slope: slopes.partial(z, e) }
                })
            })
        })
    }

    fn pull_back_matrices(&self, k: usize, of: impl Fn(f64) -> f64, adjoints: &mut [Vec<f64>]) {
        for link in self.matrix_links(k) {
            // A row without weight has no say, even where its slope is infinite.
            let weight = adjoints[k][link.row];
            if weight != 0.0 {
                adjoints[link.of][link.entry] += of(weight * link.slope);
            }
        }
    }

    /// Adds the values of a term to its stage and keeps its slopes.
    fn run(&mut self, k: usize, t: usize) {
        let term = &self.problem.stages[k].terms[t];
        let tape = self.tape(term);
        let (values, slopes) = match is_wide(term, &tape) {
            true => self.differentiate::<LANES>(term, &tape),
            false => self.differentiate::<1>(term, &tape),
        };
        for (p, value) in values.iter().enumerate() {
            self.values[k][term.target.at(p)] += value;
        }
        self.slopes[k][t] = slopes;
    }

    /// The values of the body and its slopes.
    fn differentiate<const L: usize>(&self, term: &Term, tape: &Tape) -> (Vec<f64>, Slopes) {
        let instances = term.family.instances as usize;
        let mut values = vec![0.0; instances];
        let mut slopes: Slopes = self.varying(term).into_iter().map(|leaf| (leaf, vec![0.0; instances])).collect();
        // The leaves that the body reads are among those that vary, in the same order.
        let is_read = |leaf: u32| tape.leaves.iter().any(|(read, _)| *read == leaf);
        let read = slopes.iter_mut().filter(|(leaf, _)| is_read(*leaf));
        let mut columns: Vec<_> = read.map(|(_, column)| column.chunks_mut(PART)).collect();
        let part = |(k, values)| (k * PART, values, columns.iter_mut().filter_map(Iterator::next).collect());
        let parts = values.chunks_mut(PART).enumerate().map(part).collect();
        threads::each(parts, threads::for_work(4 * instances * tape.len()), |(first, values, slopes)| {
            self.differentiate_part::<L>(term, tape, first, values, slopes);
        });
        (values, slopes)
    }

    /// The same for the instances from `first` on, with the slopes by the leaves that the body reads.
    fn differentiate_part<const L: usize>(
        &self,
        term: &Term,
        tape: &Tape,
        first: usize,
        values: &mut [f64],
        mut slopes: Vec<&mut [f64]>,
    ) {
        let mut block: Block<L> = Block::new(tape);
        for start in (0..values.len()).step_by(L) {
            let own = start..(start + L).min(values.len());
            let lanes = first + own.start..first + own.end;
            let value = block.evaluate(|leaf, row| self.fill(&term.family.leaves[leaf as usize], lanes.clone(), row));
            values[own.clone()].copy_from_slice(&value[..own.len()]);
            if tape.leaves.is_empty() {
                continue;
            }
            block.differentiate();
            for ((_, step), column) in tape.leaves.iter().zip(&mut slopes) {
                column[own.clone()].copy_from_slice(&block.slope(*step)[..own.len()]);
            }
        }
    }

    /// The second derivatives of a body by pairs of leaves: `see(lanes, a, b, values)` for leaves `a >= b`, where they may
    /// not be 0. `tape` is that of the term, `part` which instances.
    pub(super) fn bend(&self, term: &Term, tape: &Tape, part: Range<usize>, see: &mut Bends) {
        if is_wide(term, tape) {
            self.bend_by::<LANES>(term, tape, part, see);
        } else {
            self.bend_by::<1>(term, tape, part, see);
        }
    }

    /// The instances of a term in parts that threads share.
    pub(super) fn parts(term: &Term) -> Vec<Range<usize>> {
        let count = term.family.instances as usize;
        (0..count).step_by(PART).map(|first| first..(first + PART).min(count)).collect()
    }

    fn bend_by<const L: usize>(&self, term: &Term, tape: &Tape, part: Range<usize>, see: &mut Bends) {
        let mut block: Block<L> = Block::new(tape);
        for first in part.clone().step_by(L) {
            let lanes = first..(first + L).min(part.end);
            block.evaluate(|leaf, row| self.fill(&term.family.leaves[leaf as usize], lanes.clone(), row));
            block.differentiate();
            block.bend();
            for (k, (a, step)) in tape.leaves.iter().enumerate() {
                block.turn(*step);
                for (b, other) in &tape.leaves[..=k] {
                    if let Some(row) = block.turned(*other) {
                        see(lanes.clone(), *a, *b, &row[..lanes.len()]);
                    }
                }
            }
        }
    }

    pub(super) fn tape(&self, term: &Term) -> Tape {
        Tape::new(&self.problem.graph, term.family.body, &self.varying(term))
    }

    /// The leaves of a term that depend on variables.
    fn varying(&self, term: &Term) -> Vec<u32> {
        let varies = |leaf: &Leaf| match leaf.source {
            Source::Variables => true,
            Source::Stage(id) => self.depends[id.0 as usize],
            Source::Param(_) | Source::After(_) => false,
        };
        (0..).zip(&term.family.leaves).filter(|(_, leaf)| varies(leaf)).map(|(k, _)| k).collect()
    }

    /// What a leaf reads for a range of instances; lanes beyond it repeat the last.
    pub(super) fn fill(&self, leaf: &Leaf, lanes: Range<usize>, row: &mut [f64]) {
        let source: &[f64] = match leaf.source {
            Source::Variables => &self.x,
            Source::Param(id) => &self.problem.param(id).values,
            Source::Stage(id) => &self.values[id.0 as usize],
            Source::After(_) => return row.fill(f64::NAN),
        };
        let count = lanes.len();
        match leaf.map {
            IndexMap::Affine { start, stride: 1 } => {
                let from = start as usize + lanes.start;
                row[..count].copy_from_slice(&source[from..from + count]);
            }
            _ => row.iter_mut().zip(lanes).for_each(|(v, p)| *v = source[leaf.map.at(p)]),
        }
        let last = row[count - 1];
        row[count..].fill(last);
    }

    /// `Σ weights[r] ∇stage[r]` over the stages of `seeds`, in all variables; and the weight that each row of each
    /// needed stage has in it.
    pub(super) fn sweep(&self, seeds: &[(StageId, &[f64])]) -> (Vec<f64>, Vec<Vec<f64>>) {
        self.swept(seeds, |part| part)
    }

    /// `Σ |weights[r]| |slope|` over the stages of `seeds` and over all paths to a variable: the size of what is summed
    /// up in the gradient.
    pub(super) fn sweep_of_sizes(&self, seeds: &[(StageId, &[f64])]) -> Vec<f64> {
        self.swept(seeds, f64::abs).0
    }

    fn swept(&self, seeds: &[(StageId, &[f64])], of: impl Fn(f64) -> f64 + Copy) -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut gradient = vec![0.0; self.problem.dimension as usize];
        let rows = |stage: &Stage| vec![0.0; stage.rows as usize];
        let reached = |k: usize| if self.needed[k] { rows(&self.problem.stages[k]) } else { vec![] };
        let mut adjoints: Vec<Vec<f64>> = (0..self.problem.stages.len()).map(reached).collect();
        for (stage, weights) in seeds {
            for (adjoint, weight) in adjoints[stage.0 as usize].iter_mut().zip(*weights) {
                *adjoint += of(*weight);
            }
        }
        for k in (0..self.problem.stages.len()).rev().filter(|k| self.needed[*k]) {
            if adjoints[k].iter().all(|weight| *weight == 0.0) {
                continue;
            }
            self.pull_back_matrices(k, of, &mut adjoints);
            for t in backwards(&self.problem.stages[k]) {
                self.pull_back(k, t, of, &mut adjoints, &mut gradient);
            }
        }
        (gradient, adjoints)
    }

    fn pull_back(
        &self,
        k: usize,
        t: usize,
        of: impl Fn(f64) -> f64 + Copy,
        adjoints: &mut [Vec<f64>],
        gradient: &mut [f64],
    ) {
        let Some(slopes) = self.slopes[k].get(t) else { return };
        let term = &self.problem.stages[k].terms[t];
        for (leaf, slopes) in slopes {
            let leaf = &term.family.leaves[*leaf as usize];
            let (before, own) = adjoints.split_at_mut(k);
            match leaf.source {
                Source::Variables => add_products((&own[0], &term.target), slopes, (gradient, &leaf.map), of),
                Source::Stage(id) if (id.0 as usize) < k => {
                    add_products((&own[0], &term.target), slopes, (&mut before[id.0 as usize], &leaf.map), of);
                }
                // Its own rows: those of lower levels, whose weights are complete only after this.
                Source::Stage(_) => {
                    for (p, slope) in slopes.iter().enumerate() {
                        let weight = own[0][term.target.at(p)];
                        own[0][leaf.map.at(p)] += weighed(weight, *slope, of);
                    }
                }
                Source::Param(_) | Source::After(_) => {}
            }
        }
    }

    /// For each row of each stage, the largest slope along a single path to a variable: what its entries are scaled
    /// by. It equals the largest entry of the gradient where no two paths end in the same variable.
    pub fn sizes(&self) -> Vec<Vec<f64>> {
        let mut sizes: Vec<Vec<f64>> = vec![vec![]; self.problem.stages.len()];
        for (k, stage) in self.problem.stages.iter().enumerate().filter(|(k, _)| self.needed[*k]) {
            sizes[k] = vec![0.0; stage.rows as usize];
            for link in self.matrix_links(k) {
                let through = sizes[link.of][link.entry];
                let size = &mut sizes[k][link.row];
                *size = size.max((link.slope * through).abs());
            }
            for t in forwards(stage) {
                let term = &stage.terms[t];
                for (leaf, slope) in self.slopes[k].get(t).into_iter().flatten() {
                    let leaf = &term.family.leaves[*leaf as usize];
                    for (p, slope) in slope.iter().enumerate() {
                        let through = match leaf.source {
                            Source::Stage(id) => sizes[id.0 as usize][leaf.map.at(p)],
                            Source::Variables | Source::Param(_) | Source::After(_) => 1.0,
                        };
                        let size = &mut sizes[k][term.target.at(p)];
                        *size = size.max((slope * through).abs());
                    }
                }
            }
        }
        sizes
    }

    /// The gradients of all rows of the given stages, sparse and ascending, or nothing if they have more than
    /// `budget` entries in all, those of the stages between included. Found once for all who ask.
    pub fn rows(&self, roots: &[StageId], budget: usize) -> Option<Arc<BTreeMap<StageId, Rows>>> {
        let said = || self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (roots.to_vec(), budget);
        if let Some((_, rows)) = said().iter().find(|(asked, _)| *asked == key) {
            return rows.clone();
        }
        let rows = self.found_rows(roots, budget).map(Arc::new);
        said().push((key, rows.clone()));
        rows
    }

    /// Slopes of a term, to be changed.
    pub(super) fn slopes_mut(&mut self, k: usize, t: usize) -> &mut Slopes {
        self.said.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        &mut self.slopes[k][t]
    }

    fn found_rows(&self, roots: &[StageId], budget: usize) -> Option<BTreeMap<StageId, Rows>> {
        let needed = eval::needed(&self.problem.stages, roots);
        let mut found: BTreeMap<StageId, Rows> = BTreeMap::new();
        let mut left = budget;
        for (k, stage) in (0..).zip(&self.problem.stages).filter(|(k, _)| needed[*k as usize]) {
            let mut own = Entries::of(stage, StageId(k), self.problem.dimension as usize);
            for link in self.matrix_links(k as usize) {
                let inner = &found[&StageId(link.of as u32)][link.entry];
                left = left.checked_sub(own.add(link.row, inner, link.slope))?;
            }
            for t in forwards(stage) {
                let term = &stage.terms[t];
                for (leaf, slope) in self.slopes[k as usize].get(t).into_iter().flatten() {
                    let leaf = &term.family.leaves[*leaf as usize];
                    // What stages read of others is shared by threads.
                    let added = Added { term, map: &leaf.map, slopes: slope, inner: found_of(&found, leaf.source) };
                    match &mut own {
                        Entries::Listed(lists) => {
                            lists.extend(added.listed(&mut left)?);
                            lists.push(vec![]);
                            continue;
                        }
                        Entries::Dense { width, values } => {
                            added.add_to(*width, values, &mut left)?;
                            continue;
                        }
                        Entries::Sums(_) => {}
                    }
                    for (p, slope) in slope.iter().enumerate() {
                        let (row, from) = (term.target.at(p), leaf.map.at(p));
                        let added = match leaf.source {
                            Source::Variables => own.add(row, &[(from as u32, *slope)], 1.0),
                            Source::Stage(id) if id.0 == k => own.add_own(row, from, *slope),
                            Source::Stage(id) => own.add(row, &found[&id][from], *slope),
                            Source::Param(_) | Source::After(_) => 0,
                        };
                        left = left.checked_sub(added)?;
                    }
                }
            }
            found.insert(StageId(k), own.finish(stage.rows as usize));
        }
        found.retain(|id, _| roots.contains(id));
        Some(found)
    }

    /// How much work one evaluation is: instances times nodes and leaves of their bodies.
    pub fn work(&self) -> usize {
        let stages = self.problem.stages.iter().enumerate().filter(|(k, _)| self.needed[*k]).map(|(_, stage)| stage);
        let terms = stages.flat_map(|stage| &stage.terms);
        let nodes = |term: &Term| self.problem.graph.reachable(&[term.family.body]).len() + term.family.leaves.len();
        let of_terms: usize = terms.map(|term| term.family.instances as usize * nodes(term)).sum();
        let of_matrix = |k: usize| {
            let matrix = self.problem.stages[k].matrix.filter(|_| self.needed[k]);
            matrix.map_or(0, |matrix| self.problem.stages[k].rows as usize * matrix.n.pow(3) as usize)
        };
        of_terms + (0..self.problem.stages.len()).map(of_matrix).sum::<usize>()
    }
}

/// A row without weight has no say, even where its slope is infinite.
fn weighed(weight: f64, slope: f64, of: impl Fn(f64) -> f64) -> f64 {
    if weight == 0.0 { 0.0 } else { of(weight * slope) }
}

/// `to[map(p)] += of(weights[target(p)] slopes[p])`
fn add_products(
    (weights, target): (&[f64], &IndexMap),
    slopes: &[f64],
    (to, map): (&mut [f64], &IndexMap),
    of: impl Fn(f64) -> f64 + Copy,
) {
    // Loops of their own for what is frequent: the maps cost more than the products. Maps of no instances begin anywhere.
    match (target, map) {
        _ if slopes.is_empty() => {}
        (IndexMap::Affine { start, stride: 1 }, IndexMap::Affine { start: first, stride: 1 }) => {
            let (weights, to) = (&weights[*start as usize..], &mut to[*first as usize..]);
            for ((to, weight), slope) in to.iter_mut().zip(weights).zip(slopes) {
                *to += weighed(*weight, *slope, of);
            }
        }
        (IndexMap::Affine { start, stride: 0 }, IndexMap::Affine { start: first, stride: 1 }) => {
            let (weight, to) = (weights[*start as usize], &mut to[*first as usize..]);
            for (to, slope) in to.iter_mut().zip(slopes) {
                *to += weighed(weight, *slope, of);
            }
        }
        _ => {
            for (p, slope) in slopes.iter().enumerate() {
                to[map.at(p)] += weighed(weights[target.at(p)], *slope, of);
            }
        }
    }
}

/// The slope of a row of a stage by a row of the stage `of`.
struct MatrixLink {
    row: usize,
    of: usize,
    entry: usize,
    slope: f64,
}

fn is_wide(term: &Term, tape: &Tape) -> bool {
    term.family.instances as usize > FEW && tape.len() <= LONG
}

/// The terms of a stage, first level first.
fn forwards(stage: &Stage) -> Vec<usize> {
    let mut order: Vec<usize> = (0..stage.terms.len()).collect();
    order.sort_by_key(|t| stage.terms[*t].level);
    order
}

/// The terms of a stage, last level first.
fn backwards(stage: &Stage) -> Vec<usize> {
    let mut order = forwards(stage);
    order.reverse();
    order
}
