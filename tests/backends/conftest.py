"""What tests that run generated programs start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from little import paint
from programs import Here


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch computes with one thread: sums come out to the bit alike."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def here(one_thread: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Runs programs in this process."""
    return Here(monkeypatch, capsys)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three class folders of twelve images."""
    return paint(tmp_path / "images")
