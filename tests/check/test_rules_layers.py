"""The small layer types and the operations they become; losses; layers that join several values."""

from __future__ import annotations

import pytest
from checking import codes, only_diagnostic, ops_of, position_of, valid_net

from netspec.ir import ops
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window

IMAGE = "[image] input 4x8x8\n"
HALVES = Window((2, 2), (2, 2), kind="pool")


@pytest.mark.parametrize(
    ("layer", "op"),
    [
        ("dropout", ops.Dropout(0.5, "train")),
        ("dropout rate=0.25 scaling=test", ops.Dropout(0.25, "test")),
        ("dropout rate=0", ops.Dropout(0.0, "train")),
        ("dropout over=units", ops.Dropout(0.5, "train", "units")),
        ("dropout over=channels rate=0.1", ops.Dropout(0.1, "train", "channels")),
        ("dropout over=images scaling=test", ops.Dropout(0.5, "test", "images")),
        ("layernorm", ops.LayerNorm(1e-5)),
        ("layernorm eps=1e-6 groups=2 affine=no", ops.LayerNorm(1e-6, 2, False)),
        ("groupnorm groups=2", ops.GroupNorm(1e-5, 2)),
        ("groupnorm groups=1 eps=0.1 affine=no", ops.GroupNorm(0.1, 1, False)),
        ("relu6", ops.Relu6()),
        ("leakyrelu", ops.LeakyRelu(0.01)),
        ("leakyrelu slope=0.2", ops.LeakyRelu(0.2)),
        ("elu alpha=0.5", ops.Elu(0.5)),
        ("silu", ops.Silu()),
        ("mish", ops.Mish()),
        ("gelu", ops.Gelu()),
        ("hardswish", ops.HardSwish()),
        ("hardsigmoid", ops.HardSigmoid()),
        ("tanh", ops.Tanh(1.0, 1.0)),
        ("tanh a=1.7159 b=0.667", ops.Tanh(1.7159, 0.667)),
        ("linear a=2 b=-1", ops.LinearNeuron(2.0, -1.0)),
        ("softrelu", ops.SoftRelu()),
        ("nrelu", ops.NoisyRelu()),
        ("nrelu std=0.5", ops.NoisyRelu(0.5)),
        ("square", ops.Square()),
        ("blur size=5 stdev=1.5", ops.Blur(5, 1.5)),
        ("nailbed stride=3", ops.Nailbed(3)),
        ("sumpool kernel=2", ops.SumPool(HALVES)),
        ("maxabspool kernel=2", ops.MaxAbsPool(HALVES)),
        ("crop size=3", ops.Crop(0, 0, 3, 3)),
        ("crop size=3x4 top=1 left=2", ops.Crop(1, 2, 3, 4)),
        ("crop inputs=image,image", ops.Crop(0, 0, 8, 8)),
        ("zeropad pad=2", ops.ZeroPad(Pad(2, 2, 2, 2))),
        ("zeropad pad=0,1,2,3", ops.ZeroPad(Pad(0, 1, 2, 3))),
        ("resize step=0.5", ops.Resize(0.5)),
        ("resize size=5x16", ops.Interpolate((5, 16))),
        ("resize size=5 method=nearest", ops.Interpolate((5, 5), "nearest")),
        ("resize size=8", ops.Interpolate((8, 8))),
        ("resize size=16x8", ops.Upsample((2, 1), "bilinear")),  # multiples are an upsample
        ("resize size=264 method=corners", ops.Interpolate((264, 264), "corners")),  # by 33, which upsample has not
        ("resize inputs=image,image method=corners", ops.Interpolate((8, 8), "corners")),
        ("edgepad pad=9", ops.EdgePad(Pad(9, 9, 9, 9))),
        ("reflectpad pad=7,0,1,2", ops.ReflectPad(Pad(7, 0, 1, 2))),
        ("binpool bins=3x5", ops.BinPool((3, 5))),
        ("binpool bins=2x4", ops.AvgPool(Window((4, 2), (4, 2), kind="pool"))),  # bins of one size are windows
        ("binpool bins=1", ops.AvgPool(Window((8, 8), (8, 8), kind="pool"))),
        ("binpool bins=1x3", ops.BinPool((1, 3))),
        ("binpool bins=9x1", ops.BinPool((9, 1))),
        ("binpool bins=7", ops.AvgPool(Window((2, 2), (1, 1), kind="pool"))),
        ("randomscale size=7 max_scale=1.2", ops.RandomScale(7, 1.2)),
        ("reshape size=64x2x2", ops.Reshape(Shape(64, 2, 2))),
        ("reshape size=256", ops.Reshape(Shape(256))),
        ("log a=1", ops.Log(1.0)),
    ],
)
def test_small_layers_become_their_operations(layer: str, op: ops.Op) -> None:
    assert ops_of(IMAGE + f"[x] {layer}", "x") == [op]


