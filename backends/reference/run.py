"""Run a graph forward, and propagate gradients backward through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import RUNNING_STATISTICS, BatchNorm, CrossEntropy, Dropout, Input, Loss, RandomScale
from netspec.passes.label_grid import Slices, labels_of_losses

from .batch import updated_statistics
from .call import Array, Call, Labels, Statistics
from .table import OPS


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a forward pass, which ``backward`` needs.

    Parameters
    ----------
    graph:
        The network.
    weights:
        Its parameters by key, in float64.
    labels:
        The class numbers of the images, (N,), if given.
    calls:
        The arguments of each operation, by node name.
    values:
        The output of each operation, by node name: (N, *shape), or () for a loss. Without labels, losses have none.
    statistics:
        The running statistics of batch normalisations by key, updated if the run was a training step.
    """

    graph: Graph
    weights: Mapping[str, Array]
    labels: Labels | Array | None
    calls: Mapping[str, Call]
    values: Mapping[str, Array]
    statistics: Mapping[str, Array]

    @property
    def output(self) -> Array:
        """The output of the network. If that is a loss and there are no labels, the scores that the loss reads."""
        name = self.graph.output.name
        return self.values[name] if name in self.values else self.values[self.graph.scores.name]


@dataclass(frozen=True, slots=True)
class Gradients:
    """The gradients computed by ``backward``.

    Parameters
    ----------
    params:
        Gradients by parameter key, shaped like the parameter: summed over the uses of a shared parameter, and 0 for
        one that no seed depends on.
    values:
        Gradients by node name, shaped like the value, for the nodes that a seed depends on.
    """

    params: Mapping[str, Array]
    values: Mapping[str, Array]


def run(
    graph: Graph,
    weights: Mapping[str, ArrayLike],
    x: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    training: bool = False,
    drawn: Mapping[str, ArrayLike] = MappingProxyType({}),
    statistics: Mapping[str, ArrayLike] = MappingProxyType({}),
) -> Run:
    """Compute every value of a graph, in float64.

    Parameters
    ----------
    weights:
        Each parameter by its key.
    x:
        Preprocessed images, N,C,H,W (or N,F where the network reads vectors).
    labels:
        Class numbers from 0, (N,), or targets, (N, classes); of a dense network masks of the pixels of ``label_grid``,
        (N, rows, columns), in which 255 is unlabelled.
    training:
        Whether dropout is active, batch normalisation uses the statistics of the batch, and the cross-entropy has
        weights of the classes.
    drawn:
        The random numbers of nodes, by name. For ``Dropout``, required in training: 0 or 1 per choice,
        (N, *``Dropout.choices``). For ``NoisyRelu``, required: standard normal numbers, (N, *shape). For
        ``RandomScale``, required in training: four numbers in [0, 1).
    statistics:
        ``LAYER.running_mean`` and ``LAYER.running_var``, (C,) each; 0 and 1 if missing.

    Raises
    ------
    ValueError
        An argument is missing, or its shape does not match the graph.
    """
    images = np.asarray(x, dtype=np.float64)
    if images.shape[1:] != tuple(graph.input.output):
        raise ValueError(f"{graph.name} reads images of {graph.input.output}, not an array of shape {images.shape}")
    class_numbers: Labels | Array | None = None
    if labels is not None:
        class_numbers = np.asarray(labels, np.float64) if np.ndim(labels) == 2 else np.asarray(labels, np.int64)
    parameters = _parameters(graph, weights)
    buffers = _buffers(graph, statistics)
    weights_of_classes = graph.train.class_weights if training else None
    class_weights = np.array(weights_of_classes) if isinstance(weights_of_classes, tuple) else None
    grids = labels_of_losses(graph)
    calls: dict[str, Call] = {}
    values: dict[str, Array] = {}
    for node in graph.nodes.values():
        if (isinstance(node.op, Loss) and class_numbers is None) or any(name not in values for name in node.inputs):
            continue
        inputs = (images,) if isinstance(node.op, Input) else tuple(values[name] for name in node.inputs)
        call = Call(
            node.name,
            inputs,
            tuple(parameters[key] for key in node.params),
            training,
            _on_grid(class_numbers, grids.get(node.layer)),
            _drawn_for(node, inputs, drawn),
            Statistics(*(buffers[key] for key in _buffer_keys(node))) if isinstance(node.op, BatchNorm) else None,
            class_weights,
        )
        calls[node.name] = call
        values[node.name] = OPS[type(node.op)].forward(node.op, call)
        if training and isinstance(node.op, BatchNorm):
            buffers |= zip(_buffer_keys(node), updated_statistics(node.op, call), strict=True)
    return Run(graph, parameters, class_numbers, calls, values, buffers)


