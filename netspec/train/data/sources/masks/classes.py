"""The classes of masks: their names, and which ones masks may have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netspec.formatting import format_count
from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.splits import Pixels
from netspec.train.errors import TrainError

CLASSES = "classes.txt"
"""The file, beside the folders of images and masks, that names the classes: one a line, from class 0 on."""


def read_names(root: Path) -> tuple[str, ...]:
    """Return the names in ``root/classes.txt``; none if there is no such file.

    Raises
    ------
    TrainError
        The file has no names, too many, an empty line, or a name twice.
    OSError
        It cannot be opened.
    """
    path = root / CLASSES
    if not path.is_file():
        return ()
    try:
        names = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
    except UnicodeDecodeError as problem:
        raise TrainError(f"{path} is not a text file") from problem
    while names and not names[-1]:
        names.pop()
    if not names:
        raise TrainError(f"{path} names no class", "write a name on each line, that of class 0 first")
    if len(names) > UNLABELLED:
        raise TrainError(
            f"{path} has {format_count(len(names))} lines: a mask holds at most {UNLABELLED} classes, numbered 0 to "
            f"{UNLABELLED - 1}"
        )
    for number, name in enumerate(names):
        if not name:
            raise TrainError(f"{path}:{number + 1}: the line is empty, so class {number} has no name")
        if names.index(name) < number:
            raise TrainError(f"{path}:{number + 1}: {name!r} is already class {names.index(name)}")
    return tuple(names)


def numbered_names(count: int) -> tuple[str, ...]:
    """Return names for classes that have none.

    >>> numbered_names(2)
    ('class 0', 'class 1')
    """
    return tuple(f"class {number}" for number in range(count))


BLACK_AND_WHITE = frozenset({0, UNLABELLED})
"""The numbers in masks of two classes that are drawn in black and white."""


def black_and_white(masks: str) -> tuple[str, str]:
    """Return what is wrong with ``masks`` that have the numbers of ``BLACK_AND_WHITE`` only, and the remedy."""
    return (
        f"{masks} have the numbers 0 and {UNLABELLED} only, and {UNLABELLED} is unlabelled",
        f"if {UNLABELLED} is meant as a class of its own, write it as 1, or save the masks with 1 bit per pixel",
    )


def require_classes(path: Path | str, mask: Pixels, classes: int | None) -> None:
    """Raise ``TrainError`` if a mask has a class that does not exist; ``classes`` is their number, ``None`` if it is
    not known."""
    if classes is None:
        return
    beyond = (mask >= classes) & (mask != UNLABELLED)
    if beyond.any():
        row, column = (int(place) for place in np.argwhere(beyond)[0])
        from_one = int(mask.min()) == 1 and int(mask[mask != UNLABELLED].max()) == classes
        raise no_such_class(path, int(mask[row, column]), classes, from_one=from_one)


def no_such_class(path: Path | str, number: int, classes: int, *, from_one: bool = False) -> TrainError:
    """Return the error for masks, in a file or folder, with the number of a class that does not exist; ``from_one`` if
    they have the numbers from 1 to that of the classes."""
    if from_one:
        hint = (
            "it has no pixel of class 0: if its classes are counted from 1, subtract 1; otherwise the network, and "
            f"{CLASSES} if there is one, needs one class more"
        )
    else:
        hint = (
            f"the network needs as many scores as the masks have classes, and {CLASSES}, if there is one, as many "
            "lines; or the masks hold brightness to look at, not numbers of classes"
        )
    return TrainError(
        f"{path}: the mask has class {number}, and classes are numbered 0 to {classes - 1} ({UNLABELLED} means "
        "unlabelled)",
        hint,
    )
