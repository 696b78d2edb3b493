"""MNIST's idx files, written here: plain, compressed, and damaged."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from linear_network import linear_network
from places import SPECS

import netspec
from netspec.train.data.source import open_source
from netspec.train.data.sources.mnist import open_mnist
from netspec.train.data.splits import Frame, Pixels
from netspec.train.errors import TrainError

RNG = np.random.default_rng(0)
IMAGES = {"train": RNG.integers(0, 256, (30, 28, 28), np.uint8), "t10k": RNG.integers(0, 256, (10, 28, 28), np.uint8)}
LABELS = {"train": RNG.integers(0, 10, 30).astype(np.uint8), "t10k": RNG.integers(0, 10, 10).astype(np.uint8)}


def idx_bytes(array: Pixels) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


def write_files(root: Path, separator: str = "-", compressed: bool = False) -> Path:
    for part in ("train", "t10k"):
        for name, array in ((f"images{separator}idx3", IMAGES[part]), (f"labels{separator}idx1", LABELS[part])):
            content = idx_bytes(array)
            path = root / f"{part}-{name}-ubyte{'.gz' if compressed else ''}"
            path.write_bytes(gzip.compress(content) if compressed else content)
    return root


@pytest.mark.parametrize(("separator", "compressed"), [("-", False), ("-", True), (".", False)])
def test_images_and_labels_are_read(tmp_path: Path, separator: str, compressed: bool) -> None:
    data = open_source(f"mnist:{write_files(tmp_path, separator, compressed)}", linear_network(1, 28, 28), 0)
    assert data.frame == Frame(1, 28, 28) and data.classes == tuple("0123456789") and data.notes == ()
    assert data.train.read(17).tolist() == [IMAGES["train"][17].tolist()]
    assert data.train.labels.tolist() == LABELS["train"].tolist()
    assert data.validation is not None
    assert data.validation.read(9).tolist() == [IMAGES["t10k"][9].tolist()]
    assert data.validation.labels.tolist() == LABELS["t10k"].tolist()
    files = [f"{part}-images{separator}idx3-ubyte{'.gz' if compressed else ''}" for part in ("train", "t10k")]
    assert [data.train.name(17), data.validation.name(9)] == [f"{files[0]}[17]", f"{files[1]}[9]"]


def test_images_are_padded_to_32x32_for_lenet(tmp_path: Path) -> None:
    data = open_source(f"mnist:{write_files(tmp_path)}", linear_network(1, 32, 32), 0)
    image = data.train.read(3)
    assert image.shape == (1, 32, 32)
    assert image[0, 2:30, 2:30].tolist() == IMAGES["train"][3].tolist()
    assert image.sum() == IMAGES["train"][3].sum()  # the border is 0
    assert "in the middle of 32x32" in data.notes[0]


def test_missing_test_files_are_noted(tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    data = open_mnist(tmp_path)
    assert data.validation is None and "has no t10k files" in data.notes[0]


def damaged(name: str, alter: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        (root / name).write_bytes(alter((root / name).read_bytes()))

    return damage


IMAGE_FILE, LABEL_FILE = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damaged(IMAGE_FILE, lambda x: x[:-1]), "its header says 30x28x28, 23,520 bytes; there are only 23,519"),
        (damaged(IMAGE_FILE, lambda x: x + b"x"), "its header says 30x28x28, 23,520 bytes; there are more"),
        (damaged(IMAGE_FILE, lambda x: x[:9]), "has 9 bytes: too few for the header"),
        (damaged(IMAGE_FILE, lambda x: b""), "has 0 bytes: too few for the header"),
        (damaged(IMAGE_FILE, lambda x: x[::-1]), "begins with 0x"),
        (damaged(IMAGE_FILE, lambda x: struct.pack("<4I", 0x803, 30, 28, 28) + x[16:]),
         "begins with 0x03080000; an idx file of bytes in 3 dimensions begins with 0x00000803"),
        (damaged(IMAGE_FILE, lambda x: struct.pack(">4I", 0x803, 2**31, 2**31, 28) + x[16:]), "which cannot be"),
        (damaged(IMAGE_FILE, lambda x: struct.pack(">4I", 0x803, 0, 28, 28)), "which cannot be"),
        (damaged(LABEL_FILE, lambda x: struct.pack(">2I", 0x801, 29) + x[8:-1]), "has 30 images, .* 29 labels"),
        (damaged(LABEL_FILE, lambda x: x[:8] + b"\x0a" + x[9:]), r"label 10 of image 0 \(from 0\) is out of range"),
        (lambda root: (root / LABEL_FILE).unlink(), "has no train-labels-idx1-ubyte"),
        (damaged("t10k-images-idx3-ubyte", lambda x: struct.pack(">4I", 0x803, 10, 14, 56) + x[16:]),
         "the training images are 28x28, the test images 14x56"),
    ],
)  # fmt: skip
def test_damaged_file_is_reported(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(write_files(tmp_path))
    with pytest.raises(TrainError, match=message):
        open_mnist(tmp_path)


@pytest.mark.parametrize("alter", [lambda x: x[:-9], lambda x: x[:40] + b"\0" + x[41:], lambda x: b"x" + x[1:]])
def test_damaged_compressed_file_is_reported(tmp_path: Path, alter: Callable[[bytes], bytes]) -> None:
    write_files(tmp_path, compressed=True)
    damaged(f"{IMAGE_FILE}.gz", alter)(tmp_path)
    with pytest.raises(TrainError, match=r"damaged or truncated|its header|begins with|which cannot be"):
        open_mnist(tmp_path)


def test_decompression_stops_at_the_announced_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file may expand to gigabytes, so that at most one byte more than the header announces is read."""
    write_files(tmp_path, compressed=True)
    sizes: list[int] = []
    real = gzip.GzipFile.read

    def read(file: gzip.GzipFile, size: int | None = -1) -> bytes:
        sizes.append(-1 if size is None else size)
        return real(file, size)

    monkeypatch.setattr(gzip.GzipFile, "read", read)
    bomb = struct.pack(">4I", 0x803, 30, 28, 28) + bytes(10_000_000)
    (tmp_path / f"{IMAGE_FILE}.gz").write_bytes(gzip.compress(bomb))
    with pytest.raises(TrainError, match="there are more"):
        open_mnist(tmp_path)
    assert sizes and all(0 <= size <= 30 * 28 * 28 + 1 for size in sizes)


