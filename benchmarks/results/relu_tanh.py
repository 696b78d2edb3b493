"""Reproduce figure 1 of Krizhevsky et al. (2012) in miniature: the steps ReLU and tanh need to 25 % training error.

Both networks learn the same generated images, from the same initial values, in the same order. As in the paper, each
has the learning rate at which it learns fastest: of a small grid, the one with the lowest median number of steps over
the seeds. The training error is measured every ten steps, on a checkpoint in evaluation mode, on the first of the five
training files (2,000 of the 10,000 images).
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path
from statistics import median

from commands import Work
from generated import write
from rich.console import Console

from netspec.net import load
from netspec.train.config import Request
from netspec.train.errors import TrainError
from netspec.train.evaluation.tested import EvaluationSettings
from netspec.train.evaluation.testing import run_test
from netspec.train.interval import Interval
from netspec.train.reporting.console import Reporter, Status
from netspec.train.run import train
from netspec.train.runs.saved import open_run

NETS = {"ReLU": "specs/four-layers-relu.net", "tanh": "specs/four-layers-tanh.net"}
COLOURS = {"ReLU": "tab:blue", "tanh": "tab:orange"}
EVERY = 10
GOAL = 0.25
"""The training error to reach."""


@dataclass
class Watching(Reporter):
    """A reporter that measures the training error of each checkpoint. ``errors`` are keyed by step."""

    run: Path
    sample: Path
    errors: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(Console(stderr=True))

    def progress(self, status: Status) -> None:
        """Measure one step after a checkpoint is due, since this is called before a step's checkpoint is written."""
        if status.step % EVERY == 1:
            self.measure()

    def measure(self) -> None:
        """Record the newest checkpoint's error on the sample."""
        saved = open_run(self.run, self.warn)
        settings = EvaluationSettings(f"cifar10:{self.sample}", "train", None, batch=500, device="cpu", workers=1)
        tested = run_test([saved], settings, note=self.note, warn=self.warn, met=lambda _: None, quiet=True)
        self.errors[saved.step] = 1 - tested.numbers["top1"]


@dataclass(frozen=True)
class Curve:
    """One training: ``errors`` by step, empty if it diverged."""

    net: str
    rate: float
    seed: int
    errors: dict[int, float]

    @property
    def steps(self) -> float:
        """Steps to the goal, interpolated linearly between measurements; infinite if it is not reached."""
        for (before, high), (after, low) in pairwise(self.errors.items()):
            if low <= GOAL:
                return before + (after - before) * (high - GOAL) / (high - low)
        return float("inf")

    def __str__(self) -> str:
        least = f"{100 * min(self.errors.values()):5.1f} %" if self.errors else "diverged"
        reached = f"{self.steps:6.0f}" if self.steps < float("inf") else " never"
        return f"{self.net:4}  {self.rate:<5}  {self.seed:4}  {reached}   {least}"


def learn(net: str, rate: float, seed: int, work: Work) -> Curve:
    """Train one network and measure its training error on the way."""
    loaded = load(NETS[net], changes=[f"train.optimizer=sgd(lr={rate}, momentum=0.9)"])
    run = work.out / f"{net}-{rate}-{seed}"
    watching = Watching(run, work.out / "sample")
    request = Request(f"cifar10:{work.out / 'images'}", steps=work.options.steps, seed=seed, device="cpu", out=run,
                      threads=work.options.threads, save_every=Interval(EVERY, "steps"))  # fmt: skip
    try:
        train(loaded, net, request, watching)
        watching.measure()
    except TrainError as problem:
        print(f"{net} at {rate}: {problem.message}")
        watching.errors.clear()
    return Curve(net, rate, seed, watching.errors)


def print_each(curves: Iterator[Curve]) -> list[Curve]:
    """Print each curve as soon as it is there, and return them all."""
    printed = []
    for curve in curves:
        print(curve, flush=True)
        printed.append(curve)
    return printed


def fastest(curves: Sequence[Curve]) -> list[Curve]:
    """Return the curves, one for each seed, of the rate with the lowest median number of steps to the goal."""
    by_rate = [[curve for curve in curves if curve.rate == rate] for rate in {curve.rate: None for curve in curves}]
    return min(by_rate, key=lambda same: median(curve.steps for curve in same))


def draw(curves: Sequence[Curve], chosen: Sequence[Curve], path: Path) -> None:
    """Draw the curves of the chosen rates, one for each seed, and those of the other rates faintly."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    for curve in curves:
        if curve not in chosen:
            axes.plot(*_points(curve), color=COLOURS[curve.net], lw=0.6, alpha=0.25)
    for curve in chosen:
        style = "-" if curve.net == "ReLU" else "--"
        label = f"{curve.net}, learning rate {curve.rate}" if curve.seed == 0 else None
        axes.plot(*_points(curve), style, color=COLOURS[curve.net], lw=1.5, label=label)
    axes.axhline(100 * GOAL, color="grey", lw=0.8, ls=":")
    axes.set(xlabel="steps of 100 images", ylabel="training error, %", ylim=(0, 100), xlim=(0, None))
    axes.set_title("Four layers on generated images, one line per seed; faint: other learning rates", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


def _points(curve: Curve) -> tuple[list[int], list[float]]:
    return list(curve.errors), [100 * error for error in curve.errors.values()]


def main() -> None:
    """Print the table, and draw relu-tanh.png in the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.01, 0.02, 0.04, 0.08])
    parser.add_argument("--seeds", type=int, default=3, help="from 0 on; 3 unless told")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--train", type=int, default=10_000, help="training images; 10,000 unless told")
    parser.add_argument("--threads", type=int, default=1)
    work = Work.begin(parser, "runs/results-relu-tanh")
    options = work.options
    write(work.out / "images", train=options.train, test=100)
    (work.out / "sample").mkdir()
    for name in ("data_batch_1.bin", "batches.meta.txt"):
        shutil.copy(work.out / "images" / name, work.out / "sample")
    print("net   rate   seed   steps  least error")
    runs = product(NETS, options.rates, range(options.seeds))
    curves = print_each(learn(net, rate, seed, work) for net, rate, seed in runs)
    chosen = [fastest([curve for curve in curves if curve.net == net]) for net in NETS]
    for same in chosen:
        steps = sorted(curve.steps for curve in same)
        print(
            f"{same[0].net} at {same[0].rate}: median {median(steps):.0f}, from {steps[0]:.0f} to {steps[-1]:.0f} steps"
        )
    draw(curves, [curve for same in chosen for curve in same], work.out / "relu-tanh.png")
    print(work.on_what(work.out / f"ReLU-{options.rates[0]}-0"))


if __name__ == "__main__":
    main()
