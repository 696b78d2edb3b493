"""A fix of a statement corrects what else is wrong with its notation, which it brings to light."""

from __future__ import annotations

import pytest
from checking import only_diagnostic

from netspec.diagnostics import apply

ABOVE = "[i] input 64x8x8\n[a] "


@pytest.mark.parametrize(
    ("line", "title", "right"),
    [
        ("conv filters=8 kernel=3 padding=same", "pad=1", "conv filters=8 kernel=3 pad=1"),
        ("conv filters=8 kernel=3 activation='relu'", "neuron=relu", "conv filters=8 kernel=3 neuron=relu"),
        ("AdaptiveAvgPool2d((4, 4))", "avgpool kernel=2", "avgpool kernel=2"),
        (
            "Conv2D filters=32 kernel_size=3,3 strides=1,1 padding=valid",
            "conv filters=32 kernel=3x3 stride=1x1 pad=0",
            "conv filters=32 kernel=3x3 stride=1x1 pad=0",
        ),
        (
            "relu6 # as in 'Relu6'\n[b] Dense units=4  # hidden",
            "fc outputs=4",
            "relu6 # as in 'Relu6'\n[b] fc outputs=4  # hidden",
        ),
    ],
)
def test_layer_is_right_after_one_fix(line: str, title: str, right: str) -> None:
    text = f"{ABOVE}{line}\n"
    found = only_diagnostic(text)
    assert [(fix.title, fix.checks) for fix in found.fixes] == [(f"write {title}", True)]
    assert apply(found.fixes[0].edits, text) == f"{ABOVE}{right}\n"


def test_setting_is_right_after_one_fix() -> None:
    text = "[i] input 3x8x8 range=[-1, 1]\n[f] fc outputs=2\n"
    (fix,) = only_diagnostic(text).fixes
    assert (fix.title, fix.effect, fix.checks) == ("write range=1 mean=0.5 std=0.5", "the whole network checks", True)
    assert apply(fix.edits, text) == "[i] input 3x8x8 range=1 mean=0.5 std=0.5\n[f] fc outputs=2\n"


def test_fix_does_not_decide_what_the_line_does_not_say() -> None:
    """How the window tiles is another mistake, of which there are several ways out."""
    text = f"{ABOVE}maxpool kernel=3 stride=(2, 2)\n"
    (fix,) = only_diagnostic(text).fixes
    assert apply(fix.edits, text) == f"{ABOVE}maxpool kernel=3 stride=2x2\n"
    assert (fix.effect, fix.checks) == ("1 other error remains", False)