def test_wrong_input_size_is_reported_with_both_sizes(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="are 1x28x28, the network reads 1x30x30"):
        open_source(f"mnist:{write_files(tmp_path)}", linear_network(1, 30, 30), 0)


@pytest.mark.parametrize(
    ("folder", "prefix"), [("", ""), ("MNIST/raw", ""), ("MNIST/raw", "mnist:"), ("raw", "cifar10:")]
)
def test_folder_with_mnist_files_gets_a_suggestion(tmp_path: Path, folder: str, prefix: str) -> None:
    """torchvision downloads MNIST to DIR/MNIST/raw."""
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    write_files(tmp_path / folder)
    with pytest.raises(TrainError) as caught:
        open_source(f"{prefix}{tmp_path}", linear_network(1, 28, 28), 0)
    assert caught.value.notes[0] == f"did you mean mnist:{tmp_path / folder}?"


def test_folder_with_damaged_files_is_not_suggested_again(tmp_path: Path) -> None:
    (write_files(tmp_path) / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(TrainError) as caught:
        open_source(f"mnist:{tmp_path}", linear_network(1, 28, 28), 0)
    assert not any("did you mean" in note for note in caught.value.notes)


def test_impossible_input_size_is_not_suggested() -> None:
    lenet = netspec.load(str(SPECS / "lenet-5.net")).graph
    with pytest.raises(TrainError, match="are 1x8x8, the network reads 1x32x32") as caught:
        open_source("digits", lenet, 0)
    assert caught.value.notes == ("take a network for such images, or other data",)
