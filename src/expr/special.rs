//! Special functions that the standard library lacks: error functions and the gamma family.
//!
//! Sources: the error functions are the rational approximations of FreeBSD's msun (s_erf.c, "Copyright (C) 1993 by
//! Sun Microsystems, Inc. All rights reserved. Developed at SunPro, a Sun Microsystems, Inc. business. Permission to
//! use, copy, modify, and distribute this software is freely granted, provided that this notice is preserved."). The
//! gamma family uses recurrences into a region where the Taylor series at 2 (coefficients `ζ(k) - 1`) or the
//! asymptotic series (Bernoulli numbers) converges to full precision: Abramowitz and Stegun, chapter 6. Polygamma is
//! a Hurwitz zeta function by Euler-Maclaurin summation.
//!
//! Errors are a few units in the last place, relative to the value; near a root of `lgamma` (left of 0), `digamma` or
//! `polygamma` they are relative to the size of the terms that cancel there.

use std::f64::consts::PI;

const EULER: f64 = 0.577_215_664_901_532_9;
/// `log(2π) / 2`
const HALF_LOG_TAU: f64 = 0.918_938_533_204_672_7;
const SQRT_TAU: f64 = 2.506_628_274_631_000_5;

/// `ζ(k) - 1` for k = 2, 3, ...
#[allow(clippy::excessive_precision)]
const ZETA_LESS_ONE: [f64; 30] = [
    0.6449340668482264,
    0.2020569031595943,
    0.08232323371113819,
    0.03692775514336993,
    0.01734306198444914,
    0.008349277381922827,
    0.00407735619794434,
    0.0020083928260822143,
    0.0009945751278180853,
    0.0004941886041194645,
    0.0002460865533080483,
    0.00012271334757848915,
    6.124813505870483e-05,
    3.058823630702049e-05,
    1.528225940865187e-05,
    7.637197637899763e-06,
    3.81729326499984e-06,
    1.908212716553939e-06,
    9.539620338727962e-07,
    4.769329867878064e-07,
    2.38450502727733e-07,
    1.1921992596531106e-07,
    5.960818905125948e-08,
    2.980350351465228e-08,
    1.4901554828365043e-08,
    7.45071178983543e-09,
    3.725334024788457e-09,
    1.862659723513049e-09,
    9.313274324196682e-10,
    4.656629065033784e-10,
];

/// Bernoulli numbers `B_2, B_4, ...`
const BERNOULLI: [f64; 15] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43867.0 / 798.0,
    -174611.0 / 330.0,
    854513.0 / 138.0,
    -236364091.0 / 2730.0,
    8553103.0 / 6.0,
    -23749461029.0 / 870.0,
    8615841276005.0 / 14322.0,
];

/// Asymptotic series are used from here on.
const FAR: f64 = 12.0;

/// `2/√π ∫₀ˣ exp(-t²) dt`
pub fn erf(x: f64) -> f64 {
    let size = x.abs();
    if size < 0.84375 {
        if size < 1e-9 {
            return x + 1.283_791_670_955_125_6e-1 * x;
        }
        return x + x * near_zero(x * x);
    }
    if size < 1.25 {
        return (ERX + near_one(size - 1.0)).copysign(x);
    }
    if size >= 6.0 {
        return 1f64.copysign(x);
    }
    if x.is_nan() { x } else { (1.0 - tail(size)).copysign(x) }
}

/// `1 - erf(x)`, without cancellation where it is small.
pub fn erfc(x: f64) -> f64 {
    let size = x.abs();
    if size < 0.84375 {
        if x < 0.25 {
            return 1.0 - (x + x * near_zero(x * x));
        }
        return 0.5 - (x - 0.5 + x * near_zero(x * x));
    }
    if size < 1.25 {
        let near = near_one(size - 1.0);
        return if x >= 0.0 { 1.0 - ERX - near } else { 1.0 + (ERX + near) };
    }
    if x.is_nan() {
        return x;
    }
    let tail = if size < 28.0 { tail(size) } else { 0.0 };
    if x > 0.0 { tail } else { 2.0 - tail }
}

const ERX: f64 = 8.450_629_115_104_675e-1;

fn polynomial(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, &c| sum * x + c)
}

