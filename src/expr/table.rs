//! The table itself: every function of the language, one row each. Adding a function is adding a row.
//!
//! What a row means is told by [`OpRow`]. Derivatives are written with the simplifying builders of
//! [`super::simplify`], so second and higher derivatives come from the same rows.

use super::graph::{Graph, Node, NodeId};
use super::interval::Interval;
use super::ops::{Curvature, Domain, OpRow, Operand, Range, Slope, Smoothness, row};
use super::special;
use Curvature::{Affine, Concave, Convex, Unknown};
use Slope::{Falling, Flat, Neither, Rising};
use std::f64::consts::{FRAC_1_PI, FRAC_2_SQRT_PI, FRAC_PI_2, LN_2, LN_10, PI};

macro_rules! functions {
    ($($(#[$doc:meta])* $op:ident: $row:expr;)*) => {
        /// The functions; what each is and does stands in its row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Op { $($(#[$doc])* $op,)* }

        /// All functions in the order of the table.
        pub const ALL: &[Op] = &[$(Op::$op),*];

        pub(super) static ROWS: [OpRow; ALL.len()] = [$(OpRow { op: Op::$op, ..$row }),*];
    };
}

functions! {
    Add: OpRow {
        curvature: |_| Affine, slopes: |_| [Rising, Rising, Flat], commutative: true,
        samples: &[[1.5, -2.25, 0.0], [0.0, 3.0, 0.0]],
        ..row("+", 2, "sum", |[a, b, _]| a + b, |g, _, _| { let one = g.constant(1.0); [Some(one), Some(one), None] })
    };
    Sub: OpRow {
        curvature: |_| Affine, slopes: |_| [Rising, Falling, Flat],
        samples: &[[1.5, -2.25, 0.0], [0.0, 3.0, 0.0]],
        ..row("-", 2, "difference", |[a, b, _]| a - b, |g, _, _| {
            let (one, minus) = (g.constant(1.0), g.constant(-1.0));
            [Some(one), Some(minus), None]
        })
    };
    Mul: OpRow {
        curvature: |[a, b, _]| if a.constant || b.constant { Affine } else { Unknown },
        slopes: |[a, b, _]| [Slope::by_sign(b.interval), Slope::by_sign(a.interval), Flat],
        commutative: true, interval: Some(|[a, b, _]| a.times(b)),
        samples: &[[1.5, -2.25, 0.0], [0.0, 3.0, 0.0], [2.0, 0.5, 0.0]],
        ..row("*", 2, "product", |[a, b, _]| a * b, |_, [a, b, _], _| [Some(b), Some(a), None])
    };
    Div: OpRow {
        domain: Domain { also: |[_, b, _]| b != 0.0, ..Domain::boxed("a denominator that is not 0", [Range::REALS; 3]) },
        curvature: |[a, b, _]| match (a.constant, b.interval.sign() * a.interval.sign()) {
            _ if b.constant => Affine,
            (true, 1) => Convex,
            (true, -1) => Concave,
            _ => Unknown,
        },
        slopes: |[a, b, _]| {
            let falls = if b.interval.sign_strict() == 0 { Neither } else { Slope::by_sign(a.interval).reversed() };
            [if b.interval.sign_strict() == 0 { Neither } else { Slope::by_sign(b.interval) }, falls, Flat]
        },
        interval: Some(|[a, b, _]| a.over(b)),
        samples: &[[1.5, -2.25, 0.0], [-1.0, 3.0, 0.0], [2.0, 0.5, 0.0]],
        ..row("/", 2, "quotient", |[a, b, _]| a / b, |g, [_, b, _], quotient| {
            let inverse = g.reciprocal(b);
            let ratio = g.div(quotient, b);
            [Some(inverse), Some(g.neg(ratio)), None]
        })
    };
    Neg: OpRow {
        curvature: |_| Affine, slopes: |_| [Falling, Flat, Flat], samples: &[[1.5, 0.0, 0.0], [-2.0, 0.0, 0.0]],
        ..row("neg", 1, "the negative", |[a, ..]| -a, |g, _, _| [Some(g.constant(-1.0)), None, None])
    };
    Pow: OpRow {
        domain: Domain {
            also: |[a, b, _]| a > 0.0 || (a == 0.0 && b >= 0.0) || (a < 0.0 && b == b.round()),
            ..Domain::boxed("a positive base unless the exponent is an integer", [Range::REALS; 3])
        },
        curvature: power_curvature, slopes: power_slopes, interval: Some(power_interval),
        samples: &[[1.5, 2.5, 0.0], [0.5, -1.5, 0.0], [3.0, 0.3, 0.0]],
        ..row("pow", 2, "`pow(a, b)` is a to the power b, also written `a^b`", |[a, b, _]| a.powf(b), power_derivative)
    };
    Abs: OpRow {
        curvature: |_| Convex, slopes: |[a, ..]| [Slope::by_sign(a.interval), Flat, Flat],
        interval: Some(|[a, ..]| a.magnitude()), image: (0.0, f64::INFINITY),
        smooth: Smoothness::Kink("where its argument is 0"), samples: &[[1.5, 0.0, 0.0], [-2.0, 0.0, 0.0]],
        ..row("abs", 1, "absolute value", |[a, ..]| a.abs(), |g, [a, ..], _| unary(g.call(Op::Sign, &[a])))
    };
    Sign: OpRow {
        slopes: rising, image: (-1.0, 1.0), smooth: Smoothness::Jump("where its argument is 0"),
        samples: &[[1.5, 0.0, 0.0], [-2.0, 0.0, 0.0]],
        ..row("sign", 1, "1, 0 or -1 by the sign", |[a, ..]| if a == 0.0 { 0.0 } else if a.is_nan() { a } else { a.signum() }, flat)
    };
    Min: OpRow {
        curvature: |_| Concave, slopes: |_| [Rising, Rising, Flat], commutative: true,
        smooth: Smoothness::Kink("where its arguments are equal"), samples: &[[1.5, 2.0, 0.0], [4.0, -1.0, 0.0]],
        ..row("min", 2, "the smaller", |[a, b, _]| if a <= b || a.is_nan() { a } else { b }, |g, [a, b, _], _| {
            let first = g.call(Op::Le, &[a, b]);
            masks(g, first)
        })
    };
    Max: OpRow {
        curvature: |_| Convex, slopes: |_| [Rising, Rising, Flat], commutative: true,
        smooth: Smoothness::Kink("where its arguments are equal"), samples: &[[1.5, 2.0, 0.0], [4.0, -1.0, 0.0]],
        ..row("max", 2, "the larger", |[a, b, _]| if a >= b || a.is_nan() { a } else { b }, |g, [a, b, _], _| {
            let first = g.call(Op::Le, &[b, a]);
            masks(g, first)
        })
    };
    Floor: OpRow {
        slopes: rising, smooth: Smoothness::Jump("at integers"), samples: &[[1.5, 0.0, 0.0], [-2.25, 0.0, 0.0]],
        ..row("floor", 1, "the largest integer that is not above", |[a, ..]| a.floor(), flat)
    };
    Ceil: OpRow {
        slopes: rising, smooth: Smoothness::Jump("at integers"), samples: &[[1.5, 0.0, 0.0], [-2.25, 0.0, 0.0]],
        ..row("ceil", 1, "the smallest integer that is not below", |[a, ..]| a.ceil(), flat)
    };
    Round: OpRow {
        slopes: rising, smooth: Smoothness::Jump("half way between integers"), samples: &[[1.25, 0.0, 0.0], [-2.75, 0.0, 0.0]],
        ..row("round", 1, "the nearest integer, halves away from 0", |[a, ..]| a.round(), flat)
    };
    Mod: OpRow {
        domain: Domain { also: |[_, b, _]| b != 0.0, ..Domain::boxed("a modulus that is not 0", [Range::REALS; 3]) },
        interval: Some(|[_, b, _]| Interval::new(b.lo.min(0.0), b.hi.max(0.0))),
        smooth: Smoothness::Jump("where the first argument is a multiple of the second"),
        samples: &[[7.5, 2.0, 0.0], [-7.5, 2.0, 0.0], [7.5, -2.0, 0.0]],
        ..row("mod", 2, "`mod(a, b)` is a - b floor(a / b): the remainder, with the sign of b", |[a, b, _]| modulus(a, b), |g, [a, b, _], _| {
            let ratio = g.div(a, b);
            let whole = g.call(Op::Floor, &[ratio]);
            [Some(g.constant(1.0)), Some(g.neg(whole)), None]
        })
    };
    Sqrt: OpRow {
        domain: Domain::one("an argument that is not negative", Range::NONNEGATIVE),
        curvature: |_| Concave, slopes: rising, image: (0.0, f64::INFINITY), samples: &[[1.5, 0.0, 0.0], [0.2, 0.0, 0.0]],
        ..row("sqrt", 1, "square root", |[a, ..]| a.sqrt(), |g, _, root| {
            let half = g.constant(0.5);
            unary(g.div(half, root))
        })
    };
    Square: OpRow {
        curvature: |_| Convex, slopes: |[a, ..]| [Slope::by_sign(a.interval), Flat, Flat],
        interval: Some(|[a, ..]| { let m = a.magnitude(); Interval::new(m.lo * m.lo, m.hi * m.hi).widened() }),
        image: (0.0, f64::INFINITY), samples: &[[1.5, 0.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        ..row("square", 1, "the square", |[a, ..]| a * a, |g, [a, ..], _| unary(g.scale(2.0, a)))
    };
    Cbrt: OpRow {
        curvature: convex_then_concave, slopes: rising, smooth: Smoothness::Kink("where its argument is 0"),
        samples: &[[1.5, 0.0, 0.0], [-2.0, 0.0, 0.0]],
        ..row("cbrt", 1, "cube root", |[a, ..]| a.cbrt(), |g, _, root| {
            let square = g.square(root);
            let third = g.constant(1.0 / 3.0);
            unary(g.div(third, square))
        })
    };
    Exp: OpRow {
        curvature: |_| Convex, slopes: rising, image: (0.0, f64::INFINITY), samples: &[[1.5, 0.0, 0.0], [-2.0, 0.0, 0.0]],
        ..row("exp", 1, "exponential", |[a, ..]| a.exp(), |_, _, power| unary(power))
    };
    Expm1: OpRow {
        curvature: |_| Convex, slopes: rising, image: (-1.0, f64::INFINITY), samples: &[[1.5, 0.0, 0.0], [-0.01, 0.0, 0.0]],
        ..row("expm1", 1, "exp(x) - 1, accurate near 0", |[a, ..]| a.exp_m1(), |g, [a, ..], _| unary(g.exp(a)))
    };
    Log: OpRow {
        domain: Domain::one("a positive argument", Range::POSITIVE),
        curvature: |_| Concave, slopes: rising, samples: &[[1.5, 0.0, 0.0], [0.2, 0.0, 0.0]],
        ..row("log", 1, "natural logarithm", |[a, ..]| a.ln(), |g, [a, ..], _| unary(g.reciprocal(a)))
    };
    Log1p: OpRow {
        domain: Domain::one("an argument above -1", Range { lo: -1.0, ..Range::POSITIVE }),
        curvature: |_| Concave, slopes: rising, samples: &[[1.5, 0.0, 0.0], [-0.5, 0.0, 0.0]],
        ..row("log1p", 1, "log(1 + x), accurate near 0", |[a, ..]| a.ln_1p(), |g, [a, ..], _| {
            let shifted = g.shift(1.0, a);
            unary(g.reciprocal(shifted))
        })
    };
    Log2: OpRow {
        domain: Domain::one("a positive argument", Range::POSITIVE),
        curvature: |_| Concave, slopes: rising, samples: &[[1.5, 0.0, 0.0], [0.2, 0.0, 0.0]],
        ..row("log2", 1, "logarithm to base 2", |[a, ..]| a.log2(), |g, [a, ..], _| {
            let scale = g.constant(1.0 / LN_2);
            unary(g.div(scale, a))
        })
    };
    Log10: OpRow {
        domain: Domain::one("a positive argument", Range::POSITIVE),
        curvature: |_| Concave, slopes: rising, samples: &[[1.5, 0.0, 0.0], [0.2, 0.0, 0.0]],
        ..row("log10", 1, "logarithm to base 10", |[a, ..]| a.log10(), |g, [a, ..], _| {
            let scale = g.constant(1.0 / LN_10);
            unary(g.div(scale, a))
        })
    };
    Sin: OpRow {
        slopes: |[a, ..]| [sine_slope(a.interval, FRAC_PI_2), Flat, Flat],
        curvature: |[a, ..]| match sine_slope(a.interval, 0.0) { Falling => Concave, Rising => Convex, _ => Unknown },
        interval: Some(|[a, ..]| wave(a, f64::sin, FRAC_PI_2)), image: (-1.0, 1.0),
        samples: &[[1.5, 0.0, 0.0], [-2.0, 0.0, 0.0]],
        ..row("sin", 1, "sine", |[a, ..]| special::sin(a), |g, [a, ..], _| unary(g.call(Op::Cos, &[a])))
    };
    Cos: OpRow {
        slopes: |[a, ..]| [sine_slope(a.interval, 0.0), Flat, Flat],
        curvature: |[a, ..]| match sine_slope(a.interval, FRAC_PI_2) { Rising => Concave, Falling => Convex, _ => Unknown },
        interval: Some(|[a, ..]| wave(a, f64::cos, 0.0)), image: (-1.0, 1.0),
        samples: &[[1.5, 0.0, 0.0], [-2.0, 0.0, 0.0]],
        ..row("cos", 1, "cosine", |[a, ..]| special::cos(a), |g, [a, ..], _| {
            let sine = g.call(Op::Sin, &[a]);
            unary(g.neg(sine))
        })
    };
    Tan: OpRow {
        slopes: |[a, ..]| [if within_one_branch(a.interval) { Rising } else { Neither }, Flat, Flat],
        curvature: |a| if a[0].interval.within(-FRAC_PI_2, FRAC_PI_2) { concave_then_convex(a) } else { Unknown },
        interval: Some(|[a, ..]| if within_one_branch(a) { Interval::new(a.lo.tan(), a.hi.tan()).widened() } else { Interval::WHOLE }),
        samples: &[[1.2, 0.0, 0.0], [-2.0, 0.0, 0.0]],
        ..row("tan", 1, "tangent", |[a, ..]| special::tan(a), |g, _, tangent| {
            let square = g.square(tangent);
            unary(g.shift(1.0, square))
        })
    };
    Asin: OpRow {
        domain: Domain::one("an argument between -1 and 1", Range::UNIT),
        curvature: concave_then_convex, slopes: rising, image: (-FRAC_PI_2 - 1e-15, FRAC_PI_2 + 1e-15),
        samples: &[[0.5, 0.0, 0.0], [-0.3, 0.0, 0.0]],
        ..row("asin", 1, "inverse sine", |[a, ..]| a.asin(), |g, [a, ..], _| unary(inverse_root(g, a, 1.0, -1.0)))
    };
    Acos: OpRow {
        domain: Domain::one("an argument between -1 and 1", Range::UNIT),
        curvature: convex_then_concave, slopes: falling, image: (0.0, PI + 1e-15),
        samples: &[[0.5, 0.0, 0.0], [-0.3, 0.0, 0.0]],
        ..row("acos", 1, "inverse cosine", |[a, ..]| a.acos(), |g, [a, ..], _| {
            let slope = inverse_root(g, a, 1.0, -1.0);
            unary(g.neg(slope))
        })
    };
    Atan: OpRow {
        curvature: convex_then_concave, slopes: rising, image: (-FRAC_PI_2 - 1e-15, FRAC_PI_2 + 1e-15),
        samples: &[[1.5, 0.0, 0.0], [-0.3, 0.0, 0.0]],
        ..row("atan", 1, "inverse tangent", |[a, ..]| a.atan(), |g, [a, ..], _| {
            let square = g.square(a);
            let below = g.shift(1.0, square);
            unary(g.reciprocal(below))
        })
    };
    Atan2: OpRow {
        domain: Domain { also: |[y, x, _]| y != 0.0 || x != 0.0, ..Domain::boxed("arguments that are not both 0", [Range::REALS; 3]) },
        interval: Some(|_| Interval::new(-PI, PI).widened()), image: (-PI - 1e-15, PI + 1e-15),
        smooth: Smoothness::Jump("on the half line y = 0, x < 0"),
        samples: &[[1.5, 0.7, 0.0], [-0.3, -2.0, 0.0]],
        ..row("atan2", 2, "`atan2(y, x)` is the angle of the point (x, y)", |[y, x, _]| y.atan2(x), |g, [y, x, _], _| {
            let (yy, xx) = (g.square(y), g.square(x));
            let below = g.add(xx, yy);
            let (dy, dx) = (g.div(x, below), g.div(y, below));
            [Some(dy), Some(g.neg(dx)), None]
        })
    };
    Sinh: OpRow {
        curvature: concave_then_convex, slopes: rising, samples: &[[1.5, 0.0, 0.0], [-0.3, 0.0, 0.0]],
        ..row("sinh", 1, "hyperbolic sine", |[a, ..]| a.sinh(), |g, [a, ..], _| unary(g.call(Op::Cosh, &[a])))
    };
    Cosh: OpRow {
        curvature: |_| Convex, slopes: |[a, ..]| [Slope::by_sign(a.interval), Flat, Flat],
        interval: Some(|[a, ..]| { let m = a.magnitude(); Interval::new(m.lo.cosh(), m.hi.cosh()).widened() }),
        image: (1.0, f64::INFINITY), samples: &[[1.5, 0.0, 0.0], [-0.3, 0.0, 0.0]],
        ..row("cosh", 1, "hyperbolic cosine", |[a, ..]| a.cosh(), |g, [a, ..], _| unary(g.call(Op::Sinh, &[a])))
    };
    Tanh: OpRow {
        curvature: convex_then_concave, slopes: rising, image: (-1.0, 1.0), samples: &[[1.5, 0.0, 0.0], [-0.3, 0.0, 0.0]],
        ..row("tanh", 1, "hyperbolic tangent", |[a, ..]| a.tanh(), |g, _, tangent| {
            let (one, square) = (g.constant(1.0), g.square(tangent));
            unary(g.sub(one, square))
        })
    };
    Asinh: OpRow {
        curvature: convex_then_concave, slopes: rising, samples: &[[1.5, 0.0, 0.0], [-0.3, 0.0, 0.0]],
        ..row("asinh", 1, "inverse hyperbolic sine", |[a, ..]| special::asinh(a), |g, [a, ..], _| unary(inverse_root(g, a, 1.0, 1.0)))
    };
    Acosh: OpRow {
        domain: Domain::one("an argument that is at least 1", Range { lo: 1.0, ..Range::NONNEGATIVE }),
        curvature: |_| Concave, slopes: rising, image: (0.0, f64::INFINITY), samples: &[[1.5, 0.0, 0.0], [4.0, 0.0, 0.0]],
        ..row("acosh", 1, "inverse hyperbolic cosine", |[a, ..]| special::acosh(a), |g, [a, ..], _| unary(inverse_root(g, a, -1.0, 1.0)))
    };
    Atanh: OpRow {
        domain: Domain::one("an argument strictly between -1 and 1", Range { lo: -1.0, hi: 1.0, lo_open: true, hi_open: true }),
        curvature: concave_then_convex, slopes: rising, samples: &[[0.5, 0.0, 0.0], [-0.3, 0.0, 0.0]],
        ..row("atanh", 1, "inverse hyperbolic tangent", |[a, ..]| special::atanh(a), |g, [a, ..], _| {
            let (one, square) = (g.constant(1.0), g.square(a));
            let below = g.sub(one, square);
            unary(g.reciprocal(below))
        })
    };
    Erf: OpRow {
        curvature: convex_then_concave, slopes: rising, image: (-1.0, 1.0), samples: &[[1.5, 0.0, 0.0], [-0.3, 0.0, 0.0]],
        ..row("erf", 1, "error function", |[a, ..]| special::erf(a), |g, [a, ..], _| unary(bell(g, a, FRAC_2_SQRT_PI)))
    };
    Erfc: OpRow {
        curvature: concave_then_convex, slopes: falling, image: (0.0, 2.0), samples: &[[1.5, 0.0, 0.0], [-0.3, 0.0, 0.0]],
        ..row("erfc", 1, "1 - erf(x), accurate where it is small", |[a, ..]| special::erfc(a), |g, [a, ..], _| unary(bell(g, a, -FRAC_2_SQRT_PI)))
    };
    Gamma: OpRow {
        domain: NOT_A_POLE, curvature: |a| on_positive(a, Convex),
        interval: Some(|[a, ..]| if a.lo > 0.0 { Interval::new(0.8856, f64::INFINITY) } else { Interval::WHOLE }),
        samples: &[[1.5, 0.0, 0.0], [4.2, 0.0, 0.0], [-1.4, 0.0, 0.0]],
        ..row("gamma", 1, "gamma function", |[a, ..]| special::gamma(a), |g, [a, ..], gamma| {
            let digamma = g.call(Op::Digamma, &[a]);
            unary(g.mul(gamma, digamma))
        })
    };
    Lgamma: OpRow {
        domain: NOT_A_POLE, curvature: |a| on_positive(a, Convex),
        slopes: |[a, ..]| [if a.interval.lo >= 1.5 { Rising } else if a.interval.within(0.0, 1.4) { Falling } else { Neither }, Flat, Flat],
        interval: Some(|[a, ..]| if a.lo > 0.0 { Interval::new(-0.1215, f64::INFINITY) } else { Interval::WHOLE }),
        samples: &[[1.7, 0.0, 0.0], [4.2, 0.0, 0.0], [-1.4, 0.0, 0.0]],
        ..row("lgamma", 1, "logarithm of |gamma(x)|", |[a, ..]| special::lgamma(a), |g, [a, ..], _| unary(g.call(Op::Digamma, &[a])))
    };
    Digamma: OpRow {
        domain: NOT_A_POLE, curvature: |a| on_positive(a, Concave),
        slopes: |[a, ..]| [if a.interval.lo >= 0.0 { Rising } else { Neither }, Flat, Flat],
        samples: &[[1.7, 0.0, 0.0], [4.2, 0.0, 0.0], [-1.4, 0.0, 0.0]],
        ..row("digamma", 1, "derivative of lgamma", |[a, ..]| special::digamma(a), |g, [a, ..], _| {
            let order = g.constant(1.0);
            unary(g.call(Op::Polygamma, &[order, a]))
        })
    };
    /// `polygamma(n, x)`: the n-th derivative of `digamma`.
    Polygamma: OpRow {
        domain: Domain {
            also: |[n, x, _]| n >= 0.0 && n == n.round() && (NOT_A_POLE.also)([x; 3]),
            ..Domain::boxed("an order that is a whole number and an argument that is not 0, -1, -2, ...", [Range::NONNEGATIVE, Range::REALS, Range::REALS])
        },
        curvature: |[n, x, _]| match polygamma_sign(n, x) { 1 => Convex, -1 => Concave, _ => Unknown },
        slopes: |[n, x, _]| [Neither, match polygamma_sign(n, x) { 1 => Falling, -1 => Rising, _ => Neither }, Flat],
        interval: Some(|[n, x, _]| match polygamma_sign(Operand::new(n), Operand::new(x)) {
            1 => Interval::new(0.0, f64::INFINITY),
            -1 => Interval::new(f64::NEG_INFINITY, 0.0),
            _ => Interval::WHOLE,
        }),
        discrete: &[0], samples: &[[1.0, 1.7, 0.0], [2.0, 4.2, 0.0], [1.0, -1.4, 0.0]],
        ..row("polygamma", 2, "`polygamma(n, x)` is the n-th derivative of digamma", |[n, x, _]| special::polygamma(n, x), |g, [n, x, _], _| {
            let order = g.shift(1.0, n);
            [None, Some(g.call(Op::Polygamma, &[order, x])), None]
        })
    };
    Beta: OpRow {
        domain: Domain::boxed("positive arguments", [Range::POSITIVE, Range::POSITIVE, Range::REALS]),
        curvature: |_| Convex, slopes: |_| [Falling, Falling, Flat], commutative: true, image: (0.0, f64::INFINITY),
        samples: &[[1.5, 2.5, 0.0], [0.5, 3.0, 0.0]],
        ..row("beta", 2, "beta function, gamma(a) gamma(b) / gamma(a + b)", |[a, b, _]| special::beta(a, b), |g, [a, b, _], beta| {
            let total = g.add(a, b);
            let whole = g.call(Op::Digamma, &[total]);
            let partial = |g: &mut Graph, of: NodeId| {
                let digamma = g.call(Op::Digamma, &[of]);
                let difference = g.sub(digamma, whole);
                g.mul(beta, difference)
            };
            [Some(partial(g, a)), Some(partial(g, b)), None]
        })
    };
    Sigmoid: OpRow {
        curvature: convex_then_concave, slopes: rising, image: (0.0, 1.0), samples: &[[1.5, 0.0, 0.0], [-3.0, 0.0, 0.0]],
        ..row("sigmoid", 1, "1 / (1 + exp(-x))", |[a, ..]| sigmoid(a), |g, [a, ..], sigmoid| {
            let negative = g.neg(a);
            let other = g.call(Op::Sigmoid, &[negative]);
            unary(g.mul(sigmoid, other))
        })
    };
    Softplus: OpRow {
        curvature: |_| Convex, slopes: rising, image: (0.0, f64::INFINITY), samples: &[[1.5, 0.0, 0.0], [-3.0, 0.0, 0.0]],
        ..row("softplus", 1, "log(1 + exp(x))", |[a, ..]| a.max(0.0) + (-a.abs()).exp().ln_1p(), |g, [a, ..], _| unary(g.call(Op::Sigmoid, &[a])))
    };
    LogAddExp: OpRow {
        curvature: |_| Convex, slopes: |_| [Rising, Rising, Flat], commutative: true,
        samples: &[[1.5, 0.5, 0.0], [-3.0, 2.0, 0.0]],
        ..row("logaddexp", 2, "log(exp(a) + exp(b)) without overflow", |[a, b, _]| log_add_exp(a, b), |g, [a, b, _], _| {
            let (forth, back) = (g.sub(a, b), g.sub(b, a));
            [Some(g.call(Op::Sigmoid, &[forth])), Some(g.call(Op::Sigmoid, &[back])), None]
        })
    };
    XLogX: OpRow {
        domain: Domain::one("an argument that is not negative", Range::NONNEGATIVE),
        curvature: |_| Convex,
        // The minimum is at 1/e = 0.3678...
        slopes: |[a, ..]| [if a.interval.lo >= 0.368 { Rising } else if a.interval.hi <= 0.367 { Falling } else { Neither }, Flat, Flat],
        interval: Some(|[a, ..]| {
            let a = a.clamped(0.0, f64::INFINITY);
            let ends = [x_log_x(a.lo), x_log_x(a.hi)];
            let lowest = if a.contains((-1f64).exp()) { -(-1f64).exp() } else { ends[0].min(ends[1]) };
            Interval::new(lowest, ends[0].max(ends[1])).widened()
        }),
        samples: &[[1.5, 0.0, 0.0], [0.1, 0.0, 0.0]],
        ..row("xlogx", 1, "x log(x), 0 at 0", |[a, ..]| x_log_x(a), |g, [a, ..], _| {
            let log = g.log(a);
            unary(g.shift(1.0, log))
        })
    };
    XLogXY: OpRow {
        domain: Domain::boxed("a first argument that is not negative and a positive second", [Range::NONNEGATIVE, Range::POSITIVE, Range::REALS]),
        curvature: |_| Convex, slopes: |_| [Neither, Falling, Flat],
        // x log(x/y) >= -y/e.
        interval: Some(|[_, y, _]| Interval::new(-y.hi.max(0.0) * (-1f64).exp(), f64::INFINITY).widened()),
        samples: &[[1.5, 0.5, 0.0], [0.1, 2.0, 0.0]],
        ..row("xlogxy", 2, "`xlogxy(x, y)` is x log(x / y), 0 at x = 0", |[x, y, _]| x_log_x_over_y(x, y), |g, [x, y, _], _| {
            let ratio = g.div(x, y);
            let log = g.log(ratio);
            [Some(g.shift(1.0, log)), Some(g.neg(ratio)), None]
        })
    };
    /// Truth values are 1 and 0.
    Lt: OpRow { samples: &[[1.0, 2.0, 0.0]], slopes: |_| [Falling, Rising, Flat], ..truth("<", 2, "whether a is below b", |[a, b, _]| (a < b) as u8 as f64) };
    Le: OpRow { samples: &[[1.0, 2.0, 0.0]], slopes: |_| [Falling, Rising, Flat], ..truth("<=", 2, "whether a is at most b", |[a, b, _]| (a <= b) as u8 as f64) };
    Eq: OpRow { samples: &[[1.0, 2.0, 0.0]], commutative: true, ..truth("==", 2, "whether a and b are equal", |[a, b, _]| (a == b) as u8 as f64) };
    Ne: OpRow { samples: &[[1.0, 2.0, 0.0]], commutative: true, ..truth("!=", 2, "whether a and b differ", |[a, b, _]| (a != b) as u8 as f64) };
    And: OpRow { samples: &[[1.0, 2.0, 0.0]], commutative: true, ..truth("and", 2, "whether both hold", |[a, b, _]| (a != 0.0 && b != 0.0) as u8 as f64) };
    Or: OpRow { samples: &[[1.0, 2.0, 0.0]], commutative: true, ..truth("or", 2, "whether one of both holds", |[a, b, _]| (a != 0.0 || b != 0.0) as u8 as f64) };
    Not: OpRow { samples: &[[1.0, 0.0, 0.0]], ..truth("not", 1, "whether it does not hold", |[a, ..]| (a == 0.0) as u8 as f64) };
    /// `select(c, a, b)`: a where c is not 0, else b; the other is never looked at.
    Select: OpRow {
        slopes: |_| [Neither, Rising, Rising], smooth: Smoothness::Jump("where its condition changes"),
        interval: Some(|[c, a, b]| match (c.lo == 0.0 && c.hi == 0.0, c.contains(0.0)) {
            (true, _) => b,
            (_, false) => a,
            _ => a.hull(b),
        }),
        discrete: &[0], samples: &[[1.0, 2.0, 3.0], [0.0, 2.0, 3.0]],
        ..row("select", 3, "`select(c, a, b)` is a where c is not 0, else b", |[c, a, b]| if c != 0.0 { a } else { b }, |g, [c, _, _], _| {
            let [a, b, _] = masks(g, c);
            [None, a, b]
        })
    };
}

/// A comparison or a connective: flat between its jumps.
const fn truth(name: &'static str, arity: usize, doc: &'static str, value: fn([f64; 3]) -> f64) -> OpRow {
    OpRow {
        image: (0.0, 1.0),
        truth: true,
        smooth: Smoothness::Jump("where its truth changes"),
        ..row(name, arity, doc, value, flat)
    }
}

const NOT_A_POLE: Domain = Domain {
    also: |[a, ..]| a > 0.0 || a != a.floor(),
    ..Domain::boxed("an argument that is not 0, -1, -2, ...", [Range::REALS; 3])
};

fn flat(_: &mut Graph, _: [NodeId; 3], _: NodeId) -> [Option<NodeId>; 3] {
    [None; 3]
}

fn unary(derivative: NodeId) -> [Option<NodeId>; 3] {
    [Some(derivative), None, None]
}

/// Partials of a choice: 1 for the operand that is taken, 0 for the other.
fn masks(g: &mut Graph, first: NodeId) -> [Option<NodeId>; 3] {
    let (zero, one) = (g.constant(0.0), g.constant(1.0));
    [Some(g.select(first, one, zero)), Some(g.select(first, zero, one)), None]
}

/// `1 / sqrt(offset + sign x²)`; for `offset = -1` as `1 / (sqrt(x - 1) sqrt(x + 1))`, which is accurate near 1.
fn inverse_root(g: &mut Graph, x: NodeId, offset: f64, sign: f64) -> NodeId {
    let root = if offset < 0.0 {
        let (below, above) = (g.shift(-1.0, x), g.shift(1.0, x));
        let (below, above) = (g.sqrt(below), g.sqrt(above));
        g.mul(below, above)
    } else {
        let square = g.square(x);
        let signed = g.scale(sign, square);
        let inside = g.shift(offset, signed);
        g.sqrt(inside)
    };
    g.reciprocal(root)
}

/// `height exp(-x²)`
fn bell(g: &mut Graph, x: NodeId, height: f64) -> NodeId {
    let square = g.square(x);
    let negative = g.neg(square);
    let exp = g.exp(negative);
    g.scale(height, exp)
}

fn rising(_: [Operand; 3]) -> [Slope; 3] {
    [Rising, Flat, Flat]
}

fn falling(_: [Operand; 3]) -> [Slope; 3] {
    [Falling, Flat, Flat]
}

/// Concave left of 0 and convex right of it.
fn concave_then_convex([a, ..]: [Operand; 3]) -> Curvature {
    match a.interval.sign() {
        1 => Convex,
        -1 => Concave,
        _ => Unknown,
    }
}

/// Convex left of 0 and concave right of it.
fn convex_then_concave(a: [Operand; 3]) -> Curvature {
    concave_then_convex(a).reversed()
}

fn on_positive([a, ..]: [Operand; 3], curvature: Curvature) -> Curvature {
    if a.interval.lo >= 0.0 { curvature } else { Unknown }
}

/// Sign of `polygamma(n, x)` over `x > 0`: that of `(-1)^(n+1)`, for a fixed order n >= 1; else 0.
fn polygamma_sign(n: Operand, x: Operand) -> i32 {
    match n.interval.point() {
        Some(order) if order >= 1.0 && x.interval.lo >= 0.0 => {
            if order % 2.0 == 1.0 {
                1
            } else {
                -1
            }
        }
        _ => 0,
    }
}

fn modulus(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
}

fn sigmoid(a: f64) -> f64 {
    let small = (-a.abs()).exp();
    if a >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
}

fn log_add_exp(a: f64, b: f64) -> f64 {
    let most = if a >= b || a.is_nan() { a } else { b };
    if most.is_infinite() { most } else { most + (-(a - b).abs()).exp().ln_1p() }
}

fn x_log_x(a: f64) -> f64 {
    if a == 0.0 { 0.0 } else { a * a.ln() }
}

/// Negative arguments have no value, though the formula has one where both are negative.
fn x_log_x_over_y(x: f64, y: f64) -> f64 {
    if y <= 0.0 {
        return f64::NAN;
    }
    if x == 0.0 { 0.0 } else { x * special::log_ratio(x, y) }
}

/// `b a^(b-1)` and `a^b log a`. Where a factor of 0 would meet a pole of the other, the guard gives the limit 0.
fn power_derivative(g: &mut Graph, [a, b, _]: [NodeId; 3], power: NodeId) -> [Option<NodeId>; 3] {
    let (zero, exponent) = (g.constant(0.0), g.shift(-1.0, b));
    let lower = g.pow(a, exponent);
    let along = g.mul(b, lower);
    if let Node::Constant(_) = g.node(b) {
        return unary(along);
    }
    let no_exponent = g.call(Op::Eq, &[b, zero]);
    let in_base = g.select(no_exponent, zero, along);
    let log = g.log(a);
    let growth = g.mul(power, log);
    let positive = g.call(Op::Lt, &[zero, a]);
    [Some(in_base), Some(g.select(positive, growth, zero)), None]
}

/// `x^p` for a fixed p is convex where `p(p-1) x^(p-2) >= 0`; `b^x` for a fixed base is an exponential.
fn power_curvature([a, b, _]: [Operand; 3]) -> Curvature {
    if a.constant && a.interval.lo > 0.0 {
        return Convex;
    }
    let Some(p) = b.interval.point() else { return Unknown };
    let even = p % 2.0 == 0.0;
    let right = if (0.0..=1.0).contains(&p) { Concave } else { Convex };
    match a.interval.sign() {
        1 => right,
        -1 if p == p.round() && !even => right.reversed(),
        _ if even && p >= 0.0 => Convex,
        -1 if even => Convex,
        _ if p == 1.0 => Affine,
        _ => Unknown,
    }
}

fn power_slopes([a, b, _]: [Operand; 3]) -> [Slope; 3] {
    let in_exponent = match (a.interval.lo, a.interval.hi) {
        (lo, _) if lo >= 1.0 => Rising,
        (lo, hi) if lo >= 0.0 && hi <= 1.0 => Falling,
        _ => Neither,
    };
    let in_base = match (a.interval.sign(), b.interval.point()) {
        (1, _) => Slope::by_sign(b.interval),
        (-1, Some(p)) if p % 2.0 == 0.0 => Slope::by_sign(b.interval).reversed(),
        (-1, Some(p)) if p == p.round() => Slope::by_sign(b.interval),
        (_, Some(p)) if p > 0.0 && p == p.round() && p % 2.0 != 0.0 => Rising,
        _ => Neither,
    };
    [in_base, in_exponent, Flat]
}

fn power_interval([a, b, _]: [Interval; 3]) -> Interval {
    let corners = |a: Interval| {
        let at = [a.lo.powf(b.lo), a.lo.powf(b.hi), a.hi.powf(b.lo), a.hi.powf(b.hi)];
        Interval::of(&at).widened()
    };
    match b.point() {
        Some(p) if p == p.round() && a.lo < 0.0 => {
            if p < 0.0 && a.contains(0.0) {
                return if p % 2.0 == 0.0 { Interval::new(0.0, f64::INFINITY) } else { Interval::WHOLE };
            }
            let basis = if p % 2.0 == 0.0 { a.magnitude() } else { a };
            corners(basis)
        }
        // Over a >= 0 the power is monotone in each operand while the other is fixed, so the corners are extreme.
        _ if a.lo >= 0.0 || b.point().is_some() => corners(a.clamped(0.0, f64::INFINITY)),
        _ => Interval::WHOLE,
    }
}

/// Whether a wave of period 2π with a maximum at `peak` rises or falls throughout an interval.
fn sine_slope(a: Interval, peak: f64) -> Slope {
    let half_turns = |x: f64| ((x - peak) * FRAC_1_PI).floor();
    if !a.is_finite() || a.lo.abs().max(a.hi.abs()) > 1e6 {
        return Neither;
    }
    // Ends are let go by a hair: a bound that is meant to be a multiple of π/2 is not quite there in floating point.
    let (from, to) = (half_turns(a.lo + 1e-12), half_turns(a.hi - 1e-12));
    if from != to {
        return Neither;
    }
    if from.rem_euclid(2.0) == 0.0 { Falling } else { Rising }
}

/// Range of a wave of period 2π with a maximum at `peak` and a minimum at `peak + π`.
fn wave(a: Interval, value: fn(f64) -> f64, peak: f64) -> Interval {
    if !a.is_finite() || a.width() >= 2.0 * PI || a.lo.abs().max(a.hi.abs()) > 1e6 {
        return Interval::new(-1.0, 1.0);
    }
    let passes = |at: f64| ((a.lo - at) / (2.0 * PI) - 1e-9).ceil() <= ((a.hi - at) / (2.0 * PI) + 1e-9).floor();
    let ends = Interval::of(&[value(a.lo), value(a.hi)]).widened();
    Interval::new(if passes(peak + PI) { -1.0 } else { ends.lo }, if passes(peak) { 1.0 } else { ends.hi })
}

/// Whether no pole of the tangent lies in the interval.
fn within_one_branch(a: Interval) -> bool {
    let branch = |x: f64| ((x + FRAC_PI_2) * FRAC_1_PI).floor();
    a.is_finite() && a.lo.abs().max(a.hi.abs()) < 1e6 && branch(a.lo - 1e-12) == branch(a.hi + 1e-12)
}
