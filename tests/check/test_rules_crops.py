"""Crops must have the input's size, and images must be large enough for them."""

from __future__ import annotations

import pytest
from checking import codes, only_diagnostic, position_of, valid_net

IMAGE = "[image] input 4x8x8"


@pytest.mark.parametrize(("image", "wrong"), [("4x8x8", 7), ("4x8x8", 9), ("4x8x6", 8), ("4x8x6", 6)])
def test_crop_must_equal_the_input(image: str, wrong: int) -> None:
    found = only_diagnostic(f"augment crop={wrong}\n[image] input {image}")
    assert (found.code, position_of(found)) == ("crop-differs", (1, 9, f"crop={wrong}"))
    assert found.message == f"crops of {wrong} x {wrong} pixels do not fit an input of {image}"


def test_crop_of_a_vector_is_an_error() -> None:
    assert codes("augment crop=28\n[data] input 784") == ["crop-differs"]


def test_crop_must_not_exceed_the_resized_image() -> None:
    found = only_diagnostic("augment crop=8 from=7\n" + IMAGE)
    assert (found.code, [s.text for s in found.spans]) == ("crop-too-large", ["crop=8", "from=7"])


@pytest.mark.parametrize(("image", "least"), [("4x8x8", 8), ("4x8x6", 6)])
def test_input_must_not_exceed_the_resized_image_without_crop(image: str, least: int) -> None:
    assert valid_net(f"augment from={least}\n[image] input {image}").graph.augment.resize == least
    found = only_diagnostic(f"augment from={least - 1}\n[image] input {image}")
    assert (found.code, position_of(found)) == ("crop-too-large", (1, 9, f"from={least - 1}"))
    assert found.message == f"an input of {image} cannot be cut from images whose shorter side is {least - 1}"


def test_images_are_padded_by_less_than_the_crop() -> None:
    augment = valid_net(f"augment pad=7 fill=mean\n{IMAGE}").graph.augment
    assert (augment.pad, augment.fill, augment.resize) == (7, "mean", None)
    found = only_diagnostic("augment pad=6\n[image] input 4x8x6")
    assert (found.code, position_of(found)) == ("bad-value", (1, 9, "pad=6"))
    assert found.message == "with 6 pixels of padding, a crop of 6 can be padding alone"


def test_padding_does_not_make_an_image_larger_for_validation() -> None:
    found = only_diagnostic(f"augment crop=8 from=7 pad=2\n{IMAGE}")
    assert found.notes == ("from= is the size before the padding, from which validation is cut",)


def test_colour_of_no_padding_is_a_warning() -> None:
    (found,) = valid_net(f"augment fill=mean\n{IMAGE}").warnings
    assert (found.code, position_of(found)) == ("no-effect", (1, 9, "fill=mean"))
