//! The Hessian of the Lagrangian, sparse: `∇²L = Σ over instances  weight  G' B G`.
//!
//! `B` is the Hessian of a body in its own leaves ([`super::lanes`]), `G` the gradients of what the leaves read, and `weight` what the row of the instance weighs in the gradient of the Lagrangian, through all
//! stages in between. Bodies that are affine in their leaves are left out.

use super::lanes::Tape;
use super::linearise::Linearised;
use super::matrix::MatrixBends;
use super::program::Program;
use super::residuals::Duals;
use super::rows::{Entries, Rows};
use crate::expr::family::{MatrixStage, Source, StageId, Term};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;
use crate::threads;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Products that the second derivatives of bodies may take: some seconds.
const WORK: usize = 3_000_000_000;
/// Entries before those at the same place are summed up, and entries of gradients of stages in between.
pub const ENTRIES: usize = 20_000_000;
/// Products of slopes that are summed up, and up to how many variables that is done in a dense triangle.
const PRODUCTS: usize = 500_000_000;
const DENSE: usize = 1000;

pub struct Hessian {
    /// The lower triangle.
    pub rows: Rows,
    /// For each variable the sizes of all that is summed up in its row.
    pub sizes: Vec<f64>,
}

/// At the point of the program; or why not.
pub fn of_lagrangian(program: &Program, duals: &Duals) -> Result<Hessian, String> {
    let (_, weights) = program.lagrangian_sweep(&program.here, 1.0, &duals.rows);
    weighted(program, &weights)?.finish()
}

/// The same, still to be summed up, from what each row of each stage weighs in the gradient of the Lagrangian.
pub fn weighted(program: &Program, weights: &[Vec<f64>]) -> Result<Sum, String> {
    let curved = curved_terms(&program.here, weights);
    if curved.iter().map(|at| work(&program.here, *at)).fold(0, usize::saturating_add) > WORK {
        return Err("the second derivatives of bodies would take too long".to_string());
    }
    let read = curved.iter().flat_map(|(k, t)| &program.problem.stages[*k].terms[*t].family.leaves);
    let matrices = matrices(&program.here, weights);
    if matrices.iter().map(|(_, matrix)| 8 * (matrix.n as usize).pow(5)).fold(0, usize::saturating_add) > WORK {
        return Err("the second derivatives of functions of matrices would take too long".to_string());
    }
    let of_matrices = matrices.iter().map(|(_, matrix)| matrix.of);
    let between: BTreeSet<StageId> = read.filter_map(|leaf| stage_of(leaf.source)).chain(of_matrices).collect();
    let between: Vec<StageId> = between.into_iter().collect();
    let Some(gradients) = program.here.rows(&between, ENTRIES) else {
        return Err("the expressions in between depend on too many variables".to_string());
    };
    let mut sum = Sum::new(program.x.len());
    for (k, t) in curved {
        add_term(&program.here, (k, t), &weights[k], &gradients, &mut sum)?;
    }
    for (k, matrix) in matrices {
        add_matrix(&program.here, &matrix, &weights[k], &gradients[&matrix.of], &mut sum)?;
    }
    Ok(sum)
}

/// The stages that are functions of matrices and weigh something.
fn matrices(here: &Linearised, weights: &[Vec<f64>]) -> Vec<(usize, MatrixStage)> {
    let weigh = |k: usize| weights[k].iter().any(|w| *w != 0.0);
    let weighing = here.matrices.iter().enumerate().filter(|(k, slopes)| !slopes.is_empty() && weigh(*k));
    weighing.filter_map(|(k, _)| Some((k, here.problem.stages[k].matrix?))).collect()
}

/// As [`add_term`], by pairs of entries of each matrix.
fn add_matrix(
    here: &Linearised,
    matrix: &MatrixStage,
    weights: &[f64],
    gradients: &Rows,
    sum: &mut Sum,
) -> Result<(), String> {
    let square = (matrix.n * matrix.n) as usize;
    let entries = here.values[matrix.of.0 as usize].chunks_exact(square);
    for (p, (a, weights)) in entries.zip(weights.chunks_exact(matrix.outputs() as usize)).enumerate() {
        if weights.iter().all(|w| *w == 0.0) {
            continue;
        }
        let bends = MatrixBends::at(matrix, a, weights)?;
        for e in 0..square {
            for f in 0..=e {
                let value = bends.of(e, f);
                if value != 0.0 {
                    sum.add_product(&gradients[p * square + e], &gradients[p * square + f], e == f, value);
                }
            }
            if sum.is_too_large() {
                return Err("the Hessian has too many entries".to_string());
            }
        }
    }
    Ok(())
}

