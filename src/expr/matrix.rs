//! Functions of square matrices: what is known of them, and their values by the plainest algorithms.
//!
//! Each is a stage of its own ([`super::family::MatrixStage`]): the entries are rows of an earlier stage, so that no
//! formula in them is ever written out. The engine has values and derivatives by factorisation (`ad/matrix`), the judge
//! slopes of its own (`certify/matrix.rs`); both are tested against what stands here.

use super::interval::Interval;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatrixFunction {
    Determinant,
    /// Where all leading principal minors are positive: of symmetric matrices, the positive definite ones.
    LogDeterminant,
    Inverse,
    /// Of the symmetric part `(A + A') / 2`.
    LargestEigenvalue,
}

impl MatrixFunction {
    /// As models write it.
    pub fn name(self) -> &'static str {
        match self {
            MatrixFunction::Determinant => "det",
            MatrixFunction::LogDeterminant => "logdet",
            MatrixFunction::Inverse => "inv",
            MatrixFunction::LargestEigenvalue => "eigmax",
        }
    }

    /// What it needs, in the words of messages; empty if it is defined everywhere.
    pub fn needs(self) -> &'static str {
        match self {
            MatrixFunction::Determinant | MatrixFunction::LargestEigenvalue => "",
            MatrixFunction::LogDeterminant => "a matrix whose leading principal minors are positive",
            MatrixFunction::Inverse => "a matrix that is not singular",
        }
    }

    /// How many values it has of a matrix with `n` rows.
    pub fn outputs(self, n: usize) -> usize {
        match self {
            MatrixFunction::Inverse => n * n,
            MatrixFunction::Determinant | MatrixFunction::LogDeterminant | MatrixFunction::LargestEigenvalue => 1,
        }
    }

    /// Its values of the matrix `a`, row by row; NaN where it is not defined.
    pub fn values(self, a: &[f64], n: usize) -> Vec<f64> {
        match self {
            MatrixFunction::Determinant => vec![determinant(a, n)],
            MatrixFunction::LogDeterminant => vec![log_determinant(a, n)],
            MatrixFunction::Inverse => inverse(a, n),
            MatrixFunction::LargestEigenvalue => {
                vec![
                    eigen(a, n)
                        .0
                        .into_iter()
                        .fold(f64::NEG_INFINITY, |most, v| if v.is_nan() { v } else { most.max(v) }),
                ]
            }
        }
    }

    /// What encloses its values where all entries lie in one interval.
    pub fn image(self, n: usize, entries: Interval) -> Interval {
        let n = n as f64;
        let size = entries.magnitude().hi;
        // Hadamard: no determinant is larger than the product of the lengths of the rows.
        let most = (n.sqrt() * size).powf(n);
        let image = match self {
            MatrixFunction::Determinant => Interval { lo: -most, hi: most },
            MatrixFunction::LogDeterminant => Interval { lo: f64::NEG_INFINITY, hi: n * (n.sqrt() * size).ln() },
            MatrixFunction::Inverse => Interval::WHOLE,
            // At least every element of the diagonal; at most the largest sum of magnitudes of a row.
            MatrixFunction::LargestEigenvalue => Interval { lo: entries.lo, hi: n * size },
        };
        if image.lo.is_nan() || image.hi.is_nan() { Interval::WHOLE } else { image.widened() }
    }
}

/// Gauss's elimination with exchanges of rows.
fn determinant(a: &[f64], n: usize) -> f64 {
    let mut a = a.to_vec();
    let mut product = 1.0;
    for k in 0..n {
        let pivot = largest_below(&a, n, k);
        if pivot != k {
            exchange(&mut a, n, pivot, k);
            product = -product;
        }
        product *= a[k * n + k];
        if a[k * n + k] == 0.0 {
            return 0.0;
        }
        eliminate_below(&mut a, n, k);
    }
    product
}

/// The sum of the logarithms of the pivots without exchanges, which are ratios of leading principal minors.
fn log_determinant(a: &[f64], n: usize) -> f64 {
    let mut a = a.to_vec();
    let mut sum = 0.0;
    for k in 0..n {
        let pivot = a[k * n + k];
        if pivot.is_nan() || pivot <= 0.0 {
            return f64::NAN;
        }
        sum += pivot.ln();
        eliminate_below(&mut a, n, k);
    }
    sum
}

/// Jordan's elimination with exchanges of rows, on `[A | I]`.
fn inverse(a: &[f64], n: usize) -> Vec<f64> {
    let mut a = a.to_vec();
    let mut b = vec![0.0; n * n];
    (0..n).for_each(|k| b[k * n + k] = 1.0);
    for k in 0..n {
        let pivot = largest_below(&a, n, k);
        exchange(&mut a, n, pivot, k);
        exchange(&mut b, n, pivot, k);
        let by = a[k * n + k];
        if by == 0.0 || !by.is_finite() {
            return vec![f64::NAN; n * n];
        }
        for j in 0..n {
            a[k * n + j] /= by;
            b[k * n + j] /= by;
        }
        for i in (0..n).filter(|i| *i != k) {
            let factor = a[i * n + k];
            for j in 0..n {
                a[i * n + j] -= factor * a[k * n + j];
                b[i * n + j] -= factor * b[k * n + j];
            }
        }
    }
    b
}

