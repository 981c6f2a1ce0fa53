//! The derivatives of two workloads written by hand, as loops that the compiler turns into vector code.
//!
//! They use the vector functions of the engine, so that what is compared is everything else. Outputs are arrays, one
//! for each local entry; only the Hessian of the chain is merged into bands. Block lengths were tried.

use crate::ad::functions::{exp, multiply_add, sine, sine_cosine};
use crate::ad::isa::dispatch;

const BLOCK: usize = 128;

#[inline(always)]
fn chain_objective_inner<const FUSED: bool>(x: &[f64]) -> f64 {
    let n = x.len() - 1;
    let term = |a: f64, b: f64| {
        let (gap, rest) = (multiply_add::<FUSED>(a, a, -b), a - 1.0);
        multiply_add::<FUSED>(100.0 * gap, gap, rest * rest)
    };
    let (mut sums, whole) = ([0.0; 16], n - n % 16);
    for i in (0..whole).step_by(16) {
        let (a, b) = (&x[i..i + 16], &x[i + 1..i + 17]);
        for j in 0..16 {
            sums[j] += term(a[j], b[j]);
        }
    }
    sums.iter().sum::<f64>() + (whole..n).map(|i| term(x[i], x[i + 1])).sum::<f64>()
}

#[inline(always)]
fn chain_gradient_inner<const FUSED: bool>(x: &[f64], out: &mut [f64]) {
    let n = x.len();
    let gap = |a: f64, b: f64| multiply_add::<FUSED>(a, a, -b);
    out[0] = 400.0 * gap(x[0], x[1]) * x[0] + 2.0 * (x[0] - 1.0);
    let (before, here, after) = (&x[..n - 2], &x[1..n - 1], &x[2..]);
    for (((out, &p), &c), &q) in out[1..n - 1].iter_mut().zip(before).zip(here).zip(after) {
        let own = multiply_add::<FUSED>(400.0 * gap(c, q), c, multiply_add::<FUSED>(2.0, c, -2.0));
        *out = own - 200.0 * gap(p, c);
    }
    out[n - 1] = -200.0 * gap(x[n - 2], x[n - 1]);
}

#[inline(always)]
fn chain_rows_inner<const FUSED: bool>(x: &[f64], out: &mut [f64]) {
    let m = out.len();
    let (a, b, c) = (&x[..m], &x[1..m + 1], &x[2..m + 2]);
    for (((out, &x), &y), &z) in out.iter_mut().zip(a).zip(b).zip(c) {
        let waves = sine::<FUSED>(y - z) * sine::<FUSED>(y + z);
        let smooth = multiply_add::<FUSED>(3.0 * y * y, y, multiply_add::<FUSED>(2.0, z, -8.0));
        *out = smooth + multiply_add::<FUSED>(4.0, y, waves) - x * exp::<FUSED>(x - y);
    }
}

#[inline(always)]
fn chain_jacobian_inner<const FUSED: bool>(x: &[f64], out: &mut [f64]) {
    let m = x.len() - 2;
    let (first, rest) = out.split_at_mut(m);
    let (second, third) = rest.split_at_mut(m);
    let third = &mut third[..m];
    let (a, b, c) = (&x[..m], &x[1..m + 1], &x[2..m + 2]);
    for i in 0..m {
        let (x, y, z) = (a[i], b[i], c[i]);
        let (sine_gap, cosine_gap) = sine_cosine::<FUSED>(y - z);
        let (sine_sum, cosine_sum) = sine_cosine::<FUSED>(y + z);
        let growth = exp::<FUSED>(x - y);
        let (p, q) = (cosine_gap * sine_sum, sine_gap * cosine_sum);
        first[i] = -growth - x * growth;
        second[i] = multiply_add::<FUSED>(9.0 * y, y, 4.0) + (p + q) + x * growth;
        third[i] = 2.0 - p + q;
    }
}

/// The diagonal, then the band below it.
#[inline(always)]
fn chain_hessian_inner<const FUSED: bool>(x: &[f64], weights: &[f64], out: &mut [f64]) {
    let n = x.len();
    let (diagonal, below) = out.split_at_mut(n);
    diagonal[0] = 0.0;
    for i in 0..n - 1 {
        let own = multiply_add::<FUSED>(1200.0 * x[i], x[i], 2.0 - 400.0 * x[i + 1]);
        diagonal[i] = own + if i > 0 { 200.0 } else { 0.0 };
        below[i] = -400.0 * x[i];
    }
    diagonal[n - 1] = 200.0;
    let mut parts = [[0.0f64; 2 * BLOCK]; 4];
    for from in (0..n - 2).step_by(2 * BLOCK) {
        let length = (2 * BLOCK).min(n - 2 - from);
        let window = |offset: usize| &x[from + offset..from + offset + length];
        let (a, b, c, weights) = (window(0), window(1), window(2), &weights[from..from + length]);
        let [p0, p1, p2, p3] = &mut parts;
        for i in 0..length {
            let (x, y, z, w) = (a[i], b[i], c[i], weights[i]);
            let (sine_gap, cosine_gap) = sine_cosine::<FUSED>(y - z);
            let (sine_sum, cosine_sum) = sine_cosine::<FUSED>(y + z);
            let growth = w * exp::<FUSED>(x - y);
            let (p, q) = (sine_gap * sine_sum, cosine_gap * cosine_sum);
            p0[i] = -2.0 * growth - x * growth;
            p1[i] = growth + x * growth;
            p2[i] = w * (18.0 * y + 2.0 * (q - p)) - x * growth;
            p3[i] = w * (-2.0 * (p + q));
        }
        // The cross term of y and z vanishes: sin(y - z) sin(y + z) = sin² y - sin² z.
        let add = |to: &mut [f64], part: &[f64]| to.iter_mut().zip(part).for_each(|(to, part)| *to += part);
        add(&mut diagonal[from..from + length], p0);
        add(&mut below[from..from + length], p1);
        add(&mut diagonal[from + 1..from + 1 + length], p2);
        add(&mut diagonal[from + 2..from + 2 + length], p3);
    }
}

