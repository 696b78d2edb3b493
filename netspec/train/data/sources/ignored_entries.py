"""Notes about entries of an image folder that are ignored, since the user may believe that they are used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from netspec.formatting import format_count, listed, plural
from netspec.train.data.splits import Labels

FOLDER = "/"
"""Marks the names of folders among the names of ignored entries."""

OTHER_FORMATS = (
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jxl", ".pgm", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
"""File name extensions of image formats that are not supported."""

MAX_LISTED = 5
"""The maximum number of names in a note."""


def notes(ignored: Sequence[str], loose: Sequence[str]) -> Iterator[str]:
    """Yield notes about ignored entries: ``ignored`` are those that are not images, ``loose`` images outside the class
    folders."""
    if loose:
        yield (
            f"{plural(len(loose), 'image')} beside the class folders {_is_or_are(loose)} of no class and ignored, "
            f"the first {loose[0]}"
        )
    yield from no_images(ignored)
    folders = [name for name in ignored if name.endswith(FOLDER)]
    if folders:
        yield (
            f"{plural(len(folders), 'folder')} inside class folders {_is_or_are(folders)} not looked into, "
            f"the first {folders[0]}"
        )


def no_images(ignored: Sequence[str]) -> Iterator[str]:
    """Yield notes about ignored entries that are not images."""
    if ignored:
        entries = f"{format_count(len(ignored))} {'entry is' if len(ignored) == 1 else 'entries are'}"
        yield f"{entries} neither JPEG nor PNG and ignored, the first {ignored[0]}"
    yield from unsupported_formats(ignored)


def unsupported_formats(names: Sequence[str]) -> Iterator[str]:
    """Yield a note if there are images of unsupported formats among these names."""
    others = [name for name in names if name.lower().endswith(OTHER_FORMATS)]
    if others:
        endings = sorted({f".{name.lower().rpartition('.')[2]}" for name in others})
        yield f"{plural(len(others), 'image')} of other formats ({', '.join(endings)}): only JPEG and PNG are read"


def classes_without(labels: Labels, classes: Sequence[str]) -> Iterator[str]:
    """Yield a note if some classes have no validation image although others have."""
    present = set(np.unique(labels).tolist())
    missing = [name for number, name in enumerate(classes) if number not in present]
    if present and missing:
        yield f"{plural(len(missing), 'class')} without a validation image: {listed(missing, MAX_LISTED)}"


def _is_or_are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
