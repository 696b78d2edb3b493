"""Find costs that need labels that a spec does not have: its data only contain the class index of each image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netspec.formatting import plural
from netspec.importers.cuda_convnet.layers.model import Definition, Layer

CLASSES = 1
"""The ``dataIdx`` of class indices in a file without ``cost.logreg``. All known files use this one."""
_OF_CLASSES = ("cost.logreg", "cost.gsum2")
"""Costs that read the class of each image."""
_OF_VECTORS = ("cost.crossent", "cost.crossent2", "cost.rflickr", "cost.bce", "cost.dce")
"""Costs that compare every score with a label of its own."""


@dataclass(frozen=True, slots=True)
class _Classes:
    """The class indices in a file's data: their ``dataIdx``, and the number of classes and the name of the cost that
    reads them (0 and empty if there is none)."""

    index: int = CLASSES
    count: int = 0
    cost: str = ""


def costs_over_other_data(definition: Definition, compared_with: Mapping[str, tuple[str, str]]) -> frozenset[str]:
    """Return the costs whose labels are not among a spec's data, with a warning about each.

    ``compared_with`` maps costs of squared differences to their labels and the layer that these are compared with. If
    an image has as many labels as there are classes, they are assumed to be 1 for its class and 0 for the others, with
    a warning. This is done for only one data matrix.
    """
    classes = _classes(definition)
    vector_index: int | None = None
    left_out = set()
    for cost, labels, name in _comparisons(definition, compared_with):
        index, scores = labels.values["dataIdx"], definition.layers[name]
        if cost.type in _OF_CLASSES:
            has_labels = index == classes.index
        else:
            has_labels = _may_be_one_hot(scores, classes) and vector_index in (None, index)
            vector_index = index if has_labels else vector_index
        if not has_labels:
            note = f"the numbers of the classes are dataIdx={classes.index}; a spec has no other data"
            if classes.index == definition.data:
                note = "a spec has no data but the images and the numbers of their classes"
            message = f"{_other_labels(cost, index, scores, classes)}; the network is trained without this cost"
            cost.options.warn("cfg-left-out", message, "inputs", notes=(note,))
            left_out.add(cost.name)
        elif index == vector_index:
            message = f"its labels are {plural(scores.outputs, 'number')} per image, which are not in the file"
            cost.options.warn(
                "cfg-substitute", f"{message}; 1 for its class and 0 for the others are used instead", "inputs"
            )
    return frozenset(left_out)


def _other_labels(cost: Layer, index: int, scores: Layer, classes: _Classes) -> str:
    """Return what the labels of a cost are that a spec's data do not contain. ``index`` is their ``dataIdx``."""
    if cost.type == "cost.logreg":
        return f"its labels (dataIdx={index}) differ from those of {classes.cost}"
    if cost.type == "cost.gsum2":
        return f"its gate is a matrix of data (dataIdx={index}), neither the images nor the number of their class"
    return f"its labels (dataIdx={index}) are {plural(scores.outputs, 'number')} per image, not its class"


def _may_be_one_hot(scores: Layer, classes: _Classes) -> bool:
    """Whether labels for each value of a layer can be 1 for a class and 0 for the others.

    The layer must have several values, one per class if the number of classes is known, and no maps.
    """
    maps = scores.image is not None and scores.image.side > 1
    return scores.outputs > 1 and not maps and classes.count in (0, scores.outputs)


def _comparisons(
    definition: Definition, compared_with: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[Layer, Layer, str]]:
    """Yield each cost that reads labels, the layer of the labels, and the name of the layer compared with them."""
    for cost in definition.layers.values():
        if cost.name in compared_with:
            names = compared_with[cost.name]
        elif cost.type in (*_OF_CLASSES, *_OF_VECTORS):
            names = (cost.inputs[0], cost.inputs[1])
        else:
            continue
        labels = definition.layers[names[0]]
        if definition.is_labels(labels):
            yield cost, labels, names[1]


def _classes(definition: Definition) -> _Classes:
    """Return the class indices: the labels of a ``cost.logreg``, preferably one with the usual ``dataIdx``."""
    candidates = [
        _Classes(
            definition.layers[cost.inputs[0]].values["dataIdx"], definition.layers[cost.inputs[1]].outputs, cost.name
        )
        for cost in definition.layers.values()
        if cost.type == "cost.logreg"
    ]
    usual = [classes for classes in candidates if classes.index == CLASSES]
    return next(iter([*usual, *candidates]), _Classes())
