"""A fixture that writes variants of a base spec."""

from __future__ import annotations

from pathlib import Path

import pytest
from variants import BASE


@pytest.fixture
def variant(tmp_path: Path):
    (tmp_path / "base.net").write_text(BASE)

    def write(text: str) -> Path:
        path = tmp_path / "variant.net"
        path.write_text(f"net variant from=base.net\n{text}")
        return path

    return write