/// `erf(x)/x - 1` as a function of `z = x²`, for `|x| < 0.84375`.
#[allow(clippy::excessive_precision)]
fn near_zero(z: f64) -> f64 {
    const P: [f64; 5] = [
        1.28379167095512558561e-01,
        -3.25042107247001499370e-01,
        -2.84817495755985104766e-02,
        -5.77027029648944159157e-03,
        -2.37630166566501626084e-05,
    ];
    const Q: [f64; 6] = [
        1.0,
        3.97917223959155352819e-01,
        6.50222499887672944485e-02,
        5.08130628187576562776e-03,
        1.32494738004321644526e-04,
        -3.96022827877536812320e-06,
    ];
    polynomial(z, &P) / polynomial(z, &Q)
}

/// `erf(1 + s) - ERX`, for `-0.16 < s < 0.25`.
#[allow(clippy::excessive_precision)]
fn near_one(s: f64) -> f64 {
    const P: [f64; 7] = [
        -2.36211856075265944077e-03,
        4.14856118683748331666e-01,
        -3.72207876035701323847e-01,
        3.18346619901161753674e-01,
        -1.10894694282396677476e-01,
        3.54783043256182359371e-02,
        -2.16637559486879084300e-03,
    ];
    const Q: [f64; 7] = [
        1.0,
        1.06420880400844228286e-01,
        5.40397917702171048937e-01,
        7.18286544141962662868e-02,
        1.26171219808761642112e-01,
        1.36370839120290507362e-02,
        1.19844998467991074170e-02,
    ];
    polynomial(s, &P) / polynomial(s, &Q)
}

/// `erfc(x)` for `1.25 <= x < 28`.
#[allow(clippy::excessive_precision)]
fn tail(x: f64) -> f64 {
    const RA: [f64; 8] = [
        -9.86494403484714822705e-03,
        -6.93858572707181764372e-01,
        -1.05586262253232909814e+01,
        -6.23753324503260060396e+01,
        -1.62396669462573470355e+02,
        -1.84605092906711035994e+02,
        -8.12874355063065934246e+01,
        -9.81432934416914548592e+00,
    ];
    const SA: [f64; 9] = [
        1.0,
        1.96512716674392571292e+01,
        1.37657754143519042600e+02,
        4.34565877475229228821e+02,
        6.45387271733267880336e+02,
        4.29008140027567833386e+02,
        1.08635005541779435134e+02,
        6.57024977031928170135e+00,
        -6.04244152148580987438e-02,
    ];
    const RB: [f64; 7] = [
        -9.86494292470009928597e-03,
        -7.99283237680523006574e-01,
        -1.77579549177547519889e+01,
        -1.60636384855821916062e+02,
        -6.37566443368389627722e+02,
        -1.02509513161107724954e+03,
        -4.83519191608651397019e+02,
    ];
    const SB: [f64; 8] = [
        1.0,
        3.03380607434824582924e+01,
        3.25792512996573918826e+02,
        1.53672958608443695994e+03,
        3.19985821950859553908e+03,
        2.55305040643316442583e+03,
        4.74528541206955367215e+02,
        -2.24409524465858183362e+01,
    ];
    let s = 1.0 / (x * x);
    let ratio =
        if x < 1.0 / 0.35 { polynomial(s, &RA) / polynomial(s, &SA) } else { polynomial(s, &RB) / polynomial(s, &SB) };
    // exp(-x²) with x split so that the square of the head is exact.
    let head = f64::from_bits(x.to_bits() & 0xffff_ffff_0000_0000);
    (-head * head - 0.5625).exp() * ((head - x) * (head + x) + ratio).exp() / x
}

/// `∫ t^(x-1) exp(-t) dt` over `t > 0`, continued to the left; not a number at 0, -1, -2, ...
pub fn gamma(x: f64) -> f64 {
    if x <= 0.0 && x == x.floor() {
        return f64::NAN;
    }
    if x < -185.0 {
        return 0.0;
    }
    if x < 0.5 {
        // Γ(x) Γ(1 - x) = π / sin(πx); one of the factors may overflow before the quotient is 0.
        let other = gamma(1.0 - x);
        if other.is_infinite() {
            return gamma(x + 30.0) / (0..30).map(|k| x + k as f64).product::<f64>();
        }
        return PI / (sin_pi(x) * other);
    }
    if x > 171.7 {
        return f64::INFINITY;
    }
    if x < FAR || (x == x.floor() && x < 24.0) {
        let (base, factor) = down_to_two(x);
        return factor * lgamma_near_two(base - 2.0).exp();
    }
    let half = x.powf(0.5 * x - 0.25);
    half * (-x).exp() * half * SQRT_TAU * stirling(x).exp()
}

