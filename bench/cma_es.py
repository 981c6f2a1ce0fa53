"""Evaluations that CMA-ES needs to bring an ellipsoid with condition 10^6 below 1e-8 from 1, spread 0.5."""

import json
import statistics
import subprocess
import sys
import tempfile

import cma
import numpy

merit, seeds, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
weights = 10.0 ** (6 * numpy.arange(n) / (n - 1))
rotation = numpy.linalg.qr(numpy.random.default_rng(0).standard_normal((n, n)))[0]

MODEL = """
param n = {n}
param A[1..n, 1..n] = [{rows}]
var x[1..n] start 1
let y = A * x
minimize sum(i in 1..n: 10^(6 * (i - 1) / (n - 1)) * y[i]^2)
solve with cma_es {{ sigma = 0.5, target = 1e-8 }}
"""


def ours(matrix, seed):
    rows = "; ".join(", ".join(repr(float(v)) for v in row) for row in matrix)
    with tempfile.NamedTemporaryFile("w", suffix=".opt") as file:
        file.write(MODEL.format(n=n, rows=rows))
        file.flush()
        words = [merit, "solve", file.name, "--json", "--starts", "1", "--seed", str(seed)]
        answer = json.loads(subprocess.run(words, capture_output=True, text=True).stdout)
    return answer["counts"]["evaluations"]["objective"], answer["objective"]


def theirs(matrix, seed):
    function = lambda x: float(weights @ (matrix @ x) ** 2)
    options = {"seed": seed + 1, "ftarget": 1e-8, "verbose": -9, "maxfevals": 1e6}
    result = cma.fmin2(function, numpy.ones(n), 0.5, options)[1].result
    return result.evaluations, result.fbest


for name, matrix in [("separable", numpy.eye(n)), ("rotated", rotation)]:
    medians = []
    for who, run in [("merit", ours), ("cma", theirs)]:
        found = [run(matrix, seed) for seed in range(seeds)]
        missed = sum(value > 1e-8 for _, value in found)
        counts = [count for count, _ in found]
        medians.append(statistics.median(counts))
        print(f"{name:10} {who:6} median {medians[-1]:8.0f}  {min(counts)} .. {max(counts)}, {missed} missed")
    print(f"{name:10} ratio {medians[0] / medians[1]:.3f}")
