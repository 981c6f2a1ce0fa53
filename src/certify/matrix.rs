//! Slopes of functions of square matrices, found by the judge for itself.
//!
//! The inverse comes from elimination with exchanges of rows and columns; the slope of a determinant by an entry is its
//! cofactor, `det B[j, i]` or, where the matrix is nearly singular, the determinant that is left without the row and the
//! column; the slope of an eigenvalue by the matrix is `v v'` with the eigenvector of the referee. Second derivatives
//! follow entry by entry ([`MatrixBends`]).

use crate::expr::family::MatrixStage;
use crate::expr::matrix::{MatrixFunction, eigen};

/// Pivots smaller than this part of the largest make a matrix nearly singular.
const NEARLY: f64 = 1e-7;
/// Determinants without two rows and columns are many: of larger matrices that are nearly singular they are left.
const MOST_BY_MINORS: usize = 10;
/// Eigenvalues nearer to the largest than this part of the largest magnitude may be the same.
const NEAR: f64 = 1e-5;

/// The slopes of the values of one matrix.
#[derive(Clone, Debug)]
pub struct MatrixSlopes {
    n: usize,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Of a number: by each entry.
    Number(Vec<f64>),
    /// Of the inverse, which stands here: `∂B[r, c]/∂A[i, j] = -B[r, i] B[j, c]`.
    Inverse(Vec<f64>),
}

impl MatrixSlopes {
    /// At the matrix `a`, row by row; NaN where the function is not defined.
    pub fn at(matrix: &MatrixStage, a: &[f64]) -> MatrixSlopes {
        let n = matrix.n as usize;
        let mirrored = |b: Vec<f64>, factor: f64| (0..n * n).map(|k| factor * b[k % n * n + k / n]).collect();
        let undefined = || vec![f64::NAN; n * n];
        let kind = match matrix.function {
            MatrixFunction::Inverse => Kind::Inverse(eliminated(a, n).map_or_else(undefined, |(inverse, ..)| inverse)),
            MatrixFunction::LogDeterminant => {
                let defined = matrix.function.values(a, n)[0].is_finite();
                let inverse = eliminated(a, n).filter(|_| defined).map(|(inverse, ..)| mirrored(inverse, 1.0));
                Kind::Number(inverse.unwrap_or_else(undefined))
            }
            MatrixFunction::Determinant => Kind::Number(match eliminated(a, n) {
                Some((inverse, determinant, regular)) if regular => mirrored(inverse, determinant),
                Some(_) | None => cofactors(a, n),
            }),
            MatrixFunction::LargestEigenvalue => {
                let (values, vectors) = eigen(a, n);
                let top = (0..n).fold(0, |best, k| if values[k] > values[best] { k } else { best });
                let v = |i: usize| vectors[i * n + top];
                Kind::Number((0..n * n).map(|k| v(k / n) * v(k % n)).collect())
            }
        };
        MatrixSlopes { n, kind }
    }

    /// How many values the function has.
    pub fn outputs(&self) -> usize {
        match self.kind {
            Kind::Number(_) => 1,
            Kind::Inverse(_) => self.n * self.n,
        }
    }

    /// The slope of value `k` by entry `e`.
    pub fn partial(&self, k: usize, e: usize) -> f64 {
        let n = self.n;
        match &self.kind {
            Kind::Number(slopes) => slopes[e],
            Kind::Inverse(b) => -b[k / n * n + e / n] * b[e % n * n + k % n],
        }
    }
}

/// The inverse, the determinant, and whether the matrix is far from singular; `None` if a pivot is 0 or no number.
fn eliminated(a: &[f64], n: usize) -> Option<(Vec<f64>, f64, bool)> {
    let mut a = a.to_vec();
    let (mut rows, mut columns): (Vec<usize>, Vec<usize>) = ((0..n).collect(), (0..n).collect());
    let (mut determinant, mut largest, mut smallest) = (1.0f64, 0.0f64, f64::INFINITY);
    // In place: the column of a pivot becomes that of the inverse.
    for k in 0..n {
        let left = (k..n).flat_map(|i| (k..n).map(move |j| (i, j)));
        let (i, j) = left.fold(
            (k, k),
            |best, at| {
                if a[at.0 * n + at.1].abs() > a[best.0 * n + best.1].abs() { at } else { best }
            },
        );
        if i != k {
            (0..n).for_each(|c| a.swap(i * n + c, k * n + c));
            rows.swap(i, k);
            determinant = -determinant;
        }
        if j != k {
            (0..n).for_each(|r| a.swap(r * n + j, r * n + k));
            columns.swap(j, k);
            determinant = -determinant;
        }
        let pivot = a[k * n + k];
        if pivot == 0.0 || !pivot.is_finite() {
            return None;
        }
        determinant *= pivot;
        largest = largest.max(pivot.abs());
        smallest = smallest.min(pivot.abs());
        a[k * n + k] = 1.0;
        (0..n).for_each(|c| a[k * n + c] /= pivot);
        for r in (0..n).filter(|r| *r != k) {
            let factor = a[r * n + k];
            a[r * n + k] = 0.0;
            (0..n).for_each(|c| a[r * n + c] -= factor * a[k * n + c]);
        }
    }
    // P A Q = C, so A⁻¹ = Q C⁻¹ P.
    let mut inverse = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..n {
            inverse[columns[i] * n + rows[j]] = a[i * n + j];
        }
    }
    Some((inverse, determinant, smallest > NEARLY * largest))
}

