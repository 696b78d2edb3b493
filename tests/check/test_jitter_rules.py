"""Inputs and padding that a jitter of colours does not suit, and other tools' words for it."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, valid_net

JITTER = "augment colour=jitter(0.4, 0.4, 0.4, hue=0.1)"


@pytest.mark.parametrize("image", ["12", "4x8x8"])
def test_only_colours_and_grey_can_be_jittered(image: str) -> None:
    found = only_diagnostic(f"[image] input {image}\n[a] fc outputs=4\n{JITTER}")
    assert (found.code, found.message) == ("needs-colour", f"jitter changes colours, and image is {image}")


def test_grey_images_have_no_hue() -> None:
    (warning,) = valid_net(f"[image] input 1x8x8\n[a] fc outputs=4\n{JITTER}").warnings
    assert (warning.code, warning.message) == ("no-effect", "saturation and hue have no effect")
    assert not valid_net("[image] input 1x8x8\n[a] fc outputs=4\naugment colour=jitter(0.4, 0.4)").warnings


def test_padding_of_the_mean_cannot_be_jittered() -> None:
    found = only_diagnostic(f"[image] input 3x8x8\n[a] fc outputs=4\n{JITTER} pad=2 fill=mean")
    assert (found.code, [span.text for span in found.spans]) == ("bad-value", ["fill=mean", JITTER[8:]])
    assert not valid_net(f"[image] input 3x8x8\n[a] fc outputs=4\n{JITTER} pad=2").warnings


@pytest.mark.parametrize("key", ["color_jitter=0.4", "ColorJitter=0.4"])
def test_the_number_of_timm_is_written_as_a_jitter(key: str) -> None:
    found = only_diagnostic(f"[image] input 3x8x8\n[a] fc outputs=4\naugment {key}")
    assert found.fixes[0].edits[0].text == "colour=jitter(0.4, 0.4, 0.4)"
