"""Rows for bench/tuning: correlated columns, few of which count. Labels are values for ridge, signs for logistic regression."""
import sys
import numpy as np


def rows(kind, count=5000, columns=100, seed=7):
    random = np.random.default_rng(seed)
    mix = np.eye(columns) + 0.3 * random.standard_normal((columns, columns)) / np.sqrt(columns)
    truth = np.where(np.arange(columns) % 5 == 0, random.standard_normal(columns), 0.0)
    X = random.standard_normal((2 * count, columns)) @ mix
    y = X @ truth + 3.0 * random.standard_normal(2 * count)
    if kind == "logistic":
        y = np.where(X @ truth + random.logistic(size=2 * count) > 0, 1.0, -1.0)
    # As the csv file has them.
    X, y = np.round(X, 6), np.round(y, 6)
    return X[:count], y[:count], X[count:], y[count:]


if __name__ == "__main__":
    X, y, V, v = rows(sys.argv[2])
    for name, A, b in (("train", X, y), ("valid", V, v)):
        head = ",".join(f"x{j}" for j in range(A.shape[1])) + ",y"
        np.savetxt(f"{sys.argv[1]}/{name}.csv", np.column_stack([A, b]), "%.6f", ",", header=head, comments="")
