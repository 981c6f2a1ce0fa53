"""A sum of squares with scipy's sparse products, one thread."""
import json

import numpy as np
import scipy.sparse
from evaluation_common import difference, fastest, numbers, positions, size

x, entries = numbers("x"), (positions("rows"), positions("columns"))
a = scipy.sparse.csr_matrix((numbers("values"), entries), shape=(size, x.size))
# Its rows are those of `a` transposed, as `a.T @ r` would go through columns.
back = a.T.tocsr()


def value():
    gap = a @ x - 1.0
    return 0.5 * gap @ gap


def gradient():
    return back @ (a @ x - 1.0)


result = {name: fastest(call) * 1e9 / size for name, call in [("f", value), ("grad", gradient)]}
result["differences"] = {
    "f": difference(np.array([value()]), numbers("f")),
    "grad": difference(gradient(), numbers("grad")),
}
print(json.dumps(result))
