"""Judges models from outside, over the protocol of docs/oracles.md: a line of JSON in, a line of JSON out.

`tank`: how much trouble a controller makes that fills a tank to a level of 1, from its two gains.
`better`: which of some policies keep a pole upright best, from episodes with the same three pushes.
"""

import json
import math
import sys


def tank(gains):
    """Squared error over time, with a price on what the valve moves. It opens between 0 and 1 and acts late."""
    level, total, valve, trouble = 0.0, 0.0, 0.0, 0.0
    waiting = [0.0] * 10
    for _ in range(400):
        error = 1.0 - level
        total += 0.05 * error
        wanted = min(max(gains[0] * error + gains[1] * total, 0.0), 1.0)
        trouble += 0.05 * (error**2 + 2.0 * (wanted - valve) ** 2)
        valve = wanted
        waiting.append(valve)
        level += 0.05 * (waiting.pop(0) - 0.4 * level)
    return trouble


def episode(policy, push):
    """How far the pole was from upright, and how hard the motor worked; a pole that falls is worse than any that stands."""
    angle, speed, cost = 0.0, push, 0.0
    for step in range(300):
        force = -(policy[0] * angle + policy[1] * speed)
        force = min(max(force, -15.0), 15.0)
        speed += 0.02 * (9.81 * math.sin(angle) + force)
        angle += 0.02 * speed
        if abs(angle) > 1.0:
            return 1000.0 - step
        cost += 0.02 * (10.0 * angle**2 + speed**2 + 0.01 * force**2)
    return cost


def returns(policy):
    return sum(episode(policy, push) for push in (0.3, -0.8, 1.5))


for line in sys.stdin:
    question = json.loads(line)
    answer = {"id": question["id"]}
    if "value" in question:
        answer["value"] = tank(question["value"])
    else:
        costs = [returns(policy) for policy in question["rank"]]
        order = sorted(range(len(costs)), key=costs.__getitem__)
        answer["order"] = [candidate + 1 for candidate in order]
    print(json.dumps(answer), flush=True)
