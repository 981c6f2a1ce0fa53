//! Products with a sparse matrix of data: sums of numbers times what is gathered, row after row.
//!
//! As general kernels they would load, multiply and add up in three passes over memory.

use super::kernel::{Memory, Place, Scratch, Space};
use crate::threads;
use std::sync::{Arc, Mutex, PoisonError};

/// Entries row after row; a row may come in several parts.
#[derive(Clone, Debug)]
pub struct Sparse {
    /// Where the numbers stand in the arena.
    pub values: usize,
    pub columns: Arc<[u32]>,
    /// Where each part of a row begins, and at last their number.
    pub starts: Vec<u32>,
    pub rows: Vec<u32>,
    /// One more than the largest column, and the largest row.
    ends: (usize, usize),
}

/// What is multiplied with the matrix or its transpose, and where the product is added.
#[derive(Clone, Debug)]
pub struct SparseProduct {
    pub matrix: Sparse,
    pub transposed: bool,
    pub vector: Place,
    pub space: Space,
    pub base: usize,
}

/// Parts of rows that a thread takes at once.
const PART: usize = 4096;

impl Sparse {
    pub fn new(values: usize, columns: Arc<[u32]>, row_of: impl Iterator<Item = usize>) -> Sparse {
        let (mut starts, mut rows) = (vec![], vec![]);
        for (k, row) in row_of.enumerate() {
            if rows.last() != Some(&(row as u32)) {
                starts.push(k as u32);
                rows.push(row as u32);
            }
        }
        starts.push(columns.len() as u32);
        let end = |positions: &[u32]| positions.iter().max().map_or(0, |most| *most as usize + 1);
        let ends = (end(&columns), end(&rows));
        Sparse { values, columns, starts, rows, ends }
    }

    /// The entries of part `s` of a row.
    fn part<'a>(&'a self, values: &'a [f64], s: usize) -> impl Iterator<Item = (&'a f64, &'a u32)> {
        let own = self.starts[s] as usize..self.starts[s + 1] as usize;
        values[own.clone()].iter().zip(&self.columns[own])
    }
}

impl SparseProduct {
    pub fn run(&self, memory: &mut Memory, scratch: &mut Scratch) {
        let Sparse { columns, rows, ends, .. } = &self.matrix;
        let length = if self.transposed { ends.0 } else { rows.len() };
        let sums = scratch.numbers(length);
        let values = memory.read(Place::arena(self.matrix.values), columns.len());
        if self.transposed {
            let vector = memory.read(self.vector, ends.1);
            for (s, row) in rows.iter().enumerate() {
                let factor = vector[*row as usize];
                self.matrix.part(values, s).for_each(|(value, at)| sums[*at as usize] += value * factor);
            }
            let to = &mut memory.space(self.space)[self.base..];
            to.iter_mut().zip(&*sums).for_each(|(to, sum)| *to += sum);
            return;
        }
        let vector = memory.read(self.vector, ends.0);
        let parts: Vec<Mutex<&mut [f64]>> = sums.chunks_mut(PART).map(Mutex::new).collect();
        let threads = if parts.len() < 4 { 1 } else { threads::count() };
        threads::run(parts.len(), threads, &|_, k| {
            let sums = &mut *parts[k].lock().unwrap_or_else(PoisonError::into_inner);
            for (s, sum) in (k * PART..).zip(sums.iter_mut()) {
                *sum = self.matrix.part(values, s).map(|(value, at)| value * vector[*at as usize]).sum();
            }
        });
        drop(parts);
        let to = &mut memory.space(self.space)[self.base..];
        rows.iter().zip(&*sums).for_each(|(row, sum)| to[*row as usize] += sum);
    }
}
