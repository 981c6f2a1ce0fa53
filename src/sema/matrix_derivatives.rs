//! `grad`, `hess`, `jac`, `jvp` through functions of matrices, as sums over the entries of an inverse `B`:
//!
//! `d logdet = Σ_ij B[j, i] dA[i, j]`, `d det = det Σ_ij B[j, i] dA[i, j]`,
//! `d B[r, c] = -Σ_ij B[r, i] dA[i, j] B[j, c]`.
//!
//! So second derivatives follow. Those of `det` have no value where the matrix is singular. An eigenvalue has none in
//! terms of other functions of the language.

use super::error;
use super::scope::{Elaborator, R};
use crate::diag::Span;
use crate::expr::family::{Family, IndexMap, Leaf, MatrixStage, Source, Stage, StageId, Term};
use crate::expr::matrix::MatrixFunction;
use crate::expr::ops::Op;

impl Elaborator<'_> {
    /// The stage of a function of the matrices in the rows of `of`, `instances` of them; one that is there already is
    /// used again.
    pub(super) fn matrix_stage(&mut self, matrix: MatrixStage, instances: usize) -> StageId {
        let same = |m: &MatrixStage| (m.function, m.of, m.n) == (matrix.function, matrix.of, matrix.n);
        let stages = &self.problem.stages;
        if let Some(k) = stages.iter().position(|stage| stage.matrix.as_ref().is_some_and(same)) {
            return StageId(k as u32);
        }
        let rows = (instances * matrix.function.outputs(matrix.n as usize)) as u32;
        let name = format!("{}({})", matrix.function.name(), stages[matrix.of.0 as usize].name);
        self.add_stage(Stage { name, rows, terms: vec![], matrix: Some(matrix) }, false)
    }

    /// The terms of the derivative of a stage that is a function of matrices, given that of its entries (`jacobian`) by
    /// `count` numbers.
    pub(super) fn derivative_of_matrix(
        &mut self,
        (stage, matrix): (StageId, MatrixStage),
        jacobian: StageId,
        count: usize,
        span: Span,
    ) -> R<Vec<Term>> {
        let n = matrix.n as usize;
        let (square, outputs) = (n * n, matrix.function.outputs(n));
        let instances = self.problem.stages[stage.0 as usize].rows as usize / outputs;
        let total = instances.saturating_mul(outputs).saturating_mul(square).saturating_mul(count);
        self.within_limits(total, span)?;
        if matrix.function == MatrixFunction::LargestEigenvalue {
            return self.fail(error::derivative_of_eigenvalue(span));
        }
        let inverse = self.matrix_stage(MatrixStage { function: MatrixFunction::Inverse, ..matrix }, instances);
        // Of each instance of the sum: the matrix, the value of the function, the entry, and what it is differentiated by.
        let parts = |p: usize| {
            let (k, rest) = (p % count, p / count);
            let (e, rest) = (rest % square, rest / square);
            (rest / outputs, rest % outputs, e, k)
        };
        let leaf = |source: StageId, at: &dyn Fn(usize) -> usize| Leaf {
            source: Source::Stage(source),
            map: IndexMap::from_positions((0..total).map(|p| at(p) as u32).collect()),
        };
        let slope = leaf(jacobian, &|p| {
            let (m, _, e, k) = parts(p);
            (m * square + e) * count + k
        });
        let graph = &mut self.problem.graph;
        let [a, b, c] = [0, 1, 2].map(|k| graph.leaf(k));
        let product = graph.call(Op::Mul, &[a, b]);
        let (leaves, body) = match matrix.function {
            MatrixFunction::Inverse => {
                let left = leaf(inverse, &|p| {
                    let (m, z, e, _) = parts(p);
                    m * square + z / n * n + e / n
                });
                let right = leaf(inverse, &|p| {
                    let (m, z, e, _) = parts(p);
                    m * square + e % n * n + z % n
                });
                let triple = graph.call(Op::Mul, &[product, c]);
                (vec![left, right, slope], graph.call(Op::Neg, &[triple]))
            }
            MatrixFunction::Determinant | MatrixFunction::LogDeterminant | MatrixFunction::LargestEigenvalue => {
                let mirrored = leaf(inverse, &|p| {
                    let (m, _, e, _) = parts(p);
                    m * square + e % n * n + e / n
                });
                match matrix.function {
                    MatrixFunction::Determinant => {
                        let value = leaf(stage, &|p| parts(p).0);
                        (vec![mirrored, slope, value], graph.call(Op::Mul, &[product, c]))
                    }
                    _ => (vec![mirrored, slope], product),
                }
            }
        };
        let target = (0..total).map(|p| (p / count / square * count + p % count) as u32).collect();
        let family = Family { instances: total as u32, leaves, body };
        Ok(vec![Term { family, target: IndexMap::from_positions(target), level: 0, origin: matrix.origin }])
    }
}
