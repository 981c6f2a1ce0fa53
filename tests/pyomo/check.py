"""Drives `merit` through Pyomo: check.py FOLDER, with the program on PATH. Prints a line per case; the exit code is 1 if
one failed."""

import os
import re
import subprocess
import sys

import casadi
import highspy  # noqa: F401, the reference for linear models
import pyomo.environ as pyo
from models import MODELS
from pyomo.opt import SolverStatus, TerminationCondition

TOLERANCE = 1e-6


# Its reader lacks inverse hyperbolic functions and cases.
UNREAD_BY_CASADI = ("functions", "cases")


def close(a, b, tolerance=TOLERANCE):
    return abs(a - b) <= tolerance * max(1, abs(b))


def objective(m):
    return next(m.component_data_objects(pyo.Objective, active=True))


def solve(m, **options):
    return pyo.SolverFactory("merit").solve(m, options=options)


def with_suffixes(m):
    for name in ("dual", "rc", "ipopt_zL_out", "ipopt_zU_out"):
        setattr(m, name, pyo.Suffix(direction=pyo.Suffix.IMPORT))
    return m


def write(m, path):
    m.write(path, format="nl", io_options={"symbolic_solver_labels": True})


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"{words[0]} ended with {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}"
    return done.stdout


def verified(path):
    """Another reader checks the feasibility and the stationarity of our answer to the file."""
    run("merit", path, "-AMPL")
    run("pounce", "verify", path, path[:-3] + ".sol", "--require-optimal", "--opt-tol", "1e-5")


def solved_by_pounce(path):
    """The objective that it finds; the models that need it minimise."""
    out = run("pounce", path, path[:-3] + "-pounce.sol")
    return float(re.findall(r"^Objective\.*: +\S+ +(\S+)", out, re.MULTILINE)[0])


def reread(m, path):
    """Objective, and multipliers by name of the constraint, of CasADi's Ipopt on the file that Pyomo writes."""
    # CasADi's reader takes no comments, which Pyomo writes beside names.
    with open(path) as file:
        lines = [line.split("#")[0].rstrip() for line in file]
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    sign = -1 if objective(m).sense == pyo.maximize else 1
    builder = casadi.NlpBuilder()
    builder.import_nl(path, {"verbose": False})
    x, f, g = casadi.vertcat(*builder.x), builder.f, casadi.vertcat(*builder.g)
    quiet = {"print_time": False, "ipopt": {"print_level": 0, "sb": "yes", "tol": 1e-10}}
    solver = casadi.nlpsol("again", "ipopt", {"x": x, "f": f, "g": g}, quiet)
    out = solver(x0=builder.x_init, lbx=builder.x_lb, ubx=builder.x_ub, lbg=builder.g_lb, ubg=builder.g_ub)
    assert solver.stats()["success"], f"Ipopt: {solver.stats()['return_status']}"
    with open(path[:-3] + ".row") as file:
        rows = file.read().split("\n")
    duals = out["lam_g"].full().flatten()
    at_merit = casadi.Function("f", [x], [f])
    with open(path[:-3] + ".col") as file:
        columns = file.read().split("\n")
    point = [pyo.value(m.find_component(columns[k])) for k in range(x.numel())]
    value = float(at_merit(point)) if x.numel() else 0.0
    return sign * float(out["f"]), sign * value, {rows[k]: -sign * duals[k] for k in range(len(duals))}


def check(build, value, unique, linear, folder):
    m = with_suffixes(build())
    results = solve(m)
    assert results.solver.termination_condition == TerminationCondition.optimal, results.solver.message
    assert results.solver.status == SolverStatus.ok, results.solver.message
    got = pyo.value(objective(m))
    if value is not None:
        assert close(got, value), f"objective {got}, not {value}"
    path = os.path.join(folder, build.__name__ + ".nl")
    write(m, path)
    verified(path)
    duals = None
    if build.__name__ in UNREAD_BY_CASADI:
        theirs = solved_by_pounce(path)
        assert close(got, theirs), f"objective {got}, POUNCE has {theirs}"
    else:
        theirs, ours_by_them, duals = reread(m, path)
        assert close(got, theirs), f"objective {got}, Ipopt has {theirs}"
        assert close(got, ours_by_them, 1e-9), f"objective {got}, CasADi computes {ours_by_them}"
    if linear:
        other = build()
        other.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
        pyo.SolverFactory("appsi_highs").solve(other)
        assert close(got, pyo.value(objective(other))), f"objective {got}, HiGHS has {pyo.value(objective(other))}"
        if unique:
            duals = {c.name: other.dual[c] for c in other.component_data_objects(pyo.Constraint, active=True)}
    if unique and duals is not None:
        for c in m.component_data_objects(pyo.Constraint, active=True):
            # Ipopt's own multipliers are only as exact as its tolerance.
            assert close(m.dual[c], duals[c.name], 1e-4), f"dual of {c.name} is {m.dual[c]}, not {duals[c.name]}"
    for v in m.component_data_objects(pyo.Var):
        lower, upper = m.ipopt_zL_out.get(v, 0), m.ipopt_zU_out.get(v, 0)
        assert close(m.rc.get(v, 0), lower + upper), f"rc of {v.name}"


