"""Listing the classes and files of an image folder. No image is opened.

Three layouts are accepted: ``DIR/train/CLASS/*`` with an optional ``DIR/val/CLASS/*``; ``DIR/CLASS/*``; and ILSVRC's,
``DIR/train/WNID/*`` with the validation images directly in ``DIR/val`` and a file with their labels (see ``flat_val``).
Without ``val``, a tenth of the images is held out for validation: those whose path ``CLASS/file`` has a SHA-256
divisible by 10. This depends on nothing else, so the choice does not change when images are added. Classes are
numbered in the order of their names.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from netspec.formatting import format_count, listed, plural
from netspec.train.counter_rng import Indices
from netspec.train.data.sources import ignored_entries
from netspec.train.data.sources.decode import SUFFIXES
from netspec.train.data.sources.flat_val import find_labels, flat_labels
from netspec.train.data.sources.masks.colours import Colours
from netspec.train.data.splits import Labels
from netspec.train.errors import TrainError

LAYOUT = "expected DIR/train/CLASS/*.jpg and DIR/val/CLASS/*.jpg, or DIR/CLASS/*.jpg (JPEG and PNG)"


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a split: their paths relative to ``root``, with forward slashes, and their class numbers.

    ``folder`` is the path of ``root`` in the folder that was listed, such as ``val``; ``.`` if it is that folder.
    ``masks`` are the paths of the images' masks, if they have masks, and no class of their own.
    """

    root: Path
    folder: str
    names: tuple[str, ...]
    labels: Labels
    masks: tuple[str, ...] | None = None

    @classmethod
    def with_masks(cls, root: Path, folder: str, images: Sequence[str], masks: Sequence[str]) -> Files:
        """Return images that have masks, and no class of their own."""
        return cls(root, folder, tuple(images), np.zeros(len(images), np.int64), tuple(masks))

    def path(self, index: int) -> str:
        """Return the path of a file in the folder that was listed."""
        return str(PurePosixPath(self.folder, self.names[index]))

    def at(self, places: Indices) -> Files:
        """Return the files at some places."""
        masks = tuple(self.masks[place] for place in places) if self.masks is not None else None
        names = tuple(self.names[place] for place in places)
        return replace(self, names=names, labels=self.labels[places], masks=masks)


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder's classes and files. ``ignored`` are entries that are not images; ``notes`` are messages for the
    user. ``colours`` are those of the classes, if masks have colours."""

    root: Path
    classes: tuple[str, ...]
    train: Files
    validation: Files | None
    ignored: tuple[str, ...]
    notes: tuple[str, ...]
    colours: Colours | None = None

    @property
    def has_masks(self) -> bool:
        """Whether images have masks, and no class of their own."""
        return self.train.masks is not None

    @property
    def splits(self) -> dict[str, Files]:
        """The existing splits by name, ``train`` and ``val``."""
        splits = {"train": self.train}
        if self.validation is not None:
            splits["val"] = self.validation
        return splits


class _Content(NamedTuple):
    """The content of a folder of class folders, or of images whose classes another file says: the images, the ignored
    entries, and messages for the user."""

    files: Files
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def list_folder(root: Path, val_labels: Path | None = None, *, allow_empty: bool = False) -> Listing:
    """List a folder.

    Parameters
    ----------
    val_labels:
        The labels file for validation images directly in ``root/val``. If ``None``, the usual file names are tried.
    allow_empty:
        List classes without images too, with a note, unless no class has any.

    Raises
    ------
    TrainError
        There is nothing to train on (no class folders, a class without images, or all images held out), or the labels
        of the validation images are missing or wrong.
    OSError
        A folder or file in it cannot be opened.
    """
    split = folders_in(root / "train") != []
    base = root / "train" if split else root
    classes = tuple(folders_in(base))
    if not classes:
        loose, _ = images_in(base)
        held = f"{plural(len(loose), 'image')} without a class folder" if loose else "no folders"
        raise TrainError(f"{root} holds {held}", LAYOUT)
    content = _list_classes(root, base, classes)
    train, ignored = content.files, content.ignored
    empty = _need_images(base, classes, content)
    if empty is not None and not allow_empty:
        raise empty
    separate = _validation(root, classes, val_labels) if split else None
    validation: Files | None
    if separate is None:
        layout = "DIR/train/CLASS/* and DIR/val/CLASS/*"
        train, validation, notes = without_held_out(train, root, layout, val_folder(root))
    else:
        validation, notes = separate.files if separate.files.names else None, separate.notes
        ignored += separate.ignored
    if empty is not None:
        notes += (f"{empty.message}; {empty.notes[0]}",)
    if validation is None:
        no_validation = "no image was chosen for validation, so top-1 and top-5 are not measured"
        notes += (f"{no_validation} (a val folder would give them)",)
    else:
        notes += tuple(ignored_entries.classes_without(validation.labels, classes))
    notes += tuple(ignored_entries.notes(ignored, images_in(base)[0]))
    return Listing(root, classes, train, validation, ignored, notes)


def without_held_out(
    files: Files, root: Path, instead: str, lacking: str
) -> tuple[Files, Files | None, tuple[str, ...]]:
    """Return the images of the folder ``root`` to train on, those that are held out for validation, and a note for the
    user; ``None`` and no note if none is held out.

    ``instead`` is how the user may divide them, and ``lacking`` what would name the images of validation.

    Raises
    ------
    TrainError
        All of them are held out.
    """
    held = np.array([held_out(name) for name in files.names], np.bool_)
    if held.all():
        raise TrainError(
            f"no image of {root} is left to train on: all {len(held)} are in the tenth that is held out for validation",
            f"add more images, or divide them into {instead}",
        )
    if not held.any():
        return files, None, ()
    share = f"{format_count(int(held.sum()))} of {plural(len(held), 'image')}"
    note = f"no {lacking}: {share} (about a tenth, chosen by a hash of their paths) held out for validation"
    return files.at(np.flatnonzero(~held)), files.at(np.flatnonzero(held)), (note,)


def val_folder(root: Path) -> str:
    """Return what a folder without ``val`` lacks, and whether another of its folders seems to be meant for it."""
    others = [name for name in folders_in(root) if name.lower() in ("val", "valid", "validation", "dev")]
    return "val folder" + (f" (is {root / others[0]} meant? its name has to be val)" if others else "")


def held_out(relative: str) -> bool:
    """Whether an image of a folder without ``val`` is held out for validation. ``relative`` is ``CLASS/file``.

    >>> held_out("cat/1.jpg"), held_out("cat/14.jpg")
    (False, False)
    """
    return int.from_bytes(hashlib.sha256(relative.encode("utf-8", "surrogateescape")).digest(), "big") % 10 == 0


def folders_in(parent: Path) -> list[str]:
    """Return the sorted names of the class folders, without hidden ones and those like ``__MACOSX``."""
    if not parent.is_dir():
        return []
    with os.scandir(parent) as entries:
        return sorted(entry.name for entry in entries if not entry.name.startswith((".", "__")) and _is_folder(entry))


def images_in(folder: Path) -> tuple[list[str], list[str]]:
    """Return the sorted names of a folder's images, and those of its other entries (folders with a trailing slash).
    Hidden entries are left out."""
    images: list[str] = []
    others: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            is_image = entry.name.lower().endswith(SUFFIXES) and not _is_folder(entry)
            name = f"{entry.name}{ignored_entries.FOLDER}" if _is_folder(entry) else entry.name
            (images if is_image else others).append(name)
    return sorted(images), sorted(others)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder; false for a link that points to itself."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _list_classes(root: Path, base: Path, classes: tuple[str, ...]) -> _Content:
    """Return the content of the class folders in ``base``, a folder of the listed folder ``root``."""
    names: list[str] = []
    labels: list[int] = []
    ignored: list[str] = []
    for number, name in enumerate(classes):
        if not (base / name).is_dir():
            continue
        images, others = images_in(base / name)
        names += [f"{name}/{image}" for image in images]
        labels += [number] * len(images)
        ignored += [f"{name}/{other}" for other in others]
    return _Content(_files(root, base, names, labels), tuple(ignored))


def _files(root: Path, base: Path, names: Sequence[str], labels: Sequence[int]) -> Files:
    return Files(base, base.relative_to(root).as_posix(), tuple(names), np.array(labels, np.int64))


def _validation(root: Path, classes: tuple[str, ...], val_labels: Path | None) -> _Content | None:
    """Return the images in ``root/val``, which may have class folders or not; ``None`` if there is no validation
    set."""
    folder = root / "val"
    folders = folders_in(folder)
    if not folders:
        return _flat_validation(root, classes, val_labels) if folder.is_dir() else None
    if val_labels is not None:
        raise TrainError(f"{folder} has class folders, which say the classes: --val-labels is for images without them")
    unknown = [name for name in folders if name not in classes]
    if unknown:
        raise TrainError(
            f"{folder} has classes that {root / 'train'} has not: {listed(unknown, ignored_entries.MAX_LISTED)}",
            f"{plural(len(folders), 'folder')} in val, {len(classes)} in train",
        )
    content = _list_classes(root, folder, classes)
    loose, _ = images_in(folder)
    return content._replace(ignored=(*content.ignored, *loose))


def _flat_validation(root: Path, classes: tuple[str, ...], val_labels: Path | None) -> _Content | None:
    folder = root / "val"
    images, others = images_in(folder)
    if val_labels is None and not images:
        return None
    path = val_labels if val_labels is not None else find_labels(root, len(images))
    numbers = flat_labels(path, images, classes)
    note = f"the classes of the {plural(len(images), 'validation image')} are those of {path}"
    ignored = tuple(name for name in others if folder / name != path)
    return _Content(_files(root, folder, images, numbers), ignored, (note,))


def _need_images(base: Path, classes: tuple[str, ...], content: _Content) -> TrainError | None:
    """Return the error for classes without images, ``None`` if there are none. Raise it if no class has images."""
    filled = set(content.files.labels.tolist())
    empty = [name for number, name in enumerate(classes) if number not in filled]
    if not empty:
        return None
    if len(empty) == len(classes):
        notes = []
        inner = next((folder for name in classes if _holds_classes(folder := base / name)), None)
        if inner is not None:
            notes.append(f"did you mean {inner}? the class folders lie there")
            if len(classes) > 1:
                notes.append("a class's images lie in its folder, not in folders below it")
        notes += ignored_entries.unsupported_formats(content.ignored)
        message = f"{base} has {plural(len(classes), 'folder')}, and no JPEG or PNG image in any"
        raise TrainError(message, *notes, LAYOUT)
    return TrainError(
        f"{plural(len(empty), 'class folder')} of {base} without a JPEG or PNG image: "
        f"{listed(empty, ignored_entries.MAX_LISTED)}",
        "put images in, or remove the folder: every folder counts as a class",
    )


def _holds_classes(folder: Path) -> bool:
    """Whether a folder has class folders with images, directly or in ``train``; false if it cannot be read."""
    try:
        base = folder / "train" if folders_in(folder / "train") else folder
        return any(images_in(base / name)[0] for name in folders_in(base))
    except OSError:
        return False
