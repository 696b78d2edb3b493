"""Looking at a few masks of a folder before all of them are used, for what is usually wrong with all of them."""

from __future__ import annotations

import numpy as np

from netspec.formatting import plural
from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.sources.masks.classes import BLACK_AND_WHITE, black_and_white
from netspec.train.data.sources.masks.folder import MaskFiles
from netspec.train.data.splits import Unreadable
from netspec.train.errors import TrainError

LOOKED_AT = 8
"""The number of training masks that are read, evenly spread over all of them."""


def require_masks(split: MaskFiles) -> tuple[str, ...]:
    """Read a few masks of a split. Return a note for the user if all their labelled pixels have the same class.

    Raises
    ------
    TrainError
        None of them can be used; one has a class that does not exist; none of their pixels is labelled; or they have
        only the numbers 0 and 255, as masks of two classes have that are drawn in black and white.
    """
    count = len(split.labels)
    problems: list[Unreadable] = []
    seen: set[int] = set()
    looked_at = np.unique(np.linspace(0, count - 1, min(count, LOOKED_AT)).astype(int)).tolist()
    for index in looked_at:
        try:
            seen |= set(np.unique(split.mask(index)).tolist())
        except Unreadable as problem:
            problems.append(problem)
    if len(problems) == len(looked_at):
        others = f"so are the others looked at, {len(looked_at)} of {plural(count, 'training mask')}"
        raise TrainError(f"{problems[0].path}: {problems[0].reason}", *([others] if len(problems) > 1 else []))
    looked = f"{plural(len(looked_at), 'training mask')} looked at, the first {split.mask_path(looked_at[0])}"
    if seen == {UNLABELLED}:
        raise TrainError(
            f"the masks of {split.files.root} have the number {UNLABELLED} only, which is unlabelled", looked
        )
    if seen == BLACK_AND_WHITE and not split.colours:
        message, remedy = black_and_white(f"the masks of {split.files.root}")
        raise TrainError(message, f"{looked}; the whole image would be class 0", remedy)
    labelled = seen - {UNLABELLED}
    if len(labelled) > 1:
        return ()
    return (f"{looked}: all have class {labelled.pop()} only; netspec check-data counts the classes of all masks",)
