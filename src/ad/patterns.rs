//! Building sparsity patterns from lists of entries.

use crate::linalg::pattern::Pattern;

/// Entries of a matrix, in any order and with repetitions.
#[derive(Debug)]
pub struct Entries {
    rows: usize,
    columns: usize,
    list: Vec<(u32, u32)>,
    /// Repetitions are taken out when the list has grown to this length.
    limit: usize,
}

/// 4 million entries are 32 MB.
const FIRST_LIMIT: usize = 1 << 22;

impl Entries {
    pub fn new(rows: usize, columns: usize) -> Entries {
        Entries { rows, columns, list: vec![], limit: FIRST_LIMIT }
    }

    pub fn push(&mut self, row: usize, column: u32) {
        self.list.push((row as u32, column));
        self.shorten();
    }

    pub fn extend_row(&mut self, row: usize, columns: &[u32]) {
        self.list.extend(columns.iter().map(|&column| (row as u32, column)));
        self.shorten();
    }

    /// Keeps memory within a few times that of the pattern, however often entries are repeated.
    fn shorten(&mut self) {
        if self.list.len() >= self.limit {
            let list = std::mem::take(&mut self.list);
            let pattern = Entries { list, ..*self }.pattern();
            let rows = (0..pattern.rows).flat_map(|r| pattern.row(r).map(move |e| (r as u32, e)));
            self.list = rows.map(|(row, e)| (row, pattern.columns[e])).collect();
            self.limit = FIRST_LIMIT.max(2 * self.list.len());
        }
    }

    /// Sorts by rows in linear time, then the few entries of each row.
    pub fn pattern(self) -> Pattern {
        let mut ends = vec![0usize; self.rows + 1];
        for (row, _) in &self.list {
            ends[*row as usize + 1] += 1;
        }
        for r in 0..self.rows {
            ends[r + 1] += ends[r];
        }
        let begins = ends.clone();
        let mut sorted = vec![0u32; self.list.len()];
        for (row, column) in &self.list {
            sorted[ends[*row as usize]] = *column;
            ends[*row as usize] += 1;
        }
        let mut starts = Vec::with_capacity(self.rows + 1);
        starts.push(0);
        let mut columns = Vec::with_capacity(sorted.len());
        for r in 0..self.rows {
            let row = &mut sorted[begins[r]..begins[r + 1]];
            if !row.is_sorted() {
                row.sort_unstable();
            }
            let mut last = None;
            for &mut column in row {
                if last != Some(column) {
                    columns.push(column);
                    last = Some(column);
                }
            }
            starts.push(columns.len());
        }
        Pattern { rows: self.rows, columns_count: self.columns, starts, columns }
    }
}

/// Where entry `(row, column)` stands. It is there: patterns are made of the entries that are looked up.
pub fn locate(pattern: &Pattern, row: usize, column: u32) -> usize {
    let range = pattern.row(row);
    let columns = &pattern.columns[range.clone()];
    let k = if columns.len() <= 16 {
        columns.iter().position(|&c| c == column)
    } else {
        columns.binary_search(&column).ok()
    };
    range.start + k.expect("an entry is in the pattern that was made of it")
}

/// The columns of all rows, where they are the same for all.
pub fn uniform_columns(pattern: &Pattern) -> Option<&[u32]> {
    if pattern.rows == 0 {
        return None;
    }
    let first = &pattern.columns[pattern.row(0)];
    (1..pattern.rows).all(|r| pattern.columns[pattern.row(r)] == *first).then_some(first)
}
