"""Everything that is asked of a network's plans at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.passes.fast import Forms
from netspec.passes.placing import ArrangementError, SplitWord
from netspec.plan.fitting import break_even, largest_batch, smallest_peak
from netspec.plan.model import Plan, forms_on_a_gpu, plan
from netspec.plan.scaling import ALL_SPLITS, TIMES, LeftOut, Machine, Timed, every_way, fastest, timed


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: numbers of devices, one split or all, a batch, and what the devices are like.

    ``limit`` is a device's memory in bytes; times are told of a ``machine``. ``without`` are optimising passes that are
    switched off.
    """

    devices: tuple[int, ...]
    split: SplitWord | None
    batch: int
    precision: Precision
    limit: int | None = None
    machine: Machine | None = None
    without: tuple[str, ...] = ()

    @property
    def single(self) -> bool:
        """Whether one plan is wanted, with all that is in it."""
        return len(self.devices) == 1


@dataclass(frozen=True, slots=True)
class Fitting:
    """The largest batch that fits into a limit, 0 if none does, and what the smallest possible batch needs."""

    batch: int
    least: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The plans, one for each number of devices and split, and what follows from them.

    ``fitting`` and ``timings`` are by plan, ``winners`` by number of devices and batch, ``even`` by number of devices:
    the largest batch at which groups send fewer bytes than data parallel (see ``break_even``).
    """

    question: Question
    plans: Sequence[Plan]
    left_out: Sequence[LeftOut]
    fitting: Sequence[Fitting]
    timings: Sequence[Timed]
    winners: dict[tuple[int, int], Timed | None]
    even: dict[int, int | None]

    @property
    def warnings(self) -> tuple[str, ...]:
        """The plans' warnings, each once."""
        return tuple(dict.fromkeys(warning for step in self.plans for warning in step.warnings))


def answer(graph: Graph, asked: Question) -> Answer:
    """Work out the plans.

    Raises
    ------
    ArrangementError
        The one way that is asked for is not possible, or, of several, none is with one of the numbers of devices.
    """
    batch, precision, machine, limit = asked.batch, asked.precision, asked.machine, asked.limit
    left_out: list[LeftOut] = []
    forms = forms_on_a_gpu(graph, precision, asked.without)
    if asked.single or asked.split is not None:
        plans = [plan(graph, n, asked.split, batch=batch, precision=precision, forms=forms) for n in asked.devices]
    else:
        plans, left_out = every_way(graph, asked.devices, ALL_SPLITS, batch, precision, forms)
        for n in asked.devices:
            if all(step.arrangement.devices != n for step in plans):
                plan(graph, n, batch=batch, precision=precision)  # says why not
    splits = (asked.split,) if asked.split else ALL_SPLITS
    winners = {
        (n, batch * times): fastest(graph, n, splits, batch * times, precision, machine)
        for n in asked.devices
        for times in TIMES
        if machine
    }
    return Answer(
        asked,
        plans,
        left_out,
        [_fitting(step, limit, forms) for step in plans if limit],
        [timed(step, machine) for step in plans if machine],
        winners,
        {n: even for n in asked.devices if n > 1 and (even := _even(graph, n, precision)) != 0},
    )


def _fitting(step: Plan, limit: int, forms: Forms) -> Fitting:
    return Fitting(
        largest_batch(step.placed, limit, step.precision, forms),
        smallest_peak(step.placed, step.precision, forms),
    )


def _even(graph: Graph, devices: int, precision: Precision) -> int | None:
    """0 where groups are no choice."""
    try:
        return break_even(graph, devices, precision)
    except ArrangementError:
        return 0
