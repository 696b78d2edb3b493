"""Measure the time from the command `netspec train` to the start of the first step, and its parts.

Every measurement is a new process, as for a user, which ends where its first step would begin. Wall time and processor
time are printed; on a busy machine the latter is more reliable. Goal for AlexNet: under 5 s on the CPU.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from timing import print_table

SPECS = Path(__file__).parent.parent / "specs"
PROGRAM = """
import os, sys, time

def report(what):
    print(what, time.time() - float(os.environ["STARTED"]), time.process_time(), sep="\\t", flush=True)

def report_after(module, name, what):
    function = getattr(module, name)
    def wrapped(*arguments, **named):
        result = function(*arguments, **named)
        report(what)
        return result
    setattr(module, name, wrapped)

def stop(*_):
    report("the first batch")
    os._exit(0)

from netspec.cli import main
from netspec.cli.common import importing_torch
report("Python, the command line")
with importing_torch():
    import torch
    report("import torch")
    from netspec.train import loop, run
report("the rest of netspec")
report_after(run, "resolve", "the spec")
report_after(run, "_open", "the source of data opened")
report_after(run, "initial_network", "the initial weights")
report_after(run, "training_statistics", "images read, their mean and colours")
report_after(loop, "save", "the first checkpoint")
loop.take_step = stop
main(sys.argv[1:])
"""

Times = dict[str, tuple[float, float]]
"""(wall seconds, processor seconds) by the name of the part that took them."""


def until_first_step(spec: Path, data: str, batch: int, device: str, run: Path) -> Times:
    """Start a training in a new process, and return the time of each part up to its first step."""
    options = ("--data", data, "--batch", str(batch), "--out", str(run), "--device", device)
    command = ["train", str(spec), *options, "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "STARTED": str(time.time())},
        text=True,
    )
    parts, before = Times(), (0.0, 0.0)
    for line in done.stdout.splitlines():
        what, *seconds = line.split("\t")
        clock, processor = map(float, seconds)
        parts[what] = (clock - before[0], processor - before[1])
        before = (clock, processor)
    return parts


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spec", default="alexnet", help="a file's name in specs/, without .net")
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        runs = [
            until_first_step(
                SPECS / f"{options.spec}.net", options.data, options.batch, options.device, Path(folder, str(number))
            )
            for number in range(options.rounds + 1)
        ][1:]
    rows: list[tuple[str, ...]] = [
        (f"{options.spec}, batch {options.batch}, {options.data}", "by the clock", "of the processor")
    ]
    for what in runs[0]:
        rows.append((what, *(f"{median(run[what][kind] for run in runs):.2f} s" for kind in (0, 1))))
    whole = [[sum(seconds[kind] for seconds in run.values()) for run in runs] for kind in (0, 1)]
    rows.append(("to the start of the first step", *(f"{median(seconds):.2f} s" for seconds in whole)))
    print_table(rows)


if __name__ == "__main__":
    main()
