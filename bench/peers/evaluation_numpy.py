"""The logistic sum with matrix products of numpy's BLAS, one thread."""
import json

import numpy as np
from evaluation_common import difference, fastest, numbers, size

a, y, x = numbers("a").reshape(size, -1), numbers("y"), numbers("x")


def value():
    return np.logaddexp(0.0, -y * (a @ x)).sum()


def gradient():
    return a.T @ (-y / (1.0 + np.exp(y * (a @ x))))


def hessian():
    s = 1.0 / (1.0 + np.exp(a @ x))
    return a.T @ ((s * (1.0 - s))[:, None] * a)


lower = np.tril_indices(a.shape[1])
result = {name: fastest(call) * 1e9 / size for name, call in [("f", value), ("grad", gradient), ("hess", hessian)]}
result["differences"] = {
    "f": difference(np.array([value()]), numbers("f")),
    "grad": difference(gradient(), numbers("grad")),
    "hess": difference(hessian()[lower], numbers("hess")),
}
print(json.dumps(result))
