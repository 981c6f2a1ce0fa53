//! Dense blocks of stages that are matrix products: `A v`, `A' w` and `A' diag(h) A`, with `A` row after row.
//!
//! Rows are worked on in parts that the sizes alone determine; sums over rows are added in order of parts. So the number
//! of threads, who share the parts, does not change a result.

use super::action::RankUpdate;
use super::functions::multiply_add;
use super::isa::dispatch;
use super::kernel::Scratch;
use crate::threads;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

const LANES: usize = 8;

#[inline(always)]
fn dot<const FUSED: bool>(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for k in 0..LANES {
            sums[k] = multiply_add::<FUSED>(a[k], b[k], sums[k]);
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum = multiply_add::<FUSED>(*a, *b, *sum);
    }
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

#[inline(always)]
fn multiply_inner<const FUSED: bool>(a: &[f64], v: &[f64], out: &mut [f64]) {
    for (out, row) in out.iter_mut().zip(a.chunks_exact(v.len())) {
        *out = dot::<FUSED>(row, v);
    }
}

dispatch! {
    fn multiply_part = multiply_inner(a: &[f64], v: &[f64], out: &mut [f64])
}

/// Numbers of a matrix in a part: a few microseconds of work.
const PART: usize = 1 << 16;

/// How many rows a part has, out of `rows` of `width` numbers; there are at most `most` parts.
fn part_rows(rows: usize, width: usize, most: usize) -> usize {
    (PART / width.max(1)).max(rows.div_ceil(most)).next_multiple_of(4)
}

/// `work(k, part)` for all parts, by as many threads as there may be.
fn each_part(parts: std::slice::ChunksMut<f64>, work: &(dyn Fn(usize, &mut [f64]) + Sync)) {
    let parts: Vec<Mutex<&mut [f64]>> = parts.map(Mutex::new).collect();
    let threads = if parts.len() < 4 { 1 } else { threads::count() };
    threads::run(parts.len(), threads, &|_, k| {
        work(k, &mut parts[k].lock().unwrap_or_else(PoisonError::into_inner));
    });
}

/// `out = A v`; `v` is not empty.
pub fn multiply(a: &[f64], v: &[f64], out: &mut [f64]) {
    let rows = part_rows(out.len(), v.len(), 64);
    each_part(out.chunks_mut(rows), &|k, out| multiply_part(&a[k * rows * v.len()..], v, out));
}

/// `to += Σ_k factors[k] rows[k]`, all of one length.
#[inline(always)]
fn combine<const FUSED: bool, const N: usize>(rows: [&[f64]; N], factors: [f64; N], to: &mut [f64]) {
    let rows = rows.map(|row| &row[..to.len()]);
    for j in 0..to.len() {
        let mut sum = to[j];
        for k in 0..N {
            sum = multiply_add::<FUSED>(factors[k], rows[k][j], sum);
        }
        to[j] = sum;
    }
}

#[inline(always)]
fn multiply_transposed_inner<const FUSED: bool>(a: &[f64], w: &[f64], out: &mut [f64]) {
    let width = out.len();
    let mut fours = a.chunks_exact(4 * width).zip(w.chunks_exact(4));
    for (rows, w) in &mut fours {
        let row = |k: usize| &rows[k * width..(k + 1) * width];
        combine::<FUSED, 4>([row(0), row(1), row(2), row(3)], [w[0], w[1], w[2], w[3]], out);
    }
    let done = w.len() - w.len() % 4;
    for (row, w) in a[done * width..].chunks_exact(width).zip(&w[done..]) {
        combine::<FUSED, 1>([row], [*w], out);
    }
}

dispatch! {
    fn multiply_transposed_part = multiply_transposed_inner(a: &[f64], w: &[f64], out: &mut [f64])
}

/// `out += A' w`; `out` is not empty.
pub fn multiply_transposed(a: &[f64], w: &[f64], out: &mut [f64]) {
    let width = out.len();
    let rows = part_rows(w.len(), width, 32);
    if w.len() <= rows {
        return multiply_transposed_part(a, w, out);
    }
    let mut sums = vec![0.0; w.len().div_ceil(rows) * width];
    each_part(sums.chunks_mut(width), &|k, sum| {
        let w = &w[k * rows..w.len().min((k + 1) * rows)];
        multiply_transposed_part(&a[k * rows * width..][..w.len() * width], w, sum);
    });
    add_parts(&sums, out);
}

fn add_parts(parts: &[f64], out: &mut [f64]) {
    for part in parts.chunks_exact(out.len()) {
        out.iter_mut().zip(part).for_each(|(out, part)| *out += part);
    }
}

/// Rows of a panel: it and its scaled copy stay in the second-level cache.
const PANEL: usize = 128;
/// From strip to strip of a panel, in rows: a power of two would put all strips on the same cache sets.
const PITCH: usize = PANEL + 2;
/// A tile of the square is this high and [`LANES`] wide, so that its sums stay in registers.
const HEIGHT: usize = 4;

/// The lower triangle of `Σ_p factor[p] a_p a_p'`; entry `(i, j)` stands at `i * length + j` of what is returned, with
/// the length, which is at least the width.
pub fn rank_update<'a>(update: &RankUpdate, arena: &[f64], scratch: &'a mut Scratch) -> (&'a [f64], usize) {
    let length = update.width.next_multiple_of(LANES);
    // Few parts of wide squares: adding them up must cost little beside filling them.
    let rows = part_rows(update.instances, update.width, 8).max(4 * length);
    let parts = scratch.numbers(update.instances.div_ceil(rows).max(1) * length * length);
    each_part(parts.chunks_mut(length * length), &|k, total| {
        let end = update.instances.min((k + 1) * rows);
        PANEL_OF_THREAD.with_borrow_mut(|panel| {
            for first in (k * rows..end).step_by(PANEL) {
                panel.fill(update, arena, first..end.min(first + PANEL), length);
                add_panel(&panel.columns, &panel.scaled, total, length);
            }
        });
    });
    let (total, others) = parts.split_at_mut(length * length);
    add_parts(others, total);
    (total, length)
}

