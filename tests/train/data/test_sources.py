"""Data sources by name, as for ``--data``: digits, synthetic images, folders, and misspelt names."""

from __future__ import annotations

import errno
import math
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from image_files import image_folder
from linear_network import linear_network

from netspec.net import loads
from netspec.train.data.source import open_source, stored_frame
from netspec.train.data.sources import digits, synthetic
from netspec.train.data.splits import CachedSplit, Frame, Unreadable
from netspec.train.errors import RequestError, TrainError


@contextmanager
def no_permission(name: str) -> Iterator[None]:
    """Deny listing folders of this name. This is simulated, since tests may run as root, who has every permission."""
    scandir = os.scandir

    def denied(folder: Path | str) -> Iterator[os.DirEntry[str]]:
        if Path(folder).name == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return scandir(folder)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "scandir", denied)
        yield


def test_every_fifth_digit_is_for_validation() -> None:
    data = open_source("digits", linear_network(1, 8, 8), seed=0)
    assert data.validation is not None
    assert (len(data.train.labels), len(data.validation.labels)) == (1438, 359)
    # scikit-learn's first digits are 0, 1, 2, ..., so that the fifth, which is held out, is a 4.
    assert data.train.labels[:8].tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert data.validation.labels[:2].tolist() == [4, 9]
    assert [data.train.name(4), data.validation.name(1)] == ["digits[5]", "digits[9]"]
    assert data.peak == 16
    assert max(data.train.read(place).max() for place in range(50)) == 16


@pytest.mark.ci
def test_digits_are_the_images_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    pixels, numbers = load_digits(return_X_y=True)
    data = open_source("digits", linear_network(1, 8, 8), seed=0)
    assert data.validation is not None
    held_out = np.arange(1797) % 5 == 4
    for split, chosen in ((data.train, ~held_out), (data.validation, held_out)):
        assert split.labels.tolist() == numbers[chosen].tolist()
        images = np.stack([split.read(place) for place in range(len(split.labels))])
        assert (images.reshape(-1, 64) == pixels[chosen]).all()


@pytest.mark.ci
def test_digits_are_found_if_scikit_learn_moves_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = open_source("digits", linear_network(1, 8, 8), seed=0).train
    monkeypatch.setattr(digits, "FILE", Path("elsewhere.csv.gz"))
    found = open_source("digits", linear_network(1, 8, 8), seed=0).train
    assert found.labels.tolist() == expected.labels.tolist()
    assert all((found.read(place) == expected.read(place)).all() for place in range(len(expected.labels)))


def test_digits_are_not_enlarged_for_crops() -> None:
    graph = loads("[image] input 1x8x8\n[fc] fc outputs=10\naugment from=10").graph
    with pytest.raises(TrainError, match="are 1x8x8, the network reads crops from 1x10x10: augment from=10") as caught:
        open_source("digits", graph, seed=0)
    assert caught.value.notes == ("they have the size of the input: leave out from=, or widen them with augment pad=",)


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(TrainError, match="not installed") as caught:
        open_source("digits", linear_network(1, 8, 8), seed=0)
    assert caught.value.notes == ("pip install 'netspec-compiler[digits]'",)


def test_wrong_number_of_classes_is_reported_with_both_numbers() -> None:
    with pytest.raises(TrainError, match="digits has 10 classes, net has 7 outputs"):
        open_source("digits", linear_network(1, 8, 8, classes=7), seed=0)


def test_wrong_number_of_outputs_gets_a_fix_if_there_is_one(tmp_path: Path) -> None:
    image_folder(tmp_path, {"cat": 2, "dog": 2})
    with pytest.raises(TrainError, match="has 2 classes, net has 1,000 outputs"):
        open_source(str(tmp_path), linear_network(3, 8, 8, classes=1000), seed=0)
    for text, note in (
        ("[image] input 3x8x8\n[fc] fc outputs=5\n[prob] softmax\n", "fc: --set fc.outputs=2, or use other data"),
        ("[image] input 3x8x8\n[c] conv filters=5 kernel=8\n[f] flatten\n", "f; give it 2, or use other data"),
    ):
        with pytest.raises(TrainError, match="has 2 classes, net has 5 outputs") as caught:
            open_source(str(tmp_path), loads(text).graph, seed=0)
        assert caught.value.notes == (f"the outputs are those of layer {note}",)


@pytest.mark.parametrize("inside", ["photos", "photos/train"])
def test_subfolder_with_the_class_folders_is_suggested(tmp_path: Path, inside: str) -> None:
    image_folder(tmp_path / inside, {"cat": 12, "dog": 12})
    net = linear_network(3, 8, 8, classes=2)
    with pytest.raises(TrainError, match="has 1 folder, and no JPEG or PNG image in any") as caught:
        open_source(str(tmp_path), net, seed=0)
    assert caught.value.notes[0] == f"did you mean {tmp_path / 'photos'}? the class folders lie there"
    assert open_source(str(tmp_path / "photos"), net, seed=0).classes == ("cat", "dog")


def test_subfolder_without_permission_is_not_suggested(tmp_path: Path) -> None:
    image_folder(tmp_path / "private" / "mine", {"cat": 2})
    image_folder(tmp_path / "shared", {"cat": 12, "dog": 12})
    message = "has 2 folders, and no JPEG or PNG image in any"
    with no_permission("mine"), pytest.raises(TrainError, match=message) as caught:
        open_source(str(tmp_path), linear_network(3, 8, 8, classes=2), seed=0)
    assert caught.value.notes[:2] == (
        f"did you mean {tmp_path / 'shared'}? the class folders lie there",
        "a class's images lie in its folder, not in folders below it",
    )


