//! Functions of one square matrix `A` with first and second derivatives.
//!
//! With weights `w` of the values `z(A)` the gradient `G(A; w) = Σ w_k ∂z_k/∂A`, a matrix, and its derivative in a
//! direction `D` are
//!
//! | | `G` | `dG(D)` |
//! | --- | --- | --- |
//! | `det` | `w adj(A)'` | `w` times the derivative of the adjugate |
//! | `logdet` | `w B'` | `-w (B D B)'` |
//! | `inv` | `-B' W B'` | `B'D'B'WB' + B'WB'D'B'` |
//! | `eigmax` | `w v v'` | `w Σ_i c_i (v_i v' + v v_i')`, `c_i = v_i' D v / (λ - λ_i)` |
//!
//! with `B = A⁻¹` and eigenvectors `v_i` of the symmetric part, `v` that of the largest `λ`; `D` counts by its symmetric
//! part there. At a multiple `λ` one eigenvector is taken, so `G` is a subgradient, and the others of the same
//! eigenvalue are left out of `dG`. The adjugate of `A = U diag(s) V'` is `det(U) det(V) V adj(diag(s)) U'`, which has
//! no quotients and so is right where `A` is singular too: with `M = U'DV` and `p_ij` the product of all `s` but `s_i`
//! and `s_j`, its derivative in the middle is `-M_ij p_ij` beside the diagonal and `Σ_j M_jj p_ij` on it.

use crate::expr::matrix::MatrixFunction;
use crate::linalg::dense::symmetric_eigen;
use crate::linalg::matrix::{self, Singular, multiply, transposed};

/// Eigenvalues nearer to the largest than this part of the largest magnitude are the same.
const SAME: f64 = 1e-13;

/// How many numbers are kept of a matrix for its derivatives.
pub fn kept_length(function: MatrixFunction, n: usize) -> usize {
    match function {
        // U, V, s and det(U) det(V).
        MatrixFunction::Determinant => 2 * n * n + n + 1,
        // The inverse.
        MatrixFunction::LogDeterminant | MatrixFunction::Inverse => n * n,
        // Eigenvectors one after another, eigenvalues ascending.
        MatrixFunction::LargestEigenvalue => n * n + n,
    }
}

/// Writes the values of the matrix `a`, and what is kept of it.
pub fn values(function: MatrixFunction, n: usize, a: &[f64], out: &mut [f64], kept: &mut [f64]) {
    let square = n * n;
    match function {
        MatrixFunction::Determinant => {
            out[0] = matrix::determinant(a, n);
            match matrix::singular(a, n) {
                Some(Singular { u, values, v, sign }) => {
                    kept[..square].copy_from_slice(&u);
                    kept[square..2 * square].copy_from_slice(&v);
                    kept[2 * square..2 * square + n].copy_from_slice(&values);
                    kept[2 * square + n] = sign;
                }
                None => kept.fill(f64::NAN),
            }
        }
        MatrixFunction::LogDeterminant => {
            out[0] = matrix::log_determinant(a, n);
            match matrix::inverse(a, n).filter(|_| out[0].is_finite()) {
                Some(inverse) => kept.copy_from_slice(&inverse),
                None => kept.fill(f64::NAN),
            }
        }
        MatrixFunction::Inverse => {
            match matrix::inverse(a, n) {
                Some(inverse) => kept.copy_from_slice(&inverse),
                None => kept.fill(f64::NAN),
            }
            out.copy_from_slice(kept);
        }
        MatrixFunction::LargestEigenvalue => {
            let (values, vectors) = symmetric_eigen(n, &matrix::symmetric_part(a, n));
            out[0] = values[n - 1];
            for (to, vector) in kept.chunks_exact_mut(n).zip(&vectors) {
                to.copy_from_slice(vector);
            }
            kept[square..].copy_from_slice(&values);
        }
    }
}

/// Derivatives of a function at a matrix, from what was kept of it.
pub struct At<'a> {
    pub function: MatrixFunction,
    pub n: usize,
    pub kept: &'a [f64],
}

