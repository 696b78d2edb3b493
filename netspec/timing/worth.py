"""Measuring the benefit of each optimising pass on this machine: the training step with and without it, in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch

from netspec.formatting import format_count, format_duration, plural
from netspec.ir.graph import Graph
from netspec.passes.fast import PASSES, Device, Forms, Pass
from netspec.report import Column, Table
from netspec.timing.clock import medians, take_turns
from netspec.timing.question import Question
from netspec.timing.separate_process import in_separate_process
from netspec.timing.step import separate_step, step_forms, step_of
from netspec.train.learning.library import cudnn_benchmark

WITH, WITHOUT = "with", "without"

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Worth:
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


def worths(graph: Graph, question: Question) -> list[Worth]:
    """Return the measurements of all passes, in the order in which they are applied."""
    if question.threads is not None:
        torch.set_num_threads(question.threads)
    return list(_worths(graph, question))


def _worths(graph: Graph, question: Question) -> Iterator[Worth]:
    enabled = question.passes
    for pass_ in PASSES:
        others = tuple(name for name in enabled if name != pass_.name)
        competitors = {WITH: (*others, pass_.name), WITHOUT: others}
        if question.device not in pass_.runs_on or len(_forms(graph, question, competitors)) == 1:
            yield Worth(pass_, pass_.name in enabled, None)
            continue
        with _steps(graph, question, competitors) as steps:
            warm_up = 3 if question.device == "cuda" else 1
            seconds = medians(take_turns(steps, question.rounds, device=question.device, warm_up=warm_up))
        yield Worth(pass_, pass_.name in enabled, (seconds[WITH], seconds[WITHOUT]))


def _forms(graph: Graph, question: Question, passes: Mapping[str, Names]) -> list[Forms]:
    """Return the distinct forms of a step with each of these sets of passes."""
    distinct: list[Forms] = []
    for names in passes.values():
        forms = replace(step_forms(graph, question.batch, question.precision, names), passes=())
        if forms not in distinct:
            distinct.append(forms)
    return distinct


@contextmanager
def _steps(graph: Graph, question: Question, passes: Mapping[str, Names]) -> Iterator[dict[str, Callable[[], object]]]:
    """Yield a training step for each of these sets of passes. Each runs in a process of its own if they differ in
    settings of the whole process: whether freed memory is kept, and whether cuDNN benchmarks its algorithms."""
    settings = (graph, question.device, question.batch, question.precision)
    distinct = _forms(graph, question, passes)
    if len({(forms.kept_memory, forms.benchmarked) for forms in distinct}) == 1:
        with cudnn_benchmark(distinct[0].benchmarked):
            yield {who: step_of(*settings, names).train for who, names in passes.items()}
        return
    threads = torch.get_num_threads()
    with ExitStack() as stack:
        yield {
            who: stack.enter_context(in_separate_process(partial(separate_step, *settings, names, threads)))
            for who, names in passes.items()
        }


def worth_table(graph: Graph, question: Question, measurements: list[Worth]) -> Table:
    """Return a table with a row for each pass; notes explain what each does and why it is on or off by default."""
    columns = (
        Column("pass", right=False),
        Column("on", right=False),
        Column("a step with it"),
        Column("without"),
        Column("times faster"),
    )
    rows = tuple(
        (
            worth.pass_.name,
            "yes" if worth.enabled else "no",
            *(map(format_duration, worth.seconds) if worth.seconds is not None else ("nothing to do", "")),
            f"{worth.ratio:.2f}" if worth.ratio is not None else "",
        )
        for worth in measurements
    )
    where: Device = "cuda" if question.device == "cuda" else "cpu"
    title = (
        f"{graph.name}, batch {format_count(question.batch)}, {question.precision}, {question.device}: "
        "what optimising passes are worth in training"
    )
    notes = (
        f"medians of {plural(question.rounds, 'turn')} with all other passes that are on; --without NAME switches one "
        "off, --without all every one",
        *(f"{worth.pass_.name}: {worth.pass_.does}; {worth.pass_.exact}" for worth in measurements),
        *(f"{worth.pass_.name} is {worth.pass_.why[where]}" for worth in measurements),
    )
    return Table(title, columns, rows, None, notes)


def as_data(graph: Graph, question: Question, measurements: list[Worth]) -> dict[str, object]:
    """Return the measurements as JSON data, in seconds."""
    return {
        "net": graph.name,
        "device": question.device,
        "precision": question.precision,
        "batch": question.batch,
        "rounds": question.rounds,
        "passes": [
            {
                "name": worth.pass_.name,
                "does": worth.pass_.does,
                "exact": worth.pass_.exact,
                "on": worth.enabled,
                "with_s": worth.seconds[0] if worth.seconds is not None else None,
                "without_s": worth.seconds[1] if worth.seconds is not None else None,
                "times_faster": worth.ratio,
            }
            for worth in measurements
        ],
    }
