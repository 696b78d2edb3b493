"""The weights that a training starts from: drawn from the seed, or taken from a file."""

from __future__ import annotations

from typing import Any

from netspec.ir.graph import Graph
from netspec.passes.fast import Where, chosen, forms_of
from netspec.train.config import Config, Request
from netspec.train.errors import RequestError
from netspec.train.learning.objective import Objective, build
from netspec.train.reporting.console import Reporter
from netspec.train.tensors.fitting import fit, other_preparation
from netspec.train.tensors.weights import read_weights
from netspec.units import plural


def network(graph: Graph, config: Config) -> Objective:
    """The network as it is drawn, on its device, in the forms of the passes that are on."""
    where = Where("cuda" if config.device == "cuda" else "cpu", config.precision)
    at_once = -(-config.batch // graph.train.accumulate)
    forms = forms_of(graph, chosen(where, config.without), at_once)
    return build(graph, config.seed, config.device, forms)


def begin(graph: Graph, config: Config, request: Request, reporter: Reporter) -> tuple[Objective, dict[str, Any]]:
    """The network before its first step, and what ``run.json`` records of where its weights come from: nothing, or
    under ``weights`` the file, its SHA-256, and the layers that start fresh or were left out.

    Raises
    ------
    RequestError
        There is no such file, or layers are to start fresh that are not there.
    TrainError
        The file's weights do not fit the network.
    """
    objective = network(graph, config)
    if request.weights is None:
        if request.fresh:
            raise RequestError("--fresh says which layers are not taken from --weights, and there is no --weights")
        return objective, {}
    weights = read_weights(request.weights, reporter.warn)
    fitted = fit(graph, objective.module, weights, request.fresh)
    told = [plural(fitted.taken, "tensor") + f" from {weights.path}"]
    told += [f"{', '.join(fitted.fresh)} fresh"] if fitted.fresh else []
    told += [f"the file's {', '.join(fitted.left_out)} left out"] if fitted.left_out else []
    reporter.note(f"starting weights: {'; '.join(told)}")
    if other := other_preparation(graph, weights):
        reporter.warn(f"{weights.path} was trained on pixels prepared otherwise: {'; '.join(other)}")
    facts = {**weights.facts(), "fresh": list(fitted.fresh), "left_out": list(fitted.left_out)}
    return objective, {"weights": facts}
