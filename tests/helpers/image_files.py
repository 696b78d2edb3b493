"""Image files for tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image


def one_colour(colour: object, size: tuple[int, int] = (40, 30), mode: str = "RGB") -> Image.Image:
    """Return an image of one colour; ``size`` is (width, height)."""
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


def image_folder(root: Path, classes: dict[str, int], size: tuple[int, int] = (40, 30)) -> Path:
    """Write a folder for each class with ``classes[name]`` JPEGs of the class's own colour, and return ``root``."""
    colours = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40))
    for number, (name, count) in enumerate(classes.items()):
        folder = root / name
        folder.mkdir(parents=True)
        rng = np.random.default_rng(number)
        for number_in_class in range(count):
            noise = rng.integers(-30, 30, (size[1], size[0], 3))
            pixels = (np.array(colours[number % 4]) + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number_in_class}.jpg")
    return root


def photos(root: Path) -> None:
    """Write 18 training and 7 validation images of two classes.

    One training image is empty, one validation image is truncated, and one is the copy of a training image.
    """
    image_folder(root / "train", {"cat": 12, "dog": 12}, size=(320, 240))
    for name in ("cat", "dog"):
        (root / "val" / name).mkdir(parents=True)
        for place in range(3):
            (root / "train" / name / f"{9 + place}.jpg").rename(root / "val" / name / f"{place}.jpg")
    whole = (root / "val" / "dog" / "1.jpg").read_bytes()
    (root / "val" / "dog" / "1.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "train" / "cat" / "3.jpg").write_bytes(b"")
    shutil.copy(root / "train" / "dog" / "4.jpg", root / "val" / "dog" / "4.jpg")
