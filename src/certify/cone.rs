//! Curvature on the directions that keep given rows and bounds, by the signs of pivots of a sparse factorisation.
//!
//! `d'Hd > 0` for all `d != 0` with `A d = 0` if `H + σ A'A` is positive definite for some `σ`, and only then for large
//! `σ` (Finsler). Long rows of `A`, whose products would fill the matrix, are cut into a tree of short ones with their
//! partial sums as further variables, which changes nothing of what `d` may be. Factors of a positive definite matrix
//! need no pivoting; what rounding does to them is taken off the diagonal.

use super::hessian::Hessian;
use super::linearise::SparseRow;
use crate::linalg::ldlt::{Inertia, Ldlt};
use crate::linalg::pattern::Pattern;
use std::f64::consts::FRAC_1_SQRT_2;

/// Rows with more entries than this are cut.
const LONG: usize = 30;
/// Multiplications that a factorisation may take, about: entries of the factor squared by dimension.
const COST: f64 = 4e9;
/// Part of a diagonal entry that is taken off for the rounding of its elimination.
const ROUNDING: f64 = 1e-14;
/// Most solves of the inverse iteration, and entries that move less end it.
const ITERATIONS: usize = 40;
const STILL: f64 = 1e-6;
/// Gradients of unit length count as independent if no combination of unit weights is shorter than the root of this.
const DEPENDENT: f64 = 1e-12;

/// The directions that keep rows and bounds: variables at kept bounds do not move.
pub struct Cone {
    variables: usize,
    free: Vec<usize>,
    /// Gradients of the rows in the free variables, of unit length.
    rows: Vec<SparseRow>,
    /// A row has no free variable: its gradient is among those of the bounds.
    pub covered: bool,
}

