"""Progress of counted work: a bar on a terminal, lines elsewhere, nothing with ``quiet``."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from netspec.train.reporting.progress import Counter


def printed(*, terminal: bool, quiet: bool = False) -> str:
    """Return what is printed while images 21 to 100 are processed, one a second."""
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


def test_line_is_printed_every_ten_seconds() -> None:
    lines = printed(terminal=False).splitlines()
    assert lines[0] == "packing: 30 of 100 images, 1 images/s"
    assert lines[-1] == "packing: 100 of 100 images, 1 images/s"
    assert len(lines) == 8


def test_terminal_shows_a_bar() -> None:
    text = printed(terminal=True)
    assert "packing" in text and "100/100" in text and "1 images/s" in text


def test_progress_is_no_part_of_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter((0.0, 10.0))
    with Counter("packing", 4, clock=lambda: next(times)) as counter:
        counter.update(2)
    assert capsys.readouterr() == ("", "packing: 2 of 4 images, 0.2 images/s\n")


def test_quiet_prints_nothing() -> None:
    assert printed(terminal=False, quiet=True) == printed(terminal=True, quiet=True) == ""
