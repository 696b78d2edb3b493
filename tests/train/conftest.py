"""Fixtures of the training tests: a trained run to read from, and shortcuts that make trainings faster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tiny_network import train_tiny

from netspec.train.data.sources.synthetic import Textures
from netspec.train.data.sources.synthetic_masks import Scenes
from netspec.train.data.splits import Pixels

CACHED_BYTES = 1000
"""Synthetic images smaller than this are cached, which includes those of the tests' networks."""


@pytest.fixture(scope="session", autouse=True)
def _cached_textures() -> Iterator[None]:
    """Compute each small synthetic image once, since hundreds of trainings read the same thousand."""
    with pytest.MonkeyPatch.context() as patched:
        for made_up in (Textures, Scenes):
            patched.setattr(made_up, "read", _cached(made_up.read))
        yield


def _cached(read: Callable[[Any, int], Pixels]) -> Callable[[Any, int], Pixels]:
    """Return a split's ``read`` that computes each small image once."""

    @cache
    def cached(split: Any, index: int) -> Pixels:
        image = read(split, index)
        image.flags.writeable = False
        return image

    return lambda split, index: cached(split, index) if split.frame.bytes < CACHED_BYTES else read(split, index)


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
