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
elif workload == "w5":
    width = dimension = 10
    i, d = jnp.arange(1, size + 1)[:, None], jnp.arange(1, dimension + 1)[None, :]
    points = jnp.sin(1.3 * i + 0.7 * d * d) + 0.1 * jnp.cos(0.01 * i * d)
    below = jnp.tril_indices(dimension, -1)
    ends = [width, width + width * dimension, width + 2 * width * dimension]

    def value(v):
        alpha, mu, q, l = jnp.split(v, ends)
        mu, q, l = mu.reshape(width, -1), q.reshape(width, -1), l.reshape(width, -1)
        roots = jax.vmap(lambda q, l: jnp.diag(jnp.exp(q)).at[below].set(l))(q, l)
        away = jnp.einsum("krc,ikc->ikr", roots, points[:, None, :] - mu[None, :, :])
        e = alpha + q.sum(1) - 0.5 * (away**2).sum(2)
        likelihood = jax.nn.logsumexp(e, axis=1).sum() - size * jax.nn.logsumexp(alpha)
        return likelihood + 0.5 * (jnp.exp(q) ** 2).sum() + 0.5 * (l**2).sum()

    calls = {"f": (value, (x,)), "grad": (jax.grad(value), (x,))}
elif workload == "w6":
    cameras, places = 50, 1000
    o = jnp.arange(1, size + 1)
    camera, point, seen = (7 * o) % cameras, (13 * o) % places, jnp.sin(o[:, None] + 0.5 * jnp.array([1, 2]))
    counts = [3 * cameras, 3 * cameras, cameras, 2 * cameras, 2 * cameras, 3 * places, size]
    shapes = [(cameras, 3), (cameras, 3), (cameras,), (cameras, 2), (cameras, 2), (places, 3), (size,)]

    def error(rotation, centre, focal, principal, distortion, place, w, seen):
        away, angle = place - centre, jnp.sqrt(jnp.dot(rotation, rotation))
        axis = rotation / angle
        turned = jnp.cos(angle) * away + jnp.sin(angle) * jnp.cross(axis, away)
        turned = turned + (1 - jnp.cos(angle)) * jnp.dot(axis, away) * axis
        flat = turned[:2] / turned[2]
        r2 = jnp.dot(flat, flat)
        lens = 1 + distortion[0] * r2 + distortion[1] * r2**2
        return w * (focal * lens * flat + principal - seen)

    def local(x):
        starts = [sum(counts[:k]) for k in range(len(counts))]
        arrays = [x[s : s + c].reshape(shape) for s, c, shape in zip(starts, counts, shapes)]
        return [a[camera] for a in arrays[:5]] + [arrays[5][point], arrays[6]]

    calls = {
        "cons": (lambda x: jnp.concatenate([jax.vmap(error)(*local(x), seen).ravel(), 1 - x[-size:] ** 2]), (x,)),
        "jac": (lambda x: (jax.vmap(jax.jacfwd(error, tuple(range(7))))(*local(x), seen), -2 * x[-size:]), (x,)),
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
