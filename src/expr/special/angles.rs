//! Sines, cosines and tangents of any finite angle to the last place.
//!
//! Up to [`FAR`] those of the standard library are used. Beyond, its reduction of the angle is off by several units in
//! the last place next to multiples of π/2; there the reduction is that of Payne and Hanek: the angle times as many bits
//! of 2/π as matter, in integers.

use super::double_double::{DoubleDouble, HALF_PI};

/// Where the standard library is left.
const FAR: f64 = 1e6;

/// Bits of 2/π after the point.
const TWO_OVER_PI: [u64; 20] = [
    0xa2f9836e4e441529,
    0xfc2757d1f534ddc0,
    0xdb6295993c439041,
    0xfe5163abdebbc561,
    0xb7246e3a424dd2e0,
    0x06492eea09d1921c,
    0xfe1deb1cb129a73e,
    0xe88235f52ebb4484,
    0xe99c7026b45f7e41,
    0x3991d639835339f4,
    0x9c845f8bbdf9283b,
    0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f,
    0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08,
    0x56033046fc7b6bab,
    0xf0cfbc209af4361d,
];

pub fn sin(x: f64) -> f64 {
    if x.abs() <= FAR || !x.is_finite() {
        return x.sin();
    }
    let (quarters, rest) = reduced(x);
    in_quarter(quarters, rest)
}

pub fn cos(x: f64) -> f64 {
    if x.abs() <= FAR || !x.is_finite() {
        return x.cos();
    }
    let (quarters, rest) = reduced(x);
    in_quarter(quarters + 1, rest)
}

pub fn tan(x: f64) -> f64 {
    if x.abs() <= FAR || !x.is_finite() {
        return x.tan();
    }
    let (quarters, rest) = reduced(x);
    let tangent = rest.0.tan();
    let tangent = DoubleDouble::sum(tangent, rest.1 * (1.0 + tangent * tangent));
    if quarters.is_multiple_of(2) { tangent.value() } else { (DoubleDouble(-1.0, 0.0) / tangent).value() }
}

/// `sin(quarters π/2 + rest)` for `|rest| <= π/4`.
fn in_quarter(quarters: u8, rest: DoubleDouble) -> f64 {
    let value = if quarters.is_multiple_of(2) {
        rest.0.sin() + rest.1 * rest.0.cos()
    } else {
        rest.0.cos() - rest.1 * rest.0.sin()
    };
    if quarters % 4 < 2 { value } else { -value }
}

/// `(q, r)` with `x = q π/2 + r` up to multiples of 2π and `|r| <= π/4`, for `|x| > FAR`; r is right to 2^-100 of itself,
/// since no double comes closer to a multiple of π/2 than 2^-62.
fn reduced(x: f64) -> (u8, DoubleDouble) {
    let bits = x.abs().to_bits();
    // |x| = mantissa 2^exponent
    let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
    let exponent = (bits >> 52) as i32 - 1075;
    // Bits of 2/π whose products are multiples of 4 are left out; the 256 after them matter.
    let skipped = (exponent - 2).max(0) as usize;
    let mut product = [0u64; 5];
    let mut carry = 0u128;
    for (k, word) in product.iter_mut().take(4).enumerate() {
        let part = u128::from(bits_after(skipped + 64 * (3 - k))) * u128::from(mantissa) + carry;
        *word = part as u64;
        carry = part >> 64;
    }
    product[4] = carry as u64;
    // Bit j of the product has the weight 2^(j + exponent - skipped - 256).
    let point = (256 - (exponent - skipped as i32)) as usize;
    let mut quarters = (bits_below(&product, point + 2) >> 62) as u8;
    let mut fraction: [u64; 3] = std::array::from_fn(|k| bits_below(&product, point - 64 * k));
    // Of the two neighbouring multiples the nearer one.
    let beyond_half = fraction[0] >> 63 == 1;
    if beyond_half {
        quarters = (quarters + 1) % 4;
        let low = (!fraction[2]).overflowing_add(1);
        let middle = (!fraction[1]).overflowing_add(u64::from(low.1));
        fraction = [(!fraction[0]).wrapping_add(u64::from(middle.1)), middle.0, low.0];
    }
    let mut scale = 1.0;
    while fraction[0] == 0 {
        fraction = [fraction[1], fraction[2], 0];
        scale *= 2f64.powi(-64);
        if fraction == [0; 3] {
            break;
        }
    }
    let whole = |word: u64, weight: i32| {
        let power = scale * 2f64.powi(weight);
        DoubleDouble((word >> 32) as f64 * 2f64.powi(32) * power, 0.0) + (word & 0xffff_ffff) as f64 * power
    };
    let rest = (whole(fraction[0], -64) + whole(fraction[1], -128) + whole(fraction[2], -192)) * HALF_PI;
    let rest = if beyond_half { -rest } else { rest };
    // An angle below 0 turns the other way.
    if x > 0.0 { (quarters, rest) } else { ((4 - quarters) % 4, -rest) }
}

/// 64 bits of 2/π from a position after the point.
fn bits_after(position: usize) -> u64 {
    let (word, shift) = (position / 64, position % 64);
    let at = |k: usize| TWO_OVER_PI.get(k).copied().unwrap_or(0);
    if shift == 0 { at(word) } else { at(word) << shift | at(word + 1) >> (64 - shift) }
}

/// The 64 bits of a number (least word first) below the position `end`.
fn bits_below(number: &[u64; 5], end: usize) -> u64 {
    let at = |k: isize| usize::try_from(k).ok().and_then(|k| number.get(k)).copied().unwrap_or(0);
    let start = end as isize - 64;
    let (word, shift) = (start.div_euclid(64), start.rem_euclid(64));
    if shift == 0 { at(word) } else { at(word) >> shift | at(word + 1) << (64 - shift) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_next_to_multiples_of_a_quarter_turn_are_right() {
        // The double that comes closest to one; values of 40 places.
        let x = 6381956970095103.0 * 2f64.powi(797);
        assert_eq!((sin(x), cos(x), tan(x)), (1.0, -4.687165924254628e-19, -2.133485385753704e18));
        assert_eq!((sin(1e22), cos(1e22)), (-0.8522008497671888, 0.523214785395139));
        assert_eq!((sin(-1e22), cos(-1e22)), (0.8522008497671888, 0.523214785395139));
    }

    #[test]
    fn both_reductions_meet() {
        for k in 0..2000 {
            let x = 1e6 * (1.0 + k as f64 * 0.7731);
            for x in [x, -x] {
                assert!((sin(x) - x.sin()).abs() < 2e-16, "{x}");
                assert!((cos(x) - x.cos()).abs() < 2e-16, "{x}");
                assert!((tan(x) / x.tan() - 1.0).abs() < 4e-16, "{x}");
            }
        }
    }

    #[test]
    fn what_is_no_angle_has_no_sine() {
        for x in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            assert!(sin(x).is_nan() && cos(x).is_nan() && tan(x).is_nan());
        }
    }
}
