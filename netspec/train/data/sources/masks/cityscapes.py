"""Cityscapes' folder as a source of masks: Cordts et al., *The Cityscapes dataset for semantic urban scene
understanding*, CVPR 2016, and the scripts of its authors, https://github.com/mcordts/cityscapesScripts.

The images are ``leftImg8bit/train/CITY/NAME_leftImg8bit.png``, the masks
``gtFine/train/CITY/NAME_gtFine_labelTrainIds.png``, and the same with ``val``. The script ``createTrainIdLabelImgs``
makes these masks, of the 19 classes that are trained and tested (``labels.py``); 255 is what counts in neither.
"""

from __future__ import annotations

from pathlib import Path

from netspec.formatting import plural
from netspec.train.data.sources.listing import Files
from netspec.train.errors import TrainError

CLASSES = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip

IMAGES, MASKS = "leftImg8bit", "gtFine"
_IMAGE, _MASK = "_leftImg8bit.png", "_gtFine_labelTrainIds.png"


def is_cityscapes(root: Path) -> bool:
    """Whether a folder has Cityscapes' folder of images."""
    return (root / IMAGES).is_dir()


def list_val(root: Path) -> Files | None:
    """Return the images and masks of ``val`` as ``list_split`` does; ``None`` if there is no folder of them."""
    return list_split(root, "val") if (root / IMAGES / "val").is_dir() else None


def list_split(root: Path, split: str) -> Files:
    """Return the images and masks of ``train`` or ``val``, in the order of the cities' and the images' names.

    Raises
    ------
    TrainError
        A folder is missing, there is no image, or an image has no mask.
    OSError
        A folder cannot be opened.
    """
    folder = root / IMAGES / split
    for needed in (folder, root / MASKS):
        if not needed.is_dir():
            raise TrainError(
                f"{root} has no folder {needed.relative_to(root).as_posix()}",
                f"Cityscapes' images are in {IMAGES}/train and {IMAGES}/val, their masks in the same of {MASKS}",
            )
    cities = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    names = [
        f"{split}/{city}/{name.removesuffix(_IMAGE)}"
        for city in cities
        for name in sorted(entry.name for entry in (folder / city).iterdir())
        if name.endswith(_IMAGE)
    ]
    if not names:
        raise TrainError(f"{folder} has no image CITY/NAME{_IMAGE}")
    missing = [name for name in names if not (root / MASKS / f"{name}{_MASK}").is_file()]
    if missing:
        raise TrainError(
            f"{plural(len(missing), 'image')} of {folder} without a mask, the first {IMAGES}/{missing[0]}{_IMAGE}",
            f"its mask would be {root / MASKS / f'{missing[0]}{_MASK}'}",
            "the script createTrainIdLabelImgs of cityscapesscripts makes the masks of the classes that are trained",
        )
    images, masks = [f"{IMAGES}/{name}{_IMAGE}" for name in names], [f"{MASKS}/{name}{_MASK}" for name in names]
    return Files.with_masks(root, ".", images, masks)
