//! Branch-free elementary functions that the compiler turns into vector code when they are inlined in a loop.
//!
//! `FUSED`: `a * b + c` is one instruction. Errors are under 1 ulp for `exp`, `ln`, `sin` and `cos`, about 2 ulp for what
//! is built of them (`docs/performance.md` has the figures), on every level of [`super::isa`]; zeros, infinities, NaN
//! and subnormal numbers are right.
//! Polynomials and splittings are those of fdlibm (Sun Microsystems, 1993), except for the polynomial of `exp` (by Remez'
//! algorithm) and what fused products shorten. Loops of such functions are bound by how long one value takes, as much
//! as by how many instructions: chains are kept short.

// Coefficients keep the digits they were published with.
#![allow(clippy::excessive_precision)]

/// `1.5 * 2^52`: adding it rounds to an integer, which then stands in the low bits.
const ROUNDER: f64 = 6755399441055744.0;
const LN2_HIGH: f64 = 6.93147180369123816490e-01;
const LN2_LOW: f64 = 1.90821492927058770002e-10;

/// Arguments of [`sine_cosine`] must not be larger.
pub const LARGEST_ANGLE: f64 = 1.0e6;

#[inline(always)]
pub fn multiply_add<const FUSED: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// `if` as a blend: both values are computed.
#[inline(always)]
pub fn pick(condition: bool, a: f64, b: f64) -> f64 {
    if condition { a } else { b }
}

/// `p(r)` with `exp(r) = 1 + r + r² p(r)` for `|r| <= ln(2)/2`, to 6e-20 of `exp(r)`.
#[inline(always)]
fn exponential_tail<const FUSED: bool>(r: f64) -> f64 {
    const C: [f64; 11] = [
        0.5,
        0.16666666666666682,
        0.041666666666666095,
        0.008333333333317034,
        0.0013888888889115633,
        0.00019841269896383538,
        2.4801586926620575e-05,
        2.75572348621611e-06,
        2.755758185933794e-07,
        2.5112036766837428e-08,
        2.0826623627616695e-09,
    ];
    let r2 = r * r;
    let r4 = r2 * r2;
    let low = multiply_add::<FUSED>(pair::<FUSED>(C[2], C[3], r), r2, pair::<FUSED>(C[0], C[1], r));
    let middle = multiply_add::<FUSED>(pair::<FUSED>(C[6], C[7], r), r2, pair::<FUSED>(C[4], C[5], r));
    let high = multiply_add::<FUSED>(C[10], r2, pair::<FUSED>(C[8], C[9], r));
    multiply_add::<FUSED>(multiply_add::<FUSED>(high, r4, middle), r4, low)
}

/// `a + b x`
#[inline(always)]
fn pair<const FUSED: bool>(a: f64, b: f64, x: f64) -> f64 {
    multiply_add::<FUSED>(b, x, a)
}

/// `(bits, r)` with `x = k ln 2 + r`, k an integer, `|r| <= ln(2)/2`; the low bits are those of `k + bias`.
#[inline(always)]
fn reduce_exponent<const FUSED: bool>(x: f64, bias: f64) -> (u64, f64) {
    let rounder = ROUNDER + bias;
    let rounded = multiply_add::<FUSED>(x, std::f64::consts::LOG2_E, rounder);
    let k = rounded - rounder;
    (rounded.to_bits(), multiply_add::<FUSED>(k, -LN2_LOW, multiply_add::<FUSED>(k, -LN2_HIGH, x)))
}

/// `2^(e - 1023)`, where `e` are the low 11 bits.
#[inline(always)]
fn power_of_two(e: u64) -> f64 {
    f64::from_bits(e << 52)
}

#[inline(always)]
pub fn exp<const FUSED: bool>(x: f64) -> f64 {
    scaled_exp::<FUSED>(x, 0.0)
}

/// `2^shift exp(x)`, without overflow on the way; `shift` is a small integer.
#[inline(always)]
fn scaled_exp<const FUSED: bool>(x: f64, shift: f64) -> f64 {
    let x = pick(x > 711.0, 711.0, x);
    let x = pick(x < -746.0, -746.0, x);
    let (e, r) = reduce_exponent::<FUSED>(x, 2046.0 + shift);
    let t = multiply_add::<FUSED>(exponential_tail::<FUSED>(r), r * r, r);
    // In two factors, so that overflow and subnormal results come out right.
    let half = e >> 1;
    let scale = power_of_two(half);
    multiply_add::<FUSED>(t, scale, scale) * power_of_two(e.wrapping_sub(half))
}

