//! Sparse factorisation `P A Q = L U` of square matrices with partial pivoting, by faer.
//!
//! The order `Q` is found once for a pattern. A matrix that is singular to working precision has no factors here.

use super::ldlt::NotFactored;
use super::pattern::Pattern;
use super::vector::{all_finite, max_norm};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::lu::partial_pivoting::factor::PartialPivLuParams;
use faer::linalg_sparse_lu::{LuRef, LuSymbolicParams, NumericLu, SymbolicLu, factorize_symbolic_lu};
use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Conj, MatMut, Par};
