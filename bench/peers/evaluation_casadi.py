"""CasADi SX functions and derivatives on the workloads of bench/evaluation, called through memory buffers."""
import json
import time

import casadi as ca
import numpy as np
from evaluation_common import difference, fastest, matrix_difference, numbers, positions, size, workload

begin = time.perf_counter()
if workload == "w1":
    instances = size
    x = ca.SX.sym("x", size)
    a, b = x[:-1], x[1:]
    f = ca.sum1(100 * (a**2 - b) ** 2 + (a - 1) ** 2)
    a, b, c = x[:-2], x[1:-1], x[2:]
    cons = 3 * b**3 + 2 * c - 5 + ca.sin(b - c) * ca.sin(b + c) + 4 * b - a * ca.exp(a - b) - 3
elif workload == "w2":
    instances, buses = size, size * 2 // 3
    data = numbers("data").reshape(8, size)
    c = [ca.DM(column) for column in data]
    start, end = positions("from").tolist(), positions("to").tolist()
    x = ca.SX.sym("x", 2 * buses + 4 * size)
    angles, volts, flow = x[:buses], x[buses : 2 * buses], [x[2 * buses + k * size : 2 * buses + (k + 1) * size] for k in range(4)]
    gap, vf, vt = angles[start] - angles[end], volts[start], volts[end]
    vc, vs = vf * vt * ca.cos(gap), vf * vt * ca.sin(gap)
    cons = ca.vertcat(
        flow[0] - c[4] * vf**2 - c[2] * vc - c[3] * vs,
        flow[1] + c[5] * vf**2 + c[3] * vc - c[2] * vs,
        flow[2] - c[6] * vt**2 - c[0] * vc + c[1] * vs,
        flow[3] + c[7] * vt**2 + c[1] * vc + c[0] * vs,
    )
    f = ca.sum1(c[0] * flow[0] ** 2 + c[1] * flow[0] - ca.cos(gap))
elif workload == "w6":
    instances, cameras, places = size, 50, 1000
    o = np.arange(1, size + 1)
    camera, point, seen = (7 * o) % cameras, (13 * o) % places, np.sin(o[:, None] + 0.5 * np.array([1, 2]))
    x = ca.SX.sym("x", 11 * cameras + 3 * places + size)
    rotation, centre = x[: 3 * cameras], x[3 * cameras : 6 * cameras]
    focal, principal = x[6 * cameras : 7 * cameras], x[7 * cameras : 9 * cameras]
    distortion, place = x[9 * cameras : 11 * cameras], x[11 * cameras : 11 * cameras + 3 * places]
    w = x[11 * cameras + 3 * places :]
    turns = [rotation[(3 * camera + i).tolist()] for i in range(3)]
    away = [place[(3 * point + i).tolist()] - centre[(3 * camera + i).tolist()] for i in range(3)]
    angle = ca.sqrt(turns[0] ** 2 + turns[1] ** 2 + turns[2] ** 2)
    axis = [t / angle for t in turns]
    along = (1 - ca.cos(angle)) * (axis[0] * away[0] + axis[1] * away[1] + axis[2] * away[2])
    across = [axis[(i + 1) % 3] * away[(i + 2) % 3] - axis[(i + 2) % 3] * away[(i + 1) % 3] for i in range(3)]
    turned = [ca.cos(angle) * away[i] + ca.sin(angle) * across[i] + along * axis[i] for i in range(3)]
    flat = [turned[i] / turned[2] for i in range(2)]
    r2 = flat[0] ** 2 + flat[1] ** 2
    bend = [distortion[(2 * camera + i).tolist()] for i in range(2)]
    scale = focal[camera.tolist()] * (1 + bend[0] * r2 + bend[1] * r2**2)
    errors = [w * (scale * flat[i] + principal[(2 * camera + i).tolist()] - seen[:, i]) for i in range(2)]
    f, cons = 0 * focal[0], ca.vertcat(ca.vec(ca.horzcat(*errors).T), 1 - w**2)
else:
    instances = 1
    x = ca.SX.sym("x", 7)
    x1, x2, x3, x4, x5, x6, x7 = ca.vertsplit(x)
    f = (x1 - 10) ** 2 + 5 * (x2 - 12) ** 2 + x3**4 + 3 * (x4 - 11) ** 2 + 10 * x5**6 + 7 * x6**2 + x7**4
    f = f - 4 * x6 * x7 - 10 * x6 - 8 * x7
    cons = ca.vertcat(
        127 - 2 * x1**2 - 3 * x2**4 - x3 - 4 * x4**2 - 5 * x5,
        282 - 7 * x1 - 3 * x2 - 10 * x3**2 - x4 + x5,
        196 - 23 * x1 - x2**2 - 6 * x6**2 + 8 * x7,
        -4 * x1**2 - x2**2 + 3 * x1 * x2 - 2 * x3**2 - 5 * x6 + 11 * x7,
    )
sigma, weights = ca.SX.sym("s"), ca.SX.sym("w", cons.numel())
lagrangian = sigma * f + ca.dot(weights, cons)
makers = {
    "f": lambda: ca.Function("f", [x], [f]),
    "grad": lambda: ca.Function("g", [x], [ca.densify(ca.gradient(f, x))]),
    "cons": lambda: ca.Function("c", [x], [cons]),
    "jac": lambda: ca.Function("j", [x], [ca.jacobian(cons, x)]),
    # The upper triangle by columns is the lower one by rows.
    "hess": lambda: ca.Function("h", [x, sigma, weights], [ca.triu(ca.hessian(lagrangian, x)[0])]),
}
wanted = ["cons", "jac"] if workload == "w6" else list(makers)
functions = {name: makers[name]() for name in wanted}
result = {"build": time.perf_counter() - begin}
point = [numbers("x"), np.array([1.0]), numbers("weights")]


class Call:
    """Keeps the buffer alive as long as the call."""

    def __init__(self, function, count):
        self.buffer, self.call = function.buffer()
        self.out = np.zeros(function.nnz_out(0))
        for k, values in enumerate(point[:count]):
            self.buffer.set_arg(k, memoryview(values))
        self.buffer.set_res(0, memoryview(self.out))


one = ca.SX.sym("one")
empty = Call(ca.Function("empty", [one], [one]), 1)
overhead = fastest(empty.call) if workload == "w4" else 0.0
differences = {}
for name, function in functions.items():
    call = Call(function, 3 if name == "hess" else 1)
    result[name] = (fastest(call.call) - overhead) * 1e9 / instances
    call.call()
    if name in ("jac", "hess"):
        rows, columns = function.sparsity_out(0).get_triplet()
        if name == "hess":
            rows, columns = columns, rows
        differences[name] = matrix_difference(name, rows, columns, call.out, len(point[0]))
    else:
        differences[name] = difference(call.out, numbers(name))
result["differences"] = differences
print(json.dumps(result))
