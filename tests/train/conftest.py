"""A run that tests may look at, trained once; and trainings without a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from trained import trained


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained tiny network. Nothing may write into it."""
    return trained(tmp_path_factory.mktemp("once") / "run")


@pytest.fixture
def drawn() -> None:
    """Trainings in this process leave their ``curves.png``, as they do outside the tests."""


@pytest.fixture(autouse=True)
def _undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """They leave none otherwise: drawing it takes longer than all the rest of a short training."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr("netspec.train.runs.plot.draw_curves", lambda *_: True)