dispatch! { pub fn chain_objective = chain_objective_inner(x: &[f64]) -> f64 }
dispatch! { pub fn chain_gradient = chain_gradient_inner(x: &[f64], out: &mut [f64]) }
dispatch! { pub fn chain_rows = chain_rows_inner(x: &[f64], out: &mut [f64]) }
dispatch! { pub fn chain_jacobian = chain_jacobian_inner(x: &[f64], out: &mut [f64]) }
dispatch! { pub fn chain_hessian = chain_hessian_inner(x: &[f64], weights: &[f64], out: &mut [f64]) }

/// The data of the branch flows.
pub struct Network {
    pub buses: usize,
    pub from: Vec<u32>,
    pub to: Vec<u32>,
    pub columns: Vec<Vec<f64>>,
}

/// Voltages at both ends, sine and cosine of the angle, for a block of branches.
#[inline(always)]
fn ends<const FUSED: bool>(net: &Network, x: &[f64], first: usize, length: usize, out: &mut [[f64; BLOCK]; 4]) {
    let (angles, volts) = (&x[..net.buses], &x[net.buses..2 * net.buses]);
    let mut gaps = [0.0; BLOCK];
    for i in 0..length {
        let (p, q) = (net.from[first + i] as usize, net.to[first + i] as usize);
        gaps[i] = angles[p] - angles[q];
        (out[0][i], out[1][i]) = (volts[p], volts[q]);
    }
    let [_, _, sines, cosines] = out;
    for i in 0..BLOCK {
        (sines[i], cosines[i]) = sine_cosine::<FUSED>(gaps[i]);
    }
}

#[inline(always)]
fn branch_rows_inner<const FUSED: bool>(net: &Network, x: &[f64], out: &mut [f64]) {
    let count = net.from.len();
    let flows = &x[2 * net.buses..];
    let mut ends_of = [[0.0; BLOCK]; 4];
    for first in (0..count).step_by(BLOCK) {
        let length = BLOCK.min(count - first);
        ends::<FUSED>(net, x, first, length, &mut ends_of);
        let [from, to, sines, cosines] = &ends_of;
        let c: [&[f64]; 8] = std::array::from_fn(|k| &net.columns[k][first..first + length]);
        let flow: [&[f64]; 4] = std::array::from_fn(|k| &flows[k * count + first..k * count + first + length]);
        let mut parts = out.chunks_exact_mut(count);
        let mut next = || &mut parts.next().expect("four rows for each branch")[first..first + length];
        let [o0, o1, o2, o3] = [next(), next(), next(), next()];
        for i in 0..length {
            let product = from[i] * to[i];
            let (sine, cosine) = (product * sines[i], product * cosines[i]);
            let (from, to) = (from[i] * from[i], to[i] * to[i]);
            o0[i] = flow[0][i] - c[4][i] * from - c[2][i] * cosine - c[3][i] * sine;
            o1[i] = flow[1][i] + c[5][i] * from + c[3][i] * cosine - c[2][i] * sine;
            o2[i] = flow[2][i] - c[6][i] * to - c[0][i] * cosine + c[1][i] * sine;
            o3[i] = flow[3][i] + c[7][i] * to + c[1][i] * cosine + c[0][i] * sine;
        }
    }
}

