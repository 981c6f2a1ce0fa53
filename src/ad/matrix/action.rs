//! What is done with functions of matrices between kernels.

use super::super::action::StageRows;
use super::derivatives::{self, At};
use crate::expr::matrix::MatrixFunction;

/// A family of matrices and what stands of it in the arena.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub function: MatrixFunction,
    pub n: usize,
    pub instances: usize,
    /// Where the entries, the values and what is kept for derivatives begin, matrix after matrix.
    pub entries: usize,
    pub values: usize,
    pub kept: usize,
}

#[derive(Clone, Debug)]
pub enum MatrixAction {
    Values(Node),
    /// `to += G(A; w)`
    Adjoints {
        node: Node,
        weights: usize,
        to: usize,
    },
    /// `to = ∂z/∂A · D`
    Tangents {
        node: Node,
        from: usize,
        to: usize,
    },
    /// `to += G(A; ẇ) + dG(D)`
    AdjointTangents {
        node: Node,
        weights: usize,
        changes: usize,
        direction: usize,
        to: usize,
    },
    Rows(MatrixRows),
    Curvature(MatrixCurvature),
}

/// Rows of the Jacobian: `∂z_k/∂A` times the Jacobian of the entries.
#[derive(Clone, Debug)]
pub struct MatrixRows {
    pub node: Node,
    /// The Jacobian of the entries.
    pub entries: StageRows,
    /// For each of its numbers the place within a row of the result.
    pub slots: Vec<u32>,
    /// Where the rows of the result begin in the arena.
    pub starts: Vec<usize>,
}

/// `out[positions] += D_k · dG(D_l)` with `D_k` the derivative of the matrix by its k-th variable, lower triangle.
#[derive(Clone, Debug)]
pub struct MatrixCurvature {
    pub node: Node,
    pub weights: usize,
    /// Where the Jacobian of the entries stands in the arena.
    pub values: usize,
    /// For each matrix and each of its variables: entries of the matrix, with the number in the Jacobian.
    pub columns: Vec<Vec<Vec<(u32, u32)>>>,
    pub positions: Vec<u32>,
}

impl Node {
    fn outputs(&self) -> usize {
        self.function.outputs(self.n)
    }

    fn kept<'a>(&self, arena: &'a [f64], p: usize) -> At<'a> {
        let length = derivatives::kept_length(self.function, self.n);
        let from = self.kept + p * length;
        At { function: self.function, n: self.n, kept: &arena[from..from + length] }
    }
}

/// Part `p` of equal parts of the arena.
fn part(arena: &[f64], base: usize, length: usize, p: usize) -> &[f64] {
    &arena[base + p * length..base + (p + 1) * length]
}

impl MatrixAction {
    pub fn run(&self, arena: &mut [f64], out: &mut [f64]) {
        match self {
            MatrixAction::Values(node) => {
                let (square, outputs) = (node.n * node.n, node.outputs());
                let length = derivatives::kept_length(node.function, node.n);
                let (mut values, mut kept) = (vec![0.0; outputs], vec![0.0; length]);
                for p in 0..node.instances {
                    let a = part(arena, node.entries, square, p);
                    derivatives::values(node.function, node.n, a, &mut values, &mut kept);
                    arena[node.values + p * outputs..][..outputs].copy_from_slice(&values);
                    arena[node.kept + p * length..][..length].copy_from_slice(&kept);
                }
            }
            MatrixAction::Adjoints { node, weights, to } => {
                let square = node.n * node.n;
                for p in 0..node.instances {
                    let w = part(arena, *weights, node.outputs(), p);
                    // A value without weight has no say, even where it is not defined.
                    if w.iter().all(|w| *w == 0.0) {
                        continue;
                    }
                    let mut g = part(arena, *to, square, p).to_vec();
                    node.kept(arena, p).add_gradient(w, &mut g);
                    arena[to + p * square..][..square].copy_from_slice(&g);
                }
            }
            MatrixAction::Tangents { node, from, to } => {
                for p in 0..node.instances {
                    let z = node.kept(arena, p).along(part(arena, *from, node.n * node.n, p));
                    arena[to + p * z.len()..][..z.len()].copy_from_slice(&z);
                }
            }
            MatrixAction::AdjointTangents { node, weights, changes, direction, to } => {
                let square = node.n * node.n;
                for p in 0..node.instances {
                    let w = part(arena, *weights, node.outputs(), p);
                    let changed = part(arena, *changes, node.outputs(), p);
                    if w.iter().chain(changed).all(|w| *w == 0.0) {
                        continue;
                    }
                    let mut g = part(arena, *to, square, p).to_vec();
                    let at = node.kept(arena, p);
                    at.add_gradient(changed, &mut g);
                    at.add_change(w, &at.prepared(w), part(arena, *direction, square, p), &mut g);
                    arena[to + p * square..][..square].copy_from_slice(&g);
                }
            }
            MatrixAction::Rows(rows) => rows.run(arena),
            MatrixAction::Curvature(curvature) => curvature.run(arena, out),
        }
    }
}

