"""Fixtures of tests that run generated programs or compare results bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from programs import RunHere
from small_network import write_images


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Make torch compute with one thread, so that sums are the same to the last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run_here(one_thread: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunHere:
    """A function that runs a program in this process."""
    return RunHere(monkeypatch, capsys)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with three class folders of twelve images each."""
    return write_images(tmp_path / "images")
