"""``crop`` with a second input, to whose size it crops the first."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, ops_of, valid_net
from places import SPECS

from netspec import load
from netspec.ir.ops import Crop

TEXT = "[image] input 3x20x24\n[small] conv filters=2 kernel={}\n[cut] crop inputs=image,small {}\n"


@pytest.mark.parametrize(
    ("kernel", "keys", "crop"),
    [
        ("5", "", Crop(2, 2, 16, 20)),
        ("4", "", Crop(1, 1, 17, 21)),  # of 3 rows, one above and two below
        ("1x5", "top=0", Crop(0, 2, 20, 20)),
        ("5", "top=3 left=0", Crop(3, 0, 16, 20)),
    ],
)
def test_the_middle_is_kept_unless_a_place_is_given(kernel: str, keys: str, crop: Crop) -> None:
    assert ops_of(TEXT.format(kernel, keys), "cut") == [crop]


def test_only_the_first_input_is_read() -> None:
    graph = valid_net(TEXT.format(5, "") + "[copy] crop inputs=image,small\n[sum] sum inputs=cut,copy").graph
    for name in ("cut", "copy"):  # alike, so that the second is made of the first
        assert (graph.layers[name].inputs, graph.nodes[name].inputs) == (("image",), ("image",))


@pytest.mark.parametrize(
    ("layer", "code", "message"),
    [
        ("crop", "missing-key", "x needs size="),
        ("crop inputs=image,small size=3", "bad-value", "so does size"),
        ("crop inputs=small,image", "crop-outside-image", "crops more than there is"),
        ("crop inputs=small,scores", "needs-image", "its second input, a vector of 10"),
    ],
)
def test_what_does_not_say_one_size(layer: str, code: str, message: str) -> None:
    found = only_diagnostic(TEXT.format(5, "") + f"[scores] fc outputs=10\n[x] {layer}")
    assert found.code == code and message in found.message


def test_u_net_takes_images_of_other_sizes() -> None:
    net = load(SPECS / "classics" / "u-net.net", input=(1, 188, 204))
    assert net["scores"].output == (2, 4, 20)
