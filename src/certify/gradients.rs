//! Sparse gradients of all rows of a stage, put together from those of the stages that it reads.

use super::linearise::PART;
use super::rows::Rows;
use crate::expr::family::{IndexMap, Source, Stage, StageId, Term};
use crate::threads;
use std::collections::BTreeMap;

/// The entries of the gradients of a stage, as they are found.
pub enum Entries {
    /// By row and variable, in any number of lists.
    Listed(Vec<Vec<(u32, u32, f64)>>),
    /// Of a stage that reads itself: summed up at once, because later rows need them.
    Sums(Vec<BTreeMap<u32, f64>>),
    /// Row after row, all of `width`: where more is added than there are entries, as in conditions of a fit to many rows of
    /// data.
    Dense { width: usize, values: Vec<f64> },
}

/// Numbers added to dense rows in the time in which one is listed and sorted. A guess.
const DENSE_GAIN: usize = 64;

impl Entries {
    pub fn of(stage: &Stage, id: StageId, width: usize) -> Entries {
        let mut leaves = stage.terms.iter().flat_map(|term| &term.family.leaves);
        let (rows, added): (usize, usize) =
            (stage.rows as usize, stage.terms.iter().map(|term| term.family.instances as usize).sum());
        match leaves.any(|leaf| leaf.source == Source::Stage(id)) {
            true => Entries::Sums(vec![BTreeMap::new(); rows]),
            false if width > 0 && rows.saturating_mul(width) <= added => {
                Entries::Dense { width, values: vec![0.0; rows * width] }
            }
            false => Entries::Listed(vec![vec![]]),
        }
    }

    /// Adds a multiple of a gradient to a row, and returns how many entries that took.
    pub fn add(&mut self, row: usize, gradient: &[(u32, f64)], factor: f64) -> usize {
        match self {
            Entries::Listed(lists) => {
                let list = lists.last_mut().expect("there is one to begin with");
                list.extend(gradient.iter().map(|(j, v)| (row as u32, *j, v * factor)));
            }
            Entries::Sums(rows) => {
                gradient.iter().for_each(|(j, v)| *rows[row].entry(*j).or_default() += v * factor);
            }
            Entries::Dense { width, values } => {
                let values = &mut values[row * *width..][..*width];
                gradient.iter().for_each(|(j, v)| values[*j as usize] += v * factor);
                return gradient.len().div_ceil(DENSE_GAIN);
            }
        }
        gradient.len()
    }

    pub fn add_own(&mut self, row: usize, from: usize, factor: f64) -> usize {
        let gradient: Vec<(u32, f64)> = match self {
            Entries::Listed(_) | Entries::Dense { .. } => return 0,
            Entries::Sums(rows) => rows[from].iter().map(|(j, v)| (*j, *v)).collect(),
        };
        self.add(row, &gradient, factor)
    }

    pub fn finish(self, count: usize) -> Rows {
        match self {
            Entries::Listed(lists) => Rows::summed(count, &lists),
            Entries::Sums(sums) => {
                let mut rows = Rows::default();
                sums.into_iter().for_each(|row| rows.push(row));
                rows
            }
            Entries::Dense { width, values } => {
                let mut rows = Rows::default();
                for row in values.chunks(width.max(1)) {
                    rows.push((0..).zip(row.iter().copied()).filter(|(_, value)| *value != 0.0));
                }
                rows
            }
        }
    }
}

/// The rows of a stage that were found before; none for what is no stage.
pub fn found_of(found: &BTreeMap<StageId, Rows>, source: Source) -> Option<&Rows> {
    match source {
        Source::Stage(id) => found.get(&id),
        Source::Variables | Source::Param(_) | Source::After(_) => None,
    }
}

/// What a leaf adds to the rows of a term's stage: multiples of the gradients that it reads, or of units where those are of
/// variables.
pub struct Added<'a> {
    pub term: &'a Term,
    pub map: &'a IndexMap,
    pub slopes: &'a [f64],
    pub inner: Option<&'a Rows>,
}

/// Dense rows are shared by threads in so many parts; each goes through all instances.
const SHARES: usize = 4;

impl Added<'_> {
    fn length(&self, p: usize) -> usize {
        self.inner.map_or(1, |rows| rows[self.map.at(p)].len())
    }

    /// In lists that threads make side by side. None if they are more than are left.
    pub fn listed(&self, left: &mut usize) -> Option<Vec<Vec<(u32, u32, f64)>>> {
        let count: usize = (0..self.slopes.len()).map(|p| self.length(p)).sum();
        *left = left.checked_sub(count)?;
        let parts = self.slopes.chunks(PART).enumerate().collect();
        Some(threads::each(parts, threads::for_work(4 * count), |(k, slopes): (usize, &[f64])| {
            let mut list = vec![];
            for (p, slope) in (k * PART..).zip(slopes) {
                let (row, from) = (self.term.target.at(p) as u32, self.map.at(p));
                match self.inner {
                    None => list.push((row, from as u32, *slope)),
                    Some(rows) => list.extend(rows[from].iter().map(|(j, v)| (row, *j, v * slope))),
                }
            }
            list
        }))
    }

    /// To dense rows of this width. None if that takes more than is left.
    pub fn add_to(&self, width: usize, values: &mut [f64], left: &mut usize) -> Option<()> {
        let count: usize = (0..self.slopes.len()).map(|p| self.length(p).div_ceil(DENSE_GAIN)).sum();
        *left = left.checked_sub(count)?;
        let rows = (values.len() / width.max(1)).div_ceil(SHARES).max(1);
        let parts = values.chunks_mut(rows * width).enumerate().collect();
        threads::each(parts, threads::for_work(DENSE_GAIN * count), |(k, own): (usize, &mut [f64])| {
            for (p, slope) in self.slopes.iter().enumerate() {
                let row = self.term.target.at(p);
                let Some(row) = row.checked_sub(k * rows).filter(|row| *row < rows) else { continue };
                let (own, from) = (&mut own[row * width..(row + 1) * width], self.map.at(p));
                match self.inner {
                    None => own[from] += slope,
                    Some(gradients) => gradients[from].iter().for_each(|(j, v)| own[*j as usize] += v * slope),
                }
            }
        });
        Some(())
    }
}
