"""How long it is from the command `netspec train specs/alexnet.net` to the start of the first step, on the CPU.

Every measurement is a process of its own, as a user's is, that ends where its first step would begin. Seconds of the
clock and of the processor are told: on a busy machine the second say more. Wanted: under 5 s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from timing import print_table

SPEC = Path(__file__).parent.parent / "specs" / "alexnet.net"
ROUNDS = 5
UNTIL = """
import os, sys, time
from netspec.cli import main
from netspec.train import loop

def first(*arguments):
    print(time.time() - float(os.environ["STARTED"]), time.process_time(), flush=True)
    os._exit(0)

loop.take_step = first
main(["train", sys.argv[1], "--data", "synthetic", "--batch", "32", "--out", sys.argv[2], "--device", "cpu"])
"""


def until_first_step(run: Path) -> tuple[float, float]:
    """Seconds of the clock and of the processor."""
    done = subprocess.run(
        [sys.executable, "-c", UNTIL, str(SPEC), str(run)],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "STARTED": str(time.time())},
        text=True,
    )
    clock, processor = map(float, done.stdout.split()[-2:])
    return clock, processor


def main() -> None:
    """Print the medians."""
    with TemporaryDirectory() as folder:
        seconds = [until_first_step(Path(folder, str(number))) for number in range(ROUNDS + 1)][1:]
    clock, processor = (median(times) for times in zip(*seconds, strict=True))
    rows = [("alexnet, batch 32, synthetic images", "by the clock", "of the processor")]
    rows.append(("to the start of the first step", f"{clock:.2f} s", f"{processor:.2f} s"))
    print_table(rows)


if __name__ == "__main__":
    main()
