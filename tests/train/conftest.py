"""Fixtures of the training tests: a trained run to read from, and shortcuts that make trainings faster."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tiny_network import train_tiny

from netspec.train.data.sources.synthetic import Textures
from netspec.train.data.splits import Pixels

CACHED_BYTES = 1000
"""Synthetic images smaller than this are cached, which includes those of the tests' networks."""


@pytest.fixture(scope="session", autouse=True)
def _cached_textures() -> Iterator[None]:
    """Compute each small synthetic image once, since hundreds of trainings read the same thousand."""
    read = Textures.read

    @cache
    def cached(split: Textures, index: int) -> Pixels:
        image = read(split, index)
        image.flags.writeable = False
        return image

    def read_cached(split: Textures, index: int) -> Pixels:
        return cached(split, index) if split.frame.bytes < CACHED_BYTES else read(split, index)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Textures, "read", read_cached)
        yield


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained tiny network. Tests must not write into it."""
    return train_tiny(tmp_path_factory.mktemp("once") / "run")


@pytest.fixture
def with_curves() -> None:
    """Let trainings in this process draw their ``curves.png``."""


@pytest.fixture(autouse=True)
def _no_curves(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not draw ``curves.png``, which takes longer than a short training, unless ``with_curves`` is requested."""
    if "with_curves" not in request.fixturenames:
        monkeypatch.setattr("netspec.train.runs.plot.draw_curves", lambda *_: True)
