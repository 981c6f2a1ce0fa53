//! The gamma family: gamma, its logarithm and the derivatives of that, and beta.
//!
//! Recurrences lead into a region where the Taylor series at 2 (coefficients `ζ(k) - 1`) or the asymptotic series
//! (Bernoulli numbers) converges to full precision, reflection leads to positive arguments: Abramowitz and Stegun,
//! chapter 6. All sums and products that could lose places are taken with twice the precision, so that gamma, lgamma,
//! digamma and beta are right to the last place, also close to their roots (at the double nearest to a root left of 0, to
//! a few); polygamma is a Hurwitz zeta function by
//! Euler-Maclaurin summation, right to a few units relative to the terms that cancel in it left of 0.

use super::double_double::{DoubleDouble, HALF_PI, PI};
use super::polynomial;

/// `1 - γ`, with Euler's constant.
const ONE_LESS_EULER: DoubleDouble = DoubleDouble(0.42278433509846713, 4.942915152430645e-18);
/// `log(2π) / 2`
const HALF_LOG_TAU: DoubleDouble = DoubleDouble(0.9189385332046728, -3.8782941580672414e-17);

/// `ζ(k) - 1` for k = 2, 3, ...
const ZETA_LESS_ONE: [DoubleDouble; 57] = [
    DoubleDouble(0.6449340668482264, 3.040672350398476e-17),
    DoubleDouble(0.2020569031595943, -6.752241127462512e-18),
    DoubleDouble(0.08232323371113819, 5.851757005110278e-18),
    DoubleDouble(0.03692775514336993, -3.178450686126237e-19),
    DoubleDouble(0.01734306198444914, -4.414770097141147e-19),
    DoubleDouble(0.008349277381922827, -2.92234966467598e-19),
    DoubleDouble(0.00407735619794434, -2.2242833400456106e-19),
    DoubleDouble(0.0020083928260822143, 1.6255172980294325e-19),
    DoubleDouble(0.0009945751278180853, 8.155271993117836e-20),
    DoubleDouble(0.0004941886041194645, 3.007775458283559e-20),
    DoubleDouble(0.0002460865533080483, -2.126804481899407e-20),
    DoubleDouble(0.00012271334757848915, 1.312879617594989e-21),
    DoubleDouble(6.124813505870483e-05, 1.5932044187197156e-21),
    DoubleDouble(3.058823630702049e-05, 2.828205815153663e-22),
    DoubleDouble(1.528225940865187e-05, 7.677620188142347e-22),
    DoubleDouble(7.637197637899763e-06, -2.946683490299432e-22),
    DoubleDouble(3.81729326499984e-06, -3.619576661891535e-22),
    DoubleDouble(1.908212716553939e-06, -4.589595461742015e-23),
    DoubleDouble(9.539620338727962e-07, -9.885419869008806e-23),
    DoubleDouble(4.769329867878064e-07, 1.6292492268188835e-23),
    DoubleDouble(2.38450502727733e-07, -1.4348855177581243e-23),
    DoubleDouble(1.1921992596531106e-07, 9.349486696402915e-24),
    DoubleDouble(5.960818905125948e-08, -4.84489270891793e-25),
    DoubleDouble(2.980350351465228e-08, 9.038750484718945e-25),
    DoubleDouble(1.4901554828365043e-08, -1.4462631435868446e-24),
    DoubleDouble(7.45071178983543e-09, -5.689596284297908e-25),
    DoubleDouble(3.725334024788457e-09, -2.2838109257068324e-25),
    DoubleDouble(1.862659723513049e-09, -1.357608175618366e-25),
    DoubleDouble(9.313274324196682e-10, 1.7251523768776834e-26),
    DoubleDouble(4.656629065033784e-10, 4.154615304849929e-26),
    DoubleDouble(2.3283118336765053e-10, 1.5614446225186379e-26),
    DoubleDouble(1.164155017270052e-10, 4.647009828608305e-27),
    DoubleDouble(5.820772087902701e-11, -5.609266140509216e-27),
    DoubleDouble(2.9103850444971e-11, -3.1836341409162154e-27),
    DoubleDouble(1.4551921891041985e-11, -6.5815767720265535e-28),
    DoubleDouble(7.275959835057482e-12, -7.817491596192177e-28),
    DoubleDouble(3.637979547378651e-12, 3.2757482504856895e-28),
    DoubleDouble(1.818989650307066e-12, -1.2313033251541885e-28),
    DoubleDouble(9.094947840263888e-13, 8.752915335828258e-29),
    DoubleDouble(4.547473783042154e-13, -1.915433400472885e-29),
    DoubleDouble(2.2737368458246524e-13, 7.510141332821777e-30),
    DoubleDouble(1.136868407680228e-13, -6.497889027465259e-30),
    DoubleDouble(5.684341987627585e-14, 1.9239561017173886e-30),
    DoubleDouble(2.842170976889302e-14, -1.4857762609882343e-30),
    DoubleDouble(1.4210854828031608e-14, -1.5517661487563433e-30),
    DoubleDouble(7.105427395210853e-15, 7.713369817595167e-33),
    DoubleDouble(3.552713691337114e-15, -2.605702063609657e-31),
    DoubleDouble(1.7763568435791204e-15, -8.689427287890744e-32),
    DoubleDouble(8.881784210930816e-16, -2.8972264863617053e-32),
    DoubleDouble(4.440892103143813e-16, 2.321028135682245e-32),
    DoubleDouble(2.220446050798042e-16, 7.73646017791737e-33),
    DoubleDouble(1.1102230251410661e-16, -1.5298905424452545e-33),
    DoubleDouble(5.551115124845481e-17, 2.5715123863172194e-33),
    DoubleDouble(2.775557562136124e-17, 2.6547030081215438e-33),
    DoubleDouble(1.3877787809725232e-17, 8.207028574837895e-34),
    DoubleDouble(6.938893904544153e-18, 2.575181068768237e-34),
    DoubleDouble(3.4694469521659225e-18, 8.182699569203936e-35),
];
/// From this index on the terms of a series in at most 1/2 need no second half.
const SHORT: usize = 24;

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

