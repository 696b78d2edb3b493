"""A small network whose generated program is run, images to train it on, and checks of a run's output."""

from __future__ import annotations

import re
from pathlib import Path
from subprocess import CompletedProcess

from PIL import Image

import netspec
from netspec.ir.graph import Graph

SPEC = """
net small
[image] input 3x12x12 range=1 mean={mean}
[conv1] conv filters=8 kernel=3 stride=2 rounding=down neuron=relu
[drop] dropout rate=0.1
[fc] fc outputs=3
[prob] softmax
train epochs=2 batch=4 optimizer=sgd(lr=0.02, momentum=0.9) schedule={schedule}
augment {augment}
test views={views}
"""
NORMALISED = "[image] input 6\n[bn] batchnorm\n[fc] fc outputs=2\n[prob] softmax\ntrain batch=1\n"
"""Batch normalisation of one number per image, which has no variance in a batch of one image."""


def small_graph(
    mean: str = "none",
    augment: str = "flip=horizontal",
    views: int = 1,
    schedule: str = "constant",
) -> Graph:
    """A network with a convolution, dropout and three classes, which trains in a moment."""
    return netspec.loads(SPEC.format(mean=mean, augment=augment, views=views, schedule=schedule)).graph


def write_images(folder: Path, images: int = 12, size: tuple[int, int] = (20, 16)) -> Path:
    """Write images of three classes, each of its own colour, in several file formats; return the folder."""
    for number, name in enumerate(("ash", "birch", "cedar")):
        (folder / name).mkdir(parents=True)
        for i in range(images):
            colour = [40 + 5 * i, 40, 40]
            colour[number] = 220 - 3 * i
            mode, kind = (("RGB", "jpg"), ("RGB", "png"), ("P", "png"), ("RGBA", "png"))[i % 4]
            Image.new("RGB", size, tuple(colour)).convert(mode).save(folder / name / f"{i}.{kind}")
    return folder


def printed_losses(text: str) -> list[float]:
    """Return the training losses that a run printed."""
    return [float(loss) for loss in re.findall(r"^step .* loss ([\d.]+)", text, re.MULTILINE)]


def assert_fails(result: CompletedProcess[str], code: int, message: str) -> None:
    """Check that a program ended with this exit code and printed this message, without a traceback."""
    assert result.returncode == code
    assert "Traceback" not in result.stderr
    assert message in result.stderr
