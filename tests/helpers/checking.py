"""Checking short specs, for tests of the checker and the solver."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from places import SPECS

from netspec.diagnostics import Diagnostic, SpecError
from netspec.ir.ops import Op
from netspec.net import Net, loads


def valid_net(text: str) -> Net:
    """Load a spec that must be correct."""
    return loads(text, "a.net")


def diagnostics_of(text: str) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of a spec that must be wrong."""
    with pytest.raises(SpecError) as caught:
        loads(text, "a.net")
    return caught.value.diagnostics


def refused(call: Callable[..., object], *arguments: object, **named: object) -> Diagnostic:
    """Return the only diagnostic with which a call refuses its arguments."""
    with pytest.raises(SpecError) as caught:
        call(*arguments, **named)
    (found,) = caught.value.diagnostics
    return found


def only_diagnostic(text: str) -> Diagnostic:
    """Return the only diagnostic of a spec that must have exactly one mistake."""
    found = diagnostics_of(text)
    assert len(found) == 1, [(d.code, d.message) for d in found]
    return found[0]


def codes(text: str) -> list[str]:
    """Return the codes of a wrong spec's diagnostics, in file order."""
    return [d.code for d in diagnostics_of(text)]


def position_of(diagnostic: Diagnostic) -> tuple[int, int, str]:
    """Return the line, column and text of a diagnostic's first span."""
    return diagnostic.span.line, diagnostic.span.column, diagnostic.span.text


def marked(text: str) -> tuple[str, tuple[int, int, str]]:
    """Return a spec without its marks « and », and the place between them, as ``position_of`` gives one."""
    before, _, rest = text.partition("«")
    inner, _, after = rest.partition("»")
    return before + inner + after, (before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1, inner)


def ops_of(text: str, layer: str) -> list[Op]:
    """Return the operations that a layer was lowered to."""
    graph = valid_net(text).graph
    return [graph.nodes[name].op for name in graph.layers[layer].nodes]


def spec(name: str) -> str:
    """Return the text of ``specs/NAME.net``."""
    return SPECS.joinpath(f"{name}.net").read_text("utf-8")


def alexnet(*changes: tuple[str, str]) -> str:
    """Return the text of ``specs/alexnet.net`` with the first occurrence of each (old, new) replaced."""
    text = spec("alexnet")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text