/// `log |Γ(x)|`; infinite at 0, -1, -2, ...
pub fn lgamma(x: f64) -> f64 {
    if x <= 0.0 && x == x.floor() {
        return f64::INFINITY;
    }
    if x < 0.0 {
        return (PI / sin_pi(x).abs()).ln() - lgamma(1.0 - x);
    }
    if x < 0.5 {
        return lgamma(x + 1.0) - x.ln();
    }
    if x < 1.5 {
        return lgamma_near_two(x - 1.0) - (x - 1.0).ln_1p();
    }
    if x < FAR {
        let (base, factor) = down_to_two(x);
        return factor.ln() + lgamma_near_two(base - 2.0);
    }
    if x.is_infinite() { x } else { (x - 0.5) * x.ln() - x + HALF_LOG_TAU + stirling(x) }
}

/// `Γ'(x) / Γ(x)`; not a number at 0, -1, -2, ...
pub fn digamma(x: f64) -> f64 {
    if x <= 0.0 && x == x.floor() {
        return f64::NAN;
    }
    if x < 0.0 {
        return digamma(1.0 - x) - PI * cos_pi(x) / sin_pi(x);
    }
    if x < FAR {
        let (base, shift) = shifted_to_two(x);
        // ψ(2 + z) = 1 - γ + Σ (-1)^k (ζ(k) - 1) z^(k-1)
        let z = base - 2.0;
        let series = ZETA_LESS_ONE.iter().rev().fold(0.0, |sum, &c| c - z * sum);
        return (1.0 - EULER) + z * series + shift;
    }
    let s = 1.0 / (x * x);
    let series = BERNOULLI[..9].iter().enumerate().rev().fold(0.0, |sum, (k, b)| s * (sum + b / (2 * k + 2) as f64));
    x.ln() - 0.5 / x - series
}

/// The n-th derivative of [`digamma`], for a whole `n >= 0`; not a number at 0, -1, -2, ...
///
/// `(-1)^(n+1) n! Σ 1/(x+k)^(n+1)` for positive x; by reflection, with the derivatives of the cotangent, left of 0.
pub fn polygamma(n: f64, x: f64) -> f64 {
    if n == 0.0 {
        return digamma(x);
    }
    if !(1.0..=170.0).contains(&n) || n != n.floor() || (x <= 0.0 && x == x.floor()) {
        return f64::NAN;
    }
    let sign = if n % 2.0 == 0.0 { -1.0 } else { 1.0 };
    if x < 0.0 {
        // ψ_n(x) = (-1)^n ψ_n(1-x) - π dⁿ/dxⁿ cot(πx)
        return -sign * polygamma(n, 1.0 - x) - PI * cotangent_derivative(n as usize, x);
    }
    sign * gamma(n + 1.0) * hurwitz_zeta(n + 1.0, x)
}

/// `∫ t^(a-1) (1-t)^(b-1) dt` over `[0, 1]`, for positive a and b.
pub fn beta(a: f64, b: f64) -> f64 {
    if a <= 0.0 || b <= 0.0 {
        return f64::NAN;
    }
    if a + b < 170.0 {
        let (small, large) = if a < b { (a, b) } else { (b, a) };
        return gamma(small) * (gamma(large) / gamma(a + b));
    }
    (lgamma(a) + lgamma(b) - lgamma(a + b)).exp()
}

/// `log Γ(2 + z)` for `|z| <= 1/2`.
fn lgamma_near_two(z: f64) -> f64 {
    let series = ZETA_LESS_ONE.iter().enumerate().rev().fold(0.0, |sum, (k, c)| c / (k + 2) as f64 - z * sum);
    z * ((1.0 - EULER) + z * series)
}

/// `log Γ(x) - ((x - 1/2) log x - x + log(2π)/2)`, for large x.
fn stirling(x: f64) -> f64 {
    let s = 1.0 / (x * x);
    let term = |k: usize, b: f64| b / ((2 * k + 2) * (2 * k + 1)) as f64;
    BERNOULLI[..9].iter().enumerate().rev().fold(0.0, |sum, (k, &b)| s * sum + term(k, b)) / x
}

