"""Layers as lines of a spec: which types and keys say what the original computed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netspec.importers.cuda_convnet.layers.model import Image, Layer

OUTPUT = ""
"""What stands for a layer's own name in the name of a line that it becomes together with others."""


@dataclass(frozen=True, slots=True)
class Line:
    """``[conv1] conv inputs=data filters=96``: a layer of a spec. ``origin`` is the layer of the file that it is (a
    part of); ``comments`` stand above it. Names are the file's, which a spec may have to write otherwise."""

    name: str
    type: str
    inputs: tuple[str, ...]
    keys: Mapping[str, str]
    gpu: tuple[int, ...]
    origin: str
    comments: tuple[str, ...] = ()


@dataclass(slots=True)
class Lines:
    """The lines so far, and what the layers that they are made of come to.

    ``values`` says which line has what a layer's readers read, ``before`` the same without the layer's neuron where
    that is a line of its own, ``images`` what each line's value is (``None``: a vector).
    """

    all: list[Line] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    images: dict[str, Image | None] = field(default_factory=dict)

    def add(
        self,
        layer: Layer,
        type_: str,
        keys: Mapping[str, str],
        inputs: Sequence[str],
        image: Image | None,
        suffix: str = OUTPUT,
    ) -> str:
        """Add a line; the answer is its name."""
        name = layer.name + suffix
        while name in self.images:
            name += "_"
        self.all.append(Line(name, type_, tuple(inputs), dict(keys), layer.gpu, layer.name))
        self.images[name] = image
        return name

    def read(self, layer: Layer, index: int, wanted: Image | None, *, vector: bool = False) -> str:
        """The line of one of a layer's inputs, laid out as the maps that the layer takes it for; with ``vector``, as
        none."""
        name = self.value(layer, layer.inputs[index])
        has = self.images[name]
        if (wanted is None and not (vector and has is not None)) or (wanted is not None and has == wanted):
            return name
        if wanted is None:
            return self.flat(layer, index, name)
        size = f"{wanted.channels}x{wanted.side}x{wanted.side}"
        return self.add(layer, "reshape", {"size": size}, [name], wanted, f"-maps{index}")

    def flat(self, layer: Layer, index: int, name: str) -> str:
        """A line's value, which is one of a layer's inputs, as a vector."""
        return name if self.images[name] is None else self.add(layer, "flatten", {}, [name], None, f"-flat{index}")

    def plain(self, layer: Layer) -> list[str]:
        """The names of the lines that have the values of all inputs, laid out as they are."""
        return [self.value(layer, name) for name in layer.inputs]

    def value(self, layer: Layer, name: str) -> str:
        """The line that has a layer's value. Raises ``Refused`` where another layer than a cost reads labels."""
        if name not in self.values:
            raise layer.options.refuse("cfg-not-expressible", f"it reads {name}, which only costs can read", "inputs")
        return self.values[name]


def several(values: Sequence[str]) -> str:
    """A key's values for each input: one, where all are the same."""
    return values[0] if len(set(values)) == 1 else ",".join(values)


def is_list(value: str) -> bool:
    """Whether a key's text is a value for each input: ``1,2``, but not ``gaussian(0.1, 0.5)``."""
    return "," in re.sub(r"\([^)]*\)", "", value)
