"""The results of ``netspec eval`` as text, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.formatting import format_count, format_percent, printable
from netspec.report import Column, Table

if TYPE_CHECKING:
    from netspec.train.evaluation.outcome import Counted, Outcome
    from netspec.train.runs.saved import Saved

ROWS = 50
"""With more classes than this, the table lists only the worst ``WORST``."""

WORST = 20


class Results(NamedTuple):
    """The results of a test: as JSON data, and as lines above a table of the classes."""

    data: dict[str, Any]
    lines: list[str]
    table: Table


def image_results(tested: Outcome, runs: Sequence[Saved], weights: dict[str, str] | None) -> Results:
    """Return the results of networks that give each image a class. ``weights`` are the facts about ``--weights``."""
    return Results(as_data(tested, runs, weights), as_text(tested, runs), class_table(tested))


def as_data(tested: Outcome, runs: Sequence[Saved], weights: dict[str, str] | None) -> dict[str, Any]:
    """Return the result as JSON data. ``net`` and ``spec_sha256`` are ``None`` if the runs differ in them."""
    views = [
        {"views": number, "distinct_views": distinct}
        for number, distinct in zip(tested.views, tested.distinct, strict=True)
    ]
    numbers = zip(tested.classes, tested.per_class, tested.confusion.diagonal(), tested.five, strict=True)
    return {
        **run_facts(runs, views),
        "weights": weights,
        "data": data_facts(tested),
        "protocol": tested.protocol,
        "n": tested.used,
        "top1": tested.top1,
        "top5": tested.top5,
        "loss": tested.loss if tested.loss != float("inf") else None,
        "classes": [
            {"class": name, "n": int(n), "top1": int(first) / int(n) if n else None,
             "top5": int(five) / int(n) if n else None}
            for name, n, first, five in numbers
        ],
        "confusions": [list(one) for one in tested.confusions()],
    }  # fmt: skip


def run_facts(runs: Sequence[Saved], more: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    """Return what the JSON data say about the runs, with ``more`` about each of them."""
    hashes = {run.spec_sha256 for run in runs}
    return {
        "net": runs[0].graph.name if len({run.graph.name for run in runs}) == 1 else None,
        "spec_sha256": hashes.pop() if len(hashes) == 1 else None,
        "runs": [
            {
                "run": run.name,
                "checkpoint": str(run.path),
                "step": run.step,
                "net": run.graph.name,
                "spec_sha256": run.spec_sha256,
                **facts,
            }
            for run, facts in zip(runs, more, strict=True)
        ],
    }


def data_facts(tested: Counted) -> dict[str, Any]:
    """Return what the JSON data say about the source that was tested on."""
    return {
        "source": tested.source,
        "split": tested.split,
        "images": tested.images,
        "used": tested.used,
        "unreadable": tested.unreadable,
    }


def run_lines(runs: Sequence[Saved]) -> list[str]:
    """Return a line about each run."""
    return [f"{run.name}: {run.graph.name}, step {format_count(run.step)}, spec {run.spec_sha256[:12]}" for run in runs]


def loss_on_images(tested: Counted) -> str:
    """Return the loss, and on which images it was measured."""
    unread = f" ({format_count(tested.unreadable)} more cannot be read)" if tested.unreadable else ""
    which = "" if tested.split == "all" else f"{tested.split} "
    return f"loss {tested.loss:.4g} on {format_count(tested.used)} {which}images of {tested.source}{unread}"


def as_text(tested: Outcome, runs: Sequence[Saved]) -> list[str]:
    """Return the lines above the table of classes."""
    return [
        f"top-1 {100 * tested.top1:.2f} %, top-5 {100 * tested.top5:.2f} %, {loss_on_images(tested)}",
        f"protocol: {tested.protocol}",
        *run_lines(runs),
        "",
    ]


def class_table(tested: Outcome) -> Table:
    """Return the table of each class's accuracy, or of the worst classes if there are many."""
    right, total = tested.confusion.diagonal(), tested.per_class
    order = list(range(len(tested.classes)))
    if len(order) > ROWS:
        tested_ones = [number for number in order if total[number]]
        order = sorted(tested_ones, key=lambda number: (right[number] / total[number], number))[:WORST]
    rows = tuple(
        (
            printable(tested.classes[k]),
            format_count(int(total[k])),
            format_percent(int(right[k]), int(total[k])) if total[k] else "-",
        )
        for k in order
    )
    columns = (Column("class", right=False), Column("n"), Column("top-1"))
    return Table("", columns, rows, notes=left_out(tested, len(order)))


def left_out(tested: Counted, shown: int) -> tuple[str, ...]:
    """Return the note below a table of classes that does not show all of them."""
    classes = len(tested.classes)
    return (f"the {shown} worst of {format_count(classes)} classes; --format json has all",) if classes > shown else ()
