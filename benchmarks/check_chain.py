"""Measure how checking scales with the network: generated networks of 1,000 and 10,000 layers.

``--network`` chooses the network: a chain of layers that repeats the same four lines (``chain``), residual blocks
whose layers name their inputs (``residual``), or a chain in which every layer is different (``distinct``).

Every measurement is a new process, as for a user: the whole of `netspec check`; and, with everything imported, a check
alone, a check after one layer has been renamed that reuses the first one's results (as an editor does), and the peak
memory of a check. Goal: 10,000 layers in under 2 s, and at most 12 times the time and the memory of 1,000 layers.
"""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from timing import print_table, process, take_turns

LENGTHS = (1_000, 10_000)
ROUNDS = 5
CHECKS = """
import re, sys, time, tracemalloc
from netspec.check import check
from netspec.source import Source

def checked(text, earlier=None):
    start = time.perf_counter()
    cache = check(Source("chain.net", text), None, earlier).cache
    return time.perf_counter() - start, cache

checked("[image] input 3x8x8\\n[conv1] conv filters=1 kernel=1")
text = open(sys.argv[1]).read()
first, cache = checked(text)
again, _ = checked(re.sub(r"\\blayer7\\b", "seventh", text), cache)
del cache, _
tracemalloc.start()
checked(text.replace("layer", "other"))
print(first, again, tracemalloc.get_traced_memory()[1] / 1e6)
"""


def chain(length: int) -> str:
    """Return a spec of ``length`` layers after the input, each with a claimed shape."""
    kinds = ("conv filters=8 kernel=3 pad=1", "relu", "maxpool kernel=3 stride=1 pad=1", "lrn size=5 alpha=1e-4")
    layers = [f"[layer{i}] {kinds[i % len(kinds)]} -> 8x16x16" for i in range(length)]
    return "\n".join(["net chain", "[image] input 8x16x16", *layers, ""])


def residual(length: int) -> str:
    """Return a spec of residual blocks: two convolutions, and the sum of their output and the block's input."""
    lines = ["net residual", "[image] input 8x16x16"]
    reads = "image"
    for i in range(0, length - length % 3, 3):
        lines += [
            f"[layer{i}] conv filters=8 kernel=3 pad=1 neuron=relu inputs={reads} -> 8x16x16",
            f"[layer{i + 1}] conv filters=8 kernel=3 pad=1 init=gaussian(0.01) inputs=layer{i}",
            f"[layer{i + 2}] sum inputs=layer{i + 1},{reads} neuron=relu -> 8x16x16",
        ]
        reads = f"layer{i + 2}"
    return "\n".join([*lines, *(f"[layer{i}] relu" for i in range(length - length % 3, length)), ""])


def distinct(length: int) -> str:
    """Return a spec of convolutions in which the i-th has i filters."""
    layers = [f"[layer{i}] conv filters={i} kernel=3 pad=1 neuron=relu -> {i}x16x16" for i in range(1, length + 1)]
    return "\n".join(["net distinct", "[image] input 8x16x16", *layers, ""])


NETWORKS = {network.__name__: network for network in (chain, residual, distinct)}


def checks(file: Path, results: list[tuple[float, ...]]) -> Callable[[], object]:
    """Return a competitor: a new process that appends the seconds of two checks and the megabytes of a third one."""

    def run() -> None:
        done = subprocess.run([sys.executable, "-c", CHECKS, file], check=True, capture_output=True, text=True)
        results.append(tuple(map(float, done.stdout.split())))

    return run


def main() -> None:
    """Print seconds and megabytes for both lengths, and their ratios."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="chain")
    network = NETWORKS[parser.parse_args().network]
    command = str(Path(sys.executable).with_name("netspec"))
    measurements: dict[int, list[tuple[float, ...]]] = {length: [] for length in LENGTHS}
    with TemporaryDirectory() as folder:
        files = {length: Path(folder, f"{network.__name__}{length}.net") for length in LENGTHS}
        for length, file in files.items():
            file.write_text(network(length))
        whole = take_turns({str(n): process(command, "check", str(file)) for n, file in files.items()}, ROUNDS)
        take_turns({str(n): checks(file, measurements[n]) for n, file in files.items()}, ROUNDS)
    medians = [tuple(map(median, zip(*measurements[length], strict=True))) for length in LENGTHS]
    short, long = tuple(zip(tuple(whole.values()), medians, strict=True))
    rows = [("", *(f"{length:,} layers" for length in LENGTHS), "ratio")]
    for (name, unit, digits), few, many in zip(
        (
            ("netspec check, whole process", "s", 3),
            ("the check alone", "s", 3),
            ("the check after an edit", "s", 3),
            ("memory of a check, at its peak", "MB", 1),
        ),
        (short[0], *short[1]),
        (long[0], *long[1]),
        strict=True,
    ):
        rows.append((name, f"{few:.{digits}f} {unit}", f"{many:.{digits}f} {unit}", f"{many / few:.1f}"))
    print_table(rows)


if __name__ == "__main__":
    main()
