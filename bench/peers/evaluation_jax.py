"""JAX, compiled, double precision, one thread. Jacobians and Hessians are maps of the derivatives of one instance with
dense local output, the best case for JAX: nothing is assembled."""
import json
import time

import jax
import jax.numpy as jnp
from evaluation_common import difference, fastest, numbers, positions, size, workload

jax.config.update("jax_enable_x64", True)
x = numbers("x")
if workload == "w1":
    term = lambda a, b: 100 * (a**2 - b) ** 2 + (a - 1) ** 2
    row = lambda a, b, c: 3 * b**3 + 2 * c - 5 + jnp.sin(b - c) * jnp.sin(b + c) + 4 * b - a * jnp.exp(a - b) - 3
    weighted = lambda w, a, b, c: w * row(a, b, c)
    w = numbers("weights")
    parts = lambda x: (x[:-2], x[1:-1], x[2:])
    value = lambda x: jnp.sum(term(x[:-1], x[1:]))
    calls = {
        "f": (value, (x,)),
        "grad": (jax.grad(value), (x,)),
        "cons": (lambda x: row(*parts(x)), (x,)),
        "jac": (lambda x: jax.vmap(jax.grad(row, (0, 1, 2)))(*parts(x)), (x,)),
        "hess": (
            lambda x, w: (
                jax.vmap(jax.hessian(term, (0, 1)))(x[:-1], x[1:]),
                jax.vmap(jax.hessian(weighted, (1, 2, 3)))(w, *parts(x)),
            ),
            (x, w),
        ),
    }
elif workload == "w2":
    buses = size * 2 // 3
    start, end, c, w = positions("from"), positions("to"), numbers("data").reshape(8, size), numbers("weights").reshape(4, size)

    def rows(v, flow, c):
        a, b, vf, vt = v
        vc, vs = vf * vt * jnp.cos(a - b), vf * vt * jnp.sin(a - b)
        return jnp.stack([
            flow[0] - c[4] * vf**2 - c[2] * vc - c[3] * vs,
            flow[1] + c[5] * vf**2 + c[3] * vc - c[2] * vs,
            flow[2] - c[6] * vt**2 - c[0] * vc + c[1] * vs,
            flow[3] + c[7] * vt**2 + c[1] * vc + c[0] * vs,
        ])

    def ends(x):
        a, v = x[:buses], x[buses : 2 * buses]
        return jnp.stack([a[start], a[end], v[start], v[end]]), x[2 * buses :].reshape(4, size)

    def value(x):
        flow = x[2 * buses : 2 * buses + size]
        return jnp.sum(c[0] * flow**2 + c[1] * flow - jnp.cos(x[:buses][start] - x[:buses][end]))

    calls = {
        "f": (value, (x,)),
        "grad": (jax.grad(value), (x,)),
        "cons": (lambda x: rows(*ends(x), c).ravel(), (x,)),
        "jac": (lambda x: jax.vmap(jax.jacfwd(rows), in_axes=1)(*ends(x), c), (x,)),
        "hess": (
            lambda x, w: jax.vmap(
                lambda v, flow, c, w: jax.hessian(lambda v: jnp.dot(w, rows(v, flow, c)))(v), in_axes=1
            )(*ends(x), c, w),
            (x, w),
        ),
    }
else:
    a, y = numbers("a").reshape(size, -1), numbers("y")
    value = lambda x, a, y: jnp.sum(jnp.logaddexp(0.0, -y * (a @ x)))
    calls = {"f": (value, (x, a, y)), "grad": (jax.grad(value), (x, a, y)), "hess": (jax.hessian(value), (x, a, y))}
result, compiling, differences = {}, 0.0, {}
for name, (function, arguments) in calls.items():
    function, arguments = jax.jit(function), [jnp.asarray(argument) for argument in arguments]
    begin = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    compiling += time.perf_counter() - begin
    result[name] = fastest(lambda: jax.block_until_ready(function(*arguments))) * 1e9 / size
    if name in ("f", "grad", "cons"):
        differences[name] = difference(numbers(name), jnp.ravel(function(*arguments)))
print(json.dumps(result | {"build": compiling, "differences": differences}))