@pytest.mark.parametrize(
    "layer",
    [
        "dropout rate=1",
        "dropout rate=-0.1",
        "dropout scaling=both",
        "blur size=4 stdev=1",
        "blur size=3 stdev=0",
        "nailbed stride=0",
        "crop size=0",
        "crop size=3 top=-1",
        "zeropad pad=-1",
        "zeropad pad=1,2",
        "resize step=0",
        "resize size=0",
        "resize size=4 step=2",
        "resize size=4 inputs=image,image",
        "resize step=2 method=bilinear",
        "resize size=4 method=cubic",
        "edgepad pad=-1",
        "reflectpad pad=8",
        "binpool bins=0",
        "reshape size=4x4",
        "colourspace to=xyz",
        "batchnorm eps=0",
        "batchnorm average=2",
        "batchnorm affine=maybe",
        "lrn size=0 alpha=1",
        "lrn size=5 alpha=-1",
        "relu inputs=3",
        "relu inputs=3x3",
    ],
)
def test_invalid_keys_of_small_layers_are_errors(layer: str) -> None:
    assert codes(IMAGE + f"[x] {layer}") == ["bad-value"]


def test_resize_needs_a_size() -> None:
    found = only_diagnostic(IMAGE + "[x] resize method=nearest")
    assert (found.code, found.message) == ("missing-key", "x needs size=, the height and width of its maps")
    found = only_diagnostic(IMAGE + "[v] fc outputs=4\n[x] resize inputs=image,v")
    assert (found.code, found.message) == ("needs-image", "x resizes to the size of its second input, a vector of 4")
    found = only_diagnostic(IMAGE + "[p] crop size=8x2\n[x] resize size=8x82 method=nearest")
    assert found.message == "x: 2 columns cannot be made 82 by taking the nearest pixel"
    assert found.notes == ("output 41 is pixel 1, but not in float32 arithmetic",)


def test_reflectpad_has_fewer_pixels_to_mirror_than_the_maps_have() -> None:
    found = only_diagnostic("[image] input 3x1x8\n[x] reflectpad pad=1")
    assert found.message == "x mirrors more pixels than there are"
    assert found.notes == ("height: it mirrors 1 pixel, and the maps have 1, of which one is the mirror",)


def test_layers_without_weights_can_have_a_neuron() -> None:
    text = IMAGE + "[x] conv filters=2 kernel=3 neuron={}"
    assert ops_of(text.format("relu"), "x")[-1] == ops.Relu()
    assert ops_of(text.format("tanh(1.7159, 0.667)"), "x")[-1] == ops.Tanh(1.7159, 0.667)
    assert ops_of(text.format("tanh(b=2)"), "x")[-1] == ops.Tanh(1.0, 2.0)
    assert len(ops_of(text.format("linear"), "x")) == 1
    assert ops_of(text.format("linear(2)"), "x")[-1] == ops.LinearNeuron(2.0, 0.0)
    assert valid_net(text.format("relu")).graph.layers["x"].nodes == ("x:conv", "x")


def test_loss_weight_is_read() -> None:
    text = "[i] input 4\n[l] crossentropy loss_weight=0.3"
    assert ops_of(text, "l") == [ops.CrossEntropy(0.3)]
    assert valid_net(text)["l"].output == (1,)


def test_sum_of_squares_does_not_define_the_scores() -> None:
    text = (
        IMAGE + "[a] conv filters=2 kernel=3 neuron=relu\n[small] sumsquares\n[fc] fc outputs=5 inputs=a\n[p] softmax"
    )
    found = valid_net(text)
    assert (ops_of(text, "small"), found.graph.scores.name) == ([ops.SumSquares()], "fc")
    assert [(w.code, w.layer) for w in found.warnings] == [("no-class-loss", "small")]


def test_loss_needs_a_vector_of_scores() -> None:
    found = only_diagnostic(IMAGE + "[l] squarederror")
    assert (found.code, position_of(found)[2]) == ("needs-vector", "squarederror")
    found = only_diagnostic(IMAGE + "[p] maxpool kernel=global\n[l] crossentropy")
    assert (found.code, position_of(found)[2]) == ("needs-vector", "crossentropy")


@pytest.mark.parametrize(("word", "inputs"), [("sum", "a,b"), ("max", "a,b"), ("product", "a,b"), ("concat", "a,b")])
def test_joined_inputs_need_fitting_shapes(word: str, inputs: str) -> None:
    text = IMAGE + f"[a] relu\n[b] maxpool kernel=2\n[x] {word} inputs={inputs}"
    found = only_diagnostic(text)
    assert (found.code, position_of(found)[2]) == ("shapes-differ", "inputs=a,b")


def test_map_norm_needs_maps_as_large_as_its_window() -> None:
    assert codes(IMAGE + "[x] rnorm size=9 scale=1") == ["kernel-too-large"]
