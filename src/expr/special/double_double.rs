//! Numbers of twice the precision: unevaluated sums `high + low` of two doubles, `|low| <= ulp(high) / 2`.
//!
//! The operations are the classical ones of Dekker and Knuth with a fused product; relative errors are a few times
//! 2^-104. They serve functions whose formulas lose places in doubles: what is left after rounding the result once is an
//! error of little more than half a unit in the last place.

use std::ops::{Add, Div, Mul, Neg, Sub};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DoubleDouble(pub f64, pub f64);

pub const LN_2: DoubleDouble = DoubleDouble(std::f64::consts::LN_2, 2.3190468138462996e-17);
pub const PI: DoubleDouble = DoubleDouble(std::f64::consts::PI, 1.2246467991473532e-16);
pub const HALF_PI: DoubleDouble = DoubleDouble(std::f64::consts::FRAC_PI_2, 6.123233995736766e-17);

impl DoubleDouble {
    pub const ZERO: Self = Self(0.0, 0.0);
    pub const ONE: Self = Self(1.0, 0.0);

    /// `a + b` exactly.
    pub fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let virtual_b = high - a;
        Self(high, (a - (high - virtual_b)) + (b - virtual_b))
    }

    /// `a + b` exactly, for `|a| >= |b|`.
    fn ordered(a: f64, b: f64) -> Self {
        let high = a + b;
        Self(high, b - (high - a))
    }

    /// `a b` exactly, unless it underflows.
    pub fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        Self(high, a.mul_add(b, -high))
    }

    pub fn value(self) -> f64 {
        self.0 + self.1
    }

    /// `self 2^k`, exact but for the last rounding of a subnormal result.
    fn scaled(self, k: i32) -> f64 {
        // In two steps, so that the first one neither overflows nor rounds where the result does not.
        let half = k / 2;
        let power = |k: i32| f64::from_bits(((1023 + k) as u64) << 52);
        self.value() * power(half) * power(k - half)
    }

    /// `exp(self)`; 0 or infinite beyond the range of doubles.
    pub fn exp(self) -> f64 {
        if self.0.is_nan() || self.0 > 710.0 {
            return self.0.exp();
        }
        if self.0 < -746.0 {
            return 0.0;
        }
        let (power, whole) = self.exp_parts();
        power.scaled(whole)
    }

    /// `(p, k)` with `exp(self) = p 2^k` and p about 1.
    pub fn exp_parts(self) -> (Self, i32) {
        let whole = (self.0 / LN_2.0).round();
        let rest = self - LN_2 * whole;
        // exp(r) - 1 by its series at r / 64, then squared six times.
        let r = Self(rest.0 / 64.0, rest.1 / 64.0);
        let mut series = Self::ONE;
        for k in (2..=11).rev() {
            series = Self::ONE + r * series / k as f64;
        }
        let mut less_one = r * series;
        for _ in 0..6 {
            less_one = less_one * 2.0 + less_one * less_one;
        }
        (less_one + 1.0, whole as i32)
    }

    /// `log(self)` for positive, finite numbers.
    pub fn ln(self) -> Self {
        let main = ln(self.0);
        let ratio = self.1 / self.0;
        main + (ratio - 0.5 * ratio * ratio)
    }
}

/// `log(x)` for positive, finite x; relative to the value also near 1.
pub fn ln(x: f64) -> DoubleDouble {
    // x = m 2^k with m in [1/√2, √2]
    let lift = if x < f64::MIN_POSITIVE { 54 } else { 0 };
    let bits = if lift == 0 { x } else { x * (1u64 << 54) as f64 }.to_bits();
    let mut k = (bits >> 52) as i32 - 1023;
    let mut m = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        k += 1;
    }
    let gap = m - 1.0;
    let part = if gap.abs() < 1.0 / 256.0 {
        // 2 artanh(z / (2 + z))
        let s = DoubleDouble(gap, 0.0) / DoubleDouble::sum(2.0, gap);
        let square = s * s;
        let series =
            (0..8).rev().fold(DoubleDouble::ZERO, |sum, j| sum * square + DoubleDouble::ONE / (2 * j + 1) as f64);
        s * series * 2.0
    } else {
        // One step of Newton from the double: y + (m exp(-y) - 1).
        let y = m.ln();
        let (power, whole) = DoubleDouble(-y, 0.0).exp_parts();
        let scale = if whole == 0 { 1.0 } else { f64::from_bits(((1023 + whole) as u64) << 52) };
        let off = power * (m * scale) - 1.0;
        off - off * off * 0.5 + y
    };
    LN_2 * f64::from(k - lift) + part
}

