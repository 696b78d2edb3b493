"""A graph as one module that runs its layers in the order of the spec."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from netspec.ir.graph import Graph
from netspec.ir.graph import Layer as LayerOfFile
from netspec.ir.ops import Loss
from netspec.ir.shape import Shape
from netspec.passes.fast import PLAIN, Forms
from netspec.passes.label_grid import Slices, labels_of_losses
from netspec.passes.phases import phases
from netspec.passes.torch_names import attributes, state_keys

from .layer import LABELS, Layer
from .ops.losses import class_weights, cross_entropy, keep_class_weights, on_grid, share_of_labels, share_of_loss
from .ops.precision import widened


@dataclass(frozen=True, slots=True)
class Step:
    """The call of one layer: its attribute, its arguments (values and parameters by name), and the name of its value.

    ``last_read`` names the values that no later step reads. ``grid`` are the labels that a loss of pixels reads;
    ``None``: all.
    """

    attribute: str
    arguments: tuple[str, ...]
    value: str
    last_read: tuple[str, ...] = ()
    grid: Slices | None = None


class Term(NamedTuple):
    """A loss: its step, its weight, and whether it compares scores with labels, also if these are masks."""

    step: Step
    weight: float
    labelled: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a network runs: the steps of each phase (see ``netspec.passes.phases``).

    ``net`` is the name of the net, ``image`` that of its input layer, ``size`` the shape of the input. ``scores`` and
    ``output`` name values. ``labelled``: the output depends on labels. ``parameters`` maps keys of parameters to their
    keys in the module. ``dense``: the scores are maps.
    """

    net: str
    image: str
    size: Shape
    trunk: tuple[Step, ...]
    tail: tuple[Step, ...]
    losses: tuple[Term, ...]
    parameters: dict[str, str]
    labelled: bool
    scores: str
    output: str
    label_smoothing: float
    dense: bool

    def scores_of(self, values: dict[str, Tensor]) -> Tensor:
        """Return the class scores among the values of the trunk: N,C, or N,C,H,W of a dense network."""
        scores = values[self.scores]
        return scores if self.dense else scores.flatten(1)


class Network(nn.Module):
    """The module of a graph. Its children are the layers of the spec, by name.

    ``forward(images)`` returns the value of the spec's last layer. If that is a loss, ``forward(images, labels)``
    returns the loss, a scalar, and ``forward(images)`` the class scores that it reads. Images are preprocessed,
    N,C,H,W; labels are N class numbers or, of a dense network, masks as in ``training_loss``. If ``forms.images`` is
    set, images may also be given as blocks of pixels.
    """

    _plan: Plan

    def __init__(self, graph: Graph, seed: int, forms: Forms) -> None:
        super().__init__()
        names = attributes(graph)
        for layer in graph.layers.values():
            if layer.name != graph.input.layer:
                self.add_module(names[layer.name], Layer(graph, layer, seed, forms))
        keep_class_weights(self, graph.train)
        self._plan = _plan(graph, self)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        if torch.compiler.is_compiling():
            return self._value(images, labels)
        try:
            return self._value(images, labels)
        except (IndexError, RuntimeError, TypeError) as error:
            self._add_input_note(error, images)
            raise

    def _add_input_note(self, error: Exception, images: object) -> None:
        """Add a note to an error of torch, if the images do not have the shape and type that the network reads."""
        expected, dtype = self._plan.size, next((p.dtype for p in self.parameters()), None)
        actual = f"{images.dtype} of {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        fits = isinstance(images, Tensor) and tuple(images.shape[1:]) == expected and dtype in (None, images.dtype)
        if not fits:
            reads = f"{dtype or 'tensors'} of (N, {', '.join(map(str, expected))})"
            error.add_note(f"{self._plan.net} reads {reads}, and is given {actual}")

    def _value(self, images: Tensor, labels: Tensor | None) -> Tensor:
        plan, values = self._plan, _trunk(self, images)
        if plan.labelled:
            if labels is None:
                return values[plan.scores]
            values[LABELS] = labels
        _run(self, plan.tail, values)
        return values[plan.output]

    def extra_repr(self) -> str:
        return self._plan.net


def module(graph: Graph, seed: int = 0, forms: Forms = PLAIN) -> Network:
    """Return the module of a graph, in float32 on the CPU, with initial values drawn from the seed.

    ``forms`` says how optimising passes compute operations. ``forms.channels_last`` is not applied here: the caller
    does so when moving the module to a device.
    """
    return Network(graph, seed, forms)


