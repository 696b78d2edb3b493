"""The labels that costs compare with. A spec's data have the number of an image's class, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netspec.importers.cuda_convnet.layers.model import Definition, Layer
from netspec.units import plural

CLASSES = 1
"""``dataIdx`` of the numbers of the classes, where no ``cost.logreg`` says it: so have it all files that are known."""
_OF_VECTORS = ("cost.crossent", "cost.crossent2", "cost.rflickr", "cost.bce", "cost.dce")
"""Costs that compare each score with a number of its own."""


@dataclass(frozen=True, slots=True)
class _Classes:
    """``index``: the ``dataIdx`` of the numbers of the classes. ``count``: how many classes the cost over them tells
    apart, 0 where no cost reads them. ``cost``: its name."""

    index: int = CLASSES
    count: int = 0
    cost: str = ""


def over_other_data(definition: Definition, compared: Mapping[str, tuple[str, str]]) -> frozenset[str]:
    """The costs that nothing of a spec's data can be compared with; a warning says so of each. ``compared`` are the
    costs of squares over a difference: by name, the labels and the layer that they are the difference of.

    Labels of several numbers an image are taken to be 1 for its class and 0 for the others, with a warning, where there
    are as many as classes; those of one matrix, if there are several.
    """
    classes = _classes(definition)
    vectors: int | None = None
    left_out = set()
    for cost, labels, scores in _compared(definition, compared):
        index, made = labels.values["dataIdx"], definition.layers[scores]
        what = f"its labels (dataIdx={index}) are {plural(made.outputs, 'number')} an image, not its class"
        if cost.type == "cost.logreg":
            other = index != classes.index
            what = f"its labels (dataIdx={index}) are others than those of {classes.cost}"
        elif cost.type == "cost.gsum2":
            other = index != classes.index
            what = f"its gate is a matrix of data (dataIdx={index}), neither the images nor the number of their class"
        else:
            other = not _one_of_classes(made, classes) or vectors not in (None, index)
            vectors = vectors if other else index
        if other:
            note = f"the numbers of the classes are dataIdx={classes.index}; a spec has no other data"
            if classes.index == definition.data:
                note = "a spec has no data but the images and the numbers of their classes"
            cost.options.warn("cfg-left-out", f"{what}; it is trained without this cost", "inputs", notes=(note,))
            left_out.add(cost.name)
        elif index == vectors:
            what = f"its labels are {plural(made.outputs, 'number')} an image, which are not in the file"
            cost.options.warn(
                "cfg-substitute", f"{what}; 1 for its class and 0 for the others stand in for them", "inputs"
            )
    return frozenset(left_out)


def _one_of_classes(made: Layer, classes: _Classes) -> bool:
    """Whether numbers, one for each of a layer's, may be 1 for a class and 0 for the others: neither one alone, nor
    maps, nor more or fewer than there are classes."""
    maps = made.image is not None and made.image.side > 1
    return made.outputs > 1 and not maps and classes.count in (0, made.outputs)


def _compared(definition: Definition, compared: Mapping[str, tuple[str, str]]) -> Iterator[tuple[Layer, Layer, str]]:
    """Each cost that reads labels: the cost, the layer of the labels, and the name of what is compared with them."""
    for cost in definition.layers.values():
        if cost.name in compared:
            names = compared[cost.name]
        elif cost.type in ("cost.logreg", "cost.gsum2", *_OF_VECTORS):
            names = (cost.inputs[0], cost.inputs[1])
        else:
            continue
        labels = definition.layers[names[0]]
        if definition.is_labels(labels):
            yield cost, labels, names[1]


def _classes(definition: Definition) -> _Classes:
    """The labels of the first ``cost.logreg``, or of that whose labels stand where they usually do."""
    found = [
        _Classes(
            definition.layers[cost.inputs[0]].values["dataIdx"], definition.layers[cost.inputs[1]].outputs, cost.name
        )
        for cost in definition.layers.values()
        if cost.type == "cost.logreg"
    ]
    usual = [classes for classes in found if classes.index == CLASSES]
    return next(iter([*usual, *found]), _Classes())
