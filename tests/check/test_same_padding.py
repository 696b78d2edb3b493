"""The ``pad=same`` of other tools, at a stride of 1, and pads that are too large or given for the wrong axis."""

from __future__ import annotations

import pytest
from checking import only_diagnostic

from netspec.diagnostics import apply
from netspec.net import loads


@pytest.mark.parametrize("line", ["conv filters=2 kernel=3 stride=2 pad=same", "maxpool kernel=3 pad=same"])
def test_same_padding_with_a_stride_is_explained_without_a_fix(line: str) -> None:
    found = only_diagnostic(f"[i] input 3x8x8\n[c] {line}")
    assert not found.fixes and "(kernel - 1) / 2 on each side at a stride of 1" in found.notes[0]
    assert found.notes[1].endswith("pad=0,1,0,1 with kernel=3, stride=2 and an even size")  # (4 - 1) * 2 + 3 - 8 = 1
    assert loads("[i] input 3x8x8\n[c] conv filters=2 kernel=3 stride=2 pad=0,1,0,1\n")["c"].output == (2, 4, 4)


@pytest.mark.parametrize(
    ("word", "pad", "half"),
    [("same-upper", "0,1,0,1", "smaller"), ("SAME_UPPER", "0,1,0,1", "smaller"), ("SAME_LOWER", "1,0,1,0", "larger")],
)
def test_same_padding_of_onnx_is_explained_as_well(word: str, pad: str, half: str) -> None:
    found = only_diagnostic(f"[i] input 3x8x8\n[c] conv filters=2 kernel=3 stride=2 pad={word}")
    assert not found.fixes and f"with the {half} half before: pad={pad} with kernel=3" in found.notes[1]
    found = only_diagnostic(f"[i] input 3x8x8\n[c] conv filters=2 kernel=3 pad={word}")
    assert [fix.title for fix in found.fixes] == ["write 1"]


@pytest.mark.parametrize(
    ("default", "keys", "number"),
    [
        ("stride=2", "kernel=3", None),
        ("dilation=2", "kernel=3", "2"),
        ("kernel=5", "stride=1x1", "2"),
        ("stride=2", "kernel=3x5 stride=1", "2,2,1,1"),
        ("neuron=relu", "kernel=4", None),
    ],
)
def test_same_padding_takes_default_lines_into_account(default: str, keys: str, number: str | None) -> None:
    text = f"default conv {default}\n[i] input 3x9x9\n[c] conv filters=2 {keys} pad=same\n"
    found = only_diagnostic(text)
    assert [fix.title for fix in found.fixes] == ([f"write {number}"] if number else [])
    if number:
        assert loads(apply(found.fixes[0].edits, text)).graph.layers["c"].output == (2, 9, 9)


@pytest.mark.parametrize(
    ("keys", "title", "effect"),
    [
        ("kernel=1x7 pad=0,0,3,3", "c pad=3,3,0,0", "gives 9, the padding of width and height swapped"),
        ("kernel=7x1 pad=3,3,0,0 -> 2x9x9", "c pad=0,0,3,3", "gives 9, the padding of width and height swapped"),
        (
            "kernel=1x3 stride=2 pad=0,0,1,1 -> 2x5x5",
            "c pad=1,1,0,0",
            "gives 5, the padding of width and height swapped",
        ),
        ("kernel=5x7 pad=2,2,3,3 -> 2x9x9", "c pad=3,3,2,2", "gives 9, the padding of width and height swapped"),
        ("kernel=1x7 pad=3", "c pad=3,3,0,0", "keeps 9"),
        ("kernel=7x1 pad=0,3,0,3 -> 2x9x9", "c pad=0,0,3,3", "keeps 9"),
        ("kernel=3 pad=3", "c pad=1", "keeps 9"),
        ("kernel=1x7 -> 2x9x9", "c pad=3,3,0,0", "keeps 9, another function"),
    ],
)
def test_pads_of_the_right_axis_and_size_are_proposed(keys: str, title: str, effect: str) -> None:
    text = f"[i] input 3x9x9\n[c] conv filters=2 {keys}\n"
    fix = only_diagnostic(text).fixes[0]
    assert (fix.title, fix.effect) == (title, f"{effect}; the whole network checks")
    assert loads(apply(fix.edits, text))["c"].output[1:] in ((9, 9), (5, 5))


@pytest.mark.parametrize(
    ("keys", "title", "effect"),
    [
        ("kernel=2 pad=3", "c pad=0", "gives 8"),
        ("kernel=1 pad=1 stride=2", "c pad=0", "gives 5"),
        ("kernel=2 pad=2 stride=2", "c pad=0 rounding=down", "gives 4 as PyTorch computes it"),
    ],
)
def test_window_that_lies_in_its_padding_gets_none_where_no_pad_keeps_the_size(
    keys: str, title: str, effect: str
) -> None:
    text = f"[i] input 3x9x9\n[c] conv filters=2 {keys}\n"
    fix = only_diagnostic(text).fixes[0]
    assert (fix.title, fix.effect) == (title, f"{effect}; the whole network checks")
    loads(apply(fix.edits, text))


def test_projection_that_inherits_padding_from_other_convolutions_gets_none() -> None:
    text = "default conv filters=4 kernel=3 pad=1\n[i] input 3x8x8\n[c] conv\n[p] conv kernel=1 stride=2\n"
    fix = only_diagnostic(text).fixes[0]  # (8 + 1 + 1 - 1) / 2 + 1 = 5.5, and (8 - 1) / 2 + 1 = 4.5
    assert fix.title == "p pad=0 rounding=down"
    assert apply(fix.edits, text).startswith("default conv filters=4 kernel=3 pad=1\n")
    assert loads(apply(fix.edits, text))["p"].output == (4, 4, 4)
