"""How far a counted piece of work is: a bar on a terminal, lines elsewhere, nothing if nobody wants to know."""

from __future__ import annotations

import io

from rich.console import Console

from netspec.train.reporting.progress import Counter, printable


def shown(*, terminal: bool, quiet: bool = False) -> str:
    """A work of 100 images, of which 20 were done before, at one a second."""
    now = 0.0
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None, _environ={})
    with Counter("packing", 100, quiet=quiet, console=console, clock=lambda: now) as counter:
        counter.begin_at(20)
        for done in range(21, 101):
            now += 1.0
            counter.update(done)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_line_every_ten_seconds() -> None:
    lines = shown(terminal=False).splitlines()
    assert lines[0] == "packing: 30 of 100 images, 1 images/s"
    assert lines[-1] == "packing: 100 of 100 images, 1 images/s"
    assert len(lines) == 8


def test_a_bar_on_a_terminal() -> None:
    text = shown(terminal=True)
    assert "packing" in text and "100/100" in text and "1 images/s" in text


def test_quiet_is_quiet() -> None:
    assert shown(terminal=False, quiet=True) == shown(terminal=True, quiet=True) == ""


def test_what_no_terminal_should_be_sent_is_escaped() -> None:
    assert printable("a\x1b[31mb\ndcé\udcff") == "a\\x1b[31mb\\ndcé\\udcff"
