"""The records of a run: its settings and origin, unreadable images, and how it ended."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import time
from functools import cache
from importlib import metadata
from typing import Any

import torch

from netspec.ir.graph import Graph
from netspec.train.config import Config
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.splits import CachedSplit, Data, Unreadable, count_unreadable
from netspec.train.learning.validation import PROTOCOL, VIEWS
from netspec.train.reporting.console import Reporter
from netspec.train.runs.reading import sha256
from netspec.train.runs.runfolder import RunFolder
from netspec.train.runs.same_data import fingerprint
from netspec.train.training import Training

MAX_PRINTED = 10
"""How many unreadable images are printed; the others are only listed in the run's folder."""


class Problems:
    """Reports and records each unreadable image of a run once, also if the run is resumed."""

    def __init__(self, folder: RunFolder, reporter: Reporter) -> None:
        self._folder = folder
        self._reporter = reporter
        self._reported = folder.known_unreadable()

    def report(self, problem: Unreadable) -> None:
        if problem.path in self._reported:
            return
        self._reported.add(problem.path)
        self._folder.log_unreadable(problem.path, problem.reason)
        if len(self._reported) <= MAX_PRINTED:
            self._reporter.warn(f"{problem.path} skipped: {problem.reason}")
        elif len(self._reported) == MAX_PRINTED + 1:
            self._reporter.warn(f"more images cannot be read; all are listed in {self._folder.path}/unreadable.jsonl")

    def report_all(self, data: Data) -> None:
        """Report what is known to be unreadable, also images that were read ahead, or by another process, and have not
        been reached."""
        for split in data.splits.values():
            if isinstance(split, CachedSplit):
                for _, failure in sorted(split.failures().items()):
                    self.report(Unreadable(*failure))


def run_facts(graph: Graph, config: Config, data: Data, spec: str, *, balanced: bool) -> dict[str, Any]:
    """Return the contents of ``run.json`` that are known from the start. ``balanced``: the weights of the classes were
    counted in the images."""
    data_fingerprint = fingerprint(data)
    return {
        "net": graph.name,
        "spec_sha256": sha256(spec),
        "balanced": balanced,
        "data": {
            "source": data.source,
            "classes": len(data.classes),
            "stored": list(dataclasses.astuple(data.frame)),
            "train_images": len(data.train.labels),
            "validation_images": len(data.validation.labels) if data.validation is not None else 0,
            "sha256": [data_fingerprint[split]["sha256"] for split in ("train", "validation")],
        },
        "validation": {"views": VIEWS, "view": PROTOCOL, "views_in_spec": graph.test.views},
        **{key: value for key, value in config.as_dict().items() if key != "data"},
        "device_name": torch.cuda.get_device_name()
        if config.device == "cuda"
        else platform.processor() or platform.machine(),
        "process": {"pid": os.getpid(), "host": platform.node()},
        "versions": versions_here(),
    }


def checkpoint_facts(
    spec: str, config: Config, data: Data, prepare: Preparation, origin: dict[str, Any]
) -> dict[str, Any]:
    """Return what every checkpoint records about its run. ``origin`` is where the initial weights come from."""
    return {
        "spec": spec,
        "spec_sha256": sha256(spec),
        "seed": config.seed,
        "classes": list(data.classes),
        "preparation": prepare.state(),
        "settings": config.as_dict(),
        "data": fingerprint(data),
        "versions": versions_here(),
        "origin": origin,
    }


def versions_here() -> dict[str, str]:
    """Return the versions of the software that numerical results depend on; PyTorch's includes the build
    (``2.13.0+cpu``)."""
    names = ("netspec-compiler", "torch", "numpy", "pillow")
    versions = {name: _installed(name) for name in names}
    return {"python": platform.python_version(), **versions, "torch": str(torch.__version__)}


@cache  # each lookup searches the file system, and a run needs several
def _installed(distribution: str) -> str:
    return metadata.version(distribution)


def finish(folder: RunFolder, state: str, facts: dict[str, Any], training: Training | None) -> None:
    """Write how the run ended. Errors in writing are ignored, so that they do not hide one that is being raised."""
    if training is not None:
        evaluation = training.evaluation
        facts["result"] = {
            "step": training.step,
            "epochs": training.epoch,
            **(dataclasses.asdict(evaluation) if evaluation is not None else {}),
        }
        facts["counts"] = counts(training)
        facts["resumed"] = training.resumed
        facts["warnings"] = training.warnings
        facts["seconds"] = round(time.monotonic() - training.started, 3)
    with contextlib.suppress(OSError):
        folder.write_run({"state": state, **facts})


def counts(training: Training) -> dict[str, dict[str, int]]:
    """Return what became of the images.

    In training, over all epochs, ``drawn`` = ``used`` + ``skipped`` (unreadable) + ``dropped`` (in the last, partial
    batch of an epoch) + ``unreached`` (training ended before them). In the last validation, ``images`` = ``used`` +
    ``skipped``.
    """
    data, evaluation = training.data, training.evaluation
    train = {
        "images": len(data.train.labels),
        "unreadable": count_unreadable(data.train),
        **training.total_tally().as_dict(),
    }
    validation = {"images": 0, "used": 0, "skipped": 0}
    if data.validation is not None and evaluation is not None:
        images = len(data.validation.labels)
        validation = {"images": images, "used": evaluation.images, "skipped": images - evaluation.images}
    return {"train": train, "validation": validation}
