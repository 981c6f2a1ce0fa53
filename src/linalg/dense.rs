//! Dense matrices of moderate size: Cholesky, symmetric eigenvalues, least squares, by nalgebra.
//!
//! Matrices are slices, row by row.

use nalgebra::{DMatrix, DVector};

/// The matrix is not positive definite (or not finite).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPositive;

/// The factor `A = L L'` of a positive definite matrix.
pub struct Cholesky(nalgebra::Cholesky<f64, nalgebra::Dyn>);

impl Cholesky {
    /// Factors a symmetric `n × n` matrix, of which the lower triangle is read. `O(n³/3)`.
    pub fn new(n: usize, a: &[f64]) -> Result<Cholesky, NotPositive> {
        nalgebra::Cholesky::new(DMatrix::from_row_slice(n, n, a)).map(Cholesky).ok_or(NotPositive)
    }

    /// The solution of `A x = b`.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        self.0.solve(&DVector::from_column_slice(b)).as_slice().to_vec()
    }
}

/// The factors `P A = L U` of a square matrix.
pub struct Lu(nalgebra::LU<f64, nalgebra::Dyn, nalgebra::Dyn>);

impl Lu {
    /// Factors an `n × n` matrix with row exchanges. `O(2n³/3)`.
    pub fn new(n: usize, a: &[f64]) -> Lu {
        Lu(DMatrix::from_row_slice(n, n, a).lu())
    }

    /// The solution of `A x = b`; `None` if a pivot is zero.
    pub fn solve(&self, b: &[f64]) -> Option<Vec<f64>> {
        self.0.solve(&DVector::from_column_slice(b)).map(|x| x.as_slice().to_vec())
    }
}

/// Eigenvalues of a symmetric `n × n` matrix, ascending. NaN everywhere if an entry is not finite. `O(n³)`.
pub fn symmetric_eigenvalues(n: usize, a: &[f64]) -> Vec<f64> {
    symmetric_eigen(n, a).0
}

/// Eigenvalues, ascending, and the unit eigenvectors that belong to them, one after another.
pub fn symmetric_eigen(n: usize, a: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
    if !super::vector::all_finite(a) {
        return (vec![f64::NAN; n], vec![vec![f64::NAN; n]; n]);
    }
    if n == 0 {
        return (vec![], vec![]);
    }
    let eigen = DMatrix::from_row_slice(n, n, a).symmetric_eigen();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| eigen.eigenvalues[*i].total_cmp(&eigen.eigenvalues[*j]));
    let vectors = order.iter().map(|i| eigen.eigenvectors.column(*i).iter().copied().collect()).collect();
    (order.iter().map(|i| eigen.eigenvalues[*i]).collect(), vectors)
}

/// The shortest `x` that minimises `|A x - b|`, `A` of `m × n`; singular values below `1e-12` of the largest count as
/// zero. `None` if an entry is not finite. `O(m n min(m, n))`.
pub fn least_squares(m: usize, n: usize, a: &[f64], b: &[f64]) -> Option<Vec<f64>> {
    if !super::vector::all_finite(a) || !super::vector::all_finite(b) {
        return None;
    }
    if m == 0 || n == 0 {
        return Some(vec![0.0; n]);
    }
    let svd = DMatrix::from_row_slice(m, n, a).svd(true, true);
    let zero = 1e-12 * svd.singular_values.max();
    svd.solve(&DVector::from_column_slice(b), zero).ok().map(|x| x.as_slice().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_matrix_has_no_eigenvalues() {
        assert_eq!(symmetric_eigen(0, &[]), (vec![], vec![]));
    }

    #[test]
    fn factors_eigenvalues_and_least_squares_of_small_matrices() {
        let a = [4.0, 2.0, 2.0, 3.0];
        let x = Cholesky::new(2, &a).unwrap().solve(&[8.0, 7.0]);
        assert!((x[0] - 1.25).abs() < 1e-14 && (x[1] - 1.5).abs() < 1e-14);
        assert!(Cholesky::new(2, &[1.0, 2.0, 2.0, 1.0]).is_err());
        let (values, vectors) = symmetric_eigen(2, &[1.0, 2.0, 2.0, 1.0]);
        assert!((values[0] + 1.0).abs() < 1e-14 && (values[1] - 3.0).abs() < 1e-14);
        assert!((vectors[1][0] - vectors[1][1]).abs() < 1e-14);
        let x = least_squares(2, 2, &[1.0, 1.0, 1.0, 1.0], &[1.0, 3.0]).unwrap();
        assert!((x[0] - 1.0).abs() < 1e-14 && (x[1] - 1.0).abs() < 1e-14);
    }
}
