"""Solves .nl files with CasADi's reader and its Ipopt; a line of JSON for each."""
import json
import sys

import casadi

for path in sys.argv[1:]:
    builder = casadi.NlpBuilder()
    builder.import_nl(path)
    # Several objectives arrive as their sum; a maximised one is negated.
    nlp = {"x": casadi.vertcat(*builder.x), "f": builder.f, "g": casadi.vertcat(*builder.g)}
    options = {"print_time": False, "ipopt": {"print_level": 0, "sb": "yes", "tol": 1e-9}}
    solver = casadi.nlpsol("solver", "ipopt", nlp, options)
    bounds = {"lbx": builder.x_lb, "ubx": builder.x_ub, "lbg": builder.g_lb, "ubg": builder.g_ub}
    found = solver(x0=builder.x_init, lam_g0=builder.lambda_init, **bounds)
    stats = solver.stats()
    print(json.dumps({
        "file": path,
        "objective": float(found["f"]),
        "status": stats["return_status"],
        "x": [float(v) for v in found["x"].elements()],
        "duals": [float(v) for v in found["lam_g"].elements()],
    }))
