"""The results of ``netspec eval`` for dense networks as text, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netspec.cli.eval_results import ROWS, WORST, Results, data_facts, left_out, loss_on_images, run_facts, run_lines
from netspec.formatting import format_count, format_percent, printable
from netspec.report import Column, Table

if TYPE_CHECKING:
    from netspec.train.evaluation.masks.outcome import PixelOutcome
    from netspec.train.runs.saved import Saved


def pixel_results(tested: PixelOutcome, runs: Sequence[Saved], weights: dict[str, str] | None) -> Results:
    """Return the results of dense networks. ``weights`` are the facts about ``--weights``."""
    return Results(as_data(tested, runs, weights), as_text(tested, runs), class_table(tested))


def as_data(tested: PixelOutcome, runs: Sequence[Saved], weights: dict[str, str] | None) -> dict[str, Any]:
    """Return the result as JSON data. ``net`` and ``spec_sha256`` are ``None`` if the runs differ in them."""
    found = tested.evaluation
    numbers = zip(tested.classes, tested.per_class, tested.per_class_right, found.iou.values(), strict=True)
    return {
        **run_facts(runs, [{} for _ in runs]),
        "weights": weights,
        "data": data_facts(tested),
        "protocol": tested.protocol,
        "n": tested.used,
        "pixels": found.pixels,
        "pixels_right": found.pixels_right,
        "mean_iou": found.mean_iou,
        "loss": tested.loss if tested.loss != float("inf") else None,
        "classes": [
            {"class": name, "pixels": int(n), "right": int(right) / int(n) if n else None, "iou": iou}
            for name, n, right, iou in numbers
        ],
        "confusions": [list(one) for one in tested.confusions()],
    }


def as_text(tested: PixelOutcome, runs: Sequence[Saved]) -> list[str]:
    """Return the lines above the table of classes."""
    found = tested.evaluation
    return [
        f"pixels right {100 * found.pixels_right:.2f} %, mean IoU {100 * found.mean_iou:.2f} %, "
        f"{loss_on_images(tested)}",
        f"protocol: {tested.protocol}; {format_count(found.pixels)} labelled pixels",
        *run_lines(runs),
        "",
    ]


def class_table(tested: PixelOutcome) -> Table:
    """Return the table of each class's pixels, the share of them that got it, and its IoU; of the classes with the
    least IoU if there are many."""
    ious = list(tested.evaluation.iou.values())
    order = list(range(len(tested.classes)))
    if len(order) > ROWS:
        order = sorted((k for k in order if ious[k] is not None), key=lambda k: (ious[k], k))[:WORST]
    rows = tuple(
        (
            printable(tested.classes[k]),
            format_count(n := int(tested.per_class[k])),
            format_percent(int(tested.per_class_right[k]), n) if n else "-",
            f"{100 * iou:.1f} %" if (iou := ious[k]) is not None else "-",
        )
        for k in order
    )
    columns = (Column("class", right=False), Column("pixels"), Column("right"), Column("IoU"))
    return Table("", columns, rows, notes=left_out(tested, len(order)))
