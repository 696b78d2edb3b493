"""Comparing run folders, and starting ``netspec train`` in processes that can be killed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
import warm

from netspec.train.runs import checkpoint

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
augment from=10 flip=horizontal colour=pca(0.1) mixup=0.4 cutmix=1
"""
"""A network with everything that a resumed run must restore: random crops, mirroring, colours, mixing and dropout;
running statistics and averages; a schedule with a memory, one with noise, and one that freezes."""

TIMING_KEYS = ("images_per_s", "waiting")
"""Keys of the log whose values depend on the clock."""

STATE_KEYS = ("step", "epoch", "weights", "optimiser", "average", "factor", "watch", "tally", "validated", "found",
              "random", "guessing", "spec", "preparation", "data")  # fmt: skip
"""Keys of a checkpoint whose values must not depend on interruptions."""


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the entries of a run's log without those that depend on the clock."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMING_KEYS} for line in lines]


def newest_checkpoint(folder: Path) -> dict[str, Any]:
    """Return the content of a run's newest checkpoint."""
    return checkpoint.load(checkpoint.list_checkpoints(folder / "checkpoints")[-1])


def reproducible_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a checkpoint that must not depend on interruptions."""
    place = state["place"]
    reproducible = {key: state[key] for key in STATE_KEYS}
    return reproducible | {"place": place and {key: place[key] for key in ("plan", "tally", "position")}}


def identical(a: Any, b: Any) -> bool:
    """Whether two nested containers have the same content, with tensors equal bit for bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(identical(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(identical, a, b))
    return bool(a == b)


def same_result(a: Path, b: Path) -> bool:
    """Whether two runs have the same log and the same newest checkpoint."""
    states = [reproducible_state(newest_checkpoint(run)) for run in (a, b)]
    return read_log(a) == read_log(b) and identical(*states)


def launch(folder: Path, *arguments: str, largest: int | None = None) -> BaseProcess:
    """Start ``netspec train ARGUMENTS`` in a folder, as a warm process that writes its output to ``out`` and ``err``.

    ``largest`` limits the size of files, in bytes, as if the disk were full.
    """
    words = ("-m", "netspec", "train", *arguments)
    return warm.start(warm.Start(words, folder, folder / "out", folder / "err", largest=largest), daemon=True)


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until a condition is true. Fail if it is not true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not the case after {seconds:g} s"
        time.sleep(0.001)


def lines_in(path: Path) -> int:
    """Return the number of lines of a file, 0 if it does not exist."""
    return path.read_bytes().count(b"\n") if path.exists() else 0
