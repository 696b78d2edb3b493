"""The arrangement of devices, for the three classic ways to divide a training step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from netspec.formatting import plural
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

    def share_of_batch(self, device: int, batch: int) -> range:
        """Which images of a batch a device computes; if the rows do not divide it, the first rows take one more."""
        row, (share, remainder) = self.row(device), divmod(batch, self.replicas)
        start = row * share + min(row, remainder)
        return range(start, start + share + (row < remainder))


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


def require_equal_parts(batch: int, parts: int) -> None:
    """Raise ``ArrangementError`` if a batch cannot be divided into so many equal ``parts`` (``accumulate``)."""
    if batch % parts:
        below = batch // parts * parts
        sizes = f"--batch {below} or --batch {below + parts}" if below else f"--batch {parts}"
        raise ArrangementError(
            f"a batch of {batch} images cannot be divided into {parts} equal parts (accumulate={parts})",
            f"{batch} / {parts} = {batch / parts:.6g}: {sizes}",
        )


def share_batch(arrangement: Arrangement, batch: int, parts: int) -> tuple[str, ...]:
    """Return the warning about unequal shares of a batch that goes through the network in ``parts``, if any.

    Raises
    ------
    ArrangementError
        The parts are not equal, a row of devices gets no image of each, or, with ``hybrid``, its share is not equal.
    """
    require_equal_parts(batch, parts)
    rows, at_once, fewest = arrangement.replicas, batch // parts, arrangement.smallest_batch(parts)
    in_parts = f" in {parts} parts" if parts > 1 else ""
    if batch < fewest:
        devices, each = plural(arrangement.devices, "device"), "device"
        if arrangement.groups > 1:
            devices, each = f"{devices} in {rows} rows of {arrangement.groups} GPU groups", "row"
        raise ArrangementError(
            f"{devices} cannot share a batch of {batch}{in_parts}",
            f"each {each} needs an image{' in each part' if parts > 1 else ''}: --batch {fewest} or more",
        )
    share, remainder = divmod(at_once, rows)
    if not remainder:
        return ()
    message = f"{rows} shares do not divide a batch of {batch}{in_parts}: {at_once} / {rows} = {at_once / rows:.6g}"
    sizes = f"--batch {batch - remainder * parts} or --batch {batch + (rows - remainder) * parts}"
    if arrangement.split == "hybrid":
        raise ArrangementError(f"--split hybrid needs equal shares, and {message}", f"take {sizes}")
    return (f"{message}; some devices compute {share + 1} images and the others wait with {share}; even: {sizes}",)