def infeasible_linear():
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(3), bounds=(0, 1))
    m.f = pyo.Objective(expr=m.x[0])
    m.c = pyo.Constraint(expr=m.x[0] + m.x[1] + m.x[2] >= 4)
    results = pyo.SolverFactory("merit").solve(m, load_solutions=False)
    assert results.solver.termination_condition == TerminationCondition.infeasible, results.solver.message


def infeasible_nonlinear():
    m = pyo.ConcreteModel()
    m.x, m.y = pyo.Var(initialize=1), pyo.Var(initialize=1)
    m.f = pyo.Objective(expr=m.x + m.y)
    m.inside = pyo.Constraint(expr=m.x**2 + m.y**2 <= 1)
    m.outside = pyo.Constraint(expr=m.x + m.y >= 3)
    results = pyo.SolverFactory("merit").solve(m, load_solutions=False)
    assert results.solver.termination_condition == TerminationCondition.infeasible, results.solver.message


def crossed_bounds():
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(5, 1))
    m.y = pyo.Var(bounds=(0, 1))
    m.f = pyo.Objective(expr=m.x + m.y**2)
    results = pyo.SolverFactory("merit").solve(m, load_solutions=False)
    assert results.solver.termination_condition == TerminationCondition.infeasible, results.solver.message


def unbounded():
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(2), bounds=(0, None))
    m.f = pyo.Objective(expr=m.x[0] + m.x[1], sense=pyo.maximize)
    m.c = pyo.Constraint(expr=m.x[0] - m.x[1] <= 2)
    results = pyo.SolverFactory("merit").solve(m, load_solutions=False)
    assert results.solver.termination_condition == TerminationCondition.unbounded, results.solver.message


def quadratic_by_hand():
    """min x^2 + y^2, x + y = 2, x >= 1.5: (1.5, 0.5); duals 1 and 2 by hand."""
    m = pyo.ConcreteModel()
    m.x, m.y = pyo.Var(), pyo.Var()
    m.f = pyo.Objective(expr=m.x**2 + m.y**2)
    m.sum = pyo.Constraint(expr=m.x + m.y == 2)
    m.low = pyo.Constraint(expr=m.x >= 1.5)
    solve(with_suffixes(m))
    assert close(m.x.value, 1.5) and close(m.y.value, 0.5)
    assert close(m.dual[m.sum], 1.0) and close(m.dual[m.low], 2.0), (m.dual[m.sum], m.dual[m.low])


def signs_of_duals():
    """The duals of nl.md's linear program, as HiGHS has them: by the objective as stated."""
    for sense, sign in ((pyo.maximize, 1), (pyo.minimize, -1)):
        m = pyo.ConcreteModel()
        m.x, m.y = pyo.Var(bounds=(0, None)), pyo.Var(bounds=(0, 3))
        m.f = pyo.Objective(expr=sign * (3 * m.x + 4 * m.y), sense=sense)
        m.c = pyo.Constraint(expr=m.x + m.y <= 5)
        solve(with_suffixes(m))
        assert close(m.dual[m.c], sign * 3.0), m.dual[m.c]
        assert close(m.rc[m.y], sign * 1.0) and close(m.ipopt_zU_out[m.y], sign * 1.0), m.rc[m.y]


def options_are_heeded():
    m = next(build for build, *_ in MODELS if build.__name__ == "hs071")()
    results = pyo.SolverFactory("merit").solve(m, options={"max_iter": 2, "starts": 1}, load_solutions=False)
    assert results.solver.termination_condition == TerminationCondition.maxIterations, results.solver.message
    results = solve(m, method="augmented_lagrangian", timelimit=60)
    assert "augmented_lagrangian" in results.solver.message, results.solver.message
    assert results.solver.termination_condition == TerminationCondition.optimal, results.solver.message


