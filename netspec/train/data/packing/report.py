"""The report of a survey: its errors and warnings, as text and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from netspec.formatting import format_count, format_number, format_rate, listed, plural
from netspec.train.data.balance import balanced_weights
from netspec.train.data.packing.mask_report import labelled_line, mask_columns, mask_problems, masks_as_json
from netspec.train.data.packing.survey import Copies, SplitCounts, Spread, Survey
from netspec.train.data.splits import only_class

if TYPE_CHECKING:
    from netspec.train.speed import Speed

ROWS = 20
"""The maximum number of classes in the table. If there are more, those with the fewest images are shown."""

MAX_LISTED = 5
"""The most names in one line."""

NAMED = 10
"""The maximum number of unreadable images, and of duplicates of each kind, in the text. The JSON lists all."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Problems with the data, one line each. If there are ``errors``, the command exits with status 1."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Speeds:
    """The measured speeds of the loader with ``workers`` threads and of the network on ``device``; ``None`` if not
    measured."""

    loader: Speed | None
    model: Speed | None
    device: str
    workers: int


def judge(survey: Survey, mismatch: str | None) -> Findings:
    """Return the errors and warnings about the data. ``mismatch`` says why they do not fit the network, if so."""
    errors = [mismatch] if mismatch is not None else []
    if survey.unreadable:
        mask = "its mask" if len(survey.unreadable) == 1 else "their masks"
        which = f"{plural(len(survey.unreadable), 'image')}{f' or {mask}' if survey.masks else ''}"
        errors.append(f"{which} cannot be read")
    warning = only_class(survey.classes)
    warnings = [warning] if warning is not None else []
    own_errors, own_warnings = mask_problems(survey) if survey.masks else _class_problems(survey)
    errors += own_errors
    warnings += own_warnings
    for duplicates, where in _duplicates_by_kind(survey).values():
        if duplicates:
            warnings.append(f"{plural(len(duplicates), 'image')} {where}")
    return Findings(tuple(errors), tuple(warnings))


def _class_problems(survey: Survey) -> tuple[list[str], list[str]]:
    """Return the errors and warnings about the classes of images."""
    empty = [name for name, images in zip(survey.classes, survey.counts["train"].per_class, strict=True) if not images]
    if not empty:
        return [], []
    return [f"{plural(len(empty), 'class')} without a readable training image: {listed(empty, MAX_LISTED)}"], []


def as_text(survey: Survey, findings: Findings, speeds: Speeds) -> list[str]:
    """Return the lines of the report."""
    lines = [f"{survey.source}: {plural(len(survey.classes), 'class')}"]
    for name, split in survey.counts.items():
        lines.append(
            f"{name}: {plural(split.images, 'image')} = {format_count(split.readable)} readable + "
            f"{format_count(split.unreadable)} unreadable; {labelled_line(split) if survey.masks else _each(split)}"
        )
    lines += _table(survey)
    if survey.width is not None and survey.height is not None:
        lines.append(f"files: {_spread('wide', survey.width)}; {_spread('high', survey.height)} (least, median, most)")
    lines.append(f"stored as {survey.stored}")
    lines += list(survey.notes)
    for problem in survey.unreadable[:NAMED]:
        lines.append(f"unreadable: {problem.path}: {problem.reason}")
    if len(survey.unreadable) > NAMED:
        lines.append(f"unreadable: {format_count(len(survey.unreadable) - NAMED)} more; --format json lists all")
    for duplicates, where in _duplicates_by_kind(survey).values():
        for copies in duplicates[:NAMED]:
            lines.append(f"the same image, {where}: {listed(copies.paths, MAX_LISTED)}")
        if len(duplicates) > NAMED:
            lines.append(
                f"the same image, {where}: {format_count(len(duplicates) - NAMED)} more; --format json lists all"
            )
    lines += _speed_lines(speeds)
    lines += [f"warning: {warning}" for warning in findings.warnings]
    lines += [f"error: {error}" for error in findings.errors]
    if not findings.warnings and not findings.errors:
        lines.append("nothing is wrong with these data")
    return lines


def _each(split: SplitCounts) -> str:
    """Return how many images a class has."""
    least, most = min(split.per_class), max(split.per_class)
    each = f"{format_count(least)}" if least == most else f"{format_count(least)} to {format_count(most)}"
    return f"{each} of a class"