def backward(run: Run, seeds: Mapping[str, ArrayLike]) -> Gradients:
    """Propagate gradients from some values back to all values and parameters that they depend on.

    ``seeds`` holds the initial gradients by node name, shaped like the values of these nodes.

    Raises
    ------
    ValueError
        A seed is of an unknown value, or its shape is not that of the value.
    """
    values = {name: np.asarray(seed, dtype=np.float64) for name, seed in seeds.items()}
    for name, seed in values.items():
        if name not in run.values:
            raise ValueError(f"{run.graph.name} has no value {name}")
        if seed.shape != run.values[name].shape:
            raise ValueError(f"the seed of {name} has shape {seed.shape}, its value {run.values[name].shape}")
    params = {key: np.zeros_like(weight) for key, weight in run.weights.items()}
    for node in reversed(tuple(run.graph.nodes.values())):
        if node.name not in values:
            continue
        call, value = run.calls[node.name], run.values[node.name]
        by_inputs, by_params = OPS[type(node.op)].backward(node.op, call, value, values[node.name])
        for name, part in zip(node.inputs, by_inputs, strict=True):
            values[name] = values[name] + part if name in values else part
        for key, part in zip(node.params, by_params, strict=True):
            params[key] = params[key] + part
    return Gradients(params, values)


def training_loss(run: Run) -> float:
    """Return what training minimises: the weighted sum of the losses, or the cross-entropy of the scores without one.
    Of a dense network that is the mean over all labelled pixels, 0 if there are none.

    Raises
    ------
    ValueError
        The run had no labels, or there is no loss and the scores are an image whose labels are not masks.
    """
    if run.graph.losses:
        return sum(weight * float(run.values[name]) for name, weight in _loss_weights(run).items())
    return float(OPS[CrossEntropy].forward(CrossEntropy(), _scores_call(run)))


def loss_seeds(run: Run) -> dict[str, Array]:
    """Return the seeds for the gradients of ``training_loss``. Raises like that function."""
    if run.graph.losses:
        return {name: np.asarray(weight) for name, weight in _loss_weights(run).items()}
    one = np.ones(())
    (by_scores,) = OPS[CrossEntropy].backward(CrossEntropy(), _scores_call(run), one, one).inputs
    return {run.graph.scores.name: by_scores}


def _loss_weights(run: Run) -> dict[str, float]:
    if run.labels is None:
        raise ValueError(f"{run.graph.name}'s loss needs labels")
    return run.graph.loss_weights


def _scores_call(run: Run) -> Call:
    """Return the arguments of the loss of a graph without one, the cross-entropy of the class scores."""
    name = run.graph.scores.name
    return Call(name, (run.values[name],), labels=run.labels, class_weights=run.calls[name].class_weights)


def _on_grid(labels: Labels | Array | None, grid: Slices | None) -> Labels | Array | None:
    """Return those of the labels of pixels that a loss compares its scores with; all if ``grid`` is ``None``."""
    return labels if labels is None or grid is None else labels[:, grid[0], grid[1]]


def _parameters(graph: Graph, weights: Mapping[str, ArrayLike]) -> dict[str, Array]:
    if missing := [key for key in graph.parameters if key not in weights]:
        raise ValueError(f"{graph.name} also has the parameters {', '.join(missing)}")
    arrays = {key: np.asarray(weights[key], dtype=np.float64) for key in graph.parameters}
    for key, array in arrays.items():
        if array.shape != graph.parameters[key].shape:
            raise ValueError(f"{key} has shape {graph.parameters[key].shape}, not {array.shape}")
    return arrays


def _buffers(graph: Graph, statistics: Mapping[str, ArrayLike]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for node in graph.nodes.values():
        if isinstance(node.op, BatchNorm):
            for key, start in zip(_buffer_keys(node), RUNNING_STATISTICS.values(), strict=True):
                arrays[key] = np.asarray(statistics.get(key, np.full(node.output.channels, start)), dtype=np.float64)
                if arrays[key].shape != (node.output.channels,):
                    raise ValueError(f"{key} has shape {(node.output.channels,)}, not {arrays[key].shape}")
    return arrays


def _buffer_keys(node: Node) -> tuple[str, ...]:
    return tuple(f"{node.layer}.{word}" for word in RUNNING_STATISTICS)


def _drawn_for(node: Node, inputs: tuple[Array, ...], drawn: Mapping[str, ArrayLike]) -> Array | None:
    """Return the random numbers given for a node, or ``None``."""
    if node.name not in drawn:
        return None
    array = np.asarray(drawn[node.name], dtype=np.float64)
    shape: tuple[int, ...] = inputs[0].shape
    if isinstance(node.op, Dropout) and node.op.over != "units":
        shape = (shape[0], *node.op.choices(node.output))
    elif isinstance(node.op, RandomScale):
        shape = (4,)
    if array.shape != shape:
        raise ValueError(f"the random numbers of {node.name} have shape {array.shape}, not {shape}")
    return array
