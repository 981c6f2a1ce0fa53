"""PyOptInterface: functions compiled by its LLVM back end, called for all instances by a loop in C as its evaluator
does. W2 is its constraints alone: their times are sums over the graphs that it finds. Values are not compared."""
import ctypes
import glob
import json
import os
import time

import casadi
import numpy as np
import pyoptinterface as poi
from evaluation_common import numbers, positions, size, workload
from pyoptinterface import ipopt, nl

# Compiling needs some Ipopt to be loaded; the one in CasADi's package serves.
os.environ["LD_LIBRARY_PATH"] = os.path.dirname(casadi.__file__)
if not ipopt.is_library_loaded():
    ipopt.load_library(glob.glob(os.path.dirname(casadi.__file__) + "/libipopt.so*")[0])
begin = time.perf_counter()
model = ipopt.Model(jit="LLVM")
n = size
if workload == "w1":
    x = [model.add_variable() for _ in range(n)]
    for a, b in zip(x[:-1], x[1:]):
        with nl.graph():
            model.add_nl_objective(100 * (a * a - b) * (a * a - b) + (a - 1) * (a - 1))
    for a, b, c in zip(x[:-2], x[1:-1], x[2:]):
        with nl.graph():
            row = 3 * b * b * b + 2 * c - 5 + nl.sin(b - c) * nl.sin(b + c) + 4 * b - a * nl.exp(a - b) - 3
            model.add_nl_constraint(row == 0)
else:
    buses, data = n * 2 // 3, numbers("data").reshape(8, n)
    start, end = positions("from"), positions("to")
    x = [model.add_variable() for _ in range(2 * buses + 4 * n)]
    for i in range(n):
        with nl.graph():
            p, q = int(start[i]), int(end[i])
            vf, vt, gap = x[buses + p], x[buses + q], x[p] - x[q]
            vc, vs = vf * vt * nl.cos(gap), vf * vt * nl.sin(gap)
            c = [float(column[i]) for column in data]
            flow = [x[2 * buses + k * n + i] for k in range(4)]
            model.add_nl_constraint(flow[0] - c[4] * vf * vf - c[2] * vc - c[3] * vs == 0)
            model.add_nl_constraint(flow[1] + c[5] * vf * vf + c[3] * vc - c[2] * vs == 0)
            model.add_nl_constraint(flow[2] - c[6] * vt * vt - c[0] * vc + c[1] * vs == 0)
            model.add_nl_constraint(flow[3] + c[7] * vt * vt + c[1] * vc + c[0] * vs == 0)
model._find_similar_graphs()
model._compile_evaluators()
build = time.perf_counter() - begin
library = ctypes.CDLL("target/bench/evaluation_calls.so")
library.call_all.restype = ctypes.c_double
functions = model.jit_compiler.rts[-1]
pointer = lambda values: values.ctypes.data_as(ctypes.c_void_p)
random = np.random.default_rng(0)


def measure(structure, name, kind):
    """Nanoseconds for each instance of one graph, at random points, results of instances side by side."""
    count = structure.nx
    if workload == "w1":
        read = np.add.outer(np.arange(n), np.arange(count)).astype(np.int32)
    else:
        ends = np.stack([start, end, buses + start, buses + end], 1)
        flows = np.stack([2 * buses + k * n + np.arange(n) for k in range(max(count - 4, 1))], 1)
        read = np.ascontiguousarray(np.concatenate([ends, flows], 1)[:, :count], np.int32)
    entries = {"": structure.ny, "_jacobian": structure.m_jacobian_nnz, "_gradient": structure.m_jacobian_nnz}
    width = entries.get(name.removeprefix("f"), structure.m_hessian_nnz)
    at, parameters = 0.5 + 0.5 * random.random(read.max() + 9), random.random(n * max(structure.np, 1))
    weights, out, places = random.random(8 * n), np.zeros(n * width + 8), np.arange(n * width, dtype=np.int32)
    arguments = [kind, int(structure.has_parameter), n, pointer(at), pointer(parameters), structure.np, pointer(weights)]
    arguments += [pointer(out), width if kind == 0 else 0, pointer(read), count, pointer(places), width]
    return lambda f: library.call_all(ctypes.c_void_p(f), *arguments, max(5, int(2e6 / n)))


result = {"build": build}


def add(quantity, structures, prefix, name, kind):
    for g, structure in enumerate(structures):
        time_of = measure(structure, name, kind)
        result[quantity] = result.get(quantity, 0.0) + time_of(functions[f"{prefix}_{g}{name}"])


constraints, objectives = model.nl_constraint_autodiff_structures, model.nl_objective_autodiff_structures
add("cons", constraints, "nlconstraint", "", 0)
add("jac", constraints, "nlconstraint", "_jacobian", 0)
add("hess", constraints, "nlconstraint", "_hessian", 1)
if workload == "w1":
    add("f", objectives, "nlobjective", "", 2)
    add("grad", objectives, "nlobjective", "_jacobian", 3)
    add("hess", objectives, "nlobjective", "_hessian", 1)
print(json.dumps(result))
