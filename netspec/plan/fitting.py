"""Searches for the largest batch that fits into memory, or at which one split sends fewer bytes than another."""

from __future__ import annotations

from collections.abc import Callable

from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.ir.widths import width_of
from netspec.passes.fast import PLAIN, Forms
from netspec.passes.placing import ArrangementError, Placed, arrange, place_on_devices
from netspec.plan.crossing import crossings
from netspec.plan.model import MAX_BATCH, memories_of, smallest_batch
from netspec.plan.program import local_graphs, values_of


def largest_batch(placed: Placed, limit: int, precision: Precision, forms: Forms = PLAIN) -> int:
    """Return the largest batch for which no device needs more than ``limit`` bytes.

    0 if not even the smallest batch fits (see ``smallest_batch``). ``forms`` as in ``plan``.
    """
    local = local_graphs(placed)

    def fits(batch: int) -> bool:
        memories = memories_of(placed, local, batch, precision, forms)
        return all(memory.peak.total <= limit for memory in memories.values())

    fewest = smallest_batch(placed)
    step = fewest if placed.arrangement.split == "hybrid" else placed.graph.train.accumulate
    return _largest_multiple(fits, step, first=fewest // step)


def smallest_peak(placed: Placed, precision: Precision, forms: Forms = PLAIN) -> int:
    """The peak memory, in bytes, of the device that needs the most for the smallest batch."""
    memories = memories_of(placed, local_graphs(placed), smallest_batch(placed), precision, forms)
    return max(memory.peak.total for memory in memories.values())


def break_even(graph: Graph, devices: int, precision: Precision) -> int | None:
    """Return the largest batch at which splitting by groups sends fewer bytes than splitting by batch.

    Bytes are those of the device that sends or receives the most. 0 if there is no such batch, or if the groups do not
    fit the devices; ``None`` if groups send less at any batch. Only batches that training accepts under both splits are
    tried: by groups in equal shares, and in equal parts of ``accumulate``.
    """
    try:
        groups = place_on_devices(graph, arrange(graph, devices, "groups"))
    except ArrangementError:
        return 0
    rows = place_on_devices(graph, arrange(graph, devices, "batch"))
    by_groups, by_batch = _busiest(groups, precision), _busiest(rows, precision)
    step = smallest_batch(groups)
    largest = _largest_multiple(
        lambda batch: by_groups(batch) < by_batch(batch), step, first=smallest_batch(rows) // step
    )
    return None if largest >= MAX_BATCH - step else largest


def _busiest(placed: Placed, precision: Precision) -> Callable[[int], int]:
    """Return a function from a batch to the bytes of the device that sends or receives the most."""
    values = values_of(placed.graph, width_of(precision))

    def busiest_at(batch: int) -> int:
        exchanges = crossings(placed, batch, values)
        devices = range(placed.arrangement.devices)
        return max(max(sum(c.sent[d] for c in exchanges), sum(c.received[d] for c in exchanges)) for d in devices)

    return busiest_at


def _largest_multiple(holds: Callable[[int], bool], step: int, first: int) -> int:
    """Return the largest multiple of ``step`` that satisfies ``holds``, by doubling and then bisection.

    ``holds`` must be monotonic: once false, it stays false. The search starts at ``first * step``; 0 if even that
    fails.
    """
    low, high = first, first
    if not holds(low * step):
        return 0
    most = MAX_BATCH // step
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
