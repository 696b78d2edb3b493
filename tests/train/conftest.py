"""A run that tests may look at, trained once; and what trainings in the tests' own process need not do each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from trained import trained

from netspec.train.data.picture import Pixels
from netspec.train.data.sources.synthetic import Textures

SMALL = 1000
"""Bytes. Pictures of networks for tests are smaller."""


@pytest.fixture(scope="session", autouse=True)
def _made_once() -> Iterator[None]:
    """Small made-up pictures, of which hundreds of trainings read the same thousand, are made once."""
    read = Textures.read

    @cache
    def made(split: Textures, index: int) -> Pixels:
        picture = read(split, index)
        picture.flags.writeable = False
        return picture

    def found(split: Textures, index: int) -> Pixels:
        return made(split, index) if split.frame.bytes < SMALL else read(split, index)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Textures, "read", found)
        yield


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
