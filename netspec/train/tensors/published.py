"""Networks that were not trained here: a spec with published weights, presented as a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from netspec.net import Net
from netspec.train.config import Request, resolve
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.source import open_source, stored_frame
from netspec.train.data.sources.decode import PEAK
from netspec.train.data.sources.text_lines import text_lines
from netspec.train.errors import RequestError
from netspec.train.measuring import training_statistics
from netspec.train.reporting.console import Reporter
from netspec.train.runs.reading import sha256
from netspec.train.runs.saved import Saved
from netspec.train.tensors.fitting import module_with
from netspec.train.tensors.weights import Weights


def as_run(net: Net, path: Path, weights: Weights, source: str, batch: int | None, reporter: Reporter) -> Saved:
    """Return the network with these weights as if it had been trained on ``source``.

    The classes are those of the source, and so is the mean of the training images, if the spec subtracts one. ``path``
    is the name to show to the user.

    Raises
    ------
    TrainError
        The weights or the source do not fit the network, or the weights were trained on another pixel range.
    """
    module = module_with(net.graph, weights)
    config = resolve(Request(source, batch=batch, device="cpu"), net.graph.train)
    data = open_source(source, net.graph, 0)
    preprocessing, statistics = net.graph.preprocessing, None
    if preprocessing.measured:  # not for the colours, which change images in training alone
        # unreadable images are reported by the evaluation
        with Loader(config.workers, lambda problem: None) as loader:
            statistics = training_statistics(net.graph, data, config.batch, loader, reporter)
    if statistics is not None:
        measured_keys = [key for key in ("mean", "std") if getattr(preprocessing, key) in ("image", "channel")]
        whose = "mean and std are those" if len(measured_keys) == 2 else f"the {measured_keys[0]} is that"
        reporter.note(f"{whose} of {statistics.images} training images of {data.source}")
    prepare = Preparation.for_graph(net.graph, statistics, data.frame, data.peak, "cpu")
    return _saved(net, path, module, data.classes, prepare.state(), {"data": source})


def without_data(net: Net, path: Path, weights: Weights, classes: Sequence[str] | None) -> Saved:
    """Return the network with these weights, without training images.

    To be applied to images, its spec must give the mean and standard deviation as numbers. Without ``classes``, the
    classes are named by their numbers, from 0.

    Raises
    ------
    TrainError
        The weights do not fit the network, were trained on another pixel range, or the number of class names is wrong.
    """
    graph = net.graph
    module = module_with(graph, weights)
    names = tuple(classes) if classes is not None else tuple(map(str, range(graph.scores.output.channels)))
    preparation: dict[str, Any] = {}
    if graph.input.output.is_image and not graph.preprocessing.measured:
        preparation = Preparation.for_graph(graph, None, stored_frame(graph), PEAK, "cpu").state()
    return _saved(net, path, module, names, preparation, {}).with_classes(names)


def named_classes(path: Path) -> tuple[str, ...]:
    """Read class names from a file with one per line. Raises ``TrainError`` if it cannot be read."""
    try:
        return tuple(text_lines(path))
    except OSError as problem:
        raise RequestError(f"cannot read {path}: {problem.strerror or problem}") from problem


def _saved(
    net: Net,
    path: Path,
    module: nn.Module,
    classes: Sequence[str],
    preparation: dict[str, Any],
    settings: dict[str, Any],
) -> Saved:
    state = {
        "step": 0,
        "seed": 0,
        "spec": net.source.text,
        "spec_sha256": sha256(net.source.text),
        "classes": list(classes),
        "weights": module.state_dict(),
        "preparation": preparation,
        "settings": settings,
    }
    return Saved(path, None, net, state)
