//! Sparse vectors, one after the other in one piece of memory.

use std::ops::Index;

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

    /// `count` rows from entries by row and position in any order. Entries of one place are summed up in the order in
    /// which they stand.
    pub fn summed(count: usize, triplets: &[(u32, u32, f64)]) -> Rows {
        let mut starts = vec![0; count + 1];
        triplets.iter().for_each(|(r, _, _)| starts[*r as usize + 1] += 1);
        (0..count).for_each(|r| starts[r + 1] += starts[r]);
        let mut next = starts.clone();
        let mut entries = vec![(0, 0.0); triplets.len()];
        for (r, j, v) in triplets {
            let place = &mut next[*r as usize];
            entries[*place] = (*j, *v);
            *place += 1;
        }
        let mut kept = 0;
        for r in 0..count {
            let row = starts[r]..starts[r + 1];
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
            starts[r] = first;
        }
        starts[count] = kept;
        entries.truncate(kept);
        Rows { starts, entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_one_place_are_summed_up() {
        let rows = Rows::summed(3, &[(2, 1, 1.0), (0, 4, 2.0), (2, 0, 3.0), (2, 1, 4.0), (0, 4, -2.0)]);
        let mut expected = Rows::default();
        expected.push([(4, 0.0)]);
        expected.push([]);
        expected.push([(0, 3.0), (1, 5.0)]);
        assert_eq!(rows, expected);
        assert_eq!((rows.len(), &rows[2]), (3, [(0, 3.0), (1, 5.0)].as_slice()));
    }
}
