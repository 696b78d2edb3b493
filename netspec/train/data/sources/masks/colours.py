"""Masks that give each pixel a colour: the classes that ``classes.txt`` gives to colours.

CamVid's ``label_colors.txt`` has a colour and the name of its class on each line, ``128 64 128 Road`` (Brostow,
Fauqueur & Cipolla, *Semantic object classes in video: a high-definition ground truth database*, 2009), other tables the
name first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from netspec.formatting import format_count, plural
from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.splits import Pixels, Unreadable

LEAVE_OUT = "unlabelled"
"""The name, in ``classes.txt``, of the colours of pixels without a class."""


MANY = 8
"""A mask with more unknown colours than this has been drawn or saved in a way that mixes them."""


class Colour(NamedTuple):
    """Red, green and blue, 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        return f"{self.red} {self.green} {self.blue}"

    @property
    def code(self) -> int:
        """The three numbers as one."""
        return (self.red << 16) + (self.green << 8) + self.blue


class UnknownColour(Unreadable):
    """A mask has a colour that is that of no class. ``notes`` are further lines."""

    def __init__(self, path: str, reason: str, *notes: str) -> None:
        super().__init__(path, reason)
        self.notes = notes


@dataclass(frozen=True, slots=True)
class Colours:
    """The class of each colour, by its name and number; those of ``LEAVE_OUT`` have the number ``UNLABELLED``.

    ``file`` is the file that says so.
    """

    file: str
    names: Mapping[Colour, str]
    numbers: Mapping[Colour, int]

    @property
    def digest(self) -> bytes:
        """Bytes that are the same for the same colours of the same classes."""
        return json.dumps(sorted((*colour, number) for colour, number in self.numbers.items())).encode()

    def classes_of(self, pixels: Pixels, path: str) -> Pixels:
        """Return the class numbers, (height, width), of a mask's pixels, (height, width, 3).

        Raises ``UnknownColour``, in which ``path`` is the mask.
        """
        codes = pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
        known = sorted(self.numbers, key=lambda colour: colour.code)
        table = np.array([colour.code for colour in known], np.int32)
        places = np.searchsorted(table, codes).clip(max=len(table) - 1)
        unknown = table[places] != codes
        if unknown.any():
            raise self._unknown(pixels, unknown, path)
        classes: Pixels = np.array([self.numbers[colour] for colour in known], np.uint8)[places]
        return classes

    def _unknown(
        self, pixels: Pixels, unknown: np.ndarray[tuple[int, int], np.dtype[np.bool_]], path: str
    ) -> UnknownColour:
        row, column = (int(place) for place in np.argwhere(unknown)[0])
        colour, others = Colour(*pixels[row, column].tolist()), np.unique(pixels[unknown], axis=0)
        nearest = sorted(self.names, key=lambda known: sum((a - b) ** 2 for a, b in zip(known, colour, strict=True)))
        notes = [f"pixels without a class have a line there too: {LEAVE_OUT} {colour}"]
        if len(others) > 1:
            how = "; a mask that was resized, or a JPEG file once, has mixed colours" if len(others) > MANY else ""
            pixels_with = plural(int(unknown.sum()), "pixel")
            notes.insert(0, f"{pixels_with} of this mask have {format_count(len(others))} such colours{how}")
        return UnknownColour(
            path,
            f"the mask has the colour {colour} in row {row}, column {column} (from 0), and {self.file} does not; "
            f"nearest there: {', '.join(f'{self.names[known]} {known}' for known in nearest[:2])}",
            *notes,
        )


def numbers_of(named: list[tuple[str, Colour]]) -> tuple[tuple[str, ...], dict[Colour, int]]:
    """Return the classes, in the order of their first colours, and the number of each colour, given the names of
    colours."""
    classes = tuple(dict.fromkeys(name for name, _ in named if name != LEAVE_OUT))
    return classes, {colour: UNLABELLED if name == LEAVE_OUT else classes.index(name) for name, colour in named}
