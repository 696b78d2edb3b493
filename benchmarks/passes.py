"""What each optimising pass is worth in a training step of AlexNet on the CPU, in seconds of the processor.

`netspec time FILE --passes` tells the same by the clock. On a machine that others use as well the processor's time, in
one thread, says more: it goes on only while this process computes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from timing import print_table

import netspec
from netspec.passes.fast import PASSES, Where, chosen, forms_of
from netspec.timing.handwritten import peer_of
from netspec.timing.measure import Question, by_hand
from netspec.timing.step import step_of

SPEC = Path(__file__).parent.parent / "specs" / "alexnet.net"


def in_turns(competitors: list[Callable[[], object]], rounds: int) -> list[float]:
    """The median seconds of the processor of each, after one turn that does not count."""
    seconds: list[list[float]] = [[] for _ in competitors]
    for _ in range(rounds + 1):
        for times, run in zip(seconds, competitors, strict=True):
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
    return [median(times[1:]) for times in seconds]


def main() -> None:
    """Print a row for each pass, and one for the network written by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    graph = netspec.load(SPEC).graph
    on = chosen(Where("cpu", "fp32"))
    rows = [("a training step", "with", "without", "times faster")]
    for one in PASSES:
        others = tuple(name for name in on if name != one.name)
        if forms_of(graph, (*others, one.name)) == forms_of(graph, others):
            continue
        steps = [step_of(graph, "cpu", options.batch, "fp32", names) for names in ((*others, one.name), others)]
        a, b = in_turns([step.train for step in steps], options.rounds)
        rows.append((one.name, f"{a:.2f} s", f"{b:.2f} s", f"{b / a:.2f}"))
    peer = peer_of(graph)
    assert peer is not None
    hand, _ = by_hand(peer, graph, Question("cpu", options.batch, "fp32", options.rounds), "eager")
    a, b = in_turns([step_of(graph, "cpu", options.batch, "fp32", on).train, hand], options.rounds)
    rows.append(("netspec, and written by hand", f"{a:.2f} s", f"{b:.2f} s", f"{b / a:.2f}"))
    print(f"torch {torch.__version__}, alexnet, float32, batch {options.batch}, one thread, seconds of the processor")
    print_table(rows)


if __name__ == "__main__":
    main()
