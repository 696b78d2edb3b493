"""The arrangement of devices, for the three classic ways to divide a training step."""

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
"""The accepted values of ``--split``, each with a one-line description."""

assert tuple(SPLITS) == get_args(SplitWord)


class ArrangementError(ValueError):
    """Devices cannot be used as requested. ``notes`` are further lines with the arithmetic and possible remedies."""

    def __init__(self, message: str, *notes: str) -> None:
        super().__init__(message)
        self.message = message
        self.notes = notes


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Devices in ``replicas`` rows of ``groups`` columns; device d is in row d // groups and column d % groups.

    The batch is divided over the rows, and channels or features over the columns. In ``hybrid``, ``groups``
    is 1 and ``replicas`` the number of devices. This describes the layers that are divided by batch; for layers divided
    by feature, all devices are in a single row.
    """

    split: SplitWord
    groups: int
    replicas: int

    @property
    def devices(self) -> int:
        return self.groups * self.replicas

    def smallest_batch(self, parts: int) -> int:
        """Return the smallest batch that the rows can share: an image for each row in each of its ``parts``
        (``accumulate``)."""
        return self.replicas * parts

    def column(self, device: int) -> int:
        """Return the column of a device, which is its share of the channels."""
        return device % self.groups

    def row(self, device: int) -> int:
        """Return the row of a device, which is its share of the batch."""
        return device // self.groups


def arrange(graph: Graph, devices: int, split: SplitWord | None = None) -> Arrangement:
    """Arrange devices for a split. The default is by groups if the spec has ``gpus``, else by batch.

    With fewer devices than groups, each device holds several groups. With more devices, the groups are replicated, and
    each replica computes a share of the batch.

    Raises
    ------
    ArrangementError
        Neither the number of devices nor that of groups divides the other, or the spec has no groups to split by.
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
    """Return the nearest possible numbers of devices below and above, as options."""
    below = max(n for n in range(1, devices) if groups % n == 0 or n % groups == 0)
    above = next(n for n in range(devices + 1, devices + groups + 1) if groups % n == 0 or n % groups == 0)
    return f"{below} or --gpus {above}"
