"""A tiny network with GPU groups, crops, a mean image and batch normalisation, and helpers that train and use it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from reporters import QUIET

from netspec.net import Net, loads
from netspec.train.config import Request
from netspec.train.data.sources.synthetic import Textures
from netspec.train.data.splits import Frame
from netspec.train.run import train

SPEC = """net tiny
gpus 2
default conv init=he
[image] input 3x12x12 range=1 mean=image
[conv1] conv filters=8 kernel=5 pad=2 neuron=relu
[pool1] maxpool kernel=2 stride=2
[conv2] conv filters=8 kernel=3 pad=1 bias=none
[norm2] batchnorm neuron=relu
[conv3] conv filters=8 kernel=3 pad=1 reads=all neuron=relu
[fc4] fc outputs=4 init=he reads=all gpu=0
[prob] softmax
train epochs=1 batch=32 optimizer=sgd(lr=0.02, momentum=0.9, weight_decay=5e-4)
augment crop=12 from=14 flip=horizontal
test views=10
"""


def tiny_net(old: str = "", new: str = "") -> Net:
    """Load the network, with one part of its spec replaced."""
    assert not old or SPEC.count(old) == 1
    return loads(SPEC.replace(old, new) if old else SPEC)


def train_tiny(
    out: Path, *, data: object = "synthetic", spec: str = SPEC, steps: int = 8, seed: int = 0, **more: object
) -> Path:
    """Train the network for a few steps, and return the run's folder."""
    request = Request(str(data), steps=steps, seed=seed, threads=1, out=out, **more)  # type: ignore[arg-type]
    return train(loads(spec), "tiny", request, QUIET).folder


def save_image(path: Path, label: int = 0, side: int = 40) -> Path:
    """Save a image of one of the network's four classes."""
    pixels = Textures(Frame(3, side, side), 4, 4, (0, 1)).read(label)
    Image.fromarray(pixels.transpose(1, 2, 0)).save(path)
    return path


def png_pixels(data: bytes) -> np.ndarray:
    """Return the pixels of a PNG file."""
    return np.asarray(Image.open(io.BytesIO(data)))
