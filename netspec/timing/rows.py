"""The measured parts of a training step, each compared with its minimum work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netspec.passes.torch_names import layer_names
from netspec.timing.measure import Measured
from netspec.timing.work import Work, update_bytes, work

LOSS, UPDATE = ":loss", ":update"
"""Names of the parts that are not layers. They are not valid layer names."""


@dataclass(frozen=True, slots=True)
class Row:
    """A part of a training step for a whole batch: a layer, the computation of the loss, or the weight update.

    ``forward`` and ``backward`` are seconds. ``flops``, ``bytes`` and ``floor`` are sums over both directions.
    ``share`` is the part's fraction of the step's time, ``floor`` the minimum time in seconds on this machine (see
    ``work.RULE``).
    """

    name: str
    type: str
    forward: float
    backward: float
    share: float
    flops: int
    bytes: int
    floor: float


def rows(measured: Measured) -> list[Row]:
    """Return a row for each layer of a training step in the order of computation, then the loss and the update."""
    return list(_rows(measured))


def _rows(measured: Measured) -> Iterator[Row]:
    graph, settings, profile = measured.graph, measured.settings, measured.profile
    names = layer_names(graph)
    minimum, total = work(graph, settings.batch, settings.precision), profile.total

    def floor(*pieces: Work) -> float:
        return sum(piece.floor(measured.machine.matrix_rate, measured.machine.bandwidth) for piece in pieces)

    for attribute, part in profile.parts.items():
        name = names[attribute]
        directions = (minimum[name].forward, minimum[name].backward)
        yield Row(
            name,
            graph.layers[name].type,
            part.forward,
            part.backward,
            (part.forward + part.backward) / total,
            sum(piece.flops for piece in directions),
            sum(piece.bytes for piece in directions),
            floor(*directions),
        )
    loss = profile.loss
    yield Row(LOSS, "", loss.forward, loss.backward, (loss.forward + loss.backward) / total, 0, 0, 0.0)
    moved = Work(0, 0, update_bytes(graph))
    yield Row(UPDATE, "", profile.update, 0.0, profile.update / total, 0, moved.bytes, floor(moved))
