//! Dense blocks of stages that are matrix products: `A v`, `A' w` and `A' diag(h) A`, with `A` row after row.

use super::action::RankUpdate;
use super::functions::multiply_add;
use super::isa::dispatch;

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
    /// `out = A v`; `v` is not empty.
    pub fn multiply = multiply_inner(a: &[f64], v: &[f64], out: &mut [f64])
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
    /// `out += A' w`; `out` is not empty.
    pub fn multiply_transposed = multiply_transposed_inner(a: &[f64], w: &[f64], out: &mut [f64])
}

/// `total += Σ_p factor[p] a_p a_p'`, the lower triangle of a `width × width` square.
pub fn rank_update(update: &RankUpdate, arena: &[f64], total: &mut [f64]) {
    let width = update.width;
    let row = |p: usize| {
        let at = update.values + update.map.at(p) * width;
        &arena[at..at + width]
    };
    let factors = &arena[update.factor..update.factor + update.instances];
    let whole = factors.len() - factors.len() % 4;
    for p in (0..whole).step_by(4) {
        let rows = [row(p), row(p + 1), row(p + 2), row(p + 3)];
        rank_four(rows, [factors[p], factors[p + 1], factors[p + 2], factors[p + 3]], total);
    }
    for (p, &factor) in factors.iter().enumerate().skip(whole) {
        rank_one(row(p), factor, total);
    }
}

#[inline(always)]
fn rank_four_inner<const FUSED: bool>(rows: [&[f64]; 4], factors: [f64; 4], total: &mut [f64]) {
    let width = rows[0].len();
    for i in 0..width {
        let scaled = [0, 1, 2, 3].map(|k| factors[k] * rows[k][i]);
        combine::<FUSED, 4>(rows, scaled, &mut total[i * width..i * width + i + 1]);
    }
}

#[inline(always)]
fn rank_one_inner<const FUSED: bool>(row: &[f64], factor: f64, total: &mut [f64]) {
    let width = row.len();
    for i in 0..width {
        combine::<FUSED, 1>([row], [factor * row[i]], &mut total[i * width..i * width + i + 1]);
    }
}

dispatch! {
    fn rank_four = rank_four_inner(rows: [&[f64]; 4], factors: [f64; 4], total: &mut [f64])
}

dispatch! {
    fn rank_one = rank_one_inner(row: &[f64], factor: f64, total: &mut [f64])
}