/// `∫ t^(x-1) exp(-t) dt` over `t > 0`, continued to the left; not a number at 0, -1, -2, ...
pub fn gamma(x: f64) -> f64 {
    if is_pole(x) || x.is_nan() || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    if x > 172.0 {
        return f64::INFINITY;
    }
    if x < -185.0 {
        return 0.0;
    }
    if x.abs() < 1e-300 {
        return 1.0 / x;
    }
    if x < 0.5 {
        // Γ(x) Γ(1 - x) = π / sin(πx)
        let other = DoubleDouble::sum(1.0, -x);
        let quotient = PI / sin_pi(x);
        if other.0 < FAR {
            let (base, factor) = down_to_two(other);
            return (quotient / (factor * exp(log_gamma_near_two(base)))).value();
        }
        let size = if quotient.0 < 0.0 { -quotient } else { quotient };
        return (size.ln() - log_gamma_far(other)).exp().copysign(quotient.0);
    }
    let x = DoubleDouble(x, 0.0);
    if x.0 < FAR || (x.0 == x.0.floor() && x.0 < 24.0) {
        let (base, factor) = down_to_two(x);
        return (factor * exp(log_gamma_near_two(base))).value();
    }
    log_gamma_far(x).exp()
}

/// `log |Γ(x)|`; infinite at 0, -1, -2, ...
pub fn lgamma(x: f64) -> f64 {
    if is_pole(x) || x.is_infinite() {
        return f64::INFINITY;
    }
    if x.is_nan() {
        return x;
    }
    if x.abs() > 1e290 {
        // log sin(πx) does not matter here.
        return if x > 0.0 { (x * (x.ln() - 1.0)).min(f64::INFINITY) } else { f64::NEG_INFINITY };
    }
    if x < 0.0 {
        let sine = sin_pi(x);
        let size = if sine.0 < 0.0 { -sine } else { sine };
        return (PI.ln() - size.ln() - log_gamma(DoubleDouble::sum(1.0, -x))).value();
    }
    log_gamma(DoubleDouble(x, 0.0)).value()
}