def class_scores(model: Network, images: Tensor) -> Tensor:
    """Return the class scores, N,C or, of a dense network, N,C,H,W: what the last loss or softmax reads, or else the
    output."""
    return widened(model._plan.scores_of(_trunk(model, images)))


def training_loss(model: Network, images: Tensor, labels: Tensor, batch: Tensor | None = None) -> Tensor:
    """Return the scalar that training minimises: the weighted sum of the losses, or else the cross-entropy of the
    class scores.

    Labels are N class numbers, targets (N, classes), or masks (N, H, W) in bytes, with the classes of the pixels of
    ``label_grid``. In training mode, label smoothing and weights of the classes apply as set on the spec's train line.

    ``batch`` are the labels of a batch of which the images are a part. The result is then what they contribute to the
    loss of that batch: each mean loss is multiplied by its share in that of the batch.
    """
    plan, values, weights = model._plan, _trunk(model, images), class_weights(model)
    if not plan.losses:
        smoothing = plan.label_smoothing * model.training
        total = cross_entropy(plan.scores_of(values), labels, smoothing, weights)
        return total if batch is None else total * share_of_labels(labels, batch, weights)
    values[LABELS] = labels
    _run(model, [loss.step for loss in plan.losses], values)
    terms = [loss.weight * values[loss.step.value] for loss in plan.losses]
    if plan.dense and batch is not None:  # each is the mean over pixels of its own
        terms = [
            term * share_of_loss(labels, batch, loss.step.grid, weights, labelled=loss.labelled)
            for term, loss in zip(terms, plan.losses, strict=True)
        ]
    total = sum(terms[1:], terms[0])
    return total if plan.dense or batch is None else total * share_of_labels(labels, batch, weights)


def _trunk(model: Network, images: Tensor) -> dict[str, Tensor]:
    """Return the values that later phases read, including the scores."""
    values = {model._plan.image: images}
    _run(model, model._plan.trunk, values)
    return values


def _run(model: Network, steps: Iterable[Step], values: dict[str, Tensor]) -> None:
    """Add the value of each step to ``values``, and delete values that are not read again."""
    keys = model._plan.parameters
    for step in steps:
        arguments = [values[name] if name not in keys else model.get_parameter(keys[name]) for name in step.arguments]
        if step.grid is not None:
            labels = step.arguments.index(LABELS)
            arguments[labels] = on_grid(arguments[labels], step.grid)
        values[step.value] = getattr(model, step.attribute)(*arguments)
        del arguments
        for name in step.last_read:
            del values[name]


def _plan(graph: Graph, model: nn.Module) -> Plan:
    names, parts, of_pixels = attributes(graph), phases(graph), labels_of_losses(graph)

    def step(layer: LayerOfFile) -> Step:
        child = model.get_submodule(names[layer.name])
        assert isinstance(child, Layer)
        return Step(names[layer.name], child.reads, layer.name, grid=of_pixels.get(layer.name))

    losses = [node.op for node in graph.losses if isinstance(node.op, Loss)]
    kept = {*parts.carried, graph.input.layer}
    return Plan(
        net=graph.name,
        image=graph.input.layer,
        size=graph.input.output,
        trunk=_with_last_reads([step(layer) for layer in parts.trunk], kept),
        tail=tuple(step(layer) for layer in parts.tail),
        losses=tuple(Term(step(layer), op.weight, op.labelled) for layer, op in zip(parts.losses, losses, strict=True)),
        parameters=state_keys(graph),
        labelled=parts.labelled,
        scores=parts.carried[0],
        output=graph.output.layer,
        label_smoothing=graph.train.label_smoothing,
        dense=graph.is_dense,
    )


def _with_last_reads(steps: list[Step], kept: set[str]) -> tuple[Step, ...]:
    """Return the steps of the trunk, each with the values that can be freed after it. Values in ``kept`` never are."""
    read_later, result = set(kept), list[Step]()
    trunk_values = {step.value for step in steps}
    for step in reversed(steps):
        last = tuple(name for name in dict.fromkeys(step.arguments) if name in trunk_values and name not in read_later)
        read_later.update(last)
        result.append(replace(step, last_read=last))
    return tuple(reversed(result))
