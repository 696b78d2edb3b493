"""A network that was not trained here: a spec, with weights that somebody has published."""

from __future__ import annotations

from pathlib import Path

from netspec.net import Net
from netspec.train.assembly import measured, preparation
from netspec.train.config import Request, resolve
from netspec.train.data.loader import Loader
from netspec.train.data.source import open_source
from netspec.train.learning.objective import build
from netspec.train.reporting.console import Reporter
from netspec.train.runs.saved import Saved, sha256
from netspec.train.tensors.weights import Weights, fit


def as_run(net: Net, path: Path, weights: Weights, source: str, batch: int | None, reporter: Reporter) -> Saved:
    """The network with these weights, as if it had been trained on the source: the classes are the source's, and so is
    the mean of the training images, if the spec subtracts one. ``path`` is what the user calls it.

    Raises
    ------
    TrainError
        The weights do not fit the network, or the source does not.
    """
    module = build(net.graph, 0, "cpu").module
    fit(net.graph, module, weights)
    config = resolve(Request(source, batch=batch, device="cpu"), net.graph.train)
    data = open_source(source, net.graph, 0)
    with Loader(config.workers, lambda problem: None) as loader:  # the test itself names what cannot be read
        statistics = measured(net.graph, data, config, loader, reporter)
    before = net.graph.preprocessing
    if statistics is not None and before.measured:
        told = [key for key in ("mean", "std") if getattr(before, key) in ("image", "channel")]
        whose = "mean and std are those" if len(told) == 2 else f"the {told[0]} is that"
        reporter.note(f"{whose} of {statistics.images} training images of {data.source}")
    prepare = preparation(net.graph, data, statistics, "cpu")
    state = {
        "step": 0,
        "seed": 0,
        "spec": net.source.text,
        "spec_sha256": sha256(net.source.text),
        "classes": list(data.classes),
        "weights": module.state_dict(),
        "preparation": prepare.kept(),
        "settings": {"data": source},
    }
    return Saved(path, None, net, state, {})