impl Cone {
    /// `fixed` says which variables may not move, `rows` are gradients in all variables.
    pub fn new(fixed: &[bool], rows: &[&SparseRow]) -> Cone {
        let free: Vec<usize> = (0..fixed.len()).filter(|j| !fixed[*j]).collect();
        let mut column = vec![u32::MAX; fixed.len()];
        free.iter().enumerate().for_each(|(c, j)| column[*j] = c as u32);
        let mut cone = Cone { variables: fixed.len(), free, rows: vec![], covered: false };
        for row in rows {
            let moving = row.iter().filter(|(j, v)| *v != 0.0 && column[*j as usize] != u32::MAX);
            let mut unit: SparseRow = moving.map(|(j, v)| (column[*j as usize], *v)).collect();
            let length = unit.iter().map(|(_, v)| v * v).sum::<f64>().sqrt();
            if length == 0.0 || !length.is_finite() {
                cone.covered = true;
                continue;
            }
            unit.iter_mut().for_each(|(_, v)| *v /= length);
            cone.rows.push(unit);
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
        let mut entries: Vec<(u32, u32, f64)> = (0..n as u32).map(|i| (i, i, 1.0)).collect();
        for (r, row) in (n as u32..).zip(&self.rows) {
            entries.extend(row.iter().map(|(j, v)| (r, *j, *v)));
            entries.push((r, r, corner));
        }
        let mut matrix = Matrix::new(n + self.rows.len(), &[&entries])?;
        entries.iter().for_each(|(i, j, v)| matrix.add(*i, *j, *v));
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
    hessian: Vec<(u32, u32, f64)>,
    /// The lower triangle of `A'A`, rows being short.
    squares: Vec<(u32, u32, f64)>,
    matrix: Matrix,
}

impl<'a> Curved<'a> {
    /// Analyses the matrix; nothing if it does not fit.
    pub fn new(hessian: &Hessian, cone: &'a Cone) -> Option<Curved<'a>> {
        let mut column = vec![u32::MAX; cone.variables];
        cone.free.iter().enumerate().for_each(|(c, j)| column[*j] = c as u32);
        let inside = hessian.entries.iter().map(|(i, j, v)| (column[*i as usize], column[*j as usize], *v));
        let hessian: Vec<_> = inside.filter(|(i, j, _)| *i != u32::MAX && *j != u32::MAX).collect();
        let mut variables = cone.free.len();
        let mut squares = vec![];
        for row in cone.rows.iter().flat_map(|row| cut(row, &mut variables)) {
            for (i, vi) in &row {
                squares.extend(row.iter().filter(|(j, _)| j <= i).map(|(j, vj)| (*i, *j, vi * vj)));
            }
        }
        let matrix = Matrix::new(variables, &[&hessian, &squares])?;
        Some(Curved { cone, hessian, squares, matrix })
    }

    /// Whether `H + diag(add) + σ A'A` is positive definite, less what rounding may hide; `add` is by variable.
    pub fn definite(&mut self, sigma: f64, add: impl Fn(usize) -> f64) -> bool {
        self.matrix.values.fill(0.0);
        self.hessian.iter().for_each(|(i, j, v)| self.matrix.add(*i, *j, *v));
        self.squares.iter().for_each(|(i, j, v)| self.matrix.add(*i, *j, sigma * v));
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
        for _ in 0..ITERATIONS {
            let before = d.clone();
            self.matrix.ldlt.solve(&mut d);
            // Partial sums follow from the rest: they have no part in the length.
            d[n..].fill(0.0);
            normalise(&mut d)?;
            if d.iter().zip(&before).all(|(now, before)| (now - before).abs() <= STILL) {
                break;
            }
        }
        d.truncate(n);
        self.cone.project(&mut d);
        let left = d.iter().map(|v| v * v).sum::<f64>().sqrt();
        // Rows that leave no freedom leave rounding.
        if left < 1e-5 {
            return None;
        }
        normalise(&mut d)?;
        Some(self.cone.expanded(&d))
    }
}

/// The row itself, or, if it is long, short rows of unit length in it and in new variables: `part / |part| - sum = 0` for
/// each part, and so on for the row of the sums.
fn cut(row: &SparseRow, variables: &mut usize) -> Vec<SparseRow> {
    let mut rest = row.clone();
    let mut rows = vec![];
    while rest.len() > LONG {
        let mut sums: SparseRow = vec![];
        for part in rest.chunks(LONG) {
            let length = part.iter().map(|(_, v)| v * v).sum::<f64>().sqrt();
            if length == 0.0 {
                continue;
            }
            let sum = *variables as u32;
            *variables += 1;
            let unit = FRAC_1_SQRT_2 / length;
            let mut short: SparseRow = part.iter().map(|(j, v)| (*j, unit * v)).collect();
            short.push((sum, -FRAC_1_SQRT_2));
            rows.push(short);
            sums.push((sum, length));
        }
        rest = sums;
    }
    rows.push(rest);
    rows
}

fn inertia_of(positive: usize, negative: usize) -> Inertia {
    Inertia { positive, negative, zero: 0 }
}

fn normalise(d: &mut [f64]) -> Option<()> {
    let length = d.iter().map(|v| v * v).sum::<f64>().sqrt();
    if length == 0.0 || !length.is_finite() {
        return None;
    }
    d.iter_mut().for_each(|v| *v /= length);
    Some(())
}

/// The lower triangle of a sparse symmetric matrix with its factors.
struct Matrix {
    pattern: Pattern,
    values: Vec<f64>,
    ldlt: Ldlt,
}

impl Matrix {
    /// Zeros at the places of all entries and on the diagonal.
    fn new(n: usize, parts: &[&[(u32, u32, f64)]]) -> Option<Matrix> {
        let mut rows: Vec<Vec<u32>> = (0..n as u32).map(|i| vec![i]).collect();
        parts.iter().copied().flatten().for_each(|(i, j, _)| rows[*i as usize].push(*j));
        let pattern = Pattern::from_rows(n, &rows);
        let ldlt = Ldlt::new(&pattern).ok()?;
        if (ldlt.fill() as f64).powi(2) > COST * n as f64 {
            return None;
        }
        Some(Matrix { values: vec![0.0; pattern.entries()], pattern, ldlt })
    }

    fn add(&mut self, i: u32, j: u32, value: f64) {
        if let Some(place) = self.pattern.position(i as usize, j as usize) {
            self.values[place] += value;
        }
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
        Hessian { entries: entries.to_vec(), sizes, noise: vec![0.0; n] }
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
            normalise(&mut v).map(|()| v)
        };
        for row in &cone.rows {
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
            let row = |r: usize, random: &mut dyn FnMut() -> f64| -> SparseRow {
                (0..n as u32)
                    .filter(|j| *j == r as u32 || (*j as usize) < width(r))
                    .map(|j| (j, if j == r as u32 { 3.0 } else { 0.1 * random() }))
                    .collect()
            };
            let mut rows: Vec<SparseRow> = (0..m).map(|r| row(r, &mut random)).collect();
            if let Some(first) = rows.first().cloned().filter(|_| case % 4 == 0) {
                rows.push(first);
            }
            let fixed: Vec<bool> = (0..n).map(|j| case % 5 == 0 && j == n - 1).collect();
            let cone = Cone::new(&fixed, &rows.iter().collect::<Vec<_>>());
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
        let fixed = Cone::new(&[true, true], &[]);
        assert!(Curved::new(&flat, &fixed).unwrap().definite(1.0, |_| -1e-13));
        let pinned = Cone::new(&[false, false], &[&vec![(0, 1.0), (1, 2.0)], &vec![(0, 1.0)]]);
        let mut curved = Curved::new(&flat, &pinned).unwrap();
        assert!(curved.definite(1.0, |_| -1e-13) && curved.lowest().is_none());
        let line = Cone::new(&[false, false], &[&vec![(0, 1.0), (1, 2.0)]]);
        assert!(!Curved::new(&flat, &line).unwrap().definite(1.0, |_| -1e-13));
        // Long rows that are the same leave all but one direction free.
        let long: SparseRow = (0..100).map(|j| (j, 1.0 + j as f64 % 3.0)).collect();
        let twice = Cone::new(&[false; 100], &[&long, &long]);
        let mut curved = Curved::new(&hessian(100, &[]), &twice).unwrap();
        assert!([1e2, 1e5, 1e8].iter().all(|sigma| !curved.definite(*sigma, |_| -1e-13)));
        let covered = Cone::new(&[true, false], &[&vec![(0, 1.0)]]);
        assert!(covered.covered && !covered.independent());
    }
}
