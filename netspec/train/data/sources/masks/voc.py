"""Pascal VOC's folder as a source of masks: Everingham et al., *The Pascal Visual Object Classes (VOC) challenge*, IJCV
2010, and its development kit's documentation, section "Segmentation Image Set".

``ImageSets/Segmentation/train.txt`` and ``val.txt`` name the images, one a line, of ``JPEGImages/NAME.jpg`` with the
masks ``SegmentationClass/NAME.png``. Class 0 is the background, classes 1 to 20 the objects in the order of their
names, and 255 the border of objects and whatever is difficult, which is unlabelled.
"""

from __future__ import annotations

from pathlib import Path

from netspec.formatting import format_count, plural
from netspec.train.data.sources.listing import Files
from netspec.train.data.sources.text_lines import text_lines
from netspec.train.errors import TrainError

CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "dining table",
    "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv/monitor",
)  # fmt: skip

IMAGES, MASKS = "JPEGImages", "SegmentationClass"
LISTS = Path("ImageSets", "Segmentation")


def is_voc(root: Path) -> bool:
    """Whether a folder has the folders of Pascal VOC's images and masks."""
    return (root / IMAGES).is_dir() and (root / MASKS).is_dir()


def list_val(root: Path) -> Files | None:
    """Return the images and masks of ``val`` as ``list_split`` does; ``None`` if there is no list of them."""
    return list_split(root, "val") if _list_of(root, "val").is_file() else None


def list_split(root: Path, split: str) -> Files:
    """Return the images and masks of ``train`` or ``val``.

    Raises
    ------
    TrainError
        There is no list of them, or it names an image or a mask that is not there, or none at all.
    OSError
        A file or folder cannot be opened.
    """
    path = _list_of(root, split)
    if not path.is_file():
        raise TrainError(
            f"there is no {path}", f"in Pascal VOC's folder it names the images of {split} that have a mask, one a line"
        )
    lines = text_lines(path)
    names = [name for line in lines for name in line.split()]
    if not names:
        raise TrainError(f"{path} names no image")
    _need_files(root, path, lines, IMAGES, ".jpg")
    _need_files(root, path, lines, MASKS, ".png")
    images, masks = [f"{IMAGES}/{name}.jpg" for name in names], [f"{MASKS}/{name}.png" for name in names]
    return Files.with_masks(root, ".", images, masks)


def _list_of(root: Path, split: str) -> Path:
    return root / LISTS / f"{split}.txt"


def _need_files(root: Path, path: Path, lines: list[str], folder: str, suffix: str) -> None:
    """Raise ``TrainError`` if the lines of a list name files that are not there."""
    there = {entry.name for entry in (root / folder).iterdir()}
    names = [(number, name) for number, line in enumerate(lines, 1) for name in line.split()]
    missing = [(number, name) for number, name in names if f"{name}{suffix}" not in there]
    if missing:
        number, name = missing[0]
        raise TrainError(
            f"{path}:{number}: there is no {root / folder / f'{name}{suffix}'}",
            f"of the {plural(len(names), 'image')} that it names, {format_count(len(missing))} are not in {folder}",
        )
