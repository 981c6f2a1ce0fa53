//! Functions of small dense matrices, given row by row, by factorisation.

use super::dense::symmetric_eigen;
use super::vector::all_finite;
use nalgebra::DMatrix;

/// `None` if the matrix is singular to working precision, or an entry is not finite.
pub fn inverse(a: &[f64], n: usize) -> Option<Vec<f64>> {
    if !all_finite(a) {
        return None;
    }
    let inverse = DMatrix::from_row_slice(n, n, a).try_inverse()?;
    Some((0..n * n).map(|k| inverse[(k / n, k % n)]).collect())
}

pub fn determinant(a: &[f64], n: usize) -> f64 {
    if n == 0 { 1.0 } else { DMatrix::from_row_slice(n, n, a).determinant() }
}

/// `Σ log d_k` of `A = L D U` with unit triangles `L` and `U`, for which no rows are exchanged; NaN unless all `d_k` are
/// positive, which a symmetric matrix has where it is positive definite. `O(n³)`.
pub fn log_determinant(a: &[f64], n: usize) -> f64 {
    let mut a = a.to_vec();
    let mut sum = 0.0;
    for k in 0..n {
        let (above, below) = a.split_at_mut((k + 1) * n);
        let row = &above[k * n..];
        let pivot = row[k];
        if pivot.is_nan() || pivot <= 0.0 {
            return f64::NAN;
        }
        sum += pivot.ln();
        for line in below.chunks_exact_mut(n) {
            let factor = line[k] / pivot;
            if factor != 0.0 {
                line[k..].iter_mut().zip(&row[k..]).for_each(|(entry, above)| *entry -= factor * above);
            }
        }
    }
    sum
}

/// Of the symmetric part; NaN if an entry is not finite.
pub fn largest_eigenvalue(a: &[f64], n: usize) -> f64 {
    symmetric_eigen(n, &symmetric_part(a, n)).0.last().copied().unwrap_or(f64::NEG_INFINITY)
}

/// `(A + A') / 2`
pub fn symmetric_part(a: &[f64], n: usize) -> Vec<f64> {
    (0..n * n).map(|k| 0.5 * (a[k] + a[k % n * n + k / n])).collect()
}

/// `A = U diag(s) V'` with orthogonal `U` and `V`.
pub struct Singular {
    /// Row by row.
    pub u: Vec<f64>,
    pub values: Vec<f64>,
    /// Row by row.
    pub v: Vec<f64>,
    /// `det U det V`, which is 1 or -1.
    pub sign: f64,
}

/// Singular values of a square matrix; `None` if an entry is not finite. `O(n³)`.
pub fn singular(a: &[f64], n: usize) -> Option<Singular> {
    if !all_finite(a) {
        return None;
    }
    if n == 0 {
        return Some(Singular { u: vec![], values: vec![], v: vec![], sign: 1.0 });
    }
    let svd = faer::Mat::from_fn(n, n, |i, j| a[i * n + j]).svd().ok()?;
    let (u, v) = (svd.U(), svd.V());
    let rows = |of: faer::MatRef<'_, f64>| (0..n * n).map(|k| of[(k / n, k % n)]).collect();
    let (u, v): (Vec<f64>, Vec<f64>) = (rows(u), rows(v));
    let sign = (determinant(&u, n) * determinant(&v, n)).signum();
    Some(Singular { u, values: svd.S().column_vector().iter().copied().collect(), v, sign })
}

/// `out = A B`; rows of `B` that are 0 cost nothing.
pub fn multiply(a: &[f64], b: &[f64], n: usize, out: &mut [f64]) {
    out.fill(0.0);
    if n == 0 {
        return;
    }
    for (k, row) in b.chunks_exact(n).enumerate() {
        if row.iter().all(|v| *v == 0.0) {
            continue;
        }
        for (line, to) in a.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
            let factor = line[k];
            if factor != 0.0 {
                to.iter_mut().zip(row).for_each(|(to, v)| *to += factor * v);
            }
        }
    }
}

pub fn transposed(a: &[f64], n: usize) -> Vec<f64> {
    (0..n * n).map(|k| a[k % n * n + k / n]).collect()
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
        assert!(log_determinant(&[-1.0, 0.0, 0.0, -1.0], 2).is_nan());
        // Not symmetric, with the leading minors 2 and 7; the symmetric part is [2, 1; 1, 2].
        assert!((log_determinant(&[2.0, 3.0, -1.0, 2.0], 2) - 7f64.ln()).abs() < 1e-15);
        assert!((largest_eigenvalue(&[2.0, 3.0, -1.0, 2.0], 2) - 3.0).abs() < 1e-15);
    }

    #[test]
    fn singular_values_give_back_the_matrix() {
        let a = [1.0, -2.0, 0.5, 3.0, 0.0, 4.0, 2.0, 2.0, -1.0];
        let Singular { u, values, v, sign } = singular(&a, 3).unwrap();
        let scaled: Vec<f64> = (0..9).map(|k| u[k] * values[k % 3]).collect();
        let mut back = vec![0.0; 9];
        multiply(&scaled, &transposed(&v, 3), 3, &mut back);
        assert!(back.iter().zip(&a).all(|(b, a)| (b - a).abs() < 1e-14));
        let product: f64 = values.iter().product();
        assert!((sign * product - determinant(&a, 3)).abs() < 1e-13);
    }
}