fn largest_below(a: &[f64], n: usize, k: usize) -> usize {
    (k..n).fold(k, |best, i| if a[i * n + k].abs() > a[best * n + k].abs() { i } else { best })
}

fn exchange(a: &mut [f64], n: usize, i: usize, k: usize) {
    if i != k {
        (0..n).for_each(|j| a.swap(i * n + j, k * n + j));
    }
}

fn eliminate_below(a: &mut [f64], n: usize, k: usize) {
    for i in k + 1..n {
        let factor = a[i * n + k] / a[k * n + k];
        for j in k..n {
            a[i * n + j] -= factor * a[k * n + j];
        }
    }
}

/// Sweeps of Jacobi's method; it converges quadratically, ten are plenty.
const SWEEPS: usize = 60;

/// Eigenvalues of the symmetric part of `a`, in no order, and the unit vectors that belong to them as columns of a
/// matrix, by Jacobi's rotations. NaN if an entry is not finite.
pub fn eigen(a: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    if a.iter().any(|v| !v.is_finite()) {
        return (vec![f64::NAN; n], vec![f64::NAN; n * n]);
    }
    let mut s: Vec<f64> = (0..n * n).map(|k| 0.5 * (a[k] + a[k % n * n + k / n])).collect();
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|k| v[k * n + k] = 1.0);
    for _ in 0..SWEEPS {
        let beside: f64 = (0..n * n).filter(|k| k / n != k % n).map(|k| s[k] * s[k]).sum();
        if beside == 0.0 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut s, &mut v, n, p, q);
            }
        }
    }
    ((0..n).map(|k| s[k * n + k]).collect(), v)
}

/// `s ← J' s J`, `v ← v J` with the rotation `J` in the plane of `p` and `q` that makes `s[p, q]` vanish.
fn rotate(s: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) {
    let beside = s[p * n + q];
    if beside == 0.0 {
        return;
    }
    let theta = (s[q * n + q] - s[p * n + p]) / (2.0 * beside);
    let t = if theta >= 0.0 { 1.0 } else { -1.0 } / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let d = t * c;
    for k in 0..n {
        let (x, y) = (s[k * n + p], s[k * n + q]);
        (s[k * n + p], s[k * n + q]) = (c * x - d * y, d * x + c * y);
        let (x, y) = (v[k * n + p], v[k * n + q]);
        (v[k * n + p], v[k * n + q]) = (c * x - d * y, d * x + c * y);
    }
    for k in 0..n {
        let (x, y) = (s[p * n + k], s[q * n + k]);
        (s[p * n + k], s[q * n + k]) = (c * x - d * y, d * x + c * y);
    }
    (s[p * n + q], s[q * n + p]) = (0.0, 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_small_matrices() {
        let a = [4.0, 1.0, 1.0, 3.0];
        let near = |function: MatrixFunction, a: &[f64], n: usize, wanted: &[f64]| {
            for (found, wanted) in function.values(a, n).iter().zip(wanted) {
                assert!((found - wanted).abs() < 1e-14, "{function:?}: {found} {wanted}");
            }
        };
        near(MatrixFunction::Determinant, &a, 2, &[11.0]);
        near(MatrixFunction::LogDeterminant, &a, 2, &[11f64.ln()]);
        near(MatrixFunction::LargestEigenvalue, &a, 2, &[(7.0 + 5f64.sqrt()) / 2.0]);
        near(MatrixFunction::Inverse, &a, 2, &[3.0 / 11.0, -1.0 / 11.0, -1.0 / 11.0, 4.0 / 11.0]);
        // With a pivot that is 0 at first; not symmetric.
        let b = [0.0, 2.0, 1.0, 1.0, 0.0, 3.0, 2.0, 1.0, 0.0];
        near(MatrixFunction::Determinant, &b, 3, &[13.0]);
        assert!(MatrixFunction::LogDeterminant.values(&b, 3)[0].is_nan());
        near(MatrixFunction::Determinant, &[1.0, 2.0, 2.0, 4.0], 2, &[0.0]);
        assert!(MatrixFunction::Inverse.values(&[1.0, 2.0, 2.0, 4.0], 2)[0].is_nan());
        // Two negative eigenvalues have a positive product.
        assert!(MatrixFunction::LogDeterminant.values(&[-1.0, 0.0, 0.0, -1.0], 2)[0].is_nan());
        // Only the symmetric part counts.
        near(MatrixFunction::LargestEigenvalue, &[1.0, 4.0, 0.0, 1.0], 2, &[3.0]);
    }

    #[test]
    fn intervals_hold_the_values() {
        let entries = Interval::new(-0.5, 2.0);
        for n in 1..5 {
            let corner =
                |k: usize| if (k * 7 + k / n * 5).is_multiple_of(3) { 2.0 } else { -0.5 + (k % 4) as f64 * 0.6 };
            let a: Vec<f64> = (0..n * n).map(corner).collect();
            for function in
                [MatrixFunction::Determinant, MatrixFunction::LogDeterminant, MatrixFunction::LargestEigenvalue]
            {
                let value = function.values(&a, n)[0];
                assert!(
                    value.is_nan() || function.image(n, entries).contains(value),
                    "{function:?} of {n} rows: {value}"
                );
            }
        }
    }
}
