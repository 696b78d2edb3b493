"""The part of a survey's report that is about masks: which classes they have, in how many images and pixels."""

from __future__ import annotations

from typing import Any

from netspec.formatting import format_count, listed, plural
from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.packing.survey import SplitCounts, Survey
from netspec.train.data.sources.masks.classes import BLACK_AND_WHITE, black_and_white

MAX_LISTED = 5
"""The most names in one line."""


def mask_problems(survey: Survey) -> tuple[list[str], list[str]]:
    """Return the errors and warnings about the classes in masks."""
    errors, warnings = [], []
    if survey.beyond:
        first = [f"{path} (class {number})" for path, number in survey.beyond]
        errors.append(
            f"{plural(len(survey.beyond), 'mask')} with a class beyond the {plural(len(survey.classes), 'class')} that "
            f"there are: {listed(first, MAX_LISTED)}{_from_one(survey)}"
        )
    train = survey.counts["train"]
    seen = _seen(train)
    if seen == {UNLABELLED}:
        errors.append("none of the pixels of the training masks is labelled")
    elif seen == BLACK_AND_WHITE:
        errors.append("; ".join(black_and_white("the training masks")))
    if "val" in survey.counts and _seen(survey.counts["val"]) == {UNLABELLED}:
        warnings.append("none of the pixels of the validation masks is labelled, so nothing can be validated")
    absent = [name for name, images in zip(survey.classes, train.per_class, strict=True) if not images]
    if absent:
        warnings.append(f"{plural(len(absent), 'class')} in no readable training mask: {listed(absent, MAX_LISTED)}")
    return errors, warnings


def _seen(split: SplitCounts) -> set[int]:
    """Return the numbers that pixels of the masks of a split have."""
    return {number for number, pixels in enumerate(split.pixels or ()) if pixels}


def _from_one(survey: Survey) -> str:
    """Return an explanation if the masks have the numbers from 1 to that of the classes."""
    seen = set().union(*map(_seen, survey.counts.values()))
    if 0 in seen or max(seen - {UNLABELLED}) > len(survey.classes):
        return ""
    return "; no pixel has class 0: if classes are counted from 1, subtract 1"


def labelled_line(split: SplitCounts) -> str:
    """Return what the line of a split says about its masks."""
    assert split.pixels is not None
    total = sum(split.pixels)
    share = 100 * split.pixels[UNLABELLED] / total if total else 0.0
    return f"{share:.1f} % of their pixels unlabelled"


def shares(split: SplitCounts, classes: int) -> list[float]:
    """Return the share of each class in the labelled pixels of a split, 0 to 1; zeros if there are none."""
    assert split.pixels is not None
    labelled = sum(split.pixels[:UNLABELLED])
    return [pixels / labelled if labelled else 0.0 for pixels in split.pixels[:classes]]


def mask_columns(survey: Survey) -> tuple[list[str], list[list[str]]]:
    """Return the headings of the table of classes, and the cells of each class: the images in which it occurs, and its
    share of the labelled pixels."""
    headings, columns = [], []
    for name, split in survey.counts.items():
        headings += [name, "of pixels"]
        columns.append([format_count(images) for images in split.per_class])
        columns.append([f"{100 * share:.1f} %" for share in shares(split, len(survey.classes))])
    return headings, [list(cells) for cells in zip(*columns, strict=True)]


def masks_as_json(survey: Survey) -> dict[str, Any]:
    """Return what the JSON report of a source with masks says beside that of other sources: the pixels of each class in
    each split, the unlabelled ones, and the masks with a class that does not exist."""
    splits = {name: split.pixels for name, split in survey.counts.items() if split.pixels is not None}
    return {
        "pixels": {name: list(pixels[: len(survey.classes)]) for name, pixels in splits.items()},
        "unlabelled_pixels": {name: pixels[UNLABELLED] for name, pixels in splits.items()},
        "beyond": [{"path": path, "class": number} for path, number in survey.beyond],
    }
