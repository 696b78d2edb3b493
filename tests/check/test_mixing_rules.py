"""Mistakes in the mixing of images: inputs, batches and losses that it does not suit."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, valid_net

IMAGE = "[image] input 3x4x4\n"
VECTOR = "[image] input 12\n"
TWO_LOSSES = "[a] fc outputs=6\n[one] crossentropy\n[b] fc outputs={} inputs=image\n[two] crossentropy\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (VECTOR + "[a] fc outputs=4\naugment cutmix=1", ("needs-image", "cutmix=1")),
        (IMAGE + TWO_LOSSES.format(4) + "augment mixup=1", ("bad-value", "mixup=1")),
    ],
)
def test_mixing_that_is_impossible(text: str, expected: tuple[str, str]) -> None:
    found = only_diagnostic(text)
    assert (found.code, found.span.text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a] fc outputs=4\ntrain batch=1\naugment mixup=1", [("no-effect", "mixup=1")]),
        ("[a] fc outputs=4\n[l] sumsquares\naugment cutmix=1", [("no-class-loss", "cutmix=1")]),
        ("[a] fc outputs=4\n[l] sumsquares gate=class\naugment cutmix=1", []),
        (TWO_LOSSES.format(6) + "[small] sumsquares inputs=b\naugment mixup=1 cutmix=1", []),
        ("[a] fc outputs=4\n[l] sumsquares\naugment cutmix=0 mixup=0", []),
    ],
)
def test_mixing_that_is_useless(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(w.code, w.span.text) for w in valid_net(IMAGE + text).warnings if w.code != "signal"] == expected


def test_vectors_can_be_mixed_up() -> None:
    assert not valid_net(VECTOR + "[a] fc outputs=4\naugment mixup=1").warnings


@pytest.mark.parametrize(("line", "owner"), [("train mixup=0.2", "augment"), ("augment batch=8", "train")])
def test_a_key_of_another_setting_is_named_as_such(line: str, owner: str) -> None:
    found = only_diagnostic(f"{IMAGE}[a] fc outputs=4\n{line}")
    word, key = line.partition("=")[0].split()
    assert (found.code, found.message) == ("unknown-key", f"{key} is a key of {owner}, not of {word}")
