"""The largest batch for which something holds: it fits into memory, one way sends fewer bytes than another."""

from __future__ import annotations

from collections.abc import Callable

from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.passes.fast import PLAIN, Forms
from netspec.passes.placing import Placed, arrange, place
from netspec.plan.crossing import crossings
from netspec.plan.footprint.model import FULL
from netspec.plan.model import memories_of, smallest_batch
from netspec.plan.program import HALF, locals_of, values_of

LARGEST_BATCH = 2**31
"""As the command line takes it."""


def largest_batch(placed: Placed, limit: int, precision: Precision, forms: Forms = PLAIN) -> int:
    """The most images in a batch with which no device needs more than ``limit`` bytes; 0 if not even the smallest
    batch fits (``smallest_batch``). ``forms`` as in ``plan``."""
    local = locals_of(placed)

    def fits(batch: int) -> bool:
        memories = memories_of(placed, local, batch, precision, forms)
        return all(memory.peak.total <= limit for memory in memories.values())

    fewest = smallest_batch(placed)
    step = fewest if placed.arrangement.split == "hybrid" else placed.graph.train.accumulate
    return _last(fits, step, first=fewest // step)


def smallest_peak(placed: Placed, precision: Precision, forms: Forms = PLAIN) -> int:
    """What the device that needs the most needs for the smallest batch, in bytes."""
    memories = memories_of(placed, locals_of(placed), smallest_batch(placed), precision, forms)
    return max(memory.peak.total for memory in memories.values())


def break_even(graph: Graph, devices: int, precision: Precision) -> int | None:
    """The largest batch at which splitting by groups sends fewer bytes than by batch, counted at the device that sends
    or receives the most; 0 if there is none, ``None`` if it is so at any batch. Of the batches that training can take
    either way, in equal shares by groups and in equal parts of ``accumulate``.

    Raises
    ------
    ArrangementError
        The groups do not fit the devices.
    """
    groups, rows = place(graph, arrange(graph, devices, "groups")), place(graph, arrange(graph, devices, "batch"))
    by_groups, by_batch = _busiest(groups, precision), _busiest(rows, precision)
    step = smallest_batch(groups)
    found = _last(lambda batch: by_groups(batch) < by_batch(batch), step, first=smallest_batch(rows) // step)
    return None if found >= LARGEST_BATCH - step else found


def _busiest(placed: Placed, precision: Precision) -> Callable[[int], int]:
    """The bytes of the busiest device at a batch."""
    values = values_of(placed.graph, HALF if precision == "bf16" else FULL)

    def at(batch: int) -> int:
        found = crossings(placed, batch, values)
        each = range(placed.arrangement.devices)
        return max(max(sum(c.sent[d] for c in found), sum(c.received[d] for c in found)) for d in each)

    return at


def _last(holds: Callable[[int], bool], step: int, first: int = 1) -> int:
    """The largest multiple of ``step``, from ``first`` times it up, for which something holds that does not hold again
    once it has ceased; 0 if there is none."""
    low, high = first, first
    if not holds(low * step):
        return 0
    most = LARGEST_BATCH // step
    while high < most and holds(min(2 * high, most) * step):
        low = high = min(2 * high, most)
    if high == most:
        return most * step
    high = min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle * step):
            low = middle
        else:
            high = middle
    return low * step
