"""How long `merit` takes to its first prompt at a pseudo-terminal, and to answer an empty pipe.

    python3 bench/start.py target/release/merit
"""

import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 50


def to_prompt(program):
    began = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm"
        os.execv(program, [program])
    shown = b""
    while b"merit> " not in shown:
        shown += os.read(terminal, 4096)
    taken = time.perf_counter() - began
    os.write(terminal, b"\x04")
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:
        pass  # The other side is closed.
    os.waitpid(child, 0)
    os.close(terminal)
    return taken


def through_pipe(program):
    began = time.perf_counter()
    subprocess.run([program], stdin=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state
        for what, measure in [("first prompt", to_prompt), ("empty pipe", through_pipe)]:
            times = sorted(1e3 * measure(program) for _ in range(RUNS))
            print(f"{what}: median {statistics.median(times):.1f} ms, least {times[0]:.1f}, most {times[-1]:.1f}")
