"""Checking short specs: what tests of the checker and the solver start from."""

from __future__ import annotations

import pytest
from places import SPECS

from netspec.diagnostics import Diagnostic, SpecError
from netspec.ir.ops import Op
from netspec.net import Net, loads


def good(text: str) -> Net:
    """A spec that has to be right."""
    return loads(text, "a.net")


def mistakes(text: str) -> tuple[Diagnostic, ...]:
    """The diagnostics of a spec that has to be wrong."""
    with pytest.raises(SpecError) as caught:
        loads(text, "a.net")
    return caught.value.diagnostics


def mistake(text: str) -> Diagnostic:
    """The one diagnostic of a spec that has to be wrong in one thing."""
    found = mistakes(text)
    assert len(found) == 1, [(d.code, d.message) for d in found]
    return found[0]


def codes(text: str) -> list[str]:
    """The codes of a wrong spec's diagnostics, in file order."""
    return [d.code for d in mistakes(text)]


def place(diagnostic: Diagnostic) -> tuple[int, int, str]:
    """Line, column and text of a diagnostic's first span."""
    return diagnostic.span.line, diagnostic.span.column, diagnostic.span.text


def ops(text: str, layer: str) -> list[Op]:
    """The operations that a layer became."""
    graph = good(text).graph
    return [graph.nodes[name].op for name in graph.layers[layer].nodes]


def spec(name: str) -> str:
    """The text of one of the specs that come with netspec."""
    return SPECS.joinpath(f"{name}.net").read_text("utf-8")


def alexnet(*changes: tuple[str, str]) -> str:
    text = spec("alexnet")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text