/// Rows `a_p` in strips of columns, each strip row after row, so that loops run along memory; and `factor[p] a_p`.
#[derive(Default)]
struct Panel {
    columns: Vec<[f64; LANES]>,
    scaled: Vec<[f64; HEIGHT]>,
}

thread_local! {
    /// Kept, because asking the system for it takes as long as filling it.
    static PANEL_OF_THREAD: RefCell<Panel> = RefCell::default();
}

impl Panel {
    /// Rows that are not there are zeros.
    fn fill(&mut self, update: &RankUpdate, arena: &[f64], instances: Range<usize>, length: usize) {
        self.columns.resize(PITCH * length / LANES, [0.0; LANES]);
        self.scaled.resize(PITCH * length / HEIGHT, [0.0; HEIGHT]);
        if instances.len() < PANEL {
            self.columns.fill([0.0; LANES]);
            self.scaled.fill([0.0; HEIGHT]);
        }
        for (r, p) in instances.enumerate() {
            let at = update.values + update.map.at(p) * update.width;
            let (row, factor) = (&arena[at..at + update.width], arena[update.factor + p]);
            put_row(row, factor, &mut self.columns[r..], &mut self.scaled[r..]);
        }
    }
}

#[inline(always)]
fn put_row_inner<const FUSED: bool>(
    row: &[f64],
    factor: f64,
    columns: &mut [[f64; LANES]],
    scaled: &mut [[f64; HEIGHT]],
) {
    put_strips(row, 1.0, columns);
    put_strips(row, factor, scaled);
}

dispatch! {
    fn put_row = put_row_inner(row: &[f64], factor: f64, columns: &mut [[f64; LANES]], scaled: &mut [[f64; HEIGHT]])
}

/// `factor * row`, a part into each strip, the last one filled up with zeros.
#[inline(always)]
fn put_strips<const N: usize>(row: &[f64], factor: f64, strips: &mut [[f64; N]]) {
    let (whole, rest) = row.as_chunks::<N>();
    let mut strips = strips.iter_mut().step_by(PITCH);
    for (to, strip) in strips.by_ref().take(whole.len()).zip(whole) {
        *to = strip.map(|a| factor * a);
    }
    if let (false, Some(to)) = (rest.is_empty(), strips.next()) {
        *to = std::array::from_fn(|k| rest.get(k).map_or(0.0, |a| factor * a));
    }
    strips.for_each(|to| *to = [0.0; N]);
}

#[inline(always)]
fn add_panel_inner<const FUSED: bool>(
    columns: &[[f64; LANES]],
    scaled: &[[f64; HEIGHT]],
    total: &mut [f64],
    length: usize,
) {
    for (i, left) in scaled.chunks_exact(PITCH).enumerate() {
        for (j, right) in columns.chunks_exact(PITCH).enumerate().take(i * HEIGHT / LANES + 1) {
            let mut sums = [[0.0; LANES]; HEIGHT];
            for (left, right) in left[..PANEL].iter().zip(&right[..PANEL]) {
                for (sums, left) in sums.iter_mut().zip(left) {
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = multiply_add::<FUSED>(*left, *right, *sum);
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                let at = (i * HEIGHT + r) * length + j * LANES;
                total[at..at + LANES].iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
            }
        }
    }
}

dispatch! {
    fn add_panel = add_panel_inner(
    columns: &[[f64; LANES]],
    scaled: &[[f64; HEIGHT]],
    total: &mut [f64],
    length: usize,
)
}
