"""A maximum pooling as PyTorch has it and as the pass `max-pool` does it, by itself, in seconds of the processor.

One thread, float32, random maps; medians of turns in one process that keeps its memory, as a training does. Forward and
backward, and forward alone as in inference.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from timing import print_table
from torch import Tensor, nn

import netspec
from netspec import backend
from netspec.passes.fast import forms_of
from netspec.train.learning.heap import keep_memory

POOLINGS = {
    "cifar-quick": ("32x32x32", "kernel=3 stride=2 rounding=up"),
    "AlexNet, pool1": ("96x55x55", "kernel=3 stride=2"),
    "AlexNet, pool2": ("256x27x27", "kernel=3 stride=2"),
    "AlexNet, pool5": ("256x13x13", "kernel=3 stride=2"),
    "VGG, pool2": ("128x112x112", "kernel=2 stride=2"),
    "VGG, pool3": ("256x56x56", "kernel=2 stride=2"),
    "VGG, pool4": ("512x28x28", "kernel=2 stride=2"),
    "GoogLeNet, 3a": ("192x28x28", "kernel=3 stride=1 pad=1"),
    "GoogLeNet, 5a": ("832x7x7", "kernel=3 stride=1 pad=1"),
}
"""The maps and the window of each."""


def pooling(maps: str, window: str, *passes: str) -> nn.Module:
    """The module of a pooling, in the form of these passes."""
    graph = netspec.loads(f"[image] input {maps}\n[pool] maxpool {window}\n").graph
    found: nn.Module = backend.load("pytorch").module(graph, 0, forms_of(graph, passes)).pool
    return found


def both_ways(pool: nn.Module, x: Tensor) -> Callable[[], object]:
    """The pooling and its gradient."""
    x = x.clone().requires_grad_()
    dy = torch.randn_like(pool(x))
    return lambda: torch.autograd.grad(pool(x), x, dy)


def forward(pool: nn.Module, x: Tensor) -> Callable[[], object]:
    """The pooling alone."""

    def run() -> None:
        with torch.no_grad():
            pool(x)

    return run


def in_turns(competitors: list[Callable[[], object]], rounds: int) -> list[float]:
    """The median seconds of the processor of each, after two turns that do not count."""
    seconds: list[list[float]] = [[] for _ in competitors]
    for _ in range(rounds + 2):
        for run, times in zip(competitors, seconds, strict=True):
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
    return [median(times[2:]) for times in seconds]


def main() -> None:
    """Print a row for each pooling."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory(True)
    print(f"torch {torch.__version__}, float32, batch {options.batch}, one thread, milliseconds of the processor")
    rows = [("", "maps", "training", "with max-pool", "ratio", "inference", "with max-pool", "ratio")]
    for name, (maps, window) in POOLINGS.items():
        x = torch.randn(options.batch, *map(int, maps.split("x")))
        pools = pooling(maps, window), pooling(maps, window, "max-pool")
        assert torch.equal(pools[0](x), pools[1](x))
        a, b = in_turns([both_ways(pool, x) for pool in pools], options.rounds)
        c, d = in_turns([forward(pool, x) for pool in pools], options.rounds)
        figures = (f"{1000 * a:.1f}", f"{1000 * b:.1f}", f"{b / a:.2f}", f"{1000 * c:.1f}", f"{1000 * d:.1f}")
        rows.append((name, maps, *figures, f"{d / c:.2f}"))
    print_table(rows)


if __name__ == "__main__":
    main()
