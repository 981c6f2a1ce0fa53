//! Curvature on the directions that keep given rows and bounds, by the signs of pivots of a sparse factorisation.
//!
//! `d'Hd > 0` for all `d != 0` with `A d = 0` if `H + σ A'A` is positive definite for some `σ`, and only then for large
//! `σ` (Finsler). Long rows of `A`, whose products would fill the matrix, are cut into a tree of short ones with their
//! partial sums as further variables, which changes nothing of what `d` may be. Factors of a positive definite matrix
//! need no pivoting; what rounding does to them is taken off the diagonal.

use super::gram::Gram;
use super::hessian::Hessian;
use super::rows::{Entries, Rows};
use crate::linalg::ldlt::{Inertia, Ldlt};
use crate::linalg::pattern::Pattern;
use std::f64::consts::FRAC_1_SQRT_2;

/// Rows with more entries than this are cut.
const LONG: usize = 30;
/// Multiplications that a factorisation may take, about: entries of the factor squared by dimension.
const COST: f64 = 4e9;
/// Part of a diagonal entry that is taken off for the rounding of its elimination.
const ROUNDING: f64 = 1e-14;
/// Most solves of the inverse iteration; if the curvature falls by less than a part of it, twice, it ends.
const ITERATIONS: usize = 40;
const STILL: f64 = 1e-3;
/// Most solves that put a direction on the cone, how much nearer each must get, and how near is on it.
const CORRECTIONS: usize = 8;
const FASTER: f64 = 0.1;
const KEPT: f64 = 1e-12;
/// Gradients of unit length count as independent if no combination of unit weights is shorter than the root of this.
const DEPENDENT: f64 = 1e-12;

/// The directions that keep rows and bounds: variables at kept bounds do not move.
pub struct Cone {
    variables: usize,
    free: Vec<usize>,
    /// Gradients of the rows in the free variables, of unit length.
    rows: Rows,
    /// A row has no free variable: its gradient is among those of the bounds.
    pub covered: bool,
}

impl Cone {
    /// `fixed` says which variables may not move, `rows` are gradients in all variables.
    pub fn new<'r>(fixed: &[bool], rows: impl IntoIterator<Item = &'r Entries>) -> Cone {
        let free: Vec<usize> = (0..fixed.len()).filter(|j| !fixed[*j]).collect();
        let mut column = vec![u32::MAX; fixed.len()];
        free.iter().enumerate().for_each(|(c, j)| column[*j] = c as u32);
        let mut cone = Cone { variables: fixed.len(), free, rows: Rows::default(), covered: false };
        for row in rows {
            let moving = row.iter().filter(|(j, v)| *v != 0.0 && column[*j as usize] != u32::MAX);
            let length = moving.clone().map(|(_, v)| v * v).sum::<f64>().sqrt();
            if length == 0.0 || !length.is_finite() {
                cone.covered = true;
                continue;
            }
            cone.rows.push(moving.map(|(j, v)| (column[*j as usize], v / length)));
        }
        cone
    }

    /// Whether the gradients of rows and bounds are independent: `A A' > DEPENDENT` in the free variables.
    pub fn independent(&self) -> bool {
        let n = self.free.len();
        !self.covered && self.saddle(DEPENDENT).is_some_and(|(_, inertia)| inertia == inertia_of(n, self.rows.len()))
    }

    /// The nearest direction to `d`, given in free variables, that keeps the rows; `d` is overwritten.
    fn project(&self, d: &mut [f64]) {
        let Some((mut matrix, _)) = self.saddle(-DEPENDENT) else { return };
        // Twice, for what rounding leaves of the first.
        for _ in 0..2 {
            let mut right = d.to_vec();
            right.resize(self.free.len() + self.rows.len(), 0.0);
            matrix.ldlt.solve(&mut right);
            d.copy_from_slice(&right[..d.len()]);
        }
    }

    /// `[1, A'; A, corner]`
    fn saddle(&self, corner: f64) -> Option<(Matrix, Inertia)> {
        let n = self.free.len();
        let size = n + self.rows.len();
        let mut pattern = Pattern { rows: size, columns_count: size, starts: (0..=n).collect(), columns: vec![] };
        pattern.columns.extend(0..n as u32);
        let mut values = vec![1.0; n];
        for (r, row) in (n as u32..).zip(self.rows.iter()) {
            let (columns, entries): (Vec<u32>, Vec<f64>) = row.iter().copied().chain([(r, corner)]).unzip();
            pattern.columns.extend(columns);
            pattern.starts.push(pattern.columns.len());
            values.extend(entries);
        }
        let mut matrix = Matrix::new(pattern)?;
        matrix.values = values;
        let inertia = matrix.ldlt.factor(&matrix.values).ok()?;
        Some((matrix, inertia))
    }

    fn expanded(&self, d: &[f64]) -> Vec<f64> {
        let mut whole = vec![0.0; self.variables];
        self.free.iter().zip(d).for_each(|(j, v)| whole[*j] = *v);
        whole
    }
}

