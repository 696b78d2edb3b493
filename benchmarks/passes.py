"""Measure what each optimising pass gains in a training step on the CPU, in processor time.

`netspec time FILE --passes` measures the same in wall time. On a machine with other load, the processor time of a
single thread is more reliable, since it does not count the time in which other processes run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

import torch
from timing import print_table

import netspec
from netspec.formatting import format_duration
from netspec.ir.graph import Graph
from netspec.passes.fast import NAMES, PASSES, ComputeTarget, enabled_passes, forms_of
from netspec.timing.comparison import separate_handwritten_step
from netspec.timing.handwritten import peer_of
from netspec.timing.separate_process import Run, in_separate_process
from netspec.timing.settings import TimingSettings
from netspec.timing.step import separate_step

SPECS = Path(__file__).parent.parent / "specs"


def in_turns(makers: list[Callable[[], Run]], rounds: int) -> list[float]:
    """Return the median processor seconds of each competitor, each in its own process, after an uncounted turn."""
    with ExitStack() as stack:
        competitors = [stack.enter_context(in_separate_process(make)) for make in makers]
        turns = [[run() for run in competitors] for _ in range(rounds + 1)]
    return [median(times) for times in zip(*turns[1:], strict=True)]


def compiled(graph: Graph, batch: int, passes: tuple[str, ...]) -> Callable[[], Run]:
    """Return a function that makes a training step of the compiled network with these passes."""
    return partial(separate_step, graph, TimingSettings("cpu", batch, "fp32", 1), passes, 1)


def main() -> None:
    """Print a row for each pass, and one for the hand-written network if there is one for this spec."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default="alexnet")
    parser.add_argument("--only", choices=NAMES, help="this pass alone, and nothing by hand")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    graph = netspec.load(SPECS / f"{options.spec}.net").graph
    defaults = enabled_passes(ComputeTarget("cpu", "fp32"))
    rows = [("a training step", "with", "without", "times faster")]
    for candidate in PASSES:
        if options.only not in (None, candidate.name) or "cpu" not in candidate.runs_on:
            continue
        others = tuple(name for name in defaults if name != candidate.name)
        if forms_of(graph, (*others, candidate.name)) == forms_of(graph, others):
            continue
        makers = [compiled(graph, options.batch, passes) for passes in ((*others, candidate.name), others)]
        a, b = in_turns(makers, options.rounds)
        rows.append((candidate.name, format_duration(a), format_duration(b), f"{b / a:.2f}"))
    if options.only is None and peer_of(graph) is not None:
        by_hand = partial(separate_handwritten_step, graph, TimingSettings("cpu", options.batch, "fp32", 1), 1, "train")
        a, b = in_turns([compiled(graph, options.batch, defaults), by_hand], options.rounds)
        rows.append(("netspec, and written by hand", format_duration(a), format_duration(b), f"{b / a:.2f}"))
    what = f"{graph.name}, float32, batch {options.batch}, one thread, seconds of the processor"
    print(f"torch {torch.__version__}, {what}")
    print_table(rows)


if __name__ == "__main__":
    main()
