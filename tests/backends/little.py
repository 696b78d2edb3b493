"""A little network whose generated programs are run, the images that it is trained on, and what is read off a run."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image
from programs import Ended

import netspec
from netspec.ir.graph import Graph

SPEC = """
net little
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
"""Batch normalisation of one number an image: a batch of one has no variance."""


def little(
    mean: str = "none",
    augment: str = "flip=horizontal",
    views: int = 1,
    schedule: str = "constant",
) -> Graph:
    """A convolution, dropout and three classes, in a moment's training."""
    return netspec.loads(SPEC.format(mean=mean, augment=augment, views=views, schedule=schedule)).graph


def paint(folder: Path, images: int = 12, size: tuple[int, int] = (20, 16)) -> Path:
    """Three classes of images of a colour each, in files of several kinds."""
    for number, name in enumerate(("ash", "birch", "cedar")):
        (folder / name).mkdir(parents=True)
        for i in range(images):
            colour = [40 + 5 * i, 40, 40]
            colour[number] = 220 - 3 * i
            mode, kind = (("RGB", "jpg"), ("RGB", "png"), ("P", "png"), ("RGBA", "png"))[i % 4]
            Image.new("RGB", size, tuple(colour)).convert(mode).save(folder / name / f"{i}.{kind}")
    return folder


def losses(text: str) -> list[float]:
    """The losses of the steps that a run printed."""
    return [float(found) for found in re.findall(r"^step .* loss ([\d.]+)", text, re.MULTILINE)]


def refused(done: Ended, code: int, complaint: str) -> None:
    """Hold that a program ended with this code and said why."""
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert complaint in done.stderr