/// A Hessian on a cone.
pub struct Curved<'a> {
    cone: &'a Cone,
    /// The rows of the cone are cut in it where they are long.
    parts: Gram,
    matrix: Matrix,
    /// The weight of the rows in the matrix that was factored last.
    sigma: f64,
}

impl<'a> Curved<'a> {
    /// Analyses the matrix; nothing if it does not fit.
    pub fn new(hessian: &Hessian, cone: &'a Cone) -> Option<Curved<'a>> {
        let mut column = vec![u32::MAX; cone.variables];
        cone.free.iter().enumerate().for_each(|(c, j)| column[*j] = c as u32);
        let mut inside = Rows::default();
        for i in &cone.free {
            let row = hessian.rows[*i].iter().map(|(j, v)| (column[*j as usize], *v));
            inside.push(row.filter(|(j, _)| *j != u32::MAX));
        }
        let (mut variables, mut rows) = (cone.free.len(), Rows::default());
        cone.rows.iter().for_each(|row| cut(row, &mut variables, &mut rows));
        let parts = Gram::new(variables, inside, rows)?;
        let matrix = Matrix::new(parts.pattern())?;
        Some(Curved { cone, parts, matrix, sigma: 0.0 })
    }

    /// Whether `H + diag(add) + σ A'A` is positive definite, less what rounding may hide; `add` is by variable.
    pub fn definite(&mut self, sigma: f64, add: impl Fn(usize) -> f64) -> bool {
        self.sigma = sigma;
        self.parts.fill(sigma, &self.matrix.pattern, &mut self.matrix.values);
        let size = self.matrix.pattern.rows;
        for i in 0..size {
            let entry = self.matrix.diagonal(i);
            *entry += self.cone.free.get(i).map_or(0.0, |j| add(*j)) - ROUNDING * entry.abs();
        }
        self.matrix.ldlt.factor(&self.matrix.values).is_ok_and(|inertia| inertia == inertia_of(size, 0))
    }

    /// The direction of unit length in which the matrix that was found definite last is lowest, put on the cone: by
    /// inverse iteration. Nothing if there is no direction.
    pub fn lowest(&mut self) -> Option<Vec<f64>> {
        let n = self.cone.free.len();
        // Any start without symmetry does; this one is repeatable.
        let mut d: Vec<f64> = (1..=n).map(|i| 0.5 + (i as f64 * 0.618_033_988_749_895).fract()).collect();
        d.iter_mut().skip(1).step_by(2).for_each(|v| *v = -*v);
        d.resize(self.matrix.pattern.rows, 0.0);
        normalise(&mut d)?;
        let mut before = 0.0;
        let mut still = 0;
        for _ in 0..ITERATIONS {
            self.matrix.ldlt.solve(&mut d);
            // Partial sums follow from the rest: they have no part in the length.
            d[n..].fill(0.0);
            // The reciprocal of the curvature, from below.
            let length = normalise(&mut d)?;
            still = if length <= (1.0 + STILL) * before { still + 1 } else { 0 };
            if still == 2 {
                break;
            }
            before = length;
        }
        if !self.keep_rows(&mut d) {
            d.truncate(n);
            self.cone.project(&mut d);
            let left = d.iter().map(|v| v * v).sum::<f64>().sqrt();
            // Rows that leave no freedom leave rounding.
            if left < 1e-5 {
                return None;
            }
        }
        d.truncate(n);
        normalise(&mut d)?;
        Some(self.cone.expanded(&d))
    }

    /// One more step of the iteration, confined to the cone: `min ½ t'Ht - d't` with `A t = 0` by the method of
    /// multipliers, `t = M⁻¹(d - A'y)`, `y += σ A t` with `M = H + σ A'A`, which needs the factors of `M` only. It says whether
    /// that came to an end with a direction; `d` stays as it is otherwise.
    fn keep_rows(&mut self, d: &mut [f64]) -> bool {
        let n = self.cone.free.len();
        let rows = &self.parts.rows;
        let mut right = d.to_vec();
        let mut off = f64::INFINITY;
        for _ in 0..CORRECTIONS {
            let mut t = right.clone();
            self.matrix.ldlt.solve(&mut t);
            let length = length_of(&t[..n]);
            let left: Vec<f64> = rows.iter().map(|row| row.iter().map(|(j, v)| v * t[*j as usize]).sum()).collect();
            let now = left.iter().map(|v| v * v).sum::<f64>().sqrt() / length;
            if now <= KEPT {
                d.copy_from_slice(&t);
                return true;
            }
            // No freedom, or rows that `σ` does not hold.
            if now.is_nan() || now > FASTER * off {
                return false;
            }
            off = now;
            for (row, left) in rows.iter().zip(&left) {
                row.iter().for_each(|(j, v)| right[*j as usize] -= self.sigma * left * v);
            }
        }
        false
    }
}

/// Adds the row itself, or, if it is long, short rows of unit length in it and in new variables: `part / |part| - sum = 0`
/// for each part, and so on for the row of the sums.
fn cut(row: &Entries, variables: &mut usize, to: &mut Rows) {
    if row.len() <= LONG {
        return to.push(row.iter().copied());
    }
    let mut sums = vec![];
    for part in row.chunks(LONG) {
        let length = part.iter().map(|(_, v)| v * v).sum::<f64>().sqrt();
        if length == 0.0 {
            continue;
        }
        let sum = *variables as u32;
        *variables += 1;
        let unit = FRAC_1_SQRT_2 / length;
        to.push(part.iter().map(|(j, v)| (*j, unit * v)).chain([(sum, -FRAC_1_SQRT_2)]));
        sums.push((sum, length));
    }
    cut(&sums, variables, to);
}

fn inertia_of(positive: usize, negative: usize) -> Inertia {
    Inertia { positive, negative, zero: 0 }
}

/// In eight sums: one would wait for itself.
fn length_of(d: &[f64]) -> f64 {
    let (eights, rest) = d.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        sums.iter_mut().zip(eight).for_each(|(sum, v)| *sum += v * v);
    }
    (sums.iter().sum::<f64>() + rest.iter().map(|v| v * v).sum::<f64>()).sqrt()
}

