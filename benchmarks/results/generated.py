"""Generate images in the binary format of CIFAR-10: ``python generated.py DIR``.

Every image blends two textures of ``netspec train --data synthetic`` (a class determines the colour, angle and width
of the stripes; phase, contrast and brightness vary): one of its own class, whose weight is drawn uniformly from 50 to
100 %, and one of another class. Gaussian noise with a standard deviation of 64 (of 255) is added to each channel of
each pixel. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.train.data.sources.synthetic import Textures
from netspec.train.data.splits import Frame

CLASSES, BATCHES = 10, 5
FRAME = Frame(3, 32, 32)
MIN_BRIGHTNESS, NOISE = 0.5, 64.0

Records = NDArray[np.uint8]


def records(count: int, seed: int, part: int) -> Records:
    """Return ``count`` images as CIFAR-10 records, (count, 3073): the class, then red, green and blue row by row.

    Classes are equally frequent and in random order. ``part`` is 0 for training, 1 for testing.
    """
    rng = np.random.default_rng((seed, part))
    own = Textures(FRAME, CLASSES, count, (seed, 2 * part))
    other = Textures(FRAME, CLASSES, count, (seed, 2 * part + 1))
    out = np.empty((count, 1 + FRAME.bytes), np.uint8)
    for record, place in zip(out, rng.permutation(count), strict=True):
        # A texture's class is its index modulo 10, so an offset that is not a multiple of 10 gives another class.
        elsewhere = place + rng.integers(1, CLASSES) + CLASSES * rng.integers(count)
        share = rng.uniform(MIN_BRIGHTNESS, 1)
        clean = share * own.read(int(place)) + (1 - share) * other.read(int(elsewhere))
        record[0] = place % CLASSES
        record[1:] = (clean + rng.normal(0, NOISE, clean.shape)).clip(0, 255).astype(np.uint8).ravel()
    return out


def write(folder: Path, seed: int = 0, train: int = 10_000, test: int = 2_000) -> None:
    """Write the files of a data set into ``folder``.

    They are ``data_batch_1.bin`` to ``data_batch_5.bin`` with ``train`` images together, ``test_batch.bin`` with
    ``test`` images, and ``batches.meta.txt`` with the class names t0 to t9.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, batch in enumerate(np.array_split(records(train, seed, 0), BATCHES), 1):
        batch.tofile(folder / f"data_batch_{number}.bin")
    records(test, seed, 1).tofile(folder / "test_batch.bin")
    (folder / "batches.meta.txt").write_text("".join(f"t{number}\n" for number in range(CLASSES)), "utf-8")


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=int, default=10_000, help="training images, over five files")
    parser.add_argument("--test", type=int, default=2_000, help="test images")
    options = parser.parse_args()
    write(options.folder, options.seed, options.train, options.test)


if __name__ == "__main__":
    main()