/// `(y, f)` with `Γ(x) = f Γ(y)` and y in `[1.5, 2.5]`, for `x >= 0.5`.
fn down_to_two(x: f64) -> (f64, f64) {
    let (mut base, mut factor) = (x, 1.0);
    while base > 2.5 {
        base -= 1.0;
        factor *= base;
    }
    while base < 1.5 {
        factor /= base;
        base += 1.0;
    }
    (base, factor)
}

/// `(y, s)` with `ψ(x) = ψ(y) + s` and y in `[1.5, 2.5]`, for `x > 0`.
fn shifted_to_two(x: f64) -> (f64, f64) {
    let (mut base, mut shift) = (x, 0.0);
    while base > 2.5 {
        base -= 1.0;
        shift += 1.0 / base;
    }
    while base < 1.5 {
        shift -= 1.0 / base;
        base += 1.0;
    }
    (base, shift)
}

/// `Σ 1/(x+k)^s` over k = 0, 1, ..., for `s > 1` and `x > 0`.
fn hurwitz_zeta(s: f64, x: f64) -> f64 {
    // The tail series needs x + terms to be large against s.
    let terms = (FAR + s - x).ceil().max(0.0) as usize;
    let from = x + terms as f64;
    let scale = from.powf(-s);
    let mut tail = from / (s - 1.0) + 0.5;
    let mut factor = s / from;
    for (k, b) in BERNOULLI.iter().enumerate() {
        let k2 = (2 * k + 2) as f64;
        let part = b * factor / factorial(2 * k + 2);
        tail += part;
        if part.abs() < 1e-17 * tail {
            break;
        }
        factor *= (s + k2 - 1.0) * (s + k2) / (from * from);
    }
    // Small terms first.
    (0..terms).rev().fold(scale * tail, |sum, k| sum + (x + k as f64).powf(-s))
}

fn factorial(n: usize) -> f64 {
    (2..=n).map(|k| k as f64).product()
}

/// `dⁿ/dxⁿ cot(πx)`: with `c = cot(πx)` the derivative of a polynomial `p(c)` is `-π (1 + c²) p'(c)`.
fn cotangent_derivative(n: usize, x: f64) -> f64 {
    let mut p = vec![0.0, 1.0];
    for _ in 0..n {
        let mut next = vec![0.0; p.len() + 1];
        for (k, c) in p.iter().enumerate().skip(1) {
            next[k - 1] -= PI * k as f64 * c;
            next[k + 1] -= PI * k as f64 * c;
        }
        p = next;
    }
    polynomial(cos_pi(x) / sin_pi(x), &p)
}

/// `sin(πx)` with the argument reduced exactly.
fn sin_pi(x: f64) -> f64 {
    let r = x - 2.0 * (0.5 * x).round();
    let folded = if r.abs() > 0.5 { r.signum() - r } else { r };
    (PI * folded).sin()
}

/// `cos(πx)` with the argument reduced exactly.
fn cos_pi(x: f64) -> f64 {
    let r = (x - 2.0 * (0.5 * x).round()).abs();
    if r < 0.25 { (PI * r).cos() } else { (PI * (0.5 - r)).sin() }
}

/// Inverse hyperbolic sine; that of the standard library overflows for large arguments.
pub fn asinh(x: f64) -> f64 {
    // From 2^28 on, x + sqrt(x² + 1) is 2 x to the last place.
    if x.abs() > 268435456.0 { (x.abs().ln() + std::f64::consts::LN_2).copysign(x) } else { x.asinh() }
}

/// Inverse hyperbolic cosine, as [`asinh`]; near 1 by the distance from there.
pub fn acosh(x: f64) -> f64 {
    if x > 268435456.0 {
        x.ln() + std::f64::consts::LN_2
    } else if x > 2.0 {
        (2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt())).ln()
    } else {
        let t = x - 1.0;
        (t + (2.0 * t + t * t).sqrt()).ln_1p()
    }
}

/// Inverse hyperbolic tangent, odd to the last place: for negative arguments the plain formula loses some.
pub fn atanh(x: f64) -> f64 {
    let size = x.abs();
    let twice = 2.0 * size;
    let half_twice = if size < 0.5 { twice + twice * size / (1.0 - size) } else { twice / (1.0 - size) };
    (0.5 * half_twice.ln_1p()).copysign(x)
}

/// `ln(x / y)` for positive operands, accurate where they are close.
pub fn log_ratio(x: f64, y: f64) -> f64 {
    let ratio = x / y;
    if (0.5..=2.0).contains(&ratio) { ((x - y) / y).ln_1p() } else { ratio.ln() }
}
