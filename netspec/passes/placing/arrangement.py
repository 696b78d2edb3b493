"""How a number of devices is used: the three classic ways to divide a training step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from netspec.ir.graph import Graph

SplitWord = Literal["groups", "batch", "hybrid"]

SPLITS: dict[SplitWord, str] = {
    "groups": "the spec's own GPU groups, one or more on each device: the paper's scheme",
    "batch": "each device computes the whole network on its share of the batch",
    "hybrid": "up to the fully connected layers by batch, these by feature: Krizhevsky's one weird trick (2014)",
}
"""What may stand after ``--split``, with a line on each."""

assert tuple(SPLITS) == get_args(SplitWord)


class ArrangementError(ValueError):
    """Devices that cannot be used as was asked. ``notes`` are further lines: the numbers, the repair."""

    def __init__(self, message: str, *notes: str) -> None:
        super().__init__(message)
        self.message = message
        self.notes = notes


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Devices in ``replicas`` rows of ``groups``; device d stands in row d // groups, at place d % groups.

    The batch is divided over the rows, and what is split by channel or feature over the places of each. In ``hybrid``
    there is one place a row for what is divided by batch, and all devices are the places of one row for what is divided
    by feature: ``groups`` is 1 then, ``replicas`` the number of devices.
    """

    split: SplitWord
    groups: int
    replicas: int

    @property
    def devices(self) -> int:
        return self.groups * self.replicas

    def place(self, device: int) -> int:
        """Which of the groups a device computes."""
        return device % self.groups

    def row(self, device: int) -> int:
        """Which share of the batch a device computes."""
        return device // self.groups


def arrange(graph: Graph, devices: int, split: SplitWord | None = None) -> Arrangement:
    """Use devices as asked; without ``split`` by groups where the file has ``gpus``, else by batch.

    Fewer devices than groups hold several groups each; more hold the groups several times over, for a share of the
    batch each.

    Raises
    ------
    ArrangementError
        Neither number divides the other, or the file has no groups to split by.
    """
    if split is None:
        split = "groups" if graph.groups > 1 else "batch"
    if split != "groups":
        return Arrangement(split, 1, devices)
    if graph.groups == 1 and devices > 1:
        raise ArrangementError(
            f"{graph.name} has no GPU groups to split over {devices} devices",
            "divide the batch instead: --split batch, or --split hybrid; or say `gpus N` in the file",
        )
    if graph.groups % devices == 0:
        return Arrangement("groups", devices, 1)
    if devices % graph.groups == 0:
        return Arrangement("groups", graph.groups, devices // graph.groups)
    raise ArrangementError(
        f"{devices} devices cannot share {graph.groups} GPU groups: {graph.groups} / {devices} = "
        f"{graph.groups / devices:.4g} groups a device",
        f"take a divisor of {graph.groups} or a multiple of it: --gpus {_fitting(graph.groups, devices)}",
        "or divide the batch, which any number can share: --split batch",
    )


def _fitting(groups: int, devices: int) -> str:
    """The nearest numbers below and above that fit."""
    below = max(n for n in range(1, devices) if groups % n == 0 or n % groups == 0)
    above = next(n for n in range(devices + 1, devices + groups + 1) if groups % n == 0 or n % groups == 0)
    return f"{below} or --gpus {above}"
