//! Sparse factorisation of square matrices with partial pivoting, by faer.
//!
//! The order of elimination is found once for a pattern. Whether a matrix is singular shows in what is solved with it:
//! a solution that is not finite is none.

use super::ldlt::NotFactored;
use super::pattern::Pattern;
use super::vector::{all_finite, one_norm};
use faer::linalg::solvers::SolveCore;
use faer::sparse::linalg::solvers;
use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Conj, MatMut};

/// Steps of the estimate of a norm; more hardly ever change it.
const ESTIMATES: usize = 5;

pub struct Lu {
    /// Compressed rows of `A` are compressed columns of `A'`, which is what is factored.
    starts: Vec<usize>,
    columns: Vec<usize>,
    symbolic: solvers::SymbolicLu<usize>,
    factors: Option<solvers::Lu<usize, f64>>,
}

impl Lu {
    /// Analyses an `n × n` pattern.
    pub fn new(pattern: &Pattern) -> Result<Lu, NotFactored> {
        let n = pattern.rows;
        let columns: Vec<usize> = pattern.columns.iter().map(|c| *c as usize).collect();
        let matrix = SymbolicSparseColMatRef::new_checked(n, n, &pattern.starts, None, &columns);
        let symbolic = solvers::SymbolicLu::try_new(matrix).map_err(|_| NotFactored::TooLarge)?;
        Ok(Lu { starts: pattern.starts.clone(), columns, symbolic, factors: None })
    }

    fn dimension(&self) -> usize {
        self.starts.len() - 1
    }

    /// Factors the matrix with these entries, in the order of the pattern.
    pub fn factor(&mut self, values: &[f64]) -> Result<(), NotFactored> {
        self.factors = None;
        if !all_finite(values) {
            return Err(NotFactored::NotFinite);
        }
        let n = self.dimension();
        let pattern = SymbolicSparseColMatRef::new_checked(n, n, &self.starts, None, &self.columns);
        let matrix = SparseColMatRef::new(pattern, values);
        let factors = solvers::Lu::try_new_with_symbolic(self.symbolic.clone(), matrix);
        self.factors = Some(factors.map_err(|_| NotFactored::ZeroPivot)?);
        Ok(())
    }

    /// Overwrites `b` by the solution of `A x = b`; false (and `b` is of no use) where there are no factors, or where
    /// the matrix is singular.
    pub fn solve(&self, b: &mut [f64]) -> bool {
        let Some(factors) = &self.factors else { return false };
        let n = b.len();
        factors.solve_transpose_in_place_with_conj(Conj::No, MatMut::from_column_major_slice_mut(b, n, 1));
        all_finite(b)
    }

    /// The same for `A' x = b`.
    pub fn solve_transposed(&self, b: &mut [f64]) -> bool {
        let Some(factors) = &self.factors else { return false };
        let n = b.len();
        factors.solve_in_place_with_conj(Conj::No, MatMut::from_column_major_slice_mut(b, n, 1));
        all_finite(b)
    }

    /// About the largest column sum of `|A⁻¹|` (from below, rarely by more than a factor of 3); infinite where `A` is
    /// singular. Source: Hager (1984), Condition estimates, SIAM J. Sci. Stat. Comput. 5; Higham (1988), ACM TOMS 14.
    pub fn inverse_norm(&self) -> f64 {
        let n = self.dimension();
        let mut x = vec![1.0 / n as f64; n];
        let mut norm = 0.0;
        for _ in 0..ESTIMATES {
            let mut y = x.clone();
            if !self.solve(&mut y) {
                return f64::INFINITY;
            }
            let found = one_norm(&y);
            if found <= norm {
                break;
            }
            norm = found;
            let mut z: Vec<f64> = y.iter().map(|v| if *v < 0.0 { -1.0 } else { 1.0 }).collect();
            if !self.solve_transposed(&mut z) {
                return f64::INFINITY;
            }
            let steepest = (0..n).max_by(|a, b| z[*a].abs().total_cmp(&z[*b].abs()));
            let Some(steepest) = steepest else { break };
            x = vec![0.0; n];
            x[steepest] = 1.0;
        }
        norm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(rows: &[&[f64]]) -> (Pattern, Vec<f64>) {
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        let pattern = Pattern::from_rows(rows.len(), &vec![all; rows.len()]);
        (pattern, rows.iter().flat_map(|r| r.iter().copied()).collect())
    }

    #[test]
    fn both_systems_are_solved() {
        let (pattern, values) = dense(&[&[0.0, 2.0, 1.0], &[1.0, 0.0, 0.0], &[4.0, 1.0, -1.0]]);
        let mut lu = Lu::new(&pattern).expect("small");
        lu.factor(&values).expect("regular");
        let mut b = [5.0, 1.0, 6.0 - 3.0];
        assert!(lu.solve(&mut b));
        // 2y + z = 5, x = 1, 4x + y - z = 3
        for (found, expected) in b.iter().zip([1.0, 4.0 / 3.0, 7.0 / 3.0]) {
            assert!((found - expected).abs() < 1e-14, "{b:?}");
        }
        let mut c = [1.0, 2.0, 3.0];
        assert!(lu.solve_transposed(&mut c));
        // A' c = (1, 2, 3)
        let back = [c[1] + 4.0 * c[2], 2.0 * c[0] + c[2], c[0] - c[2]];
        for (found, expected) in back.iter().zip([1.0, 2.0, 3.0]) {
            assert!((found - expected).abs() < 1e-14, "{c:?}");
        }
    }

    #[test]
    fn singular_matrices_solve_nothing() {
        for rows in [[[1.0, 2.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 1.0]]] {
            let (pattern, values) = dense(&[&rows[0], &rows[1]]);
            let mut lu = Lu::new(&pattern).expect("small");
            let solved = lu.factor(&values).is_ok() && lu.solve(&mut [1.0, 0.0]);
            assert!(!solved && lu.inverse_norm() == f64::INFINITY);
        }
    }

    #[test]
    fn the_norm_of_an_inverse_is_estimated() {
        let (pattern, values) = dense(&[&[1e-3, 0.0], &[0.0, 2.0]]);
        let mut lu = Lu::new(&pattern).expect("small");
        lu.factor(&values).expect("regular");
        assert!((lu.inverse_norm() - 1e3).abs() < 1e-9);
    }
}