/// `exp(x) - 1` without cancellation.
#[inline(always)]
pub fn exp_minus_one<const FUSED: bool>(x: f64) -> f64 {
    let clamped = pick(x > 710.0, 710.0, x);
    let clamped = pick(clamped < -50.0, -50.0, clamped);
    // 2^k (t + 1) - 1, by halves because 2^1024 is not a number.
    let (e, r) = reduce_exponent::<FUSED>(clamped, 1022.0);
    let t = multiply_add::<FUSED>(exponential_tail::<FUSED>(r), r * r, r);
    let half_scale = power_of_two(e);
    let value = multiply_add::<FUSED>(t, half_scale, half_scale - 0.5) * 2.0;
    pick(x.abs() < 1e-17, x, value)
}

/// Parts of a logarithm: `x = 2^k m` with `sqrt(1/2) <= m < sqrt(2)`, and `ln m = f - (h - tail)`.
struct LogParts {
    k: f64,
    f: f64,
    h: f64,
    s: f64,
    r: f64,
}

#[inline(always)]
fn log_parts<const FUSED: bool>(x: f64) -> LogParts {
    let subnormal = x < f64::MIN_POSITIVE;
    let scaled = pick(subnormal, x * 18014398509481984.0, x); // 2^54
    let bits = scaled.to_bits();
    // The exponent is biased by 1024 to stay positive.
    let biased = bits.wrapping_sub(0x3fe6a09e667f3bcd).wrapping_add(1024u64 << 52) >> 52;
    let k = f64::from_bits(biased | 0x4330000000000000) - (4503599627370496.0 + 1024.0);
    let k = pick(subnormal, k - 54.0, k);
    let m = f64::from_bits(bits.wrapping_sub(biased.wrapping_sub(1024) << 52));
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let odd = multiply_add::<FUSED>(w, 1.531383769920937332e-01, 2.222219843214978396e-01);
    let odd = w * multiply_add::<FUSED>(w, odd, 3.999999999940941908e-01);
    let even = multiply_add::<FUSED>(w, 1.479819860511658591e-01, 1.818357216161805012e-01);
    let even =
        multiply_add::<FUSED>(w, multiply_add::<FUSED>(w, even, 2.857142874366239149e-01), 6.666666666666735130e-01);
    LogParts { k, f, h: 0.5 * f * f, s, r: multiply_add::<FUSED>(z, even, odd) }
}

/// The logarithm at the ends of its domain and outside.
#[inline(always)]
fn log_ends(x: f64, value: f64) -> f64 {
    let value = pick(x == f64::INFINITY, x, value);
    let value = pick(x == 0.0, f64::NEG_INFINITY, value);
    let value = pick(x < 0.0, f64::NAN, value);
    pick(x.is_nan(), x, value)
}

#[inline(always)]
pub fn ln<const FUSED: bool>(x: f64) -> f64 {
    let LogParts { k, f, h, s, r } = log_parts::<FUSED>(x);
    let low = h - multiply_add::<FUSED>(s, h + r, k * LN2_LOW);
    log_ends(x, multiply_add::<FUSED>(k, LN2_HIGH, -(low - f)))
}

#[inline(always)]
pub fn log_base_two<const FUSED: bool>(x: f64) -> f64 {
    let LogParts { k, f, h, s, r } = log_parts::<FUSED>(x);
    let of_mantissa = f - (h - s * (h + r));
    log_ends(x, multiply_add::<FUSED>(of_mantissa, std::f64::consts::LOG2_E, k))
}

/// `ln(1 + x)` without cancellation: the rounding error of `1 + x` is put back to first order.
#[inline(always)]
pub fn ln_one_plus<const FUSED: bool>(x: f64) -> f64 {
    let u = 1.0 + x;
    let lost = pick(x < 1.0, x - (u - 1.0), 1.0 - (u - x));
    let value = ln::<FUSED>(u) + pick(u > 0.0, lost / u, 0.0);
    let value = pick(x == f64::INFINITY, x, value);
    pick(x.abs() < 1e-17, x, value)
}