impl MatrixRows {
    fn run(&self, arena: &mut [f64]) {
        let Node { function, n, instances, .. } = self.node;
        let (square, outputs) = (n * n, self.node.outputs());
        let first = self.entries.pattern.starts[0];
        for p in 0..instances {
            for k in 0..outputs {
                let row = self.starts[p * outputs + k]..self.starts[p * outputs + k + 1];
                arena[row].fill(0.0);
            }
            let inverse = function == MatrixFunction::Inverse;
            let gradient = if inverse {
                self.node.kept(arena, p).kept.to_vec()
            } else {
                let mut gradient = vec![0.0; square];
                self.node.kept(arena, p).add_gradient(&[1.0], &mut gradient);
                gradient
            };
            for e in 0..square {
                for at in self.entries.pattern.row(p * square + e) {
                    let (slope, slot) = (arena[self.entries.values + at], self.slots[at - first] as usize);
                    if slope == 0.0 {
                        continue;
                    }
                    if !inverse {
                        arena[self.starts[p] + slot] += gradient[e] * slope;
                        continue;
                    }
                    // d inv(A)[r, c] = -B[r, i] dA[i, j] B[j, c]
                    let (i, j) = (e / n, e % n);
                    for r in 0..n {
                        let factor = -gradient[r * n + i] * slope;
                        for c in 0..n {
                            arena[self.starts[p * outputs + r * n + c] + slot] += factor * gradient[j * n + c];
                        }
                    }
                }
            }
        }
    }
}

impl MatrixCurvature {
    fn run(&self, arena: &[f64], out: &mut [f64]) {
        let square = self.node.n * self.node.n;
        let mut positions = self.positions.iter();
        let (mut direction, mut change) = (vec![0.0; square], vec![0.0; square]);
        for (p, columns) in self.columns.iter().enumerate() {
            let w = part(arena, self.weights, self.node.outputs(), p);
            if w.iter().all(|w| *w == 0.0) {
                positions.by_ref().take(columns.len() * (columns.len() + 1) / 2).for_each(drop);
                continue;
            }
            let at = self.node.kept(arena, p);
            let prepared = at.prepared(w);
            for (k, column) in columns.iter().enumerate() {
                direction.fill(0.0);
                change.fill(0.0);
                column.iter().for_each(|(e, at)| direction[*e as usize] = arena[self.values + *at as usize]);
                at.add_change(w, &prepared, &direction, &mut change);
                for (other, &at) in columns[..=k].iter().zip(&mut positions) {
                    let slope = |(e, at): &(u32, u32)| change[*e as usize] * arena[self.values + *at as usize];
                    out[at as usize] += other.iter().map(slope).sum::<f64>();
                }
            }
        }
    }
}
