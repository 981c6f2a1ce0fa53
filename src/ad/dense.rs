//! Dense blocks of stages that are matrix products.

use super::action::RankUpdate;
use super::isa::dispatch;

/// `total += Σ_p factor[p] a_p a_p'` into the lower triangle (and some of the upper) of a `width × width` square.
pub fn rank_update(update: &RankUpdate, arena: &[f64], total: &mut [f64]) {
    let width = update.width;
    let row = |p: usize| {
        let at = update.values + update.map.at(p) * width;
        &arena[at..at + width]
    };
    let factors = &arena[update.factor..update.factor + update.instances];
    let mut p = 0;
    while p + 4 <= update.instances {
        let rows = [row(p), row(p + 1), row(p + 2), row(p + 3)];
        rank_four(rows, [factors[p], factors[p + 1], factors[p + 2], factors[p + 3]], total);
        p += 4;
    }
    for p in p..update.instances {
        let a = row(p);
        rank_four([a, a, a, a], [factors[p], 0.0, 0.0, 0.0], total);
    }
}

#[inline(always)]
fn rank_four_inner<const FUSED: bool>(rows: [&[f64]; 4], factors: [f64; 4], total: &mut [f64]) {
    use super::functions::multiply_add;
    let width = rows[0].len();
    let [a, b, c, d] = rows.map(|row| &row[..width]);
    for i in 0..width {
        let (wa, wb, wc, wd) = (factors[0] * a[i], factors[1] * b[i], factors[2] * c[i], factors[3] * d[i]);
        let to = &mut total[i * width..i * width + i + 1];
        for ((((to, a), b), c), d) in to.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            let low = multiply_add::<FUSED>(wa, *a, multiply_add::<FUSED>(wb, *b, *to));
            *to = multiply_add::<FUSED>(wc, *c, multiply_add::<FUSED>(wd, *d, low));
        }
    }
}

dispatch! {
    fn rank_four = rank_four_inner(rows: [&[f64]; 4], factors: [f64; 4], total: &mut [f64])
}
