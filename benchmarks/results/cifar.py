"""Train cifar-quick on generated images in CIFAR-10's format, test it, and draw the kernels of its first layer.

For comparison, a linear classifier is trained on the same images for as many epochs, to show that the classes are not
linearly separable in the pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from commands import Work, netspec
from generated import CLASSES, FRAME, write
from PIL import Image

SPEC = "specs/cifar-quick.net"

LINEAR = """\
net linear
[image] input 3x32x32 range=1 mean=image
[fc] fc outputs=10 init=xavier
[prob] softmax
train batch=100 optimizer=sgd(lr=0.01, momentum=0.9)
"""


def sheet(batch: Path, path: Path, rows: int = 3, scale: int = 2) -> None:
    """Draw the first ``rows`` images of each class in a batch file, in one column for each class."""
    records = np.fromfile(batch, np.uint8).reshape(-1, 1 + FRAME.bytes)
    images = records[:, 1:].reshape(-1, FRAME.channels, FRAME.height, FRAME.width).transpose(0, 2, 3, 1)
    columns = [np.concatenate(images[records[:, 0] == number][:rows]) for number in range(CLASSES)]
    image = Image.fromarray(np.concatenate(columns, axis=1))
    image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST).save(path)


def of_few_colours(path: Path, colours: int = 128) -> None:
    """Rewrite an image with a palette, which makes its file smaller."""
    Image.open(path).convert("RGB").quantize(colours).save(path, optimize=True)


def main() -> None:
    """Run the commands. They write classes.png, confusion.png and conv1.png into the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--train", type=int, default=10_000, help="training images; 10,000 unless told")
    parser.add_argument("--threads", type=int, default=2)
    work = Work.begin(parser, "runs/results-cifar")
    data, run, options = work.out / "images", work.out / "run", work.options
    print(f"$ python benchmarks/results/generated.py {data}", flush=True)
    write(data, train=options.train)
    sheet(data / "test_batch.bin", work.out / "classes.png")
    how = ("--data", f"cifar10:{data}", "--epochs", str(options.epochs), "--threads", str(options.threads), "--quiet")
    netspec("train", SPEC, *how, "--out", run)
    netspec("eval", run, "--quiet", "--confusion", work.out / "confusion.png")
    netspec("filters", run, "-o", work.out / "conv1.png")
    print(f"the same with a spec of one layer on standard input:\n{LINEAR}", end="")
    netspec("train", "-", *how, "--out", work.out / "linear", stdin=LINEAR)
    for name in ("classes.png", "confusion.png"):
        of_few_colours(work.out / name)
    print(f"\n{work.on_what(run)}")


if __name__ == "__main__":
    main()
