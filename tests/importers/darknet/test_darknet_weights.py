"""Reading ``.weights`` files: their headers, and files that do not belong to the network."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from checking import refused
from darknet_networks import section, weights

from netspec.diagnostics import CannotOpen
from netspec.importers.darknet import translate
from netspec.net import Imported, import_darknet
from netspec.source import Source

NET = "[net]\nheight=4\nwidth=4\nchannels=2\n"
TEXT = NET + section("convolutional", filters=3, size=3, pad=1, batch_normalize=1) + section("connected", output=5)
COUNT = 3 * 4 + 3 * 2 * 9 + 5 + 5 * 3 * 16


def read(path: Path, text: str = TEXT, changes: tuple[str, ...] = ()) -> Imported:
    return import_darknet(Source("a.cfg", text), changes=changes, weights=path)


def numbers_of(data: bytes, header: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.frombuffer(data, "<f4", offset=header)


@pytest.mark.parametrize(
    ("version", "header", "transposed"),
    [((0, 1, 0), 16, False), ((0, 2, 0), 20, False), ((0, 2, 5), 20, False), ((1, 0, 0), 20, False),
     ((1008981770, 1063675494, 973279855), 16, True)],
)  # fmt: skip
def test_headers(version: tuple[int, int, int], header: int, transposed: bool, tmp_path: Path) -> None:
    """The oldest files begin with a learning rate of 0.01, a momentum of 0.9 and a decay of 0.0005 as floats."""
    path = tmp_path / "a.weights"
    data = weights(COUNT, version) if not transposed else np.array([*version, 0], "<i4").tobytes() + weights(COUNT)[20:]
    path.write_bytes(data)
    numbers = numbers_of(data, header)
    arrays = {key: value() for key, value in read(path).arrays.items()}
    order = ("batchnorm0.bias", "batchnorm0.weight", "batchnorm0.running_mean", "batchnorm0.running_var")
    for place, key in enumerate(order):
        np.testing.assert_array_equal(arrays[key], numbers[3 * place : 3 * place + 3])
    np.testing.assert_array_equal(arrays["conv0.weight"].reshape(-1), numbers[12:66])
    np.testing.assert_array_equal(arrays["fc1.bias"], numbers[66:71])
    matrix = numbers[71:].reshape(48, 5).T if transposed else numbers[71:].reshape(5, 48)
    np.testing.assert_array_equal(arrays["fc1.weight"], matrix)
    assert all(value.dtype == np.float32 for value in arrays.values())


@pytest.mark.parametrize(
    ("data", "message", "note"),
    [
        (b"", "a.weights is no file of Darknet's weights: it has 0 bytes", ""),
        (b"12345", "a.weights is no file of Darknet's weights: it has 5 bytes", ""),
        (weights(COUNT)[:-1], "a.weights ends within a number", "it has 1,263 bytes, 20 of them before the numbers"),
        (weights(COUNT)[:18], "a.weights ends within a number", "it has 18 bytes, 20 of them before"),
        (weights(COUNT - 1), "a.weights has 310 numbers, fewer than the 311 of the network", "of version 0.2.0"),
        (weights(COUNT + 3), "a.weights has 314 numbers, more than the 311 of the network", "of version 0.2.0"),
        (weights(66), "a.weights has 66 numbers, fewer than the 311 of the network",
         "its numbers end with those of the layer in line 6, [convolutional]"),
        (weights(0), "a.weights has 0 numbers, fewer than the 311 of the network", "of version 0.2.0"),
    ],
)  # fmt: skip
def test_other_files(data: bytes, message: str, note: str, tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    path.write_bytes(data)
    found = refused(read, path)
    assert (found.code, found.message) == ("darknet-weights", message)
    assert not note or any(note in given for given in found.notes)


def test_version_of_a_file_older_than_versions_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    path.write_bytes(np.array([1008981770, 1063675494, 0, 0, 7], "<i4").tobytes())
    assert refused(read, path).notes == ("the file is of a version older than 0.1",)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match=r"cannot open .*b\.weights: No such file"):
        read(tmp_path / "b.weights")


def test_layer_that_has_another_size_is_reported_once(tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    path.write_bytes(weights(COUNT))
    found = refused(read, path, TEXT, ("fc1.outputs=6",))
    assert found.message == "fc1.weight is 6x48, and 5x48 in a.weights" and found.span.text == "[connected]"


def test_network_without_weights_has_a_file_without_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    path.write_bytes(weights(0))
    assert read(path, NET + section("maxpool", size=2)).arrays == {}


def test_pieces_are_all_parameters_and_statistics() -> None:
    translation = translate(Source("a.cfg", TEXT))
    assert sum(math.prod(piece.shape) for piece in translation.pieces) == COUNT
    assert sorted(translation.arrays.values()) == list(range(len(translation.pieces)))
