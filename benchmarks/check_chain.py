"""How long checking takes when a network grows: generated chains of 1,000 and of 10,000 layers.

Every measurement is a process of its own, as a user's is: the whole of `netspec check`, and within it the check alone,
after everything is imported. Wanted: 10,000 layers in under 3 s, and at most 12 times as long as 1,000.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from timing import print_table, process, take_turns

LENGTHS = (1_000, 10_000)
ROUNDS = 5
ALONE = """
import sys, time, netspec
netspec.loads("[image] input 3x8x8\\n[conv1] conv filters=1 kernel=1")
start = time.perf_counter()
netspec.load(sys.argv[1])
print(time.perf_counter() - start)
"""


def chain(length: int) -> str:
    """A spec of this many layers after its input, each with a stated shape."""
    kinds = ("conv filters=8 kernel=3 pad=1", "relu", "maxpool kernel=3 stride=1 pad=1", "lrn size=5 alpha=1e-4")
    layers = [f"[layer{i}] {kinds[i % len(kinds)]} -> 8x16x16" for i in range(length)]
    return "\n".join(["net chain", "[image] input 8x16x16", *layers, ""])


def alone(file: Path, results: list[float]) -> Callable[[], object]:
    """A competitor that adds the seconds of one check, in a new process, to the results."""

    def run() -> None:
        done = subprocess.run([sys.executable, "-c", ALONE, file], check=True, capture_output=True, text=True)
        results.append(float(done.stdout))

    return run


def main() -> None:
    """Print seconds for both lengths and their ratio."""
    command = str(Path(sys.executable).with_name("netspec"))
    seconds: dict[int, list[float]] = {length: [] for length in LENGTHS}
    with TemporaryDirectory() as folder:
        files = {length: Path(folder, f"chain{length}.net") for length in LENGTHS}
        for length, file in files.items():
            file.write_text(chain(length))
        whole = take_turns({str(n): process(command, "check", str(file)) for n, file in files.items()}, ROUNDS)
        take_turns({str(n): alone(file, seconds[n]) for n, file in files.items()}, ROUNDS)
    rows = [("", *(f"{length:,} layers" for length in LENGTHS), "ratio")]
    for name, (short, long) in (
        ("netspec check, whole process", tuple(whole.values())),
        ("the check alone", tuple(median(times) for times in seconds.values())),
    ):
        rows.append((name, f"{short:.3f} s", f"{long:.3f} s", f"{long / short:.1f}"))
    print_table(rows)


if __name__ == "__main__":
    main()
