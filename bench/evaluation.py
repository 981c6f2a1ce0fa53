"""Runs all tools in turn on each workload and prints the smallest times with ratios. Called by bench/evaluation."""
import json
import subprocess
import sys

program, runs, workloads = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
folder = "target/bench/data"
PEERS = {"w1": ["casadi", "poi", "jax"], "w2": ["casadi", "poi", "jax"], "w3": ["numpy", "jax"], "w4": ["casadi"], "w5": ["jax"], "w6": ["casadi", "jax"], "w7": ["scipy"]}
NAMES = {"poi": "pyoptinterface", "hand": "by hand", "numpy": "numpy (BLAS)"}
TITLES = {
    "w1": "W1, Luksan-Vlcek chain of {}",
    "w2": "W2, branch flows, {} branches",
    "w3": "W3, logistic sum, dense {} x 50",
    "w5": "W5, mixture of 10 Gaussians in 10 dimensions (gmm of ADBench), {} points",
    "w6": "W6, bundle adjustment (ba of ADBench), {} observations",
    "w7": "W7, sum of squares with a sparse matrix, {} rows of 10, 10000 columns",
    "w4": "W4, Hock-Schittkowski 100, whole calls (casadi without its call overhead)",
}
SHOWN = {"W3": ["f", "grad", "hess"], "W5": ["f", "grad"], "W6": ["cons", "jac"], "W7": ["f", "grad"]}
QUANTITIES = ["f", "grad", "cons", "jac", "hess"]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def smallest(results):
    return {key: min(r[key] for r in results) for key in results[0] if isinstance(results[0][key], (int, float))}


def table(title, ours, theirs):
    shown = [q for q in QUANTITIES if ours.get(q, 0) and q in SHOWN.get(title[:2], QUANTITIES)]
    print(f"\n{title}\n{'ns per instance':20}" + "".join(f"{q:>10}" for q in shown) + f"{'build s':>10}")
    line = lambda name, cells: print(f"{name:20}" + "".join(f"{c:>10}" for c in cells))
    number = lambda v: "-" if v is None else f"{v:.2f}"
    line("merit", [number(ours.get(q)) for q in shown] + [f"{ours['build']:.3f}"])
    for peer, r in theirs.items():
        name = NAMES.get(peer, peer)
        build = f"{r['build']:.2f}" if "build" in r else "-"
        line(name, [number(r.get(q)) for q in shown] + [build])
        line("  / merit", [f"{r[q] / ours[q]:.2f}" if q in r else "-" for q in shown])


for word in workloads:
    workload, size = word.split(":")
    ours, theirs, differences = [], {peer: [] for peer in PEERS[workload]}, {}
    for _ in range(runs):
        ours.append(run([program, workload, size, folder]))
        for peer in theirs:
            theirs[peer].append(run([sys.executable, f"bench/peers/evaluation_{peer}.py", workload, size, folder]))
    best = smallest(ours)
    peers = {peer: smallest(results) for peer, results in theirs.items()}
    hand = {q: best[f"hand {q}"] for q in QUANTITIES if f"hand {q}" in best}
    if hand:
        peers["hand"] = hand
    table(TITLES[workload].format(size), best, peers)
    print(f"largest difference from the referee (f, cons): {max(r['referee'] for r in ours):.1e}", end="")
    for peer, results in theirs.items():
        found = results[0].get("differences", {})
        if found:
            print(f"; from {NAMES.get(peer, peer)}: " + ", ".join(f"{q} {d:.1e}" for q, d in found.items()), end="")
    print(flush=True)