/// `c0 + c1 z + ... + c5 z^5`, given `z²`.
#[inline(always)]
fn six_terms<const FUSED: bool>(z: f64, z2: f64, c: [f64; 6]) -> f64 {
    let three = |a: f64, b: f64, c: f64| multiply_add::<FUSED>(multiply_add::<FUSED>(c, z2, b), z2, a);
    multiply_add::<FUSED>(three(c[1], c[3], c[5]), z, three(c[0], c[2], c[4]))
}

/// What is left of an angle: `r + low`, with `|low|` within half a unit in the last place of `r` or so.
struct Rest {
    r: f64,
    low: f64,
    /// Their sum is closer to what is left, also where that is tiny.
    head: f64,
    tail: f64,
}

/// `x - q π/2`
#[inline(always)]
fn reduce_angle<const FUSED: bool>(x: f64, q: f64) -> Rest {
    // π/2 in two parts of 33 bits, whose products with q are exact, and the rest.
    const HIGH: f64 = 1.57079632673412561417e+00;
    const MIDDLE: f64 = 6.07710050630396597660e-11;
    const LAST: f64 = 2.0222662487959506e-21;
    let r0 = multiply_add::<FUSED>(q, -HIGH, x);
    if FUSED {
        // Not from head and tail, which are there later.
        let r = multiply_add::<FUSED>(q, -(MIDDLE + LAST), r0);
        let head = multiply_add::<FUSED>(q, -MIDDLE, r0);
        let lost = multiply_add::<FUSED>(q, -MIDDLE, r0 - head);
        let tail = multiply_add::<FUSED>(q, -LAST, lost);
        return Rest { r, low: (head - r) + tail, head, tail };
    }
    let w = q * MIDDLE;
    let r1 = r0 - w;
    let w = multiply_add::<FUSED>(q, LAST, w - (r0 - r1));
    let r = r1 - w;
    let low = (r1 - r) - w;
    Rest { r, low, head: r, tail: low }
}

/// `(sin x, cos x)` for `|x| <= LARGEST_ANGLE`.
#[inline(always)]
pub fn sine_cosine<const FUSED: bool>(x: f64) -> (f64, f64) {
    let rounded = multiply_add::<FUSED>(x, std::f64::consts::FRAC_2_PI, ROUNDER);
    let quadrant = rounded.to_bits();
    let Rest { r, low, head, tail } = reduce_angle::<FUSED>(x, rounded - ROUNDER);
    let z = r * r;
    let z2 = z * z;
    let h = 0.5 * z;
    let p = six_terms::<FUSED>(
        z,
        z2,
        [
            1.66666666666666324348e-01,
            -8.33333333332248946124e-03,
            1.98412698298579493134e-04,
            -2.75573137070700676789e-06,
            2.50507602534068634195e-08,
            -1.58969099521155010221e-10,
        ],
    );
    // Signs such that -0 stays what it is.
    let sine = head - multiply_add::<FUSED>(r * z, p, multiply_add::<FUSED>(h, low, -tail));
    let p = six_terms::<FUSED>(
        z,
        z2,
        [
            4.16666666666666019037e-02,
            -1.38888888888741095749e-03,
            2.48015872894767294178e-05,
            -2.75573143513906633035e-07,
            2.08757232129817482790e-09,
            -1.13596475577881948265e-11,
        ],
    );
    let w = 1.0 - h;
    let cosine = w + multiply_add::<FUSED>(z2, p, multiply_add::<FUSED>(-r, low, (1.0 - w) - h));
    let swapped = (quadrant & 1) != 0;
    let (s, c) = (pick(swapped, cosine, sine), pick(swapped, sine, cosine));
    let sine_sign = (quadrant & 2) << 62;
    let cosine_sign = (quadrant.wrapping_add(1) & 2) << 62;
    (f64::from_bits(s.to_bits() ^ sine_sign), f64::from_bits(c.to_bits() ^ cosine_sign))
}

/// `sin x` for `|x| <= LARGEST_ANGLE`.
#[inline(always)]
pub fn sine<const FUSED: bool>(x: f64) -> f64 {
    sine_cosine::<FUSED>(x).0
}

/// `cos x` for `|x| <= LARGEST_ANGLE`.
#[inline(always)]
pub fn cosine<const FUSED: bool>(x: f64) -> f64 {
    sine_cosine::<FUSED>(x).1
}

