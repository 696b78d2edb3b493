"""ONNX's ConvTranspose with random attributes, against onnxruntime, and modules of PyTorch and files of Keras."""

from __future__ import annotations

import io
import warnings
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from torch import nn

pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import assert_same, imported, model, node, numbers, run, spec

from netspec.diagnostics import SpecError

PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def attributes(draw: st.DrawFn) -> dict[str, Any]:
    """Attributes with which ONNX gives a size to the output."""
    drawn: dict[str, Any] = {name: draw(PAIRS) for name in ("kernel_shape", "strides", "dilations")}
    limits = [max(pair) for pair in zip(drawn["strides"], drawn["dilations"], strict=True)]
    if draw(st.booleans()):
        drawn["output_padding"] = [draw(st.integers(0, limit - 1)) for limit in limits]
    drawn["group"] = draw(st.sampled_from([1, 2]))
    word = draw(st.sampled_from(["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    if word != "NOTSET":
        drawn["auto_pad"] = word
    elif draw(st.booleans()):
        drawn["output_shape"] = [draw(st.integers(1, 9)), draw(st.integers(1, 9))]
    else:
        drawn["pads"] = [draw(st.integers(0, 2)) for _ in range(4)]
    return drawn


@given(attributes(), PAIRS)
@examples(200)
def test_random_attributes(drawn: dict[str, Any], size: tuple[int, int]) -> None:
    """What is refused leaves open which side of an odd number is larger, has no sizes, or adds pixels that no window
    reaches."""
    tensors = {"w": numbers(4, 4 // drawn["group"], *drawn["kernel_shape"]), "b": numbers(4)}
    made = model([node("ConvTranspose", ["x", *tensors], ["y"], **drawn)], ("N", 4, *size), tensors)
    images = numbers(2, 4, *size)
    try:
        expected = run(made, images)
    except Exception:  # whatever onnxruntime raises for outputs without pixels
        assume(False)
    assume(expected.size > 0)
    try:
        imported(made)
    except SpecError as error:
        reason = error.diagnostics[0].notes[0]
        by_size = "output_shape" in drawn or drawn.get("auto_pad", "").startswith("SAME")
        known = ("runtimes disagree", "another number", "infers no sizes", "no such window")
        beyond = "output_padding" in drawn and "no such window" in reason
        assert beyond or (by_size and any(words in reason for words in known)), error
        return
    assert_same(made, images)


class Decoder(nn.Module):
    """A convolution to half the size and back, in three ways."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.up1 = nn.ConvTranspose2d(8, 8, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.norm = nn.BatchNorm2d(8)
        self.up2 = nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1, bias=False)
        self.out = nn.ConvTranspose2d(4, 3, 2, dilation=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm(self.up1(torch.relu(self.down(x)))))
        return torch.sigmoid(self.out(self.up2(y)))


def test_module_of_pytorch() -> None:
    torch.manual_seed(0)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Decoder().eval(), (torch.zeros(1, 3, 8, 8),), file, dynamo=False, do_constant_folding=False)
    result = assert_same(file.getvalue(), numbers(1, 3, 8, 8))
    layers = [" ".join(line.split()) for line in result.net.source.text.splitlines() if "deconv" in line]
    assert layers == [
        "[up1] deconv filters=8 kernel=3 stride=2 pad=1,0,1,0 groups=2 -> 8x8x8",
        "[up2] deconv filters=4 kernel=4 stride=2 pad=1 bias=none -> 4x16x16",
        "[out] deconv filters=3 kernel=2 dilation=2 neuron=logistic -> 3x18x18",
    ]


def test_biases_of_keras_are_those_of_the_layer() -> None:
    """tf2onnx writes the size of the output, and adds the biases afterwards."""
    nodes = [
        node("ConvTranspose", ["x", "w"], ["c"], strides=[2, 2], kernel_shape=[3, 3], auto_pad="SAME_UPPER"),
        node("Add", ["c", "b"], ["y"]),
    ]
    made = model(nodes, ("N", 4, 5, 6), {"w": numbers(4, 2, 3, 3), "b": numbers(1, 2, 1, 1)})
    assert spec(made)[-1].partition("] ")[2] == "deconv filters=2 kernel=3 stride=2 pad=0,1,0,1 -> 2x10x12"
    assert_same(made, numbers(2, 4, 5, 6))


def test_weights_that_two_layers_use_are_shared() -> None:
    nodes = [node("ConvTranspose", ["x", "w"], ["a"]), node("ConvTranspose", ["a", "w"], ["y"])]
    made = model(nodes, ("N", 4, 5, 6), {"w": numbers(4, 4, 3, 3)})
    assert "weights=" in spec(made)[-1]
    assert_same(made, numbers(2, 4, 5, 6))
