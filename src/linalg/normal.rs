//! Normal equations `(J'J + diag(d)) p = b` of a sparse `J`, `d >= 0`.
//!
//! Where `J'J` has few entries it is kept sparse and factored by the sparse `L D L'`; else it is dense. The entries are
//! summed column by column in the order of the rows, so the same numbers give the same bits.

use super::dense::Cholesky;
use super::ldlt::Ldlt;
use super::pattern::Pattern;

/// Fewer columns than this are dense: nothing is gained by a sparse order.
const FEWEST_SPARSE: usize = 40;
/// Sparse where `J'J` has less than this part of the entries of a full triangle.
const SPARSE_PART: f64 = 0.25;

pub struct Normal {
    jacobian: Pattern,
    /// For each column of `J` its entries: row and position.
    starts: Vec<usize>,
    entries: Vec<(u32, u32)>,
    /// The lower triangle of `J'J`, every diagonal entry included.
    pattern: Pattern,
    values: Vec<f64>,
    factor: Factor,
}

enum Factor {
    Sparse(Box<Ldlt>),
    Dense,
}

impl Normal {
    /// Analyses `J'J` for a `J` with this pattern. `O(Σ (entries of a row)²)` time, memory for `J'J` only.
    pub fn new(jacobian: &Pattern) -> Normal {
        let n = jacobian.columns_count;
        let (starts, entries) = by_column(jacobian);
        let most = (SPARSE_PART * 0.5 * (n * n) as f64) as usize;
        let sparse = if n < FEWEST_SPARSE { None } else { lower_triangle(jacobian, &starts, &entries, most) };
        let factored = sparse.and_then(|pattern| Ldlt::new(&pattern).ok().map(|factor| (pattern, factor)));
        let (pattern, factor) = match factored {
            Some((pattern, factor)) => (pattern, Factor::Sparse(Box::new(factor))),
            None => (full_triangle(n), Factor::Dense),
        };
        let values = vec![0.0; pattern.entries()];
        Normal { jacobian: jacobian.clone(), starts, entries, pattern, values, factor }
    }

    pub fn is_sparse(&self) -> bool {
        matches!(self.factor, Factor::Sparse(_))
    }

    /// Takes the values of `J`.
    pub fn update(&mut self, j: &[f64]) {
        let n = self.pattern.rows;
        let mut sums = vec![0.0; n];
        for column in 0..n {
            for &(row, at) in &self.entries[self.starts[column]..self.starts[column + 1]] {
                let factor = j[at as usize];
                for k in self.jacobian.row(row as usize) {
                    let other = self.jacobian.columns[k] as usize;
                    if other > column {
                        break;
                    }
                    sums[other] += factor * j[k];
                }
            }
            for k in self.pattern.row(column) {
                self.values[k] = std::mem::take(&mut sums[self.pattern.columns[k] as usize]);
            }
        }
    }

    /// The diagonal of `J'J`.
    pub fn diagonal(&self) -> Vec<f64> {
        (0..self.pattern.rows).map(|r| self.values[self.pattern.starts[r + 1] - 1]).collect()
    }

    /// `(J'J + diag(d))⁻¹ b`; `None` where the matrix is not positive definite to working precision.
    pub fn solve(&mut self, d: &[f64], b: &[f64]) -> Option<Vec<f64>> {
        let n = d.len();
        let mut damped = self.values.clone();
        for (r, extra) in d.iter().enumerate() {
            damped[self.pattern.starts[r + 1] - 1] += extra;
        }
        match &mut self.factor {
            Factor::Sparse(factor) => {
                let inertia = factor.factor(&damped).ok()?;
                let mut x = b.to_vec();
                (inertia.positive == n).then(|| factor.solve(&mut x))?;
                Some(x)
            }
            Factor::Dense => {
                let mut full = vec![0.0; n * n];
                for r in 0..n {
                    for k in self.pattern.row(r) {
                        let c = self.pattern.columns[k] as usize;
                        full[r * n + c] = damped[k];
                        full[c * n + r] = damped[k];
                    }
                }
                Cholesky::new(n, &full).ok().map(|factor| factor.solve(b))
            }
        }
    }
}

