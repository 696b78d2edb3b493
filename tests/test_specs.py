"""The shipped specs: the correct ones check, and each wrong one gives exactly the errors listed in its last lines."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from classics import CLASSICS

import netspec
from netspec.diagnostics import Diagnostic, apply
from netspec.language.formatter import formatted
from netspec.source import Source

SPECS = Path(__file__).parent.parent / "specs"
CORRECT = [*sorted(SPECS.glob("*.net")), *CLASSICS]
INCORRECT = sorted((SPECS / "mistakes").glob("*.net"))
PARAMETERS = {
    "alexnet": 60_965_224,
    "alexnet-2012": 60_965_224,
    "alexnet-227": 60_965_224,
    "alexnet-half": 59_798_312,
    "alexnet-one-gpu": 62_378_344,
    "alexnet-torchvision": 61_100_840,
    "caffenet": 60_965_224,
    "cifar-quick": 145_578,
    "lenet": 61_706,
    "lenet-5": 60_840,
}
"""Published counts. Those of the smaller networks were added up by hand: lenet has 156 + 2,416 + 48,120 + 10,164 + 850,
lenet-5 the paper's 60,000 and 840 for its output layer, which is learnt."""

LENET_5 = {
    "C1": (156, 122_304),
    "S2": (12, 5_880),
    "C3": (1_516, 151_600),
    "S4": (32, 2_000),
    "C5": (48_120, 48_120),
    "F6": (10_164, 10_164),
}
"""Trainable parameters and connections of LeCun et al. (1998), section II.B."""


@pytest.mark.parametrize("path", CORRECT, ids=lambda p: p.stem)
def test_correct_spec_has_no_warnings_and_its_files_name(path: Path) -> None:
    net = netspec.load(path)
    assert net.warnings == ()
    assert net.name == path.stem


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_parameters_match_the_published_number(name: str, parameters: int) -> None:
    assert netspec.load(SPECS / f"{name}.net").total.parameters == parameters


def test_lenet_5_matches_the_paper_layer_by_layer() -> None:
    """The paper also counts as connections each unit's bias, and each of the four pixels that S2 and S4 add up."""
    net = netspec.load(SPECS / "lenet-5.net")
    counts = {}
    for name, printed in LENET_5.items():
        layer = net.layers[name.lower()]
        read = 4 * layer.units if layer.type == "affine" else layer.connections
        counts[name] = layer.parameters, read + layer.units
        assert counts[name] == printed
    assert sum(parameters for parameters, _ in counts.values()) == 60_000
    output = net.layers["output"].connections
    assert sum(connections for _, connections in counts.values()) + output == 340_908


@pytest.mark.parametrize("path", [*CORRECT, *INCORRECT], ids=lambda p: p.stem)
def test_shipped_specs_are_formatted(path: Path) -> None:
    text = path.read_text()
    assert formatted(Source(path.name, text)) == text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("path", INCORRECT, ids=lambda p: p.stem)
def test_incorrect_spec_gives_the_errors_it_lists(path: Path) -> None:
    listed = re.findall(r"^# gives: (.+)$", path.read_text(), re.MULTILINE)
    assert listed, "the file does not list its errors"
    assert [_summary(d) for d in _errors(path)] == listed


@pytest.mark.parametrize("path", INCORRECT, ids=lambda p: p.stem)
def test_fixes_marked_as_checked_give_correct_specs(path: Path) -> None:
    for diagnostic in _errors(path):
        for fix in diagnostic.fixes:
            fixed = apply(fix.edits, diagnostic.span.source.text)
            if fix.checks:
                netspec.loads(fixed)


@cache
def _errors(path: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.load(path)
    return caught.value.diagnostics


def _summary(d: Diagnostic) -> str:
    return f"{d.severity}[{d.code}] {d.span.line}:{d.span.column} {d.message}"
