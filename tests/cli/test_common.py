"""Helpers shared by the commands."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest
from places import SPECS
from processes import invoke

from netspec.cli.common import importing_torch


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_no_garbage_collection_while_torch_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with importing_torch():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 10_000


def test_garbage_collection_continues_if_torch_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(ModuleNotFoundError), importing_torch():
        raise ModuleNotFoundError
    assert gc.isenabled()


def test_garbage_collection_is_unchanged_if_torch_is_already_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    frozen = gc.get_freeze_count()
    with importing_torch():
        assert gc.isenabled()
    assert gc.get_freeze_count() == frozen


SHAPES = "write channels x height x width, 3x224x224, or a length, 784"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--input", "3,227,227"), "'3,227,227' is not a shape; did you mean 3x227x227?"),
        (("--input", "(3, 227, 227)"), "'(3, 227, 227)' is not a shape; did you mean 3x227x227?"),
        (("--input", "3 X 227 X 227"), "'3 X 227 X 227' is not a shape; did you mean 3x227x227?"),
        (("--input", "3x227"), f"'3x227' is not a shape; {SHAPES}"),
        (("--input", "0x227x227"), f"'0x227x227' is not a shape; {SHAPES}"),
        (("--input", "3x227x9999999999"), f"'3x227x9999999999' is not a shape; {SHAPES}"),
        (("--input", "3x22.7"), f"'3x22.7' is not a shape; {SHAPES}"),
        (
            ("--set", "image=3x227x227"),
            "'image=3x227x227' is not a change; write LAYER.KEY=VALUE, conv1.stride=2; the input's shape is --input "
            "3x227x227",
        ),
        (
            ("--set", "train.optimizer.lr=0.01"),
            "'train.optimizer.lr=0.01' is not a change; write LAYER.KEY=VALUE, conv1.stride=2; an argument stands in "
            "brackets behind its word: train.optimizer='WORD(lr=0.01)'",
        ),
        (("--set", "conv1=3"), "'conv1=3' is not a change; write LAYER.KEY=VALUE, conv1.stride=2"),
    ],
)
def test_malformed_shape_or_change_is_explained(arguments: tuple[str, str], message: str) -> None:
    done = invoke("summary", SPECS / "alexnet.net", *arguments)
    assert (done.exit_code, done.stderr.splitlines()[-1].partition(": ")[2].partition(": ")[2]) == (2, message)
