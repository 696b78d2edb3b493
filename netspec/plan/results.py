"""The result of one request of ``netspec plan``: several plans, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.passes.fast import Forms
from netspec.passes.placing import SplitWord
from netspec.plan.fitting import break_even, largest_batch, smallest_peak
from netspec.plan.model import DevicePlan, Plan, forms_on_a_gpu, plan
from netspec.plan.scaling import ALL_SPLITS, TIMES, LeftOut, Machine, Timed, fastest, plan_splits, timed


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """A request: numbers of devices, one split or all of them (``None``), a batch, and properties of the devices.

    ``limit`` is a device's memory in bytes. Times are worked out only if a ``machine`` is given. ``without`` names the
    optimising passes that are switched off.
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
        """Whether a single number of devices is asked for; the plan is then shown in full detail."""
        return len(self.devices) == 1


@dataclass(frozen=True, slots=True)
class Fitting:
    """The largest batch that fits into the memory limit (0 if none does), and the bytes the smallest batch needs."""

    batch: int
    least: int


@dataclass(frozen=True, slots=True)
class Way:
    """The plan of a number of devices and a split, and what follows from it if there is a limit or a machine."""

    plan: Plan
    fitting: Fitting | None
    timed: Timed | None

    @property
    def fullest(self) -> DevicePlan:
        """The device with the highest peak."""
        return max(self.plan.devices, key=lambda device: device.memory.peak.total)


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The ways to use the devices.

    ``winners`` maps (devices, batch) to the fastest split. ``even`` maps a number of devices to the largest batch at
    which splitting by groups sends fewer bytes than by batch (see ``break_even``).
    """

    request: PlanRequest
    ways: Sequence[Way]
    left_out: Sequence[LeftOut]
    winners: dict[tuple[int, int], Timed]
    even: dict[int, int | None]

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of all plans, without duplicates."""
        return tuple(dict.fromkeys(warning for way in self.ways for warning in way.plan.warnings))


def plan_for(graph: Graph, request: PlanRequest) -> PlanResult:
    """Work out the plans that are asked for.

    Raises
    ------
    ArrangementError
        The requested split is impossible, or, if all splits are asked for, every split is impossible for one of the
        numbers of devices.
    """
    batch, precision, machine, limit = request.batch, request.precision, request.machine, request.limit
    left_out: list[LeftOut] = []
    forms = forms_on_a_gpu(graph, precision, request.without)
    if request.single or request.split is not None:
        plans = [plan(graph, n, request.split, batch=batch, precision=precision, forms=forms) for n in request.devices]
    else:
        plans, left_out = plan_splits(graph, request.devices, ALL_SPLITS, batch, precision, forms)
        for n in request.devices:
            if all(step.arrangement.devices != n for step in plans):
                plan(graph, n, batch=batch, precision=precision)  # raises the error that explains why
    splits = (request.split,) if request.split else ALL_SPLITS
    winners = {
        (n, batch * times): fastest(graph, n, splits, batch * times, precision, machine)
        for n in request.devices
        for times in TIMES
        if machine
    }
    return PlanResult(
        request,
        [
            Way(step, _fitting(step, limit, forms) if limit else None, timed(step, machine) if machine else None)
            for step in plans
        ],
        left_out,
        winners,
        {n: even for n in request.devices if n > 1 and (even := break_even(graph, n, precision)) != 0},
    )


def _fitting(step: Plan, limit: int, forms: Forms) -> Fitting:
    return Fitting(
        largest_batch(step.placed, limit, step.precision, forms),
        smallest_peak(step.placed, step.precision, forms),
    )
