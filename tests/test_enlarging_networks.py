"""Published networks with transposed convolutions: their sizes and counts, to the last digit."""

from __future__ import annotations

from netspec import loads


def unet() -> str:
    """Ronneberger, Fischer & Brox (2015), figure 1: 572 x 572 pixels of one channel, scores for two classes."""
    lines = [
        "net unet",
        "default conv kernel=3 neuron=relu",
        "default deconv kernel=2 stride=2",
        "[image] input 1x572x572",
    ]
    for level in range(5):
        width = 64 * 2**level
        lines += [f"[pool{level}] maxpool kernel=2"] * (level > 0)
        lines += [f"[down{level}a] conv filters={width}", f"[down{level}b] conv filters={width}"]
    for level, side in ((3, 56), (2, 104), (1, 200), (0, 392)):
        width, cut = 64 * 2**level, {3: 4, 2: 16, 1: 40, 0: 88}[level]
        above = "down4b" if level == 3 else f"up{level + 1}b"
        lines += [f"[up{level}] deconv filters={width} inputs={above} -> {width}x{side}x{side}"]
        lines += [f"[crop{level}] crop size={side} top={cut} left={cut} inputs=down{level}b"]
        lines += [f"[both{level}] concat inputs=crop{level},up{level}"]
        lines += [f"[up{level}a] conv filters={width}", f"[up{level}b] conv filters={width}"]
    return "\n".join([*lines, "[scores] conv filters=2 kernel=1 neuron=linear"])


def test_u_net() -> None:
    """The sizes are those of the figure. Summaries of implementations of it in Keras have the same 31,030,658
    parameters: 9 for each pair of channels of the 18 convolutions, 4 for each of the four up-convolutions, the last
    layer's, and the biases."""
    network = loads(unet())
    sides = {"down0b": 568, "down1b": 280, "down2b": 136, "down3b": 64, "down4b": 28, "up3b": 52, "up2b": 100}
    sides |= {"up1b": 196, "up0b": 388, "scores": 388}
    assert {name: network[name].output.height for name in sides} == sides
    widths = [64, 128, 256, 512, 1024]
    down = 64 + sum(w * w for w in widths) + sum(w * 2 * w for w in widths[:-1])
    up = sum(2 * w * w + w * w for w in widths[:-1])
    ups, biases = 4 * sum(2 * w * w for w in widths[:-1]), 2 * sum(widths) + 3 * sum(widths[:-1]) + 2
    assert sum(network[f"up{level}"].weights for level in range(4)) == ups == 2_785_280
    assert network.total.parameters == 9 * (down + up) + ups + 64 * 2 + biases == 31_030_658
    # The first up-convolution: 28 * 28 pixels of 1,024 channels, each with 512 filters of 2 x 2.
    assert network["up3"].connections == 28 * 28 * 1024 * 512 * 4 == 1_644_167_168


DCGAN = """
net dcgan
default deconv bias=none kernel=4 stride=2 pad=1
default batchnorm neuron=relu
[z]    input 100x1x1
[up1]  deconv filters=512 stride=1 pad=0 -> 512x4x4
[bn1]  batchnorm
[up2]  deconv filters=256 -> 256x8x8
[bn2]  batchnorm
[up3]  deconv filters=128 -> 128x16x16
[bn3]  batchnorm
[up4]  deconv filters=64 -> 64x32x32
[bn4]  batchnorm
[up5]  deconv filters=3 neuron=tanh -> 3x64x64
"""
"""The generator of PyTorch's DCGAN tutorial (after Radford, Metz & Chintala, 2016), with ngf=64."""


def test_generator_of_dcgan() -> None:
    """4 * 4 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) weights, and two numbers for each channel of the
    normalisations: PyTorch's module has 3,576,704 parameters."""
    network = loads(DCGAN)
    weights = 4 * 4 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
    assert weights == 3_574_784
    assert network.total.parameters == weights + 2 * (512 + 256 + 128 + 64) == 3_576_704
