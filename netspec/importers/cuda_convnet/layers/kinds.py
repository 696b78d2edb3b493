"""The description of a layer type of the format, and the context in which a section is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from netspec.importers.cuda_convnet.layers.model import Dialect, Image, Layer, is_cost
from netspec.importers.cuda_convnet.options import Options, SectionError
from netspec.importers.cuda_convnet.reading import Section

BOTH: tuple[Dialect, ...] = ("2012", "v2")
ONLY_2012: tuple[Dialect, ...] = ("2012",)
ONLY_V2: tuple[Dialect, ...] = ("v2",)
ANY: tuple[int, int | None] = (1, None)
ONE: tuple[int, int | None] = (1, 1)
TWO: tuple[int, int | None] = (2, 2)
COMMON = ("type", "inputs", "gpu", "neuron")


@dataclass(frozen=True, slots=True)
class Context:
    """A section and its context. ``word`` is its layer type."""

    word: str
    options: Options
    dialect: Dialect
    inputs: tuple[Layer, ...]
    gpu: tuple[int, ...]
    above: Mapping[str, Layer]
    with_weights: Collection[str]
    """The layers above that have weights or depend on layers with weights."""
    passed_on: dict[tuple[str, int], str]
    """The ``pass`` layer above that passes on an input on a GPU, by the input's name and the GPU."""
    has_gpus: bool = True
    """Whether any section of the file has ``gpu=``. Files without it are older, and other rules apply to them."""
    rejected: Collection[str] = ()
    """The rejected sections above."""

    def named(self, name: str) -> Layer | None:
        """Return the layer above with this name, if any. Raises ``SectionError`` if it was rejected and reported."""
        if name in self.rejected:
            raise SectionError
        return self.above.get(name)

    @property
    def repeat(self) -> bool:
        """Whether a list with a single value stands for all inputs."""
        return self.dialect == "v2"

    def channels(self) -> tuple[Image, ...]:
        """Return the inputs as images with the numbers of channels in ``channels``: up to 3, or a multiple of 4."""
        channels = self.options.integers("channels", len(self.inputs), repeat=self.repeat, low=1)
        return tuple(self.image(i, c, multiple_of_4=True) for i, c in enumerate(channels))

    def image(self, index: int, channels: int, *, multiple_of_4: bool = False) -> Image:
        """Return one input as an image of square maps. Rejects inputs whose size does not allow this."""
        units = self.inputs[index].outputs
        if units < 0:
            raise self.options.report_error(
                "cfg-not-expressible", f"it reads {self.inputs[index].name}, labels that only costs can read", "inputs"
            )
        side = math.isqrt(units // channels)
        if side < 1 or channels * side**2 != units:
            raise self.options.report_error(
                "cfg-not-square",
                f"its input {self.inputs[index].name} is not a stack of {channels} square maps",
                "channels",
                notes=(f"{units:,} numbers / {channels} channels = {units / channels:,.6g}, not a square",),
            )
        if multiple_of_4 and channels > 3:
            self.options.require_divisible("channels", channels, 4)
        return Image(channels, side)

    def weights_below(self) -> bool:
        """Whether an input has weights or depends on layers with weights."""
        return any(layer.name in self.with_weights for layer in self.inputs)

    def require_no_weights_below(self) -> None:
        """Reject a layer type that passes no gradient on, if layers below it have weights."""
        if self.weights_below():
            message = f"{self.word} passes no gradient, but its input depends on layers with weights"
            raise self.options.report_error("cfg-no-gradient", message, "inputs")

    def layer(self, outputs: int, **fields: Any) -> Layer:
        """Return the layer for this section. Rejects labels as inputs, except of costs and sums."""
        names = tuple(layer.name for layer in self.inputs)
        reads = fields.pop("reads", (None,) * len(names))
        if any(layer.outputs < 0 for layer in self.inputs) and not is_cost(self.word) and self.word != "eltsum":
            raise self.options.report_error(
                "cfg-not-expressible", "it reads labels, which only costs can read", "inputs"
            )
        logarithm = next((layer.name for layer in self.inputs if layer.word == "logsoftmax"), None)
        if logarithm is not None and self.options.section.text("type") != "cost.reg":
            message = f"{logarithm} is a logsoftmax, which only a cost.reg can read"
            raise self.options.report_error("cfg-not-expressible", message, "inputs")
        return Layer(self.options.name, self.word, names, self.gpu, outputs, self.options, reads=reads, **fields)

    def map_layer(self, read: Image, output: Image, **values: object) -> Layer:
        """Return the layer for this section, whose only input and whose output are maps."""
        return self.layer(output.units, image=output, reads=(read,), values=values)


@dataclass(frozen=True, slots=True)
class Kind:
    """A layer type: its name, its least and largest number of inputs, its own keys, and the versions that have it."""

    word: str
    define: Callable[[Context], Layer]
    inputs: tuple[int, int | None]
    keys: tuple[str, ...] = ()
    dialects: tuple[Dialect, ...] = BOTH
    version_keys: Mapping[Dialect, tuple[str, ...]] = field(default_factory=dict)
    """Keys that only one version has."""

    def accepts_inputs(self, number: int) -> bool:
        """Whether the layer type accepts this number of inputs."""
        least, most = self.inputs
        return least <= number and (most is None or number <= most)

    def all_keys(self, dialect: Dialect) -> tuple[str, ...]:
        """Return all keys of the layer type. Costs have no neuron."""
        common = [key for key in COMMON if key != "neuron" or not is_cost(self.word)]
        return (*common, *self.keys, *self.version_keys.get(dialect, ()))


def inputs_of(section: Section) -> list[str]:
    """Return the names in a section's ``inputs``, whether or not these layers exist."""
    option = section.options.get("inputs")
    return [name.strip() for name in option.text.split(",")] if option else []


def by_word(*kinds: Kind) -> dict[str, Kind]:
    """Return a mapping of layer types by name."""
    return {kind.word: kind for kind in kinds}
