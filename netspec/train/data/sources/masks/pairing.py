"""Finding the mask of each image in two folders, ``images`` and ``masks``: NAME.jpg or NAME.png has NAME.png."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from netspec.formatting import format_count, plural
from netspec.train.data.sources import ignored_entries
from netspec.train.data.sources.decode import SUFFIXES
from netspec.train.data.sources.listing import images_in
from netspec.train.data.sources.masks.reading import AS_NUMBERS, SUFFIX
from netspec.train.errors import TrainError

IMAGES, MASKS = "images", "masks"
"""The names of the two folders."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Images and their masks, as paths from the folder that holds both folders; entries that are neither, and messages
    about them for the user."""

    images: tuple[str, ...]
    masks: tuple[str, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]


def pair(base: Path) -> Pairs:
    """Return the images in ``base/images`` with their masks in ``base/masks``.

    Raises
    ------
    TrainError
        There are no images, an image has no mask or two, or two images have the same one.
    OSError
        A folder cannot be opened.
    """
    images, others = images_in(base / IMAGES)
    candidates, no_images = images_in(base / MASKS)
    if not images:
        raise TrainError(f"{base / IMAGES} holds no JPEG or PNG image", *_inner_folders(others))
    numbers = [name for name in candidates if name.lower().endswith(SUFFIX)]
    _need_one_mask_each(base, images, numbers)
    masks = {_stem(name): name for name in numbers}
    missing = [name for name in images if _stem(name) not in masks]
    if missing:
        raise _missing(base, images, missing, [*candidates, *no_images])
    own = set(map(_stem, images))
    surplus = [name for name in candidates if _stem(name) not in own or not name.lower().endswith(SUFFIX)]
    ignored = (*(f"{IMAGES}/{name}" for name in others), *(f"{MASKS}/{name}" for name in no_images))
    return Pairs(
        images=tuple(f"{IMAGES}/{name}" for name in images),
        masks=tuple(f"{MASKS}/{masks[_stem(name)]}" for name in images),
        ignored=ignored,
        notes=tuple(_notes(base, ignored, surplus)),
    )


def _stem(name: str) -> str:
    return PurePath(name).stem


def _inner_folders(others: Sequence[str]) -> Iterator[str]:
    folders = [name for name in others if name.endswith(ignored_entries.FOLDER)]
    if folders:
        yield f"it holds {plural(len(folders), 'folder')}, the first {folders[0]}: the images lie in {IMAGES} itself"
    yield from ignored_entries.unsupported_formats(others)


def _need_one_mask_each(base: Path, images: Sequence[str], masks: Sequence[str]) -> None:
    """Raise ``TrainError`` if two images have the same mask, as ``1.jpg`` and ``1.png``, or an image has two masks, as
    ``1.png`` and ``1.PNG`` where names differ by their case."""
    for first, second in _alike(images):
        raise TrainError(
            f"{base / IMAGES / first} and {base / IMAGES / second} have the same mask, "
            f"{Path(MASKS, f'{_stem(first)}{SUFFIX}')}",
            "give one of them another name, and its mask the same",
        )
    for first, second in _alike(masks):
        raise TrainError(
            f"{base / MASKS / first} and {base / MASKS / second} are masks of one image", "keep one of them"
        )


def _alike(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield names that differ in their suffix alone from an earlier one, after it."""
    earlier: dict[str, str] = {}
    for name in names:
        other = earlier.setdefault(_stem(name), name)
        if other != name:
            yield other, name


def _missing(base: Path, images: Sequence[str], missing: Sequence[str], entries: Sequence[str]) -> TrainError:
    """Return the error for images without a mask. ``entries`` are all that ``base/masks`` holds."""
    first = missing[0]
    mask = base / MASKS / f"{_stem(first)}{SUFFIX}"
    whole = f"{base / IMAGES / first} has" if len(missing) == 1 else f"{format_count(len(missing))} images have"
    message = f"{whole} no mask, of {plural(len(images), 'image')} in {base / IMAGES}"
    notes = [f"the mask of {first} is {mask}, which is not there"]
    same_stem = [name for name in entries if _stem(name) == _stem(first)]
    alike = [name for name in entries if _stem(name).startswith(_stem(first)) and name.lower().endswith(SUFFIXES)]
    if same_stem:
        notes.append(f"{base / MASKS / same_stem[0]} is no mask: {AS_NUMBERS}")
    elif alike:
        notes.append(f"{base / MASKS / alike[0]} is there: a mask has its image's name, {mask.name}")
    else:
        notes.append("make it, or take the image out of the folder")
    return TrainError(message, *notes)


def _notes(base: Path, ignored: Sequence[str], surplus: Sequence[str]) -> Iterator[str]:
    if surplus:
        which = f"mask of {base}" if len(surplus) == 1 else f"masks of {base}"
        yield (
            f"{format_count(len(surplus))} {which} without an image {'is' if len(surplus) == 1 else 'are'} ignored, "
            f"the first {MASKS}/{surplus[0]}"
        )
    yield from ignored_entries.no_images(ignored)
