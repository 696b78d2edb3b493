"""Measure what `torch.compile` gains on the CPU over netspec's own step, and how long compiling takes.

Both networks have the same weights, layers and update rule. `torch.compile` is applied to the loss, or in inference to
the class scores, except for layers that draw random numbers (dropout), whose keys come from SHA-256. Each runs in its
own process, in turns, with one thread; times are processor time. Compile times are wall times, less the time of an
uncompiled first step, with an empty cache and with the cache that the same step has filled.
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
from typing import Any

import torch
from timing import print_table

import netspec
from netspec import backend
from netspec.timing.separate_process import Run, in_separate_process
from netspec.timing.settings import TimingSettings
from netspec.timing.step import Step, StepKind, step_of
from netspec.train.learning.heap import keep_memory

SPECS = Path(__file__).parent.parent / "specs"
NETWORKS = {"alexnet": 32, "cifar-quick": 128}
"""Specs, with the batch of each."""

_FRAMES = 64
"""How many layers a function may be recompiled for before dynamo gives up."""


def uncompiled(spec: str, work: StepKind) -> Run:
    """Return netspec's own step, with the optimising passes that are on by default."""
    step = _step(spec)
    return {"train": step.train, "infer": step.infer}[work]


def compiled(spec: str, work: StepKind, cache: str) -> Run:
    """Return the same step, compiled on its first run. ``cache`` is the compiler's cache folder."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
    torch._dynamo.config.recompile_limit = _FRAMES
    pytorch = backend.load("pytorch")
    step = _step(spec)
    objective, module = step.objective, step.objective.module
    for layer in module.modules():
        if isinstance(layer, pytorch.RandomLayer):
            layer.forward = torch.compiler.disable(layer.forward)  # type: ignore[no-untyped-call]
    loss: Any = torch.compile(pytorch.training_loss)
    scores: Any = torch.compile(pytorch.class_scores)

    def train() -> None:
        module.train()
        step.optimiser.zero_grad()
        objective.set_random_state(0, step.taken)
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
    settings = TimingSettings("cpu", NETWORKS[spec], "fp32", 1)
    return step_of(graph, settings, settings.passes)


def seconds_of_first_step(run: Callable[[], float]) -> float:
    """Return the wall time in seconds of a new process's first step, compiling included."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(spec: str, work: StepKind, rounds: int) -> tuple[str, ...]:
    """Measure one network in training or inference, and return its row of the table."""
    with TemporaryDirectory() as cache, ExitStack() as stack:
        plain_run = stack.enter_context(in_separate_process(partial(uncompiled, spec, work)))
        compiled_run = stack.enter_context(in_separate_process(partial(compiled, spec, work, cache)))
        plain_seconds, cold_seconds = seconds_of_first_step(plain_run), seconds_of_first_step(compiled_run)
        turns = [(plain_run(), compiled_run()) for _ in range(rounds + 2)][2:]
        warm_run = stack.enter_context(in_separate_process(partial(compiled, spec, work, cache)))
        warm_seconds = seconds_of_first_step(warm_run)
    a, b = (median(times) for times in zip(*turns, strict=True))
    compiling = (cold_seconds - plain_seconds, warm_seconds - plain_seconds)
    return (f"{spec}, batch {NETWORKS[spec]}: {'training' if work == 'train' else 'inference'}", f"{1000 * a:.0f} ms",
            f"{1000 * b:.0f} ms", f"{a / b:.2f}", *(f"{seconds:.0f} s" for seconds in compiling))  # fmt: skip


def main() -> None:
    """Print a row for training and one for inference of each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows: list[tuple[str, ...]] = [("", "netspec's step", "compiled", "times faster", "compiling", "from a cache")]
    works: tuple[StepKind, ...] = ("train", "infer")
    rows += [measure(spec, work, options.rounds) for spec in NETWORKS for work in works]
    print(f"torch {torch.__version__}, float32, one thread, seconds of the processor; compiling by the clock")
    print_table(rows)


if __name__ == "__main__":
    main()
