"""A base spec and helpers for tests of variants, specs that build on another file."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec
from netspec.net import Net, load

BASE = """net base rounding=up
default conv neuron=relu
[image] input 3x16x16
[conv1] conv filters=8 kernel=3 pad=1 -> 8x16x16
[pool1] maxpool kernel=2 stride=2 -> 8x8x8
[conv2] conv filters=8 kernel=3 pad=1 neuron=tanh -> 8x8x8
[fc] fc outputs=10
[prob] softmax
train epochs=3 batch=16 optimizer=sgd(lr=0.1)
"""


def diagnostics(path: Path) -> list[tuple[str, str, int, int]]:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.load(path)
    found = caught.value.diagnostics
    return [(d.code, Path(d.span.source.name).name, d.span.line, d.span.column) for d in found]


def names(net: Net) -> list[str]:
    return list(net.layers)


def message(path: Path, changes: tuple[str, ...] = ()) -> tuple[str, tuple[str, ...]]:
    """Return the message and the notes of a wrong spec's first diagnostic."""
    with pytest.raises(netspec.SpecError) as caught:
        load(path, changes=changes)
    first = caught.value.diagnostics[0]
    return first.message, first.notes