#[inline(always)]
fn branch_jacobian_inner<const FUSED: bool>(net: &Network, x: &[f64], out: &mut [f64]) {
    // Columns and signs of cosine, sine and own square in the four equations.
    const EQUATIONS: [[(usize, f64); 3]; 4] = [
        [(2, -1.0), (3, -1.0), (4, -2.0)],
        [(3, 1.0), (2, -1.0), (5, 2.0)],
        [(0, -1.0), (1, 1.0), (6, -2.0)],
        [(1, 1.0), (0, 1.0), (7, 2.0)],
    ];
    let count = net.from.len();
    let mut ends_of = [[0.0; BLOCK]; 4];
    let mut products = [[0.0; BLOCK]; 6];
    for first in (0..count).step_by(BLOCK) {
        let length = BLOCK.min(count - first);
        ends::<FUSED>(net, x, first, length, &mut ends_of);
        let [from, to, sines, cosines] = &ends_of;
        let [both_sine, both_cosine, from_sine, from_cosine, to_sine, to_cosine] = &mut products;
        for i in 0..BLOCK {
            (from_sine[i], from_cosine[i]) = (from[i] * sines[i], from[i] * cosines[i]);
            (to_sine[i], to_cosine[i]) = (to[i] * sines[i], to[i] * cosines[i]);
            (both_sine[i], both_cosine[i]) = (from[i] * to_sine[i], from[i] * to_cosine[i]);
        }
        for (r, [(ca, sa), (cb, sb), (cq, sq)]) in EQUATIONS.into_iter().enumerate() {
            let column = |k: usize| &net.columns[k][first..first + length];
            let (a, b, square) = (column(ca), column(cb), column(cq));
            let mut parts = out[r * 5 * count..(r + 1) * 5 * count].chunks_exact_mut(count);
            let mut next = || &mut parts.next().expect("five entries for each row")[first..first + length];
            let [o0, o1, o2, o3, o4] = [next(), next(), next(), next(), next()];
            for i in 0..length {
                o0[i] = sb * b[i] * both_cosine[i] - sa * a[i] * both_sine[i];
            }
            for i in 0..length {
                o1[i] = -o0[i];
            }
            let (own, own_from, own_to) = if r < 2 { (from, sq, 0.0) } else { (to, 0.0, sq) };
            for i in 0..length {
                let square = own_from * square[i] * own[i];
                let rest = multiply_add::<FUSED>(sb * b[i], to_sine[i], square);
                o2[i] = multiply_add::<FUSED>(sa * a[i], to_cosine[i], rest);
            }
            for i in 0..length {
                let square = own_to * square[i] * own[i];
                let rest = multiply_add::<FUSED>(sb * b[i], from_sine[i], square);
                o3[i] = multiply_add::<FUSED>(sa * a[i], from_cosine[i], rest);
            }
            o4.fill(1.0);
        }
    }
}

/// Ten entries for each branch, of the constraints alone.
#[inline(always)]
fn branch_hessian_inner<const FUSED: bool>(net: &Network, x: &[f64], weights: &[f64], out: &mut [f64]) {
    let count = net.from.len();
    let mut ends_of = [[0.0; BLOCK]; 4];
    let (mut value, mut slope) = ([0.0; BLOCK], [0.0; BLOCK]);
    for first in (0..count).step_by(BLOCK) {
        let length = BLOCK.min(count - first);
        ends::<FUSED>(net, x, first, length, &mut ends_of);
        let [from, to, sines, cosines] = &ends_of;
        let c: [&[f64]; 8] = std::array::from_fn(|k| &net.columns[k][first..first + length]);
        let w: [&[f64]; 4] = std::array::from_fn(|k| &weights[k * count + first..k * count + first + length]);
        let mut parts = out.chunks_exact_mut(count);
        let mut next = || &mut parts.next().expect("ten entries for each branch")[first..first + length];
        let [aa, ba, bb, fa, fb, ff, ta, tb, tf, tt] = std::array::from_fn(|_| next());
        for i in 0..length {
            let a = w[1][i] * c[3][i] - w[0][i] * c[2][i] + w[3][i] * c[1][i] - w[2][i] * c[0][i];
            let b = w[2][i] * c[1][i] + w[3][i] * c[0][i] - w[0][i] * c[3][i] - w[1][i] * c[2][i];
            value[i] = multiply_add::<FUSED>(a, cosines[i], b * sines[i]);
            slope[i] = multiply_add::<FUSED>(b, cosines[i], -a * sines[i]);
        }
        for i in 0..length {
            ba[i] = from[i] * to[i] * value[i];
        }
        for i in 0..length {
            (aa[i], bb[i]) = (-ba[i], -ba[i]);
        }
        for i in 0..length {
            fa[i] = to[i] * slope[i];
        }
        for i in 0..length {
            fb[i] = -fa[i];
        }
        for i in 0..length {
            ta[i] = from[i] * slope[i];
        }
        for i in 0..length {
            tb[i] = -ta[i];
        }
        tf.copy_from_slice(&value[..length]);
        for i in 0..length {
            ff[i] = 2.0 * (w[1][i] * c[5][i] - w[0][i] * c[4][i]);
        }
        for i in 0..length {
            tt[i] = 2.0 * (w[3][i] * c[7][i] - w[2][i] * c[6][i]);
        }
    }
}

dispatch! { pub fn branch_rows = branch_rows_inner(net: &Network, x: &[f64], out: &mut [f64]) }
dispatch! { pub fn branch_jacobian = branch_jacobian_inner(net: &Network, x: &[f64], out: &mut [f64]) }
dispatch! { pub fn branch_hessian = branch_hessian_inner(net: &Network, x: &[f64], weights: &[f64], out: &mut [f64]) }
