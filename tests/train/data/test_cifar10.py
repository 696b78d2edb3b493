"""CIFAR-10 in its binary and Python versions, with files written here, whole and damaged."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from linear_network import linear_network
from processes import invoke

from netspec.train.data.source import open_source
from netspec.train.data.sources.cifar10 import CLASSES, open_cifar10
from netspec.train.data.sources.pickled import InvalidPickle, read_pickle
from netspec.train.data.splits import Frame, Pixels
from netspec.train.errors import TrainError

Part = tuple[Pixels, list[int]]


def random_parts(count: int = 20) -> dict[str, Part]:
    """Return the images (N, 3, 32, 32) and labels of the six files by name."""
    rng = np.random.default_rng(0)
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    return {
        name: (rng.integers(0, 256, (count, 3, 32, 32), np.uint8), rng.integers(0, 10, count).tolist())
        for name in names
    }


def write_binary(root: Path, parts: dict[str, Part]) -> Path:
    root.mkdir(exist_ok=True)
    for name, (images, labels) in parts.items():
        records = [bytes([label]) + image.tobytes() for image, label in zip(images, labels, strict=True)]
        (root / f"{name}.bin").write_bytes(b"".join(records))
    return root


def write_python(root: Path, parts: dict[str, Part], protocol: int = 2) -> Path:
    root.mkdir(exist_ok=True)
    for name, (images, labels) in parts.items():
        content = {b"batch_label": b"x", b"data": images.reshape(len(images), -1), b"labels": labels}
        (root / name).write_bytes(pickle.dumps(content, protocol))
    return root


@pytest.mark.parametrize("protocol", [None, 2, 4, 5])
def test_both_versions_give_the_same_images(tmp_path: Path, protocol: int | None) -> None:
    parts = random_parts()
    root = write_binary(tmp_path / "it", parts) if protocol is None else write_python(tmp_path / "it", parts, protocol)
    data = open_cifar10(root)
    assert (data.frame, data.classes, data.peak) == (Frame(3, 32, 32), CLASSES, 255)
    assert len(data.train.labels) == 100 and data.validation is not None
    assert data.train.read(45).tolist() == parts["data_batch_3"][0][5].tolist()
    assert data.train.labels[40:60].tolist() == parts["data_batch_3"][1]
    assert data.validation.read(7).tolist() == parts["test_batch"][0][7].tolist()
    assert data.validation.labels.tolist() == parts["test_batch"][1]
    ending = ".bin" if protocol is None else ""
    named = [data.train.name(0), data.train.name(45), data.train.name(99), data.validation.name(7)]
    assert named == [f"data_batch_{file}{ending}[{place}]" for file, place in ((1, 0), (3, 5), (5, 19))] + [
        f"test_batch{ending}[7]"
    ]
    assert len(data.notes) == 6 and "20 images; the authors' has 10,000" in data.notes[0]


def test_pickle_written_by_python_2_is_read(tmp_path: Path) -> None:
    """With Python 2's opcodes: a dictionary of SHORT_BINSTRINGs, and an ndarray made by _reconstruct."""
    pixels = bytes(range(256)) * 12
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x01M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
        b"K\x00tb\x89T" + len(pixels).to_bytes(4, "little") + pixels + b"tb"
    )
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x02}(U\x04data" + array + b"U\x06labels]K\x03au.")
    data = open_cifar10(tmp_path)
    assert data.train.labels.tolist() == [3]
    assert data.train.read(0).tobytes() == pixels
    assert data.validation is None
    assert [note.split(" ", 1)[1] for note in data.notes] == [
        "has 1 image; the authors' has 10,000",
        "has 1 training file (data_batch_*); the authors' has 5",
        "has no test_batch: top-1 and top-5 will not be measured",
    ]


