//! Sparse symmetric indefinite factorisation `P A P' = L D L'`, `D` diagonal, by faer.
//!
//! The order `P` (approximate minimum degree, or none for bands that have little room to fill) and the places of `L` are
//! found once for a pattern; numbers are refactored in place. There is no pivoting for stability: callers regularise (see [`super::kkt`]) and refine.

use super::pattern::Pattern;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::linalg::cholesky::supernodal::SupernodalLdltRef;
use faer::sparse::linalg::cholesky::{
    CholeskySymbolicParams, LdltRef, SymbolicCholesky, SymbolicCholeskyRaw, SymmetricOrdering,
    factorize_symbolic_cholesky,
};
use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Conj, MatMut, Par, Side};
use std::cell::RefCell;
use std::sync::Arc;

/// How many eigenvalues are positive, negative and zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inertia {
    pub positive: usize,
    pub negative: usize,
    pub zero: usize,
}

impl Inertia {
    /// Counts a pivot; `|pivot| <= zero` counts as zero.
    pub fn count(&mut self, pivot: f64, zero: f64) {
        if pivot > zero {
            self.positive += 1;
        } else if pivot < -zero {
            self.negative += 1;
        } else {
            self.zero += 1;
        }
    }
}

/// Why there are no factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFactored {
    /// A pivot is exactly zero.
    ZeroPivot,
    /// An entry, or a pivot, is not a finite number.
    NotFinite,
    /// The factors do not fit in memory.
    TooLarge,
}

/// The factors and all that their refactorisation needs; nothing is allocated after [`Ldlt::new`].
pub struct Ldlt {
    starts: Vec<usize>,
    columns: Vec<usize>,
    symbolic: Arc<SymbolicCholesky<usize>>,
    factors: Vec<f64>,
    scratch: MemBuffer,
    permuted: Vec<f64>,
}

impl Ldlt {
    /// Analyses the lower triangle `pattern` (`column <= row`) of an `n × n` matrix.
    pub fn new(pattern: &Pattern) -> Result<Ldlt, NotFactored> {
        let columns: Vec<usize> = pattern.columns.iter().map(|c| *c as usize).collect();
        let n = pattern.rows;
        let symbolic = analysed(pattern, &columns)?;
        let numeric = symbolic.factorize_numeric_ldlt_scratch::<f64>(Par::Seq, faer::Spec::default());
        let solve = symbolic.solve_in_place_scratch::<f64>(1, Par::Seq);
        let scratch = MemBuffer::try_new(numeric.or(solve)).map_err(|_| NotFactored::TooLarge)?;
        let factors = vec![0.0; symbolic.len_val()];
        Ok(Ldlt { starts: pattern.starts.clone(), columns, symbolic, factors, scratch, permuted: vec![0.0; n] })
    }

    /// Entries of `L`, the diagonal included.
    pub fn fill(&self) -> usize {
        self.factors.len()
    }

    /// Factors the matrix with these entries and counts the signs of `D`.
    pub fn factor(&mut self, values: &[f64]) -> Result<Inertia, NotFactored> {
        let n = self.symbolic.nrows();
        let pattern = SymbolicSparseColMatRef::new_checked(n, n, &self.starts, None, &self.columns);
        self.symbolic
            .factorize_numeric_ldlt(
                &mut self.factors,
                SparseColMatRef::new(pattern, values),
                Side::Upper,
                Default::default(),
                Par::Seq,
                MemStack::new(&mut self.scratch),
                faer::Spec::default(),
            )
            .map_err(|_| NotFactored::ZeroPivot)?;
        self.inertia()
    }

    /// Overwrites `b` by the solution of `A x = b`.
    pub fn solve(&mut self, b: &mut [f64]) {
        if let SymbolicCholeskyRaw::Simplicial(factor) = self.symbolic.raw() {
            let Some(order) = self.symbolic.perm() else {
                return substitute(factor.col_ptr(), factor.row_idx(), &self.factors, b);
            };
            let (order, _) = order.arrays();
            self.permuted.iter_mut().zip(order).for_each(|(p, i)| *p = b[*i]);
            substitute(factor.col_ptr(), factor.row_idx(), &self.factors, &mut self.permuted);
            self.permuted.iter().zip(order).for_each(|(p, i)| b[*i] = *p);
            return;
        }
        let n = b.len();
        LdltRef::new(&self.symbolic, &self.factors).solve_in_place_with_conj(
            Conj::No,
            MatMut::from_column_major_slice_mut(b, n, 1),
            Par::Seq,
            MemStack::new(&mut self.scratch),
        );
    }

