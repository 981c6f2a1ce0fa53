//! Functions of small dense matrices, given row by row: inverse, determinant, largest eigenvalue.

use nalgebra::DMatrix;

/// `None` if the matrix is singular to working precision.
pub fn inverse(a: &[f64], n: usize) -> Option<Vec<f64>> {
    let inverse = DMatrix::from_row_slice(n, n, a).try_inverse()?;
    Some((0..n * n).map(|k| inverse[(k / n, k % n)]).collect())
}

pub fn determinant(a: &[f64], n: usize) -> f64 {
    if n == 0 { 1.0 } else { DMatrix::from_row_slice(n, n, a).determinant() }
}

/// The logarithm of the determinant of a symmetric positive definite matrix; NaN if it is not definite.
pub fn log_determinant(a: &[f64], n: usize) -> f64 {
    if n == 0 {
        return 0.0;
    }
    match DMatrix::from_row_slice(n, n, a).cholesky() {
        Some(factor) => 2.0 * factor.l_dirty().diagonal().iter().map(|d| d.ln()).sum::<f64>(),
        None => f64::NAN,
    }
}

/// Of a symmetric matrix.
pub fn largest_eigenvalue(a: &[f64], n: usize) -> f64 {
    DMatrix::from_row_slice(n, n, a).symmetric_eigenvalues().max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_small_matrix() {
        let a = [4.0, 1.0, 1.0, 3.0];
        assert!((determinant(&a, 2) - 11.0).abs() < 1e-12);
        assert!((log_determinant(&a, 2) - 11f64.ln()).abs() < 1e-12);
        assert!((largest_eigenvalue(&a, 2) - (7.0 + 5f64.sqrt()) / 2.0).abs() < 1e-12);
        let b = inverse(&a, 2).expect("it is definite");
        for (found, wanted) in b.iter().zip([3.0 / 11.0, -1.0 / 11.0, -1.0 / 11.0, 4.0 / 11.0]) {
            assert!((found - wanted).abs() < 1e-12);
        }
        assert_eq!(inverse(&[1.0, 2.0, 2.0, 4.0], 2), None);
        assert!(log_determinant(&[0.0, 1.0, 1.0, 0.0], 2).is_nan());
    }
}