/// Entry by entry: the determinant without its row and column, with its sign.
fn cofactors(a: &[f64], n: usize) -> Vec<f64> {
    let minor =
        |i: usize, j: usize| -> Vec<f64> { (0..n * n).filter(|k| k / n != i && k % n != j).map(|k| a[k]).collect() };
    let sign = |i: usize, j: usize| if (i + j).is_multiple_of(2) { 1.0 } else { -1.0 };
    let one = |k: usize| sign(k / n, k % n) * MatrixFunction::Determinant.values(&minor(k / n, k % n), n - 1)[0];
    (0..n * n).map(one).collect()
}

/// The second derivatives of `Σ_k weights[k] z_k` by pairs of entries of one matrix.
pub struct MatrixBends {
    n: usize,
    kind: Bends,
}

enum Bends {
    /// `w (B[j, i] B[l, k] one - B[j, k] B[l, i])` by `A[i, j]` and `A[k, l]`, with `one` 1 for the determinant, whose
    /// value is a factor of `w`, and 0 for its logarithm.
    Determinant { inverse: Vec<f64>, weight: f64, one: f64 },
    /// The same of a matrix that is nearly singular, from determinants without two rows and columns.
    Minors { a: Vec<f64>, weight: f64 },
    /// `B[j, k] Q[i, l] + B[l, i] Q[k, j]` with `Q = B' W B'`.
    Inverse { inverse: Vec<f64>, between: Vec<f64> },
    /// `2 w Σ_m (v_m' E v) (v_m' F v) / (λ - λ_m)`: the other eigenvectors as columns, over the roots of the distances.
    Eigenvalue { first: Vec<f64>, others: Vec<f64>, weight: f64 },
}

impl MatrixBends {
    /// At the matrix `a`, row by row; or why there are none.
    pub fn at(matrix: &MatrixStage, a: &[f64], weights: &[f64]) -> Result<MatrixBends, String> {
        let n = matrix.n as usize;
        let singular = || "a matrix is singular".to_string();
        let kind = match matrix.function {
            MatrixFunction::LogDeterminant => {
                let (inverse, ..) = eliminated(a, n).ok_or_else(singular)?;
                Bends::Determinant { inverse, weight: weights[0], one: 0.0 }
            }
            MatrixFunction::Determinant => match eliminated(a, n) {
                Some((inverse, determinant, true)) => {
                    Bends::Determinant { inverse, weight: weights[0] * determinant, one: 1.0 }
                }
                Some(_) | None if n <= MOST_BY_MINORS => Bends::Minors { a: a.to_vec(), weight: weights[0] },
                Some(_) | None => return Err("a large matrix is nearly singular".to_string()),
            },
            MatrixFunction::Inverse => {
                let (inverse, ..) = eliminated(a, n).ok_or_else(singular)?;
                let b = &inverse;
                let left: Vec<f64> =
                    (0..n * n).map(|k| (0..n).map(|r| b[r * n + k / n] * weights[r * n + k % n]).sum()).collect();
                let between: Vec<f64> =
                    (0..n * n).map(|k| (0..n).map(|c| left[k / n * n + c] * b[k % n * n + c]).sum()).collect();
                Bends::Inverse { inverse, between }
            }
            MatrixFunction::LargestEigenvalue => {
                let (values, vectors) = eigen(a, n);
                let top = (0..n).fold(0, |best, k| if values[k] > values[best] { k } else { best });
                let size = values.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
                let gap = |m: usize| values[top] - values[m];
                if (0..n).any(|m| m != top && (gap(m).is_nan() || gap(m) <= NEAR * size)) {
                    return Err("the largest eigenvalue is a multiple one".to_string());
                }
                let first = (0..n).map(|i| vectors[i * n + top]).collect();
                let other = |k: usize| if k % n == top { 0.0 } else { vectors[k] / gap(k % n).sqrt() };
                Bends::Eigenvalue { first, others: (0..n * n).map(other).collect(), weight: weights[0] }
            }
        };
        Ok(MatrixBends { n, kind })
    }

    /// By entries `e` and `f`.
    pub fn of(&self, e: usize, f: usize) -> f64 {
        let n = self.n;
        let (i, j, k, l) = (e / n, e % n, f / n, f % n);
        match &self.kind {
            Bends::Determinant { inverse: b, weight, one } => {
                weight * (one * b[j * n + i] * b[l * n + k] - b[j * n + k] * b[l * n + i])
            }
            Bends::Minors { a, weight } => weight * second_minor(a, n, (i, j), (k, l)),
            Bends::Inverse { inverse: b, between: q } => b[j * n + k] * q[i * n + l] + b[l * n + i] * q[k * n + j],
            Bends::Eigenvalue { first: v, others, weight } => {
                // v_m' E v with the symmetric part of the unit matrix E.
                let part = |m: usize, i: usize, j: usize| 0.5 * (others[i * n + m] * v[j] + others[j * n + m] * v[i]);
                2.0 * weight * (0..n).map(|m| part(m, i, j) * part(m, k, l)).sum::<f64>()
            }
        }
    }
}

/// The second derivative of the determinant by two entries: the determinant without their rows and columns, with its
/// sign; 0 if they share one.
fn second_minor(a: &[f64], n: usize, (i, j): (usize, usize), (k, l): (usize, usize)) -> f64 {
    if i == k || j == l {
        return 0.0;
    }
    let left = |p: &usize| ![i, k].contains(&(p / n)) && ![j, l].contains(&(p % n));
    let minor: Vec<f64> = (0..n * n).filter(left).map(|p| a[p]).collect();
    let even = (i + j + k + l).is_multiple_of(2) == ((i < k) == (j < l));
    let sign = if even { 1.0 } else { -1.0 };
    sign * MatrixFunction::Determinant.values(&minor, n - 2)[0]
}
