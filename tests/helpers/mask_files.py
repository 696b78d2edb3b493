"""Folders of images with masks, for tests."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Mask = NDArray[np.uint8]


def mask_png(path: Path, mask: Mask, mode: str = "P") -> Path:
    """Write a mask as a PNG of this mode, with a palette of random colours if it has one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask, "L") if mode != "1" else Image.fromarray(mask.astype(np.bool_))
    if mode == "P":
        image = Image.fromarray(mask, "P")
        image.putpalette(np.random.default_rng(0).integers(0, 256, 768, np.uint8).tobytes())
    image.save(path)
    return path


def grey_png(path: Path, mask: Mask, bits: int) -> Path:
    """Write a grey PNG of 1, 2 or 4 bits, which Pillow cannot write, by the PNG specification (sections 7.2 and 11)."""
    rows = [np.unpackbits(row[:, None], axis=1)[:, 8 - bits :].reshape(-1) for row in mask]
    scanlines = b"".join(b"\0" + np.packbits(row).tobytes() for row in rows)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", mask.shape[1], mask.shape[0], bits, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(scanlines)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path


def two_squares(seed: int, size: tuple[int, int] = (30, 40)) -> tuple[NDArray[np.uint8], Mask]:
    """Return an image (height, width, 3) and its mask: a red square of class 1 and a green one of class 2, with an edge
    that is unlabelled, on a grey background of class 0."""
    rng = np.random.default_rng(seed)
    image = rng.integers(90, 120, (*size, 3), np.uint8)
    mask = np.zeros(size, np.uint8)
    for kind, colour in ((1, (200, 30, 30)), (2, (30, 200, 30))):
        top, left = rng.integers(0, size[0] - 12), rng.integers(0, size[1] - 12)
        mask[top : top + 12, left : left + 12] = 255
        mask[top + 1 : top + 11, left + 1 : left + 11] = kind
        image[top : top + 12, left : left + 12] = colour
    return image, mask


def mask_folder(root: Path, images: Mapping[str, int], size: tuple[int, int] = (30, 40)) -> Path:
    """Write images and masks of ``two_squares``, as many as given into each folder, such as ``train``; into ``root``
    itself for the folder ``.``. Return ``root``."""
    for number, (folder, count) in enumerate(images.items()):
        for place in range(count):
            image, mask = two_squares(100 * number + place, size)
            path = root / folder / "images" / f"{place}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
            mask_png(root / folder / "masks" / f"{place}.png", mask)
    return root


def scenes(root: Path) -> None:
    """Write 12 training and 4 validation images with masks, one of which has colours, and the names of the classes."""
    mask_folder(root, {"train": 12, "val": 4}, size=(120, 160))
    (root / "classes.txt").write_text("ground\nred\ngreen\n")
    mask = Image.open(root / "train" / "masks" / "3.png").convert("RGB")
    mask.save(root / "train" / "masks" / "3.png")


def cityscapes(root: Path, *, masks: bool = True) -> Path:
    """Write two training images of one city and one of another, and one of validation, none of them a square."""
    for split, names in (("train", ("b/b_0_1", "a/a_0_1", "a/a_0_0")), ("val", ("c/c_0_0",))):
        for number, name in enumerate(names):
            image = root / "leftImg8bit" / split / f"{name}_leftImg8bit.png"
            mask = root / "gtFine" / split / f"{name}_gtFine_labelTrainIds.png"
            for path in (image, mask):
                path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (32, 16), (number, 0, 0)).save(image)
            Image.fromarray(np.repeat(np.uint8([[number, 18, 255, 0]]), 8, 1).repeat(16, 0)).save(
                mask if masks else mask.with_name(f"{mask.stem}_color.png")
            )
    return root
