"""Lines of a spec, and the lines that a file's layers are translated to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netspec.importers.cuda_convnet.layers.model import Image, Layer

WEIGHTED = {"conv": "filters", "local": "filters", "fc": "outputs"}
"""The types of lines with weights, and their keys for the number of outputs."""

OUTPUT = ""
"""The suffix of the line that has the same name as the layer, when a layer becomes several lines."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a spec, such as ``[conv1] conv inputs=data filters=96``.

    ``origin`` is the layer of the file that the line is, or is part of. ``comments`` are written above the line. Names
    are those of the layer file; some of them have to be changed in the spec.
    """

    name: str
    type: str
    inputs: tuple[str, ...]
    keys: Mapping[str, str]
    gpu: tuple[int, ...]
    origin: str
    comments: tuple[str, ...] = ()


@dataclass(slots=True)
class Lines:
    """The lines so far.

    ``values`` maps each layer to the line with its output, and ``before`` to the line with its output before the neuron
    if that is a line of its own. ``images`` maps each line to its value as an image (``None``: a vector).
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
        """Add a line and return its name."""
        name = layer.name + suffix
        while name in self.images:
            name += "_"
        self.all.append(Line(name, type_, tuple(inputs), dict(keys), layer.gpu, layer.name))
        self.images[name] = image
        return name

    def read(self, layer: Layer, index: int, image: Image | None, *, vector: bool = False) -> str:
        """Return the line with one of a layer's inputs, reshaped to ``image`` if given, or flattened if ``vector``."""
        name = self.value(layer, layer.inputs[index])
        current = self.images[name]
        if (image is None and not (vector and current is not None)) or (image is not None and current == image):
            return name
        if image is None:
            return self.flat(layer, index, name)
        size = f"{image.channels}x{image.side}x{image.side}"
        return self.add(layer, "reshape", {"size": size}, [name], image, f"-maps{index}")

    def flat(self, layer: Layer, index: int, name: str) -> str:
        """Return the line with an input of a layer, flattened to a vector if necessary."""
        return name if self.images[name] is None else self.add(layer, "flatten", {}, [name], None, f"-flat{index}")

    def input_lines(self, layer: Layer) -> list[str]:
        """Return the lines with all inputs of a layer, whatever their shapes."""
        return [self.value(layer, name) for name in layer.inputs]

    def value(self, layer: Layer, name: str) -> str:
        """Return the line with a layer's output. Raises ``SectionError`` if a layer other than a cost reads labels."""
        if name not in self.values:
            raise layer.options.report_error(
                "cfg-not-expressible", f"it reads {name}, which only costs can read", "inputs"
            )
        return self.values[name]


def is_list(value: str) -> bool:
    """Whether a key's text is a list of values per input: ``1,2``, but not ``gaussian(0.1, 0.5)``."""
    return "," in re.sub(r"\([^)]*\)", "", value)
