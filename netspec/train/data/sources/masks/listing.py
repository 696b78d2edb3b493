"""Listing the images and masks of a folder. No file is opened but lists and names of classes.

Four layouts are accepted: ``DIR/train/images/NAME.jpg`` with ``DIR/train/masks/NAME.png``, and the same in ``DIR/val``
if there is one; ``DIR/images`` and ``DIR/masks``, of which a tenth is held out for validation, by a hash of its paths
as in folders of classes; and those of Pascal VOC and of Cityscapes (see ``voc`` and ``cityscapes``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from netspec.diagnostics.nearest import nearest
from netspec.formatting import listed
from netspec.train.data.sources.listing import Files, Listing, folders_in, val_folder, without_held_out
from netspec.train.data.sources.masks import cityscapes, voc
from netspec.train.data.sources.masks.classes import Classes, read_classes
from netspec.train.data.sources.masks.pairing import IMAGES, MASKS, Pairs, pair
from netspec.train.errors import TrainError

LAYOUT = (
    "expected DIR/train/images/NAME.jpg with DIR/train/masks/NAME.png, and the same in DIR/val; or DIR/images and "
    "DIR/masks; or Pascal VOC's folder (JPEGImages, SegmentationClass, ImageSets), or Cityscapes' (leftImg8bit, gtFine)"
)

_OTHER_NAMES = {
    IMAGES: ("image", "imgs", "img", "photos", "pictures", "inputs", "input"),
    MASKS: ("mask", "labels", "label", "annotations", "segmentations", "segmentation", "targets", "target", "gt"),
}
"""What other projects call the two folders."""


def holds_masks(root: Path) -> bool:
    """Whether a folder is one of images with masks, by the names of its folders."""
    if voc.is_voc(root) or cityscapes.is_cityscapes(root):
        return True
    return any((base / IMAGES).is_dir() and (base / MASKS).is_dir() for base in (root / "train", root))


def resembles_masks(root: Path) -> bool:
    """Whether a folder is one of images with masks, or its folders have names like theirs. Raises ``OSError``."""
    if holds_masks(root):
        return True
    for base in (root / "train", root):
        there = {name.lower() for name in folders_in(base)}
        if all(there & {name, *_OTHER_NAMES[name]} for name in (IMAGES, MASKS)):
            return True
    return False


def list_masks(root: Path) -> Listing:
    """List a folder of images with masks. ``classes`` are empty if no file names them.

    Raises
    ------
    TrainError
        The folder has none of the layouts, an image has no mask, or no image is left to train on.
    OSError
        A folder or file in it cannot be opened.
    """
    if voc.is_voc(root):
        train, validation = voc.list_split(root, "train"), voc.list_val(root)
        return _listing(root, _classes(root, voc.CLASSES), train, validation, f"{voc.LISTS / 'val.txt'}")
    if cityscapes.is_cityscapes(root):
        train, validation = cityscapes.list_split(root, "train"), cityscapes.list_val(root)
        return _listing(root, _classes(root, cityscapes.CLASSES), train, validation, f"{cityscapes.IMAGES}/val")
    split = any((root / "train" / name).is_dir() for name in (IMAGES, MASKS))
    base = root / "train" if split else root
    _need_folders(root, base)
    pairs = pair(base)
    ignored, notes = pairs.ignored, pairs.notes
    validation = None
    if split and (root / "val").is_dir():
        _need_folders(root, root / "val")
        others = pair(root / "val")
        validation = _files(root, root / "val", others)
        ignored, notes = (*ignored, *others.ignored), (*notes, *others.notes)
    return _listing(root, _classes(root), _files(root, base, pairs), validation, val_folder(root), ignored, notes)


def _files(root: Path, base: Path, pairs: Pairs) -> Files:
    return Files.with_masks(base, base.relative_to(root).as_posix(), pairs.images, pairs.masks)


def _listing(
    root: Path,
    classes: Classes,
    train: Files,
    validation: Files | None,
    lacking: str,
    ignored: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Listing:
    """Return a listing, with a part of the training images held out if there are none of validation; ``lacking`` says
    which file or folder would name these."""
    if validation is None:
        divided = "DIR/train and DIR/val, with folders images and masks each"
        train, validation, of_these = without_held_out(train, root, divided, lacking)
        notes += of_these or (f"no {lacking}, and no image was chosen for validation: nothing is measured",)
    return Listing(root, classes.names, train, validation, ignored, notes, classes.colours)


def _classes(root: Path, usual: tuple[str, ...] = ()) -> Classes:
    """Return the classes that ``classes.txt`` names, or else the ``usual`` ones. Raises as ``read_classes``."""
    found = read_classes(root)
    return found if found.names else Classes(usual)


def _need_folders(root: Path, base: Path) -> None:
    """Raise ``TrainError`` unless a folder has folders of images and of masks."""
    there = folders_in(base)
    missing = [name for name in (IMAGES, MASKS) if name not in there]
    if not missing:
        return
    if len(missing) == 1:
        message = f"{base} has a folder {({IMAGES, MASKS} - set(missing)).pop()}, and no folder {missing[0]}"
    else:
        message = f"{base} has no folders {IMAGES} and {MASKS}, with which networks whose scores are maps are trained"
    raise TrainError(message, *_hints(root, base, there, missing), LAYOUT)


def _hints(root: Path, base: Path, there: list[str], missing: list[str]) -> Iterator[str]:
    for name in missing:
        near = [other for other in there if other.lower() in (name, *_OTHER_NAMES[name])]
        other = near[0] if near else nearest(name, [other for other in there if other not in (IMAGES, MASKS)])
        if other is not None:
            yield f"is {base / other} meant? its name has to be {name}"
            return
    deeper = [root / name / below for name in there for below in folders_in(root / name)]
    inner = next((folder for folder in (*(root / name for name in there), *deeper) if holds_masks(folder)), None)
    if inner is not None and base == root:
        yield f"did you mean {inner}?"
    elif there:
        yield f"its folders are {listed(there, 5)}"
