"""What `torch.compile` is worth on the CPU beside the step that netspec takes, and what it costs.

The compiled network has the same weights, layers and rule; its loss, and outside training its scores, go through
`torch.compile` as a whole, but for layers that draw (dropout), whose keys are SHA-256. Each is measured in a process of
its own, turn about, in seconds of the processor, in one thread. Compiling is counted by the clock, from an empty cache
and from one that the same step has filled, less what the step itself takes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from timing import print_table

import netspec
from netspec import backend
from netspec.passes.fast import Where, chosen
from netspec.timing.apart import Run, apart
from netspec.timing.step import Step, Work, step_of
from netspec.train.learning.heap import keep_memory

SPECS = Path(__file__).parent.parent / "specs"
NETWORKS = {"alexnet": 32, "cifar-quick": 128}
"""Specs, and images of a step."""

_FRAMES = 64
"""How often a function may be compiled for another of the layers that it computes, before dynamo gives up."""


def as_it_is(spec: str, work: Work) -> Run:
    """A step with the passes that are on."""
    step = _step(spec)
    return {"train": step.train, "infer": step.infer}[work]


def compiled(spec: str, work: Work, cache: str) -> Run:
    """The same, compiled when it is first run; ``cache`` is the compiler's folder."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
    torch._dynamo.config.recompile_limit = _FRAMES
    pytorch = backend.load("pytorch")
    step = _step(spec)
    objective, module = step.objective, step.objective.module
    for layer in module.modules():
        if isinstance(layer, pytorch.DrawnLayer):
            layer.forward = torch.compiler.disable(layer.forward)
    loss, scores = torch.compile(pytorch.training_loss), torch.compile(pytorch.class_scores)

    def train() -> None:
        module.train()
        step.optimiser.zero_grad()
        objective.draw(0, step.taken)
        loss(module, step.images, step.labels).backward()
        step.optimiser.step()
        step.taken += 1

    @torch.no_grad()
    def infer() -> None:
        module.eval()
        scores(module, step.images)

    return {"train": train, "infer": infer}[work]


def _step(spec: str) -> Step:
    torch.set_num_threads(1)
    keep_memory(True)
    graph = netspec.load(SPECS / f"{spec}.net").graph
    return step_of(graph, "cpu", NETWORKS[spec], "fp32", chosen(Where("cpu", "fp32")))


def first(run: Callable[[], float]) -> float:
    """Seconds until a process that has just begun has taken its first step."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measured(spec: str, work: Work, rounds: int) -> tuple[str, ...]:
    """A row of the table."""
    with TemporaryDirectory() as cache, ExitStack() as stack:
        plain = stack.enter_context(apart(partial(as_it_is, spec, work)))
        fast = stack.enter_context(apart(partial(compiled, spec, work, cache)))
        without, cold = first(plain), first(fast)
        turns = [(plain(), fast()) for _ in range(rounds + 2)][2:]
        again = stack.enter_context(apart(partial(compiled, spec, work, cache)))
        warm = first(again)
    a, b = (median(times) for times in zip(*turns, strict=True))
    extra = (cold - without, warm - without)
    return (f"{spec}, batch {NETWORKS[spec]}: {'training' if work == 'train' else 'inference'}", f"{1000 * a:.0f} ms",
            f"{1000 * b:.0f} ms", f"{a / b:.2f}", *(f"{seconds:.0f} s" for seconds in extra))  # fmt: skip


def main() -> None:
    """Print a row for training and one for inference of each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = [("", "netspec's step", "compiled", "times faster", "compiling", "from a cache")]
    works: tuple[Work, ...] = ("train", "infer")
    rows += [measured(spec, work, options.rounds) for spec in NETWORKS for work in works]
    print(f"torch {torch.__version__}, float32, one thread, seconds of the processor; compiling by the clock")
    print_table(rows)


if __name__ == "__main__":
    main()
