//! Functions that the standard library lacks or has less accurately: error functions here, the gamma family and large
//! angles beside it.
//!
//! Sources: the error functions are the rational approximations of FreeBSD's msun (s_erf.c, "Copyright (C) 1993 by
//! Sun Microsystems, Inc. All rights reserved. Developed at SunPro, a Sun Microsystems, Inc. business. Permission to
//! use, copy, modify, and distribute this software is freely granted, provided that this notice is preserved.").

mod angles;
mod double_double;
mod gamma;

use double_double::DoubleDouble;

pub use angles::{cos, sin, tan};
pub use gamma::{beta, digamma, gamma, lgamma, polygamma};

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
    // An error of x² would be one of the whole value.
    (-DoubleDouble::product(x, x) + (ratio - 0.5625)).exp() / x
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
