"""What a layer type of the format is, and what its section is read with."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from netspec.importers.cuda_convnet.layers.model import Dialect, Image, Layer
from netspec.importers.cuda_convnet.options import Options, Refused
from netspec.importers.cuda_convnet.reading import Section

BOTH: tuple[Dialect, ...] = ("2012", "v2")
ONLY_2012: tuple[Dialect, ...] = ("2012",)
ONLY_V2: tuple[Dialect, ...] = ("v2",)
ANY: tuple[int, int | None] = (1, None)
ONE: tuple[int, int | None] = (1, 1)
TWO: tuple[int, int | None] = (2, 2)
COMMON = ("type", "inputs", "gpu", "neuron")


@dataclass(frozen=True, slots=True)
class Site:
    """A section with what is known about it before its type is looked at."""

    options: Options
    dialect: Dialect
    inputs: tuple[Layer, ...]
    gpu: tuple[int, ...]
    above: Mapping[str, Layer]
    learning: Collection[str]
    """The layers above the section that have weights, or read such layers, whatever is between."""
    passed: dict[tuple[str, int], str]
    """The layer and GPU that each ``pass`` above the section passes on, with its name."""
    placed: bool = True
    """Whether a section of the file says ``gpu=``; files without are older, and have habits of their own."""
    refused: Collection[str] = ()
    """The sections above it that were given up."""

    def named(self, name: str) -> Layer | None:
        """A layer above the section by its name. Raises ``Refused`` for one that was given up, which has been told."""
        if name in self.refused:
            raise Refused
        return self.above.get(name)

    @property
    def repeat(self) -> bool:
        """Whether a single entry of a list serves all inputs."""
        return self.dialect == "v2"

    def channels(self, multiple_of_4: bool = True) -> tuple[Image, ...]:
        """The images that the inputs are taken for, from ``channels``."""
        given = self.options.integers("channels", len(self.inputs), None, self.repeat, 1)
        return tuple(self.image(i, c, multiple_of_4) for i, c in enumerate(given))

    def image(self, index: int, channels: int, multiple_of_4: bool = False) -> Image:
        """One input as square maps of so many channels. Refuses what is no stack of these."""
        units = self.inputs[index].outputs
        if units < 0:
            raise self.options.refuse(
                "cfg-not-expressible", f"it reads {self.inputs[index].name}, labels that only costs can read", "inputs"
            )
        side = math.isqrt(units // channels)
        if side < 1 or channels * side**2 != units:
            raise self.options.refuse(
                "cfg-not-square",
                f"its input {self.inputs[index].name} is no stack of {channels} square maps",
                "channels",
                notes=(f"{units:,} numbers / {channels} channels = {units / channels:,.6g}, not a square",),
            )
        if multiple_of_4 and channels > 3:
            self.options.divisible("channels", channels, 4)
        return Image(channels, side)

    def weights_below(self) -> bool:
        """Whether an input has weights, or reads such layers through whatever is between."""
        return any(layer.name in self.learning for layer in self.inputs)

    def no_weights_below(self, word: str) -> None:
        """Refuse a layer through which the original sends no gradient over one that needs it."""
        if self.weights_below():
            raise self.options.refuse(
                "cfg-no-gradient", f"{word} sends no gradient, and layers with weights stand below it", "inputs"
            )

    def layer(self, type_: str, outputs: int, **more: Any) -> Layer:
        """The layer that this section becomes. Refuses labels as the input of anything but a cost or a sum."""
        names = tuple(layer.name for layer in self.inputs)
        reads = more.pop("reads", (None,) * len(names))
        if any(layer.outputs < 0 for layer in self.inputs) and not type_.startswith("cost.") and type_ != "eltsum":
            raise self.options.refuse("cfg-not-expressible", "it reads labels, which only costs can read", "inputs")
        return Layer(self.options.name, type_, names, self.gpu, outputs, self.options, reads=reads, **more)


@dataclass(frozen=True, slots=True)
class Kind:
    """A layer type: in which versions it is, how many layers it reads, and the keys of its own."""

    word: str
    define: Callable[[Site], Layer]
    inputs: tuple[int, int | None]
    keys: tuple[str, ...] = ()
    dialects: tuple[Dialect, ...] = BOTH
    special: Mapping[Dialect, tuple[str, ...]] = field(default_factory=dict)
    """Keys that only one version has."""

    def reads(self, number: int) -> bool:
        """Whether it may read so many layers."""
        least, most = self.inputs
        return least <= number and (most is None or number <= most)

    def known(self, dialect: Dialect) -> tuple[str, ...]:
        """The keys that are read. A cost has no neuron."""
        common = [key for key in COMMON if key != "neuron" or not self.word.startswith("cost.")]
        return (*common, *self.keys, *self.special.get(dialect, ()))


def inputs_of(section: Section) -> list[str]:
    """The names that a section reads, whether they are layers or not."""
    option = section.options.get("inputs")
    return [name.strip() for name in option.text.split(",")] if option else []


def table(*kinds: Kind) -> dict[str, Kind]:
    """Layer types by their words."""
    return {kind.word: kind for kind in kinds}