fn stage_of(source: Source) -> Option<StageId> {
    match source {
        Source::Stage(id) => Some(id),
        Source::Variables | Source::Param(_) | Source::After(_) => None,
    }
}

/// Stage and number of the terms that are curved in leaves that vary, and weigh something.
fn curved_terms(here: &Linearised, weights: &[Vec<f64>]) -> Vec<(usize, usize)> {
    let mut curved = vec![];
    for (k, slopes) in here.slopes.iter().enumerate().filter(|(k, _)| weights[*k].iter().any(|w| *w != 0.0)) {
        for (t, slopes) in slopes.iter().enumerate().filter(|(_, slopes)| !slopes.is_empty()) {
            let varying: Vec<u32> = slopes.iter().map(|(leaf, _)| *leaf).collect();
            let body = here.problem.stages[k].terms[t].family.body;
            if shape(&here.problem.graph, body, &varying, &mut BTreeMap::new()) == Shape::Curved {
                curved.push((k, t));
            }
        }
    }
    curved
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Constant,
    Affine,
    Curved,
}

/// What a body is in the leaves that vary. What is not seen to be affine counts as curved.
fn shape(graph: &Graph, id: NodeId, varying: &[u32], known: &mut BTreeMap<NodeId, Shape>) -> Shape {
    if let Some(found) = known.get(&id) {
        return *found;
    }
    let found = match graph.node(id) {
        Node::Constant(_) => Shape::Constant,
        Node::Leaf(k) if varying.contains(&k) => Shape::Affine,
        Node::Leaf(_) => Shape::Constant,
        Node::Call(op, operands) => {
            let operands = &operands[..op.row().arity];
            let shapes: Vec<Shape> = operands.iter().map(|o| shape(graph, *o, varying, known)).collect();
            let most = shapes.iter().copied().max().unwrap_or(Shape::Constant);
            match (op, shapes.as_slice()) {
                (_, _) if most == Shape::Constant => Shape::Constant,
                (Op::Add | Op::Sub | Op::Neg, _) => most,
                (Op::Mul, [Shape::Constant, _] | [_, Shape::Constant]) | (Op::Div, [_, Shape::Constant]) => most,
                (_, _) => Shape::Curved,
            }
        }
    };
    known.insert(id, found);
    found
}

/// Products that the second derivatives of a term take, about.
fn work(here: &Linearised, (k, t): (usize, usize)) -> usize {
    let family = &here.problem.stages[k].terms[t].family;
    let nodes = here.problem.graph.reachable(&[family.body]).len();
    (family.instances as usize).saturating_mul(nodes).saturating_mul(4 * (1 + here.slopes[k][t].len()))
}

fn add_term(
    here: &Linearised,
    (k, t): (usize, usize),
    weights: &[f64],
    gradients: &BTreeMap<StageId, Rows>,
    sum: &mut Sum,
) -> Result<(), String> {
    let term = &here.problem.stages[k].terms[t];
    let tape = here.tape(term);
    if sum.is_dense() {
        products(here, term, &tape, 0..term.family.instances as usize, weights, gradients, sum);
    } else {
        let threads = threads::for_work(work(here, (k, t)));
        let found = AtomicUsize::new(sum.products);
        let lists = threads::each(Linearised::parts(term), threads, |part| {
            let mut list = List { entries: vec![], counted: 0, found: &found };
            products(here, term, &tape, part, weights, gradients, &mut list);
            list.count();
            list.entries
        });
        sum.products = found.into_inner();
        sum.lists.extend(lists);
        sum.lists.push(vec![]);
    }
    if sum.is_too_large() {
        return Err("the Hessian has too many entries".to_string());
    }
    Ok(())
}

/// Where products of slopes go.
trait Collect {
    /// To an entry and its mirror image.
    fn add(&mut self, i: u32, j: u32, value: f64);

    fn is_too_large(&mut self) -> bool;

