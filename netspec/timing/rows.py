"""The parts of a training step beside what each has to do at the least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netspec.passes.torch_names import attributes
from netspec.timing.measure import Measured
from netspec.timing.work import Work, update_bytes, work

LOSS, UPDATE = ":loss", ":update"
"""What the parts beside the layers are called; no layer can be called that."""


@dataclass(frozen=True, slots=True)
class Row:
    """A part of a training step of a whole batch: a layer, the loss beside the layers, or the weights' move.

    Seconds, bytes and FLOPs are those of both directions, but for ``forward`` and ``backward``. ``share`` is the part
    of the step's seconds, ``floor`` the fewest that the machine allows (see ``work.RULE``).
    """

    name: str
    type: str
    forward: float
    backward: float
    share: float
    flops: int
    bytes: int
    floor: float


def rows(found: Measured) -> list[Row]:
    """A row for each layer that a training step computes, in the order of computation, the loss and the update."""
    return list(_rows(found))


def _rows(found: Measured) -> Iterator[Row]:
    graph, asked, parts = found.graph, found.question, found.profile
    names = {attribute: name for name, attribute in attributes(graph).items()}
    wanted, total = work(graph, asked.batch, asked.precision), parts.total

    def floor(*pieces: Work) -> float:
        return sum(piece.floor(found.machine.matrix_rate, found.machine.bandwidth) for piece in pieces)

    for attribute, part in parts.parts.items():
        name = names[attribute]
        both = (wanted[name].forward, wanted[name].backward)
        yield Row(
            name,
            graph.layers[name].type,
            part.forward,
            part.backward,
            (part.forward + part.backward) / total,
            sum(piece.flops for piece in both),
            sum(piece.bytes for piece in both),
            floor(*both),
        )
    loss = parts.loss
    yield Row(LOSS, "", loss.forward, loss.backward, (loss.forward + loss.backward) / total, 0, 0, 0.0)
    moved = Work(0, 0, update_bytes(graph))
    yield Row(UPDATE, "", parts.update, 0.0, parts.update / total, 0, moved.bytes, floor(moved))
