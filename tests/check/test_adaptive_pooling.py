"""The adaptive pooling of other tools: the window that gives its output is proposed where there is one."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, valid_net

from netspec.diagnostics import apply


@pytest.mark.parametrize(
    ("line", "title", "output"),
    [
        ("adaptiveavgpool output_size=1", "write avgpool kernel=global", (3, 1, 1)),
        ("AdaptiveAvgPool2d 1x1 neuron=relu", "write avgpool kernel=global", (3, 1, 1)),
        ("AdaptiveAvgPool2d output_size=4 neuron=relu", "write avgpool kernel=2x3", (3, 4, 4)),
        ("adaptive_max_pool neuron=relu output_size=8x2", "write maxpool kernel=1x6", (3, 8, 2)),
        ("AdaptiveAvgPool2d(4) neuron=relu", "write avgpool kernel=2x3", (3, 4, 4)),
        ("AdaptiveMaxPool2d(output_size=8x2)", "write maxpool kernel=1x6", (3, 8, 2)),
        ("AdaptiveMaxPool2d 8x12", "write maxpool kernel=1", (3, 8, 12)),
        ("AdaptiveAvgPool2d(7)", "write binpool bins=7", (3, 7, 7)),
        ("adaptiveavgpool output_size=8x7 neuron=relu", "write binpool bins=8x7", (3, 8, 7)),
    ],
)
def test_window_of_the_same_output_is_proposed(line: str, title: str, output: tuple[int, int, int]) -> None:
    text = f"[i] input 3x8x12\n[p] {line}\n[f] fc outputs=2\n"
    found = only_diagnostic(text)
    assert [(fix.title, fix.checks) for fix in found.fixes] == [(title, True)]
    assert valid_net(apply(found.fixes[0].edits, text))["p"].output == output


@pytest.mark.parametrize("size", [*(f" output_size={size}" for size in ("7", "8x7", "16", "8x8x8", "wide")), "(7)"])
def test_output_that_no_window_gives_is_explained_without_a_fix(size: str) -> None:
    found = only_diagnostic(f"[i] input 3x8x12\n[p] adaptivemaxpool{size}\n")
    assert found.message == "layer type 'adaptivemaxpool' is unknown; did you mean maxpool?"
    assert "kernel=4, which is the stride too" in found.notes[0] and not found.fixes
    assert valid_net("[i] input 3x32x32\n[p] avgpool kernel=4")["p"].output == (3, 8, 8)