    /// `value` times the product of two gradients, symmetrically; `same` if they are those of one leaf.
    fn add_product(&mut self, a: &Entries, b: &Entries, same: bool, value: f64) {
        for (i, gi) in a {
            for (j, gj) in b.iter().filter(|(j, _)| !same || j <= i) {
                // Both orders of two leaves meet on the diagonal.
                let twice = if !same && i == j { 2.0 } else { 1.0 };
                self.add(*i, *j, twice * gi * gj * value);
            }
        }
    }
}

/// The second derivatives of the instances `part` of a term by variables.
fn products(
    here: &Linearised,
    term: &Term,
    tape: &Tape,
    part: Range<usize>,
    weights: &[f64],
    gradients: &BTreeMap<StageId, Rows>,
    to: &mut impl Collect,
) {
    here.bend(term, tape, part, &mut |lanes, a, b, values| {
        if to.is_too_large() {
            return;
        }
        let (read_a, read_b) = (&term.family.leaves[a as usize], &term.family.leaves[b as usize]);
        let (from_a, from_b) = (stage_of(read_a.source), stage_of(read_b.source));
        let (from_a, from_b) = (from_a.map(|id| &gradients[&id]), from_b.map(|id| &gradients[&id]));
        for (p, value) in lanes.zip(values) {
            let weight = weights[term.target.at(p)];
            if weight == 0.0 || *value == 0.0 {
                continue;
            }
            let (at_a, at_b) = (read_a.map.at(p), read_b.map.at(p));
            let (own_a, own_b) = ([(at_a as u32, 1.0)], [(at_b as u32, 1.0)]);
            let path_a = from_a.map_or(own_a.as_slice(), |rows| &rows[at_a]);
            let path_b = from_b.map_or(own_b.as_slice(), |rows| &rows[at_b]);
            to.add_product(path_a, path_b, a == b, weight * value);
        }
    });
}

/// The entries of a part of the instances.
struct List<'f> {
    entries: Vec<(u32, u32, f64)>,
    /// How many of them are counted among those that all parts have found.
    counted: usize,
    found: &'f AtomicUsize,
}

impl List<'_> {
    /// How many all have found.
    fn count(&mut self) -> usize {
        let new = self.entries.len() - std::mem::replace(&mut self.counted, self.entries.len());
        self.found.fetch_add(new, Ordering::Relaxed) + new
    }
}

impl Collect for List<'_> {
    fn add(&mut self, i: u32, j: u32, value: f64) {
        self.entries.push((i.max(j), i.min(j), value));
    }

    /// Of all parts together: so it does not depend on who is ahead whether there are too many in the end.
    fn is_too_large(&mut self) -> bool {
        self.count() > ENTRIES
    }
}

/// What the Hessian is the sum of.
pub struct Sum {
    /// Lists of entries of the lower triangle, to be summed up in their order.
    lists: Vec<Vec<(u32, u32, f64)>>,
    /// Instead of them, up to [`DENSE`] variables, the lower triangle row by row, and the sizes of what is summed up in
    /// each row: there many bodies may depend on all of them.
    triangle: Vec<f64>,
    sizes: Vec<f64>,
    products: usize,
}

impl Collect for Sum {
    fn add(&mut self, i: u32, j: u32, value: f64) {
        let (row, column) = (i.max(j), i.min(j));
        match self.triangle.get_mut((row as usize * (row as usize + 1)) / 2 + column as usize) {
            Some(entry) => {
                *entry += value;
                note_size(&mut self.sizes, i, j, value);
            }
            None => self.lists.last_mut().expect("there is one to begin with").push((row, column, value)),
        }
        self.products += 1;
    }

    fn is_too_large(&mut self) -> bool {
        self.products > if self.is_dense() { PRODUCTS } else { ENTRIES }
    }
}

fn note_size(sizes: &mut [f64], i: u32, j: u32, value: f64) {
    sizes[i as usize] += value.abs();
    if i != j {
        sizes[j as usize] += value.abs();
    }
}

impl Sum {
    fn new(n: usize) -> Sum {
        let triangle = if n <= DENSE { vec![0.0; n * (n + 1) / 2] } else { vec![] };
        Sum { lists: vec![vec![]], triangle, sizes: vec![0.0; n], products: 0 }
    }

    fn is_dense(&self) -> bool {
        self.sizes.len() <= DENSE
    }

