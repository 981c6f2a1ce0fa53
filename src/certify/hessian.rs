//! The Hessian of the Lagrangian, sparse: `∇²L = Σ over instances  weight  G' B G`.
//!
//! `B` is the Hessian of a body in its own leaves, by central differences of its dual slopes, `G` the gradients of what
//! the leaves read, and `weight` what the row of the instance weighs in the gradient of the Lagrangian, through all
//! stages in between. Bodies that are affine in their leaves are left out.

use super::linearise::{Linearised, SparseRow};
use super::program::Program;
use super::residuals::Duals;
use crate::expr::family::{Source, StageId, Term};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::ops::Op;
use std::collections::{BTreeMap, BTreeSet};

/// Relative step of the differences: near the cube root of the precision of slopes.
pub const STEP: f64 = 6e-6;
/// Leaves nearer to 0 than this get a short step too: a singularity at 0 bends the differences of others by 1e-7 at most.
const SMALL: f64 = 1e-2;
/// Differences over a long and a short step agree if they are within this part of each other.
const AGREEMENT: f64 = 1e-6;
/// A difference over a short step counts if rounding is within this part of it.
const SHARP: f64 = 1e-4;
/// Products that the differences may take: some seconds.
const WORK: usize = 3_000_000_000;
/// Entries before those at the same place are summed up, and entries of gradients of stages in between.
pub const ENTRIES: usize = 20_000_000;
/// Products of slopes that are summed up, and up to how many variables that is done in a dense triangle.
const PRODUCTS: usize = 500_000_000;
const DENSE: usize = 1000;

pub struct Hessian {
    /// Row, column and value of the lower triangle, ascending.
    pub entries: Vec<(u32, u32, f64)>,
    /// For each variable the sizes of all that is summed up in its row.
    pub sizes: Vec<f64>,
    /// For each variable how much rounding of the differences can move its row by.
    pub noise: Vec<f64>,
}

