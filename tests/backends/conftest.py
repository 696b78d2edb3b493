"""What tests that run generated programs start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from little import paint
from programs import Here


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    """Runs programs in this process, which then has as many threads as before."""
    before = torch.get_num_threads()
    yield Here(monkeypatch, capsys)
    torch.set_num_threads(before)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three class folders of twelve images."""
    return paint(tmp_path / "images")
