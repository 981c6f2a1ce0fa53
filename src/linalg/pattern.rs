//! Where the entries of a sparse matrix are: compressed rows, without values.

/// Sparsity by compressed rows: the columns of row `r` are `columns[starts[r]..starts[r+1]]`, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pattern {
    pub rows: usize,
    pub columns_count: usize,
    pub starts: Vec<usize>,
    pub columns: Vec<u32>,
}

impl Pattern {
    /// From the columns of each row, in any order and with repetitions.
    pub fn from_rows(columns_count: usize, rows: &[Vec<u32>]) -> Pattern {
        let mut starts = vec![0];
        let mut columns = Vec::new();
        for row in rows {
            let mut row = row.clone();
            row.sort_unstable();
            row.dedup();
            columns.extend(row);
            starts.push(columns.len());
        }
        Pattern { rows: rows.len(), columns_count, starts, columns }
    }

    pub fn entries(&self) -> usize {
        self.columns.len()
    }

    pub fn row(&self, r: usize) -> std::ops::Range<usize> {
        self.starts[r]..self.starts[r + 1]
    }

    /// The position of entry `(r, c)`, if it is stored. `O(log)` of the row's length.
    pub fn position(&self, r: usize, c: usize) -> Option<usize> {
        let row = self.row(r);
        self.columns[row.clone()].binary_search(&(c as u32)).ok().map(|k| row.start + k)
    }
}