/// At the point of the program, with differences over `step max(1, |leaf|)`; or why not.
pub fn of_lagrangian(program: &Program, duals: &Duals, step: f64) -> Result<Hessian, String> {
    let (_, weights) = program.lagrangian_sweep(&program.here, 1.0, &duals.rows);
    let curved = curved_terms(&program.here, &weights);
    if curved.iter().map(|at| work(&program.here, *at)).fold(0, usize::saturating_add) > WORK {
        return Err("the differences would take too long".to_string());
    }
    let read = curved.iter().flat_map(|(k, t)| &program.problem.stages[*k].terms[*t].family.leaves);
    let between: BTreeSet<StageId> = read.filter_map(|leaf| stage_of(leaf.source)).collect();
    let between: Vec<StageId> = between.into_iter().collect();
    let Some(gradients) = program.here.rows(&between, ENTRIES) else {
        return Err("the expressions in between depend on too many variables".to_string());
    };
    let mut sum = Sum::new(program.x.len());
    for (k, t) in curved {
        add_term(&program.here, (k, t), &weights[k], &gradients, step, &mut sum)?;
    }
    sum.finish()
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

/// Products that the differences of a term take, about.
fn work(here: &Linearised, (k, t): (usize, usize)) -> usize {
    let family = &here.problem.stages[k].terms[t].family;
    let nodes = here.problem.graph.reachable(&[family.body]).len();
    let leaves = here.slopes[k][t].len();
    (family.instances as usize).saturating_mul(nodes).saturating_mul(4 * leaves * (1 + leaves))
}

/// Derivatives of the slopes of a body along a leaf, by leaf and instance, and how much of each may be rounding.
struct Column {
    values: Vec<Vec<f64>>,
    noise: Vec<Vec<f64>>,
}

/// Over `step max(1, |leaf|)`; where that leaves the domain, or is not the derivative yet, as near a singularity at 0,
/// over `step |leaf|`.
fn derivatives(here: &Linearised, term: &Term, leaf: usize, step: f64) -> Column {
    let mut column = differences(here, term, leaf, &|v| step * v.abs().max(1.0));
    let read = &term.family.leaves[leaf];
    let small = |v: f64| v != 0.0 && v.abs() < SMALL;
    if !(0..term.family.instances as usize).any(|p| small(here.read(read, p))) {
        return column;
    }
    let short = differences(here, term, leaf, &|v| step * v.abs());
    let finer = short.values.iter().flatten().zip(short.noise.iter().flatten());
    let taken = column.values.iter_mut().flatten().zip(column.noise.iter_mut().flatten());
    for ((value, noise), (fine, rounding)) in taken.zip(finer) {
        // What is not a number differs from everything. A step in which slopes do not move says nothing.
        let agree = (*value - fine).abs() <= rounding + AGREEMENT * fine.abs();
        if !agree && *rounding > 0.0 && *rounding <= SHARP * fine.abs() {
            (*value, *noise) = (*fine, *rounding);
        }
    }
    column
}

fn differences(here: &Linearised, term: &Term, leaf: usize, step: &dyn Fn(f64) -> f64) -> Column {
    let read = &term.family.leaves[leaf];
    let above = here.slopes_moved(term, leaf, &|v| v + step(v));
    let below = here.slopes_moved(term, leaf, &|v| v - step(v));
    let mut column = Column { values: vec![], noise: vec![] };
    for ((_, up), (_, down)) in above.iter().zip(&below) {
        let (mut values, mut noise) = (vec![0.0; up.len()], vec![0.0; up.len()]);
        for p in 0..up.len() {
            let at = here.read(read, p);
            let width = (at + step(at)) - (at - step(at));
            values[p] = (up[p] - down[p]) / width;
            if up[p] != down[p] {
                noise[p] = 4.0 * f64::EPSILON * (up[p].abs() + down[p].abs()) / width;
            }
        }
        column.values.push(values);
        column.noise.push(noise);
    }
    column
}

fn add_term(
    here: &Linearised,
    (k, t): (usize, usize),
    weights: &[f64],
    gradients: &BTreeMap<StageId, Vec<SparseRow>>,
    step: f64,
    sum: &mut Sum,
) -> Result<(), String> {
    let term = &here.problem.stages[k].terms[t];
    let leaves: Vec<usize> = here.slopes[k][t].iter().map(|(leaf, _)| *leaf as usize).collect();
    let columns: Vec<Column> = leaves.iter().map(|leaf| derivatives(here, term, *leaf, step)).collect();
    let mut own: Vec<[(u32, f64); 1]> = vec![[(0, 1.0)]; leaves.len()];
    for p in 0..term.family.instances as usize {
        let weight = weights[term.target.at(p)];
        if weight == 0.0 {
            continue;
        }
        for (own, leaf) in own.iter_mut().zip(&leaves) {
            own[0].0 = term.family.leaves[*leaf].map.at(p) as u32;
        }
        let path = |a: usize| -> &[(u32, f64)] {
            match stage_of(term.family.leaves[leaves[a]].source) {
                Some(id) => &gradients[&id][own[a][0].0 as usize],
                None => &own[a],
            }
        };
        for a in 0..leaves.len() {
            for b in 0..=a {
                let value = 0.5 * (columns[a].values[b][p] + columns[b].values[a][p]);
                let noise = 0.5 * (columns[a].noise[b][p] + columns[b].noise[a][p]);
                if value == 0.0 && noise == 0.0 {
                    continue;
                }
                for (i, gi) in path(a) {
                    for (j, gj) in path(b).iter().filter(|(j, _)| a != b || j <= i) {
                        // Both orders of two leaves meet on the diagonal.
                        let twice = if a != b && i == j { 2.0 } else { 1.0 };
                        let factor = twice * weight * gi * gj;
                        sum.add(*i, *j, factor * value, factor.abs() * noise);
                    }
                }
                if sum.is_too_large() {
                    return Err("the Hessian has too many entries".to_string());
                }
            }
        }
    }
    Ok(())
}

struct Sum {
    entries: Vec<(u32, u32, f64)>,
    /// The lower triangle row by row, up to [`DENSE`] variables: there many bodies may depend on all of them.
    triangle: Vec<f64>,
    products: usize,
    sizes: Vec<f64>,
    noise: Vec<f64>,
}

impl Sum {
    fn new(n: usize) -> Sum {
        let triangle = if n <= DENSE { vec![0.0; n * (n + 1) / 2] } else { vec![] };
        Sum { entries: vec![], triangle, products: 0, sizes: vec![0.0; n], noise: vec![0.0; n] }
    }

    fn add(&mut self, i: u32, j: u32, value: f64, noise: f64) {
        let (row, column) = (i.max(j), i.min(j));
        match self.triangle.get_mut((row as usize * (row as usize + 1)) / 2 + column as usize) {
            Some(entry) => *entry += value,
            None => self.entries.push((row, column, value)),
        }
        self.products += 1;
        for v in [i, j].iter().skip((i == j) as usize) {
            self.sizes[*v as usize] += value.abs();
            self.noise[*v as usize] += noise;
        }
    }

    fn is_too_large(&self) -> bool {
        self.entries.len() > ENTRIES || self.products > PRODUCTS
    }

    fn finish(mut self) -> Result<Hessian, String> {
        if self.sizes.iter().chain(&self.noise).any(|v| !v.is_finite()) {
            return Err("second derivatives are not finite".to_string());
        }
        if !self.triangle.is_empty() {
            let places = (0..self.sizes.len() as u32).flat_map(|i| (0..=i).map(move |j| (i, j)));
            let entries = places.zip(&self.triangle).map(|((i, j), v)| (i, j, *v));
            self.entries = entries.filter(|(_, _, v)| *v != 0.0).collect();
        }
        self.entries.sort_by_key(|(i, j, _)| (*i, *j));
        self.entries.dedup_by(|later, first| {
            let same = (later.0, later.1) == (first.0, first.1);
            if same {
                first.2 += later.2;
            }
            same
        });
        Ok(Hessian { entries: self.entries, sizes: self.sizes, noise: self.noise })
    }
}

impl Hessian {
    /// `d'Hd`
    pub fn along(&self, d: &[f64]) -> f64 {
        let part = |(i, j, v): &(u32, u32, f64)| {
            let twice = if i == j { 1.0 } else { 2.0 };
            twice * v * d[*i as usize] * d[*j as usize]
        };
        self.entries.iter().map(part).sum()
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
            let hessian = of_lagrangian(&program, &duals, STEP).unwrap();
            let mut dense = vec![0.0; n * n];
            for (i, j, v) in &hessian.entries {
                dense[*i as usize * n + *j as usize] = *v;
                dense[*j as usize * n + *i as usize] = *v;
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
    fn steps_are_short_near_a_singularity() {
        let text = "var x >= 0\nvar y\nminimize x * log(x) + y * x - 3 * y^2";
        let problem = Model::from_str(text).unwrap().build().unwrap().problem;
        for x in [1e-3, 1e-6, 1e-9] {
            let program = Program::at(&problem, &[x, x * x]);
            let hessian = of_lagrangian(&program, &Duals::zero(&program), STEP).unwrap();
            let [(0, 0, found), (1, 0, cross), (1, 1, square)] = hessian.entries[..] else {
                panic!("{:?}", hessian.entries)
            };
            assert!((square + 6.0).abs() < 1e-8, "{x}: {square}");
            assert!((found * x - 1.0).abs() < 1e-4 && (cross - 1.0).abs() < 1e-8, "{x}: {found} {cross}");
        }
    }
}