def refused(m, *words):
    try:
        results = pyo.SolverFactory("merit").solve(m, load_solutions=False)
        said = results.solver.message
        assert results.solver.status == SolverStatus.error, said
    except ValueError as error:
        said = str(error)
    for word in words:
        assert word in said, said


def complementary_pairs():
    from pyomo.mpec import Complementarity, complements

    m = pyo.ConcreteModel()
    m.x, m.y = pyo.Var(bounds=(0, None)), pyo.Var()
    m.f = pyo.Objective(expr=(m.x - 1) ** 2 + (m.y - 2.5) ** 2)
    m.c = Complementarity(expr=complements(m.y + m.x >= 2, m.x >= 0))
    m.d = pyo.Constraint(expr=m.y >= 0)
    pyo.TransformationFactory("mpec.nl").apply_to(m)
    results = pyo.SolverFactory("merit").solve(m)
    # x = 0 and y >= 2, or x > 0 and y = 2 - x: (0, 2.5) has 1, (0.25, 1.75) has 1.125.
    assert "stationary" in results.solver.message, results.solver.message
    assert abs(pyo.value(m.f) - 1) < 1e-6, pyo.value(m.f)
    # A square system: two rivals on one market, each with 100 - q1 - q2 for a price and 10 or 20 for a unit.
    m = pyo.ConcreteModel()
    m.q = pyo.Var([1, 2], bounds=(0, None))
    cost = {1: 10, 2: 20}
    force = {k: cost[k] - (100 - m.q[1] - m.q[2]) + m.q[k] for k in (1, 2)}
    m.c = Complementarity([1, 2], rule=lambda m, k: complements(m.q[k] >= 0, force[k] >= 0))
    pyo.TransformationFactory("mpec.nl").apply_to(m)
    results = pyo.SolverFactory("merit").solve(m, symbolic_solver_labels=True)
    assert results.solver.termination_condition == TerminationCondition.optimal, results.solver.message
    assert abs(pyo.value(m.q[1]) - 100 / 3) < 1e-6 and abs(pyo.value(m.q[2]) - 70 / 3) < 1e-6


def what_cannot_be_solved_is_refused():
    m = pyo.ConcreteModel()
    m.x = pyo.Var(domain=pyo.Integers, bounds=(0, 5))
    m.y = pyo.Var(bounds=(0, 5))
    m.f = pyo.Objective(expr=(m.x - 2.5) ** 2 + m.y)
    m.c = pyo.Constraint(expr=m.x + m.y >= 3.5)
    refused(m, "integer")
    # Without rows candidates are compared; what is found is not called optimal.
    m = pyo.ConcreteModel()
    m.x = pyo.Var(domain=pyo.Integers, bounds=(0, 5))
    m.f = pyo.Objective(expr=(m.x - 2.4) ** 2)
    results = pyo.SolverFactory("merit").solve(m)
    assert "best found" in results.solver.message, results.solver.message
    assert pyo.value(m.x) == 2, pyo.value(m.x)


def names_appear_in_messages():
    m = pyo.ConcreteModel()
    m.level = pyo.Var(["low", "high"], bounds=(0, 1))
    m.f = pyo.Objective(expr=m.level["low"])
    m.total = pyo.Constraint(["first"], rule=lambda m, i: m.level["low"] + m.level["high"] >= 3)
    results = pyo.SolverFactory("merit").solve(m, symbolic_solver_labels=True, load_solutions=False)
    assert "total[first]" in results.solver.message, results.solver.message


def available():
    solver = pyo.SolverFactory("merit")
    assert solver.available(), "merit is not available"
    assert solver.version()[:2] == (0, 1), solver.version()


CASES = [
    available,
    infeasible_linear,
    infeasible_nonlinear,
    crossed_bounds,
    unbounded,
    quadratic_by_hand,
    signs_of_duals,
    options_are_heeded,
    complementary_pairs,
    what_cannot_be_solved_is_refused,
    names_appear_in_messages,
]


def main(folder):
    failed = 0
    cases = [(case.__name__, case) for case in CASES]
    cases += [(row[0].__name__, lambda row=row: check(*row, folder)) for row in MODELS]
    for name, case in cases:
        try:
            case()
            print(f"ok {name}")
        except Exception as error:  # each case is told, whatever went wrong
            failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}")
    print(f"{len(cases) - failed} of {len(cases)} cases")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