/// `Γ'(x) / Γ(x)`; not a number at 0, -1, -2, ...
pub fn digamma(x: f64) -> f64 {
    if is_pole(x) || x.is_nan() || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    if x.is_infinite() {
        return x;
    }
    if x.abs() < 1e-300 {
        return -1.0 / x;
    }
    if x < 0.0 {
        return (digamma_of_positive(DoubleDouble::sum(1.0, -x)) - PI * cos_pi(x) / sin_pi(x)).value();
    }
    digamma_of_positive(DoubleDouble(x, 0.0)).value()
}

/// The n-th derivative of [`digamma`], for a whole `n >= 0`; not a number at 0, -1, -2, ...
///
/// `(-1)^(n+1) n! Σ 1/(x+k)^(n+1)` for positive x; by reflection, with the derivatives of the cotangent, left of 0.
pub fn polygamma(n: f64, x: f64) -> f64 {
    if n == 0.0 {
        return digamma(x);
    }
    if !(1.0..=170.0).contains(&n) || n != n.floor() || is_pole(x) {
        return f64::NAN;
    }
    let sign = if n % 2.0 == 0.0 { -1.0 } else { 1.0 };
    if x < 0.0 {
        // ψ_n(x) = (-1)^n ψ_n(1-x) - π dⁿ/dxⁿ cot(πx)
        return -sign * polygamma(n, 1.0 - x) - std::f64::consts::PI * cotangent_derivative(n as usize, x);
    }
    sign * gamma(n + 1.0) * hurwitz_zeta(n + 1.0, x)
}

/// `∫ t^(a-1) (1-t)^(b-1) dt` over `[0, 1]`, for positive a and b.
pub fn beta(a: f64, b: f64) -> f64 {
    if !(a > 0.0 && b > 0.0) {
        return f64::NAN;
    }
    if !(a < 1e290 && b < 1e290) {
        return 0.0;
    }
    (log_gamma(DoubleDouble(a, 0.0)) + log_gamma(DoubleDouble(b, 0.0)) - log_gamma(DoubleDouble::sum(a, b))).exp()
}

fn is_pole(x: f64) -> bool {
    x <= 0.0 && x == x.floor()
}

/// `exp(x)` of a small number, in twice the precision.
fn exp(x: DoubleDouble) -> DoubleDouble {
    let (power, whole) = x.exp_parts();
    power * 2f64.powi(whole)
}

/// `log Γ(x)` for positive x.
fn log_gamma(x: DoubleDouble) -> DoubleDouble {
    if x.0 < 0.5 {
        return log_gamma(x + 1.0) - x.ln();
    }
    if x.0 >= FAR {
        return log_gamma_far(x);
    }
    let (rest, factor) = down_to_two(x);
    log_gamma_near_two(rest) + factor.ln()
}

/// `log Γ(2 + z)` for `|z| <= 1/2`: `(1 - γ) z + Σ (-1)^k (ζ(k) - 1) z^k / k`
fn log_gamma_near_two(z: DoubleDouble) -> DoubleDouble {
    z * (ONE_LESS_EULER + z * zeta_series(z, |c, k| c / k as f64))
}

/// `Σ (-1)^k c(ζ(k) - 1, k) z^(k-2)`
fn zeta_series(z: DoubleDouble, c: impl Fn(DoubleDouble, usize) -> DoubleDouble) -> DoubleDouble {
    let short = (SHORT..ZETA_LESS_ONE.len()).rev().fold(0.0, |sum, k| c(ZETA_LESS_ONE[k], k + 2).0 - z.0 * sum);
    (0..SHORT).rev().fold(DoubleDouble(short, 0.0), |sum, k| c(ZETA_LESS_ONE[k], k + 2) - z * sum)
}

/// `(x - 1/2) log x - x + log(2π)/2 + ...`, for `x >= FAR`.
fn log_gamma_far(x: DoubleDouble) -> DoubleDouble {
    (x - 0.5) * x.ln() - x + HALF_LOG_TAU + stirling(x.0)
}