impl At<'_> {
    /// Adds `G(A; w)` to `g`.
    pub fn add_gradient(&self, w: &[f64], g: &mut [f64]) {
        let n = self.n;
        let mut add = |from: &[f64], factor: f64| g.iter_mut().zip(from).for_each(|(g, v)| *g += factor * v);
        match self.function {
            MatrixFunction::Determinant => add(&self.adjugate(), w[0]),
            MatrixFunction::LogDeterminant => add(&transposed(self.kept, n), w[0]),
            MatrixFunction::Inverse => add(&self.between(w), -1.0),
            MatrixFunction::LargestEigenvalue => {
                let v = self.eigenvector(n - 1);
                let outer: Vec<f64> = (0..n * n).map(|k| v[k / n] * v[k % n]).collect();
                add(&outer, w[0]);
            }
        }
    }

    /// `∂z/∂A · D`
    pub fn along(&self, d: &[f64]) -> Vec<f64> {
        let n = self.n;
        if self.function == MatrixFunction::Inverse {
            let (mut left, mut both) = (vec![0.0; n * n], vec![0.0; n * n]);
            multiply(self.kept, d, n, &mut left);
            multiply(&left, self.kept, n, &mut both);
            both.iter_mut().for_each(|v| *v = -*v);
            return both;
        }
        let mut gradient = vec![0.0; n * n];
        self.add_gradient(&[1.0], &mut gradient);
        vec![gradient.iter().zip(d).map(|(g, d)| g * d).sum()]
    }

    /// What [`At::add_change`] needs for weights `w`, for any direction.
    pub fn prepared(&self, w: &[f64]) -> Vec<f64> {
        match self.function {
            MatrixFunction::Inverse => self.between(w),
            MatrixFunction::LogDeterminant => transposed(self.kept, self.n),
            MatrixFunction::Determinant | MatrixFunction::LargestEigenvalue => vec![],
        }
    }

    /// Adds `dG(D)`, the derivative of `G(A; w)` in the direction `d`, to `g`.
    pub fn add_change(&self, w: &[f64], prepared: &[f64], d: &[f64], g: &mut [f64]) {
        let n = self.n;
        match self.function {
            MatrixFunction::Determinant => self.add_change_of_adjugate(w[0], d, g),
            MatrixFunction::LogDeterminant => {
                let (mut left, mut both) = (vec![0.0; n * n], vec![0.0; n * n]);
                multiply(prepared, &transposed(d, n), n, &mut left);
                multiply(&left, prepared, n, &mut both);
                g.iter_mut().zip(&both).for_each(|(g, v)| *g -= w[0] * v);
            }
            MatrixFunction::Inverse => {
                let (b, d) = (transposed(self.kept, n), transposed(d, n));
                let (mut left, mut both) = (vec![0.0; n * n], vec![0.0; n * n]);
                for (first, last) in [(b.as_slice(), prepared), (prepared, b.as_slice())] {
                    multiply(first, &d, n, &mut left);
                    multiply(&left, last, n, &mut both);
                    g.iter_mut().zip(&both).for_each(|(g, v)| *g += v);
                }
            }
            MatrixFunction::LargestEigenvalue => self.add_change_of_projector(w[0], d, g),
        }
    }

    /// `B' W B'`
    fn between(&self, w: &[f64]) -> Vec<f64> {
        let n = self.n;
        let b = transposed(self.kept, n);
        let (mut left, mut both) = (vec![0.0; n * n], vec![0.0; n * n]);
        multiply(&b, w, n, &mut left);
        multiply(&left, &b, n, &mut both);
        both
    }

    fn eigenvector(&self, i: usize) -> &[f64] {
        &self.kept[i * self.n..(i + 1) * self.n]
    }

    fn add_change_of_projector(&self, w: f64, d: &[f64], g: &mut [f64]) {
        let n = self.n;
        let values = &self.kept[n * n..];
        let (largest, size) = (values[n - 1], values[0].abs().max(values[n - 1].abs()));
        let v = self.eigenvector(n - 1);
        let image: Vec<f64> =
            (0..n).map(|i| (0..n).map(|j| 0.5 * (d[i * n + j] + d[j * n + i]) * v[j]).sum()).collect();
        // u = Σ c_i v_i
        let mut u = vec![0.0; n];
        for i in (0..n - 1).filter(|i| largest - values[*i] > SAME * size) {
            let other = self.eigenvector(i);
            let c: f64 = other.iter().zip(&image).map(|(a, b)| a * b).sum::<f64>() / (largest - values[i]);
            u.iter_mut().zip(other).for_each(|(u, other)| *u += c * other);
        }
        for i in 0..n {
            for j in 0..n {
                g[i * n + j] += w * (u[i] * v[j] + v[i] * u[j]);
            }
        }
    }

    /// `U`, `V`, `s` and `det(U) det(V)`.
    fn singular(&self) -> (&[f64], &[f64], &[f64], f64) {
        let (n, square) = (self.n, self.n * self.n);
        let (u, rest) = self.kept.split_at(square);
        let (v, rest) = rest.split_at(square);
        (u, v, &rest[..n], rest[n])
    }

    /// `adj(A)' = ± U diag(p) V'`, `p_i` the product of all singular values but the i-th.
    fn adjugate(&self) -> Vec<f64> {
        let n = self.n;
        let (u, v, s, sign) = self.singular();
        let p = products_of_others(s);
        let left: Vec<f64> = (0..n * n).map(|k| sign * u[k] * p[k % n]).collect();
        let mut out = vec![0.0; n * n];
        multiply(&left, &transposed(v, n), n, &mut out);
        out
    }

    fn add_change_of_adjugate(&self, w: f64, d: &[f64], g: &mut [f64]) {
        let n = self.n;
        let (u, v, s, sign) = self.singular();
        let (mut left, mut m) = (vec![0.0; n * n], vec![0.0; n * n]);
        multiply(&transposed(u, n), d, n, &mut left);
        multiply(&left, v, n, &mut m);
        // The middle of the transposed derivative.
        let mut middle = vec![0.0; n * n];
        for i in 0..n {
            let others: Vec<f64> = (0..n).filter(|k| *k != i).map(|k| s[k]).collect();
            let p = products_of_others(&others);
            for (j, p) in (0..n).filter(|j| *j != i).zip(p) {
                middle[j * n + i] -= m[i * n + j] * p;
                middle[i * n + i] += m[j * n + j] * p;
            }
        }
        multiply(u, &middle, n, &mut left);
        multiply(&left, &transposed(v, n), n, &mut m);
        g.iter_mut().zip(&m).for_each(|(g, v)| *g += w * sign * v);
    }
}

