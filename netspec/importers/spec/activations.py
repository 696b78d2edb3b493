"""Write activation functions at the layers that they are applied to, as ``neuron=``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from netspec import layers
from netspec.importers.spec.lines import Line
from netspec.keys.neurons import NEURONS

L = TypeVar("L", bound=Line[Any, Any])

SEPARATE = ("linear", "log", "sqrt")
"""Functions that stay lines of their own: they are steps of a computation rather than activations."""


@dataclass(frozen=True, slots=True)
class Merged(Generic[L]):
    """The lines that remain, and for each number of a line before, its number now."""

    lines: tuple[L, ...]
    numbers: tuple[int, ...]


def with_neurons(lines: Sequence[L], outputs: Collection[int]) -> Merged[L]:
    """Merge each activation function into the line that it reads, if it alone reads it. ``outputs`` are the lines whose
    values the model returns."""
    readers = Counter(number for line in lines for number in line.inputs)
    kept: list[L] = []
    numbers: list[int] = []
    for line in lines:
        source = kept[numbers[line.inputs[0]]] if line.inputs else None
        if (
            source is not None
            and line.type in NEURONS
            and line.type not in SEPARATE
            and readers[line.inputs[0]] == 1
            and line.inputs[0] not in outputs
            and _takes_neuron(source)
        ):
            source.keys["neuron"] = _written(line)
            numbers.append(numbers[line.inputs[0]])
            continue
        line.renumber(numbers.__getitem__)
        kept.append(line)
        numbers.append(len(kept) - 1)
    return Merged(tuple(kept), tuple(numbers))


def _takes_neuron(line: Line[Any, Any]) -> bool:
    layer_type = layers.find(line.type)
    return (
        layer_type is not None
        and any(key.name == "neuron" for key in layer_type.keys)
        and "neuron" not in line.keys
        and line.type != "dropout"
    )


def _written(line: Line[Any, Any]) -> str:
    """Return a function as a value of ``neuron=``: ``relu``, ``tanh(1.7159, 0.667)``."""
    arguments = NEURONS[line.type].arguments
    last = max((place for place, a in enumerate(arguments) if a.name in line.keys), default=-1)
    values = [line.keys.get(a.name, f"{a.default:g}") for a in arguments[: last + 1]]
    return f"{line.type}({', '.join(values)})" if values else line.type