/// `t / (t + 2)` with `t = exp(2|x|) - 1`, for larger arguments as `1 - 2 / (t + 2)`, which rounds less.
#[inline(always)]
pub fn hyperbolic_tangent<const FUSED: bool>(x: f64) -> f64 {
    let size = pick(x.abs() > 25.0, 25.0, x.abs());
    let t = exp_minus_one::<FUSED>(2.0 * size);
    let large = size > 0.5;
    let below = t + 2.0;
    // What the sum lost, put back to first order where the quotient is the value.
    let lost = pick(large, 0.0, (t - (below - 2.0)) / below);
    let part = pick(large, 2.0, t) / below;
    let part = multiply_add::<FUSED>(-part, lost, part);
    pick(x.is_nan(), x, pick(large, 1.0 - part, part).copysign(x))
}

#[inline(always)]
pub fn hyperbolic_cosine<const FUSED: bool>(x: f64) -> f64 {
    let half = scaled_exp::<FUSED>(x.abs(), -1.0);
    half + 0.25 / half
}

/// `exp(min(|x|, 22)) - 1`, the first half of `sinh x`.
#[inline(always)]
pub fn growth_of_size<const FUSED: bool>(x: f64) -> f64 {
    exp_minus_one::<FUSED>(pick(x.abs() > 22.0, 22.0, x.abs()))
}

/// `sinh x` from `e` of [`growth_of_size`]; by `exp(|x|) / 2` where the rest is below the last place.
#[inline(always)]
pub fn finish_hyperbolic_sine<const FUSED: bool>(e: f64, x: f64, _: f64) -> f64 {
    let size = x.abs();
    let small = 0.5 * (e + e / (e + 1.0));
    let value = pick(size > 22.0, scaled_exp::<FUSED>(size, -1.0), small);
    pick(size < 1e-10, x, pick(x.is_nan(), x, value.copysign(x)))
}

/// `tan x` for `|x| <= LARGEST_ANGLE`.
#[inline(always)]
pub fn tangent<const FUSED: bool>(x: f64) -> f64 {
    let (sine, cosine) = sine_cosine::<FUSED>(x);
    sine / cosine
}

/// The nearest integer, halves away from 0.
#[inline(always)]
pub fn round(x: f64) -> f64 {
    let whole = x.abs().trunc();
    (whole + pick(x.abs() - whole >= 0.5, 1.0, 0.0)).copysign(x)
}

/// `1 / (1 + exp(-x))`, with full relative precision on both sides.
#[inline(always)]
pub fn sigmoid<const FUSED: bool>(x: f64) -> f64 {
    let e = exp::<FUSED>(-x.abs());
    pick(x < 0.0, e, 1.0) / (1.0 + e)
}

/// `exp(-|x|)`, the first half of `ln(1 + exp(x))`.
#[inline(always)]
pub fn exp_of_minus_size<const FUSED: bool>(x: f64) -> f64 {
    exp::<FUSED>(-x.abs())
}

/// `ln(1 + exp(x))` from `e = exp(-|x|)`.
#[inline(always)]
pub fn finish_softplus<const FUSED: bool>(e: f64, x: f64, _: f64) -> f64 {
    pick(x > 0.0, x, 0.0) + ln_one_plus::<FUSED>(e)
}

/// `exp(-|a - b|)`, the first half of `ln(exp(a) + exp(b))`.
#[inline(always)]
pub fn exp_of_minus_gap<const FUSED: bool>(a: f64, b: f64) -> f64 {
    exp::<FUSED>(-pick(a == b, 0.0, (a - b).abs()))
}

/// `ln(exp(a) + exp(b))` from `e = exp(-|a - b|)`.
#[inline(always)]
pub fn finish_log_add_exp<const FUSED: bool>(e: f64, a: f64, b: f64) -> f64 {
    pick(a > b, a, b) + ln_one_plus::<FUSED>(e)
}

/// `x ln x`, continued by 0 at 0.
#[inline(always)]
pub fn x_log_x<const FUSED: bool>(x: f64) -> f64 {
    pick(x == 0.0, 0.0, x * ln::<FUSED>(x))
}

/// What the logarithm of `x ln(x / y)` is taken of: close operands are subtracted before they are divided, which loses
/// nothing.
#[inline(always)]
pub fn ratio_or_sum<const FUSED: bool>(x: f64, y: f64) -> f64 {
    let ratio = x / y;
    pick((ratio - 1.25).abs() <= 0.75, 1.0 + (x - y) / y, ratio)
}

