"""MNIST's idx files, made here: compressed or not, and damaged in every way."""

from __future__ import annotations

import dataclasses
import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from building import Builder
from places import SPECS

import netspec
from netspec.ir.graph import Graph
from netspec.ir.ops import Linear
from netspec.train.data.picture import Frame, Pixels
from netspec.train.data.source import open_source
from netspec.train.data.sources.mnist import open_mnist
from netspec.train.errors import TrainError

RNG = np.random.default_rng(0)
PICTURES = {"train": RNG.integers(0, 256, (30, 28, 28), np.uint8), "t10k": RNG.integers(0, 256, (10, 28, 28), np.uint8)}
LABELS = {"train": RNG.integers(0, 10, 30).astype(np.uint8), "t10k": RNG.integers(0, 10, 10).astype(np.uint8)}


def idx(array: Pixels) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


def files(root: Path, joint: str = "-", packed: bool = False) -> Path:
    for part in ("train", "t10k"):
        for name, array in ((f"images{joint}idx3", PICTURES[part]), (f"labels{joint}idx1", LABELS[part])):
            content = idx(array)
            path = root / f"{part}-{name}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(content) if packed else content)
    return root


def network(size: int) -> Graph:
    builder = Builder()
    builder.add("fc", Linear(10), builder.input(1, size, size))
    return dataclasses.replace(builder.graph())


@pytest.mark.parametrize(("joint", "packed"), [("-", False), ("-", True), (".", False)])
def test_the_pictures_come_out(tmp_path: Path, joint: str, packed: bool) -> None:
    data = open_source(f"mnist:{files(tmp_path, joint, packed)}", network(28), 0)
    assert data.frame == Frame(1, 28, 28) and data.classes == tuple("0123456789") and data.notes == ()
    assert data.train.read(17).tolist() == [PICTURES["train"][17].tolist()]
    assert data.train.labels.tolist() == LABELS["train"].tolist()
    assert data.validation is not None
    assert data.validation.read(9).tolist() == [PICTURES["t10k"][9].tolist()]
    assert data.validation.labels.tolist() == LABELS["t10k"].tolist()


def test_for_lenet_they_lie_in_the_middle_of_32(tmp_path: Path) -> None:
    data = open_source(f"mnist:{files(tmp_path)}", network(32), 0)
    picture = data.train.read(3)
    assert picture.shape == (1, 32, 32)
    assert picture[0, 2:30, 2:30].tolist() == PICTURES["train"][3].tolist()
    assert picture.sum() == PICTURES["train"][3].sum()  # the border is 0
    assert "in the middle of 32x32" in data.notes[0]


def test_without_a_test_part(tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    data = open_mnist(tmp_path)
    assert data.validation is None and "has no t10k files" in data.notes[0]


def change(name: str, alter: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        (root / name).write_bytes(alter((root / name).read_bytes()))

    return damage


IMAGES, NUMBERS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change(IMAGES, lambda x: x[:-1]), "its header says 30x28x28, 23,520 bytes; there are only 23,519"),
        (change(IMAGES, lambda x: x + b"x"), "its header says 30x28x28, 23,520 bytes; there are more"),
        (change(IMAGES, lambda x: x[:9]), "has 9 bytes: too few for the header"),
        (change(IMAGES, lambda x: b""), "has 0 bytes: too few for the header"),
        (change(IMAGES, lambda x: x[::-1]), "begins with 0x"),
        (change(IMAGES, lambda x: struct.pack("<4I", 0x803, 30, 28, 28) + x[16:]),
         "begins with 0x03080000; an idx file of bytes in 3 dimensions begins with 0x00000803"),
        (change(IMAGES, lambda x: struct.pack(">4I", 0x803, 2**31, 2**31, 28) + x[16:]), "which cannot be"),
        (change(IMAGES, lambda x: struct.pack(">4I", 0x803, 0, 28, 28)), "which cannot be"),
        (change(NUMBERS, lambda x: struct.pack(">2I", 0x801, 29) + x[8:-1]), "has 30 pictures, .* 29 labels"),
        (change(NUMBERS, lambda x: x[:8] + b"\x0a" + x[9:]), r"label 10 of picture 0 \(from 0\) is out of range"),
        (lambda root: (root / NUMBERS).unlink(), "has no train-labels-idx1-ubyte"),
        (change("t10k-images-idx3-ubyte", lambda x: struct.pack(">4I", 0x803, 10, 14, 56) + x[16:]),
         "the training pictures are 28x28, the test pictures 14x56"),
    ],
)  # fmt: skip
def test_damaged_files(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(files(tmp_path))
    with pytest.raises(TrainError, match=message):
        open_mnist(tmp_path)


@pytest.mark.parametrize("alter", [lambda x: x[:-9], lambda x: x[:40] + b"\0" + x[41:], lambda x: b"x" + x[1:]])
def test_damaged_compressed_files(tmp_path: Path, alter: Callable[[bytes], bytes]) -> None:
    files(tmp_path, packed=True)
    change(f"{IMAGES}.gz", alter)(tmp_path)
    with pytest.raises(TrainError, match=r"damaged or truncated|its header|begins with|which cannot be"):
        open_mnist(tmp_path)


def test_a_compressed_bomb_is_not_unfolded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte of zeros in a megabyte: no more than the header promises is asked for."""
    files(tmp_path, packed=True)
    asked: list[int] = []
    real = gzip.GzipFile.read

    def read(file: gzip.GzipFile, size: int | None = -1) -> bytes:
        asked.append(-1 if size is None else size)
        return real(file, size)

    monkeypatch.setattr(gzip.GzipFile, "read", read)
    bomb = struct.pack(">4I", 0x803, 30, 28, 28) + bytes(10_000_000)
    (tmp_path / f"{IMAGES}.gz").write_bytes(gzip.compress(bomb))
    with pytest.raises(TrainError, match="there are more"):
        open_mnist(tmp_path)
    assert asked and all(0 <= size <= 30 * 28 * 28 + 1 for size in asked)


def test_another_size_is_told_with_both(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="are 1x28x28, the network's images 1x30x30"):
        open_source(f"mnist:{files(tmp_path)}", network(30), 0)


@pytest.mark.parametrize(
    ("below", "asked"), [("", ""), ("MNIST/raw", ""), ("MNIST/raw", "mnist:"), ("raw", "cifar10:")]
)
def test_a_folder_with_the_files_is_met_with_the_word_for_them(tmp_path: Path, below: str, asked: str) -> None:
    """torchvision downloads MNIST to DIR/MNIST/raw."""
    (tmp_path / below).mkdir(parents=True, exist_ok=True)
    files(tmp_path / below)
    with pytest.raises(TrainError) as caught:
        open_source(f"{asked}{tmp_path}", network(28), 0)
    assert caught.value.notes[0] == f"did you mean mnist:{tmp_path / below}?"


def test_damaged_files_are_not_proposed_again(tmp_path: Path) -> None:
    (files(tmp_path) / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(TrainError) as caught:
        open_source(f"mnist:{tmp_path}", network(28), 0)
    assert not any("did you mean" in note for note in caught.value.notes)


def test_a_size_that_the_network_cannot_take_is_not_proposed() -> None:
    lenet = netspec.load(str(SPECS / "lenet-5.net")).graph
    with pytest.raises(TrainError, match="are 1x8x8, the network's images 1x32x32") as caught:
        open_source("digits", lenet, 0)
    assert caught.value.notes == ("take a network for such pictures, or other data",)
