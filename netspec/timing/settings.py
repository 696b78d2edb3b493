"""The settings of a measurement."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.passes.fast import ComputeTarget, enabled_passes

OURS = "netspec"
"""The name of the compiled network among the competitors."""

CPU_BATCH = 32
"""The maximum default batch on the CPU, where a step of AlexNet's own 128 images takes seconds."""


@dataclass(frozen=True, slots=True)
class TimingSettings:
    """The settings of a measurement. ``rounds`` is the number of turns whose median is taken, ``threads`` that of
    torch's threads (``None`` for its default). ``without`` are the optimising passes to switch off."""

    device: str
    batch: int
    precision: Precision
    rounds: int
    threads: int | None = None
    without: tuple[str, ...] = ()

    @property
    def passes(self) -> tuple[str, ...]:
        """The names of the enabled optimising passes."""
        return enabled_passes(ComputeTarget("cuda" if self.device == "cuda" else "cpu", self.precision), self.without)


def batch_for(graph: Graph, device: str) -> int:
    """Return the default batch: the spec's own, but at most ``CPU_BATCH`` on the CPU."""
    return graph.train.batch if device == "cuda" else min(graph.train.batch, CPU_BATCH)
