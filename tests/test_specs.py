"""The shipped specs: the correct ones check, and each wrong one gives exactly the errors listed in its last lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import netspec
from netspec.diagnostics import Diagnostic
from netspec.language.formatter import formatted
from netspec.source import Source

SPECS = Path(__file__).parent.parent / "specs"
RIGHT = sorted(SPECS.glob("*.net"))
WRONG = sorted((SPECS / "mistakes").glob("*.net"))
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


@pytest.mark.parametrize("path", RIGHT, ids=lambda p: p.stem)
def test_a_shipped_spec_checks_without_a_warning_and_bears_its_files_name(path: Path) -> None:
    net = netspec.load(path)
    assert net.warnings == ()
    assert net.name == path.stem


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_a_shipped_spec_has_the_published_number_of_parameters(name: str, parameters: int) -> None:
    assert netspec.load(SPECS / f"{name}.net").total.parameters == parameters


def test_lenet_5_has_the_papers_numbers_layer_by_layer() -> None:
    """The paper also counts as connections each unit's bias, and each of the four pixels that S2 and S4 add up."""
    net = netspec.load(SPECS / "lenet-5.net")
    found = {}
    for name, printed in LENET_5.items():
        layer = net.layers[name.lower()]
        read = 4 * layer.units if layer.type == "affine" else layer.connections
        found[name] = layer.parameters, read + layer.units
        assert found[name] == printed
    assert sum(parameters for parameters, _ in found.values()) == 60_000
    output = net.layers["output"].connections
    assert sum(connections for _, connections in found.values()) + output == 340_908


@pytest.mark.parametrize("path", [*RIGHT, *WRONG], ids=lambda p: p.stem)
def test_a_shipped_spec_is_laid_out_as_fmt_does(path: Path) -> None:
    text = path.read_text()
    assert formatted(Source(path.name, text)) == text


@pytest.mark.parametrize("path", WRONG, ids=lambda p: p.stem)
def test_a_mistake_of_the_literature_gives_what_the_file_says(path: Path) -> None:
    promised = re.findall(r"^# gives: (.+)$", path.read_text(), re.MULTILINE)
    assert promised, "the file does not say what it must give"
    with pytest.raises(netspec.SpecError) as caught:
        netspec.load(path)
    assert [_line(d) for d in caught.value.diagnostics] == promised


@pytest.mark.parametrize("path", WRONG, ids=lambda p: p.stem)
def test_every_fix_that_is_said_to_check_does(path: Path) -> None:
    from netspec.diagnostics import apply

    with pytest.raises(netspec.SpecError) as caught:
        netspec.load(path)
    for diagnostic in caught.value.diagnostics:
        for fix in diagnostic.fixes:
            mended = apply(fix.edits, diagnostic.span.source.text)
            if fix.checks:
                netspec.loads(mended)


def _line(d: Diagnostic) -> str:
    return f"{d.severity}[{d.code}] {d.span.line}:{d.span.column} {d.message}"
