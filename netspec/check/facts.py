"""The results of a check: facts about each layer, and about the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from netspec.check.arithmetic import Step
from netspec.check.cache import LayerCache
from netspec.check.claims import Stated
from netspec.check.counts import computed_counts
from netspec.check.lower import Lowered
from netspec.check.statements import Settings
from netspec.diagnostics import Diagnostic
from netspec.ir.graph import Graph
from netspec.ir.ops import Op
from netspec.ir.shape import Shape
from netspec.language.syntax import File, Pair, Section, by_key
from netspec.language.variants import Texts


class LayerFacts(NamedTuple):
    """One layer: its section, the values of its keys including defaults, and its input and output shapes.

    ``inputs`` are the indices of the sections that it reads and ``reads`` their shapes, empty if they are not known.
    ``lowered`` is the layer as operations, or ``None`` if its output shape could not be computed.
    """

    section: Section
    type: str | None
    values: Mapping[str, Any]
    inputs: tuple[int, ...]
    reads: tuple[Shape, ...]
    lowered: Lowered | None
    stated: Stated
    failed: Op | None = None
    """The operation whose fault kept the output shape from being computed."""

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.section.name.text

    @property
    def steps(self) -> tuple[Step, ...]:
        """The layer's operations with their input and output shapes."""
        return self.lowered.steps if self.lowered is not None else ()

    @property
    def computed(self) -> Shape | None:
        """The output shape, or ``None`` if it could not be computed."""
        return self.lowered.value.shape if self.lowered is not None else None

    @property
    def counts(self) -> Mapping[str, int]:
        """The numbers that the layer may claim, by name; empty if the output shape could not be computed."""
        return computed_counts(self.lowered, self.lowered.value.shape) if self.lowered is not None else {}

    @property
    def pairs(self) -> Mapping[str, Pair]:
        """The layer's keys as written; for a key that is given twice, the first."""
        return by_key(self.section.pairs)


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check. ``graph`` is ``None`` if there are errors."""

    texts: Texts
    file: File
    graph: Graph | None
    diagnostics: tuple[Diagnostic, ...]
    layers: tuple[LayerFacts, ...]
    settings: Settings
    cache: LayerCache

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity == "error")

    def layer(self, name: str) -> LayerFacts | None:
        """Return the facts of the first layer with this name."""
        return next((f for f in self.layers if f.name == name), None)

    @property
    def input(self) -> LayerFacts | None:
        """The facts of the network's input, if its shape is known."""
        return known_input(self.layers)


def known_input(layers: Iterable[LayerFacts]) -> LayerFacts | None:
    """Return the first input among layers, if its shape is known."""
    return next((f for f in layers if f.type == "input" and f.computed), None)
