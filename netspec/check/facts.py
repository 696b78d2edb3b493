"""What the checker has found out about a file and about each of its layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from netspec.check.claims import Stated, Step
from netspec.check.known import Known
from netspec.diagnostics import Diagnostic
from netspec.ir.graph import Graph
from netspec.ir.ops import Op
from netspec.ir.shape import Shape
from netspec.language.syntax import File, Pair, Section, Setting, by_key
from netspec.language.variants import Texts


class LayerFacts(NamedTuple):
    """One section: what was written, the keys' values with every default filled in, and the shapes around it.

    ``computed`` is the shape that the arithmetic gives, ``None`` where it gives none; ``reads`` is empty where the
    inputs are not known. ``inputs`` are the numbers of the sections that it reads.
    """

    section: Section
    type: str | None
    values: Mapping[str, Any]
    inputs: tuple[int, ...]
    reads: tuple[Shape, ...]
    steps: tuple[Step, ...]
    computed: Shape | None
    stated: Stated
    failed: Op | None = None
    """The operation that could not be, where the arithmetic gives no shape."""

    @property
    def pairs(self) -> Mapping[str, Pair]:
        """The keys that are given, and where; of one that is given twice, the first."""
        return by_key(self.section.pairs)


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check. ``graph`` is there when there are no errors."""

    texts: Texts
    file: File
    graph: Graph | None
    diagnostics: tuple[Diagnostic, ...]
    layers: tuple[LayerFacts, ...]
    net_pairs: Mapping[str, Pair]
    statements: Mapping[str, Setting]
    crop: Pair | None
    known: Known

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity == "error")

    def layer(self, name: str) -> LayerFacts | None:
        """The facts of the first layer of this name."""
        return next((f for f in self.layers if f.section.name.text == name), None)
