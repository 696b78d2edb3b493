"""``netspec explain``."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from places import ROOT
from processes import NUMERICS, netspec

from netspec import explain


@pytest.mark.many
@pytest.mark.parametrize("word", ["conv", "train", "kernel", "window-does-not-tile"])
def test_a_page_is_printed_as_markdown_without_numerics(word: str) -> None:
    done = netspec("explain", word, blocked=NUMERICS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == explain.page(word)
    assert "<!--" not in done.stdout


def test_without_a_word_all_are_listed() -> None:
    done = netspec("explain", blocked=NUMERICS)
    assert (done.returncode, done.stdout, done.stderr) == (0, explain.index(), "")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("convolution", "did you mean 'conv'?"),
        ("window-does-not-tyle", "did you mean 'window-does-not-tile'?"),
        ("kernal", "did you mean 'kernel'?"),
        ("qqqqqqqq", "netspec explain lists all"),
    ],
)
def test_an_unknown_word_is_met_with_the_nearest_right_one(word: str, told: str) -> None:
    done = netspec("explain", word)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_on_a_terminal_the_page_is_laid_out(environment: dict[str, str], coloured: bool) -> None:
    printed = on_a_terminal("explain", "dropout", environment=environment)
    assert "dropout" in printed and "scaling" in printed
    assert "| --- |" not in printed and "# dropout" not in printed
    assert ("\x1b[36m" in printed or "\x1b[1;36m" in printed) == coloured


def on_a_terminal(*arguments: str, environment: dict[str, str]) -> str:
    """What the command prints where its standard output is a terminal."""
    ours, its = os.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-m", "netspec", *arguments],
        cwd=ROOT,
        env={**kept, "TERM": "xterm", "COLUMNS": "100", **environment},
        stdout=its,
    ):
        os.close(its)
        pieces = []
        while piece := _read(ours):
            pieces.append(piece)
    os.close(ours)
    return b"".join(pieces).decode()


def _read(terminal: int) -> bytes:
    """What is there; nothing once the other side is closed, which Linux tells by an error."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