/// The length that it had.
fn normalise(d: &mut [f64]) -> Option<f64> {
    let length = length_of(d);
    if length == 0.0 || !length.is_finite() {
        return None;
    }
    d.iter_mut().for_each(|v| *v /= length);
    Some(length)
}

/// The lower triangle of a sparse symmetric matrix with its factors.
struct Matrix {
    pattern: Pattern,
    values: Vec<f64>,
    ldlt: Ldlt,
}

impl Matrix {
    /// Analyses a matrix that has a diagonal; nothing if its factors do not fit.
    fn new(pattern: Pattern) -> Option<Matrix> {
        let ldlt = Ldlt::new(&pattern).ok()?;
        if (ldlt.fill() as f64).powi(2) > COST * pattern.rows as f64 {
            return None;
        }
        Some(Matrix { values: vec![0.0; pattern.entries()], pattern, ldlt })
    }

    fn diagonal(&mut self, i: usize) -> &mut f64 {
        &mut self.values[self.pattern.starts[i + 1] - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::dense::symmetric_eigen;

    fn hessian(n: usize, entries: &[(u32, u32, f64)]) -> Hessian {
        let mut sizes = vec![0.0; n];
        for (i, j, v) in entries {
            sizes[*i as usize] += v.abs();
            sizes[*j as usize] += if i == j { 0.0 } else { v.abs() };
        }
        Hessian { rows: Rows::summed(n, &[entries.to_vec()]), sizes }
    }

    /// The smallest `d'Hd` over unit vectors of the cone, densely: infinite if there is none.
    fn lowest_densely(n: usize, hessian: &Hessian, cone: &Cone) -> f64 {
        let mut normal: Vec<Vec<f64>> = vec![];
        let mut tangent: Vec<Vec<f64>> = vec![];
        let rest = |v: &[f64], bases: &[&Vec<f64>]| -> Option<Vec<f64>> {
            let mut v = v.to_vec();
            for basis in bases.iter().chain(bases) {
                let part: f64 = basis.iter().zip(&v).map(|(a, b)| a * b).sum();
                v.iter_mut().zip(basis.iter()).for_each(|(v, b)| *v -= part * b);
            }
            if v.iter().map(|v| v * v).sum::<f64>() < 1e-12 {
                return None;
            }
            normalise(&mut v).map(|_| v)
        };
        for row in cone.rows.iter() {
            let mut dense = vec![0.0; cone.free.len()];
            row.iter().for_each(|(j, v)| dense[*j as usize] = *v);
            normal.extend(rest(&cone.expanded(&dense), &normal.iter().collect::<Vec<_>>()));
        }
        for j in &cone.free {
            let mut axis = vec![0.0; n];
            axis[*j] = 1.0;
            tangent.extend(rest(&axis, &normal.iter().chain(&tangent).collect::<Vec<_>>()));
        }
        let k = tangent.len();
        let mut reduced = vec![0.0; k * k];
        for a in 0..k {
            for b in 0..k {
                let both: Vec<f64> = tangent[a].iter().zip(&tangent[b]).map(|(u, v)| u + v).collect();
                let parts = hessian.along(&tangent[a]) + hessian.along(&tangent[b]);
                reduced[a * k + b] = 0.5 * (hessian.along(&both) - parts);
            }
        }
        symmetric_eigen(k, &reduced).0.first().copied().unwrap_or(f64::INFINITY)
    }

    #[test]
    fn signs_of_pivots_agree_with_dense_eigenvalues() {
        let mut seed = 3u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 40) as f64 / (1u64 << 23) as f64 - 1.0
        };
        let (mut shown, mut refuted) = (0, 0);
        for case in 0..60 {
            let n = if case % 3 == 0 { 60 } else { 12 };
            let m = case % 9;
            let mut entries = vec![];
            for i in 0..n as u32 {
                entries.extend((i.saturating_sub(2)..i).map(|j| (i, j, random())));
                // Some diagonals are zero or negative, so only rows can make the matrix definite.
                let falls = (case % 2 == 0 && (i as usize) < m) || (case % 3 == 1 && i as usize == n - 2);
                let diagonal = if falls { -random().abs() } else { 3.0 };
                entries.push((i, i, diagonal));
            }
            let hessian = hessian(n, &entries);
            // Row `r` holds variable `r`, in part; rows with 60 entries are cut; one row is there twice.
            let width = |r: usize| if r.is_multiple_of(2) { n } else { 3.min(n) };
            let row = |r: usize, random: &mut dyn FnMut() -> f64| -> Vec<(u32, f64)> {
                (0..n as u32)
                    .filter(|j| *j == r as u32 || (*j as usize) < width(r))
                    .map(|j| (j, if j == r as u32 { 3.0 } else { 0.1 * random() }))
                    .collect()
            };
            let mut rows: Vec<Vec<(u32, f64)>> = (0..m).map(|r| row(r, &mut random)).collect();
            if let Some(first) = rows.first().cloned().filter(|_| case % 4 == 0) {
                rows.push(first);
            }
            let fixed: Vec<bool> = (0..n).map(|j| case % 5 == 0 && j == n - 1).collect();
            let cone = Cone::new(&fixed, rows.iter().map(Vec::as_slice));
            let expected = lowest_densely(n, &hessian, &cone);
            let mut curved = Curved::new(&hessian, &cone).unwrap();
            let definite = [1e2, 1e5, 1e8].iter().any(|sigma| curved.definite(sigma * hessian.size(), |_| 0.0));
            assert_eq!(definite, expected > 0.0, "case {case}: {expected}");
            let repeated = rows.len() > m;
            assert_eq!(cone.independent(), !repeated, "case {case}");
            if definite {
                shown += 1;
                continue;
            }
            refuted += 1;
            // The shift brackets the lowest eigenvalue closely: the direction has its curvature and keeps the rows.
            assert!(curved.definite(1e5 * hessian.size(), |_| 1.5 * expected.abs()));
            let direction = curved.lowest().unwrap();
            assert!((hessian.along(&direction) - expected).abs() < 0.05 * expected.abs(), "case {case}");
            for row in &rows {
                let kept: f64 = row.iter().map(|(j, v)| v * direction[*j as usize]).sum();
                assert!(kept.abs() < 1e-9, "case {case}: {kept}");
            }
        }
        assert!(shown > 10 && refuted > 10, "{shown} {refuted}");
    }

