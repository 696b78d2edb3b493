"""What is to be timed."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.passes.fast import Where, chosen

OURS = "netspec"
"""What the compiled network is called among competitors."""

CPU_BATCH = 32
"""Images of a step on the CPU where nothing else is asked for, at most: AlexNet's own 128 take seconds there."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be timed where; ``rounds`` are the turns that medians are taken of, ``threads`` those of torch (where
    ``None``, as many as it takes by itself). ``without`` are the optimising passes that are switched off."""

    device: str
    batch: int
    precision: Precision
    rounds: int
    threads: int | None = None
    without: tuple[str, ...] = ()

    @property
    def passes(self) -> tuple[str, ...]:
        """The names of the optimising passes that are on."""
        return chosen(Where("cuda" if self.device == "cuda" else "cpu", self.precision), self.without)


def batch_for(graph: Graph, device: str) -> int:
    """The spec's own batch; on the CPU ``CPU_BATCH`` at most."""
    return graph.train.batch if device == "cuda" else min(graph.train.batch, CPU_BATCH)
