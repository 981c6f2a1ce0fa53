//! The matrix `H + σ A'A`, its lower triangle, put together row by row, which threads share.

use super::rows::{Entries, Rows};
use crate::linalg::pattern::Pattern;
use crate::threads;
use std::ops::Range;

/// Rows of the matrix that one thread makes at a time; what is made does not depend on it.
const PART: usize = 8192;

/// What the matrix is put together from.
pub struct Gram {
    size: usize,
    /// The lower triangle of `H`; rows at the end may be missing.
    hessian: Rows,
    /// `A`
    pub rows: Rows,
    /// The entries of `A` by column, then by row: the number of the row and which of its entries it is. Those of column
    /// `i` begin at `starts[i]`.
    columns: Vec<(u32, u32)>,
    starts: Vec<usize>,
}

impl Gram {
    /// A matrix with `size` rows; none, if it has too many entries.
    pub fn new(size: usize, hessian: Rows, rows: Rows) -> Option<Gram> {
        let mut starts = vec![0; size + 1];
        let mut products = hessian.iter().map(Entries::len).sum::<usize>() + size;
        for row in rows.iter() {
            products += row.len() * (row.len() + 1) / 2;
            row.iter().for_each(|(i, _)| starts[*i as usize + 1] += 1);
        }
        u32::try_from(products).ok()?;
        (0..size).for_each(|i| starts[i + 1] += starts[i]);
        let mut next = starts.clone();
        let mut columns = vec![(0, 0); starts[size]];
        for (r, row) in (0..).zip(rows.iter()) {
            for (k, (i, _)) in (0..).zip(row) {
                columns[next[*i as usize]] = (r, k);
                next[*i as usize] += 1;
            }
        }
        Some(Gram { size, hessian, rows, columns, starts })
    }

    /// Where the entries are; the diagonal is among them.
    pub fn pattern(&self) -> Pattern {
        let parts = threads::each(self.parts(), self.threads(), |part| {
            let (mut columns, mut lengths, mut row) = (vec![], Vec::with_capacity(part.len()), vec![]);
            for i in part {
                row.clear();
                self.terms(i, |_, entries| row.extend(entries.iter().map(|(j, _)| *j)));
                row.push(i as u32);
                row.sort_unstable();
                row.dedup();
                columns.extend_from_slice(&row);
                lengths.push(row.len());
            }
            (columns, lengths)
        });
        let mut pattern = Pattern { rows: self.size, columns_count: self.size, starts: vec![0], columns: vec![] };
        for (columns, lengths) in parts {
            let mut end = pattern.columns.len();
            pattern.starts.extend(lengths.iter().map(|length| {
                end += length;
                end
            }));
            pattern.columns.extend(columns);
        }
        pattern
    }

    /// The numbers for a weight, in a pattern that [`Gram::pattern`] made.
    pub fn fill(&self, sigma: f64, pattern: &Pattern, values: &mut [f64]) {
        let mut rest = values;
        let mut parts = vec![];
        for part in self.parts() {
            let (own, after) = rest.split_at_mut(pattern.starts[part.end] - pattern.starts[part.start]);
            rest = after;
            parts.push((part, own));
        }
        threads::each(parts, self.threads(), |(part, values)| {
            let first = pattern.starts[part.start];
            for i in part {
                let row = pattern.row(i);
                let columns = &pattern.columns[row.clone()];
                let values = &mut values[row.start - first..row.end - first];
                values.fill(0.0);
                self.terms(i, |factor, entries| {
                    let factor = factor.map(|factor| sigma * factor);
                    let mut at = 0;
                    for (j, v) in entries {
                        // Both ascend, and what is added has its place.
                        while columns[at] < *j {
                            at += 1;
                        }
                        values[at] += factor.map_or(*v, |factor| factor * v);
                    }
                });
            }
        });
    }

    /// What row `i` is the sum of: entries, and what they are multiplied by besides `σ`; those of `H` as they are.
    fn terms<'a>(&'a self, i: usize, mut see: impl FnMut(Option<f64>, &'a Entries)) {
        if i < self.hessian.len() {
            see(None, &self.hessian[i]);
        }
        for (r, k) in &self.columns[self.starts[i]..self.starts[i + 1]] {
            let row = &self.rows[*r as usize][..=*k as usize];
            see(row.last().map(|(_, v)| *v), row);
        }
    }

    fn parts(&self) -> Vec<Range<usize>> {
        (0..self.size).step_by(PART).map(|first| first..(first + PART).min(self.size)).collect()
    }

    fn threads(&self) -> usize {
        threads::for_work(8 * (self.size + self.columns.len()))
    }
}
