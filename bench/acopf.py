"""Runs both tools in turn and prints the smallest time of each stage. Called by bench/acopf."""
import json
import subprocess
import sys
import time

runs, cases = int(sys.argv[1]), sys.argv[2:]


def merit(path):
    command = ["target/release/merit", "solve", "--json", "examples/acopf.opt", "--data", f"case={path}"]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    whole = time.perf_counter() - begin
    answer = json.loads(done.stdout)
    times = answer["time"]
    return {
        "read and build": times["read"] + times["plan"],
        "solve": times["solve"],
        "certify": times["certify"],
        "in all": times["read"] + times["plan"] + times["solve"],
        "process": whole,
        "objective": answer["objective"],
        "iterations": answer["counts"]["iterations"],
    }


def casadi(path):
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "bench/peers/acopf_casadi.py", path], capture_output=True, text=True, check=True)
    whole = time.perf_counter() - begin
    r = json.loads(done.stdout)
    return {
        "read and build": r["read_s"] + r["build_s"],
        "solve": r["solve_s"],
        "certify": float("nan"),
        "in all": r["total_s"],
        "process": whole,
        "objective": r["obj"],
        "iterations": r["iters"],
    }


print(f"smallest of {runs} alternating runs, seconds; `in all` is without the certificate and without imports,")
print("`process` is the whole process with both")
for case in cases:
    path = f"examples/data/pglib/{case}.json"
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(merit(path))
        theirs.append(casadi(path))
    print(f"\n{case:10} {'merit':>12} {'casadi+ipopt':>14} {'ratio':>8}")
    for stage in ["read and build", "solve", "certify", "in all", "process"]:
        a, b = min(r[stage] for r in ours), min(r[stage] for r in theirs)
        print(f"{stage:14} {a:12.4f} {b:14.4f} {b / a:8.2f}")
    for figure in ["objective", "iterations"]:
        print(f"{figure:14} {ours[0][figure]:12.8g} {theirs[0][figure]:14.8g}")