    pub fn finish(mut self) -> Result<Hessian, String> {
        for (i, j, value) in self.lists.iter().flatten() {
            note_size(&mut self.sizes, *i, *j, *value);
        }
        if self.sizes.iter().any(|v| !v.is_finite()) {
            return Err("second derivatives are not finite".to_string());
        }
        let n = self.sizes.len();
        let mut rows = Rows::default();
        if !self.is_dense() {
            rows = Rows::summed(n, &self.lists);
        } else {
            for i in 0..n {
                let row = &self.triangle[i * (i + 1) / 2..][..i + 1];
                rows.push((0..).zip(row).filter(|(_, v)| **v != 0.0).map(|(j, v)| (j, *v)));
            }
        }
        Ok(Hessian { rows, sizes: self.sizes })
    }
}

impl Hessian {
    /// Row, column and value of the lower triangle, ascending.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u32, f64)> + '_ {
        (0..).zip(self.rows.iter()).flat_map(|(i, row)| row.iter().map(move |(j, v)| (i, *j, *v)))
    }

    /// `d'Hd`
    pub fn along(&self, d: &[f64]) -> f64 {
        let part = |(i, j, v): (u32, u32, f64)| {
            let twice = if i == j { 1.0 } else { 2.0 };
            twice * v * d[i as usize] * d[j as usize]
        };
        self.entries().map(part).sum()
    }

    /// The largest size of a row: no eigenvalue is larger.
    pub fn size(&self) -> f64 {
        self.sizes.iter().fold(0.0, |most, v| most.max(*v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Model;

    /// Against central differences of the whole gradient, densely.
    #[test]
    fn bodies_add_up_to_differences_of_the_gradient() {
        let texts = [
            "var x[1..3]\nminimize sin(x[1] * x[2]) + x[3]^3 * x[1] + exp(x[1]) / x[2]\nsubject to a: x[1]^2 * x[3] == 1",
            // Through stages: a recurrence, and sums inside a function.
            "param n = 4\nvar x[1..n]\nlet s[k in 1..n] = if k == 1 then x[1]^2 else s[k-1] * x[k] + sin(x[k])\n\
             minimize s[n]^2 + log(1 + sum(k in 1..n: x[k]^2))\nsubject to b[k in 2..n]: s[k] * x[1] <= 9",
            "var x\nvar y\nmaximize max(x * y, 0.1 * x^2) + (if x > 0 then x^3 else y^4) + atan2(x, y)",
        ];
        for text in texts {
            let problem = Model::from_str(text).unwrap().build().unwrap().problem;
            let n = problem.dimension as usize;
            let x: Vec<f64> = (0..n).map(|j| 0.7 + 0.3 * j as f64).collect();
            let program = Program::at(&problem, &x);
            let mut duals = Duals::zero(&program);
            duals.rows.iter_mut().enumerate().for_each(|(r, y)| *y = 0.5 - r as f64);
            let hessian = of_lagrangian(&program, &duals).unwrap();
            let mut dense = vec![0.0; n * n];
            for (i, j, v) in hessian.entries() {
                dense[i as usize * n + j as usize] = v;
                dense[j as usize * n + i as usize] = v;
            }
            for j in 0..n {
                let at = |t: f64| {
                    let mut moved = x.clone();
                    moved[j] += t;
                    let there = Linearised::at(&problem, &program.functions(), &moved);
                    program.lagrangian_gradient(&there, 1.0, &duals.rows)
                };
                for (i, (up, down)) in at(1e-5).iter().zip(at(-1e-5)).enumerate() {
                    let expected = (up - down) / 2e-5;
                    let found = dense[i * n + j];
                    assert!((found - expected).abs() < 1e-6 * hessian.size(), "{text}: {i} {j} {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn second_derivatives_hold_next_to_a_singularity() {
        let text = "var x >= 0\nvar y\nminimize x * log(x) + y * x - 3 * y^2";
        let problem = Model::from_str(text).unwrap().build().unwrap().problem;
        for x in [1e-3, 1e-6, 1e-9, 1e-100] {
            let program = Program::at(&problem, &[x, x * x]);
            let hessian = of_lagrangian(&program, &Duals::zero(&program)).unwrap();
            let entries: Vec<_> = hessian.entries().collect();
            assert!(matches!(entries[..], [(0, 0, _), (1, 0, 1.0), (1, 1, -6.0)]), "{entries:?}");
            assert!((entries[0].2 * x - 1.0).abs() < 1e-15, "{x}: {entries:?}");
        }
    }
}