/// For each number the product of all others, without quotients.
fn products_of_others(s: &[f64]) -> Vec<f64> {
    let mut out = vec![1.0; s.len()];
    let mut before = 1.0;
    for (out, s) in out.iter_mut().zip(s) {
        *out = before;
        before *= s;
    }
    let mut after = 1.0;
    for (out, s) in out.iter_mut().zip(s).rev() {
        *out *= after;
        after *= s;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTIONS: [MatrixFunction; 4] = [
        MatrixFunction::Determinant,
        MatrixFunction::LogDeterminant,
        MatrixFunction::Inverse,
        MatrixFunction::LargestEigenvalue,
    ];

    /// Numbers between -1 and 1 without pattern.
    fn numbers(count: usize, seed: u64) -> Vec<f64> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn kept(function: MatrixFunction, n: usize, a: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut out, mut kept) = (vec![0.0; function.outputs(n)], vec![0.0; kept_length(function, n)]);
        values(function, n, a, &mut out, &mut kept);
        (out, kept)
    }

    fn gradient(function: MatrixFunction, n: usize, a: &[f64], w: &[f64]) -> Vec<f64> {
        let (_, kept) = kept(function, n, a);
        let mut g = vec![0.0; n * n];
        At { function, n, kept: &kept }.add_gradient(w, &mut g);
        g
    }

    fn moved(a: &[f64], d: &[f64], t: f64) -> Vec<f64> {
        a.iter().zip(d).map(|(a, d)| a + t * d).collect()
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn check(function: MatrixFunction, n: usize, a: &[f64], what: &str) {
        let (d, w) = (numbers(n * n, 5), numbers(function.outputs(n), 9));
        let (value, kept) = kept(function, n, a);
        let wanted = function.values(a, n);
        // Differences say little next to a singularity.
        if function == MatrixFunction::Inverse && wanted.iter().any(|v| v.abs() > 20.0) {
            return;
        }
        let size = |v: &[f64]| v.iter().fold(1e-300, |m: f64, v| m.max(v.abs()));
        for (v, wanted_one) in value.iter().zip(&wanted) {
            assert!(
                (v - wanted_one).abs() <= 1e-11 * size(&wanted) + 1e-13,
                "{function:?} {n} {what}: {v} {wanted_one}"
            );
        }
        let at = At { function, n, kept: &kept };
        let t = 1e-5;
        let (up, down) = (moved(a, &d, t), moved(a, &d, -t));
        let slope = dot(&gradient(function, n, a, &w), &d);
        let differences: Vec<f64> =
            function.values(&up, n).iter().zip(function.values(&down, n)).map(|(u, v)| (u - v) / (2.0 * t)).collect();
        let scale = size(&differences).max(1e-2 * size(&wanted).max(1.0)) * w.len() as f64;
        assert!((slope - dot(&differences, &w)).abs() < 1e-7 * scale, "{function:?} {n} {what}: {slope}");
        for (along, difference) in at.along(&d).iter().zip(&differences) {
            assert!((along - difference).abs() < 1e-7 * scale, "{function:?} {n} {what}: {along} {difference}");
        }
        let mut change = vec![0.0; n * n];
        at.add_change(&w, &at.prepared(&w), &d, &mut change);
        let (gu, gd) = (gradient(function, n, &up, &w), gradient(function, n, &down, &w));
        let differences: Vec<f64> = gu.iter().zip(&gd).map(|(u, v)| (u - v) / (2.0 * t)).collect();
        let scale = size(&differences).max(size(&gu)).max(1e-2);
        for (c, difference) in change.iter().zip(&differences) {
            assert!((c - difference).abs() < 1e-6 * scale, "{function:?} {n} {what}: {c} {difference}");
        }
    }

    #[test]
    fn derivatives_agree_with_differences_of_the_referee() {
        for n in (1..=8).chain([30]) {
            let any = numbers(n * n, n as u64);
            let symmetric: Vec<f64> = (0..n * n).map(|k| any[k] + any[k % n * n + k / n]).collect();
            let strong = |a: &[f64]| -> Vec<f64> {
                (0..n * n).map(|k| a[k] + if k % (n + 1) == 0 { 2.6 * n as f64 } else { 0.0 }).collect()
            };
            for function in FUNCTIONS {
                check(function, n, &strong(&any), "dominant");
                check(function, n, &strong(&symmetric), "dominant and symmetric");
                if function != MatrixFunction::LogDeterminant {
                    check(function, n, &any, "any");
                    check(function, n, &symmetric, "symmetric");
                }
            }
        }
    }

    #[test]
    fn a_singular_matrix_has_its_adjugate() {
        // Of rank n - 1 and n - 2: rows that are sums of others.
        for n in 2..=6 {
            let mut a = numbers(n * n, 17 + n as u64);
            for lost in 1..=2.min(n - 1) {
                for j in 0..n {
                    a[lost * n + j] = 2.0 * a[j];
                }
                check(MatrixFunction::Determinant, n, &a, "singular");
            }
        }
        let (value, _) = kept(MatrixFunction::Inverse, 2, &[1.0, 2.0, 2.0, 4.0]);
        assert!(value.iter().all(|v| v.is_nan()));
        let (value, kept) = kept(MatrixFunction::LogDeterminant, 2, &[-1.0, 0.0, 0.0, -1.0]);
        assert!(value[0].is_nan() && kept.iter().all(|v| v.is_nan()));
    }

    #[test]
    fn a_multiple_eigenvalue_has_a_subgradient() {
        // λ(A + D) >= λ(A) + G · D for every D.
        let n = 3;
        let a = [2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0];
        let g = gradient(MatrixFunction::LargestEigenvalue, n, &a, &[1.0]);
        for seed in 0..20 {
            let d = numbers(n * n, seed);
            let there = MatrixFunction::LargestEigenvalue.values(&moved(&a, &d, 1.0), n)[0];
            assert!(there >= 2.0 + dot(&g, &d) - 1e-12);
        }
    }
}
