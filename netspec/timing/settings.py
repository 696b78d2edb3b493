"""The settings of a measurement."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.settings import Precision
from netspec.passes.fast import ComputeTarget, Device, enabled_passes

OURS = "netspec"
"""The name of the compiled network among the competitors."""


@dataclass(frozen=True, slots=True)
class TimingSettings:
    """The settings of a measurement. ``rounds`` is the number of turns whose median is taken, ``threads`` that of
    torch's threads (``None`` for its default). ``without`` are the optimising passes to switch off."""

    device: Device
    batch: int
    precision: Precision
    rounds: int
    threads: int | None = None
    without: tuple[str, ...] = ()

    @property
    def passes(self) -> tuple[str, ...]:
        """The names of the enabled optimising passes."""
        return enabled_passes(ComputeTarget(self.device, self.precision), self.without)

    @property
    def warm_up(self) -> int:
        """The number of turns before those that count."""
        return 3 if self.device == "cuda" else 1
