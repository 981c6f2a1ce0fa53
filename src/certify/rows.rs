//! Sparse vectors, one after the other in one piece of memory.

use crate::threads;
use std::ops::Index;

/// Threads share this many rows at a time; what is found does not depend on it.
const PART: usize = 1024;

/// Entries of a sparse vector by position, ascending.
pub type Entries = [(u32, f64)];

#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    starts: Vec<usize>,
    entries: Vec<(u32, f64)>,
}

impl Default for Rows {
    fn default() -> Rows {
        Rows { starts: vec![0], entries: vec![] }
    }
}

impl Index<usize> for Rows {
    type Output = Entries;

    fn index(&self, r: usize) -> &Entries {
        &self.entries[self.starts[r]..self.starts[r + 1]]
    }
}

impl Rows {
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entries> {
        self.starts.windows(2).map(|ends| &self.entries[ends[0]..ends[1]])
    }

    /// Adds a row at the end; its entries must ascend.
    pub fn push(&mut self, row: impl IntoIterator<Item = (u32, f64)>) {
        self.entries.extend(row);
        self.starts.push(self.entries.len());
    }

    /// `count` rows from lists of entries by row and position in any order. Entries of one place are summed up in the order
    /// in which they stand.
    pub fn summed(count: usize, lists: &[Vec<(u32, u32, f64)>]) -> Rows {
        let mut starts = vec![0; count + 1];
        lists.iter().flatten().for_each(|(r, _, _)| starts[*r as usize + 1] += 1);
        (0..count).for_each(|r| starts[r + 1] += starts[r]);
        let mut next = starts.clone();
        let mut entries = vec![(0, 0.0); starts[count]];
        for (r, j, v) in lists.iter().flatten() {
            let place = &mut next[*r as usize];
            entries[*place] = (*j, *v);
            *place += 1;
        }
        // Threads share the rows in parts, in each of which entries move to the front.
        let (mut rest, mut parts) = (entries.as_mut_slice(), vec![]);
        for first in (0..count).step_by(PART) {
            let rows = first..(first + PART).min(count);
            let (own, after) = rest.split_at_mut(starts[rows.end] - starts[rows.start]);
            rest = after;
            parts.push((rows, own));
        }
        let threads = threads::for_work(4 * starts[count]);
        let lengths = threads::each(parts, threads, |(rows, own)| merged(&starts[rows.start..=rows.end], own));
        let (mut kept, mut ends) = (0, vec![0]);
        for (part, lengths) in lengths.into_iter().enumerate() {
            let from = starts[part * PART];
            let before = kept;
            ends.extend(lengths.into_iter().map(|length| {
                kept += length;
                kept
            }));
            entries.copy_within(from..from + kept - before, before);
        }
        entries.truncate(kept);
        Rows { starts: ends, entries }
    }
}

/// Sorts the entries of each row, sums up those of one place, and moves what is left to the front: how many each row has.
fn merged(starts: &[usize], entries: &mut [(u32, f64)]) -> Vec<usize> {
    let mut kept = 0;
    let one = |ends: &[usize]| {
        let row = ends[0] - starts[0]..ends[1] - starts[0];
        // Stable, so that sums do not depend on how sorting goes about it.
        entries[row.clone()].sort_by_key(|(j, _)| *j);
        let first = kept;
        for k in row {
            if kept > first && entries[kept - 1].0 == entries[k].0 {
                entries[kept - 1].1 += entries[k].1;
            } else {
                entries[kept] = entries[k];
                kept += 1;
            }
        }
        kept - first
    };
    starts.windows(2).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_one_place_are_summed_up() {
        let rows = Rows::summed(3, &[vec![(2, 1, 1.0), (0, 4, 2.0), (2, 0, 3.0)], vec![(2, 1, 4.0), (0, 4, -2.0)]]);
        let mut expected = Rows::default();
        expected.push([(4, 0.0)]);
        expected.push([]);
        expected.push([(0, 3.0), (1, 5.0)]);
        assert_eq!(rows, expected);
        assert_eq!((rows.len(), &rows[2]), (3, [(0, 3.0), (1, 5.0)].as_slice()));
    }
}