/// Where each column's entries begin, and their rows and positions, rows ascending.
fn by_column(jacobian: &Pattern) -> (Vec<usize>, Vec<(u32, u32)>) {
    let mut starts = vec![0; jacobian.columns_count + 1];
    for c in &jacobian.columns {
        starts[*c as usize + 1] += 1;
    }
    for c in 0..jacobian.columns_count {
        starts[c + 1] += starts[c];
    }
    let (mut next, mut entries) = (starts.clone(), vec![(0, 0); jacobian.entries()]);
    for r in 0..jacobian.rows {
        for k in jacobian.row(r) {
            let place = &mut next[jacobian.columns[k] as usize];
            entries[*place] = (r as u32, k as u32);
            *place += 1;
        }
    }
    (starts, entries)
}

/// The lower triangle of `J'J`; `None` if it has more than `most` entries.
fn lower_triangle(jacobian: &Pattern, starts: &[usize], entries: &[(u32, u32)], most: usize) -> Option<Pattern> {
    let n = jacobian.columns_count;
    let (mut row_starts, mut columns, mut seen) = (vec![0], vec![], vec![usize::MAX; n]);
    for column in 0..n {
        let begin = columns.len();
        seen[column] = column;
        columns.push(column as u32);
        for &(row, _) in &entries[starts[column]..starts[column + 1]] {
            for k in jacobian.row(row as usize) {
                let other = jacobian.columns[k] as usize;
                if other > column {
                    break;
                }
                if std::mem::replace(&mut seen[other], column) != column {
                    columns.push(other as u32);
                }
            }
        }
        if columns.len() > most {
            return None;
        }
        columns[begin..].sort_unstable();
        row_starts.push(columns.len());
    }
    Some(Pattern { rows: n, columns_count: n, starts: row_starts, columns })
}

fn full_triangle(n: usize) -> Pattern {
    let starts = (0..=n).map(|r| r * (r + 1) / 2).collect();
    let columns = (0..n as u32).flat_map(|r| 0..=r).collect();
    Pattern { rows: n, columns_count: n, starts, columns }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `J'J + D` written out, for a banded and a dense `J`: both solve their system, and only the first is sparse.
    #[test]
    fn solves_what_it_says() {
        for (n, width, sparse) in [(60, 3, true), (60, 60, false), (5, 2, false)] {
            let rows: Vec<Vec<u32>> = (0..n).map(|r| (0..width).map(|k| ((r + k) % n) as u32).collect()).collect();
            let pattern = Pattern::from_rows(n, &rows);
            let j: Vec<f64> = (0..pattern.entries()).map(|k| 1.0 + (k * 7 % 11) as f64 / 5.0).collect();
            let mut normal = Normal::new(&pattern);
            normal.update(&j);
            assert_eq!(normal.is_sparse(), sparse, "{n} {width}");
            let d: Vec<f64> = (0..n).map(|k| 0.5 + k as f64 / n as f64).collect();
            let b: Vec<f64> = (0..n).map(|k| (k as f64).sin()).collect();
            let x = normal.solve(&d, &b).expect("it is positive definite");
            let (mut jx, mut back) = (vec![0.0; n], vec![0.0; n]);
            super::super::sparse::add_product(&pattern, &j, 1.0, &x, &mut jx);
            super::super::sparse::add_transposed_product(&pattern, &j, 1.0, &jx, &mut back);
            for k in 0..n {
                assert!((back[k] + d[k] * x[k] - b[k]).abs() < 1e-10, "{n} {width}: row {k}");
            }
        }
    }

    #[test]
    fn refuses_a_singular_matrix() {
        let pattern = Pattern::from_rows(50, &[vec![0, 1]]);
        let mut normal = Normal::new(&pattern);
        normal.update(&[1.0, 1.0]);
        assert!(normal.solve(&[0.0; 50], &[1.0; 50]).is_none());
    }
}
