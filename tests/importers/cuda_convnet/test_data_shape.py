"""The shape of the data, which layer files do not contain: guessed, or taken from a comment."""

from __future__ import annotations

import pytest
from layerfiles import conv, diagnose, load, net

from netspec.ir.shape import Shape

BASE = net(conv("c", "data", 3), "c")


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (BASE, (3, 32, 32)),
        (BASE.replace("channels=3", "channels=1"), (1, 28, 28)),  # handwritten digits
        (BASE.replace("padding=1", "stride=3"), (3, 224, 224)),  # unusual for small images
        (BASE.replace("outputs=10", "outputs=1000"), (3, 224, 224)),
        (BASE.replace("outputs=10", "numOutputs=10"), (3, 32, 32)),
        # 20 x 20 is the smallest square that 80 divides.
        (BASE.replace("partialSum=0", "partialSum=80"), (3, 20, 20)),
        # Invalid with any size.
        (BASE.replace("filters=16", "filters=17"), (3, 32, 32)),
        # An error with any size leaves the others to the size.
        (BASE.replace("partialSum=0", "partialSum=80").replace("type=fc", "type=fcdrop"), (3, 20, 20)),
        (BASE.replace("type=fc", "type=fcdrop").replace("padding=1", "padding=0"), (3, 32, 32)),
    ],
)
def test_likeliest_data_shape_is_assumed(text: str, shape: tuple[int, int, int]) -> None:
    diagnostics = diagnose(text, shape=None)
    (message,) = [d.message for d in diagnostics if d.code == "cfg-input-shape"]
    assert message.endswith(f"{'x'.join(map(str, shape))} is assumed")


@pytest.mark.parametrize(("outputs", "side"), [("0", 32), ("16", 32), ("12", 24), ("13", 32), ("200", 32)])
def test_data_shape_that_pools_cover_is_preferred(outputs: str, side: int) -> None:
    """A pool with outputsX fits any image; a usual size that its windows cover exactly is preferred."""
    pool = f"[p]\ntype=pool\npool=max\ninputs=c\nchannels=16\nsizeX=2\nstride=2\noutputsX={outputs}\n"
    network = load(net(conv("c", "data", 3) + pool, "p"), shape=None)
    assert network.graph.input.output == Shape(3, side, side)
    assert ("p-covered" in network.graph.layers) == (outputs == "13")


SHAPED = BASE.replace("padding=1", "padding=0")


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("# crops: --input 3x26x26, of 32\n", "3x26x26"),
        ("; --input 3x9x9\n", "3x9x9"),
        ("# --input 3x2x2\n", "3x32x32"),  # smaller than the filters
        ("# --input 4x26x26\n", "3x32x32"),
        ("# --input 0x26x26\n", "3x32x32"),
        ("# --input 3x26\n", "3x32x32"),
        ("# --input 3x99999999x99999999\n", "3x32x32"),
        ("# --input 3x26x26x2\n", "3x32x32"),
    ],
)
def test_comment_can_give_the_data_shape(note: str, expected: str) -> None:
    for text in (note + SHAPED, SHAPED + note):
        network = load(text, shape=None)
        assert str(network.graph.input.output) == expected
        warnings = [d for d in network.warnings if d.code == "cfg-input-shape"]
        assert len(warnings) == (expected not in note)


@pytest.mark.parametrize(
    ("comment", "side"), [("The shape of its data, for netspec import: --input 3x12x12", 12), ("--input 3x12x12", None)]
)
def test_data_shape_that_netspec_noted_is_used_in_spite_of_errors(comment: str, side: int | None) -> None:
    """A filter that is too large for it does not suggest larger data, and other errors are those with this shape."""
    text = f"# {comment}\n{SHAPED}".replace("filterSize=3", "filterSize=13").replace("initW=0.01", "initW=")
    errors = [d for d in diagnose(text, shape=None) if d.code != "cfg-input-shape"]
    too_large = [d.message for d in errors if d.code == "kernel-too-large"]
    assert too_large == ([f"c: its filter of 13 is larger than its padded image of {side}"] if side else [])


def test_local_layers_suggest_small_images() -> None:
    many_outputs = BASE.replace("outputs=10", "outputs=500")
    local = many_outputs.replace("type=conv", "type=local").replace("partialSum=0\n", "")
    strided = local.replace("padding=1", "padding=1\nstride=3")
    for text, side in ((many_outputs, 224), (local, 32), (strided, 224)):
        assert load(text, shape=None).graph.input.output == Shape(3, side, side)
