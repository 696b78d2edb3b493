"""A run that tests may look at, trained once."""

from __future__ import annotations

from pathlib import Path

import pytest
from trained import trained


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained tiny network. Nothing may write into it."""
    return trained(tmp_path_factory.mktemp("once") / "run")
