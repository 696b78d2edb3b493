"""The classes of masks: their names, and which ones masks may have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from netspec.formatting import plural
from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.sources.masks.colours import LEAVE_OUT, Colour, Colours, numbers_of
from netspec.train.data.sources.text_lines import text_lines
from netspec.train.data.splits import Pixels
from netspec.train.errors import TrainError

CLASSES = "classes.txt"
"""The file, beside the folders of images and masks, that names the classes: one a line, from class 0 on. In masks with
colours, each line has a colour too."""


class Classes(NamedTuple):
    """The names of the classes, from class 0 on, and their colours if masks have colours."""

    names: tuple[str, ...] = ()
    colours: Colours | None = None


def read_classes(root: Path) -> Classes:
    """Return the classes in ``root/classes.txt``: names, one a line, or names and colours, as ``road 128 64 128``,
    ``128 64 128 road`` or ``road #804080``. A class may then have several lines. None if there is no such file.

    Raises
    ------
    TrainError
        The file has no names, too many, an empty line, a name or a colour twice, some lines without a colour, or one
        with two.
    OSError
        It cannot be opened.
    """
    path = root / CLASSES
    if not path.is_file():
        return Classes()
    lines = [line.strip() for line in text_lines(path)]
    if not lines:
        raise TrainError(f"{path} names no class", "write a name on each line, that of class 0 first")
    for number, line in enumerate(lines):
        if not line:
            raise TrainError(f"{path}:{number + 1}: the line is empty, so class {number} has no name")
    named = [_named_colour(path, number, line) for number, line in enumerate(lines, 1)]
    classes = _coloured(path, lines, named) if any(named) else Classes(_names(path, lines))
    if len(classes.names) > UNLABELLED:
        raise TrainError(
            f"{path} has {plural(len(classes.names), 'class')}: a mask holds at most {UNLABELLED} classes, numbered "
            f"0 to {UNLABELLED - 1}"
        )
    return classes


def _names(path: Path, lines: list[str]) -> tuple[str, ...]:
    for number, name in enumerate(lines):
        if lines.index(name) < number:
            raise TrainError(f"{path}:{number + 1}: {name!r} is already class {lines.index(name)}")
    return tuple(lines)


_SEPARATOR = r"(?:\s*[,;]\s*|\s+)"
_NUMBERS = _SEPARATOR.join(rf"(?P<{part}>\d+)" for part in Colour._fields)
_COLOUR_LAST = re.compile(rf"(?P<name>.*?\S){_SEPARATOR}{_NUMBERS}")
_COLOUR_FIRST = re.compile(rf"{_NUMBERS}{_SEPARATOR}(?P<name>\S.*)")
_HEXADECIMAL = re.compile(r"^#([0-9a-fA-F]{6})(?=[\s,;])|(?<=[\s,;])#([0-9a-fA-F]{6})$")


def _named_colour(path: Path, number: int, line: str) -> tuple[str, Colour] | None:
    """Return the name and the colour in a line of ``classes.txt``, the number of which begins at 1; ``None`` if it has
    no colour."""
    in_numbers, hexadecimal = _HEXADECIMAL.subn(_as_numbers, line)
    found = _COLOUR_LAST.fullmatch(in_numbers) or _COLOUR_FIRST.fullmatch(in_numbers)
    if found is None:
        return None
    name, colour = found["name"], Colour(*(int(found[part]) for part in Colour._fields))
    if max(colour) > 255:
        raise TrainError(f"{path}:{number}: {colour} is no colour: its numbers, red, green and blue, are 0 to 255")
    if hexadecimal and (_COLOUR_LAST.fullmatch(name) or _COLOUR_FIRST.fullmatch(name)):
        raise TrainError(f"{path}:{number}: {line!r} has two colours", "a class with several colours has several lines")
    return name, colour


def _as_numbers(hexadecimal: re.Match[str]) -> str:
    return str(Colour(*bytes.fromhex(hexadecimal[1] or hexadecimal[2])))


def _coloured(path: Path, lines: list[str], named: Sequence[tuple[str, Colour] | None]) -> Classes:
    """Return the classes of lines that have colours. Raises ``TrainError`` if one has none, or two have the same."""
    with_colours = [pair for pair in named if pair is not None]
    first = next(number for number, pair in enumerate(named, 1) if pair is not None)
    at: dict[Colour, int] = {}
    for number, pair in enumerate(named, 1):
        if pair is None:
            raise TrainError(
                f"{path}:{number}: {lines[number - 1]!r} has no colour, and line {first} has one",
                "masks have either colours, and each line a name and its red, green and blue, or numbers",
            )
        earlier = at.setdefault(pair[1], number)
        if earlier != number:
            raise TrainError(f"{path}:{number}: the colour {pair[1]} is already that of line {earlier}")
    names, numbers = numbers_of(with_colours)
    if not names:
        raise TrainError(f"{path} names no class but {LEAVE_OUT}")
    return Classes(names, Colours(str(path), {colour: name for name, colour in with_colours}, numbers))


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
        f"if {UNLABELLED} is meant as a class of its own, {CLASSES} says so in two lines: background 0 0 0, and object "
        "255 255 255",
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
