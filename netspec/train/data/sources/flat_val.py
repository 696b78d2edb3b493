"""Labels of validation images in a single flat folder, as ILSVRC distributes them, from a text file.

Each line is a class, in the order of the images' file names, or a file name and a class, in any order (as in Caffe's
``val.txt``). A class is given by its folder's name or its number. Numbers count from 0 in the order of the class
names; names are tried first, so ``7`` means a folder called ``7`` if there is one. Numbers from 1 are refused: those of
the ILSVRC development kit (``ILSVRC2012_validation_ground_truth.txt``) follow the order of its ``meta.mat``, which is
different.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netspec.formatting import format_count, plural
from netspec.train.data.sources.text_lines import text_lines
from netspec.train.errors import TrainError

USUAL = ("val_labels.txt", "val.txt", "validation_labels.txt")
"""The usual names of a labels file, which is searched for in DIR and then in DIR/val."""

FROM_ONE = (
    "netspec counts classes from 0 in the order of their names; the ILSVRC development kit's ground truth counts from "
    "1 in the order of its meta.mat",
    "write the class names (WNIDs) instead of numbers",
)


def find_labels(root: Path, images: int) -> Path:
    """Return the labels file with one of the usual names. Raises ``TrainError`` if there is none."""
    places = [folder / name for folder in (root, root / "val") for name in USUAL]
    for path in places:
        if path.is_file():
            return path
    raise TrainError(
        f"{root / 'val'} holds {plural(images, 'image')} without class folders, and no file says their classes",
        f"looked for {', '.join(USUAL)} there and in {root}; a line is a class name, in the order of the file names",
        "netspec pack takes another file: --val-labels FILE",
    )


def flat_labels(path: Path, images: Sequence[str], classes: Sequence[str]) -> list[int]:
    """Return the class number of each image; ``images`` are the sorted file names.

    Raises
    ------
    TrainError
        The file has too many or too few lines, an image has no line or two classes, or a class does not exist.
    OSError
        The file cannot be opened.
    """
    return _numbers(path, _words_in_order(path, text_lines(path), images), classes)


def _words_in_order(path: Path, lines: Sequence[str], images: Sequence[str]) -> list[tuple[int, str]]:
    """Return for each image the number of its line (from 1) and its class as written."""
    rows = [(number, line.rsplit(None, 1)) for number, line in enumerate(lines, 1)]
    blank = next((number for number, words in rows if not words), None)
    if blank is not None:
        raise TrainError(f"{path}:{blank}: the line is empty", "a line is a class, or a file name and a class")
    mixed = next((number for number, words in rows if len(words) != len(rows[0][1])), None)
    if mixed is not None:
        raise TrainError(f"{path}:{mixed}: lines with and without a file name are mixed")
    if not rows or len(rows[0][1]) == 1:
        if len(rows) != len(images):
            raise TrainError(f"{path} has {plural(len(rows), 'line')} for {plural(len(images), 'validation image')}")
        return [(number, words[0]) for number, words in rows]
    by_name: dict[str, tuple[int, str]] = {}
    own = set(images)
    for number, (file, word) in rows:
        name = Path(file).name
        earlier = by_name.setdefault(name, (number, word))
        if earlier[1] != word and name in own:
            raise TrainError(
                f"{path}:{number}: {file} is of class {word!r} here, and of {earlier[1]!r} in line {earlier[0]}"
            )
    missing = [name for name in images if name not in by_name]
    if missing:
        raise TrainError(
            f"{path} says no class for {plural(len(missing), 'validation image')}, the first {missing[0]}",
            f"it has {plural(len(rows), 'line')} for {plural(len(images), 'image')}",
        )
    return [by_name[name] for name in images]


def _numbers(path: Path, words: Sequence[tuple[int, str]], classes: Sequence[str]) -> list[int]:
    places = {name: number for number, name in enumerate(classes)}
    if all(word in places for _, word in words):
        return [places[word] for _, word in words]
    if not all(_is_number(word) for _, word in words):
        unknown = [(line, word) for line, word in words if word not in places]
        line, word = next(((line, word) for line, word in unknown if not _is_number(word)), unknown[0])
        raise TrainError(
            f"{path}:{line}: there is no class {word!r}",
            f"the {format_count(len(classes))} classes begin with {classes[0]!r}",
        )
    numbers = [int(word) if len(word) < 19 else len(places) for _, word in words]
    if min(numbers) == 1 and max(numbers) == len(classes):
        raise TrainError(f"{path}: the class numbers run from 1 to {format_count(len(classes))}", *FROM_ONE)
    for (line, word), number in zip(words, numbers, strict=True):
        if number >= len(classes):
            raise TrainError(
                f"{path}:{line}: class number {word} is out of range: the {format_count(len(classes))} classes are "
                f"numbered 0 to {len(classes) - 1}, in the order of their names"
            )
    return numbers


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()