def as_json(survey: Survey, findings: Findings, speeds: Speeds) -> dict[str, Any]:
    """Return the report as JSON values, with speeds in images per second and sizes in pixels."""
    train = survey.counts["train"]
    return {
        "source": survey.source,
        "classes": [
            {"name": name} | {split: counts.per_class[number] for split, counts in survey.counts.items()}
            for number, name in enumerate(survey.classes)
        ],
        "splits": {
            name: {"images": split.images, "readable": split.readable, "unreadable": split.unreadable}
            for name, split in survey.counts.items()
        },
        "balanced_weights": balanced_weights((train.pixels or train.per_class)[: len(survey.classes)]),
        "stored": [survey.stored.channels, survey.stored.height, survey.stored.width],
        "file_sizes": {"width": _spread_as_json(survey.width), "height": _spread_as_json(survey.height)},
        "unreadable": [{"path": problem.path, "reason": problem.reason} for problem in survey.unreadable],
        "duplicates": [
            {"paths": list(copies.paths), "splits": list(copies.splits), "classes": list(copies.classes)}
            for copies in survey.copies
        ],
        "loader_images_per_s": round(speeds.loader.rate, 1) if speeds.loader is not None else None,
        "model_images_per_s": round(speeds.model.rate, 1) if speeds.model is not None else None,
        "device": speeds.device,
        "bottleneck": bottleneck(speeds),
        "notes": list(survey.notes),
        "warnings": list(findings.warnings),
        "errors": list(findings.errors),
    } | (masks_as_json(survey) if survey.masks else {})


def bottleneck(speeds: Speeds) -> str | None:
    """Return ``"reading"`` or ``"model"``, whichever is slower, or ``None`` if one was not measured."""
    if speeds.loader is None or speeds.model is None:
        return None
    return "reading" if speeds.loader.rate < speeds.model.rate else "model"


def _duplicates_by_kind(survey: Survey) -> dict[str, tuple[list[Copies], str]]:
    """Group the duplicates by their most serious kind: in both splits, in two classes, or twice in one class. Each
    kind has its duplicates and a description."""
    kinds: dict[str, tuple[list[Copies], str]] = {
        "splits": ([], "in training and validation"),
        "classes": ([], "in two classes"),
        "class": ([], "twice" if survey.masks else "twice in a class"),
    }
    for copies in survey.copies:
        kind = "splits" if copies.across_splits else "classes" if copies.across_classes else "class"
        kinds[kind][0].append(copies)
    return kinds


def _table(survey: Survey) -> list[str]:
    """Return the lines of the table of classes, with each class's number of readable images, and its share of pixels if
    they have masks."""
    if survey.masks:
        headings, cells = mask_columns(survey)
    else:
        headings = list(survey.counts)
        columns = [[format_count(images) for images in split.per_class] for split in survey.counts.values()]
        cells = [list(row) for row in zip(*columns, strict=True)]
    rows = list(zip(survey.classes, cells, survey.counts["train"].per_class, strict=True))
    shown = rows if len(rows) <= ROWS else sorted(rows, key=lambda row: row[2])[:ROWS]
    width = max((cell_len(row[0]) for row in shown), default=0)  # Chinese characters are two columns wide
    lines = [f"  {'':<{width}}  " + "  ".join(f"{heading:>9}" for heading in headings)]
    for name, row, _ in shown:
        gap = " " * (width - cell_len(name))
        lines.append(f"  {name}{gap}  " + "  ".join(f"{cell:>9}" for cell in row))
    if len(shown) < len(rows):
        lines.append(f"  the {len(shown)} classes with the fewest training images, of {format_count(len(rows))}")
    return lines


def _speed_lines(speeds: Speeds) -> list[str]:
    if speeds.loader is None:
        return []
    lines = [f"reading: {format_rate(speeds.loader.rate)} images/s with {plural(speeds.workers, 'thread')}"]
    if speeds.model is None:
        return lines
    loader, model = speeds.loader.rate, speeds.model.rate
    lines.append(
        f"training: {format_rate(model)} images/s on {speeds.device} in batches of {speeds.model.batch}, on data that "
        "lie in memory"
    )
    if loader < model:
        share = 100 * (1 - loader / model)
        lines.append(
            f"reading is the bottleneck: the network would wait at least {share:.0f} % of the time (netspec pack makes "
            "reading faster)"
        )
    else:
        lines.append(f"the network is the bottleneck: images are read {loader / model:.1f} times as fast")
    return lines


def _spread(word: str, spread: Spread) -> str:
    return f"{format_count(spread.least)}, {format_number(spread.median)}, {format_count(spread.most)} {word}"


def _spread_as_json(spread: Spread | None) -> dict[str, float] | None:
    return {"min": spread.least, "median": spread.median, "max": spread.most} if spread is not None else None
