"""Ridge by a direct solve, logistic regression by Newton-like L-BFGS of jaxopt, both with implicit differentiation; scipy's
L-BFGS on top of the compiled hypergradient. Called by bench/tuning.py."""
import json
import sys
import time

import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import jaxopt
import numpy as np
from scipy.optimize import minimize

folder, kind, count, tol = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
load = lambda name: np.loadtxt(f"{folder}/{name}.csv", delimiter=",", skiprows=1)
train, valid = jnp.asarray(load("train")), jnp.asarray(load("valid"))
X, y, V, v = train[:, :-1], train[:, -1], valid[:, :-1], valid[:, -1]
d = X.shape[1]


def loss(w, A, b):
    return 0.5 * jnp.mean((A @ w - b) ** 2) if kind == "ridge" else jnp.mean(jax.nn.softplus(-b * (A @ w)))


def fit(w, penalty):
    return loss(w, X, y) + 0.5 * jnp.sum(jnp.exp(penalty) * w**2)


if kind == "ridge":
    # The products of the data are formed once, which the model does not say.
    G, r = X.T @ X / len(y), X.T @ y / len(y)
    solve = lambda G, r, w, p: jax.scipy.linalg.solve(G + jnp.diag(jnp.exp(p) * jnp.ones(d)), r, assume_a="pos")
    conditions = lambda w, p: G @ w + jnp.exp(p) * w - r
    answer = jaxopt.implicit_diff.custom_root(conditions, solve=jaxopt.linear_solve.solve_cholesky)(lambda w, p: solve(G, r, w, p))
else:
    # Looser solves of jaxopt's defaults end in line searches that find nothing, long before 1e-6.
    linear = lambda matvec, b: jaxopt.linear_solve.solve_cg(matvec, b, tol=1e-12, maxiter=500)
    inner = jaxopt.LBFGS(fun=fit, tol=1e-9, maxiter=500, implicit_diff=True, implicit_diff_solve=linear)
    answer = lambda w, p: inner.run(w, p).params


def outer(p, w):
    w = answer(w, p if count > 1 else p[0])
    return loss(w, V, v), w


step = jax.jit(jax.value_and_grad(outer, has_aux=True))
state = {"w": jnp.zeros(d)}
start = np.zeros(count)
if "--cold" not in sys.argv:
    jax.block_until_ready(step(start, state["w"]))


def value(p):
    (f, w), g = step(p, state["w"])
    state["w"] = w
    state["f"], state["g"] = float(f), np.asarray(g)
    return state["f"], state["g"]


began = time.perf_counter()
found = minimize(value, start, jac=True, method="L-BFGS-B", bounds=[(-10.0, 10.0)] * count, options={"gtol": tol, "ftol": 0.0, "maxiter": 1000})
solved = time.perf_counter() - began
slope = float(np.max(np.abs(np.clip(found.x - found.jac, -10.0, 10.0) - found.x)))
print(json.dumps({"solve": solved, "slope": slope, "error": float(found.fun), "iterations": int(found.nit), "points": int(found.nfev)}))
