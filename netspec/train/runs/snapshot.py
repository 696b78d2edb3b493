"""Saving the complete state of a training to a checkpoint, and restoring it.

All random numbers of a training (order, crops, mirroring, colours, dropout) are functions of the seed, of the step or
epoch, and of the image's index (see ``counter_rng``, and the pytorch backend's dropout), so they need no generator's
state. The states of torch's generators are saved anyway, in case something draws from them.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

import torch

from netspec.passes.optimiser_state import STATE_KINDS
from netspec.train.data.batches.loader import Tally
from netspec.train.data.splits import CachedSplit, Split
from netspec.train.errors import TrainError
from netspec.train.learning.optimiser import set_state, state_names, state_of
from netspec.train.learning.schedule import Watch
from netspec.train.reporting.console import Plan
from netspec.train.runs import checkpoint
from netspec.train.training import EpochProgress, Meter, Training

CAUSES = (
    "likely causes: the learning rate is too high for this network (try a tenth),",
    "initial weights that are too large, or inputs in another range than the weights were chosen for",
    "(range=, mean= of the input)",
)


def save(t: Training) -> None:
    """Write a checkpoint of the current state.

    Raises
    ------
    TrainError
        The loss or the weights are no longer finite; earlier checkpoints are kept.
    OSError
        The run's folder cannot be written.
    """
    require_finite(t)
    state = snapshot(t)
    if t.world.is_main:
        checkpoint.save(t.folder.checkpoints, t.step, state)


def snapshot(t: Training) -> dict[str, Any]:
    """Return the state after ``t.step`` steps: tensors, numbers, strings, and lists and dictionaries of them.

    Tensors are whole, even if devices hold shares of them; all processes of the world must call this.
    """
    objective = t.objective
    average = t.average.state_dict() if t.average is not None else None
    if average is not None:
        average["weights"] = objective.full_tensors(average["weights"], objective.names)
    return {
        "epoch": t.epoch,
        "weights": objective.full_tensors(objective.module.state_dict(), objective.names),
        "optimiser": {
            **{
                kind: objective.full_tensors(state_of(objective.module, t.optimiser, kind), names)
                for kind, names in state_names(t.graph).items()
            },
            "updates": dict(t.optimiser.updates),
        },
        "average": average,
        "factor": t.optimiser.factor,
        "watch": dataclasses.asdict(t.watch),
        "place": _progress_state(t.progress) if t.progress is not None else None,
        "tally": dataclasses.asdict(t.tally),
        "validated": t.validated,
        "found": dataclasses.asdict(t.evaluation) if t.evaluation is not None else None,
        "guessing": t.guessing.total,
        "metrics_bytes": t.folder.flush_log(),
        "unreadable": _failures(t.data.train),
        "random": {"cpu": torch.get_rng_state(), "cuda": _cuda_generator(t.config.device)},
        "seconds": time.monotonic() - t.started,
        "resumed": list(t.resumed),
        "warnings": list(t.warnings),
        **t.facts,
    }


def restore(t: Training, state: Mapping[str, Any]) -> None:
    """Restore the state of a checkpoint into a new training of the same network, data and settings."""
    device = t.config.device
    objective = t.objective
    objective.module.load_state_dict(objective.local_tensors(state["weights"]))
    remembered = {kind: objective.local_tensors(state["optimiser"][kind]) for kind in STATE_KINDS}
    set_state(objective.module, t.optimiser, remembered)
    t.optimiser.updates |= state["optimiser"]["updates"]
    t.optimiser.factor = state["factor"]
    if t.average is not None:
        averages = objective.local_tensors(state["average"]["weights"])
        t.average.load_state_dict({**state["average"], "weights": averages})
    t.step, t.epoch = state["step"], state["epoch"]
    t.watch = Watch(**state["watch"])
    t.tally = Tally(**state["tally"])
    t.validated = state["validated"]
    t.evaluation = t.task.evaluation(state["found"]) if state["found"] is not None else None
    total = state["guessing"]
    t.guessing.total = total.to(device) if isinstance(total, torch.Tensor) else total
    if isinstance(t.data.train, CachedSplit):
        t.data.train.expect_failures({index: (path, reason) for index, path, reason in state["unreadable"]})
    t.progress = _restored_progress(state["place"], device) if state["place"] is not None else None
    torch.set_rng_state(state["random"]["cpu"].cpu())
    if device == "cuda" and state["random"]["cuda"]:
        torch.cuda.set_rng_state(state["random"]["cuda"][0].cpu())
    t.started = time.monotonic() - state["seconds"]
    t.resumed = [*state["resumed"], t.step]
    t.warnings = list(state["warnings"])


def _failures(split: Split) -> list[list[Any]]:
    """Return (index, path, reason) of each image that has been found unreadable."""
    if not isinstance(split, CachedSplit):
        return []
    return [[index, path, reason] for index, (path, reason) in split.failures().items()]


def _cuda_generator(device: str) -> list[torch.Tensor]:
    """Return the generator state of this process's CUDA device, if it has one.

    Other CUDA devices are not queried: that would create a context of hundreds of MB on each.
    """
    return [torch.cuda.get_rng_state()] if device == "cuda" else []


def require_finite(t: Training) -> None:
    """Raise ``TrainError`` if the loss since the last line of the log, or a weight, is not finite."""
    if t.progress is not None and t.progress.line_meter.steps and not math.isfinite(t.progress.line_meter.loss):
        raise diverged(t.step, f"the loss is {t.progress.line_meter.loss}")
    tensors = t.objective.module.state_dict().items()
    bad = [name for name, x in tensors if x.is_floating_point() and not finite(x)]
    if t.world.any(bool(bad)):
        where = bad[0] if bad else "what another device holds"
        raise diverged(t.step, f"{where} has numbers that are infinite or NaN")


def finite(x: torch.Tensor) -> bool:
    """Whether all numbers are finite. One pass suffices: if any number is NaN, ``aminmax`` returns NaN for both."""
    return not x.numel() or all(math.isfinite(end) for end in torch.aminmax(x))


def diverged(step: int, what: str) -> TrainError:
    """Return the error for a training that has diverged."""
    return TrainError(f"{what} at step {step}: training has diverged", *CAUSES, "the checkpoints before it are intact")


def _progress_state(progress: EpochProgress) -> dict[str, Any]:
    return {
        "plan": dataclasses.asdict(progress.plan),
        "tally": dataclasses.asdict(progress.tally),
        "position": progress.position,
        "whole": progress.epoch_meter.state_dict(progress.waited),
        "line": progress.line_meter.state_dict(progress.waited),
    }


def _restored_progress(state: dict[str, Any], device: str) -> EpochProgress:
    return EpochProgress(
        Plan(**state["plan"]),
        Tally(**state["tally"]),
        state["position"],
        0.0,
        Meter.from_state(state["whole"], device),
        Meter.from_state(state["line"], device),
    )
