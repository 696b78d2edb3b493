"""The initial weights of a training: drawn from the seed, or loaded from a file."""

from __future__ import annotations

from typing import Any

from netspec.formatting import plural
from netspec.ir.graph import Graph
from netspec.passes.fast import ComputeTarget, enabled_passes, forms_of
from netspec.train.config import Config, Request
from netspec.train.errors import RequestError
from netspec.train.learning.objective import Objective, build
from netspec.train.reporting.console import Reporter
from netspec.train.tensors.fitting import fit, other_preparation
from netspec.train.tensors.weights import read_weights


def random_network(graph: Graph, config: Config) -> Objective:
    """Build the network with random initial weights, on its device, in the forms of the enabled passes."""
    where = ComputeTarget(config.device, config.precision)
    forms = forms_of(graph, enabled_passes(where, config.without), graph.train.images_at_once(config.batch))
    return build(graph, config.seed, config.device, forms)


def initial_network(
    graph: Graph, config: Config, request: Request, reporter: Reporter
) -> tuple[Objective, dict[str, Any]]:
    """Return the network before its first step, and what ``run.json`` records about the origin of its weights.

    The record is empty for random weights. For loaded ones, ``weights`` has the file, its SHA-256, and the layers that
    start fresh or were left out.

    Raises
    ------
    RequestError
        The file or a layer in ``--fresh`` does not exist.
    TrainError
        The file's weights do not fit the network.
    """
    objective = random_network(graph, config)
    if request.weights is None:
        if request.fresh:
            raise RequestError("--fresh says which layers are not taken from --weights, and there is no --weights")
        return objective, {}
    weights = read_weights(request.weights, reporter.warn)
    fitted = fit(graph, objective.module, weights, request.fresh)
    parts = [plural(fitted.taken, "tensor") + f" from {weights.path}"]
    if fitted.fresh:
        parts.append(f"{', '.join(fitted.fresh)} fresh")
    if fitted.left_out:
        parts.append(f"the file's {', '.join(fitted.left_out)} left out")
    reporter.note(f"starting weights: {'; '.join(parts)}")
    if differences := other_preparation(graph, weights):
        reporter.warn(f"{weights.path} was trained on pixels prepared otherwise: {'; '.join(differences)}")
    facts = {**weights.facts(), "fresh": list(fitted.fresh), "left_out": list(fitted.left_out)}
    return objective, {"weights": facts}
