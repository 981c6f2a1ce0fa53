"""What sequential quadratic programming needs from the last answer, with SLSQP of scipy as a proxy.

Each problem of `examples/data/problems/nlp.tsv` is solved, the sides of its rows are moved by a hundredth, and it is
solved again from its start and from the answer. Merit's interior point method does the same in the test
`a_problem_like_the_last_one_takes_few_iterations` (src/solve/smooth/interior_point/tests.rs).

    python bench/warm_sqp.py [MOVE] [PROBLEMS]

It needs casadi, numpy and scipy.
"""

import csv
import pathlib
import sys

import casadi
import numpy as np
from scipy.optimize import Bounds, minimize

MOVE = float(sys.argv[1]) if len(sys.argv) > 1 else 1e-2
STANDARD = pathlib.Path(__file__).parent.parent / "examples/data/problems/nlp.tsv"
PROBLEMS = sys.argv[2] if len(sys.argv) > 2 else STANDARD
FUNCTIONS = "sin cos tan exp log sqrt tanh sinh cosh atan asin acos erf".split()
NAMES = {name: getattr(casadi, name) for name in FUNCTIONS}


def listed(text):
    return [] if text in ("-", "") else text.split(";")


class Problem:
    def __init__(self, row):
        n = int(row["n"])
        x = casadi.SX.sym("x", n)
        scope = NAMES | {f"x{i + 1}": x[i] for i in range(n)} | {"abs": casadi.fabs, "pi": np.pi}
        read = lambda text: eval(text.replace("^", "**"), {"__builtins__": {}}, scope)
        self.name, self.best = row["id"], float(row["best"])
        self.start = np.array([float(v) for v in row["x0"].split(",")])
        self.lower, self.upper = np.full(n, -np.inf), np.full(n, np.inf)
        for bound in listed(row["bounds"]):
            name, lower, upper = bound.split(":")
            self.lower[int(name[1:]) - 1], self.upper[int(name[1:]) - 1] = float(lower), float(upper)
        function = lambda out: (casadi.Function("f", [x], [out]), casadi.Function("j", [x], [casadi.jacobian(out, x)]))
        self.objective = function(read(row["objective"]))
        self.rows = []
        for kind, column in (("eq", "equalities"), ("ineq", "inequalities")):
            parts = [read(text) for text in listed(row[column])]
            if parts:
                self.rows.append((kind, *function(casadi.vertcat(*parts))))

    def solve(self, start, move):
        f, gradient = self.objective
        rows, first = [], 0
        for kind, c, j in self.rows:
            count = c.size1_out(0)
            # Up and down in turn, as the test does.
            by = move * np.where(np.arange(first, first + count) % 2 == 0, 1.0, -1.0)
            first += count
            value = lambda x, c=c, by=by: np.array(c(x)).ravel() - by
            rows.append({"type": kind, "fun": value, "jac": lambda x, j=j: np.array(j(x))})
        found = minimize(
            lambda x: float(f(x)),
            np.clip(start, self.lower, self.upper),
            jac=lambda x: np.array(gradient(x)).ravel(),
            bounds=Bounds(self.lower, self.upper),
            constraints=rows,
            method="SLSQP",
            options={"maxiter": 3000, "ftol": 1e-9},
        )
        off = [0.0]
        for row in rows:
            c = row["fun"](found.x)
            off += list(np.abs(c) if row["type"] == "eq" else np.maximum(-c, 0.0))
        return found, max(off)


def main():
    totals = np.zeros(4, int)
    failed = []
    with open(PROBLEMS) as file:
        problems = [Problem(row) for row in csv.DictReader(file, delimiter="\t")]
    for problem in problems:
        before, _ = problem.solve(problem.start, 0.0)
        cold, off_cold = problem.solve(problem.start, MOVE)
        warm, off_warm = problem.solve(before.x, MOVE)
        good = lambda found, off: found.success and off < 1e-6
        if not good(cold, off_cold):
            failed.append(f"{problem.name} from its start")
        if not good(warm, off_warm):
            failed.append(f"{problem.name} from the answer")
        totals += [cold.nit, cold.nfev, warm.nit, warm.nfev]
        best = before.fun <= problem.best + 1e-5 * max(1.0, abs(problem.best))
        note = "" if best else "not the best value"
        print(f"{problem.name:10} {cold.nit:5} {cold.nfev:5}   {warm.nit:5} {warm.nfev:5}  {note}")
    print(f"{len(problems)} problems, iterations and evaluations")
    print(f"from their starts: {totals[0]}, {totals[1]}")
    print(f"from the answers: {totals[2]}, {totals[3]}")
    print(f"not solved: {', '.join(failed) or 'none'}")


main()