    #[test]
    fn a_cone_of_no_direction_is_definite_and_a_flat_one_is_not() {
        let flat = hessian(2, &[]);
        let fixed = Cone::new(&[true, true], []);
        assert!(Curved::new(&flat, &fixed).unwrap().definite(1.0, |_| -1e-13));
        let pinned = Cone::new(&[false, false], [[(0, 1.0), (1, 2.0)].as_slice(), &[(0, 1.0)]]);
        let mut curved = Curved::new(&flat, &pinned).unwrap();
        assert!(curved.definite(1.0, |_| -1e-13) && curved.lowest().is_none());
        let line = Cone::new(&[false, false], [[(0, 1.0), (1, 2.0)].as_slice()]);
        assert!(!Curved::new(&flat, &line).unwrap().definite(1.0, |_| -1e-13));
        // Long rows that are the same leave all but one direction free.
        let long: Vec<(u32, f64)> = (0..100).map(|j| (j, 1.0 + j as f64 % 3.0)).collect();
        let twice = Cone::new(&[false; 100], [long.as_slice(), &long]);
        let mut curved = Curved::new(&hessian(100, &[]), &twice).unwrap();
        assert!([1e2, 1e5, 1e8].iter().all(|sigma| !curved.definite(*sigma, |_| -1e-13)));
        let covered = Cone::new(&[true, false], [[(0, 1.0)].as_slice()]);
        assert!(covered.covered && !covered.independent());
    }
}
