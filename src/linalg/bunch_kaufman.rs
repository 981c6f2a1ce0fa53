//! Dense symmetric indefinite factorisation `P A P' = L D L'` with 1×1 and 2×2 pivots.
//!
//! The matrix is scaled to rows of magnitude about one first (`S A S`, which keeps the inertia); rows and columns are
//! exchanged so that the growth of the entries stays bounded; singular matrices are factored as well and show as zeros
//! in the inertia. Source: Bunch and Kaufman, "Some stable methods for calculating inertia and
//! solving symmetric linear systems" (1977), algorithm A.

use super::ldlt::Inertia;

/// `(1 + sqrt(17)) / 8` bounds the growth of the entries best.
const ALPHA: f64 = 0.640_388_203_202_208_4;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Pivot {
    One,
    /// The first of the two columns of a 2×2 pivot.
    Two,
    /// The second one.
    Rest,
}

/// The factors; storage is reused by [`BunchKaufman::factor`].
#[derive(Clone, Debug)]
pub struct BunchKaufman {
    n: usize,
    /// Column by column, the lower triangle only: `L` below the pivots, `D` on them.
    a: Vec<f64>,
    pivots: Vec<Pivot>,
    /// The row that was exchanged with row `k` before step `k`.
    exchanged: Vec<usize>,
    scale: Vec<f64>,
    row_norms: Vec<f64>,
}

impl BunchKaufman {
    pub fn new(n: usize) -> BunchKaufman {
        BunchKaufman {
            n,
            a: vec![0.0; n * n],
            pivots: vec![Pivot::One; n],
            exchanged: (0..n).collect(),
            scale: vec![1.0; n],
            row_norms: vec![0.0; n],
        }
    }

    /// Clears the matrix; entries are then written by [`BunchKaufman::add`].
    pub fn clear(&mut self) {
        self.a.fill(0.0);
    }

    /// Adds to entry `(r, c)` with `c <= r`.
    pub fn add(&mut self, r: usize, c: usize, value: f64) {
        self.a[c * self.n + r] += value;
    }

    /// Factors what was written. Pivots below `1e-14` after scaling count as zero. `O(n³/3)`.
    pub fn factor(&mut self) -> Inertia {
        self.equilibrate();
        let n = self.n;
        let zero = 1e-14;
        let mut inertia = Inertia::default();
        let mut k = 0;
        while k < n {
            let (row, below) = self.largest_below(k);
            let diagonal = self.a[k * n + k].abs();
            let mut with = k;
            let mut size = 1;
            if diagonal < ALPHA * below {
                let across = self.largest_in_row(k, row);
                if diagonal * across >= ALPHA * below * below {
                    with = k;
                } else if self.a[row * n + row].abs() >= ALPHA * across {
                    with = row;
                } else {
                    (with, size) = (row, 2);
                }
            }
            let moved = k + size - 1;
            self.exchange(k, moved, with);
            self.exchanged[k] = k;
            self.exchanged[moved] = with;
            if size == 1 {
                self.pivots[k] = Pivot::One;
                let d = self.a[k * n + k];
                inertia.count(d, zero);
                if d.abs() > zero {
                    self.eliminate_one(k, d);
                } else {
                    self.a[k * n + k..(k + 1) * n].fill(0.0);
                }
            } else {
                (self.pivots[k], self.pivots[k + 1]) = (Pivot::Two, Pivot::Rest);
                self.eliminate_two(k);
                // The test above makes the determinant of a 2×2 pivot negative.
                inertia.positive += 1;
                inertia.negative += 1;
            }
            k += size;
        }
        inertia
    }

    /// Overwrites `b` by the solution of `A x = b`; components along zero pivots become 0.
    pub fn solve(&self, b: &mut [f64]) {
        let n = self.n;
        b.iter_mut().zip(&self.scale).for_each(|(x, s)| *x *= s);
        let mut k = 0;
        while k < n {
            let size = if self.pivots[k] == Pivot::Two { 2 } else { 1 };
            b.swap(k + size - 1, self.exchanged[k + size - 1]);
            for j in k..k + size {
                let x = b[j];
                let below = b[k + size..].iter_mut().zip(&self.a[j * n + k + size..(j + 1) * n]);
                below.for_each(|(b, l)| *b -= l * x);
            }
            k += size;
        }
        let mut k = 0;
        while k < n {
            let d = self.a[k * n + k];
            if self.pivots[k] == Pivot::One {
                b[k] = if d == 0.0 { 0.0 } else { b[k] / d };
                k += 1;
            } else {
                let (off, last) = (self.a[k * n + k + 1], self.a[(k + 1) * n + k + 1]);
                (b[k], b[k + 1]) = solve_two(d, off, last, b[k], b[k + 1]);
                k += 2;
            }
        }
        let mut k = n;
        while k > 0 {
            let size = if self.pivots[k - 1] == Pivot::Rest { 2 } else { 1 };
            k -= size;
            for j in k..k + size {
                let column = &self.a[j * n..(j + 1) * n];
                let sum: f64 = (k + size..n).map(|i| column[i] * b[i]).sum();
                b[j] -= sum;
            }
            b.swap(k + size - 1, self.exchanged[k + size - 1]);
        }
        b.iter_mut().zip(&self.scale).for_each(|(x, s)| *x *= s);
    }

