"""What the peers of bench/evaluation share: the point and data that Merit wrote, timing, comparing."""
import sys
import time

import numpy as np

workload, size, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def numbers(name):
    return np.fromfile(f"{folder}/{workload}_{name}.f64", np.float64)


def positions(name):
    return np.fromfile(f"{folder}/{workload}_{name}.u32", np.uint32).astype(np.int64)


def fastest(call, seconds=1.0):
    """Seconds of the fastest of many calls; short ones are timed together."""
    call()
    begin = time.perf_counter()
    call()
    together = max(1, int(2e-4 / max(time.perf_counter() - begin, 1e-9)))
    best, rounds, begin = float("inf"), 0, time.perf_counter()
    while time.perf_counter() - begin < seconds or rounds < 3:
        start = time.perf_counter()
        for _ in range(together):
            call()
        best = min(best, (time.perf_counter() - start) / together)
        rounds += 1
    return best


def difference(got, wanted):
    """The largest |a - b| / (1 + |b|)."""
    return float(np.max(np.abs(got - wanted) / (1 + np.abs(wanted)), initial=0.0))


def matrix_difference(name, rows, columns, values, width):
    """Merit's matrix against entries (rows, columns) of another tool; entries that one lacks count as 0."""
    ours = dict(zip((positions(f"{name}_rows") * width + positions(f"{name}_columns")).tolist(), numbers(name).tolist()))
    keys, place = np.unique(np.asarray(rows, np.int64) * width + np.asarray(columns, np.int64), return_inverse=True)
    merged = np.bincount(place, weights=values, minlength=len(keys))
    theirs = dict(zip(keys.tolist(), merged.tolist()))
    both = ours.keys() | theirs.keys()
    a = np.array([ours.get(k, 0.0) for k in both])
    b = np.array([theirs.get(k, 0.0) for k in both])
    return difference(a, b)
