"""Writes correct.tsv: correctly rounded values of the functions of the language, made with mpmath.

    python tests/functions/correct.py [points for each range] > tests/functions/correct.tsv

A line is: name, operands, value, and how far the true value lies above it in thousandths of a unit in the last place.
Numbers are the bits of doubles in hexadecimal. Points are random (the seed is fixed), with the ends of the domain and
arguments close to zeros and multiples of pi/2 among them."""
import random
import struct
import sys

from mpmath import mp, mpf

# Cosines of large arguments close to a multiple of pi/2 need as many bits as the arguments have.
mp.prec = 1200
count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
random.seed(1)
TINY, LEAST, MOST = 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308


def bits(x):
    return struct.pack(">d", x).hex()


def rounded(value):
    """The nearest double, and the thousandths of its last place that the value lies above it."""
    sign, man, exponent, _ = value._mpf_
    man = -int(man) if sign else int(man)
    try:
        nearest = man * 2**exponent / 1 if exponent >= 0 else man / 2**-exponent
    except OverflowError:
        return float("inf") * (1 if man > 0 else -1), 0
    if nearest == 0.0:
        return nearest, int(value / mpf(TINY) * 1000)
    power = max(mp.frexp(mpf(abs(nearest)))[1] - 53, -1074)
    return nearest, int((value - mpf(nearest)) / mpf(2) ** power * 1000)


def between(a, b):
    return lambda: random.uniform(a, b)


def sizes(a, b):
    """All magnitudes alike, positive."""
    return lambda: float(mp.exp(random.uniform(float(mp.log(a)), float(mp.log(b)))))


def either(f):
    return lambda: f() * random.choice([-1, 1])


def near_quarter_turns():
    return float(mpf(random.randrange(-600000, 600000)) * mp.pi / 2)


log1p = mp.log1p
everywhere, positive = either(sizes(1e-300, 1e300)), sizes(1e-300, 1e300)
angles = [between(-20, 20), either(sizes(1e-12, 1e6)), near_quarter_turns, either(sizes(1e6, 1e300))]
angle_points = [1.5707963267948966, 3.141592653589793, 22.0, 1e22, 6381956970095103.0 * 2.0**797, 1000000.0, 1000001.0]
FUNCTIONS = [
    ("exp", mp.exp, [between(-745, 709.7), between(-1, 1), either(sizes(1e-20, 1))], [709.78, 709.79, -744.4, -745.2, -708.5]),
    ("expm1", mp.expm1, [between(-50, 709), between(-1, 1), either(sizes(1e-20, 1))], [709.78, 709.79, -745.0]),
    ("log", mp.log, [positive, between(0.5, 2), between(0.999, 1.001)], [TINY, 3e-310, LEAST, MOST]),
    ("log1p", log1p, [between(-0.999, 1), either(sizes(1e-20, 0.9)), positive], [-0.9999999999999999, MOST]),
    ("log2", lambda x: mp.log(x) / mp.log(2), [positive, between(0.5, 2), between(0.999, 1.001)], [TINY, 8.0, MOST]),
    ("log10", mp.log10, [positive, between(0.5, 2), between(0.999, 1.001)], [TINY, 1000.0, MOST]),
    ("sqrt", mp.sqrt, [positive], [TINY, LEAST, MOST]),
    ("cbrt", lambda x: mp.sign(x) * mp.cbrt(abs(x)), [everywhere], [TINY, 27.0, -MOST]),
    ("sin", mp.sin, angles, angle_points),
    ("cos", mp.cos, angles, angle_points),
    ("tan", mp.tan, angles, angle_points),
    ("asin", mp.asin, [between(-1, 1), either(sizes(1e-20, 1))], [1.0, -1.0, 0.9999999999999999]),
    ("acos", mp.acos, [between(-1, 1), either(sizes(1e-20, 1))], [-1.0, 0.9999999999999999]),
    ("atan", mp.atan, [between(-3, 3), everywhere], [MOST, -MOST]),
    ("atan2", lambda y, x: mp.atan2(y, x), [(between(-3, 3), between(-3, 3)), (everywhere, everywhere)], []),
    ("sinh", mp.sinh, [between(-710, 710), between(-1, 1), either(sizes(1e-20, 1))], [710.4, -710.4]),
    ("cosh", mp.cosh, [between(-710, 710), between(-1, 1)], [710.4, -710.4]),
    ("tanh", mp.tanh, [between(-20, 20), between(-1, 1), either(sizes(1e-20, 1))], [25.0, -710.0]),
    ("asinh", mp.asinh, [between(-3, 3), everywhere], [MOST]),
    ("acosh", mp.acosh, [between(1, 3), sizes(1.0001, 1e300)], [1.0000000000000002, MOST]),
    ("atanh", mp.atanh, [between(-0.999, 0.999), either(sizes(1e-20, 0.9))], [0.9999999999999999]),
    ("erf", mp.erf, [between(-6, 6), either(sizes(1e-20, 1))], [6.5]),
    ("erfc", mp.erfc, [between(-6, 26.5), between(-1, 1)], [26.5]),
    ("gamma", mp.gamma, [between(0.01, 171), between(-5.9, -0.1), between(-170, 0)], [171.6, 1e-300, -170.5, -171.25, -179.3]),
    ("lgamma", lambda x: mp.log(abs(mp.gamma(x))), [between(0.01, 170), between(0.5, 3), between(-9, 0), sizes(1e-20, 1e20)], [1.0000000000000002, 1.9999999999999998, -2.4570247382208007, -200.25]),
    ("digamma", lambda x: mp.psi(0, x), [between(0.01, 100), between(-9, 0), sizes(1e-20, 1e10)], [1.4616321449683622, 1.4616321449683625, -0.50408300826445]),
    ("sigmoid", lambda x: 1 / (1 + mp.exp(-x)), [between(-740, 40), between(-3, 3)], [-744.0, 800.0]),
    ("softplus", lambda x: log1p(mp.exp(x)), [between(-740, 740), between(-3, 3)], []),
    ("logaddexp", lambda a, b: mp.log(mp.exp(a) + mp.exp(b)), [(between(-700, 700), between(-700, 700)), (between(-3, 3), between(-3, 3))], []),
    ("xlogx", lambda x: x * mp.log(x), [positive, between(0.5, 2)], [TINY]),
    ("xlogxy", lambda x, y: x * mp.log(mpf(x) / mpf(y)), [(between(0.1, 9), between(0.1, 9))], []),
    ("pow", lambda x, y: mp.power(x, y), [(between(0.001, 9), between(-20, 20)), (sizes(1e-9, 1e9), between(-9, 9))], []),
]
for name, function, ranges, points in FUNCTIONS:
    operands = [(x,) for x in points]
    for make in ranges:
        pair = make if isinstance(make, tuple) else (make,)
        operands += [tuple(f() for f in pair) for _ in range(count)]
    for xs in operands:
        value, above = rounded(mpf(function(*[mpf(x) for x in xs])))
        print(name, *[bits(x) for x in xs], bits(value), above, sep="\t")