    /// Three sweeps of `a[i,j] /= sqrt(|row i| |row j|)`, which bring all rows near magnitude one.
    fn equilibrate(&mut self) {
        let n = self.n;
        self.scale.fill(1.0);
        for _ in 0..3 {
            self.row_norms.fill(0.0);
            for j in 0..n {
                for i in j..n {
                    let size = self.a[j * n + i].abs();
                    self.row_norms[i] = self.row_norms[i].max(size);
                    self.row_norms[j] = self.row_norms[j].max(size);
                }
            }
            self.row_norms.iter_mut().for_each(|x| *x = if *x > 0.0 { x.sqrt().recip() } else { 1.0 });
            for j in 0..n {
                self.scale[j] *= self.row_norms[j];
                for i in j..n {
                    self.a[j * n + i] *= self.row_norms[i] * self.row_norms[j];
                }
            }
        }
    }

    fn largest_below(&self, k: usize) -> (usize, f64) {
        let column = &self.a[k * self.n..(k + 1) * self.n];
        (k + 1..self.n).fold(
            (k, 0.0),
            |(row, most), i| {
                if column[i].abs() > most { (i, column[i].abs()) } else { (row, most) }
            },
        )
    }

    /// The largest magnitude off the diagonal in row `row` of the part that is left from `k` on.
    fn largest_in_row(&self, k: usize, row: usize) -> f64 {
        let left = (k..row).fold(0.0f64, |most, j| most.max(self.a[j * self.n + row].abs()));
        (row + 1..self.n).fold(left, |most, i| most.max(self.a[row * self.n + i].abs()))
    }

    /// Exchanges rows and columns `p <= q` of the part that is left from column `from` on (`p` or `p - 1`: the first
    /// column of a 2×2 pivot is not eliminated yet). Rows of `L` stay: the solve applies the exchanges one by one.
    fn exchange(&mut self, from: usize, p: usize, q: usize) {
        if p == q {
            return;
        }
        let n = self.n;
        self.a.swap(p * n + p, q * n + q);
        for i in p + 1..q {
            self.a.swap(p * n + i, i * n + q);
        }
        for i in q + 1..n {
            self.a.swap(p * n + i, q * n + i);
        }
        if p > from {
            self.a.swap(from * n + p, from * n + q);
        }
    }

    fn eliminate_one(&mut self, k: usize, d: f64) {
        let n = self.n;
        let (left, right) = self.a.split_at_mut((k + 1) * n);
        let pivot = &mut left[k * n..];
        for j in k + 1..n {
            let factor = pivot[j] / d;
            if factor != 0.0 {
                let column = &mut right[(j - k - 1) * n..(j - k) * n];
                for i in j..n {
                    column[i] -= factor * pivot[i];
                }
            }
        }
        pivot[k + 1..].iter_mut().for_each(|x| *x /= d);
    }

    fn eliminate_two(&mut self, k: usize) {
        let n = self.n;
        let (d, off, last) = (self.a[k * n + k], self.a[k * n + k + 1], self.a[(k + 1) * n + k + 1]);
        let (left, right) = self.a.split_at_mut((k + 2) * n);
        let (first, second) = left[k * n..].split_at_mut(n);
        for j in k + 2..n {
            let (u, v) = solve_two(d, off, last, first[j], second[j]);
            let column = &mut right[(j - k - 2) * n..(j - k - 1) * n];
            for i in j..n {
                column[i] -= u * first[i] + v * second[i];
            }
        }
        for i in k + 2..n {
            (first[i], second[i]) = solve_two(d, off, last, first[i], second[i]);
        }
    }
}

/// The solution of `[d off; off last] (u, v) = (x, y)`, scaled by the off-diagonal, which is the largest entry.
fn solve_two(d: f64, off: f64, last: f64, x: f64, y: f64) -> (f64, f64) {
    let (p, q) = (d / off, last / off);
    let determinant = (p * q - 1.0) * off;
    ((q * x - y) / determinant, (p * y - x) / determinant)
}