/// `log Γ(x) - ((x - 1/2) log x - x + log(2π)/2)`, for large x.
fn stirling(x: f64) -> f64 {
    let s = 1.0 / (x * x);
    let term = |k: usize, b: f64| b / ((2 * k + 2) * (2 * k + 1)) as f64;
    BERNOULLI[..9].iter().enumerate().rev().fold(0.0, |sum, (k, &b)| s * sum + term(k, b)) / x
}

/// `ψ(x)` for positive x.
fn digamma_of_positive(x: DoubleDouble) -> DoubleDouble {
    if x.0 < FAR {
        let (z, shift) = shifted_to_two(x);
        // ψ(2 + z) = 1 - γ + Σ (-1)^k (ζ(k) - 1) z^(k-1)
        return ONE_LESS_EULER + z * zeta_series(z, |c, _| c) + shift;
    }
    let s = 1.0 / (x.0 * x.0);
    let series = BERNOULLI[..9].iter().enumerate().rev().fold(0.0, |sum, (k, b)| s * (sum + b / (2 * k + 2) as f64));
    x.ln() - (0.5 / x.0 + series)
}

/// `(z, f)` with `Γ(x) = f Γ(2 + z)` and z in `[-1/2, 1/2]`, for `x >= 1/2`.
fn down_to_two(x: DoubleDouble) -> (DoubleDouble, DoubleDouble) {
    let (mut base, mut factor) = (x, DoubleDouble::ONE);
    while base.0 > 2.5 {
        base = base - 1.0;
        factor = factor * base;
    }
    while base.0 < 1.5 {
        factor = factor / base;
        base = base + 1.0;
    }
    (base - 2.0, factor)
}

/// `(z, s)` with `ψ(x) = ψ(2 + z) + s` and z in `[-1/2, 1/2]`, for `x > 0`.
fn shifted_to_two(x: DoubleDouble) -> (DoubleDouble, DoubleDouble) {
    let (mut base, mut shift) = (x, DoubleDouble::ZERO);
    while base.0 > 2.5 {
        base = base - 1.0;
        shift = shift + DoubleDouble::ONE / base;
    }
    while base.0 < 1.5 {
        shift = shift - DoubleDouble::ONE / base;
        base = base + 1.0;
    }
    (base - 2.0, shift)
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
            next[k - 1] -= std::f64::consts::PI * k as f64 * c;
            next[k + 1] -= std::f64::consts::PI * k as f64 * c;
        }
        p = next;
    }
    polynomial((cos_pi(x) / sin_pi(x)).value(), &p)
}

/// `sin(πx)` with the argument reduced exactly.
fn sin_pi(x: f64) -> DoubleDouble {
    let r = x - 2.0 * (0.5 * x).round();
    let folded = if r.abs() > 0.5 { r.signum() - r } else { r };
    let size = if folded.abs() <= 0.25 { sine(PI * folded.abs()) } else { cosine(HALF_PI - PI * folded.abs()) };
    if folded < 0.0 { -size } else { size }
}

/// `cos(πx)` with the argument reduced exactly.
fn cos_pi(x: f64) -> DoubleDouble {
    let r = (x - 2.0 * (0.5 * x).round()).abs();
    if r <= 0.25 {
        cosine(PI * r)
    } else if r <= 0.75 {
        sine(PI * (0.5 - r))
    } else {
        -cosine(PI * (1.0 - r))
    }
}

/// `sin(t)` for `|t| <= π/4` by its series.
fn sine(t: DoubleDouble) -> DoubleDouble {
    let square = t * t;
    t * (1..=14)
        .rev()
        .fold(DoubleDouble::ONE, |sum, k| DoubleDouble::ONE - square * sum / ((2 * k) * (2 * k + 1)) as f64)
}

/// `cos(t)` for `|t| <= π/4` by its series.
fn cosine(t: DoubleDouble) -> DoubleDouble {
    let square = t * t;
    (1..=14).rev().fold(DoubleDouble::ONE, |sum, k| DoubleDouble::ONE - square * sum / ((2 * k - 1) * (2 * k)) as f64)
}
