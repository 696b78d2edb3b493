"""Image folders: one folder for each class, with or without a split of their own.

``DIR/train/CLASS/*`` with, if there is one, ``DIR/val/CLASS/*``; or ``DIR/CLASS/*``. Without ``val`` a tenth of the
images is held out for validation: those whose path ``CLASS/file`` has a SHA-256 divisible by 10. The choice depends on
nothing else, so that it stays the same when images are added. Classes are numbered in the order of their names.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netspec.train.config import TrainError
from netspec.train.data.decode import SUFFIXES, read_image
from netspec.train.data.picture import Data, Frame, Labels, Pixels
from netspec.units import count, plural

LAYOUT = "expected DIR/train/CLASS/*.jpg and DIR/val/CLASS/*.jpg, or DIR/CLASS/*.jpg (JPEG and PNG)"


@dataclass(frozen=True, slots=True)
class Files:
    """A split of image files, read when asked for."""

    root: Path
    names: tuple[str, ...]
    labels: Labels
    frame: Frame

    def read(self, index: int) -> Pixels:
        """See ``Split.read``."""
        return read_image(self.root / self.names[index], self.frame)


@dataclass(frozen=True, slots=True)
class _Listing:
    """One folder of class folders: relative paths with class numbers, and what was passed over."""

    files: tuple[tuple[str, int], ...]
    ignored: tuple[str, ...]


def open_folder(root: Path, frame: Frame) -> Data:
    """List a folder; no image is opened.

    Raises
    ------
    TrainError
        Nothing to train on: no class folders, a class without images, all images held out, channels that image files
        do not have.
    OSError
        A folder in it cannot be opened.
    """
    if frame.channels not in (1, 3):
        raise TrainError(
            f"image files have 1 or 3 channels, the network reads {frame.channels}",
            "--data synthetic makes pictures with any number of channels",
        )
    split = _folders(root / "train") != []
    base = root / "train" if split else root
    classes = tuple(folder.name for folder in _folders(base))
    if not classes:
        loose = [entry for entry in base.iterdir() if entry.suffix.lower() in SUFFIXES]
        found = f"{plural(len(loose), 'image')} without a class folder" if loose else "no folders"
        raise TrainError(f"{root} holds {found}", LAYOUT)
    listing = _list(base, classes)
    _every_class_has_images(base, classes, listing)
    validation = _validation(root, classes) if split else None
    if validation is not None:
        train, held, ignored = listing.files, validation.files, listing.ignored + validation.ignored
    else:
        train = tuple(item for item in listing.files if not held_out(item[0]))
        held = tuple(item for item in listing.files if held_out(item[0]))
        ignored = listing.ignored
        if not train:
            raise TrainError(
                f"no image of {root} is left to train on: all {len(held)} fall to the tenth held out for validation",
                "put in more images, or divide them into DIR/train/CLASS/* and DIR/val/CLASS/*",
            )
    return Data(
        source=str(root),
        classes=classes,
        frame=frame,
        train=_files(base, train, frame),
        validation=_files(root / "val" if validation is not None else base, held, frame) if held else None,
        notes=_notes(held, validation is not None, ignored),
    )


def held_out(relative: str) -> bool:
    """Whether an image of a folder without ``val`` is for validation. ``relative`` is ``CLASS/file``, with a slash.

    >>> held_out("cat/1.jpg"), held_out("cat/14.jpg")
    (False, False)
    """
    return int.from_bytes(hashlib.sha256(relative.encode("utf-8", "surrogateescape")).digest(), "big") % 10 == 0


def _folders(parent: Path) -> list[Path]:
    """The class folders, by name; hidden ones and the like of __MACOSX are none."""
    if not parent.is_dir():
        return []
    return sorted(
        (entry for entry in parent.iterdir() if not entry.name.startswith((".", "__")) and entry.is_dir()),
        key=lambda entry: entry.name,
    )


def _list(base: Path, classes: tuple[str, ...]) -> _Listing:
    files: list[tuple[str, int]] = []
    ignored: list[str] = []
    for number, name in enumerate(classes):
        folder = base / name
        if not folder.is_dir():
            continue
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            relative = f"{name}/{entry.name}"
            if entry.name.startswith("."):
                continue
            if entry.suffix.lower() in SUFFIXES and not entry.is_dir():
                files.append((relative, number))
            else:
                ignored.append(relative)
    return _Listing(tuple(files), tuple(ignored))


def _validation(root: Path, classes: tuple[str, ...]) -> _Listing | None:
    folders = [folder.name for folder in _folders(root / "val")]
    if not folders:
        return None
    strangers = [name for name in folders if name not in classes]
    if strangers:
        raise TrainError(
            f"{root / 'val'} has classes that {root / 'train'} has not: {', '.join(strangers[:5])}",
            f"{plural(len(folders), 'folder')} in val, {len(classes)} in train",
        )
    return _list(root / "val", classes)


def _every_class_has_images(base: Path, classes: tuple[str, ...], listing: _Listing) -> None:
    filled = {number for _, number in listing.files}
    empty = [name for number, name in enumerate(classes) if number not in filled]
    if not empty:
        return
    if len(empty) == len(classes):
        raise TrainError(f"{base} has {plural(len(classes), 'folder')}, and no JPEG or PNG image in any", LAYOUT)
    raise TrainError(
        f"{plural(len(empty), 'class folder')} of {base} without a JPEG or PNG image: {', '.join(empty[:5])}",
        "put images in, or remove the folder: every folder counts as a class",
    )


def _files(base: Path, items: tuple[tuple[str, int], ...], frame: Frame) -> Files:
    labels = np.array([number for _, number in items], np.int64)
    return Files(base, tuple(name for name, _ in items), labels, frame)


def _notes(held: tuple[tuple[str, int], ...], own: bool, ignored: tuple[str, ...]) -> tuple[str, ...]:
    notes = []
    if not held:
        notes.append("no image fell to validation: top-1 and top-5 will not be measured (a val folder would give them)")
    elif not own:
        notes.append(f"no val folder: {plural(len(held), 'image')} (a tenth, by hash of their path) held out for it")
    if ignored:
        notes.append(f"{count(len(ignored))} entries are neither JPEG nor PNG and ignored, the first {ignored[0]}")
    return tuple(notes)