def test_archive_subfolder_and_its_class_names_are_used(tmp_path: Path) -> None:
    names = [f"thing{number}" for number in range(10)]
    root = write_binary(tmp_path / "cifar-10-batches-bin", random_parts(2))
    (root / "batches.meta.txt").write_text("\n".join([*names, "", ""]))
    assert open_cifar10(tmp_path).classes == tuple(names)


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch was_run",)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_pickle_that_would_run_a_command_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"data": Evil()}, protocol))
    with pytest.raises(TrainError, match=r"not a file of CIFAR-10's Python version: it asks for (posix|nt)\.system"):
        open_cifar10(tmp_path)
    assert not Path("was_run").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pickle.dumps([1]), "not a dictionary"),
        (b"", "an incomplete pickle"),
        (b"\x80\x02}q\x00U\x04da", "an incomplete pickle"),
        (b"hello", "an incomplete pickle"),
        (pickle.dumps({"a": np.zeros(3)}), "not one of uint8"),
        (pickle.dumps({"a": np.asfortranarray(np.zeros((3, 2), np.uint8))}), "in C order"),
        (pickle.dumps({"a": np.array([object])}), "it asks for builtins.object"),
        (pickle.dumps({"a": np.array([None])}), "not one of uint8"),
        (pickle.dumps({"a": pickle.Pickler}), "it asks for _pickle.Pickler"),
        (b"\x80\x02}(U\x01ac_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00rot\x86Ru.", "unknown coding"),
    ],
)
def test_pickle_with_other_content_is_rejected(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidPickle, match=reason):
        read_pickle(content)


def test_array_with_the_wrong_number_of_bytes_is_rejected() -> None:
    content = pickle.dumps({"a": np.arange(6, dtype=np.uint8)}, 2)
    assert read_pickle(content)["a"].tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(InvalidPickle, match=r"an array of shape \(7,\) with 6 bytes"):
        read_pickle(content.replace(b"K\x06\x85", b"K\x07\x85"))


def truncate(root: Path) -> None:
    path = root / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[:-5])


def make_empty(root: Path) -> None:
    (root / "data_batch_2.bin").write_bytes(b"")


def label_out_of_range(root: Path) -> None:
    content = bytearray((root / "test_batch.bin").read_bytes())
    content[3 * 3073] = 10
    (root / "test_batch.bin").write_bytes(content)


def delete_all(root: Path) -> None:
    for path in root.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "data_batch_2.bin has 61,455 bytes, which is not a multiple of 3,073"),
        (make_empty, "data_batch_2.bin has 0 bytes"),
        (label_out_of_range, r"test_batch.bin: label 10 of image 3 \(from 0\) is out of range: CIFAR-10 has 0 to 9"),
        (delete_all, "holds no CIFAR-10 files"),
    ],
)
def test_damaged_binary_file_is_reported(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    root = write_binary(tmp_path / "it", random_parts())
    damage(root)
    with pytest.raises(TrainError, match=message):
        open_source(f"cifar10:{root}", linear_network(3, 32, 32), 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"labels": [1]}, "'data' is missing"),
        ({"data": np.zeros((1, 3071), np.uint8), "labels": [1]}, r"'data' is shape \(1, 3071\)"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, "has 1 label for 2 images"),
        ({"data": np.zeros((1, 3072), np.uint8), "fine_labels": [1]}, "'labels' is not a list of whole numbers"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [2**80]}, "'labels' is not a list of whole numbers"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [-1]}, "label -1 of image 0"),
    ],
)
def test_damaged_python_file_is_reported(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(content))
    with pytest.raises(TrainError, match=message):
        open_cifar10(tmp_path)


def test_training_on_crops_needs_an_augment_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_binary(tmp_path / "it", random_parts())
    spec = "[image] input 3x24x24 range=1 mean=image\n[fc] fc outputs=10\n[prob] softmax\ntrain epochs=1 batch=20\n"
    command = ["train", "-", "--data", "cifar10:it", "--out", "run", "--threads", "1"]
    done = invoke(*command, text=f"{spec}augment crop=24 from=32 flip=horizontal\n")
    assert done.exit_code == 0, done.output
    assert "on 20 validation images" in done.stdout
    done = invoke(*command[:-3], "run2", text=spec)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "Error: the images of cifar10:it are 3x32x32, the network reads 3x24x24",
        "  for crops from them: augment crop=24 from=32",
    ]


def test_wrong_input_size_is_reported_with_both_sizes(tmp_path: Path) -> None:
    root = write_binary(tmp_path / "it", random_parts(2))
    with pytest.raises(TrainError, match="are 3x32x32, the network reads 3x224x224") as caught:
        open_source(f"cifar10:{root}", linear_network(3, 224, 224), 0)
    assert caught.value.notes == ("give the network their size, --input 3x32x32, or take other data",)
