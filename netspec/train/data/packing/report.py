"""The report of a survey: its errors and warnings, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from netspec.train.data.packing.survey import Copies, Spread, Survey
from netspec.units import count, per_second, plain, plural

if TYPE_CHECKING:
    from netspec.train.speed import Speed

ROWS = 20
"""The maximum number of classes in the table. If there are more, those with the fewest images are shown."""

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


def judge(found: Survey, mismatch: str | None) -> Findings:
    """Return the errors and warnings about the data. ``mismatch`` says why they do not fit the network, if so."""
    errors = [mismatch] if mismatch is not None else []
    if found.unreadable:
        errors.append(f"{plural(len(found.unreadable), 'image')} cannot be read")
    empty = [name for name, images in zip(found.classes, found.parts["train"].per_class, strict=True) if not images]
    if empty:
        errors.append(f"{plural(len(empty), 'class')} without a readable training image: {_some(empty)}")
    warnings = []
    if len(found.classes) == 1:
        warnings.append(f"{found.classes[0]} is the only class, and there is nothing to tell it from")
    for copies, where in _kinds(found).values():
        if copies:
            warnings.append(f"{plural(len(copies), 'picture')} {where}")
    return Findings(tuple(errors), tuple(warnings))


def as_text(found: Survey, findings: Findings, speeds: Speeds) -> list[str]:
    """Return the lines of the report."""
    lines = [f"{found.source}: {plural(len(found.classes), 'class')}"]
    for name, part in found.parts.items():
        least, most = min(part.per_class), max(part.per_class)
        each = f"{count(least)}" if least == most else f"{count(least)} to {count(most)}"
        lines.append(
            f"{name}: {plural(part.images, 'image')} = {count(part.readable)} readable + {count(part.unreadable)} "
            f"unreadable; {each} of a class"
        )
    lines += _table(found)
    if found.width is not None and found.height is not None:
        lines.append(f"files: {_spread('wide', found.width)}; {_spread('high', found.height)} (least, median, most)")
    lines.append(f"stored as {found.stored}")
    lines += list(found.notes)
    for problem in found.unreadable[:NAMED]:
        lines.append(f"unreadable: {problem.path}: {problem.reason}")
    if len(found.unreadable) > NAMED:
        lines.append(f"unreadable: {count(len(found.unreadable) - NAMED)} more; --format json lists all")
    for copies, where in _kinds(found).values():
        for one in copies[:NAMED]:
            lines.append(f"the same picture, {where}: {_some(one.paths)}")
        if len(copies) > NAMED:
            lines.append(f"the same picture, {where}: {count(len(copies) - NAMED)} more; --format json lists all")
    lines += _speed_lines(speeds)
    lines += [f"warning: {warning}" for warning in findings.warnings]
    lines += [f"error: {error}" for error in findings.errors]
    if not findings.warnings and not findings.errors:
        lines.append("nothing is wrong with these data")
    return lines


def as_json(found: Survey, findings: Findings, speeds: Speeds) -> dict[str, Any]:
    """Return the report as JSON values, with speeds in images per second and sizes in pixels."""
    return {
        "source": found.source,
        "classes": [
            {"name": name} | {split: part.per_class[number] for split, part in found.parts.items()}
            for number, name in enumerate(found.classes)
        ],
        "splits": {
            name: {"images": part.images, "readable": part.readable, "unreadable": part.unreadable}
            for name, part in found.parts.items()
        },
        "stored": [found.stored.channels, found.stored.height, found.stored.width],
        "file_sizes": {"width": _plain_spread(found.width), "height": _plain_spread(found.height)},
        "unreadable": [{"path": problem.path, "reason": problem.reason} for problem in found.unreadable],
        "duplicates": [
            {"paths": list(one.paths), "splits": list(one.splits), "classes": list(one.classes)} for one in found.copies
        ],
        "loader_images_per_s": round(speeds.loader.rate, 1) if speeds.loader is not None else None,
        "model_images_per_s": round(speeds.model.rate, 1) if speeds.model is not None else None,
        "device": speeds.device,
        "bottleneck": bottleneck(speeds),
        "notes": list(found.notes),
        "warnings": list(findings.warnings),
        "errors": list(findings.errors),
    }


def bottleneck(speeds: Speeds) -> str | None:
    """Return ``"reading"`` or ``"model"``, whichever is slower, or ``None`` if one was not measured."""
    if speeds.loader is None or speeds.model is None:
        return None
    return "reading" if speeds.loader.rate < speeds.model.rate else "model"


def _kinds(found: Survey) -> dict[str, tuple[list[Copies], str]]:
    """Group the duplicates by their most serious kind: in both splits, in two classes, or twice in one class. Each
    kind has its duplicates and a description."""
    kinds: dict[str, tuple[list[Copies], str]] = {
        "splits": ([], "in training and validation"),
        "classes": ([], "in two classes"),
        "class": ([], "twice in a class"),
    }
    for one in found.copies:
        kind = "splits" if one.across_splits else "classes" if one.across_classes else "class"
        kinds[kind][0].append(one)
    return kinds


def _table(found: Survey) -> list[str]:
    """Return the lines of the table of classes, with each class's number of readable images."""
    rows = list(zip(found.classes, *(part.per_class for part in found.parts.values()), strict=True))
    shown = rows if len(rows) <= ROWS else sorted(rows, key=lambda row: row[1])[:ROWS]
    width = max(cell_len(row[0]) for row in shown)  # Chinese and Japanese characters are two columns wide
    lines = [f"  {'':<{width}}  " + "  ".join(f"{name:>9}" for name in found.parts)]
    for name, *images in shown:
        gap = " " * (width - cell_len(name))
        lines.append(f"  {name}{gap}  " + "  ".join(f"{count(number):>9}" for number in images))
    if len(shown) < len(rows):
        lines.append(f"  the {len(shown)} classes with the fewest training images, of {count(len(rows))}")
    return lines


def _speed_lines(speeds: Speeds) -> list[str]:
    if speeds.loader is None:
        return []
    lines = [f"reading: {per_second(speeds.loader.rate)} images/s with {plural(speeds.workers, 'thread')}"]
    if speeds.model is None:
        return lines
    loader, model = speeds.loader.rate, speeds.model.rate
    lines.append(
        f"training: {per_second(model)} images/s on {speeds.device} in batches of {speeds.model.batch}, on data that "
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
    return f"{count(spread.least)}, {plain(spread.median)}, {count(spread.most)} {word}"


def _plain_spread(spread: Spread | None) -> dict[str, float] | None:
    return {"min": spread.least, "median": spread.median, "max": spread.most} if spread is not None else None


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {count(len(names) - 5)} more" if len(names) > 5 else "")
