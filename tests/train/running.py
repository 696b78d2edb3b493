"""Runs to be compared, and commands as processes of their own that can be killed."""

from __future__ import annotations

import json
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
import warm

from netspec.train.runs import checkpoint

TIMING = ("images_per_s", "waiting")
"""What of a line of the log depends on the clock."""

SPEC = """\
net tiny
[image] input 3x8x8 range=1 mean=image
[conv] conv filters=8 kernel=3 init=gaussian(0.1) schedule=linear(1, noise=0.2)
[norm] batchnorm
[relu] relu
[drop] dropout
[fc] fc outputs=4 init=gaussian(0.1) bias_schedule=steps(freeze=2)
[prob] softmax
train epochs=3 batch=32 optimizer=sgd(lr=0.02) ema=0.9 schedule=plateau(patience=1, times=3)
augment from=10 flip=horizontal colour=pca(0.1)
"""
"""Random crops, mirroring, colours and dropout; running statistics, averages, a schedule that remembers, one with noise
and one that freezes."""


def log(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's log without what depends on the clock."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMING} for line in lines]


def newest(folder: Path) -> dict[str, Any]:
    """A run's newest checkpoint."""
    return checkpoint.load(checkpoint.saved(folder / "checkpoints")[-1])


KEPT = ("step", "epoch", "weights", "optimiser", "average", "factor", "watch", "tally", "validated", "found", "random",
        "guessing", "spec", "preparation", "data")  # fmt: skip


def learnt(state: dict[str, Any]) -> dict[str, Any]:
    """What of a checkpoint must not depend on how often the run was interrupted."""
    kept = {key: state[key] for key in KEPT}
    place = state["place"]
    return kept | {"place": place and {key: place[key] for key in ("plan", "tally", "position")}}


def same(a: Any, b: Any) -> bool:
    """Whether two containers hold the same, tensors bit for bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def alike(a: Path, b: Path) -> bool:
    """Whether two runs have the same log and the same newest checkpoint."""
    return log(a) == log(b) and same(learnt(newest(a)), learnt(newest(b)))


def launch(folder: Path, *arguments: str, largest: int | None = None) -> BaseProcess:
    """``netspec train ARGUMENTS`` in a folder, as a warm process of its own; it prints into ``out`` and ``err`` there.

    ``largest`` is how many bytes a file may have: as if the disk were full.
    """
    words = ("-m", "netspec", "train", *arguments)
    return warm.start(warm.Start(words, folder, folder / "out", folder / "err", largest=largest), daemon=True)


def until(true: Any, seconds: float = 60.0) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)


def lines_in(path: Path) -> int:
    """How many lines a file has; none, if it is not there."""
    return path.read_bytes().count(b"\n") if path.exists() else 0
