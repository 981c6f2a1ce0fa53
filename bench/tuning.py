"""Runs both tools in turn on each problem and prints the smallest times. Called by bench/tuning."""
import csv
import json
import os
import re
import subprocess
import sys
import time

program, runs = sys.argv[1], int(sys.argv[2])
folder = "target/bench/data/tuning"
# The largest entry of the projected hypergradient at which both end. Merit measures it by max(1, |f| / max(1, |x|)), which is
# below 5 here, so that it is given a fifth.
TOL = 1e-6
MODEL = """data train = csv("train.csv")
data valid = csv("valid.csv")
let X = columns(train, except "y")
let V = columns(valid, except "y")
var penalty{index} in [-10, 10] start 0
lower fit {{
  var w[columns(X)]
  minimize {fit} + 0.5 * {penalties}
}}
minimize error: {error}
"""
LOSSES = {
    "ridge": "0.5 * mean(s in {rows}: (dot({w}, {A}[s, ..]) - s.y)^2)",
    "logistic": "mean(s in {rows}: log(1 + exp(-s.y * dot({w}, {A}[s, ..]))))",
}
PENALTIES = {1: ("", "exp(penalty) * dot(w, w)"), 100: ("[columns(X)]", "sum(j in columns(X): exp(penalty[j]) * w[j]^2)")}


def model(kind, count):
    index, penalties = PENALTIES[count]
    loss = LOSSES[kind]
    fit, error = loss.format(rows="train", w="w", A="X"), loss.format(rows="valid", w="fit.w", A="V")
    path = f"{folder}/{kind}{count}.opt"
    with open(path, "w") as file:
        file.write(MODEL.format(index=index, fit=fit, penalties=penalties, error=error))
    return path


def merit(path):
    began = time.perf_counter()
    trace = f"{folder}/trace.csv"
    command = [program, "solve", path, "--with", "implicit_gradient", "--set", f"tol={TOL / 5}", "--trace", trace]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    whole = time.perf_counter() - began
    times = re.search(r"time: read ([\d.]+) (m?s), plan ([\d.]+) (m?s), solve ([\d.]+) (m?s), certify ([\d.]+) (m?s)", text)
    seconds = [float(v) * (1e-3 if unit == "ms" else 1.0) for v, unit in zip(times.groups()[::2], times.groups()[1::2])]
    with open(trace) as file:
        log = list(csv.DictReader(file))
    first, last = log[0], log[-1]
    # Steps begin where all functions are compiled and the first slope is known, as they do for the peer. The certificate is not
    # part of what the peer does.
    return {
        "steps": float(last["seconds"]) - float(first["seconds"]),
        "solve": seconds[2],
        "all": whole - seconds[3],
        "slope": float(last["dual"]),
        "error": float(last["objective"]),
        "iterations": int(last["iteration"]),
    }


def peer(kind, count):
    began = time.perf_counter()
    command = [sys.executable, "bench/peers/tuning_jaxopt.py", folder, kind, str(count), str(TOL)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    result = json.loads(done.stdout.splitlines()[-1])
    return {**result, "steps": result["solve"], "all": time.perf_counter() - began}


os.makedirs(folder, exist_ok=True)
print(f"{'seconds':28}{'steps':>9}{'solve':>9}{'in all':>9}{'iterations':>12}{'hypergradient':>15}{'error':>14}")
for kind in LOSSES:
    subprocess.run([sys.executable, "bench/peers/tuning_data.py", folder, kind], check=True)
    for count in PENALTIES:
        path = model(kind, count)
        ours, theirs = [], []
        for _ in range(runs):
            ours.append(merit(path))
            theirs.append(peer(kind, count))
        for name, results in (("merit", ours), ("jaxopt", theirs)):
            best = {key: min(r[key] for r in results) for key in ("steps", "solve", "all")}
            last = results[-1]
            print(f"{f'{kind}, {count}: {name}':28}{best['steps']:9.3f}{best['solve']:9.3f}{best['all']:9.3f}{last['iterations']:12}{last['slope']:15.1e}{last['error']:14.8f}")
        ratio = lambda key: min(r[key] for r in theirs) / min(r[key] for r in ours)
        print(f"{'  ratio':28}{ratio('steps'):9.2f}{ratio('solve'):9.2f}{ratio('all'):9.2f}", flush=True)