/// `x ln(x / y)` from `u` of [`ratio_or_sum`], continued by 0 at `x = 0`; not a number for `y <= 0`. What `u` lost is put
/// back to first order.
#[inline(always)]
pub fn finish_x_log_x_over_y<const FUSED: bool>(u: f64, x: f64, y: f64) -> f64 {
    let gap = (x - y) / y;
    // What the division lost; without a fused product it cannot be told.
    let rest = if FUSED { multiply_add::<FUSED>(-gap, y, x - y) / y } else { 0.0 };
    let lost = pick((u - 1.25).abs() <= 0.75, (gap - (u - 1.0) + rest) / u, 0.0);
    let value = multiply_add::<FUSED>(x, ln::<FUSED>(u), pick(lost == 0.0, 0.0, x * lost));
    pick(y <= 0.0, f64::NAN, pick(x == 0.0, 0.0, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units in the last place of `want` between the two.
    fn ulps(got: f64, want: f64) -> f64 {
        if got == want || (got.is_nan() && want.is_nan()) {
            return 0.0;
        }
        (got - want).abs() / (want.abs().next_up() - want.abs())
    }

    /// Numbers over many magnitudes, both signs.
    fn samples(least: f64, most: f64) -> impl Iterator<Item = f64> {
        let ratio = (most / least).powf(1.0 / 20_000.0);
        (0..=20_000).flat_map(move |k| {
            let size = least * ratio.powi(k);
            [size, -size]
        })
    }

    /// `most` allows for the errors of both sides: the references of std are themselves off by up to 1 ulp.
    fn compare(name: &str, points: impl Iterator<Item = f64>, most: f64, got: fn(f64) -> f64, want: fn(f64) -> f64) {
        for x in points {
            let error = ulps(got(x), want(x));
            assert!(error <= most, "{name}({x}) = {} is off by {error} ulp from {}", got(x), want(x));
        }
    }

    #[test]
    fn functions_agree_with_std_to_the_last_places() {
        compare("exp", samples(1e-20, 700.0), 1.5, exp::<true>, f64::exp);
        compare("exp_minus_one", samples(1e-20, 700.0), 3.0, exp_minus_one::<true>, f64::exp_m1);
        compare("ln", samples(1e-300, 1e300), 1.5, ln::<true>, f64::ln);
        compare("ln_one_plus", samples(1e-20, 1e20), 2.5, ln_one_plus::<true>, f64::ln_1p);
        compare("sine", samples(1e-20, LARGEST_ANGLE), 1.5, sine::<true>, f64::sin);
        compare("cosine", samples(1e-20, LARGEST_ANGLE), 1.5, cosine::<true>, f64::cos);
        compare("tanh", samples(1e-20, 30.0), 3.0, hyperbolic_tangent::<true>, f64::tanh);
    }

    #[test]
    fn without_fused_operations_too() {
        compare("exp", samples(1e-20, 700.0), 2.0, exp::<false>, f64::exp);
        compare("ln", samples(1e-300, 1e300), 1.5, ln::<false>, f64::ln);
        compare("sine", samples(1e-20, 1e5), 1.5, sine::<false>, f64::sin);
        compare("cosine", samples(1e-20, 1e5), 1.5, cosine::<false>, f64::cos);
    }

    #[test]
    fn the_ends_of_the_range_are_right() {
        assert_eq!(exp::<true>(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp::<true>(f64::INFINITY), f64::INFINITY);
        assert!(exp::<true>(f64::NAN).is_nan() && ln::<true>(f64::NAN).is_nan() && ln::<true>(-1.0).is_nan());
        assert!((exp::<true>(-744.0) - (-744.0f64).exp()).abs() <= 5e-324, "a subnormal result");
        assert_eq!(ln::<true>(0.0), f64::NEG_INFINITY);
        assert_eq!(ln::<true>(f64::INFINITY), f64::INFINITY);
        assert!(ulps(ln::<true>(5e-324), 5e-324f64.ln()) <= 1.0);
        assert_eq!(ln_one_plus::<true>(-1.0), f64::NEG_INFINITY);
        assert_eq!(exp_minus_one::<true>(f64::NEG_INFINITY), -1.0);
        assert_eq!(exp_minus_one::<true>(800.0), f64::INFINITY);
        assert!(sine::<true>(-0.0).is_sign_negative());
        assert_eq!((sigmoid::<true>(-800.0), sigmoid::<true>(800.0)), (0.0, 1.0));
    }
}
