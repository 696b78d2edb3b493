"""A graph of operators as plain data. The operators are ONNX's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Sizes = tuple[int, ...]

BATCH = 7
"""The number of images of a graph that is for any number of them. No axis of a real model has this length by chance, so
that an operator which mixes images is noticed."""


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A constant: a parameter, or what the file computes from constants. ``read`` returns its values.

    ``name`` is its own name in the file; the name under which a node reads it may be another.
    """

    name: str
    shape: Sizes
    read: Callable[[], Array]

    @property
    def size(self) -> int:
        """The number of values."""
        return math.prod(self.shape)

    def values(self) -> NDArray[np.floating]:
        """Return the values as float64 if they are, else as float32."""
        values = self.read()
        return np.asarray(values, dtype=np.float64 if values.dtype == np.float64 else np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An operator of the graph. ``op`` is its type, with the domain in front unless that is ONNX's own.

    ``inputs`` has ``""`` for an optional input that is left out. ``module`` is the module that the node comes from,
    ``features.2``, if the exporter records it. A node in place of a group that was recognised has the name of the
    group's last node, and its ``op`` is that of a single operator that computes the same. ``called`` is what messages
    call the operator, if not ``op``. ``reason`` is why a spec cannot express it, if whoever made the graph knows, and
    ``place`` where it is in a program, if it has no name. The attribute ``learning`` has the keys of the
    line of a layer with weights that say how they are learnt.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    module: str = ""
    called: str = ""
    reason: str = ""
    place: str = ""

    @property
    def operator(self) -> str:
        """What messages call the operator."""
        return self.called or self.op


@dataclass(frozen=True)
class Model:
    """A graph whose constants and sizes are known.

    ``nodes`` are in the order of the computation, and each is needed for an output. ``tensors`` are the constants, and
    ``shapes`` the shapes of all other values as far as ONNX can infer them, the batch included. ``batch`` is the number
    of images that these shapes are for. ``input`` is the name of the value with the images, ``channels_last`` says that
    its axes are N,H,W,C, and ``order_is_guess`` that nothing in the file says so or the contrary. ``opset`` is the
    version of the operator set, ``about`` the metadata. ``whole`` are the computed values that are whole numbers or
    truth values, and ``counts`` the constants with real numbers that depend on the number of images. ``exact``: numbers
    are those that somebody wrote, not rounded to float32 or fewer digits; ``half``: they are rounded to float16.
    ``titles`` are what the user calls outputs, by their names, if the model is a program that names them.
    """

    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    shapes: Mapping[str, Sizes]
    batch: int
    input: str
    channels_last: bool
    outputs: tuple[str, ...]
    opset: int
    whole: frozenset[str] = frozenset()
    counts: frozenset[str] = frozenset()
    producer: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    exact: bool = False
    half: bool = False
    order_is_guess: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def producers(self) -> dict[str, Node]:
        """The node that computes each value."""
        return {value: node for node in self.nodes for value in node.outputs if value}

    @cached_property
    def readers(self) -> dict[str, list[Node]]:
        """The nodes that read each value. A node that reads it twice is there twice."""
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for value in node.inputs:
                readers.setdefault(value, []).append(node)
        return readers

    def read_once(self, value: str) -> bool:
        """Whether a single node reads a value, once, and it is not an output of the graph."""
        return len(self.readers.get(value, ())) == 1 and value not in self.outputs

    def number(self, value: str) -> float | None:
        """Return a constant that has a single value, the same for any number of images; ``None`` for anything else."""
        tensor = self.tensors.get(value)
        if tensor is None or tensor.size != 1 or value in self.counts:
            return None
        return float(tensor.values().reshape(-1)[0])

    def axes_of(self, node: Node) -> list[int] | None:
        """Return the axes that an operator is for: an attribute, or an input since operator sets 13 and 18.

        ``None`` if it states none, or reads them as a computed value.
        """
        axes = node.attributes.get("axes")
        if axes is None and len(node.inputs) > 1 and (tensor := self.tensors.get(node.inputs[1])) is not None:
            axes = tensor.read().reshape(-1)
        return None if axes is None else [int(axis) for axis in axes]


def needed(nodes: Sequence[Node], outputs: Iterable[str]) -> Iterator[Node]:
    """Return the nodes on which the outputs depend, in their order."""
    wanted, kept = {*outputs}, []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            kept.append(node)
    return reversed(kept)


REAL_TYPES = (1, 10, 11, 16)
"""The numbers of ONNX's types float32, float16, float64 and bfloat16."""

COMPUTED = "it reads a computed value where a spec has parameters or numbers"
"""Why weights that depend on the images cannot be expressed."""
