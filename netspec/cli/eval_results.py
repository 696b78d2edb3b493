"""The results of ``netspec eval`` as text, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netspec.formatting import format_count, printable
from netspec.report import Column, Table

if TYPE_CHECKING:
    from netspec.train.evaluation.outcome import Counted
    from netspec.train.runs.saved import Saved

ROWS = 50
"""With more classes than this, the table lists only the worst ``WORST``."""

WORST = 20


def as_data(tested: Counted, runs: Sequence[Saved], weights: dict[str, str] | None) -> dict[str, Any]:
    """Return the result as JSON data. ``net`` and ``spec_sha256`` are ``None`` if the runs differ in them; ``weights``
    are the facts about ``--weights``."""
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
                **tested.views_of(number),
            }
            for number, run in enumerate(runs)
        ],
        "weights": weights,
        "data": {
            "source": tested.source,
            "split": tested.split,
            "images": tested.images,
            "used": tested.used,
            "unreadable": tested.unreadable,
        },
        "protocol": tested.protocol,
        "n": tested.used,
        **tested.numbers,
        "loss": tested.loss if tested.loss != float("inf") else None,
        "classes": tested.class_numbers(),
        "confusions": [list(one) for one in tested.confusions()],
    }


def as_text(tested: Counted, runs: Sequence[Saved]) -> list[str]:
    """Return the lines above the table of classes."""
    unread = f" ({format_count(tested.unreadable)} more cannot be read)" if tested.unreadable else ""
    which = "" if tested.split == "all" else f"{tested.split} "
    images = f"{format_count(tested.used)} {which}images of {tested.source}{unread}"
    return [
        f"{tested.summary}, loss {tested.loss:.4g} on {images}",
        f"protocol: {tested.full_protocol}",
        *(f"{run.name}: {run.graph.name}, step {format_count(run.step)}, spec {run.spec_sha256[:12]}" for run in runs),
        "",
    ]


def class_table(tested: Counted) -> Table:
    """Return the table of the results of each class, or of the worst classes if there are many."""
    classes, order = len(tested.classes), list(range(len(tested.classes)))
    notes: tuple[str, ...] = ()
    if classes > ROWS:
        scores = [(score, k) for k in order if (score := tested.class_score(k)) is not None]
        order = [k for _, k in sorted(scores)[:WORST]]
        notes = (f"the {len(order)} worst of {format_count(classes)} classes; --format json has all",)
    rows = tuple((printable(tested.classes[k]), *tested.class_row(k)) for k in order)
    columns = (Column("class", right=False), *map(Column, tested.class_columns))
    return Table("", columns, rows, notes=notes)