impl Neg for DoubleDouble {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}

impl Add for DoubleDouble {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let high = Self::sum(self.0, other.0);
        let low = Self::sum(self.1, other.1);
        let first = Self::ordered(high.0, high.1 + low.0);
        Self::ordered(first.0, first.1 + low.1)
    }
}

impl Add<f64> for DoubleDouble {
    type Output = Self;
    fn add(self, other: f64) -> Self {
        let high = Self::sum(self.0, other);
        Self::ordered(high.0, high.1 + self.1)
    }
}

impl Sub for DoubleDouble {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Sub<f64> for DoubleDouble {
    type Output = Self;
    fn sub(self, other: f64) -> Self {
        self + -other
    }
}

impl Mul for DoubleDouble {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let main = Self::product(self.0, other.0);
        Self::ordered(main.0, main.1 + (self.0 * other.1 + self.1 * other.0))
    }
}

impl Mul<f64> for DoubleDouble {
    type Output = Self;
    fn mul(self, other: f64) -> Self {
        let main = Self::product(self.0, other);
        Self::ordered(main.0, main.1 + self.1 * other)
    }
}

impl Div for DoubleDouble {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        // Schoolbook division: three digits, each a double.
        let first = self.0 / other.0;
        let rest = self - other * first;
        let second = rest.0 / other.0;
        let rest = rest - other * second;
        Self::ordered(first, second) + rest.0 / other.0
    }
}

impl Div<f64> for DoubleDouble {
    type Output = Self;
    fn div(self, other: f64) -> Self {
        self / Self(other, 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|a - b| / |b|` for numbers of twice the precision.
    fn gap(a: DoubleDouble, b: DoubleDouble) -> f64 {
        (a - b).value().abs() / b.value().abs()
    }

    #[test]
    fn operations_keep_twice_the_places() {
        let third = DoubleDouble::ONE / 3.0;
        assert_eq!(third.0, 1.0 / 3.0);
        assert!(gap(third * 3.0, DoubleDouble::ONE) < 1e-31);
        assert!(gap(third / third, DoubleDouble::ONE) < 1e-31);
        assert!(gap((third + 1e10) - 1e10, third) < 1e-21);
        // Half of it is 1 + 2^-60 exactly.
        assert_eq!(DoubleDouble::sum(1.0, 2f64.powi(-60)), DoubleDouble(1.0, 2f64.powi(-60)));
    }

    #[test]
    fn exponentials_and_logarithms_are_inverse() {
        for x in [1e-3, 0.5, 0.999, 1.0 + 2f64.powi(-40), 1.3, 2.0, 7.0, 1e5] {
            let (power, whole) = ln(x).exp_parts();
            assert!(gap(power * 2f64.powi(whole), DoubleDouble(x, 0.0)) < 1e-30, "{x}");
        }
        // Values of 32 places.
        assert!(gap(ln(2.0), LN_2) < 1e-31);
        assert!(gap(ln(10.0), DoubleDouble(std::f64::consts::LN_10, -2.1707562233822494e-16)) < 1e-30);
        let (e, whole) = DoubleDouble::ONE.exp_parts();
        assert!(gap(e * 2f64.powi(whole), DoubleDouble(std::f64::consts::E, 1.4456468917292502e-16)) < 1e-30);
    }

    #[test]
    fn ends_of_the_range_are_right() {
        assert_eq!(DoubleDouble(-800.0, 0.0).exp(), 0.0);
        assert_eq!(DoubleDouble(800.0, 0.0).exp(), f64::INFINITY);
        assert_eq!(DoubleDouble(-744.0, 0.0).exp(), (-744f64).exp());
        assert!((ln(5e-324).value() - 5e-324f64.ln()).abs() < 1e-12);
        assert!((ln(f64::MAX).value() - f64::MAX.ln()).abs() < 1e-12);
        assert_eq!(ln(1.0), DoubleDouble::ZERO);
    }
}
