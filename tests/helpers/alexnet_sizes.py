"""The tables of the page on the 224/227 puzzle, computed with the compiler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import load
from netspec.explain.markdown import table
from netspec.formatting import format_count
from netspec.net import Net, loads

Array = NDArray[Any]


@dataclass(frozen=True)
class Variant:
    """One variant of AlexNet's arithmetic: who uses it, the input's side, and the keys in the spec."""

    who: str
    size: int
    rounding: str
    conv1: str = ""
    pool5: str = ""

    def net(self) -> Net:
        """Return AlexNet without groups, with this arithmetic and no claims about shapes."""
        return loads(f"""
net puzzle rounding={self.rounding}
[image] input 3x{self.size}x{self.size}
[conv1] conv filters=96 kernel=11 stride=4 {self.conv1}
[pool1] maxpool kernel=3 stride=2
[conv2] conv filters=256 kernel=5 pad=2
[pool2] maxpool kernel=3 stride=2
[conv3] conv filters=384 kernel=3 pad=1
[conv4] conv filters=384 kernel=3 pad=1
[conv5] conv filters=256 kernel=3 pad=1
[pool5] maxpool kernel=3 stride=2 {self.pool5}
[fc6] fc outputs=4096
""")


REPAIRS = (
    Variant("`input 3x227x227`", 227, "exact"),
    Variant("`net rounding=up`", 224, "up"),
    Variant("`conv1 pad=1,2,1,2`", 224, "exact", "pad=1,2,1,2"),
    Variant("`conv1 pad=2 rounding=down`", 224, "exact", "pad=2 rounding=down"),
)
"""The repairs with which AlexNet's first layer gives 55."""

OTHERS = (
    Variant("the 2012 code (cuda-convnet), rounding up", 224, "up"),
    Variant("Caffe, convolutions down, pooling up", 227, "caffe"),
    Variant("torchvision, pad 2", 224, "down", "pad=2"),
    Variant("TensorFlow with SAME padding", 224, "down", "pad=3,4,3,4"),
    Variant("Caffe's network fed 224", 224, "caffe"),
    Variant("the ONNX zoo's bvlc_alexnet, one-sided pads in pool5", 224, "down", "", "pad=0,1,0,1"),
    Variant("torchvision's network fed 227, with its pad of 2", 227, "down", "pad=2"),
    Variant("slim's alexnet_v2, NNEF's example: no pad, rounding down", 224, "down"),
)
"""The variants in use."""


def repairs() -> str:
    """Return a table of the repairs, with the zeros that conv1 actually reads on each side."""
    rows = []
    for way in REPAIRS:
        conv1 = way.net()["conv1"]
        pad = conv1.windows[0].effective_pad
        rows.append((way.who, f"{way.size}", f"{pad.left} and {pad.right}", f"{conv1.output}"))
    return table(("repair", "pixels", "zeros left and right (above and below)", "conv1"), rows)


def others() -> str:
    """Return a table of the variants: their shapes, and whether fc6 would notice that they differ."""
    rows = []
    for way in OTHERS:
        net = way.net()
        sides = "-".join(str(net[name].output.width) for name in ("conv1", "pool1", "pool2", "pool5"))
        reads = net["pool5"].units
        noticed = "yes" if reads != 9216 else "nothing to notice" if net["conv1"].output.width == 55 else "no"
        rows.append((way.who, str(way.size), sides, format_count(reads), noticed))
    return table(("who", "input", "conv1-pool1-pool2-pool5", "fc6 reads", "noticed at fc6"), rows)


def differences() -> str:
    """Return a table of how much conv1's outputs differ between repairs, for the same image and weights."""
    rows = []
    for (a, b), noise, smooth, same in comparisons():
        rows.append((f"{a.who} and {b.who}", f"{noise:.2f}", f"{smooth:.2f}", f"{format_count(same)} of 3,025"))
    return table(("repairs", "on noise", "on a smooth image", "places that agree"), rows)


def comparisons() -> Iterator[tuple[tuple[Variant, Variant], float, float, int]]:
    """Yield, for each pair of repairs, the relative L2 difference of conv1's outputs on noise and on a smooth image.

    The last number counts the positions, of 55 x 55, at which all filters agree on both images.
    """
    rng = np.random.default_rng(2012)
    weights = {"conv1.weight": rng.normal(0, 0.01, (96, 3, 11, 11)), "conv1.bias": np.zeros(96)}
    images = (rng.normal(size=(3, 227, 227)), _smooth(rng.normal(size=(3, 227, 227))))
    outputs = {way: [_conv1(way, weights, image) for image in images] for way in REPAIRS}
    for a, b in combinations(REPAIRS, 2):
        noise, smooth = (_relative_difference(x, y) for x, y in zip(outputs[a], outputs[b], strict=True))
        agree = [np.isclose(x, y, rtol=0, atol=1e-9).all(axis=0) for x, y in zip(outputs[a], outputs[b], strict=True)]
        yield (a, b), noise, smooth, int((agree[0] & agree[1]).sum())


def _conv1(way: Variant, weights: dict[str, Array], image: Array) -> Array:
    """Return conv1's output, 96 x 55 x 55. With an input of 224, it reads the top left 224 x 224 pixels."""
    net = loads(f"[image] input 3x{way.size}x{way.size}\n[conv1] conv filters=96 kernel=11 stride=4 "
                f"{way.conv1} {'' if 'rounding' in way.conv1 else f'rounding={way.rounding}'}")  # fmt: skip
    run = load("reference").run(net.graph, weights, image[None, :, : way.size, : way.size])
    return np.asarray(run.values["conv1"][0])


def _smooth(noise: Array) -> Array:
    """Filter noise to the spectrum of photographs, whose amplitudes are inversely proportional to the frequency."""
    rows, columns = np.fft.fftfreq(noise.shape[1]), np.fft.fftfreq(noise.shape[2])
    frequency = np.hypot(rows[:, None], columns[None, :])
    frequency[0, 0] = 1
    return np.asarray(np.fft.ifft2(np.fft.fft2(noise) / frequency).real)


def _relative_difference(x: Array, y: Array) -> float:
    """Return ||x - y|| / ||x||."""
    return float(np.linalg.norm(x - y) / np.linalg.norm(x))
