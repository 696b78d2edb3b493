"""Measuring the benefit of each optimising pass on this machine: the training step with and without it, in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch

from netspec.formatting import format_count, format_duration, plural
from netspec.ir.graph import Graph
from netspec.passes.fast import PASSES, Forms, Pass
from netspec.report import Column, Table
from netspec.timing.clock import medians, take_turns
from netspec.timing.separate_process import in_separate_process
from netspec.timing.settings import TimingSettings
from netspec.timing.step import separate_step, step_forms, step_of
from netspec.train.learning.torch_settings import cudnn_benchmark

WITH, WITHOUT = "with", "without"

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gain:
    """A pass and the seconds of a training step with and without it, together with all other enabled passes.

    ``seconds`` is ``None`` if the pass does not change the network on this device.
    """

    pass_: Pass
    enabled: bool
    seconds: tuple[float, float] | None

    @property
    def ratio(self) -> float | None:
        """The speedup of the step by the pass."""
        return self.seconds[1] / self.seconds[0] if self.seconds is not None else None


def measure_gains(graph: Graph, settings: TimingSettings) -> list[Gain]:
    """Return the measurements of all passes, in the order in which they are applied."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    return list(_gains(graph, settings))


def _gains(graph: Graph, settings: TimingSettings) -> Iterator[Gain]:
    enabled = settings.passes
    for pass_ in PASSES:
        others = tuple(name for name in enabled if name != pass_.name)
        competitors = {WITH: (*others, pass_.name), WITHOUT: others}
        if settings.device not in pass_.runs_on or len(_forms(graph, settings, competitors)) == 1:
            yield Gain(pass_, pass_.name in enabled, None)
            continue
        with _steps(graph, settings, competitors) as steps:
            turns = take_turns(steps, settings.rounds, device=settings.device, warm_up=settings.warm_up)
            seconds = medians(turns)
        yield Gain(pass_, pass_.name in enabled, (seconds[WITH], seconds[WITHOUT]))


def _forms(graph: Graph, settings: TimingSettings, passes: Mapping[str, Names]) -> list[Forms]:
    """Return the distinct forms of a step with each of these sets of passes."""
    distinct: list[Forms] = []
    for names in passes.values():
        forms = replace(step_forms(graph, settings, names), passes=())
        if forms not in distinct:
            distinct.append(forms)
    return distinct


@contextmanager
def _steps(
    graph: Graph, settings: TimingSettings, passes: Mapping[str, Names]
) -> Iterator[dict[str, Callable[[], object]]]:
    """Yield a training step for each of these sets of passes. Each runs in a process of its own if they differ in
    settings of the whole process: whether freed memory is kept, and whether cuDNN benchmarks its algorithms."""
    distinct = _forms(graph, settings, passes)
    if len({(forms.kept_memory, forms.benchmarked) for forms in distinct}) == 1:
        with cudnn_benchmark(distinct[0].benchmarked):
            yield {who: step_of(graph, settings, names).train for who, names in passes.items()}
        return
    threads = torch.get_num_threads()
    with ExitStack() as stack:
        yield {
            who: stack.enter_context(in_separate_process(partial(separate_step, graph, settings, names, threads)))
            for who, names in passes.items()
        }


def gain_table(graph: Graph, settings: TimingSettings, measurements: list[Gain]) -> Table:
    """Return a table with a row for each pass, with its ``explanations`` as notes."""
    columns = (
        Column("pass", right=False),
        Column("on", right=False),
        Column("a step with it"),
        Column("without"),
        Column("times faster"),
    )
    rows = tuple(
        (
            gain.pass_.name,
            "yes" if gain.enabled else "no",
            *(map(format_duration, gain.seconds) if gain.seconds is not None else ("nothing to do", "")),
            f"{gain.ratio:.2f}" if gain.ratio is not None else "",
        )
        for gain in measurements
    )
    title = (
        f"{graph.name}, batch {format_count(settings.batch)}, {settings.precision}, {settings.device}: "
        "what optimising passes are worth in training"
    )
    notes = (
        f"medians of {plural(settings.rounds, 'turn')} with all other passes that are on; --without NAME switches one "
        "off, --without all every one",
        *explanations(settings, measurements),
    )
    return Table(title, columns, rows, None, notes)


def explanations(settings: TimingSettings, measurements: list[Gain]) -> tuple[str, ...]:
    """Return notes on what each pass does, and why it is on or off by default."""
    return (
        *(f"{gain.pass_.name}: {gain.pass_.does}; {gain.pass_.exact}" for gain in measurements),
        *(f"{gain.pass_.name} is {gain.pass_.why[settings.device]}" for gain in measurements),
    )


def as_data(graph: Graph, settings: TimingSettings, measurements: list[Gain]) -> dict[str, object]:
    """Return the measurements as JSON data, in seconds."""
    return {
        "net": graph.name,
        "device": settings.device,
        "precision": settings.precision,
        "batch": settings.batch,
        "rounds": settings.rounds,
        "passes": [
            {
                "name": gain.pass_.name,
                "does": gain.pass_.does,
                "exact": gain.pass_.exact,
                "on": gain.enabled,
                "with_s": gain.seconds[0] if gain.seconds is not None else None,
                "without_s": gain.seconds[1] if gain.seconds is not None else None,
                "times_faster": gain.ratio,
            }
            for gain in measurements
        ],
    }
