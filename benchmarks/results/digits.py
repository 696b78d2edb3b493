"""Train on the handwritten digits: from ten seeds, and with five-fold cross-validation on the training digits.

For cross-validation, the 1,438 training digits are split by their index modulo 5 and written as PNG files. Each fold is
the test set of a network trained on the other four. The held-out digits are not used for that.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import numpy as np
from commands import Work, last_validation, netspec
from PIL import Image

from netspec.train.data.sources.digits import PEAK, open_digits

SPEC = "specs/digits.net"
FOLDS = 5


def write_fold(fold: int, folder: Path) -> None:
    """Write the training digits as PNG files of 8 x 8 pixels: ``fold`` to val/CLASS/*, the others to train/CLASS/*."""
    train = open_digits().train
    for place, label in enumerate(train.labels):
        path = folder / ("val" if place % FOLDS == fold else "train") / str(label) / f"{place:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.round(train.read(place)[0] * (255 / PEAK)).astype(np.uint8)
        Image.fromarray(pixels).save(path)


def seeds(numbers: Sequence[int], out: Path) -> list[tuple[int, int]]:
    """Train from each seed, and return (right, tested) on the held-out digits for each."""
    results = []
    for seed in numbers:
        run = out / f"seed-{seed}"
        netspec("train", SPEC, "--data", "digits", "--seed", str(seed), "--threads", "1", "--quiet", "--out", run)
        results.append(result(run))
    return results


def folds(out: Path) -> list[tuple[int, int]]:
    """Train for each fold from seed 0, and return (right, tested) for each."""
    results = []
    for fold in range(FOLDS):
        run = out / f"fold-{fold}"
        with TemporaryDirectory() as name:
            write_fold(fold, Path(name))
            netspec("train", SPEC, "--data", name, "--threads", "1", "--quiet", "--out", run)
        results.append(result(run))
    return results


def result(run: Path) -> tuple[int, int]:
    """Return (right, tested) of a run's last validation."""
    validation = last_validation(run)
    return round(validation["top1"] * validation["val_images"]), validation["val_images"]


def main() -> None:
    """Run the trainings and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="from 0 on; 10 unless told")
    work = Work.begin(parser, "runs/results-digits")
    held = seeds(range(work.options.seeds), work.out)
    crossed = folds(work.out)
    print(f"\n{work.on_what(work.out / 'seed-0')}")
    print("seed  right of      top-1")
    for seed, (right, tested) in enumerate(held):
        print(f"{seed:4}    {right} {tested}  {100 * right / tested:.2f} %")
    shares = [100 * right / tested for right, tested in held]
    print(f"mean {mean(shares):.2f} %, from {min(shares):.2f} to {max(shares):.2f} %")
    right, tested = (sum(numbers) for numbers in zip(*crossed, strict=True))
    print(f"cross-validation on the training digits: {right} of {tested}, {100 * right / tested:.2f} %")


if __name__ == "__main__":
    main()
