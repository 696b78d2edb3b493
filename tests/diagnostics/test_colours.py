"""Diagnostics in colour."""

from __future__ import annotations

import io
import re

import pytest
from terminals import Terminal

import netspec
from netspec.diagnostics.colours import coloured, shows_colours
from netspec.diagnostics.text import render_all

WRONG = (
    "net a\n[image] input 3x224x224\n[c] conv filters=8 kernel=11 stride=4\n[c] relu\n"
    "[d] conv filtres=8 kernel=3  # 3 | ^ fix:\n"
)
ESCAPE = re.compile(r"\x1b\[\d+m")


def test_colours_keep_the_text_and_mark_headers_carets_and_fixes() -> None:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.loads(WRONG)
    plain = render_all(caught.value.diagnostics)
    text = coloured(plain)
    assert ESCAPE.sub("", text) == plain
    assert "\x1b[1m\x1b[31merror[window-does-not-tile]\x1b[0m" in text
    assert "\x1b[1m\x1b[31m^^^^^^^^^\x1b[0m" in text and "\x1b[32mfix:\x1b[0m" in text
    assert "\x1b[34m-\x1b[0m the first one" in text and " # 3 | ^ fix:\n" in text
    assert "\x1b[33mwarning[" in coloured("warning[no-effect]: c's decay has no effect\n --> a:1:1")


@pytest.mark.parametrize(
    ("file", "environment", "expected"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colours_are_used_only_on_suitable_terminals(
    file: io.StringIO, environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert shows_colours(file) is expected