def test_folder_of_a_single_class_gets_an_explanation(tmp_path: Path) -> None:
    image_folder(tmp_path, {"cat": 12})
    with pytest.raises(TrainError, match="has 1 class, net has 2 outputs") as caught:
        open_source(str(tmp_path), linear_network(3, 8, 8, classes=2), seed=0)
    assert caught.value.notes == ("the class is cat: a source is the folder that has a folder for each class",)


def test_synthetic_images_depend_only_on_seed_and_place() -> None:
    one, again, other = (open_source("synthetic", linear_network(3, 16, 24, classes=4), seed) for seed in (1, 1, 2))
    assert one.frame == Frame(3, 16, 24)
    assert one.train.read(5).shape == (3, 16, 24)
    assert one.train.read(3).tolist() == again.train.read(3).tolist()
    assert one.train.read(3).tolist() != other.train.read(3).tolist()
    assert one.train.labels[:6].tolist() == [0, 1, 2, 3, 0, 1]
    assert one.validation is not None
    assert one.validation.read(3).tolist() != one.train.read(3).tolist()
    assert [one.train.name(3), one.validation.name(3)] == ["train[3]", "val[3]"]


@pytest.mark.parametrize("size", [(3, 16, 24), (1, 9, 7), (5, 4, 4)])
def test_synthetic_images_follow_their_formula(size: tuple[int, int, int]) -> None:
    """Bit for bit, although the product arranges the computation differently."""
    split = open_source("synthetic", linear_network(*size, classes=6), seed=3).train
    for place in range(12):
        rng = np.random.default_rng((3, 0, place))
        stripes = synthetic._stripes(place % 6, Frame(*size), phase=rng.uniform(0, 2 * math.pi))
        contrast, brightness = rng.uniform(0.25, 0.45), rng.uniform(0.4, 0.6)
        shades = synthetic._shades(place % 6, size[0])[:, None, None]
        clean = brightness + contrast * (shades * (0.5 + 0.5 * stripes) + 0.25 * stripes)
        noise = rng.integers(-24, 25, size, np.int16)
        assert split.read(place).tolist() == (255 * clean + noise).clip(0, 255).astype(np.uint8).tolist()


def test_synthetic_classes_differ_in_colour() -> None:
    """The class with the nearest mean colour is right for most images of eight classes, so a network can learn."""
    data = open_source("synthetic", linear_network(3, 16, 16, classes=8), seed=0)
    colours = np.array([data.train.read(place).mean(axis=(1, 2)) for place in range(400)])
    colours -= colours.mean(axis=1, keepdims=True)
    labels = data.train.labels[:400]
    means = np.array([colours[:200][labels[:200] == k].mean(axis=0) for k in range(8)])
    nearest = ((colours[200:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == labels[200:]).mean() > 0.8


def test_stored_frame_is_the_crop_source_or_the_input() -> None:
    assert stored_frame(linear_network(3, 224, 224)) == Frame(3, 224, 224)
    assert stored_frame(linear_network(3, 224, 224, crop=224, resize=256)) == Frame(3, 256, 256)
    assert stored_frame(linear_network(3, 100, 200, resize=120)) == Frame(3, 120, 240)
    with pytest.raises(TrainError, match="reads vectors of 64"):
        stored_frame(linear_network(64))


@pytest.mark.parametrize(
    ("name", "meant"),
    [("digts", "digits"), ("Synthetic", "synthetic"), ("mnits:idx", "mnist:idx"), ("cifar10", "cifar10:DIR")],
)
def test_misspelt_source_gets_a_suggestion(name: str, meant: str) -> None:
    with pytest.raises(RequestError, match=f"no data source and no folder called {name}") as caught:
        open_source(name, linear_network(1, 8, 8), seed=0)
    assert caught.value.notes[0] == f"did you mean {meant}?"
    assert caught.value.exit_code == 2


def test_misspelt_folder_gets_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    with pytest.raises(RequestError) as caught:
        open_source(str(tmp_path / "photographes"), linear_network(1, 8, 8), seed=0)
    assert caught.value.notes[0] == f"did you mean {tmp_path / 'photographs'}?"


def test_class_folder_without_permission_is_an_error(tmp_path: Path) -> None:
    image_folder(tmp_path, {"cat": 2, "eel": 2})
    message = re.escape(f"cannot open {tmp_path / 'eel'}: Permission denied")
    with no_permission("eel"), pytest.raises(TrainError, match=message) as caught:
        open_source(str(tmp_path), linear_network(3, 8, 8, classes=2), seed=0)
    assert caught.value.exit_code == 1


def test_file_as_a_source_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("x")
    with pytest.raises(RequestError, match=r"a\.zip is a file, not a folder of images"):
        open_source(str(tmp_path / "a.zip"), linear_network(1, 8, 8), seed=0)


class Counting:
    """A split that counts how often each image is read; image 1 is unreadable."""

    def __init__(self) -> None:
        self.labels = np.arange(3)
        self.reads = [0, 0, 0]

    def name(self, index: int) -> str:
        return f"number {index}"

    def read(self, index: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        self.reads[index] += 1
        if index == 1:
            raise Unreadable("one", "broken")
        return np.full((1, 2, 2), index, np.uint8)


@pytest.mark.parametrize(("limit", "expected"), [(12, [1, 1, 1]), (11, [2, 1, 2])])
def test_cache_reads_each_image_of_a_small_split_once(limit: int, expected: list[int]) -> None:
    counting = Counting()
    split = CachedSplit(counting, Frame(1, 2, 2), limit)
    for _ in range(2):
        assert [split.read(place).tolist() for place in (0, 2)] == [[[[0, 0], [0, 0]]], [[[2, 2], [2, 2]]]]
        with pytest.raises(Unreadable):
            split.read(1)
    assert counting.reads == expected
    assert split.unreadable == 1
    assert split.name(2) == "number 2"