    fn inertia(&self) -> Result<Inertia, NotFactored> {
        let mut inertia = Inertia::default();
        match self.symbolic.raw() {
            SymbolicCholeskyRaw::Simplicial(symbolic) => {
                for start in &symbolic.col_ptr()[..symbolic.nrows()] {
                    inertia.count(self.factors[*start], 0.0);
                    if !self.factors[*start].is_finite() {
                        return Err(NotFactored::NotFinite);
                    }
                }
            }
            SymbolicCholeskyRaw::Supernodal(symbolic) => {
                let factors = SupernodalLdltRef::new(symbolic, &self.factors);
                for s in 0..symbolic.n_supernodes() {
                    let block = factors.supernode(s).val();
                    for j in 0..block.ncols() {
                        inertia.count(block[(j, j)], 0.0);
                        if !block[(j, j)].is_finite() {
                            return Err(NotFactored::NotFinite);
                        }
                    }
                }
            }
        }
        Ok(inertia)
    }
}

/// Analyses that are kept between solves of one problem, so that the same pattern is not analysed again.
///
/// An analysis follows from the pattern alone, so one that is found here is the one that would be made.
#[derive(Clone, Default)]
pub struct Analyses {
    /// The one used last stands last.
    kept: Vec<(Pattern, Arc<SymbolicCholesky<usize>>)>,
    /// How many were made, and how many were found.
    pub made: usize,
    pub found: usize,
}

/// A solve has one pattern, its polish and its judge a few more.
const MOST_KEPT: usize = 8;

thread_local! {
    static MEMORY: RefCell<Option<Analyses>> = const { RefCell::new(None) };
}

/// Runs `work` on this thread with what `memory` holds, and keeps there what it analysed.
pub fn remembering<T>(memory: &mut Analyses, work: impl FnOnce() -> T) -> T {
    /// Puts back what was there before, also where `work` panics.
    struct Back<'m>(&'m mut Analyses, Option<Analyses>);
    impl Drop for Back<'_> {
        fn drop(&mut self) {
            let earlier = self.1.take();
            *self.0 = MEMORY.with(|slot| slot.replace(earlier)).unwrap_or_default();
        }
    }
    let earlier = MEMORY.with(|slot| slot.replace(Some(std::mem::take(memory))));
    let _back = Back(memory, earlier);
    work()
}

/// The order and the places of `L`; `columns` are those of the pattern.
fn analysed(pattern: &Pattern, columns: &[usize]) -> Result<Arc<SymbolicCholesky<usize>>, NotFactored> {
    let known = MEMORY.with_borrow_mut(|memory| {
        let memory = memory.as_mut()?;
        let at = memory.kept.iter().position(|(known, _)| known == pattern)?;
        let entry = memory.kept.remove(at);
        let symbolic = entry.1.clone();
        memory.kept.push(entry);
        memory.found += 1;
        Some(symbolic)
    });
    if let Some(symbolic) = known {
        return Ok(symbolic);
    }
    // Rows of the lower triangle are columns of the upper one.
    let matrix = SymbolicSparseColMatRef::new_checked(pattern.rows, pattern.rows, &pattern.starts, None, columns);
    let order = if is_band(pattern) { SymmetricOrdering::Identity } else { SymmetricOrdering::Amd };
    let params = CholeskySymbolicParams::default();
    let symbolic = factorize_symbolic_cholesky(matrix, Side::Upper, order, params);
    let symbolic = Arc::new(symbolic.map_err(|_| NotFactored::TooLarge)?);
    MEMORY.with_borrow_mut(|memory| {
        let Some(memory) = memory else { return };
        memory.made += 1;
        if memory.kept.len() == MOST_KEPT {
            memory.kept.remove(0);
        }
        memory.kept.push((pattern.clone(), symbolic.clone()));
    });
    Ok(symbolic)
}

/// Whether factors in the order of the rows have hardly more entries than the matrix. They stay within its envelope: in
/// each row from the first entry to the diagonal.
fn is_band(pattern: &Pattern) -> bool {
    let first = |i: usize| pattern.columns[pattern.row(i)].first().map_or(i, |column| *column as usize);
    let envelope: usize = (0..pattern.rows).map(|i| i + 1 - first(i)).sum();
    9 * envelope <= 10 * pattern.entries()
}

/// `x := L⁻ᵀ D⁻¹ L⁻¹ x` for columns that begin with their pivot; one right side is done faster here than by faer.
fn substitute(starts: &[usize], rows: &[usize], values: &[f64], x: &mut [f64]) {
    for j in 0..x.len() {
        let column = starts[j] + 1..starts[j + 1];
        let pivot = x[j];
        for (row, l) in rows[column.clone()].iter().zip(&values[column]) {
            x[*row] -= l * pivot;
        }
    }
    for j in (0..x.len()).rev() {
        let column = starts[j] + 1..starts[j + 1];
        let sum: f64 = rows[column.clone()].iter().zip(&values[column]).map(|(row, l)| l * x[*row]).sum();
        x[j] = x[j] / values[starts[j]] - sum;
    }
}
